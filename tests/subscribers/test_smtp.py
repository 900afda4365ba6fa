"""Letters over SMTP reach each reader once, whatever a real server says, leaves unsaid or breaks off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from smtplib import SMTP
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.errors import FilesError, SendHalted, SendLater
from digest.settings import Settings
from subscribers.addressing import Batch, Recipient
from subscribers.letters import delivery_of
from subscribers.links import reader_token
from subscribers.senders import Doubt, Receipt
from subscribers.senders.smtp import SIZE, Smtp, open_sender
from subscribers.smtpline import Server
from tests.certificates import Certificate, certificate
from tests.examples import NOW
from tests.smtpd import TAKEN, Post, with_password
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


@pytest.fixture
def started(free_port: int) -> Iterator[Started]:
    """Starts a mail server that behaves as told, and gives a sender for it."""
    running: list[tuple[MailServer, Smtp]] = []

    def start(
        readers: Mapping[str, str] | None = None,
        *,
        to: Mapping[str, Any] | None = None,
        at_once: int = 1,
        **others: Any,
    ) -> tuple[Smtp, Post]:
        post = Post(readers=dict(readers or {}))
        server = MailServer(post, free_port, enable_SMTPUTF8=True, **others)
        server.start()
        told: dict[str, Any] = {"tls": "none", "timeout_s": 1.0} | dict(to or {})
        sender = Smtp(Server("127.0.0.1", free_port, **told), at_once)
        running.append((server, sender))
        return sender, post

    yield start
    for server, sender in running:
        sender.close()
        server.stop()


# What arrives


def test_each_reader_gets_a_letter_of_their_own_over_one_connection(started: Started) -> None:
    sender, post = started()
    assert sender.send(batch()) == Receipt()
    assert sender.send(batch(reader(9))) == Receipt()

    assert post.addresses == [*map(address, range(5)), address(9)]
    assert [mail["To"] for mail in post.mails] == [envelope.rcpt_tos[0] for envelope, _ in post.taken]
    assert [f"/leave/{one.token}" in str(mail) for mail, one in zip(post.mails, READERS, strict=False)] == [True] * 5
    assert {envelope.mail_from for envelope, _ in post.taken} == {IDENTITY.from_email}
    assert post.connections == 1


def test_the_id_of_a_letter_tells_its_delivery_and_its_call(started: Started) -> None:
    sender, post = started()
    sender.send(batch())
    assert [delivery_of(mail["Message-ID"]) for mail in post.mails] == [(WEEK, one.id, KEY) for one in READERS]


def test_bounces_go_where_settings_say(started: Started) -> None:
    sender, post = started()
    with closing(Smtp(sender.server, 1, "bounces@example.org")) as other:
        other.send(batch())
    assert {envelope.mail_from for envelope, _ in post.taken} == {"bounces@example.org"}
    assert {mail["From"].addresses[0].addr_spec for mail in post.mails} == {IDENTITY.from_email}


def test_a_line_that_looks_like_the_end_ends_nothing(started: Started) -> None:
    sender, post = started()
    text = ".\n.hidden\n..\nMAIL FROM:<eve@example.org>\n.\n"
    sender.send(batch(message=replace(MESSAGE, text=text)))

    body = post.mails[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == text
    assert len(post.taken) == 5


def test_many_calls_at_once_use_as_many_connections(started: Started) -> None:
    sender, post = started(at_once=4)
    post.delay_s = 0.01
    batches = [batch(*(reader(10 * call + number) for number in range(5))) for call in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(sender.send, batches)) == [Receipt()] * 8

    assert post.addresses == sorted(one.email for some in batches for one in some.recipients)
    assert post.connections == post.most_open == 4


def test_a_mail_server_keeps_no_record_that_could_be_asked(started: Started) -> None:
    sender, _ = started()
    sender.send(batch())
    assert sender.found(Doubt(WEEK, KEY, NOW, ())) is None
    assert (sender.size, sender.settle) == (SIZE, timedelta())


# Getting in


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS from the first byte
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_letters_leave_encrypted_and_logged_in(
    started: Started, ours: Certificate, monkeypatch: pytest.MonkeyPatch, tls: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.trust))
    context = {"tls_context": ours.server} if tls == "starttls" else {"ssl_context": ours.server}
    sender, post = started(
        to={"tls": tls, "username": "ada", "password": "s3cret"},
        authenticator=with_password("ada", "s3cret"), auth_required=True, auth_require_tls=tls == "starttls", **context,
    )  # fmt: skip

    assert sender.send(batch()) == Receipt()
    assert len(post.taken) == 5
    assert post.connections == 1


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_gets_no_password_and_no_letter(
    started: Started, ours: Certificate, tls: str
) -> None:
    context = {"tls_context": ours.server} if tls == "starttls" else {"ssl_context": ours.server}
    sender, post = started(to={"tls": tls, "username": "ada", "password": "s3cret"}, **context)

    with pytest.raises(SendHalted, match=r"certificate that cannot be trusted: self.signed certificate"):
        sender.send(batch())
    assert post.taken == []


def test_a_certificate_of_another_host_is_not_trusted(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = certificate(tmp_path, "127.0.0.9")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.trust))
    sender, _ = started(to={"tls": "starttls"}, tls_context=other.server)
    with pytest.raises(SendHalted, match=r"certificate is not valid for '127.0.0.1'"):
        sender.send(batch())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS from the first byte
def test_a_wrong_password_halts_and_is_told_to_nobody(started: Started) -> None:
    sender, post = started(
        to={"username": "ada", "password": "wr0ngpassword"},
        authenticator=with_password("ada", "s3cret"), auth_required=True, auth_require_tls=False,
    )  # fmt: skip
    with pytest.raises(SendHalted, match=r"does not let us in: 535 5.7.8") as raised:
        sender.send(batch())

    assert "wr0ng" not in f"{raised.value!r}{raised.value.__context__!r}{sender.server!r}"
    assert post.taken == []


def test_a_server_that_repeats_what_it_was_sent_to_log_in_gives_no_password_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 hello\r\n")
                for line in lines:
                    ehlo = line.lower().startswith(b"ehlo")
                    said = b"250-hello\r\n250 AUTH PLAIN LOGIN" if ehlo else b"500 5.5.1 what is: " + line.strip()
                    connection.sendall(said + b"\r\n")

        talker = threading.Thread(target=talk)
        talker.start()
        port = listening.getsockname()[1]
        with pytest.raises(SendHalted, match=r"500 5\.5\.1 what is: AUTH (PLAIN|LOGIN) …$") as raised:
            Smtp(Server("127.0.0.1", port, "none", "ada", "a" * 30)).send(batch())
        talker.join()
    assert "YWFh" not in str(raised.value)


def test_a_server_without_encryption_halts_where_settings_ask_for_it(started: Started) -> None:
    sender, post = started(to={"tls": "starttls"})
    with pytest.raises(SendHalted, match="cannot do what settings ask for: STARTTLS"):
        sender.send(batch())
    assert post.taken == []


def test_tls_where_none_is_spoken_halts_with_the_setting_to_look_at(started: Started) -> None:
    sender, _ = started(to={"tls": "tls"})
    with pytest.raises(SendHalted, match="SMTP_TLS or SMTP_PORT does not fit"):
        sender.send(batch())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS from the first byte
def test_a_server_that_wants_a_password_and_was_given_none_halts(started: Started) -> None:
    sender, _ = started(authenticator=with_password("a", "b"), auth_required=True, auth_require_tls=False)
    with pytest.raises(
        SendHalted, match=r"does not take letters from our address: 530 5\.7\.0 Authentication required"
    ):
        sender.send(batch())


def test_where_nobody_listens_letters_wait(free_port: int) -> None:
    sender = Smtp(Server("127.0.0.1", free_port, "none"))
    with pytest.raises(SendLater, match=f"the mail server 127.0.0.1:{free_port} cannot be reached: Connection refused"):
        sender.send(batch())


def test_where_the_host_has_no_address_letters_wait() -> None:
    sender = Smtp(Server("mail.invalid", 25, "none"))
    with pytest.raises(SendLater, match=r"the mail server mail\.invalid:25 cannot be reached"):
        sender.send(batch())


@pytest.mark.parametrize(
    ("greeting", "error", "said"),
    [
        (b"421 4.7.0 too many connections\r\n", SendLater, "421 4.7.0 too many connections"),
        (b"554 5.7.1 you are blocked, ask postmaster@example.org\r\n", SendHalted, "554 5.7.1 you are blocked, ask …"),
        (b"", SendLater, "hung up before it let us in"),
        (b"hello there\r\n", SendLater, "does not let us in"),
        (None, SendLater, "hung up before it let us in"),
    ],
)
def test_a_greeting_decides_whether_to_wait_or_to_ask_a_person(
    greeting: bytes | None, error: type[Exception], said: str
) -> None:
    """None: the server is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                if greeting is None:
                    done.wait(5)
                else:
                    connection.sendall(greeting)

        greeter = threading.Thread(target=greet)
        greeter.start()
        with pytest.raises(error, match=said):
            Smtp(Server("127.0.0.1", listening.getsockname()[1], "none", timeout_s=0.3)).send(batch())
        done.set()
        greeter.join()


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
@pytest.mark.parametrize("place", [0, 2, 4])
def test_what_happens_to_one_letter_costs_no_other_reader_theirs(
    started: Started, quirk: str, how: str, why: str, place: int
) -> None:
    sender, post = started({address(place): quirk}, to={"timeout_s": 0.3})
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


