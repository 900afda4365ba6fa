"""What tests of the desk share: the demo's home, a desk served from a copy of it, and a browser."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from flows.demo import demo
from tests.emails.browsing import browser
from tests.pages.desk.desks import NOW, Sat, sat_at


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as the demo leaves it before its edition is approved; nobody changes it."""
    folder = tmp_path_factory.mktemp("desk") / "home"
    with contextlib.redirect_stdout(io.StringIO()):
        demo(folder, NOW, deliver=False)
    return folder


@pytest.fixture
def desk_home(demo_home: Path, tmp_path: Path) -> Path:
    """The same for one test to change."""
    return shutil.copytree(demo_home, tmp_path / "home")


@pytest.fixture(scope="session")
def looked_at_desk(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sat]:
    """A desk for all tests that only look: to serve one costs more than looking does."""
    with sat_at(shutil.copytree(demo_home, tmp_path_factory.mktemp("looked-at-desk") / "home")) as opened:
        yield opened


@pytest.fixture
def sat(request: pytest.FixtureRequest) -> Iterator[Sat]:
    """A desk with the demo's edition as a draft; the test's own, unless it only looks."""
    if request.node.get_closest_marker("only_looks"):
        shared: Sat = request.getfixturevalue("looked_at_desk")
        with closing(sqlite3.connect(shared.services.engine.url.database or "")) as watching:
            before = watching.execute("PRAGMA data_version").fetchall()
            yield shared
            shared.close_pages()
            assert watching.execute("PRAGMA data_version").fetchall() == before, "it is marked only_looks, and wrote"
        return
    with sat_at(request.getfixturevalue("desk_home")) as opened:
        yield opened


@pytest.fixture(scope="module", name="browser")
def shared_browser() -> Iterator[Browser]:
    """A browser for one module: left open longer, its event loop would be in the way of other tests' own."""
    with browser() as started:
        yield started
