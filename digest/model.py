"""The newsletter's words as values: frozen, compared by content, without any I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import floor
from typing import Literal

Call = Literal["ship", "skip"]
Layout = Literal["full", "short"]
State = Literal["draft", "approved", "sending", "sent", "skipped"]
Level = Literal["blocker", "warning"]

#: The only placeholder a message may hold: it becomes the token of a reader's own links.
READER = "[[reader]]"

#: Every category a tool or launch can have, in the order they are shown. Source: DESIGN, "Files people write".
CATEGORIES = (
    "Developer Tools",
    "Models",
    "Agents",
    "Image & Video",
    "Audio & Voice",
    "Writing & Docs",
    "Productivity",
    "Data & Analytics",
    "Search & Research",
    "Design",
    "Infrastructure",
    "Other",
)


@dataclass(frozen=True, slots=True)
class Feed:
    """An address we poll. `kind` is a file name in sources/kinds, or "auto"."""

    name: str
    url: str
    kind: str = "auto"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One item as a feed published it; (feed, id) is its key.

    `id` is the feed's own id, else the link. `title` and `summary` are plain text without markup; `summary` may be
    empty. `published` is UTC as the feed claims it, None when it claims nothing readable.
    """

    feed: str
    id: str
    link: str
    title: str
    summary: str = ""
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A product. `entry_price` is Free, Freemium, Paid or an amount; "" means nobody looked yet."""

    slug: str
    name: str
    vendor: str = ""
    tagline: str = ""
    description: str = ""
    category: str = "Other"
    tags: tuple[str, ...] = ()
    entry_price: str = ""
    price_checked_on: date | None = None
    open_source: bool | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """The announcement of a tool, or of a new version or feature of it.

    `id` is given at first sight and never changes. `entries` are the keys of the entries that carry it, in the order
    seen; `announced_at` is the earliest believable time among them, UTC; `score` runs from 0 to 1 and `reasons` say
    in plain words what raised or lowered it.
    """

    id: str
    tool_slug: str
    tool_name: str
    title: str
    link: str
    announced_at: datetime
    first_seen: datetime
    tagline: str = ""
    category: str = "Other"
    version: str = ""
    entry_price: str = ""
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    entries: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One judge: a role, not a person. `lens` is the question it asks of every tool."""

    slug: str
    name: str
    lens: str
    order: int
    active: bool = True


@dataclass(frozen=True, slots=True)
class Review:
    """One reviewer's call on a tool; a changed call or quote is a new version."""

    tool: str
    reviewer: str
    call: Call
    quote: str
    reviewed_on: date
    version: int = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """Ships among votes or reviews; `share` is None while there are none, never 0."""

    ships: int = 0
    n: int = 0

    @property
    def share(self) -> float | None:
        """Ships / n, from 0.0 to 1.0."""
        return self.ships / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The panel's reviews of one tool taken together, one per reviewer, in panel order.

    `panel_size` is the number of active reviewers when it was made: with `tally.n` it says how complete the verdict is.
    """

    tool: str
    reviews: tuple[Review, ...]
    panel_size: int

    @property
    def tally(self) -> Tally:
        """Panel ships and reviews."""
        return Tally(sum(review.call == "ship" for review in self.reviews), len(self.reviews))

    def by(self, reviewer: str) -> Review | None:
        """The review by this reviewer slug, None when there is none."""
        return next((review for review in self.reviews if review.reviewer == reviewer), None)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two tools of a matchup, with everything said of it at compose time."""

    tool: Tool
    verdict: Verdict
    community: Tally


@dataclass(frozen=True, slots=True)
class Matchup:
    """Two tools compared. `parts` are the parts of `score` by name; `why` is the sentence an editor reads.

    `blurb` is an editor's own paragraph for readers, "" for none.
    """

    a: Side
    b: Side
    score: float
    parts: tuple[tuple[str, float], ...]
    why: str
    bottom_line: str
    pricing_read: str
    split: str
    community_read: str = ""
    layout: Layout = "short"
    blurb: str = ""

    @property
    def slug(self) -> str:
        """The address of the comparison page, `a-vs-b`."""
        return f"{self.a.tool.slug}-vs-{self.b.tool.slug}"

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides, a first."""
        return (self.a, self.b)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A pair that was considered and not picked, with what it lacked."""

    a: str
    b: str
    score: float
    lacked: str


