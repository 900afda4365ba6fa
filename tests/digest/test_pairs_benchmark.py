"""The benchmark of pair picking ranks with the real scoring, and says what is wrong with its files."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.pairs import average_precision, entry_price, expected_precision, prominence

ROOT = Path(__file__).parents[2]


def bench(*arguments: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks.pairs", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def tools(count: int = 6) -> list[dict[str, Any]]:
    """Two sections, each tool of its own company, in the order of their rank."""
    return [
        {
            "slug": f"tool-{number}", "name": f"Tool {number}", "company": f"Company {number}", "pricing": "Freemium",
            "section": "Coding" if number % 2 else "Writing", "list_rank": 1 + number // 2,
            "description": "It does what it says.", "tags": ["editor"],
        }
        for number in range(count)
    ]  # fmt: skip


def figures(output: str) -> dict[str, float]:
    rows = (line.rsplit(maxsplit=2) for line in output.splitlines())
    return {row[0].strip(): float(row[1]) for row in rows if row[0].startswith(("all", "without", "baseline: p"))}


def test_the_leaders_of_a_section_are_ranked_first_because_of_their_prominence(tmp_path: Path) -> None:
    catalogue = lines(tmp_path / "catalogue.jsonl", *tools(12))
    pairs = lines(tmp_path / "pairs.jsonl", {"a": "tool-2", "b": "tool-0"}, {"a": "tool-1", "b": "tool-3"})

    ran = bench(catalogue, pairs)

    assert ran.returncode == 0, ran.stderr
    assert "12 tools, 66 pairs, 2 published, 2 of them within a section" in ran.stdout
    found = figures(ran.stdout)
    assert found["all parts"] == found["baseline: prominence alone"] == 1.0
    assert found["without prominence"] < 1
    assert [name for name in found if name.startswith("without")] == [
        f"without {part}" for part in ("job", "prominence", "freshness", "contrast", "completeness", "variety")
    ]
    assert "2" in next(line for line in ran.stdout.splitlines() if line.startswith("all parts")).split()


def test_missing_and_oddly_typed_fields_are_read_for_what_they_say(tmp_path: Path) -> None:
    keys = ("name", "company", "pricing", "section", "list_rank", "description", "tags")
    odd: list[dict[str, Any]] = [
        {"slug": "bare"},
        {"slug": "null", **dict.fromkeys(keys)},
        {"slug": "text", "section": "Other", "list_rank": "#1", "tags": "editor; agent", "pricing": {"from": "$9"}},
        {"slug": "lists", "section": ["Other"], "list_rank": 2.0, "tags": [1, None, "agent"], "pricing": ["Free", 20]},
    ]

    ran = bench(lines(tmp_path / "c.jsonl", *odd), lines(tmp_path / "p.jsonl", "\n", {"a": "text", "b": "lists"}))

    assert ran.returncode == 0, ran.stderr
    assert figures(ran.stdout)["all parts"] == 1.0


def test_every_fault_is_told_with_file_line_and_field(tmp_path: Path) -> None:
    catalogue = lines(tmp_path / "c.jsonl", *tools(2), "{broken\n", {"name": "No slug"}, {"slug": "tool-0"}, [1])
    pairs = lines(tmp_path / "p.jsonl", {"a": "tool-0"}, {"a": "tool-1", "b": "tool-1"})

    ran = bench(catalogue, pairs)

    assert ran.returncode == 2
    assert ran.stdout == ""
    places = [":".join(line.split(":")[:2]).removeprefix(f"{tmp_path}/") for line in ran.stderr.splitlines()]
    assert places == ["c.jsonl:3", "c.jsonl:4", "c.jsonl:5", "c.jsonl:6", "p.jsonl:1", "p.jsonl:2"]
    assert "slug: found tool-0 again" in ran.stderr


def test_a_pair_of_an_unknown_tool_is_left_out_aloud(tmp_path: Path) -> None:
    catalogue = lines(tmp_path / "c.jsonl", *tools())
    one = lines(tmp_path / "p.jsonl", {"a": "tool-0", "b": "tool-2"}, {"a": "tool-0", "b": "who"})
    none = lines(tmp_path / "q.jsonl", {"a": "tool-0", "b": "who"})

    assert "p.jsonl:2: who not in the catalogue, pair left out" in bench(catalogue, one).stderr
    assert bench(catalogue, none).returncode == 2
    assert bench(tmp_path / "absent.jsonl", one).returncode == 2
    assert "usage" in bench(catalogue).stderr


def test_the_expected_precision_of_a_random_order_is_the_mean_over_all_orders() -> None:
    wanted = {frozenset("ab"), frozenset("ac")}
    rest = [frozenset("ad"), frozenset("ae"), frozenset("af")]
    orders = [average_precision(order, wanted) for order in permutations([*wanted, *rest])]

    assert expected_precision([(5, 2)]) == pytest.approx(sum(orders) / len(orders))
    assert expected_precision([(2, 2), (3, 0)]) == pytest.approx(1)


def test_prices_are_read_as_a_catalogue_words_them() -> None:
    kinds = {
        "": "",
        "Free": "Free",
        "Open source": "Free",
        "Freemium": "Freemium",
        "Free / $20 a month": "Freemium",
        "free trial, then paid": "Freemium",
        "$49/mo": "$49/mo",
        "Contact sales": "Paid",
    }

    assert {said: entry_price(said) for said in kinds} == kinds


def test_prominence_falls_with_the_rank_and_is_nothing_without_one() -> None:
    of_ten = [prominence(rank, 10) for rank in (1.0, 2.0, 5.0, 10.0)]

    assert of_ten == sorted(of_ten, reverse=True)
    assert prominence(1.0, 40) > prominence(1.0, 4)
    assert prominence(None, 10) == 0
