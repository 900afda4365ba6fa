"""What a template of an email sees: the values of an edition as it prints them, made safe by the function given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from digest.model import (
    CATEGORIES,
    READER,
    Call,
    Edition,
    Matchup,
    Reviewer,
    Side,
    Site,
    Tally,
    percent,
    whole_percent,
)
from digest.wording import (
    address,
    campaign,
    columns,
    community_note,
    correction,
    day,
    one_line,
    panel_note,
    period,
    week_name,
)

#: Turns outside text into text that is safe in one part of the message.
Put = Callable[[str], str]

#: Up to this many reviews the panel's bar has one cell each; more would be too thin to count.
_MAX_CELLS = 12

#: A tagline up to this wide stays on one line of a column in the serif type of the email.
_TAGLINE_COLUMNS = 34


class OwnLink(str):
    """An address with the placeholder of a reader's own links in it, which stays as it is in an attribute too."""

    __slots__ = ()


class Cell(NamedTuple):
    """A stretch of a bar: `ship`, `skip` or `none` (nobody has said anything), `width` in percent."""

    kind: str
    width: str


@dataclass(frozen=True, slots=True)
class MeasureView:
    """A ship percentage ("—" when there is none), where it comes from, and its bar."""

    percent: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SideView:
    """One tool of a matchup. `url` is "" when the tool has no usable address; `maker` may be "" too.

    `ship` and `skip` are the reader's own links to vote.
    """

    name: str
    url: str
    maker: str
    category: str
    tagline: str
    description: str
    panel: MeasureView
    community: MeasureView
    price: str
    price_checked: str
    ship: OwnLink
    skip: OwnLink


@dataclass(frozen=True, slots=True)
class CallView:
    """A reviewer's call on one tool; `call` is "" and `quote` empty while there is none."""

    tool: str
    call: str
    quote: str


@dataclass(frozen=True, slots=True)
class JudgeView:
    """A row of the scorecard: a reviewer and the calls on both tools, a first. `lens` may be ""."""

    name: str
    lens: str
    calls: tuple[CallView, CallView]


@dataclass(frozen=True, slots=True)
class MatchupView:
    """One comparison; `url` leads to its full page, `full` says whether the scorecard is shown here.

    `blurb` is "" where no editor wrote one, `community_read` where too few readers have voted. `mixed` says that the
    tools are of different categories, `long_taglines` that one of them takes two lines in a column, so that both get
    the room and the numbers below stay level.
    """

    number: int
    category: str
    mixed: bool
    long_taglines: bool
    full: bool
    a: SideView
    b: SideView
    blurb: str
    bottom_line: str
    pricing_read: str
    split: str
    community_read: str
    judges: tuple[JudgeView, ...]
    url: str


@dataclass(frozen=True, slots=True)
class BriefView:
    """One of the other launches; `url` is "" when its address is not usable."""

    name: str
    tagline: str
    source: str
    url: str


@dataclass(frozen=True, slots=True)
class LinksView:
    """Addresses of ours that letters lead to: `subscribe` for anybody; `preferences` and `leave` are one reader's."""

    subscribe: str
    preferences: OwnLink
    leave: OwnLink


def digest_view(edition: Edition, site: Site, put: Put) -> dict[str, object]:
    """What the templates of the digest see.

    Args:
        edition: Matchups lead first; each is shown as its `layout` says.
        site: Who publishes; all links of ours start with its `url`.
        put: Every text from outside passes through it.
    """
    paragraphs = (put(paragraph) for paragraph in re.split(r"\n\s*\n", edition.intro))
    return letter_view(site, put, edition.week) | {
        "subject": put(edition.subject),
        "preheader": put(edition.preheader),
        "week": edition.week,
        "week_name": week_name(edition.week),
        "period": period(edition),
        "browser_url": campaign(f"{_home(site)}/editions/{edition.week}", site, edition.week),
        "intro": [paragraph for paragraph in paragraphs if paragraph],
        "matchups": [_matchup_view(n, matchup, edition, site, put) for n, matchup in enumerate(edition.matchups, 1)],
        "launches": _grouped(edition, site, put),
        "corrections": [put(correction(one, edition.until.year)) for one in edition.corrections],
    }


def letter_view(site: Site, put: Put, campaign_name: str = "") -> dict[str, object]:
    """What the frame of every email needs: `site` and `links`."""
    home = _home(site)
    logo = address(site.logo if "//" in site.logo else f"{home}/{site.logo.lstrip('/')}") if site.logo else ""
    shown = {
        "name": put(site.name),
        "tagline": put(site.tagline),
        "url": home,
        "postal_address": put(site.postal_address),
        "logo": logo,
    }
    own = (OwnLink(f"{home}/{page}/{READER}") for page in ("preferences", "leave"))
    return {"site": shown, "links": LinksView(campaign(f"{home}/", site, campaign_name), *own)}


