"""Settle what is in doubt, and take in what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import AsJson, Home, Now, finish, opened, print_json, say

if TYPE_CHECKING:
    from flows.reconciling import Bounces, Decision, Question, Reconciled
    from subscribers.ledger import Call, Unknown
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
    What the sender can still tell is left to it. While an edition is held, --give-up also ends it for who waits. With
    --suppressions and --bounces, exit 1 also where a list could not be read to its end, or something in the mailbox
    could not be used.
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
        asking = _Asking(yes=yes, as_json=as_json)
        taken = reconciling.take_suppressions(services) if suppressions else None
        back = reconciling.take_bounces(services, bounces) if bounces else None
        result = reconciling.reconcile(services, week, decision, whoever(), asking)
    if as_json:
        document = documents.reconciled(result)
        document |= {"suppressions": asdict(taken)} if taken else {}
        document |= {"bounces": asdict(back)} if back else {}
        print_json(document)
    else:
        _tell_taken(taken, back)
        _tell(result, decision, declined=asking.declined)
    odd = (back is not None and (back.unread or back.unproved)) or (taken is not None and taken.missed)
    finish(1 if result.unknown or asking.declined or odd else 0)


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


class _Asking:
    """Asks a person whether to decide, who is shown first about whom; beside a document, on standard error."""

    def __init__(self, *, yes: bool, as_json: bool) -> None:
        self.yes, self.aside, self.declined = yes, as_json, False

    def __call__(self, asked: Question) -> bool:
        if self.yes:
            return True
        for one in asked.doubtful:
            typer.echo(_named(one), err=self.aside)
        whom = [f"{len(asked.doubtful)} readers are in doubt"] if asked.doubtful else []
        whom += [f"{asked.waiting} wait while the edition is held"] if asked.waiting else []
        question = f"{' and '.join(whom)}. {_RISKS[asked.decision]}"
        self.declined = not typer.confirm(question, default=False, err=self.aside)
        return not self.declined


def _named(one: Unknown, open_until: datetime | None = None) -> str:
    whom, since = one.email or "a reader who was erased", f"{one.claimed_at:%a %d %B %H:%M}"
    later = f"; the sender can tell from {open_until:%a %d %B %H:%M:%S} UTC on" if open_until else ""
    return f"{one.week}: {whom}: in doubt since {since} UTC ({one.reason}){later}"


def _tell(result: Reconciled, decision: Decision | None, *, declined: bool) -> None:
    from flows import sending

    came = {"accepted": "did go out", "planned": "never left and are planned again", "open": "cannot be told yet"}
    for outcome, said in came.items():
        if count := result.settled[outcome]:  # type: ignore[index]
            say(f"{count} calls {said}")
    if result.unasked:
        say(f"the sender could not be asked: {result.unasked}")
    if result.decided:
        say(f"{result.decided} deliveries {'planned again' if decision == 'resend' else 'given up'}")
    elif decision:
        say("nothing was decided" + ("" if declined else ": there is nobody to decide about now"))
    for one in result.unknown:
        say(_named(one, result.open_until(one.claimed_at)))
    for call in result.busy:
        _tell_busy(result, call)
    for sent in result.weeks:
        say(sending.said_of(sent))
    _advise(result)


def _tell_busy(result: Reconciled, call: Call) -> None:
    since, until = f"{call.claimed_at:%H:%M:%S}", f"{call.claimed_at + result.lag:%a %d %B %H:%M:%S}"
    said = f"{call.week}: call {call.number} is under way since {since} UTC; its process writes down what becomes of it"
    say(f"{said}, and should that die, the sender can tell from {until} UTC on")


def _advise(result: Reconciled) -> None:
    """Say what a person may decide, and about whom nobody should yet."""
    if weeks := dict.fromkeys(one.week for one in result.unknown if not result.open_until(one.claimed_at)):
        for week in weeks:
            say(f"--resend: {_RISKS['resend'].partition('? ')[2]} (`verdicts reconcile {week} --resend`)")
            say(f"--give-up: {_RISKS['give up'].partition('? ')[2]} (`verdicts reconcile {week} --give-up`)")
    elif result.unknown:
        say("nobody can decide about them yet: first the sender is asked")
    elif not result.weeks:
        say("no call is in doubt")
