"""Do html and text say the same? Message and edition in, findings out: what stands in one part only, or in neither.

Known strings are laid over both parts as in `digest.tracing`. Names, heads and bottom lines tell which matchup is
spoken of; what stands there in one part must stand there in the other, whole. A part may be laid out freely: a kind of
thing that no matchup of a layout shows in either part is left out on purpose, unless it is a name, a bottom line or a
panel's share. Both tools of a matchup are named equally often, or one of them as much oftener in every matchup.

What this does not see: words of the templates themselves, and a text changed in both parts alike where the edition has
only one of its kind. A tool called like a word of the template is not counted.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from itertools import pairwise
from typing import NamedTuple

from digest.flattening import Words, flat, html_words, known_strings, laid, visible, words
from digest.model import READER, Edition, Finding, Level, Message, Site
from digest.phrases import Group, Owner, Phrase, call_before, judges, owners, phrases, sayings, says_otherwise

_MEND = "Undo what the template of one part does otherwise than the other's, or compose again."


def differences(message: Message, edition: Edition, site: Site) -> tuple[Finding, ...]:
    """List what one part of a message says and the other does not, and what both lack.

    Codes: `week-differs`, `subject-differs`, `matchup-missing`, `matchup-order`, `matchup-twice`, `parts-differ`,
    `content-missing`, `names-differ`, `links-differ`, `misprint`. Missing or altered content is a blocker.

    Args:
        message: What would be sent.
        edition: What it was rendered from.
        site: Who publishes.
    """
    stock = _stock(edition, site)
    parts = {"html": _read(html_words(message.html), stock), "text": _read(words(message.text), stock)}
    links = {"html": [*_html_links(message.html, stock)], "text": [*_text_links(message.text, parts["text"])]}
    gone = {place: [part for part, read in parts.items() if place not in read.groups] for place in stock.names}
    things = [(one, finding) for one, finding in _things(stock, parts) if not gone.get(one.group)]
    return (
        *_headers(message, edition, site),
        *_order(edition, parts, gone),
        *(finding for _, finding in things),
        *_calls(stock, parts),
        *_names(stock, parts, known={one.group for one, _ in things}),
        *_links(links, stock),
        *_led_astray(links, stock),
        *_misprints(stock, parts),
    )


# What there is to say


class _Thing(NamedTuple):
    """Something an edition has to say: in which group and layout, of which kind, and the ways it may be written."""

    group: Group
    layout: str
    kind: str
    ways: tuple[str, ...]


@dataclass
class _Stock:
    """What is known of an edition: its strings, what they are put together from, and the things they say.

    `speaks_of` tells of which group a string speaks, if it can be of no other; `needed` how often each thing must stand
    in its group; `blurred` which things have words that may say another too; `named` whose names a string is or holds,
    the longest first.
    """

    phrases: Sequence[Phrase]
    places: dict[str, set[tuple[Group, str]]]
    holds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[Group, tuple[str, str]] = field(default_factory=dict)
    layouts: dict[Group, str] = field(default_factory=dict)
    strings: frozenset[str] = frozenset()
    speaks_of: dict[str, Group] = field(default_factory=dict)
    needed: Counter[_Thing] = field(default_factory=Counter)
    blurred: set[_Thing] = field(default_factory=set)
    named: dict[str, frozenset[Owner]] = field(default_factory=dict)


#: What strings of a kind say; kinds that are not listed say nothing of their own.
_SAYS = {
    **{kind: kind for kind in (
        "blurb", "bottom line", "pricing read", "split", "community read", "category", "name", "maker", "tagline",
        "description", "price", "source", "heading", "correction", "intro", "site", "week name", "period",
    )},
    **{f"{label} {way}": f"{label.lower()} share" for label in ("Panel", "Community") for way in range(4)},
    "checked": "date of the price", "checked in full": "date of the price",
}  # fmt: skip

#: What may be left out of no message; an editor who wrote a blurb wants it read.
_ALWAYS = frozenset({"name", "blurb", "bottom line", "panel share"})

#: What says nothing of the tools; a difference in it is not worth holding an edition for.
_FRAME = frozenset({"site", "week name", "period", "heading"})

#: Kinds of string that tell which matchup is spoken of, or that none is any longer.
_NAMING = frozenset({"name", "head", "numbered", "pair with vs", "pair with and", "bottom line"})
_ENDING = frozenset({"correction", "line", "linked"})

#: What an editor wrote; it may be a matchup's head, word for word.
_WRITTEN = frozenset({("", "intro"), ("", "subject"), ("", "preheader")})


@lru_cache(maxsize=2)
def _stock(edition: Edition, site: Site) -> _Stock:
    stock = _Stock(phrases(edition, site), defaultdict(set))
    stock.named = owners(stock.phrases)
    for place, matchup in enumerate(edition.matchups):
        stock.layouts[place] = matchup.layout
        stock.names[place] = (flat(matchup.a.tool.name), flat(matchup.b.tool.name))
    ways: dict[tuple[Group, str, object], list[str]] = defaultdict(list)
    for place, (group, kind, string, number, holds) in enumerate(stock.phrases):
        stock.places[string].add((group, kind))
        if holds:
            stock.holds[string] = holds
        if said := "launch" if (group, kind) == ("launches", "name") else _SAYS.get(kind):
            ways[group, said, (place, "") if number is None else number].append(string)
    things = [_Thing(group, stock.layouts.get(group, ""), kind, (*dict.fromkeys(every),))
              for (group, kind, _), every in ways.items()]  # fmt: skip
    for thing in _said(edition, stock.phrases):
        things.append(thing)
        for way in thing.ways if thing.kind == "quote" else ():
            stock.places[way].add((thing.group, "quote"))
    stock.strings = frozenset(stock.places)
    for string, where in stock.places.items():
        [(group, kind), *others] = where - _WRITTEN if stock.holds.get(string) else where
        speaks = kind in (_NAMING if isinstance(group, int) else _ENDING)
        if speaks and not others and _WORD.search(string):
            stock.speaks_of[string] = group
    stock.blurred = {thing for thing in things if _is_blurred(thing, stock)}
    for thing in things:  # what may be several things, or is shown anywhere, must stand there at all
        stock.needed[thing] += not stock.needed[thing] or not (thing in stock.blurred or thing.group == "")
    return stock


def _said(edition: Edition, known: Sequence[Phrase]) -> Iterator[_Thing]:
    """The quotes of each matchup, and who said them."""
    called = judges(edition)
    every = {flat(one.quote) for pair in edition.matchups for side in pair.sides for one in side.verdict.reviews}
    ways = sayings(every, known)
    for place, matchup in enumerate(edition.matchups):
        reviews = [one for side in matchup.sides for one in side.verdict.reviews]
        said = [("quote", flat(one.quote)) for one in reviews]
        for slug in dict.fromkeys(one.reviewer for one in reviews):
            said += zip(("reviewer", "lens"), called[slug], strict=True)
        for kind, text in said:
            if text:
                yield _Thing(place, matchup.layout, kind, ways[text] if kind == "quote" else (text,))


# What a part says


@dataclass
class _Read:
    """What stands in a part: how often each string does, by group and in all; which groups it speaks of, in order.

    `calls` are those before each quote of a group, `names` where which names stand, in order; `rest` is what no known
    string covers, with NUL where one stands.
    """

    counts: defaultdict[tuple[Group, str], int] = field(default_factory=lambda: defaultdict(int))
    totals: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    groups: dict[Group, None] = field(default_factory=dict)
    calls: dict[tuple[Group, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    names: list[tuple[int, frozenset[Owner]]] = field(default_factory=list)
    rest: str = ""

    def of(self, group: Group, string: str) -> int:
        return self.counts.get((group, string), 0) if isinstance(group, int) else self.totals.get(string, 0)

    def often(self, thing: _Thing) -> int:
        if len(thing.ways) == 1:
            return self.of(thing.group, thing.ways[0])
        return sum([self.of(thing.group, way) for way in thing.ways])


def _read(of: Words, stock: _Stock) -> _Read:
    read, at = _Read(), 0
    here: Group = ""
    rest = []
    tiles = laid(of, known_strings(stock.strings))
    for number, (start, end) in enumerate(tiles):
        string = of.text[start:end]
        here = stock.speaks_of.get(string, here)
        for one in (string, *stock.holds.get(string, ())):
            read.counts[here, one] += 1
        read.groups.setdefault(here)
        if (here, "quote") in stock.places[string]:
            read.calls[here, string].add(call_before(of.text, tiles, number, stock.places))
        if string in stock.named:
            read.names.append((start, stock.named[string]))
        rest.append(of.text[at:start])
        at = end
    for (_, string), count in read.counts.items():
        read.totals[string] += count
    read.rest = "\x00".join([*rest, of.text[at:]])
    return read


# Matchups


def _order(edition: Edition, parts: dict[str, _Read], gone: dict[Group, list[str]]) -> Iterator[Finding]:
    """Matchups that a part lacks, has more often than others, or in another order than the other part."""
    slugs: dict[Group, str] = {place: one.slug for place, one in enumerate(edition.matchups)}
    for place, lacking in gone.items():
        for part in lacking:
            yield _finding("matchup-missing", f"The {part} part has nothing of {slugs[place]}.", part)
    orders = {
        part: [place for place in read.groups if place in gone and not gone[place]] for part, read in parts.items()
    }
    if orders["html"] != orders["text"]:
        yield _finding("matchup-order", "The parts have the matchups in different orders.", "text")
    lines: dict[Group, str] = {place: flat(one.bottom_line) for place, one in enumerate(edition.matchups)}
    for part, read in parts.items():
        often = {place: read.of(place, line) for place, line in lines.items() if line}
        usual = min((count for count in often.values() if count), default=0) if len(often) > 1 else 1
        for place in (place for place, count in often.items() if count > usual):
            level: Level = "blocker" if len(often) > 1 else "warning"
            yield _finding("matchup-twice", f"The {part} part has {slugs[place]} more than once.", part, level)


def _things(stock: _Stock, parts: dict[str, _Read]) -> Iterator[tuple[_Thing, Finding]]:
    """What stands whole in one part only, and what stands in neither though its like does."""
    needed = stock.needed
    shown = {one: [part for part, read in parts.items() if read.often(one) >= often] for one, often in needed.items()}
    usual = {(one.kind, one.layout) for one, where in shown.items() if where and one not in stock.blurred}
    usual |= {(kind, "full") for kind, _ in usual}  # in full a matchup shows what it does in short, and more
    for one, where in shown.items():
        level: Level = "warning" if one.kind in _FRAME else "blocker"
        what = f"the {one.kind} “{_cut(one.ways[0])}”{_within(one.group, stock)}"
        if len(where) == 1:
            (lacking,) = parts.keys() - {*where}
            said = f"The {lacking} part does not have {what} as the {where[0]} part has it."
            yield one, _finding("parts-differ", said, lacking, level)
        elif not where and (one.kind in _ALWAYS or (one.kind, one.layout) in usual):
            said = f"Neither part has {what} as the edition has it."
            yield one, _finding("content-missing", said, "html, text", level)


def _is_blurred(one: _Thing, stock: _Stock) -> bool:
    """Tell whether the words of a thing may say something else in its group too."""
    kinds = {
        _SAYS.get(kind, kind)
        for way in one.ways
        for group, kind in stock.places[way]
        if group in {one.group, ""} and kind != "own category"
    }
    return not kinds <= {one.kind}


def _within(group: Group, stock: _Stock) -> str:
    return f" of {' and '.join(stock.names[group])}" if group in stock.names else ""


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _calls(stock: _Stock, parts: dict[str, _Read]) -> Iterator[Finding]:
    """Quotes that follow another call in one part than in the other, if both have calls and no tool is so called."""
    html, text = (read.calls for read in parts.values())
    if any({""} == set().union(*calls.values()) for calls in (html, text)):
        return
    if any(kind != "label" for call in ("Ship", "Skip", "SHIP", "SKIP") for _, kind in stock.places[call]):
        return
    for key in (key for key in html if key in text and html[key] != text[key]):
        said = f"The parts do not have the same call before “{_cut(key[1])}”{_within(key[0], stock)}."
        yield _finding("parts-differ", said, "html, text")


def _names(stock: _Stock, parts: dict[str, _Read], known: set[Group]) -> Iterator[Finding]:
    """Tools that a part names less often than those they are compared with, where no altered text names them."""
    for part, read in parts.items():
        ahead = {place: read.of(place, a) - read.of(place, b)
                 for place, (a, b) in stock.names.items() if _counts(place, (a, b), stock, read)}  # fmt: skip
        by_layout: dict[str, list[int]] = defaultdict(list)
        for place, by in ahead.items():
            by_layout[stock.layouts[place]].append(by)
        for place, by in ahead.items():
            [(often, times)] = Counter(by_layout[stock.layouts[place]]).most_common(1)
            if place not in known and by != (often if times > 1 else 0):
                less, more = stock.names[place][:: -1 if by > 0 else 1]
                said = f"The {part} part names {less} less often than {more}: somewhere it stands otherwise."
                yield _finding("names-differ", said, part)


_WORD = re.compile(r"\w")


def _counts(place: Group, names: tuple[str, str], stock: _Stock, read: _Read) -> bool:
    """Tell whether both names of a matchup are nothing but its tools' names, also in the rest of the part."""
    if names[0] == names[1] or any(stock.places[name] != {(place, "name")} or not _WORD.search(name) for name in names):
        return False
    return not any(read.of(other, name) for other in stock.names if other != place for name in names)


