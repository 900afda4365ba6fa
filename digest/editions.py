"""Keep editions: one for each week, moved only where its state allows it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Engine, and_, delete, or_, update
from sqlmodel import Session, col, select

from digest.database import insert_ignore, reading, writing
from digest.errors import EditionError
from digest.model import Edition, Message, State
from digest.tables import EditionRow, MatchupRow


@cache
def _content() -> TypeAdapter[Edition]:
    return TypeAdapter(Edition)  # takes a while to build, and most commands read no edition


#: States in which an edition's web pages are public: from its approval on, before the first claim.
PUBLIC: tuple[State, ...] = ("approved", "sending", "sent")


@dataclass(frozen=True, slots=True)
class EditionRecord:
    """An edition with its state; `message` and `sha256` are there once it was approved."""

    edition: Edition
    state: State
    reason: str = ""
    held: str | None = None
    edited: bool = False
    message: Message | None = None
    sha256: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    sent_at: datetime | None = None

    @property
    def week(self) -> str:
        """The ISO week that is its key."""
        return self.edition.week


def fingerprint(message: Message) -> str:
    """Give the sha-256 of html followed by text, UTF-8, before personal links."""
    return hashlib.sha256(message.html.encode() + message.text.encode()).hexdigest()


class Editions:
    """The memory of editions. Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def all(self, limit: int | None = None, *, public: bool = False) -> list[EditionRecord]:
        """Give the editions, newest week first; `public` leaves out what readers may not see yet."""
        statement = select(EditionRow).order_by(col(EditionRow.week).desc()).limit(limit)
        if public:
            statement = statement.where(col(EditionRow.state).in_(PUBLIC))
        with reading(self.engine) as session:
            rows = session.exec(statement).all()
            return [_record_of(row) for row in rows]

    def of(self, week: str) -> EditionRecord | None:
        """Give one week's edition, None when there is none."""
        with reading(self.engine) as session:
            row = session.get(EditionRow, week)
            return _record_of(row) if row else None

    def cut_off(self, week: str) -> datetime | None:
        """Give where the edition before `week` ended; a skipped one does not count, its launches are still news."""
        statement = (
            select(EditionRow.until)
            .where(EditionRow.week < week, col(EditionRow.state).in_(PUBLIC))
            .order_by(col(EditionRow.week).desc())
            .limit(1)
        )
        with reading(self.engine) as session:
            return session.exec(statement).first()

    def met_since(self, week: str, before: str) -> set[frozenset[str]]:
        """Give the pairs of the editions from `week` on and before another, as sets of two slugs."""
        statement = (
            select(MatchupRow.a, MatchupRow.b)
            .join(EditionRow, col(EditionRow.week) == col(MatchupRow.week))
            .where(MatchupRow.week >= week, MatchupRow.week < before, EditionRow.state != "skipped")
        )
        with reading(self.engine) as session:
            return {frozenset(pair) for pair in session.exec(statement)}

    def comparison(self, a: str, b: str) -> EditionRecord | None:
        """Give the newest public edition in which two tools met, in either order."""
        either = or_(
            and_(col(MatchupRow.a) == a, col(MatchupRow.b) == b), and_(col(MatchupRow.a) == b, col(MatchupRow.b) == a)
        )
        statement = (
            select(EditionRow)
            .join(MatchupRow, col(MatchupRow.week) == col(EditionRow.week))
            .where(either, col(EditionRow.state).in_(PUBLIC))
            .order_by(col(EditionRow.week).desc())
            .limit(1)
        )
        with reading(self.engine) as session:
            row = session.exec(statement).first()
            return _record_of(row) if row else None

    def keep_draft(self, edition: Edition, *, skipped_because: str = "") -> EditionRecord:
        """Keep a composed edition as the week's draft, or as skipped with a reason.

        Raises:
            EditionError: The week already has an edition that was edited, approved or sent; nothing is changed.
        """
        values = {
            "state": "skipped" if skipped_because else "draft",
            "reason": skipped_because,
            "content": _content().dump_python(edition, mode="json"),
            "since": edition.since,
            "until": edition.until,
            "subject": edition.subject,
            # Approved, then skipped, then composed again: nothing of the old approval may stay.
            "html": "",
            "text": "",
            "sha256": "",
            "approved_by": "",
            "approved_at": None,
        }
        with writing(self.engine) as session:
            if not insert_ignore(session, EditionRow, [{"week": edition.week, "edited": False, **values}]):
                self._move(
                    session,
                    edition.week,
                    ("draft", "skipped"),
                    "composed again",
                    col(EditionRow.edited).is_(False),
                    **values,
                )
            session.exec(delete(MatchupRow).where(col(MatchupRow.week) == edition.week))
            for position, one in enumerate(edition.matchups):
                session.add(
                    MatchupRow(
                        week=edition.week, position=position, a=one.a.tool.slug, b=one.b.tool.slug, score=one.score
                    )
                )
        return self.require(edition.week)

    def require(self, week: str) -> EditionRecord:
        """Give one week's edition.

        Raises:
            EditionError: There is none.
        """
        if (record := self.of(week)) is None:
            raise EditionError(f"{week}: no edition; make it with `verdicts compose --week {week}`")
        return record

    def approve(self, week: str, message: Message, by: str, now: datetime) -> EditionRecord:
        """Freeze a draft's bytes for sending; approving the same bytes again changes nothing.

        Raises:
            EditionError: It is no draft, or was approved with other bytes.
        """
        seal = fingerprint(message)
        if (known := self.require(week)).state == "approved" and known.sha256 == seal:
            return known
        with writing(self.engine) as session:
            self._move(
                session, week, ("draft",), "approved", state="approved", sha256=seal, subject=message.subject,
                html=message.html, text=message.text, approved_by=by, approved_at=now,
            )  # fmt: skip
        return self.require(week)

    def hold(self, week: str, reason: str) -> EditionRecord:
        """Stop an edition from going out until it is released."""
        with writing(self.engine) as session:
            self._move(session, week, ("draft", "approved", "sending"), "held", held=reason)
        return self.require(week)

    def release(self, week: str) -> EditionRecord:
        """Let a held edition go on."""
        with writing(self.engine) as session:
            self._move(session, week, ("draft", "approved", "sending"), "released", held=None)
        return self.require(week)

    def skip(self, week: str, reason: str, now: datetime) -> EditionRecord:
        """End a week without sending, for a reason; also one in which nothing was composed."""
        if not reason.strip():
            raise EditionError(f"{week} cannot be skipped without a reason")
        if self.of(week) is None:
            return self.keep_draft(Edition(week, "", "", (), since=now, until=now), skipped_because=reason)
        with writing(self.engine) as session:
            self._move(session, week, ("draft", "approved"), "skipped", state="skipped", reason=reason, held=None)
        return self.require(week)

    def start_sending(self, week: str) -> EditionRecord:
        """Mark an approved edition as being sent; one that already is stays so."""
        with writing(self.engine) as session:
            self._move(session, week, ("approved", "sending"), "sent", col(EditionRow.held).is_(None), state="sending")
        return self.require(week)

    def finish_sending(self, week: str, now: datetime) -> EditionRecord:
        """Mark an edition as sent; the caller has made sure that nothing waits and nothing is unknown."""
        try:
            with writing(self.engine) as session:
                self._move(session, week, ("sending",), "finished", state="sent", sent_at=now, held=None)
        except EditionError:
            if self.require(week).state != "sent":  # else another process was faster
                raise
        return self.require(week)

    def _move(self, session: Session, week: str, allowed: Sequence[str], verb: str, *also: Any, **values: Any) -> None:
        """Change an edition where its state allows it, in one statement, so that two processes cannot both do it."""
        statement = update(EditionRow).where(col(EditionRow.week) == week, col(EditionRow.state).in_(allowed), *also)
        if session.exec(statement.values(**values)).rowcount:
            return
        row = session.get(EditionRow, week, populate_existing=True)
        if row is None:
            raise EditionError(f"{week}: no edition; make it with `verdicts compose --week {week}`")
        state = f"held ({row.held})" if row.held and row.state in allowed else row.state
        state = f"{state}, edited by hand" if row.edited and row.state in allowed else state
        raise EditionError(f"{week} cannot be {verb}: it is {state}; allowed: {', '.join(allowed)}")


def _record_of(row: EditionRow) -> EditionRecord:
    edition = _content().validate_python(row.content)
    message = Message(row.week, row.subject, row.html, row.text) if row.sha256 else None
    kept = (field.name for field in fields(EditionRecord) if field.name not in {"edition", "message"})
    return EditionRecord(edition=edition, message=message, **{name: getattr(row, name) for name in kept})
