"""Commands start quickly: what takes long to import is imported by the command that needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("command", ["status", "launches", "edition list", "compose", "panel wanted", "run", "gather"])
def test_a_command_without_a_flow_does_not_import_prefect(command: str, tmp_path: object) -> None:
    home = f"--home {tmp_path}".split()
    code = (
        "from tests.commands import verdicts\n"
        f"verdicts('init', *{home!r})\n"
        f"open({str(tmp_path) + '/feeds.toml'!r}, 'w').write('[[feed]]\\nname = \"a\"\\nurl = \"http://127.0.0.1:9/\"\\n')\n"
        f"verdicts(*{command.split()!r}, *{home!r})"
    )
    assert "prefect" not in loaded_after(code)
