"""An hour's and a day's share, and the rest a sender asks for: kept in the database, whoever sends, however often."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from digest.database import writing
from digest.editions import Editions
from digest.errors import SendLater
from digest.model import Counts
from subscribers.addressing import Batch
from subscribers.delivering import Delivery, deliver
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import LONGEST_REST, Pace, Rest, rest, resting
from subscribers.senders import Receipt
from subscribers.tables import PaceRow
from tests.examples import NOW
from tests.fakes import FakeSender, Outcome
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK, approve, join
from tests.subscribers.test_delivering import ONE_DATABASE

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def planned(engine: Engine, readers: int, pace: Pace, size: int = 1000) -> Ledger:
    join(engine, readers)
    approve(engine)
    ledger = Ledger(engine, pace=pace)
    ledger.plan(WEEK, NOW, size)
    return ledger


def send(ledger: Ledger, sender: FakeSender, now: datetime) -> Rest | None:
    """Deliver with a clock that stands still."""
    return deliver(Delivery(MESSAGE, IDENTITY, ledger, sender, SECRET, lambda: now))


def claim(ledger: Ledger, now: datetime) -> Claim | Rest | None:
    return ledger.claim(WEEK, "host:1:1", now, lambda ids: [one.upper() for one in ids], "fake")


def test_no_more_leaves_in_an_hour_than_settings_say_and_the_rest_in_the_next(engine: Engine) -> None:
    ledger, sender = planned(engine, 7, Pace(hour=3)), FakeSender()
    stopped = send(ledger, sender, NOW)

    assert stopped == Rest("3 letters in an hour is the pace settings allow", NOW + HOUR)
    assert len(sender.inboxes) == 3
    assert send(ledger, sender, NOW + HOUR - MINUTE) == stopped
    assert len(sender.inboxes) == 3
    assert send(ledger, sender, NOW + HOUR) == Rest(stopped.why, NOW + 2 * HOUR)
    assert send(ledger, sender, NOW + 2 * HOUR) is None
    assert len(set(sender.inboxes)) == len(sender.inboxes) == 7


def test_a_restart_does_not_forget_the_pace(engine: Engine) -> None:
    ledger, sender = planned(engine, 7, Pace(hour=3)), FakeSender()
    send(ledger, sender, NOW)
    again = Ledger(engine, pace=Pace(hour=3))

    assert isinstance(send(again, sender, NOW + MINUTE), Rest)
    assert len(sender.inboxes) == 3


def test_the_day_counts_as_well_as_the_hour(engine: Engine) -> None:
    ledger, sender = planned(engine, 9, Pace(hour=2, day=5)), FakeSender()
    for hour in range(10):
        send(ledger, sender, NOW + hour * HOUR)
    assert len(sender.inboxes) == 5
    stopped = send(ledger, sender, NOW + 10 * HOUR)
    assert stopped == Rest("5 letters in a day is the pace settings allow", NOW + timedelta(days=1))


def test_a_batch_larger_than_what_may_leave_is_parted_and_nobody_is_lost(engine: Engine) -> None:
    planned(engine, 10, Pace(), size=10)
    ledger, sender = Ledger(engine, pace=Pace(hour=4)), FakeSender()
    for hour in range(3):
        send(ledger, sender, NOW + hour * HOUR)

    assert [len(one.recipients) for one in sender.batches] == [4, 4, 2]
    assert len(set(sender.inboxes)) == 10
    assert ledger.counts(WEEK) == Counts(planned=10, accepted=10)


def test_what_did_not_leave_after_all_does_not_count(engine: Engine) -> None:
    ledger, sender = planned(engine, 4, Pace(hour=2), size=2), FakeSender(["is busy"])
    send(ledger, sender, NOW)
    assert sender.inboxes == []
    send(ledger, sender, NOW + MINUTE)
    assert len(sender.inboxes) == 2


def test_nothing_is_waited_for_once_nothing_is_left(engine: Engine) -> None:
    ledger, sender = planned(engine, 3, Pace(hour=3)), FakeSender()
    assert send(ledger, sender, NOW) is None
    assert len(sender.inboxes) == 3


def test_many_who_claim_at_once_do_not_pass_the_pace(engine: Engine) -> None:
    ledger = planned(engine, 30, Pace(hour=10), size=3)
    together, claims = threading.Barrier(6), list[Claim]()

    def work() -> None:
        together.wait()
        while isinstance(taken := claim(Ledger(engine, pace=Pace(hour=10)), NOW), Claim):
            claims.append(taken)

    hands = [threading.Thread(target=work) for _ in range(6)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sum(len(one.recipients) for one in claims) == 10
    assert ledger.counts(WEEK) == Counts(planned=30)


@settings(max_examples=12, deadline=None, suppress_health_check=ONE_DATABASE)
@given(steps=st.lists(st.tuples(st.integers(-7200, 30_000), st.booleans()), min_size=1, max_size=12))
def test_whatever_the_clock_does_a_share_is_never_passed(engine: Engine, steps: list[tuple[int, bool]]) -> None:
    """The clock may jump, also back; in any hour that begins with a first letter no more than the share leaves."""
    with writing(engine) as session:
        for table in ("deliveries", "batches", "pace"):
            session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of ours
        session.connection().exec_driver_sql("UPDATE editions SET planned_at = NULL")
    join(engine, 30)
    if Editions(engine).of(WEEK) is None:
        approve(engine)
    ledger = Ledger(engine, pace=Pace(hour=3))
    ledger.plan(WEEK, NOW, 2)
    now, begun, left = NOW, None, 0
    for seconds, gives_back in steps:
        now += timedelta(seconds=seconds)
        if begun is None or not begun <= now < begun + HOUR:
            begun, left = now, 3
        while isinstance(taken := claim(ledger, now), Claim):
            left -= len(taken.recipients)
            assert left >= 0
            if gives_back:
                ledger.record(taken, "planned", now)
                left += len(taken.recipients)
                break
            ledger.record(taken, "accepted", now)


# The sender's own wish


class Limited(FakeSender):
    """A sender that says when it will take calls again."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until

    def send(self, batch: Batch) -> Receipt:
        self.asked.append(batch.key)
        raise SendLater("429: too many calls", self.until)


