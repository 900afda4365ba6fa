"""What the desk sends: each edition in a thread of its own, which goes on when the page is closed, until stopped."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

from digest.errors import DatabaseError, EditionError, VerdictsError
from flows import sending
from flows.services import Services
from pages.desk.buttons import as_here
from pages.desk.steps import Running
from subscribers.pacing import Rest

#: How long whoever begins it waits for its end, in seconds: short lists are through by then, and what forbids it is
#: known.
_AT_FIRST_S = 0.5

_log = logging.getLogger(__name__)


@dataclass
class _Hand:
    """One edition that is sent, or was."""

    by: str
    since: datetime
    thread: Thread | None = None
    stop: Event = field(default_factory=Event)
    waits: Rest | None = None
    ended: str = ""
    held: bool = False
    failed: VerdictsError | None = None


class Hands:
    """Sends editions in the background."""

    def __init__(self) -> None:
        self._lock, self._of = Lock(), dict[str, _Hand]()

    def begin(self, services: Services, week: str) -> None:
        """Send an approved edition in an editor's name, or go on with one; returns once it is under way.

        Raises:
            EditionError: It may not be sent, or is being sent already.
            EditionBlocked: Preflight found a blocker.
            SendError: The sender cannot be used.
        """
        with self._lock:
            if (known := self._of.get(week)) and not known.ended:
                raise EditionError(f"{week} is being sent already: this desk sends it for {known.by}")
            if week in services.ledger.under_way(services.clock()):
                raise EditionError(f"{week} is being sent already, by another process")
            mine = self._of[week] = _Hand(services.by, services.clock())
            mine.thread = Thread(target=self._run, args=(services, week, mine), name=f"sending {week}")
            mine.thread.start()
        mine.thread.join(_AT_FIRST_S)
        if mine.failed is not None:
            del self._of[week]
            raise mine.failed

    def running(self, week: str) -> Running | None:
        """Tell what this desk sends of a week, or sent."""
        mine = self._of.get(week)
        return Running(mine.by, mine.since, mine.stop.is_set(), mine.waits, mine.ended, mine.held) if mine else None

    def stop(self, week: str) -> None:
        """Let calls in flight end, and make no other."""
        if mine := self._of.get(week):
            mine.stop.set()

    def end(self) -> None:
        """Stop everything, and wait until calls in flight have ended."""
        for one in self._of.values():
            one.stop.set()
        for one in self._of.values():
            if one.thread is not None:
                one.thread.join()

    @staticmethod
    def _run(services: Services, week: str, mine: _Hand) -> None:
        def resting(rest: Rest) -> None:
            mine.waits = rest

        def progress(_: int) -> None:
            mine.waits = None

        ended = "the program failed; what happened stands in the terminal where the desk runs"
        try:
            sent = sending.send(services, week, progress, patience=timedelta.max, resting=resting, stop=mine.stop)
            ended = sending.said_of(sent)
        except VerdictsError as error:
            mine.failed, ended = error, str(error)
            _log.warning("%s", error)
        finally:
            if "sender" in vars(services):
                services.sender.close()
            mine.held = _is_held(services, week)
            mine.ended = as_here(ended)


def _is_held(services: Services, week: str) -> bool:
    """Whether an edition is held; False also where that cannot be told."""
    try:
        found = services.editions.pulse(week)
    except DatabaseError as error:
        _log.warning("%s", error)
        return False
    return found is not None and found[2] is not None
