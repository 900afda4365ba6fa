"""A batch lies in the outbox whole or not at all."""

from __future__ import annotations

import mailbox
import re
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from digest.errors import SendHalted
from digest.model import Message
from subscribers.addressing import Batch, Recipient
from subscribers.links import reader_token
from subscribers.senders import Doubt
from subscribers.senders.outbox import Outbox
from tests.examples import NOW
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

KEY = "5ca1ab1e" * 3


def recipient(number: int, **changes: str) -> Recipient:
    one = f"{number:016x}"
    made = Recipient(one, f"reader{number}@example.org", "", reader_token(SECRET, one))
    return made._replace(**changes)


def batch(*recipients: Recipient, key: str = KEY, message: Message = MESSAGE) -> Batch:
    return Batch(WEEK, 1, key, message, IDENTITY, recipients)


def letters(outbox: Path) -> list[Path]:
    return sorted(outbox.rglob("*.eml"))


def addressed_to(file: Path) -> str:
    return str(message_from_bytes(file.read_bytes(), policy=default)["To"])


def test_each_reader_of_a_batch_gets_a_file(outbox: Path) -> None:
    Outbox(outbox).send(batch(*map(recipient, range(3))))

    assert [addressed_to(file) for file in letters(outbox)] == [f"reader{number}@example.org" for number in range(3)]
    assert {file.parent for file in letters(outbox)} == {outbox / WEEK / f"0001-{KEY}"}


@pytest.mark.parametrize(
    "emails",
    [
        ("../../etc/passwd@example.org", "..@example.org"),
        ("a!b@example.org", "a#b@example.org"),
        (f"{'a' * 200}@example.org", f"{'a' * 200}b@example.org"),
        (f"{chr(0x20000) * 60}@example.org", "/@example.org"),
    ],
)
def test_any_address_has_a_file_of_its_own_inside_the_folder(outbox: Path, emails: tuple[str, str]) -> None:
    """Also for two whose ids begin alike."""
    Outbox(outbox).send(batch(*(recipient(number, email=email) for number, email in enumerate(emails))))

    assert len(letters(outbox)) == 2
    assert {file.parent for file in letters(outbox)} == {outbox / WEEK / f"0001-{KEY}"}


def test_the_letters_of_a_batch_lie_in_one_mbox_too(outbox: Path) -> None:
    """A line that looks like the start of a letter starts none."""
    text = "From here\n>From there\nLeave: /leave/[[reader]]\n\nFrom me\n"
    Outbox(outbox).send(batch(*map(recipient, range(3)), message=replace(MESSAGE, text=text)))

    with closing(mailbox.mbox(outbox / WEEK / f"0001-{KEY}" / "letters.mbox", create=False)) as box:
        found = [box.get_bytes(key) for key in box.keys()]  # noqa: SIM118 - its own iteration reads the letters
    written = [file.read_bytes().replace(b"\r\n", b"\n") for file in letters(outbox)]
    assert len(found) == 3
    assert [re.sub(rb"(?m)^>(>*From )", rb"\1", one).strip() for one in found] == [one.strip() for one in written]


def test_an_address_that_no_letter_can_have_costs_nobody_else_theirs(outbox: Path) -> None:
    odd = recipient(1, email="ada@\u00ad.example")
    receipt = Outbox(outbox).send(batch(recipient(0), odd, recipient(2)))

    assert set(receipt.refused) == {odd.id}
    assert len(letters(outbox)) == 2


def test_an_own_address_that_no_letter_can_have_halts(outbox: Path) -> None:
    own = replace(IDENTITY, from_email="digest@\u00ad.example")
    with pytest.raises(SendHalted, match="look at from_email"):
        Outbox(outbox).send(replace(batch(recipient(0)), identity=own))
    assert not Outbox(outbox).found(doubt())


def doubt(week: str = WEEK, key: str = KEY) -> Doubt:
    return Doubt(week, key, NOW, ())


def test_a_call_is_found_once_it_went_out(outbox: Path) -> None:
    sender = Outbox(outbox)
    assert not sender.found(doubt())
    sender.send(batch(recipient(1)))

    assert sender.found(doubt())
    assert not sender.found(doubt(key=KEY[:-1]))
    assert not sender.found(doubt("2026-W48"))


def test_no_half_written_batch_can_be_seen(outbox: Path) -> None:
    """Whoever watches the folder sees all letters of the batch at once."""
    sizes: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            sizes.update(len(list(folder.iterdir())) for folder in outbox.glob(f"{WEEK}/[!.]*"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    Outbox(outbox).send(batch(*map(recipient, range(60))))
    while not sizes:
        continue
    done.set()
    watcher.join()

    assert sizes == {61}


def test_a_folder_that_cannot_be_written_halts_and_leaves_nothing(outbox: Path) -> None:
    outbox.write_text("a file stands where the folder should be")
    with pytest.raises(SendHalted, match="cannot write letters: Not a directory"):
        Outbox(outbox).send(batch(recipient(1)))


def test_a_letter_that_cannot_be_written_takes_the_whole_batch_back(outbox: Path) -> None:
    twice = recipient(1)
    (outbox / WEEK / f".0001-{KEY}.part").mkdir(parents=True)
    with pytest.raises(SendHalted, match="File exists"):
        Outbox(outbox).send(batch(twice))

    assert letters(outbox) == []
    assert not Outbox(outbox).found(doubt())


def test_what_a_dead_process_left_half_written_is_removed_when_it_is_looked_for(outbox: Path) -> None:
    """It must neither be read as letters nor turn up later."""
    half = outbox / WEEK / f".0001-{KEY}.part"
    half.mkdir(parents=True)
    (half / "reader1@example.org.eml").write_bytes(b"From: x")

    assert not Outbox(outbox).found(doubt())
    assert letters(outbox) == []


def test_the_date_of_a_letter_is_when_it_was_written(outbox: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    Outbox(outbox).send(batch(recipient(1)))

    (file,) = letters(outbox)
    written = message_from_bytes(file.read_bytes(), policy=default)["Date"].datetime
    assert before <= written <= datetime.now(UTC)
