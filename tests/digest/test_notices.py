"""Letters outside the editions: complete in both parts, safe whatever people typed, and clear about what to do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from digest.model import READER, Finding
from digest.notices import (
    MOST_FINDINGS,
    Alarm,
    alarm,
    confirm,
    editors_notice,
    goodbye,
    link,
    move,
    moved,
    welcome,
)
from digest.rendering import Parts, render
from tests.examples import edition, site

DUE = datetime(2026, 11, 24, 9, tzinfo=ZoneInfo("Europe/Berlin"))
BLOCKER = Finding("html-size", "blocker", "The html has 91,000 bytes.", "html", "Set a layout to short.")
WARNING = Finding("price-old", "warning", "The price of <b>Plumbline</b> is old.", "plumbline", "Look it up.")
TROUBLE = Alarm(
    "3 of 48 feeds give nothing",
    "Three feeds have failed for two days.",
    "Launches they carry are missed.",
    ("Run verdicts feeds check.", "Remove those that are gone."),
    DUE,
    "a-feed: 404\n\nb-feed: <timeout> {{ x }}",
)

OURS = "https://verdicts.example.org"

Approval = Literal["automatic", "editor"]


def notice(*findings: Finding, approval: Approval = "automatic") -> Parts:
    return editors_notice(edition(), site(), findings, approval=approval, due_at=DUE)


LETTERS = {
    "confirm": confirm(site(), "https://verdicts.example.org/confirm/abc?x=1&y=2"),
    "welcome": welcome(site(), edition(3), next_at=DUE),
    "welcome before the first edition": welcome(site(), None),
    "goodbye": goodbye(site()),
    "link to the account": link(site(), f"{OURS}/account/abc?x=1&y=2", "account"),
    "link to leave": link(site(), f"{OURS}/leave/abc", "leave"),
    "link for who is known": link(site(), f"{OURS}/preferences/abc", "known"),
    "move": move(site(), f"{OURS}/move/abc?x=1&y=2", minutes=90),
    "moved": moved(site()),
    "editors' notice": notice(BLOCKER, WARNING),
    "alarm": alarm(site(), TROUBLE),
}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_every_letter_has_a_subject_one_h1_a_postal_address_and_no_expression_left(letter: Parts) -> None:
    assert letter.subject
    assert letter.html.count("<h1") == 1
    assert letter.html.index("<h1") < letter.html.index("<h2")
    for part in (letter.html, letter.text):
        assert "12 Harbour Lane" in part
        assert set(re.findall(r"\[\[.*?\]\]", part)) <= {READER}
        assert not re.search(r"\{\{|\{%|None|Undefined", part)


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_every_letter_keeps_a_character_outside_latin_1_in_both_parts(letter: Parts) -> None:
    for part in (letter.html, letter.text):
        with pytest.raises(UnicodeEncodeError):
            part.encode("latin-1")


def test_confirming_shows_its_link_in_both_parts_and_no_link_of_a_reader() -> None:
    letter = LETTERS["confirm"]

    assert 'href="https://verdicts.example.org/confirm/abc?x=1&#38;y=2"' in letter.html
    assert "https://verdicts.example.org/confirm/abc?x=1&y=2" in letter.text
    assert READER not in letter.html + letter.text
    assert "7 days" in letter.html


def test_a_welcome_brings_the_latest_edition_with_votes_and_says_when_the_next_one_comes() -> None:
    letter = LETTERS["welcome"]

    for part in (letter.html, letter.text):
        assert "Tuesday 24 November" in part
        assert "Plumbline" in part
        assert f"/vote/{READER}/2026-W47/plumbline/ship" in part
        assert f"/leave/{READER}" in part


def test_a_welcome_before_the_first_edition_promises_it() -> None:
    letter = LETTERS["welcome before the first edition"]

    assert "first edition is in the making" in letter.html
    assert "/vote/" not in letter.html


def test_a_goodbye_says_that_it_worked_and_how_to_come_back() -> None:
    letter = LETTERS["goodbye"]

    assert f"/leave/{READER}" in letter.html
    assert "Come back to AI Tool Verdicts" in letter.html
    assert "last letter" in letter.text


def test_a_link_to_the_account_is_whole_in_both_parts_and_says_for_how_long_it_works() -> None:
    letter = LETTERS["link to the account"]

    assert letter.html.count('href="https://verdicts.example.org/account/abc?x=1&#38;y=2"') == 1
    assert "https://verdicts.example.org/account/abc?x=1&y=2\n" in letter.text
    for part in (letter.html, letter.text):
        assert "It works for 1 hour." in part
        assert "If it was not you, do nothing." in part


@pytest.mark.parametrize(
    ("name", "subject", "page"),
    [
        ("link to leave", "Your link to leave AI Tool Verdicts", "leave"),
        ("link for who is known", "You are subscribed to AI Tool Verdicts already", "preferences"),
    ],
)
def test_links_that_do_not_expire_say_so(name: str, subject: str, page: str) -> None:
    letter = LETTERS[name]

    assert letter.subject == subject
    for part in (letter.html, letter.text):
        assert f"https://verdicts.example.org/{page}/abc" in part
        assert "It does not expire." in part
        assert "hour" not in part


def test_a_move_is_confirmed_with_one_link_and_the_old_address_is_told_whom_to_ask() -> None:
    for part in (LETTERS["move"].html, LETTERS["move"].text):
        assert "/move/abc?x=1&" in part
        assert "It works for 90 minutes." in " ".join(part.split())
    for part in (LETTERS["moved"].html, LETTERS["moved"].text):
        assert "simply answer this letter" in " ".join(part.split())


@pytest.mark.parametrize("name", [name for name in LETTERS if name.startswith(("link", "move"))])
def test_a_letter_about_ones_account_shows_no_address_of_a_reader(name: str) -> None:
    letter = LETTERS[name]

    assert "@" not in letter.subject + letter.text
    assert "@" not in re.sub(r"(?s)<style.*?</style>", "", letter.html)
    assert READER not in letter.html + letter.text


def test_an_editors_notice_without_a_time_to_send_names_the_setting() -> None:
    letter = editors_notice(edition(), site(), [], approval="automatic", due_at=None)

    for part in (letter.html, letter.text):
        assert "see send_at in the settings" in " ".join(part.split())


def test_an_editors_notice_says_what_blocks_and_when_it_is_due_in_both_zones() -> None:
    letter = LETTERS["editors' notice"]

    assert letter.subject.startswith("Week 47, 2026 cannot go out yet: Plumbline or Lantern?")
    for part in (letter.html, letter.text):
        assert "Tuesday 24 November, 09:00 CET (08:00 UTC)" in " ".join(part.split())
        assert "1 finding blocks it" in " ".join(part.split())
        assert "91,000 bytes" in part
        assert "Look it up." in part
    assert "&lt;b&gt;Plumbline" in letter.html


@pytest.mark.parametrize(
    ("approval", "said", "command"),
    [
        ("automatic", "by itself, unless somebody holds it", "verdicts edition hold 2026-W47"),
        ("editor", "only after an editor has approved it", "verdicts edition approve 2026-W47"),
    ],
)
def test_an_editors_notice_says_what_happens_next_and_the_command_for_it(
    approval: Approval, said: str, command: str
) -> None:
    letter = notice(approval=approval)

    for part in (letter.html, letter.text):
        assert said in " ".join(part.split())
        assert command in part
        assert "Nothing: the checks found no fault." in part


def test_an_editors_notice_lists_so_many_findings_and_counts_the_rest() -> None:
    letter = notice(*[replace(WARNING, message=f"Fault number {n}.") for n in range(MOST_FINDINGS + 3)])

    assert f"Fault number {MOST_FINDINGS - 1}." in letter.html
    assert f"Fault number {MOST_FINDINGS}." not in letter.html
    assert "And 3 more." in letter.text


def test_an_alarm_says_what_happened_what_to_do_and_shows_the_output_as_it_was() -> None:
    letter = LETTERS["alarm"]

    assert letter.subject == "Alarm: 3 of 48 feeds give nothing"
    assert re.findall(r"<li[^>]*>(.*?)</li>", letter.html) == list(TROUBLE.steps)
    assert "b-feed: &lt;timeout&gt; &#123;&#123; x }}" in letter.html
    assert "1. Run verdicts feeds check." in letter.text


def test_an_alarm_in_utc_names_one_time_only() -> None:
    letter = alarm(site(), replace(TROUBLE, at=DUE.astimezone(UTC), details=""))

    assert "Tuesday 24 November, 08:00 UTC" in letter.html
    assert "(08:00 UTC)" not in letter.html
    assert "In detail" not in letter.html


def test_campaign_parameters_stand_on_every_link_but_a_readers_own_and_keep_what_was_there() -> None:
    marked = site(utm_source="verdicts & co")
    of = edition(1)
    tool = replace(of.matchups[0].a.tool, url="https://example.org/a?utm_source=theirs&x=1#top")
    pair = replace(of.matchups[0], a=replace(of.matchups[0].a, tool=tool))
    message = render(replace(of, matchups=(pair,)), marked)
    links = [link.replace("&#38;", "&") for link in re.findall(r'<a [^>]*href="([^"]*)"', message.html)]
    others = [urlsplit(link) for link in links if READER not in link]

    assert all("utm_" not in link for link in links if READER in link)
    assert all(parse_qs(one.query)["utm_campaign"] == ["2026-W47"] for one in others)
    assert "https://example.org/a?utm_source=theirs&x=1&utm_medium=email&utm_campaign=2026-W47#top" in links
    assert "utm_source=verdicts%20%26%20co" in next(link for link in links if "/compare/" in link)
    assert "utm_" not in render(of, site()).html
    assert set(re.findall(r"https://\S+", message.text)) == set(links)
