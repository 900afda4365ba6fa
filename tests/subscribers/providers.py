"""Events as a provider posts them, about letters that were sent; and all in the database that they may change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.editions import Editions
from subscribers.delivering import Delivery, deliver
from subscribers.events import Events
from subscribers.ledger import Ledger
from subscribers.tables import BatchRow, EventPostRow, EventRow, SubscriberRow, SuppressionRow, TallyRow
from tests.examples import NOW
from tests.fakes import FakeSender
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, SUPPRESSION_KEY, WEEK, approve, consents

#: When letters of the tests were sent, and when their events are applied.
SENT, APPLIED = NOW + timedelta(days=1), NOW + timedelta(days=3)

WORST_FIRST = ("complaint", "hard bounce", "soft bounce", "dropped", "delivered", "deferred")

SITE_URL = "https://verdicts.example.org"


def events_of(engine: Engine, **options: Any) -> Events:
    return Events(engine, SUPPRESSION_KEY, soft_bounces=3, site_url=SITE_URL, **options)


def send(engine: Engine, week: str = WEEK, *, finish: bool = True) -> str:
    """Send a week's edition; gives the key of its first call."""
    approve(engine, week)
    editions, ledger = Editions(engine), Ledger(engine)
    editions.start_sending(week)
    ledger.plan(week, SENT)
    message = editions.require(week).message or MESSAGE
    deliver(Delivery(message, IDENTITY, ledger, FakeSender(), SECRET, lambda: SENT))
    if finish:
        editions.finish_sending(week, SENT)
    return key_of(engine, week)


def key_of(engine: Engine, week: str = WEEK) -> str:
    with Session(engine) as session:
        return str(session.exec(select(BatchRow.key).where(BatchRow.week == week).order_by("number")).first())


def told(key: str, whose: str, event: str, at: datetime | float = 0, **more: object) -> dict[str, Any]:
    """One event as SendGrid tells it; `at` is a moment, or minutes after sending."""
    at = at if isinstance(at, datetime) else SENT + timedelta(minutes=at)
    return {"batch": key, "delivery": whose, "event": event, "timestamp": int(at.timestamp()), **more}


def post(engine: Engine, *events: object, now: datetime = APPLIED, **options: Any) -> None:
    """Keep events as one post and apply it."""
    kept = events_of(engine, **options)
    kept.keep("sendgrid", json.dumps(events).encode(), now)
    kept.apply(now)


def happened(engine: Engine, week: str | None = None) -> set[tuple[str, str, str, str, float]]:
    """What is kept of letters: week, reader, kind, about, minutes after sending."""
    with Session(engine) as session:
        rows: Iterable[EventRow] = session.exec(select(EventRow))
        return {
            (one.week, one.subscriber_id, one.kind, one.about, (one.at - SENT).total_seconds() / 60)
            for one in rows
            if week in {None, one.week}
        }


def tallied(engine: Engine) -> dict[tuple[str, str], int]:
    """How many letters of each week are counted as what."""
    with Session(engine) as session:
        return {(one.week, one.kind): one.letters for one in session.exec(select(TallyRow)) if one.letters}


def recounted(engine: Engine) -> dict[tuple[str, str], int]:
    """The same, counted anew from all that is kept of letters."""
    letters: dict[tuple[str, str], set[str]] = {}
    for week, whose, kind, *_ in happened(engine):
        letters.setdefault((week, whose), set()).add(kind)
    found = Counter[tuple[str, str]]()
    for (week, _), kinds in letters.items():
        worst = next((one for one in WORST_FIRST if one in kinds), None)
        found.update((week, kind) for kind in {worst, *({"open", "machine open"} & kinds)} if kind)
    return dict(found)


def posts(engine: Engine) -> list[tuple[int, int, str, bytes]]:
    """Events, strays, reason and body of the posts that were applied."""
    with Session(engine) as session:
        rows = session.exec(select(EventPostRow).where(col(EventPostRow.applied_at).is_not(None)).order_by("id"))
        return [(one.events, one.strays, one.reason, one.body) for one in rows]


def suppressed(engine: Engine) -> dict[str, tuple[str, datetime]]:
    """The addresses of subscribers that are suppressed, with why and since when; others by their hash."""
    with Session(engine) as session:
        emails = {one.address_hash: one.email for one in session.exec(select(SubscriberRow))}
        rows = session.exec(select(SuppressionRow)).all()
    return {emails.get(one.address_hash, one.address_hash): (one.why, one.at) for one in rows}


def everything(engine: Engine) -> tuple[object, ...]:
    """All that events change, so that two ends can be compared."""
    with Session(engine) as session:
        readers = session.exec(select(SubscriberRow).order_by(SubscriberRow.id)).all()
        batches = sorted((one.week, one.number, one.state) for one in session.exec(select(BatchRow)))
    states = [(one.id, one.state, one.asked_at, one.moving_to) for one in readers]
    return (
        happened(engine),
        tallied(engine),
        suppressed(engine),
        states,
        batches,
        [set(consents(engine, one.id)) for one in readers],
    )
