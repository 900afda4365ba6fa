"""The desk's preview: the bytes of an edition, who they would go to and how, kept until something changes."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from digest.editions import EditionRecord
from digest.errors import SettingsError
from digest.model import READER, Finding, Message
from digest.rendering import template_folders
from flows.checking import check, message_of, site_of
from flows.desk.every import every_page
from flows.desk.following import Following
from flows.services import Services
from pages.desk.steps import ForPreview, Header, Mail, SeenBy
from subscribers.addressing import Batch, Recipient
from subscribers.audience import reason_against
from subscribers.letters import letter
from subscribers.links import ID_LENGTH, reader_token

#: A reader who is nobody: their links are signed as everybody's are, and lead to "no such subscriber".
SAMPLE = "sample"

#: Rendered editions that are kept.
_KEPT = 4

#: What each header is for.
_WHAT = {
    "From": "from_name and from_email",
    "To": "the reader’s address",
    "Reply-To": "where answers go: reply_to",
    "Subject": "encoded where it is not plain ASCII",
    "Date": "the moment it is handed over",
    "Message-ID": "week, subscriber, and the key of the call: tells which delivery a bounce is of",
    "Feedback-ID": "groups complaints at Gmail: week, host, what mails",
    "List-Id": "names the list, for filters",
    "List-Unsubscribe": "the reader’s own link to leave",
    "List-Unsubscribe-Post": "lets mail programs leave with one click (RFC 8058)",
}

#: Headers that SendGrid makes itself, with what it writes.
_SENDGRIDS = {"Message-ID": "made by SendGrid for each letter", "Date": "set by SendGrid"}


def preview_page(services: Services, following: Following) -> ForPreview:
    """Make the steps of the preview."""
    proofs = _Proofs(services)
    return ForPreview(
        mail=lambda week, reader: _mail(services, proofs.of(week), reader),
        headers=lambda week, reader: _headers(services, proofs.of(week), reader),
        findings=lambda week: _findings(services, proofs.of(week)),
        find=lambda address: _find(services, address),
        reader=lambda reader: _reader(services, reader),
        mark=lambda week: f"{proofs.mark(week)} {following.told().number}",
        taken_in=following.told,
    )


@dataclass(frozen=True)
class _Proof:
    """An edition as it stood at one moment; its message is rendered when it is first asked for."""

    services: Services
    record: EditionRecord
    lock: threading.Lock

    @property
    def message(self) -> Message:
        """The message.

        Raises:
            TemplateError: It cannot be rendered.
        """
        with self.lock:  # a page and its frame ask at once: one renders
            return self._message

    @cached_property
    def _message(self) -> Message:
        return message_of(self.services, self.record)

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """Where the editors' own settings and templates take pictures from."""
        if self.record.message is not None:
            templates: Iterable[str] = self.services.editions.templates(self.record).values()
        else:
            files = sorted((self.services.settings.home / "templates" / "email").rglob("*.*"))
            templates = (file.read_text("utf-8", errors="replace") for file in files if file.is_file())
        site = site_of(self.services, self.record)
        return tuple(sorted({*_origins(site.url), *_origins(site.logo), *_origins(*templates)}))


class _Proofs:
    """The newest proofs of the weeks that are looked at."""

    def __init__(self, services: Services) -> None:
        self._services, self._pulse = services, every_page(services).mark
        self._folders = [folder / "email" for folder in template_folders(services.settings.home)]
        self._kept: OrderedDict[str, _Proof | None] = OrderedDict()

    def mark(self, week: str) -> str:
        """Give what is another whenever the edition or a template is."""
        return f"{self._pulse(week)} {hash(_stamps(self._folders)) & 0xFFFFFFFF:x}"

    def of(self, week: str) -> _Proof | None:
        """Give the proof of a week's edition as it is now; None while nothing is composed."""
        mark = self.mark(week)
        if mark not in self._kept:
            record = self._services.editions.of(week)
            fit = record is not None and record.state != "skipped" and record.edition.matchups
            self._kept[mark] = _Proof(self._services.named(""), record, threading.Lock()) if record and fit else None
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[mark]


def _stamps(folders: Iterable[Path]) -> tuple[tuple[str, int, int, int], ...]:
    """Tell files of folders, searched in depth, from what they were."""
    found = []
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(place, name)  # noqa: PTH118 - asked many times a second
                try:
                    about = os.stat(path)  # noqa: PTH116
                except OSError:  # it went away just now, or is a link to nothing
                    continue
                found.append((path, about.st_mtime_ns, about.st_size, about.st_ino))
    return tuple(sorted(found))


def _origins(*texts: str) -> set[str]:
    """Give scheme and host of every address written out in texts."""
    found = (urlsplit(one) for text in texts for one in re.findall(r"https?://[A-Za-z0-9.\-]+(?::\d+)?", text))
    return {f"{one.scheme}://{one.netloc}" for one in found}


def _mail(services: Services, proof: _Proof | None, reader: str) -> Mail | None:
    if proof is None:
        return None
    record = proof.record
    sides = [side for matchup in record.edition.matchups for side in matchup.sides]
    names = {side.tool.slug: side.tool.name for side in sides}
    frozen = record.sha256 if record.message is not None else ""
    return Mail(proof.message, _token(services, reader), frozen, proof.pictures, names)


def _token(services: Services, reader: str) -> str:
    """Give what stands in a reader's own links."""
    if not reader:
        return READER
    return reader_token(services.link_keys[0], SAMPLE.ljust(ID_LENGTH, "0") if reader == SAMPLE else reader)


def _findings(services: Services, proof: _Proof | None) -> tuple[Finding, ...]:
    return check(services.named(""), proof.record, proof.message) if proof else ()


def _find(services: Services, address: str) -> str:
    """Give the id of the subscriber with an address.

    Raises:
        SettingsError: It is no address, or nobody's.
    """
    if not address.strip():
        raise SettingsError("Type the address of a subscriber, or take the sample reader")
    try:
        found = services.subscribers.find(address)
    except ValueError as error:
        raise SettingsError(f"That is no address: {error}") from error
    if found is None:
        raise SettingsError("No subscriber has this address; see `verdicts subscribers list`")
    return found.id


def _reader(services: Services, reader: str) -> SeenBy | None:
    if reader == SAMPLE:
        return SeenBy(SAMPLE, "", "")
    found = services.subscribers.reader(reader) if reader else None
    if found is None:
        return None
    return SeenBy(found.id, found.email, reason_against(services.engine, found.id, services.clock()))


def _headers(services: Services, proof: _Proof | None, reader: str) -> tuple[Header, ...]:
    """Give the headers of a reader's letter; who has none to be named in is called what they stand for."""
    if proof is None:
        return ()
    seen = _reader(services, reader)
    id_, email = (seen.id, seen.email) if seen and seen.email else ("SUBSCRIBER", "reader@example.org")
    recipient = Recipient(id_, email, "", _token(services, reader))
    bare = replace(proof.message, html="", text="")
    batch = Batch(proof.record.week, 1, "CALL", bare, services.identity, (recipient,))
    mail = letter(batch, recipient, services.clock())
    theirs = _SENDGRIDS if services.settings.sender == "sendgrid" else {}
    return tuple(
        Header(name, theirs.get(name) or mail.policy.fold(name, value).partition(":")[2].strip(), _WHAT[name])
        for name, value in mail.items()
        if name in _WHAT
    )
