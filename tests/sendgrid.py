"""A local SendGrid: `python -m tests.sendgrid FOLDER PORT [tls]`. It keeps a ledger, and misbehaves when it is told to.

With `tls` it shows the certificate that lies in the folder.
In FOLDER it appends a line to `ledger.jsonl` for each call it accepts, before it answers, and one to `calls.jsonl` for
each call to mail/send with what became of it. `PUT /control` tells it how to behave (see `Standin.control`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import re
import socket
import struct
import sys
import time
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import formataddr, formatdate
from pathlib import Path
from subprocess import Popen
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from tests.certificates import shown
from tests.peers import kill_owner
from tests.sendgridlimits import faults

KEY = "SG.of-the-stand-in"

ROOT = Path(__file__).parent.parent

#: Everything it can do with a call. What is "after" is accepted first; "kill" ends the calling process there.
WAYS = (
    "accept", "slow", "429", "500 before", "500 after", "503 before", "503 after", "reset before", "reset after",
    "silence before", "silence after", "half before", "half after", "401", "403 credits", "413", "400", "redirect",
    "kill begun", "kill body", "kill accepted", "kill answered",
)  # fmt: skip

_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Oh"}


#: What its key may do, but for what it is told to lack.
_SCOPES = ("mail.send", "messages.read", "suppression.read", "2fa_required", "sender_verification_eligible")

#: The lists of addresses it mails no more.
_LISTS = ("bounces", "invalid_emails", "spam_reports", "unsubscribes")


@dataclass
class Call:
    """One call to mail/send: when it began and ended (seconds since 1970), what became of it, and from which port."""

    began: float
    way: str
    batch: str = ""
    status: int = 0
    ended: float = 0.0
    accepted: bool = False
    limited: bool = False
    reset: float = 0.0
    connection: int = 0


@dataclass
class Standin:
    """Its state. `lag_s` is how long an accepted call stays out of the records that can be looked up."""

    folder: Path
    plan: deque[str] = field(default_factory=deque)
    odds: dict[str, float] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)
    lag_s: float = 0.0
    slow_s: float = 0.3
    wait_s: float = 1.0
    lacking: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    first_only: bool = False
    keep: bool = False
    reset_at: float = 0.0
    calls: int = 0
    kept: int = 0
    accepted: dict[str, tuple[float, str]] = field(default_factory=dict)
    letters: dict[str, list[tuple[float, str, str]]] = field(default_factory=lambda: defaultdict(list))
    by_id: dict[str, tuple[float, str, str]] = field(default_factory=dict)

    def control(self, told: Mapping[str, Any]) -> None:
        """Change how it behaves.

        `plan` is what becomes of the next calls, then `odds` (probabilities by way, decided by `seed`) count; `wait_s`
        how long a 429 asks to wait, `lacking` lookups the account has not, `bad` addresses that are refused (all in one
        answer, or with `first_only` one at a time), `keep` tells to write the calls' documents to `bodies/`.
        """
        for name, value in told.items():
            match name:
                case "plan":
                    self.plan = deque(value)
                case "seed":
                    self.dice = random.Random(value)  # noqa: S311 - the same misbehaviour each time
                case "lacking" | "bad":
                    setattr(self, name, set(value))
                case "odds" | "lag_s" | "slow_s" | "wait_s" | "keep" | "first_only" | "reset_at":
                    setattr(self, name, value)
                case _:
                    raise KeyError(name)

    def next_way(self) -> str:
        if self.plan:
            return self.plan.popleft()
        thrown = self.dice.random()
        for way, share in self.odds.items():
            if (thrown := thrown - share) < 0:
                return way
        return "accept"

    def accept(self, document: dict[str, Any]) -> str:
        """Write a call into the ledger and give its message id."""
        key, at = str(document.get("custom_args", {}).get("batch", "")), time.time()
        name = f"id{len(self.accepted):x}-{random.getrandbits(32):x}"
        personal = document["personalizations"]
        ids = [one.get("custom_args", {}).get("delivery", "") for one in personal]
        to = [one["to"][0]["email"] for one in personal]
        self.append("ledger", {"at": at, "batch": key, "ids": ids, "to": to, "message_id": name})
        self.accepted[key] = at, name
        for number, address in enumerate(to):
            letter = (at, f"{name}.recvd-{number}", key)
            self.letters[address.lower()].append(letter)
            self.by_id[letter[1]] = letter
        return name

    def append(self, name: str, line: object) -> None:
        with (self.folder / f"{name}.jsonl").open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")

    def seen(self, at: float) -> bool:
        return at + self.lag_s <= time.time()


class Hangup(Exception):
    """The connection ends here."""


class Connection:
    """One connection of a client, for as many calls as it makes."""

    def __init__(self, standin: Standin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.standin, self.reader, self.writer = standin, reader, writer

    async def serve(self) -> None:
        try:
            while await self.one():
                pass
        except (Hangup, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writer.close()

    async def one(self) -> bool:
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
        length, path = int(headers.get("content-length", 0)), urlsplit(target)
        if path.path == "/control":
            self.standin.control(json.loads(await self.reader.readexactly(length)))
            return self.answer(200, {})
        if method == "POST" and path.path == "/v3/mail/send":
            return await self.mail(headers, length)
        body = await self.reader.readexactly(length)
        if headers.get("authorization") != f"Bearer {KEY}":
            return self.refuse(401, "authorization required")
        return self.look(method, path.path.removeprefix("/v3/"), parse_qs(path.query), body)

    async def mail(self, headers: Mapping[str, str], length: int) -> bool:
        call = Call(time.time(), self.standin.next_way(), connection=self.writer.get_extra_info("peername")[1])
        self.standin.calls += 1
        if call.began < self.standin.reset_at:
            call.way, call.limited = "429", True
        try:
            self.kill(call, "kill begun")
            body = await self.reader.readexactly(length)
            self.kill(call, "kill body")
            return await self.behave(call, headers, body)
        finally:
            self.note(call)

    def note(self, call: Call) -> None:
        """Write down what became of a call, once: before it is answered, or when there is no answer."""
        if not call.ended:
            call.ended = time.time()
            self.standin.append("calls", vars(call))

    async def behave(self, call: Call, headers: Mapping[str, str], body: bytes) -> bool:
        if call.way == "slow":
            await asyncio.sleep(self.standin.slow_s)
        if headers.get("authorization") != f"Bearer {KEY}" or call.way == "401":
            return self.refuse(401, "The provided authorization grant is invalid, expired, or revoked", call)
        document = orjson.loads(body)
        call.batch = str(document.get("custom_args", {}).get("batch", ""))
        if (answer := self.without_a_look(call)) is not None:
            return answer
        if call.way == "400":
            self.standin.bad.add(document["personalizations"][0]["to"][0]["email"])
        if found := [*faults(document), *self.not_deliverable(document)]:
            errors = [{"message": message, "field": place, "help": None} for place, message in found]
            return self.answer(400, {"errors": errors[: 1 if self.standin.first_only else None]}, call)
        if document.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return self.answer(200, {}, call)
        await self.fail(call, "before")
        if self.standin.keep:
            (self.standin.folder / "bodies").mkdir(exist_ok=True)
            self.standin.kept += 1  # calls overlap: each has a number of its own
            (self.standin.folder / "bodies" / f"{self.standin.kept:06d}.json").write_bytes(body)
        name = self.standin.accept(document)
        call.accepted = True
        self.kill(call, "kill accepted")
        await self.fail(call, "after")
        self.answer(202, None, call, {"X-Message-Id": name})
        await self.writer.drain()
        self.kill(call, "kill answered")
        return True

    def without_a_look(self, call: Call) -> bool | None:
        """Answer what an API, or what stands before it, answers to any document."""
        match call.way:
            case "429":
                if not call.limited:
                    self.standin.reset_at = math.ceil(time.time() + self.standin.wait_s)
                call.reset = self.standin.reset_at
                extra = {"X-RateLimit-Reset": str(int(self.standin.reset_at)), "X-RateLimit-Remaining": "0"}
                return self.answer(429, {"errors": [{"field": None, "message": "too many requests"}]}, call, extra)
            case "403 credits":
                return self.refuse(403, "Maximum credits exceeded", call)
            case "413":
                page = b"<html><head><title>413 Request Entity Too Large</title></head><body></body></html>"
                self.raw(f"HTTP/1.1 413 Oh\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n{page.decode()}")
                call.status = 413
                return False
            case "redirect":
                return self.answer(302, {}, call, {"Location": "https://example.org/"})
        return None

    def not_deliverable(self, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for number, one in enumerate(document["personalizations"] if self.standin.bad else ()):
            if one["to"][0]["email"] in self.standin.bad:
                yield f"personalizations.{number}.to.0.email", "Does not contain a valid address."

    async def fail(self, call: Call, when: str) -> None:
        """Break the call off, before it is accepted or after."""
        if not call.way.endswith(f" {when}"):
            return
        match call.way.split()[0]:
            case "500" | "503" as status:
                document = {"errors": [{"message": "try again", "field": None}]}
                self.answer(int(status), document, call, {"Connection": "close"})
                await self.writer.drain()
            case "reset":
                self.abort()
            case "silence":
                with contextlib.suppress(ConnectionError):
                    await self.reader.read(1)  # until the other side gives up
            case "half":
                self.raw(
                    "HTTP/1.1 202 Accepted\r\nX-Mess" if when == "before" else "HTTP/1.1 202 Accepted\r\nContent-Le"
                )
                await self.writer.drain()
        raise Hangup

    def look(self, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> bool:
        """Answer what was accepted, once the lag is over, and the lists of addresses it mails no more."""
        first = path.partition("/")[0]
        if {first, path} & self.standin.lacking or {"messages": "activity"}.get(first) in self.standin.lacking:
            return self.refuse(403, "access forbidden")
        if method == "GET" and path == "scopes":
            return self.answer(200, {"scopes": [one for one in _SCOPES if one not in self.standin.lacking]})
        if method == "GET" and path == "messages":
            return self.activity(query.get("query", [""])[0])
        if method == "POST" and path == "logs":
            return self.logs(orjson.loads(body))
        if method == "GET" and first == "logs":
            return self.log(unquote(path.partition("/")[2]))
        if method == "GET" and path in {f"suppression/{name}" for name in _LISTS}:
            file = self.standin.folder / f"{path.rpartition('/')[2]}.json"
            listed = json.loads(file.read_bytes()) if file.exists() else []
            start = int(query.get("offset", ["0"])[0])
            return self.answer(200, listed[start : start + int(query.get("limit", ["500"])[0])])
        return self.refuse(404, "not found")

    def activity(self, query: str) -> bool:
        named = re.fullmatch(r"\(unique_args\['batch'\]=\"(\w+)\"\)", query)
        if not named:
            return self.refuse(400, "invalid query")
        at, name = self.standin.accepted.get(named[1], (math.inf, ""))
        found = [{"msg_id": f"{name}.filter", "status": "processed"}] if self.standin.seen(at) else []
        return self.answer(200, {"messages": found})

    def logs(self, asked: dict[str, Any]) -> bool:
        pattern = r"to_email = '([^']+)' AND sg_message_id_created_at >= TIMESTAMP \"([^\"]+)\""
        named = re.fullmatch(pattern, asked["query"])
        if not named or not 1 <= asked.get("limit", 10) <= 1000:
            return self.refuse(400, "invalid query")
        since = datetime.fromisoformat(named[2]).timestamp()
        letters = [
            one for one in self.standin.letters[named[1].lower()] if one[0] >= since and self.standin.seen(one[0])
        ]
        found = [{"sg_message_id": name, "to_email": named[1], "status": "processed"} for _, name, _ in letters]
        return self.answer(200, {"messages": found[: asked.get("limit", 10)]})

    def log(self, name: str) -> bool:
        at, _, key = self.standin.by_id.get(name, (math.inf, "", ""))
        if not self.standin.seen(at):
            return self.refuse(404, "message not found")
        return self.answer(200, {"sg_message_id": name, "custom_args": {"batch": key}, "events": []})

    def refuse(self, status: int, message: str, call: Call | None = None) -> bool:
        return self.answer(status, {"errors": [{"field": None, "message": message}]}, call)

    def answer(
        self, status: int, document: object, call: Call | None = None, headers: Mapping[str, str] | None = None
    ) -> bool:
        if call:
            call.status = status
            self.note(call)
        body = b"" if document is None else orjson.dumps(document)
        sent = {"Date": formatdate(usegmt=True)} | dict(headers or {})
        extra = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Answer')}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        return True

    def raw(self, text: str) -> None:
        self.writer.write(text.encode())

    def abort(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def kill(self, call: Call, here: str) -> None:
        """End the process at the other end of the connection, where that is what shall become of the call."""
        if call.way == here:
            port = self.writer.get_extra_info("peername")[1]
            try:
                kill_owner(port)
            except ProcessLookupError:  # somebody was faster
                call.way = "gone"
            raise Hangup


async def main(folder: Path, port: int, *, encrypted: bool) -> None:
    """Serve until stopped; says so on standard output once it listens."""
    standin = Standin(folder)
    server = await asyncio.start_server(
        lambda reader, writer: Connection(standin, reader, writer).serve(), "127.0.0.1", port, limit=1 << 20,
        ssl=shown(folder) if encrypted else None,
    )  # fmt: skip
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the port, where 0 asked for any
    async with server:
        await server.serve_forever()


# For tests that use it


@dataclass(frozen=True)
class Running:
    """A stand-in that runs."""

    folder: Path
    address: str

    def control(self, **told: Any) -> None:
        """Tell it how to behave; see `Standin.control`."""
        request = urllib.request.Request(f"{self.address}/control", json.dumps(told).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    def ledger(self) -> list[dict[str, Any]]:
        """Every call that was accepted."""
        return self._lines("ledger")

    def calls(self) -> list[Call]:
        """Every call to mail/send, in the order they ended."""
        return [Call(**one) for one in self._lines("calls")]

    def inboxes(self) -> list[str]:
        """Every address that was mailed, once for each letter, sorted."""
        return sorted(address for call in self.ledger() for address in call["to"])

    def bodies(self) -> list[dict[str, Any]]:
        """The documents of accepted calls, where it was told to keep them."""
        return [json.loads(file.read_bytes()) for file in sorted(self.folder.glob("bodies/*.json"))]

    def letters(self) -> list[EmailMessage]:
        """The letters that readers got, put together from those documents."""
        return [letter for body in self.bodies() for letter in _letters(body)]

    def environment(self) -> dict[str, str]:
        """What lets the program send through it."""
        return {"VERDICTS_SENDER": "sendgrid", "SENDGRID_API_KEY": KEY, "SENDGRID_HOST": self.address}

    def _lines(self, name: str) -> list[dict[str, Any]]:
        file = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


@contextmanager
def running(folder: Path, *, port: int = 0, encrypted: bool = False) -> Iterator[Running]:
    """Run a stand-in as a process of its own, at a port or at any that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    scheme, words = ("https", ["tls"]) if encrypted else ("http", [])
    command = [sys.executable, "-m", "tests.sendgrid", str(folder), str(port), *words]
    with Popen(command, cwd=ROOT, stdout=-1, text=True) as process:
        try:
            assert process.stdout
            yield Running(folder, f"{scheme}://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


def _letters(body: Mapping[str, Any]) -> Iterator[EmailMessage]:
    for one in body["personalizations"]:
        mail = EmailMessage(policy=default)
        to = one["to"][0]
        mail["To"] = formataddr((to.get("name", "").strip('"'), to["email"]))
        mail["From"] = formataddr((body["from"].get("name", ""), body["from"]["email"]))
        mail["Subject"] = body["subject"]
        for name, value in (body.get("headers", {}) | one.get("headers", {})).items():
            mail[name] = value
        parts = {}
        for part in body["content"]:
            text = part["value"]
            for tag, value in one.get("substitutions", {}).items():
                text = text.replace(tag, value)
            parts[part["type"]] = text
        mail.set_content(parts["text/plain"])
        mail.add_alternative(parts["text/html"], subtype="html")
        yield mail


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), encrypted="tls" in sys.argv[3:]))
