"""Write each letter as an `.eml` file that any mail program opens.

A batch becomes one folder, `outbox/2026-W47/0001-<key>/`, written aside and renamed into place: it is there whole or
not at all, so whether a call went out can always be told.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from digest.errors import SendHalted
from digest.settings import Settings
from subscribers.addressing import MAX_BATCH, Batch, Recipient
from subscribers.lettering import letters
from subscribers.senders import Doubt, Receipt


def open_sender(settings: Settings, _environment: Mapping[str, str]) -> Outbox:
    """Open the outbox in the home folder."""
    return Outbox(settings.home / "outbox")


class Outbox:
    """A folder of letters."""

    size, at_once, settle, account = MAX_BATCH, 1, timedelta(), "outbox"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, batch: Batch) -> Receipt:
        """Write a batch's letters.

        Raises:
            SendHalted: The folder cannot be written; no letter of the batch is there.
        """
        target = self._place(batch.week, batch.key, batch.number)
        aside = target.with_name(f".{target.name}.part")
        try:
            aside.mkdir(parents=True)
            write = letters(batch, datetime.now(UTC))
            for recipient in batch.recipients:
                (aside / _file_name(recipient)).write_bytes(write(recipient))
            aside.rename(target)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise SendHalted(f"{target}: cannot write letters: {error.strerror}") from error
        _flush(target.parent)
        return Receipt()

    def found(self, doubt: Doubt) -> bool:
        """Tell whether the folder with this key is in place.

        A half-written one is removed, so that it cannot turn up after this said that it is not there.
        """
        folder = self.folder / doubt.week
        for aside in folder.glob(f".*-{doubt.key}.part"):
            shutil.rmtree(aside, ignore_errors=True)
        return any(folder.glob(f"*-{doubt.key}"))

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self, week: str, key: str, number: int) -> Path:
        return self.folder / week / f"{number:04d}-{key}"


def _file_name(recipient: Recipient) -> str:
    readable = re.sub(r"[^\w@.+-]", "_", recipient.email)[:50].lstrip(".")
    return f"{readable}-{recipient.id}.eml"


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
