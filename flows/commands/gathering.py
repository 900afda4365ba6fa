"""Feeds and what launched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.common import AsJson, Home, Now, add_row, finish, opened, print_json, say, show, table_of

app = typer.Typer()
feeds_app = typer.Typer(help="The feeds watched.", no_args_is_help=True)
app.add_typer(feeds_app, name="feeds")


@app.command()
def gather(
    feed: Annotated[
        list[str] | None, typer.Option("--feed", help="Only this feed, due or not; may be repeated.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every feed, due or not.")] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Poll the feeds that are due and look for launches in what is new."""
    from flows import documents, steps
    from flows.progress import counting

    with opened(home, now) as services, counting("feeds", len(services.feeds)) as tick:
        result = steps.gather(services, names=feed or (), everything=all_, progress=lambda _: tick(1))
    failed = [one for one in result.feeds if one.outcome == "failed"]
    if as_json:
        print_json(documents.gathered(result))
    else:
        new = sum(one.new for one in result.feeds)
        polled = sum(one.outcome != "not due" for one in result.feeds)
        say(f"{polled} feeds polled, {new} new entries, {result.launches} new launches")
        for one in failed:
            say(f"failed: {one.name}: {one.reason}")
    finish(1 if failed else 0)


@feeds_app.command("list")
def feeds_list(home: Home = None, as_json: AsJson = False) -> None:
    """List the feeds watched, and why."""
    from dataclasses import asdict

    with opened(home) as services:
        feeds = services.feeds
    if as_json:
        return print_json([asdict(one) for one in feeds])
    table = table_of("name", "kind", "url", "why")
    for one in feeds:
        add_row(table, one.name, one.kind, one.url, one.why)
    return show(table)


@feeds_app.command("add")
def feeds_add(
    url: Annotated[str, typer.Argument(metavar="URL", help="A feed, or a page that names one.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it; else made from its title.")] = None,
    why: Annotated[str, typer.Option("--why", help="Why it is worth watching.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
) -> None:
    """Find the feed at an address, show its last three entries, and watch it."""
    from digest.model import Feed, slugify
    from sources.catalog import add_feed
    from sources.gathering import probe

    with opened(home) as services:
        found = probe(url, services.policy)
        say(f"{found.title or 'a feed without a title'}: {found.url} ({found.kind})")
        for entry in found.entries:
            say(f"  {entry.published:%Y-%m-%d}  {entry.title}" if entry.published else f"  no date     {entry.title}")
        if not found.entries:
            say("  it has no entries yet")
        feed = Feed(name or slugify(found.title) or slugify(found.url), found.url, why=why)
        if not yes and not typer.confirm(f"Watch it as {feed.name}?", default=True):
            finish(1)
        add_feed(services.own_feeds, feed, services.feeds_path)
    say(f"{feed.name} is in {services.own_feeds}")


@feeds_app.command("remove")
def feeds_remove(name: Annotated[str, typer.Argument(help="As `feeds list` shows it.")], home: Home = None) -> None:
    """Stop watching a feed; what came from it stays."""
    from sources.catalog import remove_feed

    with opened(home) as services:
        gone = remove_feed(services.own_feeds, name, services.feeds_path)
    say(f"{gone.name} ({gone.url}) is no longer watched")


@feeds_app.command("import")
def feeds_import(
    path: Annotated[Path, typer.Argument(metavar="OPML", help="A file another feed reader exported.")],
    home: Home = None,
) -> None:
    """Watch the feeds of an OPML file; those watched already are passed over."""
    from digest.errors import Fault, FilesError
    from sources.catalog import add_feeds
    from sources.opml import opml_in

    try:
        body = path.read_bytes()
    except OSError as error:
        raise FilesError([Fault(str(path), None, "", str(error.strerror), "an OPML file")]) from error
    with opened(home) as services:
        added = add_feeds(services.own_feeds, opml_in(body, path.name), services.feeds_path)
    say(f"{len(added)} feeds added to {services.own_feeds}")


@feeds_app.command("export")
def feeds_export(
    path: Annotated[Path | None, typer.Argument(metavar="[OPML]", help="Where to; else standard output.")] = None,
    home: Home = None,
) -> None:
    """Write the feeds as OPML, which other feed readers import."""
    from sources.opml import opml_out

    with opened(home) as services:
        written = opml_out(services.feeds, services.settings.name)
    if path is None:
        sys.stdout.write(written)
    else:
        path.write_text(written, encoding="utf-8")
        say(f"{len(services.feeds)} feeds written to {path}")


def _next_poll(health: dict[str, Any]) -> str:
    return "retired" if health["retired"] else str(health["next_poll"] or "now")


@feeds_app.command("check")
def feeds_check(home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Show how each feed is doing; exit 1 when one is failing."""
    from flows import documents

    with opened(home, now) as services:
        health = documents.feed_health(services)
    if as_json:
        print_json(health)
    else:
        table = table_of("feed", "last success", "entries/week", "launches/week", "errors", "next poll", "reason")
        for one in health:
            numbers = (one["entries_per_week"], one["launches_per_week"], one["error_streak"])
            row = (
                one["last_success"] or "never",
                *map(str, numbers),
                _next_poll(one),
                one["reason"],
            )
            add_row(table, one["name"], *row)
        show(table)
    finish(1 if any(one["error_streak"] for one in health) else 0)
