"""What is typed at the desk while others, or other buttons, go on: nobody's words are lost without a word."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.pages.desk.desks import Sat, form_of, words
from tests.pages.desk.test_trouble import changed_elsewhere


def test_a_typed_text_never_replaces_what_another_editor_saved_unseen(sat: Sat, browser: Browser) -> None:
    """Also after another form brought the page up to date."""
    page = sat.show(browser, "/edition")
    page.get_by_label("Intro").fill("Ada’s intro.")
    changed_elsewhere(sat)
    news = page.get_by_text("What you typed is still here. See who changed what")
    expect(news).to_be_in_viewport(timeout=5000)
    page.get_by_label("You are").fill("Ada")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("You are")).to_have_value("Ada")
    page.evaluate("refresh()")  # brought up to date once more: this time nothing is new
    expect(news).to_be_in_viewport()
    page.get_by_role("button", name="Save the words").click()
    expect(page.get_by_role("alert")).to_contain_text("was changed by Bob since this page was opened")
    expect(page.get_by_text("Stored now: Bob wrote this.")).to_be_visible()
    assert sat.record.edition.intro == "Bob wrote this."
    page.get_by_role("button", name="Save the words").click()
    expect(page.locator("#standing")).to_contain_text("Undo: Reworded the intro")
    assert sat.record.edition.intro == "Ada’s intro."
    expect(news).to_be_hidden()


def test_a_form_that_was_refused_for_another_reason_is_still_of_the_older_revision(sat: Sat) -> None:
    """Else it would be taken the second time, over what somebody wrote between."""
    page = sat.get("/edition")
    changed_elsewhere(sat)
    sent = form_of(page, "/edition/words") | {"subject": "x" * 1000, "intro": "Ada’s intro."}
    refused = sat.post("/edition/words", sent | {"revision": str(sat.record.revision)})
    assert "data-stale" not in refused.text
    assert form_of(refused.text, "/edition/words")["revision"] == str(sat.record.revision)
    changed_elsewhere(sat, "Bob wrote more.")
    again = sat.post("/edition/words", form_of(refused.text, "/edition/words") | {"subject": "A subject that fits"})
    assert again.status_code == 409
    assert "Somebody was faster" in words(again.text)
    assert sat.record.edition.intro == "Bob wrote more."


def test_an_approval_asks_about_words_that_are_not_saved(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, "/edition")
    intro, approve = page.get_by_label("Intro"), page.locator('#standing [data-key="a"]')
    intro.fill("Ada’s intro.")
    approve.click()
    asked = page.get_by_role("dialog", name="What you typed is not saved")
    expect(asked).to_contain_text("Intro")
    asked.get_by_role("button", name="Back").click()
    expect(asked).to_be_hidden()
    assert sat.state == "draft"
    approve.click()
    asked.get_by_role("button", name="Save it, and approve").click()
    expect(page.locator("#standing .badge")).to_have_text("approved")
    assert (sat.state, sat.record.edition.intro) == ("approved", "Ada’s intro.")
    sat.send("/undo")
    expect(page.locator("#standing .badge")).to_have_text("draft", timeout=5000)
    intro.fill("Ada’s other intro.")
    approve.click()
    asked.get_by_role("button", name="Approve without it").click()
    expect(page.locator("#standing .badge")).to_have_text("approved")
    assert sat.record.edition.intro == "Ada’s intro."
    expect(intro).to_have_value("Ada’s other intro.")


def test_no_press_of_undo_is_lost_however_fast_they_come(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, "/edition")
    for number in range(4):
        changed = sat.send("/edition/words", on="/edition", intro=f"Intro {number}.")
        assert changed.status_code == 200
    expect(page.get_by_label("Intro")).to_have_value("Intro 3.", timeout=5000)
    for _ in range(3):
        page.keyboard.press("u")
    expect(page.get_by_label("Intro")).to_have_value("Intro 0.", timeout=20000)
    assert sat.record.edition.intro == "Intro 0."
