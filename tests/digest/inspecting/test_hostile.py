"""Files made to hurt: garbage gives findings, and what is huge or involved ends in seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.inspecting import inspect
from tests.digest.inspecting.letters import codes, look, styled, within

PIECES = st.sampled_from(
    ["<", ">", '"', "'", "</", "<!--", "-->", "<![endif]", "[if mso]", "<style>", "</style>", "<td>", "<table>", "<p>",
     "</p>", "<a href=", "{", "}", "reader", "]]", "%", "&#", "&amp;", ";", ":", "@media", "(", ")", "not ", "*",
     "+", "h1", "<h2>", "color:red", "style=", "class=a", ".a", "\x00", "\n", "ü", "http://[", "\ud7ff", "<svg/>"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join)), st.booleans())
def test_garbage_gives_findings_and_no_error(html: str, strict: bool) -> None:
    for whole in (html, within(html), styled(html)):
        assert all(one.message and one.where and one.fix for one in inspect(whole, strict=strict))


HOSTILE = [
    "<a ", "<a x='", "<%", "[[a]]", "https://x/[[a]]", "<li>", '<a href="http://',
    '<a "', "<table><tr>", "<!--", "<style>", "<a href=x>", "<h3>x", "[[", "{{ ",
    "[if mso]",
    "<!--[if mso]><tr><![endif]-->", "</td>", "<i style=color:red>", "<!--[if !mso]><!-->",
]  # fmt: skip
STYLES = [
    "a{color:red}", "a b c d e f{color:red}", "(", "a{b:", "@media (a){", "*+* {color:red}", "a,", ":not(b)", "a[",
    "@media not not {", "url(", "a{color:rgb(",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_file_ends_in_seconds(piece: str) -> None:
    """What takes more than its length alone asks for would take this test minutes."""
    html = piece * (1_010_000 // len(piece))

    assert {"html-size", "not-checked"} <= codes(inspect(html, strict=True)).keys()


@pytest.mark.parametrize("piece", STYLES)
def test_hostile_css_ends_in_seconds(piece: str) -> None:
    html = f"<style>{piece * (48_000 // len(piece))}</style>{'<a><b><c><d>x' * 2000}"

    assert inspect(html, strict=True)


def test_a_file_that_was_not_read_to_its_end_says_so() -> None:
    assert codes(look(within("<b>x</b>" * 40_000)))["not-checked"] == "blocker"
    assert codes(look(styled(".x { color: red; }" * 10_000)))["not-checked"] == "blocker"
