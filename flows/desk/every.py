"""How a week stands, and undo: what every page of the desk shows."""

from __future__ import annotations

from collections.abc import Sequence

from digest.undoing import Change
from digest.weeks import due_in, week_of
from flows.services import Services
from pages.desk.steps import EveryPage, Standing

#: Changes that are listed.
_LISTED = 15


def every_page(services: Services) -> EveryPage:
    """Make the steps of every page."""
    return EveryPage(
        standing=lambda week, who: _standing(services, week, who),
        mark=lambda week: _mark(services, week),
        undo=lambda who, number: _undo(services, who, number),
        since=services.journal.since,
        last=lambda week: services.journal.last(_LISTED, week=week),
    )


def _standing(services: Services, week: str, who: str) -> Standing:
    settings, states = services.settings, services.editions.states()
    current = week_of(services.clock(), settings.zone)
    week = week or _to_work_on(states, current)
    known = dict.fromkeys((current, week), "") | dict(states)
    record = services.editions.of(week)
    return Standing(
        week=week,
        weeks=tuple(sorted(known.items(), reverse=True)),
        state=record.state if record else "",
        held=record.held if record else None,
        reason=record.reason if record else "",
        revision=record.revision if record else 0,
        edited_by=record.edited_by if record else "",
        approved_by=record.approved_by if record else "",
        approved_at=record.approved_at if record else None,
        due_at=due_in(week, settings.send_at, settings.zone),
        approval=settings.approval,
        zone=settings.zone,
        undo=services.journal.undoable(week, who),
        redo=services.journal.redoable(week, who),
        mark=_mark(services, week),
        early=week > current,
    )


def _to_work_on(states: Sequence[tuple[str, str]], current: str) -> str:
    """Name the newest week that has an edition; one that is over makes room for the current week."""
    week, state = states[0] if states else (current, "")
    return max(week, current) if state in {"sent", "skipped"} else week


def _mark(services: Services, week: str) -> str:
    """Give what is another whenever the week's edition or anything done at the desk is."""
    revision, state, held = services.editions.pulse(week) or (0, "", None)
    return f"{week} {revision} {state} {'held' if held else 'free'} {services.journal.newest()}"


def _undo(services: Services, who: str, number: int) -> Change:
    return services.journal.undo(number, who, services.clock())
