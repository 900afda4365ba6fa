"""Run the same piece of a program in several real processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Each process imports first and then waits, so that all of them act in the same moment.
_WAIT = "print('ready', flush=True); input()"


def together(imports: str, action: str, *arguments: str, copies: int = 2) -> list[str]:
    """Start processes that all run `imports`, then, at one signal, `action`; gives what each of them printed."""
    script = "\n".join((imports, _WAIT, action))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(copies)
    ]  # fmt: skip
    try:
        for one in running:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in running:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        said = [one.communicate(timeout=60)[0] for one in running]
        assert [one.returncode for one in running] == [0] * copies, said
    finally:
        for one in running:
            one.kill()
            one.wait()
    return [text.strip() for text in said]
