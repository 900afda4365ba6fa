"""Finding tools by words: what stands in one, and how near that is to what was asked. Nothing is read or kept here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import combining, normalize

from digest.model import Tool

#: Words of a search that count, and characters of it.
MOST_WORDS, MOST_CHARACTERS = 10, 200

#: Letters and digits, with + and # after them and dots before and between them: c++, c#, .net, node.js.
_WORD = re.compile(r"\.?[^\W_]+(?:[+#.]+[^\W_]+)*[+#]*")


@dataclass(frozen=True, slots=True)
class Index:
    """What a tool is found by: its `names`, and the `words` of all that is said of it, each between two spaces."""

    names: tuple[str, ...]
    words: str


def folded(text: str) -> str:
    """Text as it is searched: without case and accents, its words with one space between."""
    if not text.isascii():
        text = "".join(one for one in normalize("NFKD", normalize("NFKD", text).casefold()) if not combining(one))
    return " ".join(_WORD.findall(text.lower()))


def index(tool: Tool, other_names: Iterable[str]) -> Index:
    """Prepare a tool for being found, also by names and slugs it has had."""
    names = tuple(dict.fromkeys(f" {folded(name)} " for name in (tool.name, *other_names)))
    said = (tool.vendor, tool.tagline, tool.category, *tool.tags, tool.entry_price, tool.description)
    source = "open source" if tool.open_source else ""
    return Index(names, f"{''.join(names)} {folded(' '.join((*said, source)))} ")


def asked(query: str) -> list[list[str]]:
    """Give the words of a query, at most MOST_WORDS; what stands on either side of a “vs” is asked for separately."""
    parts: list[list[str]] = [[]]
    for word in folded(query[:MOST_CHARACTERS]).split()[:MOST_WORDS]:
        if word in {"vs", "versus"}:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def far(tool: Index, parts: Sequence[Sequence[str]]) -> tuple[int, ...] | None:
    """How far a tool is from the nearest part of a query; None when every part has a word that stands nowhere in it.

    An exact name comes first; then a name that begins with these words; then by how many of the words are none of a
    name, begin none, stand in none, and are no whole words anywhere.
    """
    distances = [_far(tool, part) for part in parts if all(_stands(word, tool.words) for word in part)]
    return min(distances, default=None)


def _far(tool: Index, words: Sequence[str]) -> tuple[int, ...]:
    whole = " ".join(words)
    named = "".join(tool.names)
    return (
        f" {whole} " not in tool.names,
        not any(name.startswith(f" {whole} ") for name in tool.names),
        sum(not _whole(word, named) for word in words),
        sum(f" {word}" not in named for word in words),
        sum(not _stands(word, named) for word in words),
        sum(not _whole(word, tool.words) for word in words),
    )


def _whole(word: str, text: str) -> bool:
    return f" {word} " in text or f" {_one(word)} " in text


def _stands(word: str, text: str) -> bool:
    """Tell whether a word, or the one thing it is the plural of, is or is part of one in a text.

    One Latin letter or digit is part of nearly everything; signs of other scripts can be whole words without spaces.
    """
    if len(word) == 1 and word.isascii():
        return f" {word} " in text
    return word in text or _one(word) in text


def _one(word: str) -> str:
    """The singular of a plain English plural; any other word as it is."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes")) else word[:-1]
