"""Bring the week to where it should be, keep it running, see how it stands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from flows.commands.common import AsJson, Home, Now, Week, finish, opened, print_json, say

app = typer.Typer()


@app.command()
def run(
    week: Week = None,
    prefect: Annotated[bool, typer.Option("--prefect", help="Record it as a Prefect flow run.")] = False,
    home: Home = None,
    now: Now = None,
    as_json: AsJson = False,
) -> None:
    """Bring the week to where it should be now: gather, compose, check, send when due, then letters. Safe to repeat."""
    from dataclasses import asdict

    from digest.settings import home_folder
    from digest.weeks import parse_week
    from flows import steps
    from flows.heartbeat import beat
    from flows.stopping import interrupted

    week = parse_week(week) if week else None
    with opened(home, now) as services, interrupted():
        if prefect:
            from flows.weekly import weekly  # three seconds that only this option pays

            done = [steps.Done(**one) for one in weekly(str(home_folder(home)), week, now)]
        else:
            done = steps.run(services, week)
        well = not any(one.problem for one in done)
        trouble = beat(services.settings.heartbeat_url) if well and now is None else ""
    if as_json:
        print_json([asdict(one) for one in done])
    else:
        for one in done:
            say(f"{one.step}: {one.said}")
    if trouble:
        sys.stderr.write(f"verdicts: {trouble}\n")
    finish(0 if well else 1)


@app.command()
def serve(
    port: Annotated[int, typer.Option("--port", help="Of the public pages.")] = 8000,
    host: Annotated[str, typer.Option("--host", help="Where they listen; 0.0.0.0 in a container.")] = "127.0.0.1",
    schedules: Annotated[
        bool, typer.Option("--schedules/--no-schedules", help="Off where workers of a Prefect server keep them.")
    ] = True,
    home: Home = None,
) -> None:
    """Keep the schedules and serve the public pages, until stopped."""
    from digest.settings import home_folder

    with opened(home) as services:  # what is wrong with settings or database is said before anything starts
        services.engine  # noqa: B018
        say(f"feeds: {len(services.feeds)}, reviewers: {len(services.panel)}, sender: {services.settings.sender}")
    from flows.serving import serve as keep_serving

    keep_serving(home_folder(home), port, host, schedules=schedules)


@app.command()
def deploy(
    pool: Annotated[str, typer.Option("--pool", help="The work pool; made where there is none.")] = "verdicts",
    home: Home = None,
) -> None:
    """Make the Prefect server that PREFECT_API_URL names know the flows, for workers on any number of machines."""
    import asyncio
    import os

    from digest.errors import SettingsError
    from digest.settings import home_folder

    if not os.environ.get("PREFECT_API_URL"):
        raise SettingsError("PREFECT_API_URL is missing: name a Prefect server, or use `verdicts serve`")
    with opened(home) as services:
        from flows.deploying import deploy as make_known  # three seconds that only this command pays

        asyncio.run(make_known(home_folder(home), services.settings, pool, say))


@app.command()
def status(home: Home = None, now: Now = None, as_json: AsJson = False) -> None:
    """Show the recent weeks, schedules, feeds in trouble, and what needs a person; exit 1 when something does."""
    from flows.status import status as how_it_stands

    with opened(home, now) as services:
        document, zone = how_it_stands(services), services.settings.zone
    if as_json:
        print_json(document)
    else:
        from flows.commands.screen import print_status

        print_status(document, zone)
    finish(1 if document["needs"] else 0)
