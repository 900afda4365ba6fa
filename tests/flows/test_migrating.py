"""Databases with rows in them are brought to a newer version: from each release, killed midway, by two at once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

import digest.database
from digest.copying import at_one_moment, compared
from digest.database import newest_version, open_engine, require_current, schema_version, upgrade
from digest.settings import load_settings
from flows.backups import unpacked
from flows.databases import as_file, every_table
from tests.commands import verdicts
from tests.flows.lived import AT, LATER, made, opened
from tests.processes import start, together

VERSIONS = sorted(one.name.split("_")[0] for one in (digest.database.MIGRATIONS / "versions").glob("[0-9]*.py"))

RELEASED = Path(__file__).parent.parent / "released"

#: A release to come: a table changes, another one is new, and rows are written; `{}` is what happens before it ends.
_LATER = """
import os
import sqlalchemy as sa
from alembic import op
revision = "9998"
down_revision = "{before}"
def upgrade():
    with op.batch_alter_table("tools") as table:
        table.add_column(sa.Column("licence", sa.String(), nullable=False, server_default="none"))
    op.create_table("ratings", sa.Column("slug", sa.String(), primary_key=True))
    op.execute("INSERT INTO ratings SELECT slug FROM tools")
    {then}
"""


@pytest.fixture
def before(stored: Path, tmp_path: Path) -> Engine:
    """The rows as they were."""
    with opened(stored) as engine:
        as_file(engine, tmp_path / "before.db")
    return open_engine(f"sqlite:///{tmp_path / 'before.db'}")


def later(folder: Path, then: str = "") -> Path:
    """The migrations of a later release."""
    shutil.copytree(digest.database.MIGRATIONS, folder)
    (folder / "versions" / "9998_later.py").write_text(_LATER.format(before=newest_version(), then=then or "pass"))
    return folder


def keeps_every_row(engine: Engine, before: Engine) -> bool:
    with at_one_moment(before) as left, at_one_moment(engine) as right:
        found = compared(left, right, every_table())
    before.dispose()
    return sum(one.same for one in found) > 500 and not [one for one in found if one.differ]


def is_later(engine: Engine) -> bool:
    with engine.connect() as connection:
        columns = {one["name"] for one in inspect(connection).get_columns("tools")}
        if "licence" not in columns:
            return False
        rated = connection.execute(text("SELECT count(*) FROM ratings")).scalar_one()
        marked = connection.execute(text("SELECT count(*) FROM tools WHERE licence = 'none'")).scalar_one()
        return bool(rated == marked > 0)


# From each release


def test_of_each_released_version_there_is_a_database() -> None:
    assert sorted(one.name for one in RELEASED.glob("*.tar.gz")) == [f"{one}.tar.gz" for one in VERSIONS[:-1]]


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_a_backup_of_each_release_is_brought_to_this_one(
    to: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for number, file in enumerate(sorted(RELEASED.glob("*.tar.gz"))):
        home = tmp_path / str(number)
        home.mkdir()
        url = request.getfixturevalue("new_postgres")() if to == "postgresql" else f"sqlite:///{home / 'verdicts.db'}"
        (home / "verdicts.toml").write_text(f'database_url = "{url}"\n')
        assert verdicts("db", "restore", file, *AT, home=home).status == 0
        assert verdicts("db", "check", home=home).status == 0
        with unpacked(file, tmp_path) as backup, opened(home) as engine:
            assert backup.manifest.tables == file.name.partition(".")[0]
            with at_one_moment(engine) as connection:
                counts = {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()  # noqa: S608
                          for name in backup.manifest.rows}  # fmt: skip
            assert counts == dict(backup.manifest.rows)


def test_a_release_to_come_keeps_every_row(
    stored: Path, before: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest.database, "MIGRATIONS", later(tmp_path / "later"))

    ran = verdicts("db", "upgrade", home=stored)

    assert ran.out == f"tables are at 9998 (before: {VERSIONS[-1]})\n"
    with opened(stored) as engine:
        assert is_later(engine)
        assert keeps_every_row(engine, before)


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_an_older_backup_is_brought_to_a_release_to_come_when_it_is_restored(
    lived: Path, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    monkeypatch.setattr(digest.database, "MIGRATIONS", later(tmp_path / "later"))
    new = tmp_path / "new"
    new.mkdir()
    url = request.getfixturevalue("new_postgres")() if to == "postgresql" else f"sqlite:///{new / 'verdicts.db'}"
    (new / "verdicts.toml").write_text(f'database_url = "{url}"\n')

    ran = verdicts("db", "restore", file, *LATER, home=new)

    assert ran.status == 0, ran.err
    with opened(new) as engine:
        assert schema_version(engine) == "9998"
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM tools")).scalar_one() > 20
    # The program of before does not touch it any more, nor a backup of it.
    newer = made(new, tmp_path / "newer.tar.gz")
    monkeypatch.undo()
    for words in (("upgrade",), ("backup",), ("move", f"sqlite:///{tmp_path / 'x.db'}"), ("restore", newer, "--force")):
        refused = verdicts("db", *words, home=new)
        assert (refused.status, "made by a newer version" in refused.err) == (2, True), refused.err


# Killed midway


def _upgrade(url: str, migrations: str) -> None:
    digest.database.MIGRATIONS = Path(migrations)
    upgrade(open_engine(url))


@contextmanager
def upgrading(url: str, migrations: Path, mark: Path) -> Iterator[Callable[[], None]]:
    """A process that upgrades and stops before it is through; gives what kills it there."""
    process = start(_upgrade, url, str(migrations))
    until = time.monotonic() + 30
    while not mark.exists():
        assert time.monotonic() < until
        assert process.is_alive()
        time.sleep(0.01)
    yield process.kill
    process.join()


def test_an_upgrade_that_is_killed_leaves_the_old_version_and_is_simply_run_again(
    stored: Path, before: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, url = tmp_path / "there", load_settings(stored, {}).database
    stuck = later(tmp_path / "stuck", f"open({str(mark)!r}, 'w').close(); import time; time.sleep(600)")

    with upgrading(url, stuck, mark) as kill:
        kill()

    with opened(stored) as engine:
        require_current(engine)
        assert not is_later(engine)
        assert keeps_every_row(engine, before)
    assert verdicts("db", "check", home=stored).status == 0
    monkeypatch.setattr(digest.database, "MIGRATIONS", later(tmp_path / "later"))
    assert verdicts("db", "upgrade", home=stored).status == 0
    with opened(stored) as engine:
        assert is_later(engine)
        assert keeps_every_row(engine, before)


def test_two_upgrades_at_once_of_a_database_with_rows_make_one(stored: Path, before: Engine, tmp_path: Path) -> None:
    folder = later(tmp_path / "later")
    said = together(
        "import sys; import alembic.command; from pathlib import Path; import digest.database as d",
        "d.MIGRATIONS = Path(sys.argv[2]); print(d.upgrade(d.open_engine(sys.argv[1]))[1])",
        load_settings(stored, {}).database,
        str(folder),
    )

    assert said == ["9998"] * 2
    with opened(stored) as engine:
        assert is_later(engine)
        assert keeps_every_row(engine, before)