# Headers and links


def _headers(message: Message, edition: Edition, site: Site) -> Iterator[Finding]:
    """A week, a subject, a title of the html part and a preheader that are not the edition's."""
    if message.week != edition.week:
        yield _finding("week-differs", f"The message is one for {message.week}, not {edition.week}.", "message")
    title = re.search(r"<title\b[^>]*>([^<]*)", message.html, re.IGNORECASE)
    subject, preheader = flat(edition.subject), flat(edition.preheader)
    shown, titled = flat(message.subject), flat(unescape(title[1])) if title else ""
    if subject and subject not in shown:
        level: Level = "blocker" if _resembles(shown, subject) else "warning"
        yield _finding("subject-differs", f"The subject is not the edition's: “{_cut(shown)}”.", "subject", level)
    if titled and subject not in titled and flat(site.name) not in titled:
        said = f"The title is neither the subject nor the newsletter's name: “{_cut(titled)}”."
        yield _finding("subject-differs", said, "html", "warning")
    if preheader and preheader not in html_words(message.html).text:
        yield _finding("parts-differ", "The html part does not have the preheader whole.", "html", "warning")


def _resembles(one: str, other: str) -> bool:
    """Tell whether a text has half of the words of another, or more: then it is that one, altered."""
    there = {*one.casefold().split()}
    wanted = {*other.casefold().split()}
    return 2 * len(there & wanted) >= len(wanted)


