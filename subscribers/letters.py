"""A reader's letter as an email message: both parts, their own links, and the headers every letter carries."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from subscribers.addressing import NOTICES, Batch, Recipient
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
    site = _ascii(identity.site_url)
    host = urlsplit(site).hostname or "localhost"
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(identity.from_name, identity.from_email)
    mail["To"] = _address(recipient.name, recipient.email)
    if identity.reply_to:
        mail["Reply-To"] = _address("", identity.reply_to)
    mail["Subject"] = _plain(message.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{batch.week}.{recipient.id}.{batch.key}@{host}>"
    if batch.week == NOTICES:
        mail["Auto-Submitted"] = "auto-generated"
    if recipient.token:
        mail["List-Id"] = f"{_plain(identity.from_name)} <verdicts.{host}>"
        mail["List-Unsubscribe"] = f"<{site}/leave/{recipient.token}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
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
    return f"{local}@{_host(domain)}"


def _address(name: str, email: str) -> Address | str:
    local, _, domain = email.rpartition("@")
    return Address(_plain(name), local, _host(domain))


def _ascii(url: str) -> str:
    """Spell an address in ASCII, as headers need it."""
    parts = urlsplit(url)
    host, colon, port = parts.netloc.partition(":")
    return urlunsplit(parts._replace(netloc=_host(host) + colon + port, path=quote(parts.path, safe="/%")))


def _host(name: str) -> str:
    return name if name.isascii() else idna.encode(name, uts46=True).decode()


def _plain(text: str) -> str:
    """Take line breaks and control characters out of what goes into a header."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())
