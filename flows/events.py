"""Apply what the mail provider tells of letters while the pages are served."""

from __future__ import annotations

import logging
from threading import Event

from flows.keeping import keep
from flows.services import Services
from subscribers.events import Applied

#: How long `keep_applying` rests between two rounds, in seconds.
_REST_S = 1.0

_log = logging.getLogger(__name__)


def keep_applying(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Apply events as they are kept, until `stop` is set."""

    def work() -> str:
        services.events.apply(services.clock(), stop)
        return ""

    keep("events wait", work, stop, rest_s, _log)


def said_of_events(done: Applied) -> str:
    """Put what was applied into words."""
    if not done.posts:
        return "no event waits"
    strays = f", {done.strays} of no letter of ours" if done.strays else ""
    broken = f", {done.broken} that could not be read" if done.broken else ""
    return f"{done.events} events{strays} in {done.posts} posts{broken}"
