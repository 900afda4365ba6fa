"""What an editor may change: the matchups, their order, subject and intro. An edition in, an edition out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from digest.composing import MOST_LAUNCHES, briefs, preheader, subject
from digest.errors import EditionError
from digest.model import Edition, Launch, Matchup

#: Characters a subject may have; what is longer is cut everywhere. Source: mail programs show 40 to 90.
SUBJECT_MOST = 120

#: Characters an intro may have: a paragraph, not a second newsletter.
INTRO_MOST = 1_200


def with_matchups(
    edition: Edition, matchups: Sequence[Matchup], launches: Sequence[Launch], recent_subjects: Sequence[str] = ()
) -> Edition:
    """Put other matchups into an edition, or the same in another order; what depends on them is composed again.

    Args:
        edition: As it stands. Each place keeps its layout; a subject that an editor wrote stays.
        matchups: The lead first; at least one, and no tool twice.
        launches: All launches of the time it covers: those of tools that are compared are not listed again.
        recent_subjects: Subjects not to repeat.

    Raises:
        EditionError: There is no matchup, or a tool stands in two.
    """
    if not matchups:
        raise EditionError(f"{edition.week} needs a matchup; to end the week without one: `verdicts edition skip`")
    slugs = [side.tool.slug for matchup in matchups for side in matchup.sides]
    if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        raise EditionError(f"{edition.week}: {', '.join(twice)} would stand in two matchups; swap the other one first")
    layouts = [one.layout for one in edition.matchups]
    placed = tuple(
        replace(one, layout=layouts[place] if place < len(layouts) else "short") for place, one in enumerate(matchups)
    )
    others = briefs(launch for launch in launches if launch.tool_slug not in slugs)[:MOST_LAUNCHES]
    same_lead = bool(edition.matchups) and edition.matchups[0].slug == placed[0].slug
    kept = edition.own_subject or same_lead
    return replace(
        edition,
        matchups=placed,
        launches=others,
        subject=edition.subject if kept else subject(placed, recent_subjects, week=edition.week),
        preheader=preheader(placed, len(others)),
    )


def reordered(edition: Edition, order: Sequence[int]) -> tuple[Matchup, ...]:
    """Give the matchups in another order: their places as they are now, counted from 1, each once.

    Raises:
        EditionError: A place is missing, twice, or not there.
    """
    most = len(edition.matchups)
    if sorted(order) != list(range(1, most + 1)):
        shown = " ".join(map(str, order))
        raise EditionError(f"{edition.week}: found the order {shown!r}; allowed: each of 1 to {most} once")
    return tuple(edition.matchups[place - 1] for place in order)


def with_subject(edition: Edition, text: str) -> Edition:
    """Give an edition a subject in an editor's words.

    Raises:
        EditionError: It is empty, too long, or holds what no header may.
    """
    return replace(edition, subject=_line(edition.week, "subject", text, SUBJECT_MOST), own_subject=True)


def with_intro(edition: Edition, text: str) -> Edition:
    """Give an edition an intro in an editor's words; empty text takes it away.

    Raises:
        EditionError: It is too long or holds control characters.
    """
    return replace(edition, intro=_line(edition.week, "intro", text, INTRO_MOST) if text.strip() else "")


def _line(week: str, what: str, text: str, most: int) -> str:
    line = " ".join(text.split())
    if not line:
        raise EditionError(f"{week}: the {what} is empty; allowed: 1 to {most} characters")
    if len(line) > most:
        raise EditionError(f"{week}: the {what} has {len(line)} characters; allowed: at most {most}")
    if bad := [char for char in line if unicodedata.category(char) in {"Cc", "Cs"}]:
        raise EditionError(f"{week}: the {what} holds the control character {bad[0]!r}; allowed: plain text")
    return line
