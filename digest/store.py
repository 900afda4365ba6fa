"""Keep tools, launches and reviews; the only module of the core that knows both values and rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import ColumnElement, Engine, Row, and_, func, or_
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from digest.database import in_chunks, insert_ignore, one_at_a_time, reading, writing
from digest.model import Launch, Review, Tool
from digest.tables import (
    DecisionRow,
    LaunchEntryRow,
    LaunchRow,
    ReviewRow,
    ToolAliasRow,
    ToolRow,
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an import of reviews did.

    `older` counts reviews dated before the newest stored one and left out, `described` known tools that are described
    anew; `meant` has the slugs that mean another tool, each with that tool's.
    """

    tools: int
    new: int
    changed: int
    same: int
    older: int = 0
    described: int = 0
    meant: tuple[tuple[str, str], ...] = ()


#: The columns of a launch; its entries stand in a table of their own.
_LAUNCH = tuple(field.name for field in fields(Launch) if field.name != "entries")


class Store:
    """The core's memory. Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # Tools and launches

    def tool_names(self) -> dict[str, str]:
        """Give every known tool's name by slug."""
        with reading(self.engine) as session:
            return dict(session.exec(select(ToolRow.slug, ToolRow.name)).all())

    def tools(self, slugs: Collection[str]) -> dict[str, Tool]:
        """Give tools by slug; unknown slugs are left out."""
        with reading(self.engine) as session:
            return {
                row.slug: tool_of(row)
                for some in in_chunks(sorted(slugs))
                for row in session.exec(select(ToolRow).where(col(ToolRow.slug).in_(some)))
            }

    def keep_launches(self, launches: Sequence[Launch], now: datetime) -> int:
        """Keep new launches, and new entries of known ones; their tools too. Returns how many launches were new.

        An editor's word wins: a tool that was renamed keeps its new name, a category that was set stays, and what
        comes to a merged launch goes to the one it was merged into.
        """
        with writing(self.engine) as session:
            return keep(session, launches, now)

    def launches(
        self, since: datetime | None = None, until: datetime | None = None, *, everything: bool = False
    ) -> list[Launch]:
        """Give the launches first seen after `since`, up to `until`, newest first.

        `everything` adds those an editor rejected or merged away: new entries are still recognised as theirs.
        """
        wanted: list[ColumnElement[bool]] = []
        if not everything:
            wanted += [col(LaunchRow.rejected).is_(False), col(LaunchRow.merged_into).is_(None)]
        if since is not None:
            wanted.append(col(LaunchRow.first_seen) > since)
        if until is not None:
            wanted.append(col(LaunchRow.first_seen) <= until)
        # Plain columns, not objects: a busy week has ten thousand launches and as many entries again.
        keys = sql_select(col(LaunchEntryRow.launch_id), col(LaunchEntryRow.feed), col(LaunchEntryRow.entry_id))
        keys = keys.join(LaunchRow, col(LaunchRow.id) == col(LaunchEntryRow.launch_id)).where(*wanted)
        entries: dict[str, list[tuple[str, str]]] = {}
        with reading(self.engine) as session:
            connection = session.connection()
            for launch, feed, entry in connection.execute(
                keys.order_by(col(LaunchEntryRow.position), col(LaunchEntryRow.feed))
            ):
                entries.setdefault(launch, []).append((feed, entry))
            columns = sql_select(*(getattr(LaunchRow, name) for name in _LAUNCH)).where(*wanted)
            rows = connection.execute(columns.order_by(col(LaunchRow.first_seen).desc(), col(LaunchRow.id))).all()
        return [
            Launch(**{**row._mapping} | {"reasons": tuple(row.reasons), "entries": tuple(entries.get(row.id, ()))})
            for row in rows
        ]

    def launched(self, since: datetime, until: datetime) -> dict[str, int]:
        """Count the launches first seen after `since`, up to `until`, by the slug of their tool."""
        counted = sql_select(col(LaunchRow.tool_slug), func.count()).group_by(LaunchRow.tool_slug)
        counted = counted.where(
            col(LaunchRow.rejected).is_(False), col(LaunchRow.merged_into).is_(None),
            col(LaunchRow.first_seen) > since, col(LaunchRow.first_seen) <= until,
        )  # fmt: skip
        with reading(self.engine) as session:
            return dict(session.connection().execute(counted).tuples().all())

    def noticed(self, tools: Collection[str], since: datetime) -> dict[str, int]:
        """Count, for tools, the different feeds that carried a launch of theirs first seen after `since`."""
        feeds = sql_select(col(LaunchRow.tool_slug), func.count(func.distinct(LaunchEntryRow.feed)))
        feeds = feeds.join(LaunchEntryRow, col(LaunchEntryRow.launch_id) == col(LaunchRow.id))
        counted = feeds.where(col(LaunchRow.first_seen) > since, col(LaunchRow.rejected).is_(False))
        with reading(self.engine) as session:
            return {
                slug: count
                for some in in_chunks(sorted(tools))
                for slug, count in session.connection().execute(
                    counted.where(col(LaunchRow.tool_slug).in_(some)).group_by(col(LaunchRow.tool_slug))
                )
            }

    def ruled_out(self) -> set[str]:
        """Give the ids of the launches that an editor rejected or merged away."""
        gone = or_(col(LaunchRow.rejected), col(LaunchRow.merged_into).is_not(None))
        with reading(self.engine) as session:
            return set(session.exec(select(LaunchRow.id).where(gone)))

    # Reviews

    def record_reviews(
        self, sheets: Iterable[tuple[Tool, Sequence[Review]]], now: datetime, *, whole: bool = False
    ) -> Recorded:
        """Keep what the panel wrote: tools as described, and a new version of each review that differs from the newest.

        All of it is kept, or nothing. A slug that an editor gave to another tool means that tool, which keeps its name;
        a category an editor set stays. What a sheet leaves out stays as it is known; with `whole` it is taken away. A
        price that was checked later than the sheet's stays. A review dated before the newest one is left out.
        """
        counts = {"new": 0, "changed": 0, "same": 0, "older": 0}
        meant: list[tuple[str, str]] = []
        described = 0
        with writing(self.engine) as session:
            one_at_a_time(session, "reviews")
            found = [(tool.slug, *_of_the_tool_meant(session, tool, reviews)) for tool, reviews in sheets]
            for slug, tool, _ in found:
                meant += [(slug, tool.slug)] if slug != tool.slug else []
                described += _describe(session, tool, now, whole=whole)
            session.flush()
            for _, tool, reviews in found:
                newest = {row.reviewer: row for row in session.exec(_newest().where(ReviewRow.tool == tool.slug))}
                for review in reviews:
                    counts[_record(session, review, newest.get(review.reviewer), now)] += 1
        return Recorded(len(found), **counts, described=described, meant=tuple(meant))

    def reviews(self, tools: Collection[str], *, every_version: bool = False) -> list[Review]:
        """Give the newest reviews of tools, or every stored version, ordered by tool, reviewer and version."""
        with reading(self.engine) as session:
            return [
                review_of(row)
                for some in in_chunks(sorted(tools))
                for row in session.exec(
                    (select(ReviewRow) if every_version else _newest())
                    .where(col(ReviewRow.tool).in_(some))
                    .order_by(ReviewRow.tool, ReviewRow.reviewer, col(ReviewRow.version))
                )
            ]

    def ready(self, quorum: int, panel: Collection[str]) -> list[tuple[Tool, list[Review], datetime]]:
        """Give the tools that at least `quorum` of the `panel` have reviewed, with the panel's newest reviews.

        The moment is when the newest of the reviews was recorded. Ordered by slug.
        """
        counted = (
            select(ReviewRow.tool)
            .where(col(ReviewRow.reviewer).in_(sorted(panel)))
            .group_by(ReviewRow.tool)
            .having(func.count(func.distinct(ReviewRow.reviewer)) >= quorum)
        )
        with reading(self.engine) as session:
            tools = session.exec(select(ToolRow).where(col(ToolRow.slug).in_(counted)).order_by(ToolRow.slug)).all()
            reviews: dict[str, list[ReviewRow]] = {}
            mine = _newest().where(col(ReviewRow.tool).in_(counted), col(ReviewRow.reviewer).in_(sorted(panel)))
            for row in session.exec(mine):
                reviews.setdefault(row.tool, []).append(row)
        return [
            (
                tool_of(tool),
                sorted((review_of(row) for row in reviews[tool.slug]), key=lambda one: one.reviewer),
                max(row.recorded_at for row in reviews[tool.slug]),
            )
            for tool in tools
        ]

    def reviewed(self, panel: Collection[str]) -> dict[str, int]:
        """Give how many of the panel have reviewed each tool that has any review by them."""
        counted = select(ReviewRow.tool, func.count(func.distinct(ReviewRow.reviewer))).group_by(ReviewRow.tool)
        statement = counted.where(col(ReviewRow.reviewer).in_(sorted(panel)))
        with reading(self.engine) as session:
            return dict(session.exec(statement).all())


