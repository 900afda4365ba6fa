"""Which two tools to compare, and why: candidates and history in, picked pairs and those passed over out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import combinations, islice
from math import sqrt
from operator import mul
from types import MappingProxyType

from digest.matching import Edge, Shortlist, edge, heaviest
from digest.model import Candidate, PassedOver, listing
from digest.prices import cheaper

#: How much each part counts; together 1. Whom editors really compare is decided by prominence among tools for the same
#: job; a contrast helps. The rest is what a weekly owes its readers: news, whole verdicts, not one category for ever.
WEIGHTS = {
    "job": 0.25,
    "prominence": 0.40,
    "freshness": 0.10,
    "contrast": 0.08,
    "completeness": 0.07,
    "variety": 0.10,
}

#: A pair below this score is not picked, however empty the edition. One category (0.15), whole verdicts (0.07) and a
#: category nobody has seen lately (0.10) come to 0.32: something more must speak for a pair, be it news, notice, a job
#: in common or answers that differ.
LEAST = 0.33

#: How many passed-over pairs are listed.
SHOWN = 10

#: Tags two tools of different categories must share to count as doing the same job.
SAME_JOB_TAGS = 2

#: Days until a launch is no news any more.
FRESH_DAYS = 14

#: Weeks until a category that was shown counts as not shown.
VARIETY_WEEKS = 4

#: Parts are whole ten-thousandths and weights whole hundredths: sums are exact, so no order of adding matters.
_ONE = 10_000
_PERCENT = {name: round(100 * weight) for name, weight in WEIGHTS.items()}
_PERCENT_OF_BOTH = _PERCENT["job"] + _PERCENT["freshness"] + _PERCENT["contrast"]

_WORD = re.compile(r"[^\W\d_]{3,}")
#: Words that say nothing of a tool's job.
_PLAIN = frozenset({
    "all", "and", "any", "app", "are", "based", "can", "for", "from", "has", "help", "helps", "into", "its", "make",
    "makes", "more", "new", "not", "one", "our", "own", "platform", "product", "that", "the", "their", "this", "tool",
    "tools", "use", "users", "using", "what", "when", "which", "who", "will", "with", "without", "you", "your",
})  # fmt: skip
#: What kind of price an entry price is; any other that is known asks for money from the first day.
_PRICES = {"free": 0, "freemium": 1}
_cheaper = lru_cache(maxsize=10_000)(cheaper)  # a year's pairs ask for the same few prices, each read with care

#: What shared tags add to the job part, by their number.
_TAGGED = tuple(round(0.3 * _ONE * (1 - 0.25**shared)) for shared in range(8))

#: Lifts pins above any score, so that as many as possible are taken.
_PIN = 100 * _ONE * len(_PERCENT)

#: What a tool may stand in instead: one pair, several pairs.
_PINNED = ("a pinned pair", "pinned pairs")
_BETTER = ("a better pair", "better pairs")
_FITTING = ("a pair that makes the edition as a whole better", "pairs that make the edition as a whole better")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two candidates with the parts of their score, each 0 to 1, in the order of WEIGHTS.

    `a` is the side with more news. `pinned` tells that an editor asked for it.
    """

    a: Candidate
    b: Candidate
    parts: tuple[tuple[str, float], ...]
    pinned: bool = False

    @property
    def score(self) -> float:
        """The weighted sum of the parts, 0 to 1."""
        return round(sum(_PERCENT[name] * round(value * _ONE) for name, value in self.parts) / (100 * _ONE), 4)

    @property
    def topic(self) -> str:
        """The category it counts for: that of its first side."""
        return self.a.tool.category

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
    pins: Collection[frozenset[str]] = (),
    vetoes: Collection[frozenset[str]] = (),
    last_shown: Mapping[str, int] = MappingProxyType({}),
) -> tuple[tuple[Pair, ...], tuple[PassedOver, ...]]:
    """Choose the pairs of an edition: the set with the highest total score, of which each reaches LEAST.

    Args:
        candidates: Tools with a ready verdict, any order.
        met: Slugs of pairs that met too recently to meet again.
        resting: Slugs of tools that stood in the previous edition.
        limit: How many pairs at most, pinned ones included.
        now: When the edition is composed; freshness counts back from here.
        pins: Pairs an editor wants. They go before all others and need not be comparable, rested or good; but vetoes
            hold, both tools must be candidates, and of pins that share a tool or are more than `limit` as many as
            possible are taken, those that score most.
        vetoes: Pairs that must not be picked (two slugs), and tools that must not be (one slug).
        last_shown: Weeks since an edition last compared a pair of a category; a category that is missing never was.

    Returns:
        The picked pairs, best first, each tool at most once; and up to ten passed over with what they lacked: pins
        that could not be honoured first, then the best, each with the score it has as the only pair of its category.
    """
    cards = {one.tool.slug: _card(one, now) for one in candidates if frozenset((one.tool.slug,)) not in vetoes}
    free = [card for slug, card in cards.items() if slug not in resting]
    asked = [pin for pin in pins if len(pin) == 2 and pin <= cards.keys() and pin not in vetoes]
    week = _Week(cards, last_shown, limit)
    pinned = week.best_of([_edge(cards[one], cards[other], extra=_PIN) for one, other in asked])
    edges = _shortlist(free, {*met, *vetoes, *asked}, limit)
    pairs = week.pairs(pinned, week.best_of(edges, beside=pinned))
    passed = [*_unkept(pins, vetoes, week, pairs), *week.passed_over(edges, pairs)]
    return pairs, tuple(passed[:SHOWN])


