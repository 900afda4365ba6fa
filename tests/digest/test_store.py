"""What the store keeps, and that an edition only ever moves where its state lets it, on both kinds of database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import Engine, func
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select, update

from digest.database import writing
from digest.errors import EditionError
from digest.model import Edition, Launch, Message, Review, Tool
from digest.store import EditionRecord, Recorded, Store, fingerprint
from digest.tables import EditionRow, LaunchEntryRow, MatchupRow
from tests.digest.processes import together
from tests.examples import NOW, edition, launch, matchup, review, tool

WEEK = "2026-W47"
MESSAGE = Message(WEEK, "Which of the two would you ship?", "<p>“[[reader]]”</p>", "“[[reader]]”")
OTHER = replace(MESSAGE, text="“Changed.”")
HOUR = timedelta(hours=1)


@pytest.fixture
def store(shared_engine: Engine) -> Store:
    return Store(shared_engine)


# Tools and launches


def test_a_launch_comes_back_as_it_was_kept(store: Store) -> None:
    kept = launch(0, version="2.0", reasons=("one", "two"), entries=(("b", "1"), ("a", "2"), ("b", "0")))

    assert store.keep_launches([kept], NOW) == 1

    assert store.launches() == [kept]


def test_a_launch_brings_its_tool(store: Store) -> None:
    store.keep_launches([launch(0), launch(1)], NOW)

    assert store.tool_names() == {"plumbline": "Plumbline", "lantern": "Lantern"}
    found = store.tools({"plumbline", "nobody"})
    assert list(found) == ["plumbline"]
    assert (found["plumbline"].tagline, found["plumbline"].category) == (launch(0).tagline, "Developer Tools")
    assert (found["plumbline"].vendor, found["plumbline"].tags, found["plumbline"].open_source) == ("", (), None)


def test_a_launch_that_is_known_is_kept_once_with_its_new_entries(store: Store) -> None:
    first = launch(0, entries=(("board", "1"),))
    again = replace(first, title="Another title", entries=(("board", "1"), ("blog", "9")))

    assert [store.keep_launches(some, NOW) for some in ([first], [again, launch(1)], [again])] == [1, 1, 0]

    known = next(one for one in store.launches() if one.id == first.id)
    assert known == replace(first, entries=(("board", "1"), ("blog", "9")))


def test_a_later_launch_does_not_rewrite_its_tool(store: Store) -> None:
    store.keep_launches([launch(0)], NOW)
    store.keep_launches([launch(0, id="second", tool_name="Plumbline Pro", tagline="Shouting")], NOW + HOUR)

    assert store.tool_names() == {"plumbline": "Plumbline"}
    assert store.tools({"plumbline"})["plumbline"].tagline == launch(0).tagline
    assert len(store.launches()) == 2


def test_one_entry_may_carry_several_launches(store: Store) -> None:
    digest_entry = (("weekly", "12"),)

    assert store.keep_launches([launch(0, entries=digest_entry), launch(1, entries=digest_entry)], NOW) == 2
    assert [one.entries for one in store.launches()] == [digest_entry, digest_entry]


def test_keeping_nothing_keeps_nothing(store: Store) -> None:
    assert store.keep_launches([], NOW) == 0
    assert (store.launches(), store.tools(()), store.tool_names()) == ([], {}, {})


def test_launches_are_asked_for_by_when_they_were_first_seen(store: Store) -> None:
    def seen(index: int, hours: int) -> Launch:
        return launch(index, first_seen=NOW + hours * HOUR)

    store.keep_launches([seen(0, 0), seen(1, 1), seen(2, 2), seen(3, 2)], NOW)

    def slugs(**span: object) -> list[str]:
        return [one.tool_slug for one in store.launches(**span)]  # type: ignore[arg-type]  # since and until

    assert slugs() == ["dictaphone-zero", "murmur", "lantern", "plumbline"]
    assert slugs(since=NOW) == ["dictaphone-zero", "murmur", "lantern"]
    assert slugs(until=NOW + HOUR) == ["lantern", "plumbline"]
    assert slugs(since=NOW, until=NOW + HOUR) == ["lantern"]


def test_more_launches_than_one_statement_can_bind_are_kept(store: Store) -> None:
    many = [launch(0, id=f"launch-{number:04}", entries=(("board", str(number)),)) for number in range(501)]

    assert store.keep_launches(many, NOW) == 501
    assert {one.id: one.entries for one in store.launches()} == {one.id: one.entries for one in many}


# Reviews


def sheet(of: Tool, *reviews: Review) -> tuple[Tool, tuple[Review, ...]]:
    return of, reviews


def record(store: Store, *reviews: Review, of: Tool | None = None, hours: int = 0) -> Recorded:
    return store.record_reviews([sheet(of or tool(0), *reviews)], NOW + hours * HOUR)


def test_new_changed_and_unchanged_reviews_are_counted(store: Store) -> None:
    ada, bob = review(tool(0), "builder"), review(tool(0), "skeptic", "skip")

    assert record(store, ada, bob) == Recorded(tools=1, new=2, changed=0, same=0)
    assert record(store, ada, bob) == Recorded(tools=1, new=0, changed=0, same=2)
    assert record(store, replace(ada, call="skip"), bob) == Recorded(tools=1, new=0, changed=1, same=1)
    assert record(store, replace(ada, call="skip", quote="Still no.")) == Recorded(tools=1, new=0, changed=1, same=0)


def test_the_newest_version_counts_and_none_is_lost(store: Store) -> None:
    first = review(tool(0), "builder")
    record(store, first, review(tool(0), "skeptic"))
    record(store, replace(first, quote="Second."))
    record(store, replace(first, quote="Third."))

    newest = store.reviews(["plumbline"])
    every = store.reviews(["plumbline"], every_version=True)

    assert [(one.reviewer, one.version, one.quote[:7]) for one in newest] == [
        ("builder", 3, "Third."), ("skeptic", 1, review(tool(0), "skeptic").quote[:7]),
    ]  # fmt: skip
    assert [(one.reviewer, one.version) for one in every] == [
        ("builder", 1), ("builder", 2), ("builder", 3), ("skeptic", 1),
    ]  # fmt: skip
    assert every[0] == first


def test_an_opinion_that_comes_back_is_a_version_of_its_own(store: Store) -> None:
    first = review(tool(0), "builder")
    for quote in (first.quote, "Changed my mind.", first.quote):
        record(store, replace(first, quote=quote))

    assert store.reviews(["plumbline"]) == [replace(first, version=3)]


def test_another_day_alone_is_no_change(store: Store) -> None:
    first = review(tool(0), "builder")
    record(store, first)

    assert record(store, replace(first, reviewed_on=first.reviewed_on + timedelta(days=9))).same == 1
    assert store.reviews(["plumbline"]) == [first]


def test_reviews_come_by_tool_then_reviewer(store: Store) -> None:
    for index in (1, 0):
        record(store, *(review(tool(index), one) for one in ("skeptic", "builder")), of=tool(index))

    assert [(one.tool, one.reviewer) for one in store.reviews({"plumbline", "lantern", "nobody"})] == [
        ("lantern", "builder"), ("lantern", "skeptic"), ("plumbline", "builder"), ("plumbline", "skeptic"),
    ]  # fmt: skip


def test_the_panel_s_file_describes_the_tool(store: Store) -> None:
    store.keep_launches([launch(0)], NOW)

    record(store, review(tool(0)), of=tool(0, tags=("b", "a"), price_checked_on=NOW.date()))

    assert store.tools({"plumbline"})["plumbline"] == tool(0, tags=("b", "a"), price_checked_on=NOW.date())


def test_one_wrong_sheet_keeps_all_of_them_out(store: Store) -> None:
    wrong = replace(review(tool(1)), call="perhaps")  # type: ignore[arg-type]  # what the database must refuse

    with pytest.raises(IntegrityError):
        store.record_reviews([sheet(tool(0), review(tool(0))), sheet(tool(1), wrong)], NOW)

    assert (store.tool_names(), store.reviews(["plumbline", "lantern"])) == ({}, [])


def test_tools_are_ready_once_a_quorum_of_the_panel_has_spoken(store: Store) -> None:
    panel = ["builder", "skeptic", "futurist"]
    record(store, *(review(tool(0), one) for one in panel))
    record(store, *(review(tool(1), one) for one in ("builder", "skeptic")), of=tool(1), hours=1)
    record(store, *(review(tool(2), one) for one in ("builder", "founder")), of=tool(2), hours=2)

    assert [one[0].slug for one in store.ready(2, panel)] == ["lantern", "plumbline"]
    assert [one[0].slug for one in store.ready(3, panel)] == ["plumbline"]
    assert store.ready(4, panel) == []
    assert store.ready(1, []) == []
    assert [one[0].slug for one in store.ready(2, [*panel, "founder"])] == ["lantern", "murmur", "plumbline"]


def test_a_reviewer_who_speaks_twice_is_one_voice(store: Store) -> None:
    record(store, review(tool(0)))
    record(store, replace(review(tool(0)), quote="Again."))

    assert store.ready(2, ["builder", "skeptic"]) == []
    assert store.reviewed(["builder", "skeptic"]) == {"plumbline": 1}


def test_a_ready_tool_comes_with_its_newest_reviews_and_when_the_last_was_recorded(store: Store) -> None:
    record(store, review(tool(0), "skeptic"), review(tool(0), "builder"))
    record(store, replace(review(tool(0), "skeptic"), quote="Changed."), hours=5)

    [(found, reviews, moment)] = store.ready(2, ["builder", "skeptic"])

    assert found == tool(0)
    assert [(one.reviewer, one.version) for one in reviews] == [("builder", 1), ("skeptic", 2)]
    assert moment == NOW + 5 * HOUR


def test_reviewers_are_counted_for_each_tool(store: Store) -> None:
    record(store, *(review(tool(0), one) for one in ("builder", "skeptic")))
    record(store, review(tool(1)), of=tool(1))

    assert store.reviewed(["builder", "skeptic"]) == {"plumbline": 2, "lantern": 1}


# Editions: where each state may go


def of_week(week: str, *pairs: int, until_h: int = 0) -> Edition:
    """An edition of a week with the pairs of these numbers, covering time up to so many hours after NOW."""
    return edition(week=week, matchups=0, launches=0, until=NOW + until_h * HOUR) if not pairs else replace(
        edition(week=week, until=NOW + until_h * HOUR), matchups=tuple(matchup(one) for one in pairs)
    )  # fmt: skip


def bring(store: Store, state: str, of: Edition | None = None) -> EditionRecord:
    """An edition in one of its states, brought there the way it goes in life."""
    made = of or edition()
    if state == "skipped":
        return store.keep_draft(made, skipped_because="no pairs")
    kept = store.keep_draft(made)
    if state in {"approved", "sending", "sent"}:
        kept = store.approve(made.week, replace(MESSAGE, week=made.week), "editor", NOW)
    if state in {"sending", "sent"}:
        kept = store.start_sending(made.week)
    if state == "sent":
        kept = store.finish_sending(made.week, NOW)
    assert kept.state == state
    return kept


ACTIONS: dict[str, tuple[Callable[[Store], EditionRecord], str, set[str]]] = {
    "compose again": (lambda store: store.keep_draft(edition(2)), "composed again", {"draft", "skipped"}),
    "approve": (lambda store: store.approve(WEEK, OTHER, "editor", NOW), "approved", {"draft"}),
    "hold": (lambda store: store.hold(WEEK, "wait"), "held", {"draft", "approved", "sending"}),
    "release": (lambda store: store.release(WEEK), "released", {"draft", "approved", "sending"}),
    "skip": (lambda store: store.skip(WEEK, "a holiday", NOW), "skipped", {"draft", "approved"}),
    "start sending": (lambda store: store.start_sending(WEEK), "sent", {"approved", "sending"}),
    "finish sending": (lambda store: store.finish_sending(WEEK, NOW), "finished", {"sending", "sent"}),
}

LEADS_TO = {"compose again": "draft", "approve": "approved", "skip": "skipped", "start sending": "sending",
            "finish sending": "sent"}  # fmt: skip


@pytest.mark.parametrize("state", ["draft", "approved", "sending", "sent", "skipped"])
@pytest.mark.parametrize("action", ACTIONS)
def test_an_edition_does_what_its_state_allows_and_nothing_else(store: Store, action: str, state: str) -> None:
    act, verb, allowed = ACTIONS[action]
    before = bring(store, state)

    if state in allowed:
        assert act(store).state == LEADS_TO.get(action, state)
    else:
        with pytest.raises(EditionError) as caught:
            act(store)
        said = str(caught.value)
        assert said.startswith(f"{WEEK} cannot be {verb}: it is {state}; allowed: ")
        assert set(said.rpartition("allowed: ")[2].split(", ")) == (
            allowed - {"sent"} if action == "finish sending" else allowed
        )
        assert store.edition(WEEK) == before


@pytest.mark.parametrize("action", [one for one in ACTIONS if one not in {"compose again", "skip"}])
def test_a_week_without_an_edition_says_how_to_make_one(store: Store, action: str) -> None:
    with pytest.raises(EditionError, match=r"2026-W47: no edition; make it with `verdicts compose --week 2026-W47`"):
        ACTIONS[action][0](store)

    assert store.editions() == []


def test_a_week_in_which_nothing_was_composed_can_be_skipped(store: Store) -> None:
    assert store.skip(WEEK, "a holiday", NOW).state == "skipped"
    assert store.require(WEEK).reason == "a holiday"


# Composing


def test_an_edition_comes_back_as_it_was_composed(store: Store) -> None:
    made = edition()

    kept = store.keep_draft(made)

    assert kept == EditionRecord(made, "draft")
    assert store.edition(WEEK) == store.require(WEEK) == kept
    assert store.edition("2026-W46") is None


def test_a_draft_is_composed_again(store: Store) -> None:
    store.keep_draft(of_week(WEEK, 0, 1))

    again = store.keep_draft(of_week(WEEK, 2))

    assert (again.state, again.edition) == ("draft", of_week(WEEK, 2))
    assert store.met_since("2026-W01", "2026-W53") == {frozenset({"cartwheel", "errand"})}
    assert len(store.editions()) == 1


def test_what_an_editor_changed_is_never_composed_over(store: Store) -> None:
    store.keep_draft(edition())
    with writing(store.engine) as session:
        session.exec(update(EditionRow).values(edited=True))
    before = store.require(WEEK)
    assert before.edited

    with pytest.raises(EditionError, match=r"cannot be composed again: it is draft, edited by hand"):
        store.keep_draft(edition(2))

    assert store.edition(WEEK) == before
    assert len(store.met_since("2026-W01", "2026-W53")) == 5


def test_a_week_skipped_for_lack_of_pairs_is_composed_again(store: Store) -> None:
    empty = store.keep_draft(of_week(WEEK), skipped_because="only one tool has a verdict")
    assert (empty.state, empty.reason) == ("skipped", "only one tool has a verdict")

    again = store.keep_draft(edition())

    assert (again.state, again.reason) == ("draft", "")


def test_a_draft_whose_pairs_are_gone_ends_as_skipped(store: Store) -> None:
    store.keep_draft(edition())

    again = store.keep_draft(of_week(WEEK), skipped_because="no pairs")

    assert (again.state, again.reason, again.edition.matchups) == ("skipped", "no pairs", ())
    assert store.met_since("2026-W01", "2026-W53") == set()


def test_an_edition_composed_again_has_nothing_of_its_old_approval(store: Store) -> None:
    bring(store, "approved")
    store.skip(WEEK, "a holiday", NOW)

    again = store.keep_draft(edition())

    assert again == EditionRecord(edition(), "draft")


def test_processes_that_compose_the_same_week_at_once_leave_one_edition(store: Store) -> None:
    said = together(
        "import sys; from digest.database import open_engine; from digest.store import Store\n"
        "from tests.examples import edition\n"
        "store = Store(open_engine(sys.argv[1])); store.editions()",
        "print(store.keep_draft(edition()).state)",
        store.engine.url.render_as_string(hide_password=False),
    )

    assert said == ["draft", "draft"]
    assert [one.edition for one in store.editions()] == [edition()]
    with writing(store.engine) as session:
        assert session.exec(select(func.count()).select_from(MatchupRow)).one() == 5


# Approving


def test_approval_freezes_the_bytes(store: Store) -> None:
    store.keep_draft(edition())

    approved = store.approve(WEEK, MESSAGE, "ada@example.org", NOW)

    assert (approved.message, approved.sha256) == (MESSAGE, fingerprint(MESSAGE))
    assert (approved.approved_by, approved.approved_at) == ("ada@example.org", NOW)
    assert store.require(WEEK) == approved


def test_approving_the_same_bytes_again_changes_nothing(store: Store) -> None:
    store.keep_draft(edition())
    first = store.approve(WEEK, MESSAGE, "ada@example.org", NOW)

    assert store.approve(WEEK, MESSAGE, "bob@example.org", NOW + HOUR) == first


def test_approving_other_bytes_is_refused(store: Store) -> None:
    first = bring(store, "approved")

    with pytest.raises(EditionError, match="cannot be approved: it is approved"):
        store.approve(WEEK, OTHER, "editor", NOW)

    assert store.edition(WEEK) == first


def test_of_two_approvals_at_once_one_wins_and_its_bytes_stay(store: Store) -> None:
    store.keep_draft(edition())
    start, won, lost = Barrier(2), list[str](), list[str]()

    def approve(message: Message) -> None:
        start.wait(10)
        try:
            won.append(store.approve(WEEK, message, "editor", NOW).sha256)
        except EditionError as error:
            lost.append(str(error))

    both = [Thread(target=approve, args=(one,)) for one in (MESSAGE, OTHER)]
    for one in both:
        one.start()
    for one in both:
        one.join(20)

    assert (len(won), len(lost)) == (1, 1)
    assert store.require(WEEK).sha256 == won[0]


def test_the_fingerprint_is_that_of_html_then_text() -> None:
    expected = hashlib.sha256("<p>“[[reader]]”</p>“[[reader]]”".encode()).hexdigest()

    assert fingerprint(MESSAGE) == expected
    assert fingerprint(replace(MESSAGE, subject="Another")) == expected
    assert fingerprint(OTHER) != expected


# Holding and sending


def test_a_held_edition_does_not_start_until_it_is_released(store: Store) -> None:
    bring(store, "approved")
    assert store.hold(WEEK, "the price is wrong").held == "the price is wrong"

    with pytest.raises(EditionError, match=r"cannot be sent: it is held \(the price is wrong\)"):
        store.start_sending(WEEK)

    assert store.require(WEEK).state == "approved"
    assert store.release(WEEK).held is None
    assert store.start_sending(WEEK).state == "sending"


def test_an_edition_held_while_sending_stays_where_it_is(store: Store) -> None:
    bring(store, "sending")

    held = store.hold(WEEK, "credits ran out")

    assert (held.state, held.held) == ("sending", "credits ran out")
    with pytest.raises(EditionError, match="held"):
        store.start_sending(WEEK)


def test_a_held_draft_may_be_approved_and_composed_again_and_stays_held(store: Store) -> None:
    store.keep_draft(edition())
    store.hold(WEEK, "wait for legal")

    assert store.keep_draft(edition(2)).held == "wait for legal"
    assert store.approve(WEEK, MESSAGE, "editor", NOW).held == "wait for legal"


def test_a_skipped_week_has_its_reason_and_is_no_longer_held(store: Store) -> None:
    bring(store, "approved")
    store.hold(WEEK, "wait")

    skipped = store.skip(WEEK, "a holiday", NOW)

    assert (skipped.state, skipped.reason, skipped.held) == ("skipped", "a holiday", None)


def test_a_week_is_never_skipped_without_a_reason(store: Store) -> None:
    before = bring(store, "draft")

    with pytest.raises(EditionError, match="without a reason"):
        store.skip(WEEK, "", NOW)

    assert store.edition(WEEK) == before


def test_a_sent_edition_knows_when(store: Store) -> None:
    bring(store, "sending")

    assert store.finish_sending(WEEK, NOW + HOUR).sent_at == NOW + HOUR


# Looking back


def test_the_cut_off_is_the_end_of_the_last_edition_that_was_approved(store: Store) -> None:
    assert store.cut_off(WEEK) is None
    bring(store, "sent", of_week("2026-W44", 0, until_h=1))
    bring(store, "draft", of_week("2026-W45", 1, until_h=2))
    bring(store, "skipped", of_week("2026-W46", until_h=3))
    bring(store, "draft", of_week("2026-W47", 2, until_h=4))

    assert store.cut_off("2026-W48") == NOW + 1 * HOUR
    assert store.cut_off("2026-W45") == NOW + 1 * HOUR
    assert store.cut_off("2026-W44") is None


def test_the_cut_off_reaches_over_new_year(store: Store) -> None:
    bring(store, "approved", of_week("2026-W53", 0, until_h=1))

    assert store.cut_off("2027-W01") == NOW + HOUR


def test_pairs_that_met_are_those_of_editions_that_were_not_skipped(store: Store) -> None:
    bring(store, "sent", of_week("2026-W44", 0))
    bring(store, "skipped", of_week("2026-W45", 1))
    bring(store, "draft", of_week("2026-W46", 2, 3))

    lantern, cartwheel, models = ({"plumbline", "lantern"}, {"cartwheel", "errand"}, {"smallwood-3b", "bigleaf-70b"})
    assert store.met_since("2026-W01", "2026-W47") == {frozenset(one) for one in (lantern, cartwheel, models)}
    assert store.met_since("2026-W44", "2026-W46") == {frozenset(lantern)}
    assert store.met_since("2026-W45", "2026-W47") == {frozenset(cartwheel), frozenset(models)}
    assert store.met_since("2026-W47", "2026-W53") == set()


def test_editions_come_newest_first_and_readers_see_the_approved_ones(store: Store) -> None:
    for number, state in enumerate(("draft", "approved", "sending", "sent", "skipped"), 41):
        bring(store, state, of_week(f"2026-W{number}", 0))

    assert [one.week for one in store.editions()] == [f"2026-W{number}" for number in (45, 44, 43, 42, 41)]
    assert [one.week for one in store.editions(2)] == ["2026-W45", "2026-W44"]
    assert [one.week for one in store.editions(public=True)] == ["2026-W44", "2026-W43", "2026-W42"]
    assert [one.week for one in store.editions(1, public=True)] == ["2026-W44"]


def test_a_comparison_is_found_in_either_order_in_the_newest_public_edition(store: Store) -> None:
    bring(store, "sent", of_week("2026-W41", 0, 1))
    bring(store, "approved", of_week("2026-W44", 0))
    bring(store, "draft", of_week("2026-W45", 0, 2))
    bring(store, "skipped", of_week("2026-W46", 0))

    def week(a: str, b: str) -> str | None:
        found = store.comparison(a, b)
        return found.week if found else None

    assert week("plumbline", "lantern") == week("lantern", "plumbline") == "2026-W44"
    assert week("murmur", "dictaphone-zero") == "2026-W41"
    assert week("cartwheel", "errand") is None
    assert week("plumbline", "murmur") is None
    assert week("plumbline", "plumbline") is None


def test_entries_of_a_launch_are_counted_once_however_often_they_come(store: Store) -> None:
    for _ in range(3):
        store.keep_launches([launch(0)], NOW)

    with writing(store.engine) as session:
        rows = session.exec(select(LaunchEntryRow).where(col(LaunchEntryRow.launch_id) == launch(0).id)).all()
    assert [(row.feed, row.entry_id, row.position) for row in rows] == [(*launch(0).entries[0], 0)]
