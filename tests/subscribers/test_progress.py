"""How an edition goes out, for who watches: its rate, its hands, what it waits for, who is in doubt and who refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.editions import Editions
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import Pace, Rest
from subscribers.progress import Refused, in_doubt, progress, refused
from subscribers.senders import Receipt
from tests.subscribers.providers import SENT
from tests.subscribers.readers import WEEK, approve, join

SECOND = timedelta(seconds=1)


def begun(engine: Engine, readers: int, size: int, pace: Pace = Pace()) -> Ledger:  # noqa: B008 - frozen
    join(engine, readers)
    approve(engine)
    Editions(engine).start_sending(WEEK)
    ledger = Ledger(engine, pace=pace)
    ledger.plan(WEEK, SENT, size)
    return ledger


def claimed(ledger: Ledger, by: str = "elsewhere:7:1", after: timedelta = timedelta()) -> Claim:
    claim = ledger.claim(WEEK, by, SENT + after, list, "an account")
    assert isinstance(claim, Claim)
    return claim


def test_it_says_how_fast_letters_leave_and_how_long_that_takes(engine: Engine) -> None:
    ledger = begun(engine, 10, 2)
    assert progress(engine, WEEK, SENT, Pace()).a_second is None
    for second in (0, 2):
        ledger.record(claimed(ledger, after=second * SECOND), "accepted", SENT + second * SECOND)
    found = progress(engine, WEEK, SENT + 4 * SECOND, Pace())
    assert (found.a_second, found.left_s, found.counts.waiting, found.busy) == (1.0, 6.0, 6, False)
    later = progress(engine, WEEK, SENT + timedelta(hours=1), Pace())
    assert (later.a_second, later.left_s) == (None, None)


def test_it_says_whose_calls_are_under_way_and_which_process_is_gone(engine: Engine) -> None:
    ledger = begun(engine, 4, 2)
    claimed(ledger)
    claimed(ledger, after=timedelta(minutes=20))
    found = progress(engine, WEEK, SENT + timedelta(minutes=21), Pace())
    assert [(one.claimed_by, one.readers, one.gone) for one in sorted(found.hands, key=lambda one: one.batch)] == [
        ("elsewhere:7:1", 2, True),
        ("elsewhere:7:1", 2, False),
    ]
    assert found.busy


def test_it_says_what_it_waits_for(engine: Engine) -> None:
    ledger = begun(engine, 4, 2, Pace(hour=2))
    ledger.record(claimed(ledger), "accepted", SENT)
    used_up = progress(engine, WEEK, SENT + SECOND, Pace(hour=2)).rest
    assert used_up == Rest("2 letters in an hour is the pace settings allow", SENT + timedelta(hours=1))
    assert progress(engine, WEEK, SENT + SECOND, Pace()).rest is None
    ledger.rest(SENT + timedelta(minutes=5), SENT, "too many calls", "an account")
    assert progress(engine, WEEK, SENT + SECOND, Pace()).rest == Rest("too many calls", SENT + timedelta(minutes=5))
    assert progress(engine, WEEK, SENT + timedelta(minutes=6), Pace()).rest is None


def test_it_says_when_those_who_were_put_off_are_tried_again(engine: Engine) -> None:
    ledger = begun(engine, 2, 2)
    claim = claimed(ledger)
    ledger.record(claim, "accepted", SENT, "", Receipt(later={claim.recipients[0].id: "greylisted"}))
    assert progress(engine, WEEK, SENT, Pace()).retry == Rest("greylisted", SENT + timedelta(minutes=1))
    assert progress(engine, WEEK, SENT + timedelta(minutes=2), Pace()).retry is None


@pytest.mark.parametrize("names", [1, 5])
def test_who_is_in_doubt_is_counted_whole_and_named_in_part(engine: Engine, names: int) -> None:
    ledger = begun(engine, 6, 3)
    whole, some = claimed(ledger), claimed(ledger, after=SECOND)
    ledger.record(whole, "unknown", SENT, "the reply was lost")
    lost = {one.id: "hung up" for one in some.recipients[:2]}
    ledger.record(some, "accepted", SENT, "", Receipt(unknown=lost, refused={some.recipients[2].id: "550 no"}))
    first, second = in_doubt(engine, WEEK, names)
    assert (first.key, first.reason, first.readers, len(first.names)) == (
        whole.key, "the reply was lost", 3, min(names, 3),
    )  # fmt: skip
    assert (second.key, second.reason, second.readers, len(second.names)) == (some.key, "hung up", 2, min(names, 2))
    assert set(second.names) <= {one.email for one in some.recipients[:2]}
    assert refused(engine, WEEK, 5) == [Refused(some.recipients[2].email, "550 no")]
    assert refused(engine, WEEK, 0) == []


def test_nothing_is_in_doubt_of_another_week(engine: Engine) -> None:
    ledger = begun(engine, 2, 2)
    ledger.record(claimed(ledger), "unknown", SENT, "lost")
    assert in_doubt(engine, "2026-W01", 5) == []
