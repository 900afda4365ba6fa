"""A state is the same until anything is committed, by whomever; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from contextlib import closing

from sqlalchemy import Engine

from digest.database import open_engine, reading, writing
from digest.tables import ToolRow
from digest.watching import Watch
from tests.examples import NOW


def test_each_commit_makes_another_state_and_nothing_else_does(shared_engine: Engine) -> None:
    with closing(Watch(shared_engine)) as watch:
        states = [watch.state()]
        for number in range(3):
            with writing(shared_engine) as session:
                session.add(ToolRow(slug=f"tool-{number}", name="Tool", added_at=NOW))
            states.append(watch.state())
            with reading(shared_engine) as session:
                assert session.get(ToolRow, f"tool-{number}")
            assert watch.state() == states[-1]
        assert len(set(states)) == 4


def test_what_others_commit_counts_and_any_thread_may_ask(shared_engine: Engine) -> None:
    found: list[object] = []
    with closing(Watch(shared_engine)) as watch:
        before = watch.state()
        other = open_engine(shared_engine.url.render_as_string(hide_password=False))
        with writing(other) as session:
            session.add(ToolRow(slug="elsewhere", name="Tool", added_at=NOW))
        other.dispose()
        asking = threading.Thread(target=lambda: found.append(watch.state()))
        asking.start()
        asking.join()
        assert found == [watch.state()] != [before]


def test_of_a_database_in_memory_nothing_is_known() -> None:
    watch = Watch(open_engine("sqlite://"))
    assert watch.state() != watch.state()
