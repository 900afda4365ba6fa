"""What a reader may do with what is kept of them: see it, move it to another address, erase it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from digest.database import insert_ignore, reading, writing
from subscribers.addressing import address_hash, fold
from subscribers.consequences import LETTER
from subscribers.erasing import keep_numbers, nobody, strike_out
from subscribers.joining import is_harmful, kinds_of, lift_wishes, one_letter, prove
from subscribers.limits import allowed
from subscribers.notices import queue
from subscribers.origins import Origin
from subscribers.tables import (
    BatchRow,
    ConsentRow,
    DeliveryRow,
    EventRow,
    LimitRow,
    NoticeRow,
    SubscriberRow,
    SuppressionRow,
    VoteRow,
)

#: A mailed link to the account ends after this long, and a new one is mailed at most as often.
LINK_LASTS = timedelta(hours=1)

#: Of new addresses that one reader may try in a day, and of links to the account: whoever is forwarded a digest must
#: not be able to bother its reader.
_MOVES_A_DAY = _LINKS_A_DAY = 3


class Accounts:
    """Readers' own data. Every method is one transaction; the caller has checked the reader's link."""

    def __init__(self, engine: Engine, suppression_key: bytes, *, refuse: Collection[str] = ()) -> None:
        self.engine, self._key, self._refuse = engine, suppression_key, refuse

    def ask_for_link(self, subscriber_id: str, now: datetime) -> None:
        """Mail a fresh link to the account to the reader's own address, at most one an hour and three a day."""
        with writing(self.engine) as session:
            if session.get(SubscriberRow, subscriber_id, with_for_update=True) is None:
                return
            if allowed(session, f"link:{subscriber_id}", 1, LINK_LASTS, now) and allowed(
                session, f"links:{subscriber_id}", _LINKS_A_DAY, timedelta(days=1), now
            ):
                queue(session, "link", now, subscriber_id=subscriber_id, data={"for": "account"})

    def ask_to_move(self, subscriber_id: str, email: str, now: datetime) -> bool:
        """Ask at a new address whether it is meant; nothing changes before that is confirmed.

        No letter goes to an address that subscribes already or has left, that may not be mailed, or that had one from a
        form today: neither the answer nor the reader's story tells which.

        Returns:
            Whether it was looked at: False where this reader has tried too many addresses today.

        Raises:
            ValueError: It is no address, or of a kind that may not sign up; the text says why.
        """
        folded = fold(email)
        if kinds := sorted(kinds_of(folded) & set(self._refuse)):
            raise ValueError(f"Addresses of this kind ({', '.join(kinds)}) are not taken here.")
        hashed = address_hash(folded, self._key)
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is None or not allowed(session, f"move:{subscriber_id}", _MOVES_A_DAY, timedelta(days=1), now):
                return False
            row.moving_to = email.strip()
            session.add(row)
            there = session.exec(select(SubscriberRow).where(SubscriberRow.address_hash == hashed)).first()
            may_move = there is None or there.state == "unconfirmed"
            if may_move and not is_harmful(session, hashed) and one_letter(session, "forms", folded, self._key, now):
                queue(session, "move", now, subscriber_id=row.id, email=row.moving_to)
            return True

    def move(self, subscriber_id: str, folded: str, origin: Origin, now: datetime) -> bool:
        """Take a new address for the reader, tell the old one, and let no import bring that back.

        Args:
            subscriber_id: Whose.
            folded: The new address, folded: the one that the reader's link was mailed to.
            origin: From where it was confirmed.
            now: When.

        Returns:
            Whether it was done: False where they want another one by now, or another subscriber has it.
        """
        try:
            with writing(self.engine) as session:
                return self._moved(session, subscriber_id, folded, origin, now)
        except IntegrityError:  # somebody else took the address in the same moment
            return False

    def _moved(self, session: Session, subscriber_id: str, folded: str, origin: Origin, now: datetime) -> bool:
        row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
        if row is None or not row.moving_to or fold(row.moving_to) != folded:
            return False
        hashed = address_hash(folded, self._key)
        there = session.exec(select(SubscriberRow).where(SubscriberRow.address_hash == hashed)).first()
        if there is not None and there.id != row.id:
            if there.state != "unconfirmed":
                return False
            _remove(session, there, self._key)  # asked and never confirmed: now its owner wants this instead
        queue(session, "moved", now, subscriber_id=row.id, email=row.email)
        left = {"address_hash": row.address_hash, "why": "request", "at": now}
        insert_ignore(session, SuppressionRow, [left])
        row.email, row.folded, row.address_hash, row.moving_to = row.moving_to, folded, hashed, ""
        session.add(row)
        prove(session, row.id, "moved to this address", now, "link in the mail", origin)
        session.flush()
        lift_wishes(session, hashed)
        return True

    def story(self, subscriber_id: str) -> dict[str, Any] | None:
        """Tell everything that is kept of a reader, oldest first in each part; None when there is no such reader.

        Letters to an address they asked for are left out: whether one went would tell who else subscribes.
        """
        with reading(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id)
            if row is None:
                return None
            kept = (
                "id", "email", "name", "state", "created_at", "asked_at", "confirmed_at", "paused_until", "moving_to",
            )  # fmt: skip
            suppressed = session.get(SuppressionRow, row.address_hash)
            return {
                "subscriber": {name: _said(getattr(row, name)) for name in kept},
                "suppressed": _row(suppressed, ("why", "at")) if suppressed else None,
                "consents": [
                    _row(one, ("at", "what", "source", "network", "wording", "wording_version"))
                    for one in session.exec(
                        select(ConsentRow).where(ConsentRow.subscriber_id == row.id).order_by(col(ConsentRow.id))
                    )
                ],
                "letters": [
                    _row(one, ("id", "queued_at", "kind", "email", "state", "settled_at", "reason"))
                    for one in session.exec(
                        select(NoticeRow)
                        .where(NoticeRow.subscriber_id == row.id, NoticeRow.kind != "move")
                        .order_by(col(NoticeRow.id))
                    )
                ],
                "editions": _editions(session, row.id),
                "events": _events(session, row.id),
                "votes": [
                    _row(one, ("at", "tool", "call"))
                    for one in session.exec(
                        select(VoteRow).where(VoteRow.subscriber_id == row.id).order_by(col(VoteRow.at), VoteRow.tool)
                    )
                ],
            }

    def erase(self, subscriber_id: str, now: datetime) -> bool:
        """Erase a reader at once; returns False where there is none.

        What stays is the keyed hash of the address among the suppressed ones, so that no import brings it back, and in
        what is counted of past editions names that lead to nobody, so that no number falls.
        """
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is None:
                return False
            insert_ignore(session, SuppressionRow, [{"address_hash": row.address_hash, "why": "erasure", "at": now}])
            _remove(session, row, self._key)
            _forget_elsewhere(session, row.folded, row.email)
            return True

    def suppressed(self, email: str) -> dict[str, Any] | None:
        """Tell why and since when an address is suppressed, None when it is not.

        Raises:
            ValueError: It is no address; the text says why.
        """
        with reading(self.engine) as session:
            row = session.get(SuppressionRow, address_hash(fold(email), self._key))
            return _row(row, ("why", "at")) if row else None

    def suppress(self, email: str, now: datetime) -> bool:
        """Keep an address that is no subscriber's from ever being imported; returns False where it was so already.

        Raises:
            ValueError: It is no address; the text says why.
        """
        hashed = address_hash(folded := fold(email), self._key)
        with writing(self.engine) as session:
            _forget_elsewhere(session, folded, email.strip())
            return bool(insert_ignore(session, SuppressionRow, [{"address_hash": hashed, "why": "erasure", "at": now}]))


