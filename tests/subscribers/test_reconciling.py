"""Calls that did not end alike for all, calls in doubt, and what a person decides about them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.database import writing
from digest.editions import Editions
from digest.errors import SendLater
from digest.model import Counts
from subscribers.accounts import Accounts
from subscribers.addressing import Batch
from subscribers.batches import MOST_TRIES, prove
from subscribers.delivering import Delivery, deliver
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import Pace, Rest
from subscribers.reconciling import settle
from subscribers.senders import Doubt, Receipt
from subscribers.tables import BatchRow
from tests.examples import NOW
from tests.fakes import FakeSender, Outcome
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, SUPPRESSION_KEY, WEEK, approve, id_of, join, readers_of
from tests.subscribers.test_delivering import ONE_DATABASE, address, batches, gone, needed, planned
from tests.subscribers.test_delivering import claim as taken
from tests.subscribers.test_delivering import send as send_all

__all__ = ["gone"]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Choosy(FakeSender):
    """A sender that ends each call differently for some: by address, what becomes of them; each word counts once."""

    def __init__(self, ways: Mapping[str, list[str]], at_once: int = 1) -> None:
        super().__init__()
        self.ways, self.at_once = {one: list(words) for one, words in ways.items()}, at_once
        self._lock = threading.Lock()

    def send(self, batch: Batch) -> Receipt:
        with self._lock:
            said = {one.id: self.ways[one.email].pop(0) for one in batch.recipients if self.ways.get(one.email)}
            refused, later, unknown = (
                {one: f"{word}: said so" for one, word in said.items() if word == way}
                for way in ("refused", "later", "unknown")
            )
            named = {*refused, *later}
            self.asked.append(batch.key)
            self.batches.append(batch)
            self.mail[batch.key] = [one.email for one in batch.recipients if one.id not in named]
            return Receipt(f"id-{len(self.asked)}", refused, later, unknown)


def send(engine: Engine, sender: FakeSender, now: datetime = NOW) -> Rest | None:
    return deliver(Delivery(MESSAGE, IDENTITY, Ledger(engine), sender, SECRET, lambda: now))


# Receipts


def test_who_is_refused_costs_nobody_else_the_mail(engine: Engine) -> None:
    ledger = planned(engine, readers=4, size=4)
    sender = Choosy({address(1): ["refused"]})
    assert send(engine, sender) is None

    assert sender.inboxes == [address(0), address(2), address(3)]
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=3, refused=1)
    assert batches(engine) == [("accepted", "1 refused")]
    assert send(engine, sender) is None
    assert len(sender.asked) == 1


def test_a_call_refused_for_one_address_goes_on_for_the_others_under_a_new_key(engine: Engine) -> None:
    """As SendGrid does: nothing of the call went out, the bad address is named, and the others go at once."""

    class Strict(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            bad = [one for one in batch.recipients if one.email in {address(1), address(4)}][:1]
            if not bad:
                return super().send(batch)
            self.asked.append(batch.key)
            return Receipt(
                refused={bad[0].id: "no valid address"},
                later={one.id: "" for one in batch.recipients if one is not bad[0]},
            )

    ledger, sender = planned(engine, readers=6, size=6), Strict()
    assert send(engine, sender) is None
    assert sender.inboxes == [address(0), address(2), address(3), address(5)]
    assert len(set(sender.asked)) == 3
    assert ledger.counts(WEEK) == Counts(planned=6, accepted=4, refused=2)
    assert [state for state, _ in batches(engine)] == ["refused", "refused", "accepted"]


def test_who_is_put_off_waits_longer_each_time_and_is_refused_in_the_end(engine: Engine) -> None:
    ledger, now = planned(engine, readers=3, size=3), NOW
    sender = Choosy({address(0): ["later"] * 99})
    waits: list[timedelta] = []
    while isinstance(stopped := send(engine, sender, now), Rest):
        assert stopped.until is not None
        waits.append(stopped.until - now)
        now = stopped.until

    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert max(waits) == HOUR
    assert len(sender.asked) == MOST_TRIES
    assert ledger.counts(WEEK) == Counts(planned=3, accepted=2, refused=1)
    assert sender.inboxes == [address(1), address(2)]


def test_calls_that_reached_nobody_are_no_tries(engine: Engine) -> None:
    """A sender that was down for an hour is no reason to give a reader up at the first word of their mail server."""
    ledger, now = planned(engine, readers=1, size=1), NOW
    for _ in range(MOST_TRIES + 2):
        assert send(engine, FakeSender(["is busy"]), now) is not None
        now += MINUTE
    sender = Choosy({address(0): ["later"]})
    assert isinstance(send(engine, sender, now), Rest)
    assert ledger.counts(WEEK) == Counts(planned=1)
    assert send(engine, sender, now + MINUTE) is None
    assert ledger.counts(WEEK) == Counts(planned=1, accepted=1)


def test_who_is_put_off_and_leaves_meanwhile_is_dropped(engine: Engine) -> None:
    ledger = planned(engine, readers=2, size=2)
    sender = Choosy({address(0): ["later"]})
    send(engine, sender)
    readers_of(engine).leave(id_of(engine, address(0)), NOW, source="page")
    assert send(engine, sender, NOW + HOUR) is None
    assert sender.inboxes == [address(1)]
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=1, dropped=1)


def test_the_senders_own_name_for_a_call_is_kept(engine: Engine) -> None:
    planned(engine, readers=2, size=2)
    send(engine, Choosy({}))
    with Session(engine) as session:
        assert session.exec(select(BatchRow.message_id)).one() == "id-1"


ways = st.dictionaries(
    st.integers(0, 8).map(address), st.lists(st.sampled_from(["refused", "later", "unknown"]), max_size=3)
)


@settings(max_examples=12, deadline=None, suppress_health_check=ONE_DATABASE)
@given(ways=ways, size=st.integers(1, 5), left=st.sets(st.integers(0, 8), max_size=2))
def test_however_calls_end_counts_add_up_and_nobody_has_two_letters(
    engine: Engine, ways: dict[str, list[str]], size: int, left: set[int]
) -> None:
    with Session(engine) as session:
        for table in ("deliveries", "batches"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of ours
        session.connection().exec_driver_sql("UPDATE editions SET planned_at = NULL")
        session.commit()
    everyone, now, ledger = join(engine, 9), NOW, Ledger(engine)
    if Editions(engine).of(WEEK) is None:
        approve(engine)
    ledger.plan(WEEK, NOW, size)
    for number in left:
        readers_of(engine).leave(everyone[number], NOW, source="page")
    sender = Choosy(ways, at_once=3)
    while isinstance(stopped := send(engine, sender, now), Rest):
        counts = ledger.counts(WEEK)
        assert counts.waiting > 0
        assert stopped.until is not None
        now = stopped.until

    counts = ledger.counts(WEEK)
    assert counts.waiting == 0
    assert counts.planned == 9
    assert counts.dropped == len(left)
    assert counts.unknown == len(ledger.unknown(WEEK))
    assert len(sender.inboxes) == len(set(sender.inboxes)) == counts.accepted + counts.unknown
    for number in left:
        readers_of(engine).come_back(everyone[number], NOW, source="page")


# Many hands


def test_many_connections_send_each_batch_once(engine: Engine) -> None:
    ledger = planned(engine, readers=60, size=5)
    sender = Choosy({}, at_once=8)
    assert send(engine, sender) is None
    assert len(sender.asked) == len(set(sender.asked)) == 12
    assert len(sender.inboxes) == len(set(sender.inboxes)) == 60
    assert ledger.counts(WEEK) == Counts(planned=60, accepted=60)


def test_calls_are_under_way_at_the_same_time(engine: Engine) -> None:
    """Every call waits until another one is there too: one after the other they would wait for ever."""

    class Meeting(Choosy):
        meeting = threading.Barrier(4, timeout=20)

        def send(self, batch: Batch) -> Receipt:
            self.meeting.wait()
            return super().send(batch)

    planned(engine, readers=8, size=1)
    assert send(engine, Meeting({}, at_once=4)) is None


def test_a_fault_of_the_program_ends_all_hands_and_leaves_its_call_in_doubt(engine: Engine) -> None:
    class Broken(Choosy):
        def send(self, batch: Batch) -> Receipt:
            if batch.number == 2:
                raise ZeroDivisionError
            return super().send(batch)

    ledger = planned(engine, readers=8, size=2)
    with pytest.raises(ZeroDivisionError):
        send(engine, Broken({}, at_once=2))
    assert ("unknown", "the program failed: ZeroDivisionError") in batches(engine)
    assert not [one for one in ledger.unsettled() if one.state == "claimed"]


def test_a_sender_nobody_reaches_is_not_asked_for_ever(engine: Engine) -> None:
    class Down(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            self.asked.append(batch.key)
            raise SendLater("connection refused")

    moments: Iterator[datetime] = (NOW + number * MINUTE for number in range(10_000))
    ledger, sender = planned(engine, readers=4, size=2), Down()
    work = Delivery(
        MESSAGE, IDENTITY, ledger, sender, SECRET, lambda: next(moments), patience=timedelta(days=1)
    )  # fmt: skip
    assert deliver(work) == Rest("connection refused", None)
    assert 1 < len(sender.asked) < 10
    assert ledger.counts(WEEK) == Counts(planned=4)


def test_a_sender_whose_answers_get_lost_one_after_the_other_is_left_alone(engine: Engine) -> None:
    """It may be down for an hour: not the whole edition shall be in doubt after it."""
    ledger = planned(engine, readers=20, size=1)
    said: list[Outcome] = ["accepts", "loses the call", "loses the call", "accepts"]
    lost: list[Outcome] = ["loses the call"] * 9
    sender = FakeSender([*said, *lost], remembers=False)
    stopped = send(engine, sender)
    assert stopped == Rest("3 answers in a row were lost, the last: no reply within 30 s", NOW + 15 * MINUTE)
    assert ledger.counts(WEEK) == Counts(planned=20, accepted=2, unknown=5)
    assert send(engine, sender, NOW + 14 * MINUTE) == stopped
    send(engine, sender, NOW + 15 * MINUTE)
    assert ledger.counts(WEEK).unknown == 8


# In doubt


class Slow(FakeSender):
    """A sender whose own records of a call are there after some minutes."""

    settle = 15 * MINUTE

    def __init__(self) -> None:
        super().__init__()
        self.looked_up: list[Doubt] = []

    def found(self, doubt: Doubt) -> bool | None:
        self.looked_up.append(doubt)
        return super().found(doubt)


def test_a_sender_is_asked_once_its_records_can_be_there(engine: Engine, gone: str) -> None:
    ledger = planned(engine, readers=5, size=5)
    claimed, sender = needed(taken(ledger, gone)), Slow()
    assert settle(ledger, sender, lambda: NOW + 14 * MINUTE, WEEK) == {"open": 1}
    assert batches(engine)[0][0] == "unknown"
    assert sender.looked_up == []

    assert settle(ledger, sender, lambda: NOW + 15 * MINUTE, WEEK) == {"planned": 1}
    (doubt,) = sender.looked_up
    assert (doubt.week, doubt.key, doubt.claimed_at) == (WEEK, claimed.key, NOW)
    assert len(doubt.addresses) == 3
    assert set(doubt.addresses) <= {one.email for one in claimed.recipients}


def test_a_sender_that_cannot_be_asked_now_is_asked_again(engine: Engine, gone: str) -> None:
    class Away(Slow):
        def found(self, doubt: Doubt) -> bool | None:
            raise SendLater("connection refused")

    ledger = planned(engine, readers=2)
    needed(taken(ledger, gone))
    assert settle(ledger, Away(), lambda: NOW + HOUR) == {"open": 1}
    assert settle(ledger, Slow(), lambda: NOW + HOUR) == {"planned": 1}


def in_doubt(engine: Engine, *, readers: int = 4, size: int = 2) -> Ledger:
    """An edition of which the first call is in doubt, and the others went out."""
    ledger = planned(engine, readers=readers, size=size)
    send_all(engine, FakeSender(["loses the reply"], remembers=False), NOW)
    return ledger


def test_who_is_in_doubt_is_known_by_name(engine: Engine) -> None:
    ledger = in_doubt(engine)
    unknown = ledger.unknown(WEEK)
    assert [one.email for one in unknown] == sorted(one.email for one in unknown)
    assert {(one.week, one.batch, one.reason, one.alone) for one in unknown} == {
        (WEEK, 1, "no reply within 30 s", False)
    }
    assert len(unknown) == ledger.counts(WEEK).unknown == 2
    assert ledger.unknown() == unknown
    assert ledger.unknown("2026-W01") == []


def test_giving_up_ends_what_is_in_doubt_and_nothing_else(engine: Engine) -> None:
    ledger = in_doubt(engine)
    assert ledger.give_up(WEEK, NOW, "ada") == 2
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=2, given_up=2)
    assert batches(engine)[0] == ("given_up", "given up by ada")
    assert ledger.unknown() == []
    sender = FakeSender()
    assert send(engine, sender) is None
    assert sender.asked == []


def test_sending_again_is_a_new_call_under_a_new_key(engine: Engine) -> None:
    ledger = in_doubt(engine)
    doubtful = {one.email for one in ledger.unknown()}
    assert ledger.resend(WEEK, NOW, "ada") == 2
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=2)
    sender = FakeSender()
    assert send(engine, sender) is None
    assert set(sender.inboxes) == doubtful
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=4)


@pytest.mark.parametrize("decision", ["resend", "give up"])
def test_single_readers_in_doubt_are_decided_on_like_whole_calls(engine: Engine, decision: str) -> None:
    ledger = planned(engine, readers=3, size=3)
    send(engine, Choosy({address(1): ["unknown"]}))
    assert [(one.email, one.alone, one.reason) for one in ledger.unknown()] == [(address(1), True, "unknown: said so")]
    assert ledger.counts(WEEK) == Counts(planned=3, accepted=2, unknown=1)
    sender = FakeSender()
    if decision == "resend":
        assert ledger.resend(WEEK, NOW, "ada") == 1
        assert send(engine, sender) is None
        assert sender.inboxes == [address(1)]
        assert ledger.counts(WEEK) == Counts(planned=3, accepted=3)
    else:
        assert ledger.give_up(WEEK, NOW, "ada") == 1
        assert send(engine, sender) is None
        assert sender.inboxes == []
        assert ledger.counts(WEEK) == Counts(planned=3, accepted=2, given_up=1)


def keys(engine: Engine) -> list[str | None]:
    with Session(engine) as session:
        return list(session.exec(select(BatchRow.key).order_by(col(BatchRow.number))))


@pytest.mark.parametrize("given_up", [False, True])
def test_an_event_proves_a_call_in_doubt_also_when_somebody_has_given_it_up(engine: Engine, given_up: bool) -> None:
    ledger = in_doubt(engine)
    if given_up:
        ledger.give_up(WEEK, NOW, "ada")
    key = keys(engine)[0]
    assert key is not None
    assert proven(engine, ["another"], NOW) == 0
    assert proven(engine, [key, "another"], NOW) == 1
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=4)


def test_an_event_that_comes_after_a_call_was_planned_again_keeps_it_from_going_out_twice(engine: Engine) -> None:
    ledger = in_doubt(engine)
    first = keys(engine)[0]
    assert first is not None
    ledger.resend(WEEK, NOW, "ada")
    assert proven(engine, [first], NOW) == 1
    sender = FakeSender()
    assert send(engine, sender) is None
    assert sender.asked == []
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=4)


def test_an_event_leaves_a_call_alone_whose_process_waits_for_the_answer(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    claimed = needed(taken(ledger))
    assert proven(engine, [claimed.key], NOW) == 0
    assert ledger.record(claimed, "accepted", NOW, receipt=Receipt("the answer"))
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)


def test_an_answer_that_comes_late_changes_nothing_that_was_settled(engine: Engine, gone: str) -> None:
    """A process that was taken for dead writes down its outcome after the call was planned again and went out."""
    ledger = planned(engine, readers=2)
    claimed = needed(taken(ledger, gone))
    settle(ledger, FakeSender(), lambda: NOW + HOUR, WEEK)
    sender = FakeSender()
    send(engine, sender)
    for outcome in ("planned", "unknown", "refused"):
        assert not ledger.record(claimed, outcome, NOW, receipt=Receipt(later={claimed.recipients[0].id: "busy"}))
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)


# What may be believed


class Another(FakeSender):
    """A second account, which has no trace of the first one's calls."""

    account = "another"


