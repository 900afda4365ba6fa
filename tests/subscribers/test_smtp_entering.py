"""A mail server is spoken to as settings say, with a certificate and a password that are looked after."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from digest.errors import FilesError, SendHalted, SendLater
from digest.settings import Settings
from subscribers.senders import Receipt
from subscribers.senders.smtp import Smtp, open_sender
from subscribers.smtpline import Server
from tests.certificates import Certificate, certificate
from tests.smtpd import with_password
from tests.subscribers.mailing import Started, batch, talking


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
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        for line in connection.makefile("rb"):
            ehlo = line.lower().startswith(b"ehlo")
            said = b"250-hello\r\n250 AUTH PLAIN LOGIN" if ehlo else b"500 5.5.1 what is: " + line.strip()
            connection.sendall(said + b"\r\n")

    with (
        talking(talk) as port,
        pytest.raises(SendHalted, match=r"500 5\.5\.1 what is: AUTH (PLAIN|LOGIN) …$") as raised,
    ):
        Smtp(Server("127.0.0.1", port, "none", "ada", "a" * 30)).send(batch())
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
    done = threading.Event()

    def greet(connection: socket.socket) -> None:
        if greeting is None:
            done.wait(5)
        else:
            connection.sendall(greeting)

    with talking(greet) as port:
        with pytest.raises(error, match=said):
            Smtp(Server("127.0.0.1", port, "none", timeout_s=0.3)).send(batch())
        done.set()


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
