"""Measure rendering and its checks: `python -m tests.benchmarks.rendering [--node-modules FOLDER]`.

Bytes and times of a digest of the five matchups that the bundled samples give; how times grow with more matchups of
invented tools, no two alike; and our MJML step against official MJML in one warm node process, in turn on the same
printed MJML. Everything is run until it is warm, then medians are taken; official MJML is timed inside of node.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from digest import rendering
from digest.composing import compose
from digest.model import Candidate, Edition, Finding, Message, Review, Site, slugify
from digest.pairing import WEIGHTS, Pair
from digest.preflight import preflight, summary
from digest.rendering import render, render_email
from digest.views import digest_view
from flows.demo import demo
from flows.services import open_services
from tests import examples
from tests.benchmarks.figures import Other, Point, keep

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SIZES = (1, 5, 10, 20, 40)

#: What a digest may weigh by its layout, and what rendering and preflight may take together.
MOST_BYTES, GOAL_MS = {"default layout": 45_000, "every quote in full": 85_000}, 50

OFFICIALLY = "official MJML in warm node"

#: Rounds before those that count; node translates what it runs often only after a while.
WARM = 10

#: The tools of `tests.examples` come again under other names from the 17th on.
TOOLS, AGAIN = 16, ("", "Air", "Bench", "Craft", "Deck")

NODE_MODULES = Path(__file__).parents[1] / "tools" / "node_modules"

#: Answers each line, a string as JSON, with the milliseconds that MJML took and the length of what it made.
OFFICIAL = """
const module_ = require(process.argv[1]);
const mjml2html = module_.default || module_;
const lines = require("readline").createInterface({ input: process.stdin });
(async () => {
  for await (const line of lines) {
    const mjml = JSON.parse(line);
    const started = process.hrtime.bigint();
    const made = await mjml2html(mjml, { validationLevel: "skip", fonts: {} });
    const ms = Number(process.hrtime.bigint() - started) / 1e6;
    process.stdout.write(JSON.stringify({ ms, length: made.html.length }) + "\\n");
  }
})();
"""


@dataclass(frozen=True)
class Digest:
    """An edition with all that checking its message takes."""

    edition: Edition
    reviews: Sequence[Review]
    site: Site

    def render(self) -> Message:
        return render(self.edition, self.site)

    def check(self, message: Message) -> tuple[Finding, ...]:
        site, reviews = self.site, self.reviews
        return preflight(message, self.edition, reviews, site, sender="outbox", from_email="desk@example.org")

    def in_full(self) -> Digest:
        matchups = tuple(replace(one, layout="full") for one in self.edition.matchups)
        return replace(self, edition=replace(self.edition, matchups=matchups))


def of_samples() -> Digest:
    """The digest that the demo makes of the bundled samples."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with redirect_stdout(io.StringIO()):
            demo(home, NOW)
        with open_services(home, NOW, environment={}) as services:
            edition = services.editions.all()[-1].edition
            slugs = {side.tool.slug for one in edition.matchups for side in one.sides}
            return Digest(edition, services.store.reviews(slugs, every_version=True), services.settings.site)


