"""What is kept of feeds and their entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from digest.database import UtcDateTime


class FeedMemory(SQLModel, table=True):
    """What one poll leaves for the next; `url` is the address the catalog gave when it was written."""

    __tablename__: ClassVar[Any] = "feeds"

    name: str = Field(primary_key=True)
    url: str
    etag: str = ""
    last_modified: str = ""
    hint_s: int | None = None
    next_poll_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_try_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_success_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_polled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error_streak: int = 0
    reason: str = ""
    moved_url: str = ""
    moved_target: str = ""
    moved_count: int = 0
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class EntryRow(SQLModel, table=True):
    """One entry, under the first id its feed gave it.

    A muted one is known but never announced. `spotted_at` is None until launches were looked for in it. The keys
    recognise it under another id: hashes of link and title without what changes from poll to poll.
    """

    __tablename__: ClassVar[Any] = "entries"
    __table_args__: ClassVar[Any] = (
        Index("entries_by_link", "feed", "link_key"),
        Index("entries_by_title", "feed", "title_key"),
        Index("entries_by_first_seen", "first_seen"),
        Index("entries_to_spot", "spotted_at", "muted"),
    )

    feed: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    link: str
    title: str
    summary: str = ""
    published: datetime | None = Field(default=None, sa_type=UtcDateTime)
    first_seen: datetime = Field(sa_type=UtcDateTime)
    muted: bool = False
    spotted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    link_key: str = ""
    title_key: str
