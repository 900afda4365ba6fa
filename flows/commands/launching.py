"""What launched, and an editor's word on it."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import AsJson, Home, Now, Week, add_row, opened, print_json, say, show, table_of

app = typer.Typer()
launch_app = typer.Typer(help="An editor's word on a launch, remembered for good.", no_args_is_help=True)
app.add_typer(launch_app, name="launch")

Target = Annotated[str, typer.Argument(metavar="LAUNCH", help="Its id, or the first characters of it.")]
Tool = Annotated[str, typer.Option("--tool", help="What its tool is called.")]


@app.command()
def launches(
    week: Week = None,
    unreviewed: Annotated[bool, typer.Option("--unreviewed", help="Only those without a ready verdict.")] = False,
    entries: Annotated[
        bool, typer.Option("--entries", help="One line for each entry gathered, launch or not.")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List what launched in a week."""
    from digest.weeks import bounds, parse_week, week_of
    from flows import documents, steps

    with opened(home, now) as services:
        zone = services.settings.zone
        wanted = parse_week(week) if week else week_of(services.clock(), zone)
        found = list(steps.launches_of(services, wanted, unreviewed=unreviewed))
        if entries:
            start, end = bounds(wanted, zone)
            seen = [entry for entry, at in services.entries.all_entries(since=start, muted=True) if at < end]
            launched = services.store.launches(since=start - steps.COMPARED, everything=True)
            shown = documents.entries(seen, launched, services.store.ruled_out())
        else:
            shown = [documents.launch(one) for one in found]
    if as_json:
        return print_json(shown)
    if entries:
        table = table_of("launch", "score", "tool", "category", "title", "reasons")
        for one in shown:
            add_row(table,
                "yes" if one["launch"] else "no", f"{one['score']:.2f}", one["tool"], one["category"], one["title"],
                "; ".join(one["reasons"]),
            )  # fmt: skip
    else:
        table = table_of("id", "tool", "category", "feeds", "score", "title")
        for one in shown:
            carried = len({entry["feed"] for entry in one["entries"]})
            add_row(
                table,
                one["launch_id"][:8],
                one["tool"],
                one["category"],
                str(carried),
                f"{one['score']:.2f}",
                one["title"],
            )
    return show(table) if shown else say(f"nothing launched in {wanted} that is known yet")


@launch_app.command("accept")
def launch_accept(
    target: Annotated[str, typer.Argument(metavar="LAUNCH|LINK", help="A launch, or the link or id of an entry.")],
    tool: Tool = "",
    home: Home = None,
    now: Now = None,
) -> None:
    """Say that this is a launch: take back a rejection, or announce an entry in which none was spotted."""
    from digest.spotting import spot

    with opened(home, now) as services:
        if entries := services.entries.named(target):
            spotted = max(spot(entries[0]), key=lambda one: one.score)
            found = services.decisions.announce(entries[0], spotted, tool, services.clock())
        else:
            found = services.decisions.find(target)
            services.decisions.accept(found, services.clock())
    say(f"{found.id} is a launch: {found.tool_name}, {found.title}")


@launch_app.command("reject")
def launch_reject(target: Target, home: Home = None, now: Now = None) -> None:
    """Say that this is no launch; what comes to it later is none either."""
    with opened(home, now) as services:
        found = services.decisions.find(target)
        services.decisions.reject(found, services.clock())
    say(f"{found.id} is no launch: {found.title}")


@launch_app.command("merge")
def launch_merge(
    target: Target,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The launch it is the same as.")],
    home: Home = None,
    now: Now = None,
) -> None:
    """Say that two launches are one: entries of the first go to the second, now and later."""
    with opened(home, now) as services:
        one, other = services.decisions.find(target), services.decisions.find(into)
        joined = services.decisions.merge(one, other, services.clock())
    say(f"{one.id} is part of {other.id}: {other.tool_name}, {other.title}")
    if not joined:
        say(f"{one.tool_name} has reviews or other launches and stays a tool of its own")


@launch_app.command("split")
def launch_split(
    target: Target,
    link: Annotated[str, typer.Argument(metavar="LINK", help="The link or id of the entry that is another launch.")],
    tool: Tool = "",
    home: Home = None,
    now: Now = None,
) -> None:
    """Say that one entry of a launch announces another one."""
    from digest.errors import SettingsError

    with opened(home, now) as services:
        found = services.decisions.find(target)
        mine = [entry for entry in services.entries.named(link) if (entry.feed, entry.id) in found.entries]
        if not mine:
            listed = "; ".join(entry for _, entry in found.entries)
            raise SettingsError(f"entry: found {link!r}; allowed: an entry of {found.id}: {listed}")
        own = services.decisions.split(found, mine[0], tool, services.clock())
    say(f"{own.id} is a launch of its own: {own.tool_name}, {own.title}")


@launch_app.command("rename")
def launch_rename(target: Target, name: Annotated[str, typer.Argument()], home: Home = None, now: Now = None) -> None:
    """Say what the tool of a launch is called."""
    with opened(home, now) as services:
        found = services.decisions.rename(services.decisions.find(target), name, services.clock())
    say(f"{found.id} is a launch of {found.tool_name} ({found.tool_slug})")


@launch_app.command("category")
def launch_category(
    target: Target, category: Annotated[str, typer.Argument()], home: Home = None, now: Now = None
) -> None:
    """Say which category the tool of a launch belongs to."""
    with opened(home, now) as services:
        found = services.decisions.find(target)
        services.decisions.categorise(found, category, services.clock())
    say(f"{found.tool_name} belongs to {category}")