def may_meet(a: Candidate, b: Candidate) -> bool:
    """Tell whether two tools are comparable at all: one category or the same job, two vendors, something new."""
    one, other = _card(a), _card(b)
    return _comparable(one, other) and (one.category == other.category or _same_job(one, other))


def weigh(a: Candidate, b: Candidate, now: datetime, *, variety: float = 1.0) -> Pair:
    """Score two tools whether or not they may meet; `variety`, 0 to 1, is known only within an edition."""
    return _scored(*_oriented(_card(a, now), _card(b, now)), round(variety * _ONE))


# What is compared of a tool


@dataclass(frozen=True, slots=True)
class _Card:
    """A candidate made ready for many comparisons; shares are ten-thousandths, -1 where nobody knows."""

    candidate: Candidate
    slug: str
    category: str
    vendor: str
    tags: frozenset[str]
    words: frozenset[str]
    prominence: int
    freshness: int
    completeness: int
    share: int
    split: int
    price: int
    openness: int  # 1 open source, -1 not, 0 unknown
    news: tuple[bool, float, float, str]
    reach: int  # twice the points it can bring to a pair at most, when both sides are added up


def _card(one: Candidate, now: datetime | None = None) -> _Card:
    tool, tally, launched = one.tool, one.verdict.tally, one.launched_at
    days = max(0.0, (now - launched).total_seconds() / 86_400) if now and launched else FRESH_DAYS
    complete = min(1.0, tally.n / one.verdict.panel_size) if one.verdict.panel_size else 0.0
    share = -1 if tally.share is None else round(tally.share * _ONE)
    prominence, completeness = round(min(1.0, max(0.0, one.prominence)) * _ONE), round(complete * _ONE)
    return _Card(
        candidate=one,
        slug=tool.slug,
        category=tool.category,
        vendor=" ".join(tool.vendor.casefold().split()),
        tags=frozenset(folded for tag in tool.tags if (folded := tag.strip().casefold())),
        words=frozenset(_WORD.findall(f"{tool.tagline} {tool.description}".casefold())) - _PLAIN,
        prominence=prominence,
        freshness=round(max(0.0, 1 - days / FRESH_DAYS) * _ONE),
        completeness=completeness,
        share=share,
        split=0 if share < 0 else _ONE - abs(2 * share - _ONE),
        price=_PRICES.get(tool.entry_price.casefold(), 2) if tool.entry_price else -1,
        openness={True: 1, False: -1, None: 0}[tool.open_source],
        news=(launched is not None, one.prominence, launched.timestamp() if launched else 0.0, tool.slug),
        reach=_PERCENT["prominence"] * prominence + _PERCENT["completeness"] * completeness + _PERCENT_OF_BOTH * _ONE,
    )


def _comparable(one: _Card, other: _Card) -> bool:
    """Two vendors as far as is known, and something new on one side."""
    return (one.news[0] or other.news[0]) and (not one.vendor or one.vendor != other.vendor)


def _same_job(one: _Card, other: _Card) -> bool:
    return len(one.tags & other.tags) >= SAME_JOB_TAGS


def _oriented(one: _Card, other: _Card) -> tuple[_Card, _Card]:
    """The side with more news first."""
    return (one, other) if (*one.news[:3], other.slug) > (*other.news[:3], one.slug) else (other, one)


# The score


def _scored(first: _Card, second: _Card, variety: int, *, pinned: bool = False) -> Pair:
    parts = zip(WEIGHTS, (*_parts(first, second), variety), strict=True)
    return Pair(first.candidate, second.candidate, tuple((name, part / _ONE) for name, part in parts), pinned)


