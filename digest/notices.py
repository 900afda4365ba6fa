"""Letters outside the editions: to somebody who signs up, joins or leaves, to the editors, and to the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from digest.model import Edition, Finding, Site, percent
from digest.rendering import SHIPPED, Parts, render_email
from digest.views import Put, digest_view, letter_view
from digest.wording import address, moment, stopped, week_name

#: Findings an editor's notice lists; the rest is counted.
MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs the operator.

    `title` fits a subject line; `happened` and `means` are sentences; `steps` say what to do, in order; `details` are
    lines of output, "" for none, without secrets; `at` is when it was seen, in the zone the operator reads.
    """

    title: str
    happened: str
    means: str
    steps: tuple[str, ...]
    at: datetime
    details: str = ""


def confirm(site: Site, link: str, *, valid_days: int = 7, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Ask whoever owns an address whether they want the digest; nothing that was typed into a form stands in it.

    Args:
        site: Who publishes.
        link: The signed address that opens the page with the button.
        valid_days: For how long the link works.
        folders: Where to look for templates, best first.
    """

    def view(put: Put) -> Mapping[str, object]:
        return letter_view(site, put) | {"confirm_url": address(link), "valid_days": valid_days}

    return render_email("confirm", view, folders)


def welcome(
    site: Site, latest: Edition | None, *, next_at: datetime | None = None, folders: Sequence[Path] = SHIPPED
) -> Parts:
    """Greet a reader who confirmed, with the latest edition so that nobody waits for the first one.

    Args:
        site: Who publishes.
        latest: The newest edition that went out, None before the first.
        next_at: When the next one is due, in the newsletter's zone; None where nobody can say.
        folders: Where to look for templates, best first.
    """

    def view(put: Put) -> Mapping[str, object]:
        shown = digest_view(latest, site, put) if latest else letter_view(site, put) | {"matchups": []}
        return shown | {"next_day": moment(next_at).partition(",")[0] if next_at else ""}

    return render_email("welcome", view, folders)


def goodbye(site: Site, *, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Say once that a reader has left, and how to undo it."""
    return render_email("goodbye", lambda put: letter_view(site, put), folders)


def editors_notice(
    edition: Edition,
    site: Site,
    findings: Sequence[Finding],
    *,
    approval: Literal["automatic", "editor"],
    due_at: datetime,
    folders: Sequence[Path] = SHIPPED,
) -> Parts:
    """Tell the editors that a draft is ready, when it goes out, and what needs their attention.

    Args:
        edition: The draft.
        site: Who publishes.
        findings: What preflight found, blockers first.
        approval: Whether the clock sends it, or an editor has to approve it.
        due_at: When it is due, in the newsletter's zone.
        folders: Where to look for templates, best first.
    """
    blocked = sum(one.level == "blocker" for one in findings)
    due = moment(due_at)

    def view(put: Put) -> Mapping[str, object]:
        return digest_view(edition, site, put) | {
            "headline": _headline(week_name(edition.week), blocked, approval),
            "next_step": _next_step(due, blocked, approval),
            "findings": [_finding(one, put) for one in findings[:MOST_FINDINGS]],
            "more_findings": max(0, len(findings) - MOST_FINDINGS),
            "reasons": [put(one.why) for one in edition.matchups],
            "scores": [percent(one.score) for one in edition.matchups],
            "approves": approval == "editor",
        }

    return render_email("editors-notice", view, folders)


def _headline(week: str, blocked: int, approval: str) -> str:
    if blocked:
        return f"{week} cannot go out yet"
    return f"{week} waits for your approval" if approval == "editor" else f"{week} is ready to read"


def _next_step(due: str, blocked: int, approval: str) -> str:
    if blocked:
        what = "1 finding blocks it" if blocked == 1 else f"{blocked} findings block it"
        return f"It is due on {due}, and {what}. Until that is mended, nothing is sent."
    if approval == "editor":
        return f"It is due on {due} and goes out only after an editor has approved it."
    return f"It goes out on {due} by itself, unless somebody holds it."


def _finding(one: Finding, put: Put) -> dict[str, str]:
    said = stopped(one.message.partition("\n")[0])  # a template's lines are for the command that shows them
    return {"level": one.level, "message": put(said), "where": put(one.where), "fix": put(one.fix)}


def alarm(site: Site, trouble: Alarm, *, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Tell the operator that something needs a person."""

    def view(put: Put) -> Mapping[str, object]:
        return letter_view(site, put) | {
            "title": put(trouble.title),
            "happened": put(trouble.happened),
            "means": put(trouble.means),
            "steps": [put(one) for one in trouble.steps],
            "details": [put(line) for line in trouble.details.splitlines()],
            "seen_at": moment(trouble.at),
        }

    return render_email("alarm", view, folders)