class _Link(NamedTuple):
    """An address, the words that say where it leads, and whose names stand there."""

    address: str
    words: str
    names: frozenset[Owner]


_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_LINKS = frozenset(
    {"page", "home", "link", "vote to ship", "vote to skip", "own link", "edition page", "site home"}
)  # fmt: skip


def _links(read: dict[str, list[_Link]], stock: _Stock) -> Iterator[Finding]:
    """Links of the edition that one part or both lack, and links of a reader's own that are none of the edition's."""
    parts = {part: {one.address for one in links} for part, links in read.items()}
    known = {_place(one.string): one.kind for one in stock.phrases if one.kind in _LINKS}
    shown = {link: [part for part, links in parts.items() if link in links] for link in known}
    usual = {known[link] for link, where in shown.items() if where}
    for link, where in shown.items():
        if len(where) == 1:
            (lacking,) = parts.keys() - {*where}
            yield _finding("links-differ", f"The {lacking} part has no link to {link}; the other has.", lacking)
        elif not where and known[link] in usual:
            yield _finding("links-differ", f"Neither part has a link to {link}, but others like it.", "html, text")
    for part, links in parts.items():
        for link in sorted(one for one in links - known.keys() if READER in one):
            yield _finding("links-differ", f"The {part} part has a link that is none of the edition's: {link}", part)


