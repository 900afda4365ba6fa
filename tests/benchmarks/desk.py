"""How fast the pages of the desk answer: `python -m tests.benchmarks.desk [--weeks N] [--launches N …] [--edits N]`.

A real desk on a home with 5,000 tools, 10,000 launches and 100 editions, asked by one editor over HTTP on this machine.
The launches are of the last 100 weeks; with `--weeks 2`, of two, and with `--this-week` all of one, which is a hundred
times what feeds bring. `--edits` changes the draft so often first; with `--changing` something is committed before each
page, so that nothing found before holds.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import update
from sqlmodel import col

from digest.database import insert_ignore, writing
from digest.editions import Editions
from digest.rendering import render
from digest.settings import make_home
from digest.tables import LaunchEntryRow, LaunchRow, ReviewRow, ToolRow
from digest.weeks import shifted
from flows import steps
from flows.desk.edition import edition_page
from flows.desk.serving import DeskServer
from flows.services import Services, open_services
from tests import examples
from tests.benchmarks.composing import NOW, launch, reviews, tool
from tests.benchmarks.figures import Point, keep
from tests.pages.desk.desks import browser_like

TOOLS, LAUNCHES, EDITIONS, READY, ROUNDS = 5_000, 10_000, 100, 500, 20

WEEK = "2026-W48"

#: What a page may take at the server, in milliseconds of processor time.
GOAL_MS = 150

#: The pages that are drawn by number of launches.
GROWING = ("Overview", "This week", "Edition", "Numbers")

#: The pages beside those of the navigation, and the navigation's with more to do.
MORE = (
    ("The week before", "/week?week=2026-W47"),
    ("… searched", "/week?week=2026-W47&named=tool+99"),
    ("… page 3", "/week?week=2026-W47&show=unreviewed&page=3"),
    ("Reviews", "/review"),
    ("A review", "/review?tool=tool-4999"),
    ("Reviews searched", "/review?named=tool+49"),
    ("Phone, dark", "/preview/phone-dark"),
    ("The frame", "/framed/phone-dark"),
    ("Sources differ", "/compare?source=yes"),
)


def fill(services: Services, launches: int, weeks: int) -> None:
    """Put everything into a new database, launches of so many weeks, and compose a draft of the week."""
    chance = random.Random(48)  # noqa: S311 - invented data
    tools = [tool(number, chance) for number in range(TOOLS)]
    made = [launch(number, tools[number % TOOLS], chance) for number in range(launches)]
    for number, (row, _) in enumerate(made):
        moved = timedelta(weeks=number % weeks)
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


def edit(services: Services, times: int) -> None:
    """Change the draft at the desk so often, a word of a matchup each time."""
    step = edition_page(services)
    for number in range(times):
        record = services.editions.require(WEEK)
        slug = record.edition.matchups[number % len(record.edition.matchups)].slug
        step.blurb("ada", WEEK, record.revision, slug, f"This is what changed for the {number}th time.")


def retag(services: Services) -> None:
    """Commit something, so that nothing a page knew holds."""
    with writing(services.engine) as session:
        session.exec(update(ToolRow).where(col(ToolRow.slug) == "tool-4999").values(tags=[str(time.monotonic())]))


def asked(server: DeskServer) -> Iterator[tuple[str, str]]:
    """Give what every page is called, and its address."""
    for name, path in (*server.pages, *MORE):
        yield name, path if "week=" in path else f"{path}{'&' if '?' in path else '?'}week={WEEK}"


def measure(server: DeskServer, address: str, launches: int, change: Callable[[], None]) -> None:
    """Ask every page of the desk, `change` having been called before each time, and tell what the answers took."""
    with browser_like(address) as client:
        client.get(server.keys.address)
        for name, path in asked(server):
            took = []
            for _ in range(ROUNDS + 1):
                change()
                # All threads but this one are the server's.
                began, all_s, mine_s = time.perf_counter(), time.process_time(), time.thread_time()
                answer = client.get(path)
                cpu_s = time.process_time() - all_s - (time.thread_time() - mine_s)
                took.append((cpu_s * 1000, (time.perf_counter() - began) * 1000))
                if answer.status_code != 200:
                    raise SystemExit(f"{path} answered {answer.status_code}")
            cpu, clock = (sorted(one) for one in zip(*took[1:], strict=True))  # the first compiles templates
            point = Point("Milliseconds of processor time of the desk’s pages", name, launches, "launches")
            keep(f"{name}, {launches:,} launches", "ms", cpu, goal=GOAL_MS,
                 note=f"processor time; all but one within {cpu[-2]:.0f} ms, first {took[0][0]:.0f} ms, by the clock"
                 f" {statistics.median(clock):.0f} ms, {len(answer.content) / 1000:.1f} KB",
                 short=name == "This week" and launches >= LAUNCHES,
                 point=point if name in GROWING else None)  # fmt: skip


def main() -> None:
    """Fill homes, serve their desks, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=100, help="weeks that the launches are of")
    parser.add_argument("--this-week", action="store_const", const=1, dest="weeks", help="all launches in one week")
    parser.add_argument("--launches", type=int, nargs="+", default=[LAUNCHES])
    parser.add_argument("--edits", type=int, default=0, help="changes that are made to the draft first")
    parser.add_argument("--changing", action="store_true", help="commit something before each page")
    chosen = parser.parse_args()
    for launches in chosen.launches:
        served(launches, chosen.weeks, chosen.edits, changing=chosen.changing)


def served(launches: int, weeks: int, edits: int, *, changing: bool) -> None:
    """Measure the desk of a home with so many launches, of so many weeks."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_home(home)
        with open_services(home, NOW, create=True, environment={}) as services:
            fill(services, launches, weeks)
            edit(services, edits)
            server = DeskServer(services, "127.0.0.1", 0)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            gc.freeze()  # as the command does
            change = partial(retag, services) if changing else lambda: None
            measure(server, f"http://127.0.0.1:{server.keys.access.port}", launches, change)
            server.stop()
            thread.join()


if __name__ == "__main__":
    main()
