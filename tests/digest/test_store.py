"""What the store keeps, and that an edition only ever moves where its state lets it, on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from digest.database import writing
from digest.model import Launch, Message, Review, Tool
from digest.store import Recorded, Store
from digest.tables import LaunchEntryRow, ToolAliasRow
from tests.examples import NOW, launch, review, tool
from tests.processes import together

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


def test_a_tool_is_as_noticed_as_feeds_that_carried_it_lately(store: Store) -> None:
    old, new = NOW - timedelta(days=400), NOW
    for number, (seen, feeds) in enumerate(((old, "ab"), (new, "bcd"), (new, "cd"))):
        kept = launch(number, tool_slug="tidepool", tool_name="Tidepool", first_seen=seen)
        store.keep_launches([replace(kept, entries=tuple((feed, f"{number}") for feed in feeds))], NOW)

    assert store.noticed(["tidepool", "nobody"], NOW - timedelta(days=182)) == {"tidepool": 3}
    assert store.noticed(["tidepool"], NOW - timedelta(days=500)) == {"tidepool": 4}
    assert store.noticed([], NOW) == {}


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


def test_entries_of_a_launch_are_counted_once_however_often_they_come(store: Store) -> None:
    for _ in range(3):
        store.keep_launches([launch(0)], NOW)

    with writing(store.engine) as session:
        rows = session.exec(select(LaunchEntryRow).where(col(LaunchEntryRow.launch_id) == launch(0).id)).all()
    assert [(row.feed, row.entry_id, row.position) for row in rows] == [(*launch(0).entries[0], 0)]


def test_what_a_sheet_leaves_out_stays_as_it_is_known(store: Store) -> None:
    said = {"vendor": "Tidewater", "tags": ("ci",), "open_source": True, "entry_price": "$9/month"}
    known = tool(0, price_checked_on=NOW.date(), **said)
    store.record_reviews([(known, ())], NOW)
    bare = replace(known, vendor="example.org", tags=(), open_source=None, price_checked_on=None, tagline="New words")

    done = store.record_reviews([(replace(bare, url="https://example.org/x", entry_price="$1/month"), ())], NOW)

    kept = store.tools([known.slug])[known.slug]
    assert kept == replace(known, tagline="New words", url="https://example.org/x")
    assert done.described == 1
    assert store.record_reviews([(kept, ())], NOW).described == 0


def test_a_price_checked_later_is_not_undone_by_an_older_file(store: Store) -> None:
    old = tool(0, entry_price="$5/month", price_checked_on=NOW.date() - timedelta(days=30))
    new = replace(old, entry_price="$9/month", price_checked_on=NOW.date())
    store.record_reviews([(new, ())], NOW)
    store.record_reviews([(old, ())], NOW)

    assert store.tools([old.slug])[old.slug].entry_price == "$9/month"


def test_a_review_dated_before_the_newest_one_is_left_out(store: Store) -> None:
    newest = review(tool())
    record(store, newest)
    older = replace(newest, call="skip", reviewed_on=newest.reviewed_on - timedelta(days=90))

    assert record(store, older).older == 1
    assert store.reviews([newest.tool]) == [newest]


def test_reviews_under_a_slug_that_means_another_tool_do_not_rename_it(store: Store) -> None:
    store.record_reviews([(tool(0), ())], NOW)
    with writing(store.engine) as session:
        session.add(ToolAliasRow(slug="tide-pool", tool_slug=tool(0).slug))

    done = store.record_reviews([(tool(0, slug="tide-pool", name="Tide Pool"), ())], NOW)

    assert done.meant == (("tide-pool", tool(0).slug),)
    assert store.tools([tool(0).slug])[tool(0).slug].name == tool(0).name


def test_processes_that_record_the_same_reviews_at_once_all_end_well(store: Store) -> None:
    said = together(
        "import sys; from digest.database import open_engine; from digest.store import Store\n"
        "from tests.examples import NOW, review, tool\n"
        "store = Store(open_engine(sys.argv[1])); store.tool_names()",
        "print(store.record_reviews([(tool(0), [review(tool(0))])], NOW).tools)",
        store.engine.url.render_as_string(hide_password=False),
        copies=3,
    )

    assert said == ["1", "1", "1"]
    assert len(store.reviews([tool(0).slug], every_version=True)) == 1
