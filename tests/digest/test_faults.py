"""Preflight finds faults like those that editors and authors of templates make, and is quiet about good messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.model import Finding
from tests.benchmarks.faults import FURTHER, GOOD_ONES, THE_25, Fault, Good, good


@pytest.fixture(scope="module")
def whole() -> Good:
    return good()


@pytest.mark.parametrize("name", GOOD_ONES)
def test_a_message_as_it_should_be_has_no_finding(whole: Good, name: str) -> None:
    assert GOOD_ONES[name](whole).findings() == ()


@pytest.fixture(scope="module")
def told(whole: Good) -> dict[str, tuple[Finding, ...]]:
    """What preflight says of each of the 25 faults, by its name; `make bench` plants the further ones, too."""
    return {fault.name: fault.findings(whole) for fault in THE_25}


def test_every_one_of_25_known_faults_is_found(told: dict[str, tuple[Finding, ...]]) -> None:
    assert len(THE_25) == 25
    assert [fault.name for fault in THE_25 if not told[fault.name]] == []


def test_every_code_that_is_found_is_explained(told: dict[str, tuple[Finding, ...]]) -> None:
    document = Path(__file__).parents[2] / "docs" / "findings.md"
    explained = set(re.findall(r"`([a-z-]+)`", document.read_text("utf-8")))

    assert {one.code for findings in told.values() for one in findings} - explained == set()


def test_a_fault_that_changes_nothing_is_an_error_of_whoever_wrote_it(whole: Good) -> None:
    with pytest.raises(ValueError, match="no fault: nothing was changed"):
        Fault("no fault", "Nobody suffers.", lambda good: good).findings(whole)


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in THE_25 + FURTHER]
    assert sorted(set(names)) == sorted(names)
