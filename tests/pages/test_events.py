"""Only what the mail provider signed, and lately, is kept; it is answered at once."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import Session, select

from digest.errors import SettingsError
from pages.events import NEWEST, OLDEST, Signatures
from pages.shielding import MOST_EVENT_BYTES
from subscribers.tables import EventPostRow
from tests.pages.places import LATER, Place, serve

KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

BODY = b'[{"event":"delivered"},\r\n {"event":"\xff"}]'


def shown(key: ec.EllipticCurvePrivateKey) -> str:
    """A public key as SendGrid shows it."""
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(
    body: bytes = BODY, ago: timedelta = timedelta(), key: ec.EllipticCurvePrivateKey = KEY, timestamp: str = ""
) -> dict[str, str]:
    timestamp = timestamp or str(int((LATER - ago).timestamp()))
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


@pytest.fixture
def told(place: Place) -> Place:
    """The same pages, which know the provider's key."""
    return serve(place.engine, shown(KEY))


def post(place: Place, headers: dict[str, str], body: bytes = BODY) -> int:
    return int(place.client.post("/events/sendgrid", content=body, headers=headers).status_code)


def kept(place: Place) -> list[bytes]:
    with Session(place.engine) as session:
        return list(session.exec(select(EventPostRow.body)))


def test_a_signed_post_is_kept_byte_for_byte(told: Place) -> None:
    answer = told.client.post("/events/sendgrid", content=BODY, headers=signed())

    assert (answer.status_code, answer.content) == (204, b"")
    assert kept(told) == [BODY]


@pytest.mark.parametrize("ago", [timedelta(), timedelta(hours=24, minutes=30), OLDEST, -NEWEST])
def test_a_post_repeated_for_a_day_or_from_a_clock_ahead_is_kept(told: Place, ago: timedelta) -> None:
    assert post(told, signed(ago=ago)) == 204


@pytest.mark.parametrize("ago", [OLDEST + timedelta(seconds=1), -NEWEST - timedelta(seconds=1), timedelta(days=20_000)])
def test_a_post_from_the_past_or_the_future_is_refused(told: Place, ago: timedelta) -> None:
    assert post(told, signed(ago=ago)) == 403
    assert kept(told) == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, BODY),
        (signed(key=OTHER), BODY),
        (signed(), BODY + b" "),
        (signed(), BODY.replace(b"\r\n", b"\n")),
        (signed(), b""),
        (signed() | {"X-Twilio-Email-Event-Webhook-Timestamp": str(int(LATER.timestamp()) + 1)}, BODY),
        (signed() | {"X-Twilio-Email-Event-Webhook-Signature": "no base64"}, BODY),
        (signed() | {"X-Twilio-Email-Event-Webhook-Signature": ""}, BODY),
        (signed(timestamp="9" * 5000), BODY),
        (signed(timestamp="-1"), BODY),
        (signed(timestamp="now"), BODY),
    ],
)
def test_a_post_that_is_not_signed_as_it_is_is_refused(told: Place, headers: dict[str, str], body: bytes) -> None:
    assert post(told, headers, body) == 403
    assert kept(told) == []


def test_a_signature_that_is_no_ascii_is_refused(told: Place) -> None:
    headers = {name: value.encode() + b"\xe9" for name, value in signed().items()}
    answer = told.client.post("/events/sendgrid", content=BODY, headers=headers)

    assert answer.status_code == 403


def test_without_the_key_every_post_is_refused_and_the_log_says_so_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pages.events"):
        assert [post(place, signed()) for _ in range(3)] == [403] * 3

    assert [one.getMessage() for one in caplog.records] == [
        "a post to /events/sendgrid was refused: neither SENDGRID_EVENT_PUBLIC_KEY nor"
        " SENDGRID_EVENT_PUBLIC_KEY_FILE is set"
    ]
    assert kept(place) == []


def test_posts_may_be_large_and_come_from_anywhere_but_not_without_end(told: Place) -> None:
    large, endless = b" " * MOST_EVENT_BYTES, b" " * (MOST_EVENT_BYTES + 1)
    elsewhere = {"Origin": "https://sendgrid.example", "Sec-Fetch-Site": "cross-site"}

    assert post(told, signed(large) | elsewhere, large) == 204
    assert post(told, signed(endless), endless) == 413
    assert kept(told) == [large]


def test_other_pages_still_take_no_more_than_a_form(told: Place) -> None:
    assert told.client.post("/subscribe", content=b"a" * 20_000).status_code == 413
    assert told.client.post("/events/sendgrid/more", content=b"a" * 20_000).status_code == 413


def test_a_get_finds_nothing_there(told: Place) -> None:
    assert told.client.get("/events/sendgrid").status_code == 405


@pytest.mark.parametrize("key", ["no key", "bm8ga2V5", shown(ec.generate_private_key(ec.SECP384R1()))])
def test_a_key_that_is_none_is_said_at_the_start(key: str) -> None:
    with pytest.raises(SettingsError, match="SENDGRID_EVENT_PUBLIC_KEY"):
        Signatures(key)


def test_a_key_may_be_pasted_with_line_ends(place: Place) -> None:
    whole = shown(KEY)
    assert post(serve(place.engine, f" {whole[:64]}\n{whole[64:]}\n"), signed()) == 204


def test_what_was_kept_is_applied_later(told: Place) -> None:
    body = json.dumps([{"event": "delivered"}, {"event": "open"}]).encode()
    post(told, signed(body), body)
    events = told.app.state.rooms.events

    done = events.apply(LATER)

    assert (done.posts, done.events, done.strays) == (1, 2, 2)
    assert kept(told) == [b""]
