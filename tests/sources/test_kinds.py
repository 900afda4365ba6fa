"""What each kind makes of its own documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.kinds.html import discover
from sources.reading import Reading, read
from tests.sources.documents import item, rss

AT = "https://example.org/feeds/one"


def reading(body: bytes | str, url: str = AT, kind: str = "auto", content_type: str = "") -> Reading:
    return read(body if isinstance(body, bytes) else body.encode(), Feed("one", url, kind), url, content_type)


def entries(body: bytes | str, url: str = AT) -> tuple[Entry, ...]:
    return reading(body, url).entries


def atom(*parts: str, head: str = "") -> str:
    return (
        f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>t</title>{head}{"".join(parts)}</feed>'
    )


RELEASES = atom(
    *(
        f"<entry><id>tag:github.com,2008:Repository/7/{tag}</id><title>{title}</title><updated>2026-11-0{n}T10:00:00Z</updated>"
        f'<link rel="alternate" type="text/html" href="https://github.com/acme/runner/releases/tag/{tag}"/>'
        f'<content type="html">&lt;p&gt;Faster.&lt;/p&gt;</content></entry>'
        for n, (tag, title) in enumerate(
            {
                "v9": "v9.0.0-rc.1 (beta)",
                "v8": "Release 8.1",
                "b7": "b4521",
                "v6": "Runner 6: vision",
                "v5": "",
            }.items(),
            1,
        )
    ),
    head="<id>tag:github.com,2008:https://github.com/acme/runner/releases</id>",
)


def test_a_release_named_by_its_version_gets_the_repository_in_front() -> None:
    found = reading(RELEASES)
    assert found.kind == "github"
    titles = {entry.link.rpartition("/")[2]: entry.title for entry in found.entries}
    assert titles == {
        "v9": "runner v9.0.0-rc.1 (beta)",
        "v8": "runner Release 8.1",
        "b7": "runner b4521",
        "v6": "Runner 6: vision",
        "v5": "runner v5",
    }
    assert {entry.summary for entry in found.entries} == {"Faster."}


def test_hacker_news_leads_to_the_story_or_else_to_the_talk() -> None:
    talk = "https://news.ycombinator.com/item?id=1"
    items = [
        f"<item><title>Show HN: A</title><link>https://a.example/</link><comments>{talk}</comments><guid>{talk}</guid></item>",
        f"<item><title>Ask HN: B</title><comments>{talk}2</comments></item>",
    ]
    body = rss(items).replace(b"https://example.org/", b"https://news.ycombinator.com/")
    assert reading(body).kind == "hackernews"
    assert [(entry.id, entry.link, entry.title) for entry in entries(body)] == [
        (talk, "https://a.example/", "Show HN: A"),
        (f"{talk}2", f"{talk}2", "Ask HN: B"),
    ]


def test_the_search_of_hacker_news_is_read() -> None:
    hits = [
        {"objectID": "41", "title": "Show HN: A", "url": "https://a.example/", "created_at_i": 1_790_000_000},
        {"objectID": "42", "title": "Ask HN: B", "url": None, "story_text": "<p>Why?", "num_comments": 3},
        {"objectID": "43", "title": "C", "url": "javascript:alert(1)", "created_at_i": 10**20},
    ]
    found = reading(json.dumps({"hits": hits, "nbHits": 3}))
    assert found.kind == "hackernews"
    talk = "https://news.ycombinator.com/item?id="
    assert {(entry.id, entry.link) for entry in found.entries} == {
        (f"{talk}41", "https://a.example/"),
        (f"{talk}42", f"{talk}42"),
        (f"{talk}43", f"{talk}43"),
    }
    assert {entry.published for entry in found.entries} == {None, datetime.fromtimestamp(1_790_000_000, UTC)}


def test_a_product_gets_its_tagline() -> None:
    content = escape('<p>Talk to your data</p><p><a href="x">Discussion</a> | <a href="y">Link</a></p>')
    post = "tag:www.producthunt.com,2005:Post"
    body = atom(
        f"<entry><id>{post}/1</id><title>Alpha</title>"
        f"<content type='html'>{content}</content><link href='https://www.producthunt.com/products/alpha'/><published>2026-11-01T00:00:00-07:00</published></entry>",
        f"<entry><id>{post}/2</id><title>Beta — writes</title><content type='html'>{content}</content></entry>",
        f"<entry><id>{post}/3</id><title>Gamma</title></entry>",
    )
    found = reading(body)
    assert found.kind == "producthunt"
    assert {entry.title for entry in found.entries} == {"Alpha — Talk to your data", "Beta — writes", "Gamma"}
    alpha = next(entry for entry in found.entries if entry.title.startswith("Alpha"))
    assert alpha.summary == "Talk to your data"
    assert alpha.published == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_a_json_feed_is_read() -> None:
    body = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Notes",
        "items": [
            {
                "id": 7,
                "url": "/seven",
                "title": "<b>Seven</b>",
                "summary": "S",
                "date_published": "2026-11-01T02:00:00+02:00",
            },
            {"id": "8", "external_url": "https://x.example/", "content_text": "No title here"},
        ],
    }
    found = reading("\ufeff" + json.dumps(body))
    assert (found.kind, found.title) == ("jsonfeed", "Notes")
    assert set(found.entries) == {
        Entry("one", "7", "https://example.org/seven", "Seven", "S", datetime(2026, 11, 1, tzinfo=UTC)),
        Entry("one", "8", "https://x.example/", "No title here", "No title here"),
    }


def test_a_page_says_which_feeds_it_names() -> None:
    page = """<!DOCTYPE html><html><head><base href="/blog/"><title>B</title>
        <link rel="alternate" type="application/rss+xml" title="Comments" href="/comments/feed">
        <link rel="alternate" type="application/atom+xml; charset=utf-8" href="atom.xml">
        <link rel="alternate" hreflang="de" href="/de">
        </head><body><a href="/about">x</a><a href="/rss/">RSS</a><a href="javascript:feed">y</a></body></html>"""
    assert discover(page.encode(), "https://example.org/x") == (
        "https://example.org/blog/atom.xml",
        "https://example.org/comments/feed",
        "https://example.org/rss/",
    )
    with pytest.raises(
        FeedError, match=r"a web page, not a feed; it names these feeds: https://example.org/blog/atom.xml"
    ):
        reading(page, "https://example.org/x")


def test_a_page_is_a_page_whatever_kind_was_named() -> None:
    with pytest.raises(FeedError, match="it names no feed"):
        reading("<html><body>Moved</body></html>", kind="github")


def test_an_xhtml_page_is_no_feed() -> None:
    with pytest.raises(FeedError, match="web page"):
        reading('<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>')


def test_ids_fall_back_to_the_link_and_then_to_the_title() -> None:
    found = entries(rss([item("A", "https://example.org/a"), item("B"), item("C", guid="c")]))
    ids = {entry.title: entry.id for entry in found}
    assert ids["A"] == "https://example.org/a"
    assert ids["B"].startswith("title:")
    assert ids["C"] == "c"
    assert ids == {
        entry.title: entry.id
        for entry in entries(rss([item("B"), item("A", "https://example.org/a"), item("C", guid="c")]))
    }


def test_relative_links_follow_xml_base_or_the_address() -> None:
    body = rss([item("A", "notes/a")])
    assert entries(body)[0].link == "https://example.org/feeds/notes/a"
    based = body.replace(b'version="2.0">', b'version="2.0" xml:base="https://base.example/x/">')
    assert entries(based)[0].link == "https://base.example/x/notes/a"


def test_dates_are_kept_as_claimed() -> None:
    found = entries(rss([item("Future", days_old=-3650), item("None", days_old=None), item("Old", days_old=20_000)]))
    assert [entry.title for entry in found] == ["Future", "None", "Old"]
    assert found[1].published is None


def test_a_summary_that_only_leads_to_a_list_gets_the_list() -> None:
    listed = "<ul><li>Alpha: a</li><li>Beta: b</li><li>Gamma: c</li></ul>"
    raw = (
        "<item><title>This week</title><description>Three tools.</description>"
        f"<content:encoded><![CDATA[{listed}]]></content:encoded></item>"
    )
    body = rss([raw]).replace(
        b'version="2.0"', b'version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    )
    assert entries(body)[0].summary.split("\n") == ["Three tools.", "- Alpha: a", "- Beta: b", "- Gamma: c"]
