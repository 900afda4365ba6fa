"""The public pages in real Chromium: nothing for axe-core to say, nothing wider than the screen, nothing refused."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Page

from digest.model import Tally, Verdict
from tests.emails.browsing import AXE, FLAGS, RUN_AXE, WCAG, chromium, need_axe
from tests.examples import edition, matchup, side, tool
from tests.pages.places import Place

PATHS = (
    "/", "/editions", "/compare/plumbline-vs-lantern", "/compare/odd-vs-lantern", "/tools/plumbline", "/tools/odd",
    "/reviewers/skeptic", "/categories/developer-tools", "/search", "/search?q=review", "/search?q=zzz", "/privacy",
    "/editions/2026-W47", "/editions/2026-W46", "/nothing",
)  # fmt: skip


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve on a free port of this machine; gives the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def page(place: Place) -> Iterator[Page]:
    """A tab on the served pages, with an edition of long and missing texts among them."""
    long = "Supercalifragilisticexpialidocious" * 4
    bare = tool(1, slug="odd", name=f"كشّاف {long}", vendor="", tagline=f"{long} 中文标语", entry_price="", url="")
    odd = replace(side(1), tool=bare, verdict=Verdict("odd", (), 4), community=Tally())
    pair = replace(matchup(0), a=odd, bottom_line=long)
    place.publish(replace(edition(week="2026-W46", subject=f"<b>{long}", matchups=1), matchups=(pair,)))
    need_axe()
    with listening(place.app) as address, chromium() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser.new_page(base_url=address)
        browser.close()


#: Widths and schemes a page is looked at in, without loading it anew: it is only set out anew.
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((320, "light"), (375, "dark"), (1280, "light"))


@pytest.mark.slow
def test_every_public_page_is_accessible_and_fits(page: Page) -> None:
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    for path in PATHS:
        refused.clear()
        page.goto(path)
        page.evaluate(AXE.read_text("utf-8"))
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
            ran = page.evaluate(RUN_AXE, [*WCAG, "best-practice"])
            assert ran["violations"] == [], (path, width, scheme)
            assert ran["contrast"] > 5, (path, width, scheme)
        assert not [one for one in refused if "404" not in one], path


def test_the_keyboard_reaches_the_content_first_and_never_the_trap(page: Page) -> None:
    page.goto("/")
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
    assert reached[0] == "Skip to the content"
    assert "email" in reached
    assert "website" not in reached
    assert page.locator("#website").bounding_box()["x"] < 0  # type: ignore[index]
