"""Picked pairs, their sentences and the week's other launches, put together as one edition."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from urllib.parse import urlsplit

from digest.judging import bottom_line, community_read, pricing_read, reviewer_split
from digest.model import Brief, Candidate, Correction, Edition, Launch, Layout, Matchup, PassedOver, Reviewer, Side
from digest.pairing import Pair, why

#: A subject shorter than this says nothing, a longer one is cut on a phone.
SUBJECT_LENGTH = (30, 60)

#: A preheader shorter than this lets the first line of the message show behind it, of a longer one the end is not seen.
PREHEADER_LENGTH = (30, 100)

#: Subjects that name both tools. Any one fits whatever the names: with names of one letter it is long enough, and it
#: leaves 20 characters for names cut short. No ending is the ending of another, so no two can make the same subject;
#: there are more than the eight recent ones, so one is always new.
_BOTH = (
    "{a} or {b}? The panel’s call on both tools",
    "{a} or {b}? The reviewers have spoken",
    "{a} vs {b}: which one would you ship?",
    "{a} vs {b}: the panel’s ship or skip",
    "{a} or {b}? What the reviewers say",
    "{a} against {b}: the verdicts are in",
    "{a} or {b}? Where the panel stands",
    "{a} meets {b}: ship it or skip it?",
    "{a} and {b}, judged by the same panel",
    "{a} or {b}: which one is worth it?",
    "{a} vs {b}: how the reviews compare",
    "{a} or {b}? Read before you choose",
)
#: Subjects for a pair whose names do not fit together.
_ONE = (
    "{a}: ship or skip? This week’s verdicts",
    "Is {a} worth shipping? The panel’s answer",
    "{a}, judged next to its rival",
    "Would you ship {a}? The panel’s verdict",
    "{a} and its rival: the calls",
    "{a}: what the reviewers say",
)

#: Other launches listed at most.
MOST_LAUNCHES = 12


def compose(  # noqa: PLR0913 - an edition is made of that much, and all by keyword but what it is about
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
        corrections: Printed calls that no longer hold, in the order they are told.
    """
    matchups = tuple(
        matchup_of(pair, panel, week, until.date(), layout="short" if place else "full")
        for place, pair in enumerate(pairs)
    )
    shown = {side.tool.slug for matchup in matchups for side in matchup.sides}
    others = briefs(launch for launch in launches if launch.tool_slug not in shown)[:MOST_LAUNCHES]
    return Edition(
        week=week,
        subject=subject(matchups, recent_subjects, week=week),
        preheader=preheader(matchups, len(others)),
        matchups=matchups,
        since=since,
        until=until,
        launches=others,
        reviewers=tuple(one for one in sorted(panel, key=lambda one: (one.order, one.slug)) if one.active),
        passed_over=tuple(passed_over),
        corrections=tuple(corrections),
    )


def matchup_of(pair: Pair, panel: Sequence[Reviewer], week: str, today: date, *, layout: Layout = "short") -> Matchup:
    """Compare a pair in sentences, worded for a week; `today` is the last day that the edition covers."""
    a, b = _side(pair.a), _side(pair.b)
    return Matchup(
        a=a,
        b=b,
        score=pair.score,
        parts=pair.parts,
        why=why(pair),
        bottom_line=bottom_line(a, b, week=week),
        pricing_read=pricing_read(a.tool, b.tool, week=week, today=today),
        split=reviewer_split(a, b, panel, week=week),
        community_read=community_read(a, b, week=week),
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
            _name(launch),
            launch.tagline,
            launch.category,
            _fit(launch.link),
            launch.entries[0][0] if launch.entries else "",
        )
        for launch in best.values()
    )


def _fit(link: str) -> str:
    """A feed's link if mail may carry it, else "": one http link of one feed must not keep an edition back."""
    try:
        parts = urlsplit(link)
    except ValueError:  # such as https://[
        return ""
    return link if parts.scheme.lower() == "https" and (parts.hostname or "") not in _HERE else ""


_HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - no address to listen on


