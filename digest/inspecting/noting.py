"""Collect what is wrong with one part of a message: equal faults become one finding with its first places."""

from __future__ import annotations

from bisect import bisect_right

from digest.model import Finding, Level, listing

#: Places and samples that a finding names, and findings of one code; more would hide the others.
_PLACES, _SAMPLES, _PER_CODE = 3, 3, 12


class Notes:
    """Findings on one part of a message (`part` is html, text, subject, …) whose source is given."""

    def __init__(self, part: str, source: str = "") -> None:
        self.part = part
        self.source = source
        self._noted: dict[tuple[str, Level, str, str], list[tuple[int | None, str]]] = {}
        self._breaks: list[int] | None = None

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
                found.append(Finding(code, level, _with_samples(said, places), self._where(places), fix))
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
        if self._breaks is None:
            self._breaks = [index for index, char in enumerate(self.source) if char == "\n"]
        line = bisect_right(self._breaks, at - 1)
        start = self._breaks[line - 1] + 1 if line else 0
        return f"line {line + 1} column {at - start + 1}"


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
