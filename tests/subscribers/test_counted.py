"""Editions' deliveries counted beside each other, and how the list grew and shrank."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, text

from digest.model import Counts
from digest.weeks import shifted
from subscribers.accounts import Accounts
from subscribers.counted import came_to, moved_by_day
from subscribers.ledger import Ledger
from subscribers.outcomes import Outcomes
from tests.examples import NOW
from tests.subscribers.providers import SENT, post, send, told
from tests.subscribers.readers import SUPPRESSION_KEY, WEEK, id_of, join, numbered, readers_of, row, take_in

BEFORE = shifted(WEEK, -1)


def test_each_edition_is_counted_by_itself_and_those_not_begun_are_left_out(engine: Engine) -> None:
    first, second, _ = join(engine, 3)
    key = send(engine, BEFORE)
    take_in(engine, numbered(5))
    send(engine)
    post(engine, told(key, first, "delivered"), told(key, second, "bounce", 9))

    before, now = came_to(engine, [WEEK, BEFORE, shifted(WEEK, 1)])

    assert (before.week, before.begun, now.week) == (BEFORE, SENT, WEEK)
    assert before.counts == Ledger(engine).counts(BEFORE) == Counts(planned=3, accepted=3, delivered=1, bounced=1)
    assert now.counts == Ledger(engine).counts(WEEK) == Counts(planned=5, accepted=5)
    assert (before.told, now.told) == (Outcomes(delivered=1, bounced_hard=1), Outcomes())


def test_who_joined_and_who_left_is_counted_by_day(engine: Engine) -> None:
    take_in(engine, [row(f"a{number}@example.org", confirmed_at="2026-03-01T09:30:00Z") for number in range(3)])
    take_in(engine, [row("b@example.org", state="unconfirmed"), row("c@example.org", state="unsubscribed")])
    join(engine, 1)
    first, second = id_of(engine, "a0@example.org"), id_of(engine, "a1@example.org")
    readers_of(engine).leave(first, NOW, source="page")
    readers_of(engine).leave(second, NOW + timedelta(days=2), source="page")
    moved = moved_by_day(engine)
    assert sum(joined for joined, _ in moved.values()) == 4
    assert {day: left for day, (_, left) in moved.items() if left} == {
        NOW.date(): 1,
        (NOW + timedelta(days=2)).date(): 1,
    }
    Accounts(engine, SUPPRESSION_KEY).erase(first, NOW + timedelta(days=3))
    assert sum(left for _, left in moved_by_day(engine).values()) == 2


def test_those_apart_are_found_without_looking_through_an_edition(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        asked = text("EXPLAIN QUERY PLAN SELECT count(*) FROM deliveries WHERE week IN ('a') AND state IS NOT NULL")
        assert "deliveries_apart" in str(connection.execute(asked).fetchall())
