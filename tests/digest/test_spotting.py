"""What an entry announces is told from its title, summary and link."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.clustering import cluster
from digest.model import CATEGORIES, Entry, Feed, Sighting, Spotted
from digest.naming import name_tool, tool_key
from digest.spotting import spot
from flows.demo import SAMPLES, dated
from sources import reading
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
        ("Hello, Tidepool", "An AI photo editor."),
        ("Tidepool reaches 1.0 and starts reading your screenshots", "A local model finds the differences."),
        ("Tidepool enters public beta", "Free while it lasts. Made with an LLM."),
        ("Tidepool opens to everyone after a year of trials", "An AI agent for portals."),
        ("Tidepool is bringing its AI assistant to phones", ""),
        ("You can now edit photos with AI in Tidepool", ""),
        ("Search the archive of your AI notes", "Tidepool is now in public preview."),
        ("Tidepool — the AI agent for portals nobody wants to fill in", ""),
        ("Introducing Tidepool: cuts you can’t hear, made with AI", ""),
        ("Collaborate with Claude on spreadsheets", ""),
        ("Your agents can pay their bills with Tidepool AI", ""),
        ("Tidepool AI now self-heals", ""),
        ("Speaking of Tidepool", "Tidepool TTS: an open text-to-speech model that whispers."),
        ("Advancing dictation with new AI models for radio plays", ""),
        ("Tidepool is a small framework for building patient agents", ""),
        ("Amazon launches Nova 3, an AI model", ""),
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
        ("Coming in spring: Tidepool, an AI editor", "about plans, not something usable: “coming in spring”"),
        ("Tidepool – a curated learning path for AI", "a guide or lesson: “curated”"),
        ("Tidepool’s AI coach launches June 3", "about plans, not something usable: “launches june 3”"),
        ("AI agents are getting better than I’d like", "talk rather than a launch: “than i”"),
        ("Tidepool AI: Architecture and Design", "a benchmark or research: “architecture and”"),
        ("Tidepool: A new frontier for AI training", "a benchmark or research: “a new frontier for”"),
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


@pytest.mark.parametrize(
    ("title", "launch"),
    [
        ("Scheduled tasks", True),
        ("Agents for harbour masters", True),
        ("Audit every answer with the Compliance API", True),
        ("Building agents for harbour masters", False),
        ("Build enterprise workflows with two databases", False),
        ("What a season of night shifts does to a crew", False),
    ],
)
def test_where_a_maker_writes_the_name_of_a_part_alone_announces_it(title: str, launch: bool) -> None:
    assert only(title, link="https://cursor.com/blog/one").launch == launch
    assert not only(title, link="https://example.org/blog/one").launch


def test_a_word_that_only_hints_at_ai_is_too_little_among_programmers() -> None:
    assert not only("Show HN: Reedmace – turns notes into maps", link="https://reedmace.example.org/").launch
    assert only("Show HN: Reedmace – a sandbox for agents", link="https://reedmace.dev/").launch


def test_a_summary_that_tells_how_something_was_done_is_a_lesson() -> None:
    title, link = "Reeds, the AI model, and rope", "https://example.org/blog/reeds"
    assert (
        only(title, "An AI model for weavers.", link).score
        > only(title, "How we sort an AI model’s reeds.", link).score
    )


def test_a_tool_that_says_it_has_no_ai_is_no_launch_whatever_else_hints_at_it() -> None:
    item = only("Daytally — a clock for your desk", "Somebody always asks: there is no AI in it.")
    assert not item.launch
    assert "says that it is not made of AI: “there is no ai”" in item.reasons


def test_a_general_maker_s_name_alone_does_not_make_it_ai() -> None:
    assert not only("Show HN: Red Squares – GitHub outages as a calendar", link="https://squares.example.org/").launch
    assert only("Show HN: Red Squares – Claude outages as a calendar", link="https://squares.example.org/").launch


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
        ("Tidepool 3.0 finally gets surnames right", "Tidepool", "3.0"),
        ("Introducing routines in Claude Code", "Claude Code", ""),
        ("Full text search in Pinecone, now in public preview", "Pinecone", ""),
        ("Show HN: I built Saltwort, a local-first LLM cache", "Saltwort", ""),
    ],
)
def test_the_tool_is_named_and_only_a_model_keeps_its_version_in_the_name(title: str, tool: str, version: str) -> None:
    item = only(title)
    assert (item.tool, item.version) == (tool, version)


def test_a_common_noun_is_named_with_its_maker() -> None:
    assert (
        only("Computer in Teams is here", link="https://www.perplexity.ai/hub/blog/teams").tool == "Perplexity Computer"
    )
    assert only("Introducing Forge", link="https://mistral.ai/news/forge").tool == "Mistral Forge"


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


def test_a_list_of_linked_tools_is_a_digest_without_saying_so_and_a_list_of_changes_is_none() -> None:
    summary = "All tried:\n" + "\n".join(
        f"- {name} – an AI reader for {topic}. https://example.org/{topic}"
        for name, topic in (("Foglamp", "notes"), ("Kerning Club", "type"), ("Marrow 2", "bones"))
    )
    titled = entry("Three for a rainy Thursday", summary)
    assert [item.tool for item in spot(titled) if item.launch] == ["Foglamp", "Kerning Club", "Marrow"]
    changes = summary.replace("https://example.org/", "https://example.org/pull/")
    assert [item.tool for item in spot(entry("Three for a rainy Thursday", changes)) if item.launch] == []


@given(st.text(max_size=400), st.text(max_size=400), st.text(max_size=200), st.text(max_size=20))
def test_any_text_gives_at_least_one_sound_item(title: str, summary: str, link: str, feed: str) -> None:
    for item in spot(entry(title, summary, link, feed)):
        assert 0 <= item.score <= 1
        assert item.launch == (item.score >= 0.5)
        assert item.category in CATEGORIES
        assert item.reasons
        assert "could not be looked at" not in item.reasons[0]
    assert spot(entry(title, summary, link, feed)) == spot(entry(title, summary, link, feed))


@pytest.mark.parametrize(
    ("title", "summary", "link", "launch"),
    [
        ("Introducing Weaviate for Government", "", "https://weaviate.io/blog/a", True),
        ("Weaviate: government asks for more", "", "https://weaviate.io/blog/a", False),
        ("Harbour Agent, now GA", "", "https://weaviate.io/blog/a", True),
        ("Whisper now optimized for small boats", "", "https://groq.com/blog/a", True),
        ("Captions for silent films (experimental)", "", "https://ollama.com/blog/a", True),
        ("Everything we announced at the boat show", "Get started with an agent.", "https://ai.meta.com/blog/a", True),
        ("Introducing tide tables in Claude", "", "https://www.anthropic.com/engineering/a", True),
        ("Weaviate in review: steady hands for agents", "", "https://weaviate.io/blog/a", False),
        ("Weaviate: steady hands for agents", "", "https://weaviate.io/blog/a", False),
        ("Ballast Engineering: what keeps an agent upright", "", "https://weaviate.io/blog/a", False),
        ("Announcing Harbour Masters: A Program for Builders of Agents", "", "https://weaviate.io/blog/a", False),
        ("Project Lobster", "We let Claude catch some.", "https://red.anthropic.com/a", False),
        ("Introducing Our New Chief Boatswain, Ann Keel", "We are an AI lab.", "https://stability.ai/news/a", False),
        ("Windsurf Harbour Leaderboard: the fast boats win", "", "https://windsurf.com/blog/a", False),
        ("Harbour Edition Maintenance Mode", "An agent.", "https://windsurf.com/blog/a", False),
        ("Bringing RAG to the boathouse", "Learn how to moor an agent.", "https://weaviate.io/blog/a", False),
    ],
)
def test_a_maker_s_own_blog_has_launches_and_much_else(title: str, summary: str, link: str, launch: bool) -> None:
    found = only(title, summary, link)
    assert found.launch == launch, found.reasons


def test_an_entry_that_breaks_a_rule_is_no_launch_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.spotting.name_tool", None)  # as broken as a rule can be
    found = only("Introducing Tidepool")
    assert not found.launch
    assert found.reasons == ("could not be looked at: TypeError: 'NoneType' object is not callable",)


@pytest.mark.parametrize("piece", ["how a ", "A", "a.", "1.", "– ", "(", "$1 ", "- A: b\n", "🤖 , ", "http://"])
def test_of_a_megabyte_only_the_beginning_is_read(piece: str) -> None:
    huge = piece * (1_000_000 // len(piece))
    cut = replace(entry(huge[:300], huge[:20_000], huge[:400], huge[:100]), link=huge, id=huge)
    assert "could not be looked at" not in spot(cut)[0].reasons[0]
    assert spot(entry(huge, huge, huge, huge)) == spot(cut)


@pytest.mark.skipif(not benchmark.DATA.is_dir(), reason="the labelled feeds are not beside the project")
def test_labelled_entries_are_spotted_and_clustered_well_enough() -> None:
    measured = benchmark.measure()
    score = measured.of(bool)
    makers = measured.of(lambda label: "producthunt" not in label["feed"])
    assert score["launch"]["f1"] >= 0.95
    assert makers["launch"]["f1"] >= 0.92
    assert score["category_acc"] >= 0.90
    assert score["tool_name_acc"] >= 0.85
    assert score["pairs_launch"]["f1"] >= 0.90
    assert score["pairs_launch"]["p"] >= 0.95


def test_the_sample_feeds_announce_what_they_are_meant_to() -> None:
    now = datetime(2026, 11, 11, 10, tzinfo=UTC)
    sightings = []
    for file in sorted((SAMPLES / "feeds").iterdir()):
        feed = Feed(file.stem, f"https://example.org/{file.name}")
        for one in reading.read(dated(file.read_bytes(), now), feed, feed.url, "").entries:
            sightings += [Sighting(one, item, now) for item in spot(one)]
    found = Counter(launch.tool_name for launch in cluster(sightings, []))
    assert sum(found[name] == 1 for name in SAMPLE_LAUNCHES) >= 19
    assert sum(count for name, count in found.items() if name not in SAMPLE_LAUNCHES) <= 1
    assert "Tide Clock" not in found


#: The launches in the sample feeds, and no others: some in three feeds, three of them in one entry.
SAMPLE_LAUNCHES = (
    *("Rubberduck Jury", "Footnote Ferret", "Harbor Pilot", "Kino Kiln", "Marginalia Desk", "Cloakroom", "Murmuration"),
    *("Cutting Remarks", "Stale Bread", "Flakehound", "Understudy", "Third Shift", "Calendar Goblin", "Pocket Glacier"),
    *("Switchyard Nine", "Ovenbird 7B", "Ledgerlark", "Saltmarsh Index", "Tiny Tribunal", "Queryous", "Kerning Club"),
)


def test_a_longer_summary_does_not_move_the_link_or_the_key() -> None:
    short = entry("Introducing Tidepool", "AI")
    assert [item.link for item in spot(replace(short, summary="AI " * 5_000))] == [short.link]
