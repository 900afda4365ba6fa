"""What the mail provider tells, from a post to what commands say of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from digest.editions import Editions
from flows import steps
from flows.events import keep_applying
from flows.services import Services, open_services
from subscribers.tables import NoticeRow
from tests.commands import verdicts
from tests.examples import NOW
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
