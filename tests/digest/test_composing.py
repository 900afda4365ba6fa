"""Pairs become an edition: the best in full, a subject that fits a phone, and what else launched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.composing import MOST_LAUNCHES, SUBJECT_LENGTH, briefs, compose, preheader, subject
from digest.judging import bottom_line, pricing_read, reviewer_split
from digest.model import Candidate, Edition, Matchup, PassedOver
from digest.pairing import Pair, pick, why
from tests.examples import NOW, candidate, launch, matchup, reviewers

PASSED = (PassedOver("murmur", "errand", 0.4, "a place: the edition is full"),)


def pairs(count: int) -> tuple[Pair, ...]:
    everyone: list[Candidate] = [candidate(index) for index in range(12)]
    return pick(everyone, met=(), resting=(), limit=count, now=NOW)[0]


def composed(of: Sequence[Pair], launches: Sequence[Any] = (), **options: Any) -> Edition:
    since = NOW - timedelta(days=7)
    return compose("2026-W47", of, PASSED, launches, reviewers(), since=since, until=NOW, **options)


def between(a: str, b: str) -> Matchup:
    """A matchup of two tools of these names."""
    one = matchup()
    return replace(
        one, a=replace(one.a, tool=replace(one.a.tool, name=a)), b=replace(one.b, tool=replace(one.b.tool, name=b))
    )


# Matchups


def test_the_lead_is_in_full_and_the_others_are_short() -> None:
    made = composed(pairs(4))

    assert [one.layout for one in made.matchups] == ["full", "short", "short", "short"]
    assert [one.score for one in made.matchups] == sorted((one.score for one in made.matchups), reverse=True)


def test_a_matchup_carries_both_sides_and_the_sentences_made_of_them() -> None:
    pair = pairs(1)[0]

    [one] = composed([pair]).matchups

    assert (one.a.tool, one.a.verdict, one.a.community) == (pair.a.tool, pair.a.verdict, pair.a.community)
    assert (one.b.tool, one.b.verdict, one.b.community) == (pair.b.tool, pair.b.verdict, pair.b.community)
    assert (one.score, one.parts, one.why) == (pair.score, pair.parts, why(pair))
    assert one.bottom_line == bottom_line(one.a, one.b)
    assert one.pricing_read == pricing_read(one.a.tool, one.b.tool)
    assert one.split == reviewer_split(one.a, one.b, reviewers())


def test_an_edition_keeps_its_week_its_span_and_what_was_passed_over() -> None:
    made = composed(pairs(2))

    assert (made.week, made.since, made.until) == ("2026-W47", NOW - timedelta(days=7), NOW)
    assert made.passed_over == PASSED
    assert made.intro == ""


def test_the_reviewers_quoted_are_the_active_ones_in_panel_order() -> None:
    panel = [replace(one, active=one.slug != "skeptic") for one in reversed(reviewers())]

    made = compose("2026-W47", pairs(1), (), (), panel, since=NOW, until=NOW)

    assert [one.slug for one in made.reviewers] == ["builder", "futurist", "founder"]


def test_without_pairs_there_is_an_edition_without_matchups_subject_or_preheader() -> None:
    made = composed([])

    assert (made.matchups, made.subject, made.preheader) == ((), "", "")


# The week's other launches


def test_other_launches_leave_out_the_tools_compared() -> None:
    made = composed(pairs(1), [launch(index) for index in range(6)])
    shown = {side.tool.name for side in made.matchups[0].sides}

    names = {one.name for one in made.launches}

    assert len(names) == 4
    assert names | shown == {"Cartwheel", "Dictaphone Zero", "Errand", "Lantern", "Murmur", "Plumbline"}


def test_a_tool_launched_twice_is_one_line_the_more_widely_carried_one() -> None:
    twice = [
        launch(0, id="quiet", tagline="Quiet"),
        launch(0, id="loud", tagline="Loud", score=0.1, entries=(("one", "1"), ("two", "2"))),
    ]

    for order in (twice, twice[::-1]):
        [line] = briefs(order)
        assert (line.tagline, line.source) == ("Loud", "one")


def test_the_most_widely_carried_launch_comes_first_then_the_surest() -> None:
    carried_twice_by_one_feed = (("one", "1"), ("one", "2"))
    launches = [
        launch(0, score=0.5),
        launch(1, score=0.9, entries=carried_twice_by_one_feed),
        launch(2, score=0.1, entries=(("one", "1"), ("two", "2"), ("three", "3"))),
    ]

    for order in (launches, launches[::-1]):
        assert [line.name for line in briefs(order)] == ["Murmur", "Lantern", "Plumbline"]


def test_a_line_says_what_where_and_from_which_feed() -> None:
    [line] = briefs([launch(0)])

    assert (line.name, line.category, line.link, line.source) == (
        "Plumbline", "Developer Tools", "https://example.org/plumbline", "launch-board",
    )  # fmt: skip
    assert briefs([launch(0, entries=())])[0].source == ""


@pytest.mark.parametrize(
    ("name", "version", "shown"),
    [("Beacon", "2.0", "Beacon 2.0"), ("Beacon 2.0", "2.0", "Beacon 2.0"), ("Beacon", "", "Beacon")],
)
def test_a_version_is_named_once(name: str, version: str, shown: str) -> None:
    assert briefs([launch(0, tool_name=name, version=version)])[0].name == shown


def test_no_more_launches_are_listed_than_fit_and_the_preheader_counts_those_inside() -> None:
    many = [launch(0, id=f"l{number}", tool_slug=f"tool-{number}") for number in range(MOST_LAUNCHES + 5)]

    made = composed(pairs(1), many)

    assert len(made.launches) == MOST_LAUNCHES
    assert made.preheader == f"Also inside: {MOST_LAUNCHES} more launches."


# The line behind the subject


@pytest.mark.parametrize(
    ("count", "launches", "said"),
    [
        (2, 0, "Also inside: Murmur vs Dictaphone Zero."),
        (5, 0, "Also inside: Murmur vs Dictaphone Zero, Cartwheel vs Errand."),
        (2, 1, "Also inside: Murmur vs Dictaphone Zero, 1 more launch."),
        (1, 7, "Also inside: 7 more launches."),
    ],
)
def test_the_preheader_says_what_else_is_inside(count: int, launches: int, said: str) -> None:
    assert preheader([matchup(index) for index in range(count)], launches) == said


def test_the_preheader_of_a_lone_matchup_is_its_answer() -> None:
    assert preheader([matchup()], 0) == matchup().bottom_line
    assert preheader([], 0) == ""


# The subject


def test_the_subject_names_the_lead() -> None:
    made = composed(pairs(3))
    a, b = (side.tool.name for side in made.matchups[0].sides)
    assert made.subject == f"{a} or {b}? The panel’s call"


@pytest.mark.parametrize(
    ("a", "b"),
    [("A", "B"), ("Murmur", "Dictaphone Zero"), ("Plumbline Enterprise Edition", "Lantern for Small Teams"),
     ("A tool whose makers love a long name", "B")],
)  # fmt: skip
def test_a_subject_of_thirty_to_sixty_characters_is_found_where_there_is_one(a: str, b: str) -> None:
    found = subject([between(a, b)])

    assert SUBJECT_LENGTH[0] <= len(found) <= SUBJECT_LENGTH[1]
    assert a in found


def test_a_subject_that_was_used_lately_is_not_used_again() -> None:
    used: list[str] = []

    for _ in range(5):
        used.append(subject([matchup(0), matchup(1), matchup(2)], used))

    assert len(set(used)) == 5
    assert all(SUBJECT_LENGTH[0] <= len(one) <= SUBJECT_LENGTH[1] for one in used)
    assert "Plumbline or Lantern? And 2 more matchups" in used


def test_when_every_subject_was_used_the_best_comes_again() -> None:
    used: list[str] = []
    while (new := subject([matchup()], used)) not in used:
        used.append(new)

    assert new == used[0]


def test_two_names_too_long_for_any_subject_are_cut_with_an_ellipsis() -> None:
    found = subject([between("Plumbline " * 8, "Lantern " * 8)])

    assert len(found) <= SUBJECT_LENGTH[1]
    assert found.startswith("Plumbline Plumbline")
    assert found.endswith("…")


@settings(max_examples=50, deadline=None)
@given(st.text("ab c", min_size=1, max_size=70).filter(str.strip), st.text("de f", min_size=1, max_size=70))
def test_no_subject_is_ever_longer_than_a_phone_shows(a: str, b: str) -> None:
    for count in (1, 3):
        found = subject([between(a, b)] * count)
        assert 0 < len(found) <= SUBJECT_LENGTH[1]
        assert found == found.strip() or found.startswith(a[:1])
