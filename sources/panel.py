"""Review files in, reviews out; and who sits on the panel."""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from digest.errors import Fault, FilesError
from digest.model import CATEGORIES, Review, Reviewer, Tool, slugify

#: The list used while the home folder has none of its own.
BUNDLED_REVIEWERS = Path(__file__).parent / "reviewers.toml"

_ENDINGS = (".yaml", ".yml", ".json")

_PRICES = ("Free", "Freemium", "Paid")


class _Constructor(RoundTripConstructor):
    """Leaves days as they were written: a day that does not exist would end the reading of the whole file."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One document of a review file: a tool and what the panel says of it."""

    tool: Tool
    reviews: tuple[Review, ...]


def load_reviewers(path: Path) -> tuple[Reviewer, ...]:
    """Read a list of reviewers, in panel order.

    Raises:
        FilesError: The file is wrong; every fault at once.
    """
    try:
        source = path.read_text(encoding="utf-8")
        document = tomllib.loads(source)
    except OSError as error:
        raise FilesError([Fault(path.name, None, "", str(error.strerror), "a list of [[reviewer]]")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        fault = Fault(path.name, int(line[1]) if line else None, "", str(error), "a list of [[reviewer]] in TOML")
        raise FilesError([fault]) from error
    lines = [n for n, line in enumerate(source.splitlines(), 1) if re.match(r"\s*\[\[\s*reviewer\s*\]\]", line)]
    entries = document.get("reviewer", [])
    faults: list[Fault] = [
        Fault(path.name, None, key, "a key nobody knows", "reviewer") for key in document if key != "reviewer"
    ]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append(Fault(path.name, None, "reviewer", "no list of tables", "[[reviewer]] before each reviewer"))
        raise FilesError(faults)
    reviewers: list[Reviewer] = []
    for number, entry in enumerate(entries):
        found = _Document(path.name, entry, _always(lines[number] if number < len(lines) else None), faults)
        found.only("slug", "name", "lens", "order", "active")
        one = Reviewer(
            slug=found.slug("slug"),
            name=found.text("name"),
            lens=found.text("lens"),
            order=found.take("order", int, "a whole number", number + 1),
            active=found.take("active", bool, "true or false", True),
        )
        if one.slug in {other.slug for other in reviewers}:
            found.fault("slug", repr(one.slug), "each reviewer once")
        reviewers.append(one)
    if not entries and not faults:
        faults.append(Fault(path.name, None, "", "no [[reviewer]]", "at least one reviewer"))
    if faults:
        raise FilesError(faults)
    return tuple(sorted(reviewers, key=lambda one: (one.order, one.slug)))


def _always(line: int | None) -> Callable[[str], int | None]:
    return lambda _key: line


def read_reviews(paths: Sequence[Path], panel: Sequence[Reviewer]) -> list[Sheet]:
    """Read review files: files, or folders of them (searched in depth), one or more documents each.

    Raises:
        FilesError: Something in them is wrong; every fault of every file at once.
    """
    faults: list[Fault] = []
    sheets: list[Sheet] = []
    first: dict[str, str] = {}
    for path, name in _files(paths, faults):
        for sheet in _sheets(path, name, {one.slug for one in panel}, faults):
            slug = sheet.tool.slug
            if slug in first:
                faults.append(Fault(name, None, "tool", f"{slug}, also in {first[slug]}", "each tool once"))
            first.setdefault(slug, name)
            sheets.append(sheet)
    if faults:
        raise FilesError(faults)
    return sheets


def _files(paths: Sequence[Path], faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    """Find the files and what to call each in a fault: its name, within a folder with the folders around it."""
    for path in paths:
        found = sorted(one for one in path.rglob("*") if one.suffix in _ENDINGS) if path.is_dir() else [path]
        if path.is_dir() and not found:
            faults.append(Fault(str(path), None, "", "no review files", f"files ending in {', '.join(_ENDINGS)}"))
        if path.is_file() and path.suffix not in _ENDINGS:
            faults.append(Fault(path.name, None, "", f"a file ending in {path.suffix!r}", ", ".join(_ENDINGS)))
            continue
        for one in found:
            yield one, str(one.relative_to(path.parent)) if path.is_dir() else path.name


def _sheets(path: Path, name: str, reviewers: Collection[str], faults: list[Fault]) -> Iterator[Sheet]:
    allowed = "a YAML document as described under “Files people write”"
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"))) or [None]
    except OSError as error:
        faults.append(Fault(str(path), None, "", str(error.strerror), "a readable file"))
        return
    except UnicodeDecodeError:
        faults.append(Fault(name, None, "", "bytes that are not UTF-8", "UTF-8 text"))
        return
    except RecursionError:
        faults.append(Fault(name, None, "", "brackets nested too deeply", allowed))
        return
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        faults.append(Fault(name, line, "", str(error.problem).removeprefix("found "), allowed))
        return
    except (YAMLError, ValueError) as error:  # ValueError: a number that is none, such as !!int many
        faults.append(Fault(name, None, "", str(error).splitlines()[0], allowed))
        return
    for document in documents:
        if not isinstance(document, CommentedMap):
            found = "nothing" if document is None else "a list" if isinstance(document, list) else "text"
            faults.append(Fault(name, 1, "", found, allowed))
            continue
        before = len(faults)
        sheet = _sheet(_Document(name, document, _line_of(document), faults), reviewers)
        if len(faults) == before:
            yield sheet


def _line_of(document: CommentedMap) -> Callable[[str], int | None]:
    def line(key: str) -> int | None:
        position = document.lc.data.get(key) if document.lc.data else None
        return int(position[0] if position else document.lc.line) + 1

    return line


def _sheet(found: _Document, reviewers: Collection[str]) -> Sheet:
    found.only(
        "tool", "name", "vendor", "tagline", "category", "entry_price", "price_checked_on", "open_source", "tags",
        "url", "description", "reviews",
    )  # fmt: skip
    slug = found.slug("tool")
    url = found.web_address("url")
    tool = Tool(
        slug=slug,
        name=found.text("name"),
        vendor=found.text("vendor", "") or (urlsplit(url).hostname or "").removeprefix("www."),
        tagline=found.text("tagline"),
        description=found.text("description"),
        category=found.one_of("category", CATEGORIES),
        tags=tuple(found.words("tags")),
        entry_price=found.price("entry_price"),
        price_checked_on=found.day("price_checked_on", required=False),
        open_source=found.take("open_source", bool, "true or false", None),
        url=url,
    )
    return Sheet(tool, tuple(_reviews(found, slug, reviewers)))


def _reviews(found: _Document, tool: str, reviewers: Collection[str]) -> Iterator[Review]:
    listed = found.values.get("reviews")
    if not isinstance(listed, list) or not listed:
        found.fault("reviews", _shown(listed), "a list of reviews")
        return
    seen: set[str] = set()
    for entry in listed:
        if not isinstance(entry, CommentedMap):
            found.fault("reviews", repr(entry), "reviewer, call, reviewed_on and quote")
            continue
        one = _Document(found.file, entry, _line_of(entry), found.faults)
        one.only("reviewer", "call", "reviewed_on", "quote")
        reviewer = one.one_of("reviewer", sorted(reviewers))
        if reviewer in seen:
            one.fault("reviewer", repr(reviewer), "each reviewer once a tool")
        seen.add(reviewer)
        call = one.one_of("call", ("ship", "skip"))
        day = one.day("reviewed_on", required=True) or date.min
        yield Review(tool, reviewer, "ship" if call == "ship" else "skip", one.text("quote"), day)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)


class _Document:
    """One mapping a person wrote: takes fields out of it and collects what is wrong with them."""

    def __init__(self, file: str, values: Any, line: Callable[[str], int | None], faults: list[Fault]) -> None:
        self.file, self.values, self.line, self.faults = file, values, line, faults

    def fault(self, field: str, found: str, allowed: str) -> None:
        self.faults.append(Fault(self.file, self.line(field), field, found[:80], allowed))

    def only(self, *known: str) -> None:
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                self.fault(str(key), "a field nobody knows", f"did you mean {near[0]}?" if near else ", ".join(known))

    def take(self, field: str, kind: type, allowed: str, default: Any) -> Any:
        value = self.values.get(field)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fault(field, repr(value), allowed)
            return default
        return value

    def text(self, field: str, default: str | None = None) -> str:
        """Take text on one line; without a default it must be there."""
        value = self.values.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            self.fault(field, _shown(value), "text")
            return ""
        return self._line(field, value)

    def _line(self, field: str, value: str) -> str:
        """Put text on one line; what no database or email can carry is a fault."""
        try:
            whole = value.encode("utf-16", "surrogatepass").decode("utf-16")  # JSON escapes an emoji as two halves
        except UnicodeDecodeError:
            self.fault(field, repr(value), "whole characters, not half of an escaped pair")
            return ""
        line = " ".join(whole.split())
        if any(unicodedata.category(char) == "Cc" for char in line):
            self.fault(field, repr(value), "text without control characters")
        return line

    def slug(self, field: str) -> str:
        value = self.text(field)
        if value and value != slugify(value):
            self.fault(field, repr(value), f"lower-case words joined by hyphens, such as {slugify(value) or 'my-tool'}")
        return value

    def price(self, field: str) -> str:
        value = self.text(field)
        if value and value not in _PRICES and not any(char.isdigit() for char in value):
            near = difflib.get_close_matches(value, _PRICES, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            self.fault(field, repr(value), f'{", ".join(_PRICES)}, or an amount such as "$20/month"{hint}')
        return value

    def one_of(self, field: str, allowed: Sequence[str]) -> str:
        value = self.text(field)
        if value and value not in allowed:
            near = difflib.get_close_matches(value, allowed, n=1)
            self.fault(field, repr(value), ", ".join(allowed) + (f" (did you mean {near[0]}?)" if near else ""))
        return value

    def words(self, field: str) -> list[str]:
        value = self.values.get(field)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            self.fault(field, repr(value), "a list of words such as [vision, on-device]")
            return []
        return [self._line(field, one) for one in value]

    def day(self, field: str, *, required: bool) -> date | None:
        value = self.values.get(field)
        if value is None and not required:
            return None
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                value = str(value)  # a day the calendar does not have: reported below
        self.fault(field, _shown(value), "a day such as 2026-11-02")
        return None

    def web_address(self, field: str) -> str:
        value = self.text(field)
        try:
            parts = urlsplit(value)
            is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:  # a bracket without its other half
            is_web = False
        if value and not is_web:
            self.fault(field, repr(value), "an address that starts with https://")
            return ""
        return value
