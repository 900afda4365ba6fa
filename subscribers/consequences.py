"""What follows from events: who is not mailed any more, and who has left. In any order, and often, to the same end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, case, func, insert, or_, select, text, update
from sqlmodel import Session, col

from digest.database import UtcDateTime, in_chunks
from digest.tables import EditionRow
from subscribers.addressing import address_hash, fold
from subscribers.eventposts import Event
from subscribers.tables import ConsentRow, DeliveryRow, EventRow, SubscriberRow

#: Letters outside the editions have this and their number where those have their week.
LETTER = "letter-"

#: What an event means for its address, and for the reader's subscription.
_HARMS = frozenset(("hard bounce", "complaint"))
_ENDS = {"complaint": "complained", "left": "left"}

#: What tells whether a mailbox takes letters.
_OUTCOME_KINDS = ("delivered", "soft bounce", "hard bounce")

#: What a person did that weighs more than an event from before it.
_WANTED = ("confirmed", "came back")


class Harm(NamedTuple):
    """A reason not to mail an address, by its hash, and since when."""

    hashed: str
    why: str
    at: datetime


class End(NamedTuple):
    """A reader's subscription is over: "left" or "complained", and when."""

    subscriber_id: str
    hashed: str
    what: str
    at: datetime


def keep_still(session: Session, key: bytes, events: Sequence[Event]) -> set[str]:
    """Keep the readers as they are for whom something may follow from events, until the transaction ends.

    That comes before anything else of theirs is locked: who is erased in this moment is taken in the same order.

    Returns:
        Readers who have these outcomes, and whose mailbox has ever turned a letter away: see `wear_out`.
    """
    asked = {one.subscriber_id for one in events if one.kind in _OUTCOME_KINDS}
    worn = {one.subscriber_id for one in events if one.kind == "soft bounce"}
    for some in in_chunks(sorted(asked - worn)):
        worn |= set(session.connection().execute(_SOFTLY, {"some": some}).scalars())
    telling = [one for one in events if _means_something(one)]
    own = _readers(session, col(SubscriberRow.id), worn | {one.subscriber_id for one in telling})
    addresses = {_hash_of(one, None, key) for one in telling if _meaning(one) in _HARMS}
    _readers(session, col(SubscriberRow.address_hash), addresses - {""} - set(own.values()))
    return worn


def follow(session: Session, key: bytes, events: Sequence[Event], source: str) -> None:
    """Suppress and unsubscribe as events say; those of readers who are gone change nothing.

    A hard bounce or a complaint suppresses the address the letter went to. Who complains or leaves has left, if that is
    still their address and they have not confirmed or come back since.

    Args:
        session: The caller's, writing.
        key: The key of the suppression list.
        events: Those with their week; in any order, any number of times.
        source: Who told, as the proof of leaving names it.
    """
    telling = [(one, _meaning(one)) for one in events if _means_something(one)]
    if not telling:
        return
    readers = _readers(session, col(SubscriberRow.id), {one.subscriber_id for one, _ in telling})
    harms, ends = [], []
    for one, meaning in telling:
        own = readers.get(one.subscriber_id)
        if own is None and not one.subscriber_id.startswith(LETTER):
            continue
        hashed = _hash_of(one, own, key)
        if hashed and meaning in _HARMS:
            harms.append(Harm(hashed, meaning, one.at))
        if own is not None and hashed == own and meaning in _ENDS:
            ends.append(End(one.subscriber_id, own, _ENDS[meaning], one.at))
    suppress(session, harms)
    end(session, ends, source)


def _meaning(event: Event) -> str:
    return event.about if event.kind == "dropped" else event.kind


def _means_something(event: Event) -> bool:
    return (meaning := _meaning(event)) in _HARMS or meaning in _ENDS


def _hash_of(event: Event, own: str | None, key: bytes) -> str:
    """Name the address a letter went to; an edition goes to the reader's own, where the event does not say."""
    try:
        return address_hash(fold(event.email), key)
    except ValueError:
        return "" if event.week.startswith(LETTER) else own or ""


def suppress(session: Session, harms: Iterable[Harm]) -> int:
    """Suppress addresses, but for those that an operator allowed since; how many rows were written.

    The earliest reason stays. A person's own wish gives way: only an operator may lift what harms all other mail.
    """
    harms = sorted(set(harms))
    allowed = _allowed(session, {one.hashed for one in harms})
    rows = [one._asdict() for one in harms if one.hashed not in allowed or one.at > allowed[one.hashed]]
    return _execute(session, _SUPPRESS, rows)


