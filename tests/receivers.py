"""What letters arrive at while sending is killed: a local SendGrid or a mail server, each misbehaving by chance."""

from __future__ import annotations

import json
import random
import socket
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any, Literal, Protocol

from subscribers.letters import delivery_of
from tests import sendgrid
from tests.sendgrid import WAYS, Running

ROOT = Path(__file__).parent.parent

#: How long the stand-in's records lag behind, and after which time the program believes them: the longest call beside.
LAG_S, SETTLE_S = 0.5, 3

#: How long another process may need from a claim it had already to its call, when one is told to wait.
_GRACE_S = 0.5

#: The ways of sending that can be killed.
Name = Literal["sendgrid", "smtp"]


@dataclass(frozen=True)
class Letter:
    """What arrived: whose it is, and the key of the call it came in."""

    reader: str
    key: str


class Receiver(Protocol):
    """A service of its own process; `settle_s` is how long its records may lag, None where it keeps none."""

    settle_s: int | None

    def misbehave(self, dice: random.Random) -> None:
        """Do with letters whatever comes to mind from now on."""

    def behave(self) -> None:
        """Take every letter from now on."""

    def environment(self) -> dict[str, str]:
        """Say what lets the program send through it."""

    def letters(self) -> list[Letter]:
        """Give what arrived."""

    def ways(self) -> Counter[str]:
        """Say what it did how often; kills by a name that begins so."""

    def too_early(self, untold: Collection[str | None]) -> list[str]:
        """Name calls that came while it had asked to wait; of calls with these keys nobody wrote the answer down."""


@dataclass
class SendGrid:
    """The local SendGrid; without `settle_s` nothing can be looked up there."""

    service: Running
    settle_s: int | None = SETTLE_S

    def misbehave(self, dice: random.Random) -> None:
        lacking = dice.choice(([], ["activity"])) if self.settle_s else ["activity", "logs"]
        self.service.control(seed=dice.random(), odds=_odds(), lag_s=LAG_S, slow_s=0.2, lacking=lacking)

    def behave(self) -> None:
        lacking = {} if self.settle_s else {"lacking": ["activity", "logs"]}
        self.service.control(odds={}, reset_at=0, lag_s=LAG_S, **lacking)

    def environment(self) -> dict[str, str]:
        return self.service.environment() | {"VERDICTS_SETTLE_S": str(self.settle_s or SETTLE_S)}

    def letters(self) -> list[Letter]:
        return [Letter(reader, call["batch"]) for call in self.service.ledger() for reader in call["ids"]]

    def ways(self) -> Counter[str]:
        return Counter(call.way for call in self.service.calls())

    def too_early(self, untold: Collection[str | None]) -> list[str]:
        """A process killed with the answer in hand told nobody; its calls do not count."""
        calls = self.service.calls()
        told = [one for one in calls if one.way == "429" and not one.limited and one.batch not in untold]
        return [
            f"{one.reset - call.began:.2f} s too early"
            for one in told
            for call in calls
            if one.ended + _GRACE_S < call.began < one.reset
        ]


#: How often the mail server does what with a letter: five in six go well.
CHANCES: dict[str, float] = {
    "knows no such reader": 0.02, "puts off": 0.02, "hangs up at RCPT": 0.01, "puts DATA off": 0.01,
    "hangs up in the letter": 0.01, "puts the letter off": 0.01, "closes for the night": 0.01,
    "hangs up before it takes": 0.01, "loses the answer": 0.02, "answers nonsense": 0.005,
    "is silent at RCPT": 0.003, "is silent after it took": 0.003, "refuses the letter": 0.01,
    "kills at RCPT": 0.006, "kills at DATA": 0.006, "kills before it takes": 0.006, "kills after it took": 0.006,
    "kills after the answer": 0.006,
}  # fmt: skip


@dataclass
class MailServer:
    """A mail server; nothing can be looked up there."""

    folder: Path
    port: int
    process: Popen[str]
    settle_s: int | None = field(default=None, init=False)

    def misbehave(self, dice: random.Random) -> None:
        self._tell(chances=CHANCES, seed=dice.randrange(1 << 30), pipelining=dice.random() < 0.7)

    def behave(self) -> None:
        self._tell(chances={})

    def environment(self) -> dict[str, str]:
        return {
            "VERDICTS_SENDER": "smtp", "VERDICTS_FROM_EMAIL": "digest@example.org", "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.port), "SMTP_TLS": "none",
        }  # fmt: skip

    def letters(self) -> list[Letter]:
        found = (delivery_of(one["id"]) for one in self._lines("ledger"))
        return [Letter(one[1], one[2]) for one in found if one]

    def ways(self) -> Counter[str]:
        done = Counter(one["quirk"] for one in self._lines("quirks"))
        return done + Counter(taken=len(self._lines("ledger")))

    def too_early(self, untold: Collection[str | None]) -> list[str]:
        return []  # it asks nobody to wait for all others

    def _tell(self, **plan: object) -> None:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(plan), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == "told\n"

    def _lines(self, name: str) -> list[dict[str, Any]]:
        file = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []


@contextmanager
def receiving(name: Name, folder: Path, *, settle_s: int | None = SETTLE_S) -> Iterator[Receiver]:
    """Run what letters arrive at."""
    if name == "sendgrid":
        with sendgrid.running(folder) as service:
            yield SendGrid(service, settle_s)
        return
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "tests.smtpd", str(folder), str(port)]
    with Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield MailServer(folder, port, process)
        finally:
            process.kill()


def _odds() -> dict[str, float]:
    """How often the stand-in does what: two calls in three go well."""
    rare = {"silence before": 0.01, "silence after": 0.01, "400": 0.01, "redirect": 0.005}
    ways = [way for way in WAYS if way not in {"accept", *rare}]
    return rare | dict.fromkeys(ways, 0.3 / len(ways))
