"""Time composing an edition: `python -m tests.benchmarks.composing [READY]…`.

Makes a database of 100,000 tools and 10,000 launches of the week (seeded, the same on every run) in which READY tools
have a ready verdict, and times `compose` as the command runs it: reading candidates and history, weighing pairs,
choosing them, writing the draft. Each size three times, each in a process of its own that made none of the data.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from digest.database import insert_ignore, writing
from digest.model import CATEGORIES
from digest.settings import make_home
from digest.tables import LaunchEntryRow, LaunchRow, ReviewRow, ToolRow
from flows import steps
from flows.services import open_services
from tests.benchmarks.figures import Point, keep

NOW = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)
TOOLS, LAUNCHES, SIZES, ROUNDS = 100_000, 10_000, (250, 500, 1_000, 2_500, 5_000), 3
JUDGES = ("builder", "skeptic", "futurist", "founder")
PRICES = ("", "Free", "Freemium", "Paid", "$9/month", "$20/month", "$49/month")

Row = dict[str, Any]


def tool(number: int, chance: random.Random) -> Row:
    """One invented tool; big categories have more tools, and each category has jobs of its own."""
    place = min(int(chance.expovariate(0.3)), len(CATEGORIES) - 1)
    jobs = [f"job {place}-{chance.randrange(12)}" for _ in range(chance.randrange(4))]
    words = " ".join(f"w{chr(97 + chance.randrange(26))}{chr(97 + chance.randrange(26))}" for _ in range(25))
    return {
        "slug": f"tool-{number}", "name": f"Tool {number}", "vendor": f"Vendor {chance.randrange(TOOLS // 3)}",
        "tagline": words[:48], "description": words, "category": CATEGORIES[place], "category_set": False,
        "tags": sorted({*jobs, f"trait {chance.randrange(40)}"}), "entry_price": chance.choice(PRICES),
        "price_checked_on": None, "open_source": chance.choice((None, True, False)), "url": "https://example.org",
        "added_at": NOW,
    }  # fmt: skip


def launch(number: int, of: Row, chance: random.Random) -> tuple[Row, list[Row]]:
    """One launch of a tool within the last week, and its entries: carried by one feed to six."""
    at = NOW - timedelta(hours=chance.randrange(1, 168))
    feeds = min(6, 1 + int(chance.expovariate(1.2)))
    key = f"{number:016x}"
    row = {
        "id": key, "tool_slug": of["slug"], "tool_name": of["name"], "title": f"Introducing {of['name']}",
        "link": "https://example.org", "announced_at": at, "first_seen": at, "tagline": of["tagline"],
        "category": of["category"], "version": "", "entry_price": "", "score": round(chance.random(), 2),
        "reasons": ["title says “introducing”"], "rejected": False, "merged_into": None,
    }  # fmt: skip
    return row, [
        {"feed": f"feed-{one}", "entry_id": f"entry-{number}", "launch_id": key, "position": one}
        for one in range(feeds)
    ]


def reviews(of: Row, chance: random.Random) -> list[Row]:
    """Three or four reviews of a tool, recorded long ago."""
    return [
        {
            "tool": of["slug"], "reviewer": judge, "version": 1, "call": chance.choice(("ship", "skip")),
            "quote": f"What {judge} thinks of {of['name']}. " * 10, "reviewed_on": (NOW - timedelta(days=20)).date(),
            "recorded_at": NOW - timedelta(days=20),
        }
        for judge in JUDGES[: chance.choice((3, 4, 4))]
    ]  # fmt: skip


def fill(home: Path, ready: int) -> None:
    """Make a home with its database; four in five of the ready tools launched this week."""
    make_home(home)
    chance = random.Random(47)  # noqa: S311 - invented data
    tools = [tool(number, chance) for number in range(TOOLS)]
    made = [launch(number, tools[number], chance) for number in range(LAUNCHES)]
    new = ready * 4 // 5
    judged = [*tools[:new], *tools[TOOLS - (ready - new) :]]
    with open_services(home, NOW, create=True) as services, writing(services.engine) as session:
        insert_ignore(session, ToolRow, tools)
        insert_ignore(session, LaunchRow, [row for row, _ in made])
        insert_ignore(session, LaunchEntryRow, [entry for _, entries in made for entry in entries])
        insert_ignore(session, ReviewRow, [row for one in judged for row in reviews(one, chance)])


def measure(home: Path) -> dict[str, float]:
    """Compose once in this process; seconds, and the process's peak memory in MB."""
    with open_services(home, NOW) as services:
        started = time.perf_counter()
        record = steps.compose(services, "2026-W48")
        seconds = time.perf_counter() - started
    if len(record.edition.matchups) != 5 or len(record.edition.passed_over) != 10:
        raise SystemExit("the edition is not whole: the figures would mean nothing")
    # The system counts in kB, on a Mac in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"seconds": seconds, "peak": peak}


def apart(*words: str) -> bytes:
    """Run a part of this in a process of its own; what a process starts with counts into its peak memory."""
    command = [sys.executable, "-m", "tests.benchmarks.composing", *words]
    return subprocess.run(command, check=True, capture_output=True).stdout


def main(sizes: Sequence[int]) -> None:
    """Measure every size in processes of their own, and tell."""
    print(f"{TOOLS:,} tools, {LAUNCHES:,} launches; each in {ROUNDS} processes")  # noqa: T201
    for ready in sizes:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            home.mkdir()
            apart("--fill", str(home), str(ready))
            runs = [json.loads(apart("--once", str(home))) for _ in range(ROUNDS)]
        seconds = sorted(run["seconds"] for run in runs)
        peak = max(run["peak"] for run in runs)
        keep(f"{ready:,} ready tools", "s", seconds, note=f"at most {peak:.0f} MB", short=ready == max(sizes),
             point=Point("Seconds of composing", "compose", ready, "ready tools"))  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        print(json.dumps(measure(Path(sys.argv[2]))))  # noqa: T201
    elif sys.argv[1:2] == ["--fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main([int(one) for one in sys.argv[1:]] or SIZES)
