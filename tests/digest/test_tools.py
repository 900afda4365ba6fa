"""Tools are found by any slug they had, and an edit is whole or nothing, on either database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from digest.decisions import Decisions
from digest.editions import Editions
from digest.errors import SettingsError
from digest.store import Store
from digest.tools import Appearance, Tools
from tests.examples import NOW, edition, launch, review, tool


@pytest.fixture
def tools(shared_engine: Engine) -> Tools:
    return Tools(shared_engine)


@pytest.fixture
def store(shared_engine: Engine) -> Store:
    return Store(shared_engine)


def test_a_tool_renamed_at_its_launch_is_found_by_both_slugs_and_listed_once(store: Store, tools: Tools) -> None:
    one = replace(launch(), tool_slug="plumb-line", tool_name="Plumb-Line")
    store.keep_launches([one], NOW)
    Decisions(store.engine, "an editor").rename(one, "Plumbline Two", NOW)

    assert tools.find("plumb-line").slug == tools.find("plumbline-two").slug == "plumbline-two"
    assert [found.slug for found in tools.all()] == ["plumbline-two"]
    assert tools.aliases("plumbline-two") == ["plumb-line"]
    assert tools.meant(["plumb-line", "plumbline-two", "x"]) == {"plumb-line": "plumbline-two"}
    assert [found.id for found in tools.launches("plumbline-two")] == [one.id]


def test_history_has_every_version_and_when_it_came(store: Store, tools: Tools) -> None:
    mine = tool()
    first, second = review(mine, call="ship"), review(mine, call="skip")
    store.record_reviews([(mine, [first])], NOW)
    store.record_reviews([(mine, [second])], NOW.replace(hour=9))

    assert [(one.version, one.call, at) for one, at in tools.history(mine.slug)] == [
        (1, "ship", NOW), (2, "skip", NOW.replace(hour=9)),
    ]  # fmt: skip
    assert tools.reviewed() == [mine]


def test_a_tool_knows_the_editions_it_stood_in_but_not_skipped_ones(store: Store, tools: Tools) -> None:
    kept = edition(matchups=1)
    a, b = (side.tool.slug for side in kept.matchups[0].sides)
    editions = Editions(store.engine)
    editions.keep_draft(kept)
    editions.keep_draft(replace(kept, week="2026-W48"), skipped_because="no time")

    assert tools.appearances(a) == [Appearance(kept.week, "draft", b)]
    assert tools.appearances(b) == [Appearance(kept.week, "draft", a)]


def test_an_edit_gives_before_and_after_and_later_launches_follow(store: Store, tools: Tools) -> None:
    one = replace(launch(), tool_slug="plumb", tool_name="Plumb", category="Agents")
    store.keep_launches([one], NOW)

    changed = tools.edit("plumb", {"category": "Models", "tags": ("vision",), "name": "Plumb"})

    assert changed == {"category": ("Agents", "Models"), "tags": ((), ("vision",))}
    assert (tools.find("plumb").tags, tools.launches("plumb")[0].category) == (("vision",), "Models")
    store.keep_launches([replace(one, id="later")], NOW)
    assert {found.category for found in tools.launches("plumb")} == {"Models"}


def test_what_launches_under_a_new_name_is_of_the_same_tool(store: Store, tools: Tools) -> None:
    store.keep_launches([replace(launch(), tool_slug="plumb", tool_name="Plumb")], NOW)
    tools.edit("plumb", {"name": "Bob"})

    store.keep_launches([replace(launch(), id="later", tool_slug="bob", tool_name="Bob")], NOW)

    assert len(tools.launches("plumb")) == 2
    assert [found.slug for found in tools.all()] == ["plumb"]


def test_a_name_another_tool_has_is_refused_whole(store: Store, tools: Tools) -> None:
    store.keep_launches(
        [replace(launch(), id=slug, tool_slug=slug, tool_name=slug.title()) for slug in ("a", "b")], NOW
    )

    with pytest.raises(SettingsError, match="that is b"):
        tools.edit("a", {"category": "Models", "name": "B"})
    with pytest.raises(SettingsError, match="letters or digits"):
        tools.edit("a", {"name": "***"})

    assert tools.find("a").name == "A"


def test_a_slug_nobody_knows_names_those_near_it(store: Store, tools: Tools) -> None:
    store.record_reviews([(tool(0), []), (tool(1), [])], NOW)

    with pytest.raises(SettingsError, match=f"did you mean {tool(0).slug}"):
        tools.find(tool(0).slug[:-1] + "x")
    with pytest.raises(SettingsError, match=r"allowed: a slug as `verdicts tools list` shows it$"):
        tools.find("qqqqqqq")


def test_a_rename_that_is_taken_back_leaves_no_slug_that_means_another_tool(store: Store, tools: Tools) -> None:
    one = replace(launch(), id="a" * 16, tool_slug="tiny-tribunal", tool_name="Tiny Tribunal")
    store.keep_launches([one], NOW)
    store.record_reviews([(tool(), [review(tool())])], NOW)
    decisions = Decisions(store.engine, "an editor")
    renamed = decisions.rename(one, tool().name, NOW)
    decisions.rename(renamed, "Tiny Tribunal", NOW)

    found = tools.known("tiny-tribunal")
    assert found is not None
    assert found.slug == "tiny-tribunal"
    assert "tiny-tribunal" in {each.slug for each in tools.all()}


def test_a_name_that_is_taken_back_means_the_tool_no_longer(store: Store, tools: Tools) -> None:
    mine = tool()
    store.record_reviews([(mine, ())], NOW)
    tools.edit(mine.slug, {"name": "Flake Hound"})
    assert tools.aliases(mine.slug) == ["flake-hound"]
    tools.edit(mine.slug, {"name": mine.name})

    assert tools.aliases(mine.slug) == []
    assert tools.known("flake-hound") is None
