"""An editor's word on launches: remembered for good, and it wins over every later run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, func, update
from sqlmodel import Session, col, select

from digest.database import insert_ignore, reading, writing
from digest.errors import SettingsError
from digest.model import CATEGORIES, Entry, Launch, Spotted, slugify
from digest.store import entry_key, keep, launch_of
from digest.tables import DecisionRow, LaunchEntryRow, LaunchRow, ReviewRow, ToolAliasRow, ToolRow


class Decisions:
    """What editors decide about launches. Every method is one transaction and is written into the log."""

    def __init__(self, engine: Engine, by: str) -> None:
        self.engine, self.by = engine, by

    def find(self, start: str) -> Launch:
        """Find a launch by its id or the first characters of it.

        Raises:
            SettingsError: None starts so, or several do.
        """
        statement = select(LaunchRow).where(col(LaunchRow.id).startswith(start, autoescape=True)).limit(5)
        with reading(self.engine) as session:
            rows = session.exec(statement).all() if start else []
            if len(rows) != 1:
                several = f"; it could be {', '.join(row.id for row in rows)}" if rows else ""
                raise SettingsError(f"launch: found {start!r}; allowed: an id as `verdicts launches` shows it{several}")
            return launch_of(rows[0], _keys(session, rows[0].id))

    def accept(self, launch: Launch, now: datetime) -> None:
        """Take back a rejection."""
        self._set(launch, "accept", now, rejected=False)

    def reject(self, launch: Launch, now: datetime) -> None:
        """Say that this is no launch; what comes to it later is none either."""
        self._set(launch, "reject", now, rejected=True)

    def announce(self, entry: Entry, spotted: Spotted, tool: str, now: datetime) -> Launch:
        """Make a launch of an entry in which none was spotted; a launch it has already is accepted instead.

        Raises:
            SettingsError: The tool's name has no letter or digit.
        """
        if (known := self._of(entry)) is not None:
            self.accept(known, now)
            return self.rename(known, tool, now) if tool else self.find(known.id)
        name = tool or spotted.tool or entry.title
        _slug(name)
        launch = Launch(
            id=_id(entry, name),
            tool_slug=slugify(name),
            tool_name=name,
            title=entry.title,
            link=spotted.link or entry.link,
            announced_at=min(entry.published or now, now),
            first_seen=now,
            tagline=spotted.tagline,
            category=spotted.category,
            version=spotted.version,
            entry_price=spotted.entry_price,
            score=1.0,
            reasons=(f"{self.by} says so",),
            entries=((entry.feed, entry.id),),
        )
        with writing(self.engine) as session:
            keep(session, [launch], now)
            session.exec(update(LaunchRow).where(col(LaunchRow.id) == launch.id).values(rejected=False))
            self._log(session, launch, "accept", entry_key(entry.feed, entry.id), now)
        return self.find(launch.id)

    def merge(self, launch: Launch, into: Launch, now: datetime) -> bool:
        """Say that two launches are one: the entries of the first go to the second, now and later.

        Returns:
            Whether they are of one tool now: a tool that has reviews or other launches stays one of its own.

        Raises:
            SettingsError: It is the same launch, or the second was itself merged away.
        """
        with writing(self.engine) as session:
            target = session.get_one(LaunchRow, into.id)
            if launch.id == into.id or target.merged_into:
                raise SettingsError(f"{launch.id} cannot be merged into {into.id}: that one is not a launch of its own")
            gone = (col(LaunchRow.id) == launch.id) | (col(LaunchRow.merged_into) == launch.id)
            session.exec(update(LaunchRow).where(gone).values(merged_into=into.id))
            _move(session, launch.entries, launch.id, into.id)
            alone = launch.tool_slug != into.tool_slug and self._is_alone(session, launch)
            if alone:
                _alias(session, launch.tool_slug, into.tool_slug)
            self._log(session, launch, "merge", into.id, now)
        return alone or launch.tool_slug == into.tool_slug

    def split(self, launch: Launch, entry: Entry, tool: str, now: datetime, more: Sequence[Entry] = ()) -> Launch:
        """Say that one entry of a launch announces another one, and `more` of them the same; some entry stays.

        `tool` names what they announce, "" keeps the launch's.

        Raises:
            SettingsError: The launch does not have one of the entries, or has no other.
        """
        keys = [(one.feed, one.id) for one in (entry, *more)]
        if wrong := [key for key in keys if key not in launch.entries] or keys[len(launch.entries) - 1 :]:
            allowed = "an entry that is one of several of this launch"
            raise SettingsError(f"{launch.id}: found {wrong[0][1]!r} of {wrong[0][0]}; allowed: {allowed}")
        name = tool or launch.tool_name
        _slug(name)
        own = replace(
            launch,
            id=_id(entry, name, "split"),
            tool_name=name,
            tool_slug=slugify(name) if tool else launch.tool_slug,
            title=entry.title,
            link=entry.link,
            entries=(),
        )
        with writing(self.engine) as session:
            keep(session, [own], now)
            _move(session, keys, launch.id, own.id)
            for key in keys:
                self._log(session, launch, "split", entry_key(*key), now)
        return self.find(own.id)

    def rename(self, launch: Launch, name: str, now: datetime) -> Launch:
        """Say what the tool of a launch is called; a tool of that name that is known already is that tool.

        Raises:
            SettingsError: The name has no letter or digit.
        """
        name, slug = " ".join(name.split()), _slug(name)
        with writing(self.engine) as session:
            old = session.get_one(ToolRow, launch.tool_slug)
            if session.get(ToolRow, slug) is None:
                session.add(ToolRow(**old.model_dump() | {"slug": slug, "name": name, "tags": list(old.tags)}))
                session.flush()
            elif slug == old.slug:
                old.name = name
            if slug != old.slug and not _reviewed(session, old.slug):
                mine = col(LaunchRow.tool_slug) == old.slug
                _alias(session, old.slug, slug)
            else:
                mine = col(LaunchRow.id) == launch.id
            if (alias := session.get(ToolAliasRow, slug)) is not None:  # the tool of this name is one of its own again
                session.delete(alias)
            session.exec(update(LaunchRow).where(mine).values(tool_slug=slug, tool_name=name))
            self._log(session, launch, "rename", name, now)
        return self.find(launch.id)

    def categorise(self, launch: Launch, category: str, now: datetime) -> None:
        """Say which category a launch's tool belongs to; its launches, also later ones, follow.

        Raises:
            SettingsError: There is no such category.
        """
        if category not in CATEGORIES:
            raise SettingsError(f"category: found {category!r}; allowed: {', '.join(CATEGORIES)}")
        with writing(self.engine) as session:
            tool = update(ToolRow).where(col(ToolRow.slug) == launch.tool_slug)
            session.exec(tool.values(category=category, category_set=True))
            launches = update(LaunchRow).where(col(LaunchRow.tool_slug) == launch.tool_slug)
            session.exec(launches.values(category=category))
            self._log(session, launch, "category", category, now)

    def _of(self, entry: Entry) -> Launch | None:
        """Give the launch an entry belongs to, the first of several."""
        statement = select(LaunchEntryRow.launch_id).where(
            LaunchEntryRow.feed == entry.feed, LaunchEntryRow.entry_id == entry.id
        )
        with reading(self.engine) as session:
            found = session.exec(statement.order_by(col(LaunchEntryRow.launch_id)).limit(1)).first()
        return self.find(found) if found else None

    def _set(self, launch: Launch, what: str, now: datetime, *, rejected: bool) -> None:
        with writing(self.engine) as session:
            session.exec(update(LaunchRow).where(col(LaunchRow.id) == launch.id).values(rejected=rejected))
            self._log(session, launch, what, "", now)

    def _log(self, session: Session, launch: Launch, what: str, value: str, now: datetime) -> None:
        session.add(DecisionRow(at=now, by=self.by, what=what, launch_id=launch.id, value=value))

    @staticmethod
    def _is_alone(session: Session, launch: Launch) -> bool:
        """Tell whether a tool is known from this launch only, and nobody reviewed it."""
        others = select(func.count()).select_from(LaunchRow)
        others = others.where(
            LaunchRow.tool_slug == launch.tool_slug, LaunchRow.id != launch.id, col(LaunchRow.merged_into).is_(None)
        )
        return not session.exec(others).one() and not _reviewed(session, launch.tool_slug)


def _id(entry: Entry, *words: str) -> str:
    seed = "\n".join((entry.feed, entry.id, *words))
    return hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:16]


def _slug(name: str) -> str:
    if not (slug := slugify(name)):
        raise SettingsError(f"name: found {name!r}; allowed: a name with letters or digits")
    return slug


def _keys(session: Session, launch: str) -> list[tuple[str, str]]:
    statement = select(LaunchEntryRow.feed, LaunchEntryRow.entry_id).where(LaunchEntryRow.launch_id == launch)
    return [(feed, entry) for feed, entry in session.exec(statement.order_by(col(LaunchEntryRow.position)))]


def _move(session: Session, keys: Sequence[tuple[str, str]], source: str, target: str) -> None:
    """Let entries belong to another launch, behind those it has."""
    start = len(_keys(session, target))
    rows = [
        {"feed": feed, "entry_id": entry, "launch_id": target, "position": start + number}
        for number, (feed, entry) in enumerate(keys)
    ]
    insert_ignore(session, LaunchEntryRow, rows)
    for feed, entry in keys:
        if (row := session.get(LaunchEntryRow, (feed, entry, source))) is not None:
            session.delete(row)
    session.flush()


def _reviewed(session: Session, tool: str) -> bool:
    return session.exec(select(ReviewRow.tool).where(ReviewRow.tool == tool).limit(1)).first() is not None


def _alias(session: Session, slug: str, tool: str) -> None:
    """Let a slug mean another tool from now on, also where it came from one that meant it before."""
    session.exec(update(ToolAliasRow).where(col(ToolAliasRow.tool_slug) == slug).values(tool_slug=tool))
    session.exec(update(ToolAliasRow).where(col(ToolAliasRow.slug) == slug).values(tool_slug=tool))
    insert_ignore(session, ToolAliasRow, [{"slug": slug, "tool_slug": tool}])
    if (back := session.get(ToolAliasRow, tool)) is not None:  # the tool has its old name again
        session.delete(back)
