"""The `verdicts` command: finds the commands, and turns every error into one line that says what to change."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

import typer

from flows.commands import (
    checking,
    databases,
    desk,
    doctoring,
    editions,
    gathering,
    launching,
    panel,
    readers,
    reconciling,
    running,
    sending,
    starting,
    tools,
)
from flows.commands.common import ENDED

app = typer.Typer(
    name="verdicts",
    help="A weekly email that compares new AI tools two at a time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for commands in (
    starting,
    gathering,
    launching,
    tools,
    panel,
    editions,
    checking,
    desk,
    sending,
    reconciling,
    readers,
    running,
    databases,
    doctoring,
):
    app.add_typer(commands.app)


def main() -> None:
    """Run a command; every error becomes one line that says what to change."""
    # A start makes some 100,000 objects that all stay: looking through them for garbage 200 times costs 0.15 s.
    gc.set_threshold(50_000)
    from digest.errors import EditionBlocked, FeedError, SendError, TemplateError, VerdictsError

    try:
        result = app(standalone_mode=False)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(error.format_message() + "\n")
            sys.exit(2)
        _fail(error.format_message(), 2)
    except (typer.Abort, KeyboardInterrupt):
        _fail("stopped", ENDED)
    except (EditionBlocked, FeedError, SendError, TemplateError) as error:
        _fail(str(error), 1)
    except VerdictsError as error:
        _fail(str(error), 2)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a home that may not be written, a full disk
        _fail(f"{error.filename or 'output'}: {error.strerror}; allowed: a place this user may read and write", 2)
    if result == ENDED:  # that is what Ctrl-C comes to by now
        _fail("stopped", ENDED)
    sys.exit(result if isinstance(result, int) else 0)


def _fail(text: str, status: int) -> NoReturn:
    for line in text.splitlines():
        sys.stderr.write(f"verdicts: {line}\n")
    sys.exit(status)
