"""Sending as a person sees it: what waits, what is in doubt, and what a decision does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from digest.errors import EditionError
from digest.model import Counts
from flows import sending, steps
from flows.services import Services, open_services
from subscribers.claiming import myself
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import Pace
from tests.commands import verdicts
from tests.examples import NOW
from tests.fakes import FakeSender
from tests.subscribers.readers import WEEK, approve, join

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def opened(home: Path, database_url: str) -> Iterator[Services]:
    """The services of a home with an edition that is approved, and six readers, once on each kind of database."""
    (home / "verdicts.toml").write_text(f'database_url = "{database_url}"\n')
    with open_services(home, LATER, create=True, environment={}) as services:
        join(services.engine, 6)
        approve(services.engine)
        services.editions.start_sending(WEEK)  # what was begun is not looked at again: it is no edition made from rows
        yield services


def in_doubt(services: Services) -> FakeSender:
    """Send everything in one call whose reply is lost, to a sender that keeps no records."""
    sender = FakeSender(["loses the reply"], remembers=False)
    services.__dict__["sender"] = sender
    done = sending.send(services, WEEK)
    assert (done.state, done.counts, done.needs_a_person) == ("sending", Counts(planned=6, unknown=6), True)
    return sender


def test_an_edition_is_not_sent_while_somebody_is_in_doubt_and_is_once_that_is_decided(opened: Services) -> None:
    in_doubt(opened)
    looked = sending.reconcile(opened, None, None, "ada")
    assert (looked.settled, looked.decided) == ({"unknown": 1}, 0)
    assert [one.email for one in looked.unknown] == [f"reader{number}@example.org" for number in range(6)]
    assert [one.state for one in looked.weeks] == ["sending"]

    ended = sending.reconcile(opened, WEEK, "give up", "ada")
    assert (ended.decided, ended.unknown) == (6, [])
    assert [(one.state, one.counts) for one in ended.weeks] == [("sent", Counts(planned=6, given_up=6))]
    assert sending.reconcile(opened, None, None, "ada").weeks == []


def test_sending_again_is_left_to_the_next_send(opened: Services) -> None:
    sender = in_doubt(opened)
    done = sending.reconcile(opened, WEEK, "resend", "ada")
    assert [(one.state, one.counts.waiting) for one in done.weeks] == [("sending", 6)]
    assert len(sender.asked) == 1

    assert sending.send(opened, WEEK).state == "sent"
    assert len(sender.asked) == 2


def test_a_call_found_afterwards_ends_its_edition(opened: Services) -> None:
    sender = in_doubt(opened)
    sender.remembers = True
    done = sending.reconcile(opened, None, None, "ada")
    assert done.settled == {"accepted": 1}
    assert [one.state for one in done.weeks] == ["sent"]


def test_what_only_waits_for_the_clock_needs_nobody(opened: Services) -> None:
    sender = FakeSender()
    opened.__dict__["sender"] = sender
    opened.__dict__["ledger"] = Ledger(opened.engine, pace=Pace(hour=4))
    done = sending.send(opened, WEEK)

    assert (done.needs_a_person, done.until) == (False, LATER + timedelta(hours=1))
    said = f"it goes on after {LATER + timedelta(hours=1):%a %d %B %H:%M:%S} UTC"
    assert sending.said_of(done).endswith(f"2 waiting (4 letters in an hour is the pace settings allow; {said})")
    assert not steps.send_when_due(opened, WEEK).problem


def test_what_had_to_wait_goes_on_by_itself(opened: Services) -> None:
    sender = FakeSender()
    opened.__dict__["sender"] = sender
    opened.__dict__["ledger"] = Ledger(opened.engine, pace=Pace(hour=4))
    sending.send(opened, WEEK)
    assert [one.counts.waiting for one in sending.resume(opened)] == [2]

    next_week = Services(opened.settings, lambda: LATER + timedelta(days=7))
    next_week.__dict__["sender"] = sender
    said = [one.said for one in steps.run(next_week) if one.step == "send"]
    assert said[0] == f"{WEEK} is sent: 6 accepted"
    assert sending.resume(next_week) == []
    assert len(sender.inboxes) == len(set(sender.inboxes)) == 6


def test_what_another_process_is_sending_is_left_to_it(opened: Services) -> None:
    opened.ledger.plan(WEEK, LATER, 2)
    claimed = opened.ledger.claim(WEEK, myself(), LATER, str.upper)
    assert isinstance(claimed, Claim)
    assert sending.resume(opened) == []
    opened.ledger.record(claimed, "accepted", LATER)
    assert [one.state for one in sending.resume(opened)] == ["sent"]


def test_nobody_goes_on_with_what_is_held(opened: Services) -> None:
    opened.editions.hold(WEEK, "a price is wrong")
    assert sending.resume(opened) == []


def test_a_halted_sender_holds_the_edition_until_it_is_released(opened: Services) -> None:
    opened.__dict__["sender"] = FakeSender(["halts"])
    done = sending.send(opened, WEEK)
    assert done.needs_a_person
    assert opened.editions.require(WEEK).held == "the sender takes nothing: the key was withdrawn"
    with pytest.raises(EditionError, match="held"):
        sending.send(opened, WEEK)

    opened.editions.release(WEEK)
    assert sending.send(opened, WEEK).state == "sent"


def test_a_test_letter_that_was_refused_is_told(opened: Services) -> None:
    opened.__dict__["sender"] = FakeSender(["refuses"])
    said = sending.send_test(opened, WEEK, ["ada@example.org"])
    assert said[0] == "not sent to ada@example.org: one address is malformed"


# The command


def test_nobody_decides_without_naming_the_week(opened: Services) -> None:
    for decision in ("--resend", "--give-up"):
        ran = verdicts("reconcile", decision, home=opened.settings.home)
        assert ran.status == 2
        assert "need a week" in ran.err
    ran = verdicts("reconcile", WEEK, "--resend", "--give-up", home=opened.settings.home)
    assert (ran.status, "choose one" in ran.err) == (2, True)
