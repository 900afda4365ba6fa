"""The heaviest set of pairs in which no tool stands twice, chosen as a whole, whatever the order of rows."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

#: Sets that are tried at most. Ordinary weeks need a few dozen; past this the best set found so far is taken. Counted
#: in sets and not in time, so that the same rows give the same answer on a slow machine.
BUDGET = 20_000


class Edge(NamedTuple):
    """Two tools that may stand together. Sorting edges puts the heaviest first, then goes by name."""

    below: int  # the weight, negated so that plain sorting is the order wanted
    a: str
    b: str
    topic: str

    @property
    def weight(self) -> int:
        """What the pair is worth by itself."""
        return -self.below


def edge(weight: int, a: str, b: str, topic: str) -> Edge:
    """Make an edge; weights are whole numbers, so that sums do not depend on the order of adding."""
    return Edge(-weight, a, b, topic)


@dataclass(slots=True)
class Shortlist:
    """The edges of one topic that a best set of at most `limit` pairs can hold, and its `shown` heaviest.

    Take a best set and one edge e in it: the other pairs touch 2·limit − 2 tools. Of 2·limit − 1 heavier edges of the
    topic that share no tool with each other, or that all meet at one end of e, at least one is therefore free to
    replace e. So no best set needs an edge with that many such edges above it. What cannot matter is dropped whenever
    `gathered` edges have come together, so that memory stays small and sorting rare.
    """

    limit: int
    shown: int
    gathered: int = 1_024
    cut: int = -1  #: An edge lighter than this cannot matter any more.
    _edges: list[Edge] = field(default_factory=list)
    _full: int = 0

    def offer(self, one: Edge) -> None:
        """Take an edge into account; offering one below the cut is allowed and changes nothing."""
        if one.weight >= self.cut:
            self._edges.append(one)
            if len(self._edges) >= max(self.gathered, self._full):
                self._shrink()
                self._full = 2 * len(self._edges)

    def edges(self) -> list[Edge]:
        """Those that matter, heaviest first."""
        self._shrink()
        return list(self._edges)

    def _shrink(self) -> None:
        enough = max(1, 2 * self.limit - 1)
        kept: list[Edge] = []
        apart: set[str] = set()  # the ends of the heaviest edges that share no tool, each taken when it comes
        degree: Counter[str] = Counter()
        lightest = self.cut
        for one in sorted(self._edges):
            if len(kept) >= self.shown and len(apart) >= 2 * enough:
                self.cut = lightest
                break
            lightest = one.weight
            if len(kept) < self.shown or (degree[one.a] < enough and degree[one.b] < enough):
                kept.append(one)
            degree.update((one.a, one.b))
            if not apart & {one.a, one.b}:
                apart |= {one.a, one.b}
        self._edges = kept


def heaviest(
    edges: Iterable[Edge], limit: int, *, bonus: Callable[[str, int], int], floor: int = 0, budget: int = BUDGET
) -> tuple[Edge, ...]:
    """Choose the set of at most `limit` edges, no tool twice, whose weights and bonuses add up to most.

    Args:
        edges: Any order; weights of 0 or more.
        limit: How many at most.
        bonus: What the n-th edge of a topic (from 0, heaviest first) earns on top; must not rise with n.
        floor: An edge whose weight and bonus stay below it is not taken.
        budget: How many sets are tried; the answer is exact unless it runs out, and then the best one met.

    Returns:
        The edges, heaviest first. Of several best sets the one that comes first when edges are sorted.
    """
    search = _Search(sorted(edges), bonus, floor, budget)
    search.extend((), 0, 0, limit)
    return search.best


class _Search:
    """Try sets in order, leaving out every branch that cannot beat the best set found so far."""

    def __init__(self, edges: Sequence[Edge], bonus: Callable[[str, int], int], floor: int, budget: int) -> None:
        self.edges, self.bonus, self.floor, self.budget = edges, bonus, floor, budget
        self.best: tuple[Edge, ...] = ()
        self.most = 0
        self.hubs = _hubs(edges)
        self.by_topic: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(edges):
            self.by_topic[one.topic].append(place)

    def extend(self, chosen: tuple[Edge, ...], total: int, start: int, places: int) -> None:
        """Add to a set, in every way that may help, edges from `start` on."""
        if total > self.most:
            self.best, self.most = chosen, total
        used = {tool for one in chosen for tool in (one.a, one.b)}
        counts = Counter(one.topic for one in chosen)
        for place in range(start, len(self.edges) if places else start):
            one = self.edges[place]
            gain = one.weight + self.bonus(one.topic, counts[one.topic])
            if gain < self.floor or one.a in used or one.b in used:
                continue
            if self.budget <= 0 or total + self._hope(place, used, counts, places) <= self.most:
                return
            self.budget -= 1
            self.extend((*chosen, one), total + gain, place + 1, places - 1)

    def _hope(self, start: int, used: set[str], counts: Mapping[str, int], places: int) -> int:
        """No set made of edges from `start` on adds more: as if only the tool with most edges could not stand twice."""
        gains: list[int] = []
        for topic, placed in self.by_topic.items():
            hubs: set[str] = set()
            for place in islice(placed, bisect_left(placed, start), None):
                one = self.edges[place]
                if one.a in used or one.b in used or self.hubs[place] in hubs:
                    continue
                gains.append(one.weight + self.bonus(topic, counts[topic] + len(hubs)))
                hubs.add(self.hubs[place])
                if len(hubs) == places:
                    break
        return sum(sorted(gains, reverse=True)[:places])


def _hubs(edges: Sequence[Edge]) -> list[str]:
    """The end of each edge at which more edges meet."""
    degree = Counter(tool for one in edges for tool in (one.a, one.b))
    return [max((one.a, one.b), key=lambda tool: (degree[tool], tool)) for one in edges]
