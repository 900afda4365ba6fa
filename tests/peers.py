"""Who is at the other end of a connection within this machine."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def kill_owner(port: int) -> None:
    """Kill the process of this machine that holds the connection from a port, without a word to it.

    Raises:
        ProcessLookupError: There is none any more.
    """
    os.kill(_owner(port), signal.SIGKILL)


def _owner(port: int) -> int:
    lines = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines())
    wanted = next((f"socket:[{parts[9]}]" for parts in lines if parts[1] == f"0100007F:{port:04X}"), "")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(one.is_symlink() and str(one.readlink()) == wanted for one in (process / "fd").iterdir()):
                return int(process.name)
    raise ProcessLookupError(port)
