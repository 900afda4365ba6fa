"""`verdicts serve` in a process of its own, and the Prefect server that it runs, asked over its API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.demo import SAMPLES
from tests.commands import verdicts

ROOT = Path(__file__).parent.parent

#: The program of this checkout. Not the installed command: that may be another's. The test of the wheel starts that.
PROGRAM = (sys.executable, "-c", "from flows.cli import main; main()")

#: On a busy machine Prefect's server takes minutes to make its tables.
_PATIENCE_S = 300.0

#: Settings with which an edition can go out.
SETTINGS = """\
site_url = "https://verdicts.example.org"
from_email = "verdicts@example.org"
reply_to = "editor@example.org"
postal_address = "1 Sample Street"
"""

#: Flows that `serve` deploys.
FLOWS = 8


def serve_apart(home: Path, port: int, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `verdicts serve`; what it logs goes to the end of `log` in the home folder."""
    command = [*PROGRAM, "serve", "--home", str(home), "--port", str(port)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    kept["PREFECT_RUNNER_POLL_FREQUENCY"] = "2"  # the runner asks every ten seconds what is due
    with (home / "log").open("a") as log:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=kept | dict(environment or {}), cwd=ROOT
        )


def api_of(process: subprocess.Popen[str]) -> str:
    """Wait until `verdicts serve` has started; gives the address of Prefect's API."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(3)]
    assert said[2].startswith("schedules: http://127.0.0.1:"), said
    return said[2].removeprefix("schedules: ").strip() + "/api"


def ask(api: str, path: str, body: object = None, method: str = "POST") -> Any:
    """Call the API; a busy server is asked again. Gives the answer's document, None where it has none."""
    data = json.dumps({} if body is None else body).encode()
    request = urllib.request.Request(f"{api}{path}", data, {"Content-Type": "application/json"}, method=method)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:  # a busy server asks to come again
                raise
            time.sleep(0.5)


def deployments(api: str) -> dict[str, Any]:
    """The deployments by the name of their flow, once all are there."""

    def all_there() -> Any:
        found = ask(api, "/deployments/filter")
        return found if len(found) >= FLOWS else None

    found = awaited(all_there, "the deployments")
    names = {one["id"]: one["name"] for one in ask(api, "/flows/filter")}
    return {names[one["flow_id"]]: one for one in found}


def run_now(api: str, flow: str, **parameters: str) -> str:
    """Ask for a run of a flow, as its schedule does; gives its id."""
    wanted = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
    return str(ask(api, f"/deployments/{deployments(api)[flow]['id']}/create_flow_run", wanted)["id"])


def awaited(look: Callable[[], Any], what: str) -> Any:
    """Look again and again until there is something; gives it."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.1)
    return found


def write_readers(home: Path, count: int) -> Path:
    """Write a file of confirmed readers to import."""
    lines = (f"reader{number}@example.org,confirmed,2026-03-01" for number in range(count))
    path = home / "readers.csv"
    path.write_text("\n".join(["email,state,confirmed_at", *lines]), "utf-8")
    return path


def make_due(home: Path, readers: int, more: str = "") -> None:
    """Fill a home: readers, and an edition of this week that is approved and due since an hour; `more` settings."""
    (home / "verdicts.toml").write_text(SETTINGS + more + due_an_hour_ago(), "utf-8")
    (home / "feeds.toml").write_text("# Nothing to poll.\n", "utf-8")
    do(home, "init")
    do(home, "panel", "import", SAMPLES / "reviews")
    do(home, "subscribers", "import", write_readers(home, readers))
    do(home, "compose")
    do(home, "edition", "approve")


def do(home: Path, *words: str | Path) -> None:
    """Run a command that has to succeed."""
    ran = verdicts(*words, home=home)
    assert ran.status == 0, ran.err


def due_an_hour_ago() -> str:
    """Settings by which this week's edition is due since an hour, also where the week has just begun in UTC."""
    now = datetime.now(UTC)
    zone = "Pacific/Kiritimati" if now.weekday() == 0 else "UTC"
    due = now.astimezone(ZoneInfo(zone)) - timedelta(hours=1)
    composed = due - timedelta(minutes=1)
    crons = [f"{one.minute} {one.hour} * * {one.isoweekday() % 7}" for one in (composed, due)]
    return f'timezone = "{zone}"\ncompose_at = "{crons[0]}"\nsend_at = "{crons[1]}"\n'
