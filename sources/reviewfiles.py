"""Review files in: folders, YAML, JSON and CSV become sheets, and everything wrong with them is told at once.

YAML holds one or more documents, JSON one object or a list of them, CSV one review a row. What is broken in one
document leaves the others of its file readable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from digest.errors import Fault, FilesError
from digest.model import Reviewer, slugify
from sources import reviewcsv
from sources.fields import Lined, shown
from sources.sheets import FIELDS, Sheet, sheet_of

#: Endings of review files.
ENDINGS = (".yaml", ".yml", ".json", ".csv")

_ALLOWED = "a document of fields, such as “tool: plumbline”, and “reviews:” with a list of “- reviewer: builder”"
_ALLOWED_JSON = "one object with the fields of a review file, or a list of such objects"

#: Where a document of YAML starts, with the directives before it. No text can hold such a line, whatever its quotes.
_START = re.compile(r"^(?:%.*\n){0,9}---(?=\s|$)", re.MULTILINE)


class _Constructor(RoundTripConstructor):
    """Reads on where the usual one ends the whole file: at days that do not exist, and at keys that come twice.

    Days stay as they were written. `twice` has, by the id of the mapping, each later key with its line, from 0.
    """

    def __init__(self, preserve_quotes: bool | None = None, loader: Any = None) -> None:
        super().__init__(preserve_quotes=preserve_quotes, loader=loader)
        self.twice: dict[int, list[tuple[str, int]]] = {}

    def check_mapping_key(self, node: Any, key_node: Any, mapping: Any, key: Any, value: Any) -> bool:
        """Tell whether a key is new to its mapping."""
        if key in mapping:
            self.twice.setdefault(id(mapping), []).append((str(key), int(key_node.start_mark.line)))
            return False
        return True


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


@dataclass(frozen=True, slots=True)
class Sifted:
    """What review files hold: the good documents, and every fault of the others, both in reading order.

    `slugs` are the tools that any document says it is of, good or not.
    """

    sheets: tuple[Sheet, ...]
    faults: tuple[Fault, ...]
    slugs: frozenset[str]


def read_reviews(paths: Sequence[Path], panel: Sequence[Reviewer], today: date) -> list[Sheet]:
    """Read review files: files, or folders of them (searched in depth), one or more documents each.

    Raises:
        FilesError: Something in them is wrong; every fault of every file at once.
    """
    found = sift(paths, panel, today)
    if found.faults:
        raise FilesError(found.faults)
    return list(found.sheets)


def sift(paths: Sequence[Path], panel: Sequence[Reviewer], today: date) -> Sifted:
    """Read review files as `read_reviews` does, and part the good documents from what is wrong.

    Of a tool that is described twice neither document is good: nobody knows which was meant.
    """
    faults: list[Fault] = []
    slugs = {one.slug for one in panel}
    sheets: list[Sheet] = []
    tools: set[str] = set()
    for path, name in _files(paths, faults):
        for written in _documents(path, name, faults):
            tools |= {slugify(tool)} if isinstance(tool := written.values.get("tool"), str) else set()
            if (sheet := sheet_of(name, written, slugs, today, faults)) is not None:
                sheets.append(sheet)
    return Sifted(*part_twins(sheets, [one.tool.slug for one in sheets], faults), frozenset(tools))


def part_twins(
    sheets: Sequence[Sheet], slugs: Sequence[str], faults: Sequence[Fault]
) -> tuple[tuple[Sheet, ...], tuple[Fault, ...]]:
    """Leave out the sheets whose tool, named by `slugs`, comes twice, and add a fault for each after the first.

    Where the two go by different slugs the fault names both.
    """
    count, first, told = Counter(slugs), dict[str, Sheet](), list(faults)
    for sheet, slug in zip(sheets, slugs, strict=True):
        if slug in first:
            there = f"{first[slug].file}:{first[slug].line}" if first[slug].file == sheet.file else first[slug].file
            if first[slug].tool.slug != sheet.tool.slug:
                there += f" as {first[slug].tool.slug}"
            found = slug if slug == sheet.tool.slug else f"{sheet.tool.slug}, which is {slug}"
            told.append(Fault(sheet.file, sheet.line, "tool", f"{found}, also in {there}", "each tool once"))
        first.setdefault(slug, sheet)
    good = tuple(sheet for sheet, slug in zip(sheets, slugs, strict=True) if count[slug] == 1)
    return good, tuple(told)


def _files(paths: Sequence[Path], faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    """Find the files and what to call each in a fault: its name, within a folder with the folders around it."""
    for path in paths:
        if path.is_dir():
            found = review_files(path)
            if not found:
                faults.append(Fault(str(path), None, "", "no review files", f"files ending in {', '.join(ENDINGS)}"))
            yield from ((one, str(one.relative_to(path.parent))) for one in found)
        elif path.is_file() and path.suffix.lower() not in ENDINGS:
            faults.append(Fault(path.name, None, "", f"a file ending in {path.suffix!r}", ", ".join(ENDINGS)))
        else:
            yield path, path.name


def review_files(folder: Path) -> list[Path]:
    """Give the review files of a folder, searched in depth, by name."""
    return sorted(one for one in folder.rglob("*") if _is_review_file(one))


def _is_review_file(path: Path) -> bool:
    """Tell by the ending; programs keep their own notes in files that start with a dot."""
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and path.is_file()


def _documents(path: Path, name: str, faults: list[Fault]) -> Iterator[Lined]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        faults.append(Fault(str(path), None, "", str(error.strerror), "a readable file"))
        return
    except UnicodeDecodeError:
        faults.append(Fault(name, None, "", "bytes that are not UTF-8", "UTF-8 text"))
        return
    if path.suffix.lower() == ".csv":
        yield from reviewcsv.documents(text, name, faults)
        return
    before = len(faults)
    nothing = True
    for found in _loaded(text, name, faults):
        nothing = False
        yield from _each(found, name, faults, listed=path.suffix.lower() == ".json")
    if nothing and len(faults) == before:
        faults.append(Fault(name, 1, "", "nothing", _ALLOWED))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What YAML made of one document; `line` is where its part of the file starts, from 0, `twice` its second keys."""

    value: Any
    line: int
    twice: Mapping[int, Sequence[tuple[str, int]]]

    def lined(self, mapping: CommentedMap, file: str, *, deep: bool = True) -> Lined:
        """Give a mapping with the line of each field; `deep`: with the mappings in its lists.

        No deeper: a review holds no reviews, and in YAML a mapping may stand within itself.
        """
        values = dict(mapping.items())
        for key, value in values.items():
            if deep and isinstance(value, list):
                values[key] = [
                    self.lined(one, file, deep=False) if isinstance(one, CommentedMap) else one for one in value
                ]
        return Lined(
            values,
            {key: self.line + int(mark[0]) + 1 for key, mark in (mapping.lc.data or {}).items()},
            self.line + int(mapping.lc.line) + 1,
            tuple(
                Fault(file, self.line + line + 1, key, "a field that is there already", "each field once")
                for key, line in self.twice.get(id(mapping), ())
            ),
        )


