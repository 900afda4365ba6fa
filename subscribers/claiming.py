"""Who holds a claim, and whether that process is still there."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from pathlib import Path

#: A claim of another machine older than this belongs to a process that is gone: its call would have timed out.
ABANDONED_AFTER = timedelta(minutes=15)

#: A process that was stopped for longer between its claim and its call makes the call no more: by then another one may
#: have taken it for gone.
FRESH = timedelta(minutes=1)


def myself() -> str:
    """Name this process so that no other one, now or later, has the same name."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def abandoned(claimed_by: str, claimed_at: datetime | None, now: datetime) -> bool:
    """Tell whether the process that made a claim is gone: seen on its own machine, else by the claim's age."""
    host, pid, started = claimed_by.rsplit(":", 2)
    if host == _machine():
        return _started(int(pid)) != started
    return claimed_at is None or now - claimed_at > ABANDONED_AFTER


def _machine() -> str:
    """Name what counts process ids: two containers, or two machines made alike, may have one host name."""
    boot, ids = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    told = [boot.read_text(encoding="ascii").strip(), ids.readlink().name] if boot.exists() and ids.is_symlink() else []
    return "/".join([socket.gethostname(), *told]).replace(":", "")


def _started(pid: int) -> str:
    """When a process of this machine started, "" when there is none: process ids are used again.

    One that was killed, and whose parent has not asked for it yet, has a place in the list still, and is gone.
    """
    try:
        state, *others = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return "" if state == "Z" else others[18]
    except (FileNotFoundError, ProcessLookupError):
        return _alive(pid)


def _alive(pid: int) -> str:
    """Tell whether a process runs where there is no /proc."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "running"
    return "running"