def _blank(slug: str, name: str, now: datetime) -> dict[str, Any]:
    empty = {
        "vendor": "",
        "tagline": "",
        "description": "",
        "category": "Other",
        "tags": [],
        "entry_price": "",
        "url": "",
    }
    return {"slug": slug, "name": name, "added_at": now, **empty}


def tool_of(row: ToolRow) -> Tool:
    """Make the value of a tool's row."""
    return Tool(**{field.name: getattr(row, field.name) for field in fields(Tool)} | {"tags": tuple(row.tags)})


def keep(session: Session, launches: Sequence[Launch], now: datetime) -> int:
    """Keep launches within a transaction; see `Store.keep_launches`."""
    launches = _as_decided(session, launches)
    insert_ignore(session, ToolRow, [_tool_values(launch, now) for launch in _by_tool(launches).values()])
    new = insert_ignore(session, LaunchRow, [_launch_values(launch) for launch in launches])
    targets = _merged(session, [launch.id for launch in launches])
    entries = [
        {"feed": feed, "entry_id": entry, "launch_id": targets.get(launch.id, launch.id), "position": position}
        for launch in launches
        for position, (feed, entry) in enumerate(launch.entries)
    ]
    insert_ignore(session, LaunchEntryRow, _not_moved(session, entries))
    return new