def invented(number: int) -> Candidate:
    """The number-th tool with its verdict and votes; its name is no other's."""
    one, word = examples.candidate(number), AGAIN[number // TOOLS]
    name = f"{one.tool.name} {word}".strip()
    slug, checked = slugify(name), (NOW - timedelta(days=7)).date()
    reviews = tuple(
        replace(review, tool=slug, quote=review.quote.replace(one.tool.name, name)) for review in one.verdict.reviews
    )
    tool = replace(one.tool, name=name, slug=slug, price_checked_on=checked, url=f"https://example.org/{slug}")
    return replace(one, tool=tool, verdict=replace(one.verdict, tool=slug, reviews=reviews))


def of_examples(matchups: int) -> Digest:
    """A digest of so many matchups of invented tools, composed as the program does."""
    parts = tuple((name, 0.5) for name in WEIGHTS)
    pairs = [Pair(invented(2 * number), invented(2 * number + 1), parts) for number in range(matchups)]
    launches = [
        examples.launch(
            number, tool_slug=slugify(one.name), tool_name=one.name, tagline=one.tagline, category=one.category
        )
        for number, one in enumerate(examples.edition(1).launches)
    ]
    since = NOW - timedelta(days=7)
    edition = compose("2026-W48", pairs, (), launches, examples.reviewers(), since=since, until=NOW)
    reviews = [review for pair in pairs for side in (pair.a, pair.b) for review in side.verdict.reviews]
    return Digest(edition, reviews, examples.site())


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """Make of work something that does it and gives the milliseconds it took."""

    def run() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return run


def medians(works: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """Run all in turn, so that what else goes on touches them alike; the first rounds only warm up."""
    times = [[work() for work in works] for _ in range(WARM + rounds)][WARM:]
    return [statistics.median(each) for each in zip(*times, strict=True)]


def parts_of(digest: Digest) -> tuple[Callable[[], float], Callable[[], float], Callable[[], float]]:
    """Rendering, preflight, and both together; each gives milliseconds."""
    message = digest.render()
    return (
        timed(digest.render),
        timed(lambda: digest.check(message)),
        timed(lambda: digest.check(digest.render())),
    )


def anew(digest: Digest) -> Callable[[], float]:
    """Rendering and preflight of an edition that nothing was kept of: each time another intro."""
    numbers = count(1)

    def work() -> None:
        other = replace(
            digest, edition=replace(digest.edition, intro=f"Take {next(numbers)} of this week\u2019s digest.")
        )
        other.check(other.render())

    return timed(work)


def show_sizes(digest: Digest, rounds: int) -> None:
    """Print bytes and times of the sample digest in both layouts."""
    print(f"the {len(digest.edition.matchups)} matchups of the samples")  # noqa: T201
    for name, one in (("default layout", digest), ("every quote in full", digest.in_full())):
        message = one.render()
        rendered, checked, both, unknown = medians((*parts_of(one), anew(one)), rounds)
        keep(f"{name}, html", "bytes", len(message.html.encode()), goal=MOST_BYTES[name],
             note=f"text {len(message.text.encode()):,} bytes")  # fmt: skip
        keep(f"{name}, render and preflight", "ms", both, goal=GOAL_MS,
             note=f"{rendered:.1f} and {checked:.1f} ms alone; {summary(one.check(message))}")  # fmt: skip
        keep(f"{name}, render and preflight of another edition each time", "ms", unknown)


def show_growth(rounds: int) -> None:
    """Print times by number of matchups, and what one more costs at the end compared with the start."""
    print("\nby number of matchups, invented tools, default layout")  # noqa: T201
    digests = {size: of_examples(size) for size in SIZES}
    for size, digest in digests.items():
        if odd := [one for one in digest.check(digest.render()) if one.code not in {"html-size", "text-length"}]:
            raise SystemExit(f"a digest of {size} is not as it should be, so its figures mean nothing: {odd[0]}")
    each = iter(medians([work for one in digests.values() for work in (timed(one.render), anew(one))], rounds))
    both: dict[int, float] = {}
    for size in digests:
        rendered, both[size] = next(each), next(each)
        for line, took in (("render", rendered), ("render and preflight", both[size])):
            keep(f"{size} matchups, {line} of another edition each time", "ms", took,
                 point=Point("Milliseconds by number of matchups", line, size, "matchups"))  # fmt: skip
    early, late = ((both[b] - both[a]) / (b - a) for a, b in ((1, 10), (20, 40)))
    keep("one matchup more costs between 20 and 40, to what it costs between 1 and 10", "×", late / early,
         note="1 is linear, 5.5 quadratic")  # fmt: skip


def printed(digest: Digest) -> tuple[str, str]:
    """The MJML that rendering compiles, and the name of its file."""
    parts = render_email("digest", lambda put: digest_view(digest.edition, digest.site, put))
    return parts.mjml, "email/digest/body.mjml"


@contextmanager
def official(mjml: Path) -> Iterator[Callable[[str], float]]:
    """Start node once; what it gives compiles MJML there and returns milliseconds."""
    command = ["node", "-e", OFFICIAL, str(mjml.resolve())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        into, out = node.stdin, node.stdout
        if into is None or out is None:
            raise SystemExit("node has no standard input or output")

        def ask(text: str) -> float:
            into.write(json.dumps(text) + "\n")
            into.flush()
            answer = json.loads(out.readline() or "{}")
            if answer.get("length", 0) < len(text) // 2:
                raise SystemExit(f"official MJML made nothing of it: {answer}")
            return float(answer["ms"])

        yield ask
        into.close()


def missing(node_modules: Path) -> str:
    """What official MJML lacks here, "" for nothing."""
    if shutil.which("node") is None:
        return "node is not installed"
    return (
        "" if (node_modules / "mjml").is_dir() else f"{node_modules} has no mjml; --node-modules names another folder"
    )


def show_ratio(digest: Digest, node_modules: Path, rounds: int) -> None:
    """Print our MJML step against official MJML, in turn in the same run."""
    print("\nthe MJML step of the samples’ digest, against official MJML in warm node")  # noqa: T201
    if lacks := missing(node_modules):
        print(f"not measured: {lacks}")  # noqa: T201
        return
    with official(node_modules / "mjml") as ask:
        for name, one in (("default layout", digest), ("every quote in full", digest.in_full())):
            ours = timed(partial(rendering._compile, *printed(one)))
            mine, other = medians([ours, partial(ask, printed(one)[0])], rounds)
            against = Other(OFFICIALLY, (other,))
            keep(f"the MJML step, {name}", "ms", mine, against=[against], short=name == "default layout")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15, help="medians are taken over so many")
    parser.add_argument("--node-modules", type=Path, default=NODE_MODULES, help="the folder that has mjml in it")
    options = parser.parse_args()
    python = ".".join(str(part) for part in sys.version_info[:3])
    print(f"medians of {options.rounds}, warm, Python {python}, load {os.getloadavg()[0]:.1f}")  # noqa: T201
    samples = of_samples()
    show_sizes(samples, options.rounds)
    show_growth(options.rounds)
    show_ratio(samples, options.node_modules, options.rounds)


if __name__ == "__main__":
    main()
