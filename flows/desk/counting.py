"""Counts that take longer than a page may: made beside it, and shown as they were meanwhile."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Thread
from typing import Generic, TypeVar

from digest.errors import VerdictsError
from pages.desk.steps import Counted

_T = TypeVar("_T")

#: How long a page waits for a count, in seconds. What takes longer is counted anew once it is so many times as old as
#: it took: a page that is looked at again and again must not keep the database busy.
_PATIENCE_S, _AS_OLD = 0.05, 20

_log = logging.getLogger(__name__)


@dataclass
class _Count(Generic[_T]):
    """One count: its last value, and the thread that makes another."""

    value: _T | None = None
    at: datetime | None = None
    ended_s: float = 0.0
    took_s: float = 0.0
    failed: VerdictsError | None = None
    thread: Thread | None = None


class Counting(Generic[_T]):
    """Counts something by week, each in one thread at a time."""

    def __init__(self, count: Callable[[str], _T], clock: Callable[[], datetime]) -> None:
        self._count, self._clock, self._lock = count, clock, Lock()
        self._of: dict[str, _Count[_T]] = {}

    def __call__(self, week: str) -> Counted[_T]:
        """Give the count as it is now where it is quick, else as it was, and make it anew meanwhile.

        Raises:
            VerdictsError: It could not be counted.
        """
        with self._lock:
            mine = self._of.setdefault(week, _Count())
            if mine.thread is None and self._is_old(mine):
                mine.failed = None
                mine.thread = Thread(target=self._run, args=(week, mine), name=f"counting {week}", daemon=True)
                mine.thread.start()
            thread = mine.thread
        if thread:
            thread.join(_PATIENCE_S)
        with self._lock:
            if mine.failed is not None:
                raise mine.failed
            return Counted(mine.value, mine.at, counting=mine.thread is not None)

    def _is_old(self, mine: _Count[_T]) -> bool:
        quick = mine.took_s <= _PATIENCE_S
        return mine.at is None or quick or time.monotonic() - mine.ended_s > _AS_OLD * mine.took_s

    def _run(self, week: str, mine: _Count[_T]) -> None:
        began, value, failed = time.monotonic(), mine.value, None
        try:
            value = self._count(week)
        except VerdictsError as error:
            failed = error
            _log.warning("%s", error)
        finally:
            with self._lock:
                mine.value, mine.at, mine.failed = value, self._clock(), failed
                mine.ended_s, mine.took_s, mine.thread = time.monotonic(), time.monotonic() - began, None
