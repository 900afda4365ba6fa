"""The desk in a real browser: it works by mouse, by keyboard and for everybody, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import PASSWORD, Sat, sat_at
from tests.pages.desk.test_trouble import changed_elsewhere


@pytest.mark.parametrize(
    ("width", "scheme"),
    [(1280, "light"), (375, "dark")]
    + [pytest.param(*one, marks=pytest.mark.thorough) for one in ((375, "light"), (1280, "dark"))],
)
def test_axe_finds_nothing(sat: Sat, browser: Browser, width: int, scheme: Scheme) -> None:
    need_axe()
    sat.send("/hold", reason="a doubt")
    page = sat.show(browser, "/", width, scheme)
    found = axe(page)
    assert found["violations"] == []
    assert found["contrast"] > 10
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    assert axe(page)["violations"] == []


@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.thorough)])
def test_axe_finds_nothing_where_something_went_wrong(desk_home: Path, browser: Browser, scheme: Scheme) -> None:
    """A closed door with a password, a stale form, a template that cannot be printed."""
    need_axe()
    with sat_at(desk_home, environment={"VERDICTS_DESK_PASSWORD": PASSWORD}) as sat:
        closed = browser.new_context(color_scheme=scheme).new_page()
        closed.goto(sat.url)
        expect(closed.get_by_label("Password of the desk")).to_be_visible()
        page = sat.show(browser, "/", 375, scheme)
        changed_elsewhere(sat)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("alert")).to_contain_text("was changed by Bob")
        broken = sat.show(browser, "/", 1280, scheme)
        own = sat.home / "templates" / "desk" / "front.html"
        own.parent.mkdir(parents=True)
        own.write_text("{{ nonsense }}")
        broken.reload()
        expect(broken.get_by_role("alert")).to_contain_text("front.html, line 1")
        for one in (closed, page, broken):
            assert axe(one)["violations"] == []


def test_from_opening_to_approval_it_takes_two_interactions(sat: Sat, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(sat.server.keys.address)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#standing .badge")).to_have_text("approved")
    assert sat.state == "approved"


def test_no_button_is_narrower_than_its_word_nor_lower_than_a_thumb(sat: Sat, browser: Browser) -> None:
    sat.send("/hold", reason="a long reason, such as editors have when a price changed over night")
    page = sat.show(browser, "/", 375)
    for button in page.locator("button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["height"] < 60 or box["width"] > 200, button.inner_text()


def test_a_key_approves_and_a_key_takes_it_back(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.keyboard.press("a")
    expect(page.locator("#standing .badge")).to_have_text("approved")
    assert sat.state == "approved"
    page.keyboard.press("Control+z")
    expect(page.locator("#standing .badge")).to_have_text("draft")
    assert sat.state == "draft"
    assert said == []


def test_typing_presses_no_button(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    page.get_by_label("Hold it, because").fill("")
    page.get_by_label("Hold it, because").press_sequentially("a rude joke")
    assert sat.state == "draft"
    page.keyboard.press("Control+Enter")
    expect(page.locator("#standing .badge")).to_have_text("held")
    assert sat.record.held == "a rude joke"


def test_without_scripts_everything_works_by_plain_forms(sat: Sat, browser: Browser) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(sat.server.keys.address)
    page.get_by_role("button", name="Approve").click()
    assert sat.state == "approved"
    page.get_by_role("button", name="Undo: Approved").click()
    assert sat.state == "draft"


def test_on_a_phone_a_page_begins_on_the_first_screen_and_nothing_is_cut_off(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, "/week", 375)
    for path, cut in (("/week", ".find button"), ("/health", ".listed td"), ("/edition", "#words button")):
        page.goto(sat.url + path)
        assert page.evaluate("document.querySelector('main').getBoundingClientRect().top + scrollY") < 300
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        ends = page.locator(cut).evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")
        assert ends
        assert max(ends) <= 375 - 14
        assert page.locator("header [aria-current]").evaluate("(one) => one.getBoundingClientRect().right") <= 375
