"""Measure gathering against reading one feed after another: `python -m tests.benchmarks.gathering [--feeds 1000]`.

The server runs in a process of its own on this machine and waits 50 ms before each answer, as a distant one would. Each
feed has an address of its own in 127.0.0.0/8, so that the limit per host counts as it does outside. The plain loop is
`feedparser.parse(address)`, measured on a part of the feeds and scaled: nothing in it gets faster with more of them.
The `reader` library, where it is installed, updates all of them beside us.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import feedparser
from sqlmodel import SQLModel

from digest.database import open_engine
from digest.model import Feed
from sources.gathering import gather
from sources.policy import Policy
from sources.store import FeedStore
from tests.benchmarks.figures import Other, Point, keep
from tests.sources.documents import NOW, rss, some

Result = TypeVar("Result")

LATENCY_S = 0.05
ALL_OF_127 = "0.0.0.0"  # noqa: S104 - a benchmark on one's own machine
ENTRIES = 20

#: Goals for a thousand feeds: the most seconds and the least ratio to the plain loop, and the most megabytes.
GOALS: dict[str, tuple[float, float | None]] = {"all full": (15, None), "90 % answer 304": (3, 20)}
GOAL_FEEDS, GOAL_MB = 1000, 300

#: Threads of `reader`: on two cores, 4 took as long for full feeds and twice as long where most answer 304.
READER_WORKERS = 20

ROOT = Path(__file__).parent.parent.parent
SUMMARY = "<p>" + "Words that a feed says of what is new, with <b>some</b> markup in between. " * 6 + "</p>"


def document(number: int, changed: int) -> bytes:
    """A feed of ordinary size, about 12 kB; `changed` adds that many entries in front."""
    items = some(ENTRIES + changed, f"f{number}")
    return rss(reversed(items)).replace(b"About f", f"<![CDATA[{SUMMARY}]]>f".encode())


def serve(count: int, port: Connection) -> None:
    """Answer /N for every feed; /N with our validator gets 304 while `share` of the feeds is unchanged."""
    state = {"changed": 0, "share": 1.0}
    documents: dict[tuple[int, int], bytes] = {}

    def body(number: int) -> tuple[bytes, str]:
        changed = int(state["changed"]) if (number % 100) >= state["share"] * 100 else 0
        key = (number, changed)
        if key not in documents:
            documents[key] = document(number, changed)
        return documents[key], f'"{hashlib.sha256(documents[key]).hexdigest()[:16]}"'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = int(head.split(b" ", 2)[1].strip(b"/"))
                content, etag = body(number)
                await asyncio.sleep(LATENCY_S)
                known = f"If-None-Match: {etag}".lower().encode() in head.lower()
                status, content = ("304 Not Modified", b"") if known else ("200 OK", content)
                length = "" if known else f"Content-Length: {len(content)}\r\nContent-Type: application/rss+xml\r\n"
                writer.write(f"HTTP/1.1 {status}\r\nETag: {etag}\r\n{length}\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, ALL_OF_127, 0, backlog=1000)
        for number in range(count):
            body(number)
        port.send(server.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        while (told := await loop.run_in_executor(None, port.recv)) is not None:
            state.update(told)
            for number in range(count):
                body(number)
            port.send("done")

    asyncio.run(run())


def host(number: int) -> str:
    return f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def peak_mb(readers: int) -> float:
    """The most memory that this process and its readers can have held together so far: each at its own peak, in MB."""
    mine, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (mine + readers * largest) / 1000


def cpu_seconds() -> float:
    """What this process and the readers that ended have used; other work on the machine changes it less than time."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def plain_loop(feeds: Sequence[Feed], etags: dict[str, str]) -> None:
    for feed in feeds:
        parsed = feedparser.parse(feed.url, etag=etags.get(feed.name))
        etags[feed.name] = parsed.get("etag", etags.get(feed.name, ""))


