"""Run the `verdicts` command as a person does, in this process, and see what it printed."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from flows import cli

#: Typer builds all commands anew at each call. A program calls once in its life; here a thousand calls share them.
_BUILT = typer.main.get_command(cli.app)


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its standard output as one JSON document."""
        return json.loads(self.out)


def verdicts(*words: str | Path, home: Path | None = None) -> Ran:
    """Run one command to its end."""
    argv = ["verdicts", *map(str, words), *(["--home", str(home)] if home else [])]
    with (
        _instead(sys, "argv", argv),
        _instead(cli, "app", _BUILT),
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            cli.main()
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
    return Ran(status, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _instead(module: ModuleType, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
