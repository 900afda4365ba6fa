"""The desk's front: the week in short, approved and stopped from there, and every change taken back."""

from __future__ import annotations

import re

import pytest

from tests.pages.desk.desks import WEEK, Sat, words


@pytest.mark.only_looks
def test_the_front_shows_the_edition_what_preflight_finds_and_what_is_wanted(sat: Sat) -> None:
    page = words(sat.get())
    assert sat.record.edition.subject in page
    for one in sat.record.edition.matchups:
        assert f"{one.a.tool.name} vs {one.b.tool.name}" in page
        assert one.why in page
    assert "Nothing: it is fit to send." in page
    assert re.search(r"\d launched tools still want a verdict", page)


def test_an_edition_is_approved_in_the_editors_name_and_taken_back(sat: Sat) -> None:
    sat.send("/name", who="  Ada\tLovelace ")
    page = words(sat.send("/approve").text)
    assert (sat.record.state, sat.record.approved_by) == ("approved", "Ada Lovelace")
    assert f"Undo: Approved {WEEK}" in page
    page = words(sat.send("/undo").text)
    assert sat.record.state == "draft"
    assert f"Took back: Approved {WEEK}" in page


@pytest.mark.parametrize("action", ["hold", "skip"])
def test_stopping_an_edition_needs_a_reason_and_keeps_what_was_typed(sat: Sat, action: str) -> None:
    before = sat.rows()
    answer = sat.send(f"/{action}", reason="  ")
    assert answer.status_code == 409
    assert "for a reason: say it" in words(answer.text)
    assert sat.rows() == before
    sat.send(f"/{action}", reason="a  doubt")
    assert (sat.record.held or sat.record.reason) == "a doubt"
    sat.send("/undo")
    assert (sat.record.state, sat.record.held, sat.record.reason) == ("draft", None, "")