@lru_cache(maxsize=512)  # every link stands in both parts and in the edition
def _place(link: str) -> str:
    """An address without what ends the sentence it stands in, and without campaign parameters."""
    return flat(link).rstrip(".,;:/")


# Where links lead, and what is said of them


_ANCHOR = re.compile(r"""</?a(?=[\s/>])(?:[^>]*?\shref\s*=\s*(?:"([^"]*)"|'([^']*)'))?[^>]*>""", re.IGNORECASE)
_NOBODY: frozenset[Owner] = frozenset()


def _html_links(html: str, stock: _Stock) -> Iterator[_Link]:
    """The links of a page with what stands between their tags."""
    tags = [*_ANCHOR.finditer(html)]
    for tag, following in pairwise(tags):
        if href := tag[1] or tag[2]:
            said = flat(visible(html[tag.end() : following.start()]))
            yield _Link(_place(unescape(href)), said, _named_in(said, stock))


def _named_in(said: str, stock: _Stock) -> frozenset[Owner]:
    """Whose names stand in some words; a name within a longer one is not meant."""
    if said in stock.named:
        return stock.named[said]
    found = _NOBODY
    for name, whose in stock.named.items():
        if name in said and (parted := re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "\0", said)) != said:
            found, said = found | whose, parted
    return found


