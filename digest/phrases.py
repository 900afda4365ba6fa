"""What an edition gives a message to print: every known string, of which kind it is, and whose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from digest.flattening import flat
from digest.model import READER, Edition, Matchup, Side, Site, Tally, percent
from digest.wording import address, community_note, correction, day, full_day, panel_note, period, week_name

#: A string's place in the edition: a matchup's number from 0, another part, or "" for what may stand anywhere.
Group = int | str

#: A tool or a launch: its group, and its number in it.
Owner = tuple[Group, int]


class Phrase(NamedTuple):
    """A flat string that is not empty. `number` is the side of a matchup, 0 or 1, or a launch's place among launches.

    `holds` are the other phrases' strings that it is put together from.
    """

    group: Group
    kind: str
    string: str
    number: int | None = None
    holds: tuple[str, ...] = ()

    def owners(self) -> frozenset[Owner]:
        """Whose it is: of one tool or launch, of both tools of a matchup, or of none."""
        if self.number is not None:
            return frozenset({(self.group, self.number)})
        return frozenset({(self.group, 0), (self.group, 1)} if isinstance(self.group, int) else ())


#: Words of the shipped templates that a tool may also be called.
_LABELS = (
    "Panel", "Community", "Entry price", "Ship", "Skip", "No call yet", "Which one should you ship with?", "The split",
    "The readers", "Pricing read", "Where the panel splits", "The scorecard", "Read the full comparison of",
    "Also launched this week", "Corrections", "Your vote", "Forwarded to you?", "Subscribe to",
    "vs", "and", "View this edition in your browser", "Change your preferences", "Unsubscribe",
)  # fmt: skip

#: And as the text part has its headings.
_CAPITALS = tuple(one.upper() for one in _LABELS)

#: The kinds of share, one for each way of writing it.
SHARES = tuple(f"{label} {way}" for label in ("Panel", "Community") for way in range(4))


@lru_cache(maxsize=2)
def phrases(edition: Edition, site: Site) -> tuple[Phrase, ...]:
    """List all strings but quotes, which have rows of their own; one string may be listed for several reasons."""
    home = address(site.url).rstrip("/")
    found = [*_everywhere(edition, site, home), *_others(edition)]
    for place, matchup in enumerate(edition.matchups):
        found += _of_matchup(place, matchup, home)
        for number, side in enumerate(matchup.sides):
            found += _of_side((place, number), side, edition, home)
    return tuple(one for one in found if one.string)


def judges(edition: Edition) -> dict[str, tuple[str, str]]:
    """Name and lens, flat, of everyone whose call is shown, by slug; those who left the panel have no lens."""
    left = {one.reviewer for pair in edition.matchups for side in pair.sides for one in side.verdict.reviews}
    gone = {slug: (flat(slug.replace("-", " ").title()), "") for slug in sorted(left)}
    return gone | {one.slug: (flat(one.name), flat(one.lens)) for one in edition.reviewers}


#: Kinds of string that tell of whom the words around them speak.
_CALLING = frozenset({"name", "numbered", "head", "pair with vs", "pair with and", "line", "linked"})


def owners(of: Collection[Phrase]) -> dict[str, frozenset[Owner]]:
    """Whose name a string is or holds, the longest string first.

    Nobody's are names that a template or the publisher may write of its own accord: Read, Builder, 7.
    """
    called = {one.string for one in of if one.kind in _CALLING}
    whose: dict[str, frozenset[Owner]] = dict.fromkeys(sorted(called, key=len, reverse=True), frozenset())
    labels = {word for one in of if one.kind == "label" for word in one.string.casefold().split()}
    anyones = {one.string for one in of if one.group == ""}
    for one in of:
        if one.string in whose:
            whose[one.string] |= one.owners()
    for name in whose:
        if name in anyones or not re.search(r"[^\W\d_]", name) or labels.issuperset(name.casefold().split()):
            whose[name] = frozenset()
    return whose


def _everywhere(edition: Edition, site: Site, home: str) -> Iterator[Phrase]:
    texts = (
        *(("label", one) for one in (*_LABELS, *_CAPITALS)),
        ("site", site.name), ("site", site.tagline), ("site", site.postal_address), ("site home", home),
        ("subject", edition.subject), ("preheader", edition.preheader),
        *(("intro", one) for one in re.split(r"\n\s*\n", edition.intro)),
        ("week", edition.week), ("week name", week_name(edition.week)), ("period", period(edition)),
        ("edition page", f"{home}/editions/{edition.week}"),
        *(("own link", f"{home}/{page}/{READER}") for page in ("leave", "preferences")),
    )  # fmt: skip
    for kind, text in texts:
        yield Phrase("", kind, flat(text))
    for name, lens in judges(edition).values():
        yield Phrase("", "reviewer", name)
        yield Phrase("", "lens", lens)


def _others(edition: Edition) -> Iterator[Phrase]:
    for one in edition.corrections:
        yield Phrase("corrections", "correction", flat(correction(one, edition.until.year)))
    for category in dict.fromkeys(brief.category for brief in edition.launches):
        yield Phrase("launches", "heading", flat(category))
    for place, brief in enumerate(edition.launches):
        name, tagline, source = (flat(text) for text in (brief.name, brief.tagline, brief.source))
        link = flat(address(brief.link))
        for kind, text in (("name", name), ("tagline", tagline), ("source", source), ("link", link)):
            yield Phrase("launches", kind, text, place)
        line = flat(" ".join(filter(None, (name, tagline and f"– {tagline}", source and f"({source})"))))
        yield Phrase("launches", "line", line, place, _other(line, name, tagline, source))
        yield Phrase("launches", "linked", flat(f"{line} {link}"), place, _other(line, name, tagline, source, link))


def _other(whole: str, *parts: str) -> tuple[str, ...]:
    """What a string is put together from, where it is more than one of these."""
    return tuple(part for part in parts if part and part != whole)


def _of_matchup(place: int, matchup: Matchup, home: str) -> Iterator[Phrase]:
    names = a, b = tuple(flat(side.tool.name) for side in matchup.sides)
    category = flat(" / ".join(dict.fromkeys(side.tool.category for side in matchup.sides)))
    yield Phrase(place, "category", category)
    yield Phrase(place, "head", flat(f"No. {place + 1} · {category} {a} vs {b}"), None, (category, *names))
    yield Phrase(place, "numbered", flat(f"{place + 1}. {a} vs {b}"), None, names)
    for word in ("vs", "and"):
        yield Phrase(place, f"pair with {word}", flat(f"{a} {word} {b}"), None, names)
    yield Phrase(place, "blurb", flat(matchup.blurb))
    yield Phrase(place, "bottom line", flat(matchup.bottom_line))
    yield Phrase(place, "pricing read", flat(matchup.pricing_read))
    yield Phrase(place, "split", flat(matchup.split))
    yield Phrase(place, "community read", flat(matchup.community_read))
    yield Phrase(place, "page", f"{home}/compare/{quote(matchup.slug, safe='')}")


def _of_side(owner: tuple[int, int], side: Side, edition: Edition, home: str) -> Iterator[Phrase]:
    tool, (place, number) = side.tool, owner
    link = address(tool.url)
    maker = flat(tool.vendor) or (urlsplit(link).hostname or "").removeprefix("www.")
    votes = f"{home}/vote/{READER}/{edition.week}/{quote(tool.slug, safe='')}"
    texts = (
        ("name", flat(tool.name)), ("maker", f"{maker} · open source" if maker and tool.open_source else maker),
        ("own category", flat(tool.category)), ("tagline", flat(tool.tagline)),
        ("description", flat(tool.description)), ("price", flat(tool.entry_price)), ("home", flat(link)),
        ("vote to ship", f"{votes}/ship"), ("vote to skip", f"{votes}/skip"),
    )  # fmt: skip
    for kind, text in texts:
        yield Phrase(place, kind, text, number)
    if checked := tool.price_checked_on:
        yield Phrase(place, "checked", f"checked {day(checked, edition.until.year)}", number)
        yield Phrase(place, "checked in full", f"checked {full_day(checked, edition.until.year)}", number)
    shares = (
        *_shares("Panel", side.verdict.tally, panel_note(side)),
        *_shares("Community", side.community, community_note(side.community)),
    )
    for kind, text in zip(SHARES, shares, strict=True):
        yield Phrase(place, kind, text, number)


def _shares(label: str, tally: Tally, note: str) -> tuple[str, ...]:
    """A percentage never stands without its n and whose it is, so what is changed of it leaves the rest behind."""
    one, other = flat(f"{note} {percent(tally.share)}"), flat(f"{percent(tally.share)} ({note})")
    return f"{label} {one}", f"{label} {other}", f"{label}: {one}", f"{label}: {other}"


_MARKS = ("“”", '""', "„“", "«»", "‘’", "''")

#: A quote of more characters is no word of a template.
_SHORT = 60


def sayings(quotes: Iterable[str], of: Sequence[Phrase]) -> dict[str, tuple[str, ...]]:
    """The ways in which each quote may stand: as it is, or only in marks if a template may say the same of itself.

    Such are Ship, The readers, the name of a tool, and a share as it is printed.
    """
    strings = {one.string for one in of}
    said = {one.string for one in of if one.kind in {"label", "name", "reviewer"}}
    common = {"checked", *re.findall(r"\w+", " ".join(said).casefold())}
    return {
        one: tuple(f"{mark[0]}{one}{mark[1]}" for mark in _MARKS)
        if one in strings or (len(one) <= _SHORT and common.issuperset(re.findall(r"\w+", one.casefold())))
        else (one,)
        for one in quotes
    }


#: Kinds of string that may stand between a call and its quote.
_BETWEEN = frozenset({"name", "reviewer", "lens"})
_CALL = re.compile(r"\b(ship|skip)\W*$", re.IGNORECASE)
_WORD = re.compile(r"\w")


def call_before(
    text: str, tiles: Sequence[tuple[int, int]], quoted: int, places: Mapping[str, Collection[tuple[Group, str]]]
) -> str:
    """The “ship” or “skip” right before a quote, or before the names it follows; "" where there is none.

    Args:
        text: One part, flat.
        tiles: Where known strings stand in it.
        quoted: Which of them is the quote.
        places: Group and kind of each known string.
    """
    at = tiles[quoted][0]
    for start, end in reversed(tiles[:quoted]):
        if _WORD.search(text, end, at) or _BETWEEN.isdisjoint(kind for _, kind in places[text[start:end]]):
            break
        at = start
    call = _CALL.search(text[max(0, at - 20) : at])
    return call[1].lower() if call else ""


#: Words that tell a reader's own links apart, and those that a link of either kind may have beside them.
_LEAVING = frozenset({"unsubscribe", "unsubscribing", "leave", "leaving", "out"})
_PREFERRING = frozenset({"preferences", "preference", "settings"})


def says_otherwise(link: str, words: str) -> bool:
    """Tell whether the words of a link are known to be those of another of a reader's own links: call or page."""
    if READER not in link:
        return False
    said = {*re.findall(r"\w+", words.casefold())}
    if "/vote/" in link:
        calls = said & {"ship", "skip"}
        return len(calls) == 1 and link.rpartition("/")[2] not in calls
    leaves, prefers = bool(said & _LEAVING), bool(said & _PREFERRING)
    other = prefers if f"/leave/{READER}" in link else leaves
    return leaves != prefers and other
