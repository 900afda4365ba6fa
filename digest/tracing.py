"""Does every number and every quote of a message come from a row? Message, edition, rows in; what does not, out.

First the edition: each sentence that rules derive from the rows is derived again, and no other is believed. Then the
message: the visible words of each part are laid out with strings known from the rows (a percentage only together with
its count and the word Panel or Community, a comparison's number only with its names), so that as little as possible is
left over. What is left and holds a digit, or stands in quotation marks, comes from no row.

A string is believed only near the names it belongs to, and strings of one kind (all prices, all names of tools, all
launches) must appear equally often; so one price cannot pass for another. A price, a share or a quote belongs to the
tool named last before it, and a quote that follows Ship or Skip and a name to that call. Layouts are free within that:
a template of one's own may show a kind twice or leave it out, but for all matchups of one layout alike; it must write
a share as “Panel: 3 of 4 ship 75 %” or “Panel 75 % (3 of 4 ship)”, the colon as it likes, print sentences whole, and
name a tool before its figures and quotes.

What this does not see: words without digits outside of quotation marks, under which reviewer a quote of the right tool
and call stands, and whose a figure is where a tool is called like something else that the message prints.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Literal
from urllib.parse import quote, urlsplit

from digest.composing import preheader
from digest.judging import bottom_lines, community_reads, pricing_reads, reviewer_splits
from digest.model import READER, Call, Edition, Matchup, Message, Review, Side, Site, Tally, percent
from digest.wording import address, community_note, correction, day, full_day, one_line, panel_note, period, week_name

#: A tile's place in the edition: a matchup's number from 0, another part, or "" for what may stand anywhere.
Group = int | str

#: One side of a matchup: its group, and 0 or 1.
Owner = tuple[Group, int]


@dataclass(frozen=True, slots=True)
class Untraced:
    """Something in a message or in its edition that comes from no row; `part` is html, text, subject or edition."""

    kind: Literal["number", "quote"]
    part: str
    shown: str

    def __str__(self) -> str:
        return f"{self.part}: {self.shown}"


def untraced(message: Message, edition: Edition, reviews: Collection[Review], site: Site) -> tuple[Untraced, ...]:
    """List every number and quote of a message that does not trace to a row, in reading order.

    Args:
        message: What would be sent.
        edition: What it was rendered from; its subject and intro are an editor's words and count as rows.
        reviews: Every stored version of every review of the tools in it.
        site: Who publishes.
    """
    known = _known(edition, reviews, site)
    found = [*_sentences(edition), *_preheader(edition)]
    if message.subject != one_line(edition.subject):
        found += _part("subject", message.subject, known)
    found += _part("html", visible(message.html), known)
    found += _part("text", message.text, known)
    return tuple(dict.fromkeys(found))


# The edition's own sentences


def _sentences(edition: Edition) -> Iterator[Untraced]:
    """Derived sentences that no rule makes of the rows; any wording will do."""
    today = edition.until.date()
    for one in edition.matchups:
        a, b = one.sides
        derived = (
            ("bottom line", one.bottom_line, bottom_lines(a, b)),
            ("pricing read", one.pricing_read, pricing_reads(a.tool, b.tool, today=today)),
            ("split", one.split, reviewer_splits(a, b, edition.reviewers)),
            ("community read", one.community_read, community_reads(a, b) or ("",)),
        )
        for name, said, right in derived:
            if said not in right:
                yield Untraced("number", "edition", f"the {name} of {one.slug} is not what its rows say: {said!r}")


def _preheader(edition: Edition) -> Iterator[Untraced]:
    """A preheader with numbers must be the composed one; in another one only names may bring digits."""
    if edition.preheader == preheader(edition.matchups, len(edition.launches)):
        return
    names = _Known()
    for group, one in enumerate(edition.matchups):
        names.add(group, "name", *(side.tool.name for side in one.sides))
    flat = _flat(edition.preheader)
    yield from _left_over("edition", flat, _laid(flat, names.starts))


# What may stand in a message


@dataclass(slots=True)
class _Known:
    """Known strings: where each may stand, and how often the rows have it. `starts` finds them by their first word.

    `sides` tells whose a string is, `quotes` by which calls on which side a quote was said.
    """

    places: dict[str, set[tuple[Group, str]]] = field(default_factory=dict)
    counts: Counter[tuple[Group, str, str]] = field(default_factory=Counter)
    starts: dict[str, list[str]] = field(default_factory=dict)
    sides: dict[str, set[Owner]] = field(default_factory=dict)
    quotes: dict[str, set[tuple[Owner, Call]]] = field(default_factory=dict)
    layouts: dict[Group, str] = field(default_factory=dict)

    def add(self, group: Group, kind: str, *strings: str, side: int | None = None) -> None:
        for string in filter(None, map(_flat, strings)):
            self.counts[group, kind, string] += 1
            if string not in self.places:
                self.starts.setdefault(_TOKEN.findall(string)[0], []).append(string)
            self.places.setdefault(string, set()).add((group, kind))
            if side is not None:
                self.sides.setdefault(string, set()).add((group, side))


#: Words of the shipped templates that a tool may also be called.
_LABELS = (
    "Panel", "Community", "Entry price", "Ship", "Skip", "No call yet", "Which one should you ship with?", "The split",
    "The readers", "Pricing read", "Where the panel splits", "The scorecard", "Read the full comparison of",
    "Also launched this week", "Corrections",
)  # fmt: skip


def _known(edition: Edition, reviews: Collection[Review], site: Site) -> _Known:
    known, home = _Known(), address(site.url).rstrip("/")
    known.add("", "label", *_LABELS)
    known.add("", "site", site.name, site.tagline, site.postal_address, home)
    known.add("", "edition", edition.subject, edition.preheader, *re.split(r"\n\s*\n", edition.intro))
    known.add("", "week", edition.week, week_name(edition.week), period(edition), f"{home}/editions/{edition.week}")
    known.add("", "panel", *(text for one in edition.reviewers for text in (one.name, one.lens)))
    known.add("", "links", *(f"{home}/{page}/{READER}" for page in ("leave", "preferences")))
    for one in edition.corrections:
        known.add("corrections", "correction", correction(one, edition.until.year))
    for brief in edition.launches:
        known.add("launches", "name", brief.name)
        known.add("launches", "tagline", brief.tagline)
        known.add("launches", "source", brief.source)
        known.add("launches", "link", address(brief.link))
        line = (brief.name, brief.tagline and f"– {brief.tagline}", brief.source and f"({brief.source})")
        known.add("launches", "line", " ".join(filter(None, line)))
        known.add("launches", "linked", " ".join(filter(None, (*line, address(brief.link)))))
    stored = {(one.tool, one.reviewer, one.version): one.quote for one in reviews}
    for place, matchup in enumerate(edition.matchups):
        known.layouts[place] = matchup.layout
        _add_matchup(known, place, matchup, edition, home)
        for number, review in ((n, one) for n, side in enumerate(matchup.sides) for one in side.verdict.reviews):
            if said := stored.get((review.tool, review.reviewer, review.version)):
                known.add(place, "quote", said, side=number)
                known.quotes.setdefault(_flat(said), set()).add(((place, number), review.call))
    return known


def _add_matchup(known: _Known, place: int, matchup: Matchup, edition: Edition, home: str) -> None:
    a, b = (side.tool.name for side in matchup.sides)
    category = " / ".join(dict.fromkeys(side.tool.category for side in matchup.sides))
    known.add(place, "head", f"No. {place + 1} · {category} {a} vs {b}")
    known.add(place, "numbered", f"{place + 1}. {a} vs {b}")
    known.add(place, "sentence", matchup.bottom_line, matchup.pricing_read, matchup.split, matchup.community_read)
    known.add(place, "page", f"{home}/compare/{quote(matchup.slug, safe='')}")
    for number, side in enumerate(matchup.sides):
        _add_side(known, (place, number), side, edition, home)


def _add_side(known: _Known, owner: tuple[int, int], side: Side, edition: Edition, home: str) -> None:
    (place, number), tool, year = owner, side.tool, edition.until.year
    known.add(place, "name", tool.name, side=number)
    known.add(place, "maker", tool.vendor)
    known.add(place, "category", tool.category)
    known.add(place, "tagline", tool.tagline)
    known.add(place, "description", tool.description)
    known.add(place, "price", tool.entry_price, side=number)
    known.add(place, "home", address(tool.url))
    known.add(place, "host", _host(tool.url))
    if checked := tool.price_checked_on:
        known.add(place, "checked", f"checked {day(checked, year)}")
        known.add(place, "checked in full", f"checked {full_day(checked, year)}")
    notes = (
        ("Panel", side.verdict.tally, panel_note(side)),
        ("Community", side.community, community_note(side.community)),
    )
    for kind, said in zip(_SHARES, (said for one in notes for said in _shares(*one)), strict=True):
        known.add(place, kind, said, side=number)
    for call in ("ship", "skip"):
        known.add(place, call, f"{home}/vote/{READER}/{edition.week}/{quote(tool.slug, safe='')}/{call}")


def _host(url: str) -> str:
    return (urlsplit(address(url)).hostname or "").removeprefix("www.")


def _shares(label: str, tally: Tally, note: str) -> tuple[str, ...]:
    """A percentage never stands without its n and whose it is, so what is changed of it leaves the rest behind."""
    share = percent(tally.share)
    return tuple(f"{label}{colon} {said}" for colon in ("", ":") for said in (f"{note} {share}", f"{share} ({note})"))


#: The kinds of share, one for each way of writing it.
_SHARES = tuple(f"{label} {way}" for label in ("Panel", "Community") for way in range(4))


# What stands in it


class _Visible(HTMLParser):
    """The words a reader sees or hears: text, and the attributes read aloud."""

    _HIDDEN = frozenset({"style", "script"})
    _INLINE = frozenset({"a", "b", "bdi", "bdo", "em", "i", "small", "span", "strong", "sub", "sup", "u", "wbr"})

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self._HIDDEN
        self._end(tag)
        self.words += [f" {value} " for name, value in attrs if name in {"alt", "title", "aria-label"} and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._HIDDEN and self._hidden > 0
        self._end(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    def _end(self, tag: str) -> None:
        if tag not in self._INLINE:
            self.words.append(" ")


def visible(html: str) -> str:
    """The words of a page as they are read, entities resolved, with alt, title and aria-label; without style."""
    page = _Visible()
    page.feed(html)
    page.close()
    return "".join(page.words)


#: Scripts written without spaces, in which the text part may break a line anywhere.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60"
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0f\ufeff\ud800-\udfff]"
)
_LOOSE = re.compile(rf"(?<=[{_WIDE}]) | (?=[{_WIDE}])")
_TOKEN = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+|\S")
_DIGIT = re.compile(r"\d")


def _flat(text: str) -> str:
    """Text with its words one space apart and without what cannot be seen."""
    return _LOOSE.sub("", " ".join(_INVISIBLE.sub("", text).split()))


def _part(part: str, text: str, known: _Known) -> Iterator[Untraced]:
    """What of one part comes from no row."""
    flat = _flat(text)
    tiles = _laid(flat, _with_shortened(flat, known))
    yield from _left_over(part, flat, tiles)
    yield from _misplaced(part, flat, tiles, known)


def _left_over(part: str, flat: str, tiles: Sequence[tuple[int, int]]) -> Iterator[Untraced]:
    """Digits that nothing covers, and words in quotation marks."""
    rest, at = [], 0
    for start, end in (*tiles, (len(flat), len(flat))):
        rest.append(flat[at:start] + "\x00" * (end - start))
        at = end
    left = "".join(rest)
    for found in re.finditer(r"[^\s\x00]+", left):
        if _DIGIT.search(found[0]):
            yield Untraced("number", part, _around(flat, *found.span()))
    for found in re.finditer(r"“([^“”]*)”", left):
        if re.search(r"\w", found[1]):
            yield Untraced("quote", part, _around(flat, *found.span()))


def _around(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - 30) : start], text[end : end + 30]
    return f"…{before}>{text[start : min(end, start + 80)]}<{after}…"


def _with_shortened(flat: str, known: _Known) -> dict[str, list[str]]:
    """The known strings by first word, with the quotes this part shortens to whole words and an ellipsis."""
    if "…”" not in flat:
        return known.starts
    starts = {word: [*strings] for word, strings in known.starts.items()}
    for opening in re.finditer("“", flat):
        end = flat.find("…”", opening.end())
        passage = flat[opening.end() : end].rstrip() if end > 0 else ""
        if passage and (said := [one for quote, one in known.quotes.items() if _begins(quote, passage)]):
            shortened = flat[opening.end() : end + 1]
            starts.setdefault(_TOKEN.findall(passage)[0], []).append(shortened)
            known.quotes[shortened] = set().union(*said)
            known.sides[shortened] = {owner for owner, _ in known.quotes[shortened]}
            known.places.setdefault(shortened, set()).update((group, "quote") for group, _ in known.sides[shortened])
    return starts


def _begins(whole: str, passage: str) -> bool:
    return whole.startswith(passage) and not whole[len(passage) : len(passage) + 1].isalnum()


def _laid(flat: str, starts: dict[str, list[str]]) -> list[tuple[int, int]]:
    """Lay known strings over a text so that the fewest words with digits, then the fewest words, stay uncovered.

    Returns:
        Start and end of each string laid, in order. A string never ends within a word or a number.
    """
    tokens = [(found.start(), found.end()) for found in _TOKEN.finditer(flat)]
    ends = {end: number + 1 for number, (_, end) in enumerate(tokens)}
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(tokens) + 1)  # digits and words uncovered, next token
    for number in range(len(tokens) - 1, -1, -1):
        start, end = tokens[number]
        word = flat[start:end]
        digits, words, _ = best[number + 1]
        best[number] = (digits + bool(_DIGIT.search(word)), words + 1, number + 1)
        for string in starts.get(word, ()):
            stop = start + len(string)
            if stop in ends and flat.startswith(string, start) and _is_whole(flat, start, stop):
                digits, words, _ = best[ends[stop]]
                best[number] = min(best[number], (digits, words, -ends[stop]))
    tiles, number = [], 0
    while number < len(tokens):
        following = best[number][2]
        if following <= 0:
            tiles.append((tokens[number][0], tokens[-following - 1][1]))
        number = abs(following)
    return tiles


def _is_whole(flat: str, start: int, stop: int) -> bool:
    """Tell whether a stretch cuts no number in two, such as the 5 off GPT-5.2 or the 20 off 1,200."""
    before, after = flat[max(0, start - 2) : start], flat[stop : stop + 2]
    starts_inside = flat[start].isdigit() and re.fullmatch(r"\d[.,]", before)
    ends_inside = flat[stop - 1].isdigit() and re.fullmatch(r"[.,]\d", after)
    return not (starts_inside or ends_inside)


def _misplaced(part: str, flat: str, tiles: Iterable[tuple[int, int]], known: _Known) -> Iterator[Untraced]:
    """Strings that stand under names they do not belong to, or less often than their like.

    Near are the last two groups that were named, and those that a name may stand for too: a tool may be called Ship or
    Read, and such words are everywhere. Whose a price, a share or a quote is, the tool named last tells, if its name
    can be nothing else.
    """
    near: list[Group] = []
    owner: Owner | None = None
    before = (0, 0)
    seen: Counter[tuple[Group, str, str]] = Counter()
    for start, end in tiles:
        string = flat[start:end]
        places = known.places[string]
        groups = {group for group, _ in places}
        if named := {group for group, kind in places if kind in _NAMING}:
            near = _nearer(near, named, certain=groups == named and len(named) == 1)
            owner = min(known.sides[string]) if _names_one(string, known) else None
        here = next((group for group in near if group in groups), "")
        kinds = {kind for group, kind in places if group == here}
        if "quote" in kinds or _DIGIT.search(string):
            kind: Literal["number", "quote"] = "quote" if kinds == {"quote"} else "number"
            if here == "" and "" not in groups:
                yield Untraced(kind, part, f"stands under another name: {_around(flat, start, end)}")
            elif owner and owner[0] == here and kinds <= _SIDED and owner not in known.sides[string]:
                yield Untraced(kind, part, f"belongs to the other tool: {_around(flat, start, end)}")
            elif kinds == {"quote"} and _is_flipped(flat, before, start, known.quotes[string]):
                yield Untraced(kind, part, f"stands under the other call: {_around(flat, start, end)}")
        seen.update((group, kind, string) for group, kind in places if group == here)
        before = (start, end)
    yield from _uneven(part, seen, known)


def _nearer(near: list[Group], named: set[Group], *, certain: bool) -> list[Group]:
    if certain:
        return near if near[:1] == [*named] else [*named, *near[:1]]
    return [*near[:1], *sorted(named - {*near[:1]}, key=str)]


def _names_one(string: str, known: _Known) -> bool:
    """Tell whether a string is the name of one tool and nothing else."""
    kinds = {kind for _, kind in known.places[string]}
    return kinds == {"name"} and len(known.places[string]) == len(known.sides.get(string, ())) == 1


def _is_flipped(flat: str, before: tuple[int, int], start: int, said: Iterable[tuple[Owner, Call]]) -> bool:
    """Tell whether “Ship” or “Skip” stands before the name that a quote follows, and nobody made that call with it."""
    call = re.search(r"\b(ship|skip)\W*$", flat[max(0, before[0] - 20) : before[0]], re.IGNORECASE)
    follows = not re.search(r"\w", flat[before[1] : start])
    return bool(call and follows and call[1].lower() not in {one for _, one in said})


#: Kinds of string that say what is spoken of.
_NAMING = frozenset({"name", "head", "numbered", "correction", "line", "linked"})

#: Kinds that stand after the name of their own tool.
_SIDED = frozenset({"price", "quote", *_SHARES})

#: Kinds of which a message shows all that one layout has, or none.
_ALIKE = _NAMING | {"price", "checked", "tagline", "description", "home", "maker", "link", "source", *_SHARES}


def _uneven(part: str, seen: Counter[tuple[Group, str, str]], known: _Known) -> Iterator[Untraced]:
    """Strings with digits that stand in a message less, or more, often than others of their kind and layout."""
    classes: dict[tuple[str, str], list[tuple[Group, str, str]]] = {}
    for group, kind, string in known.counts:
        also = {(place, one) for place, one in known.places[string] if place in {group, ""} or kind in _NAMING}
        if kind in _ALIKE and len(also) == 1:  # a name that is also the maker's stands more often, and rightly
            classes.setdefault((known.layouts.get(group, str(group)), kind), []).append((group, kind, string))
    for alike in classes.values():
        often = {one: seen[one] / known.counts[one] for one in alike}
        figures = [one for one in alike if _DIGIT.search(one[2])]
        for one in figures:
            least = max(often[other] for other in figures)
            most = max((often[other] for other in alike if other is not one), default=often[one])
            if not least <= often[one] <= most:
                amount = "less" if often[one] < least else "more"
                yield Untraced("number", part, f"{one[2]!r} stands there {amount} often than others of its kind")
