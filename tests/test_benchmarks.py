"""The page of benchmarks says what they found, and the README says nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import __main__ as command
from tests.benchmarks.curves import svg
from tests.benchmarks.figures import Figure, Other, Point, amount, keep, load
from tests.benchmarks.page import BEGIN, END, Result, between, kept, save, tell, write
from tests.benchmarks.plan import PLAN, Benchmark

ROOT = Path(__file__).parent.parent

#: What a measured figure looks like in prose; hours and minutes are settings and promises.
_MEASURED = re.compile(r"\d[\d.,]*\s(?:ms|MB|×|letters/s|events/s|/s|s)(?=[\s.,;:)|]|$)", re.MULTILINE)


def result(name: str, *figures: Figure, failed: str = "") -> Result:
    at = datetime(2026, 11, 23, 9, tzinfo=UTC).isoformat()
    return Result(name, False, at, 61.0, 0.2, 1.4, "5ca1ab1e00", {"cores": "2"}, {"Python": "3.11.7"}, failed, figures)


def page_of(folder: Path, *results: Result) -> str:
    names = [one.name for one in results]
    plan = [Benchmark(name, name.capitalize(), f"What {name} does.", name) for name in [*names, "later"]]
    page = write(plan, {one.name: one for one in results}, "## Measured once\n", folder)
    return page.read_text("utf-8")


def curve(at: float, value: float, line: str = "all of them") -> Figure:
    return Figure(f"{line} at {at}", "s", (value,), point=Point("Seconds by number", line, at, "feeds"))


@pytest.mark.slow
def test_cheap_benchmarks_run_and_their_figures_stand_in_the_page(tmp_path: Path) -> None:
    """Two real ones, from the command line to the page."""
    only = ("--only", "starting", "--only", "faults")

    status = command.main(["--quick", *only, "--kept", str(tmp_path / "kept"), "--out", str(tmp_path / "docs")])

    assert status == 0
    page = (tmp_path / "docs" / "benchmarks.md").read_text("utf-8")
    results = kept(tmp_path / "kept" / "quick", PLAN)
    assert list(results) == ["starting", "faults"]
    figures = [figure for one in results.values() for figure in one.figures]
    assert {"verdicts status", "the 25, found"} <= {one.name for one in figures}
    for one in figures:
        assert re.search(
            rf"^\| {re.escape(one.name)} \| {re.escape(amount(one.median, one.unit))} \|", page, re.MULTILINE
        )
    assert "From a quick run" in page
    assert page.count("Not run yet.") == len(PLAN) - 2


@pytest.mark.slow
def test_one_that_breaks_is_named_with_what_it_had_found_and_the_status_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue is missing, so this one ends with a status of its own."""
    broken = Benchmark("broken", "Broken", "It breaks.", "pairs", full="/nowhere/a /nowhere/b")
    good = replace(broken, name="good", title="Good", module="faults", full="")
    monkeypatch.setattr(command, "PLAN", (broken, good))

    status = command.main(["--kept", str(tmp_path), "--out", str(tmp_path)])

    assert status == 1
    page = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "**Failed**: exit status" in page
    assert "| the 25, found | 100 % |" in page


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may keep the others from their turn."""
    slow = Benchmark("slow", "Slow", "Waits.", "sink", full="0", limit_s=1)  # it serves until somebody ends it
    monkeypatch.setattr(command, "PLAN", (slow,))

    assert command.main(["--kept", str(tmp_path), "--out", str(tmp_path)]) == 1

    assert json.loads((tmp_path / "slow.json").read_text("utf-8"))["failed"] == "it was not done after 1 s"


def test_a_figure_is_kept_as_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_FIGURES", str(tmp_path / "kept"))

    told = keep("a", "s", [2, 3], goal=1, against=[Other("b", (4.0, 9.0), 5)], point=Point("p", "l", 1, "x"))

    assert load(json.loads((tmp_path / "kept").read_text("utf-8"))) == told


@pytest.mark.parametrize(("better", "ratio"), [("lower", 3.0), ("higher", 1 / 3)])
def test_a_ratio_above_one_is_better_in_either_direction(better: str, ratio: float) -> None:
    ours, theirs = (1.0, 2.0, 3.0), (3.0, 4.0, 12.0)  # each round has a ratio of its own: 3, 2 and 4
    figure = Figure("a", "s", ours, better="lower" if better == "lower" else "higher")

    assert figure.ratio(Other("b", theirs)) == pytest.approx(ratio)


def test_missed_goals_are_marked_and_reached_ones_are_not(tmp_path: Path) -> None:
    page = page_of(
        tmp_path,
        result(
            "speed",
            Figure("quick", "ms", (40.0,), goal=50),
            Figure("slow", "ms", (60.0,), goal=50),
            Figure("rate", "/s", (60.0,), better="higher", goal=50),
            Figure("beside", "/s", (60.0,), better="higher", against=(Other("a loop", (50.0,), 5),)),
        ),
    )

    rows = {line.split(" | ")[0].strip("| "): "missed" in line for line in page.splitlines() if line.startswith("|")}
    assert {name: rows[name] for name in ("quick", "slow", "rate", "beside")} == {
        "quick": False, "slow": True, "rate": False, "beside": True,
    }  # fmt: skip


def test_running_one_again_keeps_the_others(tmp_path: Path) -> None:
    one, other = (result(name, Figure(name, "s", (1.0,))) for name in ("starting", "faults"))
    save(one, tmp_path)
    save(other, tmp_path)
    save(replace(other, seconds=2.0), tmp_path)

    assert kept(tmp_path, PLAN) == {"starting": one, "faults": replace(other, seconds=2.0)}


def test_growth_is_drawn_as_a_curve_without_scripts_that_has_its_own_colours_in_the_dark(tmp_path: Path) -> None:
    page = page_of(tmp_path, result("growth", curve(1000, 11.0), curve(100, 1.6), curve(100, 0.5, "a <line>")))

    shown = re.findall(r"!\[(.*?)\]\((benchmarks/growth-1\.svg)\)", page)
    assert [file for _, file in shown] == ["benchmarks/growth-1.svg"]
    assert "all of them: 1.6 s at 100, 11 s at 1,000" in shown[0][0]
    drawn = (tmp_path / "benchmarks" / "growth-1.svg").read_text("utf-8")
    names = {one.tag.rpartition("}")[2] for one in ET.fromstring(drawn).iter()}  # noqa: S314 - our own
    assert {"title", "desc", "polyline", "circle"} <= names
    assert "script" not in names
    assert "prefers-color-scheme: dark" in drawn


def test_a_curve_of_one_height_or_one_place_stands_in_its_frame() -> None:
    """Logarithms of equal numbers leave no room to divide by."""
    for figures in ([curve(1, 10.0), curve(2, 10.0)], [curve(5, 0.01)], [curve(1, 1e-4), curve(1e6, 1e4)]):
        dots = re.findall(r'<circle class="dot" cx="([\d.]+)" cy="([\d.]+)"', svg("Any", figures))
        assert len(dots) == len(figures)
        assert all(60 <= float(x) <= 500 and 15 <= float(y) <= 270 for x, y in dots)


def test_the_readme_gets_the_short_table_of_the_page_and_nothing_else_changes(tmp_path: Path) -> None:
    page_of(tmp_path, result("speed", Figure("quick", "ms", (40.0,), short=True), Figure("other", "ms", (1.0,))))
    readme = tmp_path / "README.md"
    readme.write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n", encoding="utf-8")

    tell(readme, tmp_path / "benchmarks.md")

    told = readme.read_text("utf-8")
    assert told.startswith(f"Before\n{BEGIN}\n|")
    assert told.endswith(f"|\n{END}\nAfter\n")
    assert "40 ms" in told
    assert "other" not in between(told)


def test_every_figure_of_the_readme_stands_in_the_page_of_benchmarks() -> None:
    readme, page = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/benchmarks.md"))

    assert between(readme) == between(page)
    measured = _MEASURED.findall(readme)
    assert len(measured) > 5
    assert [one for one in measured if one not in page] == []


def test_every_benchmark_of_the_plan_is_a_module_that_can_be_run() -> None:
    assert len({one.name for one in PLAN}) == len(PLAN)
    for one in PLAN:
        source = (ROOT / "tests" / "benchmarks" / f"{one.module}.py").read_text("utf-8")
        assert "__main__" in source
        assert "keep(" in source
