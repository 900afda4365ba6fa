"""This week at the desk: launches ranked with their reasons, and every word on them with the way back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from httpx import Response
from playwright.sync_api import Browser, expect

from digest.model import CATEGORIES, Launch
from digest.store import entry_key
from flows import steps
from pages.desk.week import CATEGORY_KEYS
from tests.emails.browsing import axe, need_axe
from tests.examples import launch
from tests.pages.desk.desks import NOW, WEEK, Sat, form_of, words


def listed(page: str) -> list[str]:
    """The ids of the launches on a page, in their order."""
    return re.findall(r'<li id="launch-([0-9a-z-]+)"', page)


def called(sat: Sat, name: str) -> Launch:
    """The launch of a tool."""
    return next(one for one in sat.services.store.launches(everything=True) if one.tool_name == name)


def marked(page: str, one: Launch) -> str:
    """A launch as the forms of a page name it."""
    found = re.search(rf'value="({one.id} \w+)"', page)
    assert found
    return found[1]


def say(sat: Sat, action: str, one: Launch, on: str = "/week", **typed: Any) -> Response:
    """Say something of a launch with the form of a page; no box is ticked in it but those that are typed."""
    page = sat.get(on)
    fields = {name: value for name, value in form_of(page, f"/week/{action}").items() if not name.startswith("entry-")}
    return sat.post(f"/week/{action}", fields | {"launch": marked(page, one)} | typed)


def kept(sat: Sat) -> dict[str, list[str]]:
    """What undoing gives back: all but the notes of what was changed."""
    return {table: rows for table, rows in sat.rows().items() if table != "changes"}


def bring(sat: Sat, *launches: Launch) -> None:
    sat.services.store.keep_launches(launches, NOW)


@pytest.mark.only_looks
def test_launches_are_ranked_and_say_what_they_are_and_why(sat: Sat) -> None:
    page = sat.get("/week")
    launches = list(steps.launches_of(sat.services, WEEK))
    assert listed(page) == [one.id for one in launches]
    said = words(page)
    for one in launches:
        assert f"{one.tool_name} {one.title}" in said
        assert " ; ".join(one.reasons[:6]) in said
    assert "Productivity · $99/month · has its verdict" in said
    assert re.search(r"3 feeds: vendor-notes , launch-harbour , workbench-weekly . Score 0.98", said)
    assert re.search(r"Without a verdict 9 Rejected 0", said)


@pytest.mark.parametrize(
    ("action", "typed", "said"),
    [
        ("reject", {}, "Rejected Queryous"),
        ("rename", {"name": " Query \n Us "}, "Renamed Queryous to Query Us"),
        ("rename", {"name": "Kino Kiln"}, "Renamed Queryous to Kino Kiln"),
        ("category", {"category": "Agents"}, "Put Queryous into Agents"),
    ],
)
def test_a_word_on_a_launch_is_kept_and_taken_back(sat: Sat, action: str, typed: dict[str, str], said: str) -> None:
    before, one = kept(sat), called(sat, "Queryous")
    on = f"/week?launch={one.id}&do={action}&named=quer"
    answer = say(sat, action, one, on=on, **typed)
    assert answer.status_code == 200
    assert f"Undo: {said}" in words(answer.text)
    assert answer.url.params["named"] == "quer"
    assert "do" not in answer.url.params
    after = sat.services.launches.line(one.id)
    assert after
    assert (after.rejected, after.launch.tool_name, after.launch.category) == (
        action == "reject",
        " ".join(typed.get("name", one.tool_name).split()),
        typed.get("category", one.category),
    )
    sat.send("/undo", on=str(answer.url))
    assert kept(sat) == before


def test_what_was_rejected_is_accepted_again(sat: Sat) -> None:
    one = called(sat, "Queryous")
    say(sat, "reject", one)
    page = sat.get("/week?show=rejected")
    assert listed(page) == [one.id]
    assert one.id not in listed(sat.get("/week?show=unreviewed"))
    say(sat, "accept", one, on="/week?show=rejected")
    assert listed(sat.get("/week?show=rejected")) == []
    assert "Nothing is rejected" in words(sat.get("/week?show=rejected"))


def test_marked_launches_become_one_and_two_again(sat: Sat) -> None:
    before, page = kept(sat), sat.get("/week")
    into, other = called(sat, "Queryous"), called(sat, "Kerning Club")
    first, second = sorted((into, other), key=lambda one: listed(page).index(one.id))
    typed: dict[str, Any] = {f"mark-{one.id}": marked(page, one) for one in (first, second)}
    answer = sat.send("/week/merge", on="/week", **typed)
    assert f"Merged {second.tool_name} into {first.tool_name}" in words(answer.text)
    assert second.id not in listed(answer.text)
    merged = sat.services.launches.line(first.id)
    assert merged
    assert set(merged.launch.entries) >= {*first.entries, *second.entries}
    sat.send("/undo", on="/week")
    assert kept(sat) == before


def test_one_marked_launch_is_merged_into_one_that_is_searched_for(sat: Sat) -> None:
    one, page = called(sat, "Kerning Club"), sat.get("/week")
    typed: dict[str, Any] = {f"mark-{one.id}": marked(page, one)}
    answer = sat.send("/week/merge", on="/week", **typed)
    assert "Which launch is it part of?" in words(answer.text)
    assert "Into Stale Bread : Three for a rainy Thursday" in words(answer.text)
    found = sat.get(f"/week?launch={one.id}&do=merge&like=cloak").partition('id="merge-into"')[2]
    assert "Into Cloakroom : Hello, Cloakroom" in words(found)
    into = called(sat, "Cloakroom")
    on = f"/week?launch={one.id}&do=merge&like=cloak"
    page = sat.get(on)
    typed = {"also": marked(page, one), "mark-into": marked(page, into)}
    assert sat.send("/week/merge", on=on, **typed).status_code == 200
    merged = sat.services.launches.line(one.id)
    assert merged
    assert merged.merged


def test_chosen_entries_become_a_launch_of_their_own_and_are_put_back(sat: Sat) -> None:
    before, one = kept(sat), called(sat, "Harbor Pilot")
    on = f"/week?launch={one.id}&do=split"
    typed = {f"entry-{n}": entry_key(*key) for n, key in enumerate(one.entries[1:], 2)}
    answer = say(sat, "split", one, on=on, tool="Harbor Master", **typed)
    assert answer.status_code == 200
    own = called(sat, "Harbor Master")
    assert sorted(own.entries) == sorted(one.entries[1:])
    assert called(sat, "Harbor Pilot").entries == one.entries[:1]
    sat.send("/undo", on="/week")
    assert kept(sat) == before


@pytest.mark.parametrize(
    ("action", "typed", "said"),
    [
        ("rename", {"name": "!!"}, "a name with letters or digits"),
        ("category", {"category": "Toys"}, "found 'Toys'; allowed: Developer Tools"),
        ("split", {}, "Choose the entries"),
    ],
)
def test_what_is_not_possible_is_said_and_changes_nothing(
    sat: Sat, action: str, typed: dict[str, str], said: str
) -> None:
    before, one = sat.rows(), called(sat, "Harbor Pilot")
    answer = say(sat, action, one, on=f"/week?launch={one.id}&do={action}", **typed)
    assert answer.status_code == 422
    assert said in words(answer.text)
    assert f'data-open="{one.id} {action}"' in answer.text
    assert "name" not in typed or 'value="!!"' in answer.text
    assert sat.rows() == before


def test_a_launch_that_somebody_else_changed_is_not_overwritten(sat: Sat) -> None:
    one, bob = called(sat, "Queryous"), sat.come_in("Bob")
    old: dict[str, Any] = {"launch": marked(sat.get("/week"), one)}
    sat.send("/week/category", on=f"/week?launch={one.id}&do=category", client=bob, category="Agents", **old)
    before = sat.rows()
    answer = sat.send("/week/rename", on=f"/week?launch={one.id}&do=rename", name="Query Us", **old | {"seen": "0"})
    assert answer.status_code == 409
    assert "Bob: Put Queryous into Agents" in words(answer.text)
    assert 'value="Query Us"' in answer.text
    assert sat.rows() == before
    done = say(sat, "rename", one, on=f"/week?launch={one.id}&do=rename", name="Query Us")
    assert done.status_code == 200


def test_an_entry_in_which_nothing_was_spotted_is_announced(sat: Sat) -> None:
    known = {key for one in sat.services.store.launches(everything=True) for key in one.entries}
    entry = next(one for one, _ in sat.services.entries.all_entries() if (one.feed, one.id) not in known)
    before = kept(sat)
    assert sat.send("/week/announce", on="/week", link="https://example.org/nowhere", tool="X").status_code == 422
    sat.send("/week/announce", on="/week", link=entry.link, tool="Overlooked")
    assert called(sat, "Overlooked").entries == ((entry.feed, entry.id),)
    sat.send("/undo", on="/week")
    assert kept(sat) == before


def test_launches_are_searched_and_turned_page_by_page(sat: Sat) -> None:
    made = [
        replace(launch(), id=f"made-{n:03}", tool_slug=f"made-{n}", tool_name=f"ÖLFASS {n}", first_seen=NOW,
                announced_at=NOW, score=0.01, entries=(("feed", str(n)),))
        for n in range(90)
    ]  # fmt: skip
    bring(sat, *made)
    pages = [listed(sat.get(f"/week?named=%C3%B6lfass&page={n}")) for n in (1, 2, 3, 4)]
    assert list(map(len, pages)) == [40, 40, 10, 0]
    assert sorted(one for ids in pages for one in ids) == [one.id for one in made]
    assert "There is no such page" in words(sat.get("/week?named=%C3%B6lfass&page=4"))
    assert "Nothing of this week is called so" in words(sat.get("/week?named=nowhere"))
    assert len(listed(sat.get("/week?page=x&show=whatever&do=rename&launch=%3Cb%3E"))) == 40


@pytest.mark.only_looks
def test_a_week_without_launches_says_what_to_do(sat: Sat) -> None:
    assert "verdicts gather" in words(sat.get("/week?week=2026-W40"))


def test_hostile_texts_do_nothing_and_break_no_layout(sat: Sat, browser: Browser) -> None:
    need_axe()
    bad = "<script>alert(1)</script>\u202e" + "W" * 10_000
    link = "javascript:alert(1)"
    bring(
        sat,
        replace(launch(), id="bad", tool_slug="bad", tool_name=bad, title=bad, link=link, tagline=bad, first_seen=NOW,
                announced_at=NOW, reasons=(bad,) * 3, entry_price=bad, score=1.0,
                entries=tuple((f"{bad}{n}", bad) for n in range(9))),
    )  # fmt: skip
    assert "<script>alert" not in (html := sat.get("/week"))
    assert "javascript:" not in html
    page = sat.show(browser, "/week", 375, "dark")
    page.on("dialog", lambda _: pytest.fail("a script ran"))
    for path in ("/week", "/week?launch=bad&do=split", "/week?launch=bad&do=merge", "/review?tool=bad", "/review"):
        page.goto(sat.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(f"{sat.url}/week?launch=bad&do=split&named=www")
    assert axe(page)["violations"] == []


def test_the_week_is_worked_through_by_keyboard(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, "/week")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    first, second = (called(sat, name) for name in ("Harbor Pilot", "Footnote Ferret"))
    page.keyboard.press("j")
    page.keyboard.press("x")
    row = page.locator(f"#launch-{first.id}")
    expect(row.get_by_text("rejected")).to_be_visible()
    expect(row).to_be_focused()
    page.keyboard.press("y")
    expect(row.get_by_text("rejected")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.locator("[data-open] [data-first]").wait_for()
    page.keyboard.press("g")
    expect(page.locator(f"#launch-{second.id}")).to_contain_text("Agents ·")
    page.keyboard.press("r")
    expect(page.get_by_label("What the tool is called", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-open]")).to_have_count(0)
    expect(page.locator(f"#launch-{second.id}")).to_be_focused()
    page.keyboard.press("m")
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(page.locator("[data-marks]")).to_contain_text("will be part of Footnote Ferret")
    page.keyboard.press("M")
    expect(page.locator('[data-key="u"]')).to_contain_text("Merged Stale Bread into Footnote Ferret")
    page.keyboard.press("u")
    expect(page.locator('[data-key="U"]')).to_contain_text("Merged Stale Bread")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Find")).to_be_focused()
    assert said == []


def test_every_category_has_a_key_that_approves_nothing() -> None:
    assert tuple(CATEGORY_KEYS) == CATEGORIES
    assert len(set(CATEGORY_KEYS.values()) - set("aujkU?")) == len(CATEGORIES)


def test_what_the_edition_compares_says_so_also_once_it_is_rejected(sat: Sat) -> None:
    pair = sat.record.edition.matchups[0]
    one = called(sat, pair.a.tool.name)
    row = sat.get("/week").partition(f'id="launch-{one.id}"')[2].partition("</li>")[0]
    assert "· compared in No. 1" in words(row)
    page = say(sat, "reject", one).text
    row = page.partition(f'id="launch-{one.id}"')[2].partition("</li>")[0]
    assert "still compared in No. 1 : swap or veto it there" in words(row)
    assert f'href="/edition?week={WEEK}#pair-{pair.slug}"' in row
    said = f"{one.tool_name} is compared, and its launch was rejected."
    assert said in words(sat.get("/edition"))
    say(sat, "accept", one, on="/week?show=rejected")
    assert said not in words(sat.get("/edition"))
