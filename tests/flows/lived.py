"""Homes that have been lived in, and their databases, for the tests of whole databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from digest.copying import at_one_moment, compared
from digest.database import open_engine
from digest.settings import load_settings
from flows.databases import every_table
from tests.commands import verdicts

#: Tuesday of week 47: the demo's edition is out.
SENT = datetime(2026, 11, 17, 12, 0, tzinfo=UTC)

AT = ("--now", SENT.isoformat())

LATER = ("--now", (SENT + timedelta(hours=20)).isoformat())

ADA = "ada@example.org"


def set_database(home: Path, url: str) -> None:
    kept = [one for one in (home / "verdicts.toml").read_text().splitlines() if not one.startswith("database_url")]
    (home / "verdicts.toml").write_text("\n".join([f'database_url = "{url}"', *kept]) + "\n")


def engine_of(home: Path) -> Engine:
    return open_engine(load_settings(home, {}).database)


@contextmanager
def opened(home: Path) -> Iterator[Engine]:
    engine = engine_of(home)
    yield engine
    engine.dispose()


def made(home: Path, path: Path, *words: str) -> Path:
    """Make a backup; gives its path."""
    ran = verdicts("db", "backup", path, *(words or AT), home=home)
    assert ran.status == 0, ran.err
    return path


def same(one: Engine, other: Engine) -> bool:
    with at_one_moment(one) as left, at_one_moment(other) as right:
        found = compared(left, right, every_table())
    assert sum(table.same for table in found) > 500
    return not [table for table in found if table.differ]


def emptied(home: Path, tmp_path: Path) -> Path:
    """A home folder where nothing is yet but settings that name a database without tables."""
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "verdicts.toml").write_text((home / "verdicts.toml").read_text())
    return folder
