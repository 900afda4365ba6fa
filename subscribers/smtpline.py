"""One connection to a mail server, and what the server says to one letter."""

from __future__ import annotations

import io
import re
import socket
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cached_property
from smtplib import SMTP, SMTP_SSL, SMTPException, SMTPResponseException, SMTPServerDisconnected
from time import monotonic
from typing import Literal

from subscribers.deadlines import Deadlined

#: What a server may say to a letter. It is `denied` where the server's reason is not about the reader: it may say so to
#: everybody. `lost` is a connection that ended before the letter did, so that nobody can have it.
Said = Literal["accepted", "refused", "denied", "later", "unknown", "lost"]

#: How the connection is made: encrypted by STARTTLS, from its first byte, or not at all.
Tls = Literal["starttls", "tls", "none"]

#: Characters of a server's reason that are looked at, and that are kept.
_LOOKED_AT, _KEPT = 2000, 300

#: How long the answer to a goodbye may take.
_GOODBYE_S = 2.0

#: An enhanced status code in a reply, and no part of an address of the internet; and those that speak of the reader's
#: own mailbox: not of ours (5.1.7, 5.1.8), nor of a letter that is too long (5.2.3). Source: RFC 3463, 3.2 and 3.3.
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_OF_THE_READER = re.compile(r"5\.(1\.(?![78]$)|2\.(?!3$))")

#: Words of servers without such codes that mean us and not the reader.
_OF_US = re.compile(
    r"\b(relay\w*|auth\w*|sender\w*|access denied|blocked|block ?list\w*|blacklist\w*|spam\w*)\b", re.IGNORECASE
)

#: Whatever may be somebody's address.
_ADDRESS = re.compile(r"<?[^\s<>]*@[^\s<>,;:]*>?")

#: What a server calls a TLS greeting it did not expect, or no TLS at all: waiting does not help.
_NO_TLS_THERE = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one letter, and why."""

    said: Said
    why: str = ""


ACCEPTED = Outcome("accepted")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One letter on its way: from whom, to whom, and its bytes with line ends as SMTP has them."""

    sender: str
    recipient: str
    source: bytes

    def __post_init__(self) -> None:
        if re.search(r"[\x00-\x20<>\x7f]", self.sender + self.recipient):
            raise ValueError("an address that would end its command")

    @property
    def needs_utf8(self) -> bool:
        """Tell whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not (self.sender.isascii() and self.recipient.isascii())


class Lost(Exception):
    """A connection ended, or made no sense any more, before it could have taken the letter.

    `said_whom` tells whether the server may have heard by then whom the letter is for.
    """

    def __init__(self, why: str, *, said_whom: bool = True) -> None:
        super().__init__(why)
        self.said_whom = said_whom


class NoServer(Exception):
    """The server takes no letter from us now; `halted` where that is so until a person acts."""

    def __init__(self, why: str, *, halted: bool = False) -> None:
        super().__init__(why)
        self.halted = halted


@dataclass(frozen=True)
class Server:
    """A mail server, and how to speak to it; `timeout_s` is how long any of its answers may take."""

    host: str
    port: int
    tls: Tls = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 30.0

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Trust for certificates, read once: that takes longer than a letter."""
        return ssl.create_default_context()

    @cached_property
    def _own_name(self) -> str:
        return SMTP().local_hostname  # asks the name service, so it is asked once

    def connect(self) -> Line:
        """Open a connection, encrypted and logged in as settings say.

        Raises:
            NoServer: It cannot be reached, or does not let us in.
        """
        try:
            return Line(self._opened())
        except ssl.SSLCertVerificationError as error:
            why = f"{self} has a certificate that cannot be trusted: {error.verify_message or error.reason}"
            raise NoServer(why, halted=True) from error
        except SMTPResponseException as error:
            # Not chained: the text of the error may hold what was sent to log in.
            said = _said(error.smtp_code, error.smtp_error, self._secrets())
            raise NoServer(f"{self} does not let us in: {said}", halted=error.smtp_code // 100 == 5) from None
        except SMTPServerDisconnected as error:
            raise NoServer(f"{self} hung up before it let us in") from error
        except SMTPException as error:  # it has no STARTTLS, or no way to log in
            raise NoServer(f"{self} cannot do what settings ask for: {error}", halted=True) from error
        except OSError as error:
            halted = isinstance(error, ssl.SSLError) and error.reason in _NO_TLS_THERE
            hint = "; SMTP_TLS or SMTP_PORT does not fit it" if halted else ""
            raise NoServer(f"{self} cannot be reached: {error.strerror or error}{hint}", halted=halted) from error
        except ValueError as error:  # no name service can be asked for such a host
            raise NoServer(f"SMTP_HOST: found {self.host!r}; allowed: the name of a server", halted=True) from error

    def __str__(self) -> str:
        return f"the mail server {self.host}:{self.port}"

    def _opened(self) -> SMTP:
        own, timeout = self._own_name, self.timeout_s
        if self.tls == "tls":
            smtp: SMTP = _InTimeTls(self.host, self.port, own, timeout=timeout, context=self.context)
        else:
            smtp = _InTime(self.host, self.port, own, timeout=timeout)
        try:
            smtp.ehlo_or_helo_if_needed()
            if self.tls == "starttls":
                smtp.starttls(context=self.context)
                smtp.ehlo_or_helo_if_needed()
            if self.username:
                smtp.login(self.username, self.password)
            if smtp.sock is not None:
                # The dot that ends a letter is sent alone; without this it would wait for an answer that may be late.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _secrets(self) -> tuple[str, ...]:
        """Every form in which a server might repeat what it was sent to log in."""
        if not self.username:
            return ()
        both = f"\0{self.username}\0{self.password}"
        encoded = (b64encode(one.encode()).decode() for one in (both, self.password, self.username))
        return (*encoded, self.password, self.username)


class _InTime(SMTP):
    """The standard client, whose timeout is for a whole answer and not for each piece of it."""

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is None:
            raise SMTPServerDisconnected("the connection is closed")
        if self.file is None:
            self.file = io.BufferedReader(Deadlined(self.sock, 0.0))
        self.file.raw.deadline = monotonic() + self.timeout
        try:
            return super().getreply()
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)


