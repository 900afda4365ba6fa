"""The page that compares: any two kept versions, as text, as readers see them, and as source."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.pages.desk.desks import WEEK, Sat, words


def told(page: str) -> str:
    """What the list of changes says."""
    return words(page.partition("What was changed")[2].partition("</section>")[0])


def test_with_nothing_to_compare_the_page_says_so(sat: Sat) -> None:
    assert "this is the first edition, and nobody has changed it" in words(sat.get("/compare"))
    assert "Nothing is composed in this week yet" in words(sat.get("/compare?week=2026-W30"))


def test_what_changed_since_approval_is_shown_first(sat: Sat) -> None:
    sat.send("/edition/words", on="/edition", intro="The first words.")
    sat.send("/approve")
    approved = sat.record.message
    assert approved is not None
    page = sat.get("/compare")
    assert "Nothing was changed since" in words(page)
    assert "Since approval" not in words(page)

    sat.send("/edition/words", on="/edition", intro="The second words.")

    page = sat.get("/compare")
    assert told(page) == "Intro The first second words."
    assert "<del>first</del>" in page
    assert "<ins>second</ins>" in page
    assert "As approved, before “Reworded the intro”" in page
    (before, after) = re.findall(r'<iframe sandbox [^>]*src="([^"]*)"', page)
    shown = sat.client.get(before.replace("&amp;", "&"))
    assert shown.text == approved.html, "the same templates give the same bytes"
    assert "The second words." in sat.get(after.replace("&amp;", "&"))


def test_any_two_kept_versions_are_compared(sat: Sat) -> None:
    for intro in ("One.", "Two.", "Three."):
        sat.send("/edition/words", on="/edition", intro=intro)
    sat.send("/undo", on="/edition")
    page = sat.get("/compare")
    keys = re.findall(r'<option value="(c\d+)"', page.partition('name="since"')[2].partition("</select>")[0])
    assert len(keys) == 4, "before each of three changes and an undo"
    assert "After “Reworded the intro”" in page
    third, second, first, composed = keys
    for since, to, said in (
        (composed, first, "Intro One."), (first, second, "Intro One. Two."), (third, composed, "Intro Three."),
        (third, "now", "Intro Three. Two."),
    ):  # fmt: skip
        assert told(sat.get(f"/compare?since={since}&to={to}")) == said
    assert "not there any more" in words(sat.get("/compare?since=c999&to=now"))
    same = words(sat.get(f"/compare?since={second}&to=now"))
    assert "Nothing: both have the same words" in same
    assert "The text part is the same." in same
    assert "The html part is the same, byte for byte." in same


def test_an_edition_is_compared_with_the_one_before(sat: Sat) -> None:
    edition = sat.record.edition
    before = replace(edition, week="2026-W46", subject="Which pair met last week, and who won?",
                     matchups=edition.matchups[1:])  # fmt: skip
    sat.services.editions.keep_draft(before)
    page = sat.get(f"/compare?week={WEEK}")
    assert "Since the last edition" in words(page)
    first = edition.matchups[0]
    assert f"No. 1 {first.a.tool.name} vs {first.b.tool.name}" in told(page)
    assert "Week 46, 2026" in words(page)


def test_the_source_is_compared_where_it_is_asked_for(sat: Sat) -> None:
    sat.send("/edition/words", on="/edition", intro="<b>Hi</b>")
    assert "Show what changed in the html" in words(sat.get("/compare"))
    page = sat.get("/compare?source=yes")
    source = page.partition("As source")[2]
    assert re.search(r"<ins>&lt;p style=[^<]*&amp;lt;b&amp;gt;Hi", source)
    assert "lines as before" in words(source)


def test_a_template_that_breaks_is_told_on_the_page(sat: Sat) -> None:
    sat.send("/edition/words", on="/edition", intro="Hello.")
    folder = sat.home / "templates/email/digest"
    folder.mkdir(parents=True)
    (folder / "body.mjml").write_text("<mjml>\n{{ nothing }}")
    answer = sat.client.get("/compare")
    assert answer.status_code == 500
    assert "body.mjml, line 2" in words(answer.text)
    assert "<iframe" not in answer.text
    (folder / "body.mjml").unlink()
    assert "Intro Hello." in told(sat.get("/compare"))


def test_a_version_in_a_frame_can_do_nothing(sat: Sat) -> None:
    answer = sat.client.get("/compare/shown?version=now")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none';")
    assert "script-src" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-src 'self'" in sat.client.get("/compare").headers["content-security-policy"]
    for version in ("c1", "", "2030-W01", "../x", "c" + "9" * 400, "<script>"):
        assert "There is no such version" in sat.get(f"/compare/shown?version={version}"), version
