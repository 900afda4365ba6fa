"""Say of which changes an undo is offered, as expressions of a statement about them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, case, exists
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from digest.tables import ChangeRow, EditionRow

#: A second look at the changes, from within a statement about them.
OTHER = aliased(ChangeRow)

#: Whether another change took this one back.
UNDONE = exists().where(col(OTHER.undoes) == col(ChangeRow.id))

#: Why there is no undo of what was only told.
NO_WAY = "it has no way back"


def _ended() -> ColumnElement[str]:
    """Say why a change that stands is offered to nobody for undoing, "" where it is.

    An approval changes the state and nothing else; it holds until the edition has another state or revision.
    """
    first = col(ChangeRow.images)[0]
    table, columns = first["table"].as_string(), first["after"]["columns"].as_string()
    was = first["before"]["state"].as_string()
    mine = select(EditionRow.week).where(col(EditionRow.week) == col(ChangeRow.week))
    holds = mine.where(col(EditionRow.state) == "approved", col(EditionRow.revision) == col(ChangeRow.revision))
    away = mine.where(col(EditionRow.state).in_(("sending", "sent")))
    approval = and_(table == "editions", columns == '["state"]')
    return case(
        (table.is_(None), NO_WAY),
        (and_(approval, was == "approved"), "an approval is given anew"),
        (and_(approval, was == "draft", ~holds.exists()), "no longer holds"),
        (and_(table == "editions", columns != '["held"]', away.exists()), "the edition is on its way"),
        else_="",
    )


#: Why a change that stands is offered to nobody for undoing.
ENDED = _ended()
