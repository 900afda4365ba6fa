"""Picked pairs, their sentences and the week's other launches, put together as one edition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from digest.judging import bottom_line, pricing_read, reviewer_split
from digest.model import (
    Brief,
    Candidate,
    Correction,
    Edition,
    Launch,
    Layout,
    Matchup,
    PassedOver,
    Reviewer,
    Side,
    Tool,
)
from digest.pairing import Pair, why

#: A subject shorter than this says nothing, a longer one is cut on a phone.
SUBJECT_LENGTH = (30, 60)

#: Other launches listed at most.
MOST_LAUNCHES = 12


def compose(  # noqa: PLR0913 - what an edition is made of
    week: str,
    pairs: Sequence[Pair],
    passed_over: Sequence[PassedOver],
    launches: Sequence[Launch],
    panel: Sequence[Reviewer],
    *,
    since: datetime,
    until: datetime,
    recent_subjects: Sequence[str] = (),
    corrections: Sequence[Correction] = (),
) -> Edition:
    """Put one week's edition together: the best pair in full, the others short, then what else launched.

    Args:
        week: The ISO week.
        pairs: Picked pairs, lead first; empty makes an edition without matchups, which is never sent.
        passed_over: Pairs an editor may swap in.
        launches: All launches of the time covered, any order.
        panel: The reviewers.
        since: Start of the time covered, UTC.
        until: End of the time covered, UTC.
        recent_subjects: Subjects not to repeat.
        corrections: Printed calls that no longer hold.
    """
    matchups = tuple(matchup_of(pair, panel, layout="short" if number else "full") for number, pair in enumerate(pairs))
    shown = {side.tool.slug for matchup in matchups for side in matchup.sides}
    others = briefs(launch for launch in launches if launch.tool_slug not in shown)[:MOST_LAUNCHES]
    return Edition(
        week=week,
        subject=subject(matchups, recent_subjects),
        preheader=preheader(matchups, len(others)),
        matchups=matchups,
        since=since,
        until=until,
        launches=others,
        reviewers=tuple(one for one in sorted(panel, key=lambda one: (one.order, one.slug)) if one.active),
        passed_over=tuple(passed_over),
        corrections=tuple(corrections),
    )


def matchup_of(pair: Pair, panel: Sequence[Reviewer], *, layout: Layout = "short") -> Matchup:
    """Compare a pair in sentences."""
    a, b = _side(pair.a), _side(pair.b)
    return Matchup(
        a=a,
        b=b,
        score=pair.score,
        parts=pair.parts,
        why=why(pair),
        bottom_line=bottom_line(a, b),
        pricing_read=pricing_read(a.tool, b.tool),
        split=reviewer_split(a, b, panel),
        layout=layout,
    )


def _side(candidate: Candidate) -> Side:
    return Side(candidate.tool, candidate.verdict, candidate.community)


def briefs(launches: Iterable[Launch]) -> tuple[Brief, ...]:
    """Turn launches into lines, one per tool, the most widely carried first."""
    best: dict[str, Launch] = {}
    for launch in sorted(launches, key=weight):
        best.setdefault(launch.tool_slug, launch)
    return tuple(
        Brief(
            _name(launch), launch.tagline, launch.category, launch.link, launch.entries[0][0] if launch.entries else ""
        )
        for launch in best.values()
    )


def weight(launch: Launch) -> tuple[int, float, str]:
    """Sort key: launches carried by most feeds first, then the surest."""
    return (-len({feed for feed, _ in launch.entries}), -launch.score, launch.id)


def _name(launch: Launch) -> str:
    named = launch.version and launch.version in launch.tool_name
    return launch.tool_name if named or not launch.version else f"{launch.tool_name} {launch.version}"


def subject(matchups: Sequence[Matchup], recent: Sequence[str] = ()) -> str:
    """Compose a subject from the lead matchup: 30 to 60 characters and not among `recent`, where one can be made."""
    if not matchups:
        return ""
    a, b = (side.tool for side in matchups[0].sides)
    options = [*_subjects(a, b, len(matchups))]
    fitting = [one for one in options if SUBJECT_LENGTH[0] <= len(one) <= SUBJECT_LENGTH[1]]
    fresh = [one for one in fitting or options if one not in recent]
    return (fresh or fitting)[0] if fitting else _cut(min(fresh or options, key=len))


def _cut(text: str) -> str:
    most = SUBJECT_LENGTH[1]
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _subjects(a: Tool, b: Tool, count: int) -> Iterable[str]:
    pair = f"{a.name} or {b.name}?"
    yield f"{pair} The panel’s call"
    yield f"{pair} The panel has decided"
    yield f"{a.name} vs {b.name}: ship or skip?"
    yield f"Ship or skip: {a.name} against {b.name}"
    yield f"{pair} And {count - 1} more matchups" if count > 2 else f"{a.name} meets {b.name} this week"
    yield f"{a.name} vs {b.name}"
    yield f"Is {a.name} worth shipping? This week’s verdicts"
    yield f"{a.name}: ship or skip? This week’s verdicts"


def preheader(matchups: Sequence[Matchup], launches: int) -> str:
    """Compose the line shown behind the subject: what else is inside, or the lead's answer where it stands alone."""
    rest = [f"{one.a.tool.name} vs {one.b.tool.name}" for one in matchups[1:3]]
    more = [*rest, f"{launches} more {'launch' if launches == 1 else 'launches'}"] if launches else rest
    return f"Also inside: {', '.join(more)}." if more else (matchups[0].bottom_line if matchups else "")
