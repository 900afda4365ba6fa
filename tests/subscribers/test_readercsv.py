"""A list of readers is read row by row, whole or not at all, and what is written is no formula to anybody."""

from __future__ import annotations

import re
from io import BytesIO, StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import FilesError
from subscribers.readercsv import LONGEST_LINE, guarded, lines, look_through, unguarded, written

CELLS = st.text(
    st.sampled_from("=+-@\t\r\n'\"\uff1d\uff0b a1,;") | st.characters(exclude_categories=["Cs"]), max_size=8
)


def read(content: bytes) -> list[tuple[int, dict[str, str | None], str]]:
    file = BytesIO(content)
    look_through(file, "readers.csv")
    file.seek(0)
    found = [(number, dict(cells), wrong) for number, cells, wrong in lines(file, "readers.csv")]
    assert not file.closed
    return found


def emails(content: bytes) -> list[tuple[int, str | None]]:
    return [(number, cells["email"]) for number, cells, _ in read(content)]


def fault(content: bytes) -> str:
    with pytest.raises(FilesError) as raised:
        look_through(BytesIO(content), "readers.csv")
    return str(raised.value)


@given(CELLS)
def test_a_guarded_cell_comes_back_as_it_was(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@given(CELLS)
def test_no_guarded_cell_begins_a_formula_even_behind_quotes_and_spaces(cell: str) -> None:
    bare = guarded(cell)
    assert bare.startswith("'") or not bare.strip(" \"'\n\r\t").startswith(("=", "+", "-", "@", "\uff1d", "\uff0b"))


@given(CELLS)
def test_only_cells_in_which_a_formula_begins_are_changed(cell: str) -> None:
    begins = re.search(r"""(^|;)["'\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]""", cell)
    assert (guarded(cell) != cell) == bool(begins)


@pytest.mark.parametrize(
    ("cell", "out"),
    [
        ("+tag@example.org", "'+tag@example.org"),
        ("'=x@example.org", "''=x@example.org"),
        ("'tis@example.org", "'tis@example.org"),
        ("=1+1", "'=1+1"),
        ('"=1+1', "'\"=1+1"),
        ("\t=1", "'\t=1"),
        ("ada@example.org", "ada@example.org"),
        ("", ""),
    ],
)
def test_only_what_could_be_a_formula_gets_an_apostrophe(cell: str, out: str) -> None:
    assert guarded(cell) == out
    assert unguarded(out) == cell


@given(CELLS)
def test_nothing_behind_a_semicolon_begins_a_formula(cell: str) -> None:
    """Where that separates cells, a spreadsheet splits there."""
    for part in guarded(cell).split(";"):
        assert part.startswith("'") or not part.strip(" \"'\n\r\t").startswith(("=", "+", "-", "@", "\uff1d", "\uff0b"))


def test_an_apostrophe_that_guards_nothing_stays() -> None:
    assert unguarded("'tis") == "'tis"


@given(st.lists(st.tuples(*[CELLS.filter(lambda cell: not {"\0", "\r"} & set(cell))] * 5).filter(any)))
def test_rows_come_back_as_they_were_written(rows: list[tuple[str, ...]]) -> None:
    text = StringIO(newline="")
    written(rows, text)
    assert [tuple(cells.values()) for _, cells, _ in read(text.getvalue().encode())] == rows


@pytest.mark.parametrize(
    "content",
    [
        b"email,state\nada@example.org,confirmed\n",
        b"\xef\xbb\xbfemail,state\nada@example.org,confirmed",
        b"email,state\r\nada@example.org,confirmed\r\n",
        b"email,state\rada@example.org,confirmed\r",
        b" STATE , Email \nconfirmed,ada@example.org\n",
        b'"state","email"\n"confirmed","ada@example.org"\n\n',
    ],
)
def test_columns_marks_and_line_ends_may_differ(content: bytes) -> None:
    assert read(content) == [(2, {"email": "ada@example.org", "state": "confirmed"}, "")]


def test_a_row_is_named_by_the_line_it_starts_on() -> None:
    content = b'email,name\na@example.org,"two\nlines"\n\n,\nb@example.org,one\n'
    assert emails(content) == [(2, "a@example.org"), (6, "b@example.org")]


def test_a_row_with_too_many_cells_says_so_and_the_others_go_on() -> None:
    (first, second) = read(b"email,name\nada@example.org,Lovelace, Ada\neve@example.org,Eve\n")
    assert first[2] == "3 cells; allowed: 2, text with commas stands in quotes"
    assert second == (3, {"email": "eve@example.org", "name": "Eve"}, "")


def test_a_short_row_has_nothing_in_the_other_columns() -> None:
    assert read(b"email,name,state\nada@example.org\n") == [(2, {"email": "ada@example.org"}, "")]


GOOD = b"".join(b"reader%d@example.org,Ada\n" % number for number in range(3000))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (b"caf\xe9@example.org,Ada\n", ("readers.csv:3002:", "not UTF-8", "CSV UTF-8")),
        (b"ada@example.org,\xc3", ("readers.csv:3002:", "not UTF-8")),
        (b"ada@example.org,A\0da\n", ("readers.csv:3002:", "NUL")),
        (b'ada@example.org,"Ada\n' + GOOD[:1000], ("readers.csv:3002:", "unexpected end of data")),
        (b'ada@example.org,"Ada\n' + GOOD * 2, ("readers.csv:3002:", "field limit")),
        (b'ada@example.org,"A"da\n', ("readers.csv:3002:", "expected after")),
        (b"ada@example.org," + b"x" * LONGEST_LINE, ("readers.csv:3002:", "1,000,000 characters")),
    ],
)
def test_a_file_broken_further_down_is_refused_with_the_line(end: bytes, said: tuple[str, ...]) -> None:
    found = fault(b"email,name\n" + GOOD + end)
    for words in said:
        assert words in found, found


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "nothing"),
        (b"\n", "nothing"),
        (b"mail\nada@example.org\n", "mail"),
        (b"email,email\na@example.org,b@example.org\n", "email,email"),
        (b"email;name\na@example.org;Ada\n", "email;name"),
        (b"email,phone\n", "email,phone"),
        ("email,name\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_another_header_is_refused_with_what_is_allowed(content: bytes, found: str) -> None:
    said = fault(content)
    assert "readers.csv:1:" in said
    assert found in said
    assert "email,name,state,confirmed_at,source" in said or "UTF-8 text" in said
