"""Read html the way mail programs do: elements, runs of text, and what is wrong with its tags, in one pass.

Each part of the file is looked at once, so that also a hostile file takes time in proportion to its length. Outlook for
Windows reads what stands in `<!--[if mso]>` and skips what others see between `<!--[if !mso]><!-->` and
`<!--<![endif]-->`; its tags are followed as a second view of the same file.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

from digest.inspecting.elements import KEPT, LONG, Broken, Document, Sheet, Tag, tag
from digest.inspecting.nesting import Event, View

#: Elements whose content is not markup.
RAW = frozenset({"style", "script", "title", "textarea", "xmp"})

#: Tags and comments of a file that are read; a letter Gmail shows whole has far fewer.
MOST = 30_000

_ATTRIBUTES = r"""(?:[^>"']++|"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))*+"""


def _either(name: str) -> str:
    """A pattern for a name in small or big letters; re.IGNORECASE would make the search for "<" slow."""
    return "".join(f"[{char}{char.upper()}]" for char in name)


_RAW_TOKENS = "|".join(
    rf"{name}(?=[\s/>]){_ATTRIBUTES}(?:>|\Z).*?(?=</{name}[\s/>]|\Z)" for name in map(_either, sorted(RAW))
)
_TOKEN = re.compile(
    rf"(<(?:/[a-zA-Z][^>]*+>?|!--(?:>|->|.*?(?:--!?>|\Z))|[!?][^>]*+>?|{_RAW_TOKENS}|[a-zA-Z]{_ATTRIBUTES}(?:>|\Z)))",
    re.DOTALL,
)
_START = re.compile(rf"<[a-zA-Z]{_ATTRIBUTES}(?:>|\Z)")
_NAME = re.compile(r"</?([^\s/>]+)")


def written(source: str, start: int) -> str:
    """The text that starts at a place of a file as it stands there, references kept."""
    found = _TOKEN.search(source, start)
    return source[start : found.start()] if found else source[start:]


def read(source: str) -> Document:
    """Read html; garbage gives what can be made out of it, never an error."""
    return _Reader(source).read()


class _Reader:
    """Takes a file apart and hands each view of it what that view sees."""

    def __init__(self, source: str) -> None:
        self.document = Document(source)
        self.seen: list[Event] = []
        self.outlook: list[Event] = []
        self.revealed: list[int] = []

    def read(self) -> Document:
        at, document = 0, self.document
        seen, outlook, revealed = self.seen, self.outlook, self.revealed
        pieces = _TOKEN.split(document.source, MOST)
        document.cut = len(pieces) > 2 * MOST
        for place in range(0, len(pieces) - 1, 2):
            text, token = pieces[place], pieces[place + 1]
            if text:
                self._text(text, at)
                at += len(text)
            if (known := _KNOWN.get(token) or self._token(token, at)) is not None:
                event = (at, *known, "")
                seen.append(event)
                if not revealed:
                    outlook.append(event)
            at += len(token)
        if not document.cut:
            self._text(pieces[-1], at)
        for start in self.revealed:
            self._broken(start, "A conditional comment is opened and not closed", "End it with <!--<![endif]-->.")
        return self._nested()

    def _text(self, text: str, at: int) -> None:
        if text and not text.isspace():
            self.seen.append((at, None, "", text))
            if "-->" in text or "[endif]" in text:
                self._broken(at, "Readers see the rest of a comment", "Open and close the comment.")

    def _token(self, token: str, at: int) -> tuple[Tag | None, str] | None:
        """A start tag or the name of an end tag; None for what is neither."""
        if token[1] in "!?":
            self._declared(token, at)
            return None
        if token[1:5].lower() in _RAW_STARTS:
            return self._raw(token, at), ""
        known = (None, _end_name(token)) if token[1] == "/" else (tag(token), "")
        if len(token) < LONG:
            if len(_KNOWN) >= KEPT:
                _KNOWN.clear()
            _KNOWN[token] = known
        return known

    def _raw(self, token: str, at: int) -> Tag:
        found = _START.match(token)
        raw = found[0] if found else token
        one, content = tag(raw), token[len(raw) :]
        if one.name == "style":
            self.document.sheets.append(Sheet(at + len(raw), one.attrs.get("media", ""), content))
        if one.name == "title":
            self.document.titles.append(" ".join(html.unescape(content).split()))
        return one

    def _declared(self, token: str, at: int) -> None:
        """A comment, perhaps a conditional one, or a declaration."""
        condition = _CONDITION.match(token)
        if token.startswith(("<!--<![endif]", "<![endif]")):
            if self.revealed:
                self.revealed.pop()
            else:
                self._broken(at, "A conditional comment is closed and not opened", "Open it, or take its end out.")
        elif token.startswith("<!--") and not token.endswith(">"):
            self._broken(at, "A comment is not closed", "Close it with -->.")
        elif condition and condition["open"]:
            self.revealed.append(at)
        elif condition:
            self._hidden(token, condition["test"], at)
        elif "[endif]" in token:
            self._broken(at, "A conditional comment is closed and not opened", "Open it, or take its end out.")

    def _hidden(self, comment: str, test: str, at: int) -> None:
        if comment.count("<![endif]") != 1 or comment.count("[if ") != 1:
            fix = "End it with <![endif]--> before the next one begins."
            self._broken(at, "A conditional comment does not end as it should", fix)
        if "mso" in test and "!" not in test:
            for offset, one, name, text in _hidden_events(comment):
                self.outlook.append((at + offset, one, name, text))
                if one is not None:
                    self.document.outlook.append((at + offset, one))

    def _nested(self) -> Document:
        document = self.document
        everybody = View(document, "")
        everybody.follow(self.seen)
        if document.outlook:
            outlook = View(Document(document.source), " in Outlook's view")
            outlook.follow_names(self.outlook)
            known = {(one.start, one.said) for one in everybody.broken}
            document.broken += [
                one for one in outlook.broken if (one.start, one.said.replace(outlook.name, "")) not in known
            ]
        document.broken += everybody.broken
        document.broken.sort(key=lambda one: one.start)
        return document

    def _broken(self, at: int, said: str, fix: str) -> None:
        self.document.broken.append(Broken(at, f"{said}.", fix, code="conditional-comment"))


_RAW_STARTS = frozenset(name[:4] for name in RAW)

#: Start and end tags met before, as a letter repeats most of them.
_KNOWN: dict[str, tuple[Tag | None, str]] = {}

#: A conditional comment; `open` is what shows what follows to everybody who knows no such comments.
_CONDITION = re.compile(r"<!(?:--)?\[if\s(?P<test>[^\]]*)\](?P<open>>(?:<!--|<!-->|-->|<!-- -->|<!---->)?\Z)?")


@lru_cache(maxsize=4096)
def _end_name(token: str) -> str:
    found = _NAME.match(token)
    return found[1].lower() if found else ""


@lru_cache(maxsize=256)
def _hidden_events(comment: str) -> tuple[Event, ...]:
    """The tags in a comment, with where they start in it."""
    events: list[Event] = []
    at = 4
    for place, piece in enumerate(_TOKEN.split(comment[4:])):
        if place % 2 and piece[1] not in "!?":
            events.append((at, None, _end_name(piece), "") if piece[1] == "/" else (at, _hidden_tag(piece), "", ""))
        at += len(piece)
    return tuple(events)


def _hidden_tag(token: str) -> Tag:
    found = _START.match(token)
    return tag(found[0] if found else token)
