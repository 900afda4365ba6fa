"""How a letter looks: the colours and sizes of the text in each element, light and dark, wide and narrow.

The cascade as browsers do it: origin, importance, specificity and order, inheritance, the presentational attributes of
old html. Elements whose chain of tags is the same look the same, so most are worked out once; a selector that counts
siblings is looked at for each element it could mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from digest.inspecting.elements import Document, Element, Tag, names
from digest.inspecting.selectors import Compiler, Selector, passes
from digest.inspecting.stylesheets import (
    Colour,
    Css,
    Declared,
    Effect,
    Screen,
    Size,
    Test,
    colour_of,
    inline,
    media_test,
    sheet,
)

#: Who looks at a letter: at a phone and at a desk, in light and in dark.
SCREENS = (Screen(640, dark=False), Screen(640, dark=True), Screen(375, dark=False), Screen(375, dark=True))

#: Steps of work until a letter is given up as too involved, about a microsecond each.
BUDGET = 1_000_000


class TooInvolved(Exception):
    """A file makes so much work that looking at all of it would take minutes."""


class Look(NamedTuple):
    """How text directly in an element looks on one screen; `ground` is opaque, `size` in px."""

    colour: Colour
    ground: Colour
    size: float
    bold: bool
    hidden: bool
    opacity: float


class Style:
    """The looks of elements with one chain of tags, one for each of SCREENS."""

    __slots__ = ("above", "cost", "looks", "parent", "passed", "tag", "told", "used")

    def __init__(self, parent: Style | None, tag: Tag, passed: frozenset[int]) -> None:
        self.parent = parent
        self.tag = tag
        self.passed = passed
        names = (
            tag.name,
            *(f".{one}" for one in tag.classes),
            *((f"#{tag.attrs['id']}",) if "id" in tag.attrs else ()),
        )
        self.above: frozenset[str] = frozenset(names) | (parent.above if parent else frozenset())
        self.looks: tuple[Look, ...] = ()
        self.told: object = None
        #: Steps it took to work it out, and the last document that was charged with them.
        self.cost = self.used = 0


class _Match(NamedTuple):
    """A rule by one of its selectors, in the order in which rules win."""

    rank: tuple[tuple[int, int, int], int]
    selector: Selector
    tests: tuple[Test, ...]
    declared: Declared


class Cascade:
    """Works out styles by the sheets of one letter, and keeps them for the next letter with the same sheets."""

    def __init__(self, sheets: Sequence[tuple[str, str]], *, dark_canvas: bool) -> None:
        compiler = Compiler()
        self.budget = BUDGET
        self.turn = 0
        self.roots = tuple(_canvas(dark=screen.dark and dark_canvas) for screen in SCREENS)
        self.linked = tuple(_LINKS[screen.dark and dark_canvas] for screen in SCREENS)
        self.matches: list[_Match] = []
        for css, media in sheets:
            tests = (media_test(media),) if media.strip() else ()
            for rule in sheet(css).rules:
                for selector in filter(None, map(compiler.selector, rule.selectors)):
                    rank = (selector.specificity, len(self.matches))
                    self.matches.append(_Match(rank, selector, (*tests, *rule.tests), rule.declared))
        self.matches.sort(key=lambda one: one.rank)
        self.places = compiler.places
        selectors = [one.selector for one in self.matches]
        selectors += [place[1] for place in self.places if isinstance(place, tuple)]
        self.placed = {compound for one in selectors for compound in one.compounds if compound.places}
        self.by_tag: dict[str, tuple[tuple[_Match, ...], tuple[int, ...]]] = {}
        self.styles: dict[tuple[Style | None, str, tuple[bool, ...]], Style] = {}

    def styles_of(self, document: Document) -> list[Style]:
        """The style of each element of a document.

        A document is charged with the steps of all its styles, also of those that others had before: what is said of
        it must not depend on what was read earlier.

        Raises:
            TooInvolved: The work passes BUDGET.
        """
        self.budget = BUDGET
        self.turn += 1
        charged: set[str] = set()
        if len(self.styles) > 20_000:  # letters come and go; their chains need not stay
            self.styles.clear()
        found: list[Style] = []
        styles, by_tag = self.styles, self.by_tag
        for element in document.elements:
            tag = element.tag
            parent = found[element.parent.index] if element.parent is not None else None
            _, places = by_tag.get(tag.raw) or self._for_tag(tag)
            flags = tuple([self._holds(place, element, document, found) for place in places]) if places else ()
            key = (parent, tag.raw, flags)
            style = styles.get(key)
            if style is None:
                style = styles[key] = self._style(
                    parent, tag, frozenset(x for x, yes in zip(places, flags, strict=True) if yes)
                )
            if style.used != self.turn:
                style.used = self.turn
                self._spend(style.cost)
                if tag.raw not in charged:
                    charged.add(tag.raw)
                    self._spend(len(self.matches))
            found.append(style)
        return found

    def _for_tag(self, tag: Tag) -> tuple[tuple[_Match, ...], tuple[int, ...]]:
        """The rules that could mean elements with this tag, and the places to look at for them and what is in them."""
        fitting = tuple(one for one in self.matches if passes(one.selector.compounds[0], tag))
        places = sorted({index for compound in self.placed if passes(compound, tag) for index in compound.places})
        self.by_tag[tag.raw] = fitting, tuple(places)
        return self.by_tag[tag.raw]

    def _holds(self, index: int, element: Element, document: Document, found: Sequence[Style]) -> bool:
        place = self.places[index]
        if not isinstance(place, tuple):
            return place(element)
        relation, selector = place
        before = document.before(element)
        while before is not None:
            self._spend(1)
            if self._meant(selector, found[before.index]):
                return True
            before = document.before(before) if relation == "~" else None
        return False

    def _meant(self, selector: Selector, style: Style) -> bool:
        return passes(selector.compounds[0], style.tag) and self._fits(selector, style)

    def _fits(self, selector: Selector, style: Style) -> bool:
        """Whether a selector means an element whose own tag passes already."""
        if not style.passed.issuperset(selector.compounds[0].places):
            return False
        if len(selector.compounds) == 1:
            return True
        parent = style.parent
        return parent is not None and selector.needs <= parent.above and self._outwards(selector, 1, parent)

    def _outwards(self, selector: Selector, at: int, style: Style | None) -> bool:
        compound, strict = selector.compounds[at], selector.relations[at - 1] == ">"
        while style is not None:
            self._spend(1)
            fits = style.passed.issuperset(compound.places) and passes(compound, style.tag)
            if fits and (at + 1 == len(selector.compounds) or self._outwards(selector, at + 1, style.parent)):
                return True
            style = None if strict else style.parent
        return False

    def _spend(self, steps: int) -> None:
        self.budget -= steps
        if self.budget < 0:
            raise TooInvolved

    def _style(self, parent: Style | None, tag: Tag, passed: frozenset[int]) -> Style:
        fitting, _ = self.by_tag[tag.raw]
        before = self.budget
        self._spend(30 + 4 * len(fitting))
        style = Style(parent, tag, passed)
        if parent is not None:
            self._spend(len(parent.above) // 8)
        matched = [one for one in fitting if self._fits(one.selector, style)]
        own, hints = _own(tag), _hints(tag)
        known: dict[tuple[Look, Colour, tuple[int, ...]], Look] = {}
        looks: list[Look] = []
        for index, screen in enumerate(SCREENS):
            holding = [one for one in matched if not one.tests or all(test(screen) for test in one.tests)]
            above = parent.looks[index] if parent is not None else self.roots[index]
            key = (above, self.linked[index], tuple(map(id, holding)))
            if key not in known:
                known[key] = _look(above, tag, self.linked[index], hints, _winning(holding, own))
            looks.append(known[key])
        style.looks = tuple(looks)
        style.cost, self.budget = before - self.budget, before  # charged by who called
        return style


def cascade(document: Document) -> Cascade:
    """The cascade for a document's style sheets; equal sheets share one."""
    sheets = tuple((one.css, one.media) for one in document.sheets)
    dark = any("dark" in one.tag.attrs.get("content", "") for one in document.elements if _is_scheme(one.tag))
    return _cascade(sheets, dark or any(_declares_dark(sheet(css)) for css, _ in sheets))


