"""The words of a message as a reader takes them in, and which known strings they are made of."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import accumulate, count
from operator import add

#: Comments, styles and scripts; tags; declarations. What is never closed is cut off with everything behind it, as
#: browsers do, and repetitions are possessive, so every page takes one pass.
_MARKUP = re.compile(
    r"""(<!--(?:-?>|.*?(?:--!?>|\Z))"""
    r"""|<style(?=[\s/>])[^>]*+.*?(?:</style[^>]*+(?:>|\Z)|\Z)"""
    r"""|<script(?=[\s/>])[^>]*+.*?(?:</script[^>]*+(?:>|\Z)|\Z)"""
    r"""|</?[a-z](?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?)*+(?:>|\Z)"""
    r"""|<[!/?][^>]*+(?:>|\Z))""",
    re.DOTALL | re.IGNORECASE,
)
_NAME = re.compile(r"</?+([a-z][^\s/>]*+)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]++)(?:\s*+=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s>"']++)))?""")
_HEARD = frozenset({"alt", "title", "aria-label"})

#: Elements that do not part the words on either side of them.
_INLINE = frozenset({"a", "b", "bdi", "bdo", "em", "i", "small", "span", "strong", "sub", "sup", "u", "wbr"})


def visible(html: str) -> str:
    """The words of a page as they are read, entities resolved, with alt, title and aria-label; without style."""
    words = _MARKUP.split(html)
    words[1::2] = map(_said, words[1::2])
    return "".join([unescape(word) if "&" in word else word for word in words])


@lru_cache(maxsize=2048)  # a page has few tags that differ
def _said(markup: str) -> str:
    """What a reader gets of a tag, a comment or a style: a space, nothing, or what is read aloud."""
    name = _NAME.match(markup)
    tag = name[1].lower() if name else ""
    if not name or tag in {"style", "script"}:
        return ""
    heard = ["".join(values) for one, *values in _ATTRIBUTE.findall(markup, name.end()) if one.lower() in _HEARD]
    return "".join(f" {words} " for words in heard if words) or ("" if tag in _INLINE else " ")


#: Scripts written without spaces, in which the text part may break a line anywhere.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60"
_HAS_WIDE = re.compile(f"[{_WIDE}]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0f\ufeff\ud800-\udfff]+"
)
_LOOSE = re.compile(rf"(?<=[{_WIDE}]) | (?=[{_WIDE}])")

#: What a setting adds to addresses for statistics; it says nothing to a reader.
_CAMPAIGN = re.compile(r"(?:[?&]utm_\w++=[^\s&#<>\"]*+)++")


def flat(text: str) -> str:
    """Text with its words one space apart and without what cannot be seen, addresses without campaign parameters."""
    if "utm_" in text:
        text = _CAMPAIGN.sub("", text)
    if not text.isprintable() or "\ufe0f" in text:
        text = _INVISIBLE.sub("", text)
    text = " ".join(text.split())
    return text if text.isascii() or not _HAS_WIDE.search(text) else _LOOSE.sub("", text)


#: A word or a mark: between two of these a known string may begin or end.
_PIECE = re.compile(rf"[^\W_{_WIDE}]+|\S")
_WITHIN = re.compile(rf"(?<=[^\W_{_WIDE}])[^\W_{_WIDE}]")
_DIGITS = re.compile(r"\d+")

