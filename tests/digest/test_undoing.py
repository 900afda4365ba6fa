"""What editors change is taken back exactly, or not at all with the reason; on SQLite and on PostgreSQL."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel

from digest.clustering import cluster
from digest.database import as_one, reading, writing
from digest.decisions import Decisions
from digest.editing import with_intro
from digest.editions import Editions
from digest.errors import EditionError, SettingsError, UndoRefused
from digest.model import Entry, Launch, Sighting, Tool
from digest.rendering import render
from digest.spotting import spot
from digest.store import Store
from digest.tables import ToolRow
from digest.undoing import Journal, Scope
from tests.examples import edition, review, site, tool

NOW = datetime(2026, 11, 16, 6, tzinfo=UTC)
WEEK = "2026-W47"

ENTRIES = (
    Entry("one", "1", "https://example.org/1", "Introducing Tidepool: an AI agent for your tests", "", NOW),
    Entry("two", "2", "https://example.org/2", "Introducing Tidepool: an AI agent for your tests", "", NOW),
    Entry("one", "3", "https://example.org/3", "Introducing Lantern: an AI code reviewer", "", NOW),
)

#: Every word an editor may say of the launch of Tidepool, with the tools it touches.
WORDS: dict[str, tuple[set[str], Callable[[Decisions, Launch, Launch], object]]] = {
    "reject": ({"tidepool"}, lambda words, one, _: words.reject(one, NOW)),
    "merge": ({"tidepool", "lantern"}, lambda words, one, other: words.merge(one, other, NOW)),
    "split": ({"tidepool", "undertow"}, lambda words, one, _: words.split(one, ENTRIES[1], "Undertow", NOW)),
    "rename": ({"tidepool", "tide-pool-3"}, lambda words, one, _: words.rename(one, "Tide Pool 3", NOW)),
    "rename to a known tool": ({"tidepool", "lantern"}, lambda words, one, _: words.rename(one, "Lantern", NOW)),
    "category": ({"tidepool"}, lambda words, one, _: words.categorise(one, "Design", NOW)),
}


@pytest.fixture
def journal(shared_engine: Engine) -> Journal:
    return Journal(shared_engine)


@pytest.fixture
def editions(shared_engine: Engine) -> Editions:
    return Editions(shared_engine)


@pytest.fixture
def launches(shared_engine: Engine) -> tuple[Launch, Launch]:
    """The launches of Tidepool, carried by two feeds, and of Lantern."""
    store = Store(shared_engine)
    store.keep_launches(cluster([Sighting(one, found, NOW) for one in ENTRIES for found in spot(one)], [], {}), NOW)
    lantern, tidepool = sorted(store.launches(), key=lambda one: one.tool_name)
    return tidepool, lantern


def rows(engine: Engine) -> dict[str, list[Any]]:
    """Everything in the database but the notes of changes; numbers that the database gives are left out."""
    numbered = {"decisions", "pair_words"}
    with engine.connect() as connection:
        return {
            table.name: sorted(
                str({name: value for name, value in row.items() if table.name not in numbered or name != "id"})
                for row in connection.execute(table.select()).mappings()
            )
            for table in SQLModel.metadata.sorted_tables
            if table.name != "changes"
        }


def content(engine: Engine) -> dict[str, list[Any]]:
    """The same without the number that an edition's revision has, which only ever grows."""
    found = rows(engine)
    with engine.connect() as connection:
        shown = connection.execute(SQLModel.metadata.tables["editions"].select()).mappings()
        found["editions"] = [str({name: value for name, value in row.items() if name != "revision"}) for row in shown]
    return found


def edited(journal: Journal, editions: Editions, intro: str, by: str = "ada") -> None:
    def work() -> None:
        record = editions.require(WEEK)
        editions.keep_edit(record, with_intro(record.edition, intro), by)

    journal.keep(Scope(WEEK), by, NOW, work, f"Wrote the intro “{intro}”")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_on_a_launch_is_taken_back_and_said_again_exactly(
    journal: Journal, launches: tuple[Launch, Launch], shared_engine: Engine, word: str
) -> None:
    tools, say = WORDS[word]
    before = rows(shared_engine)
    words = Decisions(shared_engine, "ada")
    journal.keep(Scope(tools=frozenset(tools)), "ada", NOW, lambda: say(words, *launches), word)
    after = rows(shared_engine)
    assert after != before

    (done,) = journal.last()
    undone = Journal(shared_engine).undo(done.id, "bob", NOW)

    assert rows(shared_engine) == before
    assert (undone.kind, undone.by, undone.words) == ("undo", "bob", f"Took back: {word}")
    assert journal.undo(undone.id, "ada", NOW).words == f"Did again: {word}"
    assert rows(shared_engine) == after


