"""What `--json` prints: values as plain documents. Keys may be added, never renamed: scripts rely on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from digest.editions import EditionRecord
from digest.model import Counts, Edition, Entry, Finding, Launch, Message, Review, Spotted, slugify

if TYPE_CHECKING:
    from digest.wanting import Wanted
    from flows.reconciling import Reconciled
    from flows.reviewing import Dossier, Standing
    from flows.sending import Sent
    from flows.services import Services
    from flows.steps import Gathered
    from subscribers.numbers import Figures


def gathered(result: Gathered) -> dict[str, Any]:
    """Show a gather: every feed with its outcome, and how many launches are new."""
    return {"feeds": [asdict(one) for one in result.feeds], "launches": result.launches}


def launch(one: Launch) -> dict[str, Any]:
    """Show a launch."""
    return {
        "launch_id": one.id,
        "tool": one.tool_name,
        "tool_slug": one.tool_slug,
        "version": one.version,
        "title": one.title,
        "tagline": one.tagline,
        "category": one.category,
        "entry_price": one.entry_price,
        "link": one.link,
        "announced_at": one.announced_at.isoformat(),
        "first_seen": one.first_seen.isoformat(),
        "score": one.score,
        "reasons": list(one.reasons),
        "entries": [{"feed": feed, "id": entry} for feed, entry in one.entries],
    }


def entries(found: Iterable[Entry], launches: Iterable[Launch], ruled_out: Collection[str]) -> list[dict[str, Any]]:
    """Show entries with what was spotted in each and the launches it carries; a digest entry shows its first.

    `launches` are all that may carry them, `ruled_out` the ids of those an editor rejected or merged away.
    """
    from digest.spotting import spot  # noqa: PLC0415 - its lexicons cost start-up time

    carried: dict[tuple[str, str], list[Launch]] = {}
    for one in launches:
        for key in one.entries:
            carried.setdefault(key, []).append(one)
    shown = []
    for entry in found:
        spotted = max(spot(entry), key=lambda one: (one.launch, one.score))
        known = carried.get((entry.feed, entry.id), [])
        shown.append(_entry(entry, spotted, [one for one in known if one.id not in ruled_out], rejected=bool(known)))
    return shown


def _entry(entry: Entry, spotted: Spotted, launches: Sequence[Launch], *, rejected: bool) -> dict[str, Any]:
    first = launches[0] if launches else None
    reasons = list(spotted.reasons)
    if first is None and rejected:
        reasons.insert(0, "an editor rejected it")
    elif first is None and spotted.launch:
        reasons.insert(0, "not announced: too old when its feed was first polled")
    return {
        "feed": entry.feed,
        "id": entry.id,
        "link": entry.link,
        "title": entry.title,
        "launch": first is not None,
        "score": spotted.score,
        "reasons": reasons,
        "tool": first.tool_name if first else spotted.tool,
        "tool_slug": first.tool_slug if first else slugify(spotted.tool),
        "category": first.category if first else spotted.category,
        "launch_id": first.id if first else None,
        "launch_ids": [one.id for one in launches],
    }


def wanted(found: Iterable[Wanted]) -> list[dict[str, Any]]:
    """Show the launches that want a verdict, most wanted first."""
    return [
        {
            "tool": one.launch.tool_name,
            "tool_slug": one.launch.tool_slug,
            "why": one.why,
            "score": one.score,
            "parts": dict(one.parts),
            "partner": one.partner,
        }
        for one in found
    ]


def edition(record: EditionRecord) -> dict[str, Any]:
    """Show what an edition is and why."""
    one: Edition = record.edition
    return {
        "week": record.week,
        "state": record.state,
        "reason": record.reason,
        "held": record.held,
        "subject": record.message.subject if record.message else one.subject,
        "preheader": one.preheader,
        "matchups": [
            {
                "a": matchup.a.tool.slug,
                "b": matchup.b.tool.slug,
                "layout": matchup.layout,
                "score": matchup.score,
                "parts": dict(matchup.parts),
                "why": matchup.why,
                "blurb": matchup.blurb,
            }
            for matchup in one.matchups
        ],
        "passed_over": [asdict(pair) for pair in one.passed_over],
        "intro": one.intro,
        "corrections": [
            asdict(correction) | {"changed_on": f"{correction.changed_on}"} for correction in one.corrections
        ],
        "launches": [asdict(launch) for launch in one.launches],
        "since": _iso(one.since),
        "until": _iso(one.until),
        "edited_by": record.edited_by or None,
    }


def whole_edition(
    record: EditionRecord, message: Message, findings: Iterable[Finding], counts: Counts, figures: Figures
) -> dict[str, Any]:
    """Show everything about an edition, with its bytes; `sha256` is that of what was approved, else None."""
    return edition(record) | {
        "html": message.html,
        "text": message.text,
        "sha256": record.sha256 or None,
        "approved_by": record.approved_by or None,
        "findings": [asdict(one) for one in findings],
        "counts": asdict(counts),
        "figures": _figures(figures),
    }


def _figures(found: Figures) -> dict[str, Any]:
    """Show what an edition came to; what its counts say is left out.

    `bounced` of those is hard, soft and held back by the provider together.
    """
    shown = asdict(found)
    told = shown.pop("told")
    return {name: count for name, count in told.items() if name not in {"delivered", "complained"}} | shown


def sent(result: Sent) -> dict[str, Any]:
    """Show where a delivery stands."""
    return {
        "week": result.week,
        "state": result.state,
        "counts": asdict(result.counts),
        "seconds": result.seconds,
        "stopped": result.stopped,
        "until": result.until.isoformat() if result.until else None,
        "then": result.then,
        "busy": result.busy,
    }


def reconciled(result: Reconciled) -> dict[str, Any]:
    """Show what calls in doubt came to, and by name whom nobody knows of."""
    return {
        "accepted": result.settled["accepted"],
        "planned": result.settled["planned"],
        "open": result.settled["open"] + result.settled["busy"],
        "decided": result.decided,
        "unknown": [
            {
                "week": one.week,
                "email": one.email,
                "reason": one.reason,
                "claimed_at": one.claimed_at.isoformat(),
                "open_until": _iso(result.open_until(one.claimed_at)),
            }
            for one in result.unknown
        ],
        "unasked": result.unasked,
        "weeks": [sent(one) for one in result.weeks],
    }


def feed_health(services: Services) -> list[dict[str, Any]]:
    """Show how each feed is doing."""
    now = services.clock()
    launches = services.store.launches(since=now - timedelta(days=28), until=now)
    carried: dict[str, int] = {}
    for one in launches:
        for feed in {feed for feed, _ in one.entries}:
            carried[feed] = carried.get(feed, 0) + 1
    return [
        {
            "name": one.name,
            "url": one.moved_url or one.url,
            "last_success": _iso(one.last_success_at),
            "last_try": _iso(one.last_try_at),
            "next_poll": _iso(one.next_poll_at),
            "entries_per_week": one.entries_per_week,
            "launches_per_week": round(carried.get(one.name, 0) / 4, 1),
            "error_streak": one.error_streak,
            "reason": one.reason,
            "retired": _iso(one.retired_at),
        }
        for one in services.entries.health(services.feeds, now)
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def findings(found: Iterable[Finding]) -> dict[str, Any]:
    """Show preflight's findings; `ok` is false when one of them blocks."""
    shown: list[Mapping[str, Any]] = [asdict(one) for one in found]
    return {"ok": all(one["level"] != "blocker" for one in shown), "findings": shown}


