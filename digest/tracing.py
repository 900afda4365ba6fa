"""Does every number and every quote of a message come from a row? Message, edition, rows in; what does not, out.

First the edition: each sentence that rules derive from the rows is derived again, and no other is believed. Then the
message: the visible words of each part are laid out with strings known from the rows (a percentage only together with
its count and the word Panel or Community, a comparison's number only with its names), so that as little as possible is
left over. What is left and holds a digit, or stands in quotation marks, comes from no row.

A string is believed only near the names it belongs to, and strings of one kind (all prices, all names of tools, all
launches) must appear equally often; so one price cannot pass for another. A price, a share or a quote belongs to the
tool named last before it, a quote also to the reviewer named last in its matchup, where one is named, and to the Ship
or Skip that it follows, with names between them or none. Layouts are free within that: a template of one's own may show
a kind twice or leave it out, but for all matchups of one layout alike; it must write a share as “Panel: 3 of 4 ship
75 %” or “Panel 75 % (3 of 4 ship)”, the colon as it likes, print sentences whole, and name a tool before its figures
and quotes, a reviewer before the quotes.

What this does not see: words without digits outside of quotation marks (`digest.parity` does), and whose a figure or a
quote is where a tool or a reviewer is called like something else that the message prints.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from digest.composing import preheader
from digest.flattening import Strings, Words, flat, html_words, known_strings, laid, words
from digest.judging import bottom_lines, community_reads, pricing_reads, reviewer_splits
from digest.model import Call, Edition, Matchup, Message, Review, Reviewer, Site
from digest.phrases import SHARES, Group, call_before, judges, phrases, sayings
from digest.wording import one_line

#: One side of a matchup: its group, and 0 or 1.
Owner = tuple[Group, int]

_DIGIT = re.compile(r"\d")
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Untraced:
    """Something in a message or in its edition that comes from no row; `part` is html, text, subject or edition."""

    kind: Literal["number", "quote"]
    part: str
    shown: str

    def __str__(self) -> str:
        return f"{self.part}: {self.shown}"


def untraced(
    message: Message, edition: Edition, reviews: Collection[Review], site: Site, own: Collection[str] = ()
) -> tuple[Untraced, ...]:
    """List every number and quote of a message that does not trace to a row, in reading order.

    Args:
        message: What would be sent.
        edition: What it was rendered from; subject, intro, blurbs and a preheader that an editor wrote are an editor's
            words and count as rows.
        reviews: Every stored version of every review of the tools in it.
        site: Who publishes.
        own: What the templates themselves say, literally; each counts as a row, as a whole and wherever it stands.
    """
    known = _known(edition, reviews, site)
    for said in filter(None, map(flat, own)):
        known.add("", "own", said)
    found = [*_sentences(edition), *_preheader(edition)]
    if message.subject != one_line(edition.subject):
        found += _part("subject", words(message.subject), known)
    found += _part("html", html_words(message.html), known)
    found += _part("text", words(message.text), known)
    return tuple(dict.fromkeys(found))


# The edition's own sentences


def _sentences(edition: Edition) -> Iterator[Untraced]:
    """Derived sentences that no rule makes of the rows; any wording will do."""
    for one in edition.matchups:
        for name, said in _underived(one, edition.reviewers, edition.until.date()):
            yield Untraced("number", "edition", f"the {name} of {one.slug} is not what its rows say: {said!r}")


@lru_cache(maxsize=64)  # the desk asks again after each change to one of them
def _underived(one: Matchup, panel: tuple[Reviewer, ...], today: date) -> list[tuple[str, str]]:
    """Which sentences of a matchup do not come from its rows, and how they read."""
    a, b = one.sides
    derived = (
        ("bottom line", one.bottom_line, bottom_lines(a, b)),
        ("pricing read", one.pricing_read, pricing_reads(a.tool, b.tool, today=today)),
        ("split", one.split, reviewer_splits(a, b, panel)),
        ("community read", one.community_read, community_reads(a, b) or ("",)),
    )
    return [(name, said) for name, said, right in derived if said not in right]


def _preheader(edition: Edition) -> Iterator[Untraced]:
    """A preheader with numbers must be the composed one, or an editor's; in another only names may bring digits."""
    if edition.own_preheader or edition.preheader == preheader(edition.matchups, len(edition.launches)):
        return
    names = known_strings(frozenset(flat(side.tool.name) for one in edition.matchups for side in one.sides))
    of = words(edition.preheader)
    yield from _left_over("edition", of.text, laid(of, names))


