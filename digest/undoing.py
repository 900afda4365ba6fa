"""What editors changed, in words, and the way back: undo and redo for everything, also after a restart.

A change is any work on the stores, done by `Journal.keep` in one transaction with the note of it. The note holds, of
each row within its `Scope` that is another afterwards, the columns as they were before and a fingerprint of what they
became. Undoing puts them back while they are still what they became, and is itself a change that can be undone. Where
something newer stands on them nothing is done, and the reason is said.

Undoing never approves: an edition that was approved before a change is a draft after it was taken back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Date, Engine, Table, and_, delete, exists, func, insert, or_, text, update
from sqlalchemy import select as sql_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from digest.database import UtcDateTime, as_one, in_chunks, reading, writing
from digest.editions import PUBLIC, content_values, edition_format, keep_matchups
from digest.errors import Overtaken, UndoRefused
from digest.offering import ENDED, NO_WAY, OTHER, UNDONE
from digest.tables import (
    ChangeRow,
    DecisionRow,
    EditionRow,
    LaunchEntryRow,
    LaunchRow,
    MatchupRow,
    PairWordRow,
    ReviewRow,
    ToolAliasRow,
    ToolRow,
)

_T = TypeVar("_T")

Kind = Literal["change", "undo", "redo"]

#: How long a change can be taken back; each holds what it replaced, of an edition some 50 KB.
KEPT = timedelta(days=90)

#: How often a change is tried while others change the same rows.
_TRIES = 3

#: What of an edition an editor changes; the rest follows from it or is made at approval.
_OF_EDITION = ("week", "content", "state", "reason", "held", "edited", "edited_by")

#: What a row is called in a sentence, by table.
_CALLED = {
    "tools": "the tool {slug}", "tool_aliases": "what {slug} means", "launches": "a launch",
    "launch_entries": "an entry of a launch", "decisions": "a word on a launch",
    "reviews": "{reviewer}’s review of {tool}", "editions": "the edition of {week}", "pair_words": "a pin or veto",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a change may touch; what it names generously costs little, and what it leaves out is not undone.

    With `week` those of its edition and of editors' words on its pairs. With slugs of `tools`, also such as come to be
    by the change: the tools, their other slugs, their reviews and launches; of all launches, and those with ids in
    `launches`, what was merged into them, their entries and editors' words on them.
    """

    week: str = ""
    tools: frozenset[str] = frozenset()
    launches: frozenset[str] = frozenset()

    def rows(self) -> Iterator[tuple[Table, ColumnElement[bool]]]:
        """Give the tables with which of their rows."""
        if self.week:
            yield _table(EditionRow), col(EditionRow.week) == self.week
            yield _table(PairWordRow), col(PairWordRow.week).in_(("", self.week))
        if not self.tools and not self.launches:
            return
        mine = or_(
            col(LaunchRow.tool_slug).in_(self.tools),
            col(LaunchRow.id).in_(self.launches),
            col(LaunchRow.merged_into).in_(self.launches),
        )
        ids = select(col(LaunchRow.id)).where(mine)
        alias = ToolAliasRow
        yield _table(ToolRow), col(ToolRow.slug).in_(self.tools)
        yield _table(alias), or_(col(alias.slug).in_(self.tools), col(alias.tool_slug).in_(self.tools))
        yield _table(LaunchRow), mine
        yield _table(LaunchEntryRow), col(LaunchEntryRow.launch_id).in_(ids)
        yield _table(DecisionRow), col(DecisionRow.launch_id).in_(ids)
        yield _table(ReviewRow), col(ReviewRow.tool).in_(self.tools)


@dataclass(frozen=True, slots=True)
class Change:
    """A change as a list of them shows it: who, when (UTC), and what in words.

    `kind` tells a change from one that was taken back (`undo`: `said` is what was) or done again (`redo`). `undone`:
    another one took it back. `revision` is that of the week's edition afterwards, None while there is none. `ended`
    says why no undo is offered of what stands, "" where one is.
    """

    id: int
    at: datetime
    by: str
    week: str
    kind: Kind
    said: str
    undone: bool
    revision: int | None
    ended: str = ""

    @property
    def words(self) -> str:
        """What was done, as a sentence."""
        return {"change": "", "undo": "Took back: ", "redo": "Did again: "}[self.kind] + self.said


