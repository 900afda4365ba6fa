"""The versions of a week's edition that are kept: each as it was before somebody changed it at the desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from digest.database import reading
from digest.editions import edition_format
from digest.model import Edition
from digest.tables import ChangeRow

#: Changes whose versions are within reach; older ones stay in the database.
_MOST = 40


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of an edition, as it was before the change with the number `id`.

    `made` says what change of the desk left it so, "" where that is not known; `by` and `at` are of that change then,
    else of the one that ended it. `ended` is what ended it, `approved` whether it was approved until then.
    """

    id: int
    made: str
    ended: str
    by: str
    at: datetime
    approved: bool
    content: Mapping[str, Any]

    @property
    def edition(self) -> Edition:
        """The version itself; read when it is asked for, as most are only listed."""
        return edition_format().validate_python(self.content)


def kept_versions(engine: Engine, week: str) -> Sequence[Kept]:
    """Give the versions that changes of a week's edition ended, newest first, of the newest forty changes."""
    wanted = select(ChangeRow.id).where(ChangeRow.week == week).order_by(col(ChangeRow.id).desc()).limit(_MOST)
    with reading(engine) as session:
        found = tuple(one for one in session.exec(wanted) if one is not None)
    return _read(engine, week, found)


@lru_cache(maxsize=4)
def _read(engine: Engine, week: str, changes: tuple[int, ...]) -> Sequence[Kept]:
    """Read changes, newest first; a page asks for the same several times, and what one was never becomes another."""
    columns = (ChangeRow.id, ChangeRow.kind, ChangeRow.said, ChangeRow.by, ChangeRow.at, ChangeRow.revision)
    wanted = select(*columns, ChangeRow.images).where(col(ChangeRow.id).in_(changes))  # type: ignore[call-overload]
    with reading(engine) as session:
        rows = session.execute(wanted.order_by(col(ChangeRow.id).desc())).all()
    return tuple(_kept(week, rows))


def _kept(week: str, rows: Sequence[Any]) -> Iterator[Kept]:
    for place, row in enumerate(rows):
        before = _content(week, row.images)
        if before is None:
            continue
        # What changed nothing in the content, such as a pin, left the revision as it was.
        earlier = next((one for one in rows[place + 1 :] if _touched(week, one.images)), None)
        maker = earlier if earlier is not None and earlier.revision == (row.revision or 0) - 1 else None
        known = maker or row
        yield Kept(
            row.id, _words(maker) if maker else "", _words(row), known.by, known.at,
            before.get("state") == "approved", before["content"],
        )  # fmt: skip


def _touched(week: str, images: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a change made or changed the content of a week's edition."""
    mine = (one for one in images if one["table"] == "editions" and one["key"] == [week])
    return any(one["before"] is None or "content" in one["before"] for one in mine)


def _content(week: str, images: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the columns of a week's edition that a change replaced, None where its content was not among them."""
    mine = (one for one in images if one["table"] == "editions" and one["key"] == [week])
    return next((one["before"] for one in mine if one["before"] and "content" in one["before"]), None)


def _words(row: Any) -> str:
    return {"change": "", "undo": "Took back: ", "redo": "Did again: "}[row.kind] + str(row.said)
