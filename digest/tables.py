"""What the core keeps: tools, launches, reviews and editions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from digest.database import UtcDateTime


class ToolRow(SQLModel, table=True):
    """A product; known from a launch until the panel's file says more."""

    __tablename__: ClassVar[Any] = "tools"

    slug: str = Field(primary_key=True)
    name: str
    vendor: str = ""
    tagline: str = Field(default="", sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    category: str = "Other"
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    entry_price: str = ""
    price_checked_on: date | None = None
    open_source: bool | None = None
    url: str = Field(default="", sa_type=Text)
    category_set: bool = False
    added_at: datetime = Field(sa_type=UtcDateTime)


class LaunchRow(SQLModel, table=True):
    """The announcement of a tool; its entries stand in `launch_entries`."""

    __tablename__: ClassVar[Any] = "launches"
    __table_args__ = (
        # All that ranking a week's launches asks; and next to none is part of another, so only those are listed.
        Index("launches_of_week", "first_seen", "merged_into", "rejected", "tool_slug", "score", "announced_at", "id"),
        Index(
            "launches_merged", "merged_into",
            sqlite_where=text("merged_into IS NOT NULL"), postgresql_where=text("merged_into IS NOT NULL"),
        ),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    tool_slug: str = Field(foreign_key="tools.slug", index=True)
    tool_name: str
    title: str = Field(sa_type=Text)
    link: str = Field(sa_type=Text)
    announced_at: datetime = Field(sa_type=UtcDateTime)
    first_seen: datetime = Field(sa_type=UtcDateTime)
    tagline: str = Field(default="", sa_type=Text)
    category: str = "Other"
    version: str = ""
    entry_price: str = ""
    score: float = 0.0
    reasons: list[str] = Field(default_factory=list, sa_type=JSON)
    rejected: bool = False
    merged_into: str | None = Field(default=None, foreign_key="launches.id")


class ToolAliasRow(SQLModel, table=True):
    """A slug a tool once had, or that spotting gives it, and the slug of the tool an editor says it is."""

    __tablename__: ClassVar[Any] = "tool_aliases"

    slug: str = Field(primary_key=True)
    tool_slug: str = Field(foreign_key="tools.slug", index=True)


class DecisionRow(SQLModel, table=True):
    """An editor's word on a launch, as it was given; rows are only ever added, or go when the word is taken back."""

    __tablename__: ClassVar[Any] = "decisions"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    what: str
    launch_id: str = Field(foreign_key="launches.id", index=True)
    value: str = Field(default="", sa_type=Text)


class LaunchEntryRow(SQLModel, table=True):
    """An entry that carries a launch; the entry itself lives in sources."""

    __tablename__: ClassVar[Any] = "launch_entries"
    __table_args__ = (Index("launch_entries_feeds", "launch_id", "feed"),)  # which feeds carried it

    feed: str = Field(primary_key=True)
    entry_id: str = Field(primary_key=True)
    launch_id: str = Field(sa_column=Column(ForeignKey("launches.id"), primary_key=True))
    position: int


class ReviewRow(SQLModel, table=True):
    """One version of one reviewer's call on a tool; the highest version counts, none is ever changed."""

    __tablename__: ClassVar[Any] = "reviews"
    __table_args__ = (CheckConstraint("call IN ('ship', 'skip')", name="review_call"),)

    tool: str = Field(foreign_key="tools.slug", primary_key=True)
    reviewer: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    call: str
    quote: str = Field(sa_type=Text)
    reviewed_on: date
    recorded_at: datetime = Field(sa_type=UtcDateTime, index=True)


class EditionRow(SQLModel, table=True):
    """One ISO week's digest. `content` is the Edition as JSON; html, text and sha256 are frozen at approval.

    `planned_at` is when it was settled whom it goes to, also where that is nobody; without it nothing of it is over.
    `revision` counts every change of the content. `made_with` is what else the frozen bytes were made from: the site's
    data, the version of the program and the fingerprint of the templates. Triggers (see the migrations) let the state
    only go where it may, and keep what was approved as it is.
    """

    __tablename__: ClassVar[Any] = "editions"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'approved', 'sending', 'sent', 'skipped')", name="edition_state"),
        CheckConstraint("state <> 'skipped' OR reason <> ''", name="edition_skip_reason"),
        CheckConstraint("state IN ('draft', 'skipped') OR sha256 <> ''", name="edition_frozen"),
        Index("editions_public", "state", "week", "sha256"),  # all that a page asks before it shows one it knows
    )

    week: str = Field(primary_key=True)
    state: str
    reason: str = Field(default="", sa_type=Text)
    held: str | None = Field(default=None, sa_type=Text)
    content: dict[str, Any] = Field(sa_type=JSON)
    revision: int = 1
    edited: bool = False
    edited_by: str = ""
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime = Field(sa_type=UtcDateTime)
    subject: str = Field(default="", sa_type=Text)
    html: str = Field(default="", sa_type=Text)
    text: str = Field(default="", sa_type=Text)
    sha256: str = ""
    made_with: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    approved_by: str = ""
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TemplatesRow(SQLModel, table=True):
    """The email templates that an approved edition was rendered with, kept once under their fingerprint."""

    __tablename__: ClassVar[Any] = "email_templates"

    fingerprint: str = Field(primary_key=True)
    files: dict[str, str] = Field(sa_type=JSON)


class MatchupRow(SQLModel, table=True):
    """Which two tools met in which edition: what pairing looks back on."""

    __tablename__: ClassVar[Any] = "matchups"
    __table_args__ = (Index("matchups_pair", "a", "b"),)

    week: str = Field(foreign_key="editions.week", primary_key=True)
    position: int = Field(primary_key=True)
    a: str
    b: str
    category: str
    score: float


class PairWordRow(SQLModel, table=True):
    """An editor's word on a pair or a tool, for one week or (week "") for good; the newest counts, none is changed."""

    __tablename__: ClassVar[Any] = "pair_words"
    __table_args__ = (CheckConstraint("word IN ('pin', 'veto', 'free')", name="pair_word"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    week: str = Field(default="", index=True)
    word: str
    a: str
    b: str = ""


class ChangeRow(SQLModel, table=True):
    """What an editor changed, in words, with what of the touched rows is another since; rows are only ever added.

    `images` are of those rows, see digest/undoing.py; `undoes` names the change that this one takes back, which happens
    once. `revision` is that of the week's edition afterwards.
    """

    __tablename__: ClassVar[Any] = "changes"
    __table_args__ = (CheckConstraint("kind IN ('change', 'undo', 'redo')", name="change_kind"),)

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str
    week: str = Field(default="", index=True)
    kind: str = "change"
    said: str = Field(sa_type=Text)
    undoes: int | None = Field(default=None, foreign_key="changes.id", unique=True)
    revision: int | None = None
    images: list[dict[str, Any]] = Field(sa_type=JSON)
