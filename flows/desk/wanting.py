"""What still wants a verdict, as pages of the desk list it: found anew only where the database is another."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from digest.wanting import Wanted
from digest.watching import Watch
from flows import reviewing
from flows.services import Services

#: Tools that are found at once, the most that a page lists.
MOST = 20

#: Seconds after which it is found anew in any case: what was announced gets older.
_LASTS_S = 60


class Wanting:
    """The tools most wanted. Weighing thousands takes longer than all else of a page, and pages are asked often."""

    def __init__(self, services: Services) -> None:
        self._services, self._watch, self._lock = services, Watch(services.engine), threading.Lock()
        self._known: tuple[object, tuple[list[Wanted], int]] = (None, ([], 0))

    def first(self, most: int) -> tuple[Sequence[Wanted], int]:
        """Give the first of what `reviewing.wanted` gives, MOST at most, and how many that is."""
        services = self._services.named("")  # with the panel as it is now
        with self._lock:
            minute = services.clock().timestamp() // _LASTS_S
            state = (self._watch.state(), minute, services.panel)  # before what it stands for
            if state != self._known[0]:
                self._known = (state, reviewing.most_wanted(services, MOST))
            found, many = self._known[1]
        return found[:most], many

    def close(self) -> None:
        """Let go of the database."""
        self._watch.close()
