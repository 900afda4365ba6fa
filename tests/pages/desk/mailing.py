"""A desk whose editions leave through a real mail server that behaves as told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete
from sqlmodel import Session

from subscribers.tables import SubscriberRow
from tests.pages.desk.desks import NOW, Sat, sat_at
from tests.ports import free_port
from tests.smtpd import Post, Server
from tests.subscribers.readers import numbered, take_in

#: How long tests wait for what happens beside the page, in seconds.
_PATIENCE_S = 10.0


@contextmanager
def mailed_at(home: Path, post: Post, readers: int, *, now: datetime | None = NOW, zone: str = "UTC") -> Iterator[Sat]:
    """Serve a desk that sends over SMTP, with so many readers and no others: reader0@example.org, …"""
    port = free_port()
    environment = {
        "VERDICTS_SENDER": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none",
        "VERDICTS_SEND_CONNECTIONS": "2", "VERDICTS_SEND_TIMEOUT_S": "5", "VERDICTS_TIMEZONE": zone,
        "VERDICTS_SITE_URL": "https://verdicts.example.org",
    }  # fmt: skip
    server = Server(post, port, enable_SMTPUTF8=True)
    server.start()
    try:
        with sat_at(home, now=now, environment=environment) as sat:
            with Session(sat.services.engine) as session:
                session.execute(delete(SubscriberRow))
                session.commit()
            take_in(sat.services.engine, numbered(readers))
            yield sat
    finally:
        server.stop()


def until(true: Callable[[], bool]) -> None:
    """Wait until something holds that happens beside the page."""
    ends = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def counted(sat: Sat, path: str) -> str:
    """The page at a path once everything on it is counted; that may take longer than an answer."""
    page = ""

    def whole() -> bool:
        nonlocal page
        page = sat.get(path)
        return "data-counting" not in page

    until(whole)
    return page