def test_another_account_that_has_no_trace_of_a_call_proves_nothing(engine: Engine, gone: str) -> None:
    ledger = planned(engine, readers=2)
    needed(taken(ledger, gone))
    came_to = settle(ledger, sender := Another(), lambda: NOW + HOUR)

    assert came_to == {"unknown": 1}
    assert sender.asked == []
    assert ledger.counts(WEEK) == Counts(planned=2, unknown=2)
    assert settle(ledger, FakeSender(), lambda: NOW + HOUR) == {"planned": 1}


def test_what_another_account_has_seen_is_proof_all_the_same(engine: Engine, gone: str) -> None:
    ledger, sender = planned(engine, readers=2), Another()
    sender.mail[needed(taken(ledger, gone)).key] = [address(0)]

    assert settle(ledger, sender, lambda: NOW + HOUR) == {"accepted": 1}


def test_a_sender_that_cannot_answer_now_is_not_asked_about_the_next_call(engine: Engine, gone: str) -> None:
    ledger, asked = planned(engine, readers=6), list[Doubt]()
    for _ in range(3):
        needed(taken(ledger, gone))

    class Busy(FakeSender):
        def found(self, doubt: Doubt) -> bool | None:
            asked.append(doubt)
            raise SendLater("too many look-ups")

    assert settle(ledger, Busy(), lambda: NOW + HOUR) == {"open": 3}
    assert len(asked) == 1
    assert ledger.counts(WEEK) == Counts(planned=6, unknown=6)


