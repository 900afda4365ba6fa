"""Read what comes back as mail: bounces (RFC 3464) and complaints (RFC 5965), from a maildir or an mbox.

Anybody can write such a report. One that holds the Message-ID of a letter of ours was written by who had that letter;
one that only names an address may be made up.
"""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.message import Message
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from digest.errors import SettingsError
from subscribers.addressing import fold
from subscribers.letters import delivery_of

#: What a report says of a letter.
Kind = Literal["hard bounce", "soft bounce", "complaint", "deferred"]

#: Bytes of a report that are read, and parts of it that are looked at; real ones return a whole letter at most.
_MOST_BYTES, _MOST_PARTS = 500_000, 50

#: Reports speak of the last days; a moment before that is made up.
_OLDEST = timedelta(days=400)

#: Characters of a field that are looked at, and of a reason that are kept.
_LOOKED_AT, _KEPT = 2000, 300

#: Status codes of lasting failures that do not mean that the address is dead: ours (5.1.7, 5.1.8), a full
#: mailbox or a letter too long for it, trouble of the system, the protocol, the content, or policy. Source: RFC 3463.
_NOT_THE_ADDRESS = re.compile(r"5\.(1\.[78]|2\.[23]|[3567]\.\d+)")

#: The same in the words of servers that give no such code.
_OTHER_WORDS = re.compile(
    r"\b(quota|full|spam\w*|block\w*|black ?list\w*|policy|too (large|big|long))\b", re.IGNORECASE
)

_ALLOWED = "a maildir (a folder with cur, new and tmp) or an mbox file"

_NOBODY = "it names neither a letter of ours nor an address"

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")

_ADDRESS = re.compile(r"<?[^\s<>;]*@[^\s<>,;:]*>?")


@dataclass(frozen=True, slots=True)
class Bounced:
    """What became of one letter.

    Week, subscriber id and key are "" where the report does not hold the letter's Message-ID: then only `address`,
    which is folded, tells whose it was. `about` is always "".
    """

    week: str
    subscriber_id: str
    key: str
    kind: Kind
    about: str
    at: datetime
    reason: str
    address: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A letter of the mailbox that is no report, or one that says nothing of use; and why."""

    where: str
    reason: str


def read(path: Path, now: datetime) -> Iterator[Bounced | Unread]:
    """Read a mailbox and change nothing in it; one letter may tell of several recipients, or of none.

    Reports of letters that arrived give nothing.

    Raises:
        SettingsError: There is no maildir and no mbox at `path`.
    """
    for where, source in _letters(path):
        if isinstance(source, str):
            yield Unread(where, source)
            continue
        try:
            found = list(_reports(source, now))
        except _NoReport as error:
            yield Unread(where, str(error))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, MessageError) as error:
            # The standard parser may stumble over anything in bytes made to that end.
            yield Unread(where, f"it cannot be taken apart ({type(error).__name__})")
        else:
            yield from found


def _reports(source: bytes, now: datetime) -> Iterator[Bounced]:
    """Take one report apart; raises _NoReport where it is none, or says nothing of use."""
    mail = message_from_bytes(source)
    parts = list(islice(mail.walk(), _MOST_PARTS))
    status = _first(parts, "message/delivery-status", "message/global-delivery-status")
    feedback = _first(parts, "message/feedback-report")
    delivery = _delivery(mail, parts)
    if feedback is not None:
        yield _complaint(feedback, mail, delivery, now)
    elif status is not None:
        yield from _failures(status, mail, delivery, now)
    else:
        raise _NoReport("it is no report of a delivery or a complaint")


class _NoReport(Exception):
    """A letter that is no report, or no useful one; the text says why."""


def _letters(path: Path) -> Iterator[tuple[str, bytes | str]]:
    """Give each letter of a mailbox with its place, or why it cannot be read."""
    if path.is_dir():
        yield from ((str(file), _bytes_of(file)) for file in _files(path))
        return
    with closing(_mbox(path)) as box:
        for number, key in enumerate(box.keys(), 1):
            yield f"{path}, letter {number}", box.get_file(key).read(_MOST_BYTES)


def _files(maildir: Path) -> list[Path]:
    folders = [maildir / name for name in ("new", "cur")]
    if not all(folder.is_dir() for folder in folders):
        raise SettingsError(f"{maildir}: found a folder without cur and new; allowed: {_ALLOWED}")
    return sorted(file for folder in folders for file in folder.iterdir() if not file.name.startswith("."))


def _bytes_of(file: Path) -> bytes | str:
    if file.exists() and not file.is_file():  # reading a pipe would never end
        return "it is no file"
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES)
    except OSError as error:  # a mail program moved it meanwhile, or it is not ours to read
        return f"it cannot be read ({error.strerror})"


def _mbox(path: Path) -> mailbox.mbox:
    try:
        with path.open("rb") as file:
            if file.read(5) not in {b"From ", b""}:
                raise SettingsError(f"{path}: found a file that does not begin with “From ”; allowed: {_ALLOWED}")
        return mailbox.mbox(path, create=False)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or 'it cannot be read'}; allowed: {_ALLOWED}") from error


def _first(parts: list[Message], *kinds: str) -> Message | None:
    return next((part for part in parts if part.get_content_type() in kinds), None)


def _inside(part: Message) -> list[Message]:
    """Give the messages a part holds: groups of fields of a report, or a letter that was sent back."""
    payload = part.get_payload()
    inside = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
    if part.get_content_type() == "message/global-delivery-status" and inside:
        # The standard parser takes it for a letter: its first group for headers, the others for text.
        groups = re.split(r"\n\s*\n", _text(inside[0]))
        inside += [message_from_string(group.strip()) for group in groups[:_MOST_PARTS] if group.strip()]
    return inside


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _field(fields: Message, name: str) -> str:
    """Give a field's text on one line; "" where it is missing."""
    value = str(fields.get(name, ""))[:_LOOKED_AT]
    return " ".join("".join(char if char.isprintable() else " " for char in value).split())