def _points(one: _Card, other: _Card) -> int:
    """What two tools score without variety: parts times weights, at most a million."""
    return sum(map(mul, _PERCENT.values(), _parts(one, other)))


def _parts(one: _Card, other: _Card) -> tuple[int, int, int, int, int]:
    """All parts but variety, in the order of WEIGHTS.

    Job: 0.6 for one category, up to 0.3 for shared tags (three quarters of it for the first, three quarters of the rest
    for the second, and so on: editors compare tools that share any job, not those most alike), up to 0.1 for words in
    common. Prominence: the mean, so that a newcomer may meet the tool it challenges. Freshness: the fresher side.
    Completeness: the lesser one.
    """
    job = (6_000 if one.category == other.category else 0) + _TAGGED[min(len(one.tags & other.tags), 7)]
    if common := len(one.words & other.words):
        job += int(1_000 * common / sqrt(len(one.words) * len(other.words)))
    return (
        job,
        (one.prominence + other.prominence) // 2,
        max(one.freshness, other.freshness),
        _contrast(one, other),
        min(one.completeness, other.completeness),
    )


def _contrast(one: _Card, other: _Card) -> int:
    """Three fifths for a panel that disagrees, between the tools or on each; a fifth each for price and openness."""
    gap = abs(one.share - other.share) if one.share >= 0 and other.share >= 0 else 0
    divided = max(gap, (one.split + other.split) // 2)
    return (3 * divided + _price_gap(one, other) + (_ONE if _openness_differs(one, other) else 0)) // 5


def _price_gap(one: _Card, other: _Card) -> int:
    """All between free and paid, half next to freemium, a quarter between two prices of one kind that are not equal."""
    if one.price != other.price:
        return 0 if min(one.price, other.price) < 0 else abs(one.price - other.price) * _ONE // 2
    asked, also = one.candidate.tool.entry_price, other.candidate.tool.entry_price
    return 0 if asked == also or _cheaper(asked, also) == 0 else _ONE // 4


def _openness_differs(one: _Card, other: _Card) -> bool:
    """One tool is known to be open source and the other known not to be."""
    return one.openness * other.openness < 0


def _variety(weeks: int | None, earlier: int) -> int:
    """Full for a category not shown for VARIETY_WEEKS, halved by each pair of it that comes before."""
    recent = _ONE if weeks is None else _ONE * min(max(weeks, 0), VARIETY_WEEKS) // VARIETY_WEEKS
    return recent >> earlier


# Which pairs matter


def _edge(one: _Card, other: _Card, extra: int = 0) -> Edge:
    first, second = _oriented(one, other)
    return edge(_points(first, second) + extra, first.slug, second.slug, first.category)


def _shortlist(free: Sequence[_Card], excluded: Collection[frozenset[str]], limit: int) -> list[Edge]:
    """Find the comparable pairs that a best edition, or the list of those passed over, can hold."""
    topics: dict[str, Shortlist] = {}
    for one in free:
        topics.setdefault(one.category, Shortlist(limit, limit + SHOWN))
    for one, other in _meetings(free, topics):
        if _comparable(one, other) and frozenset((one.slug, other.slug)) not in excluded:
            found = _edge(one, other)
            topics[found.topic].offer(found)
    return sorted(found for topic in topics.values() for found in topic.edges())


def _meetings(free: Sequence[_Card], topics: Mapping[str, Shortlist]) -> Iterator[tuple[_Card, _Card]]:
    """Pairs of one category, then of two categories and the same job, without those that certainly are too light."""
    ranked = sorted(free, key=lambda one: (-one.reach, one.slug))
    categories: dict[str, list[_Card]] = defaultdict(list)
    jobs: dict[tuple[str, ...], list[_Card]] = defaultdict(list)
    for one in ranked:
        categories[one.category].append(one)
        for job in combinations(sorted(one.tags), SAME_JOB_TAGS):
            jobs[job].append(one)
    for category, group in categories.items():
        yield from _reaching(group, [topics[category]])
    for job, group in jobs.items():
        for one, other in _reaching(group, list(topics.values())):
            # Tools that share three tags stand together under several jobs: they meet under the first.
            if one.category != other.category and job == tuple(sorted(one.tags & other.tags)[:SAME_JOB_TAGS]):
                yield one, other


def _reaching(group: Sequence[_Card], topics: Sequence[Shortlist]) -> Iterator[tuple[_Card, _Card]]:
    """Pairs of a group, furthest reach first, that may still matter to a topic; their cuts rise meanwhile."""
    for place, other in enumerate(group):
        needed = 2 * min(topic.cut for topic in topics)
        if group[0].reach + other.reach < needed:
            break
        for one in islice(group, place):
            if one.reach + other.reach < needed:
                break
            if not _falls_short(one, other, needed):
                yield one, other


def _falls_short(one: _Card, other: _Card, needed: int) -> bool:
    """Tell from what costs little to compare that two tools cannot have half of the points needed."""
    room = one.reach + other.reach - needed
    room -= 2 * _PERCENT["job"] * (_TAGGED[-1] - _TAGGED[min(len(one.tags & other.tags), 7)])
    room -= 2 * _PERCENT["freshness"] * (_ONE - max(one.freshness, other.freshness))
    return room < 0 or room < 2 * _PERCENT["contrast"] * (_ONE - _contrast(one, other))


class _Week:
    """The edition in the making: what a place in it is worth, and what the pairs taken leave to the others."""

    def __init__(self, cards: Mapping[str, _Card], last_shown: Mapping[str, int], limit: int) -> None:
        self.cards, self.last_shown, self.limit = cards, last_shown, limit

    def bonus(self, topic: str, earlier: int) -> int:
        """The points of variety for a pair that `earlier` pairs of its category come before."""
        return _PERCENT["variety"] * _variety(self.last_shown.get(topic), earlier)

    def best_of(self, edges: Iterable[Edge], beside: Sequence[Edge] = ()) -> tuple[Edge, ...]:
        """The best set of the edges that has room beside what was taken."""
        taken = {tool for one in beside for tool in (one.a, one.b)}
        earlier = Counter(one.topic for one in beside)
        return heaviest(
            [one for one in edges if one.a not in taken and one.b not in taken],
            self.limit - len(beside),
            bonus=lambda topic, number: self.bonus(topic, earlier[topic] + number),
            floor=round(LEAST * 100 * _ONE),
        )

    def pairs(self, pinned: Sequence[Edge], chosen: Sequence[Edge]) -> tuple[Pair, ...]:
        """Make pairs of edges, best first; within a category pins come before others when variety is counted."""
        earlier: Counter[str] = Counter()
        made = []
        for place, one in enumerate((*pinned, *chosen)):
            made.append(self.pair(one.a, one.b, earlier[one.topic], pinned=place < len(pinned)))
            earlier[one.topic] += 1
        return tuple(sorted(made, key=lambda pair: pair.key))

    def pair(self, one: str, other: str, earlier: int = 0, *, pinned: bool = False) -> Pair:
        """Score a pair that `earlier` pairs of its category come before."""
        first, second = _oriented(self.cards[one], self.cards[other])
        return _scored(first, second, _variety(self.last_shown.get(first.category), earlier), pinned=pinned)

    def passed_over(self, edges: Iterable[Edge], pairs: Sequence[Pair]) -> list[PassedOver]:
        """The best pairs that were not taken, with what each lacked."""
        busy = {side.tool.slug: pair for pair in pairs for side in (pair.a, pair.b)}
        rest = [one for one in edges if one.b not in busy or busy[one.b] is not busy.get(one.a)]
        rest.sort(key=lambda one: (-one.weight - self.bonus(one.topic, 0), one.a, one.b))
        best = [self.pair(one.a, one.b) for one in rest[:SHOWN]]
        return [PassedOver(*_slugs(pair), pair.score, self.lacked(pair, pairs, busy)) for pair in best]

    def lacked(self, pair: Pair, pairs: Sequence[Pair], busy: Mapping[str, Pair]) -> str:
        """Say what kept a pair out: a tool that stands elsewhere, its score, its category, or a place."""
        held = [side.tool for side in (pair.a, pair.b) if side.tool.slug in busy]
        if held:
            return _elsewhere(pair, [tool.name for tool in held], [busy[tool.slug] for tool in held])
        if pair.score < LEAST:
            return f"score {pair.score:.2f}, under {LEAST:.2f}"
        earlier = sum(one.topic == pair.topic for one in pairs)
        full = len(pairs) >= self.limit
        weakest = min((one.score for one in pairs if not one.pinned), default=1.0)
        if earlier and (not full or pair.score > weakest):
            return f"a place: {pair.topic} has {earlier} {'pair' if earlier == 1 else 'pairs'} already"
        return "a place: the edition is full"


def _slugs(pair: Pair) -> tuple[str, str]:
    return pair.a.tool.slug, pair.b.tool.slug


def _elsewhere(pair: Pair, names: Sequence[str], others: Sequence[Pair]) -> str:
    """Say where the tools of a pair stand instead, each in a pair of its own: a better one, or one that fits better."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, other in zip(names, others, strict=True):
        where = _PINNED if other.pinned else _BETTER if other.score >= pair.score else _FITTING
        found[where].append(name)
    return ", ".join(
        f"{held[0]} is in {one}" if len(held) == 1 else f"{listing(held)} are in {many}"
        for (one, many), held in found.items()
    )


def _unkept(
    pins: Collection[frozenset[str]], vetoes: Collection[frozenset[str]], week: _Week, pairs: Sequence[Pair]
) -> Iterator[PassedOver]:
    """The pins that could not be honoured; a tool that is no candidate is told by its slug, with a score of 0."""
    taken = {frozenset(_slugs(pair)) for pair in pairs}
    busy = {side.tool.slug: pair for pair in pairs for side in (pair.a, pair.b)}
    for pin in sorted(sorted(pin) for pin in pins if pin not in taken):
        vetoed = [slug for slug in pin if frozenset((slug,)) in vetoes]
        missing = [slug for slug in pin if slug not in week.cards]
        if vetoed or frozenset(pin) in vetoes:
            yield PassedOver(
                pin[0],
                pin[-1],
                0.0,
                f"an editor’s leave: {listing(vetoed) or 'the pair'} {'are' if len(vetoed) > 1 else 'is'} vetoed",
            )
        elif missing or len(pin) != 2:
            yield PassedOver(pin[0], pin[-1], 0.0, f"a ready verdict for {listing(missing)}")
        else:
            pair = week.pair(pin[0], pin[1])
            held = [slug for slug in pin if slug in busy]
            why_not = _elsewhere(pair, held, [busy[slug] for slug in held]) if held else "a place: the edition is full"
            yield PassedOver(*_slugs(pair), pair.score, why_not)


# Why


def why(pair: Pair) -> str:
    """Say in one sentence why a pair was picked: what is new, and the two things that speak most for comparing it.

    Nothing is said that is not recorded: a candidate's news may be a launch or newly recorded reviews.
    """
    said = {
        "job": _job(pair),
        "prominence": _noticed(pair),
        "contrast": _differences(pair),
        "completeness": "every reviewer has judged both" if dict(pair.parts)["completeness"] == 1 else "",
    }
    ranked = sorted(pair.parts, key=lambda part: -WEIGHTS[part[0]] * part[1])
    reasons = [said[name] for name, value in ranked if value > 0 and said.get(name)][:2]
    told = ["an editor asked for this pair"] if pair.pinned else []
    told += [_news(pair)] if pair.a.launched_at or pair.b.launched_at else []
    told += [", and ".join(reasons)] if reasons else []
    sentence = "; ".join(told)
    # A name such as n8n keeps its small letter where a sentence begins with it.
    begins_with_name = any(sentence.startswith(side.tool.name) for side in (pair.a, pair.b))
    return f"{sentence if begins_with_name else sentence[:1].upper() + sentence[1:]}."


def _news(pair: Pair) -> str:
    fresh = [side.tool.name for side in (pair.a, pair.b) if side.launched_at]
    names, has = listing(fresh), "has" if len(fresh) == 1 else "have"
    return _vary(
        pair,
        f"{names} {has} news since the last edition",
        f"since the last edition there is news of {names}",
        f"new since the last edition: a launch or a review of {names}",
    )


def _job(pair: Pair) -> str:
    a, b = pair.a.tool, pair.b.tool
    others = {tag.strip().casefold() for tag in b.tags} - {""}
    if shared := sorted({tag.strip() for tag in a.tags if tag.strip().casefold() in others})[:3]:
        return _vary(pair, f"both are for {listing(shared)}", f"both are about {listing(shared)}")
    said = _vary(pair, f"both stand under {a.category}", f"they meet under {a.category}")
    return said if a.category == b.category else ""


def _noticed(pair: Pair) -> str:
    names = [side.tool.name for side in (pair.a, pair.b) if side.prominence >= 0.5]
    return "" if not names else "both are widely noticed" if len(names) == 2 else f"{names[0]} is widely noticed"


def _differences(pair: Pair) -> str:
    one, other = _card(pair.a), _card(pair.b)
    found = {
        "the panel’s call": one.share >= 0 and other.share >= 0 and one.share != other.share,
        "price": _price_gap(one, other) > 0,
        "openness": _openness_differs(one, other),
    }
    names = listing([name for name, differs in found.items() if differs])
    return _vary(pair, f"they differ in {names}", f"there is a choice to make in {names}") if names else ""


def _vary(pair: Pair, *wordings: str) -> str:
    """Choose one of several wordings, always the same for the same pair."""
    return wordings[hashlib.sha256(" ".join(_slugs(pair)).encode()).digest()[0] % len(wordings)]
