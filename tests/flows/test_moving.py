"""A database is moved to another one, of either kind, and every row is compared."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.copying import at_one_moment, compared
from digest.database import open_engine, upgrade, writing
from digest.settings import load_settings
from flows.databases import every_table
from subscribers.tables import ConsentRow
from tests.commands import verdicts
from tests.flows.lived import SENT, engine_of, same, set_database


@pytest.fixture
def home(stored: Path) -> Path:
    """A home that has been lived in, with its rows once on SQLite and once on PostgreSQL."""
    return stored


# Move


def test_a_move_there_and_back_keeps_every_row(lived: Path, new_postgres: Callable[[], str], tmp_path: Path) -> None:
    url, back = new_postgres(), tmp_path / "back.db"
    there = verdicts("db", "move", url, "--json", home=lived)
    original = shutil.copy(lived / "verdicts.db", tmp_path / "original.db")
    set_database(lived, url)

    returned = verdicts("db", "move", f"sqlite:///{back}", home=lived)

    assert {one["differ"] for one in there.document["tables"]} == {0}
    assert (returned.status, returned.err) == (0, "")
    assert "set database_url in verdicts.toml" in returned.out
    one, other = (open_engine(f"sqlite:///{path}") for path in (original, back))
    assert same(one, other)
    one.dispose()
    other.dispose()


def test_a_move_to_where_rows_are_changes_nothing(home: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    engine = open_engine(f"sqlite:///{taken}")
    upgrade(engine)
    with writing(engine) as session:
        session.add(ConsentRow(subscriber_id="x", what="asked", at=SENT))
    engine.dispose()
    before = taken.read_bytes()

    ran = verdicts("db", "move", f"sqlite:///{taken}", home=home)

    assert ran.status == 2
    assert "there are rows already (consents 1)" in ran.err
    assert taken.read_bytes() == before


def test_a_move_to_itself_is_refused(home: Path) -> None:
    ran = verdicts("db", "move", load_settings(home, {}).database, home=home)

    assert (ran.status, "that is where the database is" in ran.err) == (2, True)


def test_what_a_database_has_no_place_for_is_named_and_nothing_is_moved(
    lived: Path, new_postgres: Callable[[], str]
) -> None:
    with closing(sqlite3.connect(lived / "verdicts.db")) as connection:
        connection.execute(
            "UPDATE tools SET tagline = 'a' || char(0) || 'b' WHERE slug = (SELECT min(slug) FROM tools)"
        )
        slug = connection.execute("SELECT min(slug) FROM tools").fetchone()[0]
        connection.commit()
    url = new_postgres()

    ran = verdicts("db", "move", url, home=lived)

    assert ran.status == 2
    assert f"tools, slug '{slug}'" in ran.err
    engine = open_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM feeds")).scalar_one() == 0
    engine.dispose()


def test_a_row_that_differs_or_lacks_is_told_by_its_key(lived: Path, tmp_path: Path) -> None:
    other = shutil.copy(lived / "verdicts.db", tmp_path / "other.db")
    with closing(sqlite3.connect(other)) as connection:
        first, second, *_ = (row[0] for row in connection.execute("SELECT slug FROM tools ORDER BY slug").fetchall())
        connection.execute("UPDATE tools SET tags = '[\"other\"]' WHERE slug = ?", (first,))
        connection.execute("DELETE FROM tools WHERE slug = ?", (second,))
        connection.commit()
    one, two = engine_of(lived), open_engine(f"sqlite:///{other}")
    with at_one_moment(one) as left, at_one_moment(two) as right:
        found = {table.table: table for table in compared(left, right, every_table()) if table.differ}

    assert set(found) == {"tools"}
    assert found["tools"].differ == 2
    assert found["tools"].first == (f"slug {first!r}", f"slug {second!r}")
    one.dispose()
    two.dispose()