# What may stand in a message


class _Saying(NamedTuple):
    """By whom, with which call and on which side something was said."""

    owner: Owner
    reviewer: str
    call: Call


class _Place(NamedTuple):
    """What is known of a string: which kinds it is of in which group, and what of that can be nothing else.

    `named` are the groups it may name, and `certain` tells that it names its only one; `owner` is the side whose name
    it is, if it can be nothing else; `judges` are the reviewers it may name, and `is_judge` tells that it names them.
    """

    kinds: dict[Group, frozenset[str]]
    named: frozenset[Group]
    certain: bool
    owner: Owner | None
    judges: frozenset[str]
    is_judge: bool
    has_digit: bool


@dataclass
class _Known:
    """Known strings: where each may stand, and how often the rows have it.

    `sides` tells whose a string is, `quotes` who said it, `judges` which reviewers a name stands for. `rows` are
    those of a scorecard, `spare` how many of them have no call on a tool, which a layout need not name there.
    """

    places: defaultdict[str, set[tuple[Group, str]]] = field(default_factory=lambda: defaultdict(set))
    counts: defaultdict[tuple[Group, str, str], int] = field(default_factory=lambda: defaultdict(int))
    sides: defaultdict[str, set[Owner]] = field(default_factory=lambda: defaultdict(set))
    quotes: defaultdict[str, set[_Saying]] = field(default_factory=lambda: defaultdict(set))
    judges: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    layouts: dict[Group, str] = field(default_factory=dict)
    rows: dict[Group, int] = field(default_factory=dict)
    spare: dict[tuple[Group, str], int] = field(default_factory=dict)
    _seen: dict[str, _Place] = field(default_factory=dict)

    def add(self, group: Group, kind: str, string: str, side: int | None = None) -> None:
        self.counts[group, kind, string] += 1
        self.places[string].add((group, kind))
        if side is not None and kind in _OWNED and isinstance(group, int):
            self.sides[string].add((group, side))

    @cached_property
    def strings(self) -> Strings:
        return known_strings(frozenset(self.places))

    def place(self, string: str) -> _Place:
        place = self._seen.get(string)
        if place is None:
            place = self._seen[string] = self._placed(string)
        return place

    def _placed(self, string: str) -> _Place:
        places, sides = self.places[string], self.sides.get(string, ())
        kinds: dict[Group, frozenset[str]] = {}
        for group, kind in places:
            kinds[group] = kinds.get(group, _NOTHING) | {kind}
        named = frozenset([group for group, kind in places if kind in _NAMING])
        names_one = len(places) == len(sides) == 1 and all(kind == "name" for _, kind in places)
        judges = frozenset(self.judges[string]) if string in self.judges else _NOTHING
        return _Place(
            kinds=kinds,
            named=named,
            certain=len(kinds) == len(named) == 1,
            owner=min(sides) if names_one else None,
            judges=judges,
            is_judge=bool(judges) and places == {("", "reviewer")},
            has_digit=bool(_DIGIT.search(string)),
        )

    @cached_property
    def alike(self) -> list[tuple[list[tuple[Group, str, str]], list[tuple[Group, str, str]]]]:
        """Strings of one kind and layout, all and those with a digit, where there are such."""
        classes: dict[tuple[str, str, int], list[tuple[Group, str, str]]] = {}
        for one in self.counts:
            group, kind, string = one
            if kind in _ALIKE and (len(places := self.places[string]) == 1 or self._is_alone(group, kind, places)):
                rows = self.rows.get(group, 0) if kind == "name" else 0
                classes.setdefault((self.layouts.get(group, str(group)), kind, rows), []).append(one)
        both = ((alike, [one for one in alike if _DIGIT.search(one[2])]) for alike in classes.values())
        return [one for one in both if one[1]]

    def _is_alone(self, group: Group, kind: str, places: set[tuple[Group, str]]) -> bool:
        """Tell whether nothing else brings a string there; a name that is also the maker's stands there more often."""
        return kind not in _NAMING and sum(place in {group, ""} for place, _ in places) == 1


