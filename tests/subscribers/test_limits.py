"""What may be done only so often is counted where a restart does not forget it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, select

from digest.database import writing
from subscribers.limits import allowed, forget_limits
from subscribers.tables import LimitRow
from tests.examples import NOW

HOUR = timedelta(hours=1)


def ask(engine: Engine, now: datetime, what: str = "forms", most: int = 2) -> bool:
    with writing(engine) as session:
        return allowed(session, what, most, HOUR, now)


def test_so_many_are_allowed_in_a_time_that_begins_with_the_first(engine: Engine) -> None:
    times = [NOW, NOW + HOUR / 2, NOW + HOUR * 0.9, NOW + HOUR, NOW + HOUR * 1.5, NOW + HOUR * 1.9]
    assert [ask(engine, now) for now in times] == [True, True, False, True, True, False]


def test_each_thing_is_counted_for_itself(engine: Engine) -> None:
    assert [ask(engine, NOW, what, most=1) for what in ("a", "b", "a", "b")] == [True, True, False, False]


def test_what_is_taken_back_is_not_counted(engine: Engine) -> None:
    with Session(engine) as session:
        assert allowed(session, "forms", 1, HOUR, NOW)
        session.rollback()
    assert ask(engine, NOW, most=1)


def test_of_many_at_once_exactly_so_many_are_allowed(engine: Engine) -> None:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(ask(engine, NOW, most=3))) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [False] * 9 + [True] * 3


def test_a_clock_that_was_ahead_closes_no_door(engine: Engine) -> None:
    assert ask(engine, NOW + timedelta(days=365), most=1)
    assert ask(engine, NOW, most=1)
    assert not ask(engine, NOW, most=1)


def test_old_counts_are_forgotten(engine: Engine) -> None:
    ask(engine, NOW, "old")
    ask(engine, NOW + timedelta(days=1), "new")
    ask(engine, NOW + timedelta(days=90), "ahead")
    with writing(engine) as session:
        forget_limits(session, NOW + timedelta(days=1, hours=1))
    with Session(engine) as session:
        assert session.exec(select(LimitRow.what)).all() == ["new"]
