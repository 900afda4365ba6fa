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
from tests.killed import SMTP_STEPS, STEPS
from tests.receivers import Name, receiving


def survived(done: Round, at_least: int) -> None:
    assert done.faults == []
    assert done.kills.total() >= at_least
    assert set(done.ends) <= {"accepted", "refused", "dropped", "unknown"}
    assert done.ends["accepted"] > done.readers / 4  # nobody can ask a mail server for those in doubt


@pytest.mark.slow
@pytest.mark.parametrize(("sender", "steps"), [("sendgrid", STEPS[1:]), ("smtp", SMTP_STEPS[1:])])
def test_killed_at_every_step_nobody_is_lost_or_mailed_twice(
    tmp_path: Path, sender: Name, steps: tuple[str, ...]
) -> None:
    """One process after the other, each killed somewhere else, then one that ends the work."""
    with receiving(sender, tmp_path / sender, settle_s=1) as receiver:
        dice = random.Random(1)  # noqa: S311 - the same chances each time
        readers = 100 if receiver.settle_s else 200
        chaos = Chaos(tmp_path / "home", f"sqlite:///{tmp_path / 'verdicts.db'}", receiver, dice, readers=readers)
        done = chaos.survive([(step, 2 if step == "claimed" else 1) for step in steps])
    survived(done, len(steps))
    assert set(done.kills) == set(steps)
    assert receiver.settle_s is None or done.ends["unknown"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("sender", ["sendgrid", "smtp"])
def test_processes_killed_together_on_postgresql_lose_nobody(
    tmp_path: Path, new_postgres: Callable[[], str], sender: Name
) -> None:
    server = make_url(new_postgres()).render_as_string(hide_password=False)
    survived(one_round(tmp_path / "round", server, seed=4, kills=3, sender=sender, together=2, readers=120), 3)