def test_no_reason_that_is_kept_names_an_address(started: Started) -> None:
    sender, _ = started({address(1): "knows no such reader", address(2): "denies relay"})
    receipt = sender.send(batch())
    assert set(receipt.refused) == ids(1, 2)
    assert not any("@" in why or "reader1" in why for why in receipt.refused.values())


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
def test_a_server_that_ends_one_connection_after_the_other_leaves_all_for_later(started: Started, quirk: str) -> None:
    sender, post = started({"anybody": quirk})
    assert set(sender.send(batch()).later) == ids(*range(5))
    assert post.taken == []
    assert post.connections == 9


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
def test_who_was_accepted_before_a_server_took_no_more_stays_accepted(free_port: int, quirk: str, why: str) -> None:
    post = Turning()
    post.then = quirk
    server = MailServer(post, free_port)
    server.start()
    with closing(Smtp(Server("127.0.0.1", free_port, "none"))) as sender:
        receipt = sender.send(batch())
    server.stop()

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


# Connections


def test_a_connection_the_server_ended_meanwhile_costs_nobody_anything(started: Started) -> None:
    sender, post = started(at_once=1)
    sender.send(batch(reader(0)))
    for connection in list(sender._idle):
        connection._smtp.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    assert sender.send(batch(reader(1), reader(2))) == Receipt()

    assert post.addresses == [address(0), address(1), address(2)]
    assert post.connections == 2


