"""Keep the database: upgrade, back up, restore, check, move."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import AsJson, Home, Now, finish, list_findings, opened, print_json, say

if TYPE_CHECKING:
    from flows.restoring import Restored

app = typer.Typer()
db_app = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(db_app, name="db")


@db_app.command("upgrade")
def db_upgrade(home: Home = None) -> None:
    """Bring the database's tables to this program's version."""
    from digest.database import open_engine, upgrade
    from digest.settings import home_folder, load_settings

    engine = open_engine(load_settings(home_folder(home)).database)
    before, after = upgrade(engine)
    say(f"tables are at {after}" + ("" if before == after else f" (before: {before or 'none'})"))


@db_app.command("backup")
def db_backup(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="A new file, or a folder; else the folder `backups` in the home folder."),
    ] = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Write a backup, also while `serve` runs: every row as of one moment, both keys, and the home folder's files.

    Only its owner may read it: there are addresses and keys in it.
    """
    from flows.backups import back_up

    with opened(home, now) as services:
        file, made = back_up(services, path, services.clock())
    if as_json:
        return print_json({"path": str(file), "bytes": file.stat().st_size, **asdict(made)})
    files = len(made.sha256) - 1
    say(f"{file}: {sum(made.rows.values()):,} rows, {files} files of the home folder, {file.stat().st_size:,} bytes")
    for name in made.left_out:
        say(f"left out, as it is too large: {name}")
    return say("it holds the keys: keep it where only you can read it, and on another machine")


@db_app.command("restore")
def db_restore(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file that `verdicts db backup` made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a database that has rows; what is there is kept aside.")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the database, of either kind, and the home folder's files where they are missing.

    Whoever was forgotten, suppressed or has left since stays so, as far as the database at hand tells. Editions that
    were not over are held, as they may have gone out since.
    """
    from digest.settings import home_folder
    from flows.restoring import restore

    done = restore(home_folder(home), os.environ, path, now or datetime.now(UTC), force=force)
    if as_json:
        return print_json(asdict(done) | {"kept": str(done.kept) if done.kept else None})
    return _tell(done)


def _tell(done: Restored) -> None:
    say(f"restored to {done.where}: {sum(done.rows.values()):,} rows, as of {done.made_at}")
    if done.kept:
        say(f"what was there is kept: {done.kept}")
    for name, became in done.files.items():
        say(f"{name}: {became}")
    carried = done.carried
    for count, said in (
        (carried.erased, "readers who were forgotten since are erased again"),
        (carried.suppressed, "addresses that are suppressed since, or for another reason, are so again"),
        (carried.left, "readers who left since have left"),
        (carried.lost, "suppressed addresses could not be taken over: they are kept under another key"),
        (done.letters, "letters that waited are dropped: they may have gone out since"),
    ):
        if count:
            say(f"{count:,} {said}")
    for week in done.held:
        say(f"{week} may have gone out since: see `verdicts edition show {week}`, then release or skip it")
    for note in done.notes:
        say(note)
    say("next: `verdicts db check`")


@db_app.command("check")
def db_check(
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="A backup; else the database itself.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Look whether the database, or a backup, is whole and agrees with itself; exit 1 when it does not."""
    from digest.settings import home_folder, load_settings
    from flows.auditing import audit, audit_backup

    folder = home_folder(home)
    checked = audit(load_settings(folder)) if path is None else audit_backup(path, folder)
    if as_json:
        print_json({"ok": not checked.findings, **asdict(checked)})
    else:
        list_findings(checked.findings)
        found = f"{len(checked.findings)} findings" if checked.findings else "nothing is wrong"
        say(f"{checked.where}: tables {checked.tables or 'none'}, {sum(checked.rows.values()):,} rows, {found}")
    finish(1 if checked.findings else 0)


@db_app.command("move")
def db_move(
    url: Annotated[
        str, typer.Argument(metavar="DATABASE_URL", help="An empty database, such as postgresql://USER@HOST/NAME.")
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database into an empty one, of either kind, and compare every row; the old one stays as it is."""
    from flows.databases import move

    with opened(home) as services:
        moved = move(services, url)
    if as_json:
        return print_json({"where": moved.where, "tables": [asdict(one) for one in moved.tables]})
    for one in moved.tables:
        say(f"{one.table:18}{one.same:>12,} rows, every one the same")
    say(f"moved to {moved.where}; nothing uses it yet: set database_url in verdicts.toml, or VERDICTS_DATABASE_URL,")
    return say("to that address; then `verdicts db check`")
