"""Which launched tools most want a verdict, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from digest.model import Launch, Tool, listing

#: Feeds that carry a launch until it counts as seen everywhere.
EVERYWHERE = 4


def prominence(launches: Iterable[Launch]) -> float:
    """Tell how widely launches of one tool were carried, from 0 to 1: the share of EVERYWHERE different feeds."""
    return min(1.0, len({feed for one in launches for feed, _ in one.entries}) / EVERYWHERE)


#: How much each part counts; together 1. What many feeds carry is asked for most; a tool that can meet a ready one
#: makes an edition, one that cannot waits for a second review.
WEIGHTS = {"mentions": 0.40, "pairing": 0.25, "strength": 0.20, "recency": 0.15}

#: After so many days a launch is no news.
_NEWS_DAYS = 14


@dataclass(frozen=True, slots=True)
class Wanted:
    """A launched tool without a ready verdict.

    `launch` is its newest announcement, `score` (0 to 1) how much it is wanted, `parts` those of the score by name,
    each 0 to 1, `partner` the slug of the ready tool it would pair with best, and `why` all that in words.
    """

    launch: Launch
    score: float
    parts: tuple[tuple[str, float], ...]
    why: str
    partner: str | None = None


class Hopeful(NamedTuple):
    """A launched tool without a ready verdict, in numbers: all of its score but whom it would pair with.

    `feeds` carried any launch of it, `strength` is the highest score of one, `announced_at` when the newest was.
    """

    tool: str
    feeds: int
    strength: float
    announced_at: datetime


def ranking(
    ready: Sequence[Tool],
    met: Collection[frozenset[str]],
    reviewed: Mapping[str, int],
    *,
    quorum: int,
    now: datetime,
) -> Callable[[Iterable[Launch], Mapping[str, Tool]], list[Wanted]]:
    """Make what ranks the tools of launches that lack a verdict, most wanted first, then by slug.

    It takes the launches, any order, several of one tool counting together, and what is known of their tools by slug,
    which may lack some.

    Args:
        ready: The tools with a ready verdict.
        met: Slugs of pairs that met too recently to meet again.
        reviewed: How many active reviewers have reviewed each tool, by slug.
        quorum: How many reviews make a verdict ready.
        now: When it is asked; recency counts back from here.
    """
    partners = _Partners(ready, met)

    def rank(launches: Iterable[Launch], tools: Mapping[str, Tool]) -> list[Wanted]:
        by_tool: dict[str, list[Launch]] = {}
        for launch in launches:
            if reviewed.get(launch.tool_slug, 0) < quorum:
                by_tool.setdefault(launch.tool_slug, []).append(launch)
        found = []
        for slug, mine in by_tool.items():
            mine.sort(key=lambda one: (one.announced_at, one.id))
            tool = tools.get(slug) or Tool(slug, mine[-1].tool_name, category=mine[-1].category)
            found.append(_wanted(mine, partners.best(tool, mine), reviewed.get(slug, 0), quorum, now))
        return sorted(found, key=_order)

    return rank


#: What closer looks are taken at, at once.
_LOOK = 20


def lead(
    hopefuls: Iterable[Hopeful],
    most: int,
    look: Callable[[Sequence[str]], list[Wanted]],
    *,
    may_pair: bool,
    now: datetime,
) -> list[Wanted]:
    """Give the first of what `ranking` gives of all these tools, with a closer look at no more of them than it takes.

    Args:
        hopefuls: The tools, any order.
        most: How many are wanted.
        look: Ranks some of them, by slug, with all that is kept of them.
        may_pair: Whether any tool is ready; else nobody has a partner.
        now: When it is asked, as in `look`.
    """
    bounds = sorted(((_bound(one, now, may_pair=may_pair), one.tool) for one in hopefuls), reverse=True)
    found: list[Wanted] = []
    for start in range(0, len(bounds), _LOOK):
        if len(found) >= most and found[most - 1].score > bounds[start][0]:
            break
        found += look([slug for _, slug in bounds[start : start + _LOOK]])
        found.sort(key=_order)
    return found[:most]


def _bound(one: Hopeful, now: datetime, *, may_pair: bool) -> float:
    """Give a score that the tool cannot surpass, whoever it would pair with."""
    score = WEIGHTS["mentions"] * min(1.0, one.feeds / EVERYWHERE) + WEIGHTS["pairing"] * may_pair
    age_days = max(0, (now - one.announced_at).days)
    return round(score + WEIGHTS["strength"] * one.strength + WEIGHTS["recency"] * _recency(age_days), 4)


def _recency(age_days: int) -> float:
    return max(0.0, 1 - age_days / _NEWS_DAYS)


def _order(one: Wanted) -> tuple[float, str]:
    return (-one.score, one.launch.tool_slug)


@dataclass(frozen=True, slots=True)
class _Partner:
    tool: Tool
    shared: tuple[str, ...]
    same_category: bool

    @property
    def value(self) -> float:
        """How well the two would pair: the category counts half, each of the first two shared jobs a quarter."""
        return 0.5 * self.same_category + 0.25 * min(2, len(self.shared))

    @property
    def why(self) -> str:
        job = f"both {listing(self.shared)}" if self.shared else f"both {self.tool.category}"
        return f"would pair with {self.tool.name} ({job})"


class _Partners:
    """The ready tools, by what they have in common with others."""

    def __init__(self, ready: Sequence[Tool], met: Collection[frozenset[str]]) -> None:
        self.met = met
        self.by_category: dict[str, list[Tool]] = {}
        self.by_tag: dict[str, list[Tool]] = {}
        self.vendors = {tool.slug: _vendor(tool) for tool in ready}
        for tool in sorted(ready, key=lambda one: one.slug):
            if tool.category != "Other":  # what has nothing else in common does not belong together
                self.by_category.setdefault(tool.category, []).append(tool)
            for tag in set(tool.tags):
                self.by_tag.setdefault(tag, []).append(tool)
        self.by_word: dict[str, list[tuple[str, set[str]]]] = {}
        for tag in self.by_tag:
            if words := _words(tag):
                self.by_word.setdefault(words[0], []).append((tag, set(words)))

    def best(self, tool: Tool, launches: Sequence[Launch]) -> _Partner | None:
        """Give the tool to compare with: same category or job, another vendor, not met; the nearest, then by slug."""
        shared: dict[str, list[str]] = {}
        others: dict[str, Tool] = {}
        for tag in sorted(self._jobs(tool, launches)):
            for one in self.by_tag[tag]:
                others[one.slug] = one
                shared.setdefault(one.slug, []).append(tag)
        vendor = _vendor(tool)
        nearest = (one for one in self.by_category.get(tool.category, ()) if self._may_meet(tool, vendor, one))
        if (first := next(nearest, None)) is not None:  # of those that share the category only, the others lose to it
            others.setdefault(first.slug, first)
        found = [
            _Partner(one, tuple(shared.get(slug, ())), one.category == tool.category != "Other")
            for slug, one in others.items()
            if self._may_meet(tool, vendor, one)
        ]
        return min(found, key=lambda one: (-one.value, one.tool.slug), default=None)

    def _jobs(self, tool: Tool, launches: Sequence[Launch]) -> set[str]:
        """Give the tags of ready tools that are the tool's own, or whose words its announcements hold."""
        told = _beginnings(" ".join((tool.tagline, *(f"{one.title} {one.tagline}" for one in launches))))
        said = (one for word in told & self.by_word.keys() for one in self.by_word[word])
        return {tag for tag, words in said if words <= told} | (self.by_tag.keys() & set(tool.tags))

    def _may_meet(self, tool: Tool, vendor: str, other: Tool) -> bool:
        same = other.slug == tool.slug or self.vendors[other.slug] == vendor
        return not same and frozenset((other.slug, tool.slug)) not in self.met


