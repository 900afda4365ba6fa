"""The review panel: reviews in and out, what is still wanted, who reviews."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import AsJson, Home, Now, add_row, finish, opened, print_json, say, show, table_of

if TYPE_CHECKING:
    from flows.services import Services

app = typer.Typer()
panel_app = typer.Typer(
    help="The review panel: reviews in and out, what is still wanted, who reviews.", no_args_is_help=True
)
app.add_typer(panel_app, name="panel")


@panel_app.command("import")
def panel_import(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH…", help="Review files (YAML, JSON, CSV), or folders of them.")
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Keep the good documents, and report the others (exit status 1).")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Import review files: all of them, or nothing where one is wrong. A changed call or quote is a new version."""
    from dataclasses import asdict

    from flows import reviewing

    with opened(home, now) as services:
        done = reviewing.import_reviews(services, paths, partial=partial)
    if as_json:
        print_json(asdict(done))
    else:
        say(reviewing.in_words(done))
        for slug, tool in done.meant:
            say(f"{slug} is {tool} here, and was kept as that")
        _warn(*map(str, done.faults))
    if done.faults:
        finish(1)


@panel_app.command("export")
def panel_export(
    path: Annotated[
        str,
        typer.Argument(metavar="[PATH]", help="A folder, a file ending in .yaml, .json or .csv, or - for here."),
    ] = "reviews",
    force: Annotated[
        bool, typer.Option("--force", help="In a folder, overwrite files that say otherwise than what is stored.")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Export every tool that has reviews, with the newest of each; what is written can be imported again.

    In a folder each tool has a file of its own: the one that holds it already, else a new YAML file. What says the
    same is left as it is; so is, with exit status 1, what says otherwise. A single file is written anew.
    """
    from flows import reviewing
    from sources import reviewexport

    with opened(home, now) as services:
        if path == "-":
            documents = reviewing.stored_documents(services)
            _warn_of_strangers(reviewing.strangers(services, documents))
            writer = reviewexport.as_json if as_json else reviewexport.as_yaml
            return say(writer(list(documents.values())).removesuffix("\n")) if documents or as_json else None
        done = reviewing.export_reviews(services, Path(path), force=force)
        _warn_of_strangers(reviewing.strangers(services, reviewing.stored_documents(services)))
    if as_json:
        left = [{"file": file, "reason": reason} for file, reason in done.left]
        print_json({"tools": done.tools, "written": done.written, "unchanged": done.unchanged, "left": left})
    else:
        for file in done.written:
            say(f"wrote {file}")
        say(f"{done.tools} tools: {_files(done.written)} written, {_files(done.unchanged)} left that said the same")
        _warn(*(f"{file} is left as it is: {reason}" for file, reason in done.left))
    return finish(1) if done.left else None


@panel_app.command("wanted")
def panel_wanted(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="With --template: the folder to write into; else reviews.")
    ] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Write a review file to fill in for each; what is there stays.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the most wanted.")] = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List launches still without a verdict, most wanted first."""
    from flows import documents, reviewing

    if folder is not None and not template:
        raise typer.BadParameter(f"found a folder, {folder}; allowed: only with --template")
    with opened(home, now) as services:
        found = reviewing.wanted(services)[:limit]
        written, there = reviewing.write_templates(services, found, folder or Path("reviews")) if template else ([], [])
        nothing = "" if found else _why_nothing_is_wanted(services)
    shown = documents.wanted(found)
    if as_json:
        return print_json(shown)
    if template:
        for file in written:
            say(f"wrote {file}")
        for file in there:
            say(f"{file} is there already")
        return say(f"{_files(written)} to fill in{f': {nothing}' if nothing else ''}")
    table = table_of("tool", "score", "why")
    for one in shown:
        add_row(table, one["tool"], f"{one['score']:.2f}", one["why"])
    return show(table) if shown else say(nothing)


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


def _why_nothing_is_wanted(services: Services) -> str:
    from datetime import timedelta

    days, now = services.settings.first_poll_days, services.clock()
    if services.store.launches(since=now - timedelta(days=days), until=now):
        return "every launched tool has a verdict"
    return f"no launch is known of the last {days} days; `verdicts gather` polls the feeds for some"


def _files(found: Collection[str]) -> str:
    return f"{len(found)} {'file' if len(found) == 1 else 'files'}"


def _warn(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"verdicts: {line}\n")


def _warn_of_strangers(slugs: list[str]) -> None:
    if slugs:
        _warn(f"not on the panel: {', '.join(slugs)}; an import refuses their reviews until reviewers.toml lists them")
