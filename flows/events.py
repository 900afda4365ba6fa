"""Apply what the mail provider tells of letters while the pages are served."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from digest.errors import Fault, FilesError
from flows.keeping import keep
from flows.services import Services
from subscribers.events import Applied

#: How long `keep_applying` rests between two rounds, in seconds.
_REST_S = 1.0

_log = logging.getLogger(__name__)


#: Where the mail provider's public key comes from; with `_FILE` behind it, from a file that is named so.
_KEY = "SENDGRID_EVENT_PUBLIC_KEY"


def event_key(environment: Mapping[str, str]) -> str:
    """Give the public key of the mail provider's events, "" where none is set.

    Raises:
        FilesError: The file that should hold it cannot be read.
    """
    named = environment.get(f"{_KEY}_FILE", "")
    if not named or environment.get(_KEY):
        return environment.get(_KEY, "")
    try:
        return Path(named).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = f"{named!r}: {getattr(error, 'strerror', 'bytes that are not text')}"
        allowed = "a file with the key that this user may read"
        raise FilesError([Fault("environment", None, f"{_KEY}_FILE", found, allowed)]) from error


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
