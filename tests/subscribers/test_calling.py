"""A call goes out once, over a connection that lives, and what may have been read is never taken for unsent."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from subscribers import calling
from subscribers.calling import Calls, Lost, Unreached
from tests.certificates import certificate

OK = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: a\r\nContent-Length: 0\r\n\r\n"

#: What a server does with a connection: reads calls, answers, hangs up.
Conduct = Callable[[socket.socket], None]


@contextmanager
def served(*conducts: Conduct) -> Iterator[tuple[Calls, list[int]]]:
    """Calls to a server that treats one connection after the other as told; and how many were opened."""
    opened: list[int] = []

    def serve() -> None:
        for number, conduct in enumerate(conducts):
            try:
                connection, _ = server.accept()
            except OSError:
                return
            opened.append(number)
            with connection:
                conduct(connection)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        calls = Calls(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.5)
        try:
            yield calls, opened
        finally:
            calls.close()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def read(connection: socket.socket) -> bytes:
    """Read one call, its body too."""
    data = b""
    while b"\r\n\r\nbody" not in data and (more := connection.recv(65536)):
        data += more
    return data


def answering(*answers: bytes) -> Conduct:
    def conduct(connection: socket.socket) -> None:
        for answer in answers:
            if read(connection):
                connection.sendall(answer)

    return conduct


def post(calls: Calls) -> calling.Answer:
    return calls.call("POST", "/v3/mail/send", b"body", {"Authorization": "Bearer x"})


def test_calls_one_after_the_other_share_a_connection() -> None:
    with served(answering(OK, OK, OK)) as (calls, opened):
        answers = [post(calls) for _ in range(3)]

    assert [(one.status_code, one.headers["x-message-id"]) for one in answers] == [(202, "a")] * 3
    assert opened == [0]


def test_a_connection_closed_meanwhile_is_not_used_again() -> None:
    with served(answering(OK), answering(OK)) as (calls, opened):
        post(calls)
        time.sleep(0.1)  # the server hangs up
        assert post(calls).status_code == 202
    assert opened == [0, 1]


def test_a_connection_that_rested_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "_RESTED_TOO_LONG_S", 0.05)

    def waiting(connection: socket.socket) -> None:
        answering(OK)(connection)
        assert read(connection) == b"", "a second call came over it"

    with served(waiting, answering(OK)) as (calls, opened):
        post(calls)
        time.sleep(0.1)
        assert post(calls).status_code == 202
    assert opened == [0, 1]


def test_a_server_that_wants_to_close_gets_a_new_connection() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with served(answering(closing), answering(OK)) as (calls, opened):
        assert [post(calls).status_code for _ in range(2)] == [202, 202]
    assert opened == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"HTTP/1.1 20", b"HTTP/1.1 202 Accepted", OK[:30], b"HTTP/1.1 202 Accepted\r\n\r\n", b"nonsense\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 7\r\n\r\nhalf",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha",
        b"HTTP/1.1 400 Bad\r\nContent-Length: 70\r\n\r\n{",
    ],
)  # fmt: skip
def test_half_an_answer_is_none(answer: bytes) -> None:
    with served(answering(answer)) as (calls, opened), pytest.raises(Lost):
        post(calls)
    assert opened == [0]


def test_silence_is_a_lost_answer_and_no_second_call() -> None:
    def silent(connection: socket.socket) -> None:
        read(connection)
        connection.settimeout(3)
        assert connection.recv(1) == b""

    with served(silent) as (calls, opened), pytest.raises(Lost, match="no answer in time"):
        post(calls)
    assert opened == [0]


def test_an_answer_that_drips_ends_at_the_deadline() -> None:
    def dripping(connection: socket.socket) -> None:
        read(connection)
        for byte in OK * 3:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            time.sleep(0.1)

    with served(dripping) as (calls, _):
        start = time.monotonic()
        with pytest.raises(Lost, match="no answer in time"):
            post(calls)
    assert time.monotonic() - start < 2


def test_an_encrypted_call_that_is_read_slowly_ends_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record is taken in time, and all of them never."""
    ours = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.trust))
    over = threading.Event()

    def slow(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        with ours.server.wrap_socket(connection, server_side=True) as encrypted, contextlib.suppress(OSError):
            while encrypted.recv(16_384) and not over.wait(0.1):
                pass

    with served(slow) as (calls, _):
        encrypted = Calls(f"https://127.0.0.1:{calls._port}", timeout_s=0.5)
        start = time.monotonic()
        with pytest.raises(Lost, match="no answer in time"):
            encrypted.call("POST", "/", b"x" * 20_000_000, {})
        over.set()
    assert time.monotonic() - start < 2


def test_a_reset_after_the_call_left_is_a_lost_answer() -> None:
    def resetting(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with served(resetting) as (calls, opened), pytest.raises(Lost):
        post(calls)
    assert opened == [0]


def test_a_refusal_that_comes_while_the_call_still_leaves_is_read() -> None:
    """What stands before an API answers a body that is too long without reading it."""

    def too_long(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n<html>too large</html>")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with served(too_long) as (calls, _):
        answer = calls.call("POST", "/", b"x" * 5_000_000, {})
    assert (answer.status_code, answer.body) == (413, b"<html>too large</html>")


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:{port}", "http://no-such-host.invalid", f"http://{'a' * 70}.example"]
)
def test_where_nobody_listens_nothing_left(base: str, free_port: int) -> None:
    with pytest.raises(Unreached):
        post(Calls(base.format(port=free_port), timeout_s=0.5))


def test_a_failed_handshake_means_that_nothing_left() -> None:
    with served(lambda connection: connection.sendall(b"no TLS here\r\n" * 10)) as (calls, _):
        port = calls._port
        with pytest.raises(Unreached):
            post(Calls(f"https://127.0.0.1:{port}", timeout_s=0.5))


def test_a_handshake_that_never_ends_means_that_nothing_left() -> None:
    with served(lambda _: time.sleep(1)) as (calls, _), pytest.raises(Unreached, match="no answer in time"):
        post(Calls(f"https://127.0.0.1:{calls._port}", timeout_s=0.3))
