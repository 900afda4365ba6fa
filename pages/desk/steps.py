"""What the desk can do: plain functions that whoever serves it hands in, grouped by page.

Each is called in a worker thread, takes what a form says, and raises an error of digest/errors.py whose text is for
people. One that changes something takes first who does it, and the `revision` of the edition the form was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.errors import Fault
from digest.model import Edition, Finding, Message, Site
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
class Mail:
    """An edition as it would be sent: `message` with its placeholder, and the token that stands there for a reader.

    `frozen` has the sha-256 of what was approved, "" while nothing is. `pictures` are the hosts that the editors' own
    settings and templates take pictures from; `names` are those of the tools compared, by slug.
    """

    message: Message
    token: str
    frozen: str
    pictures: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeenBy:
    """A subscriber to look at an edition as: `why` says why they would not get it, "" where they would."""

    id: str
    email: str
    why: str


@dataclass(frozen=True, slots=True)
class Header:
    """One header of a letter: as it is sent, folded and encoded, and what it is for."""

    name: str
    sent: str
    what: str


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What the last change to the folder of review files came to; `number` counts them, 0 while there was none.

    `said` is a sentence; `faults` are those of files that are still wrong, `trouble` says what else went wrong.
    """

    number: int = 0
    said: str = ""
    faults: tuple[Fault, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ForPreview:
    """The preview. A reader is "" for nobody, "sample" for one made up, else the id of a subscriber.

    `mail` and `headers` take a week and a reader, and give None and nothing while nothing is composed; `findings` are
    preflight's. Those three raise TemplateError. `find` takes an address and gives its reader. `mark`, asked many times
    a second, is another whenever the preview of a week is.
    """

    mail: Callable[[str, str], Mail | None]
    headers: Callable[[str, str], tuple[Header, ...]]
    findings: Callable[[str], tuple[Finding, ...]]
    find: Callable[[str], str]
    reader: Callable[[str], SeenBy | None]
    mark: Callable[[str], str]
    taken_in: Callable[[], TakenIn]


@dataclass(frozen=True, slots=True)
class Steps:
    """Everything, by page."""

    site: Site
    every: EveryPage
    front: ForFront
    preview: ForPreview
