"""Sending over SMTP: `python -m tests.benchmarks.smtp [--letters N]`.

Our sender with 8 connections against a plain smtplib loop that writes each letter with the standard library, connects,
and sends it, and against one that stays connected; in the same run, to the same aiosmtpd, which takes letters and
throws them away. Reading an edition takes it longer than we need to send it, so it has as many processes at its port as
keep every core busy, as real servers do. With STARTTLS (the default of settings) and without, over no distance and with
10 ms for each answer, a small letter and a whole edition. The loops send fewer letters; rates are compared, also with
that of the first without the time it writes letters in.
"""

from __future__ import annotations

import argparse
import json
import os
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from socket import create_server

from digest.model import Message
from digest.rendering import render
from subscribers.addressing import Batch, Recipient
from subscribers.letters import letter
from subscribers.links import reader_token
from subscribers.senders import Receipt
from subscribers.senders.smtp import SIZE, Smtp
from subscribers.smtpline import Server, Tls
from tests.benchmarks.figures import Other, keep
from tests.certificates import certificate
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

ROOT = Path(__file__).parent.parent.parent

CONNECTIONS = 8

#: How many times as many letters as the loop that connects for each.
GOAL = 5

#: How often the loop and our sender take turns, so that what else the machine does meets both.
TURNS = 4

#: Processes of the mail server: more than cores, for chance deals connections out to them.
SERVERS = 2 * (os.cpu_count() or 1)

WAYS: tuple[tuple[Tls, float], ...] = (("starttls", 0.0), ("none", 0.0), ("starttls", 0.01), ("none", 0.01))


def main() -> None:
    """Measure, and tell of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=2000, help="a multiple of 400")
    letters = parser.parse_args().letters
    for name, message in (("small", MESSAGE), ("edition", render(edition(), site()))):
        for tls, delay_s in WAYS:
            with tempfile.TemporaryDirectory(prefix="verdicts-smtp-") as folder:
                rates = measure(Path(folder), message, tls, delay_s, letters)
            others = [Other("a loop that connects for each", tuple(rates["each"]), GOAL),
                      Other("the same without writing letters", tuple(rates["each, sending alone"])),
                      Other("a loop on one connection", tuple(rates["one"]))]  # fmt: skip
            keep(f"{name}, {'STARTTLS' if tls == 'starttls' else 'no TLS'}, {delay_s * 1000:.0f} ms for each answer",
                 "letters/s", rates["ours"], better="higher", against=others,
                 short=name == "edition" and delay_s > 0 and tls == "starttls")  # fmt: skip


def measure(folder: Path, message: Message, tls: Tls, delay_s: float, letters: int) -> dict[str, list[float]]:
    """Give the letters a second of each turn: of both loops, of the sending of the first alone, and of our sender."""
    shown = certificate(folder, "127.0.0.1") if tls == "starttls" else None
    with sink(folder, delay_s, encrypted=shown is not None) as port:
        os.environ["SSL_CERT_FILE"] = str(shown.trust) if shown else ""
        some, rates = max(letters // 20, 20) // TURNS, defaultdict[str, list[float]](list)
        for _ in range(TURNS):
            writing_s, sending_s = plain_loop(port, message, tls, some)
            rates["each"].append(some / (writing_s + sending_s))
            rates["each, sending alone"].append(some / sending_s)
            rates["one"].append(some / sum(plain_loop(port, message, tls, some, keep_open=True)))
            start = time.perf_counter()
            sent_by_us(port, message, tls, letters // TURNS)
            rates["ours"].append(letters // TURNS / (time.perf_counter() - start))
    return rates


@contextmanager
def sink(folder: Path, delay_s: float, *, encrypted: bool) -> Iterator[int]:
    """Run a mail server of several processes that keeps nothing, and give its port."""
    (folder / "plan.json").write_text(json.dumps({"delay_s": delay_s, "keep": False}))
    with closing(create_server(("127.0.0.1", 0))) as probe:
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "tests.smtpd", str(folder), str(port), "shared", *(["tls"] if encrypted else [])]
    with ExitStack() as running:
        for _ in range(SERVERS):
            server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            running.enter_context(server)
            if server.stdin is None or server.stdout is None or server.stdout.readline() != b"ready\n":
                raise RuntimeError("the mail server did not start")
            running.callback(server.stdin.close)
        yield port


def readers() -> Iterator[Recipient]:
    """Give readers without end."""
    number = 0
    while True:
        one = f"{(number := number + 1):016x}"
        yield Recipient(one, f"reader{number}@example.org", "", reader_token(SECRET, one))


def batch(message: Message, recipients: tuple[Recipient, ...]) -> Batch:
    return Batch(WEEK, 1, "5ca1ab1e" * 3, message, IDENTITY, recipients)


def plain_loop(port: int, message: Message, tls: Tls, letters: int, *, keep_open: bool = False) -> tuple[float, float]:
    """Send letters with the standard library alone, on a connection for each or on one for all of them.

    Gives the seconds of writing and of sending.
    """
    context, writing_s, started = ssl.create_default_context(), 0.0, time.perf_counter()
    with ExitStack() as all_along:
        line = all_along.enter_context(connected(port, tls, context)) if keep_open else None
        for one in islice(readers(), letters):
            before = time.perf_counter()
            mail = bytes(letter(batch(message, (one,)), one, datetime.now(UTC)))
            writing_s += time.perf_counter() - before
            with nullcontext(line) if line else connected(port, tls, context) as smtp:
                smtp.sendmail(IDENTITY.from_email, one.email, mail)
    return writing_s, time.perf_counter() - started - writing_s


@contextmanager
def connected(port: int, tls: Tls, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    """A connection to the mail server, encrypted where it asks for it."""
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        if tls == "starttls":
            smtp.starttls(context=context)
        yield smtp


def sent_by_us(port: int, message: Message, tls: Tls, letters: int) -> None:
    """Send letters with our sender, so many calls at once as it allows."""
    everyone = readers()
    calls = [batch(message, tuple(islice(everyone, SIZE))) for _ in range(letters // SIZE)]
    with closing(Smtp(Server("127.0.0.1", port, tls), CONNECTIONS)) as sender, ThreadPoolExecutor(CONNECTIONS) as pool:
        if any(receipt != Receipt() for receipt in pool.map(sender.send, calls)):
            raise RuntimeError("not every letter was taken")


if __name__ == "__main__":
    main()