class _Key(NamedTuple):
    table: str
    values: tuple[Any, ...]


_Rows = dict[_Key, dict[str, Any]]


class Journal:
    """The memory of what editors changed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def keep(self, scope: Scope, by: str, now: datetime, work: Callable[[], _T], said: str | Callable[[_T], str]) -> _T:
        """Do work on the stores and note it, both or neither; work that changes nothing leaves no note.

        Args:
            scope: Which rows it may touch.
            by: Who does it.
            now: When.
            work: Called in one transaction, and again where another one was faster; it starts no threads that write.
            said: What was done, as a sentence, or what says so of the work's result.

        Raises:
            Overtaken: Others changed the same rows at the same moment, again and again.
        """

        def kept(session: Session) -> _T:
            before = _images(session, scope)
            done = work()
            row = ChangeRow(
                at=now, by=by, week=scope.week, said=said if isinstance(said, str) else said(done), images=[]
            )
            _note(session, row, before, _images(session, scope, before))
            return done

        return self._at_once(kept)

    def tell(self, week: str, by: str, now: datetime, said: str) -> None:
        """Note what somebody did that has no way back, such as beginning to send a week's edition."""

        def told(session: Session) -> None:
            revision = session.exec(select(EditionRow.revision).where(EditionRow.week == week)).first()
            session.add(ChangeRow(at=now, by=by, week=week, said=said, revision=revision, images=[]))

        self._at_once(told)

    def undo(self, number: int, by: str, now: datetime) -> Change:
        """Take a change back, or do again what was taken back; gives the change that this is.

        Raises:
            UndoRefused: There is no such change, it was taken back already, or something newer stands on it.
        """

        def undone(session: Session) -> int:
            row = session.get(ChangeRow, number)
            if row is None:
                raise UndoRefused(f"There is no change number {number}.")
            if not row.images:
                raise UndoRefused(f"“{row.said}” cannot be taken back: {NO_WAY}.")
            _require_untouched(session, row)
            keys = {_key(image) for image in row.images}
            before = _images(session, Scope(), keys)
            keys |= _restore(session, row.images)
            kind: Kind = "redo" if row.kind == "undo" else "undo"
            made = ChangeRow(at=now, by=by, week=row.week, kind=kind, said=row.said, undoes=number, images=[])
            if not _note(session, made, before, _images(session, Scope(), keys)):
                raise UndoRefused(f"“{row.said}” is not done again by undoing: an approval is given anew.")
            return made.id or 0

        try:
            made = self._at_once(undone)
        except IntegrityError as error:
            (refused,) = self._found(1, col(ChangeRow.id) == number)
            raise UndoRefused(f"“{refused.said}” cannot be taken back: something newer builds on it.") from error
        return self._found(1, col(ChangeRow.id) == made)[0]

    def last(self, limit: int = 20, *, week: str | None = None, by: str = "") -> list[Change]:
        """Give the newest changes, newest first: of a week, else of all; of one person, else of everybody."""
        return self._found(limit, *_of(week, by))

    def undoable(self, week: str | None = None, by: str = "") -> Change | None:
        """Give the change that an undo without further words means: the newest that stands."""
        found = self._found(1, *_of(week, by), col(ChangeRow.kind) != "undo", ~UNDONE, ENDED == "")
        return found[0] if found else None

    def redoable(self, week: str | None = None, by: str = "") -> Change | None:
        """Give the undo that was the last of all, and may itself be taken back; None after a newer change."""
        found = self._found(1, *_of(week, by), col(ChangeRow.kind) == "undo", ~UNDONE, ENDED == "")
        newer = self._found(1, *_of(week, by), col(ChangeRow.kind) == "change")
        return found[0] if found and (not newer or newer[0].id < found[0].id) else None

    def since(self, week: str, revision: int) -> list[Change]:
        """Give what was changed of a week's edition after it had a revision, oldest first."""
        return self._found(50, col(ChangeRow.week) == week, col(ChangeRow.revision) > revision)[::-1]

    def newest(self) -> int:
        """Give the number of the newest change, 0 when there is none."""
        found = self._found(1)
        return found[0].id if found else 0

    def tidy(self, now: datetime, retention: timedelta) -> None:
        """Forget changes that nobody takes back any more: after KEPT, or `retention` where that is shorter.

        One that a kept change took back stays with it, and so does the newest: its number is never given again.
        """
        before, newest = now - min(retention, KEPT), select(func.max(ChangeRow.id)).scalar_subquery()
        named = exists().where(col(OTHER.undoes) == col(ChangeRow.id), col(OTHER.at) >= before)
        with writing(self.engine) as session:
            old = select(ChangeRow.id).where(col(ChangeRow.at) < before, col(ChangeRow.id) < newest, ~named)
            gone = session.exec(old).all()
            for some in in_chunks(gone):
                # What took back one of those goes with it or stood between: no row may name one that is no more.
                session.exec(update(ChangeRow).where(col(ChangeRow.undoes).in_(some)).values(undoes=None))
                session.exec(delete(ChangeRow).where(col(ChangeRow.id).in_(some)))

    def _found(self, limit: int, *where: ColumnElement[bool]) -> list[Change]:
        row = ChangeRow
        columns = (row.id, row.at, row.by, row.week, row.kind, row.said, UNDONE, row.revision, ENDED)
        wanted = select(*columns).where(*where).order_by(col(row.id).desc()).limit(limit)  # type: ignore[call-overload]
        with reading(self.engine) as session:
            return [Change(*one) for one in session.execute(wanted)]

    def _at_once(self, work: Callable[[Session], _T]) -> _T:
        tries = 0
        while True:
            tries += 1
            try:
                with as_one(self.engine) as session:
                    _take_turns(session)
                    return work(session)
            except Overtaken:
                if tries == _TRIES:
                    raise


