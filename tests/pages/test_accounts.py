"""What needs a fresh link: another address, one's own data, being erased."""

from __future__ import annotations

import json

from sqlmodel import Session, col, select

from subscribers.addressing import fold
from subscribers.tables import NoticeRow, SubscriberRow, SuppressionRow, VoteRow
from tests.pages.places import Place, words


def letters(place: Place) -> list[tuple[str, str]]:
    with Session(place.engine) as session:
        return [(one.kind, one.email) for one in session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))]


def test_the_preferences_page_mails_a_link_and_tells_no_address(place: Place) -> None:
    page = place.client.get(f"/preferences/{place.token}")
    assert "ada@example.org" not in page.text
    done = place.client.post(f"/preferences/{place.token}/link")
    assert "is on its way" in words(done.text)
    assert letters(place) == [("link", "")]


def test_the_account_shows_the_address_and_three_things_to_do(place: Place) -> None:
    page = place.client.get(f"/account/{place.passing('account')}")
    assert page.status_code == 200
    assert "ada@example.org" in page.text
    assert page.text.count("<form") == 3
    assert page.headers["cache-control"] == "no-store"


def test_a_link_is_for_one_hour_one_purpose_one_reader_and_one_address(place: Place) -> None:
    good = place.passing("account")
    for token in (
        place.token, place.passing("confirm"), place.passing("account", subscriber_id="0" * 16), good[:-1], good + "A",
        place.passing("account", bound="other@example.org"), "x", "%00",
    ):  # fmt: skip
        for method, path in (("GET", ""), ("POST", "/export"), ("POST", "/erase"), ("POST", "/address")):
            assert place.client.request(method, f"/account/{token}{path}").status_code == 404
    late = place.client.post(f"/account/{place.passing('account', hours=-0.1)}/erase", data={"sure": "yes"})
    assert late.status_code == 410
    assert "worked for one hour" in words(late.text)
    assert place.reader.state == "confirmed"


def test_a_reader_downloads_everything_that_is_kept(place: Place) -> None:
    place.client.post(f"/vote/{place.token}/2026-W47/plumbline/ship", data={"choice": "ship"})
    answer = place.client.post(f"/account/{place.passing('account')}/export")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    story = json.loads(answer.text)
    assert story["subscriber"]["email"] == "ada@example.org"
    assert story["votes"][0]["tool"] == "plumbline"


def test_moving_is_asked_here_and_confirmed_there(place: Place) -> None:
    link = place.passing("account")
    page = place.client.post(f"/account/{link}/address", data={"email": "ada@example.net"})
    assert "one is on its way" in words(page.text)
    assert letters(place) == [("move", "ada@example.net")]
    assert place.reader.email == "ada@example.org"

    there = place.passing("move", bound=fold("ada@example.net"))
    assert "your new address" in words(place.client.get(f"/move/{there}").text)
    assert place.reader.email == "ada@example.org"
    assert "is changed" in words(place.client.post(f"/move/{there}").text)
    assert place.reader.email == "ada@example.net"
    for old in (
        f"/move/{there}",
        f"/account/{link}",
    ):  # what the one is for is done, and the other was mailed elsewhere
        assert place.client.get(old).status_code == 404


def test_only_the_newest_address_asked_for_can_be_confirmed(place: Place) -> None:
    link = place.passing("account")
    for email in ("one@example.net", "two@example.net"):
        place.client.post(f"/account/{link}/address", data={"email": email})
    assert place.client.post(f"/move/{place.passing('move', bound='one@example.net')}").status_code == 404
    assert place.client.post(f"/move/{place.passing('move', bound='two@example.net')}").status_code == 200


def test_a_new_address_that_is_none_says_why_and_keeps_what_was_typed(place: Place) -> None:
    page = place.client.post(f"/account/{place.passing('account')}/address", data={"email": 'ada"<b>'})
    assert page.status_code == 422
    assert "cannot be taken" in words(page.text)
    assert "<b>" not in page.text.replace("<b>ada@", "").replace("<b>That", "")
    assert 'aria-invalid="true"' in page.text


def test_erasing_needs_the_tick_and_then_leaves_nothing(place: Place) -> None:
    place.client.post(f"/vote/{place.token}/2026-W47/plumbline/ship", data={"choice": "ship"})
    link = place.passing("account")
    unsure = place.client.post(f"/account/{link}/erase")
    assert unsure.status_code == 422
    assert "Nothing was erased" in words(unsure.text)
    assert place.reader.state == "confirmed"

    done = place.client.post(f"/account/{link}/erase", data={"sure": "yes"})
    assert "You are erased" in words(done.text)
    with Session(place.engine) as session:
        assert session.exec(select(SubscriberRow)).all() == []
        assert session.exec(select(VoteRow)).all() == []
        assert session.exec(select(SuppressionRow.why)).all() == ["erasure"]
    for dead in (f"/account/{link}", f"/preferences/{place.token}", f"/leave/{place.token}"):
        assert place.client.get(dead).status_code == 404


def test_links_of_one_who_is_erased_say_so(place: Place) -> None:
    """Old emails are still there, and a link from one of them is whole."""
    place.client.post(f"/account/{place.passing('account')}/erase", data={"sure": "yes"})
    for path in (
        f"/preferences/{place.token}",
        f"/leave/{place.token}",
        f"/vote/{place.token}/2026-W47/plumbline/ship",
    ):
        page = place.client.get(path)
        assert page.status_code == 404
        assert "or its reader is erased" in words(page.text)
