"""Move an edition where its state allows it, and say why where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, update
from sqlmodel import Session, col

from digest.database import writing
from digest.errors import EditionError
from digest.tables import EditionRow


def move(
    session: Session,
    week: str,
    allowed: Sequence[str],
    verb: str,
    *also: Any,
    revision_was: int | None = None,
    **values: Any,
) -> None:
    """Change an edition where its state allows it, in one statement, so that two processes cannot both do it.

    Args:
        session: The caller's.
        week: The edition's.
        allowed: States in which it may be changed.
        verb: What is done to it, as in "cannot be sent".
        also: What must hold besides.
        revision_was: Of the content that was looked at.
        values: The columns that change.

    Raises:
        EditionError: It may not be changed so; the text says why, and what is allowed.
    """
    statement = update(EditionRow).where(col(EditionRow.week) == week, col(EditionRow.state).in_(allowed), *also)
    if revision_was is not None:
        statement = statement.where(col(EditionRow.revision) == revision_was)
    if session.exec(statement.values(**values)).rowcount:
        return
    row = session.get(EditionRow, week, populate_existing=True)
    if row is None:
        raise EditionError(f"{week}: no edition; make it with `verdicts compose --week {week}`")
    raise EditionError(f"{week} cannot be {verb}: {_why_not(row, allowed, verb, revision_was)}")


def take_up(engine: Engine, week: str) -> bool:
    """Take an editor's skip back; gives whether there are pairs, else the week is one to compose again.

    Raises:
        EditionError: No editor skipped it.
    """
    with writing(engine) as session:
        row = session.get(EditionRow, week, with_for_update=True)
        pairs = bool(row and row.content["matchups"])
        values = {"state": "draft", "reason": ""} if pairs else {"edited": False, "edited_by": ""}
        move(session, week, ("skipped",), "taken up again", col(EditionRow.edited).is_(True), **values)
    return pairs


def _why_not(row: EditionRow, allowed: Sequence[str], verb: str, revision_was: int | None) -> str:
    if row.state not in allowed:
        return not_in(allowed, row.week, row.state, row.held)
    if revision_was not in {None, row.revision}:
        return f"{row.edited_by or 'a new composing'} changed it meanwhile; look at it again, then repeat this"
    if row.held and verb == "sent":
        return f"it is held ({row.held}); release it first: `verdicts edition release {row.week}`"
    did = f"skipped it ({row.reason})" if row.state == "skipped" else "edited it by hand"
    return f"{row.edited_by or 'somebody'} {did}, and that stays"


def not_in(allowed: Sequence[str], week: str, state: str, held: str | None) -> str:
    """Say in which states something is allowed, and how what is being sent can be changed all the same."""
    said = f"it is {state}; allowed: {', '.join(allowed)}"
    if state != "sending":
        return said
    hold = "" if held else f"hold it with `verdicts edition hold {week}`; then "
    return f"{said} (while nobody can have it: {hold}it may be edited by hand, or skipped)"
