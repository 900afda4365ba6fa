"""The desk's page that compares two versions of an edition: as readers see them, as text, and as source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

from digest.differing import in_lines, stretches, told
from digest.errors import VerdictsError
from pages.desk.guarding import FRAMED, POLICY
from pages.desk.steps import Shown, Version
from pages.desk.visiting import Here, Visit

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: What a version of an email in a frame may load: its own images, and those of the newsletter's site.
_IMAGES = "data: https:"

#: What stands in a frame where there is nothing to show.
_NOTHING = "<!doctype html><title>Nothing</title><p>There is no such version."


@dataclass(frozen=True, slots=True)
class Ask:
    """A comparison somebody may ask for with one click: what it is called, the key to press, and the older version."""

    label: str
    key: str
    since: str


def asks(versions: Sequence[Version], week: str) -> list[Ask]:
    """Give the comparisons with now that a week allows, the most wanted first.

    Since an approval that a change ended; since the oldest version that is kept; since the edition of the week before.
    """
    kept = [one for one in versions if one.key.startswith("c")]
    ended = next((one for one in kept if one.approved), None)
    earlier = max((one.key for one in versions if one.group == "Other weeks" and one.key < week), default="")
    return [
        *([Ask("Since approval", "p", ended.key)] if ended and not versions[0].approved else []),
        *([Ask("Since the first draft", "f", kept[-1].key)] if kept and kept[-1] is not ended else []),
        *([Ask("Since the last edition", "l", earlier)] if earlier else []),
    ]


def add_comparing(app: FastAPI, desk: Desk) -> None:
    """Add the page, and the address of each version for its frame."""
    steps = desk.steps.comparing

    def page(visit: Visit, since: str, to: str, *, source: bool) -> Response:
        at = desk.at(visit)
        versions = steps.versions(at.week)
        offered = asks(versions, at.week)
        since, to = since or (offered[0].since if offered else ""), to or "now"
        try:
            one, other = (steps.shown(at.week, key) if versions and since else None for key in (since, to))
        except VerdictsError as error:
            one, other, visit = None, None, replace(visit, trouble=desk.trouble(visit, error))
        answer = desk.page(
            "compare.html", visit, at, title="Compare", versions=versions, offered=offered, since=since, to=to,
            source=source, groups=[(name, [*of]) for name, of in groupby(versions, lambda one: one.group)],
            found=_compared(one, other, source=source) if one and other else None,
            framed=lambda key: f"/compare/shown?{urlencode({'week': at.week, 'version': key})}",
        )  # fmt: skip
        answer.headers["Content-Security-Policy"] = POLICY.format(frames="'self'")
        return answer

    @app.get("/compare")
    def compare(visit: Here, since: str = "", to: str = "", source: str = "") -> Response:
        return page(visit, since, to, source=source == "yes")

    @app.get("/compare/shown")
    def shown(visit: Here, version: str = "now") -> Response:
        found = steps.shown(desk.at(visit).week, version)
        framed = {"Content-Security-Policy": FRAMED.format(images=_IMAGES), "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(found.message.html if found else _NOTHING, headers=framed)


def _compared(one: Shown, other: Shown, *, source: bool) -> dict[str, object]:
    """Give both versions with what differs between them; the sources are compared where somebody asks."""
    return {
        "both": (one, other),
        "told": told(one.edition, other.edition),
        "text": stretches(one.message.text, other.message.text),
        "same_html": one.message.html == other.message.html,
        "source": stretches(in_lines(one.message.html), in_lines(other.message.html)) if source else (),
    }
