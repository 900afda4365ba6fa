"""What the tests of commands share: homes as `verdicts init` leaves them, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from digest.database import writing
from flows.demo import SAMPLES, demo
from subscribers.tables import EventRow, NoticeRow, TallyRow
from tests.commands import verdicts
from tests.flows.lived import ADA, AT, SENT, engine_of, set_database


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder as `verdicts init` leaves it; nobody changes it."""
    folder = tmp_path_factory.mktemp("begun") / "home"
    assert verdicts("init", home=folder).status == 0
    return folder


@pytest.fixture(scope="session")
def reviewed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with nothing to poll and the sample reviews; nobody changes it."""
    folder = shutil.copytree(begun, tmp_path_factory.mktemp("reviewed") / "home")
    (folder / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z", home=folder).status == 0
    return folder


@pytest.fixture
def started(begun: Path, tmp_path: Path) -> Path:
    """A home with an empty database."""
    return shutil.copytree(begun, tmp_path / "home")


@pytest.fixture
def sampled(reviewed: Path, tmp_path: Path) -> Path:
    """A home with the sample reviews and nothing to poll."""
    return shutil.copytree(reviewed, tmp_path / "home")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an edition that is out, a reader more, events, a letter that waits; nobody changes it."""
    home = tmp_path_factory.mktemp("told") / "home"
    demo(home, SENT)
    verdicts("db", "upgrade", home=home)
    engine = engine_of(home)
    letter: dict[str, Any] = {"kind": "alarm", "data": {"a": [1, None, "ß"]}, "queued_at": SENT, "due_at": SENT}
    with writing(engine) as session:
        whose, week = session.execute(text("SELECT subscriber_id, week FROM deliveries LIMIT 1")).one()
        session.add(NoticeRow(**letter, state="queued"))
        session.add(NoticeRow(**letter, state="accepted", settled_at=SENT))
        for kind in ("delivered", "open"):
            session.add(EventRow(week=week, subscriber_id=whose, kind=kind, at=SENT))
            session.add(TallyRow(week=week, kind=kind, letters=1))
    engine.dispose()
    list_ = home / "list.csv"
    list_.write_text(f"email,name,state,confirmed_at,source\n{ADA},Ada,confirmed,2026-03-01,list\n")
    assert verdicts("subscribers", "import", list_, *AT, home=home).status == 0
    (home / "reviews").mkdir()
    (home / "reviews" / "one.yaml").write_text("tool: one\n")
    return home


@pytest.fixture
def lived(told: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return shutil.copytree(told, tmp_path / "lived")


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest, lived: Path) -> Path:
    """That home with its rows once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres")()
        assert verdicts("db", "move", url, home=lived).status == 0
        set_database(lived, url)
    return lived
