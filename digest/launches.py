"""Look through launches as an editor does: a week's, ranked, narrowed and page by page, and what lacks a verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Row, and_, func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from digest.database import in_chunks, reading
from digest.model import Launch, Tool
from digest.store import launch_of
from digest.tables import LaunchEntryRow, LaunchRow, ReviewRow, ToolAliasRow, ToolRow
from digest.wanting import Hopeful

#: Which launches of a week are looked at: all, those without a ready verdict, or those an editor rejected.
Show = Literal["all", "unreviewed", "rejected"]

_LAUNCH = LaunchRow.metadata.tables[str(LaunchRow.__tablename__)]


@dataclass(frozen=True, slots=True)
class Line:
    """A launch as a list shows it.

    `place` is its rank among those it was looked for with, from 1, and 0 where there is none; `merged` says that it is
    part of another one.
    """

    launch: Launch
    rejected: bool = False
    merged: bool = False
    place: int = 0

    @property
    def feeds(self) -> tuple[str, ...]:
        """The feeds that carried it, in the order seen, each once."""
        return tuple(dict.fromkeys(feed for feed, _ in self.launch.entries))

    @property
    def mark(self) -> str:
        """Give what is another whenever an editor's word, or an entry, made it another launch than it was."""
        one = self.launch
        told = [one.tool_slug, one.tool_name, one.category, self.rejected, self.merged, sorted(one.entries)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a week's launches, best ranked first.

    `counts` says how many each way of looking has in the week, `many` how many of those asked for fit the search.
    """

    lines: tuple[Line, ...]
    many: int
    counts: Mapping[Show, int] = field(default_factory=dict)


class Launches:
    """The launches kept. Every method reads on one view of them and changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def page(
        self,
        since: datetime,
        until: datetime,
        ready: Collection[str],
        *,
        show: Show = "all",
        named: str = "",
        skip: int = 0,
        most: int = 40,
    ) -> Found:
        """Look through the launches first seen from `since` on and before `until`: most widely carried first.

        Args:
            since: The first moment.
            until: The first moment that no longer counts.
            ready: Slugs of tools with a ready verdict.
            show: Which of them.
            named: Only those whose tool or title holds all of these words, in capitals or not.
            skip: How many of those are passed over.
            most: How many are given.
        """
        with reading(self.engine) as session:
            ranked = list(enumerate(session.connection().execute(_ranked(since, until, named)).all(), 1))
            sorts: dict[Show, list[tuple[int, Row[Any]]]] = {
                "all": ranked,
                "unreviewed": [one for one in ranked if one[1][1] not in ready and not one[1][2]],
                "rejected": [one for one in ranked if one[1][2]],
            }
            fit = sorts[show]
            if named.split():
                fit = [one for one in fit if _holds(f"{one[1][3]} {one[1][4]}", named)]
            shown = {row[0]: place for place, row in fit[skip : skip + most]}
            lines = _lines(session, _LAUNCH.c.id.in_(shown), shown)
        return Found(tuple(lines), len(fit), {name: len(rows) for name, rows in sorts.items()})

    def line(self, launch: str) -> Line | None:
        """Give one launch, also one that is rejected or part of another; None where there is none."""
        with reading(self.engine) as session:
            return next(iter(_lines(session, _LAUNCH.c.id == launch)), None)

    def of_entry(self, feed: str, entry: str) -> list[Line]:
        """Give the launches that an entry carries, also those that are rejected or part of another."""
        mine = select(LaunchEntryRow.launch_id).where(LaunchEntryRow.feed == feed, LaunchEntryRow.entry_id == entry)
        with reading(self.engine) as session:
            return _lines(session, _LAUNCH.c.id.in_(mine))

    def near(self, since: datetime, named: str, *, but: str, most: int = 8) -> list[Line]:
        """Give the launches of their own, first seen since then, that share most words of a name; newest first.

        `but` is left out: it is the launch they are looked up for.
        """
        words = set(named.casefold().split())
        wanted = sql_select(col(LaunchRow.id), col(LaunchRow.tool_name), col(LaunchRow.title)).where(
            col(LaunchRow.first_seen) >= since, col(LaunchRow.merged_into).is_(None), col(LaunchRow.id) != but
        )
        with reading(self.engine) as session:
            rows = session.connection().execute(wanted.order_by(col(LaunchRow.first_seen).desc(), col(LaunchRow.id)))
            shared = [(sum(word in f"{row[1]} {row[2]}".casefold() for word in words), row[0]) for row in rows]
            best = sorted((one for one in shared if one[0]), key=lambda one: -one[0])
            places = {launch: place for place, (_, launch) in enumerate(best[:most], 1)}
            return _lines(session, _LAUNCH.c.id.in_(places), places)

    def hopefuls(self, since: datetime, until: datetime, ready: Collection[str]) -> list[Hopeful]:
        """Give the tools launched after `since`, up to `until`, that are not ready, in numbers and any order."""
        launch, entry = LaunchRow, LaunchEntryRow
        counted = sql_select(
            col(launch.tool_slug), func.count(func.distinct(entry.feed)), func.max(launch.score),
            func.max(col(launch.announced_at)),
        ).outerjoin(entry, col(entry.launch_id) == col(launch.id))  # fmt: skip
        with reading(self.engine) as session:
            rows = session.connection().execute(counted.where(*_between(since, until)).group_by(col(launch.tool_slug)))
            return [Hopeful(*row) for row in rows.all() if row[0] not in ready]

    def of_tools(self, slugs: Collection[str], since: datetime, until: datetime) -> list[Launch]:
        """Give the launches of some tools first seen after `since`, up to `until`, in any order."""
        with reading(self.engine) as session:
            return [
                line.launch
                for some in in_chunks(sorted(slugs))
                for line in _lines(session, and_(*_between(since, until), _LAUNCH.c.tool_slug.in_(some)))
            ]

    def ready(self, quorum: int, panel: Collection[str]) -> list[Tool]:
        """Give the tools that at least `quorum` of the `panel` have reviewed, without their descriptions."""
        counted = select(ReviewRow.tool).where(col(ReviewRow.reviewer).in_(sorted(panel))).group_by(ReviewRow.tool)
        counted = counted.having(func.count(func.distinct(ReviewRow.reviewer)) >= quorum)
        return self._tools(col(ToolRow.slug).in_(counted))

    def tools_named(self, named: str, most: int = 20) -> list[Tool]:
        """Give the tools, without descriptions, whose name holds all of these words, by name; none for no word."""
        if not named.split():
            return []
        names = sql_select(col(ToolRow.slug), col(ToolRow.name))
        names = names.where(col(ToolRow.slug).not_in(select(ToolAliasRow.slug)))
        with reading(self.engine) as session:
            found = [slug for slug, name in session.connection().execute(names.order_by(ToolRow.name)).all()
                     if _holds(f"{slug} {name}", named)][:most]  # fmt: skip
        known = {tool.slug: tool for tool in self._tools(col(ToolRow.slug).in_(found))}
        return [known[slug] for slug in found]

    def _tools(self, which: ColumnElement[bool]) -> list[Tool]:
        """Read tools as plain columns: objects of thousands take three times as long."""
        kept = [one.name for one in fields(Tool) if one.name != "description"]
        columns = sql_select(*(getattr(ToolRow, name) for name in kept)).where(which)
        with reading(self.engine) as session:
            rows = session.connection().execute(columns)
            return [Tool(**{**row._mapping, "tags": tuple(row.tags)}) for row in rows.all()]


def _between(since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [
        col(LaunchRow.rejected).is_(False), col(LaunchRow.merged_into).is_(None),
        col(LaunchRow.first_seen) > since, col(LaunchRow.first_seen) <= until,
    ]  # fmt: skip


def _ranked(since: datetime, until: datetime, named: str) -> Any:
    """Ask for a week's launches in the order of `digest.composing.weight`.

    Names and titles of thousands are read only where somebody looks for words in them.
    """
    entry, launch = LaunchEntryRow, LaunchRow
    feeds = sql_select(func.count(func.distinct(entry.feed))).where(col(entry.launch_id) == col(launch.id))
    columns = [
        launch.id,
        launch.tool_slug,
        launch.rejected,
        *([launch.tool_name, launch.title] if named.split() else []),
    ]
    wanted = sql_select(*map(col, columns)).where(
        col(launch.first_seen) >= since, col(launch.first_seen) < until, col(launch.merged_into).is_(None)
    )
    return wanted.order_by(feeds.scalar_subquery().desc(), col(launch.score).desc(), col(launch.id))


def _holds(text: str, named: str) -> bool:
    """Tell whether a text holds all words of another; databases fold the case of Latin letters only."""
    text = text.casefold()
    return all(word in text for word in named.casefold().split())


def _lines(session: Session, which: ColumnElement[bool], places: Mapping[str, int] | None = None) -> list[Line]:
    """Read launches as plain columns: in the order of `places` where that is given, else by id."""
    places, entries = places or {}, dict[str, list[tuple[str, str]]]()
    rows = session.connection().execute(_LAUNCH.select().where(which)).all()
    entry = LaunchEntryRow.metadata.tables[str(LaunchEntryRow.__tablename__)].c
    for some in in_chunks([row.id for row in rows]):
        keys = sql_select(entry.launch_id, entry.feed, entry.entry_id).where(entry.launch_id.in_(some))
        for launch, feed, key in session.connection().execute(keys.order_by(entry.position, entry.feed)):
            entries.setdefault(launch, []).append((feed, key))
    lines = [Line(launch_of(row, entries.get(row.id, ())), row.rejected, bool(row.merged_into), places.get(row.id, 0))
             for row in rows]  # fmt: skip
    return sorted(lines, key=lambda line: (line.place, line.launch.id))
