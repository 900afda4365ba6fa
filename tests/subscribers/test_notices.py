"""A letter outside the editions goes out once, whatever the sender, the templates and the processes do meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import count
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.database import writing
from digest.errors import DatabaseError, TemplateError
from digest.model import Message
from subscribers import posting
from subscribers.addressing import NOTICES, Batch, Recipient, address_hash, fold
from subscribers.claiming import ABANDONED_AFTER, myself
from subscribers.notices import STATES, Kind, Notice, Notices, queue
from subscribers.posting import Posted, post, settle
from subscribers.senders import Doubt, Receipt
from subscribers.tables import NoticeRow, SubscriberRow, SuppressionRow
from tests.examples import NOW
from tests.fakes import OUTCOMES, FakeSender, Outcome
from tests.subscribers.readers import IDENTITY, SUPPRESSION_KEY

READER = "0123456789abcdef"

#: Examples of one test share a database: each queues to addresses of its own.
_numbers = count()


def notices_of(engine: Engine) -> Notices:
    return Notices(engine, SUPPRESSION_KEY)


def waiting(engine: Engine, kind: Kind = "alarm", at: datetime = NOW, **others: Any) -> int:
    """Queue a letter, to the operator unless it is said otherwise; gives its id."""
    if "subscriber_id" not in others:
        others.setdefault("email", f"operator{next(_numbers)}@example.org")
    with writing(engine) as session:
        assert queue(session, kind, at, **others)
        return session.exec(select(NoticeRow.id).order_by(col(NoticeRow.id).desc())).first() or 0


def reader(engine: Engine, email: str = "ada@example.org", **others: Any) -> str:
    """Let a reader be there; gives their id."""
    known: dict[str, Any] = {"id": READER, "state": "confirmed", "confirmed_at": NOW, "created_at": NOW} | others
    with writing(engine) as session:
        hashed = address_hash(fold(email), SUPPRESSION_KEY)
        session.add(SubscriberRow(email=email, folded=fold(email), address_hash=hashed, **known))
    return str(known["id"])


def suppress(engine: Engine, email: str, why: str) -> None:
    with writing(engine) as session:
        session.add(SuppressionRow(address_hash=address_hash(fold(email), SUPPRESSION_KEY), why=why, at=NOW))


def written(notice: Notice) -> Batch:
    message = Message(NOTICES, f"About {notice.kind}", "<p>Hello.</p>", "Hello.\n")
    return Batch(NOTICES, 0, notice.key, message, IDENTITY, (Recipient(f"{notice.id}", notice.email, "", ""),))


def send(
    engine: Engine,
    sender: FakeSender,
    at: datetime = NOW,
    write: Callable[[Notice], Batch | None] = written,
    stop: Event | None = None,
) -> Posted:
    return post(notices_of(engine), sender, write, lambda: at, stop)


def rows(engine: Engine) -> list[NoticeRow]:
    with Session(engine) as session:
        return list(session.exec(select(NoticeRow).order_by(col(NoticeRow.id))))


def states(engine: Engine) -> list[tuple[str, str]]:
    return [(row.state, row.reason) for row in rows(engine)]


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


# Queued with their cause


def test_a_letter_whose_cause_is_not_kept_is_not_queued(engine: Engine) -> None:
    def caused() -> None:
        with writing(engine) as session:
            queue(session, "alarm", NOW, email="operator@example.org")
            raise DatabaseError("the cause is not kept")

    with pytest.raises(DatabaseError):
        caused()

    assert rows(engine) == []


def test_under_one_key_one_letter_is_queued_and_without_a_key_as_many_as_there_are(engine: Engine) -> None:
    with writing(engine) as session:
        keyed = [queue(session, "alarm", NOW, email="o@example.org", once="alarm 2026-W47 halted") for _ in range(3)]
        free = [queue(session, "alarm", NOW, email="o@example.org") for _ in range(2)]

    assert (keyed, free) == ([True, False, False], [True, True])
    assert len(rows(engine)) == 3


# Sent


def test_letters_that_are_due_go_out_once_the_oldest_first(engine: Engine) -> None:
    waiting(engine, at=at(5), email="third@example.org")
    waiting(engine, at=at(1), email="second@example.org")
    waiting(engine, at=at(0), email="first@example.org")
    waiting(engine, at=at(60), email="later@example.org")
    sender = FakeSender()

    assert send(engine, sender, at(10)) == Posted({"accepted": 3})
    assert send(engine, sender, at(10)) == Posted()
    mailed = [one.recipients[0].email for one in sender.batches]
    assert mailed == ["first@example.org", "second@example.org", "third@example.org"]
    assert notices_of(engine).counts() == dict.fromkeys(STATES, 0) | {"accepted": 3, "queued": 1}
    assert notices_of(engine).waiting_since() == at(60)


def test_a_letter_goes_to_the_readers_address_as_it_is_when_it_is_sent(engine: Engine) -> None:
    waiting(engine, "goodbye", subscriber_id=reader(engine, state="unsubscribed"))
    with writing(engine) as session:
        row = session.get_one(SubscriberRow, READER)
        row.email, row.folded = "Ada@new.example.org", "ada@new.example.org"
        session.add(row)
    sender = FakeSender()
    send(engine, sender)

    assert sender.inboxes == ["Ada@new.example.org"]


def test_the_claim_is_kept_before_the_first_byte_leaves(engine: Engine) -> None:
    number = waiting(engine)

    class Watching(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            (row,) = rows(engine)
            assert (row.id, row.state, row.key, row.claimed_by) == (number, "claimed", batch.key, myself())
            return super().send(batch)

    sender = Watching()
    send(engine, sender)

    assert states(engine) == [("accepted", "")]
    assert len(sender.inboxes) == 1


def test_a_refused_letter_is_not_tried_again_and_says_why(engine: Engine) -> None:
    waiting(engine)
    sender = FakeSender(["refuses"])

    assert send(engine, sender) == Posted({"refused": 1})
    assert send(engine, sender, at(600)) == Posted()
    assert states(engine) == [("refused", "one address is malformed")]
    (told,) = notices_of(engine).refused(since=NOW)
    assert (told.kind, told.reason) == ("alarm", "one address is malformed")
    assert notices_of(engine).refused(since=at(1)) == []


def test_a_busy_sender_gets_the_letter_again_after_one_minute_then_two_and_at_most_an_hour(engine: Engine) -> None:
    waiting(engine)
    sender = FakeSender(["is busy"] * 10)
    now, waits = NOW, []
    for _ in range(10):
        assert send(engine, sender, now).letters == {"queued": 1}
        (row,) = rows(engine)
        waits.append((row.due_at - now) / timedelta(minutes=1))
        assert send(engine, sender, row.due_at - timedelta(seconds=1)) == Posted()
        now = row.due_at

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert send(engine, sender, now).letters == {"accepted": 1}
    assert [row.attempts for row in rows(engine)] == [11]


def test_one_odd_letter_keeps_no_other_waiting_but_a_sender_that_is_down_ends_the_round(engine: Engine) -> None:
    for _ in range(6):
        waiting(engine)
    sender = FakeSender(["is busy", "accepts", "is busy", "is busy", "is busy"])

    assert send(engine, sender) == Posted({"queued": 4, "accepted": 1}, "too many calls, try again later")
    assert len(sender.asked) == 5
    assert send(engine, sender).letters == {"accepted": 1}


def test_a_sender_that_needs_a_person_ends_the_round_and_loses_nothing(engine: Engine) -> None:
    for _ in range(3):
        waiting(engine)
    sender = FakeSender(["halts"])

    assert send(engine, sender) == Posted({"queued": 1}, "the key was withdrawn")
    assert notices_of(engine).counts()["queued"] == 3
    send(engine, sender, at(1))
    assert notices_of(engine).counts()["accepted"] == len(sender.inboxes) == 3


def test_a_sender_that_is_down_for_an_hour_and_comes_back_gets_every_letter_once(engine: Engine) -> None:
    for _ in range(4):
        waiting(engine)
    sender = FakeSender(["is busy"] * 24)
    for minute in range(0, 240, 2):
        send(engine, sender, at(minute))

    assert sender.next == []
    assert [state for state, _ in states(engine)] == ["accepted"] * 4
    assert len(sender.inboxes) == len(set(sender.inboxes)) == 4


def test_a_template_that_cannot_be_rendered_keeps_its_letter_waiting_and_no_other(engine: Engine) -> None:
    broken = waiting(engine, "goodbye", subscriber_id=reader(engine, state="unsubscribed"))
    waiting(engine)

    def write(notice: Notice) -> Batch:
        if notice.id == broken:
            raise TemplateError("'nobody' is undefined", "goodbye/body.mjml", 3)
        return written(notice)

    sender = FakeSender()
    assert send(engine, sender, write=write) == Posted({"queued": 1, "accepted": 1})
    assert states(engine)[0] == ("queued", "goodbye/body.mjml, line 3: 'nobody' is undefined")
    assert send(engine, sender, at(1)).letters == {"accepted": 1}
    assert "ada@example.org" in sender.inboxes


def test_a_letter_that_would_say_nothing_any_more_is_dropped(engine: Engine) -> None:
    waiting(engine)

    assert send(engine, sender := FakeSender(), write=lambda _: None) == Posted({"dropped": 1})
    assert states(engine) == [("dropped", "there is nothing left to tell")]
    assert sender.asked == []


def test_a_round_ends_after_the_letter_in_flight_when_it_is_told_to_stop(engine: Engine) -> None:
    for _ in range(3):
        waiting(engine)
    stop = Event()

    class Stopping(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            stop.set()
            return super().send(batch)

    assert send(engine, Stopping(), stop=stop) == Posted({"accepted": 1})
    assert notices_of(engine).counts()["queued"] == 2


# Causes that are gone


@pytest.mark.parametrize(
    ("kind", "others", "of_reader", "reason"),
    [
        ("confirm", {}, {"state": "confirmed", "asked_at": NOW}, "confirmed already"),
        ("confirm", {}, {"state": "unconfirmed"}, "nobody waits for it"),
        ("confirm", {}, {"state": "unsubscribed", "asked_at": NOW}, ""),
        ("confirm", {}, {"state": "unconfirmed", "asked_at": NOW}, ""),
        ("welcome", {}, {"state": "confirmed"}, ""),
        ("welcome", {}, {"state": "unsubscribed"}, "left"),
        ("goodbye", {}, {"state": "unsubscribed"}, ""),
        ("goodbye", {}, {"state": "confirmed"}, "came back"),
        ("link", {"data": {"for": "known"}}, {"state": "confirmed"}, ""),
        ("link", {"data": {"for": "known"}}, {"state": "unsubscribed"}, "left"),
        ("link", {"data": {"for": "leave"}}, {"state": "unsubscribed"}, ""),
        ("move", {"email": "Ada@New.example.org"}, {"moving_to": "ada@new.example.org"}, ""),
        ("move", {"email": "ada@new.example.org"}, {"moving_to": "ada@other.example.org"}, "no longer asked for"),
        ("move", {"email": "ada@new.example.org"}, {"moving_to": ""}, "no longer asked for"),
        ("move", {"email": "ada@new.example.org"}, {"moving_to": "nobody at home"}, "no address"),
        ("moved", {"email": "ada@old.example.org"}, {}, ""),
        ("moved", {"email": "nobody at home"}, {}, "no address"),
    ],
)
def test_a_letter_is_dropped_when_its_cause_is_gone(
    engine: Engine, kind: Kind, others: dict[str, Any], of_reader: dict[str, Any], reason: str
) -> None:
    waiting(engine, kind, subscriber_id=reader(engine, **of_reader), **others)
    send(engine, sender := FakeSender())

    ((state, why),) = states(engine)
    assert (state, why.partition(":")[0]) == ("dropped" if reason else "accepted", reason)
    assert len(sender.inboxes) == (0 if reason else 1)


@pytest.mark.parametrize("kind", ["confirm", "welcome", "goodbye", "link", "move", "moved"])
def test_who_has_gone_from_the_table_gets_no_letter_any_more(engine: Engine, kind: Kind) -> None:
    waiting(engine, kind, subscriber_id=READER, email="ada@example.org", data={"for": "leave"})
    send(engine, sender := FakeSender())

    assert (states(engine), sender.asked) == ([("dropped", "gone")], [])


@pytest.mark.parametrize("why", ["hard bounce", "complaint", "request", "erasure"])
def test_a_suppressed_address_gets_nothing_but_whoever_asked_for_it_may_confirm_anew(engine: Engine, why: str) -> None:
    asked = reader(engine, state="unsubscribed", asked_at=NOW, moving_to="bea@example.org")
    suppress(engine, "ada@example.org", why)
    suppress(engine, "bea@example.org", why)
    waiting(engine, "confirm", subscriber_id=asked)
    waiting(engine, "goodbye", subscriber_id=asked)
    waiting(engine, "move", subscriber_id=asked, email="Bea@example.org")
    send(engine, sender := FakeSender())

    expected = "dropped" if why in {"hard bounce", "complaint"} else "accepted"
    assert [state for state, _ in states(engine)] == [expected, "dropped", "dropped"]
    assert {reason for state, reason in states(engine) if state == "dropped"} == {f"suppressed: {why}"}
    assert sender.inboxes == ([] if expected == "dropped" else ["ada@example.org"])


# Lost replies and dead processes


def test_a_lost_reply_is_not_sent_again_unless_it_provably_did_not_go_out(engine: Engine) -> None:
    waiting(engine)
    waiting(engine)
    sender = FakeSender(["loses the reply", "loses the call"])

    assert send(engine, sender) == Posted({"unknown": 2})
    assert notices_of(engine).counts()["unknown"] == 2
    send(engine, sender)
    assert states(engine) == [("accepted", ""), ("accepted", "")]
    assert len(sender.inboxes) == len(set(sender.inboxes)) == 2


def test_what_nobody_can_look_up_stays_unknown_is_listed_and_asked_for_less_and_less_often(engine: Engine) -> None:
    number = waiting(engine)
    asked: list[int] = []

    class Forgetful(FakeSender):
        def found(self, doubt: Doubt) -> bool | None:
            asked.append(minute)
            return None

    sender = Forgetful(["loses the reply"])
    send(engine, sender)
    for minute in range(300):
        settle(notices_of(engine), sender, at(minute))
        send(engine, sender, at(minute))

    assert asked == [0, 1, 2, 4, 8, 16, 32, 64, 124, 184, 244]
    (told,) = notices_of(engine).unknown(since=NOW)
    assert (told.id, told.reason) == (number, "no reply within 30 s")
    assert len(sender.inboxes) == 1


@pytest.mark.parametrize("went_out", [True, False])
def test_a_claim_of_a_dead_process_is_looked_up_before_anything_is_sent(engine: Engine, went_out: bool) -> None:
    waiting(engine)
    sender = FakeSender()
    gone = f"{myself().split(':')[0]}:{os.getpid()}:1"  # this process id, but started at another time
    claimed = notices_of(engine).claim(gone, NOW, "fake")
    assert claimed is not None
    if went_out:
        sender.send(written(claimed))
    send(engine, sender, at(1))

    assert states(engine) == [("accepted", "")]
    assert len(sender.inboxes) == 1
    assert len(sender.asked) == 1


def test_a_claim_of_a_living_process_is_left_alone_and_one_of_another_machine_for_some_minutes(engine: Engine) -> None:
    for claimed_by in (myself(), "elsewhere:1:1"):
        waiting(engine)
        assert notices_of(engine).claim(claimed_by, NOW, "fake") is not None
    sender = FakeSender()
    send(engine, sender, NOW + ABANDONED_AFTER)
    assert [row.state for row in rows(engine)] == ["claimed", "claimed"]
    send(engine, sender, NOW + ABANDONED_AFTER + timedelta(seconds=1))

    assert [row.state for row in rows(engine)] == ["claimed", "accepted"]


def test_who_records_late_does_not_undo_what_was_settled_meanwhile(engine: Engine) -> None:
    waiting(engine)
    notices = notices_of(engine)
    late = notices.claim("elsewhere:1:1", NOW, "fake")
    assert late is not None
    send(engine, sender := FakeSender(), at(20))
    notices.record(late, "unknown", at(21), "too late to say")

    assert states(engine) == [("accepted", "")]
    assert len(sender.inboxes) == 1


def test_a_fault_of_the_program_leaves_no_letter_behind(engine: Engine) -> None:
    waiting(engine)
    sender = FakeSender(remembers=False)

    def write(notice: Notice) -> Batch:
        raise KeyError(notice.kind)

    with pytest.raises(KeyError):
        send(engine, sender, write=write)
    assert states(engine) == [("queued", "the program failed: KeyError")]
    send(engine, sender, at(1))
    assert states(engine) == [("accepted", "")]
    assert len(sender.inboxes) == 1


def test_a_fault_of_the_program_while_it_sends_is_a_lost_reply(engine: Engine) -> None:
    waiting(engine)

    class Interrupted(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            receipt = super().send(batch)
            if len(self.asked) == 1:
                raise KeyboardInterrupt
            return receipt

    sender = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        send(engine, sender)
    assert states(engine) == [("unknown", "the program failed: KeyboardInterrupt")]
    send(engine, sender, at(1))
    assert (states(engine), len(sender.inboxes)) == ([("accepted", "")], 1)


def test_an_outcome_is_kept_once_the_database_is_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "_RETRY_S", 0.01)
    waiting(engine)

    class Locked(Notices):
        times = 3

        def record(self, *arguments: Any, **others: Any) -> None:
            self.times -= 1
            if self.times >= 0:
                raise DatabaseError("the database is locked")
            super().record(*arguments, **others)

    locked, sender = Locked(engine, SUPPRESSION_KEY), FakeSender()
    assert post(locked, sender, written, lambda: NOW, Event()) == Posted({"accepted": 1})
    assert (locked.times, len(sender.inboxes), states(engine)) == (-1, 1, [("accepted", "")])


def test_who_does_not_wait_for_the_database_leaves_the_letter_to_be_looked_up(engine: Engine) -> None:
    waiting(engine)

    class Down(Notices):
        def record(self, *arguments: Any, **others: Any) -> None:
            raise DatabaseError("the database is locked")

    with pytest.raises(DatabaseError):
        post(Down(engine, SUPPRESSION_KEY), sender := FakeSender(), written, lambda: NOW)
    assert [row.state for row in rows(engine)] == ["claimed"]
    assert len(sender.inboxes) == 1


# Whatever comes


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(outcomes=st.lists(st.sampled_from(OUTCOMES), max_size=12), count_=st.integers(1, 4), remembers=st.booleans())
def test_whatever_comes_each_letter_is_accepted_at_most_once_and_none_is_lost(
    engine: Engine, outcomes: Iterable[Outcome], count_: int, remembers: bool
) -> None:
    with writing(engine) as session:
        session.connection().execute(NoticeRow.__table__.delete())  # type: ignore[attr-defined]
    addresses = {f"{next(_numbers)}@example.org" for _ in range(count_)}
    for address in addresses:
        waiting(engine, email=address)
    sender = FakeSender(outcomes, remembers=remembers)
    now = NOW
    for _ in range(20):
        send(engine, sender, now)
        now += timedelta(hours=1)

    assert len(sender.inboxes) == len(set(sender.inboxes))
    for row in rows(engine):
        assert row.state in ({"accepted", "refused"} if remembers else {"accepted", "refused", "unknown"})
        if row.state == "accepted":
            assert row.email in sender.inboxes
        if row.state == "refused":
            assert row.email not in sender.inboxes
    assert len(rows(engine)) == count_
