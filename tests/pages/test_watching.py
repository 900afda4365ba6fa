"""Whether the pages work can be asked, and what is told of it betrays nobody."""

from __future__ import annotations

import time
import warnings
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from digest.database import writing
from digest.errors import DatabaseError
from digest.model import Tally
from subscribers.notices import queue
from subscribers.store import Subscribers
from tests.examples import edition
from tests.pages.places import LATER, Place

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it recommends another http client
    from starlette.testclient import TestClient


def figures(place: Place) -> dict[tuple[str, str], float]:
    """Every figure by its name and its labels."""
    families = text_string_to_metric_families(place.client.get("/metrics").text)
    return {
        (one.name, " ".join(f"{value}" for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_requests_are_counted_by_route_method_and_status(place: Place) -> None:
    for address in ("/tools/plumbline", "/tools/lantern", "/tools/nobody", f"/leave/{place.token}", "/nothing/at/all"):
        place.client.get(address)
    place.client.request("BREW", "/tools/plumbline")
    found = figures(place)

    assert found["verdicts_request_seconds_count", "GET /tools/{slug} 200"] == 2
    assert found["verdicts_request_seconds_count", "GET /tools/{slug} 404"] == 1
    assert found["verdicts_request_seconds_count", "GET /leave/{token} 200"] == 1
    assert found["verdicts_request_seconds_count", "GET none 404"] == 1
    assert [name for name in found if name[1].startswith("other ")]


def test_no_address_of_a_page_or_a_person_is_in_the_figures(place: Place) -> None:
    for room in ("leave", "preferences"):
        place.client.get(f"/{room}/{place.token}")
        place.client.post(f"/{room}/{place.token}", data={"pause": "4"})
    place.client.get(f"/{place.token}")
    told = place.client.get("/metrics").text
    for secret in (place.token, place.token[:16], "ada@example.org", "plumbline"):
        assert secret not in told


def test_the_database_counts_editions_readers_and_waiting_letters(place: Place) -> None:
    with writing(place.engine) as session:
        queue(session, "welcome", LATER - timedelta(minutes=5), subscriber_id="x")
    found = figures(place)

    assert found["verdicts_database_up", ""] == 1
    assert found["verdicts_editions", "approved"] == 1
    assert found["verdicts_subscribers", "confirmed"] == 1
    assert found["verdicts_notices", "queued"] == 1
    assert found["verdicts_oldest_notice_seconds", ""] == 300


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 200),
        ("::1", {}, 200),
        ("8.8.8.8", {}, 404),
        ("2001:4860:4860::8888", {}, 404),
        ("unix", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
    ],
)
def test_figures_are_for_direct_neighbours_only(
    place: Place, client: str, headers: dict[str, str], status: int
) -> None:
    answer = TestClient(place.app, client=(client, 50000)).get("/metrics", headers=headers)
    assert answer.status_code == status


def test_ready_means_that_the_database_answers_and_is_of_this_version(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (place.client.get("/readyz").status_code, place.client.get("/readyz").text) == (200, "ready\n")
    with place.engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        connection.commit()
    old = place.client.get("/readyz")
    assert (old.status_code, old.text) == (503, "the database has tables of another version\n")
    with place.engine.connect() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(text("DROP TABLE votes"))
        connection.commit()
    gone = place.client.get("/readyz")
    assert gone.status_code == 503
    assert str(place.engine.url.database) not in gone.text
    assert place.client.get("/healthz").status_code == 200


def test_figures_say_so_when_the_database_does_not_answer(place: Place) -> None:
    with place.engine.connect() as connection:
        connection.execute(text("DROP TABLE notices"))
        connection.commit()
    found = figures(place)
    assert found["verdicts_database_up", ""] == 0
    assert not [name for name, _ in found if name == "verdicts_subscribers"]


def test_an_error_of_ours_is_counted_and_shown_as_a_page(place: Place) -> None:
    with place.engine.connect() as connection:
        connection.execute(text("UPDATE tools SET tags = '5'"))
        connection.commit()
    page = place.client.get("/")
    assert page.status_code == 500
    assert "Something went wrong here." in page.text
    assert 'role="search"' in page.text
    assert figures(place)["verdicts_request_seconds_count", "GET / 500"] == 1


PUBLIC = (
    "/", "/compare/plumbline-vs-lantern", "/tools/plumbline", "/feed.xml", "/sitemap.xml", "/editions", "/search?q=a",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_database_that_never_answered_is_no_error_of_ours(place: Place, address: str) -> None:
    with place.engine.connect() as connection:
        connection.execute(text("DROP TABLE tool_aliases"))
        connection.commit()
    page = place.client.get(address)
    assert page.status_code == 503
    assert page.headers["retry-after"] == "60"
    assert "tool_aliases" not in page.text


@pytest.mark.parametrize("table", ["tool_aliases", "tools"])
def test_pages_stay_while_the_database_does_not_answer_and_follow_it_again(
    place: Place, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    before = [place.client.get(address).status_code for address in PUBLIC]
    with place.engine.connect() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO away"))
        connection.commit()
    deadline, more = time.monotonic() + 20, 3
    while more and time.monotonic() < deadline:  # the slower counting was, the later it is due again
        assert [place.client.get(address).status_code for address in PUBLIC] == before
        more -= bool(caplog.records)
    assert [one.getMessage().partition(":")[0] for one in caplog.records] == ["pages show what was read before"]

    with place.engine.connect() as connection:
        connection.execute(text(f"ALTER TABLE away RENAME TO {table}"))
        connection.commit()
    place.publish(edition(week="2026-W48", subject="After the night", matchups=1))
    while "After the night" not in place.client.get("/").text:  # one that is slow to fail is asked less often
        assert time.monotonic() < deadline, "the pages do not follow it again"


def test_pages_stay_while_votes_cannot_be_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place.client.get("/tools/plumbline").status_code

    def unanswered(self: Subscribers, tools: object) -> dict[str, Tally]:
        raise DatabaseError("the database is locked")

    monkeypatch.setattr(Subscribers, "tallies", unanswered)
    for _ in range(2):
        assert place.client.get("/tools/plumbline").status_code == before == 200
