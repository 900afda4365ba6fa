"""Sending by several workers: `python -m tests.scale [--recipients N] [--connections N] [--workers 1 2 4]`.

Starts a real PostgreSQL, a real Prefect server on it, and workers; sends an edition with one, two and four of them to a
service that discards, as quick as can be, and once more to the local SendGrid, which looks at every letter, with a
worker and the run it made killed with -9 midway. Both take 250 ms for a call. A table shows how fast each went; the
ledger of the local SendGrid shows whether anybody got the edition twice, or not at all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from digest.database import open_engine
from digest.editions import Editions
from subscribers.ledger import Ledger
from subscribers.tables import BatchRow
from tests import sendgrid
from tests.benchmarks.sending import prepared, sink
from tests.benchmarks.subscribers import postgresql
from tests.ports import free_port
from tests.prefects import PROGRAM, ROOT, ask, awaited, run_now
from tests.subscribers.readers import WEEK

_LATENCY_S = 0.25

_KEEP_SECRET = "import sys; from prefect.blocks.system import Secret; Secret(value=sys.argv[1]).save('mail-key')"


@dataclass(frozen=True)
class Told:
    """One edition sent: by how many workers and runs, how fast, and what was found wrong."""

    workers: int
    killed: int
    recipients: int
    seconds: float
    runs: int
    twice: int
    lost: int

    @property
    def rate(self) -> float:
        """Recipients a second, from the first call's start to the last one's end."""
        return self.recipients / self.seconds


@dataclass(frozen=True)
class Installation:
    """A Prefect server that has nothing to run yet, beside a PostgreSQL server."""

    api: str
    server: str
    environment: Mapping[str, str]
    keeps_runs_in: str

    def states(self) -> dict[str, str]:
        """The states of runs, by their ids."""
        return {one["id"]: one["state_type"] for one in ask(self.api, "/flow_runs/filter")}


@contextmanager
def installed() -> Iterator[Installation]:
    """Run PostgreSQL and a Prefect server, which has the key of the local SendGrid in a block.

    Prefect keeps its runs in Debian's PostgreSQL, which has the extension that Prefect asks for, else in a file.
    """
    with tempfile.TemporaryDirectory(prefix="verdicts-scale-") as name, postgresql() as server, _whole() as url:
        port = str(free_port())
        kept = {one: value for one, value in os.environ.items() if not one.startswith(("PREFECT_", "VERDICTS_"))}
        environment = kept | {
            "PREFECT_HOME": f"{name}/prefect", "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PYTHONPATH": str(ROOT),
            "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_LOGGING_SETTINGS_PATH": str(ROOT / "flows" / "logging.yml"),
        }  # fmt: skip
        if url:
            environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = url
        words = ["server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"]
        log = Path(name) / "server.log"
        with started(["-m", "prefect", *words], environment, log) as process:
            api = environment["PREFECT_API_URL"]
            awaited(lambda: process.poll() is not None or _healthy(api), "Prefect's server")
            assert process.poll() is None, log.read_text()[-2000:]
            found = Installation(api, server, environment, "PostgreSQL" if url else "a file")
            subprocess.run([sys.executable, "-c", _KEEP_SECRET, sendgrid.KEY], env=environment, cwd=ROOT, check=True)
            yield found


@contextmanager
def _whole() -> Iterator[str]:
    """Run Debian's PostgreSQL, which has the extensions that Prefect wants; "" where it is not installed."""
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not bins:
        yield ""
        return
    user = "postgres" if os.geteuid() == 0 else None  # it never runs as root
    with tempfile.TemporaryDirectory(prefix="verdicts-prefect-pg-") as name:
        if user:
            shutil.chown(name, user)
        init = [
            str(bins[-1] / "initdb"),
            "--pgdata",
            f"{name}/data",
            "--username",
            "postgres",
            "--auth",
            "trust",
            "--no-sync",
        ]
        subprocess.run(init, check=True, user=user, cwd=name, stdout=subprocess.DEVNULL)
        run = [str(bins[-1] / "postgres"), "-D", f"{name}/data", "-k", name, "-h", "", "-F"]
        server = subprocess.Popen(run, user=user, cwd=name, stderr=subprocess.DEVNULL)
        try:
            awaited(lambda: Path(name, ".s.PGSQL.5432").exists(), "PostgreSQL")
            yield f"postgresql+asyncpg://postgres@/postgres?host={name}"
        finally:
            server.send_signal(signal.SIGINT)  # its quick end
            server.wait(20)


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=5):
            return True
    except OSError:
        return False