def _known(edition: Edition, reviews: Collection[Review], site: Site) -> _Known:
    known = _Known()
    for group, kind, string, number, _ in phrases(edition, site):
        known.add(group, kind, string, number)
    for slug, (name, _) in judges(edition).items():
        known.judges[name].add(slug)
    stored = {(one.tool, one.reviewer, one.version): one.quote for one in reviews}
    ways = sayings({flat(one) for one in stored.values()} - {""}, phrases(edition, site))
    for place, matchup in enumerate(edition.matchups):
        rows = len({one.reviewer for side in matchup.sides for one in side.verdict.reviews})
        known.layouts[place], known.rows[place] = matchup.layout, rows
        for side in matchup.sides:
            known.spare[place, flat(side.tool.name)] = rows - len(side.verdict.reviews)
        for number, review in ((n, one) for n, side in enumerate(matchup.sides) for one in side.verdict.reviews):
            quote = flat(stored.get((review.tool, review.reviewer, review.version), ""))
            for said in ways.get(quote, ()):
                known.add(place, "quote", said, number)
                known.quotes[said].add(_Saying((place, number), review.reviewer, review.call))
    return known


# What stands in it


def _part(part: str, of: Words, known: _Known) -> Iterator[Untraced]:
    """What of one part comes from no row."""
    tiles = laid(of, _with_shortened(of.text, known))
    yield from _left_over(part, of.text, tiles)
    yield from _misplaced(part, of.text, tiles, known)


def _left_over(part: str, text: str, tiles: Sequence[tuple[int, int]]) -> Iterator[Untraced]:
    """Digits that nothing covers, and words in quotation marks."""
    rest, at = [], 0
    for start, end in (*tiles, (len(text), len(text))):
        rest.append(text[at:start] + "\x00" * (end - start))
        at = end
    left = "".join(rest)
    if _DIGIT.search(left):
        for found in re.finditer(r"[^\s\x00]+", left):
            if _DIGIT.search(found[0]):
                yield Untraced("number", part, _around(text, *found.span()))
    for found in re.finditer(r"“([^“”]*)”", left):
        if re.search(r"\w", found[1]):
            yield Untraced("quote", part, _around(text, *found.span()))


def _around(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - 30) : start], text[end : end + 30]
    return f"…{before}>{text[start : min(end, start + 80)]}<{after}…"


def _with_shortened(text: str, known: _Known) -> Strings:
    """The known strings, with the quotes this part shortens to whole words and an ellipsis."""
    if "…”" not in text:
        return known.strings
    found = set()
    for opening in re.finditer("“", text):
        end = text.find("…”", opening.end())
        passage = text[opening.end() : end].rstrip() if end > 0 else ""
        if passage and (said := [one for quote, one in known.quotes.items() if _begins(quote, passage)]):
            shortened = text[opening.end() : end + 1]
            found.add(shortened)
            known.quotes[shortened] = set().union(*said)
            known.sides[shortened] = {one.owner for one in known.quotes[shortened]}
            known.places[shortened].update((group, "quote") for group, _ in known.sides[shortened])
    return known.strings.plus(found)


def _begins(whole: str, passage: str) -> bool:
    return whole.startswith(passage) and not whole[len(passage) : len(passage) + 1].isalnum()


