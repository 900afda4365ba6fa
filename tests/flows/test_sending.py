"""Sending as a person sees it: what waits, what is in doubt, and what a decision does."""

from __future__ import annotations

import io
import logging
import mailbox
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from sqlmodel import Session, select

from digest.errors import EditionError
from digest.model import Counts
from flows import reconciling, sending, steps
from flows.alarms import halted
from flows.asking import Asking
from flows.keeping import keep
from flows.services import Services, open_services
from flows.status import status
from subscribers.addressing import Batch
from subscribers.claiming import myself
from subscribers.ledger import Claim, Ledger
from subscribers.pacing import Pace
from subscribers.senders import Doubt, Receipt
from subscribers.tables import BatchRow, NoticeRow
from tests.commands import verdicts
from tests.examples import NOW
from tests.fakes import FakeSender, Outcome
from tests.subscribers.readers import WEEK, approve, id_of, join, readers_of

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


def test_a_sender_that_stops_one_edition_leaves_other_work_alone(opened: Services) -> None:
    """`verdicts serve` sends letters and applies events beside it, until the same event is set."""
    opened.__dict__["sender"] = FakeSender(["halts"])
    opened.__dict__["ledger"] = Ledger(opened.engine)
    stop = Event()
    assert [one.stopped for one in sending.resume(opened, stop)] == [
        "held: the sender takes nothing: the key was withdrawn"
    ]
    assert not stop.is_set()


def test_whoever_reads_of_a_halted_sender_is_told_to_release_the_edition(opened: Services) -> None:
    release = f"`verdicts edition release {WEEK}`"
    settings = opened.settings.model_copy(update={"operator": "olga@example.org"})
    opened.__dict__["ledger"] = Ledger(opened.engine, halted(settings))
    opened.__dict__["sender"] = FakeSender(["halts"])
    done = sending.send(opened, WEEK)
    said = "6 waiting (held: the sender takes nothing: the key was withdrawn; "
    assert sending.said_of(done) == f"{WEEK} is sending: {said}{release}, and then `verdicts send {WEEK}` goes on)"
    with pytest.raises(EditionError, match=f"it is held .* release it first: {release}"):
        sending.send(opened, WEEK)
    with Session(opened.engine) as session:
        alarm = session.exec(select(NoticeRow).where(NoticeRow.kind == "alarm")).one()
    assert alarm.data["steps"][1:] == [
        f"Let it go on: verdicts edition release {WEEK}", f"Send the rest: verdicts send {WEEK}",
    ]  # fmt: skip
    assert any(release in one for one in status(opened)["needs"])


def test_an_edition_that_was_begun_and_not_planned_is_not_over(opened: Services) -> None:
    """Another process may be about to plan it, or have died before it did."""
    (looked,) = reconciling.reconcile(opened, WEEK).weeks
    assert (looked.state, looked.counts, looked.needs_a_person) == ("sending", Counts(), True)
    assert opened.editions.under_way() == [WEEK]
    opened.__dict__["sender"] = sender = FakeSender()
    assert [one.state for one in sending.resume(opened)] == ["sent"]
    assert len(sender.inboxes) == 6


def test_an_edition_for_nobody_ends_its_week(opened: Services) -> None:
    for number in range(6):
        readers_of(opened.engine).leave(id_of(opened.engine, f"reader{number}@example.org"), LATER, source="page")
    opened.__dict__["sender"] = sender = FakeSender()
    done = sending.send(opened, WEEK)
    assert (sending.said_of(done), sender.asked) == (f"{WEEK} is sent: nobody to send to", [])


# Who sends it


def claimed_by(services: Services, process: str, now: datetime = LATER) -> Claim:
    claim = services.ledger.claim(WEEK, process, now, lambda ids: [one.upper() for one in ids], "fake")
    assert isinstance(claim, Claim)
    return claim


def halted_after(services: Services, calls: int) -> FakeSender:
    """Send until the sender takes no more, which holds the edition; calls carry two readers."""
    services.ledger.plan(WEEK, LATER, 2)
    outcomes: list[Outcome] = [*["accepts"] * calls, "halts"]  # type: ignore[list-item]
    services.__dict__["sender"] = sender = FakeSender(outcomes)
    assert sending.send(services, WEEK).counts == Counts(planned=6, accepted=2 * calls)
    return sender


def test_another_process_is_named_only_where_one_lives(opened: Services) -> None:
    opened.ledger.plan(WEEK, NOW, 2)
    idle = sending.standing(opened, WEEK)
    assert sending.said_of(idle) == (
        f"{WEEK} is sending: 6 waiting (nobody is sending it; `verdicts send {WEEK}` goes on)"
    )
    assert idle.needs_a_person

    claim = claimed_by(opened, myself())
    busy = sending.standing(opened, WEEK)
    assert sending.said_of(busy) == f"{WEEK} is sending: 6 waiting (another process is sending it)"
    assert not busy.needs_a_person

    opened.ledger.record(claim, "accepted", LATER)
    claimed_by(opened, "another-machine:1:1", LATER - timedelta(hours=1))
    assert sending.standing(opened, WEEK).stopped == "nobody is sending it"

    opened.editions.hold(WEEK, "a price is wrong")
    assert sending.standing(opened, WEEK).stopped == "held: a price is wrong"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_another_process_claims_in_this_moment_is_its_work(opened: Services) -> None:
    opened.ledger.plan(WEEK, NOW, 2)
    opened.__dict__["sender"] = FakeSender()
    with Session(opened.engine) as other:  # a claim of another process that is not committed yet
        other.exec(select(BatchRow.number).where(BatchRow.week == WEEK).with_for_update()).all()
        done = sending.send(opened, WEEK)
        assert (done.counts.waiting, done.busy, done.needs_a_person) == (6, True, False)

    assert sending.send(opened, WEEK).counts == Counts(planned=6, accepted=6)


