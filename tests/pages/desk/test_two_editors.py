"""Two editors at once, in real browsers: each sees what the other does, and nobody's typing is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.desk.desks import Sat
from tests.pages.desk.test_trouble import busy, changed_elsewhere


def state_of(page: Page) -> str:
    return page.locator("#standing .badge").inner_text()


def test_what_another_editor_does_shows_by_itself(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    bob = sat.come_in("Bob")
    sat.send("/hold", client=bob, reason="Bob doubts")
    expect(page.locator("#standing .badge")).to_have_text("held", timeout=5000)
    expect(page.locator("#standing .state")).to_contain_text("Bob doubts")
    expect(page.locator("#said")).to_have_text("Somebody changed this week; the page shows it.")


def test_what_is_typed_keeps_the_page_as_it_is_and_a_stale_approval_is_refused(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    reason = page.get_by_label("Hold it, because")
    reason.fill("half a thought")
    changed_elsewhere(sat)
    expect(page.locator("#said")).to_have_text(
        "Somebody changed this week. What you typed is still here.", timeout=5000
    )
    page.get_by_role("button", name="Approve").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("was changed by Bob since this page was opened")
    expect(alert).to_contain_text("Bob: Wrote the intro “Bob wrote this.”")
    expect(page.locator("main")).to_contain_text("Bob wrote this.")
    expect(reason).to_have_value("half a thought")
    assert sat.state == "draft"
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#standing .badge")).to_have_text("approved")
    expect(reason).to_have_value("half a thought")
    expect(alert).to_be_empty()


def test_two_who_type_into_one_edition_both_keep_what_they_typed(sat: Sat, browser: Browser) -> None:
    """The second is told by whom it was changed, sees the other's words, and sends what was typed once more."""
    pair = sat.record.edition.matchups[1].slug
    ada, bob = (sat.show(browser, "/edition") for _ in range(2))
    ada.get_by_label("Intro").fill("Ada’s intro.")
    bob.get_by_label("Subject").fill("Bob’s subject, which is long enough to read well")
    bob.locator(f"#blurb-{pair}").fill("Bob’s blurb, not sent yet.")
    ada.get_by_label("Intro").press("Control+Enter")
    expect(ada.locator("#standing")).to_contain_text("Undo: Reworded the intro")
    expect(bob.locator("#said")).to_have_text("Somebody changed this week. What you typed is still here.")
    bob.get_by_label("Subject").press("Control+Enter")
    expect(bob.get_by_role("alert")).to_contain_text("since this page was opened; nothing was overwritten")
    expect(bob.get_by_role("alert")).to_contain_text("Reworded the intro")
    assert sat.record.edition.intro == "Ada’s intro."
    assert "Bob" not in sat.record.edition.subject
    expect(bob.get_by_label("Subject")).to_have_value("Bob’s subject, which is long enough to read well")
    expect(bob.locator(f"#blurb-{pair}")).to_have_value("Bob’s blurb, not sent yet.")
    bob.get_by_label("Subject").press("Control+Enter")
    expect(bob.locator("#standing")).to_contain_text("Undo: Reworded the subject")
    expect(bob.locator(f"#blurb-{pair}")).to_have_value("Bob’s blurb, not sent yet.")
    edition = sat.record.edition
    assert edition.subject == "Bob’s subject, which is long enough to read well"
    assert edition.intro == "Ada’s intro."


def test_focus_caret_and_scroll_stay_while_the_page_renews_itself(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, width=375)
    rows = page.locator("[data-row]")
    for _ in range(4):
        page.keyboard.press("j")
    expect(rows.nth(3)).to_be_focused()
    before = page.evaluate("scrollY")
    changed_elsewhere(sat)
    expect(page.locator("main")).to_contain_text("Bob wrote this.", timeout=5000)
    expect(rows.nth(3)).to_be_focused()
    assert page.evaluate("scrollY") == before
    page.keyboard.press("k")
    expect(rows.nth(2)).to_be_focused()


def test_a_form_that_was_not_taken_keeps_what_was_typed_until_it_is(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    reason = page.get_by_label("Hold it, because")
    reason.fill("a long thought")
    with busy(sat):
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("alert")).to_contain_text("The database is locked", timeout=10000)
        expect(reason).to_have_value("a long thought")
    changed_elsewhere(sat)
    expect(page.locator("#said")).to_have_text(
        "Somebody changed this week. What you typed is still here.", timeout=5000
    )
    expect(reason).to_have_value("a long thought")
    reason.press("Control+Enter")
    expect(page.locator("#standing .badge")).to_have_text("held")
    assert sat.record.held == "a long thought"


def test_a_desk_that_was_stopped_says_so_in_place(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    page.get_by_label("Hold it, because").fill("a long thought")
    sat.server.stop()
    page.route("**/hold", lambda route: route.abort())
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("The desk does not answer")
    expect(page.get_by_label("Hold it, because")).to_have_value("a long thought")


@pytest.mark.only_looks
def test_keys_may_be_switched_off(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    page.keyboard.press("?")
    page.get_by_label("Keys without Ctrl work").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("a")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").first).not_to_be_focused()
    assert state_of(page) == "draft"


def test_a_double_click_sends_a_form_once(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    page.get_by_label("Hold it, because").fill("once")
    page.get_by_role("button", name="Hold", exact=True).dblclick()
    expect(page.locator("#standing .badge")).to_have_text("held")
    assert [one.said for one in sat.services.journal.last()] == ["Held 2026-W47: once"]
