"""What was sent to whom: deliveries planned in one statement, batches claimed before the first byte leaves."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from math import inf
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    Engine,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlmodel import Session, col

from digest.database import UtcDateTime, in_chunks, reading, writing
from digest.model import Counts
from digest.tables import EditionRow
from subscribers.addressing import MAX_BATCH, Recipient
from subscribers.audience import why_not
from subscribers.batches import (
    ADDRESSED,
    AGAIN,
    CLAIMED,
    EARLIER,
    LONGEST_WAIT,
    NO_TRY,
    REMEMBER,
    SEEN,
    SEEN_AT,
    SETTLED,
    addressed,
    in_state,
    move,
    part,
    part_ways,
    set_apart,
    sift,
)  # fmt: skip
from subscribers.claiming import abandoned
from subscribers.counted import counts_of
from subscribers.pacing import Pace, Rest, give_back, rest, resting, share, take
from subscribers.senders import Doubt, Receipt
from subscribers.tables import BatchRow, DeliveryRow, SubscriberRow

#: What may become of a call as a whole.
Outcome = Literal["accepted", "refused", "unknown", "planned"]

#: Addresses of a call in doubt that a sender may be asked about.
_ASKED_ABOUT = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch that is ours to send, committed under a fresh key; `recipients` are those who may still receive it."""

    week: str
    number: int
    key: str
    claimed_at: datetime
    account: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call through an account of a sender that has no outcome yet: claimed by `claimed_by`, or unknown."""

    week: str
    number: int
    key: str
    state: str
    account: str
    claimed_by: str
    claimed_at: datetime


class Unknown(NamedTuple):
    """A delivery of which nobody knows whether it went out; `email` is "" where the reader was erased since.

    `alone` tells whether the others of its batch have an outcome; `key` is that of the call.
    """

    week: str
    batch: int
    subscriber_id: str
    email: str
    reason: str
    claimed_at: datetime
    alone: bool
    key: str


#: Told in its transaction that a sender halted an edition: of which week, why, and when.
Halted = Callable[[Session, str, str, datetime], None]


class Ledger:
    """The deliveries of all editions. Every method is one transaction."""

    def __init__(self, engine: Engine, halted: Halted = lambda *_: None, pace: Pace = Pace()) -> None:  # noqa: B008 - frozen
        self.engine, self._halted, self._pace = engine, halted, pace

    def plan(self, week: str, now: datetime, size: int = MAX_BATCH) -> int:
        """Freeze the audience into deliveries and batches, once; returns how many are planned in all.

        One statement takes everyone who may receive the edition now; whoever joins later waits for the next one. An
        edition that was taken back meanwhile is not planned.
        """
        with writing(self.engine) as session:
            # Two processes may plan at once: on PostgreSQL the second waits here, and then finds all of it planned.
            edition = session.execute(_PLANNING.with_for_update(), {"week": week}).first()
            if edition is None or edition.planned_at is not None or edition.state in {"draft", "skipped"}:
                return int(session.execute(_count(week)).scalar_one())
            session.execute(update(EditionRow).where(col(EditionRow.week) == week).values(planned_at=now))
            size = min(size, *(most for most in (self._pace.hour, self._pace.day) if most), MAX_BATCH)
            place = func.row_number().over(order_by=col(SubscriberRow.id)) - 1
            chosen = select(literal(week), col(SubscriberRow.id), place // size + 1, literal("")).where(
                why_not(now).is_(None)
            )
            session.execute(insert(DeliveryRow).from_select(["week", "subscriber_id", "batch", "reason"], chosen))
            at = literal(now, UtcDateTime())
            one = (literal(week), col(DeliveryRow.batch), literal("planned"), func.count(), at, at, literal(0))
            batches = (
                select(*one, literal(""), literal(""), literal(""))
                .where(col(DeliveryRow.week) == week)
                .group_by(col(DeliveryRow.batch))
            )
            columns = [
                "week", "number", "state", "size", "planned_at", "due_at", "attempts", "reason", "claimed_by",
                "message_id",
            ]  # fmt: skip
            session.execute(insert(BatchRow).from_select(columns, batches))
            return int(session.execute(_count(week)).scalar_one())

    def claim(
        self, week: str, claimed_by: str, now: datetime, tokens: Callable[[Sequence[str]], Sequence[str]],
        account: str, seal: str = "",
    ) -> Claim | Rest | None:  # fmt: skip
        """Take the next planned batch that is due, committed under a fresh key.

        Whoever left or was suppressed since planning is dropped here, inside the claim. A batch larger than what the
        pace still allows is parted.

        Args:
            week: Of which edition.
            claimed_by: The process that is going to make the call.
            now: When.
            tokens: Makes those of readers' links from their ids, in the same order.
            account: Through which account of which sender the call is going to be made.
            seal: The sha-256 of what is about to be sent; nothing else that was approved meanwhile is claimed.

        Returns:
            A claim; a rest while none may leave (held, at the sender's wish, by our own pace, or because all that is
            left waits for another try); None when no batch is planned.
        """
        with writing(self.engine) as session:
            edition = session.connection().execute(_HELD, {"week": week}).first()
            if edition is not None and edition.held is not None:
                return Rest(edition.held, None)
            if edition is not None and seal not in {"", edition.sha256}:
                return Rest("it was taken back and changed meanwhile", None)
            free = resting(session, now, account) or share(session, self._pace, now)
            if isinstance(free, Rest):
                return free if session.execute(_waiting(week)).first() else None
            key = secrets.token_hex(12)
            which: dict[str, object] = {"of": week, "now": now, "late": now + 2 * LONGEST_WAIT}
            which |= {"under": key, "by": claimed_by, "account": account}
            batch = session.connection().execute(CLAIMED, which).first()
            if batch is None:
                due = session.execute(_waiting(week)).scalar()
                return Rest("what is left waits for another try", due) if due is not None and due > now else None
            if batch.size > free:
                part(session, batch, int(free), now)
            rows = sift(session, week, addressed(session, {"week": week, "number": batch.number, "now": now}))
            if free != inf:
                take(session, len(rows))
        all_tokens = tokens([row[0] for row in rows])
        recipients = tuple(
            [Recipient(one, email, name, own) for (one, email, name, _), own in zip(rows, all_tokens, strict=True)]
        )
        return Claim(week, batch.number, key, now, account, recipients)

    def record(
        self,
        call: Claim | Call,
        outcome: Outcome,
        now: datetime,
        reason: str = "",
        receipt: Receipt = Receipt(),  # noqa: B008 - frozen
    ) -> bool:
        """Write down what became of a call, unless somebody has meanwhile; tells whether it was written.

        Planned again its key is gone. Of the recipients that the receipt names, some are refused or unknown on their
        own, and those to be tried later are planned in a batch of their own, which waits longer with each try.
        """
        with writing(self.engine) as session:
            return self._record(session, call, outcome, now, reason, receipt)

    def postpone(self, claim: Claim, until: datetime, now: datetime, reason: str) -> None:
        """Plan a call again that did not go out, and make none before `until`."""
        with writing(self.engine) as session:
            self._record(session, claim, "planned", now, reason)
            rest(session, until, reason, now, claim.account)

    def rest(self, until: datetime, now: datetime, reason: str, account: str) -> None:
        """Let no call be made through an account before a moment."""
        with writing(self.engine) as session:
            rest(session, until, reason, now, account)

    def halt(self, claim: Claim, now: datetime, reason: str) -> None:
        """Plan a call again that found no sender to take it, hold the edition, and tell so: a person must act."""
        with writing(self.engine) as session:
            self._record(session, claim, "planned", now, reason)
            held = f"the sender takes nothing: {reason}"
            mine = and_(col(EditionRow.week) == claim.week, col(EditionRow.held).is_(None))
            session.execute(update(EditionRow).where(mine).values(held=held))
            self._halted(session, claim.week, reason, now)

    def _record(
        self, session: Session, call: Claim | Call, outcome: Outcome, now: datetime, reason: str = "",
        receipt: Receipt = Receipt(),  # noqa: B008 - frozen
    ) -> bool:  # fmt: skip
        which: dict[str, object] = {"of": call.week, "which": call.number, "under": call.key}
        # An event may have told more than its process knows: that this call, or an earlier one, reached them all.
        unsure = outcome != "accepted" or receipt.refused or receipt.unknown or receipt.later
        if unsure and session.connection().execute(SEEN_AT, which).scalar() is not None:
            outcome, reason, receipt = "accepted", SEEN, Receipt()
        if outcome == "planned" and isinstance(call, Call):
            session.connection().execute(REMEMBER, which)
        if outcome == "planned":
            statement, values = (NO_TRY if isinstance(call, Claim) else AGAIN), dict[str, object](why=reason)
        else:
            values = dict[str, object](now=outcome, why=reason, at=now, named=receipt.message_id)
            statement = SETTLED
        if not session.connection().execute(statement, which | values).rowcount:
            return False
        if isinstance(call, Claim) and self._pace != Pace():
            stayed = call.recipients if outcome == "planned" else (*receipt.refused, *receipt.later)
            give_back(session, len(stayed), call.claimed_at)
        if receipt.refused or receipt.unknown or receipt.later:
            part_ways(session, call.week, call.number, receipt, now)
        return True

    def unsettled(self, week: str | None = None) -> list[Call]:
        """Give the calls without an outcome, by week and number: claimed and unknown ones."""
        columns = (
            col(BatchRow.week), col(BatchRow.number), col(BatchRow.key), col(BatchRow.state), col(BatchRow.account),
            col(BatchRow.claimed_by), col(BatchRow.claimed_at),
        )  # fmt: skip
        mine = [col(BatchRow.week) == week] if week else []
        statement = (
            select(*columns)
            .where(col(BatchRow.state).in_(("claimed", "unknown")), *mine)
            .order_by(col(BatchRow.week), col(BatchRow.number))
        )
        with reading(self.engine) as session:
            return [Call(*row) for row in session.execute(statement).all()]

    def under_way(self, now: datetime) -> set[str]:
        """Give the weeks of which a process that lives makes a call just now."""
        claimed = [one for one in self.unsettled() if one.state == "claimed"]
        return {one.week for one in claimed if not abandoned(one.claimed_by, one.claimed_at, now)}

    def give_up(self, week: str, now: datetime, by: str, keys: Collection[str] | None = None) -> int:
        """End what is unknown by a person's word, as if nobody got it; returns how many deliveries.

        With `keys`, only of these calls.
        """
        with writing(self.engine) as session:
            unknown = _of_calls(session.execute(_unknown(week)).all(), keys)
            why = f"given up by {by}"
            _decide(session, week, keys, {"state": "given_up", "reason": why, "settled_at": now})
            alone = {one.subscriber_id: why for one in unknown if one.alone}
            set_apart(session, week, alone, "given_up", was="unknown")
            return len(unknown)

    def resend(self, week: str, now: datetime, by: str, keys: Collection[str] | None = None) -> int:
        """Plan what is unknown once more by a person's word, though it may reach readers twice; how many deliveries.

        With `keys`, only of these calls.
        """
        with writing(self.engine) as session:
            unknown = _of_calls(session.execute(_unknown(week)).all(), keys)
            again = {"state": "planned", "reason": f"sent again by {by}", "due_at": now, "settled_at": None}
            again |= {"key": None, "claimed_by": "", "claimed_at": None}
            _decide(session, week, keys, again, remember=True)
            alone = [(one.batch, one.subscriber_id) for one in unknown if one.alone]
            for number, some in groupby(sorted(alone), key=itemgetter(0)):
                whose = [subscriber_id for _, subscriber_id in some]
                move(session, week, number, whose, now, 0, f"sent again by {by}")
            return len(unknown)

    def unknown(self, week: str | None = None) -> list[Unknown]:
        """Name the readers of whom nobody knows whether they got an edition, by week and address."""
        with reading(self.engine) as session:
            return [Unknown(*row) for row in session.execute(_unknown(week).order_by("week", "email"))]

    def doubt(self, call: Call) -> Doubt:
        """Say what a sender needs to know to look a call up."""
        which = {"week": call.week, "number": call.number, "now": call.claimed_at}
        with reading(self.engine) as session:
            some = session.execute(ADDRESSED.limit(_ASKED_ABOUT), which)
            addresses = tuple(row.email for row in some if row.email)
        return Doubt(call.week, call.key, call.claimed_at, addresses)

    def counts(self, week: str) -> Counts:
        """Count an edition's deliveries by outcome, from the batches and from the few rows that differ from theirs."""
        with reading(self.engine) as session:
            return counts_of(session, week)