def test_the_sender_is_asked_about_a_call_ever_more_seldom() -> None:
    sender, moment, memory = FakeSender(remembers=False), [LATER], dict[str, datetime]()
    asked: list[datetime] = []

    class Noting(FakeSender):
        def found(self, doubt: Doubt) -> bool | None:
            asked.append(moment[0])
            return sender.found(doubt)

    asking, doubt = Asking(Noting(), lambda: moment[0], Event(), memory), Doubt(WEEK, "key", LATER, ())
    for _ in range(60 * 24):
        assert asking.found(doubt) is None
        moment[0] += timedelta(minutes=1)
    pauses = [(later - before) / timedelta(minutes=1) for before, later in pairwise(asked)]
    assert pauses[:8] == [1, 1, 2, 4, 8, 16, 32, 60]
    assert set(pauses[8:]) == {60}
    asking.stop.set()
    moment[0] += timedelta(days=1)
    assert (asking.found(doubt), asked[-1] < moment[0] - timedelta(hours=23)) == (None, True)


# Test letters


def test_a_test_letter_that_was_refused_is_told(opened: Services) -> None:
    opened.__dict__["sender"] = FakeSender(["refuses"])
    done = sending.send_test(opened, WEEK, ["ada@example.org"])
    assert (done.got, done.missed) == ((), {"ada@example.org": "one address is malformed"})


def test_an_address_that_is_refused_does_not_keep_a_test_letter_from_the_others(opened: Services) -> None:
    class Strict(FakeSender):
        """Refuses a whole call for one address, and names it, as SendGrid does."""

        def send(self, batch: Batch) -> Receipt:
            if not (bad := [one.id for one in batch.recipients if one.email == "bad@example.org"]):
                return super().send(batch)
            return Receipt(refused={bad[0]: "no address"}, later={one.id: "" for one in batch.recipients[1:]})

    opened.__dict__["sender"] = sender = Strict()
    done = sending.send_test(opened, WEEK, ["bad@example.org", "You@example.org", "you@Example.org"])
    assert (done.got, done.missed) == (("You@example.org",), {"bad@example.org": "no address"})
    assert sender.inboxes == ["You@example.org"]
    assert len({one.partition(":")[2][:9] for one in done.findings}) > 1
    assert len(done.findings) == len(set(done.findings))


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


def test_a_decision_needs_no_sender_that_can_be_asked(opened: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt(opened)
    monkeypatch.setenv("VERDICTS_SENDER", "sendgrid")
    looked = verdicts("reconcile", home=opened.settings.home)
    assert looked.status == 1
    assert "the sender could not be asked: SENDGRID_API_KEY is missing" in looked.out
    ran = verdicts("reconcile", WEEK, "--give-up", "--yes", home=opened.settings.home)
    assert (ran.status, "6 deliveries given up" in ran.out) == (0, True)
    assert opened.editions.require(WEEK).state == "sent"


def test_a_question_beside_a_document_is_asked_on_standard_error(
    forgetful: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ran = verdicts("reconcile", WEEK, "--give-up", "--json", home=forgetful)
    assert (ran.status, ran.document["decided"], len(ran.document["unknown"])) == (1, 0, 6)
    assert "reader0@example.org: in doubt since" in ran.err
    assert "6 readers are in doubt. Count them as not reached?" in ran.err


def test_a_rehearsal_tells_what_became_of_an_edition_that_went_out(opened: Services) -> None:
    def rehearsed() -> str:
        return verdicts("send", WEEK, "--dry-run", home=opened.settings.home).out.splitlines()[0]

    assert rehearsed() == f"{WEEK} is sending; it would go to 6 readers; nothing was sent"
    halted_after(opened, 1)
    assert rehearsed() == f"{WEEK} is sending; it went to 2 readers, and would go to 4 more; nothing was sent"
    reconciling.reconcile(opened, WEEK, "give up", "ada")
    assert rehearsed() == f"{WEEK} is sent; it went to 2 readers; nothing was sent"


def test_a_run_names_an_older_edition_that_is_held_while_it_is_sent(opened: Services) -> None:
    opened.editions.hold(WEEK, "a price is wrong")
    ran = verdicts("run", "--now", (LATER + timedelta(days=7)).isoformat(), home=opened.settings.home)
    assert (ran.status, f"send: {WEEK} is held: a price is wrong" in ran.out) == (1, True)


def test_trouble_that_stays_the_same_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    stop, rounds = Event(), iter(["in doubt", "in doubt", "held", "", "held", "end"])

    def work() -> str:
        if (trouble := next(rounds)) == "end":
            stop.set()
            return ""
        return trouble

    keep("an edition waits", work, stop, 0.001, logging.getLogger("test"))
    assert caplog.messages == [f"an edition waits: {one}" for one in ("in doubt", "held", "held")]


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
