"""What the desk can do: plain functions that whoever serves it hands in, grouped by page.

Each is called in a worker thread, takes what a form says, and raises an error of digest/errors.py whose text is for
people. One that changes something takes first who does it, and the `revision` of the edition the form was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from digest.editions import EditionRecord
from digest.errors import Fault
from digest.launches import Found, Line, Show
from digest.model import Correction, Edition, Entry, Finding, Launch, Message, Review, Reviewer, Site, Tool, Verdict
from digest.undoing import Change
from digest.wanting import Wanted
from sources.store import FeedHealth
from subscribers.counted import Came
from subscribers.numbers import Figures
from subscribers.pacing import Rest
from subscribers.progress import Hand, InDoubt, Progress, Refused
from subscribers.store import Suppressed

T = TypeVar("T")


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
    are what those keys mean for who looks. `mark` is another whenever any of this, or any change, is. `early`: the week
    is not there yet.
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
    early: bool


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
    """The front page. All but `overview` take who does it and the week; then the revision, or the reason.

    `take_up` takes an editor's skip back.
    """

    overview: Callable[[str], Overview]
    compose: Callable[[str, str], None]
    approve: Callable[[str, str, int], None]
    hold: Callable[[str, str, str], None]
    release: Callable[[str, str], None]
    take_up: Callable[[str, str], None]
    skip: Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Passed:
    """A pair that is not in the edition, with what it lacked when it was passed over.

    `place` is where it would go, counted from 1: where one of its tools stands now, else the weakest place nobody
    pinned. It is 0 where each of its tools stands in a place of its own, in `stands`, or one has no ready verdict.
    """

    a: str
    b: str
    a_name: str
    b_name: str
    score: float
    lacked: str
    place: int
    stands: tuple[int, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class EditionView:
    """A week's edition to be edited, None while nothing is composed; `open` says that it may still be changed.

    `pinned` are slugs of matchups, `vetoed` the slugs and names of one tool or two that must not stand in it. `due` are
    the calls that readers know otherwise than they are now. `tools` are names by slug of all that can be compared.
    """

    edition: Edition | None
    open: bool
    findings: tuple[Finding, ...] = ()
    passed: tuple[Passed, ...] = ()
    pinned: frozenset[str] = frozenset()
    vetoed: tuple[tuple[tuple[str, str], ...], ...] = ()
    due: tuple[Correction, ...] = ()
    tools: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ForEdition:
    """The edition's page. All but `look` take who does it, the week and the revision; then what is said here.

    `reword`: subject, preheader and intro; what is as stored stays. `blurb`: a matchup's slug and the text. `lay_out`:
    its slug and the layout. `renew`: its slug. `reorder`: the places as they are now, in their new order. `swap`: the
    place, and the names or slugs of two tools, or "" twice for the best pair not shown. `pin`, `free`: two slugs.
    `veto`: two slugs or one and "", and whether for every week; `free` takes both back. `tell`, `leave_untold`: the
    slugs of tool and reviewer.
    """

    look: Callable[[str], EditionView]
    reword: Callable[[str, str, int, str, str, str], None]
    blurb: Callable[[str, str, int, str, str], None]
    lay_out: Callable[[str, str, int, str, str], None]
    renew: Callable[[str, str, int, str], None]
    reorder: Callable[[str, str, int, Sequence[int]], None]
    swap: Callable[[str, str, int, int, str, str], None]
    pin: Callable[[str, str, int, str, str], None]
    veto: Callable[[str, str, int, str, str, bool], None]
    free: Callable[[str, str, int, str, str], None]
    tell: Callable[[str, str, int, str, str], None]
    leave_untold: Callable[[str, str, int, str, str], None]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an edition that can be looked at.

    `key` is "now", a week, or "c" and the number of the change that ended it. `group` is "This week" or "Other weeks";
    `approved` says that it is, or was, approved.
    """

    key: str
    group: str
    label: str
    approved: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A version with its message; `frozen` says that these are the bytes that were approved, else rendered just now."""

    version: Version
    edition: Edition
    message: Message
    frozen: bool


@dataclass(frozen=True, slots=True)
class ForComparing:
    """The page that compares. `versions` of a week, the newest first; `shown` takes a week and a version's key.

    `shown` gives None where there is no such version.
    """

    versions: Callable[[str], Sequence[Version]]
    shown: Callable[[str, str], Shown | None]


@dataclass(frozen=True, slots=True)
class WeekView:
    """How the launches of a week are looked at: which, the words searched for, and the page, from 1.

    `launch` is the id of the one that is open for `do` (rename, category, split or merge), with what `like` searches.
    """

    show: Show = "all"
    named: str = ""
    page: int = 1
    launch: str = ""
    do: str = ""
    like: str = ""


@dataclass(frozen=True, slots=True)
class OfWeek:
    """The launches of a week on one page, with all that is said of them.

    `reviewed` counts the active reviewers by tool slug, of `quorum` needed; `entries` are those of the page that are
    kept, by key. `near` are the launches that the open one may be merged with. `seen` is the number of the newest
    change: forms give it back, so that what others did since can be told. `compared` tells which tools stand in the
    week's edition, by slug: their pair and its place.
    """

    found: Found
    pages: int
    reviewed: Mapping[str, int]
    quorum: int
    entries: Mapping[tuple[str, str], Entry]
    wanted: Sequence[Wanted]
    many_wanted: int
    open: Line | None
    near: Sequence[Line]
    seen: int
    compared: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForWeek:
    """This week's launches. All but `look` and `announce` take who, the week, what forms `seen` and launches.

    A launch in a form is its id and its mark, with a space between. `merge` makes one of several: the first stays.
    `split` takes entries as `digest.store.entry_key` writes them, and the tool's name, "" to keep it. `announce` takes
    who, the week, the link or id of an entry, and a tool's name or "".
    """

    look: Callable[[str, WeekView], OfWeek]
    accept: Callable[[str, str, int, str], None]
    reject: Callable[[str, str, int, str], None]
    rename: Callable[[str, str, int, str, str], None]
    categorise: Callable[[str, str, int, str, str], None]
    merge: Callable[[str, str, int, Sequence[str]], None]
    split: Callable[[str, str, int, str, Sequence[str], str], None]
    announce: Callable[[str, str, str, str], None]


@dataclass(frozen=True, slots=True)
class PanelView:
    """The panel's view of a tool: its verdict, and how many reviews make it ready. `panel` are the active reviewers."""

    verdict: Verdict
    quorum: int
    panel: Sequence[Reviewer]

    @property
    def calls(self) -> list[tuple[Reviewer, str]]:
        """Each reviewer's call, in panel order; "" where there is none."""
        said = {one.reviewer: one.call for one in self.verdict.reviews}
        return [(one, said.get(one.slug, "")) for one in self.panel]

    @property
    def missing(self) -> int:
        """Reviews that are missing to a ready verdict."""
        return max(0, self.quorum - self.verdict.tally.n)


