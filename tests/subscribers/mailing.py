"""Readers, calls and a mail server that behaves as told, for the tests of sending over SMTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from subscribers.addressing import Batch, Recipient
from subscribers.links import reader_token
from subscribers.senders.smtp import Smtp
from subscribers.smtpline import Server
from tests.ports import free_port
from tests.smtpd import Post
from tests.smtpd import Server as MailServer
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

KEY = "5ca1ab1e" * 3

Started = Callable[..., tuple[Smtp, Post]]


def reader(number: int, **changes: str) -> Recipient:
    one = f"{number:016x}"
    made = Recipient(one, f"reader{number}@d{number}.example", "", reader_token(SECRET, one))
    return made._replace(**changes)


READERS = tuple(map(reader, range(5)))


def address(number: int) -> str:
    return reader(number).email


def batch(*recipients: Recipient, **changes: Any) -> Batch:
    return replace(Batch(WEEK, 1, KEY, MESSAGE, IDENTITY, recipients or READERS), **changes)


def ids(*numbers: int) -> set[str]:
    return {reader(number).id for number in numbers}


@contextmanager
def serving(post: Post, *, at_once: int = 1, to: Mapping[str, Any] | None = None, **others: Any) -> Iterator[Smtp]:
    """Run a mail server, and give a sender for it."""
    port = free_port()
    server = MailServer(post, port, **{"enable_SMTPUTF8": True} | others)
    server.start()
    told: dict[str, Any] = {"tls": "none", "timeout_s": 1.0} | dict(to or {})
    try:
        with closing(Smtp(Server("127.0.0.1", port, **told), at_once)) as sender:
            yield sender
    finally:
        server.stop()


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Treat one connection after the other by a function, at the port that is given."""

    def listen() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listener.join(5)
