"""Letters outside the editions: to somebody who signs up, joins or leaves, to the editors, and to the operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from digest.model import Edition, Finding, Site, percent
from digest.rendering import SHIPPED, Parts, render_email
from digest.views import Put, digest_view, letter_view
from digest.wording import address, moment, stopped, week_name

#: Findings an editor's notice lists; the rest is counted.
MOST_FINDINGS = 20

#: Where a letter with a link leads: to the page where one's account is changed or erased, to the page where one
#: leaves, or for who signs up once more to their preferences.
Target = Literal["account", "leave", "known"]


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


class _Wording(NamedTuple):
    """What a letter with a link says; its subject is `title`, the newsletter's name and `ending`."""

    title: str
    ending: str
    summary: str
    headline: str
    asked: str
    label: str
    lasts: str
    otherwise: str
    because: str


_LINKS: Mapping[Target, _Wording] = {
    "account": _Wording(
        title="Your link to change your subscription to", ending="",
        summary="The page behind it changes your address, exports your data or erases it.",
        headline="Here is your link",
        asked="Somebody – we think it was you – asked to change the address of this subscription, to export what we"
        " keep of it, or to erase it. The page behind this link does all three:",
        label="Open my subscription",
        lasts="It works for {lasting}.",
        otherwise="If it was not you, do nothing. Nothing has changed, and only this letter has the link.",
        because="This letter was sent once, because it was asked for with this address.",
    ),
    "leave": _Wording(
        title="Your link to leave", ending="",
        summary="One page, one button, and no more editions come.",
        headline="Here is your link to leave",
        asked="Somebody – we think it was you – asked how this address can leave. Behind this link is a page with one"
        " button, and that is all it takes:",
        label="Go to the page",
        lasts="It does not expire.",
        otherwise="If it was not you, do nothing, and everything stays as it is.",
        because="This letter was sent once, because it was asked for with this address.",
    ),
    "known": _Wording(
        title="You are subscribed to", ending=" already",
        summary="Nothing is left to confirm. Here are your preferences.",
        headline="You are subscribed already",
        asked="Somebody – we think it was you – entered this address on our sign-up page. It is on our list, so nothing"
        " is left to confirm. If no letters arrive, look into your spam folder, and at your preferences:",
        label="Look at my preferences",
        lasts="It does not expire.",
        otherwise="If it was not you, do nothing. Nothing has changed.",
        because="This letter was sent once, because your address was entered on our sign-up page.",
    ),
}  # fmt: skip


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


def link(site: Site, link: str, what: Target, *, minutes: int = 60, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Lead a reader to a page of their own; the letter shows nothing that was typed into a form, and no address.

    Args:
        site: Who publishes.
        link: The signed address of the page.
        what: Which page.
        minutes: For how long the link to the account works; the others do not expire.
        folders: Where to look for templates, best first.
    """
    wording = _LINKS[what]._asdict()
    wording["lasts"] = wording["lasts"].format(lasting=_lasting(minutes))
    return render_email("link", lambda put: letter_view(site, put) | wording | {"link_url": address(link)}, folders)


def move(site: Site, link: str, *, minutes: int = 60, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Ask at a new address whether a subscription may move there; which one, the letter does not say.

    Args:
        site: Who publishes.
        link: The signed address that opens the page with the button.
        minutes: For how long the link works.
        folders: Where to look for templates, best first.
    """

    def view(put: Put) -> Mapping[str, object]:
        return letter_view(site, put) | {"move_url": address(link), "lasting": _lasting(minutes)}

    return render_email("move", view, folders)


def moved(site: Site, *, folders: Sequence[Path] = SHIPPED) -> Parts:
    """Tell the old address that a subscription has moved to another one, and what to do if that was not its owner."""
    return render_email("moved", lambda put: letter_view(site, put), folders)


def _lasting(minutes: int) -> str:
    """Put a time into words, in hours where it is whole ones."""
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def editors_notice(
    edition: Edition,
    site: Site,
    findings: Sequence[Finding],
    *,
    approval: Literal["automatic", "editor"],
    due_at: datetime | None,
    folders: Sequence[Path] = SHIPPED,
) -> Parts:
    """Tell the editors that a draft is ready, when it goes out, and what needs their attention.

    Args:
        edition: The draft.
        site: Who publishes.
        findings: What preflight found, blockers first.
        approval: Whether the clock sends it, or an editor has to approve it.
        due_at: When it is due, in the newsletter's zone; None where the settings name no time in its week.
        folders: Where to look for templates, best first.
    """
    blocked = sum(one.level == "blocker" for one in findings)
    due = moment(due_at) if due_at else ""

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
    if not due:
        return "No time to send it falls into its week: see send_at in the settings. Until somebody sends it, it waits."
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
