"""Look whether Prefect has every schedule, once: two of one kind would do everything twice."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from digest.settings import Settings
from pages.desk.steps import Check

#: How long an answer may take, in seconds.
_PATIENCE_S = 6.0

#: Where `verdicts serve` writes the address of the Prefect it started, in the home folder.
ADDRESS = Path("prefect") / "api-url"

#: The flows that settings have a time for.
_TIMED = {"gather": "gather_at", "compose": "compose_at", "send": "send_at"}

#: One active schedule: cron and zone, "" where it is none of cron.
_Planned = tuple[str, str]


def scheduled(settings: Settings, environment: Mapping[str, str]) -> Iterator[Check]:
    """Ask the Prefect that is set, else the one that `verdicts serve` started, for its schedules."""
    told = environment.get("PREFECT_API_URL", "")
    address = told or _written(settings.home)
    not_running = "`verdicts serve` does not run here: nothing is done by the clock."
    if not address:
        yield Check("Prefect", "warning", not_running, "Start it, or let cron call `verdicts run` each hour.")
        return
    try:
        planned = _planned(address.rstrip("/"), environment, settings.home)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if told:
            said = f"Prefect at PREFECT_API_URL gives no list of deployments ({type(error).__name__})."
            yield Check(
                "Prefect", "wrong", said, "Is it there, of version 3, and are PREFECT_API_KEY or …_AUTH_STRING right?"
            )
        else:
            yield Check("Prefect", "warning", not_running, "Start it, or let cron call `verdicts run` each hour.")
        return
    found = [*_faults(settings, planned)]
    yield from found or [Check("Prefect", "good", f"It keeps {len(planned)} schedules, each once.")]


def _written(home: Path) -> str:
    path = home / ADDRESS
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _faults(settings: Settings, planned: Mapping[str, Sequence[_Planned]]) -> Iterator[Check]:
    for flow, setting in _TIMED.items():
        if not planned.get(flow):
            said = f"No schedule is active for {flow}: it is done by nobody."
            yield Check(
                "Prefect", "wrong", said, "Restart `verdicts serve`, or deploy once more; look for paused schedules."
            )
        elif (wanted := (getattr(settings, setting), settings.timezone)) not in planned[flow]:
            theirs = " and ".join(" ".join(one) for one in planned[flow])
            said = f"{flow} is planned at {theirs}; settings say {' '.join(wanted)}."
            yield Check("Prefect", "wrong", said, "Restart `verdicts serve`, or deploy once more.")
    for flow, times in planned.items():
        if len(times) > 1:
            said = f"{flow} has {len(times)} active schedules: Prefect starts it as often."
            fix = "`prefect deployment schedule ls`, and delete all but one; an edition is still made and sent once."
            yield Check("Prefect", "wrong", said, fix)


def _planned(address: str, environment: Mapping[str, str], home: Path) -> dict[str, list[_Planned]]:
    """Give the active schedules of our deployments, by flow."""
    ours: list[dict[str, Any]] = []
    while page := _asked(f"{address}/deployments/filter", {"offset": len(ours), "limit": 200}, environment):
        ours += page
    ours = [one for one in ours if "verdicts" in one["tags"] and one["parameters"].get("home", f"{home}") == f"{home}"]
    flows = {"flows": {"id": {"any_": sorted({one["flow_id"] for one in ours})}}, "limit": 200}
    names = {one["id"]: one["name"] for one in _asked(f"{address}/flows/filter", flows, environment)} if ours else {}
    found: defaultdict[str, list[_Planned]] = defaultdict(list)
    for one in ours:
        active = [] if one.get("paused") else [each["schedule"] for each in one["schedules"] if each["active"]]
        found[names[one["flow_id"]]] += [(each.get("cron", ""), each.get("timezone") or "UTC") for each in active]
    return {flow: times for flow, times in sorted(found.items()) if times}


def _asked(url: str, body: Mapping[str, object], environment: Mapping[str, str]) -> list[dict[str, Any]]:
    headers = {"Content-Type": "application/json"}
    if key := environment.get("PREFECT_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    elif login := environment.get("PREFECT_API_AUTH_STRING"):
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - an operator's own address
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
        found: list[dict[str, Any]] = json.load(answer)
        return found
