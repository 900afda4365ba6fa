"""Commands start quickly: what takes long to import is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: Each takes a tenth of a second or more to import.
SLOW = ("prefect", "sqlalchemy", "sqlmodel", "pydantic", "aiohttp", "feedparser", "fastapi", "jinja2", "rich.console")


def loaded_after(code: str) -> set[str]:
    """Which slow libraries a fresh Python has imported after running some code."""
    told = f"{code}\nimport sys\nprint(' '.join(name for name in {SLOW!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(ran.stdout.split("\n")[-2].split())


def test_the_command_line_itself_imports_nothing_slow() -> None:
    assert loaded_after("import flows.cli") == set()


def test_help_imports_nothing_slow_but_what_typer_wants() -> None:
    assert loaded_after("from tests.commands import verdicts; assert verdicts('run', '--help').status == 0") <= {
        "pydantic"
    }


#: Run one after the other in one process, each asked afterwards: what none of them imports is not there at the end.
_COMMANDS = ("status", "launches", "edition list", "compose", "panel wanted", "run", "gather")


def test_no_command_without_a_flow_imports_prefect(home: Path) -> None:
    (home / "feeds.toml").write_text('[[feed]]\nname = "a"\nurl = "http://127.0.0.1:9/"\n')
    code = f"""
import sys
from tests.commands import verdicts
for command in ("init", *{_COMMANDS!r}):
    ran = verdicts(*command.split(), "--home", {str(home)!r})
    assert ran.status in (0, 1), (command, ran)
    assert "prefect" not in sys.modules, command
"""
    assert "sqlalchemy" in loaded_after(code)
