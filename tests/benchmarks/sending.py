"""Sending at scale: `python -m tests.benchmarks.sending [--recipients N] [--postgresql] [--memory]`.

Runs the real `verdicts send` against a service that discards everything, in a process of its own, with 250 ms latency
and with none. In the same run a bare loop writes bodies of the same size and posts them over as many kept-alive
connections, the official client sends each recipient a mail of their own, and django-anymail, where it is installed,
does both to a part of them. Without latency all of them have one
core. Bookkeeping alone is measured with a sender that does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import orjson
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from sendgrid.helpers.mail import Mail  # type: ignore[import-untyped]
from sqlalchemy import Engine, text

from digest.database import open_engine, upgrade, writing
from digest.editions import Editions
from digest.model import Message
from digest.rendering import render
from digest.settings import load_settings, make_home
from subscribers.addressing import Batch, Recipient
from subscribers.delivering import Delivery, deliver
from subscribers.ledger import Ledger
from subscribers.links import personal
from subscribers.senders import Doubt, Receipt
from subscribers.senders.sendgrid import open_sender
from tests.benchmarks.figures import Other, Point, keep
from tests.benchmarks.subscribers import _COMMAND, postgresql
from tests.chaos import database
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, SECRET, WEEK, approve

ROOT = Path(__file__).parent.parent.parent

CONNECTIONS = 8

#: Readers straight into the table, with ids in no order as ours are.
READERS_OF = {
    "sqlite": """
        WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
        INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, confirmed_at, moving_to)
        SELECT lower(hex(randomblob(8))), 'reader' || n || '@example.org', 'reader' || n || '@example.org',
            lower(hex(randomblob(32))), 'Reader ' || n, 'confirmed', :now, :now, '' FROM numbers""",
    "postgresql": """
        INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, confirmed_at, moving_to)
        SELECT substr(md5(n::text), 1, 16), 'reader' || n || '@example.org', 'reader' || n || '@example.org',
            md5(n::text || 'a') || md5(n::text || 'b'), 'Reader ' || n, 'confirmed', CAST(:now AS timestamptz),
            CAST(:now AS timestamptz), '' FROM generate_series(1, :count) AS n""",
}


@dataclass(frozen=True)
class Took:
    """Recipients, seconds by the clock and of the processor, and peak memory in MB."""

    recipients: int
    seconds: float
    processor_s: float = 0.0
    memory_mb: float = 0.0

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.recipients / self.seconds


class Nowhere:
    """A sender that takes everything at once."""

    size, at_once, settle, account = 1000, CONNECTIONS, timedelta(), "nowhere"

    def send(self, batch: Batch) -> Receipt:
        return Receipt("taken")

    def found(self, doubt: Doubt) -> bool | None:
        return True

    def close(self) -> None:
        """Nothing is held open."""


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--memory", action="store_true", help="only growth: a hundredth, a tenth and all of them")
    options = parser.parse_args()
    with postgresql() if options.postgresql else nullcontext() as server:
        if options.memory:
            growth(server, [options.recipients // part for part in (100, 10, 1)])
        else:
            compare(server, options.recipients)


def compare(server: str | None, count: int) -> None:
    """Send with and without latency, each beside its alternatives; then bookkeeping alone."""
    sent = beside(server, count, 0.25)
    beside(server, count // 2, 0.0)  # no need to wait for the quick ones that long
    with prepared(server, count) as home:
        kept = bookkeeping(home, count)
    share = kept.seconds / sent.seconds * 100
    keep(f"planning, claiming and recording alone, of the send of {count:,} at 250 ms", "%", share,
         goal=30 if server else 10, note=f"processor {kept.processor_s:.1f} s")  # fmt: skip


def beside(server: str | None, count: int, latency_s: float) -> Took:
    """Send to so many, and in the same run the loop before and after it, django-anymail, and a call for each reader."""
    with sink(latency_s) as address, one_core() if latency_s == 0 else nullcontext():
        loops = [loop(address, count)]
        with prepared(server, count) as home:
            sent = send(home, address, count)
        loops.append(loop(address, count))
        few = 1_000 if latency_s == 0 else 320
        others = [Other("a bare loop", (max(one.rate for one in loops),), 0.85 if latency_s else 0.35),
                  Other("a call for each reader", (one_by_one(address, few).rate,), 80)]  # fmt: skip
        if find_spec("anymail"):
            many = min(count, 80_000) // 8000 * 8000 or 8000
            others += [
                Other("django-anymail, 1,000 a call", (anymail(address, many, 1000, CONNECTIONS).rate,)),
                Other("the same with its one connection", (anymail(address, many // 4, 1000, 1).rate,)),
                Other("django-anymail, a call each", (anymail(address, few, 1, CONNECTIONS).rate,)),
            ]
    keep(
        f"readers a second, {count:,}, " + (f"{latency_s * 1000:.0f} ms for each answer" if latency_s else "one core"),
        "/s",
        sent.rate,
        better="higher",
        goal=25_000 if latency_s else 45_000,
        against=others,
        note=f"processor {sent.processor_s:.1f} s, at most {sent.memory_mb:.0f} MB",
        short=True,
    )
    return sent


def anymail(address: str, count: int, size: int, connections: int) -> Took:
    """Have django-anymail send to so many, so many a call, in a process of its own."""
    words = [address, *map(str, (count, size, connections))]
    command = [sys.executable, "-m", "tests.benchmarks.withanymail", *words]
    return Took(count, float(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout))


def growth(server: str | None, counts: Sequence[int]) -> None:
    """Send to ever more, without latency: seconds and memory."""
    for count in counts:
        with prepared(server, count) as home, sink(0) as address:
            sent = send(home, address, count)
        keep(f"sending to {count:,}, no latency", "s", sent.seconds, note=f"{sent.rate:,.0f} readers a second",
             point=Point("Seconds of sending", "no latency", count, "readers"))  # fmt: skip
        keep(f"peak memory while sending to {count:,}", "MB", sent.memory_mb, goal=200, short=count == max(counts),
             point=Point("Megabytes while sending", "at most", count, "readers"))  # fmt: skip


@contextmanager
def prepared(server: str | None, count: int) -> Iterator[Path]:
    """A home with so many confirmed readers and an approved edition as it is rendered, ready to be sent."""
    with tempfile.TemporaryDirectory(prefix="verdicts-sending-") as name, database(server, Path(name)) as url:
        home = Path(name) / "home"
        make_home(home)
        (home / "verdicts.toml").write_text('from_email = "digest@example.org"\n')
        (home / "url").write_text(url)
        engine = open_engine(url)
        upgrade(engine)
        with writing(engine) as session:
            statement = text(READERS_OF[engine.dialect.name])
            session.connection().execute(statement, {"count": count, "now": "2026-11-01 00:00:00.000000"})
        approve(engine, message=message())
        Editions(engine).start_sending(WEEK)  # begun already, so that no preflight is measured
        engine.dispose()
        yield home


def message() -> Message:
    """An edition of five matchups as it is rendered."""
    return replace(render(edition(), site()), week=WEEK)


@contextmanager
def sink(latency_s: float) -> Iterator[str]:
    """The address of a service that discards."""
    command = [sys.executable, "-m", "tests.benchmarks.sink", str(latency_s)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def send(home: Path, address: str, count: int) -> Took:
    """Run the command in a process of its own; seconds are those it tells itself, without its start."""
    environment = os.environ | {
        "VERDICTS_DATABASE_URL": (home / "url").read_text(), "VERDICTS_SENDER": "sendgrid", "SENDGRID_API_KEY": "k",
        "SENDGRID_HOST": address, "VERDICTS_SEND_CONNECTIONS": str(CONNECTIONS),
    }  # fmt: skip
    command = [sys.executable, "-c", _COMMAND, "send", WEEK, "--json", "--home", str(home)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout)
    assert told["counts"]["accepted"] == count, done.stdout + done.stderr
    _, processor_s, memory_mb = map(float, done.stderr.split())
    return Took(count, told["seconds"], processor_s, memory_mb)


def loop(address: str, count: int, size: int = 1000) -> Took:
    """Write the same bodies from what is at hand and post them over as many connections, with nothing else to do."""
    calls, shell = [count // size // CONNECTIONS] * CONNECTIONS, _shell()
    readers = [
        (f"{one:016x}", f"reader{one}@example.org", f"Reader {one}", f"{one:016x}{'t' * 22}") for one in range(size)
    ]
    start, processor = time.perf_counter(), time.process_time()

    def post(times: int) -> None:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
        for _ in range(times):
            body = orjson.dumps(shell | {"personalizations": [_personal(*one) for one in readers]})
            connection.request("POST", "/v3/mail/send", body, {"Authorization": "Bearer k"})
            assert connection.getresponse().read() == b""
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(post, calls))
    return Took(sum(calls) * size, time.perf_counter() - start, time.process_time() - processor)


def one_by_one(address: str, count: int) -> Took:
    """Send each reader a mail of their own through the official client as it comes, over as many threads."""
    client, letter = SendGridAPIClient(api_key="k", host=address), message()
    start, processor = time.perf_counter(), time.process_time()

    def post(number: int) -> None:
        mail = Mail(
            (IDENTITY.from_email, IDENTITY.from_name),
            (f"reader{number}@example.org", f"Reader {number}"),
            letter.subject,
            personal(letter.text, f"{number:038}"),
            personal(letter.html, f"{number:038}"),
        )
        assert client.send(mail).status_code == 202

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(post, range(count)))
    return Took(count, time.perf_counter() - start, time.process_time() - processor)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process and those it starts from now on to one core; the sink runs on any already."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _shell() -> dict[str, object]:
    """What is the same for every reader, as the sender writes it."""
    environment = {"SENDGRID_API_KEY": "k"}
    sender = open_sender(load_settings(Path("/nowhere"), environment), environment)
    one = Recipient("1", "one@example.org", "", "token")
    body, _ = sender._body(Batch(WEEK, 1, "k" * 24, message(), IDENTITY, (one,)), [(one, one.email)])
    shell: dict[str, object] = orjson.loads(body)
    return shell


def _personal(id_: str, email: str, name: str, token: str) -> dict[str, object]:
    return {
        "to": [{"email": email, "name": name}],
        "substitutions": {"[[reader]]": token},
        "custom_args": {"delivery": id_},
        "headers": {
            "List-Unsubscribe": f"<https://verdicts.example.org/leave/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


def bookkeeping(home: Path, count: int) -> Took:
    """Plan, claim and record with a sender that does nothing."""
    engine: Engine = open_engine((home / "url").read_text())
    ledger, letter = Ledger(engine), message()
    start, processor = time.perf_counter(), time.process_time()
    ledger.plan(WEEK, datetime.now(UTC))
    deliver(Delivery(letter, IDENTITY, ledger, Nowhere(), SECRET, lambda: datetime.now(UTC)))
    took = Took(count, time.perf_counter() - start, time.process_time() - processor)
    assert ledger.counts(WEEK).accepted == count
    engine.dispose()
    return took


if __name__ == "__main__":
    main()