@pytest.mark.parametrize("seed", [0, *(pytest.param(one, marks=pytest.mark.thorough) for one in range(1, 6))])
def test_many_words_in_any_order_are_taken_back_one_by_one(
    journal: Journal, launches: tuple[Launch, Launch], shared_engine: Engine, seed: int
) -> None:
    """Words that build on each other: merged, then renamed, then split, until every state before is seen again."""
    chance = random.Random(seed)  # noqa: S311 - any order
    words, store = Decisions(shared_engine, "ada"), Store(shared_engine)
    seen = [rows(shared_engine)]
    for _ in range(8):
        there = store.launches(everything=True)
        one, other = chance.sample(there, 2)
        tools, say = WORDS[chance.choice([*WORDS])]
        scope = Scope(tools=frozenset(tools | {launch.tool_slug for launch in there}))
        with contextlib.suppress(SettingsError):  # not every word can be said of every launch
            journal.keep(scope, "ada", NOW, partial(say, words, one, other), "said")
        if (now := rows(shared_engine)) != seen[-1]:
            seen.append(now)
    assert len(seen) > 3
    while (found := journal.undoable()) is not None:
        seen.pop()
        journal.undo(found.id, "ada", NOW)
        assert rows(shared_engine) == seen[-1]
    assert len(seen) == 1


def test_a_launch_that_was_accepted_again_is_rejected_again(
    journal: Journal, launches: tuple[Launch, Launch], shared_engine: Engine
) -> None:
    words = Decisions(shared_engine, "ada")
    words.reject(launches[0], NOW)
    before = rows(shared_engine)
    scope = Scope(launches=frozenset({launches[0].id}))
    journal.keep(scope, "ada", NOW, lambda: words.accept(launches[0], NOW), "accept")
    journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before


@pytest.mark.parametrize("into", ["lantern", "tidepool"])
def test_launches_that_one_change_both_made_and_merged_go_and_come_together(
    journal: Journal, shared_engine: Engine, into: str
) -> None:
    """Rows of one table that name each other: whichever comes first by its key, neither is in the other's way."""
    store, words, before = Store(shared_engine), Decisions(shared_engine, "ada"), rows(shared_engine)

    def bring_and_merge() -> None:
        sightings = [Sighting(one, found, NOW) for one in ENTRIES for found in spot(one)]
        store.keep_launches(cluster(sightings, [], {}), NOW)
        other, whole = sorted(store.launches(), key=lambda one: one.tool_slug == into)
        words.merge(other, whole, NOW)

    scope = Scope(tools=frozenset({"tidepool", "lantern"}))
    journal.keep(scope, "ada", NOW, bring_and_merge, "Brought both as one")
    after = rows(shared_engine)
    undone = journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before
    again = journal.undo(undone.id, "ada", NOW)
    assert rows(shared_engine) == after
    journal.undo(again.id, "ada", NOW)
    assert rows(shared_engine) == before


def test_the_last_change_that_stands_is_undone_first_and_redone_last(journal: Journal, editions: Editions) -> None:
    editions.keep_draft(edition())
    for intro in ("one", "two", "three"):
        edited(journal, editions, intro)

    def undo() -> str:
        found = journal.undoable(WEEK, "ada")
        assert found is not None
        journal.undo(found.id, "ada", NOW)
        return editions.require(WEEK).edition.intro

    def redo() -> str:
        found = journal.redoable(WEEK, "ada")
        assert found is not None
        journal.undo(found.id, "ada", NOW)
        return editions.require(WEEK).edition.intro

    assert [undo(), undo(), redo(), undo(), undo()] == ["two", "one", "two", "one", edition().intro]
    assert journal.undoable(WEEK, "ada") is None
    assert [redo(), redo(), redo()] == ["one", "two", "three"]
    assert journal.redoable(WEEK, "ada") is None
    assert undo() == "two"
    edited(journal, editions, "four")
    assert journal.redoable(WEEK, "ada") is None
    assert journal.undoable(WEEK, "bob") is None
    assert journal.undoable("2026-W46") is None


