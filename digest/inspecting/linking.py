"""Links, placeholders and sizes of a part of a message: where a click leads, and what has to be filled in before."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from digest.inspecting.contrast import seen_everywhere
from digest.inspecting.elements import Document, Tag
from digest.inspecting.markup import read, written
from digest.inspecting.noting import Notes
from digest.inspecting.stylesheets import inline, is_readable, sheet
from digest.model import READER, Level
from digest.wording import address

#: Characters that are looked at; what is longer is refused for its size alone.
MOST_HTML = 1_000_000

#: Characters of a reader's token: 16 of the id and 22 of the keyed hash (subscribers/links.py).
TOKEN = 38

#: What click tracking makes of a link: SendGrid's host and path, then the link encrypted in blocks of 16 bytes after
#: one more block, then a mark and some 170 bytes of what was sent to whom, all in base64 whose +, / and = take three
#: characters. Measured on public examples: 380 to 460 characters in all, "a 400 characters link" in
#: github.com/mozilla/pontoon/issues/4241.
_TRACKED_HEAD, _TRACKED_TAIL, _BASE64 = 52, 256, 4 / 3 * 1.06

#: Already rewritten by SendGrid.
_TRACKED = re.compile(r"https?://[^/\s]{1,255}/(?:ls/click|wf/click|uni/ls/click)\?")

_HREF = re.compile(r"""(<[aA]\s[^<>]{0,500}?href=)(?:"(https?://[^"]*)"|'(https?://[^']*)')""")
#: SendGrid leaves a link alone that says so before its href. Source: its "Click Tracking & HTML Best Practices".
_UNTRACKED = re.compile(r"""\sclicktracking=["']?off\b""", re.IGNORECASE)
_SCHEME = re.compile(r"(?<![\w/])[a-z][\w+.-]{0,19}\Z", re.IGNORECASE)
_REST = re.compile(r"://[^\s<>\"“”]+")

#: What senders and template languages write for a reader's own words; CSS has a colon or a semicolon in its braces.
_PLACEHOLDERS = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in (
        ("[[", r"\[\[[^\[\]]{0,200}\]\]"),
        ("{{", r"\{\{[^{}]{0,200}\}\}"),
        ("{%", r"\{%[^{%]{0,200}%\}"),
        ("<%", r"<%[^<%]{0,200}%>"),
        ("{", r"\{[ \t]{0,9}[a-zA-Z_][\w.-]{0,80}[ \t]{0,9}\}"),
        ("*|", r"\*\|[\w:]{1,80}\|\*"),
        ("%", r"%[a-zA-Z_][\w.-]{0,80}%"),
        ("[", r"\[\s{0,9}(?:reader|Reader|READER)\s{0,9}\]{1,3}"),
    )
)
_MISSPELT = re.compile(r"[\[{]{1,3}\s*reader\s*[\]}]{1,3}|%5b%5b\s*reader|\breader\]\]", re.IGNORECASE)
#: Where an address cannot go on.
_EDGES = (" ", "\n", "\t", "<", ">", '"')
_OF_LINKS = re.compile(r"\[\[.*?\]\]|\{\{|\}\}|\{%|<%|\*\|")

#: Links that open another program than a browser.
_NOT_WEB = frozenset({"mailto", "tel", "sms"})

#: The pages a reader's own link leads to. Source: DESIGN, rule 11.
_READER_PAGE = re.compile(
    r"/(?:leave|preferences)/\[\[reader\]\]|/vote/\[\[reader\]\]/\d{4}-W\d\d/[^/?#]+/(?:ship|skip)"
)
_LEAVE = re.compile(r"/leave/(?:\[\[reader\]\]|[\w-]{20,})(?![\w/-])")
_LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}  # noqa: S104 - looked for, not bound to
_RESOURCES = ("src", "background", "poster", "data", "action", "srcset")
_LONGEST_STYLE = 2_000
_LINKING = frozenset({"href", *_RESOURCES})


