"""What anybody may read: each kind of page says what it should, and nothing that no edition has printed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session

from digest.archive import Archive
from digest.database import writing
from digest.editions import Editions
from digest.model import Correction, Tally, Tool, Verdict
from digest.tables import ToolAliasRow, ToolRow
from digest.wording import full_day
from subscribers.store import Subscribers
from tests.examples import NOW, edition, matchup, review, reviewers, side, tool, verdict
from tests.pages.places import WEEK, Place, addresses, described, get, meta, older, words


def vote(place: Place, slug: str, *calls: str) -> None:
    votes = [(slug, f"reader-{number}", call) for number, call in enumerate(calls)]
    Subscribers(place.engine, b"").vote(votes, NOW)  # type: ignore[arg-type]


# Home and the archive


def test_home_offers_the_sign_up_the_newest_edition_and_earlier_comparisons(place: Place) -> None:
    place.publish(older(matchups=7))
    page = get(place, "/")

    assert len(re.findall("<h1", page)) == 1
    assert '<form method="post" action="/subscribe">' in page
    assert "Plumbline or Lantern? The panel splits on code review" in words(page)
    assert '<a href="/compare/plumbline-vs-lantern"><bdi>Plumbline</bdi> vs <bdi>Lantern</bdi></a>' in page
    assert f'<a href="/editions/{WEEK}">' in page
    assert "Latest edition: Week 47, 2026 (9–16 November 2026)" in words(page)
    assert f'<time datetime="{WEEK}">' in page
    assert words(page).count("Plumbline vs Lantern") == 1, "an old meeting of a pair that is listed already is no news"
    assert "Lighthouse Search vs Footnote Week 46, 2026" in words(page)
    assert 'href="mailto:editor@example.org"' in page
    assert '<a href="/categories/developer-tools">Developer Tools</a>' in page


@pytest.mark.only_looks
def test_the_form_has_what_it_needs_and_its_trap_is_hidden_from_people(place: Place) -> None:
    page = get(place, "/")

    assert re.search(
        r'<label for="email">[^<]+</label>\s*<input id="email" name="email" type="email"[^>]* required', page
    )
    assert 'autocomplete="email"' in page
    trap = re.search(r'<div class="away" aria-hidden="true">.*?</div>', page)
    assert trap is not None
    assert 'name="website" type="text" tabindex="-1" autocomplete="off"' in trap[0]
    stamps = [re.findall(r'name="stamp" value="([^"]+)"', get(place, address)) for address in ("/", "/editions")]
    assert all(len(one) == 1 for one in stamps)
    assert "Send me AI Tool Verdicts, one email a week" in words(page)


def test_the_archive_lists_every_public_edition_newest_first(place: Place) -> None:
    place.publish(older())
    Editions(place.engine).keep_draft(edition(week="2026-W48", subject="Not yet"))
    page = get(place, "/editions")

    assert re.findall(r'<h2><a href="/editions/([^"]+)"', page) == ["2026-W47", "2026-W46"]
    assert "Not yet" not in page + get(place, "/")


def test_before_the_first_edition_every_list_is_an_honest_page(place: Place) -> None:
    Editions(place.engine).skip(WEEK, "for the test", NOW)
    for address in ("/", "/editions"):
        assert "The first edition is not out yet." in words(get(place, address))
    assert "Type part of a tool" in words(get(place, "/search"))
    assert get(place, "/sitemap.xml").count("<loc>") == 3
    assert "<entry>" not in get(place, "/feed.xml")
    for address in ("/categories/models", "/reviewers/builder", "/tools/plumbline", "/compare/plumbline-vs-lantern"):
        assert place.client.get(address).status_code == 404


@pytest.mark.only_looks
def test_an_edition_is_shown_as_sent_without_anybodys_links(place: Place) -> None:
    page = get(place, f"/editions/{WEEK}")

    assert "Which one should you ship with?" in words(page)
    assert "[[" not in page
    for kept in ("Also launched this week", "Beacon CLI 2.0", "Subscribe to AI Tool Verdicts", "12 Harbour Lane"):
        assert kept in page
    for personal in ("/leave/", "/preferences/", "/vote/", "Your vote", "Unsubscribe", "Change your preferences"):
        assert personal not in page


@pytest.mark.only_looks
def test_an_edition_stands_in_a_frame_that_leads_on(place: Place) -> None:
    page = get(place, f"/editions/{WEEK}")

    assert f'<link rel="canonical" href="https://verdicts.example.org/editions/{WEEK}">' in page
    assert meta(page, "description") == edition().preheader
    assert meta(page, "og:title") == edition().subject
    assert 'href="#main"' in page
    assert len(re.findall("<main", page)) == len(re.findall("<h1", page)) == 1
    assert '<a href="/#signup">' in page
    assert "View this edition in your browser" not in page
    assert not re.search(r"<br ?/?>\s*</p>|<p>\s*(<br ?/?>|</p>)", page)
    assert "<!--" not in page
    assert "/site.css" not in page


@pytest.mark.only_looks
def test_who_has_an_edition_already_gets_it_only_once(place: Place) -> None:
    seal = place.client.get(f"/editions/{WEEK}").headers["etag"]
    again = place.client.get(f"/editions/{WEEK}", headers={"If-None-Match": seal})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.only_looks
@pytest.mark.parametrize("address", ["/editions/2026-W48", "/editions/x", "/nothing", "/editions/a%00b"])
def test_what_is_not_there_is_a_page_that_helps(place: Place, address: str) -> None:
    page = place.client.get(address)
    assert page.status_code == 404
    assert "Go to the latest edition" in words(page.text)
    assert 'role="search"' in page.text


# Drafts


def test_a_draft_is_nobodys_to_read_anywhere(place: Place) -> None:
    secret = replace(tool(10), name="Quillfeather", slug="quillfeather", category="Infrastructure")
    hidden = replace(matchup(5), a=replace(side(10), tool=secret, verdict=verdict(secret, "++++")))
    judges = (*reviewers(), replace(reviewers()[0], slug="auditor", name="Auditor"))
    draft = edition(week="2026-W48", subject="Quillfeather comes", matchups=6, reviewers=judges)
    Editions(place.engine).keep_draft(replace(draft, matchups=(hidden, matchup(0))))

    for address in (
        "/editions/2026-W48", "/compare/quillfeather-vs-abacus-notebook", "/tools/quillfeather", "/reviewers/auditor",
        "/categories/infrastructure",
    ):  # fmt: skip
        assert place.client.get(address).status_code == 404, address
    everything = [*addresses(place), "/search?q=quillfeather", "/reviewers/builder?page=1", "/tools/plumbline"]
    for address in everything:
        page = place.client.get(address).text.replace("“quillfeather”", "").replace('value="quillfeather"', "")
        assert "uillfeather" not in page.replace("Search: quillfeather", ""), address
        assert "2026-W48" not in page


def test_an_edition_taken_back_is_gone_from_every_page_at_once(place: Place) -> None:
    assert place.client.get("/tools/plumbline").status_code == 200
    editions = Editions(place.engine)
    editions.keep_edit(editions.require(WEEK), edition(subject="Changed"), "an editor")

    for address in ("/tools/plumbline", "/compare/plumbline-vs-lantern", f"/editions/{WEEK}"):
        assert place.client.get(address).status_code == 404
    assert "The first edition is not out yet." in words(get(place, "/"))


# Comparisons


@pytest.mark.only_looks
def test_a_comparison_says_what_the_email_leaves_out(place: Place) -> None:
    said = words(get(place, "/compare/murmur-vs-dictaphone-zero"))

    for one in matchup(1).sides:
        assert one.tool.description in said
        for each in one.verdict.reviews:
            assert f"“{each.quote}” {full_day(each.reviewed_on, 2026)}" in said
    for part in (matchup(1).bottom_line, matchup(1).pricing_read, matchup(1).split):
        assert part in said
    assert "Panel: 4 of 4 ship 100 %" in said
    assert "Readers in the edition: 210 of 233 ship 90 %" in said


def test_the_tally_now_stands_beside_the_one_in_print(place: Place) -> None:
    vote(place, "plumbline", "ship", "ship", "skip", "ship")
    said = words(get(place, "/compare/plumbline-vs-lantern"))

    assert "Readers now: 3 of 4 ship 75 %" in said
    assert "Readers in the edition: 79 of 128 ship 62 %" in said
    assert "Readers now: no votes yet —" in said


def test_a_tally_follows_a_vote_also_where_counting_all_of_them_takes_long(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = Archive.tools

    def slow(self: Archive, slugs: Collection[str]) -> dict[str, Tool]:
        time.sleep(0.2)
        return quick(self, slugs)

    monkeypatch.setattr(Archive, "tools", slow)
    get(place, "/tools/plumbline")  # all are counted now, and not again for ten seconds
    vote(place, "plumbline", "ship")
    for address in ("/tools/plumbline", "/compare/plumbline-vs-lantern"):
        assert "Readers now: 1 of 1 ship 100 %" in words(get(place, address))


@pytest.mark.only_looks
def test_a_call_is_told_by_mark_and_word_and_a_bar_is_nothing_to_read_out(place: Place) -> None:
    page = get(place, "/compare/plumbline-vs-lantern")
    assert page.count('<span class="call ship">✓ Ship</span>') == 5
    assert page.count('<span class="call skip">✕ Skip</span>') == 3
    for bar in re.findall(r'<svg[^>]*>|<span class="cells"[^>]*>', page):
        assert 'aria-hidden="true"' in bar
    assert re.findall(r'<rect class="part" width="([\d.]+)"', page) == ["62.0", "43.0"]


@pytest.mark.only_looks
def test_a_comparison_describes_itself_to_programs(place: Place) -> None:
    page = get(place, "/compare/plumbline-vs-lantern")
    here = "https://verdicts.example.org/compare/plumbline-vs-lantern"

    assert re.findall(r'<link rel="canonical" href="([^"]+)">', page) == [here]
    assert "<title>Plumbline vs Lantern – AI Tool Verdicts</title>" in page
    assert meta(page, "description") == meta(page, "og:description") == matchup(0).bottom_line
    assert (meta(page, "og:title"), meta(page, "og:url")) == ("Plumbline vs Lantern", here)
    assert (meta(page, "og:type"), meta(page, "twitter:card")) == ("article", "summary")
    assert meta(page, "og:image") == "https://verdicts.example.org/card.png"
    data = described(page)
    assert (data["@type"], data["url"], data["headline"]) == ("Article", here, "Plumbline vs Lantern")
    items = [one["item"] for one in data["mainEntity"]["itemListElement"]]
    assert [one["name"] for one in items] == ["Plumbline", "Lantern"]
    assert [len(one["review"]) for one in items] == [4, 4]
    assert items[0]["review"][0]["reviewBody"] == review(tool(0)).quote
    assert {one["author"]["@type"] for item in items for one in item["review"]} == {"Organization"}
    assert "ating" not in json.dumps([key for item in items for key in item])


def test_later_editions_corrections_stand_on_the_comparison_and_the_tool(place: Place) -> None:
    told = Correction(
        "plumbline", "Plumbline", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 20), WEEK,
    )  # fmt: skip
    place.publish(replace(edition(week="2026-W48", matchups=2), matchups=(matchup(3),), corrections=(told,)))

    sentence = "Since we printed it in 2026-W47, the Skeptic changed the call on Plumbline from ship to skip"
    for address in ("/compare/plumbline-vs-lantern", "/tools/plumbline"):
        said = words(get(place, address))
        assert sentence in said
        assert "Told in the edition of Week 48, 2026" in said
    assert "changed the call" not in words(get(place, "/compare/murmur-vs-dictaphone-zero"))


def test_the_other_order_and_old_slugs_lead_to_the_one_address(place: Place) -> None:
    one, other = (side.tool for side in matchup(1).sides)
    with Session(place.engine) as session:
        session.add(ToolAliasRow(slug="old-name", tool_slug=one.slug))
        session.commit()

    for pair in (f"{other.slug}-vs-{one.slug}", f"{other.slug}-vs-old-name", f"old-name-vs-{other.slug}"):
        answer = place.client.get(f"/compare/{pair}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/compare/{one.slug}-vs-{other.slug}")
    answer = place.client.get("/tools/old-name")
    assert (answer.status_code, answer.headers["location"]) == (302, f"/tools/{one.slug}")


def test_a_tool_renamed_after_its_edition_keeps_its_history(place: Place) -> None:
    with writing(place.engine) as session:
        session.add(ToolRow(slug="plumbline-2", name="Plumbline 2", category="Developer Tools", added_at=NOW))
        session.flush()
        session.add(ToolAliasRow(slug="plumbline", tool_slug="plumbline-2"))

    answer = place.client.get("/tools/plumbline")
    assert (answer.status_code, answer.headers["location"]) == (302, "/tools/plumbline-2")
    said = words(get(place, "/tools/plumbline-2"))
    assert "Plumbline vs Lantern" in said
    assert place.client.get("/compare/plumbline-vs-lantern").status_code == 200
    assert '<a href="/tools/plumbline-2"><b><bdi>Plumbline 2</bdi></b></a>' in get(place, "/search?q=plumbline+2")


def test_names_with_vs_in_them_are_told_apart(place: Place) -> None:
    a, b = tool(0, slug="light-vs-dark", name="Light vs Dark"), tool(1, slug="dark-vs-x", name="Dark vs X")
    pair = replace(matchup(), a=replace(side(0), tool=a), b=replace(side(1), tool=b))
    place.publish(replace(edition(week="2026-W48", matchups=1), matchups=(pair,)))

    assert "Light vs Dark" in words(get(place, "/compare/light-vs-dark-vs-dark-vs-x"))
    answer = place.client.get("/compare/dark-vs-x-vs-light-vs-dark")
    assert answer.headers["location"] == "/compare/light-vs-dark-vs-dark-vs-x"
    assert place.client.get("/compare/light-vs-dark").status_code == 404


@pytest.mark.only_looks
@pytest.mark.parametrize(
    "pair", ["x", "-vs-", "plumbline-vs-plumbline", "plumbline-vs-murmur", "a%00-vs-b", "-vs-" * 400]
)
def test_tools_that_never_met_have_no_page(place: Place, pair: str) -> None:
    assert place.client.get(f"/compare/{pair}").status_code == 404


def test_what_is_missing_is_a_dash_and_leaves_no_empty_place(place: Place) -> None:
    bare = tool(2, vendor="", entry_price="", url="", tagline="", description="", open_source=None)
    unknown = replace(side(2), tool=bare, community=Tally(), verdict=Verdict(bare.slug, (), 4))
    place.publish(replace(edition(week="2026-W48"), matchups=(replace(matchup(1), a=unknown),)))
    page = get(place, "/compare/murmur-vs-dictaphone-zero")
    said = words(page)

    assert "Panel: no calls yet — " in said
    assert "Readers now: no votes yet — Entry price — " in said
    assert "Murmur : no call yet" in said
    assert "0 %" not in said
    assert not re.search(r"<(p|dd|dt|i|li)>\s*</", page)
    assert "Visit Murmur" not in said
    said = words(get(place, "/tools/murmur"))
    assert "The panel had made no calls yet; no reader had voted yet." in said
    assert "no reviews yet · Murmur vs" in words(get(place, "/search?q=murmur"))
    assert "None" not in said


# Tools


def test_a_tools_page_tells_its_verdicts_newest_first_and_what_changed(place: Place) -> None:
    earlier = replace(side(0), verdict=verdict(tool(0), "-+--"), community=Tally(3, 10))
    place.publish(replace(older(), matchups=(replace(matchup(0), a=earlier),)))
    vote(place, "plumbline", "skip")
    said = words(get(place, "/tools/plumbline"))

    assert said.index("Edition of Week 47, 2026 (") < said.index("Edition of Week 46, 2026 (")
    assert "75 % of the panel would ship it (3 of 4 ship); readers then: 62 % (79 of 128 ship)." in said
    assert "25 % of the panel would ship it (1 of 4 ship, 3 to come)" not in said
    assert (
        "Changed since the edition before: the Builder went from skip to ship, the Founder went from skip to ship;"
        " the panel went from 25 % to 75 %." in said
    )
    assert said.count("Changed since") == 1
    assert "Readers now: 0 of 1 ship 0 %" in said
    assert "Entry price, checked 9 Nov $12/month" in said


def test_a_tools_page_warns_of_an_old_price_and_shows_the_present_one(place: Place) -> None:
    with writing(place.engine) as session:
        row = session.get_one(ToolRow, "plumbline")
        row.entry_price, row.price_checked_on = "$15/month", (NOW - timedelta(days=200)).date()
    said = words(get(place, "/tools/plumbline"))
    assert "it may have changed since $15/month" in said


def test_a_tool_that_no_public_edition_compared_has_no_page(place: Place) -> None:
    with Session(place.engine) as session:
        session.add(ToolRow(slug="tidepool", name="Tidepool", added_at=NOW))
        session.commit()

    for slug in ("tidepool", "nobody"):
        page = place.client.get(f"/tools/{slug}")
        assert page.status_code == 404
        assert "No edition has compared this tool yet." in words(page.text)
    assert "Tidepool" not in get(place, "/search?q=tidepool")


# Reviewers and categories


def test_a_reviewers_page_counts_the_last_printed_call_on_each_tool(place: Place) -> None:
    earlier = replace(side(0), verdict=verdict(tool(0), "-+--"))
    place.publish(replace(older(), matchups=(replace(matchup(0), a=earlier),)))
    said = words(get(place, "/reviewers/futurist"))

    assert "Does it matter in three years?" in said
    assert "Of 10 tools in print, this reviewer would ship 7 (70 %), and stood alone on 2" in said
    assert said.count("✓ Ship") == 7
    assert said.count("✕ Skip") == 3
    assert said.count("alone “") == 2
    assert "alone on 2: everybody else called those the other way." in said
    assert "✓ Ship Murmur" in said


def test_a_reviewer_who_never_stood_alone_is_not_said_to_have_done_so_nought_times(place: Place) -> None:
    pair = replace(matchup(0), a=replace(side(0), verdict=verdict(tool(0), "++++")))
    Editions(place.engine).skip(WEEK, "for the test", NOW)
    place.publish(replace(edition(week="2026-W48", matchups=1), matchups=(pair,)))
    said = words(get(place, "/reviewers/builder"))
    assert "and never stood alone against everybody else." in said
    assert "alone on 0" not in said


def test_a_category_lists_its_tools_newest_first_or_by_panel(place: Place) -> None:
    place.publish(
        replace(older(), matchups=(replace(matchup(2), a=replace(side(4), tool=tool(4, category="Developer Tools"))),))
    )
    page, ranked = get(place, "/categories/developer-tools"), get(place, "/categories/developer-tools?by=panel")
    assert re.findall(r'<li><a href="/tools/([^"]+)">', page) == ["plumbline", "lantern", "cartwheel"]
    assert re.findall(r'<li><a href="/tools/([^"]+)">', ranked) == ["plumbline", "lantern", "cartwheel"]
    models = get(place, "/categories/models?by=panel")
    assert re.findall(r'<li><a href="/tools/([^"]+)">', models) == ["smallwood-3b", "bigleaf-70b"]
    assert place.client.get("/categories/no-such").status_code == 404
