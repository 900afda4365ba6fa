"""Send an edition."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import (
    ENDED,
    AsJson,
    EditionWeek,
    Home,
    Now,
    finish,
    list_findings,
    opened,
    print_json,
    say,
    week_or_newest,
)

if TYPE_CHECKING:
    from digest.editions import EditionRecord
    from flows.services import Services
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

    It waits where the sender or the pace of settings asks for it. Ctrl-C lets the calls in flight end; exit 130 then.
    """
    from flows import documents, sending
    from flows.progress import counting
    from flows.stopping import gently
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
        with gently(then_end=False) as stop, counting("letters", total) as tick:
            result = sending.send(services, week, tick, patience=timedelta.max, resting=_Waits(), stop=stop)
    if as_json:
        print_json(documents.sent(result))
    else:
        say(sending.said_of(result))
        if result.counts.unknown:
            say(f"who is in doubt, and what can be known of them: `verdicts reconcile {week}`")
    return finish(ENDED if stop.is_set() and result.state != "sent" else 1 if result.needs_a_person else 0)


class _Waits:
    """Says once for what a send waits, and until when."""

    def __init__(self) -> None:
        self.said: Rest | None = None

    def __call__(self, rest: Rest) -> None:
        if rest != self.said and rest.until is not None:
            self.said = rest
            typer.echo(f"waiting until {rest.until:%a %H:%M:%S} UTC: {rest.why}", err=True)


def _test(services: Services, week: str, addresses: list[str], *, as_json: bool) -> None:
    from flows import sending
    from subscribers.addressing import fold

    for one in addresses:
        try:
            fold(one)
        except ValueError as error:
            raise typer.BadParameter(f"--test-to: found {one!r}: {error}") from error
    done = sending.send_test(services, week, addresses)
    if as_json:
        print_json({"week": week, "test_to": done.got, "missed": done.missed, "findings": done.findings})
    else:
        if done.got:
            say(f"{week}: test sent to {', '.join(done.got)} through {services.settings.sender}")
        for address, why in done.missed.items():
            say(f"{week}: test not sent to {address}: {why}")
        for one in done.findings:
            say(one)
    finish(1 if done.missed else 0)


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
        say(f"{week} is {record.state}; {_going(services, record, audience)}; nothing was sent")
        for reason, count in sorted(audience.items()):
            if reason != "receives":
                say(f"not to {count}: {reason}")
        if sandbox:
            say(f"not taken: {said}" if said else "SendGrid would take it")
        list_findings(findings)
    finish(0 if document["ok"] else 1)


def _going(services: Services, record: EditionRecord, audience: dict[str, int]) -> str:
    """Say to how many an edition would go, or what became of one that went out."""
    counts, receives = services.ledger.counts(record.week), audience.get("receives", 0)
    if record.state == "sent":
        return f"it went to {counts.accepted} readers"
    if record.state == "sending" and counts.planned:
        return f"it went to {counts.accepted} readers, and would go to {counts.waiting} more"
    return "it goes to nobody" if record.state == "skipped" else f"it would go to {receives} readers"


def _asked(services: Services, week: str) -> str:
    """Why the sender would not take an edition, "" where it would."""
    from digest.errors import SendError
    from flows.checking import ask_sender

    try:
        ask_sender(services, week)
    except SendError as error:
        return str(error)
    return ""
