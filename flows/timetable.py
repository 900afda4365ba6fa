"""What the clock does when, and what was done last, as far as rows tell: for `verdicts status` and the desk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cronsim import CronSim

from digest.errors import SettingsError
from digest.settings import Settings
from flows.services import Services
from pages.desk.steps import LastRun, Schedule
from sources.store import FeedHealth

_SCHEDULED = (
    ("Gather from feeds that are due", "gather_at"),
    ("Compose the week’s digest", "compose_at"),
    ("Send it", "send_at"),
)


def schedules(settings: Settings, now: datetime) -> Iterator[Schedule]:
    """Say what settings have done when: gather, compose, send."""
    local = now.astimezone(settings.zone)
    for does, setting in _SCHEDULED:
        cron = getattr(settings, setting)
        yield Schedule(does, setting, cron, last_due(settings, cron, now), next(CronSim(cron, local)))


def last_due(settings: Settings, cron: str, now: datetime) -> datetime:
    """Give when something was last due by the clock; what is due this minute counts as done."""
    later = now.astimezone(settings.zone) + timedelta(minutes=1)
    return next(CronSim(cron, later, reverse=True))


def feeds_of(services: Services) -> Sequence[FeedHealth]:
    """Say how each feed does; nothing where their list cannot be read."""
    try:
        return services.entries.health(services.feeds, services.clock())
    except SettingsError:
        return ()


def runs(services: Services, feeds: Sequence[FeedHealth]) -> Iterator[LastRun]:
    """Say what was done last: gathered, composed and sent, in this order."""
    asked = max((one.last_try_at for one in feeds if one.last_try_at), default=None)
    yield LastRun("Gathered", asked, _gathered(feeds, asked) if asked else "No feed was ever asked.")
    states = services.editions.states()
    composed = services.editions.of(states[0][0]) if states else None
    pairs = len(composed.edition.matchups) if composed else 0
    said = f"{composed.week}, {pairs} pairs; {composed.state} now." if composed else "Nothing was ever composed."
    yield LastRun("Composed", composed.edition.until if composed else None, said)
    yield _sent(services, next((week for week, state in states if state in {"sending", "sent"}), None))


def _gathered(feeds: Sequence[FeedHealth], at: datetime) -> str:
    asked = [one for one in feeds if one.last_try_at == at]
    failed = sum(one.error_streak > 0 for one in asked)
    return f"{len(asked):,} of {len(feeds):,} feeds were asked, {failed:,} failed."


def _sent(services: Services, week: str | None) -> LastRun:
    if week is None:
        return LastRun("Sent an edition", None, "None yet.")
    record, counts = services.editions.require(week), services.ledger.counts(week)
    said = f"{week} is {record.state}: {counts.accepted:,} of {counts.planned:,} accepted, {counts.unknown:,} unknown."
    return LastRun("Sent an edition", record.sent_at or record.planned_at, said)
