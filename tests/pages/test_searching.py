"""What is found by which words, and what comes first."""

from __future__ import annotations

import time

import pytest

from digest.model import Tool
from pages.searching import asked, far, folded, index


def found(query: str, *tools: Tool) -> list[str]:
    """The names of the tools found, the nearest first."""
    met = [(distance, one.name) for one in tools if (distance := far(index(one, ()), asked(query))) is not None]
    return [name for _, name in sorted(met, key=lambda pair: pair[0])]


def named(*names: str) -> list[Tool]:
    return [Tool(str(number), name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Écoute, C++ and C#!", "ecoute c++ and c#"),
        ("ASP.NET, .NET and Node.js.", "asp.net .net and node.js"),
        ("from $12/month (+ tax)", "from 12 month tax"),
        ("snake_case #1 ... ++", "snake case 1"),
        ("ﬁne Straße 道具", "fine strasse 道具"),
    ],
)
def test_words_keep_what_belongs_to_them(text: str, words: str) -> None:
    assert folded(text) == words


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
    tool = Tool("x", "a" * 2000, description="+.#" * 5000 + "a.+#" * 5000)
    began = time.perf_counter()
    for query in ("." * 10_000, "a." * 5000, "a+" * 5000, "vs " * 3000):
        found(query, tool)
    assert time.perf_counter() - began < 1
