"""One week's digest: compose it, look at it, approve, hold, skip or check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.common import (
    AsJson,
    EditionWeek,
    Home,
    Now,
    Week,
    add_row,
    finish,
    opened,
    print_json,
    say,
    show,
    table_of,
    week_or_newest,
)

if TYPE_CHECKING:
    from digest.editions import EditionRecord

app = typer.Typer()
edition_app = typer.Typer(help="One week's digest: look at it, change, approve, hold or skip it.", no_args_is_help=True)
app.add_typer(edition_app, name="edition")


@app.command()
def compose(
    week: Week = None,
    pairs: Annotated[int | None, typer.Option("--pairs", min=1, max=20, help="Matchups at most.")] = None,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Pick the pairs and compose a week's digest; exit 1 when the week is skipped."""
    from digest.weeks import parse_week, week_of
    from flows import documents, steps

    with opened(home, now) as services:
        wanted = parse_week(week) if week else week_of(services.clock(), services.settings.zone)
        record = steps.compose(services, wanted, pairs)
    if as_json:
        print_json(documents.edition(record))
    else:
        _describe(documents.edition(record))
    finish(1 if record.state == "skipped" else 0)


def _describe(document: dict[str, Any]) -> None:
    held = f", held: {document['held']}" if document["held"] else ""
    say(f"{document['week']} is {document['state']}{held}" + (f": {document['reason']}" if document["reason"] else ""))
    if document["subject"]:
        say(f"subject:   {document['subject']}\npreheader: {document['preheader']}")
    if document["edited_by"]:
        say(f"edited by {document['edited_by']}: composing leaves it alone")
    if document["intro"]:
        say(f"intro:     {document['intro']}")
    for number, one in enumerate(document["matchups"], 1):
        parts = ", ".join(f"{name} {value:.2f}" for name, value in one["parts"].items())
        say(f"{number}. {one['a']} vs {one['b']} ({one['layout']}, {one['score']:.2f})\n   {one['why']}\n   {parts}")
    for one in document["corrections"]:
        say(f"corrects: {one['tool_name']}: the {one['reviewer_name']} changed {one['before']} to {one['after']}")
    for one in document["passed_over"]:
        say(f"passed over: {one['a']} vs {one['b']} ({one['score']:.2f}): {one['lacked']}")


@edition_app.command("list")
def edition_list(home: Home = None, as_json: AsJson = False) -> None:
    """List the editions, newest first."""
    from flows import documents

    with opened(home) as services:
        shown = [documents.edition(one) for one in services.editions.all()]
    if as_json:
        return print_json(shown)
    table = table_of("week", "state", "matchups", "subject", "reason")
    for one in shown:
        add_row(
            table,
            one["week"],
            one["state"],
            str(len(one["matchups"])),
            one["subject"],
            one["reason"] or one["held"] or "",
        )
    return show(table) if shown else say("no edition yet")


