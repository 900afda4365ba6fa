"""The tools known: list them, see everything kept of one, edit it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.commands.common import AsJson, Home, Now, add_row, opened, print_json, say, show, table_of

app = typer.Typer()
tools_app = typer.Typer(help="The tools known: list, show, edit.", no_args_is_help=True)
app.add_typer(tools_app, name="tools")

Text = str | None
Slug = Annotated[str, typer.Argument(metavar="SLUG", help="Its slug, or one it had before.")]


@tools_app.command("list")
def tools_list(
    category: Annotated[str | None, typer.Option("--category", help="Only this category.")] = None,
    ready: Annotated[
        bool | None, typer.Option("--ready/--unready", help="Only those with, or without, a ready verdict.")
    ] = None,
    stale_price: Annotated[
        bool, typer.Option("--stale-price", help="Only those whose price was checked over 90 days ago, or never.")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """List the tools known, with the panel's verdict."""
    from digest.model import percent
    from flows import documents, reviewing

    with opened(home, now) as services:
        found = reviewing.list_tools(services, category, ready=ready, stale_price=stale_price)
    if as_json:
        return print_json([documents.standing(one) for one in found])
    table = table_of("slug", "name", "category", "price", "checked", "panel", "ready")
    for one in found:
        tally, tool = one.verdict.tally, one.tool
        checked = f"{tool.price_checked_on or 'never'}{' (old)' if one.stale else ''}" if tool.entry_price else ""
        add_row(
            table, tool.slug, tool.name, tool.category, tool.entry_price, checked,
            f"{percent(tally.share)} of {tally.n}" if tally.n else "—", "yes" if one.ready else "no",
        )  # fmt: skip
    return show(table) if found else say("no such tool")


@tools_app.command("show")
def tools_show(slug: Slug, home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Show a tool: its verdict, every version of every review, its editions, launches and other slugs."""
    from flows import documents, reviewing

    with opened(home, now) as services:
        shown = documents.dossier(reviewing.look_up(services, slug))
    if as_json:
        return print_json(shown)
    for line in _told(shown):
        say(line)
    return None


def _told(shown: dict[str, Any]) -> list[str]:
    """Put everything about a tool into lines."""
    openness = {True: "open source", False: "not open source", None: "openness unknown"}[shown["open_source"]]
    price = shown["entry_price"] or "price unknown"
    if shown["entry_price"]:
        price += f" (checked {shown['price_checked_on'] or 'never'}{', look again' if shown['price_stale'] else ''})"
    lines = [
        f"{shown['name']} ({shown['slug']}), {shown['vendor'] or 'vendor unknown'}",
        f"  {shown['tagline'] or 'no tagline'}",
        f"  {shown['category']}; {price}; {openness}{'; ' + ', '.join(shown['tags']) if shown['tags'] else ''}",
        f"  {shown['url'] or 'no address'}",
    ]
    lines += [f"  {shown['description']}"] if shown["description"] else []
    lines += [f"  also {', '.join(shown['aliases'])}"] if shown["aliases"] else []
    return [*lines, "", _verdict(shown), *_reviews(shown["reviews"]), *_places(shown)]


def _verdict(shown: dict[str, Any]) -> str:
    from digest.model import percent

    tally = shown["verdict"]
    if not tally["n"]:
        return "no verdict: nobody active on the panel has reviewed it"
    ready = "ready" if shown["ready"] else "not ready"
    counted = f"{tally['ships']} of {tally['n']} reviews"
    return f"{percent(tally['share'])} ship, {counted} ({ready}; panel of {tally['panel_size']})"


def _reviews(versions: list[dict[str, Any]]) -> list[str]:
    lines = []
    for one in versions:
        changed = f", {' and '.join(one['changed'])} changed" if one["changed"] else ""
        counts = "" if one["counts"] else ", does not count"
        head = f"  {one['reviewer']}, version {one['version']}, {one['reviewed_on']}: {one['call']}{changed}{counts}"
        lines += [head, f"    {one['quote']}"]
    return lines


def _places(shown: dict[str, Any]) -> list[str]:
    editions = [
        f"  {one['week']} ({one['state']}) against {one['against']}, with "
        + ", ".join(f"{reviewer} {version}" for reviewer, version in one["versions"].items())
        for one in shown["editions"]
    ]
    launches = [f"  {one['announced_at'][:10]} {one['title']} ({one['link']})" for one in shown["launches"]]
    return [
        *(["", "editions"] if editions else ["", "in no edition yet"]),
        *editions,
        *(["", "launches"] if launches else ["", "no launch known"]),
        *launches,
    ]


@tools_app.command("edit")
def tools_edit(
    slug: Slug,
    name: Annotated[Text, typer.Option(help="What it is called; the slug stays.")] = None,
    vendor: Annotated[Text, typer.Option(help="Who makes it.")] = None,
    tagline: Annotated[Text, typer.Option(help="One line.")] = None,
    description: Annotated[Text, typer.Option(help="A paragraph.")] = None,
    category: Annotated[Text, typer.Option(help="Remembered: no launch or review file changes it.")] = None,
    entry_price: Annotated[
        Text, typer.Option(help='Free, Freemium, Paid, or such as "$20/month"; checked today.')
    ] = None,
    price_checked_on: Annotated[Text, typer.Option(help="The day the price was checked, if not today.")] = None,
    open_source: Annotated[bool | None, typer.Option(help="Whether it is open source.")] = None,
    tags: Annotated[Text, typer.Option(help="The job it does, words with commas between.")] = None,
    url: Annotated[Text, typer.Option(help="Its homepage.")] = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Edit a tool, by the rules of review files; says what changed."""
    from flows import documents, reviewing

    given = {
        "name": name, "vendor": vendor, "tagline": tagline, "description": description, "category": category,
        "entry_price": entry_price, "price_checked_on": price_checked_on, "open_source": open_source, "tags": tags,
        "url": url,
    }  # fmt: skip
    given = {field: value for field, value in given.items() if value is not None}
    if not given:
        raise typer.BadParameter("found nothing to change; allowed: at least one field, see --help")
    with opened(home, now) as services:
        tool, changed = reviewing.edit_tool(services, slug, given)
    shown = documents.changes(tool.slug, changed)
    if as_json:
        return print_json(shown)
    for field, one in shown["changed"].items():
        say(f"{tool.slug}: {field} was {_said(one['before'])}, is {_said(one['after'])}")
    return None if changed else say(f"{tool.slug}: nothing changed")


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value in (None, "") else str(value)
