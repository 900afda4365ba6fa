"""The dead-man's alarm: what should have happened by now and has not, told once, also after this program was down."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from digest.database import writing
from digest.editions import Also, EditionRecord
from digest.errors import SettingsError
from digest.weeks import bounds, due_in, shifted, week_of
from flows import alarms
from flows.heartbeat import beat
from flows.keeping import keep
from flows.services import Services
from flows.timetable import last_due

#: After how long without a gather, and how long after the end of a week's time, silence is no accident.
_A_DAY, _GRACE = timedelta(days=1), timedelta(hours=1)

#: How often `keep_watching` looks, in seconds.
_REST_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Silence:
    """Something that should have happened and has not: a sentence with what to do, and the letter about it.

    `week` is the week that has no end, "" where it is about gathering.
    """

    said: str
    letter: Also
    week: str = ""


def silences(services: Services) -> list[Silence]:
    """Find what is silent now: gathering, then this week and the last where they ended neither sent nor skipped."""
    found = [_gathering(services)]
    this = week_of(services.clock(), services.settings.zone)
    first = first_week(services)
    found += [_week(services, one) for one in (this, shifted(this, -1)) if first and one >= first]
    return [one for one in found if one]


def first_week(services: Services) -> str | None:
    """Name the first week that should have an end: the first edition's, or the one after a feed was first asked."""
    weeks = [week for week, _ in services.editions.states()[-1:]]
    if (began := services.entries.asked()[0]) is not None:
        weeks.append(shifted(week_of(began, services.settings.zone), 1))
    return min(weeks, default=None)


def has_no_end(services: Services, week: str, record: EditionRecord | None) -> bool:
    """Tell whether a week's time is over although it was neither sent nor skipped."""
    settings, state = services.settings, record.state if record else "missing"
    due, ends = due_in(week, settings.send_at, settings.zone), bounds(week, settings.zone)[1]
    if due is None or state in {"sent", "skipped"}:
        return False
    if state != "sending":  # a pace may take days
        ends = min(ends, due + timedelta(hours=settings.expires_after_h))
    return services.clock() > ends + _GRACE


def _week(services: Services, week: str) -> Silence | None:
    record = services.editions.of(week)
    held = record.held if record else None
    if not has_no_end(services, week, record) or (held or "").startswith(alarms.TOO_LATE):  # that one was told
        return None
    how = "it has no edition" if record is None else f"it is {record.state}" + (f" and held: {held}" if held else "")
    letter = alarms.never_ended(services.settings, week, how, services.clock())
    return Silence(f"{week} ended neither sent nor skipped ({how}): {_way_out(week, record)}", letter, week)


def _way_out(week: str, record: EditionRecord | None) -> str:
    if record is not None and record.state == "sending":
        return f"`verdicts send {week}` goes on, or end it: `verdicts reconcile {week} --give-up`"
    return f'end it with `verdicts edition skip {week} --reason "…"`, and see `verdicts doctor`'


def _gathering(services: Services) -> Silence | None:
    """Tell since when no feed was asked, or none could be read, though a gather was due a day ago."""
    settings, now, asked = services.settings, services.clock(), services.entries.asked()[1]
    due = last_due(settings, settings.gather_at, now - _A_DAY)
    try:
        watched = [one for one in services.entries.health(services.feeds, now) if not one.retired_at]
    except SettingsError:
        return _since(services, asked, "and the list of feeds cannot be read") if asked and asked < due else None
    known = [one for one in watched if one.last_try_at]
    waiting = [one for one in known if one.last_try_at and one.last_try_at < due and (one.next_poll_at or due) <= due]
    if asked is not None and asked < due and waiting:
        return _since(services, asked, f"though {len(waiting):,} feeds were due")
    read = [one.last_success_at for one in known if one.last_success_at]
    if known and read and max(read) < due and all(one.error_streak for one in known):
        return _since(services, max(read), "as each of them fails: the network may be down", "could be read")
    return None


def _since(services: Services, since: datetime, why: str, what: str = "was asked") -> Silence:
    how = f"No feed {what} since {since.astimezone(services.settings.zone):%a %d %B %H:%M}, {why}"
    letter = alarms.nothing_gathered(services.settings, since, f"{how}.", services.clock())
    return Silence(f"{how}: is `verdicts serve` running? `verdicts gather`, `verdicts doctor`", letter)


def raise_alarms(services: Services, told: set[str] | None = None) -> list[Silence]:
    """Queue a letter about everything that is silent, of each cause once ever; `told` spares asking again.

    Raises:
        DatabaseError: It cannot be used just now.
    """
    told, found = set() if told is None else told, silences(services)
    for one in found:
        if one.said not in told:
            with writing(services.engine) as session:
                one.letter(session)
            told.add(one.said)
    return found


def keep_watching(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Look for silence at once and then every minute, until `stop` is set; after each good gather, say so outside."""
    told = set[str]()
    heard = services.clock()  # what was gathered before is no sign of life

    def look() -> str:
        nonlocal heard
        now = services.named("")  # the list of feeds as it is now
        found, asked = raise_alarms(now, told), now.entries.asked()[1]
        if found or asked is None or asked <= heard:
            return ""
        trouble = beat(services.settings.heartbeat_url)
        heard = heard if trouble else asked
        return trouble

    keep("who watches", look, stop, rest_s, _log, at_once=True)
