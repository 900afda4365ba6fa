"""Readers leave with one word and never come back by themselves; the last vote counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.model import Tally
from subscribers.audience import counts
from subscribers.store import UNDO
from tests.examples import NOW
from tests.subscribers.readers import consents, ids, readers_of, row, states, take_in

LATER = NOW + timedelta(days=1)


# Leaving, coming back, pausing


def test_leaving_is_written_down_once(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org")])
    (ada,) = ids(engine)

    assert readers_of(engine).leave(ada, LATER, source="one-click")
    assert readers_of(engine).leave(ada, LATER + timedelta(days=1), source="page")

    assert states(engine) == {"ada@example.org": "unsubscribed"}
    assert consents(engine, ada)[1:] == [("left", LATER, "one-click")]


def test_leaving_and_coming_back_are_each_added_to_the_proof(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org")])
    (ada,) = ids(engine)
    for _ in range(2):
        readers_of(engine).leave(ada, LATER, source="page")
        readers_of(engine).come_back(ada, LATER, source="undo")
        readers_of(engine).come_back(ada, LATER, source="undo")

    assert states(engine) == {"ada@example.org": "confirmed"}
    assert [what for what, _, _ in consents(engine, ada)] == [
        "imported as confirmed", "left", "came back", "left", "came back",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        row("ada@example.org", "unconfirmed"),
        row("ada@example.org", "unconfirmed", confirmed_at="2026-03-01"),
        row("ada@example.org", "unsubscribed", confirmed_at=""),
    ],
)
def test_only_who_had_confirmed_and_left_can_come_back(engine: Engine, line: dict[str, str | None]) -> None:
    take_in(engine, [line])
    (ada,) = ids(engine)

    assert readers_of(engine).come_back(ada, LATER, source="undo")

    assert states(engine) == {"ada@example.org": line["state"]}
    assert len(consents(engine, ada)) == 1


def test_nobody_can_leave_who_is_not_there(engine: Engine) -> None:
    assert not readers_of(engine).leave("0" * 16, NOW, source="page")
    assert not readers_of(engine).come_back("0" * 16, NOW, source="page")
    assert readers_of(engine).reader("0" * 16) is None


def test_a_pause_lasts_until_its_end_and_can_be_taken_back(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org")])
    (ada,) = ids(engine)
    until = NOW + timedelta(weeks=4)

    for _ in range(2):
        readers_of(engine).pause(ada, until)
    resting = readers_of(engine).reader(ada)
    assert resting is not None
    assert resting.paused_until == until
    assert counts(engine, until - timedelta(seconds=1)) == {"paused": 1}
    assert counts(engine, until) == {"receives": 1}

    readers_of(engine).pause(ada, None)
    assert counts(engine, NOW) == {"receives": 1}


# Votes


def test_the_last_vote_of_a_reader_counts(engine: Engine) -> None:
    store = readers_of(engine)
    store.vote([("plumbline", "ada", "ship"), ("plumbline", "eve", "ship"), ("lantern", "ada", "skip")], NOW)
    store.vote([("plumbline", "ada", "skip"), ("plumbline", "ada", "ship"), ("plumbline", "eve", "skip")], LATER)

    assert store.tallies(["plumbline", "lantern", "murmur"]) == {"plumbline": Tally(1, 2), "lantern": Tally(0, 1)}


def test_tallies_of_very_many_tools_come_in_one_go(engine: Engine) -> None:
    store = readers_of(engine)
    store.vote([(f"tool-{number}", "ada", "ship") for number in range(0, 1200, 100)], NOW)

    assert len(store.tallies([f"tool-{number}" for number in range(1200)])) == 12
    assert store.tallies([]) == {}


def test_leaving_can_be_undone_for_a_month(engine: Engine) -> None:
    """Old links must not bring anybody back: an email may have been forwarded long ago."""
    take_in(engine, [row("ada@example.org")])
    (ada,) = ids(engine)
    readers = readers_of(engine)
    assert not readers.may_come_back(ada, LATER)
    readers.leave(ada, LATER, source="page")
    after = LATER + UNDO + timedelta(seconds=1)
    assert [readers.may_come_back(ada, now) for now in (LATER, LATER + UNDO, after)] == [True, True, False]
    readers.come_back(ada, after, source="undo")
    assert states(engine) == {"ada@example.org": "unsubscribed"}
    readers.come_back(ada, LATER + UNDO, source="undo")
    assert states(engine) == {"ada@example.org": "confirmed"}


def test_nobody_votes_who_is_gone(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org")])
    (ada,) = ids(engine)
    readers = readers_of(engine)
    assert readers.cast("plumbline", ada, "ship", LATER)
    assert readers.cast("plumbline", ada, "skip", LATER)
    assert not readers.cast("plumbline", "0" * 16, "ship", LATER)
    assert readers.tallies({"plumbline"}) == {"plumbline": Tally(0, 1)}
