"""Follow the tags of one view of an html file: the elements it makes, and what is wrong with how they open and close.

An end tag closes what was opened last under its name; it never reaches out of its table cell, and nothing is repaired
beyond that and what html closes by itself. What is found is what a strict reader of xhtml would find, as mail programs
differ in what they forgive.
"""

from __future__ import annotations

import html

from digest.inspecting.elements import VOID, Broken, Document, Element, Run, Tag, names

#: One thing a view of a file sees: where, and a start tag, the name of an end tag, or a text.
Event = tuple[int, Tag | None, str, str]

#: Where an element may stand, and what may stand in it; other content is moved out of the table by who shows it.
_PARENTS = {
    "td": {"tr"}, "th": {"tr"}, "tr": {"table", "tbody", "thead", "tfoot"}, "tbody": {"table"}, "thead": {"table"},
    "tfoot": {"table"}, "li": {"ul", "ol"}, "dt": {"dl", "div"}, "dd": {"dl", "div"},
}  # fmt: skip
_ROWS = {"tr", "script", "template"}
_CONTENT = {
    "table": {"tbody", "thead", "tfoot", "tr", "caption", "colgroup", "col"}, "tr": {"td", "th"}, "tbody": _ROWS,
    "thead": _ROWS, "tfoot": _ROWS, "ul": {"li"}, "ol": {"li"},
}  # fmt: skip
_TABLE_PARTS = frozenset({"table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption", "colgroup"})
_CELLS = frozenset({"td", "th", "table", "caption"})
_INLINE = names("a b i u s em strong span font small big sub sup bdi bdo code cite q abbr mark")
_BLOCKS = names("p div table h1 h2 h3 h4 h5 h6 ul ol dl hr blockquote pre section article header footer main nav")
_NO_BLOCKS = names("p h1 h2 h3 h4 h5 h6")

#: Html lets these close by themselves, so leaving one open is untidy and harmless in most programs.
_FORGIVEN = names("p li dt dd option html body")

#: Which open elements the start of another ends. Source: HTML Living Standard, 13.1.2.4. What stands outwards comes
#: later in the walk, so a row also ends the cell before it.
_CELL, _ROW, _ROW_GROUP = {"td", "th"}, {"td", "th", "tr"}, {"td", "th", "tr", "tbody", "thead", "tfoot"}
_ENDS: dict[str, set[str]] = {
    "li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "option": {"option"}, "td": _CELL, "th": _CELL, "tr": _ROW,
    "tbody": _ROW_GROUP, "thead": _ROW_GROUP, "tfoot": _ROW_GROUP,
}  # fmt: skip

#: Parts of a table that html lets close by themselves, and that Outlook does not.
_STRUCTURE = frozenset(_ROW_GROUP)

#: How far an end tag looks for its start; real mail nests less deep.
_REACH = 60

#: Faults of one file that are kept.
MOST_BROKEN = 5_000

#: Pairs of an element and one directly in it that were found to be in order.
_UNREMARKABLE: set[tuple[str, str]] = set()


