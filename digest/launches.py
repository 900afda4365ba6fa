"""Look through launches as an editor does: a week's, ranked, narrowed and page by page, and what lacks a verdict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, and_, case, func, true
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
        quorum: int,
        panel: Collection[str],
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
            quorum: How many reviews by the `panel` make a verdict ready.
            panel: The reviewers whose calls count.
            show: Which of them.
            named: Only those whose tool or title holds all of these words, in capitals or not.
            skip: How many of those are passed over.
            most: How many are given.
        """
        week, unready = _of_week(since, until), col(LaunchRow.tool_slug).not_in(_ready(quorum, panel))
        sorts: dict[Show, ColumnElement[bool]] = {
            "all": true(),
            "unreviewed": and_(unready, col(LaunchRow.rejected).is_(False)),
            "rejected": col(LaunchRow.rejected).is_(True),
        }
        with reading(self.engine) as session:
            asked = sql_select(*(func.count(case((one, 1))) for one in sorts.values())).where(*week)
            counts = dict(zip(sorts, session.connection().execute(asked).one(), strict=True))
            if show == "all" and not named.split():
                places, many = _leading(session, week, skip, most), counts["all"]
            else:
                fit = _fitting(session, week, sorts[show], named)
                places, many = dict(fit[skip : skip + most]), len(fit)
            lines = _lines(session, _LAUNCH.c.id.in_(places), places)
        return Found(tuple(lines), many, counts)

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

    def hopefuls(self, since: datetime, until: datetime, quorum: int, panel: Collection[str]) -> list[Hopeful]:
        """Give the tools launched after `since`, up to `until`, that are not ready, in numbers and any order."""
        launch, entry = LaunchRow, LaunchEntryRow
        counted = sql_select(
            col(launch.tool_slug), func.count(func.distinct(entry.feed)), func.max(launch.score),
            func.max(col(launch.announced_at)),
        ).outerjoin(entry, col(entry.launch_id) == col(launch.id))  # fmt: skip
        with reading(self.engine) as session:
            unready = col(launch.tool_slug).not_in(_ready(quorum, panel))
            counted = counted.where(*_between(since, until), unready).group_by(col(launch.tool_slug))
            return [Hopeful(*row) for row in session.connection().execute(counted).all()]

    def of_tools(self, slugs: Collection[str], since: datetime, until: datetime) -> list[Launch]:
        """Give the launches of some tools first seen after `since`, up to `until`, in any order."""
        with reading(self.engine) as session:
            return [
                line.launch
                for some in in_chunks(sorted(slugs))
                for line in _lines(session, and_(*_between(since, until), _LAUNCH.c.tool_slug.in_(some)))
            ]

    def rejected(self, slugs: Collection[str]) -> set[str]:
        """Give those of some tools an editor rejected every launch of; a tool that was never launched is none."""
        mine = sql_select(col(LaunchRow.tool_slug)).where(col(LaunchRow.merged_into).is_(None))
        mine = mine.group_by(col(LaunchRow.tool_slug)).having(
            func.count() == func.sum(case((col(LaunchRow.rejected), 1), else_=0))
        )
        with reading(self.engine) as session:
            return {
                slug
                for some in in_chunks(sorted(slugs))
                for slug in session.scalars(mine.where(col(LaunchRow.tool_slug).in_(some)))
            }

    def ready(self, quorum: int, panel: Collection[str]) -> list[Tool]:
        """Give the tools that at least `quorum` of the `panel` have reviewed, without their descriptions."""
        return self._tools(col(ToolRow.slug).in_(_ready(quorum, panel)))

    def ready_names(self, quorum: int, panel: Collection[str]) -> dict[str, str]:
        """Give the names of those tools, by slug."""
        named = sql_select(col(ToolRow.slug), col(ToolRow.name)).where(col(ToolRow.slug).in_(_ready(quorum, panel)))
        with reading(self.engine) as session:
            return dict(session.connection().execute(named).tuples().all())

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


def _ready(quorum: int, panel: Collection[str]) -> Any:
    """Ask for the slugs of the tools that at least `quorum` of the `panel` have reviewed."""
    counted = select(ReviewRow.tool).where(col(ReviewRow.reviewer).in_(sorted(panel))).group_by(ReviewRow.tool)
    return counted.having(func.count(func.distinct(ReviewRow.reviewer)) >= quorum)


def _of_week(since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    launch = LaunchRow
    return [col(launch.first_seen) >= since, col(launch.first_seen) < until, col(launch.merged_into).is_(None)]


_FEEDS = sql_select(func.count(func.distinct(LaunchEntryRow.feed))).where(
    col(LaunchEntryRow.launch_id) == col(LaunchRow.id)
)

#: The order of `digest.composing.weight`.
_RANKED = (_FEEDS.scalar_subquery().desc(), col(LaunchRow.score).desc(), col(LaunchRow.id))


def _leading(session: Session, week: list[ColumnElement[bool]], skip: int, most: int) -> dict[str, int]:
    """Give the ids of a page of a week's launches with their places."""
    ranked = sql_select(col(LaunchRow.id)).where(*week).order_by(*_RANKED).offset(skip).limit(most)
    return {row[0]: place for place, row in enumerate(session.connection().execute(ranked), skip + 1)}


def _fitting(
    session: Session, week: list[ColumnElement[bool]], fits: ColumnElement[bool], named: str
) -> list[tuple[str, int]]:
    """Give the ids of a week's launches that fit, with their places among all.

    Names and titles of thousands are read only where somebody looks for words in them.
    """
    told = (col(LaunchRow.tool_name), col(LaunchRow.title)) if named.split() else ()
    ranked = sql_select(col(LaunchRow.id), case((fits, 1), else_=0), *told).where(*week).order_by(*_RANKED)
    rows = enumerate(session.connection().execute(ranked).all(), 1)
    return [(row[0], place) for place, row in rows if row[1] and (not told or _holds(f"{row[2]} {row[3]}", named))]


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
