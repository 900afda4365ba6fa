"""Editions with what is hard to tell apart: names like labels, prices a digit apart, texts that look like figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from digest.judging import bottom_line, community_read, pricing_read, reviewer_split
from digest.model import Brief, Correction, Edition, Matchup, Side
from tests.examples import edition


def told(of: Edition) -> Edition:
    """The edition with the sentences that its rows give."""
    return replace(of, matchups=tuple(_told(pair, of) for pair in of.matchups))


def _told(pair: Matchup, of: Edition) -> Matchup:
    a, b = pair.sides
    return replace(
        pair,
        bottom_line=bottom_line(a, b, week=of.week),
        pricing_read=pricing_read(a.tool, b.tool, week=of.week, today=of.until.date()),
        split=reviewer_split(a, b, of.reviewers, week=of.week),
        community_read=community_read(a, b, week=of.week),
    )


def with_tools(of: Edition, *changes: dict[str, Any]) -> Edition:
    """The edition with each tool in turn changed, and its sentences told again."""
    left: Iterator[dict[str, Any]] = iter(changes)

    def changed(side: Side) -> Side:
        return replace(side, tool=replace(side.tool, **next(left, {})))

    return told(replace(of, matchups=tuple(replace(one, a=changed(one.a), b=changed(one.b)) for one in of.matchups)))


FLIPPED = Correction("foo", "Foo 3", "skeptic", "Skeptic", "ship", "skip", date(2026, 11, 4), "2026-W45")
GOOD = told(edition(5, full=2, corrections=(FLIPPED,)))

#: Editions in which one wrong digit makes something that is right elsewhere.
TRICKY = {
    "prices a digit apart": with_tools(
        edition(3, full=1, launches=3), *({"entry_price": f"${n}/month"} for n in (20, 30, 40, 90, 21, 10))
    ),
    "texts that look like figures": with_tools(
        edition(3, full=1, launches=3),
        {"description": "75 %"}, {"tagline": "3 of 4 ship"}, {"description": "$49/month"}, {"tagline": "50 %"},
        {"description": "Panel: 1 of 4 ship 25 %"}, {"tagline": "62 % (80 of 128 ship), 1 2 3 4 5 6 7 8 9 0"},
    ),
    "tools called as template and numbers": with_tools(
        edition(3, full=1, launches=3), *({"name": one} for one in ("Panel", "Community", "Ship", "Read", "7", "Entry"))
    ),
    "versions": with_tools(
        edition(3, full=1, launches=3),
        *({"name": one} for one in ("GPT-5", "GPT-5.2", "Model 3", "Model 4", "Model 5", "Model 3 mini")),
    ),
    "bare digits": with_tools(
        edition(3, full=1, launches=3),
        {"tagline": "7"}, {"name": "8"}, {"description": "9"}, {"vendor": "1"}, {"name": "01.AI", "vendor": "01.AI"},
    ),
    "launches called like labels and like tools": replace(
        with_tools(
            edition(2, full=1), {"name": "Claude 4.5"}, {"name": "Free", "entry_price": "Free"}, {"name": "Top 10"}
        ),
        launches=tuple(
            Brief(name, f"The {n}th of 9", "Models", f"https://example.org/p{n}", "feed")
            for n, name in enumerate(("Ship", "Claude 4.5", "Kiln", "Panel", "Top 10"))
        ),
    ),
    "launches that name only what stands elsewhere": replace(
        with_tools(edition(2), {"name": "Alpha", "vendor": "Beta 2"}, {"name": "Beta 2"}),
        launches=tuple(
            Brief(name, tagline, "Models", f"https://example.org/p{n}", f"feed {n}")
            for n, (name, tagline) in enumerate((("Skip", "Beta 2"), ("Alpha", "Panel"), ("Kiln", "")))
        ),
    ),
    "launches a digit apart": replace(
        told(edition(2)),
        launches=tuple(
            Brief(f"Beacon {n}", f"The {n}th of 9", "Models", f"https://example.org/b{n}", f"feed-{n}")
            for n in range(4)
        ),
        corrections=(FLIPPED, replace(FLIPPED, tool_name="Foo 4", week="2026-W46")),
    ),
}  # fmt: skip
