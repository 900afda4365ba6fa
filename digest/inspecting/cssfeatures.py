"""Which css and html a letter may use: what most mail programs understand, from caniemail's data made for this project.

The data file digest/inspecting/caniemail.json says when each feature was tested and which programs lack it;
tests/tools/caniemail.py makes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tinycss2 import ast

from digest.inspecting.elements import names

#: What we use although many programs lack it, and what happens there without it.
EXTRAS = {
    "css-at-media": "the layout stacks by itself; only paddings and sizes stay as they are",
    "css-at-media-prefers-color-scheme": "the light colours stay, or the program makes its own dark ones",
    "css-color-scheme": "as above",
    "html-meta-color-scheme": "as above",
    "css-pseudo-class-last-child": "a line more at the end of a row",
    "css-max-width": "Outlook for Windows has its own table of fixed width",
    "html-bdi": "names in right-to-left letters may change places with their neighbours",
    "html-dir": "as above",
    "html-lang": "programs guess the language",
    "html-role": "a layout table is read as a table",
    "html-aria-label": "the letter is not announced by its subject",
    "html-aria-hidden": "a mark is read aloud besides its words",
    "html-body": "a div inside of it has the same colours",
    "html-target": "links open where the program opens links",
    "html-doctype": "programs put their own",
}

#: Without these, content lands somewhere else or on top of other content: each family has to have them everywhere.
STRUCTURAL = names(
    "css-display-flex css-display-grid css-flex-direction css-flex-wrap css-grid-template css-gap css-position"
    " css-left-right-top-bottom css-transform css-column-count css-align-items css-justify-content css-float"
    " css-writing-mode css-variables css-unit-calc css-function-clamp css-function-min css-function-max"
    " css-object-fit css-opacity css-clip-path css-background-image css-visibility"
)

_HERE = Path(__file__).with_name("caniemail.json")

#: Properties of CSS 1 and 2 that are older than anybody's tests, and those that only a program of its own reads.
_PLAIN = names(
    "color font-family font-style font-variant border-color border-style border-width quotes src unicode-bidi"
    " supported-color-schemes"
)
_STEMS = ("transition", "animation", "outline", "mask", "text-emphasis", "scroll-snap")


def _stem(name: str) -> str:
    stem = next(one for one in _STEMS if name.startswith(one))
    return "mask-image" if stem == "mask" else stem


_FAMILIES = (
    (r"(?:padding|margin)-(?:top|right|bottom|left)", lambda name: name.partition("-")[0]),
    (r"border-(?:top|bottom)-(?:left|right)-radius", lambda _: "border-radius"),
    (r"border-(?:start|end)-(?:start|end)-radius", lambda _: "border-radius-logical"),
    (r"border-(?:block|inline).*", lambda _: "border-inline-block"),
    (r"border-image-.*", lambda _: "border-image"),
    (r"border-(?:top|right|bottom|left)(?:-(?:color|style|width))?", lambda _: "border"),
    (r"(?:padding|margin)-(?:block|inline)-(?:start|end)", lambda name: name.rpartition("-")[0] + "-start-end"),
    (r"(?:padding|margin)-(?:block|inline)", lambda name: name.partition("-")[0] + "-inline-block"),
    (r"left|right|top|bottom", lambda _: "left-right-top-bottom"),
    (r"inset-.*", lambda _: "inset"),
    (r"overflow-[xy]", lambda _: "overflow"),
    (r"flex|flex-(?:grow|shrink|basis)|order", lambda _: "display-flex"),
    (r"flex-flow", lambda _: "flex-wrap"),
    (r"align-(?:content|self)|place-.*|justify-(?:items|self)", lambda _: "align-items"),
    (r"grid|grid-(?:template-.*|area|row.*|column.*|auto-.*)", lambda _: "grid-template"),
    (r"(?:row|column|grid)-gap", lambda _: "gap"),
    (r"columns|column-(?:width|rule.*|span|fill)", lambda _: "column-layout-properties"),
    (r"(?:transition|animation|outline|mask|text-emphasis|scroll-snap)-.*", _stem),
)
_FAMILY = [(re.compile(pattern), to) for pattern, to in _FAMILIES]

_FUNCTIONS = {
    "calc": "css-unit-calc", "clamp": "css-function-clamp", "min": "css-function-min", "max": "css-function-max",
    "light-dark": "css-function-light-dark", "var": "css-variables", "linear-gradient": "css-linear-gradient",
    "radial-gradient": "css-radial-gradient", "conic-gradient": "css-conic-gradient", "hwb": "css-modern-color",
    "lab": "css-modern-color", "lch": "css-modern-color", "oklab": "css-modern-color", "oklch": "css-modern-color",
    "color": "css-modern-color", "color-mix": "css-modern-color", "rgb": "css-rgb", "rgba": "css-rgba",
    "hsl": "css-rgba", "hsla": "css-rgba",
}  # fmt: skip
_UNITS = names("ch cm em ex in mm pc pt px rem vh vmax vmin vw")
_OTHER_UNITS = names("deg rad turn s ms dpi dpcm dppx")
_MEDIA = {
    "prefers-color-scheme": "css-at-media-prefers-color-scheme",
    "prefers-reduced-motion": "css-at-media-prefers-reduced-motion",
    "orientation": "css-at-media-orientation",
    "hover": "css-at-media-hover",
    "device-pixel-ratio": "css-at-media-device-pixel-ratio",
}
_COMBINATORS = {">": "css-selector-child", "+": "css-selector-adjacent-sibling", "~": "css-selector-general-sibling"}

_OLD_ELEMENTS = names(
    "html head title meta a b i u s em br tbody thead tfoot tr td th caption colgroup col center font big sub sup tt"
    " kbd samp var cite q ins mark time noscript map area"
)
_GROUPS = {
    "html-lists": "ul ol li dl dt dd",
    "html-h1-h6": "h1 h2 h3 h4 h5 h6",
    "html-semantics": "article aside details figcaption figure footer header main nav section summary",
    "html-image-maps": "map area",
}
_ELEMENTS = {name: slug for slug, names in _GROUPS.items() for name in names.split()}
_ATTRIBUTES = names(
    "align aria-describedby aria-hidden aria-label aria-labelledby aria-live background cellpadding cellspacing dir"
    " height hidden lang role srcset target valign width popover required"
)


class Use(NamedTuple):
    """A feature used: caniemail's name of it ("" for what caniemail does not know), as written, the line in its css."""

    slug: str
    shown: str
    line: int = 1


