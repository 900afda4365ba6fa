"""Find out what became of calls nobody knows the outcome of, and do what a person decides about the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from digest.errors import SendError
from subscribers.claiming import abandoned
from subscribers.ledger import Call, Ledger
from subscribers.senders import Records

#: What a look at a call came to: `busy` belongs to a process that lives, of `open` nothing can be known yet.
Settled = Literal["accepted", "planned", "unknown", "open", "busy"]


def settle(ledger: Ledger, sender: Records, clock: Callable[[], datetime], week: str | None = None) -> Counter[Settled]:
    """Find out what became of calls that have no outcome, before anything more is sent; of all weeks, or one.

    A claim of a process that is gone becomes unknown. What is unknown is looked up at the sender once the time is over
    in which its traces may lag: found → accepted, provably absent → planned again, otherwise it stays unknown.

    Returns:
        How many calls came to what.
    """
    return Counter(_settled(call, ledger, sender, clock) for call in ledger.unsettled(week))


def _settled(call: Call, ledger: Ledger, sender: Records, clock: Callable[[], datetime]) -> Settled:
    if call.state == "claimed":
        if not abandoned(call.claimed_by, call.claimed_at, clock()):
            return "busy"
        ledger.record(call, "unknown", clock(), "the sending process ended before it knew")
    if clock() < call.claimed_at + sender.settle:
        return "open"
    try:
        found = sender.found(ledger.doubt(call))
    except SendError:  # it cannot be asked now; the next run asks again
        return "open"
    if found is None:
        return "unknown"
    ledger.record(call, "accepted" if found else "planned", clock(), "" if found else "the sender never had it")
    return "accepted" if found else "planned"