def _delivery(mail: Message, parts: list[Message]) -> tuple[str, str, str]:
    """Find the letter a report is about: in what was sent back of it, else in what the report answers."""
    names = []
    for part in parts:
        kind = part.get_content_type()
        if kind in {"message/rfc822", "message/global"}:
            names += [_field(one, "Message-ID") for one in _inside(part)]
        elif kind in {"text/rfc822-headers", "message/global-headers", "text/rfc822"}:
            names.append(_field(message_from_string(_text(part).lstrip()), "Message-ID"))
            names += [_field(one, "Message-ID") for one in _inside(part)]
    names += [_field(mail, "In-Reply-To"), *_field(mail, "References").split()[:_MOST_PARTS]]
    return next((found for name in names if (found := delivery_of(name))), ("", "", ""))


def _failures(status: Message, mail: Message, delivery: tuple[str, str, str], now: datetime) -> list[Bounced]:
    groups = [one for one in _inside(status) if _field(one, "Final-Recipient") or _field(one, "Original-Recipient")]
    if not groups:
        raise _NoReport("its report names no recipient")
    told, why = [], ""
    for group in groups[:_MOST_PARTS]:
        try:
            kind = _kind(group)
        except _NoReport as error:
            why = str(error)
            continue
        address = _address(group, "Original-Recipient") or _address(group, "Final-Recipient")
        if kind and not (address or delivery[0]):
            why = _NOBODY
        elif kind:
            at = _moment(now, _field(group, "Last-Attempt-Date"), _field(mail, "Date"))
            told.append(Bounced(*delivery, kind, "", at, _reason(group), address))
    if why and not told:
        raise _NoReport(why)
    return told


def _kind(group: Message) -> Kind | None:
    """Tell what one recipient's fields mean; None where the letter arrived, or went on to somewhere else."""
    action, said = _field(group, "Action").lower(), _field(group, "Diagnostic-Code")
    if action in {"delivered", "relayed", "expanded"}:
        return None
    if action == "delayed":
        return "deferred"
    if action not in {"failed", ""}:
        raise _NoReport("its report has an action nobody knows")
    status = _status(_field(group, "Status"), said)
    if not status:
        raise _NoReport("its report has no status")
    vague = status.endswith(".0.0")
    if not status.startswith("5.") or _NOT_THE_ADDRESS.fullmatch(status) or (vague and _OTHER_WORDS.search(said)):
        return "soft bounce"
    return "hard bounce"


def _status(told: str, said: str) -> str:
    """Give the status code; where that says only "failed" (5.0.0), the one the other server gave, if it did."""
    codes = [found[0] for text in (told, said) if (found := _STATUS.search(text))]
    return next((one for one in codes if not one.endswith(".0.0")), codes[0] if codes else "")


def _complaint(feedback: Message, mail: Message, delivery: tuple[str, str, str], now: datetime) -> Bounced:
    fields = next(iter(_inside(feedback)), feedback)
    kind = _field(fields, "Feedback-Type").lower()
    if kind not in {"abuse", "fraud"}:
        raise _NoReport("its feedback is no complaint")
    address = _address(fields, "Original-Rcpt-To")
    if not (address or delivery[0]):
        raise _NoReport(_NOBODY)
    at = _moment(now, _field(fields, "Received-Date"), _field(mail, "Date"))
    return Bounced(*delivery, "complaint", "", at, f"reported as {kind}", address)


def _address(fields: Message, name: str) -> str:
    """Give an address, folded; "" where there is none, or none that mail could reach."""
    kind, semicolon, value = _field(fields, name).partition(";")
    try:
        return fold((value if semicolon else kind).strip().strip("<>"))
    except ValueError:
        return ""


def _moment(now: datetime, *dates: str) -> datetime:
    """Give the first moment that can be true, in UTC; else now."""
    for date in dates:
        try:
            at = parsedate_to_datetime(date)
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if now - _OLDEST < at <= now:
            return at
    return now


def _reason(group: Message) -> str:
    """Say in one line why, without addresses."""
    kind, semicolon, said = _field(group, "Diagnostic-Code").partition(";")
    text = (said if semicolon else kind).strip()
    status = _status(_field(group, "Status"), text)
    return _ADDRESS.sub("…", text if status in text else f"{status} {text}".strip())[:_KEPT]
