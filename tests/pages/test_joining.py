"""Signing up, confirming and finding the way out, as a browser and a robot meet them."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from digest.database import writing
from pages.consent import WORDING_VERSION, wording
from pages.joining import LONGEST_S, QUICKEST_S
from subscribers.links import form_stamp
from subscribers.tables import ConsentRow, NoticeRow, SubscriberRow
from tests.pages.places import LATER, SECRET, Place, words

BOB = "bob@example.net"

PATIENT = LATER - timedelta(seconds=5)


def fill(
    place: Place, email: str, *, form: str = "subscribe", shown: datetime = PATIENT, website: str = "", **others: str
) -> tuple[int, str]:
    """Send a form that was shown some time ago; gives status and what the page says."""
    stamp = others.pop("stamp", form_stamp(SECRET, shown, WORDING_VERSION))
    page = place.client.post(f"/{form}", data={"email": email, "website": website, "stamp": stamp} | others)
    return page.status_code, words(page.text)


def letters(place: Place) -> list[str]:
    with Session(place.engine) as session:
        rows = session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        return [" ".join(filter(None, (one.kind, one.data.get("for", "")))) for one in rows]


def subscriber(place: Place, email: str) -> SubscriberRow | None:
    with Session(place.engine) as session:
        return session.exec(select(SubscriberRow).where(SubscriberRow.email == email)).first()


def sign_up(place: Place) -> str:
    """Let Bob sign up; gives his id."""
    fill(place, BOB)
    bob = subscriber(place, BOB)
    assert bob is not None
    return bob.id


# The form


def test_the_form_has_one_field_to_fill_and_says_what_one_agrees_to(place: Place) -> None:
    page = place.client.get("/subscribe").text
    seen = re.findall(r"<input(?![^>]*(?:hidden|tabindex=\"-1\"))[^>]*>", page)
    assert len(seen) == 1
    assert 'type="email"' in seen[0]
    assert wording("AI Tool Verdicts") in words(page)


def test_signing_up_is_answered_and_kept_with_its_proof(place: Place) -> None:
    status, said = fill(place, BOB)

    assert status == 200
    assert "Look into your inbox" in said
    bob = subscriber(place, BOB)
    assert bob is not None
    assert bob.state == "unconfirmed"
    assert letters(place) == ["confirm"]
    with Session(place.engine) as session:
        proof = session.exec(select(ConsentRow).where(ConsentRow.subscriber_id == bob.id)).one()
    assert (proof.what, proof.source, proof.at) == ("asked", "sign-up form", LATER)
    assert (proof.wording, proof.wording_version) == (wording("AI Tool Verdicts"), WORDING_VERSION)


def test_everybody_gets_the_same_answer(place: Place) -> None:
    """Nobody learns from it who subscribes, nor what is suppressed or no address."""
    answers = {fill(place, email) for email in (BOB, BOB, "ada@example.org", "no address", "", "x@mailinator.com")}
    assert len(answers) == 1
    assert {fill(place, email, form="leave") for email in ("ada@example.org", "eve@example.net", "no address")} == {
        (200, fill(place, "x", form="leave")[1])
    }


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (LATER, "too quick for us"),
        (LATER - timedelta(seconds=QUICKEST_S / 2), "too quick for us"),
        (LATER - timedelta(seconds=LONGEST_S + 60), "open for long"),
    ],
)
def test_a_form_sent_too_soon_or_too_late_is_shown_once_more_with_the_address(
    place: Place, shown: datetime, said: str
) -> None:
    status, text = fill(place, BOB, shown=shown)
    assert (status, said in text) == (200, True)
    assert subscriber(place, BOB) is None

    page = place.client.post("/subscribe", data={"email": BOB, "stamp": form_stamp(SECRET, shown, WORDING_VERSION)})
    assert f'value="{BOB}"' in page.text


@pytest.mark.parametrize(
    "stamp",
    ["", "x", form_stamp(b"another key", PATIENT, WORDING_VERSION), form_stamp(SECRET, PATIENT, "an older one")],
)
def test_a_form_that_is_not_ours_as_it_is_now_is_shown_once_more(place: Place, stamp: str) -> None:
    assert "once more" in fill(place, BOB, stamp=stamp)[1]
    assert subscriber(place, BOB) is None


def test_who_fills_the_trap_is_answered_like_everybody_and_nothing_is_kept(place: Place) -> None:
    trapped = fill(place, BOB, website="https://spam.example")
    assert subscriber(place, BOB) is None
    assert trapped == fill(place, BOB)


def test_a_network_that_sends_too_many_forms_is_asked_to_wait(place: Place) -> None:
    found = [fill(place, f"reader{n}@example.net")[0] for n in range(32)]
    assert found == [200] * 30 + [429] * 2


def test_an_address_with_markup_is_shown_as_text(place: Place) -> None:
    hostile = '"><script>alert(1)</script>@example.org'
    page = place.client.post("/subscribe", data={"email": hostile, "stamp": ""})
    assert "<script>" not in page.text


def test_the_same_sign_up_fifty_times_at_once_is_one(place: Place) -> None:
    """Fewer would be enough for the limit of the network, which is not what is tried here."""
    place.app.state.rooms.joining._per_network = 1000
    answers: list[tuple[int, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(fill(place, BOB))) for _ in range(50)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(answers) == 50
    assert len(set(answers)) == 1
    assert letters(place) == ["confirm"]
    with Session(place.engine) as session:
        assert len(session.exec(select(SubscriberRow).where(SubscriberRow.email == BOB)).all()) == 1
        assert len(session.exec(select(ConsentRow).where(ConsentRow.what == "asked")).all()) == 1


# Confirming


@pytest.fixture
def bob(place: Place) -> str:
    """The token of Bob's link to confirm."""
    return place.passing("confirm", hours=24 * 7, subscriber_id=sign_up(place))


