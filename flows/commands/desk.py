"""The editor's desk in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import Home, Now, opened

app = typer.Typer()


@app.command()
def desk(
    host: Annotated[
        str, typer.Option("--host", help="Another address than this machine's own needs VERDICTS_DESK_PASSWORD.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8400,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it in a browser.")] = True,
    home: Home = None,
    now: Now = None,
) -> None:
    """Make the edition in a browser: look, edit, swap, preview, approve. Until stopped."""
    from flows.desk.serving import PATIENCE_S, serve_desk
    from flows.stopping import interrupted

    with opened(home, now, PATIENCE_S) as services, interrupted():
        serve_desk(services, host, port, open_=open_)