@lru_cache(maxsize=8)
def _cascade(sheets: tuple[tuple[str, str], ...], dark: bool) -> Cascade:
    return Cascade(sheets, dark_canvas=dark)


def _is_scheme(tag: Tag) -> bool:
    return tag.name == "meta" and tag.attrs.get("name", "").lower() == "color-scheme"


def _declares_dark(css: Css) -> bool:
    return any(
        name == "color-scheme" and "dark" in str(value)
        for rule in css.rules
        if {":root", "html"} & set(rule.selectors)
        for name, value in (*rule.declared.plain, *rule.declared.important)
    )


def _own(tag: Tag) -> Declared | None:
    return inline(tag.attrs["style"]).declared if "style" in tag.attrs else None


def _winning(matches: Sequence[_Match], own: Declared | None) -> dict[str, object]:
    """Property by property, the value that wins: later ones in the order of the cascade overwrite earlier ones."""
    values: dict[str, object] = {}
    for one in matches:
        values.update(one.declared.plain)
    if own is not None:
        values.update(own.plain)
    for one in matches:
        values.update(one.declared.important)
    if own is not None:
        values.update(own.important)
    return values


# What html itself does. Source: HTML Living Standard, 15.3; the dark canvas and links are Chromium's.

_BLACK, _WHITE = Colour(0, 0, 0), Colour(1, 1, 1)
_LINKS = {False: Colour(0, 0, 238 / 255), True: Colour(158 / 255, 158 / 255, 1)}
_SIZES = {
    "h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67, "small": 1 / 1.2, "sub": 1 / 1.2,
    "sup": 1 / 1.2, "big": 1.2, "pre": 13 / 16, "code": 13 / 16, "tt": 13 / 16, "kbd": 13 / 16, "samp": 13 / 16,
}  # fmt: skip
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_NOT_SHOWN = names("head title style script meta link base template noscript xml param source")
_FONT_SIZES = {"1": 10, "2": 13, "3": 16, "4": 18, "5": 24, "6": 32, "7": 48}


