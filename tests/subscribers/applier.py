"""A process that applies the events that wait, round after round: python -m tests.subscribers.applier DATABASE."""

from __future__ import annotations

import sys

from digest.database import open_engine
from tests.subscribers.providers import APPLIED, events_of


def work(database: str) -> None:
    engine = open_engine(database)
    events_of(engine).apply(APPLIED)
    engine.dispose()


if __name__ == "__main__":
    work(sys.argv[1])
