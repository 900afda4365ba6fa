"""Readers, and an edition for them, in a real database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import Session, select

from digest.editions import Editions
from digest.model import Message
from subscribers import importing
from subscribers.addressing import Identity, address_hash, fold
from subscribers.importing import LeftOut
from subscribers.readercsv import Line
from subscribers.store import Subscribers
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow
from tests.examples import NOW, edition

WEEK = "2026-W47"

SECRET = b"the key of all links"

SUPPRESSION_KEY = b"the key of the suppression list"

MESSAGE = Message(
    WEEK,
    "Plumbline or Lantern? The panel’s call",
    '<p>Two tools. <a href="https://verdicts.example.org/leave/[[reader]]">Leave</a></p>',
    "Two tools.\nLeave: https://verdicts.example.org/leave/[[reader]]\n",
)

IDENTITY = Identity(
    from_email="digest@verdicts.example.org",
    from_name="AI Tool Verdicts",
    reply_to="editor@verdicts.example.org",
    site_url="https://verdicts.example.org",
)


def row(email: str, state: str = "confirmed", **others: str) -> dict[str, str | None]:
    """One line of an import; who is confirmed or has left once confirmed."""
    confirmed_at = "" if state == "unconfirmed" else "2026-03-01T09:30:00Z"
    return {"email": email, "state": state, "confirmed_at": confirmed_at, **others}


def numbered(count: int) -> Iterator[dict[str, str | None]]:
    return (row(f"reader{number}@example.org") for number in range(count))


def readers_of(engine: Engine) -> Subscribers:
    return Subscribers(engine, SUPPRESSION_KEY)


class Took(NamedTuple):
    """What an import did, with every row it left out."""

    added: int
    known: int
    left_out: tuple[LeftOut, ...]


def take_in(engine: Engine, rows: Iterable[Mapping[str, str | None]], source: str = "list.csv") -> Took:
    """Import lines as from a file whose first is the header."""
    left_out: list[LeftOut] = []
    lines = (Line(number, cells) for number, cells in enumerate(rows, 2))
    done = importing.take_in(engine, SUPPRESSION_KEY, lines, NOW, source=source, leave_out=left_out.append)
    assert done.left_out == len(left_out)
    return Took(done.added, done.known, tuple(left_out))


def join(engine: Engine, count: int) -> list[str]:
    """Let some confirmed readers in; gives their ids in the order they are sent to."""
    take_in(engine, numbered(count))
    return ids(engine)


def ids(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(SubscriberRow.id).order_by(SubscriberRow.id)))


def id_of(engine: Engine, email: str) -> str:
    with Session(engine) as session:
        return session.exec(select(SubscriberRow.id).where(SubscriberRow.folded == fold(email))).one()


def consents(engine: Engine, subscriber_id: str) -> list[tuple[str, datetime, str]]:
    with Session(engine) as session:
        rows = session.exec(select(ConsentRow).where(ConsentRow.subscriber_id == subscriber_id).order_by("id"))
        return [(one.what, one.at, one.source) for one in rows]


def states(engine: Engine) -> dict[str, str]:
    with Session(engine) as session:
        return {one.email: one.state for one in session.exec(select(SubscriberRow))}


def suppress(engine: Engine, email: str) -> None:
    with Session(engine) as session:
        session.add(SuppressionRow(address_hash=address_hash(fold(email), SUPPRESSION_KEY), why="complaint", at=NOW))
        session.commit()


def approve(engine: Engine, week: str = WEEK, message: Message = MESSAGE) -> None:
    """Keep a week's edition, approved, so that it can be delivered."""
    editions = Editions(engine)
    editions.keep_draft(edition(week=week, matchups=1))
    editions.approve(week, replace(message, week=week), "an editor", NOW + timedelta(hours=1))