def test_a_connection_that_idled_for_long_is_not_used_again(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    sender, post = started()
    sender.send(batch(reader(0)))
    monkeypatch.setattr("subscribers.senders.smtp._IDLE_S", 0.0)
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


# Addresses


@pytest.mark.parametrize(
    ("email", "on_the_wire"),
    [
        ("ada@B\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("zo\u00eb@example.org", "zo\u00eb@example.org"),
        ("\u674e@\u4f8b\u5b50.example", "\u674e@xn--fsqu00a.example"),
        ("o'brien+a.b!c=d@example.org", "o'brien+a.b!c=d@example.org"),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org", f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org"),
    ],
)
def test_an_address_of_any_script_is_spelled_as_servers_read_it(started: Started, email: str, on_the_wire: str) -> None:
    sender, post = started()
    assert sender.send(batch(reader(1, email=email), reader(2))) == Receipt()
    assert post.addresses == sorted([on_the_wire, address(2)])


def test_an_address_that_the_server_cannot_hold_is_refused_with_the_reason(free_port: int) -> None:
    post = Post()
    server = MailServer(post, free_port, enable_SMTPUTF8=False)
    server.start()
    with closing(Smtp(Server("127.0.0.1", free_port, "none"))) as sender:
        receipt = sender.send(batch(reader(1, email="zo\u00eb@example.org"), reader(2)))
        with pytest.raises(SendHalted, match="our own address cannot be used here"):
            sender.send(batch(identity=replace(IDENTITY, from_email="gr\u00fc\u00dfe@example.org")))
    server.stop()
    assert "SMTPUTF8" in receipt.refused[reader(1).id]
    assert post.addresses == [address(2)]


def test_an_own_address_that_no_header_can_hold_halts_and_refuses_no_reader(started: Started) -> None:
    sender, post = started()
    with pytest.raises(SendHalted, match="look at from_email"):
        sender.send(batch(identity=replace(IDENTITY, from_email="a@\u00ad.example")))
    assert post.taken == []


STRANGE = st.text(max_size=30).map(lambda text: f"{text}@example.org") | st.text(max_size=80)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(email=STRANGE, name=st.text(max_size=30))
@example('"a b"@example.org', "")
@example("a@example.org>\r\nRCPT TO:<eve@example.org", "")
@example("a@example.org\r\nBcc: eve@example.org", "Ada\r\nBcc: eve@example.org")
@example("<a@example.org>", "")
@example("a@example.org NOTIFY=NEVER", "")
@example("@a.example,@b.example:ada@example.org", "")
@example(f"{'a' * 500}@example.org", "")
@example("\ud800@example.org", "\ud800")
@example("ada@", "")
@example("ada@example..org", "")
@example("a(b)@example.org", "=?utf-8?q?=0d=0aBcc:_x?=")
def test_an_odd_address_never_costs_another_reader_the_mail_nor_writes_a_header(
    shared: tuple[Smtp, Post], email: str, name: str
) -> None:
    sender, post = shared
    post.taken.clear()
    receipt = sender.send(batch(reader(0), reader(1, email=email, name=name), reader(2)))

    assert set(receipt.refused) <= ids(1)
    assert not receipt.later
    assert not receipt.unknown
    expected = [address(0), address(2)]
    assert [one for one in post.addresses if one in expected] == expected
    assert len(post.taken) == 3 - len(receipt.refused)
    for mail in post.mails:
        assert mail.keys() == post.mails[0].keys()
        assert mail["Bcc"] is None


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Smtp, Post]]:
    """A server for many examples."""
    post = Post()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = MailServer(post, port, enable_SMTPUTF8=True)
    server.start()
    with closing(Smtp(Server("127.0.0.1", port, "none"))) as sender:
        yield sender, post
    server.stop()


