"""Preflight finds faults like those that editors and authors of templates make, and is quiet about good messages."""

from __future__ import annotations

import pytest

from tests.benchmarks.faults import FURTHER, GOOD_ONES, THE_25, Fault, Good, good


@pytest.fixture(scope="module")
def whole() -> Good:
    return good()


@pytest.mark.parametrize("name", GOOD_ONES)
def test_a_message_as_it_should_be_has_no_finding(whole: Good, name: str) -> None:
    assert GOOD_ONES[name](whole).findings() == ()


def test_at_least_24_of_25_known_faults_are_found(whole: Good) -> None:
    assert len(THE_25) == 25
    missed = [fault.name for fault in THE_25 if not fault.findings(whole)]
    assert len(missed) <= 1, f"missed: {'; '.join(missed)}"


def test_a_fault_that_changes_nothing_is_an_error_of_whoever_wrote_it(whole: Good) -> None:
    with pytest.raises(ValueError, match="no fault: nothing was changed"):
        Fault("no fault", "Nobody suffers.", lambda good: good).findings(whole)


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in THE_25 + FURTHER]
    assert sorted(set(names)) == sorted(names)
