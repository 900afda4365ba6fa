"""Everything that can be said of one html file: is it fit to be a letter, for mail programs and for all readers?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from digest.inspecting.cascade import TooInvolved
from digest.inspecting.contrast import weaknesses
from digest.inspecting.cssfeatures import Use, by_tag, data, shortfall
from digest.inspecting.elements import Document, Tag, names
from digest.inspecting.linking import (
    MOST_HTML,
    Held,
    check_leave,
    check_leave_shown,
    check_links,
    check_placeholders,
    rewritten_size,
)
from digest.inspecting.markup import read
from digest.inspecting.noting import Notes
from digest.inspecting.outline import check_outline
from digest.inspecting.stylesheets import Css, inline, is_readable, sheet
from digest.model import Finding, Level

#: Bytes of html. Gmail clips at about 102,400 counted after links were rewritten; clipped mail loses its footer.
HTML_WARN, HTML_BLOCK = 80_000, 90_000


def inspect(
    html: str, *, strict: bool, site_url: str = "", said: Collection[str] = (), leaves: bool = True
) -> tuple[Finding, ...]:
    """Check one html file; garbage gives findings, never an error, and a megabyte takes seconds at most.

    Args:
        html: A message's html part, a letter already filled for one reader, or any other file.
        strict: Whether it leaves this machine: then links have to be https and public.
        site_url: Where our pages are, "" when that is not known; only links there may carry `[[reader]]`.
        said: What tools, feeds and reviewers say in it; braces in that are their own.
        leaves: Whether it has to have a link to leave, as every edition does.

    Returns:
        Findings whose `where` is "html" with the lines and columns of the first places; blockers come first.
    """
    return examine(html, strict=strict, site_url=site_url, said=said, leaves=leaves).findings


class Examined(NamedTuple):
    """What was found in a file, and the text it shows."""

    findings: tuple[Finding, ...]
    text: str


def examine(
    html: str, *, strict: bool, site_url: str = "", said: Collection[str] = (), leaves: bool = True
) -> Examined:
    """Do what `inspect` does, and give the text as well, for who compares it with another part."""
    text = ""
    notes = Notes("html", html[:MOST_HTML])
    _check_size(notes, html)
    html, is_whole = html[:MOST_HTML], len(html) <= MOST_HTML
    check_charset(notes, html)
    if html.strip():
        document = read(html)
        text = " ".join(run.text for run in document.runs)
        if document.cut or not is_whole or not is_readable(document):
            _say_unseen(notes)
        told = check_placeholders(notes, html, said, others=_resolved(document))
        check_links(notes, document, Held(strict, site_url, said))
        _check_leftovers(notes, document, {*said, *told})
        _check_broken(notes, document)
        _check_contents(notes, document)
        check_outline(notes, document)
        if is_readable(document):
            _check_css(notes, document)
            _check_looks(notes, document, leaves=leaves)
        elif leaves:
            check_leave(notes, html)
    elif leaves:
        check_leave(notes, html)
    return Examined(tuple(sorted(notes.findings(), key=lambda finding: finding.level != "blocker")), text)


def _resolved(document: Document) -> Iterator[tuple[int, str]]:
    """The texts and values of attributes that have references in the file, resolved, with where they stand."""
    for run in document.runs:
        if not document.source.startswith(run.text, run.start):
            yield run.start, run.text
    for tag, elements in document.by_tag().items():
        if "&" in tag.raw:
            yield elements[0].start, "\n".join(tag.attrs.values())


def _check_size(notes: Notes, html: str) -> None:
    size = rewritten_size(html, is_html=True)
    if size > HTML_WARN:
        written = len(html.encode(errors="surrogatepass"))
        level: Level = "blocker" if size > HTML_BLOCK else "warning"
        said = (
            f"The html has {written:,} bytes, and about {size:,} after click tracking has rewritten its"
            " links; Gmail clips what passes about 102,000."
        )
        fix = f"Compose with fewer pairs, or write less, until it is under {HTML_WARN:,}."
        notes.add("html-size", level, said, fix)


def check_charset(notes: Notes, text: str) -> None:
    """Note a part that is empty, or that a sender would turn into ISO-8859-1."""
    if not text.strip():
        notes.add("empty-part", "blocker", f"The {notes.part} part is empty.", "Mend its template.")
    elif not re.search(r"[^\x00-\xff]", text):
        said = (
            f"The {notes.part} part fits ISO-8859-1; SendGrid would send it so, and Gmail shows such mail as clipped."
        )
        notes.add("charset", "warning", said, "Keep one curly quote or dash in the template.")


def _say_unseen(notes: Notes) -> None:
    said = "The file is so long or so involved that not all of it was looked at."
    notes.add("not-checked", "blocker", said, "Send a letter of an ordinary size.")


_LEFTOVERS = (
    ("<mj-", "an MJML element"),
    ("\\u{", "an escaped character"),
    ("{{", "an expression of a template"),
    ("{%", "a tag of a template"),
)
_NOTHING = re.compile(r"(?:undefined|None|nan|NaN|null|NULL|\[object Object\])(?: ?%)?")
_WHOLE = names("td th h1 h2 h3 h4 h5 h6 p a b i bdi span div li strong em")


def _check_leftovers(notes: Notes, document: Document, said: Collection[str]) -> None:
    for sign, what in _LEFTOVERS:
        at = notes.source.find(sign)
        if at >= 0 and not any(sign in one for one in said):
            around = notes.source[max(0, at - 20) : at + 40]
            notes.add("template-leftover", "blocker", f"Left of a template, {what}:", "Mend its template.", at, around)
    for run in document.runs:
        if len(run.text) < 30 and (text := run.text.strip()) and text[0] in "uNn[" and _NOTHING.fullmatch(text):
            name = run.inside.tag.name
            if name in _WHOLE and document.text(run.inside) == text and text not in said:
                said_by = f"A whole <{name}> says"
                notes.add("template-leftover", "blocker", said_by, "Give its template a value.", run.start, text)


def _check_broken(notes: Notes, document: Document) -> None:
    for one in document.broken:
        sample = "" if one.code == "conditional-comment" else notes.source[one.start : one.start + 50]
        notes.add(one.code, "blocker" if one.grave else "warning", one.said, one.fix, one.start, sample)


# What a letter must not have

_FORBIDDEN = names("script iframe frame frameset form object embed applet base input button select textarea")
_FORBIDDEN |= {"audio", "video", "dialog"}


def _check_contents(notes: Notes, document: Document) -> None:
    for tag, elements in document.by_tag().items():
        if (found := _refused(tag)) is not None:
            for element in elements:
                notes.add("forbidden", "blocker", *found, element.start)
    for one in document.sheets:
        for what, line in sheet(one.css).outside:
            said = f"The css loads more from elsewhere with {what} (line {line} of it)."
            notes.add("forbidden", "blocker", said, "Take it out; mail programs do, or ask readers first.", one.start)


def _refused(tag: Tag) -> tuple[str, str] | None:
    """Why a tag must not be in a letter, and what to do."""
    attrs = tag.attrs
    if tag.name in _FORBIDDEN:
        return f"<{tag.name}> does not work in mail, and makes it look dangerous.", "Take it out; link to a page."
    if tag.name == "link" and "stylesheet" in attrs.get("rel", "").lower():
        return "A style sheet is loaded from elsewhere.", "Put the css into the letter."
    if tag.name == "meta" and attrs.get("http-equiv", "").strip().lower() == "refresh":
        return "The letter sends its reader elsewhere by itself.", "Take the meta element out."
    events = sorted(name for name in attrs if name.startswith("on") and name.isalpha())
    if events:
        return f"<{tag.name}> has a script in {events[0]}.", "Take the attribute out."
    return None


# Css


def _check_css(notes: Notes, document: Document) -> None:
    source = data()
    fix = f"Do without it, or make sure that the letter reads well where it is missing (data of {source.updated})."
    for one in document.sheets:
        found = sheet(one.css)
        for use in found.uses:
            if said := shortfall(use):
                notes.add("css-support", "warning", said, fix, one.start + _offset(one.css, use.line))
        _check_faults(notes, found, one.start)
    for tag, elements in document.by_tag().items():
        for use, said in _of_tag(tag):
            for element in elements:
                notes.add("html-support" if use.shown[0] == "<" else "css-support", "warning", said, fix, element.start)
        if "style" in tag.attrs:
            _check_faults(notes, inline(tag.attrs["style"]), elements[0].start)


def _check_faults(notes: Notes, found: Css, at: int) -> None:
    for why, _ in found.faults:
        said = f"Css that cannot be read: {why}."
        notes.add("css-broken", "warning", said, "Mend it; mail programs drop it, and some all that follows.", at)


def _offset(css: str, line: int) -> int:
    """Where a line starts."""
    return sum(len(one) + 1 for one in css.split("\n", line)[: line - 1])


def _of_tag(tag: Tag) -> tuple[tuple[Use, str], ...]:
    """What a start tag and its style attribute use that not enough mail programs show; found out once for each tag."""
    if tag.uses is None:
        uses = dict.fromkeys(use._replace(line=1) for use in inline(tag.attrs.get("style", "")).uses)
        if tag.name not in _FORBIDDEN:
            uses |= dict.fromkeys(by_tag(tag.name, tag.attrs))
        tag.uses = tuple((use, said) for use in uses if (said := shortfall(use)))
    return tag.uses  # type: ignore[return-value]


def _check_looks(notes: Notes, document: Document, *, leaves: bool) -> None:
    try:
        if leaves:
            check_leave_shown(notes, document)
        for weak in weaknesses(document):
            code = "contrast" if weak.kind == "contrast" else "text-size"
            fix = "Make it darker or lighter, in that scheme." if code == "contrast" else "Use at least 14 px."
            level: Level = "blocker" if weak.grave else "warning"
            notes.add(code, level, f"{weak.said}:", fix, weak.run.start, weak.run.text)
    except TooInvolved:
        _say_unseen(notes)
