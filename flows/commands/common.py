"""What commands share: their common options, the opened services, and how results are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from digest.model import Finding
    from flows.services import Services


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"found {text!r}; allowed: ISO 8601 such as 2026-11-23T09:00:00Z") from error
    if not 2000 <= found.year < 2200:
        raise typer.BadParameter(f"found {text!r}; allowed: a time from 2000 to 2199")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


Home = Annotated[Path | None, typer.Option("--home", help="Home folder; else VERDICTS_HOME, else the current folder.")]
Now = Annotated[
    datetime | None, typer.Option("--now", parser=_moment, metavar="TIME", help="Pretend it is this time (ISO 8601).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Week = Annotated[str | None, typer.Option("--week", help="ISO week such as 2026-W47; else the current one.")]
EditionWeek = Annotated[str | None, typer.Argument(metavar="[W]", help="ISO week; else the newest edition.")]


#: Exit status of what a person or a service manager ended, as shells have it for Ctrl-C.
ENDED = 130


@contextmanager
def opened(home: Path | None, now: datetime | None = None, patience_s: float | None = None) -> Iterator[Services]:
    """Open the services of the home folder a command was given; see `open_services`."""
    from digest.settings import home_folder
    from flows.services import open_services

    with open_services(home_folder(home), now, patience_s=patience_s) as services:
        yield services


def print_json(document: Any) -> None:
    """Print a document, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say(text: str = "") -> None:
    """Print lines for people."""
    sys.stdout.write(text + "\n")


def table_of(*columns: str) -> Table:
    """Start a table with these columns."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """Add a row as it is: text from outside may hold what rich takes for markup."""
    from rich.text import Text

    table.add_row(*map(Text, cells))


def show(table: Table) -> None:
    """Print a table, as wide as the terminal."""
    from rich.console import Console

    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def finish(status: int) -> None:
    """End a command with an exit status: 0 done, 1 the work found problems."""
    raise typer.Exit(status)


def week_or_newest(services: Services, week: str | None) -> str:
    """Take the week a person wrote, else the newest edition's."""
    from digest.errors import EditionError
    from digest.weeks import parse_week

    if week:
        return parse_week(week)
    if newest := services.editions.all(limit=1):
        return newest[0].week
    raise EditionError("there is no edition yet; make one with `verdicts compose`")


def list_findings(findings: tuple[Finding, ...]) -> None:
    """Print preflight's findings, one a line; the lines of a file that one shows come below it."""
    for one in findings:
        said, *shown = one.message.splitlines()
        stop = "" if said.endswith((".", "!", "?", "…")) else "."
        say(f"{one.level}: {one.code} ({one.where}): {said}{stop} {one.fix}")
        for line in shown:
            say(f"    {line}")