def _home(site: Site) -> str:
    return address(site.url).rstrip("/")


def _matchup_view(number: int, matchup: Matchup, edition: Edition, site: Site, put: Put) -> MatchupView:
    a, b = (_side_view(side, edition, site, put) for side in matchup.sides)
    return MatchupView(
        number=number,
        category=put(" / ".join(dict.fromkeys(side.tool.category for side in matchup.sides))),
        mixed=a.category != b.category,
        long_taglines=any(columns(one_line(side.tool.tagline)) > _TAGLINE_COLUMNS for side in matchup.sides),
        full=matchup.layout == "full",
        a=a,
        b=b,
        blurb=put(matchup.blurb),
        bottom_line=put(matchup.bottom_line),
        pricing_read=put(matchup.pricing_read),
        split=put(matchup.split),
        community_read=put(matchup.community_read),
        judges=tuple(_judge_view(reviewer, matchup, put) for reviewer in _judges(edition, matchup)),
        url=campaign(f"{_home(site)}/compare/{quote(matchup.slug, safe='')}", site, edition.week),
    )


def _judges(edition: Edition, matchup: Matchup) -> Iterator[Reviewer]:
    """Those with a call on either tool, in panel order; then any whose review counts but who left the panel."""
    called = {review.reviewer for side in matchup.sides for review in side.verdict.reviews}
    known = {reviewer.slug for reviewer in edition.reviewers}
    yield from (reviewer for reviewer in edition.reviewers if reviewer.slug in called)
    yield from (Reviewer(slug, slug.replace("-", " ").title(), "", 0) for slug in sorted(called - known))


def _judge_view(reviewer: Reviewer, matchup: Matchup, put: Put) -> JudgeView:
    a, b = (_call_view(side, reviewer, put) for side in matchup.sides)
    return JudgeView(put(reviewer.name), put(reviewer.lens), (a, b))


def _call_view(side: Side, reviewer: Reviewer, put: Put) -> CallView:
    review = side.verdict.by(reviewer.slug)
    name = put(side.tool.name)
    return CallView(name, review.call, put(review.quote)) if review else CallView(name, "", "")


def _side_view(side: Side, edition: Edition, site: Site, put: Put) -> SideView:
    tool, url = side.tool, address(side.tool.url)
    maker = one_line(tool.vendor) or (urlsplit(url).hostname or "").removeprefix("www.")
    checked = tool.price_checked_on
    return SideView(
        name=put(tool.name),
        url=campaign(url, site, edition.week),
        maker=put(f"{maker} · open source" if maker and tool.open_source else maker),
        category=put(tool.category),
        tagline=put(tool.tagline),
        description=put(tool.description),
        panel=panel_view(side),
        community=community_view(side.community),
        price=put(tool.entry_price) or "—",
        price_checked=day(checked, edition.until.year) if checked else "",
        ship=vote_link(site, edition.week, tool.slug, "ship"),
        skip=vote_link(site, edition.week, tool.slug, "skip"),
    )


def vote_link(site: Site, week: str, slug: str, call: Call) -> OwnLink:
    """A reader's own link to vote for a tool; it leads to a page with the choice preset and one button."""
    return OwnLink(f"{_home(site)}/vote/{READER}/{week}/{quote(slug, safe='')}/{call}")


def panel_view(side: Side) -> MeasureView:
    """A panel's percentage, with one cell of the bar for each call while they can be counted."""
    tally, calls = side.verdict.tally, [review.call for review in side.verdict.reviews]
    each = f"{100 / max(len(calls), 1):.4g}"
    cells = tuple(Cell(call, each) for call in calls) if 0 < len(calls) <= _MAX_CELLS else _stretch(tally)
    return MeasureView(percent(tally.share), panel_note(side), cells)


def community_view(votes: Tally) -> MeasureView:
    """A community's percentage, with a bar that is as long."""
    return MeasureView(percent(votes.share), community_note(votes), _stretch(votes))


def _stretch(tally: Tally) -> tuple[Cell, ...]:
    """A bar without gaps, as wide as the printed percentage says."""
    if tally.share is None:
        return (Cell("none", "100"),)
    ships = whole_percent(tally.share)
    return tuple(Cell(kind, str(width)) for kind, width in (("ship", ships), ("skip", 100 - ships)) if width)


def _grouped(edition: Edition, site: Site, put: Put) -> list[tuple[str, list[BriefView]]]:
    """Launches by category, categories in their usual order, those we do not know last."""
    order = {category: place for place, category in enumerate(CATEGORIES)}
    groups: dict[str, list[BriefView]] = {}
    for launch in sorted(edition.launches, key=lambda launch: order.get(launch.category, len(order))):
        name, tagline, source = (put(part) for part in (launch.name, launch.tagline, launch.source))
        url = campaign(address(launch.link), site, edition.week)
        groups.setdefault(put(launch.category), []).append(BriefView(name, tagline, source, url))
    return list(groups.items())
