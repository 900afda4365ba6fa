"""What an entry announces is told from its title, summary and link."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.model import CATEGORIES, Entry, Spotted
from digest.naming import name_tool, tool_key
from digest.spotting import spot
from tests.benchmarks import launches as benchmark


def entry(title: str, summary: str = "", link: str = "https://example.org/post", feed: str = "small-feed") -> Entry:
    return Entry(feed=feed, id=link, link=link, title=title, summary=summary)


def only(title: str, summary: str = "", link: str = "https://example.org/post", feed: str = "small-feed") -> Spotted:
    (item,) = spot(entry(title, summary, link, feed))
    return item


@pytest.mark.parametrize(
    ("title", "summary"),
    [
        ("Quillmark — turns meeting audio into minutes", ""),
        ("Introducing Tidepool 2.0", ""),
        ("Now available: Fernlight, an AI agent for invoices", ""),
        ("Lanternfish is now generally available", "An LLM gateway for teams."),
        ("Pondweed can now summarise PDFs with AI", ""),
        ("Brightloom – AI logo maker for small shops", ""),
        ("Vorgestellt: Nebelhorn, ein KI-Assistent für Notizen", ""),
        ("深海 - 一款AI写作助手", ""),
        ("Tidepool 2.0 is out", "The AI photo editor learns video."),
    ],
)
def test_something_new_that_can_be_used_is_a_launch(title: str, summary: str) -> None:
    item = only(title, summary)
    assert item.launch
    assert 0.5 <= item.score <= 1


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("How Acme cut support costs with Tidepool AI", "customer story: “how acme cut”"),
        ("Tidepool AI 2.0.1 fixes a crash on start", "a patch release: “2.0.1”"),
        ("Tidepool AI will support video next year", "about plans, not something usable: “will support”"),
        ("Marrow raises $20M to build AI agents", "about money or people: “raises”"),
        ("Best practices for prompting Tidepool", "a guide or lesson: “best practices”"),
        ("Why we built an AI editor", "a report or opinion: “why”"),
        ("Acme partners with Tidepool on AI", "customer or partner story: “partners with”"),
        ("A benchmark of seven AI agents", "a benchmark or research: “benchmark”"),
        ("AI model Tidepool 1 is deprecated", "something ends or changes price: “deprecated”"),
    ],
)
def test_other_news_is_no_launch_and_says_why(title: str, reason: str) -> None:
    item = only(title)
    assert not item.launch
    assert item.score < 0.5
    assert reason in item.reasons


def test_a_tool_without_ai_is_no_launch_where_all_kinds_of_things_are_listed() -> None:
    described = "Track your day with photos and a heatmap. Works offline."
    assert not only("Daytally", described, "https://www.producthunt.com/products/daytally").launch
    assert not only("Show HN: Rockpile – a music player for the terminal", link="https://rockpile.example.org").launch
    assert only("Daytally AI", described, "https://www.producthunt.com/products/daytally").launch


def test_the_link_tells_a_story_from_a_launch() -> None:
    assert only("Acme Claims: AI answers in minutes", link="https://tidepool.example.org/blog/acme-claims").launch
    assert not only("Acme Claims: AI answers in minutes", link="https://tidepool.example.org/customers/acme").launch


def test_a_minor_release_is_a_launch_named_after_its_repository_and_a_patch_is_not() -> None:
    releases = "https://github.com/acme/tidepool-ai/releases/tag/"
    minor, patch = only("v2.1.0", link=releases + "v2.1.0"), only("v2.1.3", link=releases + "v2.1.3")
    assert (minor.launch, minor.tool, minor.version) == (True, "tidepool-ai", "2.1.0")
    assert not patch.launch


@pytest.mark.parametrize(
    ("title", "tool", "version"),
    [
        ("Introducing Tidepool 2.0", "Tidepool", "2.0"),
        ("Introducing GPT-5.5", "GPT-5.5", "5.5"),
        ("OpenAI releases GPT-5.5 Instant, a new default model for ChatGPT", "GPT-5.5 Instant", "5.5"),
        ("Opus 4.7 is now available in Windsurf", "Claude Opus 4.7", "4.7"),
        ("Google DeepMind’s Gemini 3.1 Flash-Lite is here", "Gemini 3.1 Flash-Lite", "3.1"),
        ("Spellbind 3.0 - AI notes for meetings", "Spellbind", "3.0"),
        ("TrustReef by Maker - an AI agent", "TrustReef", ""),
        ("Show HN: Torrent, self hosted, LLM gateway", "Torrent", ""),
        ("Agent view in Claude Code", "Claude Code", ""),
        ("Claude for Small Business", "Claude for Small Business", ""),
        ("Marrow aims big with AutoReef, an AI tool that trains models", "AutoReef", ""),
    ],
)
def test_the_tool_is_named_and_only_a_model_keeps_its_version_in_the_name(title: str, tool: str, version: str) -> None:
    item = only(title)
    assert (item.tool, item.version) == (tool, version)


def test_a_directory_title_is_a_name_without_what_it_works_with() -> None:
    assert name_tool("Latchkey for Claude Code", listed=True).name == "Latchkey"
    assert name_tool("ChatGPT for Google Sheets", listed=True).name == "ChatGPT for Google Sheets"


def test_a_post_without_a_name_is_named_after_its_repository_or_site() -> None:
    assert only("Show HN: Find the best local LLM", link="https://github.com/someone/whichone").tool == "whichone"
    assert only("Show HN: Reducing LLM input tokens by 70%", link="https://saltmarsh.dev/").tool == "Saltmarsh"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Foo AI", "foo.ai"),
        ("OpenAI GPT-5.5", "GPT 5.5"),
        ("Needle AI, Inc.", "Needle AI"),
        ("Claude Opus 4.7", "Opus 4.7"),
        ("Google’s Gemini", "gemini"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert tool_key(one) == tool_key(other)


def test_versions_and_variants_have_different_keys() -> None:
    keys = {tool_key(name) for name in ("GPT-5.5", "GPT-5.6", "GPT-5.6 mini", "Muse Image", "Muse Spark", "GPT-4o")}
    assert len(keys) == 6


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("Foglamp – AI code review for pull requests", "Developer Tools"),
        ("Introducing Qwen4", "Models"),
        ("Brindle – turns your words into videos with AI", "Image & Video"),
        ("Harrow – an AI voice for podcasts", "Audio & Voice"),
        ("Sprig: AI logo design", "Design"),
        ("Ledgerline – ask your SQL database with AI", "Data & Analytics"),
        ("Scholar – AI search over papers", "Search & Research"),
        ("Relay – AI agents that delegate work", "Agents"),
        ("深海 - AI会议助手", "Productivity"),
        ("Pantry – AI recipes", "Other"),
    ],
)
def test_the_category_follows_what_the_tool_does(title: str, category: str) -> None:
    assert only(title).category == category


@pytest.mark.parametrize(
    ("summary", "price"),
    [
        ("An AI editor from $12/month.", "$12/month"),
        ("An AI editor, € 99 per year.", "€99/year"),
        ("An AI editor with a free plan.", "Freemium"),
        ("An AI editor. 100% free.", "Free"),
        ("An AI editor whose maker raised $20M.", ""),
    ],
)
def test_the_entry_price_is_what_the_text_states(summary: str, price: str) -> None:
    assert only("Introducing Tidepool", summary).entry_price == price


def test_a_digest_gives_one_item_for_each_tool_with_its_own_link() -> None:
    summary = (
        "- Foglamp – AI search over your notes https://foglamp.example.org\n"
        "- Brindle: turns sketches into UI with AI\n"
        "- Marrow – raises $5M for AI chips\n"
    )
    items = spot(entry("AI tools weekly, issue 4", summary, "https://news.example.org/issue-4"))
    assert [(item.tool, item.link) for item in items] == [
        ("Foglamp", "https://foglamp.example.org"),
        ("Brindle", "https://news.example.org/issue-4"),
    ]


def test_a_digest_title_is_split_at_its_pictures() -> None:
    items = spot(entry("Cursor 3 💻, Gemma 4 🔬, OpenAI buys a biotech 💰"))
    assert [(item.tool, item.version) for item in items] == [("Cursor", "3"), ("Gemma 4", "4")]


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=200), st.text(max_size=20))
def test_any_text_gives_at_least_one_sound_item(title: str, summary: str, link: str, feed: str) -> None:
    for item in spot(entry(title, summary, link, feed)):
        assert 0 <= item.score <= 1
        assert item.launch == (item.score >= 0.5)
        assert item.category in CATEGORIES
        assert item.reasons
    assert spot(entry(title, summary, link, feed)) == spot(entry(title, summary, link, feed))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["how a ", "A", "a.", "1.", "AI ", "– ", "(", "new x ", "$1 ", "- A: b\n", "🤖 , ", "http://"]))
def test_a_megabyte_costs_no_more_than_a_moment(piece: str) -> None:
    huge = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    spot(entry(huge, huge, huge, huge))
    spot(entry("AI weekly digest", huge))
    assert time.perf_counter() - started < 1.0


@pytest.mark.skipif(not benchmark.DATA.is_dir(), reason="the labelled feeds are not beside the project")
def test_labelled_entries_are_spotted_and_clustered_well_enough() -> None:
    measured = benchmark.measure()
    score = measured.of(bool)
    makers = measured.of(lambda label: "producthunt" not in label["feed"])
    assert score["launch"]["f1"] >= 0.94
    assert makers["launch"]["f1"] >= 0.89
    assert score["category_acc"] >= 0.90
    assert score["tool_name_acc"] >= 0.85
    assert score["pairs_launch"]["f1"] >= 0.88
    assert score["pairs_launch"]["p"] >= 0.95


def test_a_longer_summary_does_not_move_the_link_or_the_key() -> None:
    short = entry("Introducing Tidepool", "AI")
    assert [item.link for item in spot(replace(short, summary="AI " * 5_000))] == [short.link]
