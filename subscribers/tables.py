"""Who reads, what they asked for, and what was sent to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from digest.database import UtcDateTime

#: Why an address may be suppressed that is not the person's wish: mail to it harms all other mail of ours, so only
#: `subscribers allow` lifts it. Source: DESIGN, rule 2.
HARMFUL = ("hard bounce", "complaint")


class SubscriberRow(SQLModel, table=True):
    """An address and its state. `address_hash` is the folded address under the suppression key, see addressing.

    `asked_at` is there while a sign-up waits to be confirmed; `moving_to` is an address the reader wants instead, until
    it is confirmed there.
    """

    __tablename__: ClassVar[Any] = "subscribers"
    __table_args__ = (
        CheckConstraint("state IN ('unconfirmed', 'confirmed', 'unsubscribed')", name="subscriber_state"),
        # In the order of ids: a batch's readers then stand side by side, and not on a page of the file each.
        {"sqlite_with_rowid": False},
    )

    id: str = Field(primary_key=True)
    email: str
    folded: str = Field(unique=True)
    address_hash: str = Field(unique=True)
    name: str = ""
    state: str
    paused_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    asked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    moving_to: str = ""


class ConsentRow(SQLModel, table=True):
    """Proof that someone asked, or took it back; rows are only ever added, and go only with the whole subscriber.

    `source` says how, `network` from where (as far as settings keep it); `wording` is what the person read, with its
    version, where they agreed to something.
    """

    __tablename__: ClassVar[Any] = "consents"

    id: int | None = Field(default=None, primary_key=True)
    subscriber_id: str = Field(index=True)
    what: str
    at: datetime = Field(sa_type=UtcDateTime)
    source: str = Field(default="", sa_type=Text)
    network: str = ""
    wording: str = Field(default="", sa_type=Text)
    wording_version: str = ""


class SuppressionRow(SQLModel, table=True):
    """An address not to mail, as a hash only.

    `soft` marks a hard bounce that nobody reported: the mailbox only turned away one edition after the other.
    """

    __tablename__: ClassVar[Any] = "suppressions"
    __table_args__ = (
        CheckConstraint("why IN ('hard bounce', 'complaint', 'request', 'erasure')", name="suppression_why"),
    )

    address_hash: str = Field(primary_key=True)
    why: str
    at: datetime = Field(sa_type=UtcDateTime)
    soft: bool = False


class LimitRow(SQLModel, table=True):
    """How often something was done since a moment; `what` names it by a keyed hash of whom it concerns."""

    __tablename__: ClassVar[Any] = "limits"

    what: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime, index=True)
    count: int


class NoticeRow(SQLModel, table=True):
    """One letter outside the editions, queued in the transaction of its cause.

    It goes to `email`, or where that is empty to the subscriber's own address as it is when it is sent. `once` is a key
    under which no second one is queued; `key` is fresh for each claim, `account` is whose call it is.
    """

    __tablename__: ClassVar[Any] = "notices"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'claimed', 'accepted', 'refused', 'unknown', 'dropped')", name="notice_state"
        ),
        Index("notices_waiting", "state", "due_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subscriber_id: str = Field(default="", index=True)
    email: str = ""
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    once: str | None = Field(default=None, unique=True)
    state: str = "queued"
    queued_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    key: str | None = Field(default=None, unique=True)
    account: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = Field(default="", sa_type=Text)


class VoteRow(SQLModel, table=True):
    """A reader's ship or skip; the last one counts."""

    __tablename__: ClassVar[Any] = "votes"
    __table_args__ = (CheckConstraint("call IN ('ship', 'skip')", name="vote_call"),)

    tool: str = Field(primary_key=True)
    subscriber_id: str = Field(primary_key=True, index=True)
    call: str
    at: datetime = Field(sa_type=UtcDateTime)


