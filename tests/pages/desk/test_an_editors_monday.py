"""An editor's Monday in a real browser: from the week's launches to an approved edition, and how much that takes.

An interaction is what a hand does once: open the desk, click, press a key (or keys together), type or paste one text.
Looking, scrolling and waiting are none.
"""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlmodel import delete

from digest.database import writing
from digest.tables import EditionRow, MatchupRow
from flows.demo import demo
from tests.pages.desk.desks import Sat, sat_at
from tests.pages.desk.test_reviews import GOOD, stored

MONDAY = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)

INTRO = "A calm week, and one tool that surprised the Skeptic."


class Hand:
    """An editor's hand at a desk, which counts what it does."""

    def __init__(self, sat: Sat, browser: Browser) -> None:
        self.done = 0
        self.page = sat.opened_page(browser)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text))
        self._did(lambda: self.page.goto(sat.server.keys.address))

    def click(self, what: Locator) -> None:
        """Click something."""
        self._did(what.click)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self._did(lambda key=key: self.page.keyboard.press(key))  # type: ignore[misc]

    def write(self, text: str) -> None:
        """Type or paste a text where the cursor is, over what is marked there."""
        self._did(lambda: self.page.keyboard.insert_text(text))

    def _did(self, what: Callable[[], object]) -> None:
        what()
        self.done += 1


