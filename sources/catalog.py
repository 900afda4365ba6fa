"""Read and change the list of feeds a person keeps in feeds.toml."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from digest.errors import Fault, FilesError, SettingsError
from digest.model import Feed

_FIELDS = ("name", "url", "kind", "why")
_HEADER = re.compile(r"^\s*\[\[\s*(\"feed\"|'feed'|feed)\s*\]\]\s*(#.*)?$")
_TABLE = re.compile(r"^\s*\[\[?\s*[\w\"'.-]+\s*\]?\]\s*(#.*)?$")


def bundled_feeds() -> Path:
    """Name the list that is watched while a person keeps none of their own."""
    return Path(__file__).parent / "feeds.toml"


def kind_names() -> tuple[str, ...]:
    """Name every kind a feed can have: auto, then the files in sources/kinds."""
    files = (Path(__file__).parent / "kinds").glob("[!_]*.py")
    return ("auto", *sorted(file.stem for file in files))


def load_feeds(path: Path) -> list[Feed]:
    """Read a list of feeds, in the file's order; it may be empty.

    Raises:
        FilesError: Everything that is wrong with the file, at once.
    """
    return _feeds_in(_text_of(path), str(path))


def add_feed(path: Path, feed: Feed, base: Path | None = None) -> None:
    """Write a feed at the end of `path`; all else in the file stays as it is. Without a file, `base` is copied first.

    Raises:
        FilesError: The file is wrong as it is, or would be with this feed (a name twice, a bad address).
    """
    _add(path, _start(path, base), [feed])


def add_feeds(path: Path, feeds: Iterable[Feed], base: Path | None = None) -> list[Feed]:
    """Write the feeds whose address is not in `path` yet at its end, all or none; returns them.

    A name that is taken gets a number. Without a file, `base` is copied first.

    Raises:
        FilesError: The file is wrong as it is, or a feed is.
    """
    before = _start(path, base)
    known = _feeds_in(before, str(path))
    urls, names = {feed.url for feed in known}, {feed.name for feed in known}
    added: list[Feed] = []
    for feed in feeds:
        if feed.url not in urls:
            added.append(replace(feed, name=_free(feed.name, names)))
            urls.add(feed.url)
            names.add(added[-1].name)
    _add(path, before, added)
    return added


def _free(name: str, taken: Collection[str]) -> str:
    numbered = (f"{name}-{number}" for number in count(2))
    return next(one for one in chain([name], numbered) if one not in taken)


def _add(path: Path, before: str, feeds: Sequence[Feed]) -> None:
    after = before
    for feed in feeds:
        values = {"name": feed.name, "url": feed.url, "kind": feed.kind, "why": feed.why}
        if faults := list(_faults(values, str(path), {}, set())):
            raise FilesError(faults)
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value]
        gap = "\n\n" if after and not after.endswith("\n") else "\n" if after else ""
        after += gap + "\n".join(["[[feed]]", *lines]) + "\n"
    _feeds_in(after, str(path))
    _replace(path, after)


def remove_feed(path: Path, name: str, base: Path | None = None) -> Feed:
    """Cut a feed out of `path`; comments outside its lines stay. Without a file, `base` is copied first.

    Raises:
        FilesError: The file is wrong as it is.
        SettingsError: No feed has that name, or the file is written so that it cannot be cut by line.
    """
    before = _start(path, base)
    feeds = _feeds_in(before, str(path))
    at = next((number for number, feed in enumerate(feeds) if feed.name == name), None)
    if at is None:
        raise SettingsError(f"{path}: no feed is called {name!r}; `verdicts feeds list` shows the names")
    lines = before.splitlines(keepends=True)
    starts = _starts(lines)
    by_hand = SettingsError(f"{path}: {name!r} does not stand in lines of its own under [[feed]]; remove it by hand")
    if len(starts) != len(feeds):
        raise by_hand
    end = _end_of_block(lines, starts[at])
    after = "".join(lines[: starts[at]]) + "".join(lines[end:]).removeprefix("\n")
    if _feeds_in(after, str(path)) != feeds[:at] + feeds[at + 1 :]:
        raise by_hand
    _replace(path, after)
    return feeds[at]


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise FilesError([Fault(str(path), None, "", f"no readable file ({reason})", "a list of feeds")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FilesError([Fault(str(path), line, "", "bytes that are no UTF-8", "UTF-8 text")]) from error


def _start(path: Path, base: Path | None) -> str:
    source = base if base is not None and not path.exists() else path
    return _text_of(source) if source.exists() else ""


def _feeds_in(text: str, file: str) -> list[Feed]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at[1]) if at else max(text.count("\n"), 1)
        raise FilesError([Fault(file, line, "", str(error), "TOML")]) from error
    lines = text.splitlines()
    faults = [
        Fault(file, _line_of(lines, range(len(lines)), key), key, repr(key), "[[feed]] only")
        for key in found
        if key != "feed"
    ]
    tables = found.get("feed", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FilesError([*faults, Fault(file, None, "feed", "something else", "one [[feed]] for each feed")])
    starts = _starts(lines)
    names: set[str] = set()
    for number, table in enumerate(tables):
        block = range(starts[number], _end_of_block(lines, starts[number])) if len(starts) == len(tables) else range(0)
        places = {key: _line_of(lines, block, key) or (block.start + 1 if block else None) for key in ("", *table)}
        faults += _faults(table, file, places, names)
    if faults:
        raise FilesError(faults)
    return [Feed(**{"kind": "auto", **table}) for table in tables]


def _starts(lines: Sequence[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if _HEADER.match(line.rstrip())]


def _end_of_block(lines: Sequence[str], start: int) -> int:
    """The line after a block's last value; comments and blank lines behind it belong to what follows."""
    end = next((at for at in range(start + 1, len(lines)) if _TABLE.match(lines[at].rstrip())), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _line_of(lines: Sequence[str], block: range, key: str) -> int | None:
    written = re.compile(rf"^\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=\].]") if key else None
    return next((at + 1 for at in block if written and written.match(lines[at])), None)


def _faults(table: Mapping[str, Any], file: str, places: Mapping[str, int | None], names: set[str]) -> Iterator[Fault]:
    """Say what is wrong with one feed as written, and note its name among `names`."""
    top = places.get("")
    for key in table:
        if key not in _FIELDS:
            yield Fault(file, places.get(key), key, "an unknown key", ", ".join(_FIELDS))
    for key in _FIELDS:
        value = table.get(key)
        line = places.get(key, top)
        if key not in table:
            if key in ("name", "url"):
                yield Fault(file, top, key, "nothing", "every feed has a name and a url")
        elif not isinstance(value, str) or not _is_plain(value, lines=key == "why"):
            yield Fault(file, line, key, repr(value), "text in one line" if key != "why" else "text")
        elif wrong := _wrong(key, value, names):
            yield Fault(file, line, key, repr(value), wrong)
    if isinstance(name := table.get("name"), str):
        names.add(name)


def _wrong(key: str, value: str, names: set[str]) -> str:
    """Say what is allowed where `value` is not, else ""."""
    if key == "name" and (not value.strip() or value != value.strip() or len(value) > 100):
        return "1 to 100 characters without spaces around them"
    if key == "name" and value in names:
        return "a name no other feed has"
    if key == "url" and not is_fetchable(value):
        return "an address that starts with http:// or https:// and names a host"
    if key == "kind" and value not in kind_names():
        return ", ".join(kind_names())
    return ""


def is_fetchable(url: str) -> bool:
    """Whether an address has a scheme we fetch and a host; says nothing of where the host is."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and not any(char.isspace() for char in url)
        )
    except ValueError:  # a broken IPv6 host or port
        return False


def _is_plain(text: str, *, lines: bool) -> bool:
    allowed = "\n\t" if lines else ""
    return all(char.isprintable() or char in allowed or char in " \u00a0\u3000" for char in text)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, finds it old or new and never in between."""
    target = path.resolve()  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        else:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