class _InTimeTls(_InTime, SMTP_SSL):
    """The same, encrypted from the first byte."""


class Line:
    """A connection to a mail server that takes one letter after the other."""

    def __init__(self, smtp: SMTP) -> None:
        self._smtp, self._used_at, self._is_fresh, self._said_whom = smtp, monotonic(), True, False

    @property
    def is_open(self) -> bool:
        """Tell whether it may be used again."""
        return self._smtp.sock is not None

    @property
    def idle_s(self) -> float:
        """How long nothing was said on it."""
        return monotonic() - self._used_at

    def post(self, letter: Envelope, *, at_once: bool = True) -> Outcome:
        """Hand one letter over.

        Args:
            letter: What, from whom and to whom.
            at_once: Say from whom and to whom in one go, where the server can hear that (PIPELINING, RFC 2920).

        Raises:
            Lost: The connection ended, and nobody has the letter.
            NoServer: The server takes no letter from this sender.
        """
        try:
            outcome = self._announced(letter, at_once=at_once and self._smtp.has_extn("pipelining"))
            outcome = outcome or self._handed_over(letter)
        except BaseException:
            self.close()
            raise
        self._used_at, self._is_fresh = monotonic(), False
        if outcome.said != "accepted":
            self._forget()
        return outcome

    def quit(self) -> None:
        """End the connection as servers like it, but wait for no answer that takes long."""
        try:
            self._smtp.timeout = _GOODBYE_S
            self._smtp.quit()
        except (SMTPException, OSError):  # it is over either way
            self.close()

    def close(self) -> None:
        """End the connection."""
        self._smtp.close()

    def _announced(self, letter: Envelope, *, at_once: bool) -> Outcome | None:
        """Say from whom and to whom; gives an outcome where the server does not want the letter."""
        if letter.needs_utf8 and not self._smtp.has_extn("smtputf8"):
            return self._without_utf8(letter)
        mail = f"MAIL FROM:<{letter.sender}>{self._options(letter)}"
        commands = (mail, f"RCPT TO:<{letter.recipient}>", "DATA")
        self._said_whom = at_once or letter.needs_utf8
        if at_once:
            self._say("\r\n".join(commands))
        for place, command in enumerate(commands):
            if not at_once:
                self._said_whom = self._said_whom or place > 0
                self._say(command)
            code, said = self._heard(command)
            if code == 354 if command == "DATA" else code // 100 == 2:
                continue
            if at_once:
                self._hear_out(len(commands) - place - 1)
            return self._at_mail(code, said, letter) if place == 0 else _turned_away(code, said, at_address=place == 1)
        return None

    def _at_mail(self, code: int, said: str, letter: Envelope) -> Outcome:
        """Tell what it means that a server does not want a letter before it is said whom it is for."""
        if letter.needs_utf8 and code // 100 == 5:
            return Outcome("refused", said)
        if not self._is_fresh:  # some take so many over one connection, and no more
            raise Lost(said, said_whom=False)
        raise NoServer(f"the mail server does not take letters from our address: {said}", halted=code // 100 == 5)

    def _handed_over(self, letter: Envelope) -> Outcome:
        """Send the letter itself. Before its last line has left whole, no server can have taken it."""
        try:
            self._smtp.send(_with_dots_doubled(letter.source))
            self._smtp.send(b".\r\n")
        except OSError as error:
            raise Lost("the connection ended while the letter was sent") from error
        try:
            code, raw = self._smtp.getreply()
        except OSError:
            self.close()
            return Outcome("unknown", "the connection ended, or nothing was said, after the whole letter was sent")
        said = _said(code, raw)
        if code // 100 == 2:
            return ACCEPTED
        if code // 100 in {4, 5}:
            outcome = _turned_away(code, said, at_address=False)
        else:
            outcome = Outcome("unknown", f"the mail server's answer to the whole letter makes no sense: {said}")
        if code == 421 or outcome.said == "unknown":
            self.close()
        return outcome

    def _without_utf8(self, letter: Envelope) -> Outcome:
        what = "SMTPUTF8, which an address with other than ASCII letters before the @ needs"
        if letter.sender.isascii():
            return Outcome("refused", f"the mail server has no {what}")
        raise NoServer(f"our own address cannot be used here: the mail server has no {what}", halted=True)

    def _options(self, letter: Envelope) -> str:
        has, utf8 = self._smtp.has_extn, letter.needs_utf8
        size = f" SIZE={len(letter.source)}" if has("size") else ""
        return size + (" BODY=8BITMIME" if utf8 and has("8bitmime") else "") + (" SMTPUTF8" if utf8 else "")

    def _say(self, commands: str) -> None:
        try:
            self._smtp.send(f"{commands}\r\n".encode())  # only a server with SMTPUTF8 ever gets other than ASCII
        except OSError as error:
            raise Lost(f"the connection ended at {commands[:4]}", said_whom=self._said_whom) from error

    def _heard(self, command: str) -> tuple[int, str]:
        """Give the answer to a command; one that ends the connection, or belongs to another command, loses it."""
        try:
            code, raw = self._smtp.getreply()
        except OSError as error:
            why = f"the connection ended, or nothing was said, at {command[:4]}"
            raise Lost(why, said_whom=self._said_whom) from error
        said = _said(code, raw)
        if code == 421 or (code == 503 and not self._is_fresh) or code // 100 not in {2, 3, 4, 5}:
            raise Lost(said, said_whom=self._said_whom)
        return code, said

    def _hear_out(self, answers: int) -> None:
        """Hear what is said to commands that left with one that failed; a server that waits for a letter gets none."""
        try:
            if any(self._smtp.getreply()[0] in {354, 421} for _ in range(answers)):
                self.close()
        except OSError:
            self.close()

    def _forget(self) -> None:
        """Let the server forget a letter it did not take; where it does not, the connection is of no more use."""
        if not self.is_open:
            return
        try:
            if self._smtp.rset()[0] != 250:
                self.close()
        except OSError:
            self.close()


def _turned_away(code: int, said: str, *, at_address: bool) -> Outcome:
    """Tell what a server means that does not take a letter."""
    if code // 100 == 4:
        return Outcome("later", said)
    if code // 100 != 5:
        raise Lost(said)
    if status := _STATUS.search(said):
        return Outcome("refused" if _OF_THE_READER.match(status[0]) else "denied", said)
    return Outcome("refused" if at_address and code != 530 and not _OF_US.search(said) else "denied", said)


def _with_dots_doubled(source: bytes) -> bytes:
    """Make a letter fit to be sent: no line of it may look like its end (RFC 5321, 4.5.2)."""
    stuffed = source.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if source.startswith(b".") else stuffed


def _said(code: int, raw: bytes | str, secrets: tuple[str, ...] = ()) -> str:
    """Put an answer into one short line for people, without addresses and secrets: it is kept and shown."""
    text = (raw if isinstance(raw, str) else raw.decode("utf-8", "replace"))[:_LOOKED_AT]
    for secret in secrets:
        text = text.replace(secret, "…")
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f"{code} {_ADDRESS.sub('…', text)}"[:_KEPT]
