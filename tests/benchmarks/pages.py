"""How fast the public pages answer, how many bytes and how much memory they take, and how fast sign-ups are taken in.

Real servers and one reader of 20 kept-alive connections, each a process of its own, over HTTP on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import aiohttp
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from sqlalchemy import text

from digest.database import insert_ignore, writing
from digest.model import Matchup, Side
from digest.rendering import render
from digest.weeks import shifted
from flows.demo import demo
from flows.services import Services, open_services
from flows.serving import public_app
from pages.joining import QUICKEST_S
from subscribers.tables import VoteRow
from tests import examples
from tests.benchmarks.figures import Other, Point, keep
from tests.benchmarks.sending import READERS_OF
from tests.examples import NOW
from tests.ports import free_port

CONNECTIONS, REQUESTS, WARM = 20, 1500, 100

#: Clients that sign up at once, and how many times each; and how many should be taken in a second.
CLIENTS, SIGN_UPS, GOAL_PER_S = 4, 300, 200

EDITIONS = 500

#: Votes of each tool.
VOTES = 20

#: What a page may be at most, without images; and what most answers may take, in milliseconds.
MOST_BYTES, GOAL_MS = 60_000, 50


@dataclass(frozen=True)
class Timed:
    """Milliseconds until an answer was read, and answers in a second, of each round."""

    p50: tuple[float, ...]
    p95: tuple[float, ...]
    p99: tuple[float, ...]
    per_s: tuple[float, ...]


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over so many")
    parser.add_argument("--editions", type=int, default=EDITIONS, help="how many the larger home has")
    parser.add_argument("--readers", type=int, nargs="*", default=(), help="also homes with so many readers")
    parser.add_argument("--serve", nargs=2, metavar=("HOME", "PORT"), help="be the server")
    parser.add_argument("--bare", nargs=2, metavar=("FILE", "PORT"), help="be a server of one page and nothing else")
    parser.add_argument("--read", nargs=2, metavar=("FILE", "PORT"), help="be the reader of the addresses in a file")
    parser.add_argument("--sign-up", nargs=2, metavar=("ROUND", "PORT"), help="be the clients that sign up")
    options = parser.parse_args()
    if options.serve:
        with open_services(Path(options.serve[0]), environment={}) as services:
            run(public_app(services), int(options.serve[1]))
    elif options.bare:
        run(bare(Path(options.bare[0]).read_text("utf-8")), int(options.bare[1]))
    elif options.read:
        paths = json.loads(Path(options.read[0]).read_text("utf-8"))
        print(json.dumps(asyncio.run(read(paths, int(options.read[1])))))  # noqa: T201
    elif options.sign_up:
        print(json.dumps(asyncio.run(sign_up(*map(int, options.sign_up)))))  # noqa: T201
    else:
        measure(options.rounds, options.editions, options.readers)


def run(app: FastAPI, port: int) -> None:
    """Serve as the program does."""
    gc.set_threshold(50_000)  # as flows.cli does
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def bare(html: str) -> FastAPI:
    """The least that serves a page of these bytes with FastAPI: one route that has them in memory."""
    app, body = FastAPI(openapi_url=None), html.encode()

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(body)

    return app


async def read(paths: Sequence[str], port: int) -> dict[str, float]:
    """Read addresses over CONNECTIONS connections, each as soon as its last answer is there."""
    took: list[float] = []
    queue = iter(paths)

    async def reader(session: aiohttp.ClientSession) -> None:
        for path in queue:
            began = time.perf_counter()
            async with session.get(f"http://127.0.0.1:{port}{path}", allow_redirects=False) as answer:
                body = await answer.read()
            if answer.status != 200 or not body:
                raise SystemExit(f"{path} answered {answer.status}")
            took.append((time.perf_counter() - began) * 1000)

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        began = time.perf_counter()
        await asyncio.gather(*(reader(session) for _ in range(CONNECTIONS)))
        seconds = time.perf_counter() - began
    cuts = statistics.quantiles(took[WARM:], n=100)
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "per_s": len(took) / seconds}


async def sign_up(round_: int, port: int) -> dict[str, float]:
    """Sign up with CLIENTS clients, each as soon as its last answer is there, with a new address each time."""
    took: list[float] = []

    async def client(number: int, session: aiohttp.ClientSession, stamp: str) -> None:
        for again in range(SIGN_UPS):
            began = time.perf_counter()
            form = {"email": f"reader-{round_}-{number}-{again}@example.org", "website": "", "stamp": stamp}
            async with session.post(f"http://127.0.0.1:{port}/subscribe", data=form) as answer:
                if answer.status != 200 or "on its way" not in await answer.text():
                    raise SystemExit(f"a sign-up answered {answer.status}")
            took.append((time.perf_counter() - began) * 1000)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        async with session.get(f"http://127.0.0.1:{port}/subscribe") as form:
            stamp = (await form.text()).split('name="stamp" value="')[1].split('"')[0]
        await asyncio.sleep(QUICKEST_S)
        began = time.perf_counter()
        await asyncio.gather(*(client(number, session, stamp) for number in range(CLIENTS)))
        seconds = time.perf_counter() - began
    cuts = statistics.quantiles(took, n=100)
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "per_s": len(took) / seconds}


@contextmanager
def server(*mode: str) -> Iterator[tuple[int, int]]:
    """Start a server in a process of its own; gives its port and process id."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.benchmarks.pages", *mode, str(port)]) as process:
        try:
            await_(port, process)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def await_(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the server did not start")


def timed(paths: Sequence[str], port: int, rounds: int, folder: Path) -> Timed:
    """Have addresses read, several times, each from a new process; gives each round."""
    file = folder / "paths.json"
    file.write_text(json.dumps([*paths]), encoding="utf-8")
    return told([("--read", str(file), str(port))] * rounds)


def told(commands: Sequence[Sequence[str]]) -> Timed:
    """Run clients, each a process of its own; gives what they tell."""
    run_ = [sys.executable, "-m", "tests.benchmarks.pages"]
    each = [json.loads(subprocess.run([*run_, *one], check=True, capture_output=True).stdout) for one in commands]
    return Timed(*(tuple(one[name] for one in each) for name in ("p50", "p95", "p99", "per_s")))


def many(services: Services, editions: int) -> None:
    """Fill a home with editions of invented tools, none compared twice, each with votes."""
    message = render(examples.edition(), services.settings.site)  # only its length counts here
    for number in range(editions):
        week, at = shifted("2026-W47", -number), NOW - timedelta(weeks=number)
        matchups = tuple(invented(index, number) for index in range(5))
        edition = replace(examples.edition(), week=week, matchups=matchups, since=at - timedelta(weeks=1), until=at)
        tools = [side.tool for one in matchups for side in one.sides]
        services.store.record_reviews([(tool, ()) for tool in tools], at)
        services.editions.keep_draft(edition)
        services.editions.approve(week, replace(message, week=week), "the benchmark", at)
        votes = [
            {"tool": one.slug, "subscriber_id": f"sample-reader-{reader}", "call": "ship", "at": at}
            for one in tools
            for reader in range(VOTES)
        ]
        with writing(services.engine) as session:
            insert_ignore(session, VoteRow, votes)


def invented(index: int, number: int) -> Matchup:
    """The index-th example pair under names of its own."""
    one = examples.matchup(index)
    return replace(one, a=_renamed(one.a, number), b=_renamed(one.b, number))


def _renamed(side: Side, number: int) -> Side:
    slug = f"{side.tool.slug}-{number}"
    tool = replace(side.tool, slug=slug, name=f"{side.tool.name} {number}")
    return replace(side, tool=tool, verdict=replace(side.verdict, tool=slug))


def addresses(services: Services) -> dict[str, list[str]]:
    """The addresses of each kind of page that are read, in a random order that is always the same."""
    choose = random.Random(2026)  # noqa: S311 - which pages are read is no secret
    pairs = [one for record in services.editions.all(public=True) for one in record.edition.matchups]
    compare = [f"/compare/{choose.choice(pairs).slug}" for _ in range(REQUESTS)]
    tools = [f"/tools/{choose.choice(choose.choice(pairs).sides).tool.slug}" for _ in range(REQUESTS)]
    return {"home": ["/"] * REQUESTS, "comparison": compare, "tool": tools}


def page(port: int, path: str) -> str:
    """Read one page."""
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def memory_mb(pid: int) -> float:
    """What a process has taken at most, in MB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(rounds: int, editions: int, more: Sequence[int]) -> None:
    """Measure both homes, and homes with so many readers more; and tell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with redirect_stdout(io.StringIO()):
            demo(folder / "demo", NOW)
            demo(folder / "many", NOW - timedelta(weeks=editions + 1))
        with open_services(folder / "many", NOW, environment={}) as services:
            many(services, editions)
        for home, said in (("demo", "demo data"), ("many", f"{editions} editions more, {editions * 10:,} tools")):
            measure_home(folder / home, said, rounds, folder)
        measure_sign_ups(folder / "demo", "demo data", rounds)
        for count in more:
            with_readers(folder, count, rounds)


def with_readers(folder: Path, count: int, rounds: int) -> None:
    """Measure a comparison and sign-ups of a home with so many readers more."""
    home = folder / f"readers-{count}"
    with redirect_stdout(io.StringIO()):
        demo(home, NOW)
    with open_services(home, NOW, environment={}) as services:
        with writing(services.engine) as session:
            values = {"count": count, "now": "2026-11-01 00:00:00.000000"}
            session.connection().execute(text(READERS_OF["sqlite"]), values)
        paths = addresses(services)["comparison"]
    with server("--serve", str(home)) as (port, pid):
        page(port, "/")
        ours = timed(paths, port, rounds, folder)
        memory = memory_mb(pid)
    name = "Milliseconds until 95 % of the answers came, by number of readers"
    tell(f"comparison, {count:,} readers", ours, point=Point(name, "comparison", count, "readers"))
    keep(f"peak memory of the server, {count:,} readers", "MB", memory,
         point=Point("Megabytes of the server by number of readers", "at most", count, "readers"))  # fmt: skip
    point = Point("Sign-ups in a second by number of readers", "sign-ups", count, "readers")
    measure_sign_ups(home, f"{count:,} readers", rounds, point)


def measure_home(home: Path, said: str, rounds: int, folder: Path) -> None:
    """Measure the pages of one home, each in turn with a bare page of the same bytes."""
    with open_services(home, NOW, environment={}) as services:
        kinds = addresses(services)
    with server("--serve", str(home)) as (port, pid):
        began = time.perf_counter()
        page(port, "/")
        keep(f"first page after a start, {said}", "ms", (time.perf_counter() - began) * 1000)
        for kind, paths in kinds.items():
            html = page(port, paths[0])
            (folder / "bare.html").write_text(html, encoding="utf-8")
            ours = timed(paths, port, rounds, folder)
            with server("--bare", str(folder / "bare.html")) as (other, _):
                least = timed(["/"] * REQUESTS, other, rounds, folder)
            tell(f"{kind}, {said}", ours, least)
        sizes = {path: len(page(port, path).encode()) for path in [*(one[0] for one in kinds.values()), *_others()]}
        largest = max(sizes, key=lambda path: sizes[path])
        keep(f"largest page, {said}", "bytes", sizes[largest], goal=MOST_BYTES, note=f"`{largest}`")
        keep(f"peak memory of the server, {said}", "MB", memory_mb(pid))


def tell(what: str, ours: Timed, least: Timed | None = None, point: Point | None = None) -> None:
    """Tell how soon answers came, beside those of a bare server."""
    median = statistics.median
    bare = [Other("bare FastAPI", least.p95)] if least else []
    rates = f"; bare {median(least.per_s):,.0f}" if least else ""
    keep(f"{what}, 95 % of the answers within", "ms", ours.p95, goal=GOAL_MS, against=bare, point=point,
         short=what.startswith("comparison") and least is not None,
         note=f"p50 {median(ours.p50):.1f}, p99 {median(ours.p99):.1f} ms, {median(ours.per_s):,.0f} a second{rates}",
    )  # fmt: skip


def measure_sign_ups(home: Path, said: str, rounds: int, point: Point | None = None) -> None:
    """Measure sign-ups from one network, and count what was kept of them."""
    with (home / "verdicts.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\nsignups_per_network = {CLIENTS * SIGN_UPS * rounds + 1}\n")
    with server("--serve", str(home)) as (port, _):
        found = told([("--sign-up", str(number), str(port)) for number in range(rounds)])
    with open_services(home, NOW, environment={}) as services:
        kept, letters = services.subscribers.stats()["unconfirmed"], services.notices.counts()["queued"]
    keep(f"sign-ups of {CLIENTS} clients, {said}", "/s", found.per_s, better="higher", goal=GOAL_PER_S, point=point,
         note=f"p95 {statistics.median(found.p95):.1f} ms; of {CLIENTS * SIGN_UPS * rounds:,} {kept:,} kept,"
         f" {letters:,} letters queued", short=not point)  # fmt: skip


def _others() -> list[str]:
    return ["/editions", "/categories/developer-tools", "/reviewers/builder", "/search?q=a", "/privacy"]


if __name__ == "__main__":
    main()
