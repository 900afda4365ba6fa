"""The desk's page of how all of it does: feeds, schedules, last runs, letters, suppressions, this installation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from digest.errors import SettingsError
from flows.doctoring.installation import checks
from flows.services import Services
from flows.status import STUBBORN, status
from flows.timetable import feeds_of, runs, schedules
from pages.desk.steps import FeedLine, ForHealth, HealthView, LastRun
from sources.store import FeedHealth

#: Addresses that were suppressed last and are shown.
_NEWEST = 8


def health_page(services: Services) -> ForHealth:
    """Make the steps of the page."""
    return ForHealth(look=lambda: _look(services.named("")))


def _look(services: Services) -> HealthView:
    planned, feeds = [*schedules(services.settings, services.clock())], feeds_of(services)
    view = HealthView(
        needs=_needs(services),
        checks=checks(services, feeds, planned[0].before),
        feeds=sorted(map(_line, feeds), key=_urgency),
        schedules=planned,
        runs=[*runs(services, feeds)],
    )
    return _with_letters(services, view)


def _needs(services: Services) -> Sequence[str]:
    """Give what `verdicts status` says needs a person."""
    try:
        return status(services)["needs"]  # type: ignore[no-any-return]
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
    if one.error_streak < STUBBORN:
        return FeedLine(one, "failing", "Nothing yet: it is asked again by itself.")
    mend = (
        f"Open its address. Where it works: `verdicts gather --feed {name}` asks now. Where it moved:"
        f" `verdicts feeds add URL`, then `verdicts feeds remove {name}`."
    )
    return FeedLine(one, "failing", mend)


def _applied(at: datetime | None) -> LastRun:
    return LastRun("Applied events", at, "What the mail provider tells of letters." if at else "None came yet.")