def _vendor(tool: Tool) -> str:
    return (tool.vendor or (urlsplit(tool.url).hostname or tool.slug).removeprefix("www.")).casefold()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _beginnings(text: str) -> set[str]:
    """Give the words of a text and their beginnings of four letters or more: “reviews” tells of a review."""
    return {word[:end] for word in _words(text) for end in {len(word), *range(4, len(word))}}


def _wanted(launches: Sequence[Launch], partner: _Partner | None, have: int, quorum: int, now: datetime) -> Wanted:
    newest = launches[-1]
    feeds = len({feed for one in launches for feed, _ in one.entries})
    age = max(0, (now - newest.announced_at).days)
    parts = {
        "mentions": prominence(launches),
        "pairing": partner.value if partner else 0.0,
        "strength": max(one.score for one in launches),
        "recency": _recency(age),
    }
    when = "today" if age == 0 else f"{age} {'day' if age == 1 else 'days'} ago"
    said = [
        f"in {feeds} {'feed' if feeds == 1 else 'feeds'}",
        f"announced {when}",
        partner.why if partner else "no ready tool to pair with",
        f"{have} of {quorum} reviews" if have else "no review yet",
    ]
    score = sum(WEIGHTS[name] * value for name, value in parts.items())
    told = tuple((name, round(parts[name], 4)) for name in WEIGHTS)
    return Wanted(newest, round(score, 4), told, ", ".join(said), partner.tool.slug if partner else None)