def test_an_edit_is_taken_back_to_the_last_column_but_for_the_revision_and_the_approval(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    draft = editions.keep_draft(edition())
    before = content(shared_engine)
    editions.approve(WEEK, render(draft.edition, site()), "ada", NOW)
    edited(journal, editions, "A new intro.")
    journal.undo(journal.newest(), "ada", NOW)
    assert content(shared_engine) == before
    assert (editions.require(WEEK).state, editions.require(WEEK).revision) == ("draft", 3)


def test_what_a_pin_changed_goes_with_its_word_on_the_pair(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    editions.keep_draft(edition())
    before = content(shared_engine)

    def pin() -> None:
        record = editions.require(WEEK)
        editions.keep_edit(record, replace(record.edition, matchups=record.edition.matchups[::-1]), "ada")
        editions.say_of_pair("pin", "a", "b", "ada", NOW, week=WEEK)

    journal.keep(Scope(WEEK), "ada", NOW, pin, "Pinned")
    assert editions.words_for(WEEK).pins == {frozenset({"a", "b"})}
    undone = journal.undo(journal.newest(), "ada", NOW)
    assert content(shared_engine) == before
    assert journal.undo(undone.id, "ada", NOW).kind == "redo"
    assert editions.words_for(WEEK).pins == {frozenset({"a", "b"})}


def test_an_approval_is_taken_back_but_never_given_by_undoing(journal: Journal, editions: Editions) -> None:
    message = render(editions.keep_draft(edition()).edition, site())
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.approve(WEEK, message, "ada", NOW), "Approved")
    undone = journal.undo(journal.newest(), "ada", NOW)
    record = editions.require(WEEK)
    assert (record.state, record.sha256, record.message, record.approved_by) == ("draft", "", None, "")
    with pytest.raises(UndoRefused, match="an approval is given anew"):
        journal.undo(undone.id, "ada", NOW)
    assert editions.require(WEEK).state == "draft"


def test_an_approval_that_no_longer_holds_does_not_stand_before_older_changes(
    journal: Journal, editions: Editions
) -> None:
    editions.keep_draft(edition())
    edited(journal, editions, "one")

    def approve() -> None:
        message = render(editions.require(WEEK).edition, site())
        journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.approve(WEEK, message, "ada", NOW), "Approved")

    def undo() -> str:
        found = journal.undoable(WEEK, "ada")
        return journal.undo(found.id, "ada", NOW).said if found else ""

    approve()
    edited(journal, editions, "two")
    assert undo() == "Wrote the intro “two”"
    assert [one.ended for one in journal.last() if one.said == "Approved"] == ["no longer holds"]
    approve()
    assert [one.ended for one in journal.last() if one.said == "Approved"] == ["", "no longer holds"]
    assert [undo(), undo(), undo()] == ["Approved", "Wrote the intro “one”", ""]
    found = journal.redoable(WEEK, "ada")
    assert found is not None
    assert found.said == "Wrote the intro “one”"
    journal.undo(found.id, "ada", NOW)
    assert journal.redoable(WEEK, "ada") is None


def test_nothing_of_an_edition_on_its_way_is_offered_to_be_taken_back(journal: Journal, editions: Editions) -> None:
    editions.keep_draft(edition())
    edited(journal, editions, "one")
    message = render(editions.require(WEEK).edition, site())
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.approve(WEEK, message, "ada", NOW), "Approved")
    editions.start_sending(WEEK)
    journal.tell(WEEK, "ada", NOW, f"Began to send {WEEK}")
    assert journal.undoable(WEEK, "ada") is None
    assert [(one.said, one.ended) for one in journal.last()] == [
        (f"Began to send {WEEK}", "it has no way back"),
        ("Approved", "no longer holds"),
        ("Wrote the intro “one”", "the edition is on its way"),
    ]
    with pytest.raises(UndoRefused, match="it has no way back"):
        journal.undo(journal.newest(), "ada", NOW)
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.hold(WEEK, "a doubt"), "Held")
    found = journal.undoable(WEEK, "ada")
    assert found is not None
    assert found.said == "Held"


def test_an_approval_stays_once_the_edition_is_on_its_way(journal: Journal, editions: Editions) -> None:
    message = render(editions.keep_draft(edition()).edition, site())
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.approve(WEEK, message, "ada", NOW), "Approved")
    editions.start_sending(WEEK)
    with pytest.raises(UndoRefused, match=f"“Approved” cannot be taken back: the edition of {WEEK} was changed since"):
        journal.undo(journal.newest(), "ada", NOW)
    assert editions.require(WEEK).state == "sending"


@pytest.mark.parametrize("approved", [False, True])
def test_holding_releasing_and_skipping_are_taken_back(journal: Journal, editions: Editions, *, approved: bool) -> None:
    message = render(editions.keep_draft(edition()).edition, site())
    if approved:
        editions.approve(WEEK, message, "ada", NOW)
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.hold(WEEK, "a doubt"), "Held")
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.release(WEEK), "Released")
    journal.undo(journal.newest(), "ada", NOW)
    assert editions.require(WEEK).held == "a doubt"
    first = journal.last()[-1]
    journal.undo(first.id, "ada", NOW)
    record = editions.require(WEEK)
    assert (record.held, record.state) == (None, "approved" if approved else "draft")
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.skip(WEEK, "a holiday", NOW, by="ada"), "Skipped")
    journal.undo(journal.newest(), "ada", NOW)
    record = editions.require(WEEK)
    assert (record.state, record.reason, record.edited, record.sha256) == ("draft", "", False, "")


