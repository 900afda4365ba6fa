"""Which entries are new, whatever a feed does to its ids, titles and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.model import Entry
from sources.recognising import Known, fresh, known, link_key, title_key, to_mute
from tests.sources.documents import NOW

A = Entry("f", "1", "https://example.org/a", "One is out", published=NOW)
B = Entry("f", "2", "https://example.org/b", "Two is out", published=NOW - timedelta(days=1))


def new(poll: Sequence[Entry], *earlier: Sequence[Entry]) -> list[str]:
    """The titles that are new in the last of several polls."""
    seen: list[Known] = []
    for before in earlier:
        seen += [known(entry) for entry in fresh(before, seen)]
    return [entry.title for entry in fresh(poll, seen)]


def test_what_is_known_is_not_new() -> None:
    assert new([A, B], [A]) == ["Two is out"]
    assert new([A, B], [A, B]) == []


def test_an_edited_title_is_the_same_entry() -> None:
    assert new([replace(A, title="One is out now")], [A]) == []


def test_another_id_with_the_same_link_is_the_same_entry() -> None:
    assert new([replace(A, id="x1"), replace(B, id="x2")], [A, B]) == []


def test_id_and_title_may_both_change_on_one_link_and_day() -> None:
    assert new([replace(A, id="x", title="One is here")], [A]) == []


def test_a_link_that_gained_https_or_a_campaign_is_the_same() -> None:
    changed = replace(A, id="x", link="http://www.example.org/a/?utm_source=rss", title="Else")
    assert new([changed], [A]) == []


def test_one_link_for_all_entries_tells_nothing() -> None:
    """A change log whose entries all lead to one page: ids and titles tell them apart."""
    log = [replace(A, id=f"v{n}", title=f"Version {n}", link="https://example.org/log") for n in range(3)]
    assert len(new(log)) == 3
    assert new([replace(log[0], id="v9", title="Version 9"), *log], log) == ["Version 9"]
    assert new([replace(entry, id=f"random {entry.id}") for entry in log], log) == []


def test_the_only_entry_of_a_page_that_moves_on_is_new() -> None:
    """A feed that lists just the latest release, always under one link."""
    later = replace(A, id="9", title="Nine is out", published=NOW + timedelta(days=7))
    assert new([later], [A]) == ["Nine is out"]


def test_ids_that_change_on_each_poll_without_links_are_recognised_by_title() -> None:
    bare = replace(A, link="")
    assert new([replace(bare, id="other")], [bare]) == []
    assert new([replace(bare, id="other", published=NOW + timedelta(days=7))], [bare]) == ["One is out"]


def test_one_id_for_all_entries_is_no_id() -> None:
    feed = [replace(A, id="site"), replace(B, id="site")]
    found = fresh(feed, [])
    assert [entry.title for entry in found] == ["One is out", "Two is out"]
    assert len({entry.id for entry in found}) == 2
    newest = Entry("f", "site", "https://example.org/c", "Three is out", published=NOW)
    assert new([newest, *feed], feed) == ["Three is out"]


def test_an_item_listed_twice_is_one_entry() -> None:
    assert new([A, A, replace(A, title="One is out, again")]) == ["One is out"]


def test_keys_ignore_what_does_not_matter() -> None:
    assert link_key("https://example.org/a/") == link_key("http://www.example.org/a?utm_medium=x")
    assert link_key("https://example.org/a#1") != link_key("https://example.org/a#2")
    assert link_key("https://example.org/?p=1") != link_key("https://example.org/?p=2")
    assert link_key("") == ""
    assert title_key("One — is “out”!") == title_key("one is out")
    assert title_key("🎉") != title_key("🚀")


ENTRIES = st.lists(
    st.builds(
        Entry,
        feed=st.just("f"),
        id=st.sampled_from("abcd"),
        link=st.sampled_from(["", "https://x/1", "https://x/2", "https://x/3"]),
        title=st.sampled_from(["One", "one!", "Two", "Three"]),
        published=st.sampled_from([None, NOW, NOW - timedelta(days=1)]),
    ),
    max_size=12,
)


@given(ENTRIES, ENTRIES)
def test_the_same_document_twice_adds_nothing(first: list[Entry], second: list[Entry]) -> None:
    seen = [known(entry) for entry in fresh(first, [])]
    assert fresh(first, seen) == []
    seen += [known(entry) for entry in fresh(second, seen)]
    assert fresh(second, seen) == []
    assert len({item.id for item in seen}) == len(seen)


def dated(*days_old: float | None) -> list[Entry]:
    return [
        replace(A, id=str(n), published=None if days is None else NOW - timedelta(days=days))
        for n, days in enumerate(days_old)
    ]


def muted(entries: list[Entry], *, first_poll: bool, now: datetime = NOW) -> list[int]:
    return sorted(int(entry_id) for entry_id in to_mute(entries, first_poll=first_poll, days=14, now=now))


def test_the_first_poll_announces_only_the_last_two_weeks() -> None:
    assert muted(dated(0, 13.9, 14.1, 400, None, -0.5, -30), first_poll=True) == [2, 3, 6]


def test_what_has_no_date_counts_from_first_sight_unless_it_is_an_archive() -> None:
    assert muted(dated(*[None] * 100), first_poll=True) == []
    assert muted(dated(1, *[None] * 101), first_poll=True) == list(range(1, 102))


def test_later_whatever_appears_is_news() -> None:
    assert muted(dated(0, 100, 900, None, -30), first_poll=False) == []


def test_an_archive_that_reappears_is_not_news() -> None:
    """A repaired feed lists its old posts under new ids and addresses."""
    archive = dated(*range(60), *[None] * 5)
    assert muted(archive, first_poll=False) == list(range(15, 60))


def test_dates_of_1970_are_no_archive() -> None:
    entries = [replace(entry, published=datetime(1970, 1, 1, tzinfo=NOW.tzinfo)) for entry in dated(*[0] * 40)]
    assert muted(entries, first_poll=False) == []
