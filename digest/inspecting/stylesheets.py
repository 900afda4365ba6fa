"""Read css: which rules a letter has, what they do to the look of text, and which features they use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import tinycss2
from tinycss2 import ast, color4

from digest.inspecting.cssfeatures import Use, by_at_rule, by_declaration, by_selector
from digest.inspecting.elements import Document

#: Characters of css that are read; a letter that Gmail shows whole has less, and reading takes 3 s a megabyte.
MOST_CSS = 100_000


#: What hides an element that `display: none` hides already, in programs that do not know that.
_HIDING = frozenset({"css-visibility", "css-opacity", "css-overflow", "css-max-height", "css-height", "css-width"})


class Colour(NamedTuple):
    """Red, green, blue and opacity, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0


class Size(NamedTuple):
    """A length: `px`, `em` (times the parent's font size) or `rem`."""

    unit: str
    number: float


class Screen(NamedTuple):
    """Who looks: the width of the window in px, and whether dark is preferred."""

    width: int
    dark: bool


#: A property that matters to the look of text, and its value: Colour, Size, str or float by property.
Effect = tuple[str, object]
Test = Callable[[Screen], bool]


@dataclass(frozen=True, slots=True)
class Declared:
    """The declarations of one rule or style attribute: what matters of them, the important ones apart."""

    plain: tuple[Effect, ...] = ()
    important: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a sheet: its selectors as written, when it holds, and what it declares."""

    selectors: tuple[str, ...]
    tests: tuple[Test, ...]
    declared: Declared


@dataclass(frozen=True, slots=True)
class Css:
    """What css says, with lines: `outside` are @import and @font-face from elsewhere, `links` addresses in url()."""

    rules: tuple[Rule, ...] = ()
    declared: Declared = Declared()
    uses: tuple[Use, ...] = ()
    links: tuple[tuple[str, int], ...] = ()
    outside: tuple[tuple[str, int], ...] = ()
    faults: tuple[tuple[str, int], ...] = ()


def is_readable(document: Document) -> bool:
    """Whether a document has no more css than is read."""
    return document.css_size() <= MOST_CSS


@lru_cache(maxsize=64)
def sheet(css: str) -> Css:
    """Read a style sheet; what cannot be read is in `faults`, as browsers pass over it."""
    return _Reading().sheet(css[:MOST_CSS])


@lru_cache(maxsize=4096)
def inline(css: str) -> Css:
    """Read a style attribute."""
    return _Reading().inline(css[:MOST_CSS])


class _Reading:
    """Collects what one piece of css says."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.uses: dict[Use, None] = {}
        self.links: list[tuple[str, int]] = []
        self.outside: list[tuple[str, int]] = []
        self.faults: list[tuple[str, int]] = []

    def sheet(self, css: str) -> Css:
        self._nodes(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), ())
        return self._read(Declared())

    def inline(self, css: str) -> Css:
        return self._read(self._block(tinycss2.parse_blocks_contents(css, skip_comments=True, skip_whitespace=True)))

    def _read(self, declared: Declared) -> Css:
        lists = (self.uses, self.links, self.outside, self.faults)
        uses, links, outside, faults = (tuple(one) for one in lists)
        return Css(tuple(self.rules), declared, uses, links, outside, faults)  # type: ignore[arg-type]

    def _nodes(self, nodes: Iterable[ast.Node], tests: tuple[Test, ...]) -> None:
        waiting = [(node, tests) for node in nodes][::-1]
        while waiting:
            node, tests = waiting.pop()
            if node.type == "qualified-rule":
                self._rule(node, tests)
            elif node.type == "at-rule":
                self._use(by_at_rule(node))
                inner = self._at_rule(node)
                waiting += [(one, (*tests, *_condition(node))) for one in inner][::-1]
            elif node.type == "error":
                self.faults.append((node.message, node.source_line))

    def _at_rule(self, node: ast.AtRule) -> list[ast.Node]:
        """Give the rules inside of one that groups rules."""
        name = node.lower_at_keyword
        if name == "import" or (name == "font-face" and _addresses(node.content or ())):
            self.outside.append((f"@{name}", node.source_line))
        elif name in {"media", "supports", "layer"} and node.content is not None:
            found: list[ast.Node] = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
            return found
        return []

    def _rule(self, node: ast.QualifiedRule, tests: tuple[Test, ...]) -> None:
        selectors = _selectors(node.prelude)
        for selector in selectors:
            self._use(by_selector(selector, node.source_line))
        block = tinycss2.parse_blocks_contents(node.content, skip_comments=True, skip_whitespace=True)
        self.rules.append(Rule(selectors, tests, self._block(block)))

    def _block(self, nodes: Iterable[ast.Node]) -> Declared:
        plain: list[Effect] = []
        important: list[Effect] = []
        uses: list[Use] = []
        for node in nodes:
            if node.type == "declaration":
                uses += by_declaration(node)
                self.links += [(link, node.source_line) for link in _addresses(node.value)]
                (important if node.important else plain).extend(_effects(node))
            elif node.type == "qualified-rule":
                self._use([Use("css-nesting", "a rule in a rule", node.source_line)])
            elif node.type == "error":
                self.faults.append((node.message, node.source_line))
        is_hidden = ("display", "none") in (*plain, *important)
        self._use(one for one in uses if not (is_hidden and one.slug in _HIDING))
        return Declared(tuple(plain), tuple(important))

    def _use(self, uses: Iterable[Use]) -> None:
        self.uses.update(dict.fromkeys(uses))


