"""The database: brought to this program's version once, read and written in whole transactions, on both kinds."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Engine, Executable, inspect, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlmodel import SQLModel, col, func, insert, select

import digest.database
import digest.tables
import sources.tables
import subscribers.tables
from digest.database import (
    in_chunks,
    insert_ignore,
    newest_version,
    open_engine,
    reading,
    require_current,
    schema_version,
    upgrade,
    writing,
)
from digest.errors import DatabaseError, SettingsError
from digest.tables import ReviewRow, ToolRow
from tests.examples import NOW
from tests.processes import together

#: Every module with tables, named so that none is imported for nothing.
TABLES = (digest.tables, sources.tables, subscribers.tables)


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    """A database in which nobody has made tables yet."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def tool(slug: str, **changes: Any) -> dict[str, Any]:
    blank = {
        "vendor": "",
        "tagline": "",
        "description": "",
        "category": "Other",
        "tags": [],
        "entry_price": "",
        "url": "",
    }
    return blank | {"slug": slug, "name": slug.title(), "added_at": NOW} | changes


def run(engine: Engine, *statements: Executable) -> None:
    """Run statements in one transaction."""
    with writing(engine) as session:
        for one in statements:
            session.connection().execute(one)


def slugs(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.exec(select(ToolRow.slug).order_by(ToolRow.slug)))


def tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


# The tables


def test_an_empty_database_gets_every_table(empty: Engine) -> None:
    assert schema_version(empty) is None

    assert upgrade(empty) == (None, newest_version())

    assert schema_version(empty) == newest_version()
    assert tables(empty) == {*SQLModel.metadata.tables, "alembic_version"}
    require_current(empty)


def test_the_migrated_tables_are_those_of_the_models(shared_engine: Engine) -> None:
    with shared_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrated_tables_have_the_checks_and_indexes_of_the_models(shared_engine: Engine) -> None:
    assert {module.__name__.partition(".")[0] for module in TABLES} == {"digest", "sources", "subscribers"}
    with shared_engine.connect() as connection:
        there = inspect(connection)
        for name, table in SQLModel.metadata.tables.items():
            checks = {one.name for one in table.constraints if isinstance(one, CheckConstraint) and one.name}
            assert {one["name"] for one in there.get_check_constraints(name)} == checks, name
            unique = {one["name"] for one in there.get_unique_constraints(name)}
            indexes = {one["name"] for one in there.get_indexes(name)} - unique
            assert indexes == {one.name for one in table.indexes}, name
            assert there.get_pk_constraint(name)["constrained_columns"] == [one.name for one in table.primary_key], name


def test_a_check_refuses_what_is_not_allowed(shared_engine: Engine) -> None:
    review = {"tool": "ada", "reviewer": "builder", "version": 1, "quote": "So.", "reviewed_on": NOW.date()}

    with pytest.raises(IntegrityError, match="review_call"):
        run(
            shared_engine,
            insert(ToolRow).values(**tool("ada")),
            insert(ReviewRow).values(**review, call="perhaps", recorded_at=NOW),
        )


def test_a_row_that_points_nowhere_is_refused(shared_engine: Engine) -> None:
    review = {"tool": "nobody", "reviewer": "builder", "version": 1, "quote": "So.", "reviewed_on": NOW.date()}

    with pytest.raises(IntegrityError):
        run(shared_engine, insert(ReviewRow).values(**review, call="ship", recorded_at=NOW))


# Upgrades


