"""What an editor may change: the matchups, their order and look, every text of one's own. Edition in, edition out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from digest.composing import MOST_LAUNCHES, briefs, preheader, subject
from digest.errors import EditionError
from digest.model import Correction, Edition, Launch, Layout, Matchup

#: Characters a subject may have; what is longer is cut everywhere. Source: mail programs show 40 to 90.
SUBJECT_MOST = 120

#: Characters a preheader may have; lists of mail show about half of it.
PREHEADER_MOST = 200

#: Characters an intro may have: a paragraph or two, not a second newsletter.
INTRO_MOST = 1_200

#: Characters a blurb may have: a few sentences.
BLURB_MOST = 600


def with_matchups(
    edition: Edition, matchups: Sequence[Matchup], launches: Sequence[Launch], recent_subjects: Sequence[str] = ()
) -> Edition:
    """Put other matchups into an edition, or the same in another order; what depends on them is composed again.

    Args:
        edition: As it stands. Each place keeps its layout; a subject or preheader that an editor wrote stays.
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
        preheader=edition.preheader if edition.own_preheader else preheader(placed, len(others)),
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


def with_preheader(edition: Edition, text: str) -> Edition:
    """Give an edition a preheader in an editor's words; empty text brings back the composed one.

    Raises:
        EditionError: It is too long or holds control characters.
    """
    if not text.strip():
        composed = preheader(edition.matchups, len(edition.launches))
        return replace(edition, preheader=composed, own_preheader=False)
    return replace(edition, preheader=_line(edition.week, "preheader", text, PREHEADER_MOST), own_preheader=True)


def with_intro(edition: Edition, text: str) -> Edition:
    """Give an edition an intro in an editor's words, paragraphs parted by empty lines; empty text takes it away.

    Raises:
        EditionError: It is too long or holds control characters.
    """
    paragraphs = "\n\n".join(" ".join(one.split()) for one in re.split(r"\n\s*\n", text.strip()))
    _line(edition.week, "intro", text, INTRO_MOST, least=0)
    return replace(edition, intro=paragraphs)


def with_blurb(edition: Edition, slug: str, text: str) -> Edition:
    """Give a matchup, named by its slug, a paragraph in an editor's words; empty text takes it away.

    Raises:
        EditionError: It is too long or holds control characters, or there is no such matchup.
    """
    line = _line(edition.week, "blurb", text, BLURB_MOST, least=0)
    return _with(edition, slug, lambda one: replace(one, blurb=line))


def with_layout(edition: Edition, slug: str, layout: Layout) -> Edition:
    """Show a matchup, named by its slug, in full or short.

    Raises:
        EditionError: There is no such matchup.
    """
    return _with(edition, slug, lambda one: replace(one, layout=layout))


def with_correction(edition: Edition, correction: Correction) -> Edition:
    """Tell readers of a call that changed; of one reviewer and tool it tells the last word only."""
    others = without_correction(edition, correction.tool, correction.reviewer).corrections
    told = sorted((*others, correction), key=lambda one: (one.tool, one.reviewer))
    return replace(edition, corrections=tuple(told))


def without_correction(edition: Edition, tool: str, reviewer: str) -> Edition:
    """Tell readers nothing of a reviewer's changed call on a tool."""
    kept = (one for one in edition.corrections if (one.tool, one.reviewer) != (tool, reviewer))
    return replace(edition, corrections=tuple(kept))


def place_of(edition: Edition, slug: str) -> int:
    """Say where a matchup stands, named by its slug; the lead is 0.

    Raises:
        EditionError: There is no such matchup.
    """
    slugs = [one.slug for one in edition.matchups]
    if slug not in slugs:
        raise EditionError(f"{edition.week}: found {slug!r}; allowed: {', '.join(slugs)}")
    return slugs.index(slug)


def _with(edition: Edition, slug: str, change: Callable[[Matchup], Matchup]) -> Edition:
    matchups, place = list(edition.matchups), place_of(edition, slug)
    matchups[place] = change(matchups[place])
    return replace(edition, matchups=tuple(matchups))


def _line(week: str, what: str, text: str, most: int, *, least: int = 1) -> str:
    line = " ".join(text.split())
    if len(line) < least:
        raise EditionError(f"{week}: the {what} is empty; allowed: 1 to {most} characters")
    if len(line) > most:
        raise EditionError(f"{week}: the {what} has {len(line)} characters; allowed: at most {most}")
    if bad := [char for char in line if unicodedata.category(char) in {"Cc", "Cs"}]:
        raise EditionError(f"{week}: the {what} holds the control character {bad[0]!r}; allowed: plain text")
    return line
