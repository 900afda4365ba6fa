"""What the mail provider tells, from a post to what commands say of it."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session, col, select, update

from digest.database import writing
from digest.editions import Editions
from digest.errors import FilesError, SendLater
from flows import steps
from flows.events import event_key, keep_applying
from flows.reconciling import take_suppressions
from flows.services import Services, open_services
from flows.serving import public_app
from subscribers.notices import queue
from subscribers.tables import EventPostRow, NoticeRow
from tests.commands import verdicts
from tests.examples import NOW
from tests.pages.places import TestClient
from tests.subscribers.providers import SENT, send, told
from tests.subscribers.readers import WEEK, ids

LATER = SENT + timedelta(hours=1)


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    with (home / "verdicts.toml").open("a", encoding="utf-8") as file:
        file.write('operator = "operator@example.org"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n", encoding="utf-8")
    assert verdicts("init", home=home).status == 0
    with open_services(home, LATER, environment={}) as opened:
        yield opened


def sent_to(services: Services, *names: str, finish: bool = True) -> tuple[str, list[str]]:
    """Import readers and send them an edition; gives the call's key and their ids by name."""
    home = services.settings.home
    lines = [f"{name}@example.org,,confirmed,2026-03-01,fair\n" for name in names]
    (home / "some.csv").write_text("email,name,state,confirmed_at,source\n" + "".join(lines), encoding="utf-8")
    assert verdicts("subscribers", "import", home / "some.csv", home=home).status == 0
    key = send(services.engine, finish=finish)
    found = {reader.email: reader.id for one in ids(services.engine) if (reader := services.subscribers.reader(one))}
    return key, [found[f"{name}@example.org"] for name in names]


def post(services: Services, *events: object) -> None:
    services.events.keep("sendgrid", json.dumps(events).encode(), services.clock())


def test_a_run_applies_what_was_told_first_and_says_what_could_not_be_read(services: Services) -> None:
    key, (ada,) = sent_to(services, "ada")
    post(services, told(key, ada, "delivered"), {"event": "delivered"})
    services.events.keep("sendgrid", b"nothing", LATER)

    first = steps.run(services, "2026-W40")[0]

    assert (first.step, first.problem) == ("events", True)
    assert first.said == "2 events, 1 of no letter of ours in 2 posts, 1 that could not be read"
    assert steps.events_applied(services).said == "no event waits"
    needs = verdicts("status", "--json", "--now", LATER.isoformat(), home=services.settings.home).document["needs"]
    assert [one for one in needs if "could not be applied" in one] == [
        f"post 2 of the mail provider's events, of {LATER.isoformat()}, could not be applied: no JSON: JSONDecodeError"
    ]


def test_status_says_when_nobody_applies_what_was_told(services: Services) -> None:
    services.events.keep("sendgrid", b"[]", LATER - timedelta(minutes=20))

    needs = verdicts("status", "--json", "--now", LATER.isoformat(), home=services.settings.home).document["needs"]

    assert [one for one in needs if "waits to be applied" in one]


def test_an_edition_shows_what_it_came_to(services: Services) -> None:
    key, (ada, bob, eve) = sent_to(services, "ada", "bob", "eve")
    page = f"{services.settings.site_url}/compare/plumbline-vs-lantern"
    post(
        services,
        told(key, ada, "delivered"), told(key, ada, "click", 5, url=page), told(key, ada, "open", 4),
        told(key, bob, "bounce", email="bob@example.org", type="blocked"),
        told(key, eve, "delivered"), told(key, eve, "spamreport", 9, email="eve@example.org"),
    )  # fmt: skip
    steps.events_applied(services)

    shown = verdicts("edition", "show", WEEK, "--json", "--now", LATER.isoformat(), home=services.settings.home)
    said = verdicts("edition", "show", WEEK, "--now", LATER.isoformat(), home=services.settings.home).out

    counts, figures = shown.document["counts"], shown.document["figures"]
    assert (counts["accepted"], counts["delivered"], counts["bounced"], counts["complained"]) == (3, 1, 1, 1)
    assert (figures["bounced_soft"], figures["bounced_hard"], figures["left"], figures["clicks"]) == (1, 0, 1, 1)
    assert figures["clicks_by_matchup"]["plumbline-vs-lantern"] == 1
    assert "planned 3, accepted 3, delivered 1, bounced 1, complained 1\n" in said
    assert "bounced soft 1, opens 1, left 1, clicks 1\n" in said
    assert "clicked by 1: plumbline-vs-lantern\n" in said


def test_a_readers_whole_story_is_told_in_order(services: Services) -> None:
    key, (ada,) = sent_to(services, "ada")
    services.subscribers.vote([("plumbline", ada, "ship")], SENT + timedelta(minutes=3))
    post(
        services, told(key, ada, "delivered", 1), told(key, ada, "bounce", 7, email="ada@example.org", reason="550 no")
    )
    steps.events_applied(services)

    said = verdicts("subscribers", "show", "ada@example.org", home=services.settings.home).out

    happened = [line.partition("  ")[2] for line in said.splitlines() if line.startswith("2026-")]
    assert happened[-5:] == [
        f"edition: {WEEK}  accepted", f"{WEEK}: delivered", "vote: ship  plumbline",
        f"{WEEK}: hard bounce   550 no", "suppressed: hard bounce",
    ]  # fmt: skip


def test_an_edition_that_holds_itself_alarms_the_operator_once(services: Services) -> None:
    key, readers = sent_to(services, *(f"reader{number}" for number in range(100)), finish=False)
    post(services, *[told(key, one, "bounce" if number < 15 else "delivered") for number, one in enumerate(readers)])
    for _ in range(2):
        steps.events_applied(services)

    held = Editions(services.engine).require(WEEK).held
    assert held == "15 of 100 letters were turned away; the limit is 10%"
    with Session(services.engine) as session:
        alarms = [one.data for one in session.exec(select(NoticeRow)) if one.kind == "alarm"]
    assert [held in one["happened"] for one in alarms] == [True]


