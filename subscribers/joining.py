"""How an address becomes a reader: somebody asks, the address confirms. A form alone never makes anyone a reader."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Literal

from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from digest.database import insert_ignore, writing
from subscribers.addressing import address_hash, fold
from subscribers.limits import allowed, forget_limits
from subscribers.links import ID_LENGTH
from subscribers.notices import Kind, queue
from subscribers.origins import Origin
from subscribers.tables import ConsentRow, NoticeRow, SubscriberRow, SuppressionRow

#: A letter that a stranger's form causes goes to one address at most this often.
ONE_LETTER_PER = timedelta(days=1)

#: Suppressions that only `subscribers allow` lifts: mail to such an address harms all other mail of ours.
#: Source: DESIGN, rule 2.
HARMFUL = ("hard bounce", "complaint")

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
            if folded is not None and (row := self._writes_to(session, folded, now, email.strip())) is not None:
                if row.state == "confirmed":
                    _queue_once(session, "link", row.id, now, "known")
                else:
                    row.asked_at = now
                    session.add(row)
                    if _queue_once(session, "confirm", row.id, now):
                        session.add(consent(row.id, "asked", now, "sign-up form", origin, wording))
            return True

    def confirm(self, subscriber_id: str, origin: Origin, now: datetime) -> Confirmed:
        """Make a reader of who asked, and lift what they once wished for; the caller has checked their link."""
        with writing(self.engine) as session:
            row = session.get(SubscriberRow, subscriber_id, with_for_update=True)
            if row is None or (row.state != "confirmed" and row.asked_at is None):
                return "void"
            if row.state == "confirmed":
                return "already"
            row.state, row.confirmed_at, row.asked_at, row.paused_until = "confirmed", now, None, None
            session.add(row)
            session.add(consent(row.id, "confirmed", now, "link in the mail", origin))
            lift_wishes(session, row.address_hash)
            queue(session, "welcome", now, subscriber_id=row.id)
            return "confirmed"

    def ask_to_leave(self, email: str, origin: Origin, now: datetime) -> bool:
        """Mail the link to leave to a reader who lost their mail; limits and answer as for `ask`."""
        folded = self._taken(email, refuse=())
        with writing(self.engine) as session:
            if not self._permits(session, origin, now):
                return False
            if folded is not None:
                row = self._writes_to(session, folded, now)
                if row is not None and row.state == "confirmed":
                    _queue_once(session, "link", row.id, now, "leave")
            return True

    def tidy(self, now: datetime, retention: timedelta) -> None:
        """Forget what is no longer needed: old limits, settled letters, and sign-ups that nobody confirmed."""
        before = now - retention
        lapsed = select(SubscriberRow.id).where(
            col(SubscriberRow.state) == "unconfirmed",
            col(SubscriberRow.created_at) < before,
            col(SubscriberRow.asked_at).is_(None) | (col(SubscriberRow.asked_at) < before),
        )
        with writing(self.engine) as session:
            forget_limits(session, now)
            session.exec(delete(NoticeRow).where(col(NoticeRow.settled_at) < before))
            for table in (NoticeRow, ConsentRow):
                session.exec(delete(table).where(col(table.subscriber_id).in_(lapsed)))
            session.exec(delete(SubscriberRow).where(col(SubscriberRow.id).in_(lapsed)))

    def _taken(self, email: str, refuse: Collection[str] | None = None) -> str | None:
        """Fold an address; None when it is none, or of a kind that settings refuse."""
        try:
            folded = fold(email)
        except ValueError:
            return None
        return None if kinds_of(folded) & set(self._refuse if refuse is None else refuse) else folded

    def _permits(self, session: Session, origin: Origin, now: datetime) -> bool:
        what = f"forms:{address_hash(origin.network, self._key)}"
        return allowed(session, what, self._per_network, timedelta(hours=1), now)

    def _writes_to(self, session: Session, folded: str, now: datetime, email: str = "") -> SubscriberRow | None:
        """Give the subscriber a letter may go to now; with `email` one is made where there is none yet."""
        hashed = address_hash(folded, self._key)
        if not may_be_written_to(session, hashed, now):
            return None
        row = session.exec(select(SubscriberRow).where(SubscriberRow.address_hash == hashed)).first()
        if row is None and email:
            made = {
                "id": secrets.token_hex(ID_LENGTH // 2), "email": email, "folded": folded, "address_hash": hashed,
                "name": "", "state": "unconfirmed", "created_at": now, "moving_to": "",
            }  # fmt: skip
            insert_ignore(session, SubscriberRow, [made])
            row = session.exec(select(SubscriberRow).where(SubscriberRow.address_hash == hashed)).first()
        return row


def may_be_written_to(session: Session, hashed: str, now: datetime) -> bool:
    """Count a letter that a form causes, and tell whether it may go to this address (by its hash) now."""
    first = allowed(session, f"letter:{hashed}", 1, ONE_LETTER_PER, now)
    suppressed = session.get(SuppressionRow, hashed)
    return first and (suppressed is None or suppressed.why not in HARMFUL)


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


def consent(
    subscriber_id: str, what: str, now: datetime, source: str, origin: Origin, wording: Wording | None = None
) -> ConsentRow:
    """Make the row that proves what somebody asked for or took back."""
    read = wording or Wording("", "")
    return ConsentRow(
        subscriber_id=subscriber_id, what=what, at=now, source=source, network=origin.kept,
        wording=read.text, wording_version=read.version,
    )  # fmt: skip


@cache
def _disposable() -> frozenset[str]:
    from disposable_email_domains import blocklist  # noqa: PLC0415 - ten thousand names that only sign-ups need

    return frozenset(blocklist)


def _queue_once(session: Session, kind: Kind, subscriber_id: str, now: datetime, leads_to: str = "") -> bool:
    """Queue a letter unless one of its kind still waits: a sender that was down must not send a pile later."""
    waiting = select(NoticeRow.id).where(
        NoticeRow.subscriber_id == subscriber_id, NoticeRow.kind == kind, NoticeRow.state == "queued"
    )
    if session.exec(waiting).first() is not None:
        return False
    return queue(session, kind, now, subscriber_id=subscriber_id, data={"for": leads_to} if leads_to else None)
