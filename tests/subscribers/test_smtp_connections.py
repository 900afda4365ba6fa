"""Connections to a mail server are used again, and what is wrong with one costs nobody a letter."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from digest.errors import SendLater
from subscribers.senders import Receipt
from subscribers.senders.smtp import Smtp
from subscribers.smtpline import Server
from tests.subscribers.mailing import READERS, Started, address, batch, reader, talking


def test_many_calls_at_once_use_as_many_connections(started: Started) -> None:
    sender, post = started(at_once=4)
    post.delay_s = 0.01
    batches = [batch(*(reader(10 * call + number) for number in range(5))) for call in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sender.send, batches)) == [Receipt()] * 8

    assert post.addresses == sorted(one.email for some in batches for one in some.recipients)
    assert post.connections == post.most_open == 4


def test_a_connection_the_server_ended_meanwhile_costs_nobody_anything(started: Started) -> None:
    sender, post = started(at_once=1)
    sender.send(batch(reader(0)))
    post.hang_up()
    assert sender.send(batch(reader(1), reader(2))) == Receipt()

    assert post.addresses == [address(0), address(1), address(2)]
    assert post.connections == 2


def test_a_connection_that_idled_for_long_is_not_used_again(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    sender, post = started()
    sender.send(batch(reader(0)))
    monkeypatch.setattr("subscribers.smtplines._IDLE_S", 0.0)
    assert sender.send(batch(reader(1), reader(2))) == Receipt()
    assert post.connections == 3


def test_a_call_that_takes_too_long_leaves_the_rest_to_the_next_one(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, post = started()
    post.delay_s = 0.02
    monkeypatch.setattr("subscribers.senders.smtp._LONGEST_CALL_S", 0.1)
    receipt = sender.send(batch())

    assert 0 < len(post.taken) < 5
    assert receipt.later == {one.id: "" for one in READERS if one.email not in post.addresses}


def test_after_closing_no_connection_is_open(started: Started) -> None:
    sender, post = started()
    sender.send(batch())
    sender.close()
    for _ in range(100):
        if not post.open_now:
            break
        threading.Event().wait(0.01)
    assert post.open_now == 0


def test_a_server_that_lets_few_connections_in_gets_all_letters_over_those(started: Started) -> None:
    """Each of six calls at once wants one; those that are turned away wait for their turn on the others."""
    sender, post = started(at_once=6)
    post.lets_in, post.delay_s = 2, 0.005
    batches = [batch(*(reader(10 * call + number) for number in range(5))) for call in range(12)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(sender.send, batches)) == [Receipt()] * 12

    assert post.addresses == sorted(one.email for some in batches for one in some.recipients)
    assert post.connections < 20  # it is not asked again for each letter


def test_a_server_that_lets_more_connections_in_again_is_asked_for_them(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscribers.smtplines._ASK_AGAIN_S", 0.0)
    sender, post = started(at_once=4)
    post.lets_in, post.delay_s = 1, 0.002
    batches = [batch(*(reader(10 * call + number) for number in range(5))) for call in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sender.send, batches[:4])) == [Receipt()] * 4
        post.lets_in = None
        assert list(pool.map(sender.send, batches[4:])) == [Receipt()] * 8
    assert post.open_now == 4


def test_a_server_that_takes_few_letters_over_one_connection_gets_the_others_over_new_ones(started: Started) -> None:
    sender, post = started()
    post.letters_each = 2
    assert sender.send(batch()) == Receipt()
    assert post.addresses == [address(number) for number in range(5)]
    assert post.connections == 3


def test_threads_beyond_those_that_may_send_at_once_wait_for_a_connection(started: Started) -> None:
    sender, post = started(at_once=2)
    with ThreadPoolExecutor(6) as pool:
        batches = [batch(reader(number)) for number in range(12)]
        assert list(pool.map(sender.send, batches)) == [Receipt()] * 12
    assert post.most_open <= 2


def sending_to(port: int, timeout_s: float = 1.0) -> Smtp:
    return Smtp(Server("127.0.0.1", port, "none", timeout_s=timeout_s))


def test_an_answer_that_drips_ends_in_time() -> None:
    """Each piece comes in time, and the answer never ends."""

    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(b"220-wait\r\n")
                time.sleep(0.05)

    with talking(drip) as port:
        begun = time.monotonic()
        with pytest.raises(SendLater, match="hung up before it let us in"):
            sending_to(port, 0.3).send(batch())
    assert time.monotonic() - begun < 2


def answering(said: list[bytes], answers: Mapping[bytes, bytes], *, together: bool) -> Callable[[socket.socket], None]:
    """Offer PIPELINING, keep what is `said`, and answer by command; those of a letter only when all three are there."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        heard: list[bytes] = []
        for line in connection.makefile("rb"):
            said.append(line.strip())
            heard.append(line.strip())
            if together and line[:4] in {b"MAIL", b"RCPT"}:
                continue
            for one in heard:
                offer = b"250-hello\r\n250 PIPELINING"
                connection.sendall((offer if one[:4] == b"ehlo" else answers.get(one[:4], b"250 yes")) + b"\r\n")
            heard.clear()

    return talk


def test_from_whom_and_to_whom_is_said_in_one_go_where_the_server_hears_that() -> None:
    """This one answers nothing before it heard all of it."""
    said: list[bytes] = []
    with talking(answering(said, {b"RCPT": b"550 5.1.1 no", b"DATA": b"554 5.5.1 to nobody"}, together=True)) as port:
        receipt = sending_to(port).send(batch())
    assert set(receipt.refused) == {one.id for one in READERS}
    assert [one[:4].upper() for one in said[1:]] == [b"MAIL", b"RCPT", b"DATA", b"RSET"] * 5


def test_a_server_that_waits_for_a_letter_to_nobody_gets_none() -> None:
    """It would have one, with nothing in it, if the dot came that ends it."""
    said: list[bytes] = []
    with talking(answering(said, {b"RCPT": b"550 5.1.1 no", b"DATA": b"354 go on"}, together=False)) as port:
        receipt = sending_to(port).send(batch())
    assert set(receipt.refused) == {one.id for one in READERS}
    assert [one[:4].upper() for one in said] == [b"EHLO", b"MAIL", b"RCPT", b"DATA"] * 5
