"""What a process does that delivers an edition to an outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from digest.database import open_engine
from digest.editions import Editions
from subscribers.delivering import Delivery, deliver
from subscribers.ledger import Ledger
from subscribers.reconciling import settle
from subscribers.senders.outbox import Outbox
from tests.subscribers.readers import IDENTITY, SECRET, WEEK


def clock() -> datetime:
    return datetime.now(UTC)


def work(database: str, outbox: Path, size: int) -> None:
    engine = open_engine(database)
    ledger, sender, message = Ledger(engine), Outbox(outbox), Editions(engine).require(WEEK).message
    assert message is not None
    ledger.plan(WEEK, clock(), size)
    settle(ledger, sender, clock, WEEK)
    deliver(Delivery(message, IDENTITY, ledger, sender, SECRET, clock))
    engine.dispose()
