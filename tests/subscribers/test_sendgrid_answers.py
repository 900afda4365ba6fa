"""What follows from answers that the local stand-in does not give: those of gateways, and of what may come."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from digest.errors import SendHalted, SendUnknown
from digest.settings import Settings
from subscribers.senders import Receipt
from subscribers.senders.sendgrid import SendGrid, open_sender
from tests.subscribers.mailing import KEY, batch, reader, talking
from tests.subscribers.readers import IDENTITY

API_KEY = "SG.abc.of-an-account"


def opened(port: int) -> SendGrid:
    environment = {"SENDGRID_API_KEY": API_KEY, "SENDGRID_HOST": f"http://127.0.0.1:{port}"}
    return open_sender(Settings(), environment)


def answering(status: int, body: str) -> Callable[[socket.socket], None]:
    """Answer one call with this, whatever it is."""

    def talk(connection: socket.socket) -> None:
        head, _, begun = connection.recv(65536).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(begun) < length:
            begun += connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {status} Oh\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    return talk


def answered(status: int, body: str) -> Receipt:
    with talking(answering(status, body)) as port:
        return opened(port).send(batch())


@pytest.mark.parametrize("status", [402, 406, 407, 409, 410, 415, 422, 451])
def test_whatever_refuses_a_call_by_its_code_halts_and_puts_nobody_in_doubt(status: int) -> None:
    with pytest.raises(SendHalted, match=rf"SendGrid answered {status}: no \("):
        answered(status, '{"errors": [{"message": "no"}]}')


@pytest.mark.parametrize("status", [408, 499, 500, 502, 504, 520])
def test_what_got_tired_of_waiting_or_failed_may_have_passed_the_call_on(status: int) -> None:
    with pytest.raises(SendUnknown, match=f"SendGrid answered {status}"):
        answered(status, "<html>Gateway</html>")


@pytest.mark.parametrize("field", ["personalizations.1.headers", "personalizations.1.substitutions", "from.email"])
def test_a_fault_that_is_no_readers_address_refuses_no_reader(field: str) -> None:
    """What else stands in a reader's part is ours, and the same for all."""
    with pytest.raises(SendHalted, match="SendGrid answered 400: wrong"):
        answered(400, json.dumps({"errors": [{"message": "wrong", "field": field}]}))


def test_a_fault_of_a_readers_address_refuses_that_reader_alone() -> None:
    fault = {"message": "Does not contain a valid address.", "field": "personalizations.1.to.0.email"}
    receipt = answered(400, json.dumps({"errors": [fault]}))
    assert set(receipt.refused) == {reader(1).id}
    assert len(receipt.later) == 4


@pytest.mark.parametrize("page", [f"<p>Authorization: Bearer {API_KEY}</p>", f"the key {API_KEY} is none"])
def test_a_page_that_repeats_the_key_gives_it_to_nobody(page: str) -> None:
    with pytest.raises(SendHalted) as raised:
        answered(403, page)
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize(
    "ours",
    [
        {"from_email": "gr\u00fc\u00dfe@example.org"},
        {"reply_to": "ada@\u00ad.example"},
        {"site_url": "https://\u00ad.example"},
    ],
)
def test_an_own_address_that_no_call_can_hold_halts_and_refuses_no_reader(ours: dict[str, str], free_port: int) -> None:
    sender, sent = opened(free_port), batch(identity=replace(IDENTITY, **ours))
    for ask in (sender.send, sender.rehearse):
        with pytest.raises(SendHalted, match="look at from_email, reply_to and site_url"):
            ask(sent)
    assert sent.key == KEY