def _of_the_tool_meant(session: Session, tool: Tool, reviews: Sequence[Review]) -> tuple[Tool, Sequence[Review]]:
    alias = session.get(ToolAliasRow, tool.slug)
    slug = alias.tool_slug if alias else tool.slug
    known = session.get(ToolRow, slug)
    category = known.category if known and known.category_set else tool.category
    name = known.name if known and alias else tool.name
    return replace(tool, slug=slug, name=name, category=category), [replace(review, tool=slug) for review in reviews]


def _describe(session: Session, tool: Tool, now: datetime, *, whole: bool) -> bool:
    """Keep a tool as a sheet describes it; tells whether a known one is another than before."""
    row = session.get(ToolRow, tool.slug)
    if row is None:
        values = {field.name: getattr(tool, field.name) for field in fields(Tool)} | {"tags": list(tool.tags)}
        session.add(ToolRow.model_validate(_blank(tool.slug, tool.name, now) | values))
        return False
    known = tool_of(row)
    silent = () if whole else ("tags", "price_checked_on", "open_source")
    left_out = {name for name in silent if getattr(tool, name) in (None, ())}
    if not whole and known.vendor and tool.vendor == (urlsplit(tool.url).hostname or "").removeprefix("www."):
        left_out.add("vendor")  # what stands for a vendor that a sheet does not name
    if known.price_checked_on and (tool.price_checked_on or date.min) < known.price_checked_on:
        left_out |= {"entry_price", "price_checked_on"}
    tool = replace(tool, **{name: getattr(known, name) for name in left_out})
    if tool == known:
        return False
    row.sqlmodel_update({field.name: getattr(tool, field.name) for field in fields(Tool)} | {"tags": list(tool.tags)})
    session.add(row)
    return True


def _tool_values(launch: Launch, now: datetime) -> dict[str, Any]:
    known = {
        "tagline": launch.tagline,
        "category": launch.category,
        "entry_price": launch.entry_price,
        "url": launch.link,
        "category_set": False,
    }
    return _blank(launch.tool_slug, launch.tool_name, now) | known


