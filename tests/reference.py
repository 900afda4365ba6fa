"""Write the reference pages from the program itself: `python -m tests.reference`.

`docs/settings.md` comes from the settings' model and what senders say of theirs, `docs/commands.md` from the commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from digest.settings import SECRETS, Settings
from flows import cli
from subscribers.senders import sendgrid, smtp

DOCS = Path(__file__).parents[1] / "docs"

#: What only the environment sets, outside settings and senders.
ENVIRONMENT = {
    "VERDICTS_HOME": "the home folder, where `--home` is not given; else the current folder",
    "VERDICTS_SECRET, VERDICTS_SECRET_FILE": "keys of signed links, in place of `secret.key` in the home folder",
    "VERDICTS_SUPPRESSION_KEY, VERDICTS_SUPPRESSION_KEY_FILE": (
        "key of the suppression list, in place of `suppression_key.key`; never rotate it"
    ),
    "VERDICTS_DESK_PASSWORD, VERDICTS_DESK_PASSWORD_FILE": "lets `verdicts desk --host` serve another address",
    "PREFECT_API_URL": "a Prefect server that is there already; else `verdicts serve` starts its own",
}


def settings_page() -> str:
    """Write the reference of settings: every key of `verdicts.toml`, and what only the environment sets."""
    keys = [
        (f"`{name}`", f"`{_default(field)}`", f"{field.description}{_allowed(field)}")
        for name, field in Settings.model_fields.items()
        if name not in {"home", *SECRETS}
    ]
    parts = [
        "# Settings",
        "",
        "Written by `python -m tests.reference`.",
        "",
        "Every key stands in `verdicts.toml` of the home folder, which `verdicts init` makes with all as comments.",
        "The environment wins: `VERDICTS_` and the key in capitals, lists with commas. An unknown key or a wrong value",
        "is an error that names the line and what is allowed. Secrets never stand in the file: they come from the",
        "environment, or from the file that `…_FILE` names.",
        "",
        *_table(("key", "default", "what it is for"), keys),
        "",
        "## Only in the environment",
        "",
        *_variables(ENVIRONMENT),
        "",
        '## SendGrid (`sender = "sendgrid"`)',
        "",
        *_variables(sendgrid.ENVIRONMENT),
        "",
        '## SMTP (`sender = "smtp"`)',
        "",
        *_variables(smtp.ENVIRONMENT),
    ]
    return "\n".join(parts) + "\n"


def commands_page() -> str:
    """Write the reference of commands: the help of each."""
    parts = ["# Commands", "", "Written by `python -m tests.reference`: what `--help` says of each.", ""]
    for path, text in helps():
        parts += [f"## `{path}`", "", "```text", text, "```", ""]
    return "\n".join(parts).rstrip() + "\n"


def helps() -> Iterator[tuple[str, str]]:
    """Give every command that does something, in the order of `--help`, and its help."""
    return _below(typer.main.get_command(cli.app), None, "verdicts")


def _below(command: Any, above: Any, name: str) -> Iterator[tuple[str, str]]:
    context = command.make_context(name, [], parent=above, resilient_parsing=True, terminal_width=100)
    for below in getattr(command, "commands", {}):
        yield from _below(command.commands[below], context, below)
    if not hasattr(command, "commands"):
        yield context.command_path, re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)


def _variables(each: Mapping[str, str]) -> list[str]:
    return _table(
        ("variable", "what it is for"),
        [(", ".join(f"`{one}`" for one in names.split(", ")), said) for names, said in each.items()],
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = [" | ".join(head), *(" | ".join(row) for row in rows)]
    return [f"| {lines[0]} |", "|" + "---|" * (lines[0].count("|") + 1), *(f"| {line} |" for line in lines[1:])]


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value or ""}"'


def _allowed(field: FieldInfo) -> str:
    """Say which numbers a setting takes; what else is allowed, its description says."""
    ends = {name: getattr(one, name) for one in field.metadata for name in ("ge", "le") if hasattr(one, name)}
    return f" ({ends['ge']} to {ends['le']})" if len(ends) == 2 else ""


def main() -> None:
    """Write both pages."""
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
