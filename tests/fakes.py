"""Small stand-ins with real behaviour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from digest.errors import SendHalted, SendLater, SendUnknown
from subscribers.addressing import MAX_BATCH, Batch
from subscribers.senders import Doubt, Receipt

#: What a call can come to. A lost reply belongs to a call that went out, a lost call to one that did not.
Outcome = Literal["accepts", "refuses", "is busy", "halts", "loses the reply", "loses the call"]

OUTCOMES: tuple[Outcome, ...] = ("accepts", "refuses", "is busy", "halts", "loses the reply", "loses the call")


class FakeSender:
    """A sender whose next calls end as told, then well; it keeps a ledger of its own.

    `mail` holds the addresses of each call that went out, by key; `asked` the keys of all calls, in order. Without
    `remembers` it cannot tell what became of a call.
    """

    size, at_once, settle, account = MAX_BATCH, 1, timedelta(), "fake"

    def __init__(self, outcomes: Iterable[Outcome] = (), *, remembers: bool = True) -> None:
        self.next: list[Outcome] = list(outcomes)
        self.remembers = remembers
        self.mail: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.batches: list[Batch] = []

    @property
    def inboxes(self) -> list[str]:
        """Every address that was mailed, once for each letter, sorted."""
        return sorted(address for call in self.mail.values() for address in call)

    def send(self, batch: Batch) -> Receipt:
        assert batch.key not in self.asked, "a key names one call"
        self.asked.append(batch.key)
        self.batches.append(batch)
        outcome = self.next.pop(0) if self.next else "accepts"
        if outcome in {"accepts", "loses the reply"}:
            self.mail[batch.key] = [one.email for one in batch.recipients]
        match outcome:
            case "refuses":
                return Receipt(refused={one.id: "one address is malformed" for one in batch.recipients})
            case "is busy":
                raise SendLater("too many calls, try again later")
            case "halts":
                raise SendHalted("the key was withdrawn")
            case "loses the reply" | "loses the call":
                raise SendUnknown("no reply within 30 s")
        return Receipt()

    def found(self, doubt: Doubt) -> bool | None:
        return doubt.key in self.mail if self.remembers else None

    def close(self) -> None:
        """Nothing is held open."""
