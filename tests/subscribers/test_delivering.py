"""Every reader gets an edition once, whatever the sender, the readers and the processes do meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, delete, select

from digest.editions import Editions
from digest.errors import SendHalted
from digest.model import Counts
from subscribers.addressing import Batch
from subscribers.claiming import ABANDONED_AFTER, myself
from subscribers.delivering import LEFT_ALONE, Delivery, deliver
from subscribers.ledger import Call, Claim, Ledger
from subscribers.links import reader_of
from subscribers.pacing import Rest
from subscribers.reconciling import settle
from subscribers.senders import Receipt, Sender
from subscribers.tables import BatchRow, DeliveryRow, PaceRow
from tests.examples import NOW
from tests.fakes import OUTCOMES, FakeSender, Outcome
from tests.subscribers.readers import (
    IDENTITY,
    MESSAGE,
    SECRET,
    WEEK,
    approve,
    id_of,
    join,
    readers_of,
    row,
    suppress,
    take_in,
)

LATER = NOW + timedelta(hours=1)

#: Hypothesis asks for a fresh database each time; here every example is an edition of its own instead.
ONE_DATABASE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def send(engine: Engine, sender: Sender, now: datetime = LATER) -> str | None:
    """Deliver with a clock that stands still; gives why it stopped before the end."""
    stopped = deliver(Delivery(MESSAGE, IDENTITY, Ledger(engine), sender, SECRET, lambda: now))
    return None if stopped is None else stopped.why


def settled(ledger: Ledger, sender: Sender, now: datetime) -> None:
    settle(ledger, sender, lambda: now, WEEK)


def release(engine: Engine) -> None:
    Editions(engine).release(WEEK)


def planned(engine: Engine, readers: int = 6, size: int = 2) -> Ledger:
    """An approved edition, planned for some readers."""
    join(engine, readers)
    approve(engine)
    ledger = Ledger(engine)
    ledger.plan(WEEK, NOW, size)
    return ledger


def address(number: int) -> str:
    return f"reader{number}@example.org"


def batches(engine: Engine) -> list[tuple[str, str]]:
    """State and reason of each batch, by number."""
    with Session(engine) as session:
        found = session.exec(select(BatchRow).where(BatchRow.week == WEEK).order_by(col(BatchRow.number)))
        return [(one.state, one.reason) for one in found]


def claim(ledger: Ledger, claimed_by: str = "host:1:1", now: datetime = NOW) -> Claim | None:
    taken = ledger.claim(WEEK, claimed_by, now, lambda ids: [one.upper() for one in ids], "fake")
    assert not isinstance(taken, Rest)
    return taken


def needed(claimed: Claim | None) -> Claim:
    assert claimed is not None
    return claimed


# Planning


def test_the_audience_is_planned_once_and_later_readers_wait(engine: Engine) -> None:
    rows = (row("paused@example.org"), row("maybe@example.org", "unconfirmed"))
    take_in(engine, rows)
    readers_of(engine).pause(id_of(engine, "paused@example.org"), LATER)
    ledger = planned(engine, readers=5)
    join(engine, 9)
    readers_of(engine).pause(id_of(engine, "paused@example.org"), None)

    assert ledger.plan(WEEK, LATER, 2) == 5
    assert ledger.counts(WEEK) == Counts(planned=5)
    sender = FakeSender()
    assert send(engine, sender) is None
    assert sender.inboxes == [address(number) for number in range(5)]


def test_many_who_plan_at_once_plan_once(engine: Engine) -> None:
    join(engine, 40)
    approve(engine)
    ledger, together = Ledger(engine), Barrier(4)

    def plan() -> int:
        together.wait()
        return ledger.plan(WEEK, NOW, 10)

    with ThreadPoolExecutor(4) as pool:
        assert [one.result() for one in [pool.submit(plan) for _ in range(4)]] == [40] * 4
    assert ledger.counts(WEEK) == Counts(planned=40)


def test_batches_have_the_size_asked_for_and_each_call_a_key_of_its_own(engine: Engine) -> None:
    planned(engine, readers=7, size=3)
    sender = FakeSender()
    send(engine, sender)

    assert [len(one.recipients) for one in sender.batches] == [3, 3, 1]
    assert [one.number for one in sender.batches] == [1, 2, 3]
    assert len(set(sender.asked)) == 3
    assert all(one.message == MESSAGE and one.identity == IDENTITY for one in sender.batches)


def test_nobody_to_send_to_is_no_edition_to_send(engine: Engine) -> None:
    ledger = planned(engine, readers=0)
    assert send(engine, FakeSender()) is None
    assert ledger.counts(WEEK) == Counts()


def test_each_recipient_carries_the_token_of_their_own_links(engine: Engine) -> None:
    planned(engine)
    sender = FakeSender()
    send(engine, sender)

    for batch in sender.batches:
        for one in batch.recipients:
            assert reader_of((SECRET,), one.token) == one.id == id_of(engine, one.email)


# Claiming


def test_a_claim_is_nobody_elses(engine: Engine) -> None:
    ledger = planned(engine, readers=4)
    first, second, third = claim(ledger), claim(ledger), claim(ledger)

    assert (needed(first).number, needed(second).number, third) == (1, 2, None)
    assert needed(first).key != needed(second).key
    assert not {one.id for one in needed(first).recipients} & {one.id for one in needed(second).recipients}


def test_who_may_no_longer_receive_is_dropped_inside_the_claim(engine: Engine) -> None:
    ledger = planned(engine, readers=5, size=5)
    readers_of(engine).leave(id_of(engine, address(0)), NOW, source="page")
    suppress(engine, address(1))
    readers_of(engine).pause(id_of(engine, address(2)), LATER + timedelta(days=1))
    sender = FakeSender()
    send(engine, sender)

    assert sender.inboxes == [address(3), address(4)]
    assert ledger.counts(WEEK) == Counts(planned=5, accepted=2, dropped=3)
    with Session(engine) as session:
        dropped = select(DeliveryRow.subscriber_id, DeliveryRow.reason).where(DeliveryRow.state == "dropped")
        reasons = dict(session.exec(dropped).all())
    assert reasons == {
        id_of(engine, address(0)): "left", id_of(engine, address(1)): "suppressed", id_of(engine, address(2)): "paused",
    }  # fmt: skip


def test_a_batch_that_everyone_left_makes_no_call(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    for number in range(2):
        readers_of(engine).leave(id_of(engine, address(number)), NOW, source="page")
    sender = FakeSender()

    assert send(engine, sender) is None
    assert sender.asked == []
    assert ledger.counts(WEEK) == Counts(planned=2, dropped=2)


def test_who_was_dropped_stays_so_when_the_batch_is_tried_again(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    readers_of(engine).leave(id_of(engine, address(0)), NOW, source="page")
    sender = FakeSender(["is busy"])
    send(engine, sender)
    readers_of(engine).come_back(id_of(engine, address(0)), NOW, source="page")
    send(engine, sender, LATER + LEFT_ALONE)

    assert sender.inboxes == [address(1)]
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=1, dropped=1)


# Outcomes


@pytest.mark.parametrize("lost", ["loses the reply", "loses the call"])
def test_a_lost_reply_is_unknown_and_never_a_reason_to_send_again(engine: Engine, lost: Outcome) -> None:
    ledger = planned(engine)
    sender = FakeSender(["accepts", lost], remembers=False)
    for _ in range(3):
        assert send(engine, sender) is None
        settled(ledger, sender, LATER)

    assert len(sender.asked) == 3
    assert ledger.counts(WEEK) == Counts(planned=6, accepted=4, unknown=2)
    assert batches(engine)[1] == ("unknown", "no reply within 30 s")


@pytest.mark.parametrize("outcome", ["is busy", "halts"])
def test_what_was_not_taken_is_planned_again_and_stops_with_the_reason(engine: Engine, outcome: Outcome) -> None:
    ledger = planned(engine)
    sender = FakeSender(["accepts", outcome])
    stopped = send(engine, sender)
    reason = {"is busy": "too many calls, try again later", "halts": "the key was withdrawn"}[outcome]

    assert stopped == {"is busy": reason, "halts": f"the sender takes nothing: {reason}"}[outcome]
    assert batches(engine) == [("accepted", ""), ("planned", reason), ("planned", "")]
    assert ledger.counts(WEEK) == Counts(planned=6, accepted=2)
    assert send(engine, sender, LATER + LEFT_ALONE) == (
        f"the sender takes nothing: {reason}" if outcome == "halts" else None
    )
    release(engine)
    assert send(engine, sender, LATER + LEFT_ALONE) is None
    assert sender.inboxes == [address(number) for number in range(6)]
    assert len(set(sender.asked)) == 4


def test_what_is_refused_for_good_is_not_tried_again_and_the_rest_goes_on(engine: Engine) -> None:
    ledger = planned(engine)
    sender = FakeSender(["refuses"])

    assert send(engine, sender) is None
    assert send(engine, sender) is None
    assert len(sender.asked) == 3
    assert ledger.counts(WEEK) == Counts(planned=6, accepted=4, refused=2)
    assert batches(engine)[0] == ("refused", "2 refused")


@pytest.mark.parametrize("reason", ["a price is wrong", ""])
def test_holding_stops_after_the_call_in_flight(engine: Engine, reason: str) -> None:
    class Interrupted(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            Editions(engine).hold(WEEK, reason)
            return super().send(batch)

    ledger = planned(engine)
    assert send(engine, Interrupted()) == reason
    assert ledger.counts(WEEK) == Counts(planned=6, accepted=2)
    assert [state for state, _ in batches(engine)] == ["accepted", "planned", "planned"]


def test_a_stop_without_words_still_stops(engine: Engine) -> None:
    class Speechless(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            super().send(batch)
            raise SendHalted

    planned(engine)
    sender = Speechless()
    assert send(engine, sender) == "the sender takes nothing: "
    assert len(sender.asked) == 1


def test_progress_is_told_how_many_each_call_carried(engine: Engine) -> None:
    ledger, told = planned(engine, readers=3), list[int]()
    deliver(Delivery(MESSAGE, IDENTITY, ledger, FakeSender(), SECRET, lambda: LATER, progress=told.append))
    assert told == [2, 1]


def test_an_outcome_of_an_older_claim_changes_nothing(engine: Engine) -> None:
    ledger = planned(engine, readers=1)
    old = needed(claim(ledger))
    ledger.record(old, "planned", NOW)
    new = needed(claim(ledger))
    ledger.record(old, "accepted", NOW)

    assert ledger.counts(WEEK) == Counts(planned=1)
    ledger.record(new, "accepted", NOW)
    assert ledger.counts(WEEK) == Counts(planned=1, accepted=1)


def test_who_was_dropped_is_not_counted_as_unknown(engine: Engine) -> None:
    ledger = planned(engine, readers=4, size=4)
    readers_of(engine).leave(id_of(engine, address(0)), NOW, source="page")
    send(engine, FakeSender(["loses the reply"]))

    assert ledger.counts(WEEK).unknown == 3
    assert len(ledger.unknown()) == 3


# Settling


@pytest.fixture
def gone() -> str:
    """The mark of a process of this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return f"{myself().rsplit(':', 2)[0]}:{process.pid}:1"


