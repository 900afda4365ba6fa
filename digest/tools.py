"""Look tools up by any name they ever had, tell their history, and edit them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, or_, update
from sqlmodel import Session, col, select

from digest.database import in_chunks, insert_ignore, reading, writing
from digest.errors import SettingsError
from digest.model import Launch, Review, Tool, slugify
from digest.store import launch_of, review_of, tool_of
from digest.tables import EditionRow, LaunchEntryRow, LaunchRow, MatchupRow, ReviewRow, ToolAliasRow, ToolRow


@dataclass(frozen=True, slots=True)
class Appearance:
    """A tool in an edition, with the slug of the tool it met."""

    week: str
    state: str
    against: str


class Tools:
    """What is kept of tools. Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def meant(self, slugs: Collection[str]) -> dict[str, str]:
        """Give, for the slugs that mean a tool of another slug, which that is."""
        with reading(self.engine) as session:
            return {
                alias: slug
                for some in in_chunks(sorted(slugs))
                for alias, slug in session.exec(
                    select(ToolAliasRow.slug, ToolAliasRow.tool_slug).where(col(ToolAliasRow.slug).in_(some))
                )
            }

    def known(self, slug: str) -> Tool | None:
        """Give a tool by its slug, or by one that means it; None when there is none."""
        with reading(self.engine) as session:
            row = _row(session, slug)
            return tool_of(row) if row else None

    def find(self, slug: str) -> Tool:
        """Find a tool by its slug, or by one that means it.

        Raises:
            SettingsError: There is none; the text names those that are nearly called so.
        """
        if (tool := self.known(slug)) is not None:
            return tool
        with reading(self.engine) as session:
            known = [*session.exec(select(ToolRow.slug)), *session.exec(select(ToolAliasRow.slug))]
        wanted = slugify(slug)
        near = [one for one in sorted(known) if wanted and wanted in one][:5]
        near = near or difflib.get_close_matches(wanted, known, n=5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise SettingsError(f"tool: found {slug!r}; allowed: a slug as `verdicts tools list` shows it{hint}")

    def all(self, category: str | None = None) -> list[Tool]:
        """Give every tool, or those of a category, by slug; what was renamed or merged away is left out."""
        renamed = col(ToolRow.slug).in_(select(ToolAliasRow.slug))
        statement = select(ToolRow).where(~renamed).order_by(ToolRow.slug)
        if category is not None:
            statement = statement.where(ToolRow.category == category)
        columns = [getattr(ToolRow, field.name) for field in fields(Tool)]
        with reading(
            self.engine
        ) as session:  # rows as values: objects of a hundred thousand tools take three times as long
            rows = session.connection().execute(statement.with_only_columns(*columns))
            return [Tool(**{**row._mapping, "tags": tuple(row.tags)}) for row in rows]

    def reviewed(self) -> list[Tool]:
        """Give the tools that anybody ever reviewed, by slug."""
        statement = select(ToolRow).where(col(ToolRow.slug).in_(select(ReviewRow.tool))).order_by(ToolRow.slug)
        with reading(self.engine) as session:
            return [tool_of(row) for row in session.exec(statement)]

    def aliases(self, slug: str) -> list[str]:
        """Give the other slugs that mean a tool."""
        statement = select(ToolAliasRow.slug).where(ToolAliasRow.tool_slug == slug)
        with reading(self.engine) as session:
            return sorted(session.exec(statement))

    def history(self, slug: str) -> list[tuple[Review, datetime]]:
        """Give every version of every review of a tool with when it was recorded, by reviewer, oldest first."""
        statement = select(ReviewRow).where(ReviewRow.tool == slug)
        with reading(self.engine) as session:
            rows = session.exec(statement.order_by(ReviewRow.reviewer, col(ReviewRow.version)))
            return [(review_of(row), row.recorded_at) for row in rows]

    def launches(self, slug: str) -> list[Launch]:
        """Give a tool's launches that an editor neither rejected nor merged away, newest first."""
        mine = select(LaunchRow).where(
            LaunchRow.tool_slug == slug, col(LaunchRow.rejected).is_(False), col(LaunchRow.merged_into).is_(None)
        )
        with reading(self.engine) as session:
            rows = session.exec(mine.order_by(col(LaunchRow.announced_at).desc(), LaunchRow.id)).all()
            keys = select(LaunchEntryRow).where(col(LaunchEntryRow.launch_id).in_([row.id for row in rows]))
            entries: dict[str, list[tuple[str, str]]] = {}
            for one in session.exec(keys.order_by(col(LaunchEntryRow.position), LaunchEntryRow.feed)):
                entries.setdefault(one.launch_id, []).append((one.feed, one.entry_id))
            return [launch_of(row, entries.get(row.id, ())) for row in rows]

    def appearances(self, slug: str) -> list[Appearance]:
        """Give the editions a tool stands in, newest first; skipped ones are left out."""
        statement = (
            select(MatchupRow, EditionRow.state)
            .join(EditionRow, col(EditionRow.week) == col(MatchupRow.week))
            .where(or_(col(MatchupRow.a) == slug, col(MatchupRow.b) == slug), EditionRow.state != "skipped")
            .order_by(col(MatchupRow.week).desc())
        )
        with reading(self.engine) as session:
            return [
                Appearance(row.week, state, row.b if row.a == slug else row.a) for row, state in session.exec(statement)
            ]

    def edit(self, slug: str, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Change fields of a tool; gives those that were another before, each with before and after.

        The slug stays, so that links keep working; what is launched under a new name from now on is of this tool. A
        category is an editor's word: no launch or review file changes it later, and the tool's launches follow.

        Raises:
            SettingsError: There is no such tool, or another tool has the new name.
        """
        tool = self.find(slug)
        changed = {name: (getattr(tool, name), value) for name, value in values.items() if getattr(tool, name) != value}
        with writing(self.engine) as session:
            row = session.get_one(ToolRow, tool.slug)
            if "name" in changed:
                _also_called(session, tool, values["name"])
            if "category" in values:
                row.category_set = True
                launches = update(LaunchRow).where(col(LaunchRow.tool_slug) == tool.slug)
                session.exec(launches.values(category=values["category"]))
            for name, (_, value) in changed.items():
                setattr(row, name, list(value) if name == "tags" else value)
            session.add(row)
        return changed


def _row(session: Session, slug: str) -> ToolRow | None:
    alias = session.get(ToolAliasRow, slug)  # first: of a renamed tool the row of the old slug stays
    return session.get(ToolRow, alias.tool_slug if alias else slug)


def _also_called(session: Session, tool: Tool, name: str) -> None:
    """Let the slug of a new name mean this tool too."""
    slug = slugify(name)
    other = _row(session, slug) if slug else None
    if not slug or (other is not None and other.slug != tool.slug):
        taken = f"that is {other.slug}" if other else ""
        allowed = "a name no other tool has" if other else "a name with letters or digits"
        raise SettingsError(f"--name: found {name!r}{f' ({taken})' if taken else ''}; allowed: {allowed}")
    before = session.get(ToolAliasRow, slugify(tool.name))
    if before is not None and session.get(ToolRow, before.slug) is None:  # it only stood for the name taken back now
        session.delete(before)
        session.flush()
    if slug != tool.slug:
        insert_ignore(session, ToolAliasRow, [{"slug": slug, "tool_slug": tool.slug}])
