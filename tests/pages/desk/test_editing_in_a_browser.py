"""The edition's page and the one that compares, in a real browser: keys, dragging, hostile texts, light and dark."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import Sat

#: What a feed may call a tool.
HOSTILE = "<script>window.hurt = 1</script>", "a" * 10_000, "\u202eevil\u202c <img src=x onerror=window.hurt=1>"


def slugs(sat: Sat) -> list[str]:
    return [one.slug for one in sat.record.edition.matchups]


def made_hostile(sat: Sat) -> None:
    """Let the tools of the edition be called what no tool should be."""
    edition = sat.record.edition
    pairs = [
        replace(
            one, why=name, blurb=name[:600], a=replace(one.a, tool=replace(one.a.tool, name=name, url="javascript:x"))
        )
        for one, name in zip(edition.matchups, HOSTILE, strict=False)
    ]
    lacked = [replace(one, lacked=HOSTILE[2]) for one in edition.passed_over]
    changed = replace(edition, matchups=(*pairs, *edition.matchups[3:]), passed_over=tuple(lacked), intro=HOSTILE[0])
    sat.services.editions.keep_edit(sat.record, changed, "somebody")


def sticking_out(page: Page) -> list[str]:
    """What makes the page wider than the window."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *")]
           .filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 150))"""
    )
    return found


@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), pytest.param(1280, "light", marks=pytest.mark.thorough)])
def test_hostile_texts_do_nothing_and_axe_finds_nothing(sat: Sat, browser: Browser, width: int, scheme: Scheme) -> None:
    need_axe()
    made_hostile(sat)
    sat.send("/edition/order", on="/edition", order="2 1 3 4 5")
    page = sat.show(browser, "/edition", width, scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for path in ("/edition", "/compare?source=yes"):
        page.goto(sat.url + path)
        page.wait_for_load_state("load")
        assert axe(page)["violations"] == [], path
        assert page.evaluate("window.hurt") is None
        assert sticking_out(page) == [], path
        assert page.locator('[href^="javascript"]').count() == 0
    assert said == []


def test_by_keys_alone_a_pair_is_moved_shown_in_full_and_reworded(sat: Sat, browser: Browser) -> None:
    first, second, third, *_ = slugs(sat)
    page = sat.show(browser, "/edition")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(f"#pair-{second}")).to_be_focused()
    page.keyboard.press("J")
    expect(page.locator(f"#pair-{second}")).to_have_attribute("data-place", "3")
    expect(page.locator(f"#pair-{second}")).to_be_focused()
    page.keyboard.press("l")
    expect(page.locator(f"#pair-{second} .head")).to_contain_text("in full")
    page.keyboard.press("b")
    page.keyboard.type("Ours.")
    expect(page.locator(f"#blurb-{second}-hint")).to_contain_text("5 characters")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#standing")).to_contain_text("Undo: Wrote the blurb")
    expect(page.locator(f"#blurb-{second}")).to_be_focused()
    assert slugs(sat)[:3] == [first, third, second]
    assert (sat.record.edition.matchups[2].blurb, sat.record.edition.matchups[2].layout) == ("Ours.", "full")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("#subject")).to_be_focused()


def test_a_pair_is_dragged_to_another_place_and_back_by_undo(sat: Sat, browser: Browser) -> None:
    first, second, third, *rest = slugs(sat)
    page = sat.show(browser, "/edition")
    page.locator("#words input[name=subject]").fill("Typed, and not sent yet: this stays where it is")
    page.set_viewport_size({"width": 1280, "height": 1800})
    page.locator(f"#pair-{third} .grip").drag_to(page.locator(f"#pair-{first}"), target_position={"x": 60, "y": 6})
    expect(page.locator("#standing")).to_contain_text("Undo: Moved")
    assert slugs(sat) == [third, first, second, *rest]
    expect(page.locator("#subject")).to_have_value("Typed, and not sent yet: this stays where it is")
    page.locator(f"#pair-{third} .why").click()
    page.keyboard.press("u")
    expect(page.locator(f"#pair-{first}")).to_have_attribute("data-place", "1")
    assert slugs(sat) == [first, second, third, *rest]


def test_two_versions_stand_beside_each_other(sat: Sat, browser: Browser) -> None:
    sat.send("/edition/words", on="/edition", intro="Only in the newer one.")
    page = sat.show(browser, "/compare")
    before, after = page.frame_locator(".beside iframe >> nth=0"), page.frame_locator(".beside iframe >> nth=1")
    expect(after.get_by_text("Only in the newer one.")).to_be_visible()
    expect(before.get_by_text(sat.record.edition.matchups[0].b.tool.name).first).to_be_visible()
    expect(before.get_by_text("Only in the newer one.")).to_have_count(0)
    left, right = (page.locator("iframe").nth(at).bounding_box() for at in (0, 1))
    assert left
    assert right
    assert left["y"] == right["y"]
    page.keyboard.press("h")
    expect(page.get_by_role("region", name="The html part, with what changed")).to_be_visible()