class BatchRow(SQLModel, table=True):
    """Up to 1,000 deliveries handed over in one call; `key` is fresh for each claim, `account` is whose call it is.

    `seen_at` is when an event first proved this call or an earlier one: what its process believes later no longer
    counts.
    """

    __tablename__: ClassVar[Any] = "batches"
    __table_args__ = (
        CheckConstraint(
            "state IN ('planned', 'claimed', 'accepted', 'refused', 'unknown', 'given_up')", name="batch_state"
        ),
        Index("batches_state", "week", "state"),
    )

    week: str = Field(foreign_key="editions.week", primary_key=True)
    number: int = Field(primary_key=True)
    state: str
    size: int
    planned_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    attempts: int = 0
    key: str | None = Field(default=None, unique=True)
    account: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    message_id: str = ""
    reason: str = Field(default="", sa_type=Text)


class EarlierCallRow(SQLModel, table=True):
    """A call that was in doubt when its batch, or the one it was parted from, was planned again.

    An event may still prove it.
    """

    __tablename__: ClassVar[Any] = "earlier_calls"
    __table_args__ = (Index("earlier_calls_batch", "week", "number"),)

    key: str = Field(primary_key=True)
    week: str = Field(primary_key=True)
    number: int = Field(primary_key=True)


class PaceRow(SQLModel, table=True):
    """What may leave when: `hour` and `day` count letters since `at`; before `pause` `account` takes no call."""

    __tablename__: ClassVar[Any] = "pace"
    __table_args__ = (CheckConstraint("name IN ('hour', 'day', 'pause')", name="pace_name"),)

    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    count: int = 0
    account: str = ""
    reason: str = Field(default="", sa_type=Text)


class DeliveryRow(SQLModel, table=True):
    """One edition to one subscriber; `state` is set only where it differs from its batch's.

    That its week has an edition is asked of its batch only: asked of each row it takes as long as planning itself.
    """

    __tablename__: ClassVar[Any] = "deliveries"
    __table_args__ = (
        CheckConstraint(
            "state IS NULL OR state IN ('accepted', 'refused', 'dropped', 'unknown', 'given_up')", name="delivery_state"
        ),
        # Covers what a claim reads, in its order: else SQLite looks through a whole edition for each batch of it.
        Index("deliveries_batch", "week", "batch", "subscriber_id", "state"),
        # Holds only the few that differ, so that a million others are not looked through to count these.
        Index(
            "deliveries_apart", "week", "state", "batch", sqlite_where=text("state IS NOT NULL"),
            postgresql_where=text("state IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )  # fmt: skip

    week: str = Field(primary_key=True)
    subscriber_id: str = Field(primary_key=True)
    batch: int
    state: str | None = None
    reason: str = Field(default="", sa_type=Text)


class EventPostRow(SQLModel, table=True):
    """What a provider told of many letters at once, as it came; kept until it is applied, as it holds addresses.

    `strays` counts the events in it that belong to no letter of ours.
    """

    __tablename__: ClassVar[Any] = "event_posts"

    id: int | None = Field(default=None, primary_key=True)
    sender: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    body: bytes
    applied_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    events: int = 0
    strays: int = 0
    reason: str = Field(default="", sa_type=Text)


class EventRow(SQLModel, table=True):
    """What happened to a letter after it was accepted: of each kind once, when it happened first.

    `week` is `letter-N` for letters outside the editions, and "erased" for what is only counted any more: votes and
    farewells of readers who are gone, under names that lead to nobody. `about` says where a click led, why the provider
    dropped a letter, or which tool a vote was for, and numbers farewells; else it is "".
    """

    __tablename__: ClassVar[Any] = "events"
    __table_args__ = (
        Index("events_reader", "subscriber_id", "kind"),
        # Holds all that is asked of clicks, in the order it is asked for; other kinds are counted as they come.
        Index(
            "events_clicks", "week", "subscriber_id", "at", "about", sqlite_where=text("kind = 'click'"),
            postgresql_where=text("kind = 'click'"),
        ),
    )  # fmt: skip

    week: str = Field(primary_key=True)
    subscriber_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    about: str = Field(default="", primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    reason: str = Field(default="", sa_type=Text)


class TallyRow(SQLModel, table=True):
    """How many letters of an edition stand how, by the worst event of each, and how many were opened: see outcomes."""

    __tablename__: ClassVar[Any] = "tallies"

    week: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    letters: int