def test_a_first_composing_is_taken_back_and_done_again(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    before = rows(shared_engine)
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.keep_draft(edition()), "Composed")
    composed = rows(shared_engine)
    undone = journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before
    journal.undo(undone.id, "ada", NOW)
    assert rows(shared_engine)["editions"] == composed["editions"]


def test_a_review_is_taken_back_with_what_it_said_of_its_tool(journal: Journal, shared_engine: Engine) -> None:
    store, subject = Store(shared_engine), tool()
    store.record_reviews([(subject, [review(subject)])], NOW)
    before = rows(shared_engine)
    changed = [(replace(subject, tagline="Anew"), [review(subject, call="skip", quote="No longer.")])]
    scope = Scope(tools=frozenset({subject.slug}))
    journal.keep(scope, "ada", NOW, lambda: store.record_reviews(changed, NOW + timedelta(days=1)), "Reviewed")
    assert store.reviews({subject.slug})[0].version == 2
    undone = journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before
    journal.undo(undone.id, "ada", NOW)
    assert store.reviews({subject.slug})[0].quote == "No longer."


def test_a_review_that_an_approved_edition_prints_stays(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    store, printed = Store(shared_engine), edition(1)
    side = printed.matchups[0].a

    def work() -> None:
        store.record_reviews([(side.tool, side.verdict.reviews)], NOW)

    journal.keep(Scope(tools=frozenset({side.tool.slug})), "ada", NOW, work, "Reviewed")
    editions.keep_draft(printed)
    editions.approve(printed.week, render(printed, site()), "ada", NOW)
    before = rows(shared_engine)
    with pytest.raises(UndoRefused, match=f"{printed.week} is approved or sent with it. Write what holds now instead"):
        journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before


def test_a_review_with_a_newer_version_on_it_stays(journal: Journal, shared_engine: Engine) -> None:
    store, subject = Store(shared_engine), tool()
    scope = Scope(tools=frozenset({subject.slug}))
    for number, quote in enumerate(("First.", "Second.")):
        said = [(subject, [review(subject, quote=quote, reviewed_on=date(2026, 11, 10 + number))])]
        journal.keep(scope, "ada", NOW, partial(store.record_reviews, said, NOW), f"Reviewed: {quote}")
    second, first = journal.last()
    with pytest.raises(UndoRefused, match=r"builder’s review of .* has a newer version\. Take that back first"):
        journal.undo(first.id, "ada", NOW)
    journal.undo(second.id, "ada", NOW)
    journal.undo(first.id, "ada", NOW)
    assert store.reviews({subject.slug}) == []


def test_what_was_changed_since_is_not_overwritten_and_it_says_by_whom(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    editions.keep_draft(edition())
    edited(journal, editions, "Ada’s.")
    edited(journal, editions, "Bob’s.", by="bob")
    newer, older = journal.last()
    before = rows(shared_engine)
    with pytest.raises(
        UndoRefused, match=r"was changed since: bob, “Wrote the intro “Bob’s\.””\. Take that back first"
    ):
        journal.undo(older.id, "ada", NOW)
    assert rows(shared_engine) == before
    journal.undo(newer.id, "ada", NOW)
    journal.undo(older.id, "ada", NOW)
    assert editions.require(WEEK).edition.intro == edition().intro


def test_what_something_newer_was_built_on_stays(
    journal: Journal, launches: tuple[Launch, Launch], shared_engine: Engine
) -> None:
    words, store = Decisions(shared_engine, "ada"), Store(shared_engine)
    scope = Scope(tools=frozenset({"tidepool", "undertow"}))
    journal.keep(scope, "ada", NOW, lambda: words.split(launches[0], ENTRIES[1], "Undertow", NOW), "Split")
    undertow = Tool("undertow", "Undertow")
    store.record_reviews([(undertow, [review(undertow)])], NOW)
    before = rows(shared_engine)
    with pytest.raises(UndoRefused, match="“Split” cannot be taken back"):
        journal.undo(journal.newest(), "ada", NOW)
    assert rows(shared_engine) == before


def test_a_change_is_taken_back_once_whoever_asks_first(journal: Journal, editions: Editions) -> None:
    editions.keep_draft(edition())
    edited(journal, editions, "Once.")
    said: list[str] = []

    def undo() -> None:
        try:
            said.append(journal.undo(1 if journal.newest() == 1 else number, "ada", NOW).kind)
        except UndoRefused as error:
            said.append(str(error))

    number = journal.newest()
    threads = [threading.Thread(target=undo) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["undo", *["“Wrote the intro “Once.”” was taken back already."] * 3]


def test_work_that_fails_leaves_neither_a_change_nor_a_note(
    journal: Journal, editions: Editions, shared_engine: Engine
) -> None:
    editions.keep_draft(edition())
    before = rows(shared_engine)

    def work() -> None:
        editions.hold(WEEK, "a doubt")
        raise EditionError("no")

    with pytest.raises(EditionError):
        journal.keep(Scope(WEEK), "ada", NOW, work, "Held")
    assert rows(shared_engine) == before
    assert journal.last() == []


def test_work_that_changes_nothing_leaves_no_note(journal: Journal, editions: Editions) -> None:
    editions.keep_draft(edition())
    journal.keep(Scope(WEEK), "ada", NOW, lambda: editions.release(WEEK), "Released")
    assert journal.last() == []


def test_an_undo_of_nothing_says_so(journal: Journal) -> None:
    with pytest.raises(UndoRefused, match="no change number 12"):
        journal.undo(12, "ada", NOW)


def test_what_changed_since_a_revision_is_told_in_order(journal: Journal, editions: Editions) -> None:
    record = editions.keep_draft(edition())
    for intro, by in (("One.", "ada"), ("Two.", "bob")):
        edited(journal, editions, intro, by)
    assert [one.by for one in journal.since(WEEK, record.revision)] == ["ada", "bob"]
    assert [one.by for one in journal.since(WEEK, record.revision + 1)] == ["bob"]


def test_one_transaction_holds_what_many_calls_do(shared_engine: Engine) -> None:
    """Reads within see its writes, readers outside do not, and an error within one call leaves the rest whole."""
    store, subject = Store(shared_engine), tool()
    with as_one(shared_engine):
        store.record_reviews([(subject, [review(subject)])], NOW)
        assert len(store.reviews({subject.slug})) == 1
        with pytest.raises(ZeroDivisionError):
            _failing(shared_engine)
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(len(store.reviews({subject.slug}))))
        thread.start()
        thread.join()
        assert seen == [0]
    with reading(shared_engine) as session:
        assert session.get(ToolRow, subject.slug) is not None
        assert session.get(ToolRow, "gone") is None


def _failing(engine: Engine) -> None:
    with writing(engine) as session:
        session.add(ToolRow(slug="gone", name="Gone", added_at=NOW))
        session.flush()
        raise ZeroDivisionError


def test_two_editors_at_once_lose_nothing(journal: Journal, editions: Editions) -> None:
    """Whoever is second sees what the first one did, and is told by the step that looks at the revision."""
    editions.keep_draft(edition())
    failed: list[Exception] = []

    def edit(number: int) -> None:
        for turn in range(5):
            try:
                edited(journal, editions, f"{number}-{turn}", by=f"editor {number}")
            except (EditionError, SettingsError) as error:
                failed.append(error)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert editions.require(WEEK).revision == 11
    assert [one.revision for one in journal.since(WEEK, 1)] == list(range(2, 12))


def test_old_changes_are_forgotten_but_for_the_newest_and_what_a_kept_one_names(
    journal: Journal, editions: Editions
) -> None:
    editions.keep_draft(edition())

    def reword(intro: str) -> None:
        record = editions.require(WEEK)
        editions.keep_edit(record, with_intro(record.edition, intro), "ada")

    for number in range(4):
        intro = f"Number {number}."
        journal.keep(Scope(WEEK), "ada", NOW + timedelta(days=number), partial(reword, intro), intro)
    last = journal.newest()
    taken = journal.undo(last, "ada", NOW + timedelta(days=10))
    assert editions.require(WEEK).edition.intro == "Number 2."
    journal.tidy(NOW + timedelta(days=95), timedelta(days=400))
    assert [one.id for one in journal.last()] == [taken.id, last], "what a kept change took back stays with it"
    again = journal.undo(taken.id, "ada", NOW + timedelta(days=95))
    journal.tidy(NOW + timedelta(days=500), timedelta(days=400))
    assert [one.id for one in journal.last()] == [again.id], "no number is given twice"
    assert editions.require(WEEK).edition.intro == "Number 3."
    journal.tidy(NOW + timedelta(days=96), timedelta(days=1))
    assert [one.id for one in journal.last()] == [again.id]
