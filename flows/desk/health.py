"""The desk's page of how all of it does: feeds, schedules, last runs, letters, suppressions, this installation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cronsim import CronSim

from digest.errors import SettingsError
from flows import documents
from flows.desk.checks import checks
from flows.services import Services
from pages.desk.steps import FeedLine, ForHealth, HealthView, LastRun, Schedule
from sources.store import FeedHealth

#: Addresses that were suppressed last and are shown.
_NEWEST = 8

#: Failures in a row from which on a feed does not mend by itself, as `verdicts status` has it.
_STUBBORN = 3

_SCHEDULED = (
    ("Gather from feeds that are due", "gather_at"),
    ("Compose the week’s digest", "compose_at"),
    ("Send it", "send_at"),
)


def health_page(services: Services) -> ForHealth:
    """Make the steps of the page."""
    return ForHealth(look=lambda: _look(services.named("")))


def _look(services: Services) -> HealthView:
    schedules, feeds = [*_schedules(services)], _feeds(services)
    view = HealthView(
        needs=_needs(services),
        checks=checks(services, feeds, schedules[0].before),
        feeds=sorted(map(_line, feeds), key=_urgency),
        schedules=schedules,
        runs=[*_runs(services, feeds)],
    )
    return _with_letters(services, view)


def _feeds(services: Services) -> Sequence[FeedHealth]:
    """Say how each feed does; nothing where their list cannot be read, which is a check of its own."""
    try:
        return services.entries.health(services.feeds, services.clock())
    except SettingsError:
        return ()


def _needs(services: Services) -> Sequence[str]:
    """Give what `verdicts status` says needs a person."""
    try:
        return documents.status(services)["needs"]  # type: ignore[no-any-return]
    except SettingsError as error:
        return (f"What is needed cannot be told before this is mended: {error}",)


def _with_letters(services: Services, view: HealthView) -> HealthView:
    """Add letters and suppressed addresses; nothing is known of them without their key, which is a check of its own."""
    try:
        notices, subscribers = services.notices, services.subscribers
    except SettingsError:
        return view
    accepted, (suppressions, newest) = notices.last_accepted(), subscribers.suppressions(_NEWEST)
    said = "To a reader, an editor or the operator." if accepted else "None yet."
    return replace(
        view,
        runs=[*view.runs, LastRun("Sent a letter", accepted, said), _applied(services.events.last_applied())],
        letters=notices.counts(),
        waiting_since=notices.waiting_since(),
        suppressions=suppressions,
        newest=newest,
    )


def _urgency(one: FeedLine) -> tuple[bool, bool, int]:
    return (not one.trouble, one.trouble != "gone", -one.health.error_streak)


def _line(one: FeedHealth) -> FeedLine:
    """Say what is wrong with a feed, and what to do."""
    name = shlex.quote(one.name)
    if one.retired_at:
        mend = f"It is asked no more. Has it a new address: `verdicts feeds add URL`. `verdicts feeds remove {name}`."
        return FeedLine(one, "gone", mend)
    if not one.error_streak:
        return FeedLine(one, "", "")
    if one.error_streak < _STUBBORN:
        return FeedLine(one, "failing", "Nothing yet: it is asked again by itself.")
    mend = (
        f"Open its address. Where it works: `verdicts gather --feed {name}` asks now. Where it moved:"
        f" `verdicts feeds add URL`, then `verdicts feeds remove {name}`."
    )
    return FeedLine(one, "failing", mend)


def _schedules(services: Services) -> Iterator[Schedule]:
    settings, now = services.settings, services.clock().astimezone(services.settings.zone)
    later = now + timedelta(minutes=1)  # what is due this minute counts as done
    for does, setting in _SCHEDULED:
        cron = getattr(settings, setting)
        yield Schedule(does, setting, cron, next(CronSim(cron, later, reverse=True)), next(CronSim(cron, now)))


def _runs(services: Services, feeds: Sequence[FeedHealth]) -> Iterator[LastRun]:
    """Say what was done last, as far as rows tell."""
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


def _applied(at: datetime | None) -> LastRun:
    return LastRun("Applied events", at, "What the mail provider tells of letters." if at else "None came yet.")
