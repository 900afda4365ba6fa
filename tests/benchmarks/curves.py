"""Growth curves as SVG files: how a figure grows with what it works on, readable on light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10

from tests.benchmarks.figures import Figure, amount, number

_WIDTH, _HEIGHT = 640, 300

#: Room for words on the left and right, above and below.
_LEFT, _RIGHT, _ABOVE, _BELOW = 62, 150, 46, 42

#: How far points stand from both ends of the axis, so that their words do.
_INSET = 26

#: Ways to break lines, so that they differ without colour.
_DASHES = ("", "7 4", "2 4", "9 3 2 3")

#: How far apart the words at the ends of lines stand at least.
_APART = 15.0

#: A background of its own makes it readable also where a page's theme is not that of the system.
_STYLE = """
svg { --paper: #fff; --ink: #1f2328; --faint: #c9d1d9; --line: #0b57d0; font: 12px system-ui, sans-serif }
@media (prefers-color-scheme: dark) {
  svg { --paper: #15191f; --ink: #e6edf3; --faint: #3d444d; --line: #8ab4f8 }
}
.paper { fill: var(--paper) } text { fill: var(--ink) } .grid { stroke: var(--faint) }
.line { fill: none; stroke: var(--line); stroke-width: 2 } .dot { fill: var(--line) }
"""


class _Frame:
    """Where values stand: both axes by powers of ten, so that what grows in proportion is straight and never bends."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        across, up = zip(*points, strict=True)
        self._from, self._to = log10(min(across)), log10(max(across))
        self.powers = range(floor(log10(min(up))), max(ceil(log10(max(up))), floor(log10(min(up))) + 1) + 1)

    def x(self, value: float) -> float:
        room, span = _WIDTH - _LEFT - _RIGHT - 2 * _INSET, self._to - self._from
        return _LEFT + _INSET + room * ((log10(value) - self._from) / span if span else 0.5)

    def y(self, value: float) -> float:
        room, span = _HEIGHT - _ABOVE - _BELOW, self.powers[-1] - self.powers[0]
        return _ABOVE + room * (1 - (log10(value) - self.powers[0]) / span)


def svg(title: str, figures: Sequence[Figure]) -> str:
    """Draw the figures of one plot, each at its point; figures of one line are joined in the order of their points.

    All are above 0 and of the unit of the first. What it shows is also told in words, for who cannot see it.
    """
    lines = by_line(figures)
    frame = _Frame([(at, value) for points in lines.values() for at, value in points])
    unit, along = figures[0].unit, figures[0].point.along if figures[0].point else ""
    shapes = [*_grid(frame), *_below(frame, along, lines), *_drawn(frame, lines)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(told(lines, unit, along))}</desc>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        f'<text x="14" y="22" font-weight="600">{escape(title)}</text>',
        *shapes,
        "</svg>\n",
    ])  # fmt: skip


def by_line(figures: Sequence[Figure]) -> dict[str, list[tuple[float, float]]]:
    """The points of each line, from the least to the most."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in figures:
        if one.point:
            lines.setdefault(one.point.line, []).append((one.point.at, one.median))
    return {name: sorted(points) for name, points in lines.items()}


def told(lines: Mapping[str, Sequence[tuple[float, float]]], unit: str, along: str) -> str:
    """Say in words what a plot shows."""
    each = [
        f"{name}: " + ", ".join(f"{amount(value, unit)} at {number(at)}" for at, value in points)
        for name, points in lines.items()
    ]
    return f"By {along}, both axes by powers of ten. " + "; ".join(each) + "."


def _grid(frame: _Frame) -> list[str]:
    shapes = []
    for power in frame.powers:
        y = frame.y(10.0**power)
        shapes.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        shapes.append(f'<text x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{number(10.0**power)}</text>')
    return shapes


def _below(frame: _Frame, along: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    places = sorted({at for points in lines.values() for at, _ in points})
    middle, bottom = _LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - _BELOW
    words = [f'<text x="{frame.x(at):.1f}" y="{bottom + 17}" text-anchor="middle">{number(at)}</text>' for at in places]
    return [*words, f'<text x="{middle:.1f}" y="{bottom + 35}" text-anchor="middle">{escape(along)}</text>']


def _drawn(frame: _Frame, lines: Mapping[str, Sequence[tuple[float, float]]]) -> list[str]:
    shapes, ends = [], _ends({name: frame.y(points[-1][1]) for name, points in lines.items()})
    for position, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{frame.x(at):.1f},{frame.y(value):.1f}" for at, value in points)
        dash = _DASHES[position % len(_DASHES)]
        shapes.append(f'<polyline class="line" points="{path}"' + (f' stroke-dasharray="{dash}"/>' if dash else "/>"))
        for at, value in points:
            x, y = frame.x(at), frame.y(value)
            shapes.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
            shapes.append(f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{number(value)}</text>')
        shapes.append(f'<text x="{_WIDTH - _RIGHT + 22}" y="{ends[name] + 4:.1f}">{escape(name)}</text>')
    return shapes


def _ends(heights: Mapping[str, float]) -> dict[str, float]:
    """Move the words at the ends of lines down until none stands on another."""
    placed: dict[str, float] = {}
    for name, y in sorted(heights.items(), key=lambda one: one[1]):
        placed[name] = max(y, max(placed.values(), default=-_APART) + _APART)
    return placed
