"""How an address becomes a reader: somebody asks, the address confirms. A form alone never makes anyone a reader."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, and_, bindparam, delete, exists, insert, text, update
from sqlmodel import Session, col, select

from digest.database import UtcDateTime, bit_by_bit, in_chunks, writing
from subscribers.addressing import address_hash, fold, mailbox
from subscribers.limits import allowed, forget_limits
from subscribers.links import ID_LENGTH
from subscribers.notices import Kind, queue
from subscribers.origins import Origin
from subscribers.tables import HARMFUL, ConsentRow, NoticeRow, SubscriberRow, SuppressionRow

#: A letter that a stranger's form causes goes to one address at most this often.
ONE_LETTER_PER = timedelta(days=1)

#: Local parts that belong to a function rather than a person. Source: RFC 2142, and what no person reads.
ROLES = frozenset(
    (
        "abuse", "admin", "administrator", "contact", "daemon", "help", "hostmaster", "info", "mailer-daemon",
        "marketing", "news", "no-reply", "noc", "noreply", "office", "postmaster", "root", "sales", "security",
        "support", "usenet", "uucp", "webmaster", "www",
    )
)  # fmt: skip

#: What came of confirming: `void` where nobody asked, or the request was taken back since.
Confirmed = Literal["confirmed", "already", "void"]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a person read when they agreed, and the version of that text."""

    text: str
    version: str


class Joining:
    """The way in. Every method is one transaction and tells a stranger nothing of who subscribes."""

    def __init__(
        self, engine: Engine, suppression_key: bytes, *, refuse: Collection[str] = (), per_network: int = 30
    ) -> None:
        self.engine, self._key, self._refuse, self._per_network = engine, suppression_key, refuse, per_network

    def ask(self, email: str, origin: Origin, wording: Wording, now: datetime) -> bool:
        """Take a sign-up in, and queue the letter it calls for, if any.

        A new address, or one that left, gets the letter to confirm; one that subscribes already is told so; a
        suppressed one gets nothing, unless it was the person's own wish, which a new confirmed sign-up lifts. No
        address gets more than one letter a day through forms, and no second request is recorded in that time.

        Returns:
            Whether it was looked at: False where the network has asked too often within the hour.
        """
        folded = self._taken(email)
        with writing(self.engine) as session:
            if not self._permits(session, origin, now):
                return False
            if folded is None or is_harmful(session, hashed := address_hash(folded, self._key)):
                return True
            if one_letter(session, "forms", folded, self._key, now):
                asking = _begin(session, email.strip(), folded, hashed, now) or _again(session, hashed, now)
                if asking:
                    prove(session, asking, "asked", now, "sign-up form", origin, wording)
            return True

    def confirm(self, subscriber_id: str, folded: str, origin: Origin, now: datetime) -> Confirmed:
        """Make a reader of who asked, and lift what they once wished for; the caller has checked their link.

        `folded` is the address, folded, that the link was mailed to.
        """
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is None or row.folded != folded or (row.state != "confirmed" and row.asked_at is None):
                return "void"
            if row.state == "confirmed":
                return "already"
            row.state, row.confirmed_at, row.asked_at, row.paused_until = "confirmed", now, None, None
            session.add(row)
            prove(session, row.id, "confirmed", now, "link in the mail", origin)
            lift_wishes(session, row.address_hash)
            queue(session, "welcome", now, subscriber_id=row.id)
            return "confirmed"

    def ask_to_leave(self, email: str, origin: Origin, now: datetime) -> bool:
        """Mail the link to leave to a reader who lost their mail, once a day; answer as for `ask`."""
        folded = self._taken(email, refuse=())
        with writing(self.engine) as session:
            if not self._permits(session, origin, now):
                return False
            if folded is None or is_harmful(session, hashed := address_hash(folded, self._key)):
                return True
            known = _known(session, hashed)
            # Counted apart, and only where a letter goes: else anybody could keep somebody from signing up.
            if (
                known is not None
                and known.state == "confirmed"
                and one_letter(session, "leave", folded, self._key, now)
            ):
                _queue_once(session, "link", known.id, now, "leave")
            return True

    def tidy(self, now: datetime, retention: timedelta) -> None:
        """Forget what is no longer needed: old limits, settled letters, and sign-ups that nobody confirmed."""
        before = now - retention
        with writing(self.engine) as session:
            forget_limits(session, now)
            session.exec(update(SubscriberRow).where(_gave_up_moving(now)).values(moving_to=""))
        settled = select(NoticeRow.id).where(col(NoticeRow.settled_at) < before)
        bit_by_bit(self.engine, lambda session, most: _forget(session, NoticeRow.id, settled, most))
        lapsed = select(SubscriberRow.id).where(
            col(SubscriberRow.state) == "unconfirmed",
            col(SubscriberRow.created_at) < before,
            col(SubscriberRow.asked_at).is_(None) | (col(SubscriberRow.asked_at) < before),
        )
        bit_by_bit(self.engine, lambda session, most: _forget(session, SubscriberRow.id, lapsed, most))

    def _taken(self, email: str, refuse: Collection[str] | None = None) -> str | None:
        """Fold an address; None when it is none, or of a kind that settings refuse."""
        try:
            folded = fold(email)
        except ValueError:
            return None
        return None if kinds_of(folded) & set(self._refuse if refuse is None else refuse) else folded

    def _permits(self, session: Session, origin: Origin, now: datetime) -> bool:
        what = f"network:{address_hash(origin.network, self._key)}"
        return allowed(session, what, self._per_network, timedelta(hours=1), now)


