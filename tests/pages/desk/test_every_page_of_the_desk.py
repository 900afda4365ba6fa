"""Every page of the desk, also those to come: hostile texts do nothing on it, and axe-core finds nothing in it.

The pages are those of the navigation, at a home whose feeds, launches, reviews, edition and letters hold what no text
should. Each is looked at as on a phone in the dark and as on a desk by day.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page
from sqlmodel import select

from digest.database import writing
from digest.rendering import SHIPPED
from digest.undoing import Scope
from pages.desk.app import PAGES
from pages.desk.showing import FILES
from sources.tables import FeedMemory
from subscribers.tables import EventPostRow, NoticeRow
from tests.emails.browsing import axe, need_axe
from tests.examples import launch, review, tool
from tests.pages.desk.desks import NOW, WEEK, Sat, sat_at

#: What a feed may call a tool, a site may answer, or a reviewer may say.
SCRIPT = "<script>window.hurt = 1; alert(1)</script>"
IMAGE = '"><img src=https://evil.example/x.png onerror=window.hurt=1>'
TURNED = "\u202eevil\u202c \u2067live\u2069 a\u0301\u0302\u0303"
LONG = "W" * 10_000
EVERYTHING = f"{SCRIPT} {IMAGE} {TURNED} {{{{ 7 * 7 }}}} javascript:window.hurt=1 {LONG}"

#: Where a link may lead in a text from outside.
LINK = "javascript:window.hurt=1"

#: Pages that surely show some of them.
SPOILED = {"/", "/week", "/edition", "/compare", "/health"}

#: What else is shown at the addresses of the navigation, or beside them.
BESIDES = (
    "/week?launch=bad&do=split", "/week?launch=bad&do=merge", "/week?launch=bad&do=rename&named=www",
    "/week?show=unreviewed", "/review", "/review?tool=bad", "/review?tool=bad&reviewer=builder", "/review?named=w",
    "/compare?source=yes",
)  # fmt: skip

#: Elements whose right edge lies outside of the window, though nothing around them scrolls.
STICKING_OUT = """() => document.documentElement.scrollWidth <= innerWidth ? []
  : [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth)
      .map((one) => one.outerHTML.slice(0, 150))"""

#: Attributes that would make a link or a script of a text.
ACTING = '[href^="javascript" i], [src^="javascript" i], [action^="javascript" i], [onerror], [onclick], [style]'


@dataclass
class Watched:
    """A page of a desk, with what it asked for and said since it was opened."""

    sat: Sat
    page: Page
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def look(self, path: str) -> None:
        """Go to a page with nothing asked and nothing said."""
        self.asked.clear()
        self.said.clear()
        answer = self.page.goto(self.sat.url + path)
        assert answer
        assert answer.status == 200, path

    def dismiss(self, dialog: Dialog) -> None:
        """Note a dialog, and let the page go on."""
        self.said.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    @property
    def foreign(self) -> list[str]:
        """The requests that went elsewhere than to the desk."""
        return [one for one in self.asked if not one.startswith((self.sat.url, "data:", "about:"))]


def spoil(sat: Sat) -> None:
    """Let every text that comes from outside be a hostile one."""
    now, entries = NOW, tuple((f"{SCRIPT}{number}{LONG}", EVERYTHING) for number in range(9))
    bad = replace(
        launch(), id="bad", tool_slug="bad", tool_name=EVERYTHING, title=EVERYTHING, link=LINK, tagline=EVERYTHING,
        first_seen=now, announced_at=now, reasons=(EVERYTHING,) * 3, entry_price=EVERYTHING, score=1.0, entries=entries,
    )  # fmt: skip
    subject = replace(
        tool(), slug="bad", name=EVERYTHING, url=LINK, tagline=EVERYTHING, description=EVERYTHING, vendor=EVERYTHING
    )
    sat.services.store.keep_launches([bad], now)
    sat.services.store.record_reviews([(subject, [review(subject, quote=EVERYTHING)])], now)
    _spoil_edition(sat)
    with writing(sat.services.engine) as session:
        for row in session.exec(select(FeedMemory)):
            row.error_streak, row.reason, row.moved_url = 4, EVERYTHING, LINK
            session.add(row)
        session.add(
            NoticeRow(kind="alarm", state="refused", reason=EVERYTHING, queued_at=now, due_at=now, claimed_at=now)
        )
        session.add(EventPostRow(sender="sendgrid", received_at=now, body=b"", applied_at=now, reason=EVERYTHING))
    hold = f"{SCRIPT} {TURNED} {'W' * 200}"
    sat.services.journal.keep(
        Scope(WEEK), SCRIPT[:40] + TURNED, now, lambda: sat.services.editions.hold(WEEK, hold), EVERYTHING
    )


def _spoil_edition(sat: Sat) -> None:
    """Let each pair of the edition be called by one of the texts, so that none hides another."""
    edition, record = sat.record.edition, sat.record
    pairs = [
        replace(one, why=name, blurb=name[:600], a=replace(one.a, tool=replace(one.a.tool, name=name, url=LINK)))
        for one, name in zip(edition.matchups, (SCRIPT, IMAGE, TURNED, LONG, EVERYTHING), strict=True)
    ]
    changed = replace(
        edition, matchups=(*pairs[1:], pairs[0]), intro=f"{SCRIPT} {IMAGE} {TURNED}", preheader=SCRIPT,
        passed_over=tuple(replace(one, lacked=EVERYTHING) for one in edition.passed_over),
    )  # fmt: skip
    sat.services.journal.keep(
        Scope(WEEK), "ada", NOW, lambda: sat.services.editions.keep_edit(record, changed, SCRIPT), EVERYTHING
    )


@pytest.fixture(scope="module")
def watched(browser: Browser, demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One page for all: to open a browser's window costs more than to look at a page in it."""
    with sat_at(shutil.copytree(demo_home, tmp_path_factory.mktemp("spoiled") / "home")) as sat:
        spoil(sat)
        page = sat.show(browser)
        found = Watched(sat, page)
        page.on("request", lambda request: found.asked.append(request.url))
        page.on("console", lambda message: found.said.append(message.text))
        page.on("pageerror", lambda error: found.said.append(str(error)))
        page.on("dialog", found.dismiss)
        page.context.on("page", lambda opened: found.asked.append(f"a window: {opened.url}"))
        yield found


