"""What `verdicts status` prints: everything on one screen, with colour only as a help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from flows.commands.common import say, show, table_of

#: How each state is coloured on a terminal; its word alone says the same.
_STYLES = {
    "sent": "green",
    "skipped": "yellow",
    "missing": "red",
    "sending": "cyan",
    "approved": "cyan",
    "draft": "cyan",
}

#: Lines that are printed of each list; the rest is counted, and in the JSON document.
_MOST = 12


def print_status(document: Mapping[str, Any], zone: ZoneInfo) -> None:
    """Print the document of `status` for people; times are in the zone."""
    show(_weeks(document["weeks"]))
    say()
    show(_schedules(document["schedules"], zone))
    say()
    for line in (*_feeds(document["feeds"]), *_letters(document)):
        say(line)
    needs = document["needs"]
    say("needs a person: nothing" if not needs else f"needs a person: {len(needs)}")
    for one in needs[:_MOST]:
        say(f"  {one}")
    if len(needs) > _MOST:
        say(f"  … and {len(needs) - _MOST} more: `verdicts status --json`")


def _weeks(weeks: list[dict[str, Any]]) -> Table:
    table = table_of("week", "state", "subject", "why, or what is missing")
    for one in weeks:
        held = " (held)" if one["held"] else ""
        lacks = f"lacks {one['missing']}" if one["missing"] and one["state"] not in {"missing", "to come"} else ""
        why = "; ".join(filter(None, (one["reason"], lacks)))
        style = "red" if one["held"] else _STYLES.get(one["state"], "")
        table.add_row(one["week"], Text(one["state"] + held, style), Text(one["subject"]), Text(why))
    return table


def _schedules(schedules: list[dict[str, Any]], zone: ZoneInfo) -> Table:
    def at(moment: str | None) -> str:
        return f"{datetime.fromisoformat(moment).astimezone(zone):%a %d %b %H:%M}" if moment else "never"

    table = table_of("schedule", "last run", "next", "what came of the last")
    for one in schedules:
        table.add_row(Text(one["does"]), at(one["last_run"]), at(one["next"]), Text(one["said"]))
    return table


def _feeds(feeds: list[dict[str, Any]]) -> Iterator[str]:
    bad = [one for one in feeds if one["error_streak"] or one["retired"]]
    yield f"feeds: {len(feeds):,}, in trouble: {len(bad) or 'none'}"
    for one in sorted(bad, key=lambda one: -one["error_streak"])[:_MOST]:
        times = f"{one['error_streak']} in a row" if one["error_streak"] else "asked no more"
        yield f"  {one['name']}: {one['reason'] or 'no reason is kept'} ({times})"
    if len(bad) > _MOST:
        yield f"  … and {len(bad) - _MOST} more: `verdicts feeds check`"


def _letters(document: Mapping[str, Any]) -> Iterator[str]:
    letters = document["notices"]
    waiting = f"{letters['queued']:,} waiting, {letters['unknown']:,} unknown"
    yield f"deliveries of unknown outcome: {document['unknown']:,}; letters outside the editions: {waiting}"
    yield f"corrections to print: {len(document['corrections']):,}"
