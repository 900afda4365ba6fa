"""Letters outside the editions: queued in the transaction of their cause, claimed and recorded like deliveries."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Engine, and_, exists, func, insert, or_, update
from sqlmodel import Session, col, select

from digest.database import insert_ignore, reading, writing
from subscribers.addressing import address_hash, fold
from subscribers.pacing import rest, resting
from subscribers.tables import HARMFUL, NoticeRow, SubscriberRow, SuppressionRow

#: What a letter is about; each has a folder of its name in templates/email.
#: `link` leads a reader to a page of their own: data["for"] is "account", "leave" or "known" (signed up already).
#: `move` asks at a new address whether it is meant; `moved` tells the old one.
Kind = Literal["confirm", "welcome", "goodbye", "link", "move", "moved", "editors-notice", "alarm"]

#: How a letter stands. Counts name all of them, in this order.
State = Literal["queued", "claimed", "accepted", "refused", "unknown", "dropped"]

STATES: tuple[State, ...] = ("queued", "claimed", "accepted", "refused", "unknown", "dropped")

#: How long a letter that could not be sent waits until the next try, and twice as long each time up to the second.
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter that is ours to send, committed under a fresh key.

    `email` is where it goes, `folded` the same as addresses are compared ("" for editors and the operator), `attempts`
    how often it was tried, this time included.
    """

    id: int
    kind: Kind
    key: str
    subscriber_id: str
    email: str
    folded: str
    name: str
    data: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter as its last claim left it; `email` is where it went, "" where its reader is gone."""

    id: int
    kind: Kind
    key: str
    state: State
    email: str
    account: str
    claimed_by: str
    claimed_at: datetime
    attempts: int
    reason: str


class Notices:
    """The letters outside the editions. Every method is one transaction, but a claim that meets letters to drop."""

    def __init__(self, engine: Engine, suppression_key: bytes) -> None:
        self.engine, self._key = engine, suppression_key

    def busy(self, now: datetime) -> bool:
        """Tell whether there is anything to send or to look up; this takes no lock."""
        due = and_(col(NoticeRow.state).in_(("queued", "unknown")), _is_due(now))
        with reading(self.engine) as session:
            return bool(session.exec(select(exists().where(or_(due, col(NoticeRow.state) == "claimed")))).one())

    def claim(self, claimed_by: str, now: datetime, account: str) -> Notice | None:
        """Take the letter that is due longest, committed under a fresh key; None when none is due, or may leave now.

        Letters whose cause is gone by now are dropped here, with the reason.
        """
        waiting = (
            select(NoticeRow)
            .where(col(NoticeRow.state) == "queued", _is_due(now))
            .order_by(col(NoticeRow.due_at), col(NoticeRow.id))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        while True:
            with writing(self.engine) as session:
                row = session.exec(waiting).first()
                if row is None or resting(session, now, account) is not None:
                    return None
                taken = self._taken(session, row, claimed_by, now, account)
                session.add(row)
            if taken is not None:
                return taken

    def _taken(self, session: Session, row: NoticeRow, claimed_by: str, now: datetime, account: str) -> Notice | None:
        """Claim a letter, or drop it."""
        who = session.get(SubscriberRow, row.subscriber_id) if row.subscriber_id else None
        try:
            folded = fold(row.email) if row.email and row.subscriber_id else who.folded if who else ""
            why = row.subscriber_id and (_why_not(who, row, folded) or self._barred(session, row.kind, folded))
        except ValueError as error:
            why = f"no address: {error}"
        if why:
            row.state, row.reason, row.settled_at = "dropped", why, now
            return None
        row.state, row.key, row.attempts = "claimed", secrets.token_hex(12), row.attempts + 1
        row.claimed_by, row.claimed_at, row.account = claimed_by, now, account
        email, name = row.email or (who.email if who else ""), who.name if who and not row.email else ""
        kind, number = cast("Kind", row.kind), cast("int", row.id)
        return Notice(number, kind, row.key, row.subscriber_id, email, folded, name, row.data, row.attempts)

    def _barred(self, session: Session, kind: str, folded: str) -> str:
        """Say why an address may not get a letter of this kind, "" when it may."""
        suppressed = session.get(SuppressionRow, address_hash(folded, self._key))
        if suppressed is None or (kind in {"confirm", "moved"} and suppressed.why not in HARMFUL):
            return ""
        return f"suppressed: {suppressed.why}"

    def rest(self, until: datetime, why: str, now: datetime, account: str) -> None:
        """Let no letter leave through an account before a moment that its sender named."""
        with writing(self.engine) as session:
            rest(session, until, why, now, account)

    def record(
        self, notice: Notice | Claimed, outcome: State, now: datetime, reason: str = "", *, wait: bool = False
    ) -> None:
        """Write down what became of a letter that was claimed.

        Queued again its key is gone, and it is due at once, or after a `wait` that grows with each try. What is unknown
        is looked up from now on.
        """
        values: dict[str, object] = {"state": outcome, "reason": reason, "settled_at": now, "due_at": now}
        if outcome == "queued":
            later = now + _wait(notice.attempts) if wait else now
            values |= {"key": None, "claimed_by": "", "claimed_at": None, "settled_at": None, "due_at": later}
        with writing(self.engine) as session:
            session.exec(update(NoticeRow).where(_mine(notice)).values(**values))

    def unsettled(self, now: datetime) -> list[Claimed]:
        """Give the letters to look up now, oldest first: those that are claimed, and unknown ones that are due."""
        look_up = and_(col(NoticeRow.state) == "unknown", _is_due(now))
        return self._claimed(or_(col(NoticeRow.state) == "claimed", look_up))

    def unknown(self, since: datetime) -> list[Claimed]:
        """Give the letters claimed since a moment of which nobody knows whether they went out, oldest first."""
        return self._claimed(and_(col(NoticeRow.state) == "unknown", col(NoticeRow.claimed_at) >= since))

    def refused(self, since: datetime) -> list[Claimed]:
        """Give the letters claimed since a moment that the sender will not take, oldest first."""
        return self._claimed(and_(col(NoticeRow.state) == "refused", col(NoticeRow.claimed_at) >= since))

    def _claimed(self, which: ColumnElement[bool]) -> list[Claimed]:
        with reading(self.engine) as session:
            whose = col(SubscriberRow.id) == col(NoticeRow.subscriber_id)
            rows = session.exec(
                select(NoticeRow, SubscriberRow.email)
                .outerjoin(SubscriberRow, whose)
                .where(which)
                .order_by(col(NoticeRow.id))
            ).all()
        return [
            Claimed(
                cast("int", row.id), cast("Kind", row.kind), str(row.key), cast("State", row.state),
                row.email or email or "", row.account, row.claimed_by, cast("datetime", row.claimed_at), row.attempts,
                row.reason,
            )
            for row, email in rows
        ]  # fmt: skip

    def look_again(self, one: Claimed, now: datetime) -> None:
        """Look an unknown letter up once more later: the older its claim, the later."""
        later = now + min(max(now - one.claimed_at, _SHORTEST), _LONGEST)
        with writing(self.engine) as session:
            session.exec(update(NoticeRow).where(_mine(one)).values(due_at=later))

    def counts(self) -> dict[str, int]:
        """Count the letters in each state; all six are named."""
        counting = select(NoticeRow.state, func.count()).group_by(NoticeRow.state)
        with reading(self.engine) as session:
            found = dict(session.exec(counting).all())
        return {state: found.get(state, 0) for state in STATES}

    def waiting_since(self) -> datetime | None:
        """Tell since when the oldest letter that is queued waits, None when none does."""
        with reading(self.engine) as session:
            return session.exec(select(func.min(NoticeRow.queued_at)).where(NoticeRow.state == "queued")).one()

    def last_accepted(self) -> datetime | None:
        """Tell when a sender last took one, None when none ever did."""
        with reading(self.engine) as session:
            return session.exec(select(func.max(NoticeRow.settled_at)).where(NoticeRow.state == "accepted")).one()


def _is_due(now: datetime) -> ColumnElement[bool]:
    """Due by now, or later than any letter waits: the clock was ahead when that was written."""
    return or_(col(NoticeRow.due_at) <= now, col(NoticeRow.due_at) > now + 2 * _LONGEST)


def _mine(notice: Notice | Claimed) -> ColumnElement[bool]:
    """The row of a claim while nobody has settled it."""
    open_ = col(NoticeRow.state).in_(("claimed", "unknown"))
    return and_(col(NoticeRow.id) == notice.id, col(NoticeRow.key) == notice.key, open_)


def _wait(attempts: int) -> timedelta:
    doublings = min(attempts - 1, 10)  # by then it is the longest for long
    return min(_SHORTEST * (1 << doublings), _LONGEST)


def _why_not(who: SubscriberRow | None, row: NoticeRow, folded: str) -> str:
    """Say why nobody needs a letter to a subscriber any more, "" while its cause is there."""
    if who is None:
        return "gone"
    confirmed = who.state == "confirmed"
    match row.kind, row.data.get("for"):
        case "confirm", _:
            return "confirmed already" if confirmed else "nobody waits for it" if who.asked_at is None else ""
        case ("welcome", _) | ("link", "known"):
            return "" if confirmed else "left"
        case "goodbye", _:
            return "came back" if confirmed else ""
        case "move", _:
            return "" if who.moving_to and fold(who.moving_to) == folded else "no longer asked for"
    return ""


def queue(
    session: Session,
    kind: Kind,
    now: datetime,
    *,
    subscriber_id: str = "",
    email: str = "",
    data: Mapping[str, Any] | None = None,
    once: str | None = None,
) -> bool:
    """Queue a letter; it goes out once the caller's transaction is kept, and not at all if that fails.

    Args:
        session: The caller's.
        kind: Which letter.
        now: When it was caused.
        subscriber_id: Whom it is for; "" for editors and the operator.
        email: Where to, when that is not the subscriber's address as it is when the letter is sent.
        data: What the letter needs besides; no address and no token in it.
        once: A key under which no second letter is ever queued.

    Returns:
        Whether it was queued: False where one is there under the same key.
    """
    row = {
        "kind": kind, "subscriber_id": subscriber_id, "email": email, "data": dict(data or {}), "once": once,
        "state": "queued", "queued_at": now, "due_at": now, "attempts": 0, "account": "", "claimed_by": "",
        "reason": "",
    }  # fmt: skip
    if once is not None:
        return bool(insert_ignore(session, NoticeRow, [row]))
    session.connection().execute(_QUEUED, row)
    return True


_QUEUED = insert(NoticeRow)  # built once; one that looks for `once` is built each time, which takes far longer
