"""Where a provider tells what became of letters: signed posts, kept as they come and answered at once."""

from __future__ import annotations

import binascii
import logging
import time
from base64 import b64decode
from datetime import datetime, timedelta
from functools import partial

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from fastapi import FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from digest.errors import SettingsError
from pages.rooms import Rooms

#: Old posts are refused, so that nobody can tell us the past again; but SendGrid repeats one that was not answered for
#: 24 hours under its first timestamp. Source: SendGrid, Event Webhook, "Requirements and limitations".
OLDEST = timedelta(hours=30)

#: How far ahead of ours a provider's clock may be.
NEWEST = timedelta(minutes=10)

#: Seconds between two lines in the log about posts that are refused: anybody may send some.
_TOLD_EACH_S = 60.0

_SIGNATURE, _TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"

_log = logging.getLogger(__name__)


class Signatures:
    """The provider's public key, and what is signed with it."""

    def __init__(self, key: str) -> None:
        """Take the key as SendGrid shows it.

        Raises:
            SettingsError: It is no such key.
        """
        try:
            found = load_der_public_key(b64decode("".join(key.split()), validate=True))
        except ValueError as error:  # also what is no base64
            raise SettingsError(_ALLOWED) from error
        if not isinstance(found, EllipticCurvePublicKey) or not isinstance(found.curve, SECP256R1):
            raise SettingsError(_ALLOWED)
        self._key = found

    def fault(self, signature: str, timestamp: str, body: bytes, now: datetime) -> str:
        """Say what is wrong with a post, "" where it was signed so, and lately; the signature covers both."""
        try:
            self._key.verify(b64decode(signature, validate=True), timestamp.encode() + body, ECDSA(SHA256()))
        except (InvalidSignature, ValueError, binascii.Error):
            return "it is not signed with SENDGRID_EVENT_PUBLIC_KEY"
        seconds = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else 0
        age = timedelta(seconds=int(now.timestamp()) - seconds)
        return "" if -NEWEST <= age <= OLDEST else "its timestamp is too old, or ahead of this clock"


_ALLOWED = (
    "SENDGRID_EVENT_PUBLIC_KEY: found something else than a public key; allowed: the verification key as SendGrid shows"
    " it under Settings, Mail Settings, Event Webhook (base64, ECDSA on P-256)"
)


def add_events(app: FastAPI, rooms: Rooms) -> None:
    """Add the address that SendGrid posts events to; without the key, every post is refused.

    Raises:
        SettingsError: The key is none.
    """
    signatures = Signatures(rooms.event_key) if rooms.event_key else None
    told_at = -_TOLD_EACH_S

    def refuse(why: str) -> HTTPException:
        nonlocal told_at
        if time.monotonic() - told_at >= _TOLD_EACH_S:
            told_at = time.monotonic()
            _log.warning("a post to /events/sendgrid was refused: %s", why)
        return HTTPException(403, "This is for the mail provider's signed posts only.")

    @app.post("/events/sendgrid", status_code=204, response_class=Response)
    async def sendgrid(request: Request) -> Response:
        if signatures is None or rooms.events is None:
            raise refuse("neither SENDGRID_EVENT_PUBLIC_KEY nor SENDGRID_EVENT_PUBLIC_KEY_FILE is set")
        body, now = await request.body(), rooms.clock()
        signature, timestamp = (request.headers.get(name, "") for name in (_SIGNATURE, _TIMESTAMP))
        if fault := signatures.fault(signature, timestamp, body, now):
            raise refuse(fault)
        await run_in_threadpool(partial(rooms.events.keep, "sendgrid", body, now))
        return Response(status_code=204)