@pytest.fixture(scope="module")
def monday_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home on Monday morning: feeds were gathered and reviews imported, and nothing is composed yet."""
    home = tmp_path_factory.mktemp("monday") / "home"
    with contextlib.redirect_stdout(io.StringIO()):
        demo(home, MONDAY, deliver=False)
    with sat_at(home, now=MONDAY) as sat, writing(sat.services.engine) as session:
        session.exec(delete(MatchupRow))
        session.exec(delete(EditionRow))
    return home


@pytest.fixture
def monday(monday_home: Path, tmp_path: Path) -> Iterator[Sat]:
    with sat_at(shutil.copytree(monday_home, tmp_path / "home"), now=MONDAY) as sat:
        yield sat


def stands(page: Page, state: str) -> None:
    expect(page.locator("#standing .badge")).to_have_text(state)


def offers(page: Page, key: str, said: str) -> None:
    """What was done last stands on the button that takes it back (u), or does it again (U)."""
    expect(page.locator(f'#standing [data-key="{key}"]')).to_contain_text(said)


def made(sat: Sat) -> None:
    """What both Mondays come to."""
    record = sat.record
    assert record.state == "approved"
    assert record.edition.intro == INTRO
    assert record.message
    assert INTRO in record.message.text
    assert len(stored(sat, "lamplight")) == 2
    said = [one.words for one in reversed(sat.services.journal.last())]
    assert " ".join(one.partition(" ")[0] for one in said) == "Rejected Took Took Composed Put Reworded Approved"


def test_a_monday_with_the_mouse(monday: Sat, browser: Browser) -> None:
    hand = Hand(monday, browser)
    page = hand.page
    stands(page, "not composed")
    nav = page.get_by_role("navigation", name="The desk")
    hand.click(nav.get_by_role("link", name="This week"))
    first = page.locator(".launches > li").first
    hand.click(first.get_by_role("button", name="Reject"))
    expect(first.get_by_text("rejected")).to_be_visible()
    hand.click(page.get_by_role("button", name="Undo: Rejected"))
    expect(first.get_by_role("button", name="Reject")).to_be_visible()
    hand.click(page.get_by_role("link", name="or paste a review"))
    hand.click(page.get_by_label("Or paste what a review file holds"))
    hand.write(GOOD)
    hand.click(page.locator("#paste").get_by_role("button", name="Take in"))
    expect(page.locator(".note")).to_contain_text("Taken in.")
    hand.click(nav.get_by_role("link", name="Edition"))
    hand.click(page.get_by_role("button", name="Compose the edition"))
    stands(page, "draft")
    hand.click(page.locator(".pairs > li").first.get_by_role("button", name="Swap for the next best"))
    offers(page, "u", "at No. 1")
    hand.click(page.get_by_label("Intro"))
    hand.write(INTRO)
    hand.click(page.get_by_role("button", name="Save the words"))
    offers(page, "u", "Reworded the intro")
    if (preview := nav.get_by_role("link", name="Preview")).count():
        hand.click(preview)
        expect(page.frame_locator("iframe").first.get_by_text(INTRO)).to_be_visible()
    hand.click(page.get_by_role("button", name="Approve"))
    stands(page, "approved")
    assert hand.errors == []
    made(monday)


@pytest.mark.thorough
def test_a_monday_with_the_keyboard_only(monday: Sat, browser: Browser) -> None:
    hand = Hand(monday, browser)
    page = hand.page
    hand.press("2")
    expect(page.locator("h1")).to_contain_text("Launches")
    hand.press("j")
    row = page.locator(".launches > li").first
    expect(row).to_be_focused()
    hand.press("x")
    expect(row.get_by_text("rejected")).to_be_visible()
    hand.press("u")
    offers(page, "U", "Rejected")
    hand.press("i")
    expect(page.locator("#pasted")).to_be_visible()
    hand.press("i")
    expect(page.locator("#pasted")).to_be_focused()
    hand.write(GOOD)
    hand.press("Control+Enter")
    expect(page.locator(".note")).to_contain_text("Taken in.")
    hand.press("3")
    expect(page.locator("h1")).to_have_text("Edition")
    hand.press("a")
    stands(page, "draft")
    hand.press("j", "s")
    offers(page, "u", "at No. 1")
    hand.press("i")
    hand.write(INTRO)
    hand.press("Control+Enter")
    offers(page, "u", "Reworded the intro")
    hand.press("Escape")
    if (preview := page.get_by_role("link", name="Preview")).count():
        hand.press(preview.get_attribute("data-key") or "")
        expect(page.frame_locator("iframe").first.get_by_text(INTRO)).to_be_visible()
    hand.press("a")
    stands(page, "approved")
    assert hand.errors == []
    made(monday)


def test_approving_what_is_good_takes_three_interactions_at_most(sat: Sat, browser: Browser) -> None:
    hand = Hand(sat, browser)
    hand.click(hand.page.get_by_role("button", name="Approve"))
    stands(hand.page, "approved")
    assert hand.done <= 3
    assert sat.state == "approved"


@pytest.mark.thorough
def test_a_review_a_swap_an_intro_and_the_approval_take_twelve_clicks_and_texts_at_most(
    sat: Sat, browser: Browser
) -> None:
    hand = Hand(sat, browser)
    page = hand.page
    hand.click(page.get_by_role("link", name="Paste one"))
    expect(page.locator("#pasted")).to_be_focused()
    hand.write(GOOD)
    hand.click(page.locator("#paste").get_by_role("button", name="Take in"))
    expect(page.locator(".note")).to_contain_text("Taken in.")
    hand.click(page.get_by_role("link", name="Edition"))
    hand.click(page.locator(".pairs > li").first.get_by_role("button", name="Swap for the next best"))
    offers(page, "u", "at No. 1")
    hand.click(page.get_by_label("Intro"))
    hand.write(INTRO)
    hand.click(page.get_by_role("button", name="Save the words"))
    offers(page, "u", "Reworded")
    hand.click(page.get_by_role("button", name="Approve"))
    stands(page, "approved")
    assert hand.done <= 12
    assert (sat.record.edition.intro, len(stored(sat, "lamplight"))) == (INTRO, 2)


def test_a_review_a_swap_an_intro_and_the_approval_take_twelve_keys_and_texts_at_most(
    sat: Sat, browser: Browser
) -> None:
    hand = Hand(sat, browser)
    page = hand.page
    hand.press("i")
    expect(page.locator("#pasted")).to_be_focused()
    hand.write(GOOD)
    hand.press("Control+Enter")
    expect(page.locator(".note")).to_contain_text("Taken in.")
    hand.press("3")
    expect(page.locator("h1")).to_have_text("Edition")
    hand.press("j", "s")
    offers(page, "u", "at No. 1")
    hand.press("i")
    hand.write(INTRO)
    hand.press("Control+Enter")
    offers(page, "u", "Reworded")
    hand.press("Escape", "a")
    stands(page, "approved")
    assert hand.done <= 12
    assert (sat.record.edition.intro, len(stored(sat, "lamplight"))) == (INTRO, 2)
