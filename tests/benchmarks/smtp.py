"""Sending over SMTP: `python -m tests.benchmarks.smtp [--letters N]`.

Our sender with 8 connections against a plain smtplib loop that writes each letter with the standard library, connects,
and sends it; in the same run, to the same aiosmtpd, which takes letters and throws them away. Reading an edition takes
it longer than we need to send it, so it has as many processes at its port as keep every core busy, as real servers do.
With STARTTLS (the default of settings) and without, over no distance and with 10 ms for each answer, a small letter and
a whole edition. The loop sends fewer letters; rates are compared, also with those of the loop without the time it
writes letters in.
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
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
from tests.certificates import certificate
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

ROOT = Path(__file__).parent.parent.parent

CONNECTIONS = 8

#: How often the loop and our sender take turns, so that what else the machine does meets both.
TURNS = 4

#: Processes of the mail server: more than cores, for chance deals connections out to them.
SERVERS = 2 * (os.cpu_count() or 1)

WAYS: tuple[tuple[Tls, float], ...] = (("starttls", 0.0), ("none", 0.0), ("starttls", 0.01), ("none", 0.01))


def main() -> None:
    """Measure, and print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=2000, help="a multiple of 400")
    letters = parser.parse_args().letters
    out = sys.stdout
    out.write(f"load {os.getloadavg()[0]:.1f}\n")
    out.write("letter    tls       answers    plain loop   sending only         ours   ratios\n")
    for name, message in (("small", MESSAGE), ("edition", render(edition(), site()))):
        for tls, delay_s in WAYS:
            with tempfile.TemporaryDirectory(prefix="verdicts-smtp-") as folder:
                loop, sending, ours = measure(Path(folder), message, tls, delay_s, letters)
            rates = f"{loop:10,.0f} /s {sending:11,.0f} /s {ours:9,.0f} /s {ours / loop:6.1f} x {ours / sending:5.1f} x"
            out.write(f"{name:10}{tls:10}{delay_s * 1000:4.0f} ms {rates}\n")
            out.flush()


def measure(folder: Path, message: Message, tls: Tls, delay_s: float, letters: int) -> tuple[float, float, float]:
    """Give the letters a second of the plain loop, of its sending alone, and of our sender."""
    shown = certificate(folder, "127.0.0.1") if tls == "starttls" else None
    with sink(folder, delay_s, encrypted=shown is not None) as port:
        os.environ["SSL_CERT_FILE"] = str(shown.trust) if shown else ""
        some, writing_s, sending_s, ours_s = max(letters // 20, 20), 0.0, 0.0, 0.0
        for _ in range(TURNS):
            writing, sending = plain_loop(port, message, tls, some // TURNS)
            writing_s, sending_s = writing_s + writing, sending_s + sending
            start = time.perf_counter()
            sent_by_us(port, message, tls, letters // TURNS)
            ours_s += time.perf_counter() - start
    return some / (writing_s + sending_s), some / sending_s, letters / ours_s


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


def plain_loop(port: int, message: Message, tls: Tls, letters: int) -> tuple[float, float]:
    """Send letters with the standard library alone, one connection each; gives seconds of writing and of sending."""
    context, writing_s, started = ssl.create_default_context(), 0.0, time.perf_counter()
    for one in islice(readers(), letters):
        before = time.perf_counter()
        mail = bytes(letter(batch(message, (one,)), one, datetime.now(UTC)))
        writing_s += time.perf_counter() - before
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            if tls == "starttls":
                smtp.starttls(context=context)
            smtp.sendmail(IDENTITY.from_email, one.email, mail)
    return writing_s, time.perf_counter() - started - writing_s


def sent_by_us(port: int, message: Message, tls: Tls, letters: int) -> None:
    """Send letters with our sender, so many calls at once as it allows."""
    everyone = readers()
    calls = [batch(message, tuple(islice(everyone, SIZE))) for _ in range(letters // SIZE)]
    with closing(Smtp(Server("127.0.0.1", port, tls), CONNECTIONS)) as sender, ThreadPoolExecutor(CONNECTIONS) as pool:
        if any(receipt != Receipt() for receipt in pool.map(sender.send, calls)):
            raise RuntimeError("not every letter was taken")


if __name__ == "__main__":
    main()
