"""Measure how long commands take to start: `python -m tests.benchmarks.starting [ROUNDS]`.

Each command runs in a process of its own on an empty home, in turn with what cannot be avoided: the interpreter, and
the import of the libraries that every command with a database needs. What an import of Prefect would add stands last.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time

from tests.benchmarks.figures import Other, keep

COMMANDS = ("--help", "panel reviewers", "edition list", "launches", "feeds list", "status")

#: Commands that open no database, and the seconds they may take.
WITHOUT_DATABASE, GOAL_S = ("verdicts --help", "verdicts panel reviewers", "verdicts feeds list"), 0.5

LIBRARIES = {
    "interpreter": "pass",
    "typer": "import typer",
    "sqlmodel": "import sqlmodel",
    "typer and sqlmodel": "import typer, sqlmodel",
    "prefect": "import prefect",
}


def measure(rounds: int) -> dict[str, list[float]]:
    """Run every command and every import once a round, in turn; seconds of each."""
    python = sys.executable
    with tempfile.TemporaryDirectory() as home:
        verdicts = [python, "-c", "from flows.cli import main; main()"]
        subprocess.run([*verdicts, "init", "--home", home], check=True, capture_output=True)
        runs = {f"verdicts {one}": [*verdicts, *one.split(), "--home", home] for one in COMMANDS if one != "--help"}
        runs = {"verdicts --help": [*verdicts, "--help"]} | runs
        runs |= {f"only {name}": [python, "-c", code] for name, code in LIBRARIES.items()}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for number in range(rounds + 1):
            for name, command in runs.items():
                started = time.perf_counter()
                done = subprocess.run(command, capture_output=True, check=False)
                took = time.perf_counter() - started
                if done.returncode not in (0, 1):  # 1: status has something to say
                    raise SystemExit(f"{name} failed: {done.stderr.decode()}")
                if number:  # the first round warms the disk's cache
                    seconds[name].append(took)
    return seconds


def main() -> None:
    """Measure, and tell."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    seconds = measure(rounds)
    libraries = Other("only the import of typer and sqlmodel", tuple(seconds["only typer and sqlmodel"]))
    for name, each in seconds.items():
        ours = name.startswith("verdicts")
        goal = GOAL_S if name in WITHOUT_DATABASE else None
        keep(name, "s", each, goal=goal, against=[libraries] if ours else (), short=name == "verdicts status")


if __name__ == "__main__":
    main()
