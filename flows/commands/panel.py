"""The review panel: reviews in, what is still wanted, who reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import AsJson, Home, Now, add_row, opened, print_json, say, show, table_of

app = typer.Typer()
panel_app = typer.Typer(help="The review panel: reviews in, what is still wanted, who reviews.", no_args_is_help=True)
app.add_typer(panel_app, name="panel")


@panel_app.command("import")
def panel_import(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Review files, or folders of them.")],
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Import review files: all of them, or nothing where one is wrong."""
    from dataclasses import asdict

    from flows import steps

    with opened(home, now) as services:
        done = steps.import_reviews(services, paths)
    if as_json:
        return print_json(asdict(done))
    return say(f"{done.tools} tools: {done.new} new reviews, {done.changed} changed, {done.same} known")


@panel_app.command("wanted")
def panel_wanted(home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """List launches still without a verdict, most wanted first."""
    from flows import documents, steps

    with opened(home, now) as services:
        shown = documents.wanted(steps.wanted(services))
    if as_json:
        return print_json(shown)
    table = table_of("tool", "score", "why")
    for one in shown:
        add_row(table, one["tool"], f"{one['score']:.2f}", one["why"])
    return show(table) if shown else say("every launched tool has a verdict")


@panel_app.command("reviewers")
def panel_reviewers(home: Home = None, as_json: AsJson = False) -> None:
    """List the panel."""
    from dataclasses import asdict

    with opened(home) as services:
        panel = services.panel
    if as_json:
        return print_json([asdict(one) for one in panel])
    table = table_of("slug", "name", "asks", "active")
    for one in panel:
        add_row(table, one.slug, one.name, one.lens, "yes" if one.active else "no")
    return show(table)
