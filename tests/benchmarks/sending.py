"""Sending at scale: `python -m tests.benchmarks.sending [--recipients N] [--postgresql] [--memory]`.

Runs the real `verdicts send` against a service that discards everything, in a process of its own, with 250 ms latency
and with none. In the same run a bare loop writes bodies of the same size and posts them over as many kept-alive
connections, and the official client sends each recipient a mail of their own. Without latency all of them have one
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
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
from tests.benchmarks.subscribers import _COMMAND, postgresql
from tests.chaos import database
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, SECRET, WEEK, approve

ROOT = Path(__file__).parent.parent.parent

CONNECTIONS = 8

#: Readers straight into the table, with ids in no order as ours are.
_READERS = {
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
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--memory", action="store_true", help="only memory, at a hundredth, a tenth and all of them")
    options = parser.parse_args()
    with postgresql() if options.postgresql else nullcontext() as server:
        if options.memory:
            for count in (options.recipients // 100, options.recipients // 10, options.recipients):
                with prepared(server, count) as home, sink(0) as address:
                    say(f"send {count:,}, no latency", send(home, address, count))
            return
        compare(server, options.recipients)


def compare(server: str | None, count: int) -> None:
    """Send with and without latency, each beside a bare loop; then bookkeeping alone."""
    for latency_s in (0.25, 0.0):
        calls = count if latency_s else count // 2  # no need to wait for the quick ones that long
        with sink(latency_s) as address, one_core() if latency_s == 0 else nullcontext():
            bare = loop(address, calls)
            with prepared(server, calls) as home:
                sent = send(home, address, calls)
            again = loop(address, calls)
            single = one_by_one(address, 1_000 if latency_s == 0 else 320)
        floor = max(bare.rate, again.rate)
        say(f"bare loop, {latency_s * 1000:.0f} ms latency", bare)
        say(f"bare loop again, {latency_s * 1000:.0f} ms latency", again)
        say(f"verdicts send, {latency_s * 1000:.0f} ms latency", sent)
        say(f"a call each, {latency_s * 1000:.0f} ms latency", single)
        write(f"{sent.rate / floor:.0%} of the bare loop, {sent.rate / single.rate:,.0f} x a call for each recipient")
        if latency_s:
            with prepared(server, calls) as home:
                kept = bookkeeping(home, calls)
            say("bookkeeping alone", kept)
            write(f"bookkeeping is {kept.seconds / sent.seconds:.1%} of the send")


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
            statement = text(_READERS[engine.dialect.name])
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


def say(what: str, took: Took) -> None:
    """Print one measure."""
    line = f"{what:34}{took.recipients:10,}{took.seconds:9.2f} s{took.processor_s:8.2f} s cpu{took.rate:12,.0f}/s"
    write(line + (f"{took.memory_mb:7.0f} MB" if took.memory_mb else ""))


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
