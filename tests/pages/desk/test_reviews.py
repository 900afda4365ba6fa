"""Reviews at the desk: what wants one, the form, and files taken in by the rules of the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from httpx import Response
from playwright.sync_api import Browser, expect

from digest.errors import FilesError
from digest.model import Review
from flows import reviewing
from pages.desk.reviews import pasted_name
from tests.emails.browsing import Scheme, axe, need_axe
from tests.pages.desk.desks import Sat, form_of, words

ABOUT = {"entry_price": "Free", "description": "It answers questions about a table."}

GOOD = """tool: lamplight
name: Lamplight
tagline: Reads by itself
category: Agents
entry_price: Free
url: https://example.org/lamplight
description: It reads.
reviews:
  - {reviewer: builder, call: ship, reviewed_on: 2026-11-16, quote: It works.}
  - {reviewer: skeptic, call: skip, reviewed_on: 2026-11-16, quote: It does not.}
"""

WRONG = GOOD.replace("Agents", "Toys").replace("call: ship", "call: maybe") + "---\ntool: half\n"


def fill(sat: Sat, tool: str = "queryous", reviewer: str = "", **typed: str) -> Response:
    """Fill in the form for a tool and send it."""
    page = sat.get(f"/review?tool={tool}&reviewer={reviewer}")
    said = {"reviewer": reviewer or "builder", "call": "ship", "quote": "It  works,\nmostly."}
    return sat.post("/review/save", form_of(page, "/review/save") | said | typed)


def stored(sat: Sat, tool: str) -> list[Review]:
    return sat.services.store.reviews([tool])


def kept(sat: Sat) -> dict[str, list[str]]:
    return {table: rows for table, rows in sat.rows().items() if table != "changes"}


def bring(sat: Sat, action: str, *files: tuple[str, bytes]) -> Response:
    """Send files with the form of a page."""
    fields = form_of(sat.get(action.rsplit("/", 1)[0]), action)
    fields.pop("files", None)
    return sat.client.post(action, data=fields, files=[("files", one) for one in files])


@pytest.mark.only_looks
def test_what_is_wanted_stands_in_the_order_of_the_command(sat: Sat) -> None:
    wanted = reviewing.wanted(sat.services)
    assert wanted
    for path, some in (("/review", wanted), ("/week", wanted[:8])):
        page = sat.get(path)
        assert re.findall(r"tool=([a-z0-9-]+)\"[^>]*data-key=\"v\"[^>]*><bdi>", page) == [
            one.launch.tool_slug for one in some
        ]
        assert all(one.why in words(page) for one in some)


@pytest.mark.only_looks
def test_a_tool_shows_the_panels_view_and_what_is_missing(sat: Sat) -> None:
    ready, new = words(sat.get("/review?tool=kino-kiln")), words(sat.get("/review?tool=queryous"))
    assert "25 % ship: 1 of 4 · the quorum of 3 is met" in ready
    assert "Builder ships, Skeptic skips, Futurist skips, Founder skips." in ready
    assert "Everybody on the panel has said something" in ready
    assert "Nobody has said anything yet · 3 more to the quorum of 3" in new
    asked = words(sat.get("/review/view?tool=queryous&reviewer=skeptic&call=skip"))
    assert "0 % ship: 0 of 1 · 2 more to the quorum of 3" in asked
    assert "Nobody has said" in words(sat.get("/review/view?tool=queryous&reviewer=nobody&call=maybe"))
    assert "Harbor Pilot" in words(sat.get("/review?named=HARBOR"))


def test_a_review_is_written_and_taken_back(sat: Sat) -> None:
    before = kept(sat)
    answer = fill(sat, **ABOUT)
    assert answer.url.params["tool"] == "queryous"
    assert "Undo: Wrote Builder’s review of Queryous: ship" in words(answer.text)
    assert [(one.reviewer, one.call, one.quote) for one in stored(sat, "queryous")] == [
        ("builder", "ship", "It works, mostly.")
    ]
    assert '<option value="skeptic" selected>' in answer.text
    assert sat.services.tools.find("queryous").description == ABOUT["description"]
    sat.send("/undo", on="/review?tool=queryous")
    assert kept(sat) == before


def test_a_changed_review_is_a_new_version_of_that_reviewers(sat: Sat) -> None:
    page = sat.get("/review?tool=kino-kiln&reviewer=skeptic")
    assert "Skeptic said skip on 2 November" in words(page)
    assert "Changed Skeptic’s review" in words(fill(sat, "kino-kiln", "skeptic", quote="It grew on me.").text)
    now = next(one for one in stored(sat, "kino-kiln") if one.reviewer == "skeptic")
    assert (now.call, now.quote, now.version) == ("ship", "It grew on me.", 2)


def test_a_wrong_form_says_every_fault_where_it_is_and_loses_nothing(sat: Sat) -> None:
    before = sat.rows()
    answer = fill(sat, call="maybe", quote=" ", reviewed_on="2026-11-18", entry_price="cheap", description="Mine")
    assert answer.status_code == 422
    for field in ("call", "quote", "reviewed_on", "entry_price"):
        assert re.search(rf"The form</b> · {field}: found", answer.text), field
        assert field == "call" or f'aria-describedby="wrong-{field}"' in answer.text
    assert 'value="cheap"' in answer.text
    assert ">Mine</textarea>" in answer.text
    assert sat.rows() == before


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"call": "skip", "reviewed_on": "2026-10-01"}, "allowed: 2026-11-02 or later"),
        ({"call": "", "quote": ""}, "This is what is stored already"),
    ],
)
def test_a_review_that_is_older_or_no_news_is_not_kept(sat: Sat, typed: dict[str, str], said: str) -> None:
    before = sat.rows()
    one = next(one for one in stored(sat, "kino-kiln") if one.reviewer == "skeptic")
    same = {name: value or getattr(one, name) for name, value in typed.items()}
    answer = fill(sat, "kino-kiln", "skeptic", **same)
    assert answer.status_code == 422
    assert said in words(answer.text)
    assert sat.rows() == before


def test_two_who_review_one_tool_do_not_overwrite_each_other(sat: Sat) -> None:
    bob = sat.come_in("Bob")
    old = form_of(sat.get("/review?tool=queryous"), "/review/save")
    said = {"reviewer": "builder", "call": "ship", **ABOUT}
    theirs = said | {"quote": "Bob’s words"}
    assert sat.send("/review/save", on="/review?tool=queryous", client=bob, **theirs).status_code == 200
    answer = sat.post("/review/save", old | said | {"call": "skip", "quote": "My words"})
    assert answer.status_code == 409
    assert ">My words</textarea>" in answer.text
    assert "Builder said ship on 17 November" in words(answer.text)
    assert [one.quote for one in stored(sat, "queryous")] == ["Bob’s words"]
    again = form_of(answer.text, "/review/save") | {"call": "skip"}
    assert sat.post("/review/save", again).status_code == 200
    assert stored(sat, "queryous")[0].quote == "My words"


@pytest.mark.parametrize("action", ["/review/files", "/week/files"])
def test_wrong_files_get_the_faults_of_the_command_and_change_nothing(sat: Sat, action: str, tmp_path: Path) -> None:
    before = sat.rows()
    files = {"wrong.yaml": WRONG, "twice.yaml": GOOD, "list.csv": "tool,call\nx,ship\n", "notes.txt": "x"}
    paths = [tmp_path / name for name in files]
    for path in paths:
        path.write_text(files[path.name])
    with pytest.raises(FilesError) as refused:
        reviewing.import_reviews(sat.services, paths)
    answer = bring(sat, action, *((name, text.encode()) for name, text in files.items()))
    assert answer.status_code == 422
    assert len(refused.value.faults) > 10
    said = words(answer.text)
    for one in refused.value.faults:
        place = f"{one.file}, line {one.line}" if one.line else one.file
        field = f" · {one.field}" if one.field else ""
        assert f"{place}{field} : found {one.found} ; allowed: {one.allowed}".replace(" :", ":").replace(" ;", ";") in (
            said.replace(" :", ":").replace(" ;", ";")
        )
    assert sat.rows() == before


def test_good_files_are_taken_in_and_taken_back(sat: Sat) -> None:
    before = kept(sat)
    other = json.dumps([json.loads(json.dumps({"tool": "x"}))])
    assert bring(sat, "/review/files", ("a.yaml", GOOD.encode()), ("b.json", other.encode())).status_code == 422
    name = f"../../{'n' * 300}\x00\u202e.YAML"
    answer = bring(sat, "/week/files", (name, GOOD.encode()))
    assert "Taken in. 1 tool: 2 new reviews" in words(answer.text)
    assert len(stored(sat, "lamplight")) == 2
    sat.send("/undo", on="/week")
    assert kept(sat) == before
    assert bring(sat, "/review/files").status_code == 422


def test_a_pasted_document_is_taken_in_and_a_wrong_one_stays_to_be_mended(sat: Sat) -> None:
    wrong = sat.send("/review/paste", on="/review", pasted=GOOD.replace("ship", "maybe"))
    assert wrong.status_code == 422
    assert "pasted.yaml, line 9" in words(wrong.text)
    assert "call: maybe" in form_of(wrong.text, "/review/paste")["pasted"]
    assert "Taken in. 1 tool:" in words(sat.send("/review/paste", on="/review", pasted=GOOD).text)
    assert len(stored(sat, "lamplight")) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [(GOOD, "yaml"), (' [{"tool": "x"}]', "json"), ("\ufeffReviewer, Tool,call\n", "csv"), ("tool: a, b", "yaml")],
)
def test_what_is_pasted_is_read_as_what_it_is(text: str, name: str) -> None:
    assert pasted_name(text) == f"pasted.{name}"


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1280, "dark")])
def test_a_review_is_counted_and_weighed_while_it_is_written(
    sat: Sat, browser: Browser, width: int, scheme: Scheme
) -> None:
    need_axe()
    page = sat.show(browser, "/review?tool=queryous", width, scheme)
    page.get_by_label("Quote").fill("Four words of praise")
    expect(page.locator("#words")).to_have_text("4 words")
    page.get_by_label("Ship").check()
    expect(page.locator("#with")).to_contain_text("100 % ship: 1 of 1 · 2 more to the quorum of 3")
    page.get_by_label("Entry price").fill("cheap")
    page.get_by_label("Description").fill("It answers.")
    page.get_by_role("button", name="Keep the review").click()
    expect(page.locator("#wrong-entry_price")).to_be_visible()
    expect(page.get_by_label("Quote")).to_have_value("Four words of praise")
    assert axe(page)["violations"] == []
    page.get_by_label("Entry price").fill("Free")
    page.get_by_label("Quote").press("Control+Enter")
    expect(page.locator("#so-far")).to_contain_text("100 % ship: 1 of 1")
    assert stored(sat, "queryous")[0].quote == "Four words of praise"


def test_files_dragged_in_are_taken_in(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser, "/week")
    drop = """text => {
      const carried = new DataTransfer();
      carried.items.add(new File([text], "lamplight.yaml"));
      for (const kind of ["dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, GOOD.replace("Agents", "Toys"))
    expect(page.locator("#trouble")).to_contain_text("lamplight.yaml, line 4 · category: found 'Toys'")
    page.evaluate(drop, GOOD)
    expect(page.locator(".note")).to_contain_text("1 tool: 2 new reviews")
    expect(page.locator("#trouble")).to_be_empty()


def test_a_review_reaches_the_draft_that_shows_its_tool_and_leaves_with_undo(sat: Sat) -> None:
    before, slug = sat.record, sat.record.edition.matchups[0].a.tool.slug
    fill(sat, slug, before.edition.matchups[0].a.verdict.reviews[0].reviewer, quote="Another word on it.")
    shown = sat.record.edition.matchups[0].a.verdict.reviews
    assert "Another word on it." in {one.quote for one in shown}
    assert "Another word on it." in sat.client.get("/framed/desktop").text
    sat.send("/undo")
    assert sat.record.edition == before.edition


def test_files_that_are_dragged_in_reach_the_draft(sat: Sat) -> None:
    side = sat.record.edition.matchups[0].a
    said = f"tool: {side.tool.slug}\nname: {side.tool.name}\ntagline: A line\ncategory: {side.tool.category}\n"
    said += "entry_price: Free\nurl: https://example.org\ndescription: Something.\nreviews:\n"
    said += "  - {reviewer: builder, call: skip, reviewed_on: 2026-11-17, quote: From a file.}\n"
    assert bring(sat, "/week/files", ("one.yaml", said.encode())).status_code == 200
    assert "From a file." in {one.quote for one in sat.record.edition.matchups[0].a.verdict.reviews}


def test_tags_and_what_nobody_knows_any_more_are_taken_away_by_emptying_their_fields(sat: Sat) -> None:
    reviewer = stored(sat, "kino-kiln")[0].reviewer
    fill(sat, "kino-kiln", reviewer, tags="one job, another", open_source="true")
    told = sat.services.tools.find("kino-kiln")
    assert (told.tags, told.open_source) == (("one job", "another"), True)
    fill(sat, "kino-kiln", reviewer, tags="", open_source="")
    emptied = sat.services.tools.find("kino-kiln")
    assert emptied == replace(told, tags=(), open_source=None)
