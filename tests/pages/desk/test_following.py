"""Review files that are saved while the desk runs."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from flows.demo import SAMPLES
from flows.desk.following import MEMORY, Following
from tests.pages.desk.desks import WEEK, Sat, words


@pytest.fixture
def lead(sat: Sat) -> tuple[str, str]:
    """The slug of the first tool that the draft shows, and the file that its reviews came from."""
    slug = sat.record.edition.matchups[0].a.tool.slug
    texts = (one.read_text("utf-8") for one in sorted((SAMPLES / "reviews").iterdir()))
    return slug, next(text for text in texts if f"tool: {slug}\n" in text)


def saved(sat: Sat, name: str, text: str) -> Path:
    path = sat.home / "reviews" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def looked_at(following: Following) -> None:
    """Look twice: what stays the same meanwhile is taken in."""
    following.look()
    following.look()


def quoting(document: str, quote: str) -> str:
    """A document in which the first reviewer says something else."""
    return re.sub(r"(?s)quote: >\n.*?(?=\n  - |\Z)", f"quote: {quote}", document, count=1)


def test_a_file_goes_into_the_draft_that_shows_its_tool_and_can_be_taken_back(sat: Sat, lead: tuple[str, str]) -> None:
    following = Following(sat.services)
    before = sat.record
    saved(sat, "lead.yaml", quoting(lead[1], "Changed my mind."))
    following.look()
    assert sat.record == before, "it may still be written"
    following.look()
    assert following.told().said == f"Took in lead.yaml (1 tool: 0 new reviews, 1 changed, 3 known); {WEEK} shows it"
    one, first = sat.record.edition.matchups[0], before.edition.matchups[0]
    assert one.a.verdict.reviews[0].quote == "Changed my mind."
    assert (one.b, one.why, one.parts) == (first.b, first.why, first.parts)
    assert (sat.record.edited, sat.record.edition.subject) == (False, before.edition.subject)
    sat.send("/undo")
    assert sat.record.edition == before.edition
    following.look()
    assert sat.record.edition == before.edition


def test_a_wrong_file_changes_nothing_and_keeps_no_other_out(sat: Sat, lead: tuple[str, str]) -> None:
    following = Following(sat.services)
    before = sat.rows()["reviews"]
    wrong = saved(sat, "wrong.yaml", lead[1].replace("call: ship", "call: maybe", 1))
    saved(sat, "notes.txt", "not ours")
    looked_at(following)
    (fault,) = following.told().faults
    assert (fault.file, fault.field, fault.found) == ("wrong.yaml", "call", "'maybe'")
    assert fault.line
    assert sat.rows()["reviews"] == before
    saved(sat, "right.yaml", quoting(lead[1], "Changed my mind."))
    looked_at(following)
    assert following.told().faults == (fault,)
    assert sat.rows()["reviews"] != before
    wrong.unlink()
    looked_at(following)
    assert following.told().faults == ()


def test_an_approved_edition_stays_as_it_is(sat: Sat, lead: tuple[str, str]) -> None:
    following = Following(sat.services)
    sat.send("/approve")
    before = sat.record
    saved(sat, "lead.yaml", quoting(lead[1], "Changed my mind."))
    looked_at(following)
    assert following.told().said == "Took in lead.yaml (1 tool: 0 new reviews, 1 changed, 3 known)"
    assert sat.record == before


def test_two_new_files_of_one_tool_are_both_named(sat: Sat, lead: tuple[str, str]) -> None:
    following = Following(sat.services)
    before = sat.rows()
    for name in ("one.yaml", "two.yaml"):
        saved(sat, name, lead[1])
    looked_at(following)
    assert "one.yaml" in str(following.told().faults)
    assert "two.yaml" in str(following.told().faults)
    assert sat.rows() == before


def test_the_preview_says_what_is_wrong_with_a_file_in_place(sat: Sat) -> None:
    path = saved(sat, "bad.yaml", "tool: <script>alert(1)</script>\nreviews: 3\n")
    page = _until(sat, "A review file cannot be taken in")
    assert "bad.yaml , line 2 · reviews: found 3 ; allowed: a list" in words(page)
    assert "<script>alert" not in page
    path.unlink()
    _until(sat, "cannot be taken in", gone=True)


def _until(sat: Sat, said: str, *, gone: bool = False) -> str:
    """Ask for the preview until it says something, or says it no more, for some seconds."""
    for _ in range(100):
        if (said in (page := sat.get("/preview"))) is not gone:
            return page
        time.sleep(0.1)
    raise AssertionError(f"waited in vain: {said!r}")


def test_what_was_saved_while_the_desk_was_closed_is_taken_in_when_it_starts(sat: Sat, lead: tuple[str, str]) -> None:
    saved(sat, "lead.yaml", quoting(lead[1], "Changed my mind."))
    wrong = saved(sat, "wrong.yaml", lead[1].replace("call: ship", "call: maybe", 1))
    first = Following(sat.services)
    looked_at(first)
    assert f"; {WEEK} shows it" in first.told().said
    assert {one.file for one in first.told().faults} == {"wrong.yaml"}
    sat.send("/undo")
    before = sat.rows()
    second = Following(sat.services)
    looked_at(second)
    assert second.told().said == "", "the file is the same: what was taken back stays so"
    assert {one.file for one in second.told().faults} == {"wrong.yaml"}, "it is as wrong as it was"
    assert sat.rows() == before
    wrong.unlink()
    saved(sat, "lead.yaml", quoting(lead[1], "And once more."))
    third = Following(sat.services)
    looked_at(third)
    assert sat.record.edition.matchups[0].a.verdict.reviews[0].quote == "And once more."
    assert third.told().faults == ()


@pytest.mark.parametrize("text", ["", "[]", '{"lead.yaml": 3}', "null"])
def test_a_memory_that_cannot_be_read_remembers_nothing(sat: Sat, lead: tuple[str, str], text: str) -> None:
    (sat.home / MEMORY).write_text(text, "utf-8")
    saved(sat, "lead.yaml", quoting(lead[1], "Changed my mind."))
    following = Following(sat.services)
    looked_at(following)
    assert "Took in lead.yaml" in following.told().said