@dataclass(frozen=True, slots=True)
class ToReview:
    """A tool with what is needed to review it.

    `reviews` are the newest by slug of the reviewer, also of those no longer active; `today` is the day in the
    newsletter's zone. `mark` is another whenever what the form shows of the tool, or any review of it, is.
    """

    tool: Tool
    view: PanelView
    reviews: Mapping[str, Review]
    launches: Sequence[Launch]
    today: date
    mark: str

    @property
    def panel(self) -> Sequence[Reviewer]:
        """The active reviewers, in their order."""
        return self.view.panel


@dataclass(frozen=True, slots=True)
class ForReviews:
    """Reviews in. `wanted` gives the most wanted tools and how many are; `named` finds tools by words of their name.

    `view` takes a tool's slug, a reviewer and a call, and gives the panel's view as if that were said. `save` takes
    who, the week, the mark of the form and its fields, as in a review file; `take` who, the week and files, each with
    its name: all is kept or nothing.
    """

    today: Callable[[], date]
    wanted: Callable[[], tuple[Sequence[Wanted], int]]
    named: Callable[[str], Sequence[Tool]]
    tool: Callable[[str], ToReview]
    view: Callable[[str, str, str], PanelView]
    save: Callable[[str, str, str, Mapping[str, str]], None]
    take: Callable[[str, str, Sequence[tuple[str, bytes]]], str]