def test_a_second_upgrade_changes_nothing(shared_engine: Engine) -> None:
    with writing(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada")])

    assert upgrade(shared_engine) == (newest_version(), newest_version())
    assert slugs(shared_engine) == ["ada"]


def set_version(engine: Engine, version: str) -> None:
    with writing(engine) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_a_newer_database_is_refused_and_left_as_it_is(engine: Engine) -> None:
    set_version(engine, "9999")
    before = tables(engine)

    for refused in (upgrade, require_current):
        with pytest.raises(DatabaseError, match=r"made by a newer version .*9999.*nothing was changed: update"):
            refused(engine)

    assert schema_version(engine) == "9999"
    assert tables(engine) == before


def test_an_older_database_says_how_to_upgrade_it(engine: Engine) -> None:
    set_version(engine, "0000")

    with pytest.raises(DatabaseError, match=rf"tables are at 0000, this program needs {newest_version()}; run `verd"):
        require_current(engine)


def test_a_database_without_tables_says_how_to_make_them(empty: Engine) -> None:
    with pytest.raises(DatabaseError, match="no database there yet; run `verdicts init`"):
        require_current(empty)


def test_looking_for_a_missing_file_does_not_make_it(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'missing.db'}")

    assert schema_version(engine) is None
    with pytest.raises(DatabaseError, match=r"missing\.db: no database there yet"):
        require_current(engine)
    assert list(tmp_path.iterdir()) == []


def migrations(folder: Path, body: str) -> Path:
    """A folder of migrations with one step of our own."""
    (folder / "versions").mkdir(parents=True)
    shutil.copy(digest.database.MIGRATIONS / "env.py", folder)
    head = 'import sqlalchemy as sa\nfrom alembic import op\nrevision = "0001"\ndown_revision = None\n'
    (folder / "versions" / "0001_own.py").write_text(f"{head}def upgrade():\n    {body}\n")
    return folder


def test_an_upgrade_that_breaks_off_leaves_nothing(
    empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = 'op.create_table("half", sa.Column("id", sa.Integer()))\n    raise RuntimeError("power cut")'

    with monkeypatch.context() as patch:
        patch.setattr(digest.database, "MIGRATIONS", migrations(tmp_path / "half", half))
        with pytest.raises(RuntimeError, match="power cut"):
            upgrade(empty)

    assert tables(empty) == set()
    assert schema_version(empty) is None
    assert upgrade(empty) == (None, newest_version())


def test_two_processes_may_upgrade_at_once(database_url: str) -> None:
    said = together(
        "import sys; import alembic.command; from digest.database import open_engine, upgrade",
        "print(upgrade(open_engine(sys.argv[1]))[1])",
        database_url,
    )

    engine = open_engine(database_url)
    assert said == [newest_version()] * 2
    require_current(engine)
    engine.dispose()


# What is no database


@pytest.mark.parametrize(
    "url",
    ["", "verdicts.db", "sqlite:", "mysql://localhost/x", "postgres://localhost/x", "http://localhost", "sqlserver://x",
     "postgresql://us:hunter2@localhost:port/x"],
)  # fmt: skip
def test_an_address_that_is_none_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^database_url.*allowed: sqlite") as caught:
        open_engine(url)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"Dear diary, " * 100, b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "diary.db"
    path.write_bytes(raw)
    engine = open_engine(f"sqlite:///{path}")

    for refused in (schema_version, require_current, upgrade):
        with pytest.raises(DatabaseError, match=r"diary\.db: the database cannot be used"):
            refused(engine)

    assert path.read_bytes() == raw
    engine.dispose()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be used"):
        upgrade(open_engine(f"sqlite:///{tmp_path}"))


def test_a_file_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file"):
        upgrade(open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'verdicts.db'}"))


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    engine = open_engine("postgresql://us:hunter2@127.0.0.1:1/verdicts")

    with pytest.raises(
        DatabaseError, match=r"us:\*\*\*@127\.0\.0\.1:1/verdicts: the database cannot be used"
    ) as caught:
        require_current(engine)

    assert "hunter2" not in str(caught.value)


def test_a_server_may_be_named_without_its_driver(postgres_server: str) -> None:
    engine = open_engine(make_url(postgres_server).set(drivername="postgresql").render_as_string(hide_password=False))

    assert engine.dialect.driver == "psycopg"
    assert schema_version(engine) is None
    engine.dispose()


# Reading and writing


def test_what_was_written_is_there_for_the_next_reader(shared_engine: Engine) -> None:
    with writing(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada"), tool("bob")])

    assert slugs(shared_engine) == ["ada", "bob"]


def test_a_write_that_fails_changes_nothing(shared_engine: Engine) -> None:
    def stumble() -> None:
        with writing(shared_engine) as session:
            insert_ignore(session, ToolRow, [tool("ada")])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stumble()

    assert slugs(shared_engine) == []


def test_a_write_that_breaks_a_rule_takes_all_of_it_back(shared_engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        run(shared_engine, insert(ToolRow).values(**tool("ada")), insert(ToolRow).values(**tool("ada")))

    assert slugs(shared_engine) == []


def test_what_is_written_while_reading_is_not_kept(shared_engine: Engine) -> None:
    with reading(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada")])

    assert slugs(shared_engine) == []


def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(shared_engine: Engine) -> None:
    count = select(func.count()).select_from(ToolRow)
    with reading(shared_engine) as session:
        first = session.exec(count).one()
        with writing(shared_engine) as other:
            insert_ignore(other, ToolRow, [tool("ada")])
        assert (first, session.exec(count).one()) == (0, 0)

    assert slugs(shared_engine) == ["ada"]


def test_the_second_writer_waits_for_the_first(shared_engine: Engine) -> None:
    began, order = Event(), list[str]()

    def second() -> None:
        began.set()
        with writing(shared_engine) as session:
            new = insert_ignore(session, ToolRow, [tool("ada")])
        order.append(f"second, {new} new")

    with writing(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada")])
        waiting = Thread(target=second)
        waiting.start()
        assert began.wait(5)
        waiting.join(0.3)
        assert waiting.is_alive()
        order.append("first")
    waiting.join(10)

    assert order == ["first", "second, 0 new"]


def test_a_writer_that_waited_too_long_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest.database, "BUSY_TIMEOUT_S", 0.1)
    url = f"sqlite:///{tmp_path / 'verdicts.db'}"
    engine, other = open_engine(url), open_engine(url)
    upgrade(engine)

    def write() -> None:
        with writing(other) as session:
            insert_ignore(session, ToolRow, [tool("ada")])

    with writing(engine) as session:
        insert_ignore(session, ToolRow, [tool("bob")])
        with pytest.raises(DatabaseError, match=r"the database is locked: another program has been writing for 0\.1 s"):
            write()
    assert slugs(engine) == ["bob"]
    engine.dispose()
    other.dispose()


def test_sqlite_keeps_a_write_ahead_log_and_writes_it_through(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    upgrade(engine)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    with sqlite3.connect(tmp_path / "verdicts.db") as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    plain.close()
    engine.dispose()


# Rows


def test_only_its_owner_reads_a_new_file_and_its_log(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    upgrade(engine)
    with writing(engine) as session:
        session.execute(text("DELETE FROM tools"))
        modes = {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("verdicts.db", "verdicts.db-wal", "verdicts.db-shm"), 0o600)
    engine.dispose()


def test_only_rows_whose_key_is_new_are_inserted_and_counted(shared_engine: Engine) -> None:
    with writing(shared_engine) as session:
        assert insert_ignore(session, ToolRow, []) == 0
        assert insert_ignore(session, ToolRow, [tool("ada"), tool("bob")]) == 2
        assert insert_ignore(session, ToolRow, [tool("bob", name="Other"), tool("cyd"), tool("cyd")]) == 1

    with reading(shared_engine) as session:
        rows = session.exec(select(ToolRow.slug, ToolRow.name).order_by(col(ToolRow.slug))).all()
    assert rows == [("ada", "Ada"), ("bob", "Bob"), ("cyd", "Cyd")]


def test_more_rows_than_one_statement_can_bind_are_inserted(shared_engine: Engine) -> None:
    with writing(shared_engine) as session:
        assert insert_ignore(session, ToolRow, [tool(f"tool-{number}") for number in range(501)]) == 501


def test_values_are_cut_in_order_and_none_is_lost() -> None:
    assert [list(some) for some in in_chunks([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]
    assert list(in_chunks([], 2)) == []


def test_a_moment_comes_back_in_utc(shared_engine: Engine) -> None:
    in_berlin = datetime(2026, 11, 16, 9, 30, tzinfo=timezone(timedelta(hours=2)))

    with writing(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada", added_at=in_berlin)])
    with reading(shared_engine) as session:
        found = session.exec(select(ToolRow.added_at)).one()

    assert found == in_berlin
    assert (found.hour, found.tzinfo) == (7, UTC)


def test_a_moment_without_a_zone_is_refused(shared_engine: Engine) -> None:
    naive = NOW.replace(tzinfo=None)

    with pytest.raises(StatementError, match="has no time zone"), writing(shared_engine) as session:
        insert_ignore(session, ToolRow, [tool("ada", added_at=naive)])

    assert slugs(shared_engine) == []


def test_no_value_of_a_row_stands_in_an_error(shared_engine: Engine) -> None:
    """Rows hold addresses and tokens, and errors end up in logs."""
    secret = "ada@example.org"
    broken = tool(secret) | {"name": None}

    for row in (tool(secret), broken):
        with pytest.raises(DBAPIError) as caught:
            run(shared_engine, insert(ToolRow).values(**tool(secret)), insert(ToolRow).values(**row))
        assert secret not in str(caught.value)
        assert secret not in str(caught.value.orig)
        assert "tools" in str(caught.value)