@dataclass
class _Near:
    """What was named last: groups, the side a figure or quote belongs to, and the reviewers a quote does.

    Near are the last two groups that were named, and those that a name may stand for too: a tool may be called Ship or
    Read, and such words are everywhere. So may a reviewer's name: one that can be nothing else ends what others began.
    """

    groups: list[Group] = field(default_factory=list)
    owner: Owner | None = None
    judges: frozenset[str] = _NOTHING

    def meet(self, place: _Place) -> None:
        if place.named:
            before = self.groups[:1]
            self.groups = _nearer(self.groups, place.named, certain=place.certain)
            self.owner = place.owner
            if place.certain and self.groups[:1] != before:
                self.judges = _NOTHING
        if place.is_judge:
            self.judges = place.judges
        elif self.judges and place.judges:
            self.judges |= place.judges

    def of(self, place: _Place) -> Group:
        """Where a string belongs that stands here: with what was named last, if that has it."""
        for group in self.groups:
            if group in place.kinds:
                return group
        return ""


def _nearer(near: list[Group], named: frozenset[Group], *, certain: bool) -> list[Group]:
    if certain:
        return near if near[:1] == [*named] else [*named, *near[:1]]
    return [*near[:1], *sorted(named - {*near[:1]}, key=str)]


def _misplaced(part: str, text: str, tiles: Sequence[tuple[int, int]], known: _Known) -> Iterator[Untraced]:
    """Strings that stand under names they do not belong to, or less often than their like."""
    near = _Near()
    seen: Counter[tuple[Group, str, str]] = Counter()
    for number, (start, end) in enumerate(tiles):
        string = text[start:end]
        place = known.place(string)
        if place.named or place.judges:
            near.meet(place)
        here = near.of(place)
        kinds = place.kinds.get(here, _NOTHING)
        if place.has_digit or "quote" in kinds:
            kind: Literal["number", "quote"] = "quote" if kinds == {"quote"} else "number"
            fault = _fault(string, near, here, kinds, known)
            if not fault and kind == "quote":
                fault = _misquoted(string, near, call_before(text, tiles, number, known.places), known)
            if fault:
                yield Untraced(kind, part, f"{fault}: {_around(text, start, end)}")
        for one in kinds:
            seen[here, one, string] += 1
    yield from _uneven(part, seen, known)


def _fault(string: str, near: _Near, here: Group, kinds: frozenset[str], known: _Known) -> str:
    """Say whose a figure or quote should be where it stands under another name."""
    if not kinds:
        return "stands under another name"
    owner = near.owner
    if owner and owner[0] == here and kinds <= _SIDED and owner not in known.sides[string]:
        return "belongs to the other tool"
    return ""


def _misquoted(string: str, near: _Near, call: str, known: _Known) -> str:
    """Say what is wrong with who said a quote: another reviewer did, or with another call than stands before it."""
    said = known.quotes[string]
    if near.groups:
        said = {one for one in said if one.owner[0] in near.groups[:1]} or said
    if near.owner:
        said = {one for one in said if one.owner == near.owner} or said
    if near.judges:
        said = {one for one in said if one.reviewer in near.judges}
        if not said:
            return "stands under another reviewer than the one who said it"
    return "stands under the other call" if call and call not in {one.call for one in said} else ""


#: Kinds of string that say what is spoken of.
_NAMING = frozenset({"name", "head", "numbered", "pair with vs", "pair with and", "correction", "line", "linked"})

#: Kinds that belong to one of the two tools and stand after its name.
_SIDED = frozenset({"price", "quote", *SHARES})
_OWNED = _SIDED | {"name"}

#: Kinds of which a message shows all that one layout has, or none.
_ALIKE = _NAMING | {"price", "checked", "tagline", "description", "home", "maker", "link", "source", *SHARES}


def _uneven(part: str, seen: Counter[tuple[Group, str, str]], known: _Known) -> Iterator[Untraced]:
    """Strings with digits that stand in a message less, or more, often than others of their kind and layout."""
    for alike, figures in known.alike:
        often = {one: seen[one] / known.counts[one] for one in alike}
        whole = {one: count + (known.spare.get((one[0], one[2]), 0) if one[1] == "name" else 0)
                 for one, count in often.items()}  # fmt: skip
        least, most = max(often[one] for one in figures), sorted(whole.values())[-2:][0]
        for one in figures:
            if whole[one] < least or often[one] > most:
                amount = "less" if whole[one] < least else "more"
                yield Untraced("number", part, f"{one[2]!r} stands there {amount} often than others of its kind")
