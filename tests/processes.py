"""Run pieces of the program in real processes: several at once, or killed in the middle."""

from __future__ import annotations

import io
import multiprocessing
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from typing import Any, TypeVar

_T = TypeVar("_T")

#: Processes of their own, forked from one that has imported what takes a second and has opened nothing.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["alembic.command", "psycopg", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "flows.cli",
     "flows.steps", "flows.notices", "sources.gathering", "tests.examples", "tests.subscribers.importer",
     "tests.killed", "tests.subscribers.poster",
     "tests.subscribers.worker"]
)  # fmt: skip

#: On a busy machine a process may take long to come to its turn.
PATIENCE_S = 60


def start(work: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """Start a function of a module in a process of its own."""
    process = _CONTEXT.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def ended(process: ForkServerProcess) -> int:
    """Wait for the end of a process; gives its exit status, less than 0 for the signal that killed it."""
    process.join(PATIENCE_S)
    assert process.exitcode is not None, "it does not end"
    return process.exitcode


def told_by(work: Callable[..., _T], *arguments: object) -> _T:
    """Run a function of a module to its end in a process of its own; gives what it returns."""
    ear, mouth = _CONTEXT.Pipe(duplex=False)
    start(_tell, mouth, work, arguments)
    mouth.close()
    assert ear.poll(PATIENCE_S), "it does not end"
    told: _T = ear.recv()
    return told


def _tell(mouth: Connection[Any, Any], work: Callable[..., object], arguments: tuple[object, ...]) -> None:
    mouth.send(work(*arguments))


def together(imports: str, action: str, *arguments: str, copies: int = 2) -> list[str]:
    """Start processes that all run `imports`, then, in one moment, `action`; gives what each of them printed."""
    moment = _CONTEXT.Barrier(copies)
    ears, running = [], []
    for _ in range(copies):
        ear, mouth = _CONTEXT.Pipe(duplex=False)
        ears.append(ear)
        running.append(start(_act, mouth, moment, imports, action, arguments))
        mouth.close()
    try:
        told = [_heard(ear) for ear in ears]
    finally:
        for one in running:
            one.kill()
            one.join()
    assert [status for status, _ in told] == [0] * copies, told
    return [text.strip() for _, text in told]


def _heard(ear: Connection[Any, tuple[int, str]]) -> tuple[int, str]:
    assert ear.poll(PATIENCE_S), "it does not end"
    return ear.recv()


def _act(
    mouth: Connection[tuple[int, str], Any], moment: Barrier, imports: str, action: str, arguments: tuple[str, ...]
) -> None:
    sys.argv, names, status = ["-c", *arguments], {"__name__": "__main__"}, 0
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        try:
            exec(imports, names)  # noqa: S102 - a test's own words
            moment.wait(PATIENCE_S)
            exec(action, names)  # noqa: S102
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        except Exception:  # noqa: BLE001 - told, as by any program that ends with it
            traceback.print_exc()
            status = 1
    mouth.send((status, out.getvalue()))
