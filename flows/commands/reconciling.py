"""Settle what is in doubt, and take in what came back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import AsJson, Home, Now, finish, opened, print_json, say

if TYPE_CHECKING:
    from flows.reconciling import Bounces, Decision, Reconciled
    from flows.services import Services
    from subscribers.ledger import Unknown
    from subscribers.suppressions import Taken

app = typer.Typer()


@app.command()
def reconcile(
    week: Annotated[
        str | None, typer.Argument(metavar="[W]", help="ISO week; else every edition with calls in doubt.")
    ] = None,
    resend: Annotated[bool, typer.Option("--resend", help="Send again to who is in doubt.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Count who is in doubt as not reached.")] = False,
    suppressions: Annotated[
        bool, typer.Option("--suppressions", help="Take over the lists of whom SendGrid will not mail.")
    ] = False,
    bounces: Annotated[
        Path | None, typer.Option("--bounces", metavar="PATH", help="Read bounces from a maildir or an mbox.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Find out what became of calls whose answer was lost; exit 1 while somebody is in doubt.

    What stays in doubt is a person's decision: --resend may mail somebody twice, --give-up may leave somebody without.
    With --suppressions and --bounces, exit 1 also where a list could not be read to its end, or something in the
    mailbox could not be used.
    """
    from digest.weeks import parse_week
    from flows import documents, reconciling
    from flows.services import whoever

    if resend and give_up:
        raise typer.BadParameter("--resend and --give-up: choose one")
    if (resend or give_up) and week is None:
        raise typer.BadParameter("--resend and --give-up need a week: what they do cannot be taken back")
    decision: Decision | None = "resend" if resend else "give up" if give_up else None
    with opened(home, now) as services:
        week = parse_week(week) if week else None
        if decision and not yes and not _sure(services, week, decision):
            raise typer.Exit(1)
        taken = reconciling.take_suppressions(services) if suppressions else None
        back = reconciling.take_bounces(services, bounces) if bounces else None
        result = reconciling.reconcile(services, week, decision, whoever())
    if as_json:
        document = documents.reconciled(result)
        document |= {"suppressions": asdict(taken)} if taken else {}
        document |= {"bounces": asdict(back)} if back else {}
        print_json(document)
    else:
        _tell_taken(taken, back)
        _tell(result)
    odd = (back is not None and (back.unread or back.unproved)) or (taken is not None and taken.missed)
    finish(1 if result.unknown or odd else 0)


def _tell_taken(taken: Taken | None, back: Bounces | None) -> None:
    if taken is not None:
        unread = f", {taken.unread} that are no addresses" if taken.unread else ""
        say(f"{taken.listed} addresses listed by SendGrid, {taken.suppressed} newly suppressed{unread}")
        for one in taken.missed:
            say(f"could not be read to its end: {one}")
    if back is not None:
        say(f"{back.applied.events} bounces and complaints, {back.applied.strays} of no letter of ours")
        for one in back.unread:
            say(f"could not be read: {one}")
        for one in back.unproved:
            say(f"names no letter of ours, so it changes nothing: {one}")


#: What each decision risks.
_RISKS: Mapping[Decision, str] = {
    "resend": "Send to them again? Whoever has it already gets it a second time.",
    "give up": "Count them as not reached? Whoever did not get it stays without this edition.",
}


def _sure(services: Services, week: str | None, decision: Decision) -> bool:
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
