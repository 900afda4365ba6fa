"""What the desk says and offers in each state of an edition, and of weeks that have none."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.moving import not_in
from pages.desk.buttons import as_here
from tests.pages.desk.desks import NOW, WEEK, Sat, form_of, sat_at, words
from tests.pages.desk.mailing import counted
from tests.pages.desk.test_trouble import changed_elsewhere

NEXT_MONDAY = datetime(2026, 11, 23, 5, tzinfo=UTC)


def test_a_skip_is_taken_back_by_the_button_that_stands_there(sat: Sat) -> None:
    before = sat.record.edition
    sat.send("/skip", reason="a holiday")
    page = sat.get("/edition")
    assert "Take the skip back, and its pairs stand here." in words(page)
    assert 'action="/compose"' not in page
    page = sat.send("/take-up").text
    assert (sat.state, sat.record.reason, sat.record.edition) == ("draft", "", before)
    assert f"Took up {WEEK} again" in words(page)
    sat.send("/undo")
    assert (sat.state, sat.record.reason) == ("skipped", "a holiday")


def test_a_week_that_was_skipped_with_nothing_composed_is_composed_when_it_is_taken_up(desk_home: Path) -> None:
    with sat_at(desk_home, now=NEXT_MONDAY) as sat:
        sat.services.editions.skip("2026-W48", "a holiday", NEXT_MONDAY, by="Ada")
        answer = sat.send("/take-up", on="/?week=2026-W48")
        after = sat.services.editions.require("2026-W48")
        assert (answer.status_code, after.edited, after.edited_by) == (200, False, "")
        assert after.reason != "a holiday"


def test_a_week_to_come_is_not_composed(sat: Sat) -> None:
    page = sat.get("/?week=2027-W20")
    assert 'action="/compose"' not in page
    assert "this week is still to come" in words(page)
    refused = sat.post("/compose", form_of(sat.get(), "/approve") | {"week": "2027-W20"})
    assert refused.status_code == 409
    assert "2027-W20 cannot be composed yet; allowed: this week (2026-W47)" in words(refused.text)
    assert sat.services.editions.of("2027-W20") is None


def test_on_monday_the_desk_opens_on_the_week_that_begins_once_the_last_is_over(desk_home: Path) -> None:
    with sat_at(desk_home, now=NEXT_MONDAY) as sat:
        assert form_of(sat.get(), "/approve")["week"] == WEEK
    with sat_at(desk_home, now=NOW) as sat:
        sat.send("/skip", reason="a holiday")
        assert form_of(sat.get(), "/take-up")["week"] == WEEK
    with sat_at(desk_home, now=NEXT_MONDAY) as sat:
        assert form_of(sat.get(), "/compose")["week"] == "2026-W48"


def test_who_began_to_send_is_noted_and_nothing_of_it_is_offered_to_be_taken_back(sat: Sat) -> None:
    sat.send("/name", who="Ada")
    sat.send("/approve")
    assert "See it on its way" in words(sat.get())
    sat.post("/send/begin", form_of(counted(sat, "/send?ask=yes"), "/send/begin"))
    changes = sat.services.journal.last()
    assert [(one.said, one.by) for one in changes[:2]] == [
        (f"Began to send {WEEK}", "Ada"),
        (f"Approved {WEEK}", "Ada"),
    ]
    page = sat.get()
    assert f"Began to send {WEEK} (it has no way back)" in words(page)
    assert 'action="/undo"' not in page


def test_a_stale_form_names_who_took_something_back(sat: Sat) -> None:
    changed_elsewhere(sat)
    page = sat.get("/edition")
    sat.services.journal.undo(sat.services.journal.newest(), "Carol", NOW)
    refused = sat.post("/edition/words", form_of(page, "/edition/words") | {"intro": "Ada’s."})
    assert f"{WEEK} was changed by Carol since this page was opened" in words(refused.text)


@pytest.mark.only_looks
def test_an_edition_is_approved_only_where_it_is_seen(sat: Sat) -> None:
    for path in ("/", "/edition", "/preview", "/send"):
        assert 'action="/approve"' in sat.get(path), path
    for path in ("/week", "/compare", "/numbers", "/health"):
        page = sat.get(path)
        assert 'action="/approve"' not in page, path
        assert f'<a class="button" href="/?week={WEEK}" data-key="a">Look it over' in page, path


def test_errors_name_what_the_desk_has() -> None:
    said = as_here(not_in(("draft",), WEEK, "sending", None))
    assert "hold it with “Hold” on the Overview; then it may be edited" in said
    assert as_here("release it first: `verdicts edition release 2026-W47`") == "release it first: “Release it”"
    assert as_here("is `verdicts serve` running?") == "is “verdicts serve” running?"
