"""Every number and quote of a message is traced to a row, and what is changed by hand is found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.composing import preheader
from digest.flattening import visible
from digest.judging import judge
from digest.model import Candidate, Edition, Message, Review, Side, Tally
from digest.pairing import pick
from digest.parity import differences
from digest.rendering import render, template_folders
from digest.tracing import Untraced, untraced
from sources.reviewfiles import read_reviews
from tests.digest.unlucky import GOOD, TRICKY, told, with_tools
from tests.examples import NOW, edition, reviewers, site, verdict


def rows(of: Edition) -> list[Review]:
    return [one for pair in of.matchups for side in pair.sides for one in side.verdict.reviews]


def traced(
    of: Edition, message: Message | None = None, reviews: Sequence[Review] | None = None
) -> tuple[Untraced, ...]:
    return untraced(message or render(of, site()), of, rows(of) if reviews is None else reviews, site())


def digits(part: str, text: str) -> list[int]:
    """Where digits stand that a reader sees; in html not those of tags, styles, comments and references."""
    if part == "html":
        text = re.sub(
            r"<style.*?</style>|<!--.*?-->|<[^>]*>|&#?\w+;", lambda one: " " * len(one[0]), text, flags=re.DOTALL
        )
    return [one.start() for one in re.finditer(r"\d", text)]


def changed_at(message: Message, part: str, at: int, digit: int) -> Message:
    text = getattr(message, part)
    return replace(message, **{part: f"{text[:at]}{digit}{text[at + 1 :]}"})


def test_everything_in_the_example_edition_traces_to_a_row() -> None:
    for count, full in ((1, 0), (1, 1), (5, 1), (8, 8)):
        assert traced(told(edition(count, full=full))) == ()
    assert traced(GOOD) == ()


def test_everything_in_an_edition_of_the_bundled_samples_traces_to_a_row() -> None:
    folder = Path(__file__).parents[2] / "flows" / "samples" / "reviews"
    sheets = read_reviews([folder], reviewers(), NOW.date())
    candidates = [
        Candidate(one.tool, judge(one.tool, one.reviews, reviewers()), Tally(place, 2 * place), launched_at=NOW)
        for place, one in enumerate(sheets)
    ]
    picked, _ = pick(candidates, met=(), resting=(), limit=5, now=NOW)
    of = composed(picked)

    assert len(of.matchups) == 5
    assert traced(of) == ()


def composed(picked: Any) -> Edition:
    from digest.composing import compose

    return compose("2026-W47", picked, (), (), reviewers(), since=NOW, until=NOW)


@pytest.mark.parametrize("name", TRICKY)
def test_unlucky_names_prices_and_texts_are_no_fault(name: str) -> None:
    assert traced(TRICKY[name]) == ()


@lru_cache
def spots(name: str) -> tuple[Message, list[tuple[str, int]]]:
    message = render(TRICKY.get(name, GOOD), site())
    return message, [(part, at) for part in ("html", "text") for at in digits(part, getattr(message, part))]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["good", *TRICKY]), st.data())
def test_any_one_changed_digit_is_found(name: str, data: st.DataObject) -> None:
    """Wherever a reader sees a digit; also where the wrong one stands rightly in another place."""
    message, places = spots(name)
    part, at = data.draw(st.sampled_from(places))
    digit = data.draw(st.integers(0, 9).filter(lambda one: str(one) != getattr(message, part)[at]))

    found = traced(TRICKY.get(name, GOOD), changed_at(message, part, at, digit))

    assert any(one.part == part for one in found)


def test_a_price_that_becomes_the_other_tools_price_is_found_in_every_place() -> None:
    of = TRICKY["prices a digit apart"]
    message = render(of, site())
    for part in ("html", "text"):
        text = getattr(message, part)
        for found in re.finditer(r"\$20/month", text):
            assert traced(of, changed_at(message, part, found.start() + 1, 3)), text[found.start() - 40 : found.end()]


def contrasted() -> Edition:
    """Two pairs in which every tool has its own price, panel and readers, and figures that fit other places too."""
    shares = iter(((30, 40, 3), (10, 40, 1), (3, 4, 2), (100, 400, 1)))
    prices = iter(("$20/month", "$9/month", "$5/month", "$7/month"))

    def changed(side: Side) -> Side:
        ships, n, calls = next(shares)
        of = replace(side.tool, entry_price=next(prices))
        return Side(of, verdict(of, "+" * calls + "-" * (4 - calls)), Tally(ships, n))

    of = edition(2, full=1)
    return told(replace(of, matchups=tuple(replace(one, a=changed(one.a), b=changed(one.b)) for one in of.matchups)))


def exchanged(text: str, one: str, other: str) -> str:
    return text.replace(one, "\x00").replace(other, one).replace("\x00", other)


CONTRASTED = contrasted()


def unanimous() -> Edition:
    """One pair in full that the whole panel would ship."""
    of = edition(1, full=1)
    sides = [replace(side, verdict=verdict(side.tool, "++++")) for side in of.matchups[0].sides]
    return told(replace(of, matchups=(replace(of.matchups[0], a=sides[0], b=sides[1]),)))


UNANIMOUS = unanimous()


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_figure_that_becomes_any_other_figure_of_the_message_is_found(part: str) -> None:
    message = render(CONTRASTED, site())
    assert traced(CONTRASTED, message) == ()
    text = getattr(message, part)
    seen = {*digits(part, text)}
    figures = [one for one in re.finditer(r"\d[\d,]*(?= %| of | ship| voters| would)", text) if one.start() in seen]
    for place in figures:
        unit = text[place.end() : place.end() + 2]
        for other in sorted({one[0] for one in figures if text.startswith(unit, one.end())} - {place[0]}):
            changed = f"{text[: place.start()]}{other}{text[place.end() :]}"
            assert traced(CONTRASTED, replace(message, **{part: changed})), (changed[place.start() - 60 :][:90], other)


@pytest.mark.parametrize("part", ["html", "text"])
def test_what_belongs_to_the_other_tool_of_the_pair_is_found(part: str) -> None:
    message = render(CONTRASTED, site())
    text = getattr(message, part)
    swapped = exchanged(text, "$20/month", "$9/month")
    assert swapped != text
    assert traced(CONTRASTED, replace(message, **{part: swapped}))


def test_a_quote_under_the_other_tool_or_the_other_call_is_found() -> None:
    message = render(CONTRASTED, site())
    a, b = (side.verdict.reviews[1] for side in CONTRASTED.matchups[0].sides)
    assert (a.call, b.call) == ("ship", "skip")
    moved = exchanged(message.html, a.quote, b.quote)
    flipped = message.text.replace("✓ SHIP", "✕ SKIP", 1)
    assert moved != message.html
    assert flipped != message.text

    assert {one.kind for one in traced(CONTRASTED, replace(message, html=moved))} == {"quote"}
    assert {one.kind for one in traced(CONTRASTED, replace(message, text=flipped))} == {"quote"}


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_quote_under_another_reviewer_of_the_same_call_is_found(part: str) -> None:
    message = render(UNANIMOUS, site())
    builder, founder = (UNANIMOUS.matchups[0].a.verdict.by(one) for one in ("builder", "founder"))
    assert builder
    assert founder
    flowing = " ".join(getattr(message, part).split())
    moved = exchanged(flowing, builder.quote, founder.quote)
    assert moved != flowing
    assert traced(UNANIMOUS, replace(message, **{part: flowing})) == ()

    found = traced(UNANIMOUS, replace(message, **{part: moved}))

    assert [(one.kind, one.part) for one in found] == [("quote", part)] * 2
    assert all("another reviewer" in one.shown for one in found)


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_quote_with_the_other_call_of_its_reviewer_is_found(part: str) -> None:
    """Wherever the call stands before the quote: before the name of the tool, or behind it."""
    message = render(CONTRASTED, site())
    flowing = " ".join(getattr(message, part).split())
    lead = CONTRASTED.matchups[0].a
    marked = {"html": r"✓ Ship</span> &#160;<b>%s</b>", "text": "✓ SHIP %s"}[part] % lead.tool.name
    for changed in ("✕ Skip {}", "{} ✕ Skip", "{}: SKIP"):
        flipped = flowing.replace(marked, changed.format(lead.tool.name), 1)
        assert flipped != flowing

        found = traced(CONTRASTED, replace(message, **{part: flipped}))

        assert [(one.kind, one.part) for one in found] == [("quote", part)], changed
        assert "other call" in found[0].shown


def test_reviewers_named_where_no_quote_stands_and_those_who_left_the_panel_are_no_fault() -> None:
    introduced = replace(UNANIMOUS, intro="Builder, Skeptic, Futurist\n\nFounder")
    left = replace(UNANIMOUS, reviewers=reviewers()[:2])

    assert traced(introduced) == ()
    assert [one for one in traced(left) if one.part != "edition"] == []


def test_a_panels_line_copied_over_the_readers_is_found() -> None:
    message = render(CONTRASTED, site())
    copied = re.sub(r"Community +75 % +\(30 of 40 ship\)", "Panel        75 %   (3 of 4 ship)", message.text, count=1)
    relabelled = copied.replace(
        "Panel        75 %   (3 of 4 ship)\n    Panel ", "Panel 75 % (3 of 4 ship)\n Community ", 1
    )

    for changed in (copied, relabelled):
        assert changed != message.text
        assert traced(CONTRASTED, replace(message, text=changed))


def test_a_changed_word_in_a_quote_is_found_in_both_parts() -> None:
    message = render(GOOD, site())
    for part in ("html", "text"):
        text = getattr(message, part)
        for word in ("whole organisation", "coffee", "grudgingly", "inflated"):
            if word in text:
                [*found] = traced(GOOD, replace(message, **{part: text.replace(word, "other", 1)}))
                assert {(one.kind, one.part) for one in found} == {("quote", part)}, word
    assert "coffee" in message.html
    assert "coffee" in message.text


def test_a_quote_that_was_never_said_is_found() -> None:
    message = render(GOOD, site())
    invented = replace(message, text=f"{message.text}\n“Best tool of the year.”\n")

    assert [(one.kind, one.part) for one in traced(GOOD, invented)] == [("quote", "text")]


def test_a_quote_of_another_version_of_the_review_is_found() -> None:
    newer = [replace(one, quote=f"{one.quote} Or not.") for one in rows(GOOD)]

    assert {one.kind for one in traced(GOOD, reviews=newer)} == {"quote"}


@pytest.mark.parametrize(
    ("cut", "is_traced"), [("I pointed Plumbline at a…", True), ("I pointed Plumbline at the…", False),
                           ("I pointed Plumb…", False), ("pointed Plumbline at a…", False), ("…", True)],
)  # fmt: skip
def test_a_shortened_quote_must_be_how_it_begins_in_whole_words(cut: str, is_traced: bool) -> None:
    message = render(GOOD, site())
    whole = next(one.quote for one in rows(GOOD) if one.quote.startswith("I pointed Plumbline at a"))
    shortened = message.html.replace(f"“{whole}”", f"“{cut}”")

    assert shortened != message.html
    assert (traced(GOOD, replace(message, html=shortened)) == ()) is is_traced


@pytest.mark.parametrize("kind", ["bottom_line", "pricing_read", "split", "community_read"])
def test_a_sentence_that_the_rows_do_not_give_is_found_though_the_message_prints_it(kind: str) -> None:
    lead, *others = GOOD.matchups
    changed = re.sub(r"\d", lambda one: str((int(one[0]) + 1) % 10), getattr(lead, kind), count=1)
    changed = changed if changed != getattr(lead, kind) else "All of 5 love it."
    change: dict[str, Any] = {kind: changed}
    edited = replace(GOOD, matchups=(replace(lead, **change), *others))

    found = traced(edited)

    assert kind.replace("_", " ") in str(found[0])
    assert found[0].part == "edition"


def test_any_wording_of_a_derived_sentence_will_do() -> None:
    elsewhere = replace(GOOD, week="2026-W51")

    assert traced(elsewhere) == ()


def test_a_preheader_that_counts_wrongly_is_found_and_an_editors_words_are_not() -> None:
    right = replace(GOOD, preheader=preheader(GOOD.matchups, len(GOOD.launches)))
    stale = replace(GOOD, preheader=preheader(GOOD.matchups, len(GOOD.launches) + 1))
    words = replace(GOOD, preheader="Smallwood 3B, and what it costs to be told the truth.")

    assert traced(right) == traced(words) == ()
    assert {one.part for one in traced(stale)} == {"edition"}


def test_what_an_editor_wrote_counts_as_a_row() -> None:
    written = replace(GOOD, subject="24 hours with 2 reviewers", intro="We tried 11.\n\nOne said “no” 3 times.")

    assert traced(written) == ()
    assert traced(written, replace(render(written, site()), subject="25 hours with 2 reviewers"))[0].part == "subject"


def test_numbers_in_what_is_read_aloud_are_found_and_those_of_the_layout_are_not() -> None:
    message = render(GOOD, site())

    for heard in ('<img alt="9 of 9 agree">', '<p title="97 %">x</p>', '<div aria-label="3 left">x</div>'):
        assert traced(GOOD, replace(message, html=message.html.replace("</body>", f"{heard}</body>")))
    for unseen in ("<style>.x { width: 77px }</style>", '<p style="width:77px" class="x9">x</p>'):
        assert traced(GOOD, replace(message, html=message.html.replace("</body>", f"{unseen}</body>"))) == ()


def test_what_is_visible_has_its_words_apart_and_its_inline_marks_within() -> None:
    assert visible("<p>3 <b>of</b> 4</p><td>75&#160;%</td><i>a</i>b<style>9</style>").split() == [
        "3", "of", "4", "75", "%", "ab",
    ]  # fmt: skip


def test_hostile_texts_still_trace() -> None:
    nasty = (
        "<b>5</b> & 6",
        "[[reader]] 7 {{ 8 }}",
        "検証ツール、速い。9" * 9,
        "“8” of 10 “experts”",
        "a\u200b1\u00ad2 \x07 3",
        "9" * 200,
    )
    of = with_tools(edition(3, full=3), *({"name": f"N{n}", "tagline": text, "description": text, "vendor": text}
                                          for n, text in enumerate(nasty)))  # fmt: skip

    assert traced(of) == ()


def quoted(of: Edition, quote: str) -> Edition:
    """The edition with a quote of its first tool's last reviewer."""
    lead, *others = of.matchups
    *reviews, last = lead.a.verdict.reviews
    changed = replace(lead.a, verdict=replace(lead.a.verdict, reviews=(*reviews, replace(last, quote=quote))))
    return replace(of, matchups=(replace(lead, a=changed), *others))