def rewritten_size(part: str, *, is_html: bool) -> int:
    """Bytes of a part as it arrives: web links as click tracking writes them, `[[reader]]` as long as a token.

    Links are looked for in the first MOST_HTML characters; longer parts are refused without them.
    """
    if not is_html:
        spare = sum(_growth(link) for _, link in _in_text(part[:MOST_HTML]) if link.startswith("http"))
        return len(part.encode(errors="surrogatepass")) + spare
    written = _HREF.findall(part[:MOST_HTML])
    links = (double or single for before, double, single in written if not _UNTRACKED.search(before))
    others = part.count(READER) * (TOKEN - len(READER))
    return len(part.encode(errors="surrogatepass")) + sum(_growth(html.unescape(link), link) for link in links) + others


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    """The addresses in plain text, each with its place."""
    for rest in _REST.finditer(text):
        if scheme := _SCHEME.search(text, max(0, rest.start() - 21), rest.start()):
            yield scheme.start(), text[scheme.start() : rest.end()]


def _growth(link: str, written: str = "") -> int:
    """Bytes a link gains; one that was rewritten already stays as it is."""
    if _TRACKED.match(link):
        return 0
    full = len(link.encode(errors="surrogatepass")) + link.count(READER) * (TOKEN - len(READER))
    encrypted = 16 * (full // 16 + 2)
    tracked = _TRACKED_HEAD + round(encrypted * _BASE64) + _TRACKED_TAIL
    return tracked - len((written or link).encode(errors="surrogatepass")) - link.count(READER) * (TOKEN - len(READER))


def check_placeholders(
    notes: Notes,
    shown: str,
    said: Iterable[str] = (),
    *,
    allowed: bool = True,
    others: Iterable[tuple[int, str]] = (),
) -> frozenset[str]:
    """Note what is left of template languages in a text, each with its first place, and give it.

    Args:
        notes: Where to note it.
        shown: The text, as it stands in the source of the notes where they have one.
        said: What people outside say in it; their braces are their own.
        allowed: Whether `[[reader]]` may stand in it, as in the address of a link.
        others: More texts, references resolved, each with its place in the source.
    """
    found = _placeholders(shown)
    for at, text in others:
        for one in _placeholders(text):
            found.setdefault(one, at)
    if not allowed and READER in shown:
        found[READER] = shown.find(READER)
    theirs = " ".join(said) if found else ""
    fix = f"Only {READER} may stay in a message, and only in the links below its headers."
    for one, at in sorted(found.items(), key=lambda item: item[1]):
        if one not in theirs:
            notes.add("placeholder", "blocker", f"Unfilled: {one}.", fix, at if notes.source else None)
    return frozenset(found)


def _placeholders(shown: str) -> dict[str, int]:
    """What looks like a placeholder in a text, and where first; what stands in another or in an address is left out."""
    found: dict[str, int] = {}
    taken: list[tuple[int, int]] = []
    for sign, pattern in _PLACEHOLDERS:
        if sign not in shown:
            continue
        spans = list(taken)
        for one in pattern.finditer(shown):
            before = shown[one.start() - 1 : one.start()]
            text = f"{before}{one[0]}" if (sign, before) in {("[", "["), ("{", "$")} else one[0]
            inside = bisect_right(spans, (one.start(), len(shown)))
            taken.append(one.span())
            if inside and spans[inside - 1][1] > one.start():
                continue
            if text != READER and text not in found and not _in_address(shown, one.start()):
                found[text] = one.start()
        taken.sort()
    return found


def _in_address(shown: str, at: int) -> bool:
    """Whether a place is in an address, where percent-encoded characters look like placeholders."""
    before = shown[max(0, at - 2000) : at]
    start = max(before.rfind(sign) for sign in _EDGES)
    return "://" in before[start + 1 :]


def check_leave(notes: Notes, part: str) -> None:
    """Note that a part has no link to leave; one that went through click tracking cannot be told."""
    if not ("/leave/" in part and _LEAVE.search(part)) and not _TRACKED.search(part):
        said = f"The {notes.part} part has no link to leave."
        notes.add("leave-link", "blocker", said, f"Put the leave link back: …/leave/{READER}.")


def check_leave_shown(notes: Notes, document: Document) -> None:
    """Note that html has no link to leave with words that can be seen on each screen, or with a picture of them.

    Raises:
        TooInvolved: The styles of the file are too much work.
    """
    tags = {tag for tag in document.by_tag() if tag.name == "a" and _leaves(tag)}
    links = [element for tag in tags for element in document.by_tag()[tag]]
    if not links:
        if not document.cut:  # it may stand in what was not read, which is said elsewhere
            check_leave(notes, "")
    elif not seen_everywhere(document, links):
        said, at = "Nobody can see the link to leave: it has no words, or they are hidden.", links[0].start
        notes.add("leave-link", "blocker", said, "Give it words in a colour and a size that can be read.", at)


def _leaves(tag: Tag) -> bool:
    link = tag.attrs.get("href", "")
    literal = READER not in link or READER in tag.written("href")
    return bool(_TRACKED.match(link.strip()) or (literal and "/leave/" in link and _LEAVE.search(link)))


class Held(NamedTuple):
    """What links are held against; the arguments of `inspect` say what these are."""

    strict: bool
    site_url: str = ""
    said: Collection[str] = ()


def check_text_links(notes: Notes, text: str, held: Held) -> None:
    """Note what is wrong with the addresses in plain text."""
    linked = 0
    for at, link in _in_text(text):
        _check_link(notes, link, at, held)
        linked += link.count(READER)
    if linked < text.count(READER):
        _visible(notes, text.find(READER))


def check_links(notes: Notes, document: Document, held: Held) -> None:
    """Note what is wrong with the links and resources of html, Outlook's included."""
    linking = [
        (element.start, tag) for tag, elements in document.by_tag().items() if _leads(tag) for element in elements
    ]
    linking += [(at, tag) for at, tag in document.outlook if _leads(tag)]
    anchors = frozenset(tag.attrs.get(name, "") for tag in document.by_tag() for name in ("id", "name"))
    for at, tag in sorted(linking, key=lambda one: one[0]):
        _check_tag(notes, tag, at, anchors, held)
    for one in document.sheets if is_readable(document) else ():
        for link, line in sheet(one.css).links:
            _check_link(notes, link, one.start, held, what=f"The address in line {line} of the css,")
    for run in document.runs:
        if "[[" in run.text and READER in run.text:
            _shown_token(notes, written(document.source, run.start), run.start, held)


def web_links(part: str, *, is_html: bool) -> list[str]:
    """Give the web addresses that a part links to or loads pictures from, each once, in order."""
    if not is_html:
        return list(dict.fromkeys(link for _, link in _in_text(part)))
    tags = (element.tag for element in read(part).elements)
    links = (tag.attrs[name].strip() for tag in tags for name in ("href", "src") if name in tag.attrs)
    return [link for link in dict.fromkeys(links) if link.lower().startswith(("http://", "https://"))]


def _leads(tag: Tag) -> bool:
    """Whether a tag loads or leads to anything, or could hand out a token."""
    attrs = tag.attrs
    return tag.name == "a" or not attrs.keys().isdisjoint(_LINKING) or "url(" in tag.raw.lower() or _names_reader(tag)


def _names_reader(tag: Tag) -> bool:
    return "[[" in tag.raw or ("&" in tag.raw and any(READER in value for value in tag.attrs.values()))


def _check_tag(notes: Notes, tag: Tag, at: int, anchors: frozenset[str], held: Held) -> None:
    attrs = tag.attrs
    if "href" in attrs and tag.name != "base":
        _check_href(notes, tag, at, anchors, held)
    if tag.name == "a" and "href" not in attrs and not (attrs.keys() & {"name", "id"}):
        notes.add("link-not-absolute", "blocker", "A link has no address.", "Give it a href.", at)
    if "url(" in attrs.get("style", "").lower() and len(attrs["style"]) < _LONGEST_STYLE:
        for link, _ in inline(attrs["style"]).links:
            _check_link(notes, link, at, held, what="The background")
    if not attrs.keys().isdisjoint(_RESOURCES):
        for name in _RESOURCES:
            if name in attrs:
                what = "The image" if tag.name == "img" else f"The {name} of <{tag.name}>,"
                link = attrs[name].partition(" ")[0] if name == "srcset" else attrs[name]
                _check_link(notes, link, at, held, what=what)
    for name in [name for name, value in attrs.items() if "[[" in value and READER in value and name != "href"]:
        _shown_token(notes, tag.written(name), at, held)


def _check_href(notes: Notes, tag: Tag, at: int, anchors: frozenset[str], held: Held) -> None:
    href = tag.attrs["href"]
    literal = READER in href and READER in tag.written("href")
    if READER in href and not literal:
        _check_link(notes, href.replace(READER, quote(READER)), at, held)
    elif not href.startswith("#"):
        _check_link(notes, href, at, held)
    elif href[1:] not in anchors:
        said = f"{href[:200]!r} leads to no place in the letter."
        notes.add("link-not-absolute", "warning", said, "Name the place by id, or use an address.", at)
    if literal and held.strict and not _UNTRACKED.search(tag.raw.partition("href")[0]):
        said = "A reader's own link may be rewritten by the sender's click tracking:"
        notes.add("link-tracked", "warning", said, 'Write clicktracking="off" before its href.', at, href)


def _visible(notes: Notes, at: int) -> None:
    said = f"{READER} stands outside of the address of a link, where readers would see their token."
    notes.add("placeholder", "blocker", said, "Take it out of there.", at)


def _shown_token(notes: Notes, as_written: str, at: int, held: Held) -> None:
    """Only what is written `[[reader]]` is filled; what is not, and nobody outside said, was meant to be."""
    if READER in as_written:
        _visible(notes, at)
    elif not any(READER in one for one in held.said):
        said = f"{READER} is written with references, so nothing fills it, and readers see it as it is."
        notes.add("placeholder", "blocker", said, f"Take it out, or write {READER} where a link needs it.", at)


def _check_link(notes: Notes, link: str, at: int, held: Held, what: str = "") -> None:
    strict = held.strict
    subject = f"{what} {link[:200]!r}".strip()
    scheme, host = _scheme_and_host(link)
    local = host in _LOCAL or host.endswith(".localhost")
    if scheme in _NOT_WEB and not what:
        if scheme == "mailto" and "@" not in link:
            notes.add("link-not-absolute", "blocker", f"{subject} names no address.", "Use mailto:name@host.", at)
        return
    if scheme not in {"http", "https"} or not host or re.search(r"\s", link.strip()):
        notes.add("link-not-absolute", "blocker", f"{subject} is no web address.", "Use an address with https://.", at)
        return
    if scheme == "http" and (strict or not local):
        level: Level = "blocker" if strict else "warning"
        notes.add("link-not-https", level, f"{subject} is not https.", "Use https, or set site_url.", at)
    elif strict and local:
        notes.add(
            "link-local", "blocker", f"{subject} leads to this machine.", "Set site_url to the public address.", at
        )
    elif link != link.strip():
        notes.add("link-space", "warning", f"{subject} has a space at its edge.", "Take it out.", at)
    _check_reader(notes, link, at, held)


def _check_reader(notes: Notes, link: str, at: int, held: Held) -> None:
    left = [one for one in _OF_LINKS.findall(link) if one != READER] + _MISSPELT.findall(link.replace(READER, ""))
    if left and not _is_theirs(link, left, held):
        fix = f"Only {READER} may stay in a message, spelt so."
        notes.add("placeholder", "blocker", f"Unfilled: {left[0]}, in {link[:200]!r}.", fix, at)
    elif READER in link:
        page = link.partition("#")[0].partition("?")[0]
        home = (address(held.site_url) or held.site_url).rstrip("/")
        ours = page.startswith(f"{home}/") and _READER_PAGE.fullmatch(page[len(home) :]) if home else None
        if not ours and (home or not re.search(f"(?:{_READER_PAGE.pattern})$", page)):
            said = f"{link[:200]!r} hands a reader's token to a page that is none of ours."
            notes.add("reader-link", "blocker", said, "Pages of readers are leave, preferences and vote.", at)


def _is_theirs(link: str, left: list[str], held: Held) -> bool:
    """Whether a link goes where people outside said, and what looks like a placeholder in it is in their address."""
    theirs = (address(one) or one for text in held.said if "://" in text for _, one in _in_text(text))
    host, home = _scheme_and_host(link), _scheme_and_host(address(held.site_url) or held.site_url)
    if not host[1] or host == home:
        return False
    known = [unquote(one).casefold() for one in theirs if _scheme_and_host(one) == host]
    return any(all(unquote(sign).casefold() in one for sign in left) for one in known)


def _scheme_and_host(link: str) -> tuple[str, str]:
    try:
        parts = urlsplit(link.strip())
        return parts.scheme.lower(), parts.hostname or ""
    except ValueError:  # a bracket without its other half
        return "", ""