class View:
    """The elements of one view of a file, and what is wrong with how they open and close."""

    def __init__(self, document: Document, name: str) -> None:
        self.document = document
        self.name = name
        self.open: list[Element] = []
        self.counts: dict[str, int] = {}
        self.broken: list[Broken] = []
        self.cut_short: list[tuple[str, int]] = []

    def follow(self, events: list[Event]) -> None:
        """Make the elements and runs of the document; what is usual is done here, all else in the methods below."""
        open_, counts, runs, elements = self.open, self.counts, self.document.runs, self.document.elements
        above = ""
        last: Element | None = None
        for at, one, name, text in events:
            if one is not None:
                if last is not None and one.simple and (above, one.name) in _UNREMARKABLE:
                    last = Element(one, last, at, len(elements), len(runs))
                    elements.append(last)
                    open_.append(last)
                    above = one.name
                    counts[above] = counts.get(above, 0) + 1
                    continue
                self._opened(one, at)
            elif name == above and last is not None:
                last.last_run, last.last_element = len(runs), len(elements)
                counts[above] -= 1
                open_.pop()
            elif name:
                self._closed(name, at)
            elif last is not None and above not in _CONTENT:
                runs.append(Run(last, at, html.unescape(text) if "&" in text else text))
                continue
            else:
                self._misplaced(text, at)
            last = open_[-1] if open_ else None
            above = last.tag.name if last is not None else ""
        self._end()

    def follow_names(self, events: list[Event]) -> None:
        """The same without keeping what is in the view, for one whose tags only have to be in order."""
        open_ = self.open
        above = ""
        for at, one, name, _ in events:
            if one is not None:
                if not one.simple or (above, one.name) not in _UNREMARKABLE:
                    self._opened(one, at)
                    above = open_[-1].tag.name if open_ else ""
                else:
                    open_.append(Element(one, None, at, 0, 0))
                    above = one.name
                    self.counts[above] = self.counts.get(above, 0) + 1
            elif name:
                if name == above:
                    self.counts[above] -= 1
                    open_.pop()
                else:
                    self._closed(name, at)
                above = open_[-1].tag.name if open_ else ""
        self._end()

    def _end(self) -> None:
        while self.open:
            element = self.open.pop()
            self._close(element)
            self._unclosed(element)

    def _opened(self, one: Tag, at: int) -> None:
        document, open_, name = self.document, self.open, one.name
        if open_ and (name in _ENDS or (name in _BLOCKS and open_[-1].tag.name == "p")):
            self._end_before(name, at)
        parent = open_[-1] if open_ else None
        above = parent.tag.name if parent is not None else ""
        element = Element(one, parent, at, len(document.elements), len(document.runs))
        document.elements.append(element)
        if not one.simple or (above, name) not in _UNREMARKABLE:
            self._placed(name, above, at)
        if one.simple:
            open_.append(element)
            self.counts[name] = self.counts.get(name, 0) + 1
            return
        if one.damaged:
            self._say(at, "A tag does not end, or a quotation mark in it is missing", "Close the tag and its quotes.")
        if name in VOID:
            return
        if one.self_closed:
            if ":" in name or self.counts.get("svg") or name == "svg":
                return
            self._say(at, f"<{name}/> does not close itself", f"Write <{name}></{name}>.")
        open_.append(element)
        self.counts[name] = self.counts.get(name, 0) + 1

    def _end_before(self, name: str, at: int) -> None:
        """End what html ends by itself where another element starts."""
        ends, open_ = _ENDS.get(name, set()), self.open
        stop = len(open_)
        if name in _BLOCKS and open_[-1].tag.name == "p":
            stop -= 1
            if name != "p":
                self.cut_short.append((name, at))
        for place in range(len(open_) - 1, -1, -1):
            outer = open_[place].tag.name
            if outer in ends:
                stop = place
            elif outer != "p":
                break
        while len(open_) > stop:
            element = open_.pop()
            self._close(element)
            self._unclosed(element)

    def _placed(self, name: str, above: str, at: int) -> None:
        if name in _PARENTS and above not in _PARENTS[name]:
            where = f"in <{above}>" if above else "on its own"
            self._say(at, f"<{name}> stands {where}", f"Put it into <{min(_PARENTS[name])}>.")
        elif above in _CONTENT and name not in _CONTENT[above]:
            self._say(at, f"<{name}> stands directly in <{above}>", "Put it into a cell or an item.")
        elif name == "a" and self.counts.get("a"):
            self._say(at, "A link stands in another link", "Close the first before the second.", "link-nested")
        elif name in _BLOCKS and (above in _NO_BLOCKS or above in _INLINE):
            self._within_text(name, at)
        elif name != "a" and len(_UNREMARKABLE) < 1000:  # names of elements come from outside
            _UNREMARKABLE.add((above, name))

    def _within_text(self, name: str, at: int) -> None:
        """A paragraph ends by itself where a block begins, and its own end tag then makes an empty one."""
        for outer in (one.tag.name for one in reversed(self.open[-20:])):
            if outer in _NO_BLOCKS:
                self._say(at, f"<{name}> stands in <{outer}>", f"Close <{outer}> before it, or use <div>.")
            if outer not in _INLINE:
                return

    def _closed(self, name: str, at: int) -> None:
        """Close an element and all that is still open in it."""
        place = self._place(name) if self.counts.get(name) else -1
        if place < 0:
            if name == "p" and self.cut_short:
                block, start = self.cut_short.pop()
                self._say(start, f"<{block}> stands in <p>", "Close <p> before it, or use <div>.")
            elif name not in VOID or name == "br":
                self._say(at, f"</{name}> closes nothing", "Take it out, or open what it closes.")
            return
        while len(self.open) > place:
            element = self.open.pop()
            self._close(element)
            if len(self.open) > place:
                self._unclosed(element)

    def _place(self, name: str) -> int:
        edges = {"table"} if name in _TABLE_PARTS else _CELLS
        for place in range(len(self.open) - 1, max(-1, len(self.open) - _REACH), -1):
            outer = self.open[place].tag.name
            if outer == name:
                return place
            if outer in edges:
                break
        return -1

    def _close(self, element: Element) -> None:
        element.last_run, element.last_element = len(self.document.runs), len(self.document.elements)
        self.counts[element.tag.name] -= 1

    def _misplaced(self, text: str, at: int) -> None:
        if self.open:
            inside = self.open[-1]
            self._say(at, f"Text stands directly in <{inside.tag.name}>", "Put it into a cell or an item.")
            self.document.runs.append(Run(inside, at, html.unescape(text)))
        elif text.strip("\ufeff\u200b \t\r\n"):
            self._say(at, "Text stands outside of every element", "Put it inside of <body>.")

    def _unclosed(self, element: Element) -> None:
        name = element.tag.name
        if name in _FORGIVEN:
            said = "An element is left for html to close by itself, and programs differ in where they do"
            self._say(element.start, said, "Write its end tag where it ends.", grave=False)
        elif name in _STRUCTURE:
            self._say(element.start, f"<{name}> is not closed", f"Close it with </{name}>.")
        else:
            said = f"<{name}> is not closed, or what is in it is closed after it"
            self._say(element.start, said, f"Write </{name}> where it ends.")

    def _say(self, at: int, said: str, fix: str, code: str = "markup-broken", *, grave: bool = True) -> None:
        if len(self.broken) < MOST_BROKEN:
            self.broken.append(Broken(at, f"{said}{self.name}.", fix, grave, code))