class Data(NamedTuple):
    """What the data file holds; `features` by caniemail's name, each with `tested`, `have`, `of` and `lacks`."""

    source: str
    updated: str
    families: list[str]
    features: dict[str, dict[str, Any]]


@cache
def data() -> Data:
    """The data file, read once."""
    return Data(**json.loads(_HERE.read_text("utf-8")))


@lru_cache(maxsize=4096)
def shortfall(use: Use) -> str:
    """Say in a sentence who cannot show a feature; "" when it may be used."""
    if not use.slug:
        return f"Nobody has tested {use.shown} in mail programs."
    known = data().features[use.slug]
    majority = 2 * known["have"] > known["of"]
    if use.slug in EXTRAS or (majority and not (known["lacks"] and use.slug in STRUCTURAL)):
        return ""
    lacking = ", ".join(known["lacks"]) or "most mail programs"
    return f"{use.shown} is not shown by {lacking} (tested {known['tested']})."


def by_declaration(one: ast.Declaration) -> Iterator[Use]:
    """What a declaration uses: its property, and what stands in its value."""
    name, line = one.lower_name, one.source_line
    if name.startswith(("-", "_", "mso-")) and not name.startswith("--"):
        return  # made for one program; the others pass over it
    slug = _property(name)
    value = " ".join(token.lower_value for token in one.value if token.type == "ident")
    if name == "display" and value:
        slug, name = _display(value), f"display: {value}"
    if slug or name not in _PLAIN:
        yield Use(_known(slug), name, line)
    for token in _inside(one.value):
        yield from _by_token(token, line)


