"""Everything at once for half an hour: `python -m tests.soak [--minutes 30] [--readers 20000]`.

A real `verdicts serve` with its schedules, feeds that publish something new now and then and some that misbehave, the
local SendGrid, and everybody who visits the public pages (tests/traffic.py); in the middle an edition goes out. A line
for each minute tells memory, requests and what was done; in the end everything that was promised is looked up.
Ends with status 1 on anything lost, any error, or memory that grew.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlmodel import Session, col, select, update

from digest.database import writing
from digest.rendering import render
from digest.settings import make_home
from digest.weeks import shifted, week_of
from flows.demo import SAMPLES
from flows.services import Services, open_services
from sources.tables import FeedMemory
from subscribers.tables import EventPostRow, NoticeRow
from tests import sendgrid
from tests.commands import verdicts
from tests.examples import edition
from tests.newsroom import Newsroom
from tests.ports import free_port
from tests.prefects import PROGRAM, ROOT, SETTINGS, api_of, do, due_an_hour_ago, run_now, serve_apart, write_readers
from tests.promises import faults_of
from tests.traffic import Promised, Provider, Traffic

#: What the local SendGrid takes for a call: enough that a part of the day's letters wait for each other.
_CALL_S = 0.05

#: The first minutes fill caches and the allocator's arenas: they count for nothing. Then a third against a third.
_WARM_SHARE, _MOST_GROWTH = 0.1, 1.10

#: How often memory is looked at.
_LOOK_S = 3.0

#: How long everything may take to come to rest in the end.
_REST_S = 180.0

_SETTINGS = """\
operator = "operator@example.net"
approval = "editor"
signups_per_network = 100000
fetch_allow_hosts = ["127.0.0.1"]
gather_at = "* * * * *"
"""


@dataclass(frozen=True)
class Look:
    """The memory of all processes at a moment, in MB: of `serve`, of Prefect's server, and of the runs between."""

    at: float
    serve: float
    prefect: float
    runs: float