def standing(one: Standing) -> dict[str, Any]:
    """Show a tool with its verdict."""
    tally = one.verdict.tally
    return {
        "slug": one.tool.slug,
        "name": one.tool.name,
        "vendor": one.tool.vendor,
        "tagline": one.tool.tagline,
        "category": one.tool.category,
        "entry_price": one.tool.entry_price,
        "price_checked_on": one.tool.price_checked_on.isoformat() if one.tool.price_checked_on else None,
        "price_stale": one.stale,
        "open_source": one.tool.open_source,
        "tags": list(one.tool.tags),
        "url": one.tool.url,
        "ready": one.ready,
        "verdict": {"share": tally.share, "ships": tally.ships, "n": tally.n, "panel_size": one.verdict.panel_size},
    }


def dossier(found: Dossier) -> dict[str, Any]:
    """Show everything kept of a tool; of each review every version, oldest first, with what changed in it."""
    return standing(found.standing) | {
        "description": found.standing.tool.description,
        "reviews": _versions(found),
        "editions": [
            {"week": one.week, "state": one.state, "against": one.against, "versions": dict(versions)}
            for one, versions in found.editions
        ],
        "launches": [launch(one) for one in found.launches],
        "aliases": list(found.aliases),
    }


def _versions(found: Dossier) -> list[dict[str, Any]]:
    counted = {(one.reviewer, one.version) for one in found.standing.verdict.reviews}
    before: dict[str, Review] = {}
    shown = []
    for one, at in found.history:
        old = before.get(one.reviewer)
        shown.append(
            {
                "reviewer": one.reviewer,
                "version": one.version,
                "call": one.call,
                "quote": one.quote,
                "reviewed_on": one.reviewed_on.isoformat(),
                "recorded_at": _iso(at),
                "changed": [name for name in ("call", "quote") if old and getattr(old, name) != getattr(one, name)],
                "counts": (one.reviewer, one.version) in counted,
            }
        )
        before[one.reviewer] = one
    return shown


def changes(slug: str, changed: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """Show what an edit changed: of each field what it was and what it is."""
    return {
        "tool": slug,
        "changed": {name: {"before": _plain(old), "after": _plain(new)} for name, (old, new) in changed.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
