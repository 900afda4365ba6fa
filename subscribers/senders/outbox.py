"""Write each letter as an `.eml` file that any mail program opens, and those of a batch as one mbox too.

A batch becomes one folder, `outbox/2026-W47/0001-<key>/`, written aside and renamed into place: it is there whole or
not at all, so whether a call went out can always be told. Its `letters.mbox` holds the same letters for programs that
open many at once; letters outside the editions come one by one and need none.
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
from subscribers.addressing import MAX_BATCH, NOTICES, Batch, Recipient
from subscribers.lettering import Unaddressable, letters
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
        """Write a batch's letters; who cannot be written to is refused.

        Raises:
            SendHalted: No letter can be written, or not into the folder; no letter of the batch is there.
        """
        write, refused = letters(batch, datetime.now(UTC)), dict[str, str]()
        target = self._place(batch.week, batch.key, batch.number)
        aside = target.with_name(f".{target.name}.part")
        try:
            aside.mkdir(parents=True)
            for recipient in batch.recipients:
                try:
                    source = write(recipient)
                except Unaddressable as error:
                    refused[recipient.id] = str(error)
                    continue
                (aside / _file_name(recipient)).write_bytes(source)
                if batch.week != NOTICES:
                    _append(aside / "letters.mbox", source)
            aside.rename(target)
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise SendHalted(f"{target}: cannot write letters: {error.strerror}") from error
        _flush(target.parent)
        return Receipt(refused=refused)

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


def _append(mbox: Path, source: bytes) -> None:
    """Add a letter to an mbox; a line that could be taken for the start of another is marked (mboxrd)."""
    lines = re.sub(rb"^(>*From )", rb">\1", source.replace(b"\r\n", b"\n"), flags=re.MULTILINE)
    with mbox.open("ab") as file:
        file.write(f"From - {datetime.now(UTC).ctime()}\n".encode() + lines.rstrip(b"\n") + b"\n\n")


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
