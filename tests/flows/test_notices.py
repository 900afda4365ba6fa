"""Letters outside the editions as they arrive: what each says, where its links lead, and what causes one."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.database import upgrade, writing
from digest.editions import Editions
from digest.errors import EditionError, SendHalted
from digest.model import Review, Tool
from digest.rendering import render
from flows import sending, steps
from flows.demo import SAMPLES
from flows.notices import keep_sending, send_notices
from flows.services import Services, open_services
from flows.status import status
from sources.panel import BUNDLED_REVIEWERS, load_reviewers
from sources.reviewfiles import read_reviews
from subscribers.addressing import Batch
from subscribers.links import Purpose, reader_of, standing
from subscribers.notices import Kind, queue
from subscribers.senders import Receipt
from subscribers.senders.outbox import Outbox
from subscribers.tables import NoticeRow, SubscriberRow
from tests.examples import NOW, edition
from tests.subscribers.test_notices import reader as let_in

READER = "0123456789abcdef"

#: The week of NOW; composing is due Monday 06:00, sending Tuesday 09:00, until 48 h later.
WEEK = "2026-W47"

OURS = "https://verdicts.example.org"

SETTINGS = f"""
site_url = "{OURS}"
from_email = "verdicts@example.org"
reply_to = "editor@example.org"
postal_address = "1 Sample Street"
operator = "operator@example.org"
editors = ["ed@example.org", "Edda@example.org"]
"""


@pytest.fixture
def opened(home: Path, shared_engine: Engine) -> Iterator[Services]:
    """The services of a home with editors and an operator, at NOW, once on each kind of database."""
    url = shared_engine.url.render_as_string(hide_password=False)
    (home / "verdicts.toml").write_text(f'{SETTINGS}database_url = "{url}"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    with open_services(home, NOW, create=True, environment={}) as services:
        assert services.engine
        yield services


def later(services: Services, at: datetime) -> Services:
    """The same services at another time."""
    return Services(services.settings, lambda: at)


def reader(services: Services, email: str = "ada@example.org", **others: Any) -> str:
    return let_in(services.engine, email, **others)


def ask(services: Services, kind: Kind, **others: Any) -> None:
    with writing(services.engine) as session:
        assert queue(session, kind, services.clock(), **others)


def outbox(services: Services) -> list[EmailMessage]:
    """The letters outside the editions that arrived, in the order they were sent."""
    files = sorted(
        (services.settings.home / "outbox" / "notices").glob("[!.]*/*.eml"), key=lambda one: one.stat().st_mtime_ns
    )
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def arrived(services: Services) -> EmailMessage:
    """The one letter that arrived after sending what is due."""
    done = send_notices(services)
    assert (done.letters, done.stopped) == ({"accepted": 1}, "")
    (mail,) = outbox(services)
    return mail


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def token(mail: EmailMessage, page: str) -> str:
    """The token behind a page's address, the same in both parts."""
    found: set[str] = {
        match for kind in ("plain", "html") for match in re.findall(rf"{OURS}/{page}/([\w-]+)", part(mail, kind))
    }
    assert len(found) == 1
    return found.pop()


def rows(services: Services) -> list[NoticeRow]:
    with Session(services.engine) as session:
        return list(session.exec(select(NoticeRow).order_by(col(NoticeRow.id))))


def approved(services: Services) -> None:
    editions = Editions(services.engine)
    made = edition(3)
    editions.keep_draft(made)
    editions.approve(made.week, render(made, services.settings.site), "an editor", NOW)


# What arrives


@dataclass(frozen=True)
class Case:
    """One kind of letter: what asks for it, where it goes, and whether its reader may leave with it."""

    kind: Kind
    subject: str
    to: str = "ada@example.org"
    leaves: bool = False
    state: str = "confirmed"
    data: dict[str, Any] | None = None
    email: str = ""


