"""Apply what the mail provider tells of letters while the pages are served."""

from __future__ import annotations

import logging
from threading import Event

from digest.errors import VerdictsError
from flows.services import Services
from subscribers.events import Applied

#: How long `keep_applying` rests between two rounds: shortest, and longest after rounds that failed.
_REST_S, _LONGEST_REST_S = 1.0, 60.0

_log = logging.getLogger(__name__)


def keep_applying(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Apply events as they are kept, until `stop` is set.

    What goes wrong is logged in one line, and tried again.
    """
    pause = rest_s
    while not stop.wait(pause):
        try:
            services.events.apply(services.clock(), stop)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, events must be applied once it is mended
            # Errors of ours are written for people and name no reader; others may.
            trouble = str(error).partition("\n")[0] if isinstance(error, VerdictsError) else type(error).__name__
            _log.warning("events wait: %s", trouble)
            pause = min(pause * 2, _LONGEST_REST_S)
        else:
            pause = rest_s


def said_of_events(done: Applied) -> str:
    """Put what was applied into words."""
    if not done.posts:
        return "no event waits"
    strays = f", {done.strays} of no letter of ours" if done.strays else ""
    broken = f", {done.broken} that could not be read" if done.broken else ""
    return f"{done.events} events{strays} in {done.posts} posts{broken}"