Level = Literal["good", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at of this installation, what it told, and what to do, "" where nothing."""

    about: str
    level: Level
    said: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class FeedLine:
    """How a feed does; `trouble` in one word, "" where it does well, and `mend` says what to do about it."""

    health: FeedHealth
    trouble: str
    mend: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is done by the clock: when as cron, and when that was and is next, UTC."""

    does: str
    setting: str
    cron: str
    before: datetime
    next: datetime


@dataclass(frozen=True, slots=True)
class LastRun:
    """What was done last, as far as the database knows: when (UTC, None for never) and what came of it."""

    did: str
    at: datetime | None
    said: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """How all of it does. `needs` are sentences on what needs a person.

    `feeds` in trouble come first. `letters` counts those outside the editions by state, `waiting_since` is of the
    oldest that is queued. `suppressions` counts addresses by reason; of the newest `email` is "" for nobody known.
    """

    needs: Sequence[str]
    checks: Sequence[Check]
    feeds: Sequence[FeedLine]
    schedules: Sequence[Schedule]
    runs: Sequence[LastRun]
    letters: Mapping[str, int] = field(default_factory=dict)
    waiting_since: datetime | None = None
    suppressions: Mapping[str, int] = field(default_factory=dict)
    newest: Sequence[Suppressed] = ()

    @property
    def in_trouble(self) -> int:
        """How many feeds are."""
        return sum(bool(one.trouble) for one in self.feeds)


@dataclass(frozen=True, slots=True)
class ForHealth:
    """How all of it does; looking changes nothing."""

    look: Callable[[], HealthView]


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
class Counted(Generic[T]):
    """What takes longer to count than a page may take: as it was at a moment, None before that; `counting` anew now."""

    value: T | None
    at: datetime | None
    counting: bool


@dataclass(frozen=True, slots=True)
class Running:
    """An edition that this desk sends, or sent: for whom, since when, and for what it waits.

    `ended` says what came of it, "" while it goes on, and `held` that the edition was held when it ended; `stopping`:
    somebody stopped it, and calls in flight end.
    """

    by: str
    since: datetime
    stopping: bool
    waits: Rest | None
    ended: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Going:
    """How an edition goes out, and `said`, a sentence for each: who sends it, or why nobody does.

    `waits`: no call is made just now, and the sentences say until when.
    """

    progress: Progress
    running: Running | None
    hands: tuple[tuple[str, Hand], ...]
    said: tuple[str, ...]
    waits: bool = False


@dataclass(frozen=True, slots=True)
class LastTest:
    """What came of a test: who got it, who did not and why, by address; `findings` are preflight's."""

    by: str
    at: datetime
    through: str
    got: tuple[str, ...]
    missed: Mapping[str, str]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a look at those in doubt came to, a sentence for each."""

    by: str
    at: datetime
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sending:
    """All about an edition's way to its readers; `edition` None while nothing is composed.

    `audience` counts by reason who receives it and who does not. `suggested` are addresses for a test. `going` is there
    once it was begun; `back` says that it may still be taken back, `too_late` that the clock sends it no more.
    """

    edition: EditionRecord | None
    findings: tuple[Finding, ...]
    audience: Counted[Mapping[str, int]]
    through: str
    suggested: tuple[str, ...]
    going: Going | None
    back: bool
    too_late: bool
    refused: Sequence[Refused]
    in_doubt: Sequence[InDoubt]
    tested: LastTest | None
    looked_up: LookedUp | None


@dataclass(frozen=True, slots=True)
class ForSending:
    """The page of an edition's way to its readers; approving, holding, releasing and skipping are the front page's.

    `going` is cheap, asked several times a second. `test` takes who, the week and addresses as they were typed; `begin`
    who, the week and the revision, and goes on when the page is closed; `stop` who and the week. `settle` takes who,
    the week, "" or what was decided of those in doubt ("resend", "give up"), the keys of the calls that were shown, and
    how many were shown to wait. `end` stops all that this desk sends, and waits for it.
    """

    look: Callable[[str], Sending]
    going: Callable[[str], Going | None]
    test: Callable[[str, str, str], None]
    begin: Callable[[str, str, int], None]
    stop: Callable[[str, str], None]
    settle: Callable[[str, str, str, Collection[str], int], None]
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class EditionNumbers:
    """What an edition came to; `figures` hold what takes long to count."""

    came: Came
    edition: Edition
    sent_at: datetime | None
    figures: Counted[Figures]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the editions came to: `all` that were begun, oldest first, and one of them, None while none was.

    `many` counts those there are, of which `all` may be the newest. `moved` is who joined and who left, by day.
    """

    all: Sequence[Came]
    many: int
    one: EditionNumbers | None
    moved: Counted[Mapping[date, tuple[int, int]]]
    hold_bounces_percent: int


@dataclass(frozen=True, slots=True)
class ForNumbers:
    """The numbers of a week's edition, else of the newest that was begun; and of all editions, or the newest."""

    look: Callable[[str, bool], Numbers]


@dataclass(frozen=True, slots=True)
class Steps:
    """Everything, by page."""

    site: Site
    every: EveryPage
    front: ForFront
    edition: ForEdition
    comparing: ForComparing
    week: ForWeek
    reviews: ForReviews
    preview: ForPreview
    health: ForHealth
    sending: ForSending
    numbers: ForNumbers
