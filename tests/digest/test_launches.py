"""An editor looks through launches: ranked as an edition ranks them, narrowed, and page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.composing import weight
from digest.decisions import Decisions
from digest.launches import Launches
from digest.model import Launch, Review
from digest.store import Store
from tests.examples import NOW, launch, tool

SINCE, UNTIL = NOW - timedelta(days=7), NOW
PANEL = ("builder", "skeptic", "founder")


def launched(number: int, **changes: Any) -> Launch:
    known: dict[str, Any] = {
        "id": f"launch-{number:02}", "tool_slug": f"tool-{number}", "tool_name": f"Tool {number}",
        "score": number / 100, "first_seen": NOW - timedelta(days=1), "announced_at": NOW - timedelta(days=1),
        "entries": tuple((f"feed-{one}", f"entry-{number}") for one in range(number % 4)),
    }  # fmt: skip
    return replace(launch(), **known | changes)


@pytest.fixture
def launches(engine: Engine) -> list[Launch]:
    """Twelve launches, the last three before, at and after the bounds."""
    made = [launched(number) for number in range(9)]
    made += [launched(10 + n, first_seen=at) for n, at in enumerate((SINCE - timedelta(seconds=1), SINCE, UNTIL))]
    Store(engine).keep_launches(made, NOW)
    return made


def _review(engine: Engine, slug: str, *reviewers: str) -> None:
    reviews = [Review(slug, who, "ship", "Yes.", NOW.date()) for who in reviewers]
    Store(engine).record_reviews([(replace(tool(), slug=slug), reviews)], NOW)


def test_each_page_goes_on_where_the_one_before_ended(engine: Engine, launches: list[Launch]) -> None:
    view = Launches(engine)
    whole = view.page(SINCE, UNTIL, 1, ()).lines
    pages = [view.page(SINCE, UNTIL, 1, (), skip=skip, most=4) for skip in (0, 4, 8)]
    assert tuple(line for page in pages for line in page.lines) == whole
    assert {page.many for page in pages} == {len(launches) - 2}


def test_a_week_has_its_first_moment_and_not_its_last(engine: Engine, launches: list[Launch]) -> None:
    found = Launches(engine).page(SINCE, UNTIL, 1, ())
    assert [one.launch for one in found.lines] == sorted([*launches[:9], launches[10]], key=weight)
    assert [one.place for one in found.lines] == list(range(1, 11))


def test_launches_are_narrowed_and_counted(engine: Engine, launches: list[Launch]) -> None:
    Decisions(engine, "ada").reject(launches[3], NOW)
    Decisions(engine, "ada").merge(launches[4], launches[5], NOW)
    _review(engine, "tool-7", "builder", "skeptic")
    _review(engine, "tool-8", "builder", "gone")
    view = Launches(engine)
    found = view.page(SINCE, UNTIL, 2, PANEL, show="unreviewed", named="tOOL", skip=1, most=2)
    assert dict(found.counts) == {"all": 9, "unreviewed": 7, "rejected": 1}
    assert (found.many, len(found.lines)) == (7, 2)
    assert [one.launch.id for one in view.page(SINCE, UNTIL, 1, (), show="rejected").lines] == ["launch-03"]
    assert view.page(SINCE, UNTIL, 1, (), named="tool 99").lines == ()


def test_a_word_or_an_entry_gives_a_launch_another_mark(engine: Engine, launches: list[Launch]) -> None:
    view, decisions, one = Launches(engine), Decisions(engine, "ada"), launches[3]
    marks = []
    for change in (
        lambda: None,
        lambda: decisions.reject(one, NOW),
        lambda: decisions.categorise(one, "Models", NOW),
        lambda: decisions.rename(one, "Other", NOW),
        lambda: decisions.merge(launches[2], one, NOW),
        lambda: decisions.merge(one, launches[1], NOW),
    ):
        change()
        line = view.line(one.id)
        assert line
        marks.append(line.mark)
    assert len(set(marks)) == len(marks)
    assert view.line("nowhere") is None


def test_tools_that_hope_for_a_verdict_are_given_in_numbers(engine: Engine, launches: list[Launch]) -> None:
    Store(engine).keep_launches([launched(20, tool_slug="tool-2", entries=(("feed-0", "x"), ("feed-9", "y")))], NOW)
    _review(engine, "tool-1", "builder", "skeptic")
    found = {one.tool: one for one in Launches(engine).hopefuls(SINCE, UNTIL, 2, PANEL)}
    assert "tool-1" not in found
    assert "tool-11" not in found
    assert (found["tool-2"].feeds, found["tool-2"].strength) == (3, 0.2)
    assert found["tool-2"].announced_at == NOW - timedelta(days=1)
    assert found["tool-0"].feeds == 0


def test_tools_are_ready_with_a_quorum_and_found_by_words_of_their_name(engine: Engine) -> None:
    _review(engine, tool().slug, "builder", "skeptic")
    view = Launches(engine)
    assert view.ready(2, PANEL) == [replace(tool(), description="")]
    assert view.ready_names(2, PANEL) == {tool().slug: tool().name}
    assert (view.ready(3, PANEL), view.ready_names(3, PANEL)) == ([], {})
    assert [one.slug for one in view.tools_named(tool().name.upper())] == [tool().slug]
    assert view.tools_named(" ") == view.tools_named("nothing") == []
