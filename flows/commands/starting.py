"""Make a home, try the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.common import Home, Now, say

app = typer.Typer()


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Where the demo lives.")] = Path("verdicts-demo"),
    open_: Annotated[
        bool, typer.Option("--open/--no-open", help="End at the desk, in a browser, with the digest to approve.")
    ] = False,
    now: Now = None,
) -> None:
    """Run the whole line on bundled sample feeds, reviews and subscribers: no network, no keys."""
    from flows.demo import demo as run_demo

    folder = home.expanduser().resolve()
    run_demo(folder, now, deliver=not open_)
    if open_:
        from flows.desk.serving import PATIENCE_S, serve_desk
        from flows.services import open_services
        from flows.stopping import interrupted

        # Whoever tries it may have settings of a real newsletter in the environment.
        with open_services(folder, now, environment={}, patience_s=PATIENCE_S) as services, interrupted():
            serve_desk(services, "127.0.0.1", 0, open_=True)


@app.command()
def init(
    home: Home = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Sign links with a new key from now on; sent ones keep working.")
    ] = False,
) -> None:
    """Make a home folder: settings with comments, keys, and the database."""
    from digest.settings import add_secret, home_folder, make_home
    from flows.services import open_services

    folder = home_folder(home)
    for path in make_home(folder):
        say(f"made {path}")
    if new_secret:
        say(f"new key on the first line of {add_secret(folder)}: it signs from now on; older links keep working")
    with open_services(folder, create=True) as services:
        say(f"database ready: {services.engine.url.render_as_string(hide_password=True)}")
    say("next: `verdicts gather`, then `verdicts launches`; settings are in verdicts.toml")
