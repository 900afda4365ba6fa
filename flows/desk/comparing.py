"""The desk's page that compares: every version of an edition that is kept, with its message."""

from __future__ import annotations

import re
from collections.abc import Sequence

from digest.editions import EditionRecord
from digest.versions import Kept, kept_versions
from digest.wording import week_name
from flows.checking import message_of
from flows.services import Services
from pages.desk.showing import local
from pages.desk.steps import ForComparing, Shown, Version

#: Characters of what was done, in the name of a version.
_SAID_MOST = 70

#: Other weeks that are offered.
_WEEKS = 60


def comparing_page(services: Services) -> ForComparing:
    """Make the steps of the page that compares."""
    return ForComparing(
        versions=lambda week: _versions(services, week),
        shown=lambda week, key: _shown(services.named(""), week, key),
    )


def _versions(services: Services, week: str) -> Sequence[Version]:
    record = services.editions.of(week)
    if record is None or not record.edition.matchups:
        return ()
    earlier = (one for one, state in services.editions.states() if state != "skipped" and one != week)
    return (
        _now(record),
        *(_before(services, one) for one in kept_versions(services.engine, week)),
        *(Version(one, "Other weeks", week_name(one)) for one in [*earlier][:_WEEKS]),
    )


def _now(record: EditionRecord) -> Version:
    said = f"approved by {record.approved_by}" if record.state == "approved" else record.state
    return Version("now", "This week", f"Now: {said}", approved=record.message is not None)


def _before(services: Services, kept: Kept) -> Version:
    at = local(kept.at, services.settings.zone)
    did = f"After “{_short(kept.made)}”" if kept.made else f"Before “{_short(kept.ended)}”"
    said = f"As approved, before “{_short(kept.ended)}”" if kept.approved else f"{did}, {kept.by}, {at}"
    return Version(f"c{kept.id}", "This week", said, approved=kept.approved)


def _short(said: str) -> str:
    return said if len(said) <= _SAID_MOST else f"{said[: _SAID_MOST - 1]}…"


def _shown(services: Services, week: str, key: str) -> Shown | None:
    if re.fullmatch(r"c[0-9]{1,9}", key):
        kept = next((one for one in kept_versions(services.engine, week) if f"c{one.id}" == key), None)
        # What was approved is rendered anew, too: its bytes went with the approval.
        return _with_message(services, _before(services, kept), EditionRecord(kept.edition, "draft")) if kept else None
    is_week = re.fullmatch(r"[0-9]{4}-W[0-9]{2}", key)
    record = services.editions.of(week if key == "now" else key) if key == "now" or is_week else None
    if record is None or not record.edition.matchups:
        return None
    version = _now(record) if key == "now" else Version(key, "Other weeks", week_name(key), record.message is not None)
    return _with_message(services, version, record)


def _with_message(services: Services, version: Version, record: EditionRecord) -> Shown:
    return Shown(version, record.edition, message_of(services, record), frozen=record.message is not None)