@pytest.mark.parametrize(
    "quote", ["Ship", "Skip", "The readers", "THE READERS", "Panel: 3 of 4 ship 75 %", "Panel 75 % (3 of 4 ship)",
              "Lantern", "Ship Plumbline", "✓ Ship Lantern", "Your vote", "Builder", "Developer Tools"],
)  # fmt: skip
def test_a_quote_that_reads_like_a_word_of_the_template_is_one_only_in_quotation_marks(quote: str) -> None:
    of = quoted(CONTRASTED, quote)
    message = render(of, site())

    assert traced(of, message) == ()
    assert differences(message, of, site()) == ()
    moved = exchanged(message.html, f"“{quote}”", f"“{of.matchups[0].b.verdict.reviews[0].quote}”")
    assert {one.kind for one in traced(of, replace(message, html=moved))} == {"quote"}


@pytest.mark.parametrize(
    "calls", [("++-", "+-+", "++-+", "--++"), ("++-+", "+-+", "++-", "--++"), ("+...", "+-.-", "++-+", "+++-")]
)
def test_names_with_digits_may_have_panels_of_any_size(calls: Sequence[str]) -> None:
    of = with_tools(edition(2, full=2), *({"name": name} for name in ("GPT-5", "Llama", "Zed", "Gemini 3")))
    left = iter(calls)
    sides = [[replace(side, verdict=verdict(side.tool, next(left))) for side in one.sides] for one in of.matchups]
    of = told(replace(of, matchups=tuple(replace(one, a=a, b=b)
                                         for one, (a, b) in zip(of.matchups, sides, strict=True))))  # fmt: skip

    assert traced(of) == ()


