"""What a browser, a mail scanner and a mail program meet: pages that show, and only a POST that changes."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest

from digest.database import open_engine, upgrade, writing
from digest.model import Tally
from digest.tables import ToolAliasRow, ToolRow
from subscribers.links import reader_token
from subscribers.store import Subscribers
from tests.examples import NOW
from tests.pages.places import LATER, SECRET, WEEK, Place, addresses, furnish, serve, words

# Leaving


def test_opening_the_link_asks_and_pressing_the_button_leaves(place: Place) -> None:
    asked = place.client.get(f"/leave/{place.token}")
    assert asked.status_code == 200
    assert f'<form method="post" action="/leave/{place.token}">' in asked.text
    assert place.reader.state == "confirmed"

    left = place.client.post(f"/leave/{place.token}")
    assert "You have left" in words(left.text)
    assert place.reader.state == "unsubscribed"
    assert place.consents[1:] == [("left", "page")]
    assert "You have left" in words(place.client.get(f"/leave/{place.token}").text)


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_one_click_leaves_with_a_word_and_no_redirect(place: Place, form: str) -> None:
    """RFC 8058 allows both ways of writing the form."""
    fields: dict[str, Any] = {"data": {"List-Unsubscribe": "One-Click"}}
    if form == "multipart":
        fields = {"files": {"List-Unsubscribe": (None, "One-Click")}}
    for _ in range(2):
        answer = place.client.post(f"/leave/{place.token}", **fields)
        assert (answer.status_code, answer.text) == (200, "You have left.\n")
        assert answer.headers["content-type"].startswith("text/plain")
    assert place.consents[1:] == [("left", "one-click")]


def test_leaving_can_be_undone(place: Place) -> None:
    place.client.post(f"/leave/{place.token}")
    page = place.client.post(f"/return/{place.token}")

    assert page.status_code == 200
    assert place.reader.state == "confirmed"
    assert place.consents[1:] == [("left", "page"), ("came back", "page, undo")]


# Preferences


def test_a_reader_pauses_and_goes_on(place: Place) -> None:
    address = f"/preferences/{place.token}"
    paused = place.client.post(address, data={"pause": "4"})
    assert paused.status_code == 200
    assert "Saved. You are pausing until 15 December 2026." in words(paused.text)
    assert place.reader.paused_until == LATER + timedelta(weeks=4)
    assert "You are pausing until 15 December 2026." in words(place.client.get(address).text)

    again = place.client.post(address, data={"pause": "0"})
    assert "You get one email a week." in words(again.text)
    assert place.reader.paused_until is None


def test_each_pause_offered_is_taken(place: Place) -> None:
    address = f"/preferences/{place.token}"
    offered = re.findall(r'<option value="(\d+)">', place.client.get(address).text)
    assert offered == ["2", "4", "8", "12"]
    for weeks in offered:
        assert place.client.post(address, data={"pause": weeks}).status_code == 200
        assert place.reader.paused_until == LATER + timedelta(weeks=int(weeks))


@pytest.mark.parametrize(
    "form", [{"pause": "3"}, {"pause": "-2"}, {"pause": "x"}, {"pause": ""}, {}, {"pause": "9" * 400}]
)
def test_another_pause_is_refused_with_a_page(place: Place, form: dict[str, str]) -> None:
    page = place.client.post(f"/preferences/{place.token}", data=form)
    assert page.status_code == 422
    assert page.headers["content-type"].startswith("text/html")
    assert "Go to the latest edition" in words(page.text)
    assert place.reader.paused_until is None


def test_a_vote_is_asked_for_with_the_choice_preset_and_counted_by_the_button(place: Place) -> None:
    address = f"/vote/{place.token}/{WEEK}/plumbline/skip"
    asked = place.client.get(address)

    assert re.findall(r'value="(\w+)" checked', asked.text) == ["skip"]
    assert Subscribers(place.engine, b"").tallies({"plumbline"}) == {}

    counted = place.client.post(address, data={"choice": "skip"})

    assert "0 % so far (0 of 1 ship)" in words(counted.text)
    assert Subscribers(place.engine, b"").tallies({"plumbline"}) == {"plumbline": Tally(0, 1)}


def test_the_last_vote_counts(place: Place) -> None:
    address = f"/vote/{place.token}/{WEEK}/plumbline/skip"
    for choice in ("skip", "ship"):
        place.client.post(address, data={"choice": choice})

    assert Subscribers(place.engine, b"").tallies({"plumbline"}) == {"plumbline": Tally(1, 1)}


@pytest.mark.parametrize(
    ("week", "slug", "call", "choice", "status"),
    [
        (WEEK, "plumbline", "ship", "perhaps", 422),
        (WEEK, "plumbline", "maybe", "ship", 404),
        (WEEK, "no-such-tool", "ship", "ship", 404),
        ("2026-W01", "plumbline", "ship", "ship", 404),
    ],
)
def test_a_vote_for_what_was_not_compared_is_refused_and_not_counted(
    place: Place, week: str, slug: str, call: str, choice: str, status: int
) -> None:
    answer = place.client.post(f"/vote/{place.token}/{week}/{slug}/{call}", data={"choice": choice})

    assert answer.status_code == status
    assert Subscribers(place.engine, b"").tallies({slug}) == {}


def test_a_vote_goes_to_the_tool_under_its_present_name(place: Place) -> None:
    with writing(place.engine) as session:
        session.add(ToolRow(slug="plumbline-2", name="Plumbline 2", category="Other", added_at=NOW))
        session.flush()
        session.add(ToolAliasRow(slug="plumbline", tool_slug="plumbline-2"))
        session.delete(session.get_one(ToolRow, "plumbline"))

    place.client.post(f"/vote/{place.token}/{WEEK}/plumbline/ship", data={"choice": "ship"})

    assert Subscribers(place.engine, b"").tallies({"plumbline-2"}) == {"plumbline-2": Tally(1, 1)}


def test_who_has_left_is_offered_the_way_back_instead(place: Place) -> None:
    place.client.post(f"/leave/{place.token}")
    page = place.client.get(f"/preferences/{place.token}").text
    assert f'action="/return/{place.token}"' in page
    assert "<select" not in page


# What holds for every page


@pytest.mark.parametrize("room", ["leave", "preferences", "return"])
def test_a_wrong_token_is_a_page_and_changes_nothing(place: Place, room: str) -> None:
    before = place.rows()
    for token in (place.token[:-1], place.token + "x", "x", "%00", "%ED%A0%80", "é", reader_token(b"old", "0" * 16)):
        for answer in (
            place.client.get(f"/{room}/{token}"),
            place.client.post(f"/{room}/{token}", data={"pause": "4", "List-Unsubscribe": "One-Click"}),
        ):
            assert answer.status_code in ({404, 405} if room == "return" else {404})
            assert answer.headers["content-type"].startswith("text/html")
    assert place.rows() == before


def test_a_mail_program_is_told_that_leaving_worked_also_for_who_is_erased(place: Place) -> None:
    erased = reader_token(SECRET, "0" * 16)
    before = place.rows()
    assert place.client.post(f"/leave/{erased}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    for answer in (place.client.get(f"/leave/{erased}"), place.client.post(f"/leave/{erased}")):
        assert answer.status_code == 404
        assert "erased" in words(answer.text)
    assert place.rows() == before


@pytest.mark.only_looks
def test_no_get_and_no_head_changes_anything(place: Place) -> None:
    """Mail scanners open every link of a letter."""
    before = place.rows()
    found = addresses(place)
    assert f"/leave/{place.token}" in found
    for address in found:
        for method in ("GET", "HEAD"):
            assert place.client.request(method, address).status_code == 200, address
        place.client.get(f"{address}?List-Unsubscribe=One-Click&pause=4")
    assert place.rows() == before


def test_every_answer_is_hardened(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    token = place.token
    answers = [place.client.get(address) for address in addresses(place)]
    answers += [
        place.client.get("/nothing"), place.client.delete("/"), place.client.get("/compare/lantern-vs-plumbline"),
        place.client.post(f"/preferences/{token}", data={"pause": "x"}), place.client.get("/editions/"),
        place.client.post(f"/leave/{token}", data={"List-Unsubscribe": "One-Click"}), place.client.get("/%00"),
    ]  # fmt: skip
    place.engine.dispose()
    monkeypatch.setattr(place.engine, "connect", None)  # as broken as a database can be
    answers.append(place.client.get("/editions"))

    assert {one.status_code for one in answers} == {200, 302, 307, 404, 405, 422, 500}
    for one in answers:
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["x-frame-options"] == "DENY"
        assert one.headers["referrer-policy"] == "same-origin"
        policy = one.headers["content-security-policy"]
        assert policy.startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy


@pytest.mark.only_looks
def test_a_page_used_the_wrong_way_says_which_ways_there_are(place: Place) -> None:
    page = place.client.delete(f"/leave/{place.token}")
    assert page.status_code == 405
    assert page.headers["allow"]
    assert "This page cannot be used that way." in words(page.text)


@pytest.mark.only_looks
def test_pages_with_a_readers_own_links_are_not_kept_or_listed(place: Place) -> None:
    for address in (f"/leave/{place.token}", f"/preferences/{place.token}"):
        page = place.client.get(address)
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
    assert "cache-control" not in place.client.get("/").headers


def test_no_token_reaches_a_log(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the browser of this test
    for room in ("leave", "preferences", "return"):
        place.client.get(f"/{room}/{place.token}")
        place.client.post(f"/{room}/{place.token}", data={"pause": "x"})
        place.client.get(f"/{room}/{place.token}-altered")
    monkeypatch.setattr(place.engine, "connect", None)
    place.client.get(f"/leave/{place.token}")

    assert place.token not in caplog.text
    assert "ada@example.org" not in caplog.text


def test_postgresql_serves_the_same_pages(request: pytest.FixtureRequest) -> None:
    """It refuses characters that SQLite takes."""
    engine = open_engine(request.getfixturevalue("new_postgres")())
    upgrade(engine)
    furnish(engine)
    place = serve(engine)
    assert [place.client.get(address).status_code for address in addresses(place)] == [200] * len(addresses(place))
    for address in ("/editions/a%00b", "/compare/a%00-vs-b", "/leave/%00", "/editions/%ED%A0%80"):
        assert place.client.get(address).status_code == 404
    assert place.client.post(f"/leave/{place.token}").status_code == 200
    assert place.reader.state == "unsubscribed"
    engine.dispose()


@pytest.mark.only_looks
def test_the_openapi_document_names_each_operation_once_and_in_the_same_order(place: Place) -> None:
    paths = place.client.get("/openapi.json").json()["paths"]
    named = [(method, path, one["operationId"]) for path, methods in paths.items() for method, one in methods.items()]
    assert len({name for *_, name in named}) == len(named) > 40
    assert [method for method, path, _ in named if path == "/confirm/{token}"] == ["get", "head", "post"]
