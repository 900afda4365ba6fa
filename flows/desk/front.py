"""The desk's front: a week in short, and what is done with its edition as a whole."""

from __future__ import annotations

from datetime import timedelta

from digest import moving
from digest.errors import EditionError
from digest.undoing import Scope
from digest.weeks import bounds, week_of
from flows import steps
from flows.checking import check_edition
from flows.desk.keeping import edited, kept
from flows.services import Services
from pages.desk.steps import ForFront, Overview


def front_page(services: Services) -> ForFront:
    """Make the steps of the front page."""
    return ForFront(
        overview=lambda week: _overview(services.named(""), week),
        compose=lambda who, week: _compose(services.named(who), week),
        approve=lambda who, week, revision: _approve(services.named(who), week, revision),
        hold=lambda who, week, reason: _hold(services.named(who), week, reason),
        release=lambda who, week: _release(services.named(who), week),
        take_up=lambda who, week: _take_up(services.named(who), week),
        skip=lambda who, week, reason: _skip(services.named(who), week, reason),
    )


def _overview(services: Services, week: str) -> Overview:
    record = services.editions.of(week)
    edition = record.edition if record else None
    looks = record is not None and record.state != "skipped"
    start, end = bounds(week, services.settings.zone)
    just = timedelta(microseconds=1)  # a week has its first moment and not its last
    return Overview(
        edition,
        check_edition(services, record) if record and looks else (),
        _wanted(services),
        sum(services.store.launched(start - just, end - just).values()),
    )


def _wanted(services: Services) -> int:
    """Count what `verdicts panel wanted` lists."""
    now, settings = services.clock(), services.settings
    launched = services.store.launched(now - timedelta(days=settings.first_poll_days), now)
    reviewed = services.store.reviewed(services.judges)
    return sum(reviewed.get(slug, 0) < settings.quorum for slug in launched)


def _compose(services: Services, week: str) -> None:
    current = week_of(services.clock(), services.settings.zone)
    if week > current:
        raise EditionError(f"{week} cannot be composed yet; allowed: this week ({current}) and those before it")
    kept(services, Scope(week), lambda: steps.compose(services, week), f"Composed {week}")


def _take_up(services: Services, week: str) -> None:
    def take_up() -> None:
        if not moving.take_up(services.engine, week):
            steps.compose(services, week)

    kept(services, Scope(week), take_up, f"Took up {week} again")


def _approve(services: Services, week: str, revision: int) -> None:
    edited(services, week, revision, lambda: steps.approve(services, week, services.by), f"Approved {week}")


def _hold(services: Services, week: str, reason: str) -> None:
    kept(services, Scope(week), lambda: services.editions.hold(week, reason), f"Held {week}: {reason}")


def _release(services: Services, week: str) -> None:
    kept(services, Scope(week), lambda: services.editions.release(week), f"Released {week}")


def _skip(services: Services, week: str, reason: str) -> None:
    def skip() -> None:
        services.editions.skip(week, reason, services.clock(), by=services.by)

    kept(services, Scope(week), skip, f"Skipped {week}: {reason}")
