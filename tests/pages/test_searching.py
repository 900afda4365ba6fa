"""What is found by which words, and what comes first."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from digest.database import writing
from digest.model import Tool
from digest.tables import ToolAliasRow, ToolRow
from pages.searching import asked, far, folded, index
from tests.examples import NOW, edition, matchup, side, tool
from tests.pages.places import Place, get, meta, older, words


def found(query: str, *tools: Tool) -> list[str]:
    """The names of the tools found, the nearest first."""
    met = [(distance, one.name) for one in tools if (distance := far(index(one, ()), asked(query))) is not None]
    return [name for _, name in sorted(met, key=lambda pair: pair[0])]


def named(*names: str) -> list[Tool]:
    return [Tool(str(number), name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Écoute, C++ and C#!", "ecoute c++ and c#"),
        ("ASP.NET, .NET and Node.js.", "asp.net .net and node.js"),
        ("from $12/month (+ tax)", "from 12 month tax"),
        ("snake_case #1 ... ++", "snake case 1"),
        ("ﬁne Straße 道具", "fine strasse 道具"),
    ],
)
def test_words_keep_what_belongs_to_them(text: str, kept: str) -> None:
    assert folded(text) == kept


def test_the_exact_name_comes_first_then_names_that_begin_so_then_whole_words_then_parts() -> None:
    tools = [
        Tool("a", "Desk", tagline="Reviewing code"), Tool("b", "Desk Two", tagline="A code review"),
        *named("Codereviewer", "Better Code Review", "Code Review Desk", "Code Review"),
    ]  # fmt: skip
    expected = ["Code Review", "Code Review Desk", "Better Code Review", "Codereviewer", "Desk Two", "Desk"]
    assert found("code review", *tools) == expected


def test_what_is_equally_near_stays_in_its_order() -> None:
    assert found("desk", *named("Desk Zwei", "Desk Eins", "Desk Drei")) == ["Desk Zwei", "Desk Eins", "Desk Drei"]


def test_one_letter_is_a_word_of_its_own() -> None:
    tools = named("C", "C++", "C#", "Copycat", "道具")
    assert found("c", *tools) == ["C"]
    assert found("C++", *tools) == ["C++"]
    assert found("c#", *tools) == ["C#"]
    assert found("道", *tools) == ["道具"]


@pytest.mark.parametrize(
    ("many", "one"), [("reviews", "Review"), ("queries", "Query"), ("searches", "Search"), ("boxes", "Box")]
)
def test_a_plural_finds_the_singular(many: str, one: str) -> None:
    assert found(many, *named(one)) == [one]


def test_words_that_only_look_like_plurals_stay() -> None:
    assert found("bus", *named("Bu")) == []
    assert found("pass", *named("Pas")) == []


def test_both_sides_of_a_vs_are_found() -> None:
    tools = named("Lantern", "Plumbline", "VS Code Helper", "Lamp")
    assert found("plumbline vs. lantern", *tools) == ["Lantern", "Plumbline"]
    assert found("vs code", *tools) == ["VS Code Helper"]
    assert asked("vs VS versus") == []


def test_a_hostile_query_takes_no_time() -> None:
    long = Tool("x", "a" * 2000, description="+.#" * 5000 + "a.+#" * 5000)
    began = time.perf_counter()
    for query in ("." * 10_000, "a." * 5000, "a+" * 5000, "vs " * 3000):
        found(query, long)
    assert time.perf_counter() - began < 1


# On the page


@pytest.mark.only_looks
@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("plumbline", ["plumbline"]),
        ("PLÚMBLINE", ["plumbline"]),
        ("plumb review", ["plumbline"]),
        ("plumbline vs lantern", ["plumbline", "lantern"]),
        ("vs plumbline", ["plumbline"]),
        ("vs", []),
        ("kestrel", ["smallwood-3b", "bigleaf-70b"]),
        ("on-device phone", ["dictaphone-zero", "smallwood-3b"]),
        ("orchard & pike", ["plumbline"]),
        ("writing docs", ["inkwell", "marginalia"]),
        ("plumbline nothing-like-this", []),
        ("  ", []),
        ("%_' OR 1=1 --", []),
    ],
)
def test_every_word_must_stand_somewhere(place: Place, query: str, slugs: list[str]) -> None:
    answer = place.client.get("/search", params={"q": query})
    assert answer.status_code == 200
    assert re.findall(r'<li><a href="/tools/([^"]+)">', answer.text) == slugs
    assert answer.headers["x-robots-tag"] == meta(answer.text, "robots") == "noindex"


def test_a_search_finds_by_old_names_price_licence_and_description(place: Place) -> None:
    with writing(place.engine) as session:
        session.add(ToolRow(slug="plumbline-2", name="Straightedge", category="Developer Tools", added_at=NOW))
        session.flush()
        session.add(ToolAliasRow(slug="plumbline", tool_slug="plumbline-2"))
        session.add(ToolAliasRow(slug="spirit-level", tool_slug="plumbline-2"))

    def listed(query: str) -> list[str]:
        return re.findall(r'<li><a href="/tools/([^"]+)">', place.client.get("/search", params={"q": query}).text)

    assert listed("spirit level") == listed("plumbline") == listed("straightedge") == ["plumbline-2"]
    free = {one.tool.slug for pair in edition().matchups for one in pair.sides if "Free" in one.tool.entry_price}
    assert free
    assert free <= {*listed("free")}
    assert "lantern" in listed("open source")
    assert "plumbline-2" not in listed("open source")
    assert listed("zebra what you wrote last year") == []
    assert listed("what you wrote last year") == ["marginalia"]


def test_a_search_puts_names_first(place: Place) -> None:
    named = replace(side(15), tool=tool(15, name="Review Desk", slug="review-desk"))
    place.publish(replace(older(), matchups=(replace(matchup(7), b=named),)))
    page = get(place, "/search?q=review")
    assert re.findall(r'<li><a href="/tools/([^"]+)">', page) == ["review-desk", "plumbline", "lantern"]


@pytest.mark.only_looks
def test_a_search_that_finds_nothing_says_what_to_do(place: Place) -> None:
    said = words(get(place, "/search?q=zzz"))
    assert "Nothing here has “zzz” in its name" in said
    assert "Or look by category" in said
