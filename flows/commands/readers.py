"""Who reads: readers in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import AsJson, Home, Now, finish, opened, print_json, say

app = typer.Typer()
subscribers = typer.Typer(help="Who reads.", no_args_is_help=True)
app.add_typer(subscribers, name="subscribers")


@subscribers.command("import")
def subscribers_import(
    path: Annotated[Path, typer.Argument(metavar="CSV", help="Header: email,name,state,confirmed_at,source")],
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Import subscribers; nobody who left or is suppressed comes back; exit 1 when rows were left out."""
    from dataclasses import asdict

    from flows.readers import import_subscribers

    with opened(home, now) as services:
        done = import_subscribers(services, path)
    if as_json:
        print_json(asdict(done))
    else:
        say(f"{done.added} added, {done.known} known, {len(done.left_out)} left out")
        for one in done.left_out:
            say(f"{path.name}:{one.line}: {one.email}: {one.reason}")
    finish(1 if done.left_out else 0)


@subscribers.command("stats")
def subscribers_stats(home: Home = None, as_json: AsJson = False) -> None:
    """Count subscribers by state."""
    with opened(home) as services:
        stats = services.subscribers.stats()
    if as_json:
        return print_json(stats)
    return say("\n".join(f"{name:13}{count:>10,}" for name, count in stats.items()))
