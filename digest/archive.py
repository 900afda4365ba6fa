"""What anybody may know: public editions, the names their tools have had, and the tools as they are now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy
from sqlalchemy import Engine
from sqlmodel import col, select

from digest.database import in_chunks, reading
from digest.editions import PUBLIC, edition_format
from digest.model import Edition, Message, Tool
from digest.tables import EditionRow, ToolAliasRow, ToolRow


@dataclass(frozen=True, slots=True)
class Issue:
    """A public edition without the bytes that were mailed; `public_at` is when it was approved, UTC."""

    edition: Edition
    subject: str
    sha256: str
    public_at: datetime

    @property
    def week(self) -> str:
        """The ISO week that is its key."""
        return self.edition.week


class Archive:
    """Reads what is public. Every method is one transaction, and raises DatabaseError where the database fails it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def state(self) -> tuple[dict[str, str], dict[str, str]]:
        """Give the sha-256 of every public edition by week, and the present slug of a tool by each other one.

        While this stays the same, so does all that pages list.
        """
        weeks = select(EditionRow.week, EditionRow.sha256).where(col(EditionRow.state).in_(PUBLIC))
        aliases = select(ToolAliasRow.slug, ToolAliasRow.tool_slug)
        with reading(self.engine) as session:
            connection = session.connection()
            return dict(connection.execute(weeks).tuples().all()), dict(connection.execute(aliases).tuples().all())

    def issues(self, weeks: Collection[str]) -> list[Issue]:
        """Give public editions of these weeks; one that is public no longer is left out."""
        columns = (EditionRow.content, EditionRow.subject, EditionRow.sha256, EditionRow.approved_at)
        public = sqlalchemy.select(*map(col, columns)).where(col(EditionRow.state).in_(PUBLIC))
        read = edition_format().validate_python
        with reading(self.engine) as session:
            return [
                Issue(read(content), *others)
                for some in in_chunks(sorted(weeks), 50)
                for content, *others in session.connection().execute(public.where(col(EditionRow.week).in_(some)))
            ]

    def message(self, week: str) -> tuple[Message, str] | None:
        """Give the bytes of a public edition with their sha-256; None when there is none in that week."""
        columns = (EditionRow.subject, EditionRow.html, EditionRow.text, EditionRow.sha256)
        public = select(*columns).where(EditionRow.week == week, col(EditionRow.state).in_(PUBLIC))
        with reading(self.engine) as session:
            row = session.exec(public).first()
            return (Message(week, row[0], row[1], row[2]), row[3]) if row else None

    def tools(self, slugs: Collection[str]) -> dict[str, Tool]:
        """Give tools as they are now by their present slugs; those nobody knows are left out."""
        with reading(self.engine) as session:
            connection = session.connection()
            return {
                row["slug"]: Tool(**{**row, "tags": tuple(row["tags"])})
                for some in in_chunks(sorted(slugs))
                for row in connection.execute(_TOOLS, {"slugs": some}).mappings()
            }


#: A tool's columns by slug; written once, as every page of a tool asks this.
_TOOLS = sqlalchemy.select(*(getattr(ToolRow, field.name) for field in fields(Tool))).where(
    col(ToolRow.slug).in_(sqlalchemy.bindparam("slugs", expanding=True))
)
