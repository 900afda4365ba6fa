"""What editions came to: the newest in words, and all of them in plots, each with its table."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.responses import Response

from digest.wording import week_name
from pages.desk.plots import NARROW, WIDE, Bars, Column, Line, Plot, Point, bars, columns, shares, short_share
from pages.desk.steps import EditionNumbers, Numbers
from pages.desk.visiting import Here
from subscribers.counted import Came

if TYPE_CHECKING:
    from pages.desk.app import Desk

#: Complaints in a thousand letters: below the first mailboxes trust a sender, from the second on they turn mail away.
#: Source: Google, Email sender guidelines, spam rate; Yahoo, Sender requirements.
GOOD, BAD = 0.001, 0.003

#: Characters of a tool's name in words and tables.
_NAME = 60


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot at both widths, with what it is called and what it says, and its table: a head and rows."""

    key: str
    title: str
    said: str
    plots: tuple[tuple[str, Plot], ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()


def add_numbers(app: FastAPI, desk: Desk) -> None:
    """Add the page."""

    @app.get("/numbers")
    def look(visit: Here, all: str = "") -> Response:  # noqa: A002 - as the address says it
        at, every = desk.at(visit), all == "yes"
        found = desk.steps.numbers.look(at.week, every)
        where = f"/numbers?{urlencode({'week': at.week, **({'all': 'yes'} if every else {})})}"
        return desk.page(
            "numbers.html", visit, at, title="Numbers", where=where, found=found, every=every,
            said=in_words(found.one) if found.one else (), drawn_all=drawings(found),
            counting=found.moved.counting or bool(found.one and found.one.figures.counting),
        )  # fmt: skip


# In words


def in_words(one: EditionNumbers) -> list[str]:
    """Say in sentences what an edition came to."""
    told, counts, figures = one.came.told, one.came.counts, one.figures.value
    said = [f"It went to {_many(counts.accepted, 'reader')}{_others(one.came)}."]
    if told.delivered:
        said.append(
            f"{told.delivered:,} letters arrived ({exact(_share(told.delivered, counts.accepted))}),"
            f" {told.bounced:,} bounced ({exact(bounced(one.came))}: {told.bounced_hard:,} for good,"
            f" {told.bounced_soft:,} for now{f', {told.held_back:,} held back' if told.held_back else ''}),"
            f" and {told.complained:,} {'was' if told.complained == 1 else 'were'} complained about"
            f" ({_complaints(one.came)})."
        )
    elif told.bounced or told.complained:
        said.append(f"{told.bounced:,} bounced and {told.complained:,} were complained about; of those that arrived"
                    " nobody tells.")  # fmt: skip
    elif counts.accepted:
        said.append("Of what became of the letters nothing was told yet.")
    if figures is not None:
        scanners = f", besides {figures.scanners:,} programs that look for harm" if figures.scanners else ""
        said.append(
            f"{_many(figures.clicks, 'reader')} opened a link{scanners}; {_many(figures.votes, 'vote')} came in,"
            f" and {_many(figures.left, 'reader')} left before the next one."
        )
        said += _most_wanted(one, figures.clicks_by_matchup)
    return said


def _others(came: Came) -> str:
    counts = came.counts
    others = (
        (counts.refused, "refused"), (counts.dropped, "left meanwhile"), (counts.unknown, "in doubt"),
        (counts.given_up, "given up"), (counts.waiting, "still waiting"),
    )  # fmt: skip
    said = ", ".join(f"{many:,} {what}" for many, what in others if many)
    return f" of {counts.planned:,} ({said})" if said else ""


def _complaints(came: Came) -> str:
    share = complained(came)
    if share is None:
        return "—"
    line = GOOD if share < BAD else BAD
    return f"{exact(share)}, {'below' if share < line else 'not below'} the line of {short_share(line)}"


def _most_wanted(one: EditionNumbers, clicks: Mapping[str, int]) -> list[str]:
    names = {matchup.slug: f"{_cut(matchup.a.tool.name)} vs {_cut(matchup.b.tool.name)}"
             for matchup in one.edition.matchups}  # fmt: skip
    best = max(clicks, key=lambda slug: clicks[slug], default=None)
    return [f"Most opened {names[best]}: {_many(clicks[best], 'reader')}."] if best in names and clicks[best] else []


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def exact(share: float | None) -> str:
    """Write a small share so that it can be told from the next one; "—" where it is missing."""
    if share is None:
        return "—"
    return f"{share * 100:.2f} %" if share < 0.01 else f"{share * 100:.1f} %"


def _was_told(came: Came) -> bool:
    """Whether anybody told what became of letters; not every way of sending does."""
    told = came.told
    return bool(told.delivered or told.bounced or told.complained or told.held_back)


def bounced(came: Came) -> float | None:
    """Give the share of letters that bounced: of those of which an end was told, else of all that were accepted.

    None while nothing was told of any.
    """
    told = came.told
    if not _was_told(came):
        return None
    return _share(told.bounced, told.ended + told.held_back if told.delivered else came.counts.accepted)


def complained(came: Came) -> float | None:
    """Give the share of letters that were complained about, of those that arrived, else of all accepted.

    None while nothing was told of any.
    """
    told = came.told
    if not _was_told(came):
        return None
    return _share(told.complained, told.delivered + told.complained if told.delivered else came.counts.accepted)


def _told(number: int, came: Came) -> str:
    """Write a number that somebody must have told; "—" while nobody told anything."""
    return f"{number:,}" if _was_told(came) else "—"


def _arrived(came: Came) -> int | None:
    """Give how many letters arrived, None where nobody tells of those; some tell of bounces only."""
    return came.told.delivered or (0 if came.told.bounced and came.told.bounced == came.counts.accepted else None)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _cut(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


# In plots


def drawings(found: Numbers) -> list[Drawn]:
    """Draw everything there is to see."""
    if not found.one:
        return []
    mine = found.one.came.week
    return [
        *([_matchups(found.one)] if found.one.figures.value else []),
        _letters(found.all, mine), _bounces(found.all, mine, found.hold_bounces_percent / 100),
        _complained(found.all, mine), _list(found, mine),
    ]  # fmt: skip


def _matchups(one: EditionNumbers) -> Drawn:
    figures = one.figures.value
    clicks, votes = (figures.clicks_by_matchup, figures.votes_by_matchup) if figures else ({}, {})
    found = [
        Bars(f"{_cut(matchup.a.tool.name)} vs {_cut(matchup.b.tool.name)}",
             clicks.get(matchup.slug, 0), votes.get(matchup.slug, 0))
        for matchup in one.edition.matchups
    ]  # fmt: skip
    return Drawn(
        "matchups", f"Clicks and votes in {week_name(one.came.week).lower()}",
        "Of each matchup the readers who opened one of its links, and the votes for its tools since it was sent.",
        tuple((size, bars(found, width)) for size, width in _SIZES),
        ("Matchup", "Readers who clicked", "Votes"),
        tuple((one.label, f"{one.first:,}", f"{one.second:,}") for one in found),
        (("part", "readers who clicked"), ("hatched", "votes")),
    )  # fmt: skip


def _letters(came: Sequence[Came], mine: str) -> Drawn:
    found = [
        Column(_label(one), one.counts.accepted, min(arrived or 0, one.counts.accepted),
               f"{week_name(one.week)}: {one.counts.accepted:,} sent,"
               f" {'of arrivals nothing was told' if arrived is None else f'{arrived:,} arrived'}", one.week == mine)
        for one in came
        for arrived in [_arrived(one)]
    ]  # fmt: skip
    return Drawn(
        "letters", "Sent and arrived",
        "Of each edition the letters that the sender took, and of these those that a mailbox took.",
        tuple((size, columns(found, width)) for size, width in _SIZES),
        ("Edition", "Sent", "Arrived", "Share", "Refused", "Given up or in doubt"),
        tuple(
            (week_name(one.week), f"{one.counts.accepted:,}", "—" if arrived is None else f"{arrived:,}",
             exact(None if arrived is None else _share(arrived, one.counts.accepted)), f"{one.counts.refused:,}",
             f"{one.counts.given_up + one.counts.unknown:,}")
            for one in reversed(came)
            for arrived in [_arrived(one)]
        ),
        (("column", "sent"), ("part", "arrived")),
    )  # fmt: skip


def _bounces(came: Sequence[Came], mine: str, most: float) -> Drawn:
    worst = max((bounced(one) or 0.0 for one in came), default=0.0)
    lines = [Line(most, f"{short_share(most)}: it holds itself")] if worst > most / 4 else []
    return Drawn(
        "bounces", "Bounced",
        f"Of each edition the share of letters that no mailbox took. From {short_share(most)} on an edition that"
        " is being sent holds itself.",
        _over_time(came, bounced, lines, mine),
        ("Edition", "Bounced", "Share", "For good", "For now", "Held back"),
        tuple(
            (week_name(one.week), _told(one.told.bounced, one), exact(bounced(one)), _told(one.told.bounced_hard, one),
             _told(one.told.bounced_soft, one), _told(one.told.held_back, one))
            for one in reversed(came)
        ),
        (*_legend(lines), *((("diamond", "at the line or above"),) if lines else ())),
    )  # fmt: skip


def _complained(came: Sequence[Came], mine: str) -> Drawn:
    lines = [Line(GOOD, "0.1 %: stay below"), Line(BAD, "0.3 %: mail is turned away")]
    return Drawn(
        "complaints", "Complaints",
        "Of each edition the share of letters that their readers called spam. Below 0.1 % mailboxes trust a sender;"
        " from 0.3 % on they turn its mail away.",
        _over_time(came, complained, lines, mine),
        ("Edition", "Complaints", "Share", "Against the lines"),
        tuple(
            (week_name(one.week), _told(one.told.complained, one), exact(share), _against(share))
            for one in reversed(came)
            for share in [complained(one)]
        ),
        (*_legend(lines), ("diamond", "0.1 % or more"), ("triangle", "0.3 % or more")),
    )  # fmt: skip


def _legend(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """Say what lines mean; the lowest is dotted, the next dashed."""
    return [(kind, one.label) for kind, one in zip(("dotted", "dashed"), lines, strict=False)]


def _against(share: float | None) -> str:
    if share is None:
        return "—"
    return "below 0.1 %" if share < GOOD else "0.1 % or more" if share < BAD else "0.3 % or more"


def _list(found: Numbers, mine: str) -> Drawn:
    many = [
        Column(_label(one), one.counts.planned, one.counts.planned,
               f"{week_name(one.week)}: {one.counts.planned:,} readers", one.week == mine)
        for one in found.all
    ]  # fmt: skip
    moved = moves(found.all, found.moved.value)
    return Drawn(
        "list", "The list",
        "Of each edition the readers it was meant for; in the table who joined and who left since the one before it.",
        tuple((size, columns(many, width)) for size, width in _SIZES),
        ("Edition", "Readers", "Joined", "Left"),
        (("Since then", "", *moved[-1]),
         *((week_name(one.week), f"{one.counts.planned:,}", *moves_of)
           for one, moves_of in reversed([*zip(found.all, moved, strict=False)]))),
    )  # fmt: skip


def moves(came: Sequence[Came], by_day: Mapping[date, tuple[int, int]] | None) -> list[tuple[str, str]]:
    """Say how many joined and left until each edition, since the one before, and last how many since the newest.

    Until the oldest that is shown all are counted who ever did; "…" while it is being counted.
    """
    if by_day is None:
        return [("…", "…")] * (len(came) + 1)
    days = [one.begun.date() for one in came]
    sums = [[0, 0] for _ in range(len(days) + 1)]
    for day, (joined, left) in by_day.items():
        place = bisect_left(days, day)
        sums[place][0] += joined
        sums[place][1] += left
    return [(f"+{joined:,}", f"−{left:,}") for joined, left in sums]


def _over_time(
    came: Sequence[Came], share: Callable[[Came], float | None], lines: Sequence[Line], mine: str
) -> tuple[tuple[str, Plot], ...]:
    points = [
        Point(_label(one), share(one), f"{week_name(one.week)}: {exact(share(one))}", one.week == mine) for one in came
    ]
    return tuple((size, shares(points, lines, width)) for size, width in _SIZES)


def _label(came: Came) -> str:
    return came.week.partition("-")[2]


_SIZES = (("wide", WIDE), ("narrow", NARROW))
