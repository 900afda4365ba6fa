"""The pages and the letters of one home folder, served for real on this machine, for who visits them over HTTP."""

from __future__ import annotations

import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from digest.editions import Editions
from digest.rendering import render
from digest.settings import load_settings
from digest.store import Store
from flows.notices import keep_sending
from flows.services import Services
from flows.serving import _pages
from subscribers.tables import NoticeRow, SubscriberRow
from tests.examples import NOW, edition

#: On a busy machine a letter takes some seconds.
PATIENCE_S = 15.0

#: How often it is looked for letters to send; `verdicts serve` takes a second, which here would be most of the time.
_REST_S = 0.1


@dataclass
class Clock:
    """The real time, which also goes ahead when told to: what happens once a day cannot be waited for."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, **time_: float) -> None:
        self.ahead += timedelta(**time_)


@dataclass
class Served:
    """Pages and letters of a home folder with one public edition."""

    home: Path
    url: str
    services: Services
    clock: Clock
    read: set[Path] = field(default_factory=set)

    @property
    def engine(self) -> Engine:
        return self.services.engine

    def subscriber(self, email: str) -> SubscriberRow | None:
        with Session(self.engine) as session:
            return session.exec(select(SubscriberRow).where(SubscriberRow.email == email)).first()

    def state(self, email: str) -> str:
        """How an address stands, "" when it is nobody's."""
        row = self.subscriber(email)
        return row.state if row else ""

    def rows(self) -> dict[str, list[str]]:
        """Everything in the database."""
        return rows_of(self.engine)

    def new_letters(self) -> list[EmailMessage]:
        """Take the letters out of the outbox that arrived since this was asked last."""
        files = set((self.home / "outbox" / "notices").glob("[!.]*/*.eml")) - self.read
        self.read |= files
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]

    def letter(self, to: str, about: str) -> EmailMessage:
        """Wait for the next letter, which is the only one, goes to this address and has this in its subject."""
        until = time.monotonic() + PATIENCE_S
        while not (arrived := self.new_letters()):
            assert time.monotonic() < until, f"no letter came to {to} about {about!r}"
            time.sleep(0.05)
        (mail,) = arrived
        assert mail["To"].addresses[0].addr_spec == to
        assert about in mail["Subject"]
        return mail

    def all_sent(self) -> None:
        """Wait until no letter is under way."""
        until = time.monotonic() + PATIENCE_S
        while self._waiting():
            assert time.monotonic() < until, "letters still wait"
            time.sleep(0.05)

    def _waiting(self) -> bool:
        with Session(self.engine) as session:
            return any(one.state in {"queued", "claimed"} for one in session.exec(select(NoticeRow)))


def rows_of(engine: Engine) -> dict[str, list[Any]]:
    """Everything in a database, by table."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in SQLModel.metadata.sorted_tables
        }


def link(mail: EmailMessage, start: str) -> str:
    """The address in a letter that begins so; the same one in both of its parts."""
    found = {kind: {one for one in links(mail, kind) if one.startswith(start)} for kind in ("plain", "html")}
    assert found["plain"] == found["html"]
    (one,) = found["plain"]
    return one


def links(mail: EmailMessage, kind: str) -> list[str]:
    """Every address in one part of a letter, "plain" or "html", in order."""
    body = mail.get_body((kind,))
    assert body is not None
    pattern = r'href="([^"]+)"' if kind == "html" else r"https?://\S+"
    return [unescape(one) for one in re.findall(pattern, str(body.get_content()))]


@contextmanager
def served(home: Path, port: int, more: str = "") -> Iterator[Served]:
    """Serve a home folder with the example edition as `verdicts serve` does, but for the schedules; `more` settings."""
    url = f"http://127.0.0.1:{port}"
    settings = f'site_url = "{url}"\nfrom_email = "verdicts@example.org"\npostal_address = "12 Harbour Lane"\n'
    (home / "verdicts.toml").write_text(settings + more, "utf-8")
    clock = Clock()
    services = Services(load_settings(home, {}), clock, create=True)
    try:
        _publish(services)
        with _pages(services, port), _sending(services):
            _await(f"{url}/readyz")
            yield Served(home, url, services, clock)
    finally:
        services.engine.dispose()


@contextmanager
def _sending(services: Services) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=keep_sending, args=(services, stop, _REST_S), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def _publish(services: Services) -> None:
    made = edition()
    sides = [side for one in made.matchups for side in one.sides]
    Store(services.engine).record_reviews([(side.tool, side.verdict.reviews) for side in sides], NOW)
    editions = Editions(services.engine)
    editions.keep_draft(made)
    editions.approve(made.week, render(made, services.settings.site), "an editor", NOW)


def _await(url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
