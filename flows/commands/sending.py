"""Send an edition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.commands.common import (
    AsJson,
    EditionWeek,
    Home,
    Now,
    finish,
    list_findings,
    opened,
    print_json,
    say,
    stopped_gently,
    week_or_newest,
)

if TYPE_CHECKING:
    from flows.sending import Reconciled
    from flows.services import Services
    from subscribers.ledger import Unknown
    from subscribers.pacing import Rest


app = typer.Typer()


@app.command()
def send(
    week: EditionWeek = None,
    test_to: Annotated[
        list[str] | None, typer.Option("--test-to", metavar="EMAIL", help="Only to this address.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would get it and what is wrong; send nothing.")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With --dry-run: ask SendGrid whether it would take it.")
    ] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Send an approved edition, or go on where an earlier try stopped; exit 1 when it is not sent in the end.

    It waits where the sender or the pace of settings asks for it. Ctrl-C lets the calls in flight end.
    """
    from flows import documents, sending
    from flows.progress import counting
    from subscribers import audience

    if sandbox and not dry_run:
        raise typer.BadParameter("--sandbox goes with --dry-run: it sends nothing")
    with opened(home, now) as services:
        week = week_or_newest(services, week)
        if dry_run:
            return _rehearse(services, week, sandbox=sandbox, as_json=as_json)
        if test_to:
            return _test(services, week, test_to, as_json=as_json)
        total = audience.counts(services.engine, services.clock(), week).get("receives", 0)
        with counting("letters", total) as tick, stopped_gently():
            result = sending.send(services, week, tick, patience=timedelta.max, resting=_Waits())
    if as_json:
        print_json(documents.sent(result))
    else:
        say(sending.said_of(result))
    return finish(1 if result.needs_a_person else 0)


class _Waits:
    """Says once for what a send waits, and until when."""

    def __init__(self) -> None:
        self.said: Rest | None = None

    def __call__(self, rest: Rest) -> None:
        if rest != self.said and rest.until is not None:
            self.said = rest
            typer.echo(f"waiting until {rest.until:%a %H:%M:%S} UTC: {rest.why}", err=True)


@app.command()
def reconcile(
    week: Annotated[
        str | None, typer.Argument(metavar="[W]", help="ISO week; else every edition with calls in doubt.")
    ] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Send again to who is in doubt.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Count who is in doubt as not reached.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Find out what became of calls whose answer was lost; exit 1 while somebody is in doubt.

    What stays in doubt is a person's decision: --resend may mail somebody twice, --give-up may leave somebody without.
    """
    from digest.weeks import parse_week
    from flows import documents, sending
    from flows.services import whoever

    if resend and give_up:
        raise typer.BadParameter("--resend and --give-up: choose one")
    if (resend or give_up) and week is None:
        raise typer.BadParameter("--resend and --give-up need a week: what they do cannot be taken back")
    decision: Literal["resend", "give up"] | None = "resend" if resend else "give up" if give_up else None
    with opened(home, now) as services:
        week = parse_week(week) if week else None
        if decision and not yes and not _sure(services, week, decision):
            raise typer.Exit(1)
        result = sending.reconcile(services, week, decision, whoever())
    if as_json:
        print_json(documents.reconciled(result))
    else:
        _tell(result)
    finish(1 if result.unknown else 0)


#: What each decision risks.
_RISKS: Mapping[Literal["resend", "give up"], str] = {
    "resend": "Send to them again? Whoever has it already gets it a second time.",
    "give up": "Count them as not reached? Whoever did not get it stays without this edition.",
}


def _sure(services: Services, week: str | None, decision: Literal["resend", "give up"]) -> bool:
    doubtful = services.ledger.unknown(week)
    _name(doubtful)
    return not doubtful or typer.confirm(f"{len(doubtful)} readers are in doubt. {_RISKS[decision]}", default=False)


def _name(doubtful: Sequence[Unknown]) -> None:
    for one in doubtful:
        whom, since = one.email or "a reader who was erased", f"{one.claimed_at:%a %d %B %H:%M}"
        say(f"{one.week}: {whom}: in doubt since {since} UTC ({one.reason})")


def _tell(result: Reconciled) -> None:
    from flows import sending

    came = {
        "accepted": "did go out",
        "planned": "never left and are planned again",
        "open": "cannot be told yet",
        "busy": "are under way",
    }
    for outcome, said in came.items():
        if count := result.settled[outcome]:  # type: ignore[index]
            say(f"{count} calls {said}")
    if result.decided:
        say(f"{result.decided} deliveries decided")
    _name(result.unknown)
    for one in result.weeks:
        say(sending.said_of(one))
    if result.unknown:
        week = result.unknown[0].week
        say(f"--resend: {_RISKS['resend'].partition('? ')[2]} (`verdicts reconcile {week} --resend`)")
        say(f"--give-up: {_RISKS['give up'].partition('? ')[2]} (`verdicts reconcile {week} --give-up`)")
    elif not result.weeks:
        say("no call is in doubt")


def _test(services: Services, week: str, addresses: list[str], *, as_json: bool) -> None:
    from flows import sending
    from subscribers.addressing import fold

    for one in addresses:
        try:
            fold(one)
        except ValueError as error:
            raise typer.BadParameter(f"--test-to: found {one!r}: {error}") from error
    warnings = sending.send_test(services, week, addresses)
    if as_json:
        return print_json({"week": week, "test_to": addresses, "findings": warnings})
    say(f"{week}: test sent to {', '.join(addresses)} through {services.settings.sender}")
    for one in warnings:
        say(one)
    return None


def _rehearse(services: Services, week: str, *, sandbox: bool, as_json: bool) -> None:
    from flows import documents
    from flows.checking import check_edition
    from subscribers.audience import counts

    record = services.editions.require(week)
    findings = check_edition(services, record)
    audience = counts(services.engine, services.clock(), week)
    document = documents.findings(findings) | {"week": week, "state": record.state, "audience": audience}
    if sandbox:
        said = _asked(services, week)
        document |= {"sandbox": said or "ok", "ok": document["ok"] and not said}
    if as_json:
        print_json(document)
    else:
        say(f"{week} is {record.state}; it would go to {audience.get('receives', 0)} readers; nothing was sent")
        for reason, count in sorted(audience.items()):
            if reason != "receives":
                say(f"not to {count}: {reason}")
        if sandbox:
            say(f"not taken: {said}" if said else "SendGrid would take it")
        list_findings(findings)
    finish(0 if document["ok"] else 1)


def _asked(services: Services, week: str) -> str:
    """Why the sender would not take an edition, "" where it would."""
    from digest.errors import SendError
    from flows.checking import ask_sender

    try:
        ask_sender(services, week)
    except SendError as error:
        return str(error)
    return ""
