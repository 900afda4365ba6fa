"""Write what benchmarks found as a page: tables in Markdown, curves as SVG, and the few figures of the README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

from tests.benchmarks.curves import by_line, svg, told
from tests.benchmarks.figures import Figure, amount, load, spread, times
from tests.benchmarks.plan import Benchmark

#: What stands around the short table, here and in the README.
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"

_HEAD = """# Benchmarks

What is claimed of speed and quality, measured; `make bench` runs everything on this page and writes it. What each
measures, and how to run one: [tests/benchmarks/README.md](../tests/benchmarks/README.md).

A figure is the median of its rounds, with the least and the most beside it. Alternatives ran right beside it, in
the same run and with the same work; “6 ×” means six times as good, in whichever direction is better, and
“0.5 ×” half as good. A ratio is that of each round, where rounds belong together.
"""

_QUICK = """
> **From a quick run**: fewer rounds, smaller numbers, on a machine that did other work too. It shows that all of it
> runs; `make bench` writes the figures that count.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark came to: its figures, when and on what it ran, and why it broke off ("" when it did not)."""

    name: str
    quick: bool
    at: str
    seconds: float
    load_before: float
    load_highest: float
    commit: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    failed: str
    figures: tuple[Figure, ...]


def save(result: Result, folder: Path) -> None:
    """Keep a result as JSON; the one of the same name before it is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(result), ensure_ascii=False, indent=1)
    (folder / f"{result.name}.json").write_text(text + "\n", encoding="utf-8")


def kept(folder: Path, plan: Sequence[Benchmark]) -> dict[str, Result]:
    """The results of the benchmarks of a plan that ran once, by name, in the order of the plan."""
    files = [(one.name, folder / f"{one.name}.json") for one in plan]
    return {name: _read(json.loads(file.read_text("utf-8"))) for name, file in files if file.is_file()}


def _read(told: dict[str, Any]) -> Result:
    return Result(**told | {"figures": tuple(load(one) for one in told["figures"])})


def write(plan: Sequence[Benchmark], results: Mapping[str, Result], once: str, folder: Path) -> Path:
    """Write `benchmarks.md` and the curves beside it in `benchmarks/`; curves of earlier pages go. Gives the page.

    `once` is what was measured with data that nobody can run again; it ends the page.
    """
    curves = folder / "benchmarks"
    curves.mkdir(parents=True, exist_ok=True)
    for old in curves.glob("*.svg"):
        old.unlink()
    parts = [_HEAD, _where(list(results.values())), f"## In short\n\n{BEGIN}\n{short(plan, results)}{END}\n"]
    parts += [_section(one, results.get(one.name), curves) for one in plan]
    page = folder / "benchmarks.md"
    page.write_text("\n".join([*parts, once]), encoding="utf-8")
    return page


def short(plan: Sequence[Benchmark], results: Mapping[str, Result]) -> str:
    """The few figures for those who read only these, as a table."""
    rows = [
        (benchmark.title, one.name, amount(one.median, one.unit), _against(one), _goal(one))
        for benchmark in plan
        for one in (results[benchmark.name].figures if benchmark.name in results else ())
        if one.short
    ]
    quick = "" if not any(one.quick for one in results.values()) else "From a quick run on a busy machine:\n\n"
    return f"{quick}{_table(('', 'measure', 'median', 'against', 'goal'), rows)}"


def tell(readme: Path, page: Path) -> None:
    """Put the short table of a page into the README, between its marks."""
    table = between(page.read_text("utf-8"))
    text = readme.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    readme.write_text(f"{before}{BEGIN}{table}{END}{rest.partition(END)[2]}", encoding="utf-8")


def between(text: str) -> str:
    """What stands between the marks of a page or of the README."""
    found = re.search(f"{re.escape(BEGIN)}(.*?){re.escape(END)}", text, re.DOTALL)
    if not found:
        raise ValueError(f"no figures: “{BEGIN}” … “{END}” is missing")
    return found[1]


def _where(results: Sequence[Result]) -> str:
    """What the results ran on, once where all agree."""
    if not results:
        return "Nothing was run yet.\n"
    rows = [*_agreed([one.machine for one in results]), *_agreed([one.versions for one in results])]
    commits = ", ".join(dict.fromkeys(one.commit for one in results))
    days = sorted(one.at[:10] for one in results)
    rows += [("commit", commits), ("measured", days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}")]
    rows.append(("it took", f"{sum(one.seconds for one in results) / 60:.0f} minutes in all"))
    quick = _QUICK if any(one.quick for one in results) else ""
    return f"{_table(('', 'of this page'), rows)}{quick}"


def _agreed(told: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    names = dict.fromkeys(name for one in told for name in one)
    return [(name, ", ".join(dict.fromkeys(one.get(name, "unknown") for one in told))) for name in names]


def _section(benchmark: Benchmark, result: Result | None, curves: Path) -> str:
    head = f"## {benchmark.title}\n\n{fill(benchmark.says, 118)}\n"
    if result is None:
        return f"{head}\nNot run yet.\n"
    ran = (
        f"\n`{benchmark.command(quick=result.quick)}`: {result.at[:10]}, {result.seconds:,.0f} s, load"
        f" {result.load_before:.1f} before it began and {result.load_highest:.1f} at most"
        f"{', quick' if result.quick else ''}.\n"
    )
    failed = f"\n**Failed**: {result.failed}\n" if result.failed else ""
    rows = [
        (one.name, amount(one.median, one.unit), _rounds(one), _goal(one), _against(one), one.note)
        for one in result.figures
    ]
    table = _table(("measure", "median", "least to most", "goal", "against", "besides"), rows) if rows else ""
    return "\n".join([head + ran + failed, table, *_plots(benchmark.name, result.figures, curves)])


def _rounds(one: Figure) -> str:
    return f"{spread(one)} ({len(one.values)})" if len(one.values) > 1 else "once"


def _goal(one: Figure) -> str:
    """The goals of a figure, marked where they were missed."""
    word = "at most" if one.better == "lower" else "at least"
    goals = [f"{word} {amount(one.goal, one.unit)}"] if one.goal is not None else []
    goals += [f"{times(other.goal)} {other.name}" for other in one.against if other.goal is not None]
    return "; ".join(goals) + (": **missed**" if one.missed else "")


def _against(one: Figure) -> str:
    """The ratios to alternatives, and what those took."""
    return "; ".join(
        f"{times(one.ratio(other))} {other.name} ({amount(replace(one, values=other.values).median, one.unit)})"
        for other in one.against
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns in which nothing stands are left out."""
    whole = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    used = [place for place in range(len(head)) if not whole or any(row[place] for row in whole)]
    lines = [[head[place] for place in used], ["---"] * len(used), *([row[place] for place in used] for row in whole)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plots(name: str, figures: Sequence[Figure], curves: Path) -> list[str]:
    """Write the curves of a benchmark; gives how the page shows them. A plot of one point would show nothing."""
    plots: dict[str, list[Figure]] = {}
    for one in figures:
        if one.point and one.median > 0:
            plots.setdefault(one.point.plot, []).append(one)
    shown: list[str] = []
    for title, many in plots.items():
        lines = by_line(many)
        if max(map(len, lines.values())) < 2:
            continue
        file = curves / f"{name}-{len(shown) + 1}.svg"
        file.write_text(svg(title, many), encoding="utf-8")
        said = told(lines, many[0].unit, many[0].point.along if many[0].point else "")
        shown.append(f"![{title}. {said}](benchmarks/{file.name})\n")
    return shown