@dataclass(frozen=True, slots=True)
class Brief:
    """One of the week's other launches, as a line of the digest."""

    name: str
    tagline: str
    category: str
    link: str
    source: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A reviewer's call that changed after an edition had printed it: what readers were told, and what holds now."""

    tool: str
    tool_name: str
    reviewer: str
    reviewer_name: str
    before: Call
    after: Call
    changed_on: date
    week: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One week's digest as data: everything a message is rendered from.

    `week` is an ISO week such as 2026-W47. `matchups` come lead first; `reviewers` are the judges quoted, in panel
    order; `since` and `until` bound what it covers, UTC. `corrections` tell which printed calls no longer hold;
    `own_subject` and `own_preheader` mark those that an editor wrote.
    """

    week: str
    subject: str
    preheader: str
    matchups: tuple[Matchup, ...]
    since: datetime
    until: datetime
    intro: str = ""
    launches: tuple[Brief, ...] = ()
    reviewers: tuple[Reviewer, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    corrections: tuple[Correction, ...] = ()
    own_subject: bool = False
    own_preheader: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """Who publishes: what the masthead and the footer of a message and every page need.

    With a `utm_source`, the links of a message carry it to whom they lead; a reader's own links never do.
    """

    name: str
    tagline: str
    url: str
    postal_address: str = ""
    logo: str = ""
    utm_source: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Subject, html and text of an edition; the only placeholder in it is `[[reader]]`."""

    week: str
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing preflight found. `where` names the place, `fix` says how to mend it."""

    code: str
    level: Level
    message: str
    where: str
    fix: str


@dataclass(frozen=True, slots=True)
class Spotted:
    """What one entry (or one item of a digest entry) says of a launch."""

    launch: bool
    score: float
    reasons: tuple[str, ...] = ()
    tool: str = ""
    version: str = ""
    tagline: str = ""
    category: str = "Other"
    link: str = ""
    entry_price: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One spotted launch with the entry it was spotted in and when we first saw that entry, UTC."""

    entry: Entry
    spotted: Spotted
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of an edition's deliveries.

    Cumulative: planned = accepted + refused + dropped + unknown + given_up + what still waits. `delivered`, `bounced`
    and `complained` are part of accepted and come from events.
    """

    planned: int = 0
    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    unknown: int = 0
    given_up: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def waiting(self) -> int:
        """Planned deliveries that have no outcome yet."""
        return self.planned - self.accepted - self.refused - self.dropped - self.unknown - self.given_up


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool that may be compared: it has a ready verdict.

    `launched_at` is its newest launch or review since the last edition, None when nothing is new about it;
    `prominence` runs from 0 to 1 (how many feeds carried it, how strongly).
    """

    tool: Tool
    verdict: Verdict
    community: Tally = field(default_factory=Tally)
    launched_at: datetime | None = None
    prominence: float = 0.0


def slugify(name: str) -> str:
    """Turn a name into a slug: lower case, digits and letters of any script, words joined by one hyphen."""
    words = "".join(char if char.isalnum() else " " for char in name.casefold()).split()
    return "-".join(words)


def percent(share: float | None) -> str:
    """Show a share as a whole percent, "—" when it is missing."""
    return "—" if share is None else f"{whole_percent(share)} %"


def whole_percent(share: float) -> int:
    """Round a share to a whole percent, halves up; 0 is none and 100 is all."""
    whole = floor(round(share * 100, 6) + 0.5)  # 57 / 200 is a hair below 28.5 % in binary
    return whole if share in {0, 1} else min(max(whole, 1), 99)


def listing(words: Sequence[str]) -> str:
    """Join words as people do: "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