@pytest.mark.parametrize("part", ["html", "text"])
def test_what_the_templates_say_literally_is_known_as_a_whole(part: str) -> None:
    message = render(GOOD, site())
    said = ("© 2026 Our Ltd, company no. 1234567", "Call us:  +44 20 7946 0000", "Only $5")
    ending = {"html": f"<p>{'</p><p>'.join(said)}</p></body>", "text": "\n".join(said)}[part]
    text = message.text + ending if part == "text" else message.html.replace("</body>", ending)
    theirs = replace(message, **{part: text})
    changed = replace(theirs, **{part: text.replace("1234567", "1234568")})

    assert len(traced(GOOD, theirs)) >= len(said)
    assert untraced(theirs, GOOD, rows(GOOD), site(), said) == ()
    assert untraced(changed, GOOD, rows(GOOD), site(), said)


def test_a_layout_of_ones_own_may_leave_out_or_repeat_what_it_shows_of_all_alike(tmp_path: Path) -> None:
    body = tmp_path / "templates" / "email" / "digest" / "body.txt"
    body.parent.mkdir(parents=True)
    body.write_text(
        "{% for one in matchups %}{{ one.a.name }} and {{ one.b.name }}\n{{ one.bottom_line }}\n{{ one.bottom_line }}\n"
        "{% for side in (one.a, one.b) %}{{ side.name }}\nPanel {{ side.panel.percent }} ({{ side.panel.note }})\n"
        "{% endfor %}{% endfor %}{{ site.url }}/leave/[[reader]] →\n",
        "utf-8",
    )

    assert traced(GOOD, render(GOOD, site(), template_folders(tmp_path))) == ()
