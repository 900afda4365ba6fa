"""What Prometheus is told: true figures, of nobody, under the names that dashboard and alerts ask for."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from sqlalchemy import text
from sqlmodel import Session

from digest.database import writing
from digest.errors import SettingsError
from flows.serving import _figures as served_apart
from pages.app import create_app
from sources.tables import FeedMemory
from subscribers.tables import EventPostRow, SuppressionRow
from tests.pages.places import LATER, WEEK, Place

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it recommends another http client
    from starlette.testclient import TestClient

DEPLOY = Path(__file__).parents[2] / "deploy"

#: Of what is asked that is not ours: the scraper says it.
_SCRAPERS = {"up"}


def samples(told: str) -> dict[tuple[str, str], float]:
    """Every figure by its name and its labels."""
    return {
        (one.name, " ".join(f"{value}" for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(told)
        for one in family.samples
    }


def fed(place: Place, names: list[str]) -> TestClient:
    """The pages, where these feeds are watched."""
    return TestClient(create_app(replace(place.app.state.rooms, watched=lambda: names)), client=("127.0.0.1", 5))


def memory(name: str, **fared: Any) -> FeedMemory:
    known = {"name": name, "url": f"https://{name}.example.org/", "first_polled_at": LATER, "last_try_at": LATER}
    return FeedMemory.model_validate(known | fared)


def test_feeds_are_counted_by_how_they_do_and_those_watched_no_more_are_not(place: Place) -> None:
    with writing(place.engine) as session:
        session.add(memory("fine", last_success_at=LATER - timedelta(hours=1)))
        session.add(memory("bad", error_streak=3))
        session.add(memory("gone", error_streak=1, retired_at=LATER))
        session.add(memory("dropped", error_streak=1))
    found = samples(fed(place, ["fine", "bad", "gone", "new"]).get("/metrics").text)
    feeds = {label: value for (name, label), value in found.items() if name == "verdicts_feeds"}
    assert feeds == {"good": 1, "failing": 1, "gone": 1, "never asked": 1}
    assert found["verdicts_last_timestamp_seconds", "gather"] == LATER.timestamp()
    assert found["verdicts_last_timestamp_seconds", "feed read"] == LATER.timestamp() - 3600


def test_what_goes_out_and_what_waits_is_counted(place: Place) -> None:
    with writing(place.engine) as session:
        _send(session)
        session.add(SuppressionRow(address_hash="a", why="complaint", at=LATER))
        waits = LATER - timedelta(minutes=10)
        session.add(EventPostRow(sender="sendgrid", received_at=waits, body=b"[]"))
    found = samples(place.client.get("/metrics").text)
    states = {label: value for (name, label), value in found.items() if name == "verdicts_newest_deliveries"}
    assert (states["accepted"], states["unknown"], states["waiting"]) == (30, 10, 20)
    assert found["verdicts_unknown_deliveries", ""] == 10
    assert found["verdicts_send_rate", ""] == 1.0
    assert found["verdicts_suppressions", "complaint"] == 1
    assert (found["verdicts_event_posts_waiting", ""], found["verdicts_oldest_event_post_seconds", ""]) == (1, 600)


def _send(session: Session) -> None:
    """Let a half of an edition have gone out within half a minute."""
    batch = (
        "INSERT INTO batches (week, number, state, size, planned_at, due_at, claimed_at, settled_at, attempts, account,"
    )
    batch += (
        " claimed_by, message_id, reason) VALUES (:week, :n, :state, :size, :at, :at, :from, :at, 1, '', '', '', '')"
    )
    begun = (LATER - timedelta(seconds=30)).replace(tzinfo=None)
    for number, (state, size) in enumerate((("accepted", 30), ("unknown", 10), ("planned", 20))):
        at = {"at": (LATER - timedelta(seconds=1)).replace(tzinfo=None).isoformat(" "), "from": begun.isoformat(" ")}
        session.connection().execute(text(batch), {"week": WEEK, "n": number, "state": state, "size": size, **at})


def test_every_name_that_dashboard_and_alerts_ask_for_is_told(place: Place) -> None:
    place.client.get("/")
    page = place.client.get("/metrics").text
    told = {name for name, _ in samples(page)} | set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
    asked = {name for query in _queries() for name in re.findall(r"\b(verdicts_\w+|up)\b", query)}
    assert len(asked) > 12
    assert asked - told - _SCRAPERS == set()


def _queries() -> Iterator[str]:
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    rules = YAML(typ="safe").load((DEPLOY / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def test_each_label_value_a_query_names_is_one_there_is() -> None:
    steps = {value for query in _queries() for value in re.findall(r'step="([^"]+)"', query)}
    assert steps == {"gather", "send", "compose", "feed read"}


def test_panels_of_the_dashboard_lie_beside_each_other() -> None:
    board = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    cells = [
        (x, y)
        for place in (one["gridPos"] for one in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_figures_have_a_port_of_their_own_where_settings_say_so(place: Place, free_port: int) -> None:
    app = create_app(replace(place.app.state.rooms, figures_apart=True))
    assert TestClient(app, client=("127.0.0.1", 5)).get("/metrics").status_code == 404
    with served_apart(app, free_port):
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=5) as answer:
            assert samples(answer.read().decode())["verdicts_database_up", ""] == 1
        with (
            pytest.raises(SettingsError, match=f"metrics_port {free_port} cannot be used"),
            served_apart(app, free_port),
        ):
            pass
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=5)