@dataclass(frozen=True)
class Round:
    """One gather: wall and CPU seconds, peak memory; of the plain loop, scaled, and of `reader` seconds (or 0)."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    plain_s: float = 0.0
    reader_s: float = 0.0


def measure(count: int, sample: int) -> dict[str, Round]:
    """Gather `count` feeds that are all new, then with one in ten changed, and the plain loop on `sample` of them."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(count, theirs), daemon=True)
    server.start()
    port = ours.recv()
    feeds = [Feed(f"f{n}", f"http://{host(n)}:{port}/{n}") for n in range(count)]
    policy = Policy(allow_hosts=frozenset(host(n) for n in range(count)))
    rounds = {}
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/verdicts.db")
        SQLModel.metadata.create_all(engine)
        store = FeedStore(engine)
        changes: list[tuple[str, dict[str, float], datetime]] = [
            ("all full", {"changed": 0, "share": 1.0}, NOW),
            ("90 % answer 304", {"changed": 1, "share": 0.9}, NOW + timedelta(hours=1)),
        ]
        for name, change, at in changes:
            ours.send(change)
            ours.recv()
            cpu_s = cpu_seconds()
            seconds, found = timed(partial(gather, feeds, store, policy, at))
            cpu_s = cpu_seconds() - cpu_s
            if failed := [one for one in found if one.outcome == "failed"]:
                raise SystemExit(f"{len(failed)} feeds failed: {failed[0].reason}")
            peak = peak_mb(policy.workers)
            rounds[name] = Round(seconds, cpu_s, peak)
            if sample:
                reader_s = with_reader(feeds, Path(folder) / "reader.db") if find_spec("reader") else 0.0
                plain_s = compare(feeds, ours, change, sample)
                rounds[name] = replace(rounds[name], plain_s=plain_s, reader_s=reader_s)
        engine.dispose()
    ours.send(None)
    server.join()
    return rounds


def apart(count: int, sample: int) -> dict[str, Round]:
    """Measure in a process of its own: what earlier rounds held in memory must not count."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, count, sample).result()


def compare(feeds: Sequence[Feed], server: Connection, change: dict[str, float], sample: int) -> float:
    """Run the plain loop under the same conditions as the gather before it, from its own validators; seconds scaled."""
    chosen = feeds[:: max(1, len(feeds) // sample)][:sample] if change["changed"] == 0 else feeds[100 - sample : 100]
    etags: dict[str, str] = {}
    if change["changed"]:
        server.send({"changed": 0, "share": 1.0})
        server.recv()
        plain_loop(chosen, etags)
        server.send(change)
        server.recv()
    loop_s, _ = timed(lambda: plain_loop(chosen, etags))
    return loop_s / len(chosen) * len(feeds)


def with_reader(feeds: Sequence[Feed], database: Path) -> float:
    """Have `reader` update all feeds in a process of its own, from its own validators; seconds."""
    command = [sys.executable, "-m", "tests.benchmarks.withreader", str(database), str(READER_WORKERS)]
    addresses = "\n".join(feed.url for feed in feeds)
    done = subprocess.run(command, cwd=ROOT, input=addresses, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def report(count: int, rounds: Sequence[dict[str, Round]]) -> None:
    """Tell of both kinds of gathering; a ratio is that of each round's own times."""
    for name in rounds[0]:
        each = [one[name] for one in rounds]
        goal_s, goal = GOALS[name] if count == GOAL_FEEDS else (None, None)
        others = {
            "a loop of feedparser": (goal, [one.plain_s for one in each]),
            "reader": (None, [one.reader_s for one in each]),
        }
        keep(
            f"{count:,} feeds, {name}",
            "s",
            [one.wall_s for one in each],
            goal=goal_s,
            against=[Other(other, tuple(took), goal) for other, (goal, took) in others.items() if all(took)],
            point=Point("Seconds of gathering", name, count, "feeds"),
            note=f"processor {min(one.cpu_s for one in each):.1f} s",
            short=any(one.plain_s for one in each),
        )
    most = [max(one.peak_mb for one in both.values()) for both in rounds]
    keep(f"{count:,} feeds, peak memory of all processes", "MB", most, goal=GOAL_MB if count == GOAL_FEEDS else None,
         point=Point("Megabytes while gathering, all processes together", "at most", count, "feeds"))  # fmt: skip


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over so many")
    parser.add_argument("--growth", type=int, nargs="*", default=(), metavar="FEEDS", help="also so many feeds")
    options = parser.parse_args()
    size = len(document(1, 0)) // 1000
    print(f"{ENTRIES} entries and {size} kB a feed, {LATENCY_S * 1000:.0f} ms latency, rounds: {options.rounds}")  # noqa: T201
    for count in (options.feeds, *options.growth):
        report(count, [apart(count, 60 if count == options.feeds else 0) for _ in range(options.rounds)])


if __name__ == "__main__":
    main()
