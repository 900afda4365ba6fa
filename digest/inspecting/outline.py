"""Can everybody follow it: language, headings, sections, tables, pictures and links of a letter in html."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from digest.inspecting.elements import Document, Element, Tag
from digest.inspecting.noting import Notes

#: The width of a letter: what is wider is cut off, or scrolls sideways, in most programs.
_WIDEST = 640
_WIDTH = re.compile(r"(?<![-\w])(?:min-)?width:\s*(\d{1,6})(?:\.\d+)?px", re.IGNORECASE)
_CHARSET = re.compile(r"charset=\s*([\w-]+)", re.IGNORECASE)

_LEVELS = {f"h{level}": level for level in range(1, 7)}

#: Link texts that say nothing when they are read out of their sentence.
_VAGUE = re.compile(
    r"(?:please )?(?:click|tap|press)?(?: on)? ?(?:here|this|this link|link|more|read more|learn more|see more|details"
    r"|read on|continue|go|this page|view|open|mehr|hier)(?: here)?[.…!»›→ ]*",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_EMPTY_ROLES = frozenset({"presentation", "none"})

#: What stands between words and holds bars open.
_BLANK = "\u00a0\u200b\u200c\u200d\u034f\ufeff \t\r\n"

#: Runs of text in which a section's first sentence stands, and the words it has at least.
_BEGINNING, _WORDS = 5, 4


def check_outline(notes: Notes, document: Document) -> None:
    """Note what keeps people from following a letter."""
    _check_document(notes, document)
    headings = [
        Heading(one, _LEVELS[one.tag.name], document.text(one)) for one in document.elements if one.tag.name in _LEVELS
    ]
    _check_headings(notes, document, headings)
    _check_sections(notes, document, headings)
    _check_links(notes, document)
    _check_elements(notes, document)


class Heading(NamedTuple):
    """A heading, its level from 1 to 6 and its words."""

    element: Element
    level: int
    text: str


def _check_document(notes: Notes, document: Document) -> None:
    root = next((element for element in document.elements if element.tag.name == "html"), None)
    for name, example in (("lang", "en"), ("dir", "ltr")):
        if root is None or not root.tag.attrs.get(name, "").strip():
            said = f"The html element does not say its {'language' if name == 'lang' else 'direction'}."
            notes.add(name, "warning", said, f'Write <html {name}="{example}">.', root.start if root else None)
    metas = [one for one in document.elements if one.tag.name == "meta"]
    if not any(one.tag.attrs.get("name", "").lower() == "viewport" for one in metas):
        fix = 'Write <meta name="viewport" content="width=device-width, initial-scale=1">.'
        notes.add("viewport", "warning", "Phones show the letter as wide as a desk's screen, in tiny type.", fix)
    for one in metas:
        if (declared := _CHARSET.search(" ".join(one.tag.attrs.values()))) and declared[1].lower() != "utf-8":
            said = "The letter is sent as UTF-8, and its html says otherwise:"
            notes.add("charset-declared", "warning", said, "Write charset=UTF-8.", one.start, declared[1])
    if not any(document.titles):
        notes.add("title", "warning", "The html part has no title.", "Write <title> with the subject.")


def _check_headings(notes: Notes, document: Document, headings: list[Heading]) -> None:
    firsts = [heading for heading in headings if heading.level == 1]
    if len(firsts) != 1:
        at = firsts[1].element.start if firsts else None
        notes.add("heading-one", "warning", f"There are {len(firsts)} headings h1.", "Have exactly one.", at)
    before = 0
    for element, level, text in headings:
        if not text and not _pictured(document, element):
            notes.add(
                "heading-empty", "warning", f"An <h{level}> is empty.", "Give it words or take it out.", element.start
            )
        if level > before + 1:
            said = f"h{level} follows {f'h{before}' if before else 'no heading'}:"
            notes.add("heading-order", "warning", said, f"Use h{before + 1}.", element.start, text)
        before = level


def _pictured(document: Document, of: Element) -> str:
    return " ".join(one.tag.attrs.get("alt", "") for one in document.inner(of) if one.tag.name == "img").strip()


def _check_sections(notes: Notes, document: Document, headings: list[Heading]) -> None:
    """A section reaches from its heading to the next of its own or of a higher level."""
    seen: set[tuple[str, ...]] = set()
    path: list[Heading] = []
    for place, heading in enumerate(headings):
        path = [*(one for one in path if one.level < heading.level), heading]
        following = headings[place + 1] if place + 1 < len(headings) else None
        if heading.level > 1 and heading.text and _is_empty(document, heading, following):
            notes.add("section-empty", "warning", "Nothing stands under the heading", "Fill it or take it out.",
                      heading.element.start, heading.text)  # fmt: skip
        if heading.level in {2, 3} and heading.text:
            words = _words(document, heading.element.last_run, _end_of(headings, place, document))
            _check_twice(notes, path, words, seen)


def _is_empty(document: Document, heading: Heading, following: Heading | None) -> bool:
    """Whether neither text nor picture nor a heading of a lower level follows."""
    if following is not None and following.level > heading.level:
        return False
    first, stop = heading.element.last_run, following.element.first_run if following else len(document.runs)
    if any(run.text.strip(_BLANK) for run in document.runs[first:stop]):
        return False
    last = following.element.index if following else len(document.elements)
    return not any(one.tag.name == "img" for one in document.elements[heading.element.last_element : last])


def _end_of(headings: list[Heading], place: int, document: Document) -> int:
    for later in headings[place + 1 : place + 100]:
        if later.level <= headings[place].level:
            return later.element.first_run
    return len(document.runs)


def _words(document: Document, first: int, stop: int) -> str:
    """The first sentence of a section: what was put in twice begins alike, whatever follows the second time."""
    beginning = (run.text for run in document.runs[first : min(stop, first + _BEGINNING)])
    return next((text for text in beginning if len(text.split()) >= _WORDS), "")


def _check_twice(notes: Notes, path: list[Heading], words: str, seen: set[tuple[str, ...]]) -> None:
    """The same under the same headings: a comparison or a block that was put in twice."""
    heading = path[-1]
    names = tuple(one.text for one in path)
    whole, title = (*names, "", words), (*names, "")
    if words and whole in seen:
        notes.add("section-twice", "blocker", "A section stands twice:", "Take one out.",
                  heading.element.start, heading.text)  # fmt: skip
    elif heading.level == 2 and title in seen:
        notes.add("section-twice", "warning", "Two sections have the same heading:", "Rename or remove one.",
                  heading.element.start, heading.text)  # fmt: skip
    seen |= {whole, title}


def _check_links(notes: Notes, document: Document) -> None:
    targets: dict[str, dict[str, Element]] = {}
    for link in (one for one in document.elements if one.tag.name == "a" and "href" in one.tag.attrs):
        attrs = link.tag.attrs
        text = " ".join(f"{document.text(link)} {_pictured(document, link)}".split())
        named = " ".join(attrs.get("aria-label", text).split()) or text
        if not named.strip(_BLANK):
            notes.add("link-empty", "warning", "A link has no text", "Give it words.", link.start, attrs["href"])
        elif _VAGUE.fullmatch(named):
            notes.add("link-text", "warning", "A link says nothing out of its sentence:", "Name what it leads to.",
                      link.start, named)  # fmt: skip
        elif _ADDRESS.fullmatch(named):
            notes.add("link-text", "warning", "A link shows a bare address:", "Name what it leads to.",
                      link.start, named)  # fmt: skip
        else:
            targets.setdefault(named.casefold(), {}).setdefault(_target(attrs["href"]), link)
    for text, places in targets.items():
        if len(places) > 1:
            notes.add("link-text", "warning", "Links of the same text lead to different places:",
                      "Name what each leads to.", list(places.values())[1].start, text)  # fmt: skip


def _target(link: str) -> str:
    """Where a link leads, whatever it says to who counts clicks."""
    return re.sub(r"[?&]utm_[^#]*", "", link).rstrip("/").casefold()


def _check_elements(notes: Notes, document: Document) -> None:
    for tag, elements in document.by_tag().items():
        if (wide := _width(tag)) > _WIDEST:
            said = f"An element is {wide} px wide:"
            fix = f"Use at most {_WIDEST} px, or a width in percent with a max-width."
            notes.add("too-wide", "warning", said, fix, elements[0].start, f"<{tag.name}>")
        if tag.name == "img":
            _check_images(notes, document, elements)
        elif _is_announced(tag):
            for element in elements:
                if not _holds(document, element, {"th", "caption"}):  # what has head cells is meant to be a table
                    _say_role(notes, element.start)
        elif tag.name == "p":
            _check_paragraphs(notes, document, elements)
    for at, tag in document.outlook:
        if _is_announced(tag):
            _say_role(notes, at)


def _width(tag: Tag) -> int:
    """The width in px that a tag insists on, 0 for none."""
    written = [tag.attrs.get("width", "").removesuffix("px"), *_WIDTH.findall(tag.attrs.get("style", ""))]
    return max((int(one) for one in written if one.isascii() and one.isdigit() and len(one) < 7), default=0)


def _check_paragraphs(notes: Notes, document: Document, paragraphs: list[Element]) -> None:
    for element in paragraphs:
        if element.first_run == element.last_run and not _holds(document, element, {"img"}):
            notes.add("paragraph-empty", "warning", "A paragraph is empty.", "Take it out.", element.start)


def _check_images(notes: Notes, document: Document, images: list[Element]) -> None:
    for element in images:
        _check_image(notes, document, element)


def _is_announced(tag: Tag) -> bool:
    """Whether a screen reader takes it for a table of data."""
    return tag.name == "table" and tag.attrs.get("role", "").strip().lower() not in _EMPTY_ROLES


def _say_role(notes: Notes, at: int) -> None:
    fix = 'Write role="presentation".'
    notes.add("table-role", "warning", "A layout table is announced as a table of data.", fix, at)


def _holds(document: Document, element: Element, names: Iterable[str]) -> bool:
    return any(one.tag.name in names for one in document.inner(element))


def _check_image(notes: Notes, document: Document, element: Element) -> None:
    attrs = element.tag.attrs
    style = attrs.get("style", "").replace(" ", "").lower()
    sizes = {attrs.get("width", "").removesuffix("px"), attrs.get("height", "").removesuffix("px")}
    tiny = bool(sizes) and sizes <= {"0", "1"}
    if tiny or re.search(r"display:none|visibility:hidden|(?<!-)(?:width|height):[01]px|opacity:0(?![.\d])", style):
        said = "A hidden or tiny image tells somebody who opened the letter:"
        notes.add("tracking-pixel", "warning", said, "Take it out.", element.start, attrs.get("src", ""))
    elif "alt" not in attrs:
        notes.add("image-alt", "warning", "An image has no alt text:", 'Say what it shows, or alt="" for decoration.',
                  element.start, attrs.get("src", ""))  # fmt: skip
    elif not attrs["alt"].strip() and (link := _link_around(element)) is not None and not document.text(link):
        said = "An image is all there is of a link, and its alt text is empty:"
        notes.add("image-alt", "warning", said, "Say in alt where the link leads.", element.start, attrs.get("src", ""))
    elif attrs["alt"].strip() and attrs["alt"].strip() in attrs.get("src", ""):
        notes.add("image-alt", "warning", "The alt text of an image is the name of its file:", "Say what it shows.",
                  element.start, attrs["alt"])  # fmt: skip


def _link_around(element: Element) -> Element | None:
    outer = element.parent
    for _ in range(50):
        if outer is None or outer.tag.name == "a":
            return outer
        outer = outer.parent
    return None
