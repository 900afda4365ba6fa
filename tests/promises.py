"""Look up everything that visitors were promised, in the database and in the ledger of the local SendGrid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlmodel import Session, col, select

from flows.services import Services
from sources.tables import EntryRow
from subscribers.tables import (
    BatchRow,
    DeliveryRow,
    EventPostRow,
    EventRow,
    NoticeRow,
    SubscriberRow,
    VoteRow,
)
from tests.sendgrid import Running
from tests.traffic import Promised


@dataclass
class Found:
    """What is wrong, and what was counted."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def faults_of(
    services: Services,
    promised: Promised,
    standin: Running,
    shown: Collection[tuple[str, str]],
    week: str,
    imported: int,
) -> Found:
    """Compare.

    Args:
        services: Of the home, once nothing is under way.
        promised: What the pages said was done.
        standin: What letters arrived at.
        shown: Every entry that good feeds showed: feed and id.
        week: The edition that was sent.
        imported: How many readers there were before.
    """
    with Session(services.engine) as session:
        wrong = {
            **_readers(session, promised),
            **_votes(session, promised),
            **_events(session, promised),
            **_editions(session, promised, standin, week),
            **_letters(session, promised, standin),
            "entries lost": set(shown) - {(one.feed, one.id) for one in session.exec(select(EntryRow))},
            "alarms": [one.kind for one in session.exec(select(NoticeRow).where(NoticeRow.kind == "alarm"))],
        }
    counts, calls = services.ledger.counts(week), standin.ledger()
    notes = [
        f"{len(promised.asked):,} signed up, {len(promised.confirmed):,} confirmed, {len(promised.left):,} left,"
        f" {len(promised.votes):,} votes, {len(promised.events):,} events, {len(shown):,} entries",
        f"{week}: {counts.planned:,} planned ({imported:,} were there before), {counts.accepted:,} accepted,"
        f" {counts.dropped:,} dropped; {sum(len(one['to']) for one in calls):,} letters in {len(calls):,} calls",
        f"{len(promised.answers):,} requests",
    ]
    if counts.planned < imported - len(promised.left) or counts.accepted + counts.dropped != counts.planned:
        wrong["counts of the edition"] = [str(counts)]
    faults = [f"{what}: {len(some):,} ({', '.join(map(str, list(some)[:3]))})" for what, some in wrong.items() if some]
    return Found(faults, notes)


def _readers(session: Session, promised: Promised) -> dict[str, list[str]]:
    rows = session.exec(select(SubscriberRow.email, SubscriberRow.state).where(col(SubscriberRow.email).like("new%")))
    states = dict(rows.all())
    stay, went = promised.confirmed.keys() - promised.left.keys(), promised.left.keys()
    return {
        "sign-ups lost": sorted(promised.asked - states.keys()),
        "confirmed and not kept": sorted(one for one in stay if states.get(one) != "confirmed"),
        "left and still there": sorted(one for one in went if states.get(one) != "unsubscribed"),
    }


def _votes(session: Session, promised: Promised) -> dict[str, list[str]]:
    emails = dict(session.exec(select(SubscriberRow.id, SubscriberRow.email)).all())
    kept = {(one.tool, emails.get(one.subscriber_id, "")): one.call for one in session.exec(select(VoteRow))}
    differ = kept.items() ^ promised.votes.items()
    return {"votes lost, or not as cast": sorted(f"{tool}: {call}" for (tool, _), call in differ)}


def _events(session: Session, promised: Promised) -> dict[str, list[str]]:
    """Each event stands by its letter and reader, once; no post was misread, and no event belongs to nobody."""
    weeks = {key: week for key, week in session.exec(select(BatchRow.key, BatchRow.week)) if key}
    weeks |= {key: f"letter-{one}" for key, one in session.exec(select(NoticeRow.key, NoticeRow.id)) if key}
    due = {(weeks.get(key, ""), whose, kind) for key, whose, kind in promised.events}
    there = {(one.week, one.subscriber_id, one.kind) for one in session.exec(select(EventRow))}
    posts = session.exec(select(EventPostRow)).all()
    return {
        "events lost": sorted(map(str, due - there)),
        "events nobody told": sorted(map(str, there - due)),
        "posts misread": [one.reason or f"{one.strays} strays" for one in posts if one.reason or one.strays],
    }


def _editions(session: Session, promised: Promised, standin: Running, week: str) -> dict[str, list[str]]:
    """Each reader who was planned and not dropped got the edition once, nobody else did, nor who left before."""
    batches = {one.number: one for one in session.exec(select(BatchRow).where(BatchRow.week == week))}
    keys = {one.key for one in batches.values()}
    planned = session.exec(select(DeliveryRow).where(DeliveryRow.week == week)).all()
    due = {one.subscriber_id for one in planned if one.state != "dropped"}
    calls = [one for one in standin.ledger() if one["batch"] in keys]
    got = Counter(one for call in calls for one in call["ids"])
    rows = {one.email: one for one in session.exec(select(SubscriberRow))}
    claimed = {one.subscriber_id: batches[one.batch].claimed_at for one in planned}
    late = [
        email
        for email, at in promised.left.items()
        if (row := rows.get(email)) and got[row.id] and (when := claimed[row.id]) and at < when
    ]
    at = min((one.planned_at for one in batches.values()), default=None)
    early = {rows[one].id for one, when in promised.confirmed.items() if one in rows and at and when < at}
    left = {rows[one].id for one in promised.left if one in rows}
    return {
        "got it twice": [one for one, times in got.items() if times > 1],
        "never got it": sorted(due - got.keys()),
        "got it and was not planned": sorted(got.keys() - due),
        "got it after they left": late,
        "confirmed before, and not planned": sorted(early - left - claimed.keys()),
        "batches without an end": [one.state for one in batches.values() if one.state != "accepted"],
    }


def _letters(session: Session, promised: Promised, standin: Running) -> dict[str, list[str]]:
    """Each letter outside the editions that we believe was taken went out once."""
    calls = Counter(one["batch"] for one in standin.ledger())
    notices = session.exec(select(NoticeRow)).all()
    kinds = Counter((one.kind, one.subscriber_id) for one in notices)
    return {
        "letters never taken": [f"{one.kind} {one.state}" for one in notices if one.state != "accepted"],
        "letters without a call, or with two": [one.kind for one in notices if calls[one.key or ""] != 1],
        "letters twice to one reader": [kind for (kind, _), times in kinds.items() if times > 1 and kind != "alarm"],
        "confirmed and never welcomed": list(_unwelcomed(session, promised, kinds)),
    }


def _unwelcomed(session: Session, promised: Promised, kinds: Counter[tuple[str, str]]) -> Iterator[str]:
    for email, one in session.exec(select(SubscriberRow.email, SubscriberRow.id)):
        if email in promised.confirmed and not kinds["welcome", one]:
            yield email
