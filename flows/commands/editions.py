"""One week's digest: compose it, look at it, approve, hold, skip or check it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.commands.common import (
    AsJson,
    EditionWeek,
    Home,
    Now,
    Week,
    add_row,
    finish,
    list_findings,
    opened,
    print_json,
    say,
    show,
    table_of,
    week_or_newest,
)

app = typer.Typer()
edition_app = typer.Typer(help="One week's digest: look at it, approve, hold or skip it.", no_args_is_help=True)
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
    for number, one in enumerate(document["matchups"], 1):
        parts = ", ".join(f"{name} {value:.2f}" for name, value in one["parts"].items())
        say(f"{number}. {one['a']} vs {one['b']} ({one['layout']}, {one['score']:.2f})\n   {one['why']}\n   {parts}")
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
    from flows import documents, steps

    with opened(home, now) as services:
        record = services.editions.require(week_or_newest(services, week))
        message = steps.message_of(services, record)
        findings = steps.check(services, record, message)
        counts = services.ledger.counts(record.week)
        document = documents.whole_edition(record, message, findings, counts)
    if as_json:
        return print_json(document)
    _describe(document)
    sizes = f"html {len(message.html.encode()):,} bytes, text {len(message.text.encode()):,}"
    say(f"preflight: {summary(findings)}; {sizes}")
    if record.sha256:
        say(f"approved by {record.approved_by}, sha-256 {record.sha256}")
    if counts.planned:
        say(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in document["counts"].items() if value))
    return None


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
    with opened(home, now) as services:
        record = services.editions.skip(week_or_newest(services, week), reason.strip(), services.clock())
    say(f"{record.week} is skipped: {record.reason}")


@app.command()
def check(week: EditionWeek = None, home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Run preflight on an edition; exit 1 when something blocks."""
    from flows import documents, steps

    with opened(home, now) as services:
        record = services.editions.require(week_or_newest(services, week))
        findings = steps.check(services, record, steps.message_of(services, record))
    document = documents.findings(findings)
    if as_json:
        print_json(document)
    else:
        say(f"{record.week}: fit to send" if document["ok"] else f"{record.week}: not fit to send")
        list_findings(findings)
    finish(0 if document["ok"] else 1)
