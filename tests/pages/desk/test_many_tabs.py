"""Many pages of the desk open at once in one browser, which has six connections for all of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.editing import with_intro
from tests.pages.desk.desks import Sat

#: More than a browser's connections; some of these pages once held two of them.
PATHS = ("/edition", "/preview", "/send", "/", "/edition", "/preview", "/send", "/week")

#: A browser without a screen takes every page for the one that is seen; this says which one is.
SEEN = """(seen) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => !seen });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def turn_to(page: Page, others: list[Page]) -> None:
    """Leave the other pages for this one, as by its tab."""
    for one in others:
        if one is not page:
            one.evaluate(SEEN, arg=False)
    page.evaluate(SEEN, arg=True)


def test_eight_tabs_open_and_work_and_one_that_is_come_back_to_shows_what_changed(sat: Sat, browser: Browser) -> None:
    pages = [sat.show(browser, PATHS[0])]
    for path in PATHS[1:]:
        pages.append(pages[0].context.new_page())
        turn_to(pages[-1], pages)
        pages[-1].goto(sat.url + path, timeout=5_000)
    first = pages[0]
    turn_to(first, pages)
    first.locator(".pairs").get_by_role("button", name="Down").first.click()
    expect(first.get_by_role("button", name="Undo:")).to_be_visible()
    first.close()
    edition = with_intro(sat.record.edition, "Bob wrote this meanwhile.")
    sat.services.editions.keep_edit(sat.record, edition, "Bob")
    turn_to(pages[1], pages[1:])
    expect(pages[1].frame_locator("#mail iframe[name]").get_by_text("Bob wrote this meanwhile.")).to_be_attached()
    turn_to(pages[3], pages[1:])
    expect(pages[3].get_by_text("Bob wrote this meanwhile.")).to_be_visible()


@pytest.mark.parametrize("path", ["/preview", "/send", "/edition"])
def test_a_page_listens_once_and_not_while_nobody_sees_it(sat: Sat, browser: Browser, path: str) -> None:
    page = sat.show(browser, "/health")
    page.goto("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live" in request.url else None)
    page.goto(sat.url + path)
    page.wait_for_timeout(200)
    assert len(asked) == 1
    page.evaluate(SEEN, arg=False)
    page.evaluate(SEEN, arg=True)
    page.wait_for_timeout(200)
    assert len(asked) == 2