def end(session: Session, ends: Iterable[End], source: str) -> None:
    """End subscriptions and keep the proof, unless the reader confirmed or came back after that moment.

    A complaint from before an operator allowed the address ends nothing either.
    """
    ends = sorted(set(ends))
    whose = {one.subscriber_id for one in ends}
    wanted = _last(session, whose, _WANTED)
    allowed = _allowed(session, {one.hashed for one in ends if one.what == "complained"})
    known = _proofs(session, whose, source)
    ends = [
        one
        for one in ends
        if (one.subscriber_id not in wanted or one.at > wanted[one.subscriber_id])
        and (one.what == "left" or one.hashed not in allowed or one.at > allowed[one.hashed])
    ]
    proofs = [
        {"subscriber_id": one.subscriber_id, "what": one.what, "at": one.at, "source": source}
        for one in ends
        if (one.subscriber_id, one.what, one.at) not in known
    ]
    over: dict[str, datetime] = {}
    for one in ends:
        over[one.subscriber_id] = max(one.at, over.get(one.subscriber_id, one.at))
    _execute(session, _PROVE, proofs)
    _execute(session, _END, [{"whose": whose, "over": at} for whose, at in sorted(over.items())])


def wear_out(session: Session, readers: Collection[str], most: int) -> None:
    """Suppress whose mailbox turned away the last `most` editions they got, and nobody else on that ground.

    Asked after each outcome of readers whom `keep_still` gave, so that a late "delivered" lifts what an earlier count
    had brought.
    """
    if not readers:
        return
    hashes = _readers(session, col(SubscriberRow.id), readers)
    since = _last(session, readers, ("allowed", "moved to this address"))
    outcomes: dict[str, list[tuple[str, str, datetime]]] = defaultdict(list)
    for some in in_chunks(sorted(hashes)):
        for whose, week, kind, at in session.connection().execute(_OUTCOMES, {"some": some}):
            if whose not in since or at > since[whose]:
                outcomes[whose].append((week, kind, at))
    turned = {
        hashed: at if at is not None and not _silent(session, whose, outcomes[whose], most) else None
        for whose, hashed in hashes.items()
        for at in (turned_away(outcomes[whose], most),)
    }
    _execute(session, _WEAR, [{"hashed": one, "at": at} for one, at in sorted(turned.items()) if at is not None])
    _execute(session, _RECOVER, [{"hashed": one} for one, at in sorted(turned.items()) if at is None])


def turned_away(outcomes: Iterable[tuple[str, str, datetime]], most: int) -> datetime | None:
    """Tell since when a mailbox has turned away the last `most` editions that had an outcome; None when it has not.

    `outcomes` are (week, kind, moment) in any order; an edition that was delivered as well was not turned away.
    """
    weeks: dict[str, dict[str, datetime]] = defaultdict(dict)
    for week, kind, at in outcomes:
        weeks[week][kind] = at
    last = [weeks[week] for week in sorted(weeks)[-most:]]
    if len(last) < most or any(set(one) != {"soft bounce"} for one in last):
        return None
    return max(one["soft bounce"] for one in last)


def _silent(session: Session, whose: str, outcomes: Iterable[tuple[str, str, datetime]], most: int) -> bool:
    """Tell whether a reader got an edition between the last `most` that had an outcome, of which nothing was told.

    Mail servers tell only of what they could not deliver, and a provider's word may be lost: such a one breaks a row.
    """
    last = sorted({week for week, *_ in outcomes})[-most:]
    with_edition = select(col(EditionRow.week)).where(col(EditionRow.week) > last[0], col(EditionRow.week) < last[-1])
    between = sorted(set(session.execute(with_edition).scalars()) - set(last))
    got = select(col(DeliveryRow.week)).where(
        col(DeliveryRow.subscriber_id) == whose,
        col(DeliveryRow.week).in_(between),  # by the key: an index of readers alone would cost every planning
        or_(col(DeliveryRow.state).is_(None), col(DeliveryRow.state).not_in(("refused", "dropped"))),
    )
    return session.execute(got.limit(1)).first() is not None


