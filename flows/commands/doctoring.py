"""Look whether this installation can do its work."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import AsJson, Home, Now, finish, print_json, say

app = typer.Typer()


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask nothing over the network.")] = False,
    nameserver: Annotated[
        str, typer.Option("--nameserver", metavar="ADDRESS[:PORT]", help="Whom to ask for names; else this machine's.")
    ] = "",
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Look at settings, keys, database, sender, mail domain, pages, clock, schedules; exit 1 when one is wrong."""
    import os
    from dataclasses import asdict

    from digest.settings import home_folder
    from flows.doctoring.examining import examine

    found = examine(home_folder(home), os.environ, now, offline=offline, nameserver=nameserver)
    well = all(one.level != "wrong" for one in found)
    if as_json:
        print_json({"ok": well, "checks": [asdict(one) for one in found]})
    else:
        for one in found:
            say(f"{one.level:8}{one.about}: {one.said}")
            if one.fix:
                say(f"        → {one.fix}")
    finish(0 if well else 1)
