"""A reader's letter as an email message: both parts, their own links, and the headers every letter carries."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from subscribers.addressing import NOTICES, Batch, Identity, Recipient
from subscribers.links import personal


class _Verbatim(UnstructuredHeader, BaseHeader):
    """A header that mail programs read as it stands: the standard folding would encode an address of 77 characters."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}:{policy.linesep} {self}{policy.linesep}"


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header on one line however long: the standard folding would encode an id of 78 characters."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Verbatim)
_HEADERS.map_to_type("message-id", _OneLine)
_POLICY = SMTP.clone(header_factory=_HEADERS)

#: What stands left of the "@" in a letter's own Message-ID: week, subscriber id, and key of the call.
_OURS = re.compile(r"(\d{4}-W\d\d|notices)\.([\w-]{1,64})\.([\w-]{1,64})")


def letter(batch: Batch, recipient: Recipient, now: datetime) -> EmailMessage:
    """Write one reader's letter: both parts, their own links, and the headers of one-click leaving (RFC 8058).

    Who has no links of their own has nothing to leave; a letter outside the editions says that a program wrote it, so
    that no other program answers it (RFC 3834).
    """
    message, identity = batch.message, batch.identity
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(identity.from_name, identity.from_email)
    mail["To"] = _address(recipient.name, recipient.email)
    if identity.reply_to:
        mail["Reply-To"] = _address("", identity.reply_to)
    mail["Subject"] = plain(message.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{batch.week}.{recipient.id}.{batch.key}@{site_host(identity)}>"
    headers = common_headers(batch, listed=bool(recipient.token)) | own_headers(identity, recipient.token)
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(personal(message.text, recipient.token), cte="quoted-printable")
    mail.add_alternative(personal(message.html, recipient.token), subtype="html", cte="quoted-printable")
    return mail


def in_utf8(mail: EmailMessage) -> bytes:
    """Spell a letter with its headers in UTF-8, as only servers with SMTPUTF8 take it (RFC 6532)."""
    return mail.as_bytes(policy=_POLICY.clone(utf8=True))


def delivery_of(message_id: str) -> tuple[str, str, str] | None:
    """Give the week, subscriber id and key of the call of a letter by its Message-ID; None where it is none of ours."""
    found = _OURS.fullmatch(message_id.strip().strip("<>").rpartition("@")[0])
    return (found[1], found[2], found[3]) if found else None


def on_the_wire(email: str) -> str:
    """Spell an address as mail servers read it, the domain in ASCII.

    Raises:
        ValueError: The domain has no such spelling.
    """
    local, _, domain = email.rpartition("@")
    return f"{local}@{host(domain)}"


def common_headers(batch: Batch, *, listed: bool) -> dict[str, str]:
    """Give the headers that are the same in every letter of a call, beside those that say who writes to whom.

    Feedback-ID groups complaints for Gmail's Postmaster Tools: what is mailed and who mails, nothing about the reader.
    `listed` tells whether the letters go to a list, which readers can leave.
    """
    name = site_host(batch.identity)
    headers = {"Feedback-ID": f"{batch.week}:{name}:verdicts"}
    if listed:
        headers["List-Id"] = f"{plain(batch.identity.from_name)} <verdicts.{name}>"
    if batch.week == NOTICES:
        headers["Auto-Submitted"] = "auto-generated"
    return headers


def own_headers(identity: Identity, token: str) -> dict[str, str]:
    """Give the headers with which a reader leaves in one click; none for who has no links of their own."""
    if not token:
        return {}
    return {
        "List-Unsubscribe": f"<{in_ascii(identity.site_url)}/leave/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def site_host(identity: Identity) -> str:
    """Name the host of our pages in ASCII."""
    return urlsplit(in_ascii(identity.site_url)).hostname or "localhost"


def _address(name: str, email: str) -> Address | str:
    local, _, domain = email.rpartition("@")
    return Address(plain(name), local, host(domain))


@lru_cache(maxsize=8)  # every letter of an edition asks for the same one
def in_ascii(url: str) -> str:
    """Spell an address of a page in ASCII, as headers need it."""
    parts = urlsplit(url)
    name, colon, port = parts.netloc.partition(":")
    return urlunsplit(parts._replace(netloc=host(name) + colon + port, path=quote(parts.path, safe="/%")))


def host(name: str) -> str:
    """Spell a domain in ASCII.

    Raises:
        idna.IDNAError: It is no domain.
    """
    return name if name.isascii() else idna.encode(name, uts46=True).decode()


def plain(text: str) -> str:
    """Take line breaks and control characters out of what goes into a header."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())
