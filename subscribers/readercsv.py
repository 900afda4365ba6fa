"""Readers as CSV: rows with their lines in, and cells out that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from io import TextIOWrapper
from typing import BinaryIO, NamedTuple, TextIO

from digest.errors import Fault, FilesError

#: The columns, in the order they are written; rows may have them in any order, and only `email` must be there.
COLUMNS = ("email", "name", "state", "confirmed_at", "source")

#: Characters a line may have: a file without line ends must not be read into memory.
LONGEST_LINE = 1_000_000

#: What a spreadsheet takes for a formula, also behind quotes that it would hide. Source: OWASP, CSV injection, with the
#: full-width signs that some spreadsheets read alike.
_FORMULA = r"""["'\s]*[=+\-@\t\r\n＝＋－＠]"""

#: A cell begins at its start, and behind a semicolon where that is what the spreadsheet splits at.
_FIRST = re.compile(_FORMULA)
_CELL = re.compile(rf"(^|;)({_FORMULA})")
_GUARDED = re.compile(rf"(^|;)'({_FORMULA})")

_TEXT = "UTF-8 text (a spreadsheet calls it “CSV UTF-8, comma delimited”)"


class Line(NamedTuple):
    """One row: the line it starts on (the header is line 1), its cells by column, and what is wrong with it, if any."""

    number: int
    cells: Mapping[str, str | None]
    wrong: str = ""


def guarded(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, also behind what it may split a cell at."""
    if ";" not in cell and not _FIRST.match(cell):  # nearly every cell: the rest would look at each of its places
        return cell
    return _CELL.sub(r"\1'\2", cell)


def unguarded(cell: str) -> str:
    """Take away the apostrophes that `guarded` puts, and no others."""
    return _GUARDED.sub(r"\1\2", cell)


def written(rows: Iterable[Sequence[str]], file: TextIO) -> None:
    """Write the header and rows of cells in the order of COLUMNS, without carriage returns, each cell guarded."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([guarded(cell) for cell in row] for row in rows)


def look_through(file: BinaryIO, name: str, *, progress: Callable[[], object] = lambda: None) -> None:
    """Read a file from where it stands to its end, so that one broken further down changes nothing.

    Args:
        file: Must be seekable; stands at its end afterwards.
        name: What people call it.
        progress: Told after some thousand rows.

    Raises:
        FilesError: It is not UTF-8, has other columns, or a row that cannot be read; the first such place.
    """
    start = file.tell()
    try:
        with closing(_rows(file, name)) as rows:
            _columns(next(rows)[1], name)
            for number, _ in rows:
                if number % 5000 == 0:
                    progress()
    except UnicodeDecodeError as error:
        file.seek(start)
        raise FilesError([Fault(name, _undecodable(file), "", "bytes that are not UTF-8", _TEXT)]) from error


def lines(file: BinaryIO, name: str) -> Iterator[Line]:
    """Give the rows that hold anything, one at a time and without the apostrophes of `guarded`.

    Raises:
        FilesError: It has other columns, or a row that cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    with closing(_rows(file, name)) as rows:
        _, header = next(rows)
        columns = _columns(header, name)
        for number, cells in rows:
            if any(cells):
                yield _line(number, columns, cells)


def _rows(file: BinaryIO, name: str) -> Generator[tuple[int, list[str]]]:
    """Give each row's first line and its cells as written, the header first, without cells in an empty file."""
    with _text(file) as text:
        reader = csv.reader(_bounded(text), strict=True)
        line = 1
        try:
            yield 1, next(reader, [])
            line = reader.line_num + 1
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            allowed = 'text in quotes, a " in it twice'
            raise FilesError([Fault(name, line, "", f"a row that cannot be read ({error})", allowed)]) from error


@contextmanager
def _text(file: BinaryIO) -> Iterator[TextIO]:
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield text
    finally:
        text.detach()  # else the file would be closed with it


def _bounded(text: TextIO) -> Iterator[str]:
    for line in iter(partial(text.readline, LONGEST_LINE), ""):
        if len(line) == LONGEST_LINE:
            raise csv.Error(f"a line of {LONGEST_LINE:,} characters or more")
        if "\0" in line:
            raise csv.Error("a NUL character")
        yield line


def _line(number: int, columns: Sequence[str], cells: Sequence[str]) -> Line:
    if "'" in "".join(cells):
        cells = [unguarded(cell) for cell in cells]
    found = dict(zip(columns, cells, strict=False))
    if len(cells) <= len(columns):
        return Line(number, found)
    return Line(number, found, f"{len(cells)} cells; allowed: {len(columns)}, text with commas stands in quotes")


def _columns(header: Sequence[str], name: str) -> list[str]:
    found = [cell.strip().lower() for cell in header]
    if "email" not in found or set(found) - set(COLUMNS) or len(found) != len(set(found)):
        raise FilesError([Fault(name, 1, "header", ",".join(header)[:200] or "nothing", ",".join(COLUMNS))])
    return found


def _undecodable(file: BinaryIO) -> int | None:
    """Find the first line that is not UTF-8; None when only its end is."""
    for number, line in enumerate(iter(partial(file.readline, 4 * LONGEST_LINE), b""), 1):
        try:
            line.decode()
        except UnicodeDecodeError:
            return number
    return None
