"""Collect what is wrong with one part of a message: equal faults become one finding with its first places."""

from __future__ import annotations

import re

from digest.model import Finding, Level, listing

#: Places and samples that a finding names, and findings of one code; more would hide the others.
_PLACES, _SAMPLES, _PER_CODE = 3, 3, 12


#: Controls, separators of lines, overrides and isolates of direction, half surrogates.
_ACTIVE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Notes:
    """Findings on one part of a message (`part` is html, text, subject, …) whose source is given."""

    def __init__(self, part: str, source: str = "") -> None:
        self.part = part
        self.source = source
        self._noted: dict[tuple[str, Level, str, str], list[tuple[int | None, str]]] = {}

    def add(self, code: str, level: Level, said: str, fix: str, at: int | None = None, sample: str = "") -> None:
        """Note a fault: `said` and `fix` are sentences, `at` is an offset in the source, `sample` shows the place."""
        self._noted.setdefault((code, level, said, fix), []).append((at, sample))

    def findings(self) -> tuple[Finding, ...]:
        """What was noted, in the order of first sight."""
        found: list[Finding] = []
        counts: dict[str, int] = {}
        for (code, level, said, fix), places in self._noted.items():
            counts[code] = counts.get(code, 0) + 1
            if counts[code] <= _PER_CODE:
                message = _visible(_with_samples(said, places))
                found.append(Finding(code, level, message, self._where(places), _visible(fix)))
        for code, count in counts.items():
            if count > _PER_CODE:
                levels = {level for one, level, _, _ in self._noted if one == code}
                worst: Level = "blocker" if "blocker" in levels else "warning"
                said = f"{count - _PER_CODE} more of this kind were found."
                found.append(Finding(code, worst, said, self.part, "Mend the first ones, and check again."))
        return tuple(found)

    def _where(self, places: list[tuple[int | None, str]]) -> str:
        offsets = sorted({at for at, _ in places if at is not None})
        if not offsets:
            return self.part
        named = [self._place(at) for at in offsets[:_PLACES]]
        if len(offsets) > _PLACES:
            named.append(f"{len(offsets) - _PLACES} more")
        return f"{self.part}, {listing(named)}"

    def _place(self, at: int) -> str:
        line = self.source.count("\n", 0, at) + 1
        return f"line {line} column {at - self.source.rfind(chr(10), 0, at)}"


def _visible(text: str) -> str:
    """A finding is printed on a terminal, which obeys control characters and turns what follows some others."""
    return _ACTIVE.sub(lambda char: f"\\x{ord(char[0]):02x}" if char[0] < "\x80" else f"\\u{ord(char[0]):04x}", text)


def _with_samples(said: str, places: list[tuple[int | None, str]]) -> str:
    samples = list(dict.fromkeys(sample for _, sample in places if sample))
    if not samples:
        return said if len(places) == 1 else f"{said} ({len(places)} times)"
    named = ", ".join(f"“{_short(sample)}”" for sample in samples[:_SAMPLES])
    rest = len(samples) - _SAMPLES
    return f"{said} {named}{f' and {rest} more' if rest > 0 else ''}"


def _short(sample: str) -> str:
    words = " ".join(sample.split())
    return words if len(words) <= 60 else f"{words[:57]}…"
