"""Pairs become an edition: the best in full, a subject that fits a phone, and what else launched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.composing import _BOTH, MOST_LAUNCHES, PREHEADER_LENGTH, SUBJECT_LENGTH, briefs, compose, preheader, subject
from digest.judging import bottom_line, community_read, pricing_read, reviewer_split
from digest.model import Candidate, Correction, Edition, Matchup, PassedOver
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
    assert one.bottom_line == bottom_line(one.a, one.b, week="2026-W47")
    assert one.pricing_read == pricing_read(one.a.tool, one.b.tool, week="2026-W47", today=NOW.date())
    assert one.split == reviewer_split(one.a, one.b, reviewers(), week="2026-W47")
    assert one.community_read == community_read(one.a, one.b, week="2026-W47") != ""


def test_an_old_price_is_dated_from_the_day_the_edition_was_composed() -> None:
    old = candidate(0, tool=replace(candidate(0).tool, price_checked_on=date(2026, 2, 3)))
    [pair], _ = pick([old, candidate(1)], met=(), resting=(), limit=1, now=NOW)

    assert "was last checked on 3 February." in composed([pair]).matchups[0].pricing_read


def test_corrections_are_carried_as_they_come() -> None:
    flipped = Correction("foo", "Foo", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 4), "2026-W45")

    assert composed(pairs(1), corrections=[flipped]).corrections == (flipped,)
    assert composed(pairs(1)).corrections == ()


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

    listed = {one.name for one in made.launches}

    assert len(listed) == 4
    assert listed | shown == {"Cartwheel", "Dictaphone Zero", "Errand", "Lantern", "Murmur", "Plumbline"}


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
        (4, 0, "Also inside: Murmur vs Dictaphone Zero, Cartwheel vs Errand, Smallwood 3B vs Bigleaf 70B."),
        (5, 7, "Also inside: Murmur vs Dictaphone Zero, Cartwheel vs Errand, 2 more, 7 more launches."),
        (2, 1, "Also inside: Murmur vs Dictaphone Zero, 1 more launch."),
        (1, 12, "Also inside: 12 more launches."),
    ],
)
def test_the_preheader_says_what_else_is_inside(count: int, launches: int, said: str) -> None:
    assert preheader([matchup(index) for index in range(count)], launches) == said


def test_the_preheader_of_a_lone_matchup_is_the_longest_answer_that_fits() -> None:
    lone = replace(
        matchup(), bottom_line="Leaning Plumbline: 3 of 4 reviewers would ship it, against 2 of 4 for Lantern."
    )

    assert preheader([lone], 0) == lone.bottom_line
    assert preheader([replace(lone, bottom_line="x" * 101, split="y" * 40)], 0) == "y" * 40
    assert preheader([], 0) == ""


# The subject

names = st.text("ab céW\u0301👩\u200d", min_size=1, max_size=90).filter(str.strip)


def test_the_subject_names_the_lead() -> None:
    made = composed(pairs(3))

    for side in made.matchups[0].sides:
        assert side.tool.name in made.subject


def test_frames_can_never_make_the_same_subject_and_leave_room_for_names() -> None:
    """What `subject` promises rests on this: as long as fewer subjects are recent than there are frames, one is new."""
    endings = [one.rpartition("}")[2] for one in _BOTH]

    assert len(_BOTH) > 8
    assert not [(a, b) for a in endings for b in endings if a is not b and a.endswith(b)]
    for one in _BOTH:
        assert len(one.format(a="A", b="B")) >= SUBJECT_LENGTH[0], one
        assert SUBJECT_LENGTH[1] - len(one.format(a="", b="")) >= 20, one


@pytest.mark.parametrize(
    ("a", "b"),
    [("A", "B"), ("Murmur", "Dictaphone Zero"), ("Plumbline Enterprise", "Lantern"),
     ("A tool whose makers love a long name", "B"), ("B", "A tool whose makers love a long name")],
)  # fmt: skip
def test_names_stand_whole_where_any_frame_has_room(a: str, b: str) -> None:
    found = subject([between(a, b)])

    assert SUBJECT_LENGTH[0] <= len(found) <= SUBJECT_LENGTH[1]
    assert a in found or b in found
    assert "…" not in found


def test_two_names_too_long_for_any_subject_are_cut_with_an_ellipsis() -> None:
    found = subject([between("Plumbline " * 8, "Lantern " * 8)])

    assert len(found) <= SUBJECT_LENGTH[1]
    assert found.startswith("Plumbline")
    assert found.count("…") == 2
    assert " …" not in found


def test_no_letter_is_parted_from_its_mark_when_a_name_is_cut() -> None:
    found = subject([between("e\u0301" * 60, "👩\u200d👧" * 30)])

    assert "e…" not in found
    assert "\u200d…" not in found


@settings(max_examples=150, deadline=None)
@given(names, names, st.integers(1, 3), st.integers(1, 53))
def test_every_subject_fits_and_is_none_of_the_last_eight(a: str, b: str, count: int, number: int) -> None:
    recent: list[str] = []

    for again in range(12):
        found = subject([between(a, b)] * count, recent[-8:], week=f"2026-W{(number + again) % 53 + 1:02}")
        assert SUBJECT_LENGTH[0] <= len(found) <= SUBJECT_LENGTH[1]
        assert found not in recent[-8:]
        recent.append(found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names), min_size=20, max_size=20))
def test_a_frame_used_in_the_last_eight_weeks_waits_where_names_are_short(leads: list[tuple[str, str]]) -> None:
    frames: list[str] = []
    recent: list[str] = []

    for number, (a, b) in enumerate(leads):
        recent.append(subject([between(a[:9] + "x", b[:9] + "y")], recent[-8:], week=str(number)))
        frames.append(next(one for one in _BOTH if recent[-1].endswith(one.rpartition("}")[2])))
        assert frames[-1] not in frames[-9:-1]


def test_more_recent_subjects_than_frames_still_give_one_that_fits() -> None:
    used: list[str] = []

    for _ in range(60):
        used.append(subject([matchup()], used))

    assert all(SUBJECT_LENGTH[0] <= len(one) <= SUBJECT_LENGTH[1] for one in used)
    assert len(set(used)) > len(_BOTH)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, names), min_size=1, max_size=5), st.integers(0, 12))
def test_every_preheader_has_thirty_to_a_hundred_characters(leads: list[tuple[str, str]], launches: int) -> None:
    said = preheader([between(a, b) for a, b in leads], launches)

    assert PREHEADER_LENGTH[0] <= len(said) <= PREHEADER_LENGTH[1]
