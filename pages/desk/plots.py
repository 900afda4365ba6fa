"""Plots as shapes of SVG: columns, shares over time with lines they should stay below, and bars beside each other.

Nothing is said by colour alone: parts are filled or hatched (with `#hatched` of the page), points above a line have
another shape, and each plot has a title, a description and a table beside it. Text has the size of the page's, so each
is drawn for a wide window and for a phone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log10

#: Widths that plots are drawn for, in CSS pixels: beside nothing else, and on a phone.
WIDE, NARROW = 560, 330

#: Room for the words on the left, above and below, and for the last word on the right.
_LEFT, _ABOVE, _BELOW, _RIGHT = 48, 14, 24, 8

_HEIGHT = {WIDE: 220, NARROW: 210}

#: Room that a word below needs, and half the size of a point.
_WORD, _POINT = 38, 4.0

#: How far apart words beside an axis stand at least; how the lines of limits are broken, the lowest first.
_APART, _DASHES = 15, ("2 4", "9 4")

#: Heights of a bar and of a row with its words and two bars; room for a number behind a bar; width of a letter.
_BAR, _ROW, _NUMBER, _LETTER = 14, 62, 60, 7.6


@dataclass(frozen=True, slots=True)
class Shape:
    """An element of SVG with its attributes; `words` stand in it, `tip` is shown to who points at it."""

    name: str
    attributes: tuple[tuple[str, str | int | float], ...]
    words: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing of a width and a height in CSS pixels."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A value over a label, and the part of it that is filled; `mine` is the one that is looked at."""

    label: str
    value: float
    part: float
    tip: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A share over a label, None where nothing is known."""

    label: str
    value: float | None
    tip: str
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A share that others should stay below, with what it means: that stands in the legend."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Two numbers of one thing."""

    label: str
    first: int
    second: int


def shape(name: str, words: str = "", tip: str = "", **attributes: str | float) -> Shape:
    """Make a shape; names of attributes are written with _ for -, and a number with two digits at most."""
    written = ((key.rstrip("_").replace("_", "-"), _short(value)) for key, value in attributes.items())
    return Shape(name, tuple(written), words, tip)


def _short(value: str | float) -> str | int | float:
    return round(value, 2) if isinstance(value, float) else value


def columns(many: Sequence[Column], width: int) -> Plot:
    """Draw columns, each from 0, filled as far as their part goes."""
    frame = _Frame(width, nice(max((one.value for one in many), default=0)), [one.label for one in many])
    shapes = frame.axis(short_number)
    wide = max(1.0, min(26.0, frame.step * 0.7))
    for number, one in enumerate(many):
        x, class_ = frame.x(number) - wide / 2, "column mine" if one.mine else "column"
        whole, part = frame.y(one.value), frame.y(one.part)
        shapes.append(shape("rect", x=x, y=whole, width=wide, height=frame.y(0) - whole, class_=class_, tip=one.tip))
        if one.part:
            shapes.append(shape("rect", x=x, y=part, width=wide, height=frame.y(0) - part, class_="part", tip=one.tip))
    return frame.plot([*shapes, *frame.labels([one.mine for one in many])])


def shares(points: Sequence[Point], lines: Sequence[Line], width: int) -> Plot:
    """Draw shares as points that are joined where they follow each other; above each line they have another shape."""
    highest = max([*(one.value for one in points if one.value is not None), *(one.value * 1.2 for one in lines), 0.0])
    frame = _Frame(width, nice(highest), [one.label for one in points])
    shapes = frame.axis(short_share, [one.value for one in lines])
    for line, dashes in zip(lines, _DASHES, strict=False):
        y = frame.y(line.value)
        shapes.append(shape("line", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y, class_="limit", stroke_dasharray=dashes))
    places = [(frame.x(number), one) for number, one in enumerate(points)]
    for known, run in groupby(places, lambda place: place[1].value is not None):
        if known:
            path = " ".join(f"{x:.2f},{frame.y(one.value or 0):.2f}" for x, one in run)
            shapes.append(shape("polyline", points=path, class_="joined"))
    for x, one in places:
        if one.value is not None:
            shapes += _point(x, frame.y(one.value), one, sum(one.value >= line.value for line in lines))
    return frame.plot([*shapes, *frame.labels([one.mine for one in points])])


