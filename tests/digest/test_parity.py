"""Html and text say the same, and whatever is changed in one of them, or missing from both, is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import CATEGORIES, Edition, Finding, Message
from digest.parity import differences
from digest.rendering import render, template_folders
from digest.tracing import untraced
from tests.digest.unlucky import FLIPPED, GOOD, TRICKY, told, with_tools
from tests.examples import edition, site

SMALL = told(edition(2, full=1, launches=3, corrections=(FLIPPED,)))
PARTS = ("html", "text")


def found(of: Edition, message: Message | None = None) -> tuple[Finding, ...]:
    return differences(message or render(of, site()), of, site())


def changed(message: Message, part: str, old: str, new: str, count: int = 1) -> Message:
    """The message with some words of one part replaced, its lines joined so that wrapping hides none."""
    text = " ".join(getattr(message, part).split())
    assert old in text
    return replace(message, **{part: text.replace(old, new, count)})


def flowing(message: Message) -> Message:
    return replace(message, html=" ".join(message.html.split()), text=" ".join(message.text.split()))


def codes(findings: tuple[Finding, ...]) -> set[str]:
    return {one.code for one in findings}


@pytest.mark.parametrize("of", [GOOD, SMALL, *TRICKY.values()])
def test_parts_rendered_from_one_edition_say_the_same(of: Edition) -> None:
    assert found(of) == ()
    assert found(of, flowing(render(of, site()))) == ()


LIKELY = st.sampled_from((
    "Ship", "Skip", "Panel", "Read", "Free", "7", "AI", "AI Tool Verdicts", "Builder", "What breaks, leaks or lies?",
    "Developer Tools", "Lantern", "Community", "Entry price", "検証ツール、速い。9", "שלום עולם", "“quoted”", "“", "No",
    "a\u200bb", "<b>x</b> & y", "[[reader]]", "{{ x }}", "-", "…", "3 of 4 ship", "75 %", "GPT-5", "GPT-5.2",
    "👩\u200d💻 dev",
))  # fmt: skip
TEXTS = st.fixed_dictionaries(
    {}, optional={
        **dict.fromkeys(("name", "tagline", "description", "vendor", "entry_price"), LIKELY),
        "open_source": st.booleans(), "category": st.sampled_from(CATEGORIES),
    },
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=6, max_size=6), st.integers(0, 3))
def test_whatever_tools_are_called_and_cost_is_no_difference(texts: list[dict[str, object]], full: int) -> None:
    of = with_tools(edition(3, full=full), *texts)

    assert found(of) == ()


# One word changed

#: The words of the shipped templates; only they may be changed without a finding.
LABELS = frozenset({
    "entry", "price", "which", "one", "should", "you", "ship", "with", "the", "readers", "pricing", "read", "where",
    "panel", "splits", "scorecard", "full", "comparison", "of", "and", "split", "corrections", "also", "launched",
    "this", "week", "forwarded", "to", "subscribe", "view", "edition", "in", "your", "browser", "change",
    "preferences", "unsubscribe", "call", "vote", "skip", "no", "vs", "community", "checked",
})  # fmt: skip


def words_of(message: Message, part: str) -> Iterator[tuple[int, str]]:
    """Where each word starts that a reader sees, and the word."""
    text = getattr(message, part)
    if part == "html":
        hidden = r"<style.*?</style>|<!--.*?-->|<[^>]*>|&#?\w+;"
        text = re.sub(hidden, lambda one: " " * len(one[0]), text, flags=re.DOTALL)
    for one in re.finditer(r"[^\W_]+", text):
        yield one.start(), one[0]


def misprinted(message: Message, part: str, at: int, word: str) -> Message:
    """The message with the middle character of a word exchanged."""
    text, at = getattr(message, part), at + len(word) // 2
    other = str((int(text[at]) + 1) % 10) if text[at].isdigit() else "q" if text[at] != "q" else "x"
    return replace(message, **{part: f"{text[:at]}{other}{text[at + 1 :]}"})


def is_found(of: Edition, message: Message) -> bool:
    reviews = [one for pair in of.matchups for side in pair.sides for one in side.verdict.reviews]
    return bool(found(of, message) or untraced(message, of, reviews, site()))


@lru_cache
def places() -> tuple[Message, list[tuple[str, int, str]]]:
    message = render(SMALL, site())
    every = [(part, at, word) for part in ("subject", *PARTS) for at, word in words_of(message, part)]
    return message, [one for one in every if one[2].casefold() not in LABELS]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_one_misprinted_word_is_found_unless_it_is_the_templates(data: st.DataObject) -> None:
    message, every = places()
    part, at, word = data.draw(st.sampled_from(every))

    assert is_found(SMALL, misprinted(message, part, at, word))


@pytest.mark.slow
def test_of_all_words_of_a_message_only_labels_can_be_misprinted_unseen() -> None:
    """Each word where it stands last; where it stands otherwise, the test above draws."""
    of = told(edition(1, full=1, launches=1, corrections=(FLIPPED,)))
    message = render(of, site())
    for part in ("subject", *PARTS):
        last = {word: at for at, word in words_of(message, part)}
        unseen = {word for word, at in last.items() if not is_found(of, misprinted(message, part, at, word))}
        assert {word.casefold() for word in unseen} <= LABELS, part


# What is missing, moved or altered


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "pick",
    [
        lambda pair: pair.bottom_line, lambda pair: pair.pricing_read, lambda pair: pair.split,
        lambda pair: pair.community_read, lambda pair: pair.a.tool.tagline, lambda pair: pair.b.tool.description,
        lambda pair: pair.a.tool.vendor, lambda pair: pair.a.tool.entry_price,
        lambda pair: f"checked {pair.a.tool.price_checked_on.day} Nov", lambda pair: pair.a.verdict.reviews[0].quote,
        lambda pair: {"skeptic": "What breaks, leaks or lies?"}[pair.a.verdict.reviews[1].reviewer],
    ],
)  # fmt: skip
def test_what_stands_in_one_part_only_is_a_blocker(pick: object, part: str) -> None:
    assert callable(pick)
    message, said = render(SMALL, site()), pick(SMALL.matchups[0]).replace("&", "&amp;" if part == "html" else "&")

    [*findings] = found(SMALL, changed(message, part, said, "–"))

    assert "parts-differ" in {one.code for one in findings if one.level == "blocker" and one.where == part}


@pytest.mark.parametrize("said", ["bottom_line", "split"])
def test_a_sentence_changed_in_both_parts_alike_is_found(said: str) -> None:
    message, right = render(SMALL, site()), getattr(SMALL.matchups[0], said)
    wrong = right.replace("would", "will").replace("ships", "likes")
    assert wrong != right

    both = changed(changed(message, "html", right, wrong), "text", right, wrong)

    assert {(one.code, one.level) for one in found(SMALL, both)} == {("content-missing", "blocker")}


@pytest.mark.parametrize("part", PARTS)
def test_a_share_changed_or_left_out_is_found(part: str) -> None:
    message = flowing(render(SMALL, site()))
    for old in re.findall(r"(?:Panel|Community)[^%]{0,60}%", getattr(message, part)):
        assert found(SMALL, changed(message, part, old, "Panel")), old


def test_a_matchup_that_one_part_lacks_is_one_finding() -> None:
    message = render(SMALL, site())
    start, end = message.text.index("2. Murmur"), message.text.index("Corrections")
    cut = replace(message, text=f"{message.text[:start]}{message.text[end:]}")

    findings = found(SMALL, cut)

    assert [one.where for one in findings if one.code == "matchup-missing"] == ["text"]
    assert codes(findings) == {"matchup-missing", "links-differ"}


def test_matchups_in_another_order_or_twice_are_found() -> None:
    message = render(SMALL, site())
    first, second = message.text.index("1. Plumbline"), message.text.index("2. Murmur")
    end = message.text.index("Corrections")
    before, one, other, rest = (message.text[at:to] for at, to in
                                ((0, first), (first, second), (second, end), (end, None)))  # fmt: skip

    assert "matchup-order" in codes(found(SMALL, replace(message, text=before + other + one + rest)))
    assert "matchup-twice" in codes(found(SMALL, replace(message, text=before + one + other + other + rest)))


@pytest.mark.parametrize("part", PARTS)
def test_a_name_written_otherwise_in_one_place_is_found_in_every_place(part: str) -> None:
    message = render(SMALL, site())
    text = getattr(message, part)
    seen = {at for at, word in words_of(message, part) if word == "Lantern"}
    for at in sorted(seen):
        wrong = replace(message, **{part: f"{text[:at]}Lentern{text[at + 7 :]}"})
        assert any(one.level == "blocker" for one in found(SMALL, wrong)), text[at - 60 : at + 20]


@pytest.mark.parametrize("part", PARTS)
def test_a_call_that_is_gone_before_its_quote_is_found(part: str) -> None:
    message = render(SMALL, site())
    mark = {"html": "✓ Ship</span>", "text": "✓ SHIP"}[part]

    assert "parts-differ" in codes(
        found(SMALL, changed(message, part, mark, mark.replace("Ship", "").replace("SHIP", "")))
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "link", ["/compare/plumbline-vs-lantern", "/leave/[[reader]]", "/preferences/[[reader]]", "/editions/2026-W47",
             "https://example.org/lantern", "https://example.org/thimble"],
)  # fmt: skip
def test_a_link_that_one_part_lacks_or_has_otherwise_is_found(link: str, part: str) -> None:
    message = render(SMALL, site())

    assert "links-differ" in codes(found(SMALL, changed(message, part, link, f"{link}-2")))


def test_vote_links_are_the_same_in_both_parts() -> None:
    message = render(SMALL, site())
    home = f"{site().url}/vote/[[reader]]/2026-W47"
    votes = [f"{home}/{side.tool.slug}/{call}" for pair in SMALL.matchups for side in pair.sides
             for call in ("ship", "skip")]  # fmt: skip
    bare = replace(message, html=re.sub(r"<a [^>]*/vote/[^>]*>[^<]*</a>", "", message.html),
                   text=re.sub(r"https?://\S*/vote/\S*", "", message.text))  # fmt: skip
    html = bare.html.replace("</body>", "".join(f'<a href="{vote}">x</a>' for vote in votes) + "</body>")
    text = "\n".join((bare.text, *votes))

    assert found(SMALL, replace(bare, html=html, text=text)) == ()
    assert codes(found(SMALL, replace(bare, html=html))) == {"links-differ"}
    assert codes(found(SMALL, replace(bare, html=html, text=text.replace(votes[3], "")))) == {"links-differ"}
    for part, said in (("html", html), ("text", text)):
        wrong = replace(bare, html=html, text=text)
        wrong = replace(wrong, **{part: said.replace("/lantern/skip", "/lantern-2/skip")})
        assert codes(found(SMALL, wrong)) == {"links-differ"}


def swapped(message: Message, part: str, one: str, other: str) -> Message:
    """The message with two stretches of a part exchanged wherever they stand, longer words with them in them not."""
    text = getattr(message, part)
    assert one in text
    assert other in text
    found = re.sub(
        rf"(?:{re.escape(one)}|{re.escape(other)})(?![\w-])", lambda at: other if at[0] == one else one, text
    )
    return replace(message, **{part: found})


@pytest.mark.parametrize("of", [GOOD, SMALL, told(edition(1)), TRICKY["versions"]])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("vote", ["ship", "skip"])
def test_votes_exchanged_between_two_tools_or_calls_are_found(of: Edition, part: str, vote: str) -> None:
    message = render(of, site())
    a, b = (f"{site().url}/vote/[[reader]]/{of.week}/{side.tool.slug}" for side in of.matchups[0].sides)

    for one, other in ((f"{a}/{vote}", f"{b}/{vote}"), (f"{a}/ship", f"{a}/skip")):
        findings = found(of, swapped(message, part, one, other))
        assert [(one.code, one.level, one.where) for one in findings] == [("links-differ", "blocker", part)] * 2


@pytest.mark.parametrize("part", PARTS)
def test_a_vote_with_the_words_of_the_other_is_found(part: str) -> None:
    message = render(SMALL, site())
    both_skip = replace(message, **{part: getattr(message, part).replace("✓ Ship Plumbline", "✕ Skip Plumbline")})
    both_one = replace(message, **{part: getattr(message, part).replace("✓ Ship Lantern", "✓ Ship Plumbline")})

    assert codes(found(SMALL, both_skip)) == {"links-differ"}
    assert "links-differ" in codes(found(SMALL, both_one))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/plumbline", "https://example.org/lantern"),
        ("https://example.org/plumbline", "https://example.org/murmur"),
        ("https://example.org/lantern", "https://example.org/dictaphone-zero"),
        ("https://example.org/thimble", "https://example.org/waxwing"),
        ("/compare/plumbline-vs-lantern", "/compare/murmur-vs-dictaphone-zero"),
        ("/leave/[[reader]]", "/preferences/[[reader]]"),
    ],
)
def test_links_exchanged_with_others_of_their_kind_are_found(one: str, other: str, part: str) -> None:
    findings = found(SMALL, swapped(render(SMALL, site()), part, one, other))

    assert {(one.code, one.level, one.where) for one in findings} == {("links-differ", "blocker", part)}


def test_links_may_be_worded_otherwise_as_long_as_they_name_nothing_else() -> None:
    message = render(SMALL, site())
    html, text = message.html, message.text
    for old, new in (
        (">✓ Ship Plumbline<", "><b>&#10003;</b> yes<"), (">✕ Skip Plumbline<", ">No, neither this nor that<"),
        ('plumbline">Plumbline<', 'plumbline"><img src="x.png" alt=""/>The page of the tool<'),
        (">Read the full comparison of Plumbline and Lantern<", ">More on Plumbline<"),
        (">Change your preferences<", ">How often we write, or how to unsubscribe: your preferences<"),
        (">Unsubscribe<", ">No more of this<"),
    ):  # fmt: skip
        assert old in html
        html = html.replace(old, new)
    for old, new in (
        ("✓ Ship Plumbline\n", "Would you ship it?\n  yes: "), ("✕ Skip Plumbline\n", "  no: "),
        ("Change your preferences:\n", "Unsubscribe or change your preferences:\n"), ("Unsubscribe:\nh", "h"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)

    assert [one for one in found(SMALL, replace(message, html=html, text=text)) if one.code == "links-differ"] == []


def test_words_behind_an_address_or_names_before_several_are_no_fault(tmp_path: Path) -> None:
    body = (
        "{% for one in matchups %}{{ one.a.name }}\n{{ one.a.maker }}\n{{ one.b.name }}\n{{ one.b.maker }}\n"
        "{{ one.a.url }} ({{ one.a.name }})\n{{ one.b.url }} ({{ one.b.name }})\n"
        "{{ one.a.ship }} or {{ one.a.skip }} for {{ one.a.name }}\n{{ one.b.skip }}\n{{ one.b.ship }}\n"
        "{{ one.url }}\n{% endfor %}{{ links.leave }} (unsubscribe)\n{{ links.preferences }} (preferences)\n"
    )

    assert [one for one in found(SMALL, own(tmp_path, body)) if "is said of it" in one.message] == []


def test_a_text_of_one_tool_that_names_the_other_does_not_make_its_link_the_others() -> None:
    of = with_tools(
        edition(2, full=1), {"description": "Does not need Lantern"}, {"tagline": "Plumbline", "vendor": "Murmur"},
        {"name": "Read"}, {"name": "Read more", "vendor": "Plumbline"},
    )  # fmt: skip

    assert found(of) == ()


def test_addresses_in_capitals_heads_in_an_intro_and_names_in_capitals_are_no_difference() -> None:
    launch = replace(SMALL.launches[0], link="HTTPS://Example.org/X")
    assert found(replace(SMALL, launches=(launch, *SMALL.launches[1:]))) == ()
    for intro in ("No. 1 · Developer Tools Plumbline vs Lantern", "1. Plumbline vs Lantern"):
        assert found(replace(SMALL, intro=intro)) == ()
    for name in ("READ", "THE", "SHIP", "SPLIT"):
        assert found(with_tools(SMALL, {"name": name})) == ()


def test_whatever_breaks_a_line_is_a_space_in_both_parts() -> None:
    of = with_tools(SMALL, {"tagline": "Reads\x85everything", "description": "and\u2028says\x85so 3 times"})

    assert found(of) == ()
    assert is_found(of, render(of, site())) is False


def test_campaign_parameters_are_no_difference() -> None:
    message = render(SMALL, site())
    tagged = re.sub(r'(href="https://verdicts[^"]*)"', r'\1?utm_source=digest&amp;utm_campaign=w47x9"', message.html)
    assert tagged != message.html

    assert not found(SMALL, replace(message, html=tagged))
    assert is_found(SMALL, replace(message, html=tagged)) is False


def test_a_subject_or_a_title_with_another_word_is_found() -> None:
    message = render(SMALL, site())
    assert message.subject == SMALL.subject

    altered = found(SMALL, replace(message, subject=message.subject.replace("splits", "agrees")))
    other = found(SMALL, replace(message, subject="Something else altogether this week"))
    longer = found(SMALL, replace(message, subject=f"[Verdicts] {message.subject}"))

    assert [(one.code, one.level, one.where) for one in altered] == [("subject-differs", "blocker", "subject")]
    assert [(one.code, one.level, one.where) for one in other] == [("subject-differs", "warning", "subject")]
    assert longer == ()


# Templates of one's own


def own(tmp_path: Path, body: str) -> Message:
    """SMALL with a text part of one's own."""
    template = tmp_path / "templates" / "email" / "digest" / "body.txt"
    template.parent.mkdir(parents=True)
    template.write_text(body, "utf-8")
    return render(SMALL, site(), template_folders(tmp_path))