def _display(value: str) -> str:
    return {"none": "css-display-none"}.get(value) or (
        "css-display-flex" if "flex" in value else "css-display-grid" if "grid" in value else "css-display"
    )


def _property(name: str) -> str:
    if name.startswith("--"):
        return "css-variables"
    if f"css-{name}" in data().features:
        return f"css-{name}"
    return next((f"css-{to(name)}" for pattern, to in _FAMILY if pattern.fullmatch(name)), "")


def _known(slug: str) -> str:
    return slug if slug in data().features else ""


def _inside(tokens: Iterable[ast.Node]) -> Iterator[ast.Node]:
    """Tokens and those in their functions and blocks, one after the other."""
    waiting = list(tokens)
    while waiting:
        token = waiting.pop()
        yield token
        waiting += getattr(token, "arguments", None) or (getattr(token, "content", None) or [])


def _by_token(token: ast.Node, line: int) -> Iterator[Use]:
    if token.type == "function" and token.lower_name not in {"url", "rect", "counter", "format", "local"}:
        slug = _FUNCTIONS.get(token.lower_name, "")
        if slug == "css-rgb" and not any(part == "," for part in token.arguments):
            slug = "css-modern-color"
        yield Use(_known(slug) or (slug and "css-modern-color"), f"{token.lower_name}()", line)
    elif token.type == "dimension" and token.lower_unit not in _OTHER_UNITS:
        slug = f"css-unit-{token.lower_unit}" if token.lower_unit in _UNITS else ""
        yield Use(slug, f"the unit {token.lower_unit}", line)
    elif token.type == "percentage":
        yield Use("css-unit-percent", "%", line)
    elif token.type == "ident" and token.lower_value in {"initial", "unset", "revert"}:
        yield Use("css-unit-initial", token.lower_value, line)


def by_at_rule(rule: ast.AtRule) -> Iterator[Use]:
    """What an at-rule uses: itself, and for @media what it asks for."""
    name = rule.lower_at_keyword.rpartition("-")[2] if rule.lower_at_keyword.startswith("-") else rule.lower_at_keyword
    if name == "charset":
        return
    slug = "css-at-font-face" if name == "face" else f"css-at-{name}"
    yield Use(_known(slug), f"@{rule.lower_at_keyword}", rule.source_line)
    if name == "media":
        asked = " ".join(token.lower_value for token in _inside(rule.prelude) if token.type == "ident")
        yield from (Use(slug, f"@media ({word})", rule.source_line) for word, slug in _MEDIA.items() if word in asked)


_SELECTOR = re.compile(
    r"""::?-?[\w-]+ | \[ | \# | \.[\w-]+ | (?<![\w-])\* | [>+~](?!=)""",
    re.VERBOSE,
)
_OLD_PSEUDO = frozenset({"root"})  # CSS 3, and the letter's own rules for it only say which colours it knows


def by_selector(selector: str, line: int) -> Iterator[Use]:
    """What a selector uses."""
    bare = re.sub(r"\[[^\]]*\]", "[", selector)
    for found in _SELECTOR.findall(bare):
        if found[0] == ":":
            name = found.strip(":")
            kind = (
                "element" if found[1] == ":" or name in {"before", "after", "first-letter", "first-line"} else "class"
            )
            if name not in _OLD_PSEUDO and not name.startswith("-"):
                yield Use(_known(f"css-pseudo-{kind}-{name}"), found, line)
        elif found in _COMBINATORS:
            yield Use(_COMBINATORS[found], f"the selector {found}", line)
        elif found == "[":
            yield Use("css-selector-attribute", "a selector by attribute", line)


def by_tag(name: str, attributes: Iterable[str]) -> Iterator[Use]:
    """What a start tag uses: its element and its attributes."""
    slug = _ELEMENTS.get(name) or _known(f"html-{name}")
    if slug or (name not in _OLD_ELEMENTS and ":" not in name):
        yield Use(slug, f"<{name}>")
    yield from (Use(_known(f"html-{one}"), f"the attribute {one}") for one in attributes if one in _ATTRIBUTES)
