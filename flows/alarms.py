"""Who is told when a week is composed, ends, is held or stops: letters queued in the transaction of their cause."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from hashlib import sha256

from sqlmodel import Session

from digest.editions import Also
from digest.settings import Settings
from digest.wording import moment, stopped, week_name
from subscribers.ledger import Halted
from subscribers.notices import queue

#: How the reason begins for which the clock holds an edition.
TOO_LATE = "too late"


def composed(settings: Settings, week: str, now: datetime) -> Also:
    """Tell every editor once that a week's draft is there to be read."""

    def tell(session: Session) -> None:
        for editor in settings.editors:
            once = f"editors-notice {week} {editor.casefold()}"
            queue(session, "editors-notice", now, email=editor, data={"week": week}, once=once)

    return tell


def skipped(settings: Settings, week: str, reason: str, now: datetime) -> Also:
    """Tell the operator that a week ends without a digest."""
    return partial(
        _alarm, settings, week, "skipped", now,
        title=f"{week_name(week)} ends without a digest",
        happened=f"{week} is skipped: {stopped(reason)}",
        means="Readers get nothing this week. What launched in it is still news for the next digest.",
        steps=(
            f"See what was there: verdicts launches --week {week}",
            "See which verdicts are missing: verdicts panel wanted",
        ),
    )  # fmt: skip


def too_late(settings: Settings, week: str, due: datetime, now: datetime) -> Also:
    """Tell the operator that the clock holds an edition, because its time is over."""
    return partial(
        _alarm, settings, week, TOO_LATE, now,
        title=f"{week_name(week)} was not sent in time",
        happened=f"{week} was due on {moment(due.astimezone(settings.zone))} and has not been sent; it is held now.",
        means="No reader has it, and it does not go out by itself any more.",
        steps=(
            f"To send it all the same: verdicts edition release {week}, and at once verdicts send {week}",
            f"To do without it: verdicts edition skip {week} --reason \"too late\"",
        ),
    )  # fmt: skip


def never_ended(settings: Settings, week: str, how: str, now: datetime) -> Also:
    """Tell the operator that a week's time is over and it ended neither sent nor skipped; `how` says how it stands.

    It is the same cause as that of `skipped`: whichever is noticed first is told, and no second letter follows.
    """
    return partial(
        _alarm, settings, week, "skipped", now,
        title=f"{week_name(week)} has no end",
        happened=f"The time of {week} is over, and it was neither sent nor skipped: {stopped(how)}",
        means="Readers got nothing, and no run of this program ended the week. Maybe nothing runs it.",
        steps=(
            "See what is wrong: verdicts doctor",
            "Do once what is due, and see how it stands: verdicts run, verdicts status",
            f"End the week: verdicts edition skip {week} --reason \"…\"",
        ),
    )  # fmt: skip


def nothing_gathered(settings: Settings, since: datetime, how: str, now: datetime) -> Also:
    """Tell the operator that nothing was gathered since a moment a day ago or more; `how` says what happened."""
    return partial(
        _alarm, settings, f"{since:%Y-%m-%dT%H:%M}", "gathering", now,
        title="Nothing was gathered for a day",
        happened=how,
        means="Launches of this time may be missing from the next digest; feeds forget what is old.",
        steps=(
            "See what is wrong: verdicts doctor",
            "See whether it runs: systemctl status verdicts, or whatever keeps `verdicts serve` running",
            "Gather now: verdicts gather",
        ),
    )  # fmt: skip


def halted(settings: Settings) -> Halted:
    """Tell the operator that the sender takes nothing more until a person acts."""

    def tell(session: Session, week: str, reason: str, now: datetime) -> None:
        _alarm(
            settings, week, f"halted {now:%Y-%m-%d} {sha256(reason.encode()).hexdigest()[:8]}", now, session,
            title=f"Sending {week_name(week)} has stopped",
            happened="The sender takes no more letters until a person acts.",
            means="No letter is lost: what has not gone out waits, and nobody gets anything twice.",
            steps=(
                "Mend what the sender says below.",
                f"Let it go on: verdicts edition release {week}",
                f"Send the rest: verdicts send {week}",
            ),
            details=reason,
        )  # fmt: skip

    return tell


def turned_away(settings: Settings) -> Halted:
    """Tell the operator that an edition holds itself, because of what became of its letters."""

    def tell(session: Session, week: str, reason: str, now: datetime) -> None:
        _alarm(
            settings, week, f"held {reason}", now, session,
            title=f"{week_name(week)} holds itself",
            happened=f"{week} is held while it is sent: {reason}.",
            means="Calls under way were finished, and nobody else gets it for now. Sending on may cost the good name of"
            " the sending domain.",
            steps=(
                f"See what became of it: verdicts edition show {week}",
                f"To go on: verdicts edition release {week}, and then verdicts send {week}",
            ),
        )  # fmt: skip

    return tell


#: What a state of Prefect's means for who is told of it.
_MEANS = {
    "failed": "The run ended with an error. Prefect's log of it says which.",
    "crashed": "The process of the run is gone. What it had begun is gone on with within a quarter of an hour.",
    "late": "Nobody has begun the run: no worker is there, or all are busy.",
}


def run_went_wrong(settings: Settings, run: str, state: str, now: datetime) -> Also:
    """Tell the operator that a run failed, crashed or came late, of each run's name and state once a day."""
    return partial(
        _alarm, settings, f"{now.astimezone(settings.zone):%Y-%m-%d}", f"run {run} {state}", now,
        title=f"The run {run} {'is' if state == 'late' else 'has'} {state}",
        happened=f"Prefect tells that {run} {'is' if state == 'late' else 'has'} {state}.",
        means=f"{_MEANS.get(state, '')} Nobody gets anything twice, and what is done stays done.".strip(),
        steps=("See how the weeks stand: verdicts status", "See what is wrong: verdicts doctor"),
    )  # fmt: skip


def _alarm(
    settings: Settings, week: str, cause: str, now: datetime, session: Session, **said: str | tuple[str, ...]
) -> None:
    """Queue an alarm, of each cause once a week (or moment); `said` are the fields of an Alarm."""
    if settings.operator:
        data = {**said, "at": now.isoformat()}
        queue(session, "alarm", now, email=settings.operator, data=data, once=f"alarm {week} {cause}")