@contextmanager
def started(words: list[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python program in a session of its own, and end all of it."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, *words], env=dict(environment), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def send(at: Installation, count: int, workers: int, connections: int, *, kill: bool = False) -> Told:
    """Send an edition to so many readers by so many workers; with `kill` one dies, and the local SendGrid counts."""
    with prepared(at.server, count) as home, ExitStack() as stack:
        (home / "feeds.toml").write_text("# Nothing to poll.\n")
        standin = stack.enter_context(sendgrid.running(home / "sendgrid"))
        standin.control(odds={"slow": 1.0}, slow_s=_LATENCY_S)
        address = standin.address if kill else stack.enter_context(sink(_LATENCY_S))
        environment = {
            **at.environment, "VERDICTS_DATABASE_URL": (home / "url").read_text(), "VERDICTS_SENDER": "sendgrid",
            "SENDGRID_API_KEY_BLOCK": "mail-key", "SENDGRID_HOST": address, "VERDICTS_SETTLE_S": "1",
            "VERDICTS_SEND_WORKERS": str(workers), "VERDICTS_SEND_CONNECTIONS": str(connections),
        }  # fmt: skip
        subprocess.run(
            [*PROGRAM, "deploy", "--home", home], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        ledger = Ledger(open_engine(environment["VERDICTS_DATABASE_URL"]))
        stack.callback(ledger.engine.dispose)
        log = home / "workers.log"
        for _ in range(workers + kill):  # one that is killed leaves another that goes on
            work = ["-m", "prefect", "worker", "start", "--pool", "verdicts", "--type", "process", "--limit", "1"]
            stack.enter_context(started(work, environment, log))
        run_now(at.api, "send", week=WEEK)
        if kill:
            _kill_midway(ledger, standin, count)
        _ended(at, ledger, count)
        if not kill:  # a run whose worker ends first counts as running: the next one to send would find no place
            awaited(lambda: "RUNNING" not in at.states().values(), "the end of the runs")
        return _told(ledger, standin if kill else None, count, workers)


def _kill_midway(ledger: Ledger, standin: sendgrid.Running, count: int) -> None:
    """Kill a process that makes calls, and the worker that started it, once a third is sent."""
    awaited(lambda: sum(len(one["to"]) for one in standin.ledger()) >= count / 3, "a third of the calls")
    claimed = awaited(lambda: [one for one in ledger.unsettled() if one.state == "claimed"], "a call")
    run = int(claimed[-1].claimed_by.rsplit(":", 2)[1])
    worker = int(Path(f"/proc/{run}/stat").read_text().rsplit(")", 1)[1].split()[1])
    for one in (worker, run):
        os.kill(one, signal.SIGKILL)


def _ended(at: Installation, ledger: Ledger, count: int) -> None:
    """Wait until the edition is sent; what a dead run left is found by the reconcile run that is due each quarter."""
    asked = ""

    def over() -> bool:
        nonlocal asked
        if Editions(ledger.engine).require(WEEK).state == "sent":
            return True
        living = [one for one in ledger.under_way(_now()) if one == WEEK]
        if not living and ledger.counts(WEEK).accepted > count / 3 and at.states().get(asked) not in _OPEN:
            asked = run_now(at.api, "reconcile")
        time.sleep(0.4)
        return False

    awaited(over, "the end of the edition")


_OPEN = {"SCHEDULED", "PENDING", "RUNNING"}


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _told(ledger: Ledger, standin: sendgrid.Running | None, count: int, workers: int) -> Told:
    """Read from the batches how long it took and who sent; from the local SendGrid's own ledger who got it."""
    with Session(ledger.engine) as session:
        rows = session.exec(select(BatchRow.claimed_at, BatchRow.settled_at, BatchRow.claimed_by)).all()
    began, ended = min(one[0] for one in rows if one[0]), max(one[1] for one in rows if one[1])
    runs, accepted = len({one[2] for one in rows}), ledger.counts(WEEK).accepted
    got = Counter(standin.inboxes()) if standin else None
    twice = sum(times > 1 for times in got.values()) if got else 0
    lost = count - (len(got) if got else accepted)
    return Told(workers, int(standin is not None), count, (ended - began).total_seconds(), runs, twice, lost)


def main() -> None:
    """Send an edition with each number of workers, then once more with one of the most killed; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=200_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    with installed() as at:
        told = [send(at, options.recipients, workers, options.connections) for workers in options.workers]
        told.append(send(at, options.recipients, max(options.workers), options.connections, kill=True))
    sys.stdout.write(f"Prefect keeps its runs in {at.keeps_runs_in}, editions are in PostgreSQL\n")
    sys.stdout.write("workers  killed  recipients  seconds  recipients/s  runs  twice  lost\n")
    for one in told:
        sys.stdout.write(
            f"{one.workers:7}  {one.killed:6}  {one.recipients:10,}  {one.seconds:7.1f}  {one.rate:12,.0f}"
            f"  {one.runs:4}  {one.twice:5}  {one.lost:4}\n"
        )
    sys.exit(1 if any(one.twice or one.lost for one in told) else 0)


if __name__ == "__main__":
    main()
