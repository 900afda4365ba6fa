"""What a benchmark finds out: each figure is printed, and kept for the page where somebody asked for it."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

#: The environment names here the file that figures are added to, a line of JSON each; what was found before a
#: benchmark broke off is not lost.
KEPT_IN = "BENCH_FIGURES"

Better = Literal["lower", "higher"]


@dataclass(frozen=True, slots=True)
class Other:
    """An alternative in the same run and unit: `values` of each round, `goal` the least ratio we should reach."""

    name: str
    values: tuple[float, ...]
    goal: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Where a figure stands in a growth curve: on which line of which plot, and at how many of what."""

    plot: str
    line: str
    at: float
    along: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: `values` of each round in `unit`; `goal` is the most (or the least, where higher is better).

    `short` marks what is told to who reads only a few.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    better: Better = "lower"
    goal: float | None = None
    against: tuple[Other, ...] = ()
    point: Point | None = None
    note: str = ""
    short: bool = False

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        """Whether the goal, or that of a ratio, was missed."""
        if self.goal is not None and (self.median > self.goal if self.better == "lower" else self.median < self.goal):
            return True
        return any(one.goal is not None and self.ratio(one) < one.goal for one in self.against)

    def ratio(self, other: Other) -> float:
        """How many times as good as the alternative this is: above 1 is better, in either direction.

        The median of each round's own ratio where rounds belong together, else the ratio of the medians.
        """
        medians = [(self.median, statistics.median(other.values))]
        together = len(other.values) == len(self.values)
        pairs = zip(self.values, other.values, strict=True) if together else medians
        return statistics.median((b / a if self.better == "lower" else a / b) for a, b in pairs)


def keep(
    name: str,
    unit: str,
    values: float | Iterable[float],
    *,
    better: Better = "lower",
    goal: float | None = None,
    against: Sequence[Other] = (),
    point: Point | None = None,
    note: str = "",
    short: bool = False,
) -> Figure:
    """Print a figure, and add it to the file of figures where the environment names one."""
    rounds = (float(values),) if isinstance(values, int | float) else tuple(map(float, values))
    figure = Figure(name, unit, rounds, better, goal, tuple(against), point, note, short)
    sys.stdout.write(line(figure) + "\n")
    sys.stdout.flush()
    if file := os.environ.get(KEPT_IN):
        with Path(file).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")
    return figure


def load(told: dict[str, Any]) -> Figure:
    """Make a figure of what `keep` wrote down."""
    against = tuple(Other(one["name"], tuple(one["values"]), one["goal"]) for one in told["against"])
    point = Point(**told["point"]) if told["point"] else None
    return Figure(**told | {"values": tuple(told["values"]), "against": against, "point": point})


def line(figure: Figure) -> str:
    """A figure as people read it in a terminal."""
    parts = [f"{figure.name:<58} {amount(figure.median, figure.unit):>14}", spread(figure)]
    parts += [f"{times(figure.ratio(one))} {one.name}" for one in figure.against]
    parts += [figure.note, "MISSED" if figure.missed else ""]
    return "  ".join(part for part in parts if part)


def spread(figure: Figure) -> str:
    """The least and the most of several rounds, "" of one."""
    few = len(figure.values) < 2
    return "" if few else f"{number(min(figure.values))} to {number(max(figure.values))}"


def amount(value: float, unit: str) -> str:
    """A number with its unit; a unit of "" is a bare number."""
    return f"{number(value)} {unit}".rstrip()


def times(ratio: float) -> str:
    """A ratio, such as 25 ×."""
    return f"{number(ratio, 2)} ×"


def number(value: float, digits: int = 3) -> str:
    """A number in so many digits that count, all of those before the point, thousands apart."""
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) >= 0.001 or value == 0 else f"{value:.5f}"
