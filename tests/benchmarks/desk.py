"""How fast the pages of the desk answer: `python -m tests.benchmarks.desk [--this-week] [--launches N …]`.

A real desk on a home with 5,000 tools, 10,000 launches and 100 editions, asked by one editor over HTTP on this machine.
The launches are of the last 100 weeks; with `--this-week`, all of one week, which is a hundred times what feeds bring.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from digest.database import insert_ignore, writing
from digest.editions import Editions
from digest.rendering import render
from digest.settings import make_home
from digest.tables import LaunchEntryRow, LaunchRow, ReviewRow, ToolRow
from digest.weeks import shifted
from flows import steps
from flows.desk.serving import DeskServer
from flows.services import Services, open_services
from tests import examples
from tests.benchmarks.composing import NOW, launch, reviews, tool
from tests.benchmarks.figures import Point, keep
from tests.pages.desk.desks import browser_like

TOOLS, LAUNCHES, EDITIONS, READY, ROUNDS = 5_000, 10_000, 100, 500, 20

WEEK = "2026-W48"

#: What a page may take at the server, in milliseconds.
GOAL_MS = 150

#: The pages that are drawn by number of launches.
GROWING = ("Overview", "This week", "Edition", "Numbers")


def fill(services: Services, launches: int, *, this_week: bool) -> None:
    """Put everything into a new database, and compose a draft of the week."""
    chance = random.Random(48)  # noqa: S311 - invented data
    tools = [tool(number, chance) for number in range(TOOLS)]
    made = [launch(number, tools[number % TOOLS], chance) for number in range(launches)]
    if not this_week:
        for number, (row, _) in enumerate(made):
            moved = timedelta(weeks=number % EDITIONS)
            row["announced_at"] -= moved
            row["first_seen"] -= moved
    with writing(services.engine) as session:
        insert_ignore(session, ToolRow, tools)
        insert_ignore(session, LaunchRow, [row for row, _ in made])
        insert_ignore(session, LaunchEntryRow, [entry for _, entries in made for entry in entries])
        insert_ignore(session, ReviewRow, [row for one in tools[:READY] for row in reviews(one, chance)])
    editions, whole = Editions(services.engine), examples.edition()
    for number in range(EDITIONS, 0, -1):
        week = shifted(WEEK, -number)
        ended = timedelta(weeks=number)
        edition = replace(whole, week=week, since=NOW - ended - timedelta(weeks=1), until=NOW - ended)
        editions.keep_draft(edition)
        editions.approve(week, render(edition, examples.site()), "ada", NOW - ended)
        editions.start_sending(week)
        editions.finish_sending(week, NOW - ended)
    steps.compose(services, WEEK)


def measure(server: DeskServer, address: str, launches: int) -> None:
    """Ask every page of the desk, and tell how long the answers took."""
    with browser_like(address) as client:
        client.get(server.keys.address)
        for name, path in server.pages:
            took = []
            for _ in range(ROUNDS + 1):
                began = time.perf_counter()
                answer = client.get(path, params={"week": WEEK})
                took.append((time.perf_counter() - began) * 1000)
                if answer.status_code != 200:
                    raise SystemExit(f"{path} answered {answer.status_code}")
            point = Point("Milliseconds of the desk’s pages", name, launches, "launches")
            keep(f"{name}, {launches:,} launches", "ms", took[1:], goal=GOAL_MS,  # the first compiles templates
                 note=f"all but one within {sorted(took[1:])[-2]:.0f} ms, first {took[0]:.0f} ms,"
                 f" {len(answer.content) / 1000:.1f} KB",
                 short=name == "This week" and launches >= LAUNCHES,
                 point=point if name in GROWING else None)  # fmt: skip


def main() -> None:
    """Fill homes, serve their desks, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--this-week", action="store_true", help="all launches in one week")
    parser.add_argument("--launches", type=int, nargs="+", default=[LAUNCHES])
    asked = parser.parse_args()
    for launches in asked.launches:
        served(launches, this_week=asked.this_week)


def served(launches: int, *, this_week: bool) -> None:
    """Measure the desk of a home with so many launches."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_home(home)
        with open_services(home, NOW, create=True, environment={}) as services:
            fill(services, launches, this_week=this_week)
            server = DeskServer(services, "127.0.0.1", 0)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            measure(server, f"http://127.0.0.1:{server.keys.access.port}", launches)
            server.stop()
            thread.join()


if __name__ == "__main__":
    main()
