"""Addresses: when two are the same, how one is remembered without being kept, and who a batch goes to."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from digest.model import Message

#: Recipients one call may carry. Source: SendGrid v3 mail/send, `personalizations`, maxItems.
MAX_BATCH = 1000

#: Where the batch of an edition has its week, a letter outside the editions has this.
NOTICES = "notices"

#: Characters of a whole address. Source: RFC 5321, 4.5.3.1.3, a path of 256 with its two brackets.
_LONGEST = 254

#: Words joined by dots, and a domain in ASCII: nearly every address there is. Source: RFC 5322, 3.2.3, dot-atom.
_WORD = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_PLAIN = re.compile(rf"{_WORD}(?:\.{_WORD})*@[A-Za-z0-9.\-]+")

#: Domains in which nothing is out of the ordinary: two labels or more, no two hyphens together, letters at the end.
_LABEL = r"[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)"
_HOST = re.compile(rf"(?:{_LABEL}\.)+[a-z]{{2,63}}")


class Recipient(NamedTuple):
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
    email = email.strip()
    if _PLAIN.fullmatch(email) and len(email) <= _LONGEST:
        folded = email.lower()
        if _is_plain_domain(folded.partition("@")[2]):
            return folded
    return _looked_at(email)


@lru_cache(maxsize=50_000)
def _is_plain_domain(domain: str) -> bool:
    """Tell whether mail could reach a domain that is its own IDNA form; a list of readers names few of them often."""
    if _HOST.fullmatch(domain) and domain.rpartition(".")[2] not in _special():
        return True
    if "xn--" in domain:  # what it stands for has rules and a length of its own
        return False
    try:
        return _looked_at(f"a@{domain}") == f"a@{domain}"
    except ValueError:
        return False


@cache
def _special() -> frozenset[str]:
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415 - as below

    return frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


def _looked_at(email: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - costs every command's start

    try:
        found = validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return (
        f"{unicodedata.normalize('NFC', found.local_part).casefold()}@{(found.ascii_domain or found.domain).casefold()}"
    )


def mailbox(folded: str) -> str:
    """Name the mailbox behind a folded address, as far as that is known: limits must not be dodged by spelling.

    What follows a plus is a label nearly everywhere, and Gmail ignores dots. Two people are rarely taken for one: this
    is never used to tell who somebody is.
    """
    local, _, domain = folded.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def address_hash(folded: str, key: bytes) -> str:
    """Remember a folded address without keeping it: what the suppression list holds."""
    hashing = _keyed(key).copy()
    hashing.update(folded.encode())
    return hashing.hexdigest()


@lru_cache(maxsize=8)  # setting a key up takes longer than hashing with it
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