def _point(x: float, y: float, one: Point, above: int) -> list[Shape]:
    """A dot; a diamond above one line, a triangle above two. The one that is looked at has a ring."""
    r = _POINT
    ring = [shape("circle", cx=x, cy=y, r=r * 2.2, class_="ring")] if one.mine else []
    if not above:
        return [*ring, shape("circle", cx=x, cy=y, r=r, class_="point", tip=one.tip)]
    corners = [(x, y - 1.5 * r), (x + 1.5 * r, y), (x, y + 1.5 * r), (x - 1.5 * r, y)]
    if above > 1:
        corners = [(x, y - 1.7 * r), (x + 1.6 * r, y + 1.3 * r), (x - 1.6 * r, y + 1.3 * r)]
    path = " ".join(f"{a:.2f},{b:.2f}" for a, b in corners)
    return [*ring, shape("polygon", points=path, class_="point above", tip=one.tip)]


def bars(many: Sequence[Bars], width: int) -> Plot:
    """Draw for each thing its words, and under them a bar for each of its two numbers, with the number behind it."""
    most = max((max(one.first, one.second) for one in many), default=0) or 1
    room, shapes = width - _NUMBER, list[Shape]()
    for number, one in enumerate(many):
        top = number * _ROW + 16
        shapes.append(shape("text", fitting(one.label, width), x=0, y=top, class_="row"))
        for y, value, look in (
            (top + 6, one.first, {"class_": "part"}),
            (top + 8 + _BAR, one.second, {"class_": "hatched", "fill": "url(#hatched)"}),
        ):
            length = max(1.0, value / most * room)
            shapes.append(shape("rect", x=0, y=y, width=length, height=_BAR, **look))
            shapes.append(shape("text", f"{value:,}", x=length + 6, y=y + _BAR - 2))
    return Plot(width, max(1, len(many)) * _ROW, tuple(shapes))


class _Frame:
    """Where things stand: values from 0 at the bottom up to `top`, labels from left to right."""

    def __init__(self, width: int, top: float, labels: Sequence[str]) -> None:
        self.width, self.height, self._top, self._labels = width, _HEIGHT[width], top, labels
        self.step = (width - _LEFT - _RIGHT) / max(1, len(labels))

    def x(self, number: int) -> float:
        return _LEFT + (number + 0.5) * self.step

    def y(self, value: float) -> float:
        room = self.height - _ABOVE - _BELOW
        return _ABOVE + room * (1 - value / self._top)

    def axis(self, said: Callable[[float], str], lines: Sequence[float] = ()) -> list[Shape]:
        """Lines at nothing, half and all, with what they are; those of others are named instead where they are near."""
        shapes, named = [], [*lines]
        for value in (0.0, self._top / 2, self._top):
            y = self.y(value)
            shapes.append(shape("line", x1=_LEFT, x2=self.width - _RIGHT, y1=y, y2=y, class_="grid"))
            if all(abs(y - self.y(other)) >= _APART for other in lines):
                named.append(value)
        words = (shape("text", said(one), x=_LEFT - 7, y=self.y(one) + 4, text_anchor="end") for one in named)
        return [*shapes, *words]

    def labels(self, mine: Sequence[bool]) -> list[Shape]:
        """The words below: as many as fit, counted back from the last, and always that of the one looked at."""
        each, own = max(1, ceil(_WORD / self.step)), next((number for number, one in enumerate(mine) if one), None)
        last = len(self._labels) - 1
        return [
            shape("text", label, x=min(self.x(number), self.width - 16.0), y=self.height - 6, text_anchor="middle",
                  class_="own" if number == own else "below")
            for number, label in enumerate(self._labels)
            if number == own or ((last - number) % each == 0 and (own is None or abs(own - number) >= each))
        ]  # fmt: skip

    def plot(self, shapes: Sequence[Shape]) -> Plot:
        return Plot(self.width, self.height, tuple(shapes))


def nice(most: float) -> float:
    """Give the end of an axis: the next of a few plain numbers times a power of ten, whose half is plain too."""
    if most <= 0:
        return 1.0
    power: float = 10.0 ** floor(log10(most))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= most * 0.9999)


def short_number(value: float) -> str:
    """Write a number in a few characters: 950, 8.5k, 1.2M."""
    for size, name in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def short_share(value: float) -> str:
    """Write a share as percent in a few characters."""
    return f"{value * 100:.3g} %"


def fitting(words: str, width: int) -> str:
    """Cut words to what fits into a width, without what turns the direction of a line round."""
    plain = "".join(char for char in words if unicodedata.category(char) not in {"Cc", "Cf"})
    most = int(width / _LETTER)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