def _take_turns(session: Session) -> None:
    """Let other editors wait; on SQLite a writer is alone anyway. A lock fixes no view of the rows."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE"))


def _of(week: str | None, by: str) -> list[ColumnElement[bool]]:
    return [*([col(ChangeRow.week) == week] if week is not None else []), *([col(ChangeRow.by) == by] if by else [])]


# Rows as they are


def _table(row: type[SQLModel]) -> Table:
    return row.metadata.tables[str(row.__tablename__)]


def _images(session: Session, scope: Scope, keys: Iterable[_Key] = ()) -> _Rows:
    """Read the rows of a scope, and those with these keys that exist."""
    found: _Rows = {}
    for table, where in scope.rows():
        found |= _read(session, table, where)
    for table, where in _named(key for key in keys if key not in found):  # a statement each: few left the scope
        found |= _read(session, table, where)
    return found


def _read(session: Session, table: Table, where: ColumnElement[bool]) -> _Rows:
    mine = [one for one in table.columns if table.name != "editions" or one.name in _OF_EDITION]
    rows = session.connection().execute(sql_select(*mine).where(where)).mappings()
    return {_Key(table.name, tuple(row[one.name] for one in table.primary_key)): dict(row) for row in rows}


def _named(keys: Iterable[_Key]) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    for key in keys:
        yield SQLModel.metadata.tables[key.table], _is(key)


def _is(key: _Key) -> ColumnElement[bool]:
    return and_(
        *(one == value for one, value in zip(SQLModel.metadata.tables[key.table].primary_key, key.values, strict=True))
    )


def _plain(value: Any) -> Any:
    """Write a value of a column for JSON."""
    return value.isoformat() if isinstance(value, date) else value


def _typed(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read values of columns from JSON."""
    made = dict(values)
    for name in (name for name, value in values.items() if isinstance(value, str)):
        kind = table.c[name].type
        if isinstance(kind, UtcDateTime | Date):
            made[name] = (datetime if isinstance(kind, UtcDateTime) else date).fromisoformat(values[name])
    return made