def _canvas(*, dark: bool) -> Look:
    ground = Colour(18 / 255, 18 / 255, 18 / 255) if dark else _WHITE
    return Look(_WHITE if dark else _BLACK, ground, 16.0, bold=False, hidden=False, opacity=1.0)


def _hints(tag: Tag) -> tuple[Effect, ...]:
    """What old attributes say; any rule wins over them."""
    if not (tag.attrs.keys() & {"bgcolor", "text", "color", "size"}):
        return ()
    hints: list[Effect] = []
    named = {
        "bgcolor": "background-color",
        "text": "color" if tag.name == "body" else "",
        "color": "color" if tag.name == "font" else "",
    }
    for attribute, name in named.items():
        if name and (colour := colour_of(tag.attrs.get(attribute, ""))) is not None:
            hints.append((name, colour))
    if tag.name == "font" and tag.attrs.get("size") in _FONT_SIZES:
        hints.append(("font-size", Size("px", _FONT_SIZES[tag.attrs["size"]])))
    return tuple(hints)


def _look(above: Look, tag: Tag, linked: Colour, hints: tuple[Effect, ...], values: dict[str, object]) -> Look:
    if hints:
        values = {**dict(hints), **values}
    size = _px(values.get("font-size"), above.size, _SIZES.get(tag.name, 1.0))
    ground, colour = above.ground, above.colour
    if tag.name == "a" and "href" in tag.attrs:
        colour = linked
    colour = _resolved(values.get("color"), colour, above.colour)
    opacity = above.opacity * float(str(values.get("opacity", 1.0)))
    back = values.get("background-color")
    if back is not None:
        ground = mixed(_resolved(back, Colour(0, 0, 0, 0), colour), above.ground)
    weight = values.get("font-weight")
    bold = int(str(weight)) >= 600 if weight is not None else tag.name in _BOLD or above.bold
    hidden = above.hidden or tag.name in _NOT_SHOWN or "hidden" in tag.attrs or _vanishes(values) or opacity < 0.05
    return Look(colour, ground, size, bold, hidden, opacity)


def _px(value: object, above: float, factor: float) -> float:
    if not isinstance(value, Size):
        return above * factor
    return {"px": 1.0, "em": above, "rem": 16.0}[value.unit] * value.number


def _resolved(value: object, default: Colour, current: Colour) -> Colour:
    return value if isinstance(value, Colour) else current if value in {"inherit", "currentcolor"} else default


def mixed(over: Colour, under: Colour) -> Colour:
    """The opaque colour that a translucent one gives on an opaque one."""
    if over.alpha >= 1:
        return over
    red, green, blue = (top * over.alpha + low * (1 - over.alpha) for top, low in zip(over[:3], under[:3], strict=True))
    return Colour(red, green, blue)


def _vanishes(values: dict[str, object]) -> bool:
    if values.get("display") == "none" or values.get("visibility") in {"hidden", "collapse"}:
        return True
    if "hidden" not in str(values.get("overflow", "")):
        return False
    edges = (values.get(name) for name in ("max-height", "height", "width"))
    return any(isinstance(edge, Size) and edge.number == 0 for edge in edges)