def test_a_process_that_slept_between_its_claim_and_its_call_makes_none(engine: Engine) -> None:
    """A machine that was suspended wakes long after another one took its claim for abandoned."""
    ledger, sender = planned(engine, readers=2), FakeSender()
    awake = iter([NOW, NOW + HOUR])

    class Sleepy(Ledger):
        def claim(self, *args: Any) -> Claim | Rest | None:
            claim = super().claim(*args)
            if isinstance(claim, Claim) and not sender.asked:
                settle(ledger, FakeSender(), lambda: NOW + HOUR)  # somewhere else: nobody had it
                assert send(engine, sender) is None
            return claim

    work = Delivery(MESSAGE, IDENTITY, Sleepy(engine), sender, SECRET, lambda: next(awake, NOW + HOUR))
    sender_of_another_machine = "elsewhere:1:1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("subscribers.delivering.myself", lambda: sender_of_another_machine)
        assert deliver(work) is None
    assert sender.inboxes == [address(0), address(1)]
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)


@pytest.mark.parametrize("parted", [False, True])
def test_every_call_made_for_a_reader_may_still_be_proven(engine: Engine, parted: bool) -> None:
    ledger, all_keys = in_doubt(engine, readers=4, size=4), list[str]()
    for hour in range(2):
        all_keys += [key for key in keys(engine) if key]
        ledger.resend(WEEK, NOW, "ada")
        if parted and not hour:
            parting = Ledger(engine, pace=Pace(hour=3))
            assert len(needed(taken(parting)).recipients) == 3
            assert settle(parting, FakeSender(), lambda: NOW + HOUR) == {"planned": 1}
        send(engine, FakeSender(["loses the reply"] * 2))
    assert len(all_keys) >= 2

    assert proven(engine, [all_keys[0]], NOW) == (2 if parted else 1)
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=4)


