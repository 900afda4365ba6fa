"""What differs between two versions of an edition: everything that was changed is told, nothing else is."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.differing import Piece, Told, in_lines, marked, stretches, told
from digest.model import Correction, Edition
from tests.examples import edition

OLD = edition(3)
A, B, C = OLD.matchups


def said(before: Edition, after: Edition) -> list[tuple[str, str]]:
    """Each change as what it is of, and its text with [-gone-] and {+new+}."""
    return [(one.what, drawn(one)) for one in told(before, after)]


def drawn(one: Told) -> str:
    signs = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    return "".join(signs[piece.kind].format(piece.text) for piece in one.pieces)


def names(matchup: object) -> str:
    return " vs ".join(side.tool.name for side in matchup.sides)  # type: ignore[attr-defined]


def test_the_same_edition_differs_in_nothing() -> None:
    assert told(OLD, edition(3)) == []
    assert stretches("a\nb\n", "a\nb\n") == ()


def test_texts_are_compared_word_by_word() -> None:
    old = replace(OLD, subject="Which one would you ship?", intro="")
    new = replace(old, subject="Which one would we ship?", intro="Hello.")
    assert said(old, new) == [("Subject", "Which one would [-you-] {+we+} ship?"), ("Intro", "{+Hello.+}")]
    assert said(new, old)[1] == ("Intro", "[-Hello.-]")


def test_pairs_that_moved_came_and_went_are_told_by_place() -> None:
    new = replace(OLD, matchups=(B, A))
    assert said(OLD, new) == [
        ("No. 1", f"{names(B)} No. [-2-] {{+1+}}"),
        ("No. 2", f"{names(A)} No. [-1-] {{+2+}}"),
        ("No. 3", f"[-{names(C)}-]"),
    ]
    assert said(replace(OLD, matchups=(A, B)), replace(OLD, matchups=(A, C))) == [
        ("No. 2", f"[-{names(B)}-] {{+{names(C)}+}}")
    ]


def test_layout_blurb_and_newer_rows_are_told() -> None:
    side = replace(A.a, tool=replace(A.a.tool, entry_price="$99"), verdict=replace(A.a.verdict, reviews=()))
    new = replace(A, layout="short" if A.layout == "full" else "full", blurb="Ours.", a=side)
    assert [what for what, _ in said(OLD, replace(OLD, matchups=(new, B, C)))] == [
        "Layout of No. 1", "Blurb of No. 1", "No. 1",
    ]  # fmt: skip
    assert ("No. 1", f"{A.a.tool.name}: {{+other reviews and facts+}}") in said(OLD, replace(OLD, matchups=(new, B, C)))
    reworded = replace(A, bottom_line="Take it.")
    assert said(OLD, replace(OLD, matchups=(reworded, B, C))) == [("No. 1", f"{names(A)} {{+in other words+}}")]


def test_the_sides_of_a_pair_exchanged_are_no_change_of_facts() -> None:
    turned = replace(A, a=A.b, b=A.a)
    assert said(OLD, replace(OLD, matchups=(turned, B, C))) == [("No. 1", f"{names(turned)} {{+in other words+}}")]


def test_corrections_and_launches_that_came_and_went_are_told() -> None:
    one = Correction("x", "Tool X", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 4), "2026-W45")
    first, *rest = OLD.launches
    new = replace(OLD, corrections=(one,), launches=tuple(rest))
    assert said(OLD, new) == [("Corrections", "{+Tool X, Skeptic+}"), ("Also launched", f"[-{first.name}-]")]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_what_stayed_and_came_is_the_new_text_and_what_stayed_and_went_the_old(old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    found = stretches(before, after)
    pieces = [piece for one in found for piece in one.pieces]
    if before != after:
        assert "".join("".join(p.text.split()) for p in pieces if p.kind != "gone") == "".join(new)
        assert "".join("".join(p.text.split()) for p in pieces if p.kind != "new") == "".join(old)
    assert all(one.kind != "changed" or any(p.kind != "same" for p in one.pieces) for one in found)


def test_lines_far_from_a_change_are_folded() -> None:
    lines = [f"line {number}\n" for number in range(40)]
    found = stretches("".join(lines), "".join([*lines[:20], "line twenty\n", *lines[21:]]))
    assert [(one.kind, one.lines) for one in found] == [
        ("folded", 17), ("same", 3), ("changed", 1), ("same", 3), ("folded", 16),
    ]  # fmt: skip
    assert [piece.text.strip() for piece in found[2].pieces if piece.kind != "same"] == ["20", "twenty"]


def test_texts_with_little_in_common_stand_one_after_the_other() -> None:
    assert marked("one two three", "four five six") == (Piece("gone", "one two three"), Piece("new", "four five six"))
    assert marked("", "new") == (Piece("new", "new"),)


def test_a_page_is_compared_tag_by_tag() -> None:
    old, new = (in_lines(f"<p>a</p><p>{word}</p><p>c</p>") for word in ("old", "new"))
    assert [one.kind for one in stretches(old, new)] == ["same", "changed", "same"]


@pytest.mark.parametrize("unit", ["x " * 200, "<td></td>", "word\n", "\n"])
def test_large_and_monotonous_texts_take_no_long_time(unit: str) -> None:
    began = time.process_time()
    stretches(in_lines(unit * 3_000), in_lines(unit * 2_900 + "end"))
    assert time.process_time() - began < 2
