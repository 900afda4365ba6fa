"""That an edition only ever moves where its state lets it, on both kinds of database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, func
from sqlalchemy.exc import DBAPIError
from sqlmodel import select, update

from digest.database import writing
from digest.editions import EditionRecord, Editions, History, PairWords, fingerprint
from digest.errors import EditionError
from digest.model import Correction, Edition, Message, Review, Side
from digest.store import Store
from digest.tables import EditionRow, MatchupRow, TemplatesRow, ToolAliasRow
from subscribers.ledger import Ledger
from tests.examples import NOW, edition, matchup
from tests.processes import together

WEEK = "2026-W47"
MESSAGE = Message(WEEK, "Which of the two would you ship?", "<p>“[[reader]]”</p>", "“[[reader]]”")
OTHER = replace(MESSAGE, text="“Changed.”")
HOUR = timedelta(hours=1)


@pytest.fixture
def editions(shared_engine: Engine) -> Editions:
    return Editions(shared_engine)


def of_week(week: str, *pairs: int, until_h: int = 0) -> Edition:
    """An edition of a week with the pairs of these numbers, covering time up to so many hours after NOW."""
    return edition(week=week, matchups=0, launches=0, until=NOW + until_h * HOUR) if not pairs else replace(
        edition(week=week, until=NOW + until_h * HOUR), matchups=tuple(matchup(one) for one in pairs)
    )  # fmt: skip


def bring(editions: Editions, state: str, of: Edition | None = None) -> EditionRecord:
    """An edition in one of its states, brought there the way it goes in life."""
    made = of or edition()
    if state == "skipped":
        return editions.keep_draft(made, skipped_because="no pairs")
    kept = editions.keep_draft(made)
    if state in {"approved", "sending", "sent"}:
        kept = editions.approve(made.week, replace(MESSAGE, week=made.week), "editor", NOW)
    if state in {"sending", "sent"}:
        editions.start_sending(made.week)
        Ledger(editions.engine).plan(made.week, NOW)  # for nobody
        kept = editions.require(made.week)
    if state == "sent":
        kept = editions.finish_sending(made.week, NOW)
    assert kept.state == state
    return kept


ACTIONS: dict[str, tuple[Callable[[Editions], EditionRecord], str, set[str]]] = {
    "compose again": (lambda editions: editions.keep_draft(edition(2)), "composed again", {"draft", "skipped"}),
    "approve": (lambda editions: editions.approve(WEEK, OTHER, "editor", NOW), "approved", {"draft"}),
    "hold": (lambda editions: editions.hold(WEEK, "wait"), "held", {"draft", "approved", "sending"}),
    "release": (lambda editions: editions.release(WEEK), "released", {"draft", "approved", "sending"}),
    "skip": (lambda editions: editions.skip(WEEK, "a holiday", NOW), "skipped", {"draft", "approved"}),
    "start sending": (lambda editions: editions.start_sending(WEEK), "sent", {"approved", "sending", "sent"}),
    "finish sending": (lambda editions: editions.finish_sending(WEEK, NOW), "finished", {"sending", "sent"}),
}

LEADS_TO = {"compose again": "draft", "approve": "approved", "skip": "skipped", "start sending": "sending",
            "finish sending": "sent"}  # fmt: skip


@pytest.mark.parametrize("state", ["draft", "approved", "sending", "sent", "skipped"])
@pytest.mark.parametrize("action", ACTIONS)
def test_an_edition_does_what_its_state_allows_and_nothing_else(editions: Editions, action: str, state: str) -> None:
    act, verb, allowed = ACTIONS[action]
    before = bring(editions, state)

    if state in allowed:
        after = act(editions)
        assert after.state == ("sent" if state == "sent" else LEADS_TO.get(action, state))
    else:
        with pytest.raises(EditionError) as caught:
            act(editions)
        said = str(caught.value)
        assert said.startswith(f"{WEEK} cannot be {verb}: it is {state}; allowed: ")
        assert set(said.rpartition("allowed: ")[2].partition(" (")[0].split(", ")) == (
            allowed - {"sent"} if "sending" in action else allowed
        )
        assert editions.of(WEEK) == before


@pytest.mark.parametrize("action", [one for one in ACTIONS if one not in {"compose again", "skip"}])
def test_a_week_without_an_edition_says_how_to_make_one(editions: Editions, action: str) -> None:
    with pytest.raises(EditionError, match=r"2026-W47: no edition; make it with `verdicts compose --week 2026-W47`"):
        ACTIONS[action][0](editions)

    assert editions.all() == []


def test_a_week_in_which_nothing_was_composed_can_be_skipped(editions: Editions) -> None:
    assert editions.skip(WEEK, "a holiday", NOW).state == "skipped"
    assert editions.require(WEEK).reason == "a holiday"


# Composing


def test_an_edition_comes_back_as_it_was_composed(editions: Editions) -> None:
    made = edition()

    kept = editions.keep_draft(made)

    assert kept == EditionRecord(made, "draft")
    assert editions.of(WEEK) == editions.require(WEEK) == kept
    assert editions.of("2026-W46") is None


def test_a_draft_is_composed_again(editions: Editions) -> None:
    editions.keep_draft(of_week(WEEK, 0, 1))

    again = editions.keep_draft(of_week(WEEK, 2))

    assert (again.state, again.edition) == ("draft", of_week(WEEK, 2))
    assert editions.history("2026-W53", 52).met == {frozenset({"cartwheel", "errand"})}
    assert len(editions.all()) == 1


def test_what_an_editor_changed_is_never_composed_over(editions: Editions) -> None:
    editions.keep_draft(edition())
    with writing(editions.engine) as session:
        session.exec(update(EditionRow).values(edited=True))
    before = editions.require(WEEK)
    assert before.edited

    with pytest.raises(EditionError, match="cannot be composed again: somebody edited it by hand, and that stays"):
        editions.keep_draft(edition(2))

    assert editions.of(WEEK) == before
    assert len(editions.history("2026-W53", 52).met) == 5


def test_a_week_skipped_for_lack_of_pairs_is_composed_again(editions: Editions) -> None:
    empty = editions.keep_draft(of_week(WEEK), skipped_because="only one tool has a verdict")
    assert (empty.state, empty.reason) == ("skipped", "only one tool has a verdict")

    again = editions.keep_draft(edition())

    assert (again.state, again.reason) == ("draft", "")


def test_a_week_that_somebody_skipped_stays_skipped(editions: Editions) -> None:
    bring(editions, "draft")
    editions.skip(WEEK, "office closed", NOW, by="ada")
    editions.skip("2026-W48", "a holiday", NOW, by="ada")

    for week in (WEEK, "2026-W48"):
        with pytest.raises(EditionError, match="cannot be composed again: ada skipped it"):
            editions.keep_draft(edition(week=week))
        assert editions.require(week).state == "skipped"


def test_the_last_edition_s_tools_rest_for_some_weeks_only(editions: Editions) -> None:
    bring(editions, "sent", of_week("2026-W40", 0))

    assert editions.history("2026-W44", 26).resting == {"plumbline", "lantern"}
    assert editions.history("2026-W45", 26).resting == set()


def test_a_draft_whose_pairs_are_gone_ends_as_skipped(editions: Editions) -> None:
    editions.keep_draft(edition())

    again = editions.keep_draft(of_week(WEEK), skipped_because="no pairs")

    assert (again.state, again.reason, again.edition.matchups) == ("skipped", "no pairs", ())
    assert editions.history("2026-W53", 52).met == set()


def test_an_edition_composed_again_has_nothing_of_its_old_approval(editions: Editions) -> None:
    bring(editions, "approved")
    editions.skip(WEEK, "a holiday", NOW)

    again = editions.keep_draft(edition())

    assert again == EditionRecord(edition(), "draft", revision=2)


def test_processes_that_compose_the_same_week_at_once_leave_one_edition(editions: Editions) -> None:
    said = together(
        "import sys; from digest.database import open_engine; from digest.editions import Editions\n"
        "from tests.examples import edition\n"
        "editions = Editions(open_engine(sys.argv[1])); editions.all()",
        "print(editions.keep_draft(edition()).state)",
        editions.engine.url.render_as_string(hide_password=False),
    )

    assert said == ["draft", "draft"]
    assert [one.edition for one in editions.all()] == [edition()]
    with writing(editions.engine) as session:
        assert session.exec(select(func.count()).select_from(MatchupRow)).one() == 5


# Approving


def test_approval_freezes_the_bytes(editions: Editions) -> None:
    editions.keep_draft(edition())

    approved = editions.approve(WEEK, MESSAGE, "ada@example.org", NOW)

    assert (approved.message, approved.sha256) == (MESSAGE, fingerprint(MESSAGE))
    assert (approved.approved_by, approved.approved_at) == ("ada@example.org", NOW)
    assert editions.require(WEEK) == approved


def test_approving_the_same_bytes_again_changes_nothing(editions: Editions) -> None:
    editions.keep_draft(edition())
    first = editions.approve(WEEK, MESSAGE, "ada@example.org", NOW)

    assert editions.approve(WEEK, MESSAGE, "bob@example.org", NOW + HOUR) == first


def test_approving_other_bytes_is_refused(editions: Editions) -> None:
    first = bring(editions, "approved")

    with pytest.raises(EditionError, match="cannot be approved: it is approved"):
        editions.approve(WEEK, OTHER, "editor", NOW)

    assert editions.of(WEEK) == first


def test_of_two_approvals_at_once_one_wins_and_its_bytes_stay(editions: Editions) -> None:
    editions.keep_draft(edition())
    start, won, lost = Barrier(2), list[str](), list[str]()

    def approve(message: Message) -> None:
        start.wait(10)
        try:
            won.append(editions.approve(WEEK, message, "editor", NOW).sha256)
        except EditionError as error:
            lost.append(str(error))

    both = [Thread(target=approve, args=(one,)) for one in (MESSAGE, OTHER)]
    for one in both:
        one.start()
    for one in both:
        one.join(20)

    assert (len(won), len(lost)) == (1, 1)
    assert editions.require(WEEK).sha256 == won[0]


def test_the_fingerprint_is_that_of_html_then_text() -> None:
    expected = hashlib.sha256("<p>“[[reader]]”</p>“[[reader]]”".encode()).hexdigest()

    assert fingerprint(MESSAGE) == expected
    assert fingerprint(replace(MESSAGE, subject="Another")) == expected
    assert fingerprint(OTHER) != expected


# Holding and sending


def test_a_held_edition_does_not_start_until_it_is_released(editions: Editions) -> None:
    bring(editions, "approved")
    assert editions.hold(WEEK, "the price is wrong").held == "the price is wrong"

    with pytest.raises(EditionError, match=r"cannot be sent: it is held \(the price is wrong\)"):
        editions.start_sending(WEEK)

    assert editions.require(WEEK).state == "approved"
    assert editions.release(WEEK).held is None
    assert editions.start_sending(WEEK).state == "sending"


def test_an_edition_held_while_sending_stays_where_it_is(editions: Editions) -> None:
    bring(editions, "sending")

    held = editions.hold(WEEK, "credits ran out")

    assert (held.state, held.held) == ("sending", "credits ran out")
    with pytest.raises(EditionError, match="held"):
        editions.start_sending(WEEK)


def test_a_held_draft_may_be_approved_and_composed_again_and_stays_held(editions: Editions) -> None:
    editions.keep_draft(edition())
    editions.hold(WEEK, "wait for legal")

    assert editions.keep_draft(edition(2)).held == "wait for legal"
    assert editions.approve(WEEK, MESSAGE, "editor", NOW).held == "wait for legal"


def test_a_skipped_week_has_its_reason_and_is_no_longer_held(editions: Editions) -> None:
    bring(editions, "approved")
    editions.hold(WEEK, "wait")

    skipped = editions.skip(WEEK, "a holiday", NOW)

    assert (skipped.state, skipped.reason, skipped.held) == ("skipped", "a holiday", None)


def test_a_week_is_never_skipped_without_a_reason(editions: Editions) -> None:
    before = bring(editions, "draft")

    with pytest.raises(EditionError, match="without a reason"):
        editions.skip(WEEK, "", NOW)

    assert editions.of(WEEK) == before


def test_what_was_never_planned_is_never_finished(editions: Editions) -> None:
    """Between its start and its plan an edition has no deliveries, as one has that is for nobody."""
    bring(editions, "approved")
    editions.start_sending(WEEK)
    assert editions.finish_sending(WEEK, NOW).state == "sending"

    Ledger(editions.engine).plan(WEEK, NOW)
    assert editions.finish_sending(WEEK, NOW, lambda *_: False).state == "sending"
    assert editions.finish_sending(WEEK, NOW).state == "sent"


def test_a_sent_edition_knows_when(editions: Editions) -> None:
    bring(editions, "sending")

    assert editions.finish_sending(WEEK, NOW + HOUR).sent_at == NOW + HOUR


# Looking back


def test_the_cut_off_is_the_end_of_the_last_edition_that_was_approved(editions: Editions) -> None:
    assert editions.cut_off(WEEK) is None
    bring(editions, "sent", of_week("2026-W44", 0, until_h=1))
    bring(editions, "draft", of_week("2026-W45", 1, until_h=2))
    bring(editions, "skipped", of_week("2026-W46", until_h=3))
    bring(editions, "draft", of_week("2026-W47", 2, until_h=4))

    assert editions.cut_off("2026-W48") == NOW + 1 * HOUR
    assert editions.cut_off("2026-W45") == NOW + 1 * HOUR
    assert editions.cut_off("2026-W44") is None


def test_the_cut_off_reaches_over_new_year(editions: Editions) -> None:
    bring(editions, "approved", of_week("2026-W53", 0, until_h=1))

    assert editions.cut_off("2027-W01") == NOW + HOUR


def test_history_is_what_editions_that_were_not_skipped_leave(editions: Editions) -> None:
    bring(editions, "sent", of_week("2026-W44", 0))
    bring(editions, "skipped", of_week("2026-W45", 1))
    bring(editions, "draft", of_week("2026-W46", 2, 3))

    pairs = ("plumbline lantern", "cartwheel errand", "smallwood-3b bigleaf-70b")
    plumbline, cartwheel, models = (frozenset(pair.split()) for pair in pairs)
    found = editions.history("2026-W47", 26)
    assert found.met == {plumbline, cartwheel, models}
    assert found.resting == cartwheel | models
    assert found.last_shown == {"Developer Tools": 3, "Agents": 1, "Models": 1}
    assert found.subjects == (edition().subject, MESSAGE.subject)
    assert editions.history("2026-W46", 26).met == {plumbline}
    assert editions.history("2026-W46", 1).met == set()
    assert editions.history("2026-W46", 1).met_long_ago == {plumbline}
    assert editions.history("2026-W44", 26) == History((), frozenset(), frozenset(), frozenset(), {})


def test_history_reaches_over_new_year_and_a_week_53(editions: Editions) -> None:
    bring(editions, "sent", of_week("2026-W52", 0))
    bring(editions, "sent", of_week("2026-W53", 2))

    assert editions.history("2027-W01", 2).last_shown == {"Developer Tools": 2, "Agents": 1}
    assert editions.history("2027-W01", 1).met == {frozenset({"cartwheel", "errand"})}


def test_only_the_last_eight_subjects_are_remembered(editions: Editions) -> None:
    for number in range(30, 40):
        bring(editions, "draft", replace(of_week(f"2026-W{number}", 0), subject=f"Subject {number}"))

    assert editions.history("2026-W47", 26).subjects == tuple(f"Subject {number}" for number in range(39, 31, -1))


# Editing


def test_an_edit_voids_the_approval_and_nothing_of_it_stays(editions: Editions) -> None:
    approved = bring(editions, "approved")

    edited = editions.keep_edit(approved, replace(approved.edition, intro="Hello"), "ada")

    assert (edited.state, edited.edited, edited.edited_by, edited.revision) == ("draft", True, "ada", 2)
    assert (edited.message, edited.sha256, edited.approved_by, edited.approved_at) == (None, "", "", None)
    assert edited.edition.intro == "Hello"


def test_of_two_edits_of_the_same_state_the_second_is_told_to_look_again(editions: Editions) -> None:
    seen = bring(editions, "draft")
    editions.keep_edit(seen, replace(seen.edition, intro="Ada’s"), "ada")

    with pytest.raises(EditionError, match="ada changed it meanwhile; look at it again"):
        editions.keep_edit(seen, replace(seen.edition, intro="Eve’s"), "eve")

    assert editions.require(WEEK).edition.intro == "Ada’s"


def test_what_was_changed_since_it_was_rendered_is_not_approved(editions: Editions) -> None:
    seen = bring(editions, "draft")
    editions.keep_edit(seen, replace(seen.edition, intro="New"), "ada")

    with pytest.raises(EditionError, match="cannot be approved: ada changed it meanwhile"):
        editions.approve(WEEK, MESSAGE, "eve", NOW, revision=seen.revision)
    assert editions.approve(WEEK, MESSAGE, "eve", NOW, revision=2).state == "approved"


@pytest.mark.parametrize("state", ["sending", "sent", "skipped"])
def test_what_is_out_or_skipped_is_not_edited(editions: Editions, state: str) -> None:
    record = bring(editions, state)

    with pytest.raises(EditionError, match=f"cannot be edited: it is {state}; allowed: draft, approved"):
        editions.keep_edit(record, replace(record.edition, intro="Late"), "ada")


def test_the_templates_of_an_approval_are_kept_once(editions: Editions) -> None:
    editions.keep_draft(edition())
    record = editions.approve(WEEK, MESSAGE, "ada", NOW, made_with={"program": "1"}, templates={"email/a": "A"})
    editions.keep_draft(edition(week="2026-W48"))
    later = replace(MESSAGE, week="2026-W48")
    other = editions.approve("2026-W48", later, "ada", NOW, templates={"email/a": "A"})

    assert editions.templates(record) == editions.templates(other) == {"email/a": "A"}
    assert record.made_with["program"] == "1"
    assert editions.templates(editions.keep_draft(edition(week="2026-W49"))) == {}
    with writing(editions.engine) as session:
        assert session.exec(select(func.count()).select_from(TemplatesRow)).one() == 1


# What the database itself refuses


@pytest.mark.parametrize(("was", "to"), [
    ("draft", "sending"), ("draft", "sent"), ("approved", "sent"), ("sending", "draft"), ("sending", "skipped"),
    ("sent", "draft"), ("sent", "approved"), ("sent", "sending"), ("sent", "skipped"), ("skipped", "approved"),
])  # fmt: skip
def test_the_database_refuses_a_move_no_edition_makes(editions: Editions, was: str, to: str) -> None:
    bring(editions, was)

    with pytest.raises(DBAPIError, match="cannot go there"), writing(editions.engine) as session:
        session.exec(update(EditionRow).values(state=to, reason="x"))

    assert editions.require(WEEK).state == was


@pytest.mark.parametrize("column", ["html", "text", "subject", "sha256"])
@pytest.mark.parametrize("state", ["approved", "sending", "sent"])
def test_the_database_keeps_what_was_approved(editions: Editions, state: str, column: str) -> None:
    before = bring(editions, state)

    with pytest.raises(DBAPIError, match="cannot be changed"), writing(editions.engine) as session:
        session.exec(update(EditionRow).values(**{column: "other"}))

    assert editions.require(WEEK) == before


def test_the_database_keeps_the_content_that_was_approved(editions: Editions) -> None:
    bring(editions, "approved")

    with pytest.raises(DBAPIError, match="cannot be changed"), writing(editions.engine) as session:
        session.exec(update(EditionRow).values(content={"week": WEEK}))


# Editors' words on pairs


def test_of_several_words_on_a_pair_the_newest_holds(editions: Editions) -> None:
    for word, a, b, week in (
        ("veto", "b", "a", ""), ("pin", "a", "b", WEEK), ("veto", "c", "", ""), ("veto", "d", "", WEEK),
        ("free", "d", "", WEEK), ("pin", "e", "f", "2026-W46"),
    ):  # fmt: skip
        editions.say_of_pair(word, a, b, "ada", NOW, week=week)  # type: ignore[arg-type]

    ab, c = frozenset("ab"), frozenset("c")
    assert editions.words_for(WEEK) == PairWords(frozenset({ab}), frozenset({c}))
    assert editions.words_for("2026-W46") == PairWords(frozenset({frozenset("ef")}), frozenset({ab, c}))
    with pytest.raises(EditionError, match="a pin names two tools"):
        editions.say_of_pair("pin", "a", "", "ada", NOW)


# What readers were told


def printed(editions: Editions) -> tuple[Store, Side]:
    """A store in which an edition of 2026-W44 has printed a tool's reviews."""
    store, of = Store(editions.engine), of_week("2026-W44", 0)
    for side in of.matchups[0].sides:
        store.record_reviews([(side.tool, side.verdict.reviews)], NOW - HOUR)
    bring(editions, "sent", of)
    return store, of.matchups[0].a


