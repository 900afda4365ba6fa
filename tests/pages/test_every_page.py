"""What holds for every page: text from outside stays text, odd addresses end well, and lists come in bounds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from digest.database import writing
from digest.model import Verdict
from digest.tables import EditionRow
from tests.examples import edition, matchup, review, reviewers, side, tool
from tests.pages.places import WEEK, Place, addresses, described, get, words

EVIL = "</script><script>alert(1)</script>\"' onload=x {{ site }} [[reader]] ]]> &amp;"


# Text from outside


def test_hostile_texts_are_shown_as_text_and_cannot_end_the_data(place: Place) -> None:
    bad = replace(
        side(0), tool=tool(0, name=EVIL, vendor=EVIL, tagline=EVIL, description=EVIL, entry_price=EVIL, tags=(EVIL,),
                           url="https://example.org/\"><script>"),
        verdict=Verdict("plumbline", (review(tool(0), quote=EVIL),), 4),
    )  # fmt: skip
    judges = (replace(reviewers()[0], name=EVIL, lens=EVIL),)
    pair = replace(matchup(), a=bad, bottom_line=EVIL, pricing_read=EVIL, split=EVIL)
    place.publish(replace(edition(week="2026-W48", subject=EVIL, intro=EVIL), matchups=(pair,), reviewers=judges))

    shown = [
        "/", "/editions", "/editions/2026-W48", "/compare/plumbline-vs-lantern", "/tools/plumbline",
        "/reviewers/builder", "/categories/developer-tools", "/search?q=plumb", "/search?q=%3Cscript%3E",
    ]  # fmt: skip
    for address in shown:
        page = get(place, address)
        assert not re.search(r"<script(?! type=\"application/ld\+json\">)", page), address
        assert page.count("</script>") == page.count('<script type="application/ld+json">')
    assert EVIL in words(get(place, "/compare/plumbline-vs-lantern"))
    data = described(get(place, "/compare/plumbline-vs-lantern"))
    assert data["mainEntity"]["itemListElement"][0]["item"]["review"][0]["reviewBody"] == EVIL


def test_slugs_of_other_scripts_lead_to_their_pages(place: Place) -> None:
    named = replace(side(1), tool=tool(1, name="Ünïcode 道具", slug="ünïcode-道具"))
    place.publish(replace(edition(week="2026-W48"), matchups=(replace(matchup(), b=named),)))
    for address in re.findall(
        r'href="(/(?:compare|tools)/[^"]*%[^"]*)"', get(place, "/") + get(place, "/search?q=道具")
    ):
        assert place.client.get(address).status_code == 200
    assert "/compare/plumbline-vs-%C3%BCn%C3%AFcode-%E9%81%93%E5%85%B7" in get(place, "/sitemap.xml")


# What holds for every page


@pytest.mark.only_looks
def test_no_script_runs_and_nothing_foreign_is_needed(place: Place) -> None:
    """The policy forbids them, so a page that had one would show a hole."""
    for address in addresses(place):
        answer = place.client.get(address)
        if not answer.headers["content-type"].startswith("text/html") or address.startswith("/editions/"):
            continue
        assert not re.search(r"<script(?! type=\"application/ld\+json\">)", answer.text)
        assert "style=" not in answer.text
        assert re.findall(r'<link rel="stylesheet" href="([^"?]*)', answer.text) == ["/site.css"]


@pytest.mark.only_looks
def test_the_style_sheet_is_kept_for_good_under_its_own_address(place: Place) -> None:
    where = re.findall(r'<link rel="stylesheet" href="([^"]*)"', get(place, "/"))[0]
    answer = place.client.get(where)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    plain = place.client.get("/site.css")
    assert "immutable" not in plain.headers["cache-control"]
    again = place.client.get("/site.css", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.only_looks
@pytest.mark.parametrize(
    ("address", "kind", "begins"),
    [
        ("/favicon.svg", "image/svg+xml", b"<svg"),
        ("/favicon.ico", "image/svg+xml", b"<svg"),
        ("/card.png", "image/png", b"\x89PNG"),
    ],
)
def test_pictures_are_small_and_kept(place: Place, address: str, kind: str, begins: bytes) -> None:
    answer = place.client.get(address)
    assert answer.headers["content-type"] == kind
    assert answer.content.startswith(begins)
    assert len(answer.content) <= 20_000
    assert "max-age=86400" in answer.headers["cache-control"]
    known = {"If-None-Match": answer.headers["etag"]}
    assert place.client.get(address, headers=known).status_code == 304


def test_a_head_says_what_a_get_would(place: Place) -> None:
    for address in addresses(place):
        if address == "/metrics":
            continue  # it counts the first of the two
        head, whole = place.client.head(address), place.client.get(address)
        assert head.status_code == whole.status_code
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert head.content == b""


@pytest.mark.only_looks
@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "", "9" * 60, "9" * 600, "1.0", "１", "%00", "1%20"])
def test_a_page_that_a_list_does_not_have_is_not_found(place: Place, page: str) -> None:
    for path in ("/editions", "/categories/developer-tools", "/reviewers/builder", "/search", "/tools/plumbline"):
        answer = place.client.get(f"{path}?page={page}")
        assert answer.status_code == 404, path
        said = words(answer.text)
        assert "This list has one page. Go to its first page" in said
        assert place.client.get(re.findall(r'<p><a href="([^"]+)">Go to its', answer.text)[0]).status_code == 200


@pytest.mark.only_looks
@pytest.mark.parametrize(
    "address", ["/search?q=" + "a" * 5000, "/search?q=%00", "/search?q=" + "a+" * 3000, "/search?q=%ED%A0%80",
                "/categories/%00", "/reviewers/%F0%9F%92%A9", "/categories/models?by=" + "x" * 500,
                "/tools/" + "a" * 5000]
)  # fmt: skip
def test_odd_addresses_end_in_a_page(place: Place, address: str) -> None:
    answer = place.client.get(address)
    assert answer.status_code in {200, 404, 422}
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.only_looks
def test_the_privacy_page_says_what_is_set(place: Place) -> None:
    said = words(get(place, "/privacy"))
    for part in ("12 Harbour Lane", "editor@example.org", "400 days", "/24 or /48", "no cookies", "writes its letters"):
        assert part in said
    for part in ("If you only leave", "for a day the address you want to move to", "under a keyed hash"):
        assert part in said
    assert 'href="/leave"' in get(place, "/privacy")


def test_lists_are_cut_into_pages_that_stay_small(place: Place) -> None:
    """Five hundred editions and five thousand tools, each page within 60 KB."""
    with writing(place.engine) as session:
        pattern = session.get_one(EditionRow, WEEK).model_dump()
    weeks = [f"{year}-W{week:02}" for year in range(2015, 2025) for week in range(1, 51)]
    with place.engine.connect() as connection:
        connection.execute(
            EditionRow.__table__.insert(),  # type: ignore[attr-defined]
            [pattern | {"week": week, "sha256": week, "content": numbered(pattern["content"], week)} for week in weeks],
        )
        connection.commit()

    lists = ["/editions", "/categories/developer-tools", "/reviewers/builder", "/search?q=a", "/tools/plumbline"]
    for first in lists:
        address, seen = first, 0
        while address and seen < 4:
            page = get(place, address)
            assert len(page.encode()) <= 60_000, address
            own = first if seen == 0 else f"{first}?page={seen + 1}"
            if not first.startswith("/search"):
                assert f'<link rel="canonical" href="https://verdicts.example.org{own}">' in page
                assert (f", page {seen + 1} – AI Tool Verdicts</title>" in page) == (seen > 0)
            later = re.findall(r'<a rel="next" href="([^"]+)"', page)
            address, seen = (later[0].replace("&amp;", "&") if later else ""), seen + 1
        assert seen == (1 if first.startswith("/tools") else 4)
    assert "Next →" in get(place, "/search?q=a")
    assert "Next →" in get(place, "/categories/developer-tools?by=panel")
    assert "Older →" in get(place, "/categories/developer-tools")
    for address in ("/", "/search?q=plumbline", "/reviewers/builder?page=250", "/categories/models?page=50"):
        assert len(get(place, address).encode()) <= 60_000
    assert get(place, "/sitemap.xml").count("<loc>") > 8000


def numbered(content: dict[str, Any], week: str) -> dict[str, Any]:
    """The content of an edition with its tools under other names."""
    text = json.dumps(content).replace(f'"week": "{WEEK}"', f'"week": "{week}"')
    for one in matchup(0).sides + matchup(1).sides + matchup(2).sides + matchup(3).sides + matchup(4).sides:
        slug = one.tool.slug
        text = text.replace(f'"{slug}"', f'"{slug}-{week.lower()}"').replace(one.tool.name, f"{one.tool.name} {week}")
    made: dict[str, Any] = json.loads(text)
    return made
