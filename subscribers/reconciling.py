"""Find out what became of calls nobody knows the outcome of, and do what a person decides about the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from digest.errors import SendError
from subscribers.claiming import abandoned
from subscribers.ledger import Call, Ledger
from subscribers.senders import Records, looked_up

#: What a look at a call came to: `busy` belongs to a process that lives, of `open` nothing can be known yet.
Settled = Literal["accepted", "planned", "unknown", "open", "busy"]


def settle(ledger: Ledger, sender: Records, clock: Callable[[], datetime], week: str | None = None) -> Counter[Settled]:
    """Find out what became of calls that have no outcome, before anything more is sent; of all weeks, or one.

    A claim of a process that is gone becomes unknown. What is unknown is looked up at the sender once the time is over
    in which its traces may lag: found → accepted, provably absent → planned again, otherwise it stays unknown.

    Returns:
        How many calls came to what.
    """
    came_to, asks = Counter[Settled](), True
    for call in ledger.unsettled(week):
        known = _known(call, ledger, sender, clock)
        if known is None and asks:
            try:
                known = _looked_up(call, ledger, sender, clock)
            except SendError:  # it cannot be asked now, nor about the others; the next run asks again
                asks = False
        came_to[known or "open"] += 1
    return came_to


def _known(call: Call, ledger: Ledger, sender: Records, clock: Callable[[], datetime]) -> Settled | None:
    """Say what can be said of a call without asking; None for one to ask about."""
    if call.state == "claimed":
        if not abandoned(call.claimed_by, call.claimed_at, clock()):
            return "busy"
        ledger.record(call, "unknown", clock(), "the sending process ended before it knew")
    return "open" if clock() < call.claimed_at + sender.settle else None


def _looked_up(call: Call, ledger: Ledger, sender: Records, clock: Callable[[], datetime]) -> Settled:
    found = looked_up(sender, ledger.doubt(call), call.account)
    if found is None:
        return "unknown"
    ledger.record(call, "accepted" if found else "planned", clock(), "" if found else "the sender never had it")
    return "accepted" if found else "planned"