@pytest.mark.parametrize("path", [*(path for _, path in PAGES), *BESIDES])
def test_hostile_texts_do_nothing_and_axe_finds_nothing(watched: Watched, path: str) -> None:
    need_axe()
    if path not in BESIDES and path not in [there for _, there in watched.sat.server.pages]:
        pytest.skip(f"the desk has no {path} yet")
    page = watched.page
    watched.look(path)
    for width, scheme in ((375, "dark"), (1280, "light")):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(STICKING_OUT) == [], (path, width)
        found = axe(page)
        assert found["violations"] == [], (path, scheme)
        assert found["contrast"] > 10
    if path in SPOILED or path in BESIDES:
        assert "window.hurt" in page.locator("main").inner_text(), "nothing hostile stands here"
    assert page.evaluate("window.hurt") is None
    assert page.locator(ACTING).count() == 0
    assert "49" not in page.title()
    assert watched.foreign == []
    assert watched.said == [], "a policy was hurt, or a script failed"


def test_every_brace_of_the_style_sheets_closes() -> None:
    """A lost one would hide what follows it from all but narrow windows, and no browser says so."""
    for name in (name for name, kind in FILES.values() if "css" in kind):
        text, depth = re.sub(r"/\*.*?\*/", "", (SHIPPED[-1] / name).read_text("utf-8"), flags=re.DOTALL), 0
        for number, line in enumerate(text.splitlines(), 1):
            starts_anew = bool(line.strip()) and not line.startswith((" ", "}"))
            assert not (depth and starts_anew), f"{name}, line {number} stands within what was opened before it"
            depth += line.count("{") - line.count("}")
        assert depth == 0, name
