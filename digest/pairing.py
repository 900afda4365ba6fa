"""Which two tools to compare, and why: candidates and history in, picked pairs and those passed over out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from digest.model import Candidate, PassedOver, listing

#: How much each part counts; together 1. Editors' published pairs: same job and prominence decide, contrast helps.
WEIGHTS = {"job": 0.30, "prominence": 0.25, "freshness": 0.15, "contrast": 0.15, "completeness": 0.15}

#: How many passed-over pairs are listed.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates with the parts of their score, each 0 to 1, in the order of WEIGHTS."""

    a: Candidate
    b: Candidate
    parts: tuple[tuple[str, float], ...]

    @property
    def score(self) -> float:
        """The weighted sum of the parts, 0 to 1."""
        return round(sum(WEIGHTS[name] * value for name, value in self.parts), 4)

    @property
    def key(self) -> tuple[float, str, str]:
        """Best first, then by name: the same whatever order rows came in."""
        return (-self.score, self.a.tool.slug, self.b.tool.slug)


def pick(
    candidates: Sequence[Candidate],
    *,
    met: Collection[frozenset[str]],
    resting: Collection[str],
    limit: int,
    now: datetime,
) -> tuple[tuple[Pair, ...], tuple[PassedOver, ...]]:
    """Choose the pairs of an edition.

    Args:
        candidates: Tools with a ready verdict, any order.
        met: Slugs of pairs that met too recently to meet again.
        resting: Slugs of tools that stood in the previous edition.
        limit: How many pairs at most.
        now: When the edition is composed; freshness counts back from here.

    Returns:
        The picked pairs, best first, each tool at most once; and up to ten passed over with what they lacked.
    """
    tools = sorted((one for one in candidates if one.tool.slug not in resting), key=lambda one: one.tool.slug)
    pairs = sorted(
        (_pair(a, b, now) for a, b in _comparable(tools) if frozenset((a.tool.slug, b.tool.slug)) not in met),
        key=lambda pair: pair.key,
    )
    picked: list[Pair] = []
    passed: list[PassedOver] = []
    used: dict[str, Pair] = {}
    for pair in pairs:
        slugs = (pair.a.tool.slug, pair.b.tool.slug)
        taken = next((used[slug] for slug in slugs if slug in used), None)
        if taken is None and len(picked) < limit:
            picked.append(pair)
            used.update(dict.fromkeys(slugs, pair))
        elif len(passed) < SHOWN:
            passed.append(PassedOver(*slugs, pair.score, _lacked(pair, taken, slugs, used)))
    return tuple(picked), tuple(passed)


def _comparable(tools: Sequence[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """Pairs of one category and different vendors of which at least one side is new; the more newsworthy first."""
    by_category: dict[str, list[Candidate]] = {}
    for one in tools:
        by_category.setdefault(one.tool.category, []).append(one)
    return [
        (a, b) if _news(a) >= _news(b) else (b, a)
        for group in by_category.values()
        for a, b in combinations(group, 2)
        if (a.launched_at or b.launched_at) and not _same_vendor(a, b)
    ]


def _news(one: Candidate) -> tuple[bool, float, float]:
    launched = one.launched_at.timestamp() if one.launched_at else 0.0
    return one.launched_at is not None, one.prominence, launched


def _same_vendor(a: Candidate, b: Candidate) -> bool:
    return bool(a.tool.vendor) and a.tool.vendor.casefold() == b.tool.vendor.casefold()


def _pair(a: Candidate, b: Candidate, now: datetime) -> Pair:
    parts: dict[str, Callable[[], float]] = {
        "job": lambda: _overlap(a, b),
        "prominence": lambda: (a.prominence + b.prominence) / 2,
        "freshness": lambda: _freshness(a, b, now),
        "contrast": lambda: _contrast(a, b),
        "completeness": lambda: min(_complete(a), _complete(b)),
    }
    return Pair(a, b, tuple((name, round(parts[name](), 4)) for name in WEIGHTS))


def _overlap(a: Candidate, b: Candidate) -> float:
    """How much of the job is shared: half for the category they have in common, half for their tags."""
    mine, theirs = set(a.tool.tags), set(b.tool.tags)
    return 0.5 + 0.5 * (len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0)


def _freshness(a: Candidate, b: Candidate, now: datetime) -> float:
    """1 for launched now, falling to 0 in two weeks, taking the fresher side."""
    ages = [max(0.0, (now - one.launched_at).total_seconds() / 86400) for one in (a, b) if one.launched_at]
    return max(0.0, 1 - min(ages) / 14) if ages else 0.0


def _contrast(a: Candidate, b: Candidate) -> float:
    """A comparison is worth reading where the answers differ: panel, price, openness, a third each."""
    gap = abs((a.verdict.tally.share or 0.0) - (b.verdict.tally.share or 0.0))
    return (gap + _prices_differ(a, b) + _openness_differs(a, b)) / 3


def _prices_differ(a: Candidate, b: Candidate) -> bool:
    """Tell whether both prices are known and not the same."""
    return bool(a.tool.entry_price and b.tool.entry_price) and a.tool.entry_price != b.tool.entry_price


def _openness_differs(a: Candidate, b: Candidate) -> bool:
    """Tell whether one tool is known to be open source and the other known not to be."""
    return None not in (a.tool.open_source, b.tool.open_source) and a.tool.open_source != b.tool.open_source


def _complete(one: Candidate) -> float:
    return min(1.0, one.verdict.tally.n / one.verdict.panel_size) if one.verdict.panel_size else 0.0


def _lacked(pair: Pair, taken: Pair | None, slugs: tuple[str, str], used: dict[str, Pair]) -> str:
    if taken is None:
        return "a place: the edition is full"
    busy = [side.tool.name for side, slug in zip((pair.a, pair.b), slugs, strict=True) if slug in used]
    return f"{listing(busy)} {'is' if len(busy) == 1 else 'are'} in a better pair"


def why(pair: Pair) -> str:
    """Say in one sentence why this pair was picked: the two parts that raised its score most, and what is new."""
    said = {
        "job": _job(pair),
        "prominence": "much noticed this week",
        "freshness": "just launched",
        "contrast": "the answers differ in " + _differences(pair) if _differences(pair) else "",
        "completeness": "the panel is complete",
    }
    ranked = sorted(pair.parts, key=lambda part: -WEIGHTS[part[0]] * part[1])
    strongest = [said[name] for name, value in ranked if value > 0 and said[name]][:2]
    fresh = [side.tool.name for side in (pair.a, pair.b) if side.launched_at]
    return f"{listing(fresh)} {'is' if len(fresh) == 1 else 'are'} new; {listing(strongest)}."


def _job(pair: Pair) -> str:
    shared = sorted(set(pair.a.tool.tags) & set(pair.b.tool.tags))
    return f"both do {listing(shared)}" if shared else f"both stand under {pair.a.tool.category}"


def _differences(pair: Pair) -> str:
    a, b = pair.a, pair.b
    names = []
    if a.verdict.tally.share != b.verdict.tally.share:
        names.append("verdict")
    if _prices_differ(a, b):
        names.append("price")
    if _openness_differs(a, b):
        names.append("openness")
    return listing(names)
