"""Signed links of readers: one token each, made from a keyed hash, that says who reads and nothing else."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from digest.model import READER

#: Characters of a subscriber id at the start of a token.
ID_LENGTH = 16

#: Bytes of the keyed hash that are kept; 16 cannot be guessed.
_KEPT = 16


def reader_token(key: bytes, subscriber_id: str) -> str:
    """Make the token of a reader's recurring links (leave, preferences); it never expires."""
    return subscriber_id + _sign(key, subscriber_id)


def reader_of(key: bytes, token: str) -> str | None:
    """Give the subscriber id a token belongs to, None when it was altered or made with another key."""
    subscriber_id, signature = token[:ID_LENGTH], token[ID_LENGTH:]
    good = token.isascii() and hmac.compare_digest(_sign(key, subscriber_id), signature)
    return subscriber_id if good else None


def personal(text: str, token: str) -> str:
    """Fill a message's placeholder with a reader's token."""
    return text.replace(READER, token)


def _sign(key: bytes, subscriber_id: str) -> str:
    # The purpose is part of what is signed: a token is useless for anything else.
    signed = hmac.digest(key, b"reader:" + subscriber_id.encode(), sha256)[:_KEPT]
    return urlsafe_b64encode(signed).decode().rstrip("=")
