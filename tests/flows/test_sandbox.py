"""`verdicts send --dry-run --sandbox` asks SendGrid whether it would take an edition; nothing is delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.database import open_engine, upgrade
from tests import sendgrid
from tests.commands import verdicts
from tests.sendgrid import Running
from tests.subscribers.readers import WEEK, approve, join


@pytest.fixture
def ready(home: Path) -> Path:
    """A home with an approved edition and readers."""
    (home / "verdicts.toml").write_text(
        'from_email = "digest@example.org"\neditors = ["ed@example.org"]\noperator = "ed@example.org"\n'
    )
    engine = open_engine(f"sqlite:///{home / 'verdicts.db'}")
    upgrade(engine)
    join(engine, 3)
    approve(engine)
    engine.dispose()
    return home


@pytest.fixture
def standin(ready: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with sendgrid.running(ready / "sendgrid") as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


def test_it_says_that_sendgrid_would_take_it(ready: Path, standin: Running) -> None:
    asked = verdicts("send", WEEK, "--dry-run", "--sandbox", home=ready)

    assert "SendGrid would take it" in asked.out
    assert [call.status for call in standin.calls()] == [200]
    assert standin.ledger() == []
    assert verdicts("edition", "show", WEEK, "--json", home=ready).document["counts"]["planned"] == 0


def test_it_says_why_sendgrid_would_not(ready: Path, standin: Running) -> None:
    standin.control(plan=["401", "413"])
    asked = verdicts("send", WEEK, "--dry-run", "--sandbox", home=ready)
    document = verdicts("send", WEEK, "--dry-run", "--sandbox", "--json", home=ready).document

    assert asked.status == 1
    assert "not taken: SendGrid answered 401" in asked.out
    assert document["ok"] is False
    assert document["sandbox"].startswith("SendGrid answered 413")


def test_only_sendgrid_has_a_sandbox(ready: Path) -> None:
    asked = verdicts("send", WEEK, "--dry-run", "--sandbox", home=ready)
    assert (asked.status, asked.err) == (
        2, "verdicts: --sandbox: sender 'outbox' has no sandbox; only sendgrid has\n",
    )  # fmt: skip
    alone = verdicts("send", WEEK, "--sandbox", home=ready)
    assert alone.status == 2
    assert "--sandbox goes with --dry-run" in alone.err


def test_lists_of_whom_sendgrid_mails_no_more_are_pulled_page_by_page(ready: Path, standin: Running) -> None:
    listed = [{"email": f"gone{number}@example.org", "created": 1_790_000_000} for number in range(700)]
    (ready / "sendgrid" / "bounces.json").write_text(
        json.dumps([*listed, {"email": "reader1@example.org", "created": 1}])
    )
    for _ in range(2):  # the second time changes nothing
        ran = verdicts("reconcile", "--suppressions", home=ready)
        assert ran.status == 0
        assert "701 addresses listed by SendGrid" in ran.out
        assert verdicts("subscribers", "stats", "--json", home=ready).document["suppressed"] == 701


def test_a_list_that_the_key_may_not_read_is_said_and_the_others_are_taken(ready: Path, standin: Running) -> None:
    for name in ("bounces", "spam_reports"):
        (ready / "sendgrid" / f"{name}.json").write_text(json.dumps([{"email": f"{name}@example.org", "created": 1}]))
    standin.control(lacking=["suppression/bounces"])

    ran = verdicts("reconcile", "--suppressions", home=ready)
    taken = verdicts("reconcile", "--suppressions", "--json", home=ready).document["suppressions"]

    assert ran.status == 1
    assert "1 addresses listed by SendGrid, 1 newly suppressed\ncould not be read to its end: suppression/b" in ran.out
    assert "the key needs access to Suppressions" in ran.out
    assert (taken["listed"], taken["suppressed"], len(taken["missed"])) == (1, 0, 1)
