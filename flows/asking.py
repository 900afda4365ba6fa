"""Ask a sender what became of calls in doubt: each ever more seldom, and not once a person wants to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from subscribers.senders import Doubt, Records

#: How long at least, and at most, a call in doubt is not asked about again; in between as long as it is in doubt.
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Asking:
    """A sender's records as one process asks them; `asked` is its memory: when it asked last, by key of the call."""

    records: Records
    clock: Callable[[], datetime]
    stop: Event
    asked: dict[str, datetime] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Whose calls they know."""
        return self.records.account

    @property
    def settle(self) -> timedelta:
        """How long after a call its traces may lag."""
        return self.records.settle

    def found(self, doubt: Doubt) -> bool | None:
        """Tell whether a call went out; None where that cannot be known, or was asked lately."""
        now, last = self.clock(), self.asked.get(doubt.key)
        if self.stop.is_set() or (last is not None and now < last + _pause(last - doubt.claimed_at)):
            return None
        self.asked[doubt.key] = now
        return self.records.found(doubt)


def _pause(doubtful_for: timedelta) -> timedelta:
    return min(max(doubtful_for, _SHORTEST), _LONGEST)