def _editions(session: Session, subscriber_id: str) -> list[dict[str, Any]]:
    # By week and reader, as the key has it: an index by reader alone would cost every planning.
    weeks = session.exec(select(BatchRow.week).distinct().order_by(BatchRow.week)).all()
    told = []
    for week in weeks:
        if (mine := session.get(DeliveryRow, (week, subscriber_id))) is not None:
            batch = session.get_one(BatchRow, (week, mine.batch))
            told.append(
                {
                    "week": week, "state": mine.state or batch.state, "reason": mine.reason or batch.reason,
                    "at": _said(batch.claimed_at or batch.planned_at),
                }
            )  # fmt: skip
    return told


def _events(session: Session, subscriber_id: str) -> list[dict[str, Any]]:
    to_another = select(NoticeRow.id).where(NoticeRow.subscriber_id == subscriber_id, NoticeRow.kind == "move")
    untold = [f"{LETTER}{one}" for one in session.exec(to_another)]
    mine = select(EventRow).where(EventRow.subscriber_id == subscriber_id, col(EventRow.week).not_in(untold))
    rows = session.exec(mine.order_by(col(EventRow.at), EventRow.week, EventRow.kind, EventRow.about))
    return [_row(one, ("at", "week", "kind", "about", "reason")) for one in rows]


def _remove(session: Session, row: SubscriberRow, key: bytes) -> None:
    for week in session.exec(select(BatchRow.week).distinct()).all():
        mine = session.get(DeliveryRow, (week, row.id))
        if mine is None:
            continue
        batch = session.get_one(BatchRow, (week, mine.batch))
        never = batch.state == "planned" and mine.state is None
        dropped = {"state": "dropped", "reason": "erased"} if never else {"reason": ""}  # servers say the address in it
        here = (col(DeliveryRow.week) == week, col(DeliveryRow.subscriber_id) == row.id)
        session.exec(update(DeliveryRow).where(*here).values(subscriber_id=nobody(key, week, row.id), **dropped))
    keep_numbers(session, key, row.id)
    for table in (VoteRow, ConsentRow, NoticeRow):
        session.exec(delete(table).where(col(table.subscriber_id) == row.id))
    counted = [f"{what}:{row.id}" for what in ("link", "links", "move", "goodbye")]
    session.exec(delete(LimitRow).where(col(LimitRow.what).in_(counted)))
    session.delete(row)
    session.flush()


def _forget_elsewhere(session: Session, folded: str, spelled: str) -> None:
    """Take an address out where another reader asked to move to it or moved away from it, and where others said it."""
    for other in session.exec(select(SubscriberRow).where(SubscriberRow.moving_to != "")):
        if fold(other.moving_to) == folded:
            other.moving_to = ""
            session.add(other)
    for letter in session.exec(select(NoticeRow).where(col(NoticeRow.kind).in_(("move", "moved")))):
        if fold(letter.email) == folded:
            session.delete(letter)
    session.flush()
    strike_out(session, folded, spelled)


def _row(row: object, names: Collection[str]) -> dict[str, Any]:
    return {name: _said(getattr(row, name)) for name in names}


def _said(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
