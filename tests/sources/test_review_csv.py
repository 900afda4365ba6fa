"""Reviews in a spreadsheet, one a row, are read like any other review file, and faults name the right line."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from digest.errors import Fault, FilesError
from sources.reviewcsv import COLUMNS
from sources.reviewfiles import read_reviews, sift
from sources.sheets import Sheet
from tests.examples import reviewers

TODAY = date(2026, 11, 16)
TOOL = {
    "tool": "smallwood", "name": "Smallwood", "vendor": "Kestrel Research", "tagline": "Fits in a pocket",
    "category": "Models", "entry_price": "Free", "price_checked_on": "2026-11-01", "open_source": "TRUE",
    "tags": "vision; on-device", "url": "https://example.org/smallwood", "description": "Text in,\ntext out.",
}  # fmt: skip
REVIEW = {"reviewer": "builder", "call": "ship", "reviewed_on": "2026-11-02", "quote": "I built on it.\nTwice, “yes”."}
ROWS = [TOOL | REVIEW, {"tool": "smallwood"} | REVIEW | {"reviewer": "skeptic", "call": "skip"}]


def write(folder: Path, rows: list[dict[str, str]], *, start: bytes = b"", delimiter: str = ",") -> Path:
    path = folder / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    path.write_bytes(start + path.read_bytes())
    return path


def read(path: Path) -> list[Sheet]:
    return read_reviews([path], reviewers(), TODAY)


def faults(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(FilesError) as caught:
        read(path)
    return caught.value.faults


def raw(folder: Path, text: str) -> Path:
    path = folder / "reviews.csv"
    path.write_bytes(text.encode())
    return path


def test_rows_of_one_tool_become_one_document(tmp_path: Path) -> None:
    [sheet] = read(write(tmp_path, ROWS))

    assert (sheet.tool.slug, sheet.tool.open_source, sheet.tool.tags) == ("smallwood", True, ("vision", "on-device"))
    assert sheet.tool.description == "Text in, text out."
    assert [(one.reviewer, one.call, one.quote) for one in sheet.reviews] == [
        ("builder", "ship", "I built on it. Twice, “yes”."), ("skeptic", "skip", "I built on it. Twice, “yes”."),
    ]  # fmt: skip


def test_a_tool_s_fields_may_stand_on_every_row_or_on_any(tmp_path: Path) -> None:
    [on_first] = read(write(tmp_path, ROWS))
    [on_all] = read(write(tmp_path, [TOOL | row for row in ROWS]))
    later = [{"tool": "smallwood"} | REVIEW, TOOL | REVIEW | {"reviewer": "skeptic", "call": "skip"}]
    [on_last] = read(write(tmp_path, later))

    assert on_first == on_all == on_last


def test_tools_may_be_mixed_and_empty_rows_are_passed_over(tmp_path: Path) -> None:
    rows = [ROWS[0], TOOL | REVIEW | {"tool": "oak"}, dict.fromkeys(COLUMNS, " "), ROWS[1]]

    assert [(one.tool.slug, len(one.reviews)) for one in read(write(tmp_path, rows))] == [("smallwood", 2), ("oak", 1)]


def test_columns_come_in_any_order_and_optional_ones_may_be_missing(tmp_path: Path) -> None:
    kept = [name for name in reversed(COLUMNS) if name not in {"vendor", "price_checked_on", "open_source", "tags"}]
    cells = [f'"{(TOOL | REVIEW)[name]}"' for name in kept]

    [sheet] = read(raw(tmp_path, f"{','.join(kept)}\r\n{','.join(cells)}\r\n"))

    assert (sheet.tool.vendor, sheet.tool.open_source, sheet.tool.tags) == ("example.org", None, ())


def test_columns_may_be_written_in_capitals(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    head, rest = path.read_text(encoding="utf-8").split("\n", 1)

    [sheet] = read(raw(tmp_path, f"{head.upper()}\n{rest}"))

    assert (sheet.tool.slug, len(sheet.reviews)) == ("smallwood", 2)


def test_a_column_is_not_missing_where_it_is_misspelt(tmp_path: Path) -> None:
    wrong = {"name": "Names", "tagline": "TAG LINE", "reviewed_on": "Reviewed On"}

    found = faults(raw(tmp_path, ",".join(wrong.get(name, name) for name in COLUMNS) + "\n"))

    assert [fault.allowed for fault in found] == [f"did you mean {name}?" for name in wrong]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, ROWS, start=b"\xef\xbb\xbf"))) == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_fault_names_the_line_its_cell_starts_on(tmp_path: Path, ending: str) -> None:
    """Cells hold line breaks: rows and lines are not the same, nor do all cells of a row start on one line."""
    path = write(tmp_path, [ROWS[0], ROWS[1] | {"call": "perhaps", "reviewed_on": "3.11.2026"}])
    lines = path.read_text(encoding="utf-8").splitlines()
    raw(tmp_path, ending.join(lines) + ending)

    found = faults(path)

    assert [(fault.field, fault.found) for fault in found] == [
        ("call", "'perhaps'"), ("reviewed_on", "'3.11.2026'"),
    ]  # fmt: skip
    assert all("perhaps" in lines[(fault.line or 0) - 1] for fault in found)


def test_a_cell_behind_a_line_break_has_a_later_line_than_its_row(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, [TOOL | REVIEW | {"reviewer": "nobody"}]))

    assert (fault.line, fault.field) == (3, "reviewer")


def test_rows_that_disagree_about_a_tool_name_both_lines(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, [ROWS[0], ROWS[1] | {"category": "Agents"}]))

    assert (fault.line, fault.field, fault.found) == (5, "category", "'Agents'")
    assert fault.allowed == "the same as in line 2, 'Models', or nothing"


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_file_with_other_separators_says_how_to_save_it(tmp_path: Path, delimiter: str, name: str) -> None:
    [fault] = faults(write(tmp_path, ROWS, delimiter=delimiter))

    assert (fault.line, fault.found) == (1, f"columns separated by {name}")
    assert "commas" in fault.allowed
    assert "CSV UTF-8" in fault.allowed


def test_wrong_columns_are_all_told_at_once(tmp_path: Path) -> None:
    header = ",".join("qoute" if name == "quote" else name for name in COLUMNS) + ",tool"

    found = faults(raw(tmp_path, f"{header}\nx\n"))

    assert [(fault.line, fault.field) for fault in found] == [(1, "qoute"), (1, "tool")]
    assert found[0].allowed == "did you mean quote?"


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", 1, "nothing"),
        ("\n\n", 1, "nothing"),
        (f'{",".join(COLUMNS)}\nx,"open\n', 2, "a row that cannot be read"),
        (f"{','.join(COLUMNS)}\n,Smallwood\n", 2, "nothing"),
    ],
)
def test_a_broken_file_says_where(tmp_path: Path, text: str, line: int, found: str) -> None:
    fault = faults(raw(tmp_path, text))[0]

    assert fault.line == line
    assert fault.found.startswith(found)


def test_a_row_with_too_many_cells_is_not_guessed_at(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    path.write_text(path.read_text(encoding="utf-8").rstrip() + ",more\n", encoding="utf-8")

    [fault] = faults(path)

    assert (fault.line, fault.found) == (5, "16 cells")


def test_what_is_wrong_with_one_tool_leaves_the_others_good(tmp_path: Path) -> None:
    rows = [*ROWS, TOOL | REVIEW | {"tool": "oak", "category": "Trees"}]

    found = sift([write(tmp_path, rows)], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["smallwood"]
    assert [(fault.line, fault.field) for fault in found.faults] == [(7, "category")]


def test_a_file_with_columns_and_no_reviews_is_a_fault(tmp_path: Path) -> None:
    [fault] = faults(raw(tmp_path, ",".join(COLUMNS) + "\n"))

    assert fault.found == "no review"
