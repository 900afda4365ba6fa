"""What became of an edition's letters after they were accepted, each letter counted once, as soon as it is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, case, func, select, text
from sqlmodel import Session, col

from digest.database import in_chunks
from subscribers.erasing import ERASED
from subscribers.eventposts import Event, Kind
from subscribers.tables import EventRow, TallyRow

#: How a letter may stand, worst last: what came last in time does not matter, for events come in any order and a
#: mailbox may turn a letter away hours after its server took it.
_RANKED: tuple[Kind, ...] = ("deferred", "delivered", "dropped", "soft bounce", "hard bounce", "complaint")

#: What is counted of a letter besides.
_OPENED: tuple[Kind, ...] = ("open", "machine open")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Letters by the worst that was told of each: `deferred` so far, `held_back` by the provider itself.

    Letters that were opened are counted besides, by a person or by a machine or by both.
    """

    deferred: int = 0
    delivered: int = 0
    held_back: int = 0
    bounced_soft: int = 0
    bounced_hard: int = 0
    complained: int = 0
    opens: int = 0
    machine_opens: int = 0

    @property
    def turned_away(self) -> int:
        """Letters that a mailbox did not take."""
        return self.bounced_soft + self.bounced_hard

    @property
    def bounced(self) -> int:
        """Letters that no mailbox took, or was asked to take any more."""
        return self.turned_away + self.held_back

    @property
    def ended(self) -> int:
        """Letters that came to an end at a mailbox."""
        return self.delivered + self.turned_away + self.complained


def told_of(session: Session, week: str) -> Outcomes:
    """Tell how an edition's letters stand."""
    return told_of_each(session, [week])[week]


def told_of_each(session: Session, weeks: Collection[str]) -> dict[str, Outcomes]:
    """Tell how the letters of several editions stand."""
    found = {week: dict[str, int]() for week in weeks}
    for some in in_chunks(sorted(weeks)):
        for row in session.connection().execute(_TALLIES, {"some": some}):
            found[row.week][row.kind] = row.letters
    return {week: Outcomes(*(letters.get(kind, 0) for kind in (*_RANKED, *_OPENED))) for week, letters in found.items()}


def count(session: Session, events: Iterable[Event]) -> None:
    """Count editions' events that are about to be kept; those that are kept already change nothing.

    Tallies, because counting a million letters takes a fifth of a second, and that is asked in each transaction while
    an edition is sent. Two transactions that count must not overlap (see `one_at_a_time`).
    """
    told: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for one in events:
        if one.kind in _COUNTED:
            told[one.week][one.subscriber_id].add(one.kind)
    rows: list[dict[str, object]] = []
    for week, letters in told.items():
        known = _known(session, week, letters)
        moves = Counter((frozenset(known[whose]), frozenset(kinds | known[whose])) for whose, kinds in letters.items())
        change = Counter[str]()
        for (before, after), many in moves.items():
            change.update(dict.fromkeys(_counted(after), many))
            change.subtract(dict.fromkeys(_counted(before), many))
        rows += ({"week": week, "kind": kind, "letters": more} for kind, more in sorted(change.items()) if more)
    if rows:
        session.connection().execute(_ADD, rows)


def miscounted(session: Session) -> list[str]:
    """Give the weeks of editions whose tallies are not what all their events come to, counted anew."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for week, rank, letters in session.execute(_WORST):
        counted[week][_RANKED[rank]] += letters
    for week, kind, letters in session.execute(_OPENS):
        counted[week][kind] += letters
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for row in session.execute(select(col(TallyRow.week), col(TallyRow.kind), col(TallyRow.letters))):
        told[row.week][row.kind] += row.letters
    return sorted(week for week in counted.keys() | told.keys() if counted[week] != told[week])


def _counted(kinds: Collection[str]) -> list[str]:
    """What a letter counts as, of all that is told of it."""
    worst = [kind for kind in _RANKED if kind in kinds][-1:]
    return [*worst, *(kind for kind in _OPENED if kind in kinds)]


def _known(session: Session, week: str, letters: Collection[str]) -> defaultdict[str, set[str]]:
    """What is kept already of some letters of an edition, by reader."""
    known = defaultdict[str, set[str]](set)
    for some in in_chunks(sorted(letters)):
        for whose, kind in session.connection().execute(_KEPT, {"week": week, "some": some}):
            known[whose].add(kind)
    return known


_COUNTED = frozenset((*_RANKED, *_OPENED))

_SOME: BindParameter[Any] = bindparam("some", expanding=True)

_TALLIES = select(col(TallyRow.week), col(TallyRow.kind), col(TallyRow.letters)).where(col(TallyRow.week).in_(_SOME))

_KEPT = select(col(EventRow.subscriber_id), col(EventRow.kind)).where(
    col(EventRow.week) == bindparam("week"), col(EventRow.subscriber_id).in_(_SOME)
)

_ADD = text(
    "INSERT INTO tallies (week, kind, letters) VALUES (:week, :kind, :letters)"
    " ON CONFLICT (week, kind) DO UPDATE SET letters = tallies.letters + excluded.letters"
)

# Letters outside the editions are not counted, nor is what stays of readers who are gone.
_OF_EDITIONS = and_(~col(EventRow.week).startswith("letter-"), col(EventRow.week) != ERASED)
_RANK = case(*((col(EventRow.kind) == kind, number) for number, kind in enumerate(_RANKED)))
_EACH = (
    select(col(EventRow.week), func.max(_RANK).label("rank"))
    .where(_OF_EDITIONS, col(EventRow.kind).in_(_RANKED))
    .group_by(col(EventRow.week), col(EventRow.subscriber_id))
    .subquery()
)
_WORST = select(_EACH.c.week, _EACH.c.rank, func.count()).group_by(_EACH.c.week, _EACH.c.rank)
_OPENS = (
    select(col(EventRow.week), col(EventRow.kind), func.count(col(EventRow.subscriber_id).distinct()))
    .where(_OF_EDITIONS, col(EventRow.kind).in_(_OPENED))
    .group_by(col(EventRow.week), col(EventRow.kind))
)
