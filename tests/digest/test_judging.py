"""Reviews become a verdict, and two verdicts become sentences that say no more than the rows do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import DuplicateReview
from digest.judging import bottom_line, judge, pricing_read, reviewer_split
from digest.model import Reviewer, Side, Tally, Tool, Verdict, percent
from tests.examples import review, reviewers, tool, verdict

A, B = tool(0), tool(1)


def side(of: Tool, calls: str, votes: Tally | None = None) -> Side:
    return Side(of, verdict(of, calls), votes or Tally())


def many(of: Tool, ships: int, n: int) -> Side:
    """A tool reviewed by a panel of n, the first `ships` of whom would ship it."""
    ship, skip = review(of, call="ship"), review(of, call="skip")
    calls = tuple(replace(ship if k < ships else skip, reviewer=f"judge-{k}") for k in range(n))
    return Side(of, Verdict(of.slug, calls, n), Tally())


# A verdict


def test_a_verdict_has_its_reviews_in_panel_order() -> None:
    backwards = [review(A, one.slug) for one in reversed(reviewers())]

    judged = judge(A, backwards, tuple(reversed(reviewers())))

    assert [one.reviewer for one in judged.reviews] == ["builder", "skeptic", "futurist", "founder"]
    assert (judged.tool, judged.tally, judged.panel_size) == (A.slug, Tally(4, 4), 4)


def test_reviewers_of_equal_order_stand_by_name() -> None:
    panel = [replace(one, order=1) for one in reviewers()]

    judged = judge(A, [review(A, one.slug) for one in panel], panel)

    assert [one.reviewer for one in judged.reviews] == ["builder", "founder", "futurist", "skeptic"]


def test_reviews_by_inactive_and_unknown_reviewers_do_not_count() -> None:
    panel = [replace(one, active=one.slug != "skeptic") for one in reviewers()]
    written = [review(A, "builder"), review(A, "skeptic", "skip"), replace(review(A), reviewer="passer-by")]

    judged = judge(A, written, panel)

    assert [one.reviewer for one in judged.reviews] == ["builder"]
    assert (judged.tally, judged.panel_size) == (Tally(1, 1), 3)


def test_a_tool_nobody_reviewed_has_no_share() -> None:
    judged = judge(A, [], reviewers())

    assert judged == Verdict(A.slug, (), 4)
    assert judged.tally.share is None
    assert percent(judged.tally.share) == "—"


def test_two_reviews_by_one_reviewer_are_an_error_that_names_both() -> None:
    with pytest.raises(DuplicateReview, match=r"plumbline: two reviews by builder"):
        judge(A, [review(A), review(A, "skeptic"), review(A, "builder", "skip")], reviewers())


# The bottom line


@pytest.mark.parametrize(
    ("on_a", "on_b", "ahead"), [("++++", "+--+", A), ("++++", "----", A), ("-+--", "+++.", B), ("+-..", "----", A)]
)
def test_a_wide_gap_is_a_clear_answer(on_a: str, on_b: str, ahead: Tool) -> None:
    said = bottom_line(side(A, on_a), side(B, on_b))

    assert said.startswith((f"Ship with {ahead.name}:", f"{ahead.name}, clearly:", f"{ahead.name} is the one"))


@pytest.mark.parametrize(("on_a", "on_b", "ahead"), [("+++-", "++--", A), ("++--", "+++-", B), ("+++.", "+++-", A)])
def test_a_narrow_gap_is_a_lean(on_a: str, on_b: str, ahead: Tool) -> None:
    said = bottom_line(side(A, on_a), side(B, on_b))

    assert said.startswith((f"A lean towards {ahead.name}:", f"{ahead.name}, by a nose:", f"Leaning {ahead.name}:"))


def test_a_gap_of_exactly_a_half_is_clear_whatever_the_size_of_the_panel() -> None:
    """7/10 - 2/10 is a hair below 0.5 in binary fractions."""
    clear = (f"Ship with {A.name}:", f"{A.name}, clearly:", f"{A.name} is the one")

    for ships_a, ships_b, n in ((4, 2, 4), (7, 2, 10), (9, 4, 10), (5, 2, 6)):
        assert bottom_line(many(A, ships_a, n), many(B, ships_b, n)).startswith(clear), (ships_a, ships_b, n)


def test_the_facts_behind_the_answer_are_counted_with_their_n() -> None:
    said = bottom_line(side(A, "+++-"), side(B, "+--."))

    assert "3 of 4 reviewers would ship it, 1 of 3 reviewers would ship Lantern." in said


def test_two_tools_most_would_skip_get_neither_and_the_closer_one() -> None:
    assert bottom_line(side(A, "----"), side(B, "+---")) == (
        "Neither yet. Lantern comes closer: 1 of 4 reviewers would ship it,"
        " and none of 4 reviewers would ship Plumbline."
    )


def test_two_tools_all_would_skip_get_neither() -> None:
    assert bottom_line(side(A, "----"), side(B, "--.-")) == (
        "Neither: nobody on the panel would ship Plumbline or Lantern."
    )


def test_a_tie_is_an_honest_split() -> None:
    assert bottom_line(side(A, "++--"), side(B, "-+-+")) == (
        "An honest split between Plumbline and Lantern: 2 of 4 reviewers would ship each."
    )


def test_a_tie_of_panels_of_different_size_gives_both_counts() -> None:
    assert bottom_line(side(A, "++--"), side(B, "+-..")) == (
        "An honest split: 2 of 4 reviewers would ship Plumbline, 1 of 2 reviewers would ship Lantern."
    )


def test_readers_are_asked_when_the_panel_is_split() -> None:
    said = bottom_line(side(A, "++--", Tally(41, 96)), side(B, "++--", Tally(1, 1)))

    assert said.endswith(" Readers lean Lantern, 100 % of 1 vote against 43 % of 96 votes.")


@pytest.mark.parametrize(
    ("on_a", "on_b"), [(Tally(), Tally(5, 9)), (Tally(5, 9), Tally()), (Tally(1, 2), Tally(4, 8)), (Tally(), Tally())]
)
def test_readers_who_do_not_lean_are_not_mentioned(on_a: Tally, on_b: Tally) -> None:
    assert "Readers" not in bottom_line(side(A, "++--", on_a), side(B, "++--", on_b))


def test_readers_whose_percentages_read_the_same_do_not_lean() -> None:
    assert "Readers" not in bottom_line(side(A, "++--", Tally(502, 1000)), side(B, "++--", Tally(501, 1000)))


def test_a_tool_nobody_reviewed_is_not_called_skipped() -> None:
    for said in (bottom_line(side(A, "++++"), side(B, "....")), bottom_line(side(A, "...."), side(B, "----"))):
        assert "has no review yet" in said
        assert "none of 0" not in said
    both = bottom_line(side(A, "...."), side(B, "...."))
    assert both == "Nobody has reviewed Plumbline or Lantern yet."


def test_the_wording_of_a_pair_never_changes_between_runs() -> None:
    said = {bottom_line(side(A, "++++"), side(B, "-+--")) for _ in range(5)}

    assert len(said) == 1


# Prices

FREE, FREEMIUM, PAID, AMOUNT, UNKNOWN = "Free", "Freemium", "Paid", "$20/month", ""


def priced(a: str, b: str, open_a: bool | None = None, open_b: bool | None = None) -> str:
    return pricing_read(replace(A, entry_price=a, open_source=open_a), replace(B, entry_price=b, open_source=open_b))


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (FREE, "Both are free."),
        (FREEMIUM, "Both are free to start and charge for more."),
        (PAID, "Both are paid."),
        (AMOUNT, "Both start at $20/month."),
        (UNKNOWN, "Nobody has checked what Plumbline and Lantern cost to start."),
    ],
)
def test_equal_prices_are_read_together(price: str, said: str) -> None:
    assert priced(price, price) == said


@pytest.mark.parametrize(
    ("a", "b", "first", "second"),
    [
        (FREE, FREEMIUM, "Plumbline is free", "Lantern is free to start and charges for more"),
        (FREEMIUM, FREE, "Lantern is free", "Plumbline is free to start and charges for more"),
        (AMOUNT, FREE, "Lantern is free", "Plumbline starts at $20/month"),
        (PAID, AMOUNT, "Lantern starts at $20/month", "Plumbline is paid from the first day"),
        (PAID, FREEMIUM, "Lantern is free to start and charges for more", "Plumbline is paid from the first day"),
        (AMOUNT, "$4.99", "Lantern starts at $4.99", "Plumbline starts at $20/month"),
        ("€9,50", "$10", "Plumbline starts at €9,50", "Lantern starts at $10"),
        ("$1,200/year", "$90/year", "Lantern starts at $90/year", "Plumbline starts at $1,200/year"),
    ],
)
def test_different_prices_are_read_lower_first(a: str, b: str, first: str, second: str) -> None:
    assert priced(a, b) in {f"{first}; {second}.", f"{first}, while {second}."}


@pytest.mark.parametrize("price", [FREE, FREEMIUM, PAID, AMOUNT])
def test_a_price_nobody_checked_is_said_to_be_unknown(price: str) -> None:
    assert priced(price, UNKNOWN).endswith("; nobody has checked Lantern yet.")
    assert priced(UNKNOWN, price).startswith("Lantern ")
    assert priced(UNKNOWN, price).endswith("; nobody has checked Plumbline yet.")


def test_a_price_nobody_checked_is_found_where_both_tools_have_one_name() -> None:
    twin = replace(B, name=A.name, entry_price="", open_source=None)

    said = pricing_read(replace(A, entry_price="$5"), twin)

    assert said == "Plumbline starts at $5; nobody has checked Plumbline yet."


def test_openness_is_told_where_it_is_known_of_both() -> None:
    assert priced(FREE, FREE, True, True) == "Both are free. Both are open source."
    assert priced(FREE, FREE, True, False) == "Both are free. Plumbline is open source, Lantern is not."
    assert priced(FREE, FREE, False, True) == "Both are free. Lantern is open source, Plumbline is not."
    for one, other in ((None, True), (True, None), (None, None), (False, False), (None, False)):
        assert priced(FREE, FREE, one, other) == "Both are free."


# Who agrees with whom


@pytest.mark.parametrize(
    ("on_a", "on_b", "said"),
    [
        ("++++", "++++", "All 4 reviewers agree: ship both."),
        ("----", "----", "All 4 reviewers agree: skip both."),
        ("++++", "----", "All 4 reviewers agree: ship Plumbline and skip Lantern."),
        ("---.", "+++.", "All 3 reviewers agree: ship Lantern and skip Plumbline."),
        ("+++-", "+--+", "Builder ships both; Skeptic and Futurist ship Plumbline and skip Lantern; "
                         "Founder ships Lantern and skips Plumbline."),
        ("+-+-", "+-+-", "Builder and Futurist ship both; Skeptic and Founder skip both."),
        ("++..", "+.-.", "Builder ships both; Skeptic ships Plumbline and has not reviewed Lantern; "
                         "Futurist skips Lantern and has not reviewed Plumbline."),
        ("+--.", "+...", "Builder ships both; Skeptic and Futurist skip Plumbline and have not reviewed Lantern."),
        ("+...", "+...", "Builder ships both."),
        ("...+", "....", "Founder ships Plumbline and has not reviewed Lantern."),
        ("....", "....", "Nobody has reviewed Plumbline or Lantern yet."),
    ],
)  # fmt: skip
def test_the_split_names_groups_in_panel_order(on_a: str, on_b: str, said: str) -> None:
    assert reviewer_split(side(A, on_a), side(B, on_b), tuple(reversed(reviewers()))) == said


def test_the_split_of_a_panel_of_one() -> None:
    alone = [Reviewer("builder", "Builder", "Would I?", 1)]

    assert reviewer_split(side(A, "+---"), side(B, "-+++"), alone) == "Builder ships Plumbline and skips Lantern."


# Every sentence there can be

prices = st.sampled_from([FREE, FREEMIUM, PAID, AMOUNT, UNKNOWN, "$4.99", "from 3 credits"])
names = st.sampled_from(["Plumbline", "Smallwood 3B", "GPT-7", "Ölkanne", "Tool."])


@st.composite
def sides(draw: st.DrawFn) -> tuple[Side, Side]:
    made = []
    for slug in ("one", "two"):
        judged = replace(
            A,
            slug=slug,
            name=f"{draw(names)} {slug}",
            entry_price=draw(prices),
            open_source=draw(st.sampled_from([None, True, False])),
        )
        calls = draw(st.text("+-.", min_size=4, max_size=4).filter(lambda calls: calls != "...."))
        votes = draw(st.integers(0, 300))
        made.append(Side(judged, verdict(judged, calls), Tally(draw(st.integers(0, votes)), votes)))
    return made[0], made[1]


def without(said: str, *parts: str) -> str:
    for part in filter(None, parts):
        said = said.replace(part, "")
    return said


@settings(max_examples=60, deadline=None)
@given(sides())
def test_every_sentence_names_both_tools_and_holds_only_counts_and_prices(pair: tuple[Side, Side]) -> None:
    a, b = pair
    line, price, split = bottom_line(a, b), pricing_read(a.tool, b.tool), reviewer_split(a, b, reviewers())

    for said in (line, price, split):
        assert said.endswith(".")
        assert "None" not in said
    assert a.tool.name in line
    assert b.tool.name in line
    assert a.tool.name in price or price.startswith("Both ")
    for said in (line, split):
        known = {str(number) for one in pair for number in (one.verdict.tally.ships, one.verdict.tally.n)}
        known |= {str(one.community.n) for one in pair} | {percent(one.community.share)[:-2] for one in pair}
        known |= {str(len({review.reviewer for one in pair for review in one.verdict.reviews}))}
        assert set(re.findall(r"\d+", without(said, a.tool.name, b.tool.name))) <= known
    assert not re.findall(r"\d", without(price, a.tool.name, b.tool.name, a.tool.entry_price, b.tool.entry_price))