def test_no_call_is_made_before_the_moment_a_sender_named_whoever_sends(engine: Engine) -> None:
    planned(engine, 6, Pace(), size=2)
    limited, until = Limited(NOW + MINUTE), NOW + MINUTE
    assert send(Ledger(engine), limited, NOW) == Rest("429: too many calls", until)
    assert len(limited.asked) == 1

    sender = FakeSender()
    assert send(Ledger(engine), sender, until - timedelta(seconds=1)) == Rest("429: too many calls", until)
    assert sender.asked == []
    assert send(Ledger(engine), sender, until) is None
    assert len(sender.inboxes) == 6


def test_the_longer_of_two_rests_counts_and_none_is_believed_that_is_longer_than_a_day(engine: Engine) -> None:
    def asked(now: datetime) -> Rest | None:
        with writing(engine) as session:
            return resting(session, now, "mine")

    for until in (NOW + HOUR, NOW + MINUTE, NOW + 2 * HOUR, NOW + HOUR):
        with writing(engine) as session:
            rest(session, until, "busy", NOW, "mine")
    assert asked(NOW) == Rest("busy", NOW + 2 * HOUR)
    assert asked(NOW + 2 * HOUR) is None

    with writing(engine) as session:
        rest(session, NOW + timedelta(days=400), "busy", NOW, "mine")
    assert asked(NOW) == Rest("busy", NOW + LONGEST_REST)
    assert asked(NOW - timedelta(days=30)) is None  # the clock was ahead when that was written
    with writing(engine) as session:
        rest(session, NOW - timedelta(days=30) + MINUTE, "busy", NOW - timedelta(days=30), "mine")
    assert asked(NOW - timedelta(days=30)) == Rest("busy", NOW - timedelta(days=30) + MINUTE)