@edition_app.command("show")
def edition_show(week: EditionWeek = None, home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Show an edition: what is in it, why, what preflight finds, and what became of it."""
    from digest.preflight import summary
    from flows import documents
    from flows.checking import check, message_of
    from subscribers.numbers import figures

    with opened(home, now) as services:
        record = services.editions.require(week_or_newest(services, week))
        message = message_of(services, record)
        findings = () if record.state == "skipped" else check(services, record, message)
        counts = services.ledger.counts(record.week)
        document = documents.whole_edition(record, message, findings, counts, figures(services.engine, record.edition))
    if as_json:
        return print_json(document)
    _describe(document)
    sizes = f"html {len(message.html.encode()):,} bytes, text {len(message.text.encode()):,}"
    say(f"preflight: {summary(findings)}; {sizes}")
    if record.sha256:
        say(f"approved by {record.approved_by}, sha-256 {record.sha256}")
    if counts.planned:
        _tell(document["counts"], document["figures"])
    return None


def _tell(counts: dict[str, int], figures: dict[str, Any]) -> None:
    """Say what became of an edition: first the letters, then what readers did; what is 0 is left out."""
    by_matchup = figures["clicks_by_matchup"]
    numbers = {name: value for name, value in figures.items() if not name.endswith("_by_matchup")}
    for line in (counts, numbers):
        if said := ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in line.items() if value):
            say(said)
    for slug, readers in by_matchup.items():
        if figures["clicks"]:
            say(f"clicked by {readers}: {slug}")


@edition_app.command("approve")
def edition_approve(week: EditionWeek = None, home: Home = None, now: Now = None) -> None:
    """Freeze an edition's bytes for sending."""
    from flows import steps
    from flows.services import whoever

    with opened(home, now) as services:
        record = steps.approve(services, week_or_newest(services, week), whoever())
    say(f"{record.week} is approved by {record.approved_by}, sha-256 {record.sha256}")


@edition_app.command("hold")
def edition_hold(
    week: EditionWeek = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; shown by status.")] = "held by hand",
    home: Home = None,
) -> None:
    """Keep an edition from going out; while it is sent, stop it after the calls in flight."""
    if not reason.strip():
        raise typer.BadParameter('a held edition has a reason: --reason "why"')
    with opened(home) as services:
        record = services.editions.hold(week_or_newest(services, week), reason)
    say(f"{record.week} is held: {record.held}")


@edition_app.command("release")
def edition_release(week: EditionWeek = None, home: Home = None) -> None:
    """Let a held edition go on."""
    with opened(home) as services:
        record = services.editions.release(week_or_newest(services, week))
    say(f"{record.week} is {record.state} and no longer held")


@edition_app.command("skip")
def edition_skip(
    week: EditionWeek = None,
    reason: Annotated[str, typer.Option("--reason", help="Why this week has no digest.")] = "",
    home: Home = None,
    now: Now = None,
) -> None:
    """End a week without sending, with a reason."""
    if not reason.strip():
        raise typer.BadParameter('a skipped week has a reason: --reason "why"')
    from flows.services import whoever

    with opened(home, now) as services:
        record = services.editions.skip(week_or_newest(services, week), reason.strip(), services.clock(), by=whoever())
    say(f"{record.week} is skipped: {record.reason}")


EditionName = Annotated[str, typer.Argument(metavar="W", help="ISO week such as 2026-W47.")]


def _changed(record: EditionRecord, *, as_json: bool) -> None:
    from flows import documents

    document = documents.edition(record)
    if as_json:
        print_json(document)
    else:
        _describe(document)


@edition_app.command("swap")
def edition_swap(
    week: EditionName,
    place: Annotated[int, typer.Argument(help="Which matchup, counted from 1.")],
    a: Annotated[str, typer.Argument(help="Slug of a tool; without two, the best other pair is taken.")] = "",
    b: Annotated[str, typer.Argument(help="Slug of the tool it is compared with.")] = "",
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Put another pair in a matchup's place; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    if bool(a) != bool(b):
        raise typer.BadParameter("a pair has two tools: name both, or none to take the best other pair")
    with opened(home, now) as services:
        record = editing.swap(services, parse_week(week), place, a, b)
    _changed(record, as_json=as_json)


@edition_app.command("subject")
def edition_subject(
    week: EditionName,
    text: Annotated[str, typer.Argument(help="The subject line.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write an edition's subject; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    with opened(home) as services:
        record = editing.reword(services, parse_week(week), subject=text)
    _changed(record, as_json=as_json)


@edition_app.command("intro")
def edition_intro(
    week: EditionName,
    text: Annotated[str, typer.Argument(help='A paragraph above the first matchup; "" takes it away.')],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write an edition's intro; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    with opened(home) as services:
        record = editing.reword(services, parse_week(week), intro=text)
    _changed(record, as_json=as_json)


@edition_app.command("preheader")
def edition_preheader(
    week: EditionName,
    text: Annotated[str, typer.Argument(help='What inboxes show beside the subject; "" brings the composed one back.')],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write an edition's preheader; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    with opened(home) as services:
        record = editing.reword(services, parse_week(week), preheader=text)
    _changed(record, as_json=as_json)


MatchupName = Annotated[str, typer.Argument(metavar="PAIR", help="Slug of a matchup such as lantern-vs-abacus.")]


@edition_app.command("blurb")
def edition_blurb(
    week: EditionName,
    pair: MatchupName,
    text: Annotated[str, typer.Argument(help='A paragraph above the comparison; "" takes it away.')],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write a matchup's blurb; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    with opened(home) as services:
        record = editing.blurb(services, parse_week(week), pair, text)
    _changed(record, as_json=as_json)


@edition_app.command("layout")
def edition_layout(
    week: EditionName,
    pair: MatchupName,
    layout: Annotated[str, typer.Argument(help="full: with the panel's scorecard; short: without.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show a matchup in full or short; an approval is void from then on."""
    from digest.weeks import parse_week
    from flows import editing

    if layout not in {"full", "short"}:
        raise typer.BadParameter(f"found {layout!r}; allowed: full, short", param_hint="LAYOUT")
    with opened(home) as services:
        record = editing.lay_out(services, parse_week(week), pair, "full" if layout == "full" else "short")
    _changed(record, as_json=as_json)


@edition_app.command("rebuild")
def edition_rebuild(
    week: EditionWeek = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the html and text into this folder.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Render an approved edition again from what is stored, and compare the bytes; exit 1 when they differ."""
    from flows import editing

    with opened(home) as services:
        done = editing.rebuild(services, week_or_newest(services, week))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for ending, text in (("html", done.message.html), ("txt", done.message.text)):
            (out / f"{done.week}.{ending}").write_text(text, "utf-8")
    if as_json:
        shown = {"week": done.week, "sha256": done.sha256, "rebuilt_sha256": done.rebuilt_sha256}
        print_json(shown | {"differs": list(done.differs)})
    elif done.differs:
        say(f"{done.week}: {', '.join(done.differs)} differ from what was approved; approved {done.sha256},")
        say(f"rebuilt {done.rebuilt_sha256}. This program renders differently from {done.made_by or 'the one then'}.")
    else:
        say(f"{done.week}: the same bytes, sha-256 {done.sha256}")
    finish(1 if done.differs else 0)
