"""Progress of long work, on standard error, and only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Draw a bar that grows by what its function is told; silent where standard error is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import MofNCompleteColumn  # noqa: PLC0415 - nobody else needs it

    with _bar(MofNCompleteColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


@contextmanager
def reading(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Draw a bar that stands where its function is told, in bytes of `total`; silent like `counting`."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import DownloadColumn  # noqa: PLC0415 - nobody else needs it

    with _bar(DownloadColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda position: bar.update(task, completed=position)


def _bar(amount: ProgressColumn) -> Progress:
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
