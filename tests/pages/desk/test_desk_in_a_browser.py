"""The desk in a real browser: it works by mouse, by keyboard and for everybody, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import Sat


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
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
