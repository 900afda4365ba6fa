"""Write the letters of one message quickly: what all readers share is made once, their own parts are filled in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.utils import format_datetime
from functools import lru_cache

from digest.errors import SendHalted
from digest.model import Message
from subscribers.addressing import Batch, Identity, Recipient
from subscribers.letters import in_utf8, letter
from subscribers.links import ID_LENGTH, reader_token

#: A token shorter than this could stand in a message by chance; letters with such tokens are written one by one.
_SHORTEST_TOKEN = 16

#: Characters of a reader's token.
_USUAL_TOKEN = len(reader_token(b"", "0" * ID_LENGTH))

#: Names that may stand before an address as they are: words of an atom's characters. Source: RFC 5322, 3.2.3.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$&'*+/^`{|}~-]+(?: [A-Za-z0-9!#$&'*+/^`{|}~-]+)*")

#: Addresses that may follow it as they are, and the longest line that is not folded. Source: RFC 5322, 2.1.1.
_PLAIN_ADDRESS, _LONGEST_LINE = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9.-]+"), 78

#: A line break that quoted-printable makes; it may stand anywhere in a body. Source: RFC 2045, 6.7.
_SOFT_BREAK = b"=\r\n"


class Unaddressable(ValueError):
    """No header can hold a reader's address or name; the text says so without them."""


def letters(batch: Batch, now: datetime) -> Callable[[Recipient], bytes]:
    """Give what writes a batch's letters, each the very bytes of `letter`, with line ends as SMTP has them.

    Who writes to an address with other than ASCII before the "@" gets headers in UTF-8 (RFC 6532); what takes them must
    be a server with SMTPUTF8.

    What is given raises Unaddressable for a reader whom no letter can be addressed to.

    Raises:
        SendHalted: No letter of this batch can be written, whoever it is for.
    """
    try:
        _form(batch.week, batch.message, batch.identity, _USUAL_TOKEN)
    except (ValueError, MessageError) as error:
        said = f"no letter can be written: look at from_email, reply_to and site_url ({error})"
        raise SendHalted(said) from error

    def write(recipient: Recipient) -> bytes:
        to = _plain_to(recipient)
        if to is None or len(recipient.token) < _SHORTEST_TOKEN:
            return _written(batch, recipient, now)
        form = _form(batch.week, batch.message, batch.identity, len(recipient.token))
        return form.filled(to, recipient, batch.key, now)

    return write


def _written(batch: Batch, recipient: Recipient, now: datetime) -> bytes:
    try:
        mail = letter(batch, recipient, now)
        return bytes(mail) if recipient.email.rpartition("@")[0].isascii() else in_utf8(mail)
    except (ValueError, MessageError) as error:
        raise Unaddressable(f"no letter can be addressed so ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class _Form:
    """A letter cut where readers differ: `pieces` lie around the `slots`, each the name of what fills it.

    A slot of a token is followed by the place at which a soft line break parts it, 0 for none.
    """

    pieces: Sequence[bytes]
    slots: Sequence[tuple[str, int]]

    def filled(self, to: bytes, recipient: Recipient, key: str, now: datetime) -> bytes:
        token = recipient.token.encode()
        values = {"to": to, "id": recipient.id.encode(), "key": key.encode(), "date": format_datetime(now).encode()}
        parts = [self.pieces[0]]
        for (name, broken_at), piece in zip(self.slots, self.pieces[1:], strict=True):
            if name != "token":
                parts.append(values[name])
            elif broken_at:
                parts += (token[:broken_at], _SOFT_BREAK, token[broken_at:])
            else:
                parts.append(token)
            parts.append(piece)
        return b"".join(parts)


@lru_cache(maxsize=8)
def _form(week: str, message: Message, identity: Identity, token_length: int) -> _Form:
    """Write the letter of a reader who does not exist, and cut it where that reader shows."""
    token, subscriber_id, key = (secrets.token_hex(length)[:length] for length in (token_length, 16, 24))
    reader = Recipient(subscriber_id, f"{subscriber_id}@example.org", "", token)
    at = datetime(2000, 1, 1, tzinfo=UTC)
    source = bytes(letter(Batch(week, 0, key, message, identity, (reader,)), reader, at))
    anywhere = rf"(?:{re.escape(_SOFT_BREAK.decode())})?".join(token)
    samples = {
        "token": anywhere,
        "to": f"(?<=\nTo: ){re.escape(reader.email)}(?=\r\n)",
        "date": f"(?<=\nDate: ){re.escape(format_datetime(at))}(?=\r\n)",
        "key": re.escape(key),
        "id": re.escape(subscriber_id),
    }
    pattern = re.compile("|".join(f"(?P<{name}>{sample})" for name, sample in samples.items()).encode())
    pieces, slots, end = [], [], 0
    for found in pattern.finditer(source):
        pieces.append(source[end : found.start()])
        slots.append((str(found.lastgroup), max(found[0].find(_SOFT_BREAK), 0)))
        end = found.end()
    return _Form((*pieces, source[end:]), tuple(slots))


def _plain_to(recipient: Recipient) -> bytes | None:
    """Write what follows `To:` where nothing in it needs quoting, encoding or folding."""
    if recipient.name and not _PLAIN_NAME.fullmatch(recipient.name):
        return None
    if not _PLAIN_ADDRESS.fullmatch(recipient.email):
        return None
    to = f"{recipient.name} <{recipient.email}>" if recipient.name else recipient.email
    return to.encode() if len(to) + len("To: ") <= _LONGEST_LINE else None