def weight(launch: Launch) -> tuple[int, float, str]:
    """Sort key: launches carried by most feeds first, then the surest."""
    return (-len({feed for feed, _ in launch.entries}), -launch.score, launch.id)


def _name(launch: Launch) -> str:
    named = launch.version and launch.version in launch.tool_name
    return launch.tool_name if named or not launch.version else f"{launch.tool_name} {launch.version}"


def subject(matchups: Sequence[Matchup], recent: Sequence[str] = (), *, week: str = "") -> str:
    """Compose a subject of 30 to 60 characters from the lead matchup, "" without one.

    It is not among `recent` as long as those are fewer than the frames that name both tools. Names stand whole where
    a frame can be found for them, else they are cut with an ellipsis; a frame used lately waits.
    """
    if not matchups:
        return ""
    lead = matchups[0]
    a, b = (" ".join(side.tool.name.split()) or side.tool.slug for side in lead.sides)
    used = {" ".join(one.split()) for one in recent}
    whole = [one for one in _subjects(a, b) if SUBJECT_LENGTH[0] <= len(one[1]) <= SUBJECT_LENGTH[1]]
    options = [one for one in whole if one[1] not in used]
    options = options or [one for one in _shortened(a, b) if one[1] not in used] or [*_shortened(a, b)]

    def order(option: tuple[str, str]) -> tuple[bool, bool, bytes]:
        frame, _ = option
        stale = any(one.endswith(frame.rpartition("}")[2]) for one in used)
        return frame not in _BOTH, stale, hashlib.sha256(f"{week} {lead.slug} {frame}".encode()).digest()

    return min(options, key=order)[1]


def _subjects(a: str, b: str) -> Iterator[tuple[str, str]]:
    """Each frame with the subject it makes of whole names."""
    yield from ((frame, frame.format(a=a, b=b)) for frame in _BOTH)
    yield from ((frame, frame.format(a=name)) for name in (a, b) for frame in _ONE)


def _shortened(a: str, b: str) -> Iterator[tuple[str, str]]:
    """Each frame that names both, with the names cut as far as it takes."""
    for frame in _BOTH:
        room = SUBJECT_LENGTH[1] - len(frame.format(a="", b=""))
        for_a = max(room // 2, room - len(b))
        yield frame, frame.format(a=_cut(a, for_a), b=_cut(b, max(room - for_a, room - len(a))))


def _cut(text: str, most: int) -> str:
    """At most this many characters, an ellipsis for what is left out; no mark is parted from its letter."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > 1 and (unicodedata.combining(text[end]) or "\u200d" in text[end - 1 : end + 1]):
        end -= 1
    return f"{text[:end].rstrip()}…"


def preheader(matchups: Sequence[Matchup], launches: int) -> str:
    """Compose the line shown behind the subject: what else is inside, or the lead's answer where it stands alone.

    It has 30 to 100 characters: the last thing that can be said names nobody. Without matchups it is "".
    """
    if not matchups:
        return ""
    options = [*_inside(matchups[1:], launches), *_answers(matchups[0])]
    short, long = PREHEADER_LENGTH
    return next(one for one in options if short <= len(one) <= long)


def _inside(rest: Sequence[Matchup], launches: int) -> Iterator[str]:
    """What is inside besides the lead: as many pairs by name as fit, the others and the launches by number."""
    more = [f"{launches} more {'launch' if launches == 1 else 'launches'}"] if launches else []
    for named in range(min(3, len(rest)), -1, -1):
        names = [f"{one.a.tool.name} vs {one.b.tool.name}" for one in rest[:named]]
        left = len(rest) - named
        counted = [f"{left} {'pair' if left == 1 else 'pairs'}" if not named else f"{left} more"] if left else []
        if names or counted or more:
            yield f"Also inside: {', '.join((*names, *counted, *more))}."


def _answers(lead: Matchup) -> Iterator[str]:
    """What the lead comes to."""
    a, b = (side.tool.name for side in lead.sides)
    yield lead.bottom_line
    yield lead.split
    yield f"What the panel says of {a} and {b}, and why."
    yield f"What the panel says of {a}, and why."
    yield "What the panel says, reviewer by reviewer, and why."
