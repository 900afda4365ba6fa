"""Whole databases at scale: `python -m tests.benchmarks.databases [--rows N]`.

Makes a SQLite database of so many confirmed readers with their consents and an edition's deliveries, backs it up,
checks it, moves it to a real PostgreSQL, backs that up, and restores it to SQLite and over PostgreSQL; each by a
command in a process of its own, with the clock's and the processor's seconds and the peak of its memory. PostgreSQL's
own processor time is not in it.
"""

from __future__ import annotations

import argparse
import hmac
import os
import sys
import tempfile
from pathlib import Path

from digest.database import open_engine, upgrade, writing
from digest.settings import load_settings, make_home
from subscribers.ledger import Ledger
from tests.benchmarks.figures import keep
from tests.benchmarks.subscribers import Took, postgresql, run
from tests.examples import NOW
from tests.subscribers.readers import WEEK, approve

#: Readers written in one transaction.
_AT_ONCE = 50_000


def main() -> None:
    """Measure each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="verdicts-databases-") as name, postgresql() as server:
        home = Path(name) / "home"
        make_home(home)
        url = f"sqlite:///{home / 'verdicts.db'}"
        fill(url, rows, load_settings(home, {}).key("suppression_key"))
        size = (home / "verdicts.db").stat().st_size / 1e6
        sys.stdout.write(f"{rows:,} readers, {3 * rows:,} rows, {size:,.0f} MB, load {os.getloadavg()[0]:.1f}\n")
        told(run("backup of SQLite", home, url, "db", "backup", f"{name}/one.tar.gz"), rows)
        sys.stdout.write(f"    {Path(name, 'one.tar.gz').stat().st_size / 1e6:,.0f} MB\n")
        told(run("check of SQLite", home, url, "db", "check"), rows)
        told(run("move to PostgreSQL", home, url, "db", "move", server), rows)
        told(run("check of PostgreSQL", home, server, "db", "check"), rows)
        told(run("backup of PostgreSQL", home, server, "db", "backup", f"{name}/two.tar.gz"), rows)
        new = Path(name) / "new"
        told(run("restore to SQLite", new, f"sqlite:///{name}/new.db", "db", "restore", f"{name}/two.tar.gz"), rows)
        told(run("restore over PostgreSQL", home, server, "db", "restore", f"{name}/one.tar.gz", "--force"), rows)


def fill(url: str, rows: int, key: bytes) -> None:
    """Make readers with their consents, and plan an edition for all of them."""
    engine = open_engine(url)
    upgrade(engine)
    at = f"{NOW:%Y-%m-%d %H:%M:%S.%f}"
    for start in range(0, rows, _AT_ONCE):
        some = [f"{number:016x}" for number in range(start, min(rows, start + _AT_ONCE))]
        people = [(one, f"reader{one}@mail.example") for one in some]
        with writing(engine) as session:
            connection = session.connection()
            connection.exec_driver_sql(
                "INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, confirmed_at,"
                " moving_to) VALUES (?, ?, ?, ?, '', 'confirmed', ?, ?, '')",
                [(one, who, who, hmac.digest(key, who.encode(), "sha256").hex(), at, at) for one, who in people],
            )
            connection.exec_driver_sql(
                "INSERT INTO consents (subscriber_id, what, at, source, network, wording, wording_version)"
                " VALUES (?, 'confirmed', ?, 'link in the mail', '203.0.113.0/24', '', '')",
                [(one, at) for one in some],
            )
    approve(engine)
    Ledger(engine).plan(WEEK, NOW)
    engine.dispose()


def told(took: Took, rows: int) -> None:
    """Keep a step's figures when it is done."""
    note = f"{took.processor_s:.1f} s of processor time, {took.memory_mb:.0f} MB at most"
    keep(f"{took.step}, {rows:,} readers", "readers/s", rows / took.seconds, better="higher", note=note)


if __name__ == "__main__":
    main()
