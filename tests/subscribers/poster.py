"""What a process does that sends queued letters to an outbox, or is killed while it does."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

from digest.database import open_engine
from digest.model import Message
from subscribers.addressing import NOTICES, Batch, Recipient
from subscribers.notices import Notice, Notices
from subscribers.posting import Posted, post
from subscribers.senders import Receipt
from subscribers.senders.outbox import Outbox
from tests.subscribers.readers import IDENTITY, SUPPRESSION_KEY


class Killed(Outbox):
    """An outbox whose process is killed before or after it has written a letter."""

    def __init__(self, folder: Path, moment: str, number: int) -> None:
        super().__init__(folder)
        self.moment, self.left = moment, number

    def send(self, batch: Batch) -> Receipt:
        self.left -= 1
        if self.moment == "before" and not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        receipt = super().send(batch)
        if self.moment == "after" and not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt


def written(notice: Notice) -> Batch:
    message = Message(NOTICES, "Alarm", "<p>Hello.</p>", "Hello.\n")
    return Batch(NOTICES, 0, notice.key, message, IDENTITY, (Recipient(f"letter-{notice.id}", notice.email, "", ""),))


def work(database: str, sender: Outbox) -> Posted:
    engine = open_engine(database)
    try:
        return post(Notices(engine, SUPPRESSION_KEY), sender, written, lambda: datetime.now(UTC))
    finally:
        engine.dispose()