def turned(one: Review, **changes: Any) -> Review:
    return replace(one, call="skip" if one.call == "ship" else "ship", **changes)


def test_a_call_that_changed_after_it_was_printed_is_due_until_an_edition_says_so(editions: Editions) -> None:
    store, side = printed(editions)
    assert editions.corrections(WEEK) == ()

    first = side.verdict.reviews[0]
    day = NOW.date() + timedelta(days=2)
    flipped = turned(first, reviewed_on=day)
    store.record_reviews([(side.tool, [flipped])], NOW + 48 * HOUR)
    due = Correction(first.tool, "Plumbline", first.reviewer, "Builder", first.call, flipped.call, day, "2026-W44")
    assert editions.corrections(WEEK) == (due,)
    assert editions.corrections("2026-W44") == ()

    bring(editions, "draft", replace(of_week("2026-W45", 2), corrections=(due,)))
    assert editions.corrections(WEEK) == (due,)
    editions.approve("2026-W45", replace(MESSAGE, week="2026-W45"), "ada", NOW)
    assert editions.corrections(WEEK) == ()

    store.record_reviews([(side.tool, [replace(first, reviewed_on=day)])], NOW + 50 * HOUR)
    back = replace(due, before=flipped.call, after=first.call, week="2026-W45")
    assert editions.corrections(WEEK) == (back,)


