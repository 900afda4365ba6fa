"""Time composing an edition: `python -m tests.benchmarks.composing [READY]…`.

Makes 100,000 tools and 10,000 launches (seeded, the same on every run), lets READY tools of them have a ready verdict,
and times picking the pairs and putting the edition together, each size three times in a process of its own.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from digest.composing import compose
from digest.model import CATEGORIES, Call, Candidate, Launch, Review, Reviewer, Tally, Tool, Verdict
from digest.pairing import pick

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TOOLS, LAUNCHES, SIZES, ROUNDS = 100_000, 10_000, (250, 500, 1_000, 2_500, 5_000), 3
PANEL = tuple(Reviewer(f"judge-{number}", f"Judge {number}", "Would I?", number) for number in range(4))
PRICES = ("", "Free", "Freemium", "Paid", "$9/month", "$20/month", "$49/month")


def tool(number: int, chance: random.Random) -> Tool:
    """One invented tool; big categories have more tools, and each category has jobs of its own."""
    place = min(int(chance.expovariate(0.3)), len(CATEGORIES) - 1)
    jobs = [f"job {place}-{chance.randrange(12)}" for _ in range(chance.randrange(4))]
    words = " ".join(f"w{chr(97 + chance.randrange(26))}{chr(97 + chance.randrange(26))}" for _ in range(25))
    return Tool(
        slug=f"tool-{number}",
        name=f"Tool {number}",
        vendor=f"Vendor {chance.randrange(TOOLS // 3)}",
        tagline=words[:48],
        description=words,
        category=CATEGORIES[place],
        tags=tuple(sorted({*jobs, f"trait {chance.randrange(40)}"})),
        entry_price=chance.choice(PRICES),
        open_source=chance.choice((None, True, False)),
    )


def launch(number: int, of: Tool, chance: random.Random) -> Launch:
    """One launch of a tool within the last week, carried by one feed to six."""
    at = NOW - timedelta(hours=chance.randrange(168))
    feeds = min(6, 1 + int(chance.expovariate(1.2)))
    entries = tuple((f"feed-{chance.randrange(50)}", f"entry-{number}-{one}") for one in range(feeds))
    title = f"Introducing {of.name}"
    return Launch(
        f"launch-{number}", of.slug, of.name, title, "https://example.org", at, at, of.tagline, of.category,
        score=round(chance.random(), 2), entries=entries,
    )  # fmt: skip


def candidate(of: Tool, launched: Launch | None, chance: random.Random) -> Candidate:
    """A tool with a ready verdict: three or four reviews."""
    calls: list[Call] = [chance.choice(("ship", "skip")) for _ in PANEL[: chance.choice((3, 4, 4))]]
    reviews = tuple(
        Review(of.slug, judge.slug, call, f"What {judge.name} thinks of {of.name}.", date(2026, 11, 20))
        for judge, call in zip(PANEL, calls, strict=False)
    )
    votes = chance.randrange(200)
    return Candidate(
        of, Verdict(of.slug, reviews, len(PANEL)), Tally(chance.randint(0, votes), votes),
        launched.announced_at if launched else None,
        min(1.0, len(launched.entries) / 5) if launched else 0.0,
    )  # fmt: skip


def measure(ready: int) -> dict[str, float]:
    """Compose once in this process; seconds, and the process's peak memory in MB."""
    chance = random.Random(47)  # noqa: S311 - invented data
    tools = [tool(number, chance) for number in range(TOOLS)]
    launches = [launch(number, tools[number], chance) for number in range(LAUNCHES)]
    new = [candidate(tools[number], launches[number], chance) for number in range(ready * 4 // 5)]
    known = [candidate(tools[-number], None, chance) for number in range(1, ready - len(new) + 1)]
    before = peak_mb()
    started = time.perf_counter()
    pairs, passed = pick([*new, *known], met=(), resting=(), limit=5, now=NOW)
    picked = time.perf_counter()
    edition = compose("2026-W48", pairs, passed, launches, PANEL, since=NOW - timedelta(days=7), until=NOW)
    ended = time.perf_counter()
    if len(edition.matchups) != 5 or len(edition.passed_over) != 10:
        raise SystemExit("the edition is not whole: the figures would mean nothing")
    return {"pick": picked - started, "compose": ended - picked, "peak": peak_mb(), "data": before}


def peak_mb() -> float:
    """The most memory this process ever held; the system counts in kB, on a Mac in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def main(sizes: Sequence[int]) -> None:
    """Measure every size in processes of their own, and print medians."""
    print(f"{TOOLS:,} tools, {LAUNCHES:,} launches; medians of {ROUNDS} processes")  # noqa: T201
    print(f"{'ready':>6} {'pick':>8} {'compose':>8} {'all':>8} {'peak':>8} {'the data alone':>16}")  # noqa: T201
    for ready in sizes:
        command = [sys.executable, "-m", "tests.benchmarks.composing", "--once", str(ready)]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(ROUNDS)]
        one = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        print(  # noqa: T201
            f"{ready:>6,} {one['pick']:>6.2f} s {one['compose']:>6.2f} s {one['pick'] + one['compose']:>6.2f} s"
            f" {one['peak']:>5.0f} MB {one['data']:>13.0f} MB"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        print(json.dumps(measure(int(sys.argv[2]))))  # noqa: T201
    else:
        main([int(one) for one in sys.argv[1:]] or SIZES)
