"""What html is made of, as it is written: tags, elements, runs of text, style sheets."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple


def names(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


#: Elements without content. Source: HTML Living Standard, 13.1.2.
VOID = names("area base br col embed hr img input link meta param source track wbr")

_NAME = re.compile(r"</?([^\s/>]+)")
_ATTRIBUTE = re.compile(r"""([^\s=>"'/][^\s=>/]*)(?:\s*=\s*("[^"]*"?|'[^']*'?|[^\s>]+))?""")


#: Runs or elements in one element that are looked at, so that nesting cannot make the work grow with its square.
NEAR = 100


class Tag:
    """A start tag as it is written; equal ones are one object, so what was found out about one is kept on it."""

    __slots__ = ("attrs", "classes", "damaged", "name", "raw", "self_closed", "simple", "uses")

    def __init__(self, raw: str) -> None:
        found = _NAME.match(raw)
        self.raw = raw
        self.damaged = "<" in raw[1:] or not raw.endswith(">")
        self.name = found[1].lower() if found else ""
        rest = raw[found.end() :].rstrip(">") if found else ""
        self.self_closed = rest.endswith("/")
        self.attrs: dict[str, str] = {}
        for name, value in _ATTRIBUTE.findall(rest):
            self.attrs.setdefault(name.lower(), _value(value))
        self.classes = frozenset(self.attrs.get("class", "").split())
        #: Whether it only has to be closed: no link, no void or damaged or self-closed tag.
        self.simple = not (self.damaged or self.self_closed or self.name == "a" or self.name in VOID)
        self.uses: object = None

    def written(self, name: str) -> str:
        """The value of an attribute as it stands in the file, references and quotation marks kept."""
        if "&" not in self.raw:
            return self.attrs.get(name, "")
        return next((value for one, value in _ATTRIBUTE.findall(self.raw) if one.lower() == name), "")


def _value(written: str) -> str:
    quoted = written[:1] in {'"', "'"} and written[:1]
    bare = written[1:].removesuffix(quoted) if quoted else written
    return html.unescape(bare) if "&" in bare else bare


#: Tags that are kept from letter to letter; those of so many characters are not, they would only fill the memory.
KEPT, LONG = 8192, 1000

_tags = lru_cache(maxsize=KEPT)(Tag)


def tag(raw: str) -> Tag:
    """The start tag that is written so."""
    return _tags(raw) if len(raw) < LONG else Tag(raw)


class Element:
    """An element in the order of the file.

    `position` is its place among its siblings (1 is the first), `children` how many elements stand directly in it. Its
    text is `runs[first_run:last_run]` of the document, its inner elements are `elements[index + 1:last_element]`.
    Nothing here points from an element to what is in it, so that a document goes when nobody needs it.
    """

    __slots__ = (
        "children",
        "first_run",
        "index",
        "last_element",
        "last_run",
        "parent",
        "position",
        "start",
        "tag",
    )

    def __init__(self, tag_: Tag, parent: Element | None, start: int, index: int, first_run: int) -> None:
        self.tag = tag_
        self.parent = parent
        self.start = start
        self.index = index
        self.first_run = self.last_run = first_run
        self.last_element = index + 1
        self.children = 0
        self.position = 1
        if parent is not None:
            parent.children += 1
            self.position = parent.children


class Run(NamedTuple):
    """Text between two tags, references resolved, with where it starts in the file. Never of white space only."""

    inside: Element
    start: int
    text: str


class Broken(NamedTuple):
    """A fault of the tags at a place of the file; `grave` is one that breaks the layout somewhere."""

    start: int
    said: str
    fix: str
    grave: bool = True
    code: str = "markup-broken"


class Sheet(NamedTuple):
    """A style element: where its content starts, its media attribute and its content."""

    start: int
    media: str
    css: str


@dataclass(slots=True)
class Document:
    """A file that was read: everything in the order of the file.

    `outlook` are tags only Outlook for Windows sees; `cut` says that the file was too long to be read to its end.
    """

    source: str
    elements: list[Element] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    outlook: list[tuple[int, Tag]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    cut: bool = False
    _by_tag: dict[Tag, list[Element]] = field(default_factory=dict)

    def text(self, of: Element) -> str:
        """The text inside an element, white space collapsed; of a very long one the beginning."""
        last = min(of.last_run, of.first_run + NEAR)
        return " ".join("".join([run.text for run in self.runs[of.first_run : last]]).split())

    def by_tag(self) -> dict[Tag, list[Element]]:
        """The elements by their tags; what can be said of a tag as it is written need be found out only once."""
        if not self._by_tag:
            for element in self.elements:
                self._by_tag.setdefault(element.tag, []).append(element)
        return self._by_tag

    def before(self, of: Element) -> Element | None:
        """The sibling before an element."""
        if of.position == 1:
            return None
        other = self.elements[of.index - 1]
        while other.parent is not of.parent and other.parent is not None:
            other = other.parent
        return other

    def inner(self, of: Element) -> list[Element]:
        """The elements inside an element, the first ones of very many."""
        return self.elements[of.index + 1 : min(of.last_element, of.index + 1 + NEAR)]

    def css_size(self) -> int:
        """Characters of css, equal style attributes counted once."""
        styles = {tag.attrs["style"] for tag in self.by_tag() if "style" in tag.attrs}
        return sum(map(len, styles)) + sum(len(one.css) for one in self.sheets)
