"""Take fields out of what a person wrote, and collect everything that is wrong with them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml.comments import TaggedScalar

from digest.errors import Fault
from digest.model import slugify
from digest.prices import ALLOWED, NotAPrice, normalise

#: How much of a wrong value is shown.
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Lined:
    """A mapping as it was written.

    `lines` gives the line of each field, `start` the line the whole starts on, None where nobody knows. Mappings in a
    list are Lined too. `faults` are those found while it was put together.
    """

    values: Mapping[Any, Any]
    lines: Mapping[Any, int]
    start: int | None
    faults: tuple[Fault, ...] = ()


class Fields:
    """One mapping a person wrote: gives its fields as values, and adds what is wrong with them to `faults`."""

    def __init__(self, file: str, written: Lined, faults: list[Fault]) -> None:
        self.file, self.written, self.faults = file, written, faults
        faults.extend(written.faults)

    def fault(self, field: str, found: str, allowed: str, why: str = "") -> None:
        """Note that a field is wrong; `why` says of what was found what `allowed` does not make plain."""
        line = self.written.lines.get(field, self.written.start)
        reason = f" ({why})" if why else ""
        self.faults.append(Fault(self.file, line, str(field), found[:_SHOWN] + reason, allowed))

    def only(self, *known: str) -> set[str]:
        """Note every field that is not among these; gives those that were probably meant."""
        meant = set()
        for key in self.written.values:
            if key not in known:
                near = difflib.get_close_matches(str(key).casefold(), known, n=1)
                self.fault(key, "a field nobody knows", f"did you mean {near[0]}?" if near else ", ".join(known))
                meant.update(near)
        return meant

    def take(self, field: str, kind: type, allowed: str, default: Any) -> Any:
        """Take a value of one type; `default` where there is none."""
        value = self.written.values.get(field)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fault(field, shown(value), allowed)
            return default
        return value

    def text(self, field: str, default: str | None = None, allowed: str = "text") -> str:
        """Take text on one line, with single spaces; without a default it must be there."""
        value = self.written.values.get(field)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            self.fault(field, shown(value), allowed)
            return ""
        return self._line(field, value)

    def _line(self, field: str, value: str) -> str:
        """Put text on one line; what no file, database or email can carry is a fault."""
        try:
            whole = value.encode("utf-16", "surrogatepass").decode("utf-16")  # JSON escapes an emoji as two halves
        except UnicodeDecodeError:
            self.fault(field, shown(value), "whole characters, not half of an escaped pair")
            return ""
        line = " ".join(whole.split())
        if any(unicodedata.category(char) == "Cc" or _is_no_character(char) for char in line):
            self.fault(field, shown(value), "text without control characters")
        return line

    def slug(self, field: str) -> str:
        """Take a slug."""
        value = self.text(field)
        if value and value != slugify(value):
            self.fault(field, repr(value), f"lower-case words joined by hyphens, such as {slugify(value) or 'my-tool'}")
        return value

    def price(self, field: str) -> str:
        """Take an entry price, written the one way."""
        value = self.text(field, allowed=ALLOWED)
        try:
            return normalise(value) if value else ""
        except NotAPrice as error:
            self.fault(field, repr(value), ALLOWED, error.why)
            return ""

    def one_of(self, field: str, allowed: Sequence[str]) -> str:
        """Take one of these words, written exactly so."""
        value = self.written.values.get(field)
        if isinstance(value, str) and value in allowed:
            return str(value)
        near = difflib.get_close_matches(value, allowed, n=1) if isinstance(value, str) else []
        self.fault(field, shown(value), ", ".join(allowed) + (f" (did you mean {near[0]}?)" if near else ""))
        return ""

    def words(self, field: str) -> list[str]:
        """Take a list of words; none is none."""
        value = self.written.values.get(field)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
            self.fault(field, shown(value), "a list of words such as [vision, on-device]")
            return []
        if any(";" in one for one in value):  # in CSV it stands between two words
            self.fault(field, shown(value), "words without a semicolon")
        return [self._line(field, one) for one in value]

    def day(self, field: str, latest: date, *, required: bool) -> date | None:
        """Take a day that is not after `latest`."""
        value = self.written.values.get(field)
        if value is None and not required:
            return None
        if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            try:
                found = date.fromisoformat(value)
            except ValueError:
                found = None  # a day the calendar does not have
            if found and found > latest:
                self.fault(field, f"{value!r}, which is still to come", f"a day up to today, {latest}")
            if found:
                return found
        self.fault(field, shown(value), "a day such as 2026-11-02")
        return None

    def web_address(self, field: str) -> str:
        """Take the address of a web page."""
        value = self.text(field)
        try:
            parts = urlsplit(value)
            is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in value
        except ValueError:  # a bracket without its other half
            is_web = False
        if value and not is_web:
            self.fault(field, repr(value), "an address that starts with https://")
            return ""
        return value

    def parts(self, field: str, allowed: str) -> Iterator[Fields]:
        """Take a list of mappings, at least one; `allowed` says what stands in each."""
        listed = self.written.values.get(field)
        if not isinstance(listed, list) or not listed:
            self.fault(field, shown(listed), f"a list, each with {allowed}")
            return
        for entry in listed:
            if isinstance(entry, Lined):
                yield Fields(self.file, entry, self.faults)
            else:
                self.fault(field, shown(entry), allowed)


def _is_no_character(char: str) -> bool:
    """Tell whether Unicode keeps this code point free for good; YAML and XML refuse it."""
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def shown(value: object, *, deep: bool = True) -> str:
    """Show a value, lists one level deep: in YAML a few lines can refer to each other a million times over."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(str(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and (deep or not value):
        return f"[{', '.join(shown(one, deep=False) for one in value[:_SHOWN])}]"
    if isinstance(value, list):
        return "[…]"
    if isinstance(value, TaggedScalar):
        return f"{value.value!r} tagged {value.tag}"
    return "{…}" if isinstance(value, Mapping | Lined) else repr(value)
