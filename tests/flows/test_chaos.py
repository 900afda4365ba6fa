"""The real `verdicts send`, killed: every reader gets the edition once, and what is in doubt is known by name.

`make chaos` does the same for hundreds of kills.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.chaos import Chaos, Round, one_round
from tests.killed import STEPS
from tests.sendgrid import running


def survived(done: Round, at_least: int) -> None:
    assert done.faults == []
    assert done.kills.total() >= at_least
    assert set(done.ends) <= {"accepted", "refused", "dropped", "unknown"}
    assert done.ends["accepted"] > done.readers / 2


@pytest.mark.slow
def test_killed_at_every_step_nobody_is_lost_or_mailed_twice(tmp_path: Path) -> None:
    """One process after the other, each killed somewhere else, then one that ends the work."""
    with running(tmp_path / "sendgrid") as standin:
        dice = random.Random(1)  # noqa: S311 - the same chances each time
        chaos = Chaos(tmp_path / "home", f"sqlite:///{tmp_path / 'verdicts.db'}", standin, dice, readers=100)
        done = chaos.survive([(step, 2 if step == "claimed" else 1) for step in STEPS[1:]], lacking=[])
    survived(done, len(STEPS) - 1)
    assert set(done.kills) == set(STEPS[1:])
    assert done.ends["unknown"] == 0


@pytest.mark.slow
def test_processes_killed_together_on_postgresql_lose_nobody(tmp_path: Path, new_postgres: Callable[[], str]) -> None:
    server = make_url(new_postgres()).render_as_string(hide_password=False)
    survived(one_round(tmp_path / "round", server, seed=4, kills=4, processes=2, readers=100), 4)
