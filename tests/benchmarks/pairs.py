"""Score pair picking against pairs that editors published: `python -m tests.benchmarks.pairs CATALOGUE PAIRS`.

CATALOGUE is JSON Lines with `slug` and, as far as known, `name`, `company`, `pricing`, `section`, `list_rank`
(prominence within the section, 1 = first), `description`, `tags`; PAIRS is JSON Lines with `a` and `b`, slugs of the
catalogue. All pairs of the catalogue are ranked by the scoring that editions use: those that may meet first, then by
score. What a catalogue does not tell (verdicts, launch dates) is the same for every tool.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from digest.errors import Fault, FilesError
from digest.model import Candidate, Tool, Verdict
from digest.pairing import WEIGHTS, Pair, may_meet, weigh

NOW = datetime(2026, 11, 23, tzinfo=UTC)

#: Prominence falls to 1/e of the leader's in this many times the root of the list's length: of a long list people know
#: more names than of a short one, but not as many more as it is longer.
FALL = 2.0

Row = dict[str, Any]
Key = frozenset[str]


class Meeting(NamedTuple):
    """Two tools of the catalogue, whether they may meet, and what they score."""

    key: Key
    allowed: bool
    pair: Pair


# Reading


def rows(path: Path, faults: list[Fault]) -> list[tuple[int, Row]]:
    """Read a JSON Lines file as line numbers and objects; blank lines count but hold nothing."""
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(Fault(str(path), None, "", str(error), "a readable UTF-8 file"))
        return []
    read = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                faults.append(Fault(str(path), number, "", str(error), "one JSON object a line"))
                continue
            if isinstance(row, dict):
                read.append((number, row))
            else:
                faults.append(Fault(str(path), number, "", type(row).__name__, "one JSON object a line"))
    return read


def catalogue(path: Path, faults: list[Fault]) -> dict[str, Candidate]:
    """Read the tools as candidates, by slug; only a slug is required."""
    found: dict[str, tuple[Tool, float | None]] = {}
    for number, row in rows(path, faults):
        slug = text(row.get("slug"))
        if not slug or slug in found:
            what = f"{slug} again" if slug else "nothing"
            faults.append(Fault(str(path), number, "slug", what, "a slug that no other line has"))
        else:
            found[slug] = (tool_of(slug, row), rank_of(row.get("list_rank")))
    if not found and not faults:
        faults.append(Fault(str(path), None, "", "no tool", "one tool a line"))
    sizes = Counter(tool.category for tool, _ in found.values())
    return {
        slug: Candidate(tool, Verdict(slug, (), 1), launched_at=NOW, prominence=prominence(rank, sizes[tool.category]))
        for slug, (tool, rank) in found.items()
    }


def published(path: Path, tools: Collection[str], faults: list[Fault]) -> tuple[set[Key], list[str]]:
    """Read the published pairs; those with a tool that the catalogue lacks are told apart, in words."""
    pairs: set[Key] = set()
    unknown = []
    for number, row in rows(path, faults):
        key = frozenset(text(row.get(side)) for side in "ab")
        if len(key) < 2 or "" in key:
            faults.append(Fault(str(path), number, "a, b", f"{row.get('a')!r} and {row.get('b')!r}", "two slugs"))
        elif strange := sorted(key - set(tools)):
            unknown.append(f"{path}:{number}: {' and '.join(strange)} not in the catalogue, pair left out")
        else:
            pairs.add(key)
    if not pairs and not faults:
        faults.append(Fault(str(path), None, "", "no pair of two tools of the catalogue", "one pair a line"))
    return pairs, unknown


def text(value: object) -> str:
    """Whatever a field holds, as plain text."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        return ", ".join(filter(None, map(text, value)))
    return "" if value is None or isinstance(value, bool) else str(value).strip()


def tool_of(slug: str, row: Row) -> Tool:
    """Take a tool from a row; every field but the slug may be missing."""
    pricing, tags = text(row.get("pricing")), text(row.get("tags"))
    opened = re.search(r"open[ -]?source", f"{pricing} {tags}", re.IGNORECASE)
    return Tool(
        slug=slug,
        name=text(row.get("name")) or slug,
        vendor=text(row.get("company")),
        description=text(row.get("description")),
        category=text(row.get("section")) or "Other",
        tags=tuple(tag.strip() for tag in re.split(r"[,;|]", tags) if tag.strip()),
        entry_price=entry_price(pricing),
        open_source=True if opened else None,
    )


def entry_price(pricing: str) -> str:
    """Say with the words of an entry price what a catalogue says of prices in its own."""
    said = pricing.casefold()
    if "freemium" in said or ("free" in said and re.search(r"\d|paid|premium|\bpro\b|plan|tier|trial|\+|/", said)):
        return "Freemium"
    if re.search(r"free|open[ -]?source|^\W*0\W*$", said):
        return "Free"
    return pricing if re.search(r"\d", said) else "Paid" if said else ""


def rank_of(value: object) -> float | None:
    """Read a rank, None where there is none."""
    found = re.search(r"\d+(?:\.\d+)?", text(value))
    return max(1.0, float(found[0])) if found else None