def _count(week: str) -> Select[tuple[int]]:
    return select(func.count()).select_from(DeliveryRow).where(col(DeliveryRow.week) == week)


def _waiting(week: str) -> Select[tuple[datetime]]:
    return select(col(BatchRow.due_at)).where(in_state(week, "planned")).order_by(col(BatchRow.due_at)).limit(1)


def _unknown(week: str | None) -> Select[Any]:
    """The deliveries that are unknown, with their batch or on their own."""
    theirs = and_(col(DeliveryRow.week) == col(BatchRow.week), col(DeliveryRow.batch) == col(BatchRow.number))
    alone = col(DeliveryRow.state) == "unknown"
    statement = (
        select(
            col(DeliveryRow.week), col(DeliveryRow.batch), col(DeliveryRow.subscriber_id),
            func.coalesce(col(SubscriberRow.email), "").label("email"),
            case((alone, col(DeliveryRow.reason)), else_=col(BatchRow.reason)), col(BatchRow.claimed_at),
            func.coalesce(alone, false()).label("alone"), col(BatchRow.key),
        )
        .join(BatchRow, theirs)
        .outerjoin(SubscriberRow, col(SubscriberRow.id) == col(DeliveryRow.subscriber_id))
        .where(or_(alone, and_(col(DeliveryRow.state).is_(None), col(BatchRow.state) == "unknown")))
    )  # fmt: skip
    return statement if week is None else statement.where(col(DeliveryRow.week) == week)


def _of_calls(unknown: Sequence[Any], keys: Collection[str] | None) -> list[Any]:
    return [one for one in unknown if keys is None or one.key in keys]


def _decide(
    session: Session, week: str, keys: Collection[str] | None, values: Mapping[str, object], *, remember: bool = False
) -> None:
    """Do what a person decided to the calls that are unknown: all of them, or those with these keys."""
    for some in [None] if keys is None else in_chunks(sorted(keys)):
        mine = (
            in_state(week, "unknown") if some is None else and_(in_state(week, "unknown"), col(BatchRow.key).in_(some))
        )
        if remember:  # an event may still tell of them
            calls = select(col(BatchRow.key), col(BatchRow.week), col(BatchRow.number)).where(mine)
            session.execute(insert(EARLIER).from_select(["key", "week", "number"], calls))
        session.execute(update(BatchRow).where(mine).values(**values))


_HELD = select(col(EditionRow.held), col(EditionRow.sha256)).where(col(EditionRow.week) == bindparam("week"))
_PLANNING = select(col(EditionRow.state), col(EditionRow.planned_at)).where(col(EditionRow.week) == bindparam("week"))
