"""Every public edition in memory, with what pages look up in them; read anew only where the database changed.

One edition a week keeps this small: an edition of five matchups takes about 40 KB, ten years of them 20 MB.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

from starlette.concurrency import run_in_threadpool

from digest.archive import Archive, Issue
from digest.errors import DatabaseError
from digest.model import CATEGORIES, Call, Correction, Matchup, Review, Reviewer, Side, Tally, Tool, slugify
from pages.searching import Index, asked, far, index
from subscribers.store import Subscribers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """A tool in a public edition: the matchup it stood in, and which side of it."""

    issue: Issue
    matchup: Matchup
    side: Side


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool as it is now, with the public editions it stood in, newest first, and what it is found by."""

    tool: Tool
    stood: tuple[Standing, ...]
    found_by: Index


@dataclass(frozen=True, slots=True)
class Said:
    """A reviewer's call on a tool as an edition printed it; `alone`: all others, two at least, called otherwise."""

    standing: Standing
    review: Review
    alone: bool


@dataclass(frozen=True, slots=True)
class Judge:
    """A reviewer and the last printed call on each tool, newest first."""

    reviewer: Reviewer
    said: tuple[Said, ...]

    @property
    def ships(self) -> int:
        """On how many tools the last printed call is ship."""
        return sum(one.review.call == "ship" for one in self.said)

    @property
    def alone(self) -> int:
        """On how many tools nobody else of the panel made that call."""
        return sum(one.alone for one in self.said)