# Settings


def opened(**environment: str) -> Smtp:
    return open_sender(Settings(), environment)


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_from_the_encryption(tls: str, port: int) -> None:
    server = opened(SMTP_HOST="mail.example.org", SMTP_TLS=tls).server
    assert (server.tls, server.port) == (tls, port)
    assert opened(SMTP_HOST="mail.example.org", SMTP_TLS=tls, SMTP_PORT="2525").server.port == 2525


def test_letters_are_encrypted_unless_told_otherwise_and_settings_bound_time_and_connections() -> None:
    sender = opened(SMTP_HOST="mail.example.org")
    assert (sender.server.tls, sender.server.port, sender.server.timeout_s, sender.at_once) == ("starttls", 587, 30, 8)


def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    sender = opened(SMTP_HOST="m.example.org", SMTP_USERNAME="ada", SMTP_PASSWORD_FILE=str(tmp_path / "password"))
    assert sender.server.password == "s3cret"
    assert "s3cret" not in repr(sender.server)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_password_goes_unencrypted_to_this_machine_only(host: str) -> None:
    login = {"SMTP_USERNAME": "ada", "SMTP_PASSWORD": "s3cret", "SMTP_TLS": "none"}
    assert opened(SMTP_HOST=host, **login).server.username == "ada"
    with pytest.raises(FilesError, match="SMTP_TLS: found 'none' with a password; allowed: starttls or tls"):
        opened(SMTP_HOST="localhost.example.org", **login)


def test_every_wrong_setting_is_told_at_once_without_the_password() -> None:
    with pytest.raises(FilesError) as raised:
        opened(SMTP_TLS="ssl", SMTP_PORT="0", SMTP_PASSWORD="s3cret", SMTP_BOUNCES_TO="nobody")
    assert str(raised.value).splitlines() == [
        "environment: SMTP_HOST: found nothing; allowed: the mail server's name or address",
        "environment: SMTP_TLS: found 'ssl'; allowed: starttls, tls, none",
        "environment: SMTP_PORT: found '0'; allowed: 1 to 65535",
        "environment: SMTP_USERNAME: found nothing; allowed: both of SMTP_USERNAME and SMTP_PASSWORD, or none",
        "environment: SMTP_BOUNCES_TO: found 'nobody'; allowed: one bare address such as bounces@example.org",
    ]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SMTP_HOST": "a b"}, "SMTP_HOST: found 'a b'"),
        ({"SMTP_HOST": "m", "SMTP_USERNAME": "ada"}, "SMTP_PASSWORD: found nothing"),
        ({"SMTP_HOST": "m", "SMTP_USERNAME": "ada", "SMTP_PASSWORD": "s\u00e9cret"}, "SMTP_PASSWORD: found other than"),
        ({"SMTP_HOST": "m", "SMTP_PORT": "\u0665"}, "SMTP_PORT: found '\u0665'"),
        ({"SMTP_HOST": "m", "SMTP_PASSWORD_FILE": "/nowhere"}, "SMTP_PASSWORD_FILE: found '/nowhere': No such file"),
        ({"SMTP_HOST": "m", "SMTP_BOUNCES_TO": "a@b\r\nc"}, "SMTP_BOUNCES_TO: found"),
    ],
)
def test_a_wrong_setting_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(FilesError) as raised:
        opened(**environment)
    assert said in str(raised.value)
    assert "s\u00e9cret" not in str(raised.value)
