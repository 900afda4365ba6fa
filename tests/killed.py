"""A `verdicts` command that kills itself: `run` is for a process of its own; see STEPS for where it dies."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from flows.cli import main
from subscribers import batches, delivering, ledger
from subscribers.ledger import Ledger
from subscribers.senders.sendgrid import SendGrid
from subscribers.senders.smtp import Smtp
from subscribers.smtpline import Line

#: Where it dies, at the n-th time it comes there: with the deliveries written and not the batches; when it looks for
#: batches in doubt; in a claim before its commit and after it; when the answer is there; in the transaction that writes
#: an outcome down before its commit, and after it. "" lives.
STEPS = ("", "planning", "settling", "claiming", "claimed", "answered", "recording", "recorded")

#: What a mail server has beside: one letter of a call is through, the others not.
SMTP_STEPS = (*STEPS, "posted")


def run(
    step: str, nth: int, size: int, words: Sequence[str], environment: Mapping[str, str], folder: Path, errors: Path
) -> None:
    """Run a command with calls of `size` readers, and write what it says of errors to a file.

    Whoever was put off is tried again within the second, and no sender is left alone for longer: nobody waits here.
    """
    with errors.open("ab") as file, Path(os.devnull).open("wb") as nowhere:
        os.dup2(file.fileno(), 2)
        os.dup2(nowhere.fileno(), 1)
    os.environ.update(environment)
    os.chdir(folder)
    SendGrid.size = Smtp.size = size
    batches._SHORTEST = batches.LONGEST_WAIT = vars(ledger)["LONGEST_WAIT"] = timedelta(seconds=0.3)
    delivering.LEFT_ALONE = delivering._LOST_REST = timedelta(seconds=0.5)
    die_at(step, nth)
    sys.argv = ["verdicts", *words]
    main()


#: What is done when a step is reached, beside planning, which is one statement of several.
_PLACES: Mapping[str, Sequence[tuple[Any, str]]] = {
    "settling": [(Ledger, "unsettled")], "claiming": [(ledger, "sift")], "claimed": [(Ledger, "claim")],
    "posted": [(Line, "post")], "answered": [(SendGrid, "send"), (Smtp, "send")],
    "recording": [(Ledger, "_record")], "recorded": [(Ledger, "record")],
}  # fmt: skip


def die_at(step: str, nth: int) -> None:
    """Let this process end without a word at the n-th time it comes to a step."""
    left, lock = [nth], threading.Lock()

    def here(*_: Any) -> None:
        with lock:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    if step == "planning":
        _die_before_statement("INSERT INTO batches", here)
    for owner, name in _PLACES.get(step, ()):
        setattr(owner, name, _then(getattr(owner, name), here))


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

    event.listen(Engine, "before_cursor_execute", look)
