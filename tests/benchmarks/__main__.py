"""Run benchmarks, each in a process of its own, and write their page: `python -m tests.benchmarks [--quick]`.

What each finds is kept in `.bench/` as JSON, so that one can be run again and the others stay. One that fails is named
in the page, the others go on, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import KEPT_IN, Figure, load
from tests.benchmarks.machine import ROOT, commit, machine, versions
from tests.benchmarks.page import Result, kept, save, tell, write
from tests.benchmarks.plan import PLAN, Benchmark

#: What was measured with data that is not part of the project.
ONCE = Path(__file__).parent / "measured-once.md"


def main(words: Sequence[str] | None = None) -> int:
    """Run what is asked for, write the page, and give the exit status: 1 when a benchmark failed."""
    options = _asked(words)
    folder = options.kept / "quick" if options.quick else options.kept
    chosen = [] if options.page_only else [one for one in PLAN if not options.only or one.name in options.only]
    for number, one in enumerate(chosen, 1):
        _say(f"[{number}/{len(chosen)}] {one.name}: at most {one.limit_s // 60} minutes")
        save(result := run(one, quick=options.quick), folder)
        _say(f"[{number}/{len(chosen)}] {one.name} {result.failed or 'done'}, {result.seconds:.0f} s\n")
    results = kept(folder, PLAN)
    out = options.out or (folder if options.quick else ROOT / "docs")
    page = write(PLAN, results, ONCE.read_text("utf-8"), out)
    if out.resolve() == (ROOT / "docs").resolve():
        tell(ROOT / "README.md", page)
    failed = [one.name for one in results.values() if one.failed]
    _say(f"{page}: {len(results)} of {len(PLAN)} benchmarks" + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    names = [one.name for one in PLAN]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds of small numbers, to see that all of it runs")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--page-only", action="store_true", help="run nothing, write the page of what is kept")
    parser.add_argument("--out", type=Path, help="the folder of the page: docs, of a quick run the folder of results")
    parser.add_argument("--kept", type=Path, default=ROOT / ".bench", help="the folder of results")
    return parser.parse_args(words)


def run(benchmark: Benchmark, *, quick: bool) -> Result:
    """Run one in a process of its own, which ends with all that it started when it takes too long."""
    before, began, at = os.getloadavg()[0], time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="verdicts-bench-") as name:
        file = Path(name) / "figures.jsonl"
        failed, highest = _run(benchmark, quick, os.environ | {KEPT_IN: str(file)})
        figures = _figures(file)
    seconds = time.monotonic() - began
    failed = failed or ("" if figures else "it told no figure")
    return Result(benchmark.name, quick, at, seconds, before, highest, commit(), machine(), versions(), failed, figures)


def _run(benchmark: Benchmark, quick: bool, environment: dict[str, str]) -> tuple[str, float]:
    """Wait for the process; gives why it failed, "" when it did not, and the highest load meanwhile."""
    command = [sys.executable, "-m", *benchmark.words(quick=quick)]
    deadline, highest = time.monotonic() + benchmark.limit_s, os.getloadavg()[0]
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as process:
        try:
            while process.poll() is None:
                highest = max(highest, os.getloadavg()[0])
                if time.monotonic() > deadline:
                    return f"it was not done after {benchmark.limit_s} s", highest
                time.sleep(0.2)
        finally:
            _end(process)
    return ("" if process.returncode == 0 else f"exit status {process.returncode}"), highest


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a process and of those it started, also when somebody pressed Ctrl-C.

    They are asked first: a database server of its own, which left the group, is stopped only by who started it.
    """
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _figures(file: Path) -> tuple[Figure, ...]:
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return tuple(load(json.loads(one)) for one in lines)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
