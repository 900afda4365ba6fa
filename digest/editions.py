"""Keep editions: one for each week, moved only where its state allows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, cast

from pydantic import TypeAdapter
from sqlalchemy import Engine, and_, delete, func, or_, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from digest.database import insert_ignore, reading, writing
from digest.errors import EditionError
from digest.model import Correction, Edition, Matchup, Message, State
from digest.moving import move
from digest.store import review_of
from digest.tables import EditionRow, MatchupRow, PairWordRow, ReviewRow, TemplatesRow, ToolAliasRow
from digest.weeks import shifted, weeks_between

Word = Literal["pin", "veto", "free"]

#: Weeks after which a tool of the last edition has rested enough, when none was sent since.
_REST_WEEKS = 4

#: Subjects that are not repeated.
_SUBJECTS = 8


@cache
def edition_format() -> TypeAdapter[Edition]:
    """How an edition is written as JSON, and read."""
    return TypeAdapter(Edition)  # takes a while to build, and most commands read no edition


#: What else belongs into the transaction of a move, such as a letter about it.
Also = Callable[[Session], None]

#: Forgets whom a week was planned for while nobody can have it, else says why not; tells whether all of it is over.
TakeBack = Callable[[Session, str], str]
Over = Callable[[Session, str], bool]

#: States in which an edition's web pages are public: from its approval on, before the first claim.
PUBLIC: tuple[State, ...] = ("approved", "sending", "sent")


@dataclass(frozen=True, slots=True)
class EditionRecord:
    """An edition with its state; `message` and `sha256` are there once it was approved.

    `planned_at` is when it was settled whom it goes to, None while that is open.
    """

    edition: Edition
    state: State
    reason: str = ""
    held: str | None = None
    revision: int = 1
    edited: bool = False
    edited_by: str = ""
    made_with: Mapping[str, Any] = field(default_factory=dict)
    message: Message | None = None
    sha256: str = ""
    approved_by: str = ""
    approved_at: datetime | None = None
    planned_at: datetime | None = None
    sent_at: datetime | None = None

    @property
    def week(self) -> str:
        """The ISO week that is its key."""
        return self.edition.week


@dataclass(frozen=True, slots=True)
class History:
    """What earlier editions leave to the next one; skipped ones do not count.

    `subjects` are the last eight, newest first. `met` are pairs of slugs that met lately, `met_long_ago` those that did
    earlier; `resting` are the slugs of the newest edition, while it is not long ago. `last_shown` gives for each
    category how many weeks ago a pair of it was last compared.
    """

    subjects: tuple[str, ...]
    met: frozenset[frozenset[str]]
    met_long_ago: frozenset[frozenset[str]]
    resting: frozenset[str]
    last_shown: Mapping[str, int]

    def kept_apart(self, launched: Collection[str]) -> frozenset[frozenset[str]]:
        """Give the pairs that may not meet now: met lately, or long ago and neither of the two launched anew."""
        return self.met | {pair for pair in self.met_long_ago if not pair & frozenset(launched)}


@dataclass(frozen=True, slots=True)
class PairWords:
    """Editors' words that hold for a week: pairs that must stand in it, and pairs or tools (one slug) that must not."""

    pins: frozenset[frozenset[str]]
    vetoes: frozenset[frozenset[str]]


def fingerprint(message: Message) -> str:
    """Give the sha-256 of html followed by text, UTF-8, before personal links."""
    return hashlib.sha256(message.html.encode() + message.text.encode()).hexdigest()


