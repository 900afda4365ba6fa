"""What the tests of commands share: homes as `verdicts init` leaves them, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.demo import SAMPLES
from tests.commands import verdicts


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
