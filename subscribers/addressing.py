"""Addresses: when two are the same, how one is remembered without being kept, and who a batch goes to."""

from __future__ import annotations

import hmac
import unicodedata
from dataclasses import dataclass
from hashlib import sha256

from digest.model import Message

#: Recipients one call may carry. Source: SendGrid v3 mail/send, `personalizations`, maxItems.
MAX_BATCH = 1000

#: Where the batch of an edition has its week, a letter outside the editions has this.
NOTICES = "notices"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One reader of a batch: the random id, the address, and the token of their own links.

    The token is "" for who has no such links: an editor, or an address that nobody has confirmed yet.
    """

    id: str
    email: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a message comes from, as its headers say it."""

    from_email: str
    from_name: str
    reply_to: str
    site_url: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call to a sender carries; `key` is fresh for each claim and names the call for good."""

    week: str
    number: int
    key: str
    message: Message
    identity: Identity
    recipients: tuple[Recipient, ...]


def fold(email: str) -> str:
    """Bring an address to the form in which two spellings are the same reader.

    NFC, case folded, the domain as IDNA; dots and plus parts are kept, they are different mailboxes at most providers.

    Raises:
        ValueError: It is no address that mail could reach; the text says why.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - costs every command's start

    try:
        found = validate_email(email.strip(), check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return (
        f"{unicodedata.normalize('NFC', found.local_part).casefold()}@{(found.ascii_domain or found.domain).casefold()}"
    )


def address_hash(folded: str, key: bytes) -> str:
    """Remember a folded address without keeping it: what the suppression list holds."""
    return hmac.new(key, folded.encode(), sha256).hexdigest()
