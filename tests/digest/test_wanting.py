"""What is wanted most is what many feeds carry and what could be compared at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.model import Launch, Tool, slugify
from digest.wanting import WEIGHTS, Hopeful, Wanted, lead, ranking
from tests.examples import NOW, launch

READY = (
    Tool("lantern", "Lantern", "Lantern Works", category="Developer Tools", tags=("code review", "on-device")),
    Tool("murmur", "Murmur", "Tidewater", category="Audio & Voice", tags=("transcription", "on-device")),
    Tool("abacus", "Abacus", "Two Rivers", category="Developer Tools", tags=("notebook",)),
    Tool("misc", "Misc", "Nobody", category="Other"),
)


def launched(name: str = "Plumb", *, feeds: int = 1, days: int = 0, **changes: Any) -> Launch:
    known: dict[str, Any] = {
        "id": slugify(name), "tool_slug": slugify(name), "tool_name": name, "title": f"Introducing {name}",
        "tagline": "", "category": "Developer Tools", "announced_at": NOW - timedelta(days=days), "score": 0.5,
        "entries": tuple((f"feed-{number}", name) for number in range(feeds)),
    }  # fmt: skip
    return replace(launch(), **known | changes)


def ranked(*launches: Launch, tools: dict[str, Tool] | None = None, **changes: Any) -> list[Wanted]:
    given: dict[str, Any] = {"ready": READY, "met": set(), "reviewed": {}, "quorum": 3, "now": NOW} | changes
    ready, met, reviewed = given.pop("ready"), given.pop("met"), given.pop("reviewed")
    return ranking(ready, met, reviewed, **given)(launches, tools or {})


def names(found: list[Wanted]) -> list[str]:
    return [one.launch.tool_name for one in found]


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"feeds": 3}, {"feeds": 1}),
        ({"score": 0.9}, {"score": 0.2}),
        ({"days": 0}, {"days": 6}),
        ({"tagline": "Code reviews"}, {"tagline": "Something"}),
        ({"category": "Agents", "tagline": "On-device"}, {"category": "Agents"}),
        ({"category": "Agents", "tagline": "Transcription on-device"}, {"category": "Agents", "tagline": "On-device"}),
        ({"category": "Models", "tagline": "A notebook"}, {"category": "Other"}),
    ],
)
def test_more_of_anything_is_wanted_more(more: dict[str, Any], less: dict[str, Any]) -> None:
    found = ranked(launched("Less", **less), launched("More", **more))

    assert names(found) == ["More", "Less"]
    assert found[0].score > found[1].score


def test_a_score_is_the_sum_of_its_parts() -> None:
    [one] = ranked(launched(feeds=9, days=7, tagline="Review code on the train"))

    assert [name for name, _ in one.parts] == list(WEIGHTS)
    assert dict(one.parts) == {"mentions": 1.0, "pairing": 0.75, "strength": 0.5, "recency": 0.5}
    assert one.score == pytest.approx(sum(WEIGHTS[name] * value for name, value in one.parts), abs=1e-3)
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_the_reason_says_what_was_counted() -> None:
    [one] = ranked(launched(feeds=2, days=1, tagline="Reviews code"), reviewed={"plumb": 2})

    assert one.why == "in 2 feeds, announced 1 day ago, would pair with Lantern (both code review), 2 of 3 reviews"
    assert one.partner == "lantern"
    assert "no ready tool to pair with" in ranked(launched(category="Other"))[0].why


def test_several_launches_of_a_tool_count_together() -> None:
    first = launched(id="one", days=5, entries=(("a", "1"), ("b", "1")), score=0.9)
    second = launched(id="two", days=1, entries=(("b", "2"), ("c", "2")), score=0.3)

    [one] = ranked(second, first)

    assert (one.launch.id, dict(one.parts)["mentions"], dict(one.parts)["strength"]) == ("two", 0.75, 0.9)


def test_what_has_a_ready_verdict_is_not_wanted() -> None:
    assert names(ranked(launched("Done"), launched("Half"), reviewed={"done": 3, "half": 2})) == ["Half"]


@pytest.mark.parametrize(
    ("tool", "met"),
    [
        (Tool("plumb", "Plumb", "lantern works", category="Developer Tools", tags=("code review",)), set()),
        (Tool("plumb", "Plumb", "Other", category="Developer Tools", tags=("code review",)),
         {frozenset(("plumb", "lantern"))}),
        (Tool("lantern", "Lantern", "Other", category="Developer Tools", tags=("code review",)), set()),
    ],
)  # fmt: skip
def test_nobody_pairs_with_its_own_house_with_itself_or_with_whom_it_just_met(
    tool: Tool, met: set[frozenset[str]]
) -> None:
    [one] = ranked(launched(tool_slug=tool.slug), tools={tool.slug: tool}, met=met)

    assert one.partner == "abacus"


def test_the_order_of_rows_changes_nothing() -> None:
    launches = [launched(f"T{n}", feeds=n % 3 + 1, tagline="on-device notebook" if n % 2 else "") for n in range(20)]
    expected = ranked(*launches)

    for turn in range(0, 20, 3):
        mixed = launches[turn:] + launches[turn - 1 :: -1][:turn]
        assert ranked(*mixed, ready=(*READY[turn % 4 :], *READY[: turn % 4])) == expected


@pytest.mark.parametrize("ready", [READY, ()])
def test_the_first_are_found_without_a_closer_look_at_all(ready: tuple[Tool, ...]) -> None:
    """The numbers alone say of most tools that no partner could bring them to the front."""
    launches = [
        launched(
            f"Tool {n}", feeds=n % 7, days=n % 11, score=n % 13 / 13, category=("Agents", "Developer Tools")[n % 2]
        )
        for n in range(300)
    ]
    whole = ranked(*launches, ready=ready)
    numbers = [Hopeful(one.tool_slug, len(one.entries), one.score, one.announced_at) for one in launches]
    looked_at: list[str] = []

    def look(slugs: Sequence[str]) -> list[Wanted]:
        looked_at.extend(slugs)
        return ranked(*(one for one in launches if one.tool_slug in slugs), ready=ready)

    for most in (1, 8, 40, 500):
        looked_at.clear()
        assert lead(numbers, most, look, may_pair=bool(ready), now=NOW) == whole[:most]
        assert most == 500 or len(looked_at) < 200
