"""What programs fetch: a feed that readers of feeds understand, a sitemap, and the rules for robots."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import feedparser
import pytest

from digest.archive import Archive
from digest.editions import Editions
from digest.model import Feed
from pages.feeds import atom
from pages.shelf import Library
from sources.reading import read
from tests.examples import NOW, edition, matchup, side, site, tool
from tests.pages.places import LATER, WEEK, Place


def parsed(body: bytes) -> feedparser.FeedParserDict:
    return feedparser.parse(body, sanitize_html=False, resolve_relative_uris=False)


@pytest.mark.only_looks
def test_the_feed_has_editions_and_comparisons_told_apart(place: Place) -> None:
    answer = place.client.get("/feed.xml")
    feed = parsed(answer.content)

    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert not feed.bozo
    assert feed.version == "atom10"
    kinds = [{tag.term for tag in one.tags} & {"edition", "comparison"} for one in feed.entries]
    assert kinds == [{"edition"}, *[{"comparison"}] * 5]
    assert feed.entries[1].title == "Plumbline vs Lantern"
    assert feed.entries[1].summary == matchup(0).bottom_line
    assert feed.entries[1].link == "https://verdicts.example.org/compare/plumbline-vs-lantern"
    assert {tag.term for tag in feed.entries[1].tags} == {"comparison", "Developer Tools"}
    assert feed.entries[0].link == f"https://verdicts.example.org/editions/{WEEK}"
    assert len({one.id for one in feed.entries}) == 6
    assert all(one.id.startswith("tag:") for one in feed.entries)


@pytest.mark.only_looks
def test_our_own_reader_reads_it(place: Place) -> None:
    where, answer = "https://verdicts.example.org/feed.xml", place.client.get("/feed.xml")
    entries = read(answer.content, Feed("ours", where), where, answer.headers["content-type"]).entries
    assert [one.title for one in entries][:2] == [edition().subject, "Plumbline vs Lantern"]
    assert {one.published for one in entries} == {NOW}


def test_ids_stay_when_the_site_moves_or_tools_get_other_slugs(place: Place) -> None:
    issues = tuple(Archive(place.engine).issues([WEEK]))
    moved = replace(issues[0], edition=replace(issues[0].edition, matchups=tuple(_under_another_slug())))

    here = parsed(atom(Library(issues), site()))
    there = parsed(atom(Library((moved,)), site(url="https://other.example.org", name="Another Name")))

    assert [one.id for one in here.entries] == [one.id for one in there.entries]
    assert (here.feed.id, there.feed.id) == ("tag:verdicts.example.org,2026:feed", "tag:other.example.org,2026:feed")
    assert parsed(atom(Library(), site())).feed.id == here.feed.id
    assert here.entries[1].link != there.entries[1].link


def _under_another_slug() -> list:  # type: ignore[type-arg]
    return [
        replace(one, a=replace(one.a, tool=replace(one.a.tool, slug=f"{one.a.tool.slug}-2")))
        for one in edition().matchups
    ]


def test_who_has_the_feed_already_gets_it_only_once(place: Place) -> None:
    first = place.client.get("/feed.xml")
    for headers in (
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": f'W/"x", {first.headers["etag"]}'},
    ):
        again = place.client.get("/feed.xml", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert place.client.get("/feed.xml", headers={"If-None-Match": '"x"'}).status_code == 200
    place.publish(edition(week="2026-W48", subject="A newer one", matchups=1))
    changed = place.client.get("/feed.xml", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert "A newer one" in changed.text


@pytest.mark.parametrize("address", ["/feed.xml", "/sitemap.xml"])
def test_what_was_taken_back_is_news_whatever_its_date(place: Place, address: str) -> None:
    place.publish(edition(week="2026-W48", subject="A mistake", matchups=1))
    before = place.client.get(address)
    Editions(place.engine).skip("2026-W48", "a mistake", NOW)

    known = {"If-None-Match": before.headers["etag"], "If-Modified-Since": format_datetime(LATER, usegmt=True)}
    for headers in (known, {"If-Modified-Since": known["If-Modified-Since"]}):
        after = place.client.get(address, headers=headers)
        assert after.status_code == 200
        assert "2026-W48" not in after.text
    assert "last-modified" not in before.headers


def test_hostile_text_leaves_xml_well_formed(place: Place) -> None:
    evil = "a\x00b\x0b<&>]]>\ufffe\u202e \x1b[31m"
    named = replace(side(0), tool=tool(0, name=evil, category="Developer Tools"))
    bad = edition(week="2026-W48", subject="Kept", matchups=1)
    issue = next(iter(Archive(place.engine).issues([WEEK])))
    pair = replace(matchup(0), a=named, bottom_line=evil)
    body = atom(Library((replace(issue, subject=evil, edition=replace(bad, matchups=(pair,))),)), site(name=evil))

    feed = parsed(body)
    assert not feed.bozo
    assert feed.feed.title == feed.entries[1].summary == "ab <&>]]> [31m"


def test_the_sitemap_has_every_page_once_under_its_one_address(place: Place) -> None:
    place.publish(edition(week="2026-W46", matchups=2))
    answer = place.client.get("/sitemap.xml")
    found = re.findall(r"<loc>https://verdicts\.example\.org([^<]+)</loc>", answer.text)

    assert len(found) == len(set(found)) == 3 + 5 + 4 + 2 + 5 + 10
    assert {"/", "/editions/2026-W46", "/compare/plumbline-vs-lantern", "/tools/murmur", "/reviewers/skeptic"} <= {
        *found
    }
    for path in found:
        page = place.client.get(path)
        assert page.status_code == 200
        assert (
            path.startswith("/editions/") or f'rel="canonical" href="https://verdicts.example.org{path}"' in page.text
        )
    assert set(re.findall(r"<lastmod>([^<]+)", answer.text)) == {NOW.astimezone(UTC).date().isoformat()}


@pytest.mark.only_looks
def test_robots_are_kept_from_readers_own_pages_and_find_the_sitemap(place: Place) -> None:
    rules = place.client.get("/robots.txt").text
    assert "Sitemap: https://verdicts.example.org/sitemap.xml" in rules
    for path in ("/leave", "/preferences", "/vote", "/search", "/confirm", "/subscribe", "/account"):
        assert f"Disallow: {path}\n" in rules
    kept = re.findall(r"Disallow: (\S+)", rules)
    found = re.findall(r"<loc>https://verdicts\.example\.org([^<]+)</loc>", place.client.get("/sitemap.xml").text)
    assert not [path for path in found if path.startswith(tuple(kept))]


def test_a_feed_without_editions_is_a_feed() -> None:
    feed = parsed(atom(Library(), site()))
    assert not feed.bozo
    assert (feed.feed.title, feed.entries) == ("AI Tool Verdicts", [])
    assert datetime.fromisoformat(feed.feed.updated) == datetime(1970, 1, 1, tzinfo=UTC)