def prominence(rank: float | None, size: int) -> float:
    """Prominence from a rank among `size` tools, 0 without a rank.

    The leader of n has n / (n + 1), the expected best of n draws: to lead a long list says more than a short one.
    """
    return 0.0 if rank is None else size / (size + 1) * math.exp((1 - rank) / (FALL * math.sqrt(size)))


# Ranking


def meetings(tools: Mapping[str, Candidate]) -> list[Meeting]:
    """Weigh all pairs of the catalogue."""
    return [
        Meeting(frozenset((a.tool.slug, b.tool.slug)), may_meet(a, b), weigh(a, b, NOW))
        for a, b in combinations([tools[slug] for slug in sorted(tools)], 2)
    ]


def ranking(met: Sequence[Meeting], score: Callable[[Pair], float]) -> list[Key]:
    """Order pairs: those that may meet first, then by score, then by name."""
    return [one.key for one in sorted(met, key=lambda one: (not one.allowed, -score(one.pair), sorted(one.key)))]


def average_precision(ranked: Sequence[Key], wanted: Collection[Key]) -> float:
    """The mean, over the wanted pairs, of the share of wanted ones among all ranked down to it."""
    hits, total = 0, 0.0
    for place, key in enumerate(ranked, 1):
        if key in wanted:
            hits += 1
            total += hits / place
    return total / len(wanted)


def hits(ranked: Sequence[Key], wanted: Collection[Key]) -> int:
    """How many of the first n are wanted, n being their number."""
    return sum(key in wanted for key in ranked[: len(wanted)])


def expected_precision(blocks: Sequence[tuple[int, int]]) -> float:
    """Expected average precision of blocks ranked one after the other, each (size, wanted in it) in random order."""
    total, before, found = 0.0, 0, 0
    for size, wanted in blocks:
        others = (wanted - 1) / (size - 1) if size > 1 else 0.0
        for place in range(size if wanted else 0):
            total += wanted / size * (found + 1 + place * others) / (before + place + 1)
        before, found = before + size, found + wanted
    return total / found


def without(part: str) -> Callable[[Pair], float]:
    """The score with one part switched off."""
    return lambda pair: sum(WEIGHTS[name] * value for name, value in pair.parts if name != part)


def only(part: str) -> Callable[[Pair], float]:
    """One part alone."""
    return lambda pair: dict(pair.parts)[part]


def wording(pair: Pair) -> float:
    """Words that two descriptions share, over the geometric mean of how many each has."""
    one, other = (set(re.findall(r"[^\W\d_]{3,}", side.tool.description.casefold())) for side in (pair.a, pair.b))
    return len(one & other) / math.sqrt(len(one) * len(other)) if one and other else 0.0


# Printing


def report(tools: Mapping[str, Candidate], wanted: Collection[Key]) -> Iterator[str]:
    """The table, line by line."""
    met = meetings(tools)
    freely = [one._replace(allowed=True) for one in met]
    within = [len({side.tool.category for side in (one.pair.a, one.pair.b)}) == 1 for one in met]
    ours = [one.key in wanted for one in met]
    blocks = [
        (within.count(inside), sum(one for one, same in zip(ours, within, strict=True) if same is inside))
        for inside in (True, False)
    ]
    yield f"{len(tools)} tools, {len(met)} pairs, {len(wanted)} published, {blocks[0][1]} of them within a section"
    barred = sum(own and not one.allowed for own, one in zip(ours, met, strict=True))
    yield f"{barred} published pairs may not meet by our rules (one company, or neither section nor job in common)"
    yield f"{'':<34} {'AP':>6}  hits in the first {len(wanted)}"
    ranked = {"all parts": ranking(met, lambda pair: pair.score)}
    ranked |= {f"without {part}": ranking(met, without(part)) for part in WEIGHTS}
    ranked |= {
        "baseline: prominence alone": ranking(met, only("prominence")),
        "baseline: text alone": ranking(freely, wording),
    }
    for name, order in ranked.items():
        yield f"{name:<34} {average_precision(order, wanted):6.3f}  {hits(order, wanted)}"
    chance = blocks[0][1] / max(1, blocks[0][0]) * len(wanted)
    random = expected_precision(blocks)
    yield f"{'baseline: random in a section':<34} {random:6.3f}  {chance:.1f} expected"


def main() -> None:
    """Read both files, print the table; status 2 with every fault when they cannot be used."""
    if len(sys.argv) != 3:
        raise SystemExit("usage: python -m tests.benchmarks.pairs CATALOGUE PAIRS")
    faults: list[Fault] = []
    tools = catalogue(Path(sys.argv[1]), faults)
    wanted, unknown = published(Path(sys.argv[2]), tools, faults)
    if faults:
        faults.sort(key=lambda fault: (fault.file != sys.argv[1], fault.line or 0))
        print(FilesError(faults), file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    for line in unknown:
        print(line, file=sys.stderr)  # noqa: T201
    for line in report(tools, wanted):
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