def test_a_link_shows_a_button_and_the_button_confirms(place: Place, bob: str) -> None:
    page = place.client.get(f"/confirm/{bob}")
    assert page.status_code == 200
    assert page.text.count("<button") == 1
    assert subscriber(place, BOB).state == "unconfirmed"  # type: ignore[union-attr]

    done = place.client.post(f"/confirm/{bob}")
    assert "You are subscribed" in words(done.text)
    assert subscriber(place, BOB).state == "confirmed"  # type: ignore[union-attr]
    assert letters(place) == ["confirm", "welcome"]


def test_pressing_it_again_or_opening_the_link_again_changes_nothing(place: Place, bob: str) -> None:
    place.client.post(f"/confirm/{bob}")
    before = place.rows()
    assert "You are subscribed" in words(place.client.post(f"/confirm/{bob}").text)
    page = place.client.get(f"/confirm/{bob}")
    assert "nothing more to do" in words(page.text)
    assert "<button" not in page.text
    assert place.rows() == before


def test_after_seven_days_a_link_leads_to_a_new_sign_up(place: Place) -> None:
    old = place.passing("confirm", hours=-1, subscriber_id=sign_up(place))
    for page in (place.client.get(f"/confirm/{old}"), place.client.post(f"/confirm/{old}")):
        assert page.status_code == 200
        assert "no longer works" in words(page.text)
        assert 'href="/subscribe"' in page.text
    assert subscriber(place, BOB).state == "unconfirmed"  # type: ignore[union-attr]


def test_a_link_from_before_leaving_does_not_bring_anybody_back(place: Place, bob: str) -> None:
    place.client.post(f"/confirm/{bob}")
    place.app.state.rooms.subscribers.leave(subscriber(place, BOB).id, LATER, source="page")  # type: ignore[union-attr]
    for page in (place.client.get(f"/confirm/{bob}"), place.client.post(f"/confirm/{bob}")):
        assert "no longer works" in words(page.text)
    assert subscriber(place, BOB).state == "unsubscribed"  # type: ignore[union-attr]


def test_links_that_are_not_for_this_do_not_confirm(place: Place, bob: str) -> None:
    for token in (bob[:-1], f"{bob}A", place.token, place.passing("account"), "x", "0" * 46, "%00", "é"):
        assert place.client.get(f"/confirm/{token}").status_code == 404
        assert place.client.post(f"/confirm/{token}").status_code == 404
    assert subscriber(place, BOB).state == "unconfirmed"  # type: ignore[union-attr]


# Leaving by address


def test_who_lost_the_mail_asks_for_the_link_by_address(place: Place) -> None:
    assert "Lost the email" in words(place.client.get("/leave").text)
    status, said = fill(place, "ada@example.org", form="leave")
    assert (status, "on its way" in said) == (200, True)
    assert letters(place) == ["link leave"]
    assert place.reader.state == "confirmed"


def test_a_database_that_is_busy_is_said_and_loses_nothing_silently(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.database.BUSY_TIMEOUT_S", 1)
    with writing(place.engine) as session:
        session.connection().exec_driver_sql("DROP TABLE limits")
    status, said = fill(place, BOB)
    assert status == 503
    assert "try again in a minute" in said.lower()


def test_the_title_of_a_page_tells_how_things_stand(place: Place) -> None:
    """It is what a screen reader says first, and what stands on the tab."""

    def title(path: str, *, send: bool = False) -> str:
        page = place.client.post(path) if send else place.client.get(path)
        found = re.search("<title>(.*?) – AI Tool Verdicts</title>", page.text)
        assert found is not None
        return found[1]

    bob = sign_up(place)
    confirm, leave = f"/confirm/{place.passing('confirm', subscriber_id=bob)}", f"/leave/{place.token}"
    assert title(confirm) == "Confirm your subscription"
    assert title(confirm, send=True) == title(confirm) == "You are subscribed"
    assert (title(leave), title(leave, send=True), title(leave)) == ("Leave", "You have left", "You have left")
    assert title(f"/confirm/{place.passing('confirm')}") == "This link no longer works"
