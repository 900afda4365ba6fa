"""What the desk can do: plain functions that whoever serves it hands in, grouped by page.

Each is called in a worker thread, takes what a form says, and raises an error of digest/errors.py whose text is for
people. One that changes something takes first who does it, and the `revision` of the edition the form was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.model import Edition, Finding, Site
from digest.undoing import Change


@dataclass(frozen=True, slots=True)
class Next:
    """The one thing to do next: a button that posts to `action`, or a link where `leads` says so; `key` presses it."""

    label: str
    action: str
    key: str = "a"
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a week stands: what every page shows.

    `state` is "" while nothing is composed; `revision` 0 then. `weeks` are those to choose from, newest first, each
    with its state. `due_at` is when the edition goes out, UTC, None where its week has no such time. `undo` and `redo`
    are what those keys mean for who looks. `mark` is another whenever any of this, or any change, is.
    """

    week: str
    weeks: tuple[tuple[str, str], ...]
    state: str
    held: str | None
    reason: str
    revision: int
    edited_by: str
    approved_by: str
    approved_at: datetime | None
    due_at: datetime | None
    approval: str
    zone: ZoneInfo
    undo: Change | None
    redo: Change | None
    mark: str


@dataclass(frozen=True, slots=True)
class EveryPage:
    """What every page needs.

    `standing` takes the week chosen ("" for the one to work on) and who looks; `mark` is cheap, asked every second for
    live pages. `undo` and `since` are of the journal: changes of a week after a revision.
    """

    standing: Callable[[str, str], Standing]
    mark: Callable[[str], str]
    undo: Callable[[str, int], Change]
    since: Callable[[str, int], Sequence[Change]]
    last: Callable[[str], Sequence[Change]]


@dataclass(frozen=True, slots=True)
class Overview:
    """The week in short: its edition (None while nothing is composed), what preflight finds, and what is wanted.

    `wanted` counts the launches of the last weeks that still lack a verdict, `launches` those of this week.
    """

    edition: Edition | None
    findings: tuple[Finding, ...]
    wanted: int
    launches: int


@dataclass(frozen=True, slots=True)
class ForFront:
    """The front page. All but `overview` take who does it and the week; then the revision, or the reason."""

    overview: Callable[[str], Overview]
    compose: Callable[[str, str], None]
    approve: Callable[[str, str, int], None]
    hold: Callable[[str, str, str], None]
    release: Callable[[str, str], None]
    skip: Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Steps:
    """Everything, by page."""

    site: Site
    every: EveryPage
    front: ForFront
