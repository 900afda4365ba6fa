"""A mail server for tests that keeps what it takes on disk and misbehaves as told.

It runs by `python -m tests.smtpd FOLDER PORT [tls] [shared]`, or in a thread of a test. Several may have one port as
`shared`, each in a process of its own, as real servers do: each connection goes to one of them.

`plan.json` in the folder says how: `{"readers": {ADDRESS: QUIRK}, "chances": {QUIRK: 0.02}, "seed": 1, "delay_s": 0}`;
quirks are listed below.
A letter it takes is a line of `ledger.jsonl` there, written before the answer leaves, and what it did with others one
of `quirks.jsonl`. It says `ready` once it listens. A line on its standard input changes the plan, which it answers with
`told`; it goes when that input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from random import Random
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.certificates import shown
from tests.peers import kill_owner

#: What may be wrong with the way a letter is taken: at which command, and what happens there. An answer by its code is
#: what is said to a reader's address, or "anybody" at MAIL.
Quirk = Literal[
    "refuses the sender", "puts the sender off", "is busy", "hangs up at MAIL",
    "knows no such reader", "denies relay", "wants a password", "puts off", "hangs up at RCPT", "is silent at RCPT",
    "refuses DATA", "puts DATA off", "hangs up in the letter",
    "refuses the letter", "puts the letter off", "closes for the night", "hangs up before it takes",
    "loses the answer", "is silent after it took", "answers nonsense",
    "kills at RCPT", "kills at DATA", "kills before it takes", "kills after it took", "kills after the answer",
]  # fmt: skip

#: Those after which it has the letter, though the sender cannot know.
TAKEN: frozenset[Quirk] = frozenset({"loses the answer", "is silent after it took", "answers nonsense"})

#: Answers that are not about the connection, by quirk; "{}" is the reader's address.
_AT_MAIL: dict[str, str] = {
    "refuses the sender": "550 5.1.8 <{}>: Sender address rejected",
    "puts the sender off": "451 4.3.0 Try again later",
    "is busy": "421 4.7.0 Too many connections",
}
_AT_RCPT: dict[str, str] = {
    "knows no such reader": "550 5.1.1 <{}>: no such mailbox",
    "denies relay": "554 5.7.1 <{}>: Relay access denied",
    "wants a password": "530 Authentication required",
    "puts off": "450 4.2.0 <{}>: greylisted, come back later",
}
_AT_DATA: dict[str, str] = {
    "refuses DATA": "554 5.5.1 no valid recipients",
    "puts DATA off": "451 4.3.0 out of disk",
}
_AFTER: dict[str, str] = {
    "refuses the letter": "554 5.6.0 message refused",
    "puts the letter off": "451 4.3.0 try again",
    "closes for the night": "421 4.3.2 closing",
}


class Letter(Envelope):
    """A letter on its way, and what will be wrong with it once that is decided."""

    quirk: str | None = None


@dataclass
class Post:
    """What a server does with letters, and what it took.

    `readers` misbehave always ("anybody" at MAIL), others by `chances`; `taken` holds what it took, unless it is to
    `keep` nothing. With a folder each letter is also a line of the ledger there, with `keep_letters` a file too. It
    `lets_in` so many connections at once, takes `letters_each` over one, and hears several commands in one go if it has
    `pipelining`.
    """

    folder: Path | None = None
    readers: dict[str, str] = field(default_factory=dict)
    chances: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    delay_s: float = 0.0
    pipelining: bool = True
    lets_in: int | None = None
    letters_each: int | None = None
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)
    keep: bool = True
    keep_letters: bool = False

    def __post_init__(self) -> None:
        self._dice = Random(self.seed)  # noqa: S311 - the same each time
        self.talks: set[Talk] = set()

    def change(self, plan: Mapping[str, Any]) -> None:
        """Behave otherwise from now on; `seed` begins chance anew."""
        for name, value in plan.items():
            setattr(self, name, value)
        if "seed" in plan:
            self._dice.seed(plan["seed"])

    @property  # aiosmtpd asks its handler for all of them at each connection: no other one here
    def addresses(self) -> list[str]:
        """To whom it has a letter, once for each letter, sorted."""
        return sorted(envelope.rcpt_tos[0] for envelope, _ in self.taken)

    def mails(self) -> list[EmailMessage]:
        """Read the letters it took, in order."""
        return [message_from_bytes(source, policy=default) for _, source in self.taken]

    def quirk(self, envelope: Envelope, reader: str) -> str:
        """Decide once for each letter what is wrong with it."""
        assert isinstance(envelope, Letter)
        if envelope.quirk is None:
            others = 1 - sum(self.chances.values())
            (drawn,) = self._dice.choices([*self.chances, ""], [*self.chances.values(), others])
            envelope.quirk = self.readers.get(reader, drawn)
            if envelope.quirk and not envelope.quirk.startswith("kills"):  # those are told once somebody was killed
                self.note(envelope.quirk)
        return envelope.quirk

    def note(self, quirk: str) -> None:
        """Write down what was done with a letter."""
        if self.folder is not None:
            with (self.folder / "quirks.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"quirk": quirk}) + "\n")

    def hang_up(self) -> None:
        """End every connection there is; from another thread."""
        for talk in list(self.talks):
            assert isinstance(talk.transport, asyncio.WriteTransport)
            talk.loop.call_soon_threadsafe(talk.transport.abort)
        while self.open_now:
            time.sleep(0.001)

    async def handle_EHLO(  # noqa: N802 - a name of aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] if self.pipelining else []), *responses[1:]]

    async def delayed(self) -> None:
        """Take the time that each answer takes."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)

    async def handle_MAIL(  # noqa: N802 - a name of aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        quirk = self.quirk(envelope, address)
        if quirk == "kills at RCPT":
            await _killed(self, session, quirk)
        if quirk in {"hangs up at RCPT", "is silent at RCPT"}:
            await _gone(server, silent=quirk.startswith("is silent"))
        if quirk[:1].isdigit():
            return quirk
        if quirk in _AT_RCPT:
            return _AT_RCPT[quirk].format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        await self.delayed()
        quirk = self.quirk(envelope, envelope.rcpt_tos[0])
        if quirk in _AFTER:
            return _AFTER[quirk]
        if quirk == "kills before it takes":
            await _killed(self, session, quirk)
        if quirk == "hangs up before it takes":
            await _gone(server)
        self._take(envelope)
        if quirk in {"loses the answer", "is silent after it took"}:
            await _gone(server, silent=quirk.startswith("is silent"))
        if quirk == "kills after it took":
            await _killed(self, session, quirk)
        if quirk == "kills after the answer":
            asyncio.get_running_loop().call_soon(_kill, self, session, quirk)
        return "999 what" if quirk == "answers nonsense" else "250 taken"

    def _take(self, envelope: Envelope) -> None:
        source = envelope.original_content or b""
        if self.keep:
            self.taken.append((envelope, source))
        if self.folder is not None and self.keep:
            if self.keep_letters:
                (self.folder / f"{len(self.taken):06}.eml").write_bytes(source)
            mail = message_from_bytes(source.partition(b"\r\n\r\n")[0], policy=default)
            line = json.dumps({"to": envelope.rcpt_tos[0], "id": str(mail["Message-ID"])})
            with (self.folder / "ledger.jsonl").open("a", encoding="utf-8") as file:
                file.write(line + "\n")


async def _gone(server: SMTP, *, silent: bool = False) -> None:
    """End a connection without a word, or say nothing on it any more."""
    if silent:
        await asyncio.sleep(3600)
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()
    await asyncio.sleep(3600)  # the connection's end ends this


async def _killed(post: Post, session: Session | None, quirk: str) -> None:
    """End the process at the other end of a connection, and with it the connection."""
    _kill(post, session, quirk)
    await asyncio.sleep(3600)


def _kill(post: Post, session: Session | None, quirk: str) -> None:
    assert session
    assert session.peer
    with contextlib.suppress(ProcessLookupError):  # somebody was faster
        kill_owner(int(session.peer[1]))
        post.note(quirk)


class Talk(SMTP):
    """A connection of the server, with quirks at the commands aiosmtpd has no hooks for."""

    _letters = 0

    async def _handle_client(self) -> None:
        post: Post = self.event_handler
        if post.lets_in is None or post.open_now <= post.lets_in:
            await super()._handle_client()
            return
        await self.push("421 4.7.0 Too many connections from you")
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.close()

    def _create_envelope(self) -> Envelope:
        return Letter()

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - a name of aiosmtpd
        post: Post = self.event_handler
        await post.delayed()
        quirk = post.readers.get("anybody", "")
        if quirk == "hangs up at MAIL":
            await _gone(self)
        self._letters += 1
        if quirk[:1].isdigit():
            await self.push(quirk)
        elif post.letters_each is not None and self._letters > post.letters_each:
            await self.push("451 4.7.0 Too many letters over one connection")
        elif quirk in _AT_MAIL:
            await self.push(_AT_MAIL[quirk].format("digest@example.org"))
        else:
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        await self.event_handler.delayed()
        await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        post: Post = self.event_handler
        await post.delayed()
        quirk = post.quirk(self.envelope, self.envelope.rcpt_tos[0]) if self.envelope and self.envelope.rcpt_tos else ""
        if quirk in _AT_DATA:
            await self.push(_AT_DATA[quirk])
            return
        if quirk == "kills at DATA":
            await _killed(post, self.session, quirk)
        if quirk == "hangs up in the letter":
            await self.push("354 go on")
            await _gone(self)
        await super().smtp_DATA(arg)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.event_handler.talks.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.talks.discard(self)
        self.event_handler.open_now -= 1
        super().connection_lost(error)


class Server(Controller):
    """A mail server in a thread of its own."""

    def __init__(self, post: Post, port: int, *, shared: bool = False, **others: Any) -> None:
        self.post, self._shared = post, shared
        super().__init__(post, hostname="127.0.0.1", port=port, **others)

    def start(self) -> None:
        """Listen; its own look whether it does is not counted."""
        super().start()
        while self.post.open_now:
            time.sleep(0.001)
        self.post.connections = self.post.most_open = 0

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(
            self._factory_invoker, host=self.hostname, port=self.port, ssl=self.ssl_context, reuse_port=self._shared
        )

    def _trigger_server(self) -> None:
        while not self._factory_invoked.is_set():  # another one at this port may answer
            super()._trigger_server()  # type: ignore[no-untyped-call]

    def factory(self) -> SMTP:
        self.post.connections += 1
        self.post.open_now += 1
        self.post.most_open = max(self.post.most_open, self.post.open_now)
        return Talk(self.handler, **self.SMTP_kwargs)


def with_password(username: str, password: str) -> Callable[..., AuthResult]:
    """Make what lets in who knows this password."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(username.encode(), password.encode())
        return AuthResult(success=right, handled=right)

    return check


def serve(folder: Path, port: int, *, encrypted: bool = False, shared: bool = False) -> None:
    """Serve until standard input ends; encrypted with the certificate that lies in the folder."""
    plan = folder / "plan.json"
    told = json.loads(plan.read_text(encoding="utf-8")) if plan.exists() else {}
    context = shown(folder) if encrypted else None
    post = Post(folder, **told)
    server = Server(post, port, shared=shared, tls_context=context, enable_SMTPUTF8=True)
    server.start()
    print("ready", flush=True)  # noqa: T201 - whoever started it waits for this
    for line in sys.stdin:
        server.loop.call_soon_threadsafe(post.change, json.loads(line))
        print("told", flush=True)  # noqa: T201 - and for this
    server.stop()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), encrypted="tls" in sys.argv[3:], shared="shared" in sys.argv[3:])