def _launch_values(launch: Launch) -> dict[str, Any]:
    kept = {field.name: getattr(launch, field.name) for field in fields(Launch) if field.name != "entries"}
    return kept | {"reasons": list(launch.reasons), "rejected": False, "merged_into": None}


def _by_tool(launches: Iterable[Launch]) -> dict[str, Launch]:
    return {launch.tool_slug: launch for launch in launches}


def _as_decided(session: Session, launches: Sequence[Launch]) -> list[Launch]:
    """Give launches the tool and category an editor decided on."""
    slugs = sorted({launch.tool_slug for launch in launches})
    aliases = {
        alias: (slug, name)
        for some in in_chunks(slugs)
        for alias, slug, name in session.exec(
            select(ToolAliasRow.slug, ToolRow.slug, ToolRow.name)
            .join(ToolRow, col(ToolRow.slug) == col(ToolAliasRow.tool_slug))
            .where(col(ToolAliasRow.slug).in_(some))
        )
    }
    named = [
        replace(launch, tool_slug=aliases[launch.tool_slug][0], tool_name=aliases[launch.tool_slug][1])
        if launch.tool_slug in aliases
        else launch
        for launch in launches
    ]
    decided = {
        slug: category
        for some in in_chunks(sorted({launch.tool_slug for launch in named}))
        for slug, category in session.exec(
            select(ToolRow.slug, ToolRow.category).where(
                col(ToolRow.slug).in_(some), col(ToolRow.category_set).is_(True)
            )
        )
    }
    return [replace(launch, category=decided.get(launch.tool_slug, launch.category)) for launch in named]


def _merged(session: Session, launches: Sequence[str]) -> dict[str, str]:
    """Give, for the launches that were merged into another one, which that is."""
    return {
        launch: into
        for some in in_chunks(launches)
        for launch, into in session.exec(
            select(LaunchRow.id, LaunchRow.merged_into).where(
                col(LaunchRow.id).in_(some), col(LaunchRow.merged_into).is_not(None)
            )
        )
        if into
    }


def _not_moved(session: Session, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out entries that an editor moved away from a launch by splitting it."""
    moved = set(
        session.exec(select(DecisionRow.launch_id, DecisionRow.value).where(col(DecisionRow.what) == "split")).all()
    )
    return [one for one in entries if (one["launch_id"], entry_key(one["feed"], one["entry_id"])) not in moved]


def entry_key(feed: str, entry_id: str) -> str:
    """Write an entry's key as one text, as decisions keep it."""
    return json.dumps([feed, entry_id])


def launch_of(row: LaunchRow | Row[Any], entries: Sequence[tuple[str, str]]) -> Launch:
    """Make the value of a launch's row and the keys of its entries."""
    kept = {field.name: getattr(row, field.name) for field in fields(Launch) if field.name != "entries"}
    return Launch(**kept | {"reasons": tuple(row.reasons), "entries": tuple(entries)})


def review_of(row: ReviewRow) -> Review:
    """Make the value of a review's row."""
    return Review(**{field.name: getattr(row, field.name) for field in fields(Review)})


def _newest() -> SelectOfScalar[ReviewRow]:
    last = (
        select(ReviewRow.tool, ReviewRow.reviewer, func.max(ReviewRow.version).label("version"))
        .group_by(ReviewRow.tool, ReviewRow.reviewer)
        .subquery()
    )
    return select(ReviewRow).join(
        last,
        and_(
            col(ReviewRow.tool) == last.c.tool,
            col(ReviewRow.reviewer) == last.c.reviewer,
            col(ReviewRow.version) == last.c.version,
        ),
    )


def _record(session: Session, review: Review, newest: ReviewRow | None, now: datetime) -> str:
    if newest and (newest.call, newest.quote) == (review.call, review.quote):
        return "same"
    if newest and review.reviewed_on < newest.reviewed_on:
        return "older"
    values = {field.name: getattr(review, field.name) for field in fields(Review)}
    values["version"] = newest.version + 1 if newest else 1
    session.add(ReviewRow(**values, recorded_at=now))
    return "changed" if newest else "new"
