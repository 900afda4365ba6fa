"""Review files become tools and reviews, and a wrong file says every fault with its line at once."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.errors import Fault, FilesError
from digest.model import CATEGORIES
from sources.panel import BUNDLED_REVIEWERS, load_reviewers
from sources.reviewfiles import read_reviews, sift
from sources.sheets import Sheet
from tests.examples import reviewers

#: No day in a file may be later.
TODAY = date(2026, 11, 16)

GOOD = """\
tool: smallwood
name: Smallwood
vendor: Kestrel Research
tagline: A model that fits in a pocket
category: Models
entry_price: Free
price_checked_on: 2026-11-01
open_source: true
tags: [vision, on-device]
url: https://example.org/smallwood
description: >
  Text and pictures in,
  text out.
reviews:
  - reviewer: builder
    call: ship
    reviewed_on: 2026-11-02
    quote: >
      I would build on it,
      and I did.
  - reviewer: skeptic
    call: skip
    reviewed_on: 2026-11-03
    quote: No “sources”, no deal.
"""


def write(folder: Path, text: str, name: str = "smallwood.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read(*paths: Path) -> list[Sheet]:
    return read_reviews(paths, reviewers(), TODAY)


def faults(*paths: Path) -> tuple[Fault, ...]:
    with pytest.raises(FilesError) as caught:
        read(*paths)
    return caught.value.faults


def fault_of(folder: Path, old: str, new: str) -> Fault:
    """The one fault of a good file in which one thing was changed."""
    assert old in GOOD
    [fault] = faults(write(folder, GOOD.replace(old, new, 1)))
    return fault


# What a good file says


def test_a_file_gives_a_tool_and_its_reviews(tmp_path: Path) -> None:
    [sheet] = read(write(tmp_path, GOOD))

    assert (sheet.tool.slug, sheet.tool.name, sheet.tool.vendor) == ("smallwood", "Smallwood", "Kestrel Research")
    assert (sheet.tool.category, sheet.tool.entry_price, sheet.tool.open_source) == ("Models", "Free", True)
    assert (sheet.tool.tags, sheet.tool.price_checked_on) == (("vision", "on-device"), date(2026, 11, 1))
    assert sheet.tool.description == "Text and pictures in, text out."
    assert [(one.tool, one.reviewer, one.call, one.reviewed_on) for one in sheet.reviews] == [
        ("smallwood", "builder", "ship", date(2026, 11, 2)),
        ("smallwood", "skeptic", "skip", date(2026, 11, 3)),
    ]
    assert [one.quote for one in sheet.reviews] == ["I would build on it, and I did.", "No “sources”, no deal."]


def test_optional_fields_may_be_left_out(tmp_path: Path) -> None:
    short = GOOD
    for line in ("vendor: Kestrel Research\n", "price_checked_on: 2026-11-01\n", "open_source: true\n",
                 "tags: [vision, on-device]\n"):  # fmt: skip
        short = short.replace(line, "")

    [sheet] = read(write(tmp_path, short))

    assert (sheet.tool.price_checked_on, sheet.tool.open_source, sheet.tool.tags) == (None, None, ())
    assert sheet.tool.vendor == "example.org"


def test_without_a_vendor_the_domain_stands_in(tmp_path: Path) -> None:
    text = GOOD.replace("vendor: Kestrel Research\n", "").replace(
        "https://example.org/", "https://www.Kestrel.example/"
    )

    assert read(write(tmp_path, text))[0].tool.vendor == "kestrel.example"


def test_one_file_may_hold_several_documents(tmp_path: Path) -> None:
    both = f"---\n{GOOD}---\n{GOOD.replace('tool: smallwood', 'tool: bigleaf')}"

    assert [sheet.tool.slug for sheet in read(write(tmp_path, both))] == ["smallwood", "bigleaf"]


def as_json(**changes: Any) -> str:
    document: dict[str, Any] = {
        "tool": "smallwood", "name": "Smallwood", "tagline": "Small 🌱", "category": "Models", "entry_price": "$0.50",
        "url": "https://example.org/smallwood", "description": "A paragraph.", "open_source": False,
        "price_checked_on": "2026-11-01", "tags": ["vision"],
        "reviews": [{"reviewer": "builder", "call": "ship", "reviewed_on": "2026-11-02", "quote": "Yes 👍 – “yes”."}],
    }  # fmt: skip
    return json.dumps(document | changes, indent="\t")


def test_json_works_as_other_programs_write_it(tmp_path: Path) -> None:
    """Indented with tabs, and every character beyond ASCII escaped."""
    text = as_json()
    assert "\\ud83d" in text

    [sheet] = read(write(tmp_path, text, "smallwood.json"))

    assert (sheet.tool.tagline, sheet.tool.price_checked_on) == ("Small 🌱", date(2026, 11, 1))
    assert sheet.reviews[0].quote == "Yes 👍 – “yes”."
    assert sheet.reviews[0].reviewed_on == date(2026, 11, 2)


def test_a_fault_in_json_has_its_line_too(tmp_path: Path) -> None:
    text = as_json(category="Toys")

    [fault] = faults(write(tmp_path, text, "smallwood.json"))

    assert text.splitlines()[(fault.line or 0) - 1].strip() == '"category": "Toys",'


def test_a_folder_is_read_in_depth_and_leaves_other_files_alone(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "b/smallwood.yaml")
    write(tmp_path, GOOD.replace("tool: smallwood", "tool: ash"), "a.yml")
    write(tmp_path, as_json(tool="oak"), "c/d/oak.json")
    write(tmp_path, "not a review", "readme.md")

    assert [sheet.tool.slug for sheet in read(tmp_path)] == ["ash", "smallwood", "oak"]


def test_the_bundled_samples_are_good() -> None:
    samples = BUNDLED_REVIEWERS.parent.parent / "flows" / "samples" / "reviews"

    sheets = read_reviews([samples], load_reviewers(BUNDLED_REVIEWERS), TODAY)

    assert len(sheets) > 10
    assert {sheet.tool.category for sheet in sheets} <= set(CATEGORIES)


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n")])
def test_files_as_windows_writes_them_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "smallwood.yaml"
    path.write_bytes(text.encode())

    [sheet] = read(path)

    assert sheet.reviews[0].quote == "I would build on it, and I did."


# What a wrong file says


def test_a_price_that_is_not_understood_is_told_once(tmp_path: Path) -> None:
    told = str(fault_of(tmp_path, "entry_price: Free", "entry_price: cheap"))

    assert (told.count("allowed"), told.count("cheap")) == (1, 1)


@pytest.mark.parametrize("price", ["$2,125/GB", "$2.1250/GB"])
def test_the_spellings_a_doubtful_price_is_offered_are_understood(tmp_path: Path, price: str) -> None:
    [sheet] = read(write(tmp_path, GOOD.replace("entry_price: Free", f"entry_price: {price}")))

    assert sheet.tool.entry_price == price


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "found", "allowed"),
    [
        ("tool: smallwood", "tool: Small Wood", 1, "tool", "'Small Wood'", "such as small-wood"),
        ("name: Smallwood", "name: 5", 2, "name", "5", "text"),
        ("name: Smallwood", "name: ''", 2, "name", "''", "text"),
        ("name: Smallwood", "name:", 2, "name", "nothing", "text"),
        ("tagline: A model that", "tagline: [A, model] #", 4, "tagline", "['A', 'model']", "text"),
        ("category: Models", "category: models", 5, "category", "'models'", "did you mean Models?"),
        ("category: Models", "category: Toys", 5, "category", "'Toys'", "Developer Tools, Models"),
        ("entry_price: Free", "entry_price: a fortune", 6, "entry_price", "'a fortune' (no amount was found in it)",
         "Freemium, Paid, or"),
        ("entry_price: Free", "entry_price: 20", 6, "entry_price", "20", "with its currency such as “$20/month”"),
        ("entry_price: Free", "entry_price: ''", 6, "entry_price", "''", "Free, Freemium, Paid, or an amount"),
        ("entry_price: Free", "entry_price:", 6, "entry_price", "nothing", "Free, Freemium, Paid, or an amount"),
        ("entry_price: Free", "entry_price: $2.125/GB", 6, "entry_price",
         "'$2.125/GB' (2.125 may mean 2,125 or 2.1250; write the one that is meant)", "such as “$20/month”"),
        ("2026-11-01", "soon", 7, "price_checked_on", "'soon'", "a day such as 2026-11-02"),
        ("2026-11-01", "2026-11-31", 7, "price_checked_on", "'2026-11-31'", "a day such as 2026-11-02"),
        ("2026-11-01", "2026-11-01 10:00:00", 7, "price_checked_on", "'2026-11-01 10:00:00'", "a day such as"),
        ("2026-11-01", "20261101", 7, "price_checked_on", "20261101", "a day such as 2026-11-02"),
        ("open_source: true", "open_source: yes", 8, "open_source", "'yes'", "true or false"),
        ("tags: [vision, on-device]", "tags: vision", 9, "tags", "'vision'", "a list of words"),
        ("tags: [vision, on-device]", "tags: [vision, 3]", 9, "tags", "['vision', 3]", "a list of words"),
        ("https://example.org/smallwood", "example.org", 10, "url", "'example.org'", "starts with https://"),
        ("https://example.org/smallwood", "javascript:alert(1)", 10, "url", "'javascript:alert(1)'", "https://"),
        ("https://example.org/smallwood", "https://[half", 10, "url", "'https://[half'", "starts with https://"),
        ("reviewer: skeptic", "reviewer: sceptic", 21, "reviewer", "'sceptic'", "did you mean skeptic?"),
        ("reviewer: skeptic", "reviewer: builder", 21, "reviewer", "'builder'", "each reviewer once"),
        ("call: skip", "call: wait", 22, "call", "'wait'", "ship, skip"),
        ("2026-11-03", "2026-13-03", 23, "reviewed_on", "'2026-13-03'", "a day such as 2026-11-02"),
        ("quote: No “sources”, no deal.", "quote: 7", 24, "quote", "7", "text"),
        ("quote: No “sources”, no deal.", 'quote: "a\\0b"', 24, "quote", "'a\\x00b'", "without control characters"),
        ("quote: No “sources”, no deal.", 'quote: "\\ud83d"', 24, "quote", "'\\ud83d'", "whole characters"),
        ("tags:", "tag:", 9, "tag", "a field nobody knows", "did you mean tags?"),
        ("call: skip", "call: skip\n    wibble: 1", 23, "wibble", "a field nobody knows", "reviewer, call"),
    ],
)  # fmt: skip
def test_a_wrong_field_says_line_what_was_found_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, line: int, field: str, found: str, allowed: str
) -> None:
    fault = fault_of(tmp_path, old, new)

    assert (fault.file, fault.line, fault.field, fault.found) == ("smallwood.yaml", line, field, found)
    assert allowed in fault.allowed


@pytest.mark.parametrize("field", ["tool", "name", "tagline", "category", "entry_price", "url"])
def test_a_missing_field_is_named_at_the_start_of_the_document(tmp_path: Path, field: str) -> None:
    without = "".join(line for line in GOOD.splitlines(keepends=True) if not line.startswith(f"{field}:"))

    [fault] = faults(write(tmp_path, without))

    assert (fault.line, fault.field, fault.found) == (1, field, "nothing")


@pytest.mark.parametrize("field", ["call", "reviewed_on"])
def test_a_field_missing_from_a_review_is_named_at_its_start(tmp_path: Path, field: str) -> None:
    head, second = GOOD.rsplit("  - reviewer: skeptic", 1)
    kept = [line for line in second.splitlines(keepends=True) if not line.strip().startswith(f"{field}:")]

    [fault] = faults(write(tmp_path, f"{head}  - reviewer: skeptic{''.join(kept)}"))

    assert (fault.line, fault.field, fault.found) == (21, field, "nothing")


@pytest.mark.parametrize(
    ("reviews", "line", "found"),
    [
        ("reviews: []\n", 14, "[]"),
        ("reviews:\n", 14, "nothing"),
        ("reviews: none yet\n", 14, "'none yet'"),
        ("reviews:\n  - builder\n", 14, "'builder'"),
        ("", 1, "nothing"),
    ],
)
def test_a_file_without_reviews_says_so(tmp_path: Path, reviews: str, line: int, found: str) -> None:
    [fault] = faults(write(tmp_path, GOOD.partition("reviews:")[0] + reviews))

    assert (fault.line, fault.field, fault.found) == (line, "reviews", found)


def test_every_fault_of_every_file_is_reported_at_once(tmp_path: Path) -> None:
    one = write(tmp_path, GOOD.replace("Models", "Toys").replace("call: skip", "call: wait"), "one.yaml")
    two = write(tmp_path, "tool: [\n", "two.yaml")
    three = write(tmp_path, GOOD.replace("name: Smallwood\n", ""), "three.yaml")

    found = faults(one, two, three, tmp_path / "four.yaml")

    assert [(Path(fault.file).name, fault.field) for fault in found] == [
        ("one.yaml", "category"), ("one.yaml", "call"), ("two.yaml", ""), ("three.yaml", "name"), ("four.yaml", ""),
    ]  # fmt: skip


def test_faults_in_a_folder_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("Models", "Toys"), "a/review.yaml")
    write(tmp_path, GOOD.replace("Models", "Toys"), "b/review.yaml")

    here = tmp_path.name
    assert [fault.file for fault in faults(tmp_path)] == [f"{here}/a/review.yaml", f"{here}/b/review.yaml"]


def test_the_second_document_of_a_file_has_lines_of_its_own(tmp_path: Path) -> None:
    both = f"{GOOD}---\n{GOOD.replace('tool: smallwood', 'tool: bigleaf').replace('Models', 'Toys')}"

    [fault] = faults(write(tmp_path, both))

    assert fault.line == GOOD.count("\n") + 1 + 5


def test_a_tool_in_two_files_is_named_with_both(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, GOOD, "one.yaml"), write(tmp_path, GOOD, "two.yaml"))

    assert (fault.file, fault.field, fault.found) == ("two.yaml", "tool", "smallwood, also in one.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tool: smallwood\nname: [Small, wood\n", 3),
        ("tool: smallwood\n\tname: x\n", 2),
        ("tool: smallwood\nname: Small: wood\n", 2),
        ('{"tool": "a",\n "name": "b"', 2),
    ],
)
def test_broken_yaml_has_nothing_but_a_line(tmp_path: Path, text: str, line: int) -> None:
    [fault] = faults(write(tmp_path, text))

    assert (fault.file, fault.field) == ("smallwood.yaml", "")
    assert fault.line == line
    assert fault.found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "nothing"),
        ("# only a comment\n", "nothing"),
        ("---\n", "nothing"),
        ("- a\n- b\n", "a list"),
        ("hello\n", "text"),
    ],
)
def test_a_file_that_holds_no_document_says_so(tmp_path: Path, text: str, found: str) -> None:
    [fault] = faults(write(tmp_path, text))

    assert (fault.file, fault.line, fault.found) == ("smallwood.yaml", 1, found)


@pytest.mark.parametrize("raw", [GOOD.encode("utf-16"), GOOD.encode("cp1252"), b"\xff\xfe\x00"])
def test_bytes_that_are_not_utf_8_are_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "smallwood.yaml"
    path.write_bytes(raw)

    [fault] = faults(path)

    assert (fault.file, fault.found, fault.allowed) == ("smallwood.yaml", "bytes that are not UTF-8", "UTF-8 text")


def test_a_control_character_is_refused(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, GOOD.replace("no deal", "no\x07deal")))

    assert fault.file == "smallwood.yaml"
    assert "unacceptable character" in fault.found


def test_a_file_that_would_make_objects_makes_none(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "name: Smallwood", "name: !!python/object/apply:os.getcwd []")

    assert (fault.line, fault.field, fault.allowed) == (2, "name", "text")


@pytest.mark.parametrize("value", ["!!int many", "!!float many"])
def test_a_value_that_does_not_fit_its_own_tag_is_a_fault(tmp_path: Path, value: str) -> None:
    assert fault_of(tmp_path, "name: Smallwood", f"name: {value}").file == "smallwood.yaml"


def test_paths_without_review_files_are_faults(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    other = write(tmp_path, GOOD, "review.txt")

    found = faults(tmp_path / "empty", other, tmp_path / "missing.yaml")

    assert [fault.found for fault in found] == [
        "no review files", "a file ending in '.txt'", "No such file or directory",
    ]  # fmt: skip


def test_nothing_to_read_is_nothing() -> None:
    assert read() == []


def test_a_day_that_is_still_to_come_is_refused(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "reviewed_on: 2026-11-03", "reviewed_on: 2026-11-17")
    assert (fault.line, fault.found) == (23, "'2026-11-17', which is still to come")
    assert fault.allowed == "a day up to today, 2026-11-16"
    assert fault_of(tmp_path, "2026-11-01", "2026-12-01").field == "price_checked_on"
    assert read(write(tmp_path, GOOD.replace("reviewed_on: 2026-11-03", "reviewed_on: 2026-11-16")))


def test_json_may_hold_a_list_of_documents(tmp_path: Path) -> None:
    both = f"[{as_json()}, {as_json(tool='oak', category='Toys')}, 5]"

    found = sift([write(tmp_path, both, "all.json")], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["smallwood"]
    assert [(fault.field, fault.found) for fault in found.faults] == [("category", "'Toys'"), ("", "a number")]


def test_good_documents_are_told_from_those_beside_them(tmp_path: Path) -> None:
    """In one file or in several, also behind a document that is no YAML."""
    oak, ash, beech = (GOOD.replace("tool: smallwood", f"tool: {tool}") for tool in ("oak", "ash", "beech"))
    write(tmp_path, f"{GOOD}---\n{oak.replace('Models', 'Toys')}---\n{ash}---\ntool: [\n---\n{beech}")
    write(tmp_path, oak.replace("tool: oak", "tool: elm"), "z.yaml")

    found = sift([tmp_path], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["smallwood", "ash", "beech", "elm"]
    assert [fault.field for fault in found.faults] == ["category", ""]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("name: [Small, wood\n", 1), ('tool: "open\nname: x\n', 2), ("a: b: c\n", 1), ("tool: oak\nname: a\x07b\n", 2),
        ("\ttool: oak\n", 1), ("tool: !!int many\n", 0), ("tool: *nothing\n", 1),
    ],
)  # fmt: skip
def test_a_broken_document_hides_no_other(tmp_path: Path, broken: str, line: int) -> None:
    """Its fault has a line of the file, and so have those of the documents behind it."""
    last = GOOD.replace("tool: smallwood", "tool: elm").replace("Models", "Toys")
    path = write(tmp_path, f"{GOOD}---\n{broken}---\n{GOOD.replace('tool: smallwood', 'tool: ash')}---\n{last}")
    height = GOOD.count("\n") + 1

    found = sift([path], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["smallwood", "ash"]
    assert [sheet.line for sheet in found.sheets] == [1, height + broken.count("\n") + 2]
    [first, second] = found.faults
    assert height <= (first.line or 0) <= height + line + 1
    assert (second.line, second.field) == (2 * height + broken.count("\n") + 1 + 5, "category")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_documents_are_parted_whatever_ends_a_line(tmp_path: Path, ending: str) -> None:
    text = f"%YAML 1.2\n--- # first\n{GOOD}...\n---\ntool: [\n---\n{GOOD.replace('tool: smallwood', 'tool: oak')}"
    path = tmp_path / "all.yaml"
    path.write_bytes(text.replace("\n", ending).encode())

    found = sift([path], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["smallwood", "oak"]
    assert len(found.faults) == 1


def test_a_field_that_comes_twice_hides_no_other_fault(tmp_path: Path) -> None:
    text = GOOD.replace("Models", "Toys").replace("name: Smallwood\n", "name: Smallwood\nname: Bigwood\n")
    both = f"{text}    call: ship\n---\n{GOOD.replace('tool: smallwood', 'tool: oak')}"

    found = sift([write(tmp_path, both)], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["oak"]
    assert [(fault.line, fault.field) for fault in found.faults] == [(3, "name"), (6, "category"), (26, "call")]
    assert str(found.faults[0]).endswith("name: found a field that is there already; allowed: each field once")


def test_a_field_twice_in_json_spoils_its_own_object_only(tmp_path: Path) -> None:
    twice = as_json().replace('"tool"', '"tool": "elm", "tool"', 1)

    found = sift([write(tmp_path, f"[{twice}, {as_json(tool='oak')}]", "all.json")], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["oak"]
    assert [(fault.line, fault.field) for fault in found.faults] == [(2, "tool")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("all.json", '{"tools": [1, 2]}', "1: found no field of a review file, but 'tools'; allowed: one object"),
        ("all.json", "[\n5]", "2: found a number; allowed: one object"),
        ("all.json", "[true]", "1: found true; allowed: one object"),
        ("all.json", "[null]", "1: found nothing; allowed: one object"),
        ("all.json", "{}", "1: found no field; allowed: one object"),
        ("all.yaml", "3.5\n", "1: found a number; allowed: a document"),
        ("all.yaml", "!!python/name:os.getcwd x\n", "1: found 'x' tagged tag:yaml.org,2002:python/name:os.getcwd;"),
        ("all.yaml", "tools:\n  - tool: oak\n", "1: found no field of a review file, but 'tools'; allowed: a document"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_told_once_and_called_what_it_is(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    [fault] = faults(write(tmp_path, text, name))

    assert str(fault).startswith(f"{name}:{said}")


def test_a_tagged_value_is_shown_with_its_tag(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "name: Smallwood", "name: !mine Smallwood")

    assert fault.found == "'Smallwood' tagged !mine"


def test_of_a_tool_described_twice_neither_is_good(tmp_path: Path) -> None:
    twice = write(tmp_path, f"{GOOD}---\n{GOOD}---\n{GOOD.replace('tool: smallwood', 'tool: oak')}")

    found = sift([twice], reviewers(), TODAY)

    assert [sheet.tool.slug for sheet in found.sheets] == ["oak"]
    assert [fault.found for fault in found.faults] == ["smallwood, also in smallwood.yaml:1"]


def test_empty_documents_between_others_are_passed_over(tmp_path: Path) -> None:
    assert len(read(write(tmp_path, f"---\n---\n{GOOD}---\n"))) == 1


def test_a_mapping_that_holds_itself_is_a_fault(tmp_path: Path) -> None:
    bomb = "".join(f"x{number}: &x{number} [{', '.join([f'*x{number - 1}'] * 9)}]\n" for number in range(1, 9))
    around = write(tmp_path, f"tool: &self\n  tags: [*self]\nreviews: [*self]\nx0: &x0 [a]\n{bomb}tags: *x8\n")

    assert {"tool", "tags"} <= {fault.field for fault in faults(around)}


def test_a_folder_leaves_alone_what_programs_keep_in_it(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, "not: [yaml", ".cache.yaml")

    assert len(read(tmp_path)) == 1