def test_while_pages_are_served_events_are_applied_beside_them(services: Services) -> None:
    key, (ada,) = sent_to(services, "ada")
    stop = threading.Event()
    thread = threading.Thread(target=keep_applying, args=(services, stop, 0.02))
    thread.start()
    try:
        post(services, told(key, ada, "delivered"))
        until = time.monotonic() + 15
        while services.ledger.counts(WEEK).delivered == 0 and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join(timeout=15)

    assert not thread.is_alive()
    assert services.ledger.counts(WEEK).delivered == 1
    assert services.events.broken(NOW) == []


def test_the_public_key_of_events_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.key"
    file.write_text("in the file\n", encoding="utf-8")
    named = {"SENDGRID_EVENT_PUBLIC_KEY_FILE": str(file)}

    assert event_key({}) == ""
    assert event_key(named).strip() == "in the file"
    assert event_key(named | {"SENDGRID_EVENT_PUBLIC_KEY": "given"}) == "given"
    with pytest.raises(FilesError, match=r"SENDGRID_EVENT_PUBLIC_KEY_FILE: found '.*none': No such file"):
        event_key({"SENDGRID_EVENT_PUBLIC_KEY_FILE": str(tmp_path / "none")})


def test_pages_take_what_is_signed_with_the_key_in_a_file(services: Services, tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    shown = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "events.key").write_bytes(b64encode(shown) + b"\n")
    named = {"SENDGRID_EVENT_PUBLIC_KEY_FILE": str(tmp_path / "events.key")}
    timestamp, name = f"{LATER.timestamp():.0f}", "X-Twilio-Email-Event-Webhook"
    signature = b64encode(private.sign(timestamp.encode() + b"[]", ec.ECDSA(SHA256()))).decode()

    with open_services(services.settings.home, LATER, environment=named) as knowing:
        answer = TestClient(public_app(knowing)).post(
            "/events/sendgrid", content=b"[]", headers={f"{name}-Signature": signature, f"{name}-Timestamp": timestamp}
        )

    assert answer.status_code == 204


class Hasty:
    """A provider that asks for fewer calls before it gives a page, or cannot be reached."""

    def __init__(self, *troubles: SendLater) -> None:
        self.troubles = list(troubles)

    def get(self, path: str, _params: Mapping[str, str]) -> list[dict[str, Any]]:
        if self.troubles:
            raise self.troubles.pop(0)
        return [{"email": "gone@example.org", "created": 1_700_000_000}] if path.endswith("bounces") else []

    def close(self) -> None:
        """Nothing is open."""


def test_a_provider_that_asks_for_fewer_calls_is_asked_again_when_it_wants(services: Services) -> None:
    vars(services)["sender"] = Hasty(SendLater("fewer", LATER + timedelta(seconds=40)), SendLater("no answer in time"))
    paused: list[float] = []

    taken = take_suppressions(services, paused.append)

    assert (taken.listed, taken.suppressed, taken.missed) == (1, 1, ())
    assert paused == [40.0, 1.0]


@pytest.mark.parametrize(
    "troubles", [[SendLater("fewer", LATER + timedelta(hours=1))], [SendLater("no answer in time") for _ in range(3)]]
)
def test_a_provider_is_not_waited_for_without_end(services: Services, troubles: list[SendLater]) -> None:
    vars(services)["sender"] = Hasty(*troubles)
    taken = take_suppressions(services, lambda _: None)
    assert taken.missed == (f"suppression/bounces and what comes after it: {troubles[-1]}",)


def test_reconciling_tries_again_what_an_older_program_failed_on(services: Services) -> None:
    key, (ada,) = sent_to(services, "ada")
    post(services, told(key, ada, "delivered"))
    services.events.keep("sendgrid", b"nothing", LATER)
    with writing(services.engine) as session:
        failed = {"applied_at": LATER, "reason": "the program failed: KeyError"}
        session.execute(update(EventPostRow).where(col(EventPostRow.id) == 1).values(**failed))
    services.events.apply(LATER)
    assert [number for number, *_ in services.events.broken(NOW)] == [1, 2]

    verdicts("reconcile", home=services.settings.home)

    assert [number for number, *_ in services.events.broken(NOW)] == [2]
    assert services.ledger.counts(WEEK).delivered == 1


def test_what_could_not_be_applied_is_emptied_after_a_month(services: Services) -> None:
    services.events.keep("sendgrid", b"[an address]", LATER)
    with writing(services.engine) as session:
        session.execute(update(EventPostRow).values(applied_at=LATER, reason="the program failed: KeyError"))

    def bodies(days: int) -> list[bytes]:
        services.events.tidy(LATER + timedelta(days=days), timedelta(days=400))
        with Session(services.engine) as session:
            return list(session.exec(select(EventPostRow.body)))

    assert (bodies(29), bodies(31)) == ([b"[an address]"], [b""])


def test_a_story_names_the_letter_that_something_happened_to(services: Services) -> None:
    _, (ada,) = sent_to(services, "ada")
    with writing(services.engine) as session:
        queue(session, "welcome", SENT, subscriber_id=ada)
    letter = services.notices.claim("a:1:1", SENT, "fake")
    assert letter is not None
    post(services, told(letter.key, ada, "bounce", 7, type="blocked", reason="452 full"))
    steps.events_applied(services)

    assert (
        "letter welcome: soft bounce   452 full"
        in verdicts("subscribers", "show", "ada@example.org", home=services.settings.home).out
    )
