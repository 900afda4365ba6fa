"""Requests to end, such as Ctrl-C: what is under way is finished first, so that nobody is left in doubt."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

#: How people, service managers and terminals that close ask a program to end.
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_SAID = b"verdicts: calls that are under way end first, no other begins; that takes as long as a call may\n"


@contextmanager
def handled(handle: Callable[[int], None]) -> Iterator[None]:
    """Let a function, which is told the signal, do what requests to end ask for.

    A request that whoever started the program has switched off, as nohup does, stays so. Only the main thread of a
    program hears requests; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in REQUESTS}
    mine = [number for number, known in before.items() if known not in {signal.SIG_IGN, None}]
    for number in mine:
        signal.signal(number, lambda heard, _frame: handle(heard))
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


@contextmanager
def gently(*, then_end: bool = True) -> Iterator[Event]:
    """Give an event that requests to end set, instead of breaking off what is under way; that they do is said.

    With `then_end` the request does afterwards what it would have done without this.
    """
    stop, heard = Event(), list[int]()

    def handle(number: int) -> None:
        stop.set()
        heard.append(number)
        os.write(2, _SAID)  # past Python's own buffer, which may be in use just now

    with handled(handle):
        yield stop
    if then_end and heard:
        signal.raise_signal(heard[0])


@contextmanager
def interrupted() -> Iterator[None]:
    """Let every request to end do what Ctrl-C does, once: what comes while the end is under way is only answered."""
    heard = list[int]()

    def handle(number: int) -> None:
        heard.append(number)
        if len(heard) > 1:
            os.write(2, _SAID)
            return
        raise KeyboardInterrupt

    with handled(handle):
        yield