def test_what_both_parts_leave_out_of_all_matchups_is_their_choice(tmp_path: Path) -> None:
    """But not names, bottom lines and panel shares."""
    body = (
        "{% for one in matchups %}{{ one.a.name }} or {{ one.b.name }}?\n{% for side in (one.a, one.b) %}"
        "{{ side.name }}\nPanel {{ side.panel.percent }} ({{ side.panel.note }})\n{% endfor %}"
        "{{ one.bottom_line }}\n\n{% endfor %}"
    )
    text = own(tmp_path, body).text
    both = Message(SMALL.week, SMALL.subject, f"<p>{SMALL.preheader}</p><p>{text.replace('&', '&amp;')}</p>", text)
    assert found(SMALL, both) == ()

    for lost in (SMALL.matchups[1].bottom_line, "Panel 100 % (4 of 4 ship)"):
        lacking = changed(changed(both, "html", lost, ""), "text", lost, "")
        assert {(one.code, one.level) for one in found(SMALL, lacking)} == {("content-missing", "blocker")}


def test_a_text_part_that_says_less_than_the_html_is_found(tmp_path: Path) -> None:
    message = own(
        tmp_path, "{% for one in matchups %}{{ one.a.name }}, {{ one.b.name }}: {{ one.bottom_line }}\n{% endfor %}"
    )

    assert {one.where for one in found(SMALL, message) if one.code == "parts-differ"} == {"text"}
