"""An editor's word on launches is remembered for good and wins over every later run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from digest.clustering import cluster
from digest.database import reading
from digest.decisions import Decisions
from digest.errors import SettingsError
from digest.model import Entry, Launch, Review, Sighting, Tool
from digest.spotting import spot
from digest.store import Store
from digest.tables import DecisionRow, LaunchRow
from tests.examples import review, tool

NOW = datetime(2026, 11, 16, 6, tzinfo=UTC)


@pytest.fixture
def store(shared_engine: Engine) -> Store:
    return Store(shared_engine)


@pytest.fixture
def decisions(shared_engine: Engine) -> Decisions:
    return Decisions(shared_engine, "ada")


def entry(number: int, title: str, feed: str = "one") -> Entry:
    return Entry(feed, f"id-{number}", f"https://example.org/{number}", title, "An AI agent for tests.", NOW)


def gathered(store: Store, *entries: Entry, now: datetime = NOW) -> list[Launch]:
    """What a gather does with new entries; gives the launches there are then, by name of their tool."""
    sightings = [Sighting(one, spotted, now) for one in entries for spotted in spot(one)]
    store.keep_launches(cluster(sightings, store.launches(everything=True), store.tool_names()), now)
    return sorted(store.launches(), key=lambda launch: launch.tool_name)


TIDEPOOL = entry(1, "Introducing Tidepool: an AI agent that watches your tests")
LANTERN = entry(2, "Introducing Lantern: an AI code reviewer for your laptop")
AGAIN = entry(3, "Introducing Tidepool: an AI agent that watches your tests", feed="two")


def test_a_launch_is_found_by_the_first_characters_of_its_id(store: Store, decisions: Decisions) -> None:
    launch, _ = gathered(store, TIDEPOOL, LANTERN)
    assert decisions.find(launch.id) == decisions.find(launch.id[:8]) == launch
    for wrong in ("", "nonsense", "%", "_" * 8):
        with pytest.raises(SettingsError, match="allowed: an id as `verdicts launches` shows it"):
            decisions.find(wrong)


def test_a_rejected_launch_stays_rejected_when_more_feeds_carry_it(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    decisions.reject(launch, NOW)
    assert store.launches() == []
    assert gathered(store, AGAIN) == []
    decisions.accept(launch, NOW)
    (back,) = store.launches()
    assert back.entries == (("one", "id-1"), ("two", "id-3"))


def test_an_entry_that_was_missed_is_announced(store: Store, decisions: Decisions) -> None:
    missed = entry(4, "Notes from a quiet week")
    assert gathered(store, missed) == []
    launch = decisions.announce(missed, spot(missed)[0], "Tidepool", NOW)
    assert store.launches() == [launch]
    assert (launch.tool_slug, launch.entries, launch.reasons) == ("tidepool", (("one", "id-4"),), ("ada says so",))
    assert decisions.announce(missed, spot(missed)[0], "Tidepool", NOW) == launch


def test_merged_launches_are_one_now_and_later(store: Store, decisions: Decisions) -> None:
    lantern, tidepool = gathered(store, TIDEPOOL, LANTERN)
    decisions.merge(tidepool, lantern, NOW)
    (one,) = store.launches()
    assert (one.id, set(one.entries)) == (lantern.id, {("one", "id-1"), ("one", "id-2")})
    (one,) = gathered(store, AGAIN)
    assert ("two", "id-3") in one.entries
    assert one.tool_name == "Lantern"


def test_a_tool_with_reviews_stays_its_own_when_its_launch_is_merged_away(store: Store, decisions: Decisions) -> None:
    launch, other = gathered(store, TIDEPOOL, LANTERN)
    mine = tool(slug=launch.tool_slug, name=launch.tool_name)
    store.record_reviews([(mine, [review(mine)])], NOW)

    assert not decisions.merge(launch, other, NOW)
    assert launch.tool_slug in store.tool_names()
    assert store.reviewed({"builder"}) == {launch.tool_slug: 1}


def test_a_launch_is_not_merged_into_itself_nor_into_one_that_is_gone(store: Store, decisions: Decisions) -> None:
    lantern, tidepool = gathered(store, TIDEPOOL, LANTERN)
    with pytest.raises(SettingsError, match="cannot be merged"):
        decisions.merge(lantern, lantern, NOW)
    decisions.merge(tidepool, lantern, NOW)
    with pytest.raises(SettingsError, match="cannot be merged"):
        decisions.merge(lantern, tidepool, NOW)
    assert [launch.id for launch in store.launches()] == [lantern.id]


def test_a_split_entry_is_a_launch_of_its_own_for_good(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL, AGAIN)
    assert len(launch.entries) == 2
    own = decisions.split(launch, AGAIN, "Tidepool Cloud", NOW)
    assert (own.tool_slug, own.entries) == ("tidepool-cloud", (("two", "id-3"),))
    store.keep_launches([launch], NOW)
    assert {one.id: one.entries for one in store.launches()} == {
        launch.id: (("one", "id-1"),),
        own.id: (("two", "id-3"),),
    }
    with pytest.raises(SettingsError, match="one of several"):
        decisions.split(own, AGAIN, "", NOW)


def test_a_renamed_tool_keeps_its_name_in_later_launches(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    renamed = decisions.rename(launch, "Tide Pool", NOW)
    assert (renamed.id, renamed.tool_name, renamed.tool_slug) == (launch.id, "Tide Pool", "tide-pool")
    later = NOW + timedelta(days=40)
    update = replace(entry(5, "Introducing Tidepool 2.0: the AI agent now writes tests"), published=later)
    launches = gathered(store, update, now=later)
    assert {one.tool_slug for one in launches} == {"tide-pool"}
    assert len(launches) == 2
    assert decisions.rename(renamed, "Tidepool", NOW).tool_slug == "tidepool"
    with pytest.raises(SettingsError, match="letters or digits"):
        decisions.rename(renamed, "?!", NOW)


def test_a_category_that_was_set_holds_for_later_launches(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    with pytest.raises(SettingsError, match="allowed: Developer Tools, Models"):
        decisions.categorise(launch, "Gadgets", NOW)
    decisions.categorise(launch, "Infrastructure", NOW)
    later = NOW + timedelta(days=40)
    update = replace(entry(5, "Introducing Tidepool 2.0: the AI agent now writes tests"), published=later)
    assert {one.category for one in gathered(store, update, now=later)} == {"Infrastructure"}


def test_every_decision_is_written_down(store: Store, decisions: Decisions, shared_engine: Engine) -> None:
    lantern, tidepool = gathered(store, TIDEPOOL, LANTERN)
    decisions.reject(lantern, NOW)
    decisions.accept(lantern, NOW)
    decisions.categorise(lantern, "Design", NOW)
    decisions.merge(tidepool, lantern, NOW)
    with reading(shared_engine) as session:
        log = session.exec(select(DecisionRow).order_by(col(DecisionRow.id))).all()
        rows = session.exec(select(LaunchRow).where(LaunchRow.merged_into == lantern.id)).all()
    assert [(one.by, one.what, one.launch_id, one.value) for one in log] == [
        ("ada", "reject", lantern.id, ""),
        ("ada", "accept", lantern.id, ""),
        ("ada", "category", lantern.id, "Design"),
        ("ada", "merge", tidepool.id, lantern.id),
    ]
    assert [row.id for row in rows] == [tidepool.id]


def test_accepting_an_entry_that_has_a_launch_makes_no_second_one(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    decisions.reject(launch, NOW)
    again = decisions.announce(TIDEPOOL, spot(TIDEPOOL)[0], "Tide Pool", NOW)
    assert (again.id, again.tool_name) == (launch.id, "Tide Pool")
    assert store.launches() == [again]
    with pytest.raises(SettingsError, match="letters or digits"):
        decisions.announce(LANTERN, spot(LANTERN)[0], "!!!", NOW)


def test_a_renamed_tool_still_gets_the_entries_that_use_its_old_name(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    decisions.rename(launch, "Tide Pool", NOW)
    (one,) = gathered(store, AGAIN)
    assert (one.id, len(one.entries)) == (launch.id, 2)


def test_reviews_of_a_renamed_tool_reach_it_and_keep_its_category(store: Store, decisions: Decisions) -> None:
    (launch,) = gathered(store, TIDEPOOL)
    renamed = decisions.rename(launch, "Tide Pool", NOW)
    decisions.categorise(renamed, "Infrastructure", NOW)
    old = Tool("tidepool", "Tidepool", category="Agents")
    store.record_reviews([(old, [Review("tidepool", "builder", "ship", "Good.", NOW.date())])], NOW)
    assert store.reviewed(["builder"]) == {"tide-pool": 1}
    assert store.tools(["tide-pool"])["tide-pool"].category == "Infrastructure"