def _selectors(prelude: list[ast.Node]) -> tuple[str, ...]:
    """The selectors of a rule; a rule nested so deep that it cannot be written again has none."""
    parts: list[list[ast.Node]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        elif token.type != "comment":
            parts[-1].append(token)
    try:
        written = [str(tinycss2.serialize(part)) for part in parts]
    except RecursionError:
        return ()
    return tuple(" ".join(part.split()) for part in written if part.strip())


def _addresses(tokens: Iterable[ast.Node]) -> Iterator[str]:
    waiting = list(tokens)[::-1]
    while waiting:
        token = waiting.pop()
        if token.type == "url":
            yield token.value
        elif token.type == "function" and token.lower_name == "url":
            yield "".join(part.value for part in token.arguments if part.type == "string")
        elif token.type in {"function", "() block", "[] block", "{} block"}:
            waiting += (getattr(token, "arguments", None) or getattr(token, "content", None) or [])[::-1]


# What a declaration does to the look of text

_KEYWORD_SIZES = {
    "xx-small": 9, "x-small": 10, "small": 13, "medium": 16, "large": 18, "x-large": 24, "xx-large": 32,
    "xxx-large": 48,
}  # fmt: skip
_PIXELS = {"px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}
_WEIGHTS = {"normal": 400, "bold": 700, "bolder": 700, "lighter": 300}
_KEPT = frozenset({"display", "visibility", "overflow", "color-scheme"})


def _effects(one: ast.Declaration) -> Iterator[Effect]:
    name, value = one.lower_name, [token for token in one.value if token.type not in {"whitespace", "comment"}]
    if name in _KEPT:
        yield name, " ".join(token.lower_value for token in value if token.type == "ident")
    elif name in {"color", "background-color"} and value:
        yield from ((name, found) for found in [_colour(value[0])] if found is not None)
    elif name == "background":
        yield from _background(value)
    elif name in {"font-size", "max-height", "height", "width"} and value:
        yield from ((name, found) for found in [_size(value[0])] if found is not None)
    elif name == "font-weight" and value:
        yield from ((name, found) for found in [_weight(value[0])] if found is not None)
    elif name == "font":
        yield from _font(value)
    elif name == "opacity" and value and value[0].type in {"number", "percentage"}:
        share = value[0].value / (100 if value[0].type == "percentage" else 1)
        yield name, min(max(share, 0.0), 1.0)


def _background(value: list[ast.Node]) -> Iterator[Effect]:
    """The shorthand sets every part, so without a colour it takes a colour away."""
    colours = [found for token in value if (found := _colour(token)) is not None]
    yield "background-color", colours[-1] if colours else Colour(0, 0, 0, 0)


def _font(value: list[ast.Node]) -> Iterator[Effect]:
    """The shorthand: whatever stands before the size may be a weight, whatever follows it is none of our business."""
    weight = 400
    for token in value:
        size = _size(token) if token.type in {"dimension", "percentage"} or _is_word(token, _KEYWORD_SIZES) else None
        if size is not None:
            yield "font-size", size
            yield "font-weight", weight
            return
        weight = found if (found := _weight(token)) is not None and found != 400 else weight


def _is_word(token: ast.Node, words: Iterable[str]) -> bool:
    return token.type == "ident" and token.lower_value in words


def _weight(token: ast.Node) -> int | None:
    if token.type == "number":
        return int(token.value)
    return _WEIGHTS.get(token.lower_value) if token.type == "ident" else None


def _size(token: ast.Node) -> Size | None:
    if token.type == "dimension" and token.lower_unit in _PIXELS:
        return Size("px", token.value * _PIXELS[token.lower_unit])
    if token.type == "dimension" and token.lower_unit in {"em", "rem"}:
        return Size(token.lower_unit, token.value)
    if token.type == "percentage":
        return Size("em", token.value / 100)
    if token.type == "number" and token.value == 0:
        return Size("px", 0)
    if token.type != "ident":
        return None
    if token.lower_value in _KEYWORD_SIZES:
        return Size("px", _KEYWORD_SIZES[token.lower_value])
    return {"smaller": Size("em", 1 / 1.2), "larger": Size("em", 1.2), "inherit": Size("em", 1)}.get(token.lower_value)


def _colour(token: ast.Node) -> Colour | str | None:
    """A colour, "inherit", "currentcolor", or None for what is none or is not known here."""
    if token.type == "ident" and token.lower_value in {"inherit", "currentcolor"}:
        return str(token.lower_value)
    try:
        found = color4.parse_color(token)
        return _srgb(found) if found is not None else None
    except (NotImplementedError, ValueError, ZeroDivisionError, OverflowError):
        return None  # a colour space that no mail program draws; the list of css features tells of it


def _srgb(found: color4.Color) -> Colour | str | None:
    if isinstance(found, str):
        return found.lower()
    red, green, blue = (min(max(float(part or 0), 0.0), 1.0) for part in found.to("srgb").coordinates)
    return Colour(red, green, blue, min(max(float(found.alpha), 0.0), 1.0))


@lru_cache(maxsize=1024)
def colour_of(written: str) -> Colour | None:
    """The colour of an html attribute such as bgcolor."""
    text = written.strip()
    bare = f"#{text}" if re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", text) else text
    found = _colour(token) if (token := tinycss2.parse_one_component_value(bare[:50])).type != "error" else None
    return found if isinstance(found, Colour) else None


# Who a rule is for


def _condition(node: ast.AtRule) -> tuple[Test, ...]:
    return (media_test(_written(node.prelude)),) if node.lower_at_keyword == "media" else ()


def _written(tokens: list[ast.Node]) -> str:
    try:
        return str(tinycss2.serialize(tokens))
    except RecursionError:
        return "not all"


@lru_cache(maxsize=256)
def media_test(query: str) -> Test:
    """Turn a media query list into a test; what we do not know of, no screen of ours has."""
    alternatives = [_alternative(part) for part in query.lower().split(",") if len(part) < _LONGEST_QUERY]
    return lambda screen: any(test(screen) for test in alternatives)


_LONGEST_QUERY = 500
_ASKED = re.compile(r"\(\s*([\w-]+)\s*(?::\s*([\w.-]+)\s*)?\)")
_ASKS = re.compile(r"(?:(?:only\s+)?(?:screen|all)\s*(?:and\s*)?)?((?:\([^()]*\)\s*(?:and\s*)?)*)")


def _alternative(query: str) -> Test:
    text = query.strip()
    if text.startswith("not "):
        inner = _alternative(text[4:])
        return lambda screen: not inner(screen)
    asked = _ASKS.fullmatch(text)
    if asked is None:
        return lambda _: not text
    features = [_feature(name, value) for name, value in _ASKED.findall(asked[1])]
    if len(features) != asked[1].count("("):
        return lambda _: False
    return lambda screen: all(test(screen) for test in features)


def _feature(name: str, value: str) -> Test:
    if name == "prefers-color-scheme":
        return lambda screen: screen.dark == (value == "dark")
    if name in {"min-width", "max-width", "min-device-width", "max-device-width"}:
        number = re.match(r"[\d.]+", value)
        limit = float(number[0]) * (16 if value.endswith("em") else 1) if number and number[0].strip(".") else 0.0
        return lambda screen: screen.width >= limit if name.startswith("min") else screen.width <= limit
    return lambda _: False