def _readers(session: Session, column: Any, values: Collection[str]) -> dict[str, str]:
    """Give the hashes of readers' addresses by id, and keep the readers as they are until the transaction ends."""
    rows = (
        select(col(SubscriberRow.id), col(SubscriberRow.address_hash))
        .where(column.in_(bindparam("some", expanding=True)))
        .order_by(col(SubscriberRow.id))
        .with_for_update()
    )
    return {
        whose: hashed
        for some in in_chunks(sorted(values))
        for whose, hashed in session.connection().execute(rows, {"some": some})
    }


def _allowed(session: Session, hashes: Collection[str]) -> dict[str, datetime]:
    """Give, by address, when an operator last allowed it; that stands with its reader, or where none is, by itself."""
    owners = _readers(session, col(SubscriberRow.address_hash), hashes)
    found: dict[str, datetime] = {}
    for one, at in _last(session, {*owners, *hashes}, ("allowed",)).items():
        hashed = owners.get(one, one)
        found[hashed] = max(at, found.get(hashed, at))
    return found


def _last(session: Session, whose: Collection[str], what: Collection[str]) -> dict[str, datetime]:
    return {
        one: at
        for some in in_chunks(sorted(whose))
        for one, at in session.connection().execute(_LAST, {"some": some, "what": what})
    }


def _proofs(session: Session, whose: Collection[str], source: str) -> set[tuple[str, str, datetime]]:
    return {
        (one, what, at)
        for some in in_chunks(sorted(whose))
        for one, what, at in session.connection().execute(_PROVEN, {"some": some, "source": source})
    }


def _execute(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute one statement for many rows; how many it wrote."""
    if not rows:
        return 0
    return session.connection().execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


_MOMENT = bindparam("at", type_=UtcDateTime())
_SOME: BindParameter[Any] = bindparam("some", expanding=True)

_LAST = (
    select(col(ConsentRow.subscriber_id), func.max(col(ConsentRow.at)))
    .where(col(ConsentRow.subscriber_id).in_(_SOME), col(ConsentRow.what).in_(bindparam("what", expanding=True)))
    .group_by(col(ConsentRow.subscriber_id))
)
_PROVEN = select(col(ConsentRow.subscriber_id), col(ConsentRow.what), col(ConsentRow.at)).where(
    col(ConsentRow.subscriber_id).in_(_SOME), col(ConsentRow.source) == bindparam("source")
)
_PROVE = insert(ConsentRow)
_END = (
    update(SubscriberRow)
    .where(col(SubscriberRow.id) == bindparam("whose"))
    .values(
        state="unsubscribed",
        moving_to="",
        asked_at=case(
            (col(SubscriberRow.asked_at) > bindparam("over", type_=UtcDateTime()), col(SubscriberRow.asked_at)),
            else_=None,
        ),
    )
)
_SUPPRESS = text(
    "INSERT INTO suppressions (address_hash, why, at, soft) VALUES (:hashed, :why, :at, false)"
    " ON CONFLICT (address_hash) DO UPDATE SET why = excluded.why, at = excluded.at, soft = false"
    " WHERE suppressions.why NOT IN ('hard bounce', 'complaint') OR suppressions.soft OR excluded.at < suppressions.at"
    " OR (excluded.at = suppressions.at AND excluded.why < suppressions.why)"
).bindparams(_MOMENT)
_WEAR = text(
    "INSERT INTO suppressions (address_hash, why, at, soft) VALUES (:hashed, 'hard bounce', :at, true)"
    " ON CONFLICT (address_hash) DO UPDATE SET at = excluded.at WHERE suppressions.soft"
).bindparams(_MOMENT)
_RECOVER = text("DELETE FROM suppressions WHERE address_hash = :hashed AND soft")
_SOFTLY = (
    select(col(EventRow.subscriber_id))
    .where(col(EventRow.subscriber_id).in_(_SOME), col(EventRow.kind) == "soft bounce")
    .distinct()
)
_OUTCOMES = select(
    col(EventRow.subscriber_id), col(EventRow.week), col(EventRow.kind), col(EventRow.at)
).where(
    col(EventRow.subscriber_id).in_(_SOME),
    col(EventRow.kind).in_(_OUTCOME_KINDS),
    ~col(EventRow.week).startswith(LETTER),
)  # fmt: skip