#: What an uncovered number weighs against uncovered characters, of which no message has as many.
_NUMBER = 1 << 32


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Flat text, what stands between its spaces, where each of that starts, and where each number does."""

    text: str
    chunks: list[str]
    at: list[int]
    numbers: list[int]


@lru_cache(maxsize=8)
def words(text: str) -> Words:
    """Flatten a part of a message and cut it up; what was last asked for is kept, as several ask for it."""
    text = flat(text)
    chunks = text.split(" ")
    at = [*map(add, accumulate(map(len, chunks[:-1]), initial=0), count())]
    return Words(text, chunks, at, [found.start() for found in _DIGITS.finditer(text)])


@lru_cache(maxsize=4)
def html_words(html: str) -> Words:
    """Flatten what a reader sees of a page."""
    return words(visible(html))


class _Offsets(dict[str, tuple[tuple[int, str], ...]]):
    """Where within a stretch without spaces a known string may begin, and how; worked out once for each stretch."""

    def __init__(self, begins: dict[str, str]) -> None:
        super().__init__()
        self._begins = begins

    def __missing__(self, chunk: str) -> tuple[tuple[int, str], ...]:
        offsets: tuple[tuple[int, str], ...] = ()
        if chunk.isalpha() and chunk.isascii():
            offsets = ((0, self._begins[chunk]),) if chunk in self._begins else ()
        elif not self._begins.keys().isdisjoint(_PIECE.findall(chunk)):
            found = ((piece.start(), self._begins.get(piece[0])) for piece in _PIECE.finditer(chunk))
            offsets = tuple((start, begin) for start, begin in found if begin)
        self[chunk] = offsets
        return offsets


class Strings:
    """Known strings, flat and not empty, to be found at any place of a text in one step."""

    def __init__(self, strings: Iterable[str]) -> None:
        self._sorted = sorted(set(strings))
        self._longest = max(map(len, self._sorted), default=0)
        self._within: list[int] = []  # the place of the longest other string that each begins with, or -1
        around: list[int] = []
        alike: dict[str, tuple[str, str]] = {}  # the first and the last string with the same first word
        for place, string in enumerate(self._sorted):
            while around and not string.startswith(self._sorted[around[-1]]):
                around.pop()
            self._within.append(around[-1] if around else -1)
            around.append(place)
            if first := _PIECE.match(string):
                alike[first[0]] = (alike.get(first[0], (string,))[0], string)
        self._offsets = _Offsets({first: _common(*both) for first, both in alike.items()})

    def plus(self, strings: Iterable[str]) -> Strings:
        """These and some more."""
        return Strings((*self._sorted, *strings))

    def starts(self, of: Words) -> list[int]:
        """Give the places where a known string may begin, in order."""
        starts_with, offsets = of.text.startswith, map(self._offsets.__getitem__, of.chunks)
        return [
            at + offset
            for at, some in zip(of.at, offsets, strict=True)
            if some
            for offset, begin in some
            if starts_with(begin, at + offset)
        ]

    def ends(self, text: str, start: int) -> list[int]:
        """Give the places where the strings end that stand at this place, the farthest first.

        The last string that does not sort behind the text begins with each of them, and so do those it is within.
        """
        there, ends = text[start : start + self._longest], []
        place = bisect_right(self._sorted, there) - 1
        while place >= 0:
            string = self._sorted[place]
            if there.startswith(string) and _is_whole(text, start, start + len(string)):
                ends.append(start + len(string))
            place = self._within[place]
        return ends


def _common(one: str, other: str) -> str:
    """What two strings both begin with."""
    if other.startswith(one):
        return one
    return one[: next(at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)]


def _is_whole(text: str, start: int, stop: int) -> bool:
    """Tell whether a stretch cuts no word or number in two, such as the 5 off GPT-5.2 or the 20 off 1,200."""
    if _WITHIN.match(text, stop):
        return False
    starts_inside = text[start].isdigit() and re.fullmatch(r"\d[.,]", text[max(0, start - 2) : start])
    ends_inside = text[stop - 1].isdigit() and re.fullmatch(r"[.,]\d", text[stop : stop + 2])
    return not (starts_inside or ends_inside)


@lru_cache(maxsize=4)
def known_strings(strings: frozenset[str]) -> Strings:
    """Make strings ready to be found; the same ones are asked for by several checks of one message."""
    return Strings(strings)


@lru_cache(maxsize=8)
def laid(of: Words, known: Strings) -> tuple[tuple[int, int], ...]:
    """Lay known strings over a text so that the fewest numbers, then the fewest characters, stay uncovered.

    Returns:
        Start and end of each string laid, in order. A string never ends within a word or a number.
    """
    ends = {start: stops for start in known.starts(of) if (stops := known.ends(of.text, start))}
    places = [*ends, len(of.text)]
    numbers = [bisect_left(of.numbers, place) for place in places]
    left = [0] * len(places)  # the weight of what stays uncovered from each place on
    chosen = [0] * len(places)  # where the string laid there ends, 0 where none is
    for place in range(len(places) - 2, -1, -1):
        begin, following = places[place], place + 1
        skipped = (numbers[following] - numbers[place]) * _NUMBER + places[following] - begin
        best = (skipped + left[following], 1)
        for end in ends[begin]:
            after = bisect_left(places, end)
            gap = (numbers[after] - bisect_left(of.numbers, end)) * _NUMBER + places[after] - end
            best = min(best, (gap + left[after], -end))
        left[place], chosen[place] = best[0], max(0, -best[1])
    tiles, place = [], 0
    while place < len(places) - 1:
        if end := chosen[place]:
            tiles.append((places[place], end))
        place = bisect_left(places, end) if end else place + 1
    return tuple(tiles)
