"""Feeds from and for other feed readers."""

from __future__ import annotations

import pytest

from digest.errors import FilesError
from digest.model import Feed
from sources.opml import opml_in, opml_out

THEIRS = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<opml version="1.0"><head><title>mine</title></head><body>
<outline text="AI">
  <outline text="Caf\xe9 &amp; Code" type="rss" xmlUrl="https://example.org/feed" htmlUrl="https://example.org/"/>
  <outline title="Caf\xe9 &amp; Code" XMLURL="feed://example.org/other"/>
  <outline text="again" xmlUrl="https://example.org/feed"/>
</outline>
<outline xmlUrl="http://example.com/atom.xml"/>
</body></opml>"""


def test_folders_are_flattened_and_names_are_slugs() -> None:
    assert opml_in(THEIRS) == [
        Feed("café-code", "https://example.org/feed"),
        Feed("café-code-2", "https://example.org/other"),
        Feed("example-com-atom-xml", "http://example.com/atom.xml"),
    ]


def test_what_goes_out_comes_back() -> None:
    feeds = [
        Feed("one.two_three", "https://example.org/?a=1&b=<2>", "github", 'it\'s "why"\nand more'),
        Feed("two", "https://example.org/2"),
    ]
    assert opml_in(opml_out(feeds).encode()) == feeds


def test_an_entity_bomb_is_refused() -> None:
    bomb = b"""<!DOCTYPE opml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
        <opml><body><outline text="&b;" xmlUrl="https://example.org/"/></body></opml>"""
    with pytest.raises(FilesError, match="defines no entities"):
        opml_in(bomb)


def test_every_wrong_address_is_said_with_its_line() -> None:
    body = b'<opml><body>\n<outline xmlUrl="file:///x"/>\n<outline xmlUrl="javascript:x"/></body></opml>'
    with pytest.raises(FilesError) as caught:
        opml_in(body, "mine.opml")
    assert [(fault.file, fault.line) for fault in caught.value.faults] == [("mine.opml", 2), ("mine.opml", 3)]


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<opml><body>", b"nothing", b"<opml/>" + b" " * 5_000_001])
def test_what_is_no_opml_is_said(body: bytes) -> None:
    with pytest.raises(FilesError):
        opml_in(body)
