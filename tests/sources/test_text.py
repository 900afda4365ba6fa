"""Text from outside becomes plain, and quickly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.text import MAX_SUMMARY, lines_of, one_line, shorten, web_link


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<b>Rubberduck</b> is &amp; out", "Rubberduck is & out"),
        ("Vec<T> is 2 < 3 &amp; fast", "Vec<T> is 2 < 3 & fast"),
        ("  a\n\t b\u00a0c ", "a b c"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("a<br>b<p>c", "a b c"),
        ("null\0 bell\7 half\ud800 turn\u202eed", "null bell half turned"),
        ("&lt;b&gt; stays", "<b> stays"),
        ("<!-- x -->seen", "seen"),
        ("👩\u200d💻 ships", "👩\u200d💻 ships"),
    ],
)
def test_a_line_is_plain(text: str, plain: str) -> None:
    assert one_line(text) == plain


def test_lists_stay_lists_and_keep_where_they_lead() -> None:
    text = """<p>All new
        this week:</p><ul><li><a href="https://example.org/a"><b>Alpha</b></a> – writes &amp; reads.</li>
        <li><p>Beta</p> <a href="javascript:x">here</a></li></ul><table><tr><td>1</td></tr></table>"""
    assert lines_of(text).split("\n") == [
        "All new this week:",
        "- Alpha – writes & reads. https://example.org/a",
        "- Beta here",
        "1",
    ]


def test_long_text_is_cut_at_a_word_and_marked() -> None:
    assert shorten("one two three", 9) == "one two…"
    assert len(shorten("x" * 500, 300)) == 300
    assert len(lines_of("<p>word</p>" * 100_000)) <= MAX_SUMMARY


EVIL = [
    "<!--",
    "<b><i>",
    "<a",
    "<table><tr><td>",
    "&amp;",
    "<b ",
    "<svg><math>",
    '<a href="x',
    "<li>",
    "<p a ",
    "<![CDATA[",
]


@pytest.mark.parametrize("piece", EVIL)
def test_hostile_markup_takes_no_time(piece: str) -> None:
    started = time.monotonic()
    lines_of(piece * 100_000)
    one_line(piece * 100_000)
    assert time.monotonic() - started < 1


@given(st.text() | st.text(alphabet="<>/&;!-ablip\"'= ", max_size=60))
def test_any_text_becomes_plain(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert all(ord(char) >= 32 for char in line)
    line.encode()


@pytest.mark.parametrize(
    ("link", "whole"),
    [
        ("/a", "https://example.org/a"),
        ("b?c=1", "https://example.org/feeds/b?c=1"),
        ("//cdn.example/x", "https://cdn.example/x"),
        (" https://x.example/a b ", "https://x.example/a%20b"),
        ("javascript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("https://x.example/a\n  b", "https://x.example/a%20%20b"),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("mailto:a@example.org", ""),
        ("http://[", ""),
        ("http://a:b/", ""),
        ("https://", ""),
        ("", ""),
        ("https://example.org/" + "x" * 3000, ""),
    ],
)
def test_only_links_a_browser_may_open_survive(link: str, whole: str) -> None:
    assert web_link(link, "https://example.org/feeds/one.xml") == whole
