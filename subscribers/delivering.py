"""Send an edition's batches: claim, send, record; and settle what an earlier process left without an outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from digest.errors import SendHalted, SendRefused, SendUnknown
from digest.model import Message
from subscribers.addressing import Batch, Identity
from subscribers.claiming import abandoned, myself
from subscribers.ledger import Claim, Ledger
from subscribers.links import reader_token
from subscribers.senders import Sender


def deliver(
    message: Message,
    identity: Identity,
    ledger: Ledger,
    sender: Sender,
    *,
    key: bytes,
    clock: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _: None,
    held: Callable[[], str | None] = lambda: None,
) -> str | None:
    """Send every planned batch of an edition, one call each, never one twice.

    Args:
        message: What was approved.
        identity: Who it comes from.
        ledger: Where claims and outcomes are kept.
        sender: How it is sent.
        key: The key of readers' links.
        clock: Gives the time now.
        progress: Told how many recipients each finished call carried.
        held: Asked before each claim; a reason stops the edition after the calls in flight.

    Returns:
        Why it stopped before the end, None when no batch is left to send.
    """
    week, mine = message.week, myself()
    while (stopped := held()) is None:
        claim = ledger.claim(week, mine, clock(), lambda one: reader_token(key, one))
        if claim is None:
            return None
        if not claim.recipients:  # everyone in it left meanwhile
            ledger.record(claim, week, "accepted", clock())
            continue
        batch = Batch(week, claim.number, claim.key, message, identity, claim.recipients)
        if (stopped := _send(batch, claim, ledger, sender, clock)) is not None:
            return stopped
        progress(len(claim.recipients))
    return stopped


def _send(batch: Batch, claim: Claim, ledger: Ledger, sender: Sender, clock: Callable[[], datetime]) -> str | None:
    """Make one call and write its outcome down; returns why nothing more may be sent now, None to go on."""
    try:
        sender.send(batch)
    except SendRefused as error:  # nothing went out
        outcome = "refused" if error.permanent else "planned"
        ledger.record(claim, batch.week, outcome, clock(), str(error))
        return None if error.permanent else str(error)
    except SendHalted as error:  # nothing went out, and a person must act first
        ledger.halt(claim, batch.week, clock(), str(error))
        return str(error)
    except SendUnknown as error:  # the reply was lost: a second try could mail people twice
        ledger.record(claim, batch.week, "unknown", clock(), str(error))
        return None
    ledger.record(claim, batch.week, "accepted", clock())
    return None


def settle(week: str, ledger: Ledger, sender: Sender, now: datetime) -> None:
    """Find out what became of calls whose process is gone, before anything more is sent.

    A claim of a dead process becomes unknown; what is unknown is looked up at the sender: found → accepted, provably
    absent → planned again, otherwise it stays unknown.
    """
    for call in ledger.unsettled(week):
        if call.state == "claimed":
            if not abandoned(call.claimed_by, call.claimed_at, now):
                continue
            ledger.record(call, week, "unknown", now, "the sending process ended before it knew")
        found = sender.found(week, call.key)
        if found is not None:
            ledger.record(call, week, "accepted" if found else "planned", now)
