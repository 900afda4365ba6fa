"""Keep what an editor does at the desk: in one transaction with the note of it, and not over somebody else's change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from digest.editions import EditionRecord
from digest.errors import Stale
from digest.undoing import Scope
from flows.services import Services

_T = TypeVar("_T")

#: Characters of a name in a sentence; feeds may call a tool anything.
_LONGEST = 60


def kept(services: Services, scope: Scope, work: Callable[[], _T], said: str | Callable[[_T], str]) -> _T:
    """Do work in the editor's name and note it; see `digest.undoing.Journal.keep`."""
    return services.journal.keep(scope, services.by, services.clock(), work, said)


def edited(services: Services, week: str, revision: int, work: Callable[[], _T], said: str | Callable[[_T], str]) -> _T:
    """Change a week's edition, unless it is another than the one the form was made from.

    Raises:
        Stale: It was changed since.
    """

    def checked() -> _T:
        require_unchanged(services, week, revision)
        return work()

    return kept(services, Scope(week), checked, said)


def require_unchanged(services: Services, week: str, revision: int) -> EditionRecord:
    """Give a week's edition as the form's maker saw it.

    Raises:
        Stale: It was changed since.
        EditionError: There is none.
    """
    record = services.editions.require(week)
    if record.revision != revision:
        since = services.journal.since(week, revision)
        who = since[-1].by if since else record.edited_by or "a new composing"
        raise Stale(f"{week} was changed by {who} since this page was opened; nothing was overwritten.")
    return record


def short(name: str) -> str:
    """Give a name from outside as a sentence on a change holds it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
