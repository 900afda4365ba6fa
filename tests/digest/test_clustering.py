"""Entries of one launch come together, launches of different things stay apart."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.clustering import cluster
from digest.model import Entry, Launch, Sighting, Spotted, Tool
from digest.spotting import spot
from tests.benchmarks.launches import a_week

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(title: str, link: str = "", feed: str = "feed", *, at: datetime = NOON, id_: str = "") -> list[Sighting]:
    link = link or f"https://{feed}.example.org/{'-'.join(title.split()).casefold()}"
    entry = Entry(feed, id_ or link, link, title, "Made of AI.", at)
    return [Sighting(entry, spotted, at) for spotted in spot(entry)]


def entries(launches: list[Launch]) -> list[list[str]]:
    return [[feed for feed, _ in launch.entries] for launch in launches]


def test_a_launch_in_three_feeds_is_one_launch() -> None:
    (launch,) = cluster(
        [
            *seen("Quillmark – AI minutes from meeting audio", feed="one"),
            *seen("Introducing Quillmark", feed="two"),
            *seen("Quillmark - 会议AI助手", feed="three"),
        ],
        [],
    )
    assert sorted(feed for feed, _ in launch.entries) == ["one", "three", "two"]
    assert (launch.tool_name, launch.tool_slug) == ("Quillmark", "quillmark")


def test_the_same_page_in_two_feeds_is_one_launch_whatever_the_titles() -> None:
    page = "https://example.org/news/work-anywhere"
    (launch,) = cluster(
        [
            *seen("Introducing agents anywhere", page, "maker"),
            *seen("Now available: coding on the go, with AI", page + "/?utm_source=feed", "press"),
        ],
        [],
    )
    assert len(launch.entries) == 2


def test_a_report_that_is_no_launch_by_itself_joins_the_launch_it_tells_of() -> None:
    launches = cluster(
        [
            *seen("OpenAI launches ChatGPT for bank accounts with Plaid", feed="maker"),
            *seen("OpenAI wants your bank accounts in ChatGPT", feed="press"),
            *seen("OpenAI wants a bigger office", feed="press"),
        ],
        [],
    )
    assert entries(launches) == [["maker", "press"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Introducing GPT-5.5", "Introducing GPT-5.6"),
        ("Introducing Muse Image", "Introducing Muse Spark"),
        ("GPT-5.6", "GPT-5.6 mini"),
        ("GPT-5.6", "GPT-5.6 is now available in Windsurf with fast mode"),
        ("Tidepool 2.0 – AI photo editor", "Tidepool 3.0 – AI photo editor"),
        ("Codex in Chrome", "Codex is now available in the ChatGPT mobile app"),
        ("Claude for Education", "Claude for Small Business"),
        ("Foglamp – AI search for notes", "Brindle – AI search for notes"),
    ],
)
def test_different_launches_stay_apart(one: str, other: str) -> None:
    assert len(cluster([*seen(one, feed="one"), *seen(other, feed="two")], [])) == 2


def test_one_feed_seldom_tells_a_story_twice() -> None:
    titles = (
        "Image scanning with the Foglamp AI server is out",
        "Dependency scanning with the Foglamp AI server is out",
    )
    assert len(cluster([item for title in titles for item in seen(title, feed="maker")], [])) == 2
    assert len(cluster([item for title in titles[:1] for feed in "ab" for item in seen(title, feed=feed)], [])) == 1


def test_a_bare_name_does_not_swallow_what_mentions_it() -> None:
    titles = [
        "GPT-5.6",
        "GPT-5.6 is now available in Foglamp",
        "Foglamp adds GPT-5.6 to its AI search",
        "Brindle now supports GPT-5.6",
    ]
    launches = cluster([item for number, title in enumerate(titles) for item in seen(title, feed=f"f{number}")], [])
    assert [launch.entries for launch in launches if launch.title == "GPT-5.6"] == [
        (("f0", seen(titles[0], feed="f0")[0].entry.id),)
    ]


def test_the_same_tool_months_later_is_a_new_launch_of_the_same_slug() -> None:
    first, second = cluster(
        [*seen("Introducing Tidepool"), *seen("Introducing Tidepool", "https://t.example.org/2", at=NOON + 90 * DAY)],
        [],
    )
    assert first.id != second.id
    assert first.tool_slug == second.tool_slug == "tidepool"


def test_a_version_that_only_one_names_joins_on_the_same_days_only() -> None:
    plain, versioned = seen("Introducing Tidepool", feed="one"), "Tidepool 2.0 – AI photo editor"
    assert len(cluster([*plain, *seen(versioned, feed="two", at=NOON + DAY)], [])) == 1
    assert len(cluster([*plain, *seen(versioned, feed="two", at=NOON + 10 * DAY)], [])) == 2


def test_a_version_is_kept_apart_from_a_product_and_in_a_model() -> None:
    (product,) = cluster(seen("Introducing Foo 2.0"), [])
    (model,) = cluster(seen("Introducing GPT-5.5"), [])
    assert (product.tool_name, product.version, product.tool_slug) == ("Foo", "2.0", "foo")
    assert (model.tool_name, model.version, model.tool_slug) == ("GPT-5.5", "5.5", "gpt-5-5")


@pytest.mark.parametrize("tools", [{"quillmark-ai": "Quillmark"}, [Tool("quillmark-ai", "Quillmark")]])
def test_a_known_tool_gives_its_slug(tools: dict[str, str] | list[Tool]) -> None:
    (launch,) = cluster(seen("Introducing Quillmark"), [], tools)
    assert launch.tool_slug == "quillmark-ai"


def test_a_known_launch_keeps_its_id_and_gains_entries() -> None:
    (known,) = cluster(seen("Introducing Quillmark", feed="one"), [])
    (grown,) = cluster(seen("Quillmark – AI minutes", feed="two", at=NOON + DAY), [known])
    assert (grown.id, grown.title, grown.first_seen) == (known.id, known.title, known.first_seen)
    assert entries([grown]) == [["one", "two"]]


def test_what_a_known_launch_was_also_called_finds_it() -> None:
    page = "https://maker.example.org/work-with-codex-from-anywhere"
    told = seen("Work with Codex from anywhere", page, "a")
    retold = seen("Codex is now in the ChatGPT mobile app", page, "b", at=NOON + timedelta(hours=1))
    later = seen("Codex is now available on mobile via ChatGPT app", feed="c", at=NOON + DAY)
    (known,) = cluster([*told, *retold], [])
    (alone,) = cluster(later, [known])
    (grown,) = cluster([*told, *retold, *later], [known])
    assert alone.id != known.id
    assert (grown.id, entries([grown])) == (known.id, [["a", "b", "c"]])


def test_what_hardly_looks_like_a_launch_joins_one_only_when_it_tells_its_story() -> None:
    launch = seen("Codex gets a Windows app", feed="press")
    mention = seen("Building a safe, effective sandbox to enable Codex on Windows", feed="maker")
    story = seen("Anthropic courts a new kind of customer: small business owners", feed="press")
    assert not any(item.spotted.launch for item in (*mention, *story))
    assert entries(cluster([*launch, *mention], [])) == [["press"]]
    assert entries(cluster([*seen("Claude for Small Business", feed="maker"), *story], [])) == [["maker", "press"]]


@pytest.mark.parametrize("other", ["Latitude for Claude Code", "Latitude for Claude Code: see where your tokens go"])
def test_what_says_the_same_of_the_same_tool_is_one_launch(other: str) -> None:
    one = seen(
        "Latitude for Claude Code - 查看在哪里消耗代币。减少触及限额的情况", "https://list.example.org/r/1", "list"
    )
    assert len(cluster([*one, *seen(other, "https://example.org/latitude-4", "hunt", at=NOON + 6 * DAY)], [])) == 1


def test_a_report_seen_before_the_launch_joins_it_when_handed_in_again() -> None:
    report = seen("OpenAI wants your bank accounts in ChatGPT", feed="press", at=NOON - DAY)
    assert cluster(report, []) == []
    announced = seen("OpenAI launches ChatGPT for bank accounts with Plaid", feed="maker")
    assert entries(cluster([*report, *announced], [])) == [["maker", "press"]]


def test_what_else_came_in_changes_nothing() -> None:
    story = [
        *seen("OpenAI launches ChatGPT for personal finance, connects bank accounts", feed="one"),
        *seen("OpenAI now wants ChatGPT to access your bank accounts", feed="two"),
    ]
    others, _, _ = a_week(known=0, new=500)
    crowd = [item for name in "abcdefgh" for item in seen(f"{name}uill – AI for personal bank accounts", feed="list")]
    (launch,) = cluster(story, [])
    assert launch in cluster([*others, *crowd, *story], [])


@pytest.mark.parametrize(("host", "launches"), [("press.example.com", 1), ("maker.example.org", 2)])
def test_a_list_of_links_speaks_with_as_many_voices_as_it_links_to(host: str, launches: int) -> None:
    one = seen("Codex is now available on mobile via ChatGPT app", "https://maker.example.org/1", "links")
    other = seen("OpenAI brings Codex to your phone", f"https://{host}/2", "links")
    assert len(cluster([*one, *other], [])) == launches


def test_a_page_named_after_the_story_tells_it_better_than_its_title() -> None:
    titles = {
        "https://a.example.org/meta-ai-incognito-chats": "Mark announces ‘completely private’ encrypted Meta AI chat",
        "https://b.example.org/9": "WhatsApp adds an incognito mode in Meta AI chats",
    }
    sightings = [item for link, title in titles.items() for item in seen(title, link, link[8:9])]
    assert len(cluster(sightings, [])) == 1


def test_a_translation_joins_by_what_both_could_say() -> None:
    one = seen("Claude Agents for Financial Services - 适用于路演、KYC 和结账的财务代理模板", feed="list")
    other = seen("Anthropic launches agents for financial services", feed="press")
    assert len(cluster([*one, *other], [])) == 1


def test_that_one_tool_has_news_twice_does_not_make_one_story_of_them() -> None:
    one = seen("Notion 3.4 - 全新的仪表盘、连接器、侧边栏和更智能的 AI 助手", feed="list")
    other = seen("Notion just turned its workspace into a hub for AI agents", feed="press", at=NOON + DAY)
    assert len(cluster([*one, *other], [])) == 2


def test_an_edited_title_makes_no_new_launch() -> None:
    (known,) = cluster(seen("Introducing Quillmark", id_="7"), [])
    assert cluster(seen("Quillmark: the AI that listens", id_="7", at=NOON + DAY), [known]) == []


@pytest.mark.parametrize("link", ["", "https://moved.example.org/elsewhere"])
def test_a_changed_feed_id_makes_no_new_launch(link: str) -> None:
    (known,) = cluster(seen("Introducing Quillmark", id_="7"), [])
    (grown,) = cluster(seen("Introducing Quillmark", link, id_="8", at=NOON + DAY), [known])
    assert grown.id == known.id


def test_the_parts_of_a_digest_are_launches_of_their_own() -> None:
    digest = Entry("weekly", "1", "https://weekly.example.org/issue-1", "Cursor 3 💻, Gemma 4 🔬, AI jobs 💰", "", NOON)
    sightings = [Sighting(digest, spotted, NOON) for spotted in spot(digest)]
    launches = cluster([*sightings, *seen("Introducing Gemma 4", feed="maker")], [])
    assert {launch.tool_name: len(launch.entries) for launch in launches} == {"Cursor": 1, "Gemma 4": 2}
    assert cluster(sightings, launches) == []


@pytest.mark.parametrize(
    ("published", "believed"),
    [
        (NOON - 3 * DAY, NOON - 3 * DAY),
        (None, NOON),
        (datetime(1970, 1, 1, tzinfo=UTC), NOON),
        (NOON + 3 * DAY, NOON),
        (NOON - 700 * DAY, NOON),
    ],
)
def test_only_a_believable_date_is_the_announcement(published: datetime | None, believed: datetime) -> None:
    (sighting,) = seen("Introducing Quillmark")
    dated = replace(sighting, entry=replace(sighting.entry, published=published))
    (launch,) = cluster([dated], [])
    assert launch.announced_at == believed
    assert launch.first_seen == NOON


TITLES = st.sampled_from(
    [
        "Introducing Quillmark",
        "Quillmark – AI minutes",
        "Introducing GPT-5.5",
        "GPT-5.5",
        "GPT-5.6 mini",
        "Foglamp: AI notes",
        "Codex is now in the ChatGPT mobile app",
        "OpenAI says Codex is coming to your phone",
        "Work with Codex from anywhere",
    ]
)
SIGHTINGS = st.lists(
    st.builds(
        lambda title, feed, link, day: seen(
            title, f"https://example.org/{link}" if link else "", feed, at=NOON + day * DAY
        ),
        TITLES,
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "x", "y"]),
        st.integers(0, 20),
    ),
    max_size=12,
).map(lambda lists: [item for items in lists for item in items])


@settings(deadline=None, max_examples=50)
@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_order_does_not_matter(sightings: list[Sighting], dice: random.Random) -> None:
    shuffled = dice.sample(sightings, len(sightings))
    assert cluster(sightings, []) == cluster(shuffled, [])


@settings(deadline=None, max_examples=50)
@given(SIGHTINGS)
def test_what_was_seen_before_adds_nothing(sightings: list[Sighting]) -> None:
    launches = cluster(sightings, [])
    assert cluster(sightings, launches) == []
    announced = {(item.entry.feed, item.entry.id) for item in sightings if item.spotted.launch}
    assert announced <= {key for launch in launches for key in launch.entries}
    assert len({launch.id for launch in launches}) == len(launches)


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_any_text_is_clustered(title: str, link: str, tool: str, feed: str) -> None:
    sighting = Sighting(Entry(feed, link, link, title), Spotted(True, 0.9, tool=tool, link=link), NOON)
    (launch,) = cluster([sighting], [], {title: tool})
    assert launch.tool_slug
    assert cluster([sighting], [launch]) == []


def test_a_week_finds_its_launches_among_thousands_of_known_ones_and_makes_no_other_twice() -> None:
    sightings, known, tools = a_week(known=5_000, new=300)
    again = [replace(item, first_seen=NOON + DAY) for item in sightings]
    launches = cluster(sightings, known, tools)
    assert 250 < len(launches) <= 300
    assert {key for launch in launches for key in launch.entries} >= {(s.entry.feed, s.entry.id) for s in sightings}
    ids = {launch.id for launch in known}
    assert {launch.tool_slug for launch in launches if launch.id in ids} <= set(tools)
    merged = {launch.id: launch for launch in known} | {launch.id: launch for launch in launches}
    assert cluster(again, merged.values(), tools) == []