def _each(loaded: _Loaded, file: str, faults: list[Fault], *, listed: bool) -> Iterator[Lined]:
    """Give the documents in what was loaded: itself, or where they may be `listed` those of the list it is."""
    value, many = loaded.value, listed and isinstance(loaded.value, list)
    start = loaded.line + 1
    for number, one in enumerate(value if many else [value]):
        line = loaded.line + int(value.lc.item(number)[0]) + 1 if many else start
        if isinstance(one, CommentedMap) and any(key in FIELDS for key in one):
            yield loaded.lined(one, file)
        else:
            faults.append(Fault(file, line, "", _kind(one), _ALLOWED_JSON if listed else _ALLOWED))


def _kind(value: Any) -> str:
    if isinstance(value, CommentedMap):
        return f"no field of a review file, but {', '.join(map(repr, list(value)[:3]))}" if value else "no field"
    if isinstance(value, str | list):
        return "text" if isinstance(value, str) else "a list"
    return "a number" if isinstance(value, int | float) and not isinstance(value, bool) else shown(value)


def _loaded(text: str, file: str, faults: list[Fault]) -> Iterator[_Loaded]:
    """Load document after document, leaving out empty ones; one that cannot be loaded is a fault."""
    text = re.sub(r"\r\n?", "\n", text)
    starts = [0, *(found.start() for found in _START.finditer(text) if found.start())]
    line = 0
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        try:
            yield from _loaded_part(part, line)
        except (RecursionError, YAMLError, ValueError) as error:
            faults.append(_fault_of(error, part, line, file))
        line += part.count("\n")


def _loaded_part(part: str, line: int) -> Iterator[_Loaded]:
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    for value in yaml.load_all(part):
        if value is not None:
            yield _Loaded(value, line, yaml.constructor.twice)
        yaml.constructor.twice = {}


def _fault_of(error: Exception, part: str, line: int, file: str) -> Fault:
    """Say why a part of a file that starts behind so many lines cannot be loaded."""
    if isinstance(error, RecursionError):
        return Fault(file, line + 1, "", "brackets nested too deeply", _ALLOWED)
    if isinstance(error, MarkedYAMLError):
        at = error.problem_mark.line if error.problem_mark else 0
        return Fault(file, line + at + 1, "", str(error.problem).removeprefix("found "), _ALLOWED)
    if isinstance(error, ReaderError):
        line += part.count("\n", 0, error.position)
    # Else a ValueError: a number that is none, such as !!int many
    return Fault(file, line + 1, "", str(error).splitlines()[0], _ALLOWED)