def test_a_change_is_dated_by_its_first_version_and_never_before_the_printing(editions: Editions) -> None:
    store, side = printed(editions)
    first = side.verdict.reviews[0]
    late = NOW + timedelta(days=3)
    store.record_reviews([(side.tool, [turned(first)])], late)
    store.record_reviews([(side.tool, [turned(first, quote="Other words.")])], late + timedelta(days=4))

    assert [one.changed_on for one in editions.corrections(WEEK)] == [late.date()]


def test_readers_are_told_of_a_tool_by_the_name_they_know(editions: Editions) -> None:
    store, side = printed(editions)
    renamed = replace(side.tool, name="Tide Pool")
    store.record_reviews([(renamed, [turned(side.verdict.reviews[0])])], NOW + HOUR)

    assert [one.tool_name for one in editions.corrections(WEEK)] == ["Plumbline"]


def test_a_changed_quote_alone_is_no_correction(editions: Editions) -> None:
    store, side = printed(editions)
    store.record_reviews([(side.tool, [replace(side.verdict.reviews[0], quote="Other words.")])], NOW + HOUR)

    assert editions.corrections(WEEK) == ()


def test_a_comparison_is_found_under_a_slug_a_tool_once_had(editions: Editions) -> None:
    bring(editions, "sent", of_week("2026-W44", 0))
    store = Store(editions.engine)
    for side in edition().matchups[0].sides:
        store.record_reviews([(side.tool, ())], NOW)
    with writing(editions.engine) as session:
        session.add(ToolAliasRow(slug="plumb-line", tool_slug="plumbline"))

    found = editions.comparison("lantern", "plumb-line")
    assert found is not None
    assert (found[0].week, found[1]) == ("2026-W44", matchup(0))


