"""Candidates and history become pairs: one category, two vendors, something new, each tool once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import CATEGORIES, Candidate, PassedOver, Tally
from digest.pairing import SHOWN, WEIGHTS, Pair, pick, why
from tests.examples import NOW, candidate, tool, verdict

A_DAY = timedelta(days=1)


def picked(
    candidates: Collection[Candidate],
    *,
    met: Collection[frozenset[str]] = (),
    resting: Collection[str] = (),
    limit: int = 5,
) -> tuple[tuple[Pair, ...], tuple[PassedOver, ...]]:
    return pick(list(candidates), met=met, resting=resting, limit=limit, now=NOW)


def slugs(pairs: Collection[Pair]) -> list[set[str]]:
    return [{pair.a.tool.slug, pair.b.tool.slug} for pair in pairs]


def named(slug: str, category: str = "Agents", vendor: str = "", **changes: object) -> Candidate:
    """A candidate of its own vendor with the given slug."""
    of = tool(0, slug=slug, name=slug.title(), category=category, vendor=vendor or f"{slug} works")
    made = Candidate(of, verdict(of), Tally(), launched_at=NOW - A_DAY, prominence=0.5)
    return replace(made, **changes)  # type: ignore[arg-type]  # any field may be changed


# What may meet


def test_two_tools_for_one_job_are_compared() -> None:
    pairs, passed = picked([candidate(0), candidate(1)])

    assert slugs(pairs) == [{"plumbline", "lantern"}]
    assert passed == ()


def test_tools_of_two_categories_never_meet() -> None:
    assert picked([named("ada", "Agents"), named("bob", "Models")]) == ((), ())


def test_tools_of_one_vendor_never_meet_however_it_is_written() -> None:
    assert picked([named("ada", vendor="Straße AG"), named("bob", vendor="STRASSE ag")]) == ((), ())


def test_tools_without_a_vendor_may_meet() -> None:
    nobody = [replace(named(slug), tool=replace(named(slug).tool, vendor="")) for slug in ("ada", "bob")]

    assert slugs(picked(nobody)[0]) == [{"ada", "bob"}]


def test_two_tools_of_which_neither_is_new_do_not_meet() -> None:
    old = [named("ada", launched_at=None), named("bob", launched_at=None)]

    assert picked(old) == ((), ())
    assert slugs(picked([old[0], named("bob")])[0]) == [{"ada", "bob"}]


def test_the_newer_tool_stands_first() -> None:
    reigning, older = named("ada", launched_at=None), named("bob", launched_at=NOW - 3 * A_DAY)

    assert picked([reigning, older])[0][0].a == older
    assert picked([older, named("cyd")])[0][0].a.tool.slug == "cyd"


def test_pairs_that_met_lately_do_not_meet_again() -> None:
    everyone = [named("ada"), named("bob"), named("cyd")]

    pairs, passed = picked(everyone, met={frozenset({"bob", "ada"})})

    assert {"ada", "bob"} not in slugs(pairs)
    assert {"ada", "bob"} not in [{one.a, one.b} for one in passed]
    assert len(pairs) == 1


def test_tools_of_the_previous_edition_rest() -> None:
    assert slugs(picked([named("ada"), named("bob"), named("cyd")], resting={"bob"})[0]) == [{"ada", "cyd"}]


def test_nothing_to_compare_gives_nothing() -> None:
    assert picked([]) == ((), ())
    assert picked([named("ada")]) == ((), ())


# How many, and what was passed over


def test_each_tool_stands_in_one_pair_and_the_rest_say_what_they_lacked() -> None:
    strong = [named("ada", prominence=1.0), named("bob", prominence=0.9), named("cyd", prominence=0.1)]

    pairs, passed = picked(strong)

    assert slugs(pairs) == [{"ada", "bob"}]
    assert [(one.a, one.b, one.lacked) for one in passed] == [
        ("ada", "cyd", "Ada is in a better pair"),
        ("bob", "cyd", "Bob is in a better pair"),
    ]
    assert passed[0].score > passed[1].score


def test_a_pair_both_of_whose_tools_are_taken_names_both() -> None:
    four = [named(slug, prominence=prominence) for slug, prominence in zip("abcd", (1, 0.9, 0.8, 0.7), strict=True)]
    met = {frozenset({"a", "b"}), frozenset({"c", "d"})}

    pairs, passed = picked(four, met=met)

    assert slugs(pairs) == [{"a", "c"}, {"b", "d"}]
    assert [(one.a, one.b, one.lacked) for one in passed] == [
        ("a", "d", "A is in a better pair"),
        ("b", "c", "C is in a better pair"),
    ]


def test_no_more_pairs_than_asked_for_and_the_next_ones_lacked_a_place() -> None:
    pairs, passed = picked([candidate(index) for index in range(8)], limit=2)

    assert len(pairs) == 2
    assert [one.lacked for one in passed] == ["a place: the edition is full"] * len(passed)
    assert len(passed) == 2
    assert picked([candidate(0), candidate(1)], limit=0)[0] == ()


def test_at_most_ten_passed_over_pairs_are_listed_the_best_of_them() -> None:
    crowd = [named(f"tool-{number:02}", prominence=number / 20) for number in range(12)]

    pairs, passed = picked(crowd, limit=1)

    assert len(passed) == SHOWN == 10
    assert [one.score for one in passed] == sorted((one.score for one in passed), reverse=True)
    assert pairs[0].score >= passed[0].score
    assert all(one.lacked for one in passed)


# The score


def parts(a: Candidate, b: Candidate) -> dict[str, float]:
    return dict(picked([a, b])[0][0].parts)


def tagged(slug: str, *tags: str) -> Candidate:
    one = named(slug)
    return replace(one, tool=replace(one.tool, tags=tags))


def test_shared_tags_raise_the_job_part() -> None:
    assert parts(tagged("ada", "x", "y"), tagged("bob", "x", "y"))["job"] == 1.0
    assert parts(tagged("ada", "x", "y"), tagged("bob", "y", "z"))["job"] == pytest.approx(0.5 + 0.5 / 3, abs=1e-4)
    assert parts(tagged("ada", "x"), tagged("bob", "y"))["job"] == 0.5
    assert parts(tagged("ada"), tagged("bob"))["job"] == 0.5


def test_freshness_falls_to_nothing_in_two_weeks_and_counts_the_fresher_side() -> None:
    def fresh(days: float) -> float:
        return parts(named("ada", launched_at=NOW - days * A_DAY), named("bob", launched_at=None))["freshness"]

    assert [fresh(0), fresh(7), fresh(14), fresh(40)] == [1.0, 0.5, 0.0, 0.0]
    assert fresh(-1) == 1.0
    both = parts(named("ada", launched_at=NOW - 40 * A_DAY), named("bob", launched_at=NOW))
    assert both["freshness"] == 1.0


def test_contrast_is_verdict_price_and_openness_a_third_each_where_known() -> None:
    def like(slug: str, calls: str, price: str, is_open: bool | None) -> Candidate:
        one = named(slug)
        of = replace(one.tool, entry_price=price, open_source=is_open)
        return replace(one, tool=of, verdict=verdict(of, calls))

    def contrast(a: tuple[str, str, bool | None], b: tuple[str, str, bool | None]) -> float:
        return parts(like("ada", *a), like("bob", *b))["contrast"]

    assert contrast(("++++", "Free", True), ("----", "Paid", False)) == 1.0
    assert contrast(("++++", "Free", True), ("++++", "Free", True)) == 0.0
    assert contrast(("++++", "Free", None), ("++--", "Free", True)) == pytest.approx(1 / 6, abs=1e-4)
    assert contrast(("++++", "", True), ("++++", "Free", True)) == 0.0
    assert contrast(("++++", "Paid", True), ("++++", "Free", True)) == pytest.approx(1 / 3, abs=1e-4)


def test_completeness_is_that_of_the_less_complete_verdict() -> None:
    whole, half = named("ada"), named("bob")
    half = replace(half, verdict=verdict(half.tool, "+-.."))

    assert parts(whole, half)["completeness"] == 0.5
    assert parts(whole, replace(half, verdict=replace(half.verdict, panel_size=0)))["completeness"] == 0.0


# Why


def test_why_names_what_is_new() -> None:
    one_new, _ = picked([named("ada", launched_at=None), named("bob")])
    both_new, _ = picked([named("ada"), named("bob")])

    assert why(one_new[0]).startswith("Bob is new; ")
    assert why(both_new[0]).startswith("Ada and Bob are new; ")


def test_why_names_the_job_and_its_shared_tags() -> None:
    pairs, _ = picked([candidate(0), candidate(1)])

    assert "both do code review" in why(pairs[0])
    assert why(pairs[0]).endswith(".")


def test_what_nobody_checked_is_not_called_a_difference() -> None:
    def contrasting(slug: str, price: str, is_open: bool | None, calls: str) -> Candidate:
        one = named(slug, prominence=0.0, launched_at=NOW - 14 * A_DAY)
        of = replace(one.tool, entry_price=price, open_source=is_open)
        return replace(one, tool=of, verdict=replace(verdict(of, calls), panel_size=40))

    unknown, _ = picked([contrasting("ada", "", None, "++++"), contrasting("bob", "Paid", False, "----")])
    known, _ = picked([contrasting("ada", "Free", True, "++++"), contrasting("bob", "Paid", False, "----")])

    assert "the answers differ in verdict." in why(unknown[0])
    assert "the answers differ in verdict, price and openness." in why(known[0])


# Whatever the candidates


@st.composite
def crowds(draw: st.DrawFn) -> list[Candidate]:
    made = []
    for number in range(draw(st.integers(0, 9))):
        of = tool(
            number,
            slug=f"tool-{number}",
            name=f"Tool {number}",
            category=draw(st.sampled_from(CATEGORIES[:2])),
            vendor=draw(st.sampled_from(["", "Acme", "Bodkin", "Cobalt"])),
            tags=tuple(draw(st.sets(st.sampled_from("wxyz")))),
            entry_price=draw(st.sampled_from(["", "Free", "$5"])),
            open_source=draw(st.sampled_from([None, True, False])),
        )
        days = draw(st.none() | st.integers(-1, 30))
        made.append(
            Candidate(
                of,
                verdict(of, draw(st.text("+-.", min_size=4, max_size=4))),
                launched_at=None if days is None else NOW - days * A_DAY,
                prominence=draw(st.sampled_from([0.0, 0.3, 1.0])),
            )
        )
    return made


@settings(max_examples=40, deadline=None)
@given(crowds(), st.integers(0, 4), st.randoms(use_true_random=False))
def test_the_same_rows_in_any_order_give_the_same_pairs(crowd: list[Candidate], limit: int, random: Random) -> None:
    met = {frozenset({"tool-0", "tool-1"})}
    shuffled = random.sample(crowd, len(crowd))

    pairs, passed = picked(crowd, met=met, resting={"tool-2"}, limit=limit)

    assert (pairs, passed) == picked(shuffled, met=met, resting={"tool-2"}, limit=limit)


@settings(max_examples=40, deadline=None)
@given(crowds(), st.integers(0, 4))
def test_every_picked_pair_keeps_the_rules(crowd: list[Candidate], limit: int) -> None:
    pairs, passed = picked(crowd, limit=limit)

    assert len(pairs) <= limit
    assert len(passed) <= SHOWN
    assert all(not one & other for one, other in combinations(slugs(pairs), 2))
    for pair in pairs:
        a, b = pair.a, pair.b
        assert a.tool.category == b.tool.category
        assert not a.tool.vendor or a.tool.vendor != b.tool.vendor
        assert a.launched_at or b.launched_at
        assert list(dict(pair.parts)) == list(WEIGHTS)
        assert all(0 <= value <= 1 for _, value in pair.parts)
        assert pair.score == pytest.approx(sum(WEIGHTS[name] * value for name, value in pair.parts), abs=1e-4)
        assert 0 <= pair.score <= 1
        said = why(pair)
        assert all(side.tool.name in said for side in (a, b) if side.launched_at)
        assert "None" not in said
        assert not said.endswith("; .")


def test_the_weights_add_up_to_one() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