@pytest.mark.parametrize(
    ("went_out", "remembers", "becomes"),
    [(True, True, "accepted"), (False, True, "planned"), (True, False, "unknown"), (False, False, "unknown")],
)
def test_a_dead_process_claim_is_looked_up(
    engine: Engine, gone: str, went_out: bool, remembers: bool, becomes: str
) -> None:
    ledger = planned(engine)
    claimed = needed(claim(ledger, gone))
    sender = FakeSender(remembers=remembers)
    if went_out:
        sender.mail[claimed.key] = [one.email for one in claimed.recipients]
    settled(ledger, sender, NOW + timedelta(seconds=1))

    assert batches(engine)[0][0] == becomes
    send(engine, sender)
    assert sender.inboxes.count(claimed.recipients[0].email) == (1 if went_out or remembers else 0)
    assert (claimed.key in sender.asked) is False


def test_what_cannot_be_told_now_can_be_told_later(engine: Engine, gone: str) -> None:
    ledger = planned(engine, readers=2)
    claimed, sender = needed(claim(ledger, gone)), FakeSender(remembers=False)
    settled(ledger, sender, LATER)
    assert ledger.unsettled(WEEK) == [Call(WEEK, 1, claimed.key, "unknown", "fake", gone, NOW)]

    sender.remembers, sender.mail[claimed.key] = True, [address(0), address(1)]
    settled(ledger, sender, LATER)
    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)
    assert ledger.unsettled(WEEK) == []


