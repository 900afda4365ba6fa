"""Sending as a person sees it: what waits, what is in doubt, and what a decision does."""

from __future__ import annotations

import io
import mailbox
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from digest.errors import EditionError
from digest.model import Counts
from flows import reconciling, sending, steps
from flows.services import Services, open_services
from subscribers.claiming import myself
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import Pace
from subscribers.tables import BatchRow
from tests.commands import verdicts
from tests.examples import NOW
from tests.fakes import FakeSender
from tests.subscribers.readers import WEEK, approve, id_of, join

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def opened(home: Path, database_url: str) -> Iterator[Services]:
    """The services of a home with an edition that is approved, and six readers, once on each kind of database."""
    (home / "verdicts.toml").write_text(f'database_url = "{database_url}"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
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
    looked = reconciling.reconcile(opened, None, None, "ada")
    assert (looked.settled, looked.decided) == ({"unknown": 1}, 0)
    assert [one.email for one in looked.unknown] == [f"reader{number}@example.org" for number in range(6)]
    assert [one.state for one in looked.weeks] == ["sending"]

    ended = reconciling.reconcile(opened, WEEK, "give up", "ada")
    assert (ended.decided, ended.unknown) == (6, [])
    assert [(one.state, one.counts) for one in ended.weeks] == [("sent", Counts(planned=6, given_up=6))]
    assert reconciling.reconcile(opened, None, None, "ada").weeks == []


def test_sending_again_is_left_to_the_next_send(opened: Services) -> None:
    sender = in_doubt(opened)
    done = reconciling.reconcile(opened, WEEK, "resend", "ada")
    assert [(one.state, one.counts.waiting) for one in done.weeks] == [("sending", 6)]
    assert len(sender.asked) == 1

    assert sending.send(opened, WEEK).state == "sent"
    assert len(sender.asked) == 2


def test_a_call_found_afterwards_ends_its_edition(opened: Services) -> None:
    sender = in_doubt(opened)
    sender.remembers = True
    done = reconciling.reconcile(opened, None, None, "ada")
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
    claimed = opened.ledger.claim(WEEK, myself(), LATER, lambda ids: [one.upper() for one in ids], "fake")
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


@pytest.fixture
def forgetful(opened: Services, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose edition is in doubt, and whose way of sending keeps no records: nobody can be asked."""
    in_doubt(opened)
    for name, value in (("VERDICTS_SENDER", "smtp"), ("SMTP_HOST", "127.0.0.1"), ("SMTP_TLS", "none")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SMTP_PORT", str(free_port))
    return opened.settings.home


def test_the_command_names_who_is_in_doubt_and_what_each_decision_risks(forgetful: Path) -> None:
    ran = verdicts("reconcile", home=forgetful)
    assert ran.status == 1
    lines = ran.out.splitlines()
    assert [line.split(": ")[1] for line in lines[:6]] == [f"reader{number}@example.org" for number in range(6)]
    assert all("no reply within 30 s" in line for line in lines[:6])
    assert lines[6] == f"{WEEK} is sending: 6 unknown"
    assert "a second time" in lines[7]
    assert f"verdicts reconcile {WEEK} --resend" in lines[7]
    assert "stays without" in lines[8]
    assert f"verdicts reconcile {WEEK} --give-up" in lines[8]

    told = verdicts("reconcile", "--json", home=forgetful)
    assert (told.status, len(told.document["unknown"])) == (1, 6)
    assert told.document["unknown"][0]["email"] == "reader0@example.org"


@pytest.mark.parametrize(("answer", "status", "state"), [("n\n", 1, "sending"), ("y\n", 0, "sent")])
def test_a_person_is_asked_before_anything_is_decided(
    forgetful: Path, opened: Services, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, state: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ran = verdicts("reconcile", WEEK, "--give-up", home=forgetful)
    assert (ran.status, opened.editions.require(WEEK).state) == (status, state)
    assert "6 readers are in doubt. Count them as not reached?" in ran.out


def test_scripts_decide_without_being_asked(forgetful: Path, opened: Services) -> None:
    ran = verdicts("reconcile", WEEK, "--resend", "--yes", "--json", home=forgetful)
    assert (ran.status, ran.document["decided"], ran.document["unknown"]) == (0, 6, [])
    assert opened.ledger.counts(WEEK).waiting == 6


def test_only_sendgrid_has_lists_to_take_over(forgetful: Path) -> None:
    ran = verdicts("reconcile", "--suppressions", home=forgetful)
    assert (ran.status, "only sendgrid" in ran.err) == (2, True)


def test_bounces_that_came_back_as_mail_end_what_they_prove_and_nothing_else(opened: Services, tmp_path: Path) -> None:
    opened.__dict__["sender"] = FakeSender()
    assert sending.send(opened, WEEK).state == "sent"
    with Session(opened.engine) as session:
        key = session.exec(select(BatchRow.key)).one()
    id_ = id_of(opened.engine, "reader1@example.org")
    folder = mailbox.Maildir(tmp_path / "bounces")
    folder.add(report("reader1@example.org", f"<{WEEK}.{id_}.{key}@verdicts.example.org>"))
    folder.add(report("reader2@example.org", ""))
    folder.add("Subject: hello\n\nWhen is the next edition?\n")

    for _ in range(2):  # the second time changes nothing
        ran = verdicts("reconcile", "--bounces", tmp_path / "bounces", home=opened.settings.home)
        assert ran.status == 1
        assert "1 bounces and complaints, 0 of no letter of ours" in ran.out
        assert "could not be read: " in ran.out
        assert "names no letter of ours, so it changes nothing: reader2@example.org: hard bounce" in ran.out
        assert opened.ledger.counts(WEEK).bounced == 1
    assert verdicts("subscribers", "stats", "--json", home=opened.settings.home).document["suppressed"] == 1
    ran = verdicts("reconcile", "--bounces", tmp_path / "nothing", home=opened.settings.home)
    assert (ran.status, "maildir" in ran.err) == (2, True)


def report(address: str, message_id: str) -> str:
    """A report of a mail server that there is no such mailbox, with the head of the letter it is about."""
    return f"""From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: verdicts@example.org
Subject: Undelivered Mail Returned to Sender
Date: Wed, 18 Nov 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

Nobody here has that name.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--cut
Content-Type: text/rfc822-headers

From: verdicts@example.org
To: {address}
{f"Message-ID: {message_id}" if message_id else "Subject: Something else"}

--cut--
"""
