"""What a scheduler calls: it brings the week to where it should be now, and again changes nothing more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.demo import SAMPLES
from tests.commands import Ran, verdicts
from tests.processes import together

#: The week 2026-W47 from Monday to Sunday; composing is due Monday 06:00, sending Tuesday 09:00, until 48 h later.
BEFORE, COMPOSED, DUE, LATE = "2026-11-16T05:00Z", "2026-11-16T06:10Z", "2026-11-17T09:05Z", "2026-11-19T10:00Z"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with reviews and readers, and no feeds to poll: made once, and copied for each test."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    assert verdicts("init", home=home).status == 0
    (home / "verdicts.toml").write_text('postal_address = "1 Sample Street"\nfrom_email = "verdicts@example.org"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z", home=home).status == 0
    assert verdicts("subscribers", "import", SAMPLES / "subscribers.csv", home=home).status == 0
    return home


@pytest.fixture
def ready(prepared: Path, home: Path) -> Path:
    shutil.rmtree(home)
    shutil.copytree(prepared, home)
    return home


def run(home: Path, now: str) -> Ran:
    return verdicts("run", "--now", now, home=home)


def letters(home: Path) -> int:
    return len(list((home / "outbox").rglob("*.eml")))


def state(home: Path) -> str:
    return str(verdicts("edition", "show", "--json", home=home).document["state"])


def test_a_week_goes_from_nothing_to_sent_at_its_times(ready: Path) -> None:
    assert "due Mon 16 November 06:00" in run(ready, BEFORE).out
    assert verdicts("edition", "list", home=ready).out == "no edition yet\n"
    assert "2026-W47: 5 matchups" in run(ready, COMPOSED).out
    assert (state(ready), letters(ready)) == ("draft", 0)
    sent = run(ready, DUE)
    assert sent.status == 0
    assert "2026-W47 is sent: 3 accepted" in sent.out
    assert (state(ready), letters(ready)) == ("sent", 3)
    assert "2026-W47 is sent" in run(ready, DUE).out
    assert letters(ready) == 3


def test_one_run_after_downtime_does_all_that_is_due(ready: Path) -> None:
    assert "is sent: 3 accepted" in run(ready, DUE).out


def test_what_is_approved_is_what_is_sent(ready: Path) -> None:
    run(ready, COMPOSED)
    assert verdicts("edition", "approve", "--now", COMPOSED, home=ready).status == 0
    approved = verdicts("edition", "show", "--json", home=ready).document
    verdicts("panel", "import", SAMPLES / "reviews" / "flakehound.yaml", home=ready)
    run(ready, DUE)
    sent = verdicts("edition", "show", "--json", home=ready).document
    assert (sent["sha256"], sent["html"], sent["text"]) == (approved["sha256"], approved["html"], approved["text"])
    assert sent["counts"]["accepted"] == 3


def test_a_held_edition_waits_for_a_person(ready: Path) -> None:
    run(ready, COMPOSED)
    verdicts("edition", "hold", "--reason", "the lead is wrong", home=ready)
    ran = run(ready, DUE)
    assert ran.status == 1
    assert "held: the lead is wrong" in ran.out
    assert verdicts("status", "--now", DUE, home=ready).status == 1
    assert "the lead is wrong" in verdicts("status", "--now", DUE, home=ready).out
    verdicts("edition", "release", home=ready)
    assert "is sent" in run(ready, DUE).out


def test_with_an_editor_nothing_leaves_without_one(ready: Path) -> None:
    (ready / "verdicts.toml").write_text('approval = "editor"\n')
    ran = run(ready, DUE)
    assert (ran.status, letters(ready)) == (1, 0)
    assert "verdicts edition approve 2026-W47" in ran.out
    verdicts("edition", "approve", "2026-W47", "--now", DUE, home=ready)
    assert "is sent: 3 accepted" in run(ready, DUE).out


def test_an_edition_that_is_too_late_is_not_sent_but_raised(ready: Path) -> None:
    run(ready, COMPOSED)
    ran = run(ready, LATE)
    assert (ran.status, letters(ready)) == (1, 0)
    assert "too late" in ran.out
    status = verdicts("status", "--json", "--now", LATE, home=ready)
    assert any("too late" in need for need in status.document["needs"])


def test_a_week_an_editor_skipped_stays_skipped(ready: Path) -> None:
    run(ready, COMPOSED)
    verdicts("edition", "skip", "--reason", "holidays", home=ready)
    assert "2026-W47 skipped: holidays" in run(ready, DUE).out
    assert letters(ready) == 0
    again = verdicts("compose", "--week", "2026-W47", "--now", DUE, home=ready)
    assert again.status == 2
    assert "skipped it (holidays), and that stays" in again.err


def test_a_draft_that_was_never_sent_ends_with_its_week_and_takes_nothing_from_the_next(ready: Path) -> None:
    run(ready, COMPOSED)
    following = run(ready, "2026-11-23T06:10Z")
    assert "2026-W47 skipped: nobody approved it in time" in following.out
    assert "2026-W48: 5 matchups" in following.out
    assert "is sent: 3 accepted" in run(ready, "2026-11-24T09:05Z").out
    status = verdicts("status", "--json", "--now", "2026-11-24T09:05Z", home=ready).document
    assert [(one["week"], one["state"]) for one in status["weeks"]] == [("2026-W48", "sent"), ("2026-W47", "skipped")]


def test_a_draft_somebody_holds_is_left_to_them(ready: Path) -> None:
    run(ready, COMPOSED)
    verdicts("edition", "hold", "--reason", "a lawyer reads it", home=ready)
    run(ready, "2026-11-23T06:10Z")
    assert verdicts("edition", "show", "2026-W47", "--json", home=ready).document["state"] == "draft"


def test_a_week_whose_time_is_over_before_anything_ran_is_skipped_with_the_reason(ready: Path) -> None:
    ran = run(ready, LATE)
    assert ran.status == 1
    assert "2026-W47 skipped: nothing was composed in time" in ran.out
    past = verdicts("run", "--week", "2026-W40", "--now", LATE, home=ready)
    assert "2026-W40 is over, and nothing was composed" in past.out
    assert len(verdicts("edition", "list", "--json", home=ready).document) == 1


def test_an_earlier_week_is_not_composed_after_a_later_one(ready: Path) -> None:
    run(ready, COMPOSED)
    ran = verdicts("compose", "--week", "2026-W46", "--now", COMPOSED, home=ready)
    assert ran.status == 2
    assert "2026-W46 cannot be composed: 2026-W47 is there already" in ran.err


def test_the_next_week_repeats_neither_pairs_nor_news(ready: Path) -> None:
    run(ready, DUE)
    following = run(ready, "2026-11-24T09:05Z")
    assert "2026-W48 skipped: no two tools to compare" in following.out
    status = verdicts("status", "--json", "--now", "2026-11-24T09:05Z", home=ready).document
    assert [(one["week"], one["state"]) for one in status["weeks"]] == [("2026-W48", "skipped"), ("2026-W47", "sent")]


def test_dry_run_and_test_letters_change_no_state(ready: Path) -> None:
    run(ready, COMPOSED)
    rehearsed = verdicts("send", "--dry-run", "--json", home=ready)
    assert rehearsed.document["audience"] == {"receives": 3}
    assert (state(ready), letters(ready)) == ("draft", 0)
    tested = verdicts("send", "--test-to", "me@example.org", home=ready)
    assert tested.status == 0
    assert (state(ready), letters(ready)) == ("draft", 1)
    refused = verdicts("send", home=ready)
    assert refused.status == 2
    assert "approve it first" in refused.err
    assert "no-one" in verdicts("send", "--test-to", "no-one", home=ready).err


def test_what_preflight_blocks_is_neither_approved_nor_sent(ready: Path) -> None:
    run(ready, COMPOSED)
    (ready / "templates" / "email" / "digest").mkdir(parents=True)
    (ready / "templates" / "email" / "digest" / "body.txt").write_text("Hello, no way out of this “letter”.\n")
    checked = verdicts("check", "--json", home=ready)
    assert (checked.status, checked.document["ok"]) == (1, False)
    assert "leave-link" in {one["code"] for one in checked.document["findings"]}
    assert "leave" in verdicts("edition", "approve", home=ready).err
    ran = run(ready, DUE)
    assert (ran.status, letters(ready)) == (1, 0)
    assert "cannot be approved" in ran.out


def test_a_broken_list_of_feeds_does_not_stop_the_approved_edition(ready: Path) -> None:
    run(ready, COMPOSED)
    (ready / "feeds.toml").write_text("[[feed]\n")
    ran = run(ready, DUE)
    assert "gather: nothing was polled: " in ran.out
    assert "2026-W47 is sent: 3 accepted" in ran.out
    assert ran.status == 1


def test_a_week_nobody_composed_can_be_ended(ready: Path) -> None:
    assert any("2026-W47 has no edition" in need for need in needs(ready))
    assert verdicts("edition", "skip", "2026-W47", "--reason", "on holiday", "--now", DUE, home=ready).status == 0
    assert not any("2026-W47" in need for need in needs(ready))


def needs(home: Path) -> list[str]:
    found: list[str] = verdicts("status", "--json", "--now", DUE, home=home).document["needs"]
    return found


_RUN = """
import sys
from flows.cli import main
sys.argv = ['verdicts', 'run', '--home', sys.argv[1], '--now', sys.argv[2]]
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, home: Path) -> Path:
    """A home with reviews and readers, once on each kind of database."""
    settings = 'postal_address = "1 Sample Street"\nfrom_email = "verdicts@example.org"\n'
    if request.param == "postgresql":
        settings += f'database_url = "{request.getfixturevalue("new_postgres")()}"\n'
    (home / "verdicts.toml").write_text(settings)
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    for command in (("init",), ("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z")):
        assert verdicts(*command, home=home).status == 0
    assert verdicts("subscribers", "import", SAMPLES / "subscribers.csv", home=home).status == 0
    return home


def test_runs_at_the_same_moment_make_one_edition_and_send_it_once(either: Path) -> None:
    said = together(_RUN, "main()", str(either), DUE, copies=3)

    assert any("2026-W47 is sent: 3 accepted" in one for one in said), said
    assert letters(either) == 3
    shown = verdicts("edition", "show", "--json", home=either).document
    assert (shown["state"], shown["counts"]["accepted"], len(shown["matchups"])) == ("sent", 3, 5)
    assert len(verdicts("edition", "list", "--json", home=either).document) == 1


def test_a_run_that_is_repeated_at_once_changes_nothing_more(either: Path) -> None:
    assert run(either, DUE).status == 0
    before = verdicts("edition", "show", "--json", home=either).document

    together(_RUN, "main()", str(either), DUE, copies=2)

    assert verdicts("edition", "show", "--json", home=either).document == before
    assert letters(either) == 3