@dataclass
class Soaked:
    """What came of it: the memory, what was promised, and what was found wrong."""

    began: float
    looks: list[Look] = field(default_factory=list)
    promised: Promised = field(default_factory=Promised)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def growth(self) -> dict[str, float]:
        """How the last third's median compares with the first third's, once warm: what stays, and the runs."""
        warm = self.looks[int(len(self.looks) * _WARM_SHARE) :]
        third = max(1, len(warm) // 3)
        first, last = warm[:third], warm[-third:]

        found = {name: _ratio(first, last, name) for name in ("serve", "prefect")}
        running = [[one for one in some if one.runs] for some in (first, last)]
        return found | ({"runs": _ratio(running[0], running[1], "runs")} if all(running) else {})


def _ratio(of: Sequence[Look], to: Sequence[Look], name: str) -> float:
    """How the median of some looks compares with that of others."""
    before, after = (float(statistics.median(getattr(one, name) for one in some)) for some in (of, to))
    return after / before


def soak(folder: Path, seconds: float, readers: int, *, seed: int = 1, tell: bool = False) -> Soaked:
    """Do all of it in an empty folder; `tell` writes a line for each minute to standard output."""
    provider, home = Provider(), folder / "home"
    with ExitStack() as stack:
        standin = stack.enter_context(sendgrid.running(folder / "sendgrid"))
        standin.control(odds={"slow": 1.0}, slow_s=_CALL_S, keep=True)
        newsroom = stack.enter_context(Newsroom(seed))
        prepare(home, newsroom, readers)
        port = free_port()
        environment = standin.environment() | {"SENDGRID_EVENT_PUBLIC_KEY": provider.shown}
        with serve_apart(home, port, environment) as process:
            try:
                api = api_of(process)
                traffic = Traffic(f"http://127.0.0.1:{port}", standin.folder / "bodies", provider, seed)
                done = asyncio.run(_pass(traffic, home, api, process.pid, seconds, tell))
                done.faults += _logged(home / "log")  # Prefect calls a run that is told to stop crashed
            finally:
                process.send_signal(signal.SIGTERM)
                rest = process.communicate(timeout=120)[0]
        if (process.returncode, rest.splitlines()[-1:]) != (0, ["stopped"]):
            done.faults.append(f"serve ended with {process.returncode}: {rest[-200:]}")
        done.faults += [f"{times} × {what}" for what, times in traffic.promised.faults.items()]
        # The stop may have cut a gathering short: what it was shown and did not store, the next one brings.
        assert verdicts("gather", "--all", home=home).status == 1  # of the feeds that misbehave
        with open_services(home) as services:
            found = faults_of(services, traffic.promised, standin, newsroom.shown(), this_week(services), readers)
            done.faults += found.faults
            done.notes = found.notes
    return done


def this_week(services: Services) -> str:
    """The ISO week in the configured zone."""
    return week_of(datetime.now(UTC), services.settings.zone)


def prepare(home: Path, newsroom: Newsroom, readers: int) -> None:
    """Fill a home: feeds, readers, last week's edition that is out, and this week's draft that is due."""
    make_home(home)
    (home / "verdicts.toml").write_text(SETTINGS + _SETTINGS + due_an_hour_ago(), "utf-8")
    (home / "feeds.toml").write_text(newsroom.catalog(), "utf-8")
    do(home, "init")
    do(home, "panel", "import", SAMPLES / "reviews")
    with open_services(home, environment={}) as services:
        _publish(services, shifted(this_week(services), -1))
    do(home, "subscribers", "import", write_readers(home, readers))
    do(home, "compose")


def _publish(services: Services, week: str) -> None:
    """Let an edition be out that went to nobody: newcomers are welcomed with it."""
    made, now = edition(week=week), services.clock()
    sides = [side for one in made.matchups for side in one.sides]
    services.store.record_reviews([(side.tool, side.verdict.reviews) for side in sides], now)
    services.editions.keep_draft(made)
    services.editions.approve(week, render(made, services.settings.site), "an editor", now)
    services.editions.start_sending(week)
    services.ledger.plan(week, now)
    services.editions.finish_sending(week, now)


async def _pass(traffic: Traffic, home: Path, api: str, pid: int, seconds: float, tell: bool) -> Soaked:
    """Let the time pass, and longer where the edition is not out yet; then wait until nothing is under way."""
    done = Soaked(time.time(), promised=traffic.promised)
    ends, flowing = time.monotonic() + seconds, asyncio.create_task(traffic.flow())
    beside = [asyncio.create_task(one) for one in (_gather(home, 60), _send(home, api, seconds / 2))]
    told = 0
    while (late := time.monotonic() - ends) < 0 or (late < _REST_S and not await asyncio.to_thread(_is_sent, home)):
        done.looks.append(_look(pid))
        if tell and time.time() - done.began >= (told + 1) * 60:
            told += 1
            _say(_minute(done, told))
        await asyncio.sleep(min(_LOOK_S, max(0.5, -late)))
    traffic.stop()
    await flowing
    beside[0].cancel()
    await beside[1]
    if left := await asyncio.to_thread(_at_rest, home):
        done.faults.append(f"after {_REST_S:.0f} s {left}")
    return done


async def _gather(home: Path, each_s: float) -> None:
    """Let each feed be due again each minute: by itself it rests for half an hour."""
    with open_services(home, environment={}) as services:
        while True:
            await asyncio.to_thread(partial(_make_due, services))
            await asyncio.sleep(each_s)


def _make_due(services: Services) -> None:
    with writing(services.engine) as session:
        session.execute(update(FeedMemory).values(next_poll_at=None, error_streak=0))


async def _send(home: Path, api: str, after_s: float) -> None:
    """Approve the edition, and let the flow that sends run."""
    await asyncio.sleep(after_s)
    command = [*PROGRAM, "edition", "approve", "--home", home]
    run = partial(subprocess.run, command, cwd=ROOT, check=True, capture_output=True)
    await asyncio.to_thread(run)
    await asyncio.to_thread(run_now, api, "send")


def _is_sent(home: Path) -> bool:
    with open_services(home, environment={}) as services:
        return services.editions.require(this_week(services)).state == "sent"


def _at_rest(home: Path) -> str:
    """Wait until the edition is sent, no letter waits and every event is applied; says what is not, "" when all is."""
    deadline = time.monotonic() + _REST_S
    with open_services(home, environment={}) as services:
        while (left := _left(services)) and time.monotonic() < deadline:
            time.sleep(0.2)
    return left


def _left(services: Services) -> str:
    record = services.editions.require(this_week(services))
    if record.state != "sent":
        return f"the edition is {record.state}" + (f", held: {record.held}" if record.held else "")
    with Session(services.engine) as session:
        if session.exec(select(NoticeRow.id).where(col(NoticeRow.state).in_(("queued", "claimed")))).first():
            return "letters wait"
        if session.exec(select(EventPostRow.id).where(col(EventPostRow.applied_at).is_(None))).first():
            return "events wait"
    return ""


def _logged(log: Path) -> Iterator[str]:
    """What was logged as a warning or worse, by its words."""
    lines = [one for one in log.read_text("utf-8").splitlines() if " level=info " not in one and one]
    found = Counter(line.partition(" level=")[2] or line for line in lines)
    for line, times in found.most_common(20):
        yield f"logged {times} ×: {line[:400]}"


def _look(pid: int) -> Look:
    """Sum the memory of `serve` and all that it started."""
    children = dict[int, list[int]]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("utf-8").rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    server = [one for one in children.get(pid, []) if b"\0server\0start\0" in _read(one, "cmdline")]
    others = [one for one in children.get(pid, []) if one not in server]
    sums = (sum(map(_memory, some)) for some in ([pid], server, _all_of(others, children)))
    return Look(time.time(), *sums)


def _all_of(pids: Sequence[int], children: dict[int, list[int]]) -> list[int]:
    return [one for pid in pids for one in (pid, *_all_of(children.get(pid, []), children))]


def _memory(pid: int) -> float:
    """What a process holds in memory, in MB; 0 when it has just ended."""
    pages = _read(pid, "statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if pages else 0.0


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


_HEAD = "minute  serve MB  Prefect MB  runs MB  requests  p95 ms  events  signed up  voted  left  errors"


def _minute(done: Soaked, number: int) -> str:
    """Put a minute into a line: medians of memory (of runs the most), and counts since the start but for requests."""
    since, until = done.began + (number - 1) * 60, done.began + number * 60
    looks = [one for one in done.looks if since <= one.at < until]
    took = [one.ms for one in done.promised.answers if since <= one.at < until]
    p95 = statistics.quantiles(took, n=20)[18] if len(took) > 1 else 0.0
    promised, median = done.promised, statistics.median
    return (
        f"{number:6}  {median(one.serve for one in looks):8.1f}  {median(one.prefect for one in looks):10.1f}"
        f"  {max(one.runs for one in looks):7.1f}  {len(took):8,}  {p95:6.1f}  {len(promised.events):6,}"
        f"  {len(promised.confirmed):9,}  {len(promised.votes):5,}  {len(promised.left):4,}"
        f"  {promised.faults.total():6}"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Soak, print the table and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="verdicts-soak-") as name:
        _say(_HEAD)
        done = soak(Path(name), options.minutes * 60, options.readers, seed=options.seed, tell=True)
    growth = done.growth()
    grew = [name for name, ratio in growth.items() if ratio > _MOST_GROWTH]
    faults = [*done.faults, *(f"memory of {name} grew by more than {_MOST_GROWTH - 1:.0%}" for name in grew)]
    grown = ", ".join(f"{name} {ratio - 1:+.1%}" for name, ratio in growth.items())
    _say("\n".join([*done.notes, f"memory, last third against first: {grown}", *faults]))
    _say(f"{len(faults)} faults" if faults else "nothing lost, no error, memory flat")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