def _forget(session: Session, key: Any, which: Any, most: int) -> int:
    """Delete so many rows at most, with what belongs to them where they are readers; returns how many."""
    some = session.exec(which.limit(most).with_for_update(skip_locked=True)).all()  # who confirms just now stays
    for ids in in_chunks(some):
        for table in (NoticeRow, ConsentRow) if key.class_ is SubscriberRow else ():
            session.exec(delete(table).where(col(table.subscriber_id).in_(ids)))
        session.exec(delete(key.class_).where(key.in_(ids)))
    return len(some)


def _gave_up_moving(now: datetime) -> ColumnElement[bool]:
    """Readers whose link to a new address ended a day ago, or was never mailed."""
    open_ = exists().where(
        col(NoticeRow.subscriber_id) == col(SubscriberRow.id), col(NoticeRow.kind) == "move",
        col(NoticeRow.settled_at).is_(None) | (col(NoticeRow.settled_at) > now - timedelta(days=1)),
    )  # fmt: skip
    return and_(col(SubscriberRow.moving_to) != "", ~open_)


def is_harmful(session: Session, hashed: str) -> bool:
    """Tell whether mail to an address (by its hash) may only be allowed again by a person of ours."""
    return session.connection().execute(_SUPPRESSED, {"hashed": hashed}).scalar() in HARMFUL


def one_letter(session: Session, form: str, folded: str, key: bytes, now: datetime) -> bool:
    """Count a letter that a form causes, and tell whether it is the first that day to that mailbox.

    Spellings that end up in one mailbox count as one.
    """
    return allowed(session, f"{form}:{address_hash(mailbox(folded), key)}", 1, ONE_LETTER_PER, now)


def lift_wishes(session: Session, hashed: str) -> None:
    """Lift a suppression that was the person's own wish: they have confirmed that they want mail again."""
    mine = delete(SuppressionRow).where(col(SuppressionRow.address_hash) == hashed)
    session.exec(mine.where(col(SuppressionRow.why).not_in(HARMFUL)))


def kinds_of(folded: str) -> set[str]:
    """Tell of what kinds a folded address is: "disposable" (made for a day), "role" (a function, not a person)."""
    local, _, domain = folded.rpartition("@")
    found = {"role"} if local.partition("+")[0] in ROLES else set()
    parents = (domain.split(".", cut)[-1] for cut in range(domain.count(".")))
    return found | ({"disposable"} if any(one in _disposable() for one in parents) else set())


def prove(
    session: Session, subscriber_id: str, what: str, now: datetime, source: str, origin: Origin,
    wording: Wording | None = None,
) -> None:  # fmt: skip
    """Keep the proof of what somebody asked for or took back; `wording` is what they read."""
    row = {
        "subscriber_id": subscriber_id, "what": what, "at": now, "source": source, "network": origin.kept,
        "wording": wording.text if wording else "", "wording_version": wording.version if wording else "",
    }  # fmt: skip
    session.connection().execute(_PROVED, row)


@cache
def _disposable() -> frozenset[str]:
    from disposable_email_domains import blocklist  # noqa: PLC0415 - ten thousand names that only sign-ups need

    return frozenset(blocklist)


def _known(session: Session, hashed: str) -> Any:
    """Give id and state of the subscriber with an address, None when there is none."""
    return session.connection().execute(_SUBSCRIBER, {"hashed": hashed}).first()


def _begin(session: Session, email: str, folded: str, hashed: str, now: datetime) -> str | None:
    """Keep an address that nobody has yet, and mail it the link to confirm; gives its id, None where it is known."""
    subscriber_id = secrets.token_hex(ID_LENGTH // 2)
    made = {"id": subscriber_id, "email": email, "folded": folded, "hashed": hashed, "now": now}
    if session.connection().execute(_BEGUN, made).first() is None:
        return None
    queue(session, "confirm", now, subscriber_id=subscriber_id)
    return subscriber_id


def _again(session: Session, hashed: str, now: datetime) -> str | None:
    """Mail an address that is known what it needs; gives its id where that is the link to confirm once more."""
    known = _known(session, hashed)
    if known.state == "confirmed":
        _queue_once(session, "link", known.id, now, "known")
        return None
    session.connection().execute(_ASKED, {"asking": known.id, "at": now})
    return known.id if _queue_once(session, "confirm", known.id, now) else None


def _queue_once(session: Session, kind: Kind, subscriber_id: str, now: datetime, leads_to: str = "") -> bool:
    """Queue a letter unless one of its kind still waits: a sender that was down must not send a pile later."""
    waiting = session.connection().execute(_WAITING, {"whose": subscriber_id, "kind": kind}).scalars()
    if any(data.get("for", "") == leads_to for data in waiting):
        return False
    return queue(session, kind, now, subscriber_id=subscriber_id, data={"for": leads_to} if leads_to else None)


# Built once: with a new statement each time a sign-up takes three times as long.
_SUPPRESSED = select(SuppressionRow.why).where(SuppressionRow.address_hash == bindparam("hashed"))
_SUBSCRIBER = (
    select(SubscriberRow.id, SubscriberRow.state)
    .where(SubscriberRow.address_hash == bindparam("hashed"))
    .with_for_update()
)
_BEGUN = text(  # as text for the same reason: SQLAlchemy builds its own ON CONFLICT anew each time
    "INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, asked_at, moving_to)"
    " VALUES (:id, :email, :folded, :hashed, '', 'unconfirmed', :now, :now, '') ON CONFLICT DO NOTHING RETURNING id"
).bindparams(bindparam("now", type_=UtcDateTime()))
_PROVED = insert(ConsentRow)
_ASKED = update(SubscriberRow).where(col(SubscriberRow.id) == bindparam("asking")).values(asked_at=bindparam("at"))
_WAITING = select(NoticeRow.data).where(
    NoticeRow.subscriber_id == bindparam("whose"), NoticeRow.kind == bindparam("kind"), NoticeRow.state == "queued"
)