@dataclass(frozen=True)
class Library:
    """What public editions hold, ready to be looked up. `issues` are newest first, `aliases` lead to present slugs."""

    issues: tuple[Issue, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    now: Mapping[str, Tool] = field(default_factory=dict)

    def slug(self, slug: str) -> str:
        """Give the present slug of a tool by any it has had."""
        return self.aliases.get(slug, slug)

    def comparison(self, a: str, b: str) -> tuple[Issue, Matchup] | None:
        """Give the newest public matchup of two tools, in either order and under any slug they have had."""
        met = self.pairs.get(frozenset((self.slug(a), self.slug(b))))
        return met[0] if met else None

    def listed(self, slug: str) -> Listed | None:
        """Give a tool by any slug it has had; None when no public edition compared it."""
        return self.tools.get(self.slug(slug))

    def told_since(self, slugs: Sequence[str], week: str = "") -> list[tuple[str, Correction]]:
        """Give the corrections of tools that editions from `week` on told, with the week of each, newest first."""
        meant = {self.slug(slug) for slug in slugs}
        told = [one for slug in sorted(meant) for one in self.corrections.get(slug, ()) if one[0] >= week]
        return sorted(told, key=lambda one: one[0], reverse=True)

    @cached_property
    def by_week(self) -> dict[str, Issue]:
        """Every issue by its week."""
        return {issue.week: issue for issue in self.issues}

    @cached_property
    def pairs(self) -> dict[frozenset[str], list[tuple[Issue, Matchup]]]:
        """Every matchup by the present slugs of its two tools, newest first."""
        found = defaultdict(list)
        for issue, matchup in self._matchups():
            found[frozenset(self.slug(side.tool.slug) for side in matchup.sides)].append((issue, matchup))
        return dict(found)

    @cached_property
    def comparisons(self) -> tuple[tuple[Issue, Matchup], ...]:
        """The newest matchup of every pair, newest first."""
        return tuple(met[0] for met in self.pairs.values())

    @cached_property
    def tools(self) -> dict[str, Listed]:
        """Every tool that was compared by its present slug, the one compared last first."""
        stood: dict[str, list[Standing]] = defaultdict(list)
        for issue, matchup in self._matchups():
            for side in matchup.sides:
                stood[self.slug(side.tool.slug)].append(Standing(issue, matchup, side))
        had: dict[str, list[str]] = defaultdict(list)
        for old, slug in self.aliases.items():
            had[slug].append(old)
        return {slug: _listed(self.now.get(slug), tuple(where), had[slug]) for slug, where in stood.items()}

    @cached_property
    def corrections(self) -> dict[str, list[tuple[str, Correction]]]:
        """What editions corrected by the present slug of the tool, with the week that told it, newest first."""
        found = defaultdict(list)
        for issue in self.issues:
            for one in issue.edition.corrections:
                found[self.slug(one.tool)].append((issue.week, one))
        return dict(found)

    @cached_property
    def categories(self) -> dict[str, tuple[str, tuple[Listed, ...]]]:
        """The categories with a compared tool by their slug, in their usual order: name, tools, newest first."""
        found: dict[str, list[Listed]] = {category: [] for category in CATEGORIES}
        for one in self.tools.values():
            found.setdefault(one.tool.category, []).append(one)
        return {slugify(name): (name, tuple(tools)) for name, tools in found.items() if tools}

    @cached_property
    def judges(self) -> dict[str, Judge]:
        """The reviewers with a printed call by slug, in panel order of the newest edition that names them."""
        names: dict[str, Reviewer] = {}
        for issue in self.issues:
            for reviewer in issue.edition.reviewers:
                names.setdefault(reviewer.slug, reviewer)
        said: dict[str, list[Said]] = defaultdict(list)
        seen: set[tuple[str, str]] = set()
        for slug, listed in self.tools.items():
            for standing in listed.stood:
                for review in standing.side.verdict.reviews:
                    if (slug, review.reviewer) not in seen:
                        seen.add((slug, review.reviewer))
                        said[review.reviewer].append(Said(standing, review, _alone(standing, review)))
        ranked = sorted(said, key=lambda slug: (names[slug].order if slug in names else 0, slug))
        for calls in said.values():
            calls.sort(key=lambda one: one.standing.issue.week, reverse=True)
        return {slug: Judge(names.get(slug, unnamed(slug)), tuple(said[slug])) for slug in ranked}

    def search(self, query: str) -> list[Listed]:
        """Find the tools in which every word of a query stands somewhere, the nearest first, then the newest.

        Args:
            query: Case and accents do not count; at most MOST_WORDS of MOST_CHARACTERS are looked for.
        """
        parts = asked(query)
        met = [(distance, one) for one in self.tools.values() if (distance := far(one.found_by, parts)) is not None]
        return [one for _, one in sorted(met, key=lambda pair: pair[0])]

    def _matchups(self) -> Iterator[tuple[Issue, Matchup]]:
        for issue in self.issues:
            for matchup in issue.edition.matchups:
                yield issue, matchup


def unnamed(slug: str) -> Reviewer:
    """A reviewer that no edition names any more."""
    return Reviewer(slug, slug.replace("-", " ").title(), "", 0)


def flipped(before: Standing, after: Standing) -> list[tuple[str, Call, Call]]:
    """Give the reviewers whose call on a tool differs between two editions, with both calls, in panel order."""
    return [
        (review.reviewer, was.call, review.call)
        for review in after.side.verdict.reviews
        if (was := before.side.verdict.by(review.reviewer)) and was.call != review.call
    ]


def _listed(now: Tool | None, stood: tuple[Standing, ...], slugs: Sequence[str]) -> Listed:
    tool = now or stood[0].side.tool
    return Listed(tool, stood, index(tool, (*(one.side.tool.name for one in stood), *slugs)))


def _alone(standing: Standing, review: Review) -> bool:
    others = [one.call for one in standing.side.verdict.reviews if one.reviewer != review.reviewer]
    return len(others) > 1 and review.call not in others


class Shelf:
    """Keeps the library as the database has it, at most `fresh_s` seconds behind.

    Votes and what is known of tools now are counted for all at once, so that most pages ask the database nothing; with
    thousands of tools that takes a while, and is done less often: it may take a fiftieth of one processor. In between,
    a page that shows votes asks for those of its own tools.

    While the database does not answer, what was read last is shown on, and the log says so once a minute.
    """

    def __init__(self, archive: Archive, subscribers: Subscribers, fresh_s: float) -> None:
        self._archive, self._subscribers, self._fresh_s = archive, subscribers, fresh_s
        self._library = Library()
        self._votes: dict[str, Tally] = {}
        self._asked_at: dict[str, float] = {}
        self._counted_at = 0.0
        self._state: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._read = self._lost = False
        self._look_from = self._count_from = self._ask_from = 0.0
        self._told_at: float | None = None
        self._looking = threading.Lock()

    async def library(self) -> Library:
        """Give the library; while somebody looks for changes, others take it as it was.

        Raises:
            DatabaseError: The database does not answer, and has not since this program began.
        """
        if self._is_fresh() or (self._read and self._fresh_s and self._looking.locked()):
            return self._library
        return await run_in_threadpool(self._look)

    async def votes(self, *slugs: str) -> tuple[Tally, ...]:
        """Give the readers' votes on tools by their present slugs.

        They are as fresh as the library while few people ask; asking takes a twenty-fifth of the time at most, and in a
        rush the last count of all has to do.
        """
        now = time.monotonic()
        old = [one for one in slugs if now - self._asked_at.get(one, self._counted_at) >= self._fresh_s]
        if old and not self._lost and (now >= self._ask_from or not self._fresh_s):
            self._ask_from = inf
            try:
                await run_in_threadpool(self._ask, old)
            finally:
                self._ask_from = time.monotonic() + 24 * (time.monotonic() - now)
        return tuple(self._votes.get(slug, Tally()) for slug in slugs)

    def _ask(self, slugs: Sequence[str]) -> None:
        asked_at = time.monotonic()
        try:
            found = self._subscribers.tallies(slugs)
        except DatabaseError as error:
            self._missing(error)
            return
        for slug in slugs:
            self._votes[slug], self._asked_at[slug] = found.get(slug, Tally()), asked_at

    def _is_fresh(self) -> bool:
        return self._read and time.monotonic() < self._look_from

    def _look(self) -> Library:
        with self._looking:
            if self._is_fresh():
                return self._library
            began = time.monotonic()
            try:
                self._renew(began)
            except DatabaseError as error:
                if not self._read:
                    raise
                self._missing(error)
                # One that takes long to fail is asked less often, as a reader waits for that.
                self._look_from = time.monotonic() + max(self._fresh_s, 10 * (time.monotonic() - began))
                return self._library
            self._lost, self._read, self._look_from = False, True, began + self._fresh_s
            return self._library

    def _missing(self, error: DatabaseError) -> None:
        self._lost = True
        if self._told_at is None or time.monotonic() - self._told_at > 60:
            self._told_at = time.monotonic()
            _log.error("pages show what was read before: %s", error)

    def _renew(self, began: float) -> None:
        state = self._archive.state()
        changed = state != self._state or not self._read
        library = self._gathered(*state) if changed else self._library
        if changed or began >= self._count_from:
            library = self._counted(library)
        self._library, self._state = library, state

    def _gathered(self, marks: Mapping[str, str], aliases: dict[str, str]) -> Library:
        known = {issue.week: issue for issue in self._library.issues if marks.get(issue.week) == issue.sha256}
        known |= {issue.week: issue for issue in self._archive.issues(marks.keys() - known.keys())}
        issues = tuple(known[week] for week in sorted(known, reverse=True))
        printed = {side.tool.slug for issue in issues for one in issue.edition.matchups for side in one.sides}
        present = {aliases.get(slug, slug) for slug in printed}
        return Library(issues, {slug: meant for slug, meant in aliases.items() if meant in present})

    def _counted(self, library: Library) -> Library:
        began = time.monotonic()
        slugs = library.tools.keys()
        now, votes = self._archive.tools(slugs), self._subscribers.tallies(slugs)
        self._votes, self._asked_at, self._counted_at = votes, {}, began
        self._count_from = time.monotonic() + 50 * (time.monotonic() - began)
        if now == library.now:
            return library
        library = replace(library, now=now)
        _ = library.judges, library.categories, library.comparisons  # made now, not while a reader waits
        return library
