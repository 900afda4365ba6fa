"""Letters over SMTP reach each reader once, whatever a real server says, leaves unsaid or breaks off."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from smtplib import SMTP
from typing import Any

import pytest

from digest.errors import SendHalted, SendLater
from subscribers.senders import Doubt, Receipt
from subscribers.senders.smtp import SIZE, Smtp
from subscribers.smtpline import Server
from tests.examples import NOW
from tests.smtpd import TAKEN, Post
from tests.smtpd import Server as MailServer
from tests.subscribers.mailing import KEY, READERS, Started, address, batch, ids, reader, serving
from tests.subscribers.readers import IDENTITY, MESSAGE, WEEK


def test_each_reader_gets_a_letter_of_their_own_over_one_connection(started: Started) -> None:
    sender, post = started()
    assert sender.send(batch()) == Receipt()
    assert sender.send(batch(reader(9))) == Receipt()

    assert post.addresses == [*map(address, range(5)), address(9)]
    assert [mail["To"] for mail in post.mails()] == [envelope.rcpt_tos[0] for envelope, _ in post.taken]
    assert [f"/leave/{one.token}" in str(mail) for mail, one in zip(post.mails(), READERS, strict=False)] == [True] * 5
    assert {envelope.mail_from for envelope, _ in post.taken} == {IDENTITY.from_email}
    assert post.connections == 1


def test_bounces_go_where_settings_say(started: Started) -> None:
    sender, post = started()
    with closing(Smtp(sender.server, 1, "bounces@example.org")) as other:
        other.send(batch())
    assert {envelope.mail_from for envelope, _ in post.taken} == {"bounces@example.org"}
    assert {mail["From"].addresses[0].addr_spec for mail in post.mails()} == {IDENTITY.from_email}


def test_a_line_that_looks_like_the_end_ends_nothing(started: Started) -> None:
    sender, post = started()
    text = ".\n.hidden\n..\nMAIL FROM:<eve@example.org>\n.\n"
    sender.send(batch(message=replace(MESSAGE, text=text)))

    body = post.mails()[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == text
    assert len(post.taken) == 5


def test_a_mail_server_keeps_no_record_that_could_be_asked(started: Started) -> None:
    sender, _ = started()
    sender.send(batch())
    assert sender.found(Doubt(WEEK, KEY, NOW, ())) is None
    assert (sender.size, sender.settle) == (SIZE, timedelta())


# What a server says to one reader's letter


@pytest.mark.parametrize(
    ("quirk", "how", "why"),
    [
        ("knows no such reader", "refused", "550 5.1.1 …: no such mailbox"),
        ("denies relay", "refused", "554 5.7.1 …: Relay access denied"),
        ("refuses DATA", "refused", "554 5.5.1 no valid recipients"),
        ("refuses the letter", "refused", "554 5.6.0 message refused"),
        ("puts off", "later", "450 4.2.0 …: greylisted, come back later"),
        ("puts DATA off", "later", "451 4.3.0 out of disk"),
        ("puts the letter off", "later", "451 4.3.0 try again"),
        ("closes for the night", "later", "421 4.3.2 closing"),
        ("hangs up at RCPT", "later", "the connection ended, or nothing was said, at RCPT"),
        ("is silent at RCPT", "later", "the connection ended, or nothing was said, at RCPT"),
        ("hangs up before it takes", "unknown", "after the whole letter was sent"),
        ("loses the answer", "unknown", "after the whole letter was sent"),
        ("is silent after it took", "unknown", "after the whole letter was sent"),
        ("answers nonsense", "unknown", "makes no sense: 999 what"),
    ],
)
@pytest.mark.parametrize(("place", "pipelining"), [(0, True), (2, False), (4, True)])
def test_what_happens_to_one_letter_costs_no_other_reader_theirs(
    started: Started, quirk: str, how: str, why: str, place: int, pipelining: bool
) -> None:
    sender, post = started({address(place): quirk}, to={"timeout_s": 0.2})
    post.pipelining = pipelining
    receipt = sender.send(batch())

    named = {"refused": receipt.refused, "later": receipt.later, "unknown": receipt.unknown}
    assert {name: set(whom) for name, whom in named.items() if whom} == {how: ids(place)}
    assert why in named[how][reader(place).id]
    others = [address(number) for number in range(5) if number != place]
    assert post.addresses == sorted(others + ([address(place)] if quirk in TAKEN else []))


def test_a_connection_that_ends_before_the_last_line_of_a_letter_leaves_nobody_in_doubt(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = SMTP.send

    def send(smtp: SMTP, data: bytes | str) -> None:
        if isinstance(data, bytes):
            time.sleep(0.05)  # what a server did meanwhile is known here
        sending(smtp, data)

    monkeypatch.setattr(SMTP, "send", send)
    sender, post = started({address(1): "hangs up in the letter"})
    receipt = sender.send(batch())

    assert receipt == Receipt(later={reader(1).id: "the connection ended while the letter was sent"})
    assert post.addresses == [address(0), address(2), address(3), address(4)]


def test_all_that_can_happen_in_one_call_is_kept_apart(started: Started) -> None:
    sender, post = started({address(0): "knows no such reader", address(1): "puts off", address(2): "loses the answer"})
    receipt = sender.send(batch())
    assert (set(receipt.refused), set(receipt.later), set(receipt.unknown)) == (ids(0), ids(1), ids(2))
    assert post.addresses == [address(2), address(3), address(4)]


@pytest.mark.parametrize("quirk", ["denies relay", "wants a password", "refuses the letter"])
def test_a_server_that_takes_nothing_for_anybody_halts_instead_of_refusing_every_reader(
    started: Started, quirk: str
) -> None:
    sender, post = started(dict.fromkeys(map(address, range(5)), quirk))
    with pytest.raises(SendHalted, match="takes no letter for anybody: 5"):
        sender.send(batch())
    assert post.taken == []


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.1.8 <digest@example.org>: Sender address rejected: Domain not found",
        "553 5.1.7 bad sender's mailbox", "550 Sender verify failed", "552 5.2.3 longer than we take",
        "554 Client host [185.1.22.3] blocked using a list", "550 5.7.1 go away", "553 no relaying (#5.7.1)",
        "530 5.7.0 Must issue a STARTTLS command first", "503 5.5.4 send AUTH first",
    ],
)  # fmt: skip
def test_what_a_server_says_of_us_at_each_readers_address_refuses_no_reader(started: Started, answer: str) -> None:
    """Many servers wait with what they have against a sender until they hear of a reader."""
    sender, post = started(dict.fromkeys(map(address, range(5)), answer))
    with pytest.raises(SendHalted, match="takes no letter for anybody"):
        sender.send(batch())
    assert post.taken == []


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.1.1 no such user", "550 5.1.10 null MX", "551 user not local", "550 5.2.1 mailbox disabled",
        "552 5.2.2 over quota", "501 Syntax error", "550 no such user at [10.5.7.1]",
    ],
)  # fmt: skip
def test_what_a_server_says_of_a_reader_refuses_that_reader_at_once(started: Started, answer: str) -> None:
    sender, _ = started({address(0): answer})
    assert set(sender.send(batch(reader(0))).refused) == ids(0)


def test_a_list_of_readers_who_are_gone_halts_nothing(started: Started) -> None:
    sender, _ = started(dict.fromkeys(map(address, range(5)), "knows no such reader"))
    assert set(sender.send(batch()).refused) == ids(*range(5))


def test_one_reader_alone_who_is_denied_waits_until_it_is_known_whom_the_server_means(started: Started) -> None:
    sender, _ = started({address(1): "denies relay"})
    assert set(sender.send(batch(reader(1))).later) == ids(1)
    assert sender.send(batch(reader(2))) == Receipt()
    assert set(sender.send(batch(reader(1))).refused) == ids(1)


# A server that takes nothing more


def test_a_sender_address_that_is_refused_halts(started: Started) -> None:
    sender, post = started({"anybody": "refuses the sender"})
    with pytest.raises(SendHalted, match=r"does not take letters from our address: 550 5\.1\.8 …: Sender"):
        sender.send(batch())
    assert post.taken == []


def test_a_server_that_puts_our_address_off_is_asked_again_later(started: Started) -> None:
    sender, post = started({"anybody": "puts the sender off"})
    with pytest.raises(SendLater, match=r"451 4\.3\.0 Try again later"):
        sender.send(batch())
    assert post.taken == []


@pytest.mark.parametrize("quirk", ["is busy", "hangs up at MAIL"])
def test_a_server_that_hears_of_no_letter_costs_no_reader_a_try(started: Started, quirk: str) -> None:
    sender, post = started({"anybody": quirk})
    with pytest.raises(SendLater, match="hears of no letter: "):
        sender.send(batch())
    assert post.taken == []
    assert post.connections == 3


def test_a_server_that_ends_one_connection_after_the_other_leaves_all_for_later(started: Started) -> None:
    sender, post = started(dict.fromkeys(map(address, range(5)), "hangs up at RCPT"))
    assert set(sender.send(batch()).later) == ids(*range(5))
    assert post.taken == []
    assert post.connections == 9


def test_a_server_that_wants_to_know_us_first_halts(started: Started) -> None:
    sender, _ = started({"anybody": "503 5.5.4 send AUTH first"})
    with pytest.raises(SendHalted, match=r"503 5\.5\.4 send AUTH first"):
        sender.send(batch())


class Turning(Post):
    """A server that changes its mind once it took some letters."""

    after, then = 2, ""
    then_do: Callable[[], None] = staticmethod(lambda: None)

    def _take(self, *arguments: Any) -> None:
        super()._take(*arguments)
        if len(self.taken) == self.after:
            self.readers["anybody"] = self.then
            self.then_do()


@pytest.mark.parametrize(
    ("quirk", "why"),
    [
        ("refuses the sender", "550 5.1.8 …: Sender address rejected"),
        ("puts the sender off", "451 4.3.0 Try again later"),
        ("is busy", "421 4.7.0 Too many connections"),
        ("hangs up at MAIL", "at MAIL"),
    ],
)
def test_who_was_accepted_before_a_server_took_no_more_stays_accepted(quirk: str, why: str) -> None:
    post = Turning()
    post.then = quirk
    with serving(post) as sender:
        receipt = sender.send(batch())

    assert post.addresses == [address(0), address(1)]
    assert set(receipt.later) == ids(2, 3, 4)
    assert any(why in one for one in receipt.later.values())
    assert not receipt.refused
    assert not receipt.unknown


def test_a_server_that_goes_in_the_middle_of_a_call_leaves_the_rest_for_later(free_port: int) -> None:
    post = Turning()
    post.then, post.then_do = "hangs up at MAIL", lambda: server.server.close() if server.server else None
    server = MailServer(post, free_port)
    server.start()
    with closing(Smtp(Server("127.0.0.1", free_port, "none"))) as sender:
        receipt = sender.send(batch())
        assert set(receipt.later) == ids(2, 3, 4)
        assert "cannot be reached: Connection refused" in receipt.later[reader(4).id]
        with pytest.raises(SendLater):
            sender.send(batch())
    server.stop()
    assert post.addresses == [address(0), address(1)]


def test_a_server_that_loses_every_answer_leaves_few_readers_in_doubt(started: Started) -> None:
    sender, post = started(dict.fromkeys(map(address, range(5)), "loses the answer"))
    receipt = sender.send(batch())
    assert (set(receipt.unknown), set(receipt.later)) == (ids(0, 1, 2), ids(3, 4))
    assert len(post.taken) == 3
