"""Review files in: folders, YAML, JSON and CSV become sheets, and everything wrong with them is told at once.

YAML holds one or more documents, JSON one object or a list of them, CSV one review a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from digest.errors import Fault, FilesError
from digest.model import Reviewer
from sources import reviewcsv
from sources.fields import Lined
from sources.sheets import Sheet, sheet_of

#: Endings of review files.
ENDINGS = (".yaml", ".yml", ".json", ".csv")

_ALLOWED = "a document as described under “Files people write”"


class _Constructor(RoundTripConstructor):
    """Leaves days as they were written: a day that does not exist would end the reading of the whole file."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


@dataclass(frozen=True, slots=True)
class Sifted:
    """What review files hold: the good documents, and every fault of the others, both in reading order."""

    sheets: tuple[Sheet, ...]
    faults: tuple[Fault, ...]


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
    read = [
        sheet_of(name, written, slugs, today, faults)
        for path, name in _files(paths, faults)
        for written in _documents(path, name, faults)
    ]
    sheets = [one for one in read if one is not None]
    return Sifted(*part_twins(sheets, [one.tool.slug for one in sheets], faults))


def part_twins(
    sheets: Sequence[Sheet], slugs: Sequence[str], faults: Sequence[Fault]
) -> tuple[tuple[Sheet, ...], tuple[Fault, ...]]:
    """Leave out the sheets whose tool, named by `slugs`, comes twice, and add a fault for each after the first."""
    count, first, told = Counter(slugs), dict[str, Sheet](), list(faults)
    for sheet, slug in zip(sheets, slugs, strict=True):
        if slug in first:
            there = f"{first[slug].file}:{first[slug].line}" if first[slug].file == sheet.file else first[slug].file
            found = slug if slug == sheet.tool.slug else f"{sheet.tool.slug}, which is {slug}"
            told.append(Fault(sheet.file, sheet.line, "tool", f"{found}, also in {there}", "each tool once"))
        first.setdefault(slug, sheet)
    good = tuple(sheet for sheet, slug in zip(sheets, slugs, strict=True) if count[slug] == 1)
    return good, tuple(told)


def _files(paths: Sequence[Path], faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    """Find the files and what to call each in a fault: its name, within a folder with the folders around it."""
    for path in paths:
        if path.is_dir():
            found = sorted(one for one in path.rglob("*") if _is_review_file(one))
            if not found:
                faults.append(Fault(str(path), None, "", "no review files", f"files ending in {', '.join(ENDINGS)}"))
            yield from ((one, str(one.relative_to(path.parent))) for one in found)
        elif path.is_file() and path.suffix.lower() not in ENDINGS:
            faults.append(Fault(path.name, None, "", f"a file ending in {path.suffix!r}", ", ".join(ENDINGS)))
        else:
            yield path, path.name


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
    nothing = True
    for found in _loaded(text, name, faults):
        listed = found if isinstance(found, list) and path.suffix.lower() == ".json" else [found]
        for document in listed:
            nothing = False
            if isinstance(document, CommentedMap):
                yield _lined(document)
            else:
                said = "a list" if isinstance(document, list) else "text"
                faults.append(Fault(name, 1, "", said, _ALLOWED))
    if nothing and not any(fault.file == name for fault in faults):
        faults.append(Fault(name, 1, "", "nothing", _ALLOWED))


def _loaded(text: str, name: str, faults: list[Fault]) -> Iterator[Any]:
    """Load document after document, leaving out empty ones, up to the first that cannot be loaded."""
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    try:
        yield from (document for document in yaml.load_all(text) if document is not None)
    except RecursionError:
        faults.append(Fault(name, None, "", "brackets nested too deeply", _ALLOWED))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        faults.append(Fault(name, line, "", str(error.problem).removeprefix("found "), _ALLOWED))
    except (YAMLError, ValueError) as error:  # ValueError: a number that is none, such as !!int many
        faults.append(Fault(name, None, "", str(error).splitlines()[0], _ALLOWED))


def _lined(document: CommentedMap, *, deep: bool = True) -> Lined:
    """Take a mapping as YAML read it, with the line of each field; `deep`: with the mappings in its lists.

    No deeper: a review holds no reviews, and in YAML a mapping may stand within itself.
    """
    marks = document.lc.data or {}
    values = dict(document.items())
    for key, value in values.items():
        if deep and isinstance(value, list):
            values[key] = [_lined(one, deep=False) if isinstance(one, CommentedMap) else one for one in value]
    return Lined(values, {key: int(mark[0]) + 1 for key, mark in marks.items()}, int(document.lc.line) + 1)