def test_editions_come_newest_first_and_readers_see_the_approved_ones(editions: Editions) -> None:
    for number, state in enumerate(("draft", "approved", "sending", "sent", "skipped"), 41):
        bring(editions, state, of_week(f"2026-W{number}", 0))

    assert [one.week for one in editions.all()] == [f"2026-W{number}" for number in (45, 44, 43, 42, 41)]
    assert [one.week for one in editions.all(2)] == ["2026-W45", "2026-W44"]
    assert [one.week for one in editions.all(public=True)] == ["2026-W44", "2026-W43", "2026-W42"]
    assert [one.week for one in editions.all(1, public=True)] == ["2026-W44"]


def test_a_comparison_is_found_in_either_order_in_the_newest_public_edition(editions: Editions) -> None:
    bring(editions, "sent", of_week("2026-W41", 0, 1))
    bring(editions, "approved", of_week("2026-W44", 0))
    bring(editions, "draft", of_week("2026-W45", 0, 2))
    bring(editions, "skipped", of_week("2026-W46", 0))

    def week(a: str, b: str) -> str | None:
        found = editions.comparison(a, b)
        return found[0].week if found else None

    assert week("plumbline", "lantern") == week("lantern", "plumbline") == "2026-W44"
    assert week("murmur", "dictaphone-zero") == "2026-W41"
    assert week("cartwheel", "errand") is None
    assert week("plumbline", "murmur") is None
    assert week("plumbline", "plumbline") is None
