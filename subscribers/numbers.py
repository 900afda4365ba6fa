"""What an edition came to: outcomes at the mailboxes, who left, votes, and clicks of people apart from scanners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from sqlalchemy import ColumnElement, DateTime, Engine, and_, bindparam, func, literal_column, select, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.database import in_chunks, reading
from digest.model import Edition, Matchup
from subscribers.erasing import ERASED, LEFT
from subscribers.eventposts import LONGEST_ABOUT
from subscribers.outcomes import Outcomes, told_of
from subscribers.tables import BatchRow, ConsentRow, EventRow, VoteRow

#: A link opened sooner than this after its letter was delivered, or with three others within this time, was opened by
#: a program that looks for harm in mail.
_SCANNED_WITHIN = timedelta(seconds=10)

#: So many different links of one letter in that time are more than a person opens.
_LINKS_OF_A_SCANNER = 4


class Click(NamedTuple):
    """One link of one letter, when it was opened first; `delivered` is when the letter was, if that was told.

    Both moments are as the database gives them, with a zone or without.
    """

    whose: str
    about: str
    at: datetime
    delivered: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What an edition came to. Readers are counted once in each number.

    `left` are those who left after it and before the next one, `votes` those cast for its tools since it was sent.
    `clicks` are people's, as far as that can be told; `scanners` are not. `clicks_by_matchup` counts, by the slug of
    each matchup in order, the people who opened one of its links; `votes_by_matchup` likewise the votes for its tools.
    """

    told: Outcomes = field(default_factory=Outcomes)
    left: int = 0
    votes: int = 0
    clicks: int = 0
    scanners: int = 0
    clicks_by_matchup: Mapping[str, int] = field(default_factory=dict)
    votes_by_matchup: Mapping[str, int] = field(default_factory=dict)


def figures(engine: Engine, edition: Edition) -> Figures:
    """Count what an edition came to so far; all 0 before it is planned."""
    week = edition.week
    with reading(engine) as session:
        begun = _planned(session, col(BatchRow.week) == week)
        if begun is None:
            return Figures()
        following = _planned(session, col(BatchRow.week) > week)
        clicks = [Click(*row) for row in session.connection().execute(_CLICKS, {"week": week})]
        people = by_people(clicks)
        votes = _votes(session, {side.tool.slug for one in edition.matchups for side in one.sides}, begun)
        return Figures(
            told=told_of(session, week),
            left=_left(session, begun, following),
            votes=sum(votes.values()),
            clicks=len({one.whose for one in people}),
            scanners=len({one.whose for one in clicks} - {one.whose for one in people}),
            clicks_by_matchup=per_matchup(people, edition),
            votes_by_matchup={
                one.slug: sum(votes[slug] for slug in {side.tool.slug for side in one.sides})
                for one in edition.matchups
            },
        )


def by_people(clicks: Iterable[Click]) -> list[Click]:
    """Leave out what a scanner opened; `clicks` come by reader, each link once.

    It is decided by all that is known of a letter, so it does not matter in which order that was told.
    """
    return [
        one
        for _, of_one in groupby(clicks, key=attrgetter("whose"))
        for mine in [list(of_one)]
        for one in mine
        if not _at_once(one) and (len(mine) < _LINKS_OF_A_SCANNER or not _in_a_burst(one, mine))
    ]


def _at_once(one: Click) -> bool:
    return one.delivered is not None and one.at - one.delivered <= _SCANNED_WITHIN


def _in_a_burst(one: Click, mine: Sequence[Click]) -> bool:
    """Tell whether some span of that length holds this click and enough others."""
    starts = (start.at for start in mine if timedelta() <= one.at - start.at <= _SCANNED_WITHIN)
    return any(
        sum(start <= other.at <= start + _SCANNED_WITHIN for other in mine) >= _LINKS_OF_A_SCANNER for start in starts
    )


