"""The whole line on sample data, from an empty folder to letters a mail program opens."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import date
from pathlib import Path

import pytest

from digest.model import CATEGORIES
from flows.demo import SAMPLES
from sources.panel import BUNDLED_REVIEWERS, load_reviewers
from sources.reviewfiles import read_reviews
from tests.commands import Ran, verdicts


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def first(home: Path) -> Ran:
    return verdicts("demo", "--no-open", "--now", "2026-11-11T10:00:00Z", home=home)


def letters(home: Path) -> list[Path]:
    return sorted((home / "outbox").rglob("*.eml"))


def test_the_demo_goes_the_whole_line_and_says_each_step(first: Ran, home: Path) -> None:
    assert first.status == 0, first.err
    steps = [line for line in first.out.splitlines() if re.match(r" \d\. ", line)]
    assert [line[4:26].strip() for line in steps] == [
        "Gather feeds",
        "Import reviews",
        "Import readers",
        "Compose the digest",
        "Render and check",
        "Deliver to the outbox",
    ]
    assert all(re.search(r"\(\d+\.\d\d s\)$", line) for line in steps)
    assert "3 of 3 readers have it" in first.out
    assert len(re.findall(r"^  verdicts ", first.out, re.MULTILINE)) == 4
    assert (home / "2026-W46.html").exists()
    assert (home / "2026-W46.txt").exists()


def test_each_reader_gets_one_letter_with_their_own_links(first: Ran, home: Path) -> None:
    parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in letters(home)]
    assert len(parsed) == 3
    assert len({letter["To"] for letter in parsed}) == 3
    links = set()
    for letter in parsed:
        html, text = letter.get_body(("html",)), letter.get_body(("plain",))
        assert html is not None
        assert text is not None
        for part in (html.get_content(), text.get_content()):
            assert "[[" not in part
            links.add(re.search(r"/leave/([\w-]+)", part)[1])  # type: ignore[index]
    assert len(links) == 3


def test_the_digest_shows_what_the_comparison_shows(first: Ran, home: Path) -> None:
    shown = verdicts("edition", "show", "--json", home=home).document
    text = " ".join(shown["text"].split())
    assert len(shown["matchups"]) == 5
    assert [one["layout"] for one in shown["matchups"]] == ["full", "short", "short", "short", "short"]
    sheets = {
        sheet.tool.slug: sheet
        for sheet in read_reviews([SAMPLES / "reviews"], load_reviewers(BUNDLED_REVIEWERS), date.max)
    }
    for one in shown["matchups"]:
        for slug in (one["a"], one["b"]):
            tool = sheets[slug].tool
            for said in (tool.name, tool.tagline, tool.entry_price, tool.category):
                assert said in text, f"{slug}: {said}"
    lead = shown["matchups"][0]
    for slug in (lead["a"], lead["b"]):
        for review in sheets[slug].reviews:
            assert review.quote.split(".")[0] in text.replace("\u200b", "")


def test_a_second_run_finds_its_own_work_and_sends_nothing_twice(first: Ran, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in letters(home)}
    again = verdicts("demo", "--no-open", "--now", "2026-11-12T10:00:00Z", home=home)
    assert again.status == 0, again.err
    assert "0 new" in again.out
    assert "already sent to 3; nothing sent again" in again.out
    assert {path: path.stat().st_mtime_ns for path in letters(home)} == before


def test_the_week_after_is_skipped_with_the_reason(first: Ran, home: Path) -> None:
    later = verdicts("compose", "--week", "2026-W47", "--now", "2026-11-16T06:00:00Z", "--json", home=home)
    assert later.status == 1
    assert later.document["state"] == "skipped"
    assert "no two tools to compare" in later.document["reason"]


def test_the_samples_are_what_a_newcomer_should_see() -> None:
    sheets = read_reviews([SAMPLES / "reviews"], load_reviewers(BUNDLED_REVIEWERS), date.max)
    assert len(sheets) == 16
    assert len({sheet.tool.category for sheet in sheets}) == 6
    assert {sheet.tool.category for sheet in sheets} <= set(CATEGORIES)
    for sheet in sheets:
        assert len(sheet.reviews) == 4
        for review in sheet.reviews:
            assert 60 <= len(review.quote.split()) <= 120, (sheet.tool.slug, review.reviewer)
    assert len(list((SAMPLES / "feeds").iterdir())) >= 4
