"""Workers of a real Prefect server send one edition together, and one of them is killed."""

from __future__ import annotations

import pytest

from tests.scale import installed, send


@pytest.mark.slow
@pytest.mark.thorough
def test_a_worker_that_is_killed_loses_nobody_and_nobody_is_mailed_twice() -> None:
    """One run sends and asks another for help; the process that is killed is the one of the last call."""
    with installed() as at:
        told = send(at, 8_000, 2, 1, kill=True)
    assert (told.killed, told.twice, told.lost) == (1, 0, 0)
