"""HTTP calls to one service over connections that stay open, which tell whether a call may have been read."""

from __future__ import annotations

import io
import selectors
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import urlsplit

from subscribers.deadlines import Deadlined

#: A connection that rested longer is not used again: the other side may have closed it, and a call over it would be
#: lost like a reply.
_RESTED_TOO_LONG_S = 5.0

#: Bytes of an answer that are read at most.
_LONGEST = 16_000_000


class Unreached(Exception):
    """No byte of the call left: there was no connection."""


class Lost(Exception):
    """The call, or a part of it, left, and no whole answer came back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; names of `headers` are in small letters."""

    status_code: int
    reason: str
    body: bytes
    headers: Mapping[str, str]


class Calls:
    """Calls to one service; several threads may call at once, each over a connection of its own.

    Args:
        base: Where the service is, such as https://api.example.org.
        timeout_s: How long opening a connection may take, and after that the whole exchange.
    """

    def __init__(self, base: str, timeout_s: float) -> None:
        parts = urlsplit(base)
        self._host, self._port, self._timeout_s = parts.hostname or "", parts.port, timeout_s
        # Made once: loading the certificates takes longer than many a call.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._resting: list[tuple[float, HTTPConnection]] = []

    def call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Make one call, and never a second one by itself.

        Raises:
            Unreached: No connection could be opened.
            Lost: It may have been read, and its answer is not known.
        """
        connection = self._rested() or self._opened()
        keep = False
        try:
            answer, keep = self._exchanged(connection, method, path, body, headers)
        except (OSError, HTTPException, ValueError) as error:
            raise Lost(_words(error)) from error
        finally:
            if keep:
                self._resting.append((time.monotonic(), connection))
            else:
                connection.close()
        return answer

    def close(self) -> None:
        """Close the connections that rest."""
        while self._resting:
            self._resting.pop()[1].close()

    def _rested(self) -> HTTPConnection | None:
        """Take the connection that rested shortest, if the other side has not closed it."""
        while True:
            try:
                since, connection = self._resting.pop()
            except IndexError:
                return None
            if time.monotonic() - since < _RESTED_TOO_LONG_S and not _readable(connection.sock):
                return connection
            connection.close()

    def _opened(self) -> HTTPConnection:
        if self._tls:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=self._tls
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        connection.auto_open = 0  # a call never opens a connection behind our back, as a retry would
        try:
            connection.connect()  # sets TCP_NODELAY itself
        except (OSError, ValueError) as error:  # ValueError: a host that no name server could be asked for
            connection.close()
            raise Unreached(_words(error)) from error
        return connection

    def _exchanged(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, bool]:
        """Send a request and read its whole answer; tells whether the connection may be used again."""
        connection.sock.settimeout(self._timeout_s)
        connection.response_class = cast("Any", partial(_Response, time.monotonic() + self._timeout_s))
        cut = False
        try:
            connection.request(method, path, body, dict(headers))
        except (BrokenPipeError, ConnectionResetError):  # it may have said why before it hung up, as for a long body
            cut = True
        with connection.getresponse() as response:
            text = response.read(_LONGEST)
            if response.length or (response.status < 400 and (cut or not _framed(response))):
                raise HTTPException("only a part of an answer came")
            found = {name.lower(): value for name, value in response.getheaders()}
            keep = not cut and not response.will_close and response.status < 500  # one in trouble may hang up
            return Answer(response.status, response.reason, text, found), keep


class _Response(HTTPResponse):
    """An answer that must be whole by a deadline."""

    def __init__(self, deadline: float, sock: socket.socket, **others: Any) -> None:
        super().__init__(sock, **others)
        self._holds_open = self.fp  # the socket, also when its connection is closed before the answer is read
        self.fp = io.BufferedReader(Deadlined(sock, deadline))

    def close(self) -> None:
        super().close()
        self._holds_open.close()


def _framed(response: HTTPResponse) -> bool:
    """Tell whether an answer says where it ends: one cut short cannot be told from a whole one otherwise."""
    return response.length is not None or bool(response.chunked)


def _readable(sock: socket.socket) -> bool:
    """Tell whether something came in that nobody asked for: the end of the connection."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _words(error: Exception) -> str:
    """Say what went wrong on the way."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
