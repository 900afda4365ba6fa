"""An email's html as it shows elsewhere: in the light or the dark, bare, clipped, and with nothing in it that acts.

Works on whatever templates and feeds made; nothing here is relied on to make it harmless, the frame is (see preview).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Literal, NamedTuple

from digest.flattening import flat, visible
from digest.inspecting.linking import rewritten_size
from digest.wording import one_line

#: Bytes of html after which Gmail shows no more. Source: measured by many; Gmail does not document it.
GMAIL = 102_400

Scheme = Literal["light", "dark"]

#: Elements without an end tag. Source: HTML, 13.1.2.
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)

_STYLE = re.compile(r"<style\b[^>]*>.*?(?:</style\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_MEDIA = re.compile(r"(<[a-z][^<>]*?\smedia\s*=\s*)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_DECLARED = re.compile(r"(?<![-\w])(color-scheme\s*:\s*)[^;}\"']+", re.IGNORECASE)
_META = re.compile(r"<meta\b[^>]*\bname\s*=\s*[\"']?(?:supported-)?color-schemes?\b[^>]*>", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_BASE = re.compile(r"<base\b[^>]*>", re.IGNORECASE)
_TARGET = re.compile(r"(<(?:a|area|form)\b[^<>]*?)\starget\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)


def lit(html: str, scheme: Scheme) -> str:
    """Answer each question after the reader's colour scheme in an email as if it were this one.

    What a media query asks becomes something that is always or never true, so the query is right with whatever else it
    asks; colours that browsers choose (`color-scheme`) are those of the scheme.
    """
    there = {True: "(min-width:0)", False: "(max-width:-1px)"}

    def answered(css: str) -> str:
        css = _PREFERS.sub(lambda one: there[one[1].lower() == scheme], css)
        return _DECLARED.sub(lambda one: one[1] + scheme, css)

    html = _STYLE.sub(lambda style: answered(style[0]), html)
    html = _MEDIA.sub(lambda one: one[1] + answered(one[2]), html)
    html = _META.sub("", html)
    return _in_head(html, f'<meta name="color-scheme" content="{scheme}">')


def without_styles(html: str) -> str:
    """Take out the style blocks, as some mail programs do; what stands in `style` attributes stays."""
    return _STYLE.sub("", html)


def inert(html: str) -> str:
    """Let each link open a new window, which the frame of a preview forbids: so a click on one does nothing."""
    return _in_head(_TARGET.sub(r"\1", _BASE.sub("", html)), '<base target="_blank">')


def dressed(html: str, css: str) -> str:
    """Add the preview's own css behind an email's."""
    head, end, rest = html.partition("</head>")
    return f"{head}<style>{css}</style>{end}{rest}" if end else f"<style>{css}</style>{html}"


def _in_head(html: str, element: str) -> str:
    found = _HEAD.search(html)
    at = found.end() if found else 0
    return f"{html[:at]}{element}{html[at:]}"


# Clipping


@dataclass(frozen=True, slots=True)
class Clipped:
    """What Gmail shows of an email: html that ends in its line, and the words that are cut off."""

    html: str
    lost: str


def clipped(html: str) -> Clipped | None:
    """Cut an email where Gmail clips it; None where it shows all.

    Bytes are counted as they arrive, after click tracking has rewritten links, as preflight counts them. Clipped mail
    loses its style blocks, too.
    """
    if rewritten_size(html, is_html=True) <= GMAIL:
        return None
    sizes = range(len(html) + 1)
    end = bisect_right(sizes, GMAIL, key=lambda size: rewritten_size(html[:size], is_html=True)) - 1
    for opens, closes in (("<", ">"), ("<!--", "-->"), ("<style", "</style")):  # what is not ended is not shown
        if (begun := html.rfind(opens, 0, end)) > html.rfind(closes, 0, end):
            end = begun
    shown, lost = html[:end], flat(visible(html[end:]))
    closing = "".join(f"</{name}>" for name in reversed(_Open.of(shown)))
    return Clipped(f"{without_styles(shown)}{closing}{_CUT.format(lost=escape(lost))}</body></html>", lost)


#: What Gmail writes where it cuts, and, which it does not show, what is gone.
_CUT = (
    '<div style="padding:12px 16px;background:#fff;color:#222;font:14px/1.5 Arial,sans-serif">[Message clipped]&nbsp; '
    '<span style="color:#15c;text-decoration:underline">View entire message</span></div>'
    '<div style="padding:12px 16px;border-top:3px dashed #a13d27;background:#f3e3de;color:#5a1f12;'
    'font:14px/1.5 Arial,sans-serif"><b>Cut off:</b> <del>{lost}</del></div>'
)


class _Open(HTMLParser):
    """Follows which elements are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    @classmethod
    def of(cls, html: str) -> list[str]:
        """Name the elements within the body that a piece of html leaves open, the outermost first."""
        parser = cls()
        parser.feed(html)
        return [name for name in parser.open if name not in {"html", "body"}]

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            del self.open[len(self.open) - 1 - self.open[::-1].index(tag) :]


# Places


class Place(NamedTuple):
    """A place in a part's source as findings name it: line and column, both from 1."""

    line: int
    column: int


#: What the element is called that a preview scrolls to.
HERE = "here"


def pointed(html: str, place: Place) -> str:
    """Give the element at a place of an email, or the last one before it, the id that a preview scrolls to."""
    starts = [start for start, _, _ in _Elements.of(html) if start <= place]
    if not starts:
        return html
    at = _offset(html, starts[-1])
    name = re.match(r"<[^\s/>]+", html[at:])
    end = at + (name.end() if name else 0)
    return f'{html[:end]} id="{HERE}"{html[end:]}'


def is_shown(html: str, place: Place) -> bool:
    """Tell whether a place lies within the body of an email, where something can be seen."""
    at = html.lower().find("<body")
    return _offset(html, place) > at


def place_of(html: str, words: str) -> Place | None:
    """Find where an email shows words: the heading that says just them, else any heading, else any element."""
    wanted = flat(one_line(words))
    found = [
        (said != wanted, not _HEADING.fullmatch(name), start)
        for start, name, said in _Elements.of(html)
        if wanted and wanted in said
    ]
    return min(found)[-1] if found else None


_HEADING = re.compile("h[1-6]")


class _Elements(HTMLParser):
    """Lists the elements of a body in order, each with its own words; those of a heading are all within it."""

    def __init__(self) -> None:
        super().__init__()
        self.found = list[tuple[Place, str, list[str]]]()
        self._heading: list[str] | None = None

    @classmethod
    def of(cls, html: str) -> Iterator[tuple[Place, str, str]]:
        """Give the place, the name and the words of each."""
        parser = cls()
        parser.feed(html)
        for place, name, said in parser.found:
            yield place, name, flat("".join(said))

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if self.found or tag == "body":
            line, before = self.getpos()
            self.found.append((Place(line, before + 1), tag, []))
            if _HEADING.fullmatch(tag):
                self._heading = self.found[-1][2]

    def handle_endtag(self, tag: str) -> None:
        if _HEADING.fullmatch(tag):
            self._heading = None

    def handle_data(self, data: str) -> None:
        if self.found:
            (self.found[-1][2] if self._heading is None else self._heading).append(data)


def _offset(html: str, place: Place) -> int:
    """Where a place is, in characters."""
    before = html.split("\n", place.line - 1)[: place.line - 1]
    return sum(len(line) + 1 for line in before) + place.column - 1