def test_who_got_an_earlier_call_is_not_put_off_by_a_later_one(engine: Engine) -> None:
    ledger = in_doubt(engine, readers=2, size=2)
    first = needed_key(keys(engine)[0])
    ledger.resend(WEEK, NOW, "ada")
    claim = needed(taken(ledger))
    proven(engine, [first], NOW)
    one, other = (recipient.id for recipient in claim.recipients)
    ledger.record(claim, "refused", NOW, "", Receipt(refused={one: "no address"}, later={other: ""}))

    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)
    assert batches(engine) == [("accepted", "seen by an event")]


def proven(engine: Engine, keys: list[str], now: datetime) -> int:
    with writing(engine) as session:
        return prove(session, keys, now)


def needed_key(key: str | None) -> str:
    assert key is not None
    return key


def test_who_is_erased_while_their_call_is_made_leaves_counts_that_add_up(engine: Engine) -> None:
    ledger = planned(engine, readers=4, size=4)
    claim = needed(taken(ledger))
    bad, gone_now, *others = (one.id for one in claim.recipients)
    assert Accounts(engine, SUPPRESSION_KEY).erase(gone_now, NOW)
    later = dict.fromkeys([gone_now, *others], "")
    ledger.record(claim, "refused", NOW, "", Receipt(refused={bad: "no address"}, later=later))
    assert send(engine, sender := FakeSender()) is None

    assert len(sender.inboxes) == len(others)
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=2, refused=2)
    with Session(engine) as session:
        assert [row.size for row in session.exec(select(BatchRow).order_by(col(BatchRow.number)))] == [2, 2]
