"""Bring feeds in from other feed readers, and out to them, as OPML."""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers import expat
from xml.sax.saxutils import quoteattr  # only writes; reading is expat's, below

from digest.errors import Fault, FilesError
from digest.model import Feed, slugify
from sources.catalog import is_fetchable, kind_names

#: A list of feeds that is larger than this is something else.
MAX_BYTES = 5_000_000


def opml_in(body: bytes, file: str = "OPML") -> list[Feed]:
    """Read the feeds of an OPML document in its order, folders flattened, each address once.

    Names come from the titles, as slugs; a name that occurs twice gets a number. Lists that `opml_out` wrote come back
    as they were.

    Raises:
        FilesError: It is no OPML, defines entities, or names addresses that cannot be fetched; all of them at once.
    """
    if len(body) > MAX_BYTES:
        raise FilesError([Fault(file, None, "", f"{len(body):,} bytes", f"at most {MAX_BYTES:,}")])
    reader = _Reader(file)
    reader.read(body)
    if reader.faults:
        raise FilesError(reader.faults)
    return list(reader.feeds.values())


def opml_out(feeds: Iterable[Feed], title: str = "AI Tool Verdicts") -> str:
    """Write feeds as an OPML 2.0 document that other feed readers import."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        f"  <head><title>{_quoted(title)[1:-1]}</title></head>",
        "  <body>",
    ]
    for feed in feeds:
        values = {"text": feed.name, "title": feed.name, "xmlUrl": feed.url, "description": feed.why, "kind": feed.kind}
        written = " ".join(f"{key}={_quoted(value)}" for key, value in values.items() if value)
        lines.append(f'    <outline type="rss" {written}/>')
    return "\n".join([*lines, "  </body>", "</opml>", ""])


def _quoted(text: str) -> str:
    # XML 1.0 has no way to write most control characters.
    kept = "".join(char for char in text if char.isprintable() or char in "\n\t")
    return quoteattr(kept, {'"': "&quot;"})


class _Reader:
    """Collects feeds while expat walks through the document: nothing is expanded, nothing is built."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.feeds: dict[str, Feed] = {}
        self.faults: list[Fault] = []
        self._is_opml = False

    def read(self, body: bytes) -> None:
        self._parser = parser = expat.ParserCreate()
        parser.StartElementHandler = self._element
        parser.EntityDeclHandler = self._entity
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            self.faults.append(Fault(self.file, error.lineno, "", problem, "an OPML document"))
        if not self._is_opml and not self.faults:
            self.faults.append(Fault(self.file, 1, "", "another kind of document", "an OPML document"))

    def _entity(self, name: str, *_: object) -> None:
        line = self._parser.CurrentLineNumber
        raise FilesError([Fault(self.file, line, name, "an entity of its own", "a document that defines no entities")])

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        self._is_opml = self._is_opml or tag.lower() == "opml"
        values = {key.lower(): value.strip() for key, value in attributes.items()}
        url = values.get("xmlurl", "")
        if tag.lower() != "outline" or not url:
            return
        if url.startswith("feed:"):  # how some readers mark an address as a feed
            url = "https://" + url.removeprefix("feed:").removeprefix("//").removeprefix("https://")
        if not is_fetchable(url):
            line = self._parser.CurrentLineNumber
            self.faults.append(Fault(self.file, line, "xmlUrl", repr(url), "an http:// or https:// address"))
        elif url not in self.feeds:
            self.feeds[url] = self._feed(url, values)

    def _feed(self, url: str, values: dict[str, str]) -> Feed:
        title = values.get("text") or values.get("title") or ""
        ours = values.get("kind") in kind_names()
        name = title if ours and title else slugify(title)[:80].strip("-") or slugify(url.partition("://")[2])[:80]
        taken = {feed.name for feed in self.feeds.values()}
        number = 2
        unique = name
        while unique in taken:
            unique = f"{name}-{number}"
            number += 1
        return Feed(unique, url, values["kind"] if ours else "auto", values.get("description", ""))
