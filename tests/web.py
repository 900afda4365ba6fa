"""A small web server on this machine for tests: each path answers as told, also badly; every request is kept."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """What a path answers; `etag` makes it answer 304 to who has it already."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str = ""


class Connection:
    """The raw way to answer: whatever is written goes out as it is. `closing` is set when the test is over."""

    def __init__(self, sock: socket.socket, closing: threading.Event) -> None:
        self._socket = sock
        self.closing = closing

    def send(self, data: bytes) -> bool:
        """Send bytes; False once the other side hung up."""
        try:
            self._socket.sendall(data)
        except OSError:  # what a client does that had enough
            return False
        return not self.closing.is_set()


Answer = Reply | Callable[[Seen], Reply]
Raw = Callable[[Seen, Connection], None]


class Web:
    """Use as `with Web() as web`; paths without an answer give 404."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._answers: dict[str, Answer] = {}
        self._raw: dict[str, Raw] = {}
        self._server = _server(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path; another `host` must lead here too."""
        return f"http://{host}:{self.port}{path}"

    def serve(self, path: str, answer: Answer | bytes) -> str:
        """Answer a path with a body, a reply, or what a function makes of each request; returns the address."""
        self._answers[path] = Reply(answer) if isinstance(answer, bytes) else answer
        return self.url(path)

    def serve_raw(self, path: str, raw: Raw) -> str:
        """Let a function write to the connection itself, then close it; returns the address."""
        self._raw[path] = raw
        return self.url(path)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(seen.path == path for seen in self.seen)

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Keep a request and answer it; called by the server."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        seen = Seen(request.command, request.path, headers, body)
        self.seen.append(seen)
        path = urlsplit(request.path).path
        if raw := self._raw.get(path):
            request.close_connection = True
            raw(seen, Connection(request.connection, self.closing))
            return
        answer = self._answers.get(path, Reply(b"nothing here", 404))
        _send(request, answer if isinstance(answer, Reply) else answer(seen), seen)


def _send(request: BaseHTTPRequestHandler, reply: Reply, seen: Seen) -> None:
    known = bool(reply.etag) and seen.headers.get("if-none-match") == reply.etag
    body = b"" if known else reply.body
    try:
        request.send_response(304 if known else reply.status)
        for name, value in reply.headers.items():
            request.send_header(name, value)
        if reply.etag:
            request.send_header("ETag", reply.etag)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except ConnectionError:  # what a client does that had enough
        request.close_connection = True


def _handled_by(web: Web) -> Callable[[BaseHTTPRequestHandler], None]:
    def handle(request: BaseHTTPRequestHandler) -> None:
        web.handle(request)

    return handle


def _server(web: Web) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the base class gave it
            """Say nothing: `web.seen` tells."""

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", _handled_by(web))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 256

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that hang up are part of the tests."""

    return Server(("127.0.0.1", 0), Handler)
