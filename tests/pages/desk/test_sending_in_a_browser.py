"""Sending and numbers in a real browser: keys, progress that shows by itself, hostile texts, light and dark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import NOW, Sat
from tests.pages.desk.mailing import mailed_at
from tests.smtpd import Post
from tests.subscribers.providers import SITE_URL, key_of, post, told
from tests.subscribers.readers import MESSAGE, ids

#: What a feed may call a tool, and a mail server say.
HOSTILE = "<script>window.hurt = 1</script>", "a" * 10_000, "\u202eevil\u202c <img src=x onerror=window.hurt=1>"


def sticks_out(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_it_is_sent_watched_and_stopped_with_keys_alone(desk_home: Path, browser: Browser) -> None:
    need_axe()
    said = f"550 5.1.1 {HOSTILE[0]} no such mailbox"
    quirks = {0: said, 1: "loses the answer"}
    slow = Post(delay_s=0.03, readers={f"reader{n}@example.org": quirks[n % 9] for n in range(150) if n % 9 in quirks})
    with mailed_at(desk_home, slow, 150) as sat:
        page = sat.show(browser, "/send", 375, "dark")
        page.keyboard.press("a")
        expect(page.locator(".badge.approved")).to_be_visible()
        page.keyboard.press("g")
        expect(page.get_by_role("heading", name="Send it to 150 readers now?")).to_be_visible()
        page.keyboard.press("y")
        expect(page.get_by_text("This desk sends it for")).to_be_visible()
        bar = page.get_by_role("progressbar")
        page.locator("#addresses").fill("ada@example.org")
        page.locator("body").evaluate("() => { window.stayed = true }")
        first = int(bar.get_attribute("aria-valuenow") or 0)
        page.wait_for_function(
            "(was) => +document.querySelector('[role=progressbar]').getAttribute('aria-valuenow') > was", arg=first
        )
        assert axe(page)["violations"] == []
        page.locator("#addresses").evaluate("(field) => { field.value = field.defaultValue; field.blur() }")
        expect(page.get_by_role("heading", name="In doubt")).to_be_visible()
        expect(page.get_by_role("heading", name="Refused")).to_be_visible()
        page.keyboard.press("s")
        expect(page.locator(".badge.held")).to_be_visible()
        expect(page.get_by_text("and ended:")).to_be_visible()
        assert page.evaluate("window.stayed"), "all of it showed without the page being opened anew"
        assert axe(page)["violations"] == []
        assert page.evaluate("window.hurt") is None
        assert not sticks_out(page)
        assert sat.state == "held"


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_numbers_are_read_by_everybody_whatever_tools_are_called(
    sat: Sat, browser: Browser, width: int, scheme: Scheme
) -> None:
    need_axe()
    with_numbers(sat)
    page = sat.show(browser, "/numbers", width, scheme)
    page.locator("[data-counting]").wait_for(state="detached")
    page.locator("details:not([open]) summary").evaluate_all("(all) => all.forEach((one) => one.click())")
    assert axe(page)["violations"] == []
    assert page.evaluate("window.hurt") is None
    assert not sticks_out(page)
    seen = page.locator("svg.plot[role=img]:visible")
    assert seen.count() == 5
    for plot in seen.all():
        box = plot.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        assert page.get_by_role("img", name=plot.locator("title").first.inner_html()).count() >= 1


def with_numbers(sat: Sat) -> None:
    """Send an edition whose tools are called what none should be, and let something come of it."""
    edition = sat.record.edition
    pairs = [
        replace(one, a=replace(one.a, tool=replace(one.a.tool, name=name)))
        for one, name in zip(edition.matchups, HOSTILE, strict=False)
    ]
    sat.services.editions.keep_edit(sat.record, replace(edition, matchups=(*pairs, *edition.matchups[3:])), "somebody")
    sat.services.editions.approve(sat.record.week, replace(MESSAGE, week=sat.record.week), "somebody", NOW)
    sat.services.editions.start_sending(sat.record.week)
    sat.services.ledger.plan(sat.record.week, NOW)
    claim = sat.services.ledger.claim(sat.record.week, "here:1:1", NOW, list, "outbox")
    sat.services.ledger.record(claim, "accepted", NOW)  # type: ignore[arg-type]
    engine, key = sat.services.engine, key_of(sat.services.engine)
    readers = ids(engine)
    page = f"{SITE_URL}/compare/{edition.matchups[0].slug}"
    clicked = told(key, readers[0], "click", 9_000, url=page)
    complained = told(key, readers[0], "spamreport", NOW)
    post(engine, *(told(key, one, "delivered", NOW) for one in readers), clicked, complained)
