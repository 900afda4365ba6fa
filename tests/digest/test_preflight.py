"""What preflight finds: nothing in a good message, and each fault by its code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from digest.inspecting.linking import rewritten_size
from digest.judging import bottom_line, community_read, pricing_read, reviewer_split
from digest.model import Correction, Edition, Finding, Matchup, Message, Review, Side, Site
from digest.preflight import HTML_BLOCK, HTML_WARN, blockers, preflight, summary
from digest.rendering import render
from tests.examples import edition, matchup, review, site, tool


def prepared(of: Edition, **changes: Any) -> Edition:
    """The edition with prices checked in time, every tool changed alike, and the sentences that its rows give."""

    def checked(side: Side) -> Side:
        return replace(side, tool=replace(side.tool, **{"price_checked_on": date(2026, 11, 9), **changes}))

    def told(pair: Matchup) -> Matchup:
        a, b = checked(pair.a), checked(pair.b)
        return replace(
            pair,
            a=a,
            b=b,
            bottom_line=bottom_line(a, b),
            pricing_read=pricing_read(a.tool, b.tool, today=of.until.date()),
            split=reviewer_split(a, b, of.reviewers),
            community_read=community_read(a, b),
        )

    return replace(of, matchups=tuple(told(pair) for pair in of.matchups))


GOOD = prepared(edition())
RENDERED = render(GOOD, site())


def rows(of: Edition) -> list[Review]:
    return [one for pair in of.matchups for side in pair.sides for one in side.verdict.reviews]


def check(
    message: Message = RENDERED,
    of: Edition = GOOD,
    reviews: Sequence[Review] | None = None,
    publisher: Site | None = None,
    *,
    sender: str = "outbox",
    from_email: str = "desk@example.org",
) -> tuple[Finding, ...]:
    """What preflight finds, without what it finds by comparing the parts, which test_parity.py is about."""
    stored = rows(of) if reviews is None else reviews
    findings = preflight(message, of, stored, publisher or site(), sender=sender, from_email=from_email)
    return tuple(one for one in findings if one.code not in BY_COMPARING)


BY_COMPARING = {
    "subject-differs",
    "matchup-missing",
    "parts-differ",
    "content-missing",
    "links-differ",
    "misprint",
    "names-differ",
}


def found(findings: Sequence[Finding]) -> dict[str, str]:
    """Code and level of each finding."""
    return {one.code: one.level for one in findings}


def with_html(change: str) -> Message:
    return replace(RENDERED, html=RENDERED.html.replace("</body>", f"{change}</body>"))


@pytest.mark.parametrize("sender", ["outbox", "smtp"])
def test_a_good_edition_has_no_findings(sender: str) -> None:
    assert check(sender=sender) == ()


def test_every_finding_says_where_and_how_to_mend_it() -> None:
    broken = replace(RENDERED, html="x", text="", subject="")
    empty = replace(GOOD, matchups=(), preheader="")

    findings = check(broken, empty, publisher=site(postal_address=""), from_email="", sender="smtp")

    assert len(findings) > 5
    assert all(one.message and one.where and one.fix for one in findings)


def test_blockers_come_first() -> None:
    levels = [one.level for one in check(replace(RENDERED, text="", subject="Short"), replace(GOOD, preheader=""))]

    assert levels == sorted(levels)
    assert set(levels) == {"blocker", "warning"}


# What is in the edition


def test_an_edition_without_matchups_is_never_sent() -> None:
    empty = replace(GOOD, matchups=())

    assert found(check(render(empty, site()), empty)) == {"empty-edition": "blocker"}


def test_a_tool_in_two_matchups_is_named() -> None:
    doubled = prepared(replace(GOOD, matchups=(*GOOD.matchups, matchup(0))))

    findings = check(render(doubled, site()), doubled)

    assert found(findings) == {"tool-twice": "blocker", "section-twice": "blocker"}
    twice = [one.message.split()[0] for one in findings if one.code == "tool-twice"]
    assert twice == ["lantern", "plumbline"]


def test_a_quote_that_is_in_no_row_blocks() -> None:
    first, *others = rows(GOOD)
    altered = [replace(first, quote=f"{first.quote} Buy it."), *others]

    finding, *in_message = check(reviews=altered)

    assert found(in_message) == {"quote-not-in-message-row": "blocker"}
    assert (finding.code, finding.level, finding.where) == ("quote-not-in-row", "blocker", "plumbline, builder")


def test_a_call_that_is_in_no_row_blocks() -> None:
    first, *others = rows(GOOD)

    assert found(check(reviews=[replace(first, call="skip"), *others])) == {"quote-not-in-row": "blocker"}
    assert [one.code for one in check(reviews=[])].count("quote-not-in-row") == len(rows(GOOD))


def test_a_newer_version_of_a_review_is_a_warning() -> None:
    newer = replace(review(tool(0)), quote="On second thought, no.", call="skip", version=2)

    findings = check(reviews=[*rows(GOOD), newer])

    assert found(findings) == {"quote-old": "warning"}
    assert findings[0].where == "plumbline, builder"


# What is in the message


def test_html_near_the_limit_is_a_warning_and_over_it_a_blocker() -> None:
    def padded(size: int) -> Message:
        missing = size - rewritten_size(RENDERED.html, is_html=True)
        return replace(RENDERED, html=RENDERED.html + " " * missing)

    assert found(check(padded(HTML_WARN))) == {}
    assert found(check(padded(HTML_WARN + 1))) == {"html-size": "warning"}
    assert found(check(padded(HTML_BLOCK))) == {"html-size": "warning"}
    assert found(check(padded(HTML_BLOCK + 1))) == {"html-size": "blocker"}


def test_size_is_counted_in_bytes() -> None:
    umlauts = (HTML_BLOCK - rewritten_size(RENDERED.html, is_html=True)) // 2 + 1

    assert found(check(replace(RENDERED, html=f"{RENDERED.html}<!--{'ü' * umlauts}-->"))) == {"html-size": "blocker"}


@pytest.mark.parametrize("part", ["html", "text"])
def test_an_empty_part_blocks(part: str) -> None:
    assert found(check(replace(RENDERED, **{part: " \n"}))) == {"empty-part": "blocker", "leave-link": "blocker"}


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_part_that_fits_latin_1_is_a_warning(part: str) -> None:
    plain = getattr(RENDERED, part).encode("latin-1", "ignore").decode("latin-1")

    findings = check(replace(RENDERED, **{part: plain}))

    [charset] = [one for one in findings if one.code == "charset"]
    assert (charset.level, charset.where) == ("warning", part)


def test_a_number_that_is_in_no_row_blocks() -> None:
    said = RENDERED.html.replace("3 of 4 ship", "4 of 4 ship", 1)

    findings = check(replace(RENDERED, html=said))

    assert found(findings) == {"number-not-in-row": "blocker"}
    assert "4 of 4 ship" in findings[0].message.replace(">", "").replace("<", "")
    assert {one.where for one in findings} == {"html"}


def test_a_quote_changed_in_the_message_itself_blocks() -> None:
    said = RENDERED.text.replace("coffee", "tea", 1)

    findings = check(replace(RENDERED, text=said))

    assert found(findings) == {"quote-not-in-message-row": "blocker"}
    assert findings[0].where == "text"


def test_a_derived_sentence_that_somebody_rewrote_blocks() -> None:
    lead = replace(GOOD.matchups[0], bottom_line="Plumbline, by a mile: all 4 reviewers would ship it.")
    rewritten = replace(GOOD, matchups=(lead, *GOOD.matchups[1:]))

    findings = check(render(rewritten, site()), rewritten)

    assert found(findings) == {"number-not-in-row": "blocker"}
    assert "bottom line of plumbline-vs-lantern" in findings[0].message


@pytest.mark.parametrize(
    ("days", "said"), [(90, ""), (91, "was last checked on 17 August"), (400, "was last checked on 12 October 2025")]
)
def test_a_price_checked_more_than_ninety_days_before_the_edition_is_a_warning(days: int, said: str) -> None:
    of = prepared(edition(1), price_checked_on=(GOOD.until - timedelta(days=days)).date())

    findings = check(render(of, site()), of)

    assert found(findings) == ({"price-old": "warning"} if said else {})
    assert [one.where for one in findings] == (["plumbline", "lantern"] if said else [])
    assert all(said in one.message and "price_checked_on" in one.fix for one in findings)


def test_a_price_without_a_day_is_a_warning_and_no_price_is_none() -> None:
    undated, unpriced = prepared(edition(1), price_checked_on=None), prepared(edition(1), entry_price="")

    [first, second] = check(render(undated, site()), undated)

    assert first.message.startswith("The price of Plumbline ($12/month) has no date of its check")
    assert (second.code, second.where) == ("price-old", "lantern")
    assert check(render(unpriced, site()), unpriced) == ()


@pytest.mark.parametrize(
    "left",
    ["[[name]]", "[[first-name]]", "[[ reader ]]", "[[]]", "{{ name }}", "{% if x %}", "{name}", "{ first_name }",
     "${name}", "%name%", "%FIRST-NAME%", "<% name %>", "<%= user.name %>", "*|FNAME|*"],
)  # fmt: skip
@pytest.mark.parametrize("part", ["html", "text", "subject"])
def test_an_unfilled_placeholder_blocks(part: str, left: str) -> None:
    findings = check(replace(RENDERED, **{part: f"{getattr(RENDERED, part)} {left}"}))

    places = {one.where for one in findings if one.code == "placeholder" and left in one.message}
    assert {place.partition(",")[0] for place in places} == {part}
    assert blockers(findings)


@pytest.mark.parametrize("typed", ["intro", "preheader"])
def test_a_placeholder_that_an_editor_typed_blocks_though_rendering_made_it_harmless(typed: str) -> None:
    change: dict[str, Any] = {typed: "Dear [[first-name]], what a week."}
    of = replace(GOOD, **change)

    findings = check(render(of, site()), of)

    assert ("placeholder", typed) in {(one.code, one.where) for one in findings}


@pytest.mark.parametrize(
    "said",
    ["Write {name} where it goes", "50 %off% and 100%", "Prints <% x %> and [[x]]", "Between {{ and }} lies {% x %}"],
)
def test_braces_and_per_cent_signs_in_what_a_tool_says_are_its_own(said: str) -> None:
    of = prepared(edition(2), description=said, tagline=said, url="https://example.org/%ab%cd%ef?x={y}")

    assert check(render(of, site()), of) == ()


def test_braces_in_the_name_of_a_corrected_tool_are_its_own() -> None:
    told = Correction("x", "{name} 3", "skeptic", "The %Skeptic%", "ship", "skip", date(2026, 11, 4), "2026-W45")
    of = replace(GOOD, corrections=(told,))

    assert check(render(of, site()), of) == ()


def test_a_maker_known_by_a_host_in_another_script_is_no_placeholder() -> None:
    of = prepared(edition(2), vendor="", url="https://münchen.de/2")
    message = render(of, site())

    assert "xn--mnchen-3ya.de" in message.text
    assert check(message, of) == ()


def test_a_reader_placeholder_in_the_subject_blocks() -> None:
    """Nothing fills placeholders in headers: it would arrive as it stands."""
    assert found(check(replace(RENDERED, subject="[[reader]], which of the two would you ship?"))) == {
        "placeholder": "blocker"
    }


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_part_without_a_way_to_leave_blocks(part: str) -> None:
    lost = getattr(RENDERED, part).replace("/leave/", "/stay/")

    findings = check(replace(RENDERED, **{part: lost}))

    assert found(findings) == {"leave-link": "blocker", "reader-link": "blocker"}
    assert {one.where.partition(",")[0] for one in findings} == {part}


@pytest.mark.parametrize("link", ["/archive", "javascript:alert(1)", "", "https:/slip", "https://[half", "ftp://a.b"])
def test_a_link_that_is_no_web_address_blocks(link: str) -> None:
    findings = check(with_html(f'<a class="x" href="{link}">x</a>'))

    assert found(findings) == {"link-not-absolute": "blocker"}
    assert repr(link) in findings[0].message


def test_a_link_in_the_text_that_is_no_web_address_blocks() -> None:
    assert found(check(replace(RENDERED, text=RENDERED.text + "\nftp://example.org/x\n"))) == {
        "link-not-absolute": "blocker"
    }
    assert found(check(replace(RENDERED, text=RENDERED.text + "\nhttps://[half/x\n"))) == {
        "link-not-absolute": "blocker"
    }


def test_an_address_to_write_to_is_no_fault() -> None:
    assert check(with_html('<a href="mailto:desk@example.org">Write</a>')) == ()


def test_a_link_without_https_is_a_warning_in_the_outbox_and_a_blocker_outside() -> None:
    bare = with_html('<a href="http://example.org/x?a=1&amp;b=2">x</a>')

    assert found(check(bare)) == {"link-not-https": "warning"}
    assert found(check(bare, sender="smtp")) == {"link-not-https": "blocker"}
    assert "a=1&b=2" in check(bare)[0].message


def test_pages_on_this_machine_are_fine_until_somebody_else_gets_the_message() -> None:
    here = site(url="http://localhost:8000")
    message = render(GOOD, here)

    assert check(message, publisher=here) == ()
    assert set(found(check(message, publisher=here, sender="sendgrid")).items()) == {("link-not-https", "blocker")}


# Subject, preheader, who publishes


@pytest.mark.parametrize("subject", ["", "Two\nlines that would end the header", "A bell \x07 rings in this subject"])
def test_an_empty_subject_or_one_with_control_characters_blocks(subject: str) -> None:
    assert found(check(replace(RENDERED, subject=subject))) == {"subject": "blocker"}


@pytest.mark.parametrize("length", [19, 71])
def test_a_subject_too_short_or_too_long_is_a_warning(length: int) -> None:
    assert found(check(replace(RENDERED, subject="x" * length))) == {"subject-length": "warning"}


@pytest.mark.parametrize("length", [20, 70])
def test_a_subject_of_a_readable_length_is_fine(length: int) -> None:
    assert check(replace(RENDERED, subject="x" * length)) == ()


def test_a_missing_preheader_is_a_warning() -> None:
    assert found(check(of=replace(GOOD, preheader=""))) == {"preheader": "warning"}


@pytest.mark.parametrize(("sender", "level"), [("outbox", "warning"), ("sendgrid", "blocker"), ("smtp", "blocker")])
def test_who_publishes_must_be_known_before_anything_leaves(sender: str, level: str) -> None:
    nobody = site(postal_address="")

    findings = check(render(GOOD, nobody), publisher=nobody, from_email="", sender=sender)

    assert [(one.code, one.level) for one in findings] == [("identity", level)] * 2
    assert {one.fix for one in findings} == {"Set from_email.", "Set postal_address."}


def test_findings_are_counted_in_words() -> None:
    def finding(level: Any) -> Finding:
        return Finding("code", level, "message", "where", "fix")

    blocker, warning = finding("blocker"), finding("warning")

    assert summary([]) == "nothing found"
    assert summary([blocker, warning]) == "1 blocker, 1 warning"
    assert summary([blocker, blocker]) == "2 blockers, 0 warnings"
    assert summary([warning, warning]) == "0 blockers, 2 warnings"


def test_a_correction_that_no_longer_holds_blocks_and_a_missing_one_is_told() -> None:
    due = Correction("plumbline", "Plumbline", "builder", "Builder", "ship", "skip", date(2026, 11, 14), "2026-W45")
    telling = replace(GOOD, corrections=(due,))

    def codes(of: Edition, now: tuple[Correction, ...] | None) -> dict[str, str]:
        sender = {"sender": "outbox", "from_email": "a@example.org"}
        said = preflight(render(of, site()), of, rows(of), site(), corrections=now, **sender)
        return {one.code: one.level for one in said if one.code.startswith("correction")}

    assert codes(telling, (due,)) == codes(telling, None) == {}
    assert codes(telling, ()) == {"correction-not-in-row": "blocker"}
    assert codes(GOOD, (due,)) == {"correction-missing": "warning"}


# Parts beside each other, headers, advertising


@pytest.mark.parametrize("part", ["html", "text"])
@pytest.mark.parametrize(("sender", "level"), [("outbox", "warning"), ("smtp", "blocker")])
def test_each_part_shows_the_postal_address(part: str, sender: str, level: str) -> None:
    lost = getattr(RENDERED, part).replace("Exampleton", "nowhere")

    findings = check(replace(RENDERED, **{part: lost}), sender=sender)

    assert ("postal-address", level, part) in {(one.code, one.level, one.where) for one in findings}


def test_a_text_part_that_is_a_stub_is_a_warning() -> None:
    last = RENDERED.text.splitlines()[-12:]
    stub = replace(RENDERED, text="“View it in your browser.”\n" + "\n".join(last) + "\n")

    assert found(check(stub))["text-stub"] == "warning"


def test_a_line_of_text_longer_than_mail_carries_is_a_warning() -> None:
    assert found(check(replace(RENDERED, text=RENDERED.text + "é" * 500))) == {"text-line": "warning"}
    assert check(replace(RENDERED, text=RENDERED.text + "é" * 499)) == ()


@pytest.mark.parametrize("header", ["name", "from_email", "from_name", "reply_to"])
@pytest.mark.parametrize("value", ["a\r\nBcc: x@example.org", "a\x00", "a\u202eb", "a\u2028b", "a\u2067b"])
def test_a_setting_that_could_break_out_of_its_header_blocks(header: str, value: str) -> None:
    settings: dict[str, Any] = {
        "from_email": "desk@example.org",
        "from_name": "Verdicts",
        "reply_to": "desk@example.org",
    }
    publisher = site(name=value) if header == "name" else site()
    settings |= {} if header == "name" else {header: value}

    findings = preflight(RENDERED, GOOD, rows(GOOD), publisher, sender="outbox", **settings)

    assert [one.message.split()[0] for one in findings if one.code == "header-injection"] == [header]


def test_a_subject_that_turns_what_follows_blocks() -> None:
    assert found(check(replace(RENDERED, subject="Which of the two \u202e would you ship?"))) == {"subject": "blocker"}
    assert check(replace(RENDERED, subject="Which of \u2068אבג\u2069 and Lantern would you ship?")) == ()


@pytest.mark.parametrize(
    "subject",
    ["Act now: Plumbline or Lantern?", "Plumbline or LANTERN, which wins?", "Two tools to ship today!!",
     "Ship it! Now! Plumbline or Lantern", "Save $$$ with Plumbline or Lantern", "Click here for both of the two"],
)  # fmt: skip
def test_a_subject_that_sounds_like_advertising_is_a_warning(subject: str) -> None:
    assert found(check(replace(RENDERED, subject=subject))) == {"spam-words": "warning"}


def test_names_and_prices_of_tools_are_no_advertising() -> None:
    of = prepared(edition(2), name="ACTNOW Free Trial!!", entry_price="$$$")

    findings = check(replace(render(of, site()), subject="ACTNOW Free Trial!! and why it costs $$$"), of)

    assert "spam-words" not in found(findings)


@pytest.mark.parametrize("length", [29, 101])
def test_a_preheader_too_short_or_too_long_is_a_warning(length: int) -> None:
    of = replace(GOOD, preheader="x" * length)

    assert found(check(render(of, site()), of)) == {"preheader-length": "warning"}


def test_a_link_in_the_text_that_hands_out_a_token_blocks() -> None:
    told = replace(RENDERED, text=RENDERED.text + "\nhttps://else.example/leave/[[reader]]\n")

    assert found(check(told)) == {"reader-link": "blocker"}


def test_parts_that_differ_are_found_and_an_empty_one_is_only_empty() -> None:
    def codes(text: str) -> set[str]:
        message = replace(RENDERED, text=text)
        return {one.code for one in preflight(message, GOOD, rows(GOOD), site(), sender="outbox", from_email="a@b.cd")}

    assert codes(RENDERED.text.replace("Plumbline vs Lantern", "Plumbline")) & BY_COMPARING
    assert codes("") == {"empty-part", "leave-link"}


def test_of_many_faults_of_one_kind_three_are_told_and_the_rest_counted() -> None:
    text = re.sub(r"\d+ %", "99 %", RENDERED.text)
    told = [one for one in check(replace(RENDERED, text=text)) if one.code == "number-not-in-row"]

    assert len(told) == 3
    assert re.search(r" And \d+ more of this kind\.$", told[-1].message)