def _text_links(text: str, read: _Read) -> Iterator[_Link]:
    """The addresses of a text with the words before each on its line, or else with the line above.

    Where these name nobody, the names since the address before count; but not what follows that one on its line.
    """
    since, starts = 0, [start for start, _ in read.names]
    lines = [*_ADDRESS.finditer(text)]
    ends = [one.end() for one in lines]
    for before, there, link in zip([0, *ends], lines, _ADDRESS.finditer(words(text).text), strict=False):
        said = _said_before(text[before : there.start()])
        first, last = bisect_left(starts, since), bisect_left(starts, link.start())
        near = bisect_left(starts, link.start() - len(said) - 1, first)
        names = {whose for _, whose in read.names[near if near < last else first : last]}
        address = flat(there[0])  # in flat text wide characters may follow it without a space
        yield _Link(_place(address), said, _NOBODY.union(*names))
        behind = text[there.end() : text.find("\n", there.end())]
        since = link.start() + len(address) + (len(behind) if not _ADDRESS.search(behind) else 0)


def _said_before(before: str) -> str:
    """What of the words between two addresses says where the second leads."""
    after, *lines = before.split("\n")
    if not lines:
        return flat(after)
    return flat(lines[-1]) or flat(next((line for line in reversed(lines) if line.strip()), ""))


def _led_astray(read: dict[str, list[_Link]], stock: _Stock) -> Iterator[Finding]:
    """Links whose words name another tool, the other call or the other of a reader's own pages than they lead to.

    Words that name none of these are the template's own, and right.
    """
    leads: dict[str, set[Owner]] = defaultdict(set)
    for one in stock.phrases:
        if one.kind in _LINKS and one.group != "":
            leads[_place(one.string)] |= one.owners()
    nameable = _NOBODY.union(*stock.named.values())
    for part, link in ((part, link) for part, links in read.items() for link in links):
        whose = leads.get(link.address, _NOBODY)
        is_other = link.names and whose and nameable >= whose and link.names.isdisjoint(whose)
        if is_other or says_otherwise(link.address, link.words):
            where = f"A link of the {part} part leads to {link.address}"
            yield _finding("links-differ", f"{where}, but what is said of it is “{_cut(link.words)}”.", part)


# Misprints


#: Shorter words are a letter away from too many others.
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_NAMES = frozenset({"name", "site", "reviewer", "maker", "category", "heading"})


def _misprints(stock: _Stock, parts: dict[str, _Read]) -> Iterator[Finding]:
    """Words in one part only that are a letter away from one of a name, and words in the place of one of the site's."""
    html, text = ({word.casefold(): word for word in _LONG_WORD.findall(read.rest)} for read in parts.values())
    names = {word for one in stock.phrases if one.kind in _NAMES for word in _LONG_WORD.findall(one.string.casefold())}
    labels = {word for one in stock.phrases if one.kind == "label" for word in one.string.casefold().split()}
    for part, rest, others in (("html", html, text), ("text", text, html)):
        for word in sorted(rest.keys() - others.keys() - names - labels):
            like = next((one for one in sorted(names) if _is_slip(word, one)), "")
            if like and rest[word][0].isupper():  # as names begin; other words are a letter away from many
                said = f"“{rest[word]}” stands only in the {part} part; “{like}” may be meant."
                yield _finding("misprint", said, part, "warning")
    for name in (one.string.split(" ") for one in stock.phrases if one.kind == "site"):
        for part, read in parts.items():
            if found := _exchanged(name, read.rest):
                said = f"The {part} part has “{found}”; “{' '.join(name)}” may be meant."
                yield _finding("misprint", said, part, "warning")


def _exchanged(name: Sequence[str], rest: str) -> str:
    """A name of three to six words as it stands with one of them exchanged, "" where it does not."""
    if not 3 <= len(name) <= 6:
        return ""
    for place in range(len(name)):
        pattern = " ".join(r"[^\s\0]+" if place == at else re.escape(word) for at, word in enumerate(name))
        if found := re.search(rf"(?<!\w){pattern}(?!\w)", rest):
            return found[0]
    return ""


def _is_slip(one: str, other: str) -> bool:
    """Tell whether two words differ by one letter more, less or other, or by two that changed places."""
    short, long = sorted((one, other), key=len)
    start = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) - len(short) > 1:
        return False
    if len(long) > len(short):
        return short[start:] == long[start + 1 :]
    turned = short[start + 1 : start + 2] + short[start : start + 1] + short[start + 2 :]
    return short[start + 1 :] == long[start + 1 :] or turned == long[start:]


def _finding(code: str, message: str, where: str, level: Level = "blocker") -> Finding:
    return Finding(code, level, message, where, _MEND)
