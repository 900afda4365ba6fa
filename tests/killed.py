"""A `verdicts` command that kills itself: `python -m tests.killed STEP NTH BATCH_SIZE WORD…`; see STEPS."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, event

from flows.cli import main
from subscribers import ledger
from subscribers.ledger import Ledger
from subscribers.senders.sendgrid import SendGrid

#: Where it dies, at the n-th time it comes there: with the deliveries written and not the batches; when it looks for
#: batches in doubt; in a claim before its commit and after it; when the answer is there; in the transaction that writes
#: an outcome down before its commit, and after it. "" lives.
STEPS = ("", "planning", "settling", "claiming", "claimed", "answered", "recording", "recorded")


def die_at(step: str, nth: int) -> None:
    """Let this process end without a word at the n-th time it comes to a step."""
    left, lock = [nth], threading.Lock()

    def here(*_: Any) -> None:
        with lock:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    match step:
        case "planning":
            _die_before_statement("INSERT INTO batches", here)
        case "settling":
            Ledger.unsettled = _then(Ledger.unsettled, here)  # type: ignore[method-assign]
        case "claiming":
            ledger._sift = _then(ledger._sift, here)
        case "claimed":
            Ledger.claim = _then(Ledger.claim, here)  # type: ignore[method-assign]
        case "answered":
            SendGrid.send = _then(SendGrid.send, here)  # type: ignore[method-assign]
        case "recording":
            Ledger._record = _then(Ledger._record, here)  # type: ignore[method-assign]
        case "recorded":
            Ledger.record = _then(Ledger.record, here)  # type: ignore[method-assign]


def _then(work: Callable[..., Any], here: Callable[..., None]) -> Callable[..., Any]:
    def both(*args: Any, **others: Any) -> Any:
        done = work(*args, **others)
        here()
        return done

    return both


def _die_before_statement(start: str, here: Callable[..., None]) -> None:
    def look(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(start):
            here()

    from sqlalchemy import Engine

    event.listen(Engine, "before_cursor_execute", look)


if __name__ == "__main__":
    step, nth, size, *words = sys.argv[1:]
    SendGrid.size = int(size)
    die_at(step, int(nth))
    sys.argv = ["verdicts", *words]
    main()
