"""The edition's page: everything in it can be changed there, in the editor's name, with the way back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from digest.model import Call, Edition
from pages.desk.edition import bars
from tests.pages.desk.desks import NOW, WEEK, Sat, form_of, words


def slugs(edition: Edition) -> list[str]:
    return [one.slug for one in edition.matchups]


def test_the_page_shows_why_each_pair_was_picked_and_what_the_others_lacked(sat: Sat) -> None:
    html, edition = sat.get("/edition"), sat.record.edition
    page = words(html)
    for one in edition.matchups:
        assert f"{one.a.tool.name} vs {one.b.tool.name}" in page
        assert one.why in page
        assert f"Score {one.score:.2f}" in page
    assert edition.passed_over
    for passed in edition.passed_over:
        assert f"Passed over – {passed.lacked}." in page
    assert html.count('class="fill"') == 6 * len(edition.matchups) + len(edition.passed_over)


def test_the_bars_of_a_score_add_up_to_it(sat: Sat) -> None:
    for one in sat.record.edition.matchups:
        drawn = bars(one)
        assert sum(bar.adds for bar in drawn) == pytest.approx(one.score, abs=0.001)
        assert sum(bar.most for bar in drawn) == pytest.approx(1)
        assert all(0 <= bar.adds <= bar.most for bar in drawn)


def test_words_are_saved_together_and_what_is_as_it_was_is_no_change(sat: Sat) -> None:
    before = sat.rows()
    sat.send("/edition/words", on="/edition")
    assert sat.rows() == before

    page = words(sat.send("/edition/words", on="/edition", intro="A quiet\r\nweek.\r\n\r\nReally.", preheader="").text)

    assert sat.record.edition.intro == "A quiet week.\n\nReally."
    assert "Undo: Reworded the intro" in page
    assert (sat.record.edited_by, sat.record.edition.own_subject, sat.record.edition.own_preheader) == (
        sat.services.by, False, False,
    )  # fmt: skip
    sat.send("/undo", on="/edition")
    assert sat.record.edition.intro == ""


def test_words_that_cannot_be_taken_are_all_told_and_stay_in_their_fields(sat: Sat) -> None:
    before = sat.rows()
    answer = sat.send("/edition/words", on="/edition", subject=" ", preheader="p" * 201, intro="Kept <b>")
    assert answer.status_code == 409
    page = words(answer.text)
    assert "the subject is empty; allowed: 1 to 120 characters" in page
    assert "the preheader has 201 characters; allowed: at most 200" in page
    assert "p" * 201 in answer.text
    assert "Kept &lt;b&gt;" in answer.text
    assert sat.rows() == before


def test_what_preflight_says_of_a_text_stands_beside_it(sat: Sat) -> None:
    page = sat.send("/edition/words", on="/edition", subject="Act now!!", intro="Dear [[name]], hello.").text
    said = {name: words(found) for name in ("subject", "preheader", "intro")
            if (found := re.split(r'<div class="field">|</form>', page.partition(f'for="{name}"')[2])[0])}  # fmt: skip
    assert "The subject has 9 characters." in said["subject"]
    assert "Spam filters know these words" in said["subject"]
    assert "Unfilled: [[name]]." in said["intro"]
    assert "blocker" not in said["preheader"]


def test_a_blurb_is_written_shown_in_full_and_taken_back(sat: Sat) -> None:
    third = sat.record.edition.matchups[2]
    names = f"{third.a.tool.name} vs {third.b.tool.name}"
    fields: dict[str, Any] = {"pair": third.slug, "blurb": "Try <both>."}
    assert f"Wrote the blurb of {names}" in words(sat.send("/edition/blurb", on="/edition", **fields).text)
    sat.send("/edition/layout", on="/edition", pair=third.slug, layout="full")
    now = sat.record.edition.matchups[2]
    assert (now.blurb, now.layout) == ("Try <both>.", "full")
    assert sat.send("/edition/layout", on="/edition", pair=third.slug, layout="tall").status_code == 409
    sat.send("/undo", on="/edition")
    sat.send("/undo", on="/edition")
    assert sat.record.edition.matchups[2] == third


def test_pairs_are_moved_up_and_down(sat: Sat) -> None:
    a, b, c, *rest = slugs(sat.record.edition)
    page = sat.get("/edition")
    assert 'name="order" value="2 1 3 4 5"' in page
    names = " vs ".join(side.tool.name for side in sat.record.edition.matchups[2].sides)
    assert f"Moved {names} to No. 1" in words(sat.send("/edition/order", on="/edition", order="3 1 2 4 5").text)
    assert slugs(sat.record.edition) == [c, a, b, *rest]
    before = sat.rows()
    for order in ("1 1 2 3 4", "", "1 2 3 4 x", "1 2 3 4 5 6", "-1 2 3 4 5"):
        assert sat.send("/edition/order", on="/edition", order=order).status_code == 409, order
    assert sat.send("/edition/order", on="/edition", order="1 2 3 4 5").status_code == 200
    assert sat.rows() == before


def test_a_passed_over_pair_goes_in_with_one_click_and_back(sat: Sat) -> None:
    before = sat.record.edition
    passed = sat.get("/edition").partition("What was passed over")[2].partition('action="/edition/swap"')[2]
    a, b, place = (
        found[1] for name in ("a", "b", "place") if (found := re.search(f'name="{name}" value="([^"]+)"', passed))
    )
    page = words(sat.send("/edition/swap", on="/edition", a=a, b=b, place=place).text)
    after = sat.record.edition
    assert {side.tool.slug for side in after.matchups[int(place) - 1].sides} == {a, b}
    out = before.matchups[int(place) - 1]
    assert f"{out.a.tool.name} vs {out.b.tool.name}" in page.partition("What was passed over")[2], "it can go back in"
    sat.send("/undo", on="/edition")
    assert slugs(sat.record.edition) == slugs(before)


def test_any_two_tools_are_compared_by_name_and_one_alone_is_not(sat: Sat) -> None:
    old = sat.record.edition.matchups[0]
    answer = sat.send("/edition/swap", on="/edition", a=old.a.tool.name, b=" ", place="2")
    assert "one tool is named; name both" in words(answer.text)
    answer = sat.send("/edition/swap", on="/edition", a="Nobody Knows It", b=old.b.tool.name, place="1")
    assert answer.status_code == 409
    assert "found &#39;Nobody Knows It&#39;" in answer.text
    assert 'value="Nobody Knows It"' in answer.text
    sat.send("/edition/swap", on="/edition", a=f" {old.b.tool.name}", b=old.a.tool.slug, place="1")
    assert {side.tool.slug for side in sat.record.edition.matchups[0].sides} == {one.tool.slug for one in old.sides}


def test_pins_and_vetoes_are_said_shown_and_taken_back(sat: Sat) -> None:
    first, second = sat.record.edition.matchups[:2]
    which: dict[str, Any] = {"a": first.a.tool.slug, "b": first.b.tool.slug}
    assert "pinned" in words(sat.send("/edition/pin", on="/edition", **which).text)
    assert sat.services.editions.words_for(WEEK).pins == {frozenset(which.values())}
    assert "Unpin" not in words(sat.send("/edition/free", on="/edition", **which).text)
    assert not sat.services.editions.words_for(WEEK).pins

    page = words(sat.send("/edition/veto", on="/edition", a=second.a.tool.slug, b="", always="yes").text)
    assert f"Vetoed {second.a.tool.name} for every week" in page
    assert second.a.tool.slug not in {side.tool.slug for one in sat.record.edition.matchups for side in one.sides}
    assert "Allow again this week" in page
    page = words(sat.send("/undo", on="/edition").text)
    assert "Allow again this week" not in page
    assert second.slug in slugs(sat.record.edition)


def test_a_pair_is_compared_anew_when_preflight_asks_for_it(sat: Sat) -> None:
    pair = sat.record.edition.matchups[1]
    review = replace(pair.a.verdict.reviews[0], quote="Better than we thought.")
    sat.services.store.record_reviews([(pair.a.tool, [review])], NOW)
    row = sat.get("/edition").partition(f'id="pair-{pair.slug}"')[2].partition("</li>\n")[0]
    assert "A newer version of this review is stored." in row
    page = words(sat.send("/edition/renew", on="/edition", pair=pair.slug).text)
    assert "A newer version of this review is stored." not in page
    assert f"Compared {pair.a.tool.name} vs {pair.b.tool.name} anew" in page


def test_corrections_are_announced_and_left_out(sat: Sat) -> None:
    """A call that an earlier edition printed changed since."""
    edition = sat.record.edition
    told = edition.matchups[0].a
    before = replace(edition, week="2026-W46", matchups=edition.matchups[:1])
    review = told.verdict.reviews[0]
    sat.services.editions.keep_draft(before)
    with sat.services.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE editions SET state = 'approved', sha256 = 'x', html = 'x', text = 'x' WHERE week = '2026-W46'"
        )
    other: Call = "skip" if review.call == "ship" else "ship"
    sat.services.store.record_reviews([(told.tool, [replace(review, call=other)])], NOW)
    assert "Announce it" in words(sat.get("/edition?week=2026-W47"))
    which: dict[str, Any] = {"tool": told.tool.slug, "reviewer": review.reviewer, "week": WEEK}
    page = words(sat.send("/edition/tell", on="/edition", **which).text)
    assert [(one.tool, one.after) for one in sat.record.edition.corrections] == [(told.tool.slug, other)]
    assert "It is announced." in page
    assert f"Undo: Announced a correction of {told.tool.name}" in page
    page = words(sat.send("/edition/leave-untold", on="/edition", **which).text)
    assert sat.record.edition.corrections == ()
    assert "It is not announced." in page
    assert "correction" not in page.partition("What else preflight finds")[2]


def test_two_editors_do_not_overwrite_each_other(sat: Sat) -> None:
    bob, slug = sat.come_in("Bob"), sat.record.edition.matchups[0].slug
    revision = str(sat.record.revision)
    sat.send("/edition/words", on="/edition", client=bob, intro="Bob’s.")
    answer = sat.send("/edition/blurb", on="/edition", pair=slug, blurb="Mine.", revision=revision)
    assert answer.status_code == 409
    page = words(answer.text)
    assert "Bob : Reworded the intro" in page
    assert ">\nMine.</textarea>" in answer.text
    assert sat.record.edition.matchups[0].blurb == ""
    sat.send("/edition/swap", on="/edition", client=bob, place="1", a="", b="")
    lost = sat.send("/edition/blurb", on="/edition", pair=slug, blurb="Mine.", revision=revision)
    assert "What you typed for a pair that is no longer here: Mine." in words(lost.text)


def test_an_approval_is_void_after_a_change_and_said_before(sat: Sat) -> None:
    sat.send("/approve")
    assert "Any change here makes it a draft again" in words(sat.get("/edition"))
    sat.send("/edition/swap", on="/edition", place="5", a="", b="")
    assert sat.state == "draft"


def test_what_is_sent_or_not_there_can_only_be_looked_at(sat: Sat) -> None:
    sat.send("/approve")
    sat.services.editions.start_sending(WEEK)
    html = sat.get("/edition")
    assert "what is in it stays as it is" in words(html)
    assert 'action="/edition/' not in html
    assert "Nothing is composed yet" in words(sat.get("/edition?week=2026-W30"))
    fields = {**form_of(html, "/name"), "subject": "Late"}
    answer = sat.post("/edition/words", fields)
    assert answer.status_code == 409
    assert "it is sending; allowed: draft, approved" in words(answer.text)


def test_a_skipped_week_says_what_to_do(sat: Sat) -> None:
    sat.send("/skip", reason="<b>too little</b>")
    page = sat.get("/edition")
    assert "Take the skip back, and its pairs stand here." in words(page)
    assert "<b>too little" not in page


def test_a_field_nobody_typed_into_follows_what_another_editor_wrote(sat: Sat) -> None:
    """A form holds all its fields: sent again with old ones it would take back, unseen, what was written meanwhile."""
    opened = form_of(sat.get("/edition"), "/edition/words")
    sat.send("/edition/words", on="/edition", client=sat.come_in("Ada"), intro="Ada’s\n\nintro.")
    answer = sat.post("/edition/words", opened | {"subject": "Bob’s subject, long enough to read well"})
    assert answer.status_code == 409
    again = form_of(answer.text, "/edition/words")
    assert (again["subject"], again["intro"]) == ("Bob’s subject, long enough to read well", "Ada’s\n\nintro.")
    assert sat.post("/edition/words", again).status_code == 200
    assert (sat.record.edition.subject, sat.record.edition.intro) == (again["subject"], "Ada’s\n\nintro.")