CASES = (
    Case("confirm", "Confirm your subscription to AI Tool Verdicts", state="unconfirmed"),
    Case("welcome", "Welcome to AI Tool Verdicts", leaves=True),
    Case("goodbye", "You have left AI Tool Verdicts", leaves=True, state="unsubscribed"),
    Case("link", "Your link to change your subscription to AI Tool Verdicts", leaves=True, data={"for": "account"}),
    Case("link", "Your link to leave AI Tool Verdicts", leaves=True, data={"for": "leave"}),
    Case("link", "You are subscribed to AI Tool Verdicts already", leaves=True, data={"for": "known"}),
    Case("move", "Confirm your new address for AI Tool Verdicts", "Bea@example.org", email="Bea@example.org"),
    Case("moved", "Your subscription to AI Tool Verdicts has moved", "old@example.org", email="old@example.org"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {(case.data or {}).get('for', '')}".strip())
def test_a_letter_arrives_with_its_headers_and_only_readers_may_leave_with_it(opened: Services, case: Case) -> None:
    who = reader(opened, state=case.state, asked_at=NOW, moving_to="bea@example.org", name="Ada")
    ask(opened, case.kind, subscriber_id=who, data=case.data, email=case.email)
    mail = arrived(opened)
    (to,) = mail["To"].addresses

    assert (mail["Subject"], to.addr_spec, mail["Auto-Submitted"]) == (case.subject, case.to, "auto-generated")
    assert to.display_name == ("Ada" if case.leaves else "")
    for kind in ("plain", "html"):
        assert "1 Sample Street" in part(mail, kind)
        assert "[[reader]]" not in part(mail, kind)
        assert "ada@" not in part(mail, kind).casefold()
        assert "bea@" not in part(mail, kind).casefold()
    if case.leaves:
        left = re.fullmatch(rf"<{OURS}/leave/([\w-]+)>", mail["List-Unsubscribe"].strip())
        assert left is not None
        assert reader_of(opened.settings.link_keys, left[1]) == READER
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    else:
        assert not [name for name in mail if name.lower().startswith("list-")]


@pytest.mark.parametrize(
    ("case", "page", "lasts", "bound"),
    [
        (CASES[0], "confirm", timedelta(days=7), "ada@example.org"),
        (CASES[3], "account", timedelta(hours=1), "ada@example.org"),
        (CASES[6], "move", timedelta(hours=1), "bea@example.org"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_passing_link_counts_from_when_it_is_sent_and_is_good_for_one_address(
    opened: Services, case: Case, page: Purpose, lasts: timedelta, bound: str
) -> None:
    who = reader(opened, state=case.state, asked_at=NOW, moving_to="BEA@example.org")
    ask(opened, case.kind, subscriber_id=who, data=case.data, email=case.email)
    sent = NOW + timedelta(days=9)  # the sender was down for longer than a link works
    found, keys = token(arrived(later(opened, sent)), page), opened.settings.link_keys

    assert standing(keys, page, found, sent + lasts, bound) == "good"
    assert standing(keys, page, found, sent + lasts + timedelta(seconds=1), bound) == "expired"
    assert standing(keys, page, found, sent, "eve@example.org") == "bad"


def test_links_that_do_not_expire_are_the_readers_own(opened: Services) -> None:
    who = reader(opened)
    for target in ("leave", "known"):
        ask(opened, "link", subscriber_id=who, data={"for": target})
    send_notices(opened)
    leave, known = sorted(outbox(opened), key=lambda mail: "already" in mail["Subject"])

    assert reader_of(opened.settings.link_keys, token(leave, "leave")) == READER
    assert reader_of(opened.settings.link_keys, token(known, "preferences")) == READER


def test_a_welcome_brings_the_newest_public_edition_and_the_day_of_the_next(opened: Services) -> None:
    approved(opened)
    ask(opened, "welcome", subscriber_id=reader(opened))
    mail = arrived(opened)

    assert mail["Subject"] == "Welcome to AI Tool Verdicts: the latest edition"
    assert "The next edition comes on Tuesday 17 November" in part(mail, "plain")
    votes = re.findall(rf"{OURS}/vote/([\w-]+)/{WEEK}/plumbline/ship", part(mail, "plain"))
    assert {reader_of(opened.settings.link_keys, one) for one in votes} == {READER}


def test_a_draft_is_no_edition_to_welcome_anybody_with(opened: Services) -> None:
    Editions(opened.engine).keep_draft(edition(3))
    ask(opened, "welcome", subscriber_id=reader(opened))

    assert "first edition is in the making" in part(arrived(opened), "html")


def test_a_broken_template_of_ones_own_keeps_its_letter_until_it_is_mended(opened: Services) -> None:
    own = opened.settings.home / "templates" / "email" / "goodbye"
    own.mkdir(parents=True)
    (own / "body.txt").write_text("{{ nobody }}\n")
    ask(opened, "goodbye", subscriber_id=reader(opened, state="unsubscribed"))
    ask(opened, "moved", subscriber_id=READER, email="old@example.org")

    assert send_notices(opened).letters == {"queued": 1, "accepted": 1}
    assert "'nobody' is undefined" in rows(opened)[0].reason
    (own / "body.txt").unlink()
    assert send_notices(later(opened, NOW + timedelta(minutes=1))).letters == {"accepted": 1}
    assert {row.state for row in rows(opened)} == {"accepted"}


# What causes them


@cache
def sheets() -> list[tuple[Tool, tuple[Review, ...]]]:
    """The sample reviews: to read their files takes as long as all that follows from them."""
    read = read_reviews([SAMPLES / "reviews"], load_reviewers(BUNDLED_REVIEWERS), NOW.date())
    return [(sheet.tool, tuple(sheet.reviews)) for sheet in read]


def compose(services: Services) -> None:
    services.store.record_reviews(sheets(), datetime(2026, 11, 15, 12, tzinfo=UTC))
    assert steps.compose(services, WEEK).state == "draft"


def test_every_editor_is_told_once_of_a_weeks_draft(opened: Services) -> None:
    compose(opened)
    steps.compose(opened, WEEK)
    send_notices(opened)

    told = outbox(opened)
    assert sorted(mail["To"].addresses[0].addr_spec for mail in told) == ["Edda@example.org", "ed@example.org"]
    assert {mail["Auto-Submitted"] for mail in told} == {"auto-generated"}
    for mail in told:
        assert mail["Subject"].startswith("Week 47, 2026 ")
        assert "Tuesday 17 November, 09:00 UTC" in " ".join(part(mail, "plain").split())
        assert mail["List-Unsubscribe"] is None


def test_editors_are_not_told_of_a_draft_that_went_on_meanwhile(opened: Services) -> None:
    compose(opened)
    opened.editions.skip(WEEK, "holidays", NOW, by="an editor")

    assert send_notices(opened).letters == {"dropped": 2}


def test_a_draft_that_is_not_kept_is_told_to_nobody(opened: Services) -> None:
    compose(opened)
    with writing(opened.engine) as session:
        session.connection().execute(NoticeRow.__table__.delete())  # type: ignore[attr-defined]
    steps.compose(opened, WEEK, again=False)

    assert rows(opened) == []


def test_what_cannot_be_told_does_not_happen(opened: Services) -> None:
    def fails(session: Session) -> None:
        queue(session, "alarm", NOW, email="operator@example.org")
        raise EditionError("the letter cannot be queued")

    with pytest.raises(EditionError):
        opened.editions.keep_draft(edition(3), also=fails)
    assert opened.editions.of(WEEK) is None
    opened.editions.keep_draft(edition(3))
    with pytest.raises(EditionError):
        opened.editions.hold(WEEK, "too late", also=fails)
    with pytest.raises(EditionError):
        opened.editions.skip(WEEK, "too late", NOW, also=fails)
    record = opened.editions.require(WEEK)
    assert (record.state, record.held, rows(opened)) == ("draft", None, [])


def test_the_operator_is_told_that_an_edition_is_held_as_too_late(opened: Services) -> None:
    compose(opened)
    ran = steps.run(later(opened, NOW + timedelta(days=4)), WEEK)

    assert (ran[-1].step, ran[-1].problem) == ("notices", False)
    (mail,) = [one for one in outbox(opened) if one["To"].addresses[0].addr_spec == "operator@example.org"]
    assert mail["Subject"] == "Alarm: Week 47, 2026 was not sent in time"
    assert f"verdicts edition release {WEEK}" in " ".join(part(mail, "plain").split())
    steps.run(later(opened, NOW + timedelta(days=4, hours=1)), WEEK)
    assert len([row for row in rows(opened) if row.kind == "alarm"]) == 1


@pytest.mark.parametrize("days", [4, 8])
def test_the_operator_is_told_of_a_week_that_the_clock_ends(opened: Services, days: int) -> None:
    if days > 7:  # a draft is there, and the next week has come
        compose(opened)
    steps.run(later(opened, NOW + timedelta(days=days)))

    said = [mail["Subject"] for mail in outbox(opened) if "Alarm" in mail["Subject"]]
    assert "Alarm: Week 47, 2026 ends without a digest" in said


def test_the_operator_is_told_that_the_sender_takes_no_more(opened: Services) -> None:
    class Withdrawn(Outbox):
        def send(self, batch: Batch) -> Receipt:
            if batch.week == WEEK:
                raise SendHalted("401: the key was withdrawn")
            return super().send(batch)

    opened.__dict__["sender"] = Withdrawn(opened.settings.home / "outbox")
    reader(opened)
    compose(opened)
    steps.approve(opened, WEEK, "an editor")
    for _ in range(2):
        assert sending.send(opened, WEEK).stopped == "held: the sender takes nothing: 401: the key was withdrawn"
        opened.editions.release(WEEK)

    assert send_notices(opened).letters == {"dropped": 2, "accepted": 1}  # no editor is asked to read it any more
    (mail,) = outbox(opened)
    assert mail["Subject"] == "Alarm: Sending Week 47, 2026 has stopped"
    assert "401: the key was withdrawn" in part(mail, "html")
    assert f"verdicts send {WEEK}" in part(mail, "plain")


def test_without_editors_and_operator_nobody_is_told(opened: Services) -> None:
    alone = replace(opened, settings=opened.settings.model_copy(update={"editors": (), "operator": ""}))
    compose(alone)
    steps.run(later(alone, NOW + timedelta(days=4)), WEEK)

    assert rows(opened) == []


# How they stand


def test_status_names_what_waits_too_long_what_was_refused_and_what_got_lost(opened: Services) -> None:
    ask(opened, "alarm", email="operator@example.org")
    for state in ("unknown", "refused"):
        ask(opened, "alarm", email="operator@example.org", data={"x": state})
        notice = opened.notices.claim("elsewhere:1:1", NOW, "fake")
        assert notice is not None
        opened.notices.record(notice, state, NOW, f"it is {state}")
    soon = status(later(opened, NOW + timedelta(minutes=1)))
    late = status(later(opened, NOW + timedelta(hours=1)))
    old = status(later(opened, NOW + timedelta(days=8)))

    assert (late["notices"]["queued"], late["notices"]["unknown"], late["notices"]["refused"]) == (1, 1, 1)
    assert late["notices"]["waiting_since"] == NOW.isoformat()
    assert "operator@" not in str(late)
    needs = [one for one in late["needs"] if "letter" in one]
    assert needs[0].startswith("1 letters wait to be sent")
    assert [need.partition(" is ")[2] for need in needs[1:]] == ["unknown: it is unknown", "refused: it is refused"]
    assert len([one for one in soon["needs"] if "letter" in one]) == 2
    assert len([one for one in old["needs"] if "letter" in one]) == 1


def test_a_run_says_last_what_it_sent_and_asks_for_a_person_where_a_sender_halts(opened: Services) -> None:
    ask(opened, "alarm", email="operator@example.org", data=alarm())
    (opened.settings.home / "outbox").write_text("a file where the folder should be")
    halted = steps.run(opened, "2026-W48")[-1]
    assert (halted.step, halted.problem) == ("notices", True)
    assert halted.said.startswith("1 waiting (")
    (opened.settings.home / "outbox").unlink()
    mended = steps.run(later(opened, NOW + timedelta(minutes=1)), "2026-W48")[-1]
    assert (mended.problem, mended.said) == (False, "1 accepted")
    assert steps.run(later(opened, NOW + timedelta(minutes=1)), "2026-W48")[-1].said == "no letter is due"


def alarm() -> dict[str, Any]:
    return {"title": "A test", "happened": "Nothing.", "means": "", "steps": (), "at": NOW.isoformat()}


# While serving


@contextmanager
def letters_sent(services: Services) -> Iterator[None]:
    """Letters sent from a thread, as `serve` does, resting for moments only."""
    stop = threading.Event()
    thread = threading.Thread(target=keep_sending, args=(services, stop, 0.02))
    thread.start()
    try:
        yield
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ticking(services: Services) -> Services:
    """The same services with a clock on which a minute passes in every tenth of a second."""
    started = time.monotonic()
    return Services(services.settings, lambda: NOW + timedelta(minutes=(time.monotonic() - started) * 10))


def test_while_serving_a_letter_goes_out_soon_after_its_cause(opened: Services) -> None:
    with letters_sent(opened):
        for number in range(3):
            ask(opened, "alarm", email=f"operator{number}@example.org", data=alarm())
            until(lambda so_far=number: len(outbox(opened)) == so_far + 1)  # type: ignore[misc]


def test_a_sender_that_is_down_while_serving_is_named_in_the_log_and_every_letter_arrives_once_it_is_back(
    opened: Services, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = opened.settings.home / "outbox"
    blocked.write_text("a file where the folder should be")
    for number in range(3):
        ask(opened, "alarm", email=f"operator{number}@example.org", data=alarm())
    with letters_sent(ticking(opened)):
        until(lambda: bool(caplog.records))
        blocked.unlink()
        until(lambda: len(outbox(opened)) == 3)

    assert {row.state for row in rows(opened)} == {"accepted"}
    assert caplog.messages[0] == "letters wait: the sender takes none now; see `verdicts status`"
    assert "operator" not in caplog.text


def test_a_fault_of_the_program_does_not_end_the_sending(opened: Services, caplog: pytest.LogCaptureFixture) -> None:
    ask(opened, "alarm", email="operator@example.org", data={})  # nothing that a letter could be made of
    with letters_sent(opened):
        until(lambda: bool(caplog.records))
        ask(opened, "alarm", email="operator@example.org", data=alarm())
        until(lambda: len(outbox(opened)) == 1)

    assert caplog.messages[0] == "letters wait: KeyError"


def test_a_database_that_is_away_for_a_moment_does_not_end_the_sending(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "verdicts.toml").write_text(SETTINGS)
    with open_services(home, NOW, create=True, environment={}) as services:
        upgrade(services.engine)
        services.engine.dispose()
        file = home / "verdicts.db"
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        aside = file.rename(home / "aside.db")
        file.mkdir()
        with letters_sent(services):
            until(lambda: bool(caplog.records))
            file.rmdir()
            aside.rename(file)
            ask(services, "alarm", email="operator@example.org", data=alarm())
            until(lambda: len(outbox(services)) == 1)

    assert caplog.messages[0].startswith("letters wait: the database cannot be used")


def test_a_reader_who_is_gone_gets_nothing_while_serving(opened: Services) -> None:
    ask(opened, "goodbye", subscriber_id=reader(opened, state="unsubscribed"))
    with writing(opened.engine) as session:
        session.delete(session.get_one(SubscriberRow, READER))
    with letters_sent(opened):
        until(lambda: rows(opened)[0].state == "dropped")

    assert outbox(opened) == []
