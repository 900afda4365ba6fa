"""How everything stands: every recent week, every feed, letters, schedules, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from digest.editions import EditionRecord
from digest.errors import SettingsError
from digest.weeks import due_in, shifted, week_of
from flows.services import Services
from flows.silence import first_week, has_no_end, silences
from flows.timetable import feeds_of, runs, schedules
from sources.store import FeedHealth
from subscribers.counted import in_doubt

#: Weeks shown besides this one.
WEEKS_SHOWN = 8

#: For how long a letter is named that was refused, or of which nobody knows whether it went out.
LETTERS_SHOWN = timedelta(days=7)

#: A letter queued longer than this waits for a sender that is down, or for somebody to start sending.
_LETTERS_LATE = timedelta(minutes=15)

#: How long after its time an edition is late, and failures in a row from which on a feed does not mend by itself.
_LATE, STUBBORN = timedelta(hours=1), 3


def status(services: Services) -> dict[str, Any]:
    """Show every recent week and every feed, and say what needs a person; keys as `status --json` prints them."""
    now, zone = services.clock(), services.settings.zone
    this_week = week_of(now, zone)
    kept = {record.week: record for record in services.editions.all(limit=WEEKS_SHOWN + 1)}
    first = min(filter(None, [*kept, this_week, first_week(services)]))
    weeks = [week for number in range(WEEKS_SHOWN + 1) if (week := shifted(this_week, -number)) >= first]
    later = sorted((week for week in kept if week > this_week), reverse=True)
    shown = [_week(services, week, kept.get(week)) for week in [*later, *weeks]]
    health, unknown, silent = feeds_of(services), in_doubt(services.engine), silences(services)
    told = services.editions.corrections(shifted(this_week, 52))
    corrections = [asdict(one) | {"changed_on": f"{one.changed_on}"} for one in told]
    letters, heard = notices(services), {one.week for one in silent}
    needs = [
        *([f"{unknown} deliveries have an unknown outcome: `verdicts reconcile`"] if unknown else []),
        *_settings_need(services),
        *(need for one in shown if one["week"] not in heard and (need := _week_needs(services, one))),
        *(one.said for one in silent), *_feeds_need(health), *_letters_need(services, letters),
        *_events_need(services), *map(correction, corrections),
    ]  # fmt: skip
    return {
        "weeks": shown, "feeds": [*map(_feed, health)], "unknown": unknown, "corrections": corrections,
        "notices": letters, "schedules": _schedules(services, health), "needs": needs,
    }  # fmt: skip


def _feed(one: FeedHealth) -> dict[str, Any]:
    return {
        "name": one.name,
        "last_success": _iso(one.last_success_at),
        "next_poll": _iso(one.next_poll_at),
        "error_streak": one.error_streak,
        "reason": one.reason,
        "retired": _iso(one.retired_at),
    }


def _schedules(services: Services, feeds: Sequence[FeedHealth]) -> list[dict[str, Any]]:
    """Show what the clock does: when it was due last and is next, and when it was done last with what came of it."""
    return [
        {
            "does": one.does,
            "setting": one.setting,
            "cron": one.cron,
            "due": _iso(one.before),
            "next": _iso(one.next),
            "last_run": _iso(run.at),
            "said": run.said,
        }
        for one, run in zip(schedules(services.settings, services.clock()), runs(services, feeds), strict=True)
    ]


def notices(services: Services) -> dict[str, Any]:
    """Show how many letters outside the editions stand how, and those of the last days that need a person."""
    since = services.clock() - LETTERS_SHOWN
    return {
        **services.notices.counts(),
        "waiting_since": _iso(services.notices.waiting_since()),
        "trouble": [
            {"id": one.id, "kind": one.kind, "state": one.state, "at": _iso(one.claimed_at), "reason": one.reason}
            for one in (*services.notices.unknown(since), *services.notices.refused(since))
        ],
    }


def _letters_need(services: Services, letters: Mapping[str, Any]) -> list[str]:
    since = letters["waiting_since"]
    late = since is not None and services.clock() - datetime.fromisoformat(since) > _LETTERS_LATE
    waiting = f"{letters['queued']} letters wait to be sent, the oldest since {since}: is `verdicts serve` running?"
    return [waiting] * late + [
        f"letter {one['id']} ({one['kind']}) is {one['state']}: {one['reason']}" for one in letters["trouble"]
    ]


def _events_need(services: Services) -> list[str]:
    now = services.clock()
    since, broken = services.events.waiting_since(), services.events.broken(now - LETTERS_SHOWN)
    late = since is not None and now - since > _LETTERS_LATE
    waiting = f"what the mail provider told since {since} waits to be applied: is `verdicts serve` running?"
    return [waiting] * late + [
        f"post {number} of the mail provider's events, of {_iso(at)}, could not be applied: {why}"
        for number, at, why in broken
    ]


def correction(one: Mapping[str, Any]) -> str:
    """Say what readers were told otherwise, and that the next edition tells them."""
    return (
        f"{one['tool_name']}: since {one['week']} told readers, the {one['reviewer_name']} changed {one['before']} to"
        f" {one['after']}; the next edition composed says so"
    )


def _week(services: Services, week: str, record: EditionRecord | None) -> dict[str, Any]:
    settings = services.settings
    if record is not None:
        return {
            "week": week,
            "state": record.state,
            "reason": record.reason or record.held or "",
            "held": record.held,
            "subject": record.edition.subject,
            "missing": _missing(services, record),
            "overdue": has_no_end(services, week, record),
        }
    due = due_in(week, settings.compose_at, settings.zone)
    late = due is not None and services.clock() >= due
    reason = "nothing composed it" if late else f"to be composed {due:%a %d %B %H:%M} UTC" if due else "no compose_at"
    return {
        "week": week, "state": "missing" if late else "to come", "reason": reason, "held": None, "subject": "",
        "missing": "an edition", "overdue": has_no_end(services, week, None),
    }  # fmt: skip


def _missing(services: Services, record: EditionRecord) -> str:
    """Say what a week still lacks until it is sent, "" where nothing."""
    settings = services.settings
    if record.state in {"sent", "skipped"}:
        return ""
    if record.held:
        return "its release"
    if record.state == "draft" and settings.approval == "editor":
        return "an editor’s approval"
    if record.state != "sending":
        due = due_in(record.week, settings.send_at, settings.zone)
        return f"its time, {due.astimezone(settings.zone):%a %d %B %H:%M}" if due else "a time: see send_at"
    counts = services.ledger.counts(record.week)
    lacking = {"still to go out": counts.waiting, "of unknown outcome": counts.unknown}
    return ", ".join(f"{count:,} {what}" for what, count in lacking.items() if count) or "whom it goes to"


def _settings_need(services: Services) -> list[str]:
    """What stands in the way of the next edition as files are now: a quorum out of reach, feeds nobody can read."""
    needs = []
    for look in (lambda: services.judges, lambda: services.feeds):
        try:
            look()
        except SettingsError as error:
            needs.append(str(error))
    return needs


def _feeds_need(feeds: Sequence[FeedHealth]) -> list[str]:
    failing = [f"feed {one.name}: {one.reason}" for one in feeds if one.error_streak >= STUBBORN or one.retired_at]
    return (
        failing if any(one.last_success_at for one in feeds) else [*failing, "no feed was ever read: `verdicts gather`"]
    )


def _week_needs(services: Services, week: Mapping[str, Any]) -> str:
    """Say what a person has to do about a week, "" for nothing."""
    settings, name, state = services.settings, week["week"], week["state"]
    due = due_in(name, settings.send_at, settings.zone)
    if week["held"]:
        return f"{name} is held ({week['held']}): {_out_of_held(services, name, state)}"
    if state == "missing" and week["overdue"]:
        return f"{name} ended without an edition: `verdicts edition skip {name} --reason …`"
    if state == "missing":
        return f"{name} has no edition: `verdicts compose --week {name}` or wait for the schedule"
    if state == "draft" and settings.approval == "editor":
        return f"{name} waits for approval: `verdicts edition approve {name}`"
    if state in {"approved", "sending", "draft"} and due and services.clock() > due + _LATE:
        skip = "" if state == "sending" else " or `edition skip`"
        return f"{name} should have been sent {due:%a %d %B %H:%M} UTC: `verdicts send {name}`{skip}"
    return ""


def _out_of_held(services: Services, week: str, state: str) -> str:
    """Say what can be done with an edition that is held."""
    from subscribers.ending import may_be_taken_back  # noqa: PLC0415 - only for an edition that stands

    if state != "sending":
        return f"`verdicts edition release {week}` or `edition skip`"
    if may_be_taken_back(services.engine, week):
        return f"`verdicts edition release {week}`; or edit or skip it, as nobody has it"
    return f"`verdicts edition release {week}`, or end it as it is: `verdicts reconcile {week} --give-up`"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