def per_matchup(clicks: Iterable[Click], edition: Edition) -> dict[str, int]:
    """Count the readers who opened a link of each matchup, by slug; a link that several share counts for none."""
    owners: dict[str, list[str]] = {}
    for matchup in edition.matchups:
        for about in _links(matchup, edition.week):
            owners.setdefault(about, []).append(matchup.slug)
    readers: dict[str, set[str]] = {matchup.slug: set() for matchup in edition.matchups}
    for one in clicks:
        if len(found := owners.get(one.about, [])) == 1:
            readers[found[0]].add(one.whose)
    return {slug: len(whose) for slug, whose in readers.items()}


def _links(matchup: Matchup, week: str) -> set[str]:
    """Name the links of a matchup as events do: its page, its votes, and its tools' own sites."""
    slugs = [quote(side.tool.slug, safe="") for side in matchup.sides]
    pages = {f"/compare/{quote(matchup.slug, safe='')}", *(f"/tools/{slug}" for slug in slugs)}
    votes = {f"/vote/{week}/{slug}/{call}" for slug in slugs for call in ("ship", "skip")}
    return {one[:LONGEST_ABOUT] for one in pages | votes | {_host(side.tool.url) for side in matchup.sides} if one}


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _planned(session: Session, which: ColumnElement[bool]) -> datetime | None:
    return session.execute(select(func.min(col(BatchRow.planned_at))).where(which)).scalar()


def _left(session: Session, begun: datetime, following: datetime | None) -> int:
    """Count who left in this time, also those who were erased since."""
    still = select(func.count(col(ConsentRow.subscriber_id).distinct())).where(
        col(ConsentRow.what).in_(LEFT), *_between(col(ConsentRow.at), begun, following)
    )
    gone = select(func.count(col(EventRow.subscriber_id).distinct())).where(
        col(EventRow.week) == ERASED, col(EventRow.kind).in_(LEFT), *_between(col(EventRow.at), begun, following)
    )
    return int(session.execute(still).scalar_one()) + int(session.execute(gone).scalar_one())


def _between(at: Any, begun: datetime, following: datetime | None) -> list[ColumnElement[bool]]:
    return [at >= begun, *([at < following] if following else [])]


def _votes(session: Session, tools: Collection[str], begun: datetime) -> Counter[str]:
    """Count votes by tool since a moment, also those of readers who were erased since."""
    found = Counter[str]()
    for some in in_chunks(sorted(tools)):
        still = (
            select(col(VoteRow.tool), func.count())
            .where(col(VoteRow.tool).in_(some), col(VoteRow.at) >= begun)
            .group_by(col(VoteRow.tool))
        )
        gone = (
            select(col(EventRow.about), func.count())
            .where(
                col(EventRow.week) == ERASED, col(EventRow.kind) == "vote", col(EventRow.about).in_(some),
                col(EventRow.at) >= begun,
            )
            .group_by(col(EventRow.about))
        )  # fmt: skip
        for tool, count in [*session.execute(still), *session.execute(gone)]:
            found[tool] += count
    return found


def _as_read(at: Any) -> ColumnElement[datetime]:
    """Read a moment as the driver gives it, which takes half the time; only how far two are apart is asked."""
    return type_coerce(at, DateTime(timezone=True))


_delivered = aliased(EventRow)

_CLICKS = (
    select(
        col(EventRow.subscriber_id), col(EventRow.about), _as_read(EventRow.at).label("at"),
        _as_read(_delivered.at).label("delivered"),
    )
    .outerjoin(
        _delivered,
        and_(
            col(_delivered.week) == bindparam("week"), col(_delivered.subscriber_id) == col(EventRow.subscriber_id),
            col(_delivered.kind) == "delivered", col(_delivered.about) == "",
        ),
    )
    # In the words of the index of clicks: what is bound could be another kind, so that would not be used.
    .where(col(EventRow.week) == bindparam("week"), col(EventRow.kind) == literal_column("'click'"))
    .order_by(col(EventRow.subscriber_id), col(EventRow.at))
)  # fmt: skip