class Editions:
    """The memory of editions. Every method is one transaction."""

    def __init__(self, engine: Engine, take_back: TakeBack = lambda *_: "it was begun") -> None:
        self.engine, self._take_back = engine, take_back

    def all(self, limit: int | None = None, *, public: bool = False) -> list[EditionRecord]:
        """Give the editions, newest week first; `public` leaves out what readers may not see yet."""
        statement = select(EditionRow).order_by(col(EditionRow.week).desc()).limit(limit)
        if public:
            statement = statement.where(col(EditionRow.state).in_(PUBLIC))
        with reading(self.engine) as session:
            rows = session.exec(statement).all()
            return [_record_of(row) for row in rows]

    def states(self) -> list[tuple[str, State]]:
        """Give every week that has an edition with its state, newest first, without reading what is in them."""
        with reading(self.engine) as session:
            rows = session.exec(select(EditionRow.week, EditionRow.state).order_by(col(EditionRow.week).desc()))
            return [(week, cast("State", state)) for week, state in rows]

    def pulse(self, week: str) -> tuple[int, str, str | None] | None:
        """Give revision, state and why it is held, of one week's edition, without reading what is in it."""
        columns = select(EditionRow.revision, EditionRow.state, EditionRow.held)
        with reading(self.engine) as session:
            found = session.exec(columns.where(EditionRow.week == week)).first()
            return tuple(found) if found else None  # type: ignore[return-value]

    def under_way(self, *, held: bool = False) -> list[str]:
        """Give the weeks whose edition is being sent, oldest first; with `held` also those that are held meanwhile."""
        going = select(EditionRow.week).where(EditionRow.state == "sending").order_by(EditionRow.week)
        with reading(self.engine) as session:
            return list(session.exec(going if held else going.where(col(EditionRow.held).is_(None))))

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

    def history(self, week: str, repeat_weeks: int) -> History:
        """Give what the editions before `week` leave to it; pairs of the last `repeat_weeks` weeks count as met."""
        counted = (col(EditionRow.week) < week, col(EditionRow.state) != "skipped")
        subjects = select(EditionRow.week, EditionRow.subject).where(*counted).order_by(col(EditionRow.week).desc())
        columns = (MatchupRow.week, MatchupRow.category, MatchupRow.a, MatchupRow.b)  # whole rows take longer to make
        pairs = sql_select(*map(col, columns)).join(EditionRow, col(EditionRow.week) == col(MatchupRow.week))
        with reading(self.engine) as session:
            recent = session.exec(subjects.limit(_SUBJECTS)).all()
            rows = session.connection().execute(pairs.where(*counted)).all()
        newest = recent[0][0] if recent else ""
        first_met, rested = shifted(week, -repeat_weeks), shifted(week, -_REST_WEEKS)
        shown: dict[str, int] = {}
        for row in rows:
            ago = weeks_between(row.week, week)
            shown[row.category] = min(ago, shown.get(row.category, ago))
        return History(
            subjects=tuple(subject for _, subject in recent),
            met=frozenset(frozenset((row.a, row.b)) for row in rows if row.week >= first_met),
            met_long_ago=frozenset(frozenset((row.a, row.b)) for row in rows if row.week < first_met),
            resting=frozenset(slug for row in rows if row.week == newest >= rested for slug in (row.a, row.b)),
            last_shown=shown,
        )

    def newest_week(self) -> str | None:
        """Name the last week whose edition was not skipped, None when there is none."""
        statement = select(func.max(EditionRow.week)).where(col(EditionRow.state) != "skipped")
        with reading(self.engine) as session:
            return session.exec(statement).first()

    def comparison(self, a: str, b: str) -> tuple[EditionRecord, Matchup] | None:
        """Give the newest public edition in which two tools met, in either order and under any slug they have had."""
        with reading(self.engine) as session:
            one, other = _every_name(session, a), _every_name(session, b)
        either = or_(
            and_(col(MatchupRow.a).in_(one), col(MatchupRow.b).in_(other)),
            and_(col(MatchupRow.a).in_(other), col(MatchupRow.b).in_(one)),
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
        if row is None:
            return None
        record = _record_of(row)
        found = (matchup for matchup in record.edition.matchups if _compares(matchup, one, other))
        return record, next(found)

    def keep_draft(
        self, edition: Edition, *, skipped_because: str = "", again: bool = True, also: Also = lambda _: None
    ) -> EditionRecord:
        """Keep a composed edition as the week's draft, or as skipped with a reason; `also` is done where it is kept.

        Without `again`, an edition the week has already stays as it is: of several runs at once, one composes.

        Raises:
            EditionError: The week already has an edition that was edited, approved or sent; nothing is changed.
        """
        values = content_values(edition) | {
            "state": "skipped" if skipped_because else "draft",
            "reason": skipped_because,
            "edited_by": "",
        }
        with writing(self.engine) as session:
            if not insert_ignore(
                session, EditionRow, [{"week": edition.week, "edited": False, "revision": 1, **values}]
            ):
                if not again:
                    return self.require(edition.week)
                move(
                    session, edition.week, ("draft", "skipped"), "composed again", col(EditionRow.edited).is_(False),
                    **values | {"revision": col(EditionRow.revision) + 1},
                )  # fmt: skip
            keep_matchups(session, edition)
            also(session)
        return self.require(edition.week)

    def keep_edit(self, record: EditionRecord, edition: Edition, by: str) -> EditionRecord:
        """Keep what an editor changed in `record`; an approval is void from then on, and composing leaves it alone.

        One that is held while it is sent is taken back for it, as long as nobody can have it.
        With `by` "" nobody did: it is told again from what is stored now, and may still be composed again.

        Raises:
            EditionError: It is neither draft nor approved, or somebody else changed it meanwhile.
        """
        values = content_values(edition) | {"state": "draft"} | ({"edited": True, "edited_by": by} if by else {})
        with writing(self.engine) as session:
            self._withdraw(session, record.week, "edited")
            move(
                session, record.week, ("draft", "approved"), "edited",
                revision_was=record.revision, **values | {"revision": record.revision + 1},
            )  # fmt: skip
            keep_matchups(session, edition)
        return self.require(record.week)

    def require(self, week: str) -> EditionRecord:
        """Give one week's edition.

        Raises:
            EditionError: There is none.
        """
        if (record := self.of(week)) is None:
            raise EditionError(f"{week}: no edition; make it with `verdicts compose --week {week}`")
        return record

    def approve(
        self,
        week: str,
        message: Message,
        by: str,
        now: datetime,
        *,
        revision: int | None = None,
        made_with: Mapping[str, Any] | None = None,
        templates: Mapping[str, str] | None = None,
    ) -> EditionRecord:
        """Freeze a draft's bytes for sending; approving the same bytes again changes nothing.

        Args:
            week: The edition's.
            message: The bytes.
            by: Who approves.
            now: When.
            revision: Of the content the message was rendered from; approves nothing else.
            made_with: What else it was rendered from, kept to render it again.
            templates: Sources of the templates by path, kept likewise.

        Raises:
            EditionError: It is no draft, was approved with other bytes, or was changed since it was rendered.
        """
        seal = fingerprint(message)
        if (known := self.require(week)).state == "approved" and known.sha256 == seal:
            return known
        kept = {"templates": _templates_key(templates)} if templates else {}
        with (
            self._unless(week, lambda one: one.state in PUBLIC and one.sha256 == seal),
            writing(self.engine) as session,
        ):
            if templates:
                insert_ignore(session, TemplatesRow, [{"fingerprint": kept["templates"], "files": dict(templates)}])
            move(
                session, week, ("draft",), "approved", revision_was=revision, state="approved", sha256=seal,
                subject=message.subject, html=message.html, text=message.text, made_with={**(made_with or {}), **kept},
                approved_by=by, approved_at=now,
            )  # fmt: skip
        return self.require(week)

    def templates(self, record: EditionRecord) -> dict[str, str]:
        """Give the sources of the templates an approved edition was rendered with; empty when none were kept."""
        with reading(self.engine) as session:
            row = session.get(TemplatesRow, str(record.made_with.get("templates", "")))
            return dict(row.files) if row else {}

    def hold(self, week: str, reason: str, also: Also = lambda _: None) -> EditionRecord:
        """Stop an edition from going out until it is released."""
        with writing(self.engine) as session:
            move(session, week, ("draft", "approved", "sending"), "held", held=reason)
            also(session)
        return self.require(week)

    def release(self, week: str) -> EditionRecord:
        """Let a held edition go on."""
        with writing(self.engine) as session:
            move(session, week, ("draft", "approved", "sending"), "released", held=None)
        return self.require(week)

    def skip(self, week: str, reason: str, now: datetime, by: str = "", also: Also = lambda _: None) -> EditionRecord:
        """End a week without sending, for a reason; also one in which nothing was composed.

        An edition that is held while it is sent is taken back for it, as long as nobody can have it.
        With `by`, who decided so, it stays skipped: composing again is only for weeks that lacked pairs.
        """
        if not reason.strip():
            raise EditionError(f"{week} cannot be skipped without a reason")
        if self.of(week) is None:
            self.keep_draft(Edition(week, "", "", (), since=now, until=now))
        decided = {"edited": True, "edited_by": by} if by else {}
        values: dict[str, Any] = {"state": "skipped", "reason": reason, "held": None, **decided}
        with writing(self.engine) as session:
            self._withdraw(session, week, "skipped")
            move(session, week, ("draft", "approved"), "skipped", **values)
            also(session)
        return self.require(week)

    def start_sending(self, week: str) -> EditionRecord:
        """Mark an approved edition as being sent; one that already is, or was sent, stays so."""
        with self._unless(week, lambda one: one.state == "sent"), writing(self.engine) as session:
            move(session, week, ("approved", "sending"), "sent", col(EditionRow.held).is_(None), state="sending")
        return self.require(week)

    def finish_sending(self, week: str, now: datetime, over: Over = lambda *_: True) -> EditionRecord:
        """Mark an edition as sent once it was planned and `over` says that it is; until then it stays as it is."""
        with self._unless(week, lambda one: one.state == "sent"), writing(self.engine) as session:
            row = session.get(EditionRow, week, with_for_update=True)
            if row is None or row.state != "sending" or (row.planned_at is not None and over(session, week)):
                move(session, week, ("sending",), "finished", state="sent", sent_at=now, held=None)
        return self.require(week)

    def _withdraw(self, session: Session, week: str, verb: str) -> None:
        """Take back what is held while it is sent, to what it was before: approved; anything else stays as it is."""
        row = session.get(EditionRow, week, with_for_update=True)
        if row is None or row.state != "sending" or row.held is None:
            return
        if why := self._take_back(session, week):
            raise EditionError(f"{week} cannot be {verb}: {why}")
        back = update(EditionRow).where(col(EditionRow.week) == week)
        session.exec(back.values(state="approved", planned_at=None))

    @contextmanager
    def _unless(self, week: str, done: Callable[[EditionRecord], bool]) -> Iterator[None]:
        """Let a move fail quietly where another process was faster and has done the same."""
        try:
            yield
        except EditionError:
            if not done(self.require(week)):
                raise

    # Editors' words on pairs

    def say_of_pair(self, word: Word, a: str, b: str, by: str, now: datetime, *, week: str = "") -> None:
        """Keep an editor's word on two tools, or with b "" on one: pin, veto, or free to take it back.

        It holds for one week, or with `week` "" for every week.
        """
        if word == "pin" and not b:
            raise EditionError(f"{a}: a pin names two tools")
        first, second = sorted((a, b)) if b else (a, "")
        with writing(self.engine) as session:
            session.add(PairWordRow(at=now, by=by, week=week, word=word, a=first, b=second))

    def words_for(self, week: str) -> PairWords:
        """Give the words that hold for a week: its own, else those for every week; of each the newest counts."""
        newest: dict[frozenset[str], str] = {}
        statement = select(PairWordRow).where(col(PairWordRow.week).in_(("", week)))
        with reading(self.engine) as session:
            for row in session.exec(statement.order_by(col(PairWordRow.week), col(PairWordRow.id))):
                newest[frozenset({row.a, row.b} - {""})] = row.word
        return PairWords(
            pins=frozenset(pair for pair, word in newest.items() if word == "pin"),
            vetoes=frozenset(pair for pair, word in newest.items() if word == "veto"),
        )

    # Corrections

    def corrections(self, before: str) -> tuple[Correction, ...]:
        """Give the calls that readers know otherwise than they are now, by tool and reviewer.

        What the editions before the week `before` told counts, from their approval on, the last of it: a printed call,
        or a correction. Names are those that readers were told. A change is dated by the review, or, where that was
        dated back before the printing, by the day it was recorded.
        """
        changed = select(ReviewRow.tool).where(col(ReviewRow.version) > 1)
        with reading(self.engine) as session:
            rows = session.exec(
                select(ReviewRow).where(col(ReviewRow.tool).in_(changed)).order_by(col(ReviewRow.version))
            ).all()
            weeks = select(MatchupRow.week).where(or_(col(MatchupRow.a).in_(changed), col(MatchupRow.b).in_(changed)))
            first = session.exec(weeks.order_by(col(MatchupRow.week)).limit(1)).first() if rows else None
            if first is None:
                return ()
            known = select(EditionRow).where(
                col(EditionRow.week) >= first, col(EditionRow.week) < before, col(EditionRow.state).in_(PUBLIC)
            )
            printed = [_record_of(row).edition for row in session.exec(known.order_by(EditionRow.week))]
        versions: dict[tuple[str, str], list[ReviewRow]] = {}
        for row in rows:
            versions.setdefault((row.tool, row.reviewer), []).append(row)
        last = {key: (told, edition) for edition in printed for key, told in _tells(edition)}
        return tuple(
            replace(told, before=told.after, after=newest.call, changed_on=_flipped_on(mine, edition))
            for key, (told, edition) in sorted(last.items(), key=lambda one: one[0])
            if (mine := versions.get(key)) and (newest := review_of(mine[-1])).call != told.after
        )


def content_values(edition: Edition) -> dict[str, Any]:
    """Columns of a content that is new: nothing of an old approval may stay."""
    return {
        "content": edition_format().dump_python(edition, mode="json"),
        "since": edition.since,
        "until": edition.until,
        "subject": edition.subject,
        "html": "",
        "text": "",
        "sha256": "",
        "made_with": {},
        "approved_by": "",
        "approved_at": None,
    }


def _templates_key(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def keep_matchups(session: Session, edition: Edition) -> None:
    """Note which tools an edition compares, instead of what was noted before."""
    session.exec(delete(MatchupRow).where(col(MatchupRow.week) == edition.week))
    for position, one in enumerate(edition.matchups):
        slugs = {"a": one.a.tool.slug, "b": one.b.tool.slug}
        category = one.a.tool.category
        session.add(MatchupRow(week=edition.week, position=position, category=category, score=one.score, **slugs))


def _every_name(session: Session, slug: str) -> set[str]:
    """Give a tool's slug and every one it has had, from any of them."""
    now = session.exec(select(ToolAliasRow.tool_slug).where(ToolAliasRow.slug == slug)).first() or slug
    return {slug, now, *session.exec(select(ToolAliasRow.slug).where(ToolAliasRow.tool_slug == now))}


def _compares(matchup: Matchup, one: Container[str], other: Container[str]) -> bool:
    a, b = (side.tool.slug for side in matchup.sides)
    return (a in one and b in other) or (a in other and b in one)


def _tells(edition: Edition) -> Iterator[tuple[tuple[str, str], Correction]]:
    """The calls that an edition tells its readers as `after`, printed ones first, then what it corrects."""
    names = {one.slug: one.name for one in edition.reviewers}
    for matchup in edition.matchups:
        for side in matchup.sides:
            for one in side.verdict.reviews:
                name = names.get(one.reviewer, one.reviewer)
                yield (
                    (one.tool, one.reviewer),
                    Correction(
                        one.tool, side.tool.name, one.reviewer, name, one.call, one.call, one.reviewed_on, edition.week
                    ),
                )
    for told in edition.corrections:
        yield (told.tool, told.reviewer), replace(told, week=edition.week)


def _flipped_on(versions: Sequence[ReviewRow], printed: Edition) -> date:
    """The day of the first of the last versions that all have the newest call."""
    flip = versions[-1]
    for row in reversed(versions):
        if row.call != flip.call:
            break
        flip = row
    return flip.reviewed_on if flip.reviewed_on >= printed.until.date() else flip.recorded_at.date()


def _record_of(row: EditionRow) -> EditionRecord:
    edition = edition_format().validate_python(row.content)
    message = Message(row.week, row.subject, row.html, row.text) if row.sha256 else None
    kept = (field.name for field in fields(EditionRecord) if field.name not in {"edition", "message"})
    return EditionRecord(edition=edition, message=message, **{name: getattr(row, name) for name in kept})
