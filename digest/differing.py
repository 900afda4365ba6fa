"""What differs between two versions of an edition: in a list of changes, and in their texts with what came and went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from digest.model import Edition, Matchup, Side, listing

#: Unchanged lines shown on either side of a change; longer stretches are folded.
CONTEXT = 3

#: Lines compared one by one, and words of a stretch compared word by word; what is longer is shown as gone and new.
_MOST_LINES, _MOST_WORDS = 4_000, 600

#: Two stretches with a smaller share of words in common read better one after the other.
_ALIKE = 0.35


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines of a comparison, in order: `same` are near a change, `folded` are not; `changed` has what came and went."""

    kind: Literal["same", "folded", "changed"]
    pieces: tuple[Piece, ...]

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return sum(piece.text.count("\n") for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Told:
    """One change of an edition: what was changed, and what came and went of it."""

    what: str
    pieces: tuple[Piece, ...]


@lru_cache(maxsize=16)  # who looks at two versions looks again
def stretches(before: str, after: str) -> tuple[Stretch, ...]:
    """Compare two texts line by line, and what differs word by word; empty where they are the same."""
    if before == after:
        return ()
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[Stretch] = []
    for kind, start, end, other_start, other_end in _opcodes(old, new):
        if kind == "equal":
            found += _unchanged(new[other_start:other_end], first=start == 0, last=end == len(old))
        else:
            found.append(Stretch("changed", _lines_marked(old[start:end], new[other_start:other_end])))
    return tuple(found)


def in_lines(html: str) -> str:
    """Give a page's source with each tag that follows another on a line of its own, to be compared by lines."""
    return html.replace("><", ">\n<")


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Give the steps from one text to another; empty lines alone hold no two places together."""
    if max(len(old), len(new)) > _MOST_LINES:
        yield "replace", 0, len(old), 0, len(new)
    else:
        yield from SequenceMatcher(lambda line: not line.strip(), old, new).get_opcodes()


def _unchanged(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[Stretch]:
    """Fold what is far from changes; the first and the last stretch have one on one side only."""
    head, tail = 0 if first else CONTEXT, 0 if last else CONTEXT
    if len(lines) <= head + tail + 1:
        head, tail = len(lines), 0
    parts = (("same", lines[:head]), ("folded", lines[head : len(lines) - tail]), ("same", lines[len(lines) - tail :]))
    for kind, part in parts if tail else parts[:2]:
        if part:
            yield Stretch("folded" if kind == "folded" else "same", (Piece("same", "".join(part)),))


def _lines_marked(old: Sequence[str], new: Sequence[str]) -> tuple[Piece, ...]:
    before, after = "".join(old), "".join(new)
    return words_marked(before, after) or _one_after_the_other(before, after)


def marked(before: str, after: str) -> tuple[Piece, ...]:
    """Compare two short texts word by word."""
    return words_marked(before, after) or _one_after_the_other(before, after)


def _one_after_the_other(before: str, after: str) -> tuple[Piece, ...]:
    return (*_apart("gone", [before]), *_apart("new", [after]))


def words_marked(before: str, after: str) -> tuple[Piece, ...]:
    """Compare two texts word by word; empty where they are too long for it, or have too little in common."""
    old, new = (re.findall(r"\s*\S+|\s+$", text) for text in (before, after))
    if not old or not new or max(len(old), len(new)) > _MOST_WORDS:
        return ()
    matcher = SequenceMatcher(None, [one.strip() for one in old], [one.strip() for one in new], autojunk=False)
    if matcher.ratio() < _ALIKE:
        return ()
    pieces: list[Piece] = []
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(new[other_start:other_end])))
        else:
            pieces += _apart("gone", old[start:end])
            pieces += _apart("new", new[other_start:other_end])
    return tuple(pieces)


def _apart(kind: Literal["gone", "new"], words: Sequence[str]) -> Iterator[Piece]:
    """Give words as a piece, and the space before them as one that stayed: a line through nothing says nothing."""
    text = "".join(words)
    said = text.lstrip()
    if len(said) < len(text):
        yield Piece("same", text[: len(text) - len(said)])
    if said:
        yield Piece(kind, said)


# What was changed, in a list


def told(before: Edition, after: Edition) -> list[Told]:
    """List what differs between two editions, in the order a reader meets it; empty where nothing does."""
    return [*_texts(before, after), *_pairs(before, after), *_lists(before, after)]


def _texts(before: Edition, after: Edition) -> Iterator[Told]:
    for name in ("subject", "preheader", "intro"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Told(name.title(), marked(old, new))


def _pairs(before: Edition, after: Edition) -> Iterator[Told]:
    """What became of each place, then the pairs that have none any more."""
    old = {_tools(one): (place, one) for place, one in enumerate(before.matchups, 1)}
    new = {_tools(one) for one in after.matchups}
    gone = {was: _names(one) for tools, (was, one) in old.items() if tools not in new}
    for place, one in enumerate(after.matchups, 1):
        was, known = old.get(_tools(one), (0, one))
        if not was:
            out = gone.pop(place, "")
            yield Told(f"No. {place}", _one_after_the_other(out, f" {_names(one)}" if out else _names(one)))
        elif was != place:
            yield Told(f"No. {place}", marked(f"{_names(one)} No. {was}", f"{_names(one)} No. {place}"))
        yield from _within(place, known, one)
    for was, out in gone.items():
        yield Told(f"No. {was}", (Piece("gone", out),))


def _within(place: int, old: Matchup, new: Matchup) -> Iterator[Told]:
    if old.layout != new.layout:
        layouts = [{"full": "in full", "short": "short"}[one.layout] for one in (old, new)]
        yield Told(f"Layout of No. {place}", (Piece("gone", layouts[0]), Piece("same", " "), Piece("new", layouts[1])))
    if old.blurb != new.blurb:
        yield Told(f"Blurb of No. {place}", marked(old.blurb, new.blurb))
    sides = zip(sorted(old.sides, key=_slug), sorted(new.sides, key=_slug), strict=True)
    for was, one in ((was, one) for was, one in sides if was != one and was.tool.slug == one.tool.slug):
        parts = {"reviews": was.verdict != one.verdict, "votes": was.community != one.community,
                 "facts": was.tool != one.tool}  # fmt: skip
        newer = listing([name for name, differs in parts.items() if differs])
        yield Told(f"No. {place}", (Piece("same", f"{one.tool.name}: "), Piece("new", f"other {newer}")))
    if old == replace(new, why=old.why, score=old.score, parts=old.parts, layout=old.layout, blurb=old.blurb):
        return
    if {*old.sides} == {*new.sides}:
        yield Told(f"No. {place}", (Piece("same", f"{_names(new)} "), Piece("new", "in other words")))


def _lists(before: Edition, after: Edition) -> Iterator[Told]:
    """Corrections and other launches that came and went."""
    lists = {
        "Corrections": [[f"{c.tool_name}, {c.reviewer_name}" for c in one.corrections] for one in (before, after)],
        "Also launched": [[launch.name for launch in one.launches] for one in (before, after)],
    }
    for what, (old, new) in lists.items():
        gone, came = listing([one for one in old if one not in new]), listing([one for one in new if one not in old])
        if gone or came:
            yield Told(what, _one_after_the_other(gone, f" {came}" if gone and came else came))


def _tools(matchup: Matchup) -> frozenset[str]:
    return frozenset(map(_slug, matchup.sides))


def _slug(side: Side) -> str:
    return side.tool.slug


def _names(matchup: Matchup) -> str:
    return " vs ".join(side.tool.name for side in matchup.sides)