def test_who_has_patience_waits_and_then_goes_on(engine: Engine) -> None:
    planned(engine, 4, Pace(), size=2)
    began, told = datetime.now(NOW.tzinfo), list[Rest]()

    class Once(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            if not self.asked:
                self.asked.append("the first")
                raise SendLater("429", began + timedelta(seconds=0.4))
            assert datetime.now(NOW.tzinfo) >= began + timedelta(seconds=0.4)
            return super().send(batch)

    sender = Once()
    work = Delivery(
        MESSAGE, IDENTITY, Ledger(engine), sender, SECRET, lambda: datetime.now(NOW.tzinfo),
        patience=timedelta(seconds=20), resting=told.append,
    )  # fmt: skip
    assert deliver(work) is None
    assert len(sender.inboxes) == 4
    assert {one.why for one in told} == {"429"}


def test_a_clock_that_stands_still_is_not_waited_for(engine: Engine) -> None:
    ledger = planned(engine, 4, Pace(hour=1))
    work = Delivery(MESSAGE, IDENTITY, ledger, FakeSender(), SECRET, lambda: NOW, patience=timedelta(days=9))
    assert isinstance(deliver(work), Rest)


def test_who_was_refused_or_put_off_has_not_left(engine: Engine) -> None:
    ledger = planned(engine, 5, Pace(hour=5))
    call = needed(claim(ledger, NOW))
    one, other, *_ = (recipient.id for recipient in call.recipients)
    ledger.record(call, "accepted", NOW, "", Receipt(refused={one: "no address"}, later={other: "mailbox busy"}))

    assert counted(engine) == {"hour": 3}


def test_what_did_not_leave_is_given_back_to_the_hour_it_was_taken_from_only(engine: Engine) -> None:
    ledger = planned(engine, 9, Pace(hour=3), size=3)
    early = needed(claim(ledger, NOW))
    needed(claim(ledger, NOW + HOUR))
    ledger.postpone(early, NOW + HOUR, NOW + HOUR, "busy")

    assert counted(engine) == {"hour": 3}
    assert isinstance(claim(ledger, NOW + HOUR + MINUTE), Rest)


def test_a_hand_whose_look_at_the_clock_is_a_moment_older_begins_no_new_hour(engine: Engine) -> None:
    ledger = planned(engine, 9, Pace(hour=3), size=3)
    needed(claim(ledger, NOW))
    for earlier in range(1, 4):
        assert isinstance(claim(ledger, NOW - timedelta(milliseconds=earlier)), Rest)


def test_many_hands_that_give_back_at_once_do_not_wait_for_each_other_for_ever(engine: Engine) -> None:
    """Hour and day are two rows: who locks them in another order than others do waits until the database ends it."""
    pace = Pace(hour=1000, day=1000)
    ledger = planned(engine, 120, pace, size=2)
    outcomes: list[Outcome] = ["accepts", "is busy"] * 60

    class Crowd(FakeSender):
        at_once = 6

    sender = Crowd(outcomes)
    for _ in range(100):
        if send(ledger, sender, NOW) is None:
            break
        with writing(engine) as session:
            session.execute(delete(PaceRow).where(col(PaceRow.name) == "pause"))
    assert len(sender.inboxes) == 120
    assert counted(engine) == {"hour": 120, "day": 120}


def test_a_rest_binds_the_account_that_asked_for_it_alone(engine: Engine) -> None:
    with writing(engine) as session:
        rest(session, NOW + HOUR, "busy", NOW, "mine")
    with writing(engine) as session:
        assert resting(session, NOW, "another") is None
        rest(session, NOW + MINUTE, "busy too", NOW, "another")
        assert resting(session, NOW, "another") == Rest("busy too", NOW + MINUTE)


def needed(claimed: Claim | Rest | None) -> Claim:
    assert isinstance(claimed, Claim)
    return claimed


def counted(engine: Engine) -> dict[str, int]:
    with Session(engine) as session:
        return {row.name: row.count for row in session.exec(select(PaceRow).where(PaceRow.name != "pause"))}