def test_a_live_process_claim_is_left_alone(engine: Engine) -> None:
    """This process is alive: its claims are in flight, however long ago they were made."""

    class Watched(FakeSender):
        def send(self, batch: Batch) -> Receipt:
            settled(ledger, FakeSender(), LATER + timedelta(days=1))
            return super().send(batch)

    ledger, sender = planned(engine), Watched()
    send(engine, sender)

    assert ledger.counts(WEEK) == Counts(planned=6, accepted=6)
    assert len(sender.asked) == 3


def test_a_process_id_used_again_is_another_process(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    claim(ledger, f"{socket.gethostname()}:{os.getpid()}:1")
    settled(ledger, FakeSender(), LATER)
    assert batches(engine)[0][0] == "planned"


def test_a_killed_process_that_nobody_has_asked_for_yet_is_gone(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
        needed(claim(ledger, f"{myself().rsplit(':', 2)[0]}:{process.pid}:{started}"))
        settled(ledger, FakeSender(), LATER)
        assert batches(engine)[0][0] == "claimed"
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        settled(ledger, FakeSender(), LATER)
        assert batches(engine)[0][0] == "planned"


def test_a_claim_of_another_machine_is_given_its_time(engine: Engine) -> None:
    ledger = planned(engine, readers=2)
    claim(ledger, "elsewhere:with:colons:1:1")
    settled(ledger, FakeSender(), NOW + ABANDONED_AFTER)
    assert batches(engine)[0][0] == "claimed"
    settled(ledger, FakeSender(), NOW + ABANDONED_AFTER + timedelta(seconds=1))
    assert batches(engine)[0][0] == "planned"


# Whatever happens


@pytest.fixture
def weeks() -> Iterator[str]:
    return (f"{2000 + number // 52}-W{number % 52 + 1:02d}" for number in count())


@settings(max_examples=15, deadline=None, suppress_health_check=ONE_DATABASE)
@given(
    calls=st.lists(st.sampled_from(OUTCOMES), max_size=12),
    size=st.integers(1, 4),
    left=st.sets(st.integers(0, 6), max_size=3),
    remembers=st.booleans(),
    tries=st.integers(1, 4),
)
def test_counts_always_add_up_and_nobody_is_mailed_twice(
    engine: Engine, weeks: Iterator[str], calls: list[Outcome], size: int, left: set[int], remembers: bool, tries: int
) -> None:
    with Session(engine) as session:  # lost answers of the example before may have asked for a rest
        session.exec(delete(PaceRow))
        session.commit()
    week, ledger, sender = next(weeks), Ledger(engine), FakeSender(calls, remembers=remembers)
    message = replace(MESSAGE, week=week)
    everyone = join(engine, 7)
    approve(engine, week)
    ledger.plan(week, NOW, size)
    for number in left:
        readers_of(engine).leave(everyone[number], NOW, source="page")
    for again in range(tries):
        now = LATER + again * LEFT_ALONE
        settle(ledger, sender, lambda now=now: now, week)  # type: ignore[misc]
        stopped = deliver(Delivery(message, IDENTITY, ledger, sender, SECRET, lambda now=now: now))  # type: ignore[misc]
        if Editions(engine).require(week).held is not None:
            Editions(engine).release(week)
        counts = ledger.counts(week)
        kept = (counts.accepted, counts.refused, counts.dropped, counts.unknown, counts.given_up, counts.waiting)
        assert counts.planned == sum(kept) == 7
        assert min(kept) >= 0
        assert len(sender.inboxes) == len(set(sender.inboxes))
        assert counts.accepted <= len(sender.inboxes) <= counts.accepted + counts.unknown
        assert (counts.waiting == 0) == (stopped is None)
        if stopped is None:
            assert counts.dropped == len(left)
    for number in left:
        readers_of(engine).come_back(everyone[number], NOW, source="page")
