"""Who reads: addresses and their states, consent, suppression and votes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, case, func, update
from sqlmodel import Session, col, select

from digest.database import explained, in_chunks, inserting, reading, writing
from digest.model import Call, Tally
from subscribers.addressing import address_hash, fold
from subscribers.joining import prove
from subscribers.limits import allowed
from subscribers.notices import queue
from subscribers.origins import NOWHERE, Origin
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow, VoteRow

#: How long leaving can be undone with the links of old emails; after that one signs up anew.
UNDO = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Reader:
    """A subscriber as a page or a command shows them; `asked_at` is there while a sign-up waits to be confirmed."""

    id: str
    email: str
    folded: str
    state: str
    paused_until: datetime | None = None
    asked_at: datetime | None = None
    moving_to: str = ""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An address not to mail: why and since when; `email` is that of the subscriber who has it, "" where none has.

    `soft`: its mailbox turned away one edition after the other, while nobody reported it gone.
    """

    why: str
    at: datetime
    email: str
    soft: bool


class Subscribers:
    """The readers. Every method is one transaction."""

    def __init__(self, engine: Engine, suppression_key: bytes) -> None:
        self.engine, self._key = engine, suppression_key

    def reader(self, subscriber_id: str) -> Reader | None:
        """Give one subscriber, None when there is none."""
        with reading(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id)
            return _reader(row) if row else None

    def find(self, email: str) -> Reader | None:
        """Give the subscriber with an address, however it is spelled; None when there is none.

        Raises:
            ValueError: It is no address; the text says why.
        """
        hashed = address_hash(fold(email), self._key)
        with reading(self.engine) as session:
            row = session.exec(select(SubscriberRow).where(SubscriberRow.address_hash == hashed)).first()
            return _reader(row) if row else None

    def leave(self, subscriber_id: str, now: datetime, *, source: str, origin: Origin = NOWHERE) -> bool:
        """Unsubscribe, and say goodbye once a day at most; doing it again changes nothing.

        Returns False where there is no such subscriber.
        """
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is None:
                return False
            row.asked_at, row.moving_to = None, ""  # what waits to be confirmed is taken back, too
            session.add(row)
            if row.state != "unsubscribed":
                if row.state == "confirmed" and allowed(session, f"goodbye:{row.id}", 1, timedelta(days=1), now):
                    queue(session, "goodbye", now, subscriber_id=row.id)
                row.state = "unsubscribed"
                prove(session, row.id, "left", now, source, origin)
            return True

    def come_back(self, subscriber_id: str, now: datetime, *, source: str, origin: Origin = NOWHERE) -> bool:
        """Undo leaving within UNDO, for a reader who had confirmed and holds their own link.

        For others nothing changes: an email forwarded long ago must bring nobody back.
        """
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is not None and row.confirmed_at is not None and _left_lately(session, row, now):
                row.state = "confirmed"
                session.add(row)
                prove(session, row.id, "came back", now, source, origin)
            return row is not None

    def may_come_back(self, subscriber_id: str, now: datetime) -> bool:
        """Tell whether `come_back` would do anything."""
        with reading(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id)
            return row is not None and row.confirmed_at is not None and _left_lately(session, row, now)

    def pause(self, subscriber_id: str, until: datetime | None) -> None:
        """Let a reader rest until a moment, or go on at once."""
        statement = update(SubscriberRow).where(col(SubscriberRow.id) == subscriber_id).values(paused_until=until)
        with writing(self.engine) as session:
            session.exec(statement)

    def stats(self) -> dict[str, int]:
        """Count subscribers by state, and suppressed addresses."""
        with reading(self.engine) as session:
            counts = dict(session.exec(select(SubscriberRow.state, func.count()).group_by(SubscriberRow.state)).all())
            suppressed = session.exec(select(func.count()).select_from(SuppressionRow)).one()
        return {state: counts.get(state, 0) for state in ("confirmed", "unconfirmed", "unsubscribed")} | {
            "suppressed": suppressed
        }

    def suppressions(self, newest: int) -> tuple[dict[str, int], list[Suppressed]]:
        """Count suppressed addresses by reason, the most first; with the newest of them, newest first."""
        row, many = SuppressionRow, func.count()
        counting = select(row.why, many).group_by(row.why).order_by(many.desc(), col(row.why))
        whose = col(SubscriberRow.address_hash) == col(row.address_hash)
        lately = select(row.why, row.at, func.coalesce(SubscriberRow.email, ""), row.soft).outerjoin(
            SubscriberRow, whose
        )
        lately = lately.order_by(col(row.at).desc(), col(row.address_hash)).limit(newest)
        with reading(self.engine) as session:
            return dict(session.exec(counting).all()), [Suppressed(*one) for one in session.exec(lately)]

    def vote(self, votes: Iterable[tuple[str, str, Call]], now: datetime) -> None:
        """Keep votes as (tool, subscriber id, call); the last one of a reader on a tool counts."""
        with writing(self.engine) as session:
            _keep_votes(session, votes, now)

    def cast(self, tool: str, subscriber_id: str, call: Call, now: datetime) -> bool:
        """Keep a reader's vote; False where they are gone by now."""
        with writing(self.engine) as session:
            there = session.get(SubscriberRow, subscriber_id, with_for_update=True) is not None
            if there:
                _keep_votes(session, [(tool, subscriber_id, call)], now)
            return there

    def tallies(self, tools: Collection[str]) -> dict[str, Tally]:
        """Count the votes of tools; a tool without votes is left out."""
        with explained(), self.engine.connect() as connection:
            return {
                tool: Tally(ships, n)
                for some in in_chunks(sorted(tools))
                for tool, ships, n in connection.execute(_COUNTED, {"tools": some})
            }


def _keep_votes(session: Session, votes: Iterable[tuple[str, str, Call]], now: datetime) -> None:
    rows = [{"tool": tool, "subscriber_id": whose, "call": call, "at": now} for tool, whose, call in votes]
    voting = inserting(session, VoteRow)
    last = {"call": voting.excluded.call, "at": voting.excluded.at}
    if rows:
        session.connection().execute(
            voting.on_conflict_do_update(index_elements=["tool", "subscriber_id"], set_=last), rows
        )


def _left_lately(session: Session, row: SubscriberRow, now: datetime) -> bool:
    left = select(func.max(ConsentRow.at)).where(ConsentRow.subscriber_id == row.id, ConsentRow.what == "left")
    at = session.exec(left).one()
    return row.state == "unsubscribed" and at is not None and now - at <= UNDO


def _reader(row: SubscriberRow) -> Reader:
    return Reader(row.id, row.email, row.folded, row.state, row.paused_until, row.asked_at, row.moving_to)


#: Votes by tool, written once: pages ask this for every reader, and a session with a new statement takes five times as
#: long.
_COUNTED = (
    select(VoteRow.tool, func.sum(case((col(VoteRow.call) == "ship", 1), else_=0)), func.count())
    .where(col(VoteRow.tool).in_(bindparam("tools", expanding=True)))
    .group_by(VoteRow.tool)
)