def _mark(values: Mapping[str, Any]) -> str:
    plain = {name: _plain(value) for name, value in values.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


def _note(session: Session, row: ChangeRow, before: _Rows, after: _Rows) -> bool:
    """Write down what became another; False, and nothing is noted, where nothing did."""
    row.images = [_image(key, before.get(key), after.get(key)) for key in sorted({*before, *after}, key=str)
                  if before.get(key) != after.get(key)]  # fmt: skip
    if row.images:
        row.revision = session.exec(select(EditionRow.revision).where(EditionRow.week == row.week)).first()
        session.add(row)
        session.flush()
    return bool(row.images)


def _image(key: _Key, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Write down one row: all of it where it came or went, else the columns that are another.

    `before` has values, None where there was no row; `after` names the columns it is a fingerprint of.
    """
    names = [name for name, value in (before or after or {}).items() if not (before and after) or after[name] != value]
    return {
        "table": key.table,
        "key": [_plain(value) for value in key.values],
        "before": {name: _plain(before[name]) for name in names} if before else None,
        "after": {"columns": names, "mark": _mark({name: after[name] for name in names})} if after else None,
    }


def _key(image: Mapping[str, Any]) -> _Key:
    table = SQLModel.metadata.tables[image["table"]]
    names = [one.name for one in table.primary_key]
    return _Key(table.name, tuple(_typed(table, dict(zip(names, image["key"], strict=True))).values()))


# The way back


def _require_untouched(session: Session, row: ChangeRow) -> None:
    """Make sure that every row is still what the change made of it.

    Raises:
        UndoRefused: One is not; the text says which, and who did what after it.
    """
    if session.exec(select(ChangeRow.id).where(col(ChangeRow.undoes) == row.id)).first() is not None:
        raise UndoRefused(f"“{row.said}” was taken back already.")
    now = _images(session, Scope(), {_key(image) for image in row.images})
    why = ""
    if printed := [week for image in row.images if (week := _printed(session, image))]:
        why = f"{printed[0]} is approved or sent with it. Write what holds now instead"
    elif touched := [image for image in row.images if not _is_still(now.get(_key(image)), image["after"])]:
        why = f"{_called(touched[0])} was changed since{_by_whom(session, row, touched)}"
    elif older := [image for image in row.images if _has_newer_version(session, image)]:
        why = f"{_called(older[0])} has a newer version. Take that back first"
    if why:
        raise UndoRefused(f"“{row.said}” cannot be taken back: {why}.")


def _is_still(found: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    if found is None or after is None:
        return found is after is None
    return bool(_mark({name: found[name] for name in after["columns"]}) == after["mark"])


def _printed(session: Session, image: Mapping[str, Any]) -> str:
    """Name a public edition that prints a review which would go, "" when none does; what was printed stays stored."""
    if image["table"] != "reviews" or image["before"] is not None:
        return ""
    tool, reviewer, version = image["key"]
    met = select(EditionRow.week, EditionRow.content).join(MatchupRow, col(MatchupRow.week) == col(EditionRow.week))
    met = met.where(col(EditionRow.state).in_(PUBLIC), or_(col(MatchupRow.a) == tool, col(MatchupRow.b) == tool))
    for week, content in session.exec(met):
        for side in (matchup[which] for matchup in content["matchups"] for which in ("a", "b")):
            for one in side["verdict"]["reviews"]:
                if (one["tool"], one["reviewer"], one["version"]) == (tool, reviewer, version):
                    return week
    return ""


def _has_newer_version(session: Session, image: Mapping[str, Any]) -> bool:
    if image["table"] != "reviews" or image["before"] is not None:
        return False
    tool, reviewer, version = image["key"]
    newer = select(ReviewRow.version).where(
        ReviewRow.tool == tool, ReviewRow.reviewer == reviewer, ReviewRow.version > version
    )
    return session.exec(newer.limit(1)).first() is not None


def _called(image: Mapping[str, Any]) -> str:
    names = [one.name for one in SQLModel.metadata.tables[image["table"]].primary_key]
    return _CALLED[image["table"]].format(**dict(zip(names, image["key"], strict=True)))


def _by_whom(session: Session, row: ChangeRow, touched: Sequence[Mapping[str, Any]]) -> str:
    """Say which newer change stands in the way, "" where none made here does."""
    keys = {_key(image) for image in touched}
    newer = select(ChangeRow).where(col(ChangeRow.id) > row.id, ~UNDONE).order_by(col(ChangeRow.id))
    for one in session.exec(newer):
        if one.kind != "undo" and keys & {_key(image) for image in one.images}:
            return f": {one.by}, “{one.said}”. Take that back first"
    return ""


def _restore(session: Session, images: Sequence[Mapping[str, Any]]) -> set[_Key]:
    """Put rows back as they were: first those that went, parents before children, then those that changed or came."""
    rank = {table.name: place for place, table in enumerate(SQLModel.metadata.sorted_tables)}
    gone = sorted((one for one in images if one["after"] is None), key=lambda one: rank[one["table"]])
    came = sorted((one for one in images if one["before"] is None), key=lambda one: -rank[one["table"]])
    made = {_put_back(session, image) for image in gone}
    for image in gone:
        _point(session, image, _typed(SQLModel.metadata.tables[image["table"]], image["before"]))
    for image in (one for one in images if one["before"] and one["after"]):
        _change_back(session, image)
    for image in came:
        _point(session, image, {})
    for image in came:
        _take_away(session, image)
    return made


def _point(session: Session, image: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Let a row name the rows of its own table that it did, or none; so they can come and go in any order."""
    table = SQLModel.metadata.tables[image["table"]]
    if names := _own_kind(table):
        pointers = {name: values.get(name) for name in names}
        session.connection().execute(update(table).where(_is(_key(image))).values(**pointers))


def _own_kind(table: Table) -> list[str]:
    """Name the columns that hold the key of another row of the same table."""
    return [one.parent.name for one in table.foreign_keys if one.column.table is table]


def _put_back(session: Session, image: Mapping[str, Any]) -> _Key:
    """Insert a row again, not yet naming others of its table; where the database numbers them, under a new number."""
    table = SQLModel.metadata.tables[image["table"]]
    values = _typed(table, image["before"]) | dict.fromkeys(_own_kind(table))
    if table.name in {"decisions", "pair_words"}:
        values.pop("id")
    if table.name == "editions":
        values |= content_values(edition_format().validate_python(values["content"])) | {"revision": 1}
    done = session.connection().execute(insert(table).values(**values))
    return _Key(table.name, tuple(done.inserted_primary_key or ()))


def _change_back(session: Session, image: Mapping[str, Any]) -> None:
    table, key = SQLModel.metadata.tables[image["table"]], _key(image)
    values = _typed(table, image["before"])
    if table.name == "editions":
        values = _edition_back(session, key.values[0], values)
    session.connection().execute(update(table).where(_is(key)).values(**values))


def _edition_back(session: Session, week: str, values: dict[str, Any]) -> dict[str, Any]:
    """Give what to write into an edition's row; with its content its revision goes on, and no approval comes back."""
    if "content" not in values and values.get("state") is None:
        return values  # it was only held or released
    row = session.get_one(EditionRow, week, populate_existing=True)
    edition = edition_format().validate_python(values.get("content", row.content))
    keep_matchups(session, edition)
    state = values.get("state", row.state)
    values["state"] = state if state == "skipped" else "draft"
    return values | content_values(edition) | {"revision": row.revision + 1}


def _take_away(session: Session, image: Mapping[str, Any]) -> None:
    table, key = SQLModel.metadata.tables[image["table"]], _key(image)
    if table.name == "editions":
        session.connection().execute(delete(_table(MatchupRow)).where(col(MatchupRow.week) == key.values[0]))
    session.connection().execute(delete(table).where(_is(key)))
