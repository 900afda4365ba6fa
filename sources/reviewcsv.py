"""Review files as CSV, one review a row: rows become documents, each field with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from digest.errors import Fault
from sources.fields import Fields, Lined
from sources.sheets import FIELDS, REVIEW_FIELDS

#: The columns, in the order they are written; rows may have them in any order, and in capitals.
COLUMNS = (*FIELDS[:-1], *REVIEW_FIELDS)

#: Columns whose every cell may be empty, so that they may be left out.
_OPTIONAL = frozenset({"vendor", "price_checked_on", "open_source", "tags"})

_COMMAS = "columns separated by commas (a spreadsheet calls it “CSV UTF-8, comma delimited”)"


def documents(text: str, file: str, faults: list[Fault]) -> list[Lined]:
    """Read a CSV file's text: one document a tool, in order of first appearance.

    A tool's fields are given on all of its rows, or on some of them; where rows disagree the document carries a fault.
    Rows without a cell are passed over. What belongs to no tool is added to `faults`.
    """
    before = len(faults)
    rows = _rows(text, file, faults)
    header = next(rows, None)
    if header is None:
        if len(faults) == before:
            faults.append(Fault(file, 1, "", "nothing", f"a first row with the columns {','.join(COLUMNS)}"))
        return []
    if wrong := _header_faults(header, file):
        faults.extend(wrong)
        return []
    columns = _columns(header)
    tools: dict[str, _Tool] = {}
    for row in rows:
        cells = row.named(columns)
        slug = cells["tool"][0] if "tool" in cells else ""
        if not slug:
            faults.append(Fault(file, row.line, "tool", "nothing", "the tool this review is of, on every row"))
            continue
        tools.setdefault(slug, _Tool(file, row.line)).add(row, cells, len(columns))
    if not tools and len(faults) == before:
        faults.append(Fault(file, None, "", "no review", "a row for each review, below the columns"))
    return [one.document() for one in tools.values()]


@dataclass(frozen=True, slots=True)
class _Row:
    """Cells as written, and the line the first of them starts on."""

    line: int
    cells: Sequence[str]

    def named(self, columns: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Give the cells that hold something by column, trimmed, each with its own line."""
        line, found = self.line, {}
        for column, cell in zip(columns, self.cells, strict=False):
            if text := cell.strip():
                found[column] = (text, line + _breaks(cell[: len(cell) - len(cell.lstrip())]))
            line += _breaks(cell)
        return found


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


def _rows(text: str, file: str, faults: list[Fault]) -> Iterator[_Row]:
    """Give the rows that hold anything; where the quotes of one do not match, that is the end."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            faults.append(
                Fault(file, line, "", f"a row that cannot be read ({error})", 'text in quotes, a " in it twice')
            )
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _Row(line, cells)


def _columns(header: _Row) -> list[str]:
    return [cell.strip().lower() for cell in header.cells]  # a table's first row is often written in capitals


def _header_faults(header: _Row, file: str) -> list[Fault]:
    columns = _columns(header)
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) < len(FIELDS) and any(mark in cell for cell in header.cells):
            return [Fault(file, header.line, "", f"columns separated by {name}", _COMMAS)]
    faults: list[Fault] = []
    found = Fields(file, Lined(dict.fromkeys(columns), {}, header.line), faults)
    meant = found.only(*COLUMNS)
    for name in COLUMNS:
        if columns.count(name) > 1:
            found.fault(name, f"{columns.count(name)} columns of this name", "each column once")
        elif name not in columns and name not in _OPTIONAL | meant:
            found.fault(name, "no such column", ",".join(COLUMNS))
    return faults


@dataclass(slots=True)
class _Tool:
    """One tool's rows, put together as they come."""

    file: str
    start: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    reviews: list[Lined] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, row: _Row, cells: Mapping[str, tuple[str, int]], width: int) -> None:
        if len(row.cells) > width:
            allowed = f"{width}, as in the first row; text with commas or line breaks stands in quotes"
            self.faults.append(Fault(self.file, row.line, "", f"{len(row.cells)} cells", allowed))
        for name in FIELDS[:-1]:
            if name in cells:
                self._say(name, *cells[name])
        mine = {name: cells[name] for name in REVIEW_FIELDS if name in cells}
        if mine:
            values = {name: text for name, (text, _) in mine.items()}
            self.reviews.append(Lined(values, {name: line for name, (_, line) in mine.items()}, row.line))

    def _say(self, name: str, text: str, line: int) -> None:
        value = _value(name, text)
        if name not in self.values:
            self.values[name], self.lines[name] = value, line
        elif value != self.values[name]:
            allowed = f"the same as in line {self.lines[name]}, {self.values[name]!r}, or nothing"
            self.faults.append(Fault(self.file, line, name, repr(text)[:80], allowed))

    def document(self) -> Lined:
        return Lined(self.values | {"reviews": self.reviews}, self.lines, self.start, tuple(self.faults))


def _value(name: str, text: str) -> Any:
    """Turn a cell into what other files hold; spreadsheets write TRUE and FALSE."""
    if name == "open_source":
        return {"true": True, "false": False}.get(text.lower(), text)
    if name == "tags":
        return [word.strip() for word in text.split(";") if word.strip()]
    return " ".join(text.split())
