"""Who reads: readers in and out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.common import AsJson, Home, Now, Week, finish, opened, print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from subscribers.importing import LeftOut

app = typer.Typer()
subscribers = typer.Typer(help="Who reads.", no_args_is_help=True)
app.add_typer(subscribers, name="subscribers")

State = Annotated[
    str | None, typer.Option("--state", help="Only who is confirmed, unconfirmed or unsubscribed.", show_default=False)
]


@subscribers.command("import")
def subscribers_import(
    path: Annotated[
        Path, typer.Argument(metavar="CSV", help="Header: email,name,state,confirmed_at,source; - reads a pipe.")
    ],
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Import subscribers; nobody who left or is suppressed comes back; exit 1 when rows were left out.

    An import that was stopped is simply run again: what is there already is passed over.
    """
    from flows.readers import import_subscribers

    with _kept() as left_out:
        with opened(home, now) as services:
            done = import_subscribers(services, path, leave_out=lambda one: _keep(left_out, one))
        left_out.seek(0)
        rows = map(json.loads, left_out)
        if as_json:
            _print_streamed({"added": done.added, "known": done.known}, "left_out", rows)
        else:
            say(f"{done.added} added, {done.known} known, {done.left_out} left out")
            for one in rows:
                say(f"{path.name}:{one['line']}: {_one_line(one['email'])}: {one['reason']}")
    finish(1 if done.left_out else 0)


@contextmanager
def _kept() -> Iterator[TextIO]:
    """Keep rows aside until the work is done: whoever reads our output must not be able to stop it (`| head`)."""
    from tempfile import TemporaryFile

    with TemporaryFile("w+", encoding="utf-8") as file:
        yield file


def _keep(file: TextIO, one: LeftOut) -> None:
    file.write(json.dumps(one._asdict()) + "\n")


@subscribers.command("export")
def subscribers_export(
    path: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where to; - or nothing: standard output.")] = Path(
        "-"
    ),
    state: State = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    home: Home = None,
) -> None:
    """Write subscribers as CSV that `subscribers import` takes, and that no spreadsheet takes for formulas.

    Who is suppressed is written with the state they are in; the list of suppressed addresses holds no addresses, so it
    is not exported: it goes with a backup of the database.
    """
    from flows.readers import STANDARD, export_subscribers

    _require_state(state)
    with opened(home) as services:
        written = export_subscribers(services, path, state=state, force=force)
    if path != STANDARD:
        say(f"{written} subscribers written to {path}")


@subscribers.command("list")
def subscribers_list(
    week: Week = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="REASON", help="Only for this reason, such as paused or receives.")
    ] = None,
    state: State = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List who receives an edition and, for everyone else, why not; before the first, one that would be sent now."""
    from digest.weeks import parse_week
    from subscribers.audience import REASONS, listed

    _require_state(state)
    if why is not None and why not in REASONS:
        raise typer.BadParameter(f"--why: found {why!r}; allowed: {', '.join(REASONS)}")
    with opened(home, now) as services:
        if week is not None:
            week = services.editions.require(parse_week(week)).week
        elif newest := services.editions.all(limit=1):
            week = newest[0].week
        found = listed(services.engine, services.clock(), week=week, why=why, state=state)
        rows = (one._asdict() | {"paused_until": _iso(one.paused_until)} for one in found)
        if as_json:
            return _print_streamed({}, "", rows)
        for one in rows:
            until = f" until {one['paused_until']}" if one["why"] == "paused" else ""
            say(f"{_one_line(one['email'])}  {one['state']}  {one['why']}{until}")
    return None


@subscribers.command("stats")
def subscribers_stats(home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Count subscribers by state; paused are those among the confirmed who rest now."""
    from subscribers.audience import paused

    with opened(home, now) as services:
        stats = services.subscribers.stats() | {"paused": paused(services.engine, services.clock())}
    if as_json:
        return print_json(stats)
    return say("\n".join(f"{name:13}{count:>10,}" for name, count in stats.items()))


@subscribers.command("allow")
def subscribers_allow(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The suppressed address.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; it is kept, with who you are.")],
    home: Home = None,
    now: Now = None,
) -> None:
    """Lift a hard bounce or a complaint; what a person asked for only that person lifts, by signing up anew."""
    from flows.readers import allow

    with opened(home, now) as services:
        lifted = allow(services, email, why)
    say(f"allowed again: the {lifted} is lifted")


@subscribers.command("show")
def subscribers_show(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The reader's address, in any spelling.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell everything that is kept of one reader, oldest first; exit 1 when there is no such reader."""
    from flows.readers import story_of

    with opened(home) as services:
        story, suppressed = story_of(services, email)
    if as_json:
        print_json(story or {"subscriber": None, "suppressed": suppressed})
    elif story is None:
        say(f"{_one_line(email)} is no subscriber" + (f"; suppressed: {suppressed['why']}" if suppressed else ""))
    else:
        _tell(story)
    finish(0 if story else 1)


def _tell(story: Mapping[str, Any]) -> None:
    """Print a reader's story: who, then what happened, oldest first."""
    for name, value in story["subscriber"].items():
        if value:
            say(f"{name:13}{_one_line(value)}")
    if why := story["suppressed"]:
        say(f"{'suppressed':13}{why['why']}, since {why['at']}")
    for at, what, more in sorted(_happened(story)):
        say(f"{at}  {_one_line(what)}  {_one_line(more)}".rstrip())


def _happened(story: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give all that happened with a reader: when, what, and more about it."""
    for one in story["consents"]:
        yield one["at"], f"{one['what']} ({one['source']})", one["network"]
    for one in story["letters"]:
        yield one["queued_at"], f"letter: {one['kind']}", f"{one['state']} {one['reason']}"
    for one in story["editions"]:
        yield one["at"], f"edition: {one['week']}", f"{one['state']} {one['reason']}"
    names = {f"letter-{one['id']}": f"letter {one['kind']}" for one in story["letters"]}
    for one in story["events"]:
        yield one["at"], f"{names.get(one['week'], one['week'])}: {one['kind']}", f"{one['about']} {one['reason']}"
    for one in story["votes"]:
        yield one["at"], f"vote: {one['call']}", one["tool"]
    if why := story["suppressed"]:
        yield why["at"], f"suppressed: {why['why']}", ""


@subscribers.command("forget")
def subscribers_forget(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The address, in any spelling.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    now: Now = None,
) -> None:
    """Erase a reader at once and for good; only a keyed hash stays, so that no import brings the address back.

    An address that is no subscriber's is kept out of imports from now on, too.
    """
    from flows.readers import forget

    if not yes:
        typer.confirm(f"Erase everything about {_one_line(email)}? It cannot be undone.", abort=True, err=True)
    with opened(home, now) as services:
        say(forget(services, email))


def _require_state(state: str | None) -> None:
    from subscribers.importing import STATES

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state: found {state!r}; allowed: {', '.join(STATES)}")


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _one_line(text: str) -> str:
    """Show text from outside on one line, without what a terminal would obey."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def _print_streamed(head: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON document whose last member is a list of any length; without a name it is that list."""
    out = sys.stdout
    members = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    out.write(f"{{\n{members}  {json.dumps(name)}: [" if name else "[")
    between = "\n"
    for row in rows:
        out.write(f"{between}    {json.dumps(row, ensure_ascii=False)}")
        between = ",\n"
    out.write("]\n}\n" if name else "]\n")
