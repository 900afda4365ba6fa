"""What the database counts, for Prometheus: editions, deliveries, feeds, readers, letters, and what was done when."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from digest.database import in_chunks, reading
from digest.errors import DatabaseError
from digest.tables import EditionRow
from pages.rooms import Rooms
from sources.tables import FeedMemory
from subscribers.counted import counts_of, in_doubt
from subscribers.pacing import Pace
from subscribers.progress import progress
from subscribers.tables import BatchRow, EventPostRow, NoticeRow, SubscriberRow, SuppressionRow

#: Figures that the database counts are at most so old, in seconds.
COUNTED_FOR_S = 10.0

#: What is counted by one column: name, what it is, how.
_GROUPED: tuple[tuple[str, str, str, Any], ...] = (
    ("editions", "Editions by state.", "state",
     select(EditionRow.state, func.count()).group_by(EditionRow.state)),
    ("subscribers", "Subscribers by state.", "state",
     select(SubscriberRow.state, func.count()).group_by(SubscriberRow.state)),
    ("notices", "Letters outside the editions by state.", "state",
     select(NoticeRow.state, func.count()).group_by(NoticeRow.state)),
    ("letters", "Letters of editions by the state of their batch.", "state",
     select(BatchRow.state, func.sum(BatchRow.size)).group_by(BatchRow.state)),
    ("suppressions", "Addresses that are not mailed, by reason.", "why",
     select(SuppressionRow.why, func.count()).group_by(SuppressionRow.why)),
)  # fmt: skip

#: When something was done last, as rows tell.
_LAST: Mapping[str, Any] = {
    "gather": select(func.max(FeedMemory.last_try_at)),
    "feed read": select(func.max(FeedMemory.last_success_at)),
    "compose": select(func.max(EditionRow.until)),
    "send": select(func.max(EditionRow.sent_at)),
    "letter": select(func.max(NoticeRow.settled_at)).where(NoticeRow.state == "accepted"),
    "event": select(func.max(EventPostRow.applied_at)),
}


class Counted(Collector):
    """What the database counts; at most COUNTED_FOR_S old, and nothing but that it is down while it does not answer."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms, self._lock = rooms, Lock()
        self._figures: list[GaugeMetricFamily] = []
        self._counted_at: float | None = None

    def collect(self) -> list[GaugeMetricFamily]:
        """Give the figures."""
        with self._lock:
            if self._counted_at is None or time.monotonic() - self._counted_at >= COUNTED_FOR_S:
                self._figures = self._count()
                self._counted_at = time.monotonic()
            return self._figures

    def _count(self) -> list[GaugeMetricFamily]:
        up = GaugeMetricFamily("verdicts_database_up", "Whether the database answers.")
        try:
            figures = [*_figures(self._rooms)]
        except (SQLAlchemyError, DatabaseError):  # what is missing is told by the figure that says so
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return [up, *figures]


def _figures(rooms: Rooms) -> Iterator[GaugeMetricFamily]:
    engine, now = rooms.editions.engine, rooms.clock()
    with reading(engine) as session:
        for name, help_, label, statement in _GROUPED:
            yield _family(name, help_, label, dict(session.exec(statement).all()))
        yield _family("last_timestamp_seconds", "When each step was done last, in Unix time.", "step", {
            step: at.timestamp() for step, asked in _LAST.items() if (at := session.exec(asked).one()) is not None
        })  # fmt: skip
        yield _family("feeds", "Feeds watched, by how they do.", "outcome", _feeds(session, [*rooms.watched()]))
        yield from _waiting(session, now)
    yield _one(
        "unknown_deliveries", "Letters of editions of which nobody knows whether they went out.", in_doubt(engine)
    )
    yield from _newest(engine, now)


def _newest(engine: Engine, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Tell how the newest edition that was begun goes out."""
    with reading(engine) as session:
        week = session.exec(select(func.max(BatchRow.week))).one()
        counts = counts_of(session, week) if week else None
    names = ("accepted", "refused", "dropped", "unknown", "given_up", "waiting", "delivered", "bounced", "complained")
    states = {name: getattr(counts, name) for name in names} if counts else {}
    yield _family("newest_deliveries", "Deliveries of the newest edition that was begun, by state.", "state", states)
    rate = progress(engine, week, now, Pace()).a_second if week else None
    yield _one(
        "send_rate", "Letters of that edition that found their outcome in the last minute, a second.", rate or 0.0
    )


def _waiting(session: Session, now: datetime) -> Iterator[GaugeMetricFamily]:
    oldest = session.exec(select(func.min(NoticeRow.queued_at)).where(col(NoticeRow.state) == "queued")).one()
    yield _one("oldest_notice_seconds", "How long the oldest waiting letter has waited.", _age(oldest, now))
    posts = select(func.count(), func.min(EventPostRow.received_at)).where(col(EventPostRow.applied_at).is_(None))
    many, since = session.exec(posts).one()
    yield _one("event_posts_waiting", "Posts of the mail provider that wait to be applied.", many)
    yield _one("oldest_event_post_seconds", "How long the oldest of them has waited.", _age(since, now))


def _feeds(session: Session, names: list[str]) -> dict[str, int]:
    known = {}
    for some in in_chunks(names):
        columns = select(FeedMemory.name, FeedMemory.error_streak, FeedMemory.retired_at, FeedMemory.last_try_at)
        known.update({row[0]: row[1:] for row in session.exec(columns.where(col(FeedMemory.name).in_(some)))})
    found = dict.fromkeys(("good", "failing", "gone", "never asked"), 0)
    for name in names:
        streak, retired, tried = known.get(name, (0, None, None))
        outcome = "gone" if retired else "failing" if streak else "good" if tried else "never asked"
        found[outcome] += 1
    return found


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _one(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"verdicts_{name}", help_, value=float(value))


def _family(name: str, help_: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"verdicts_{name}", help_, labels=(label,))
    for which, value in values.items():
        family.add_metric([which], float(value))
    return family
