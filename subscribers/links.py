"""Signed links: each says who it is for and what it is good for, and nothing else; only a key of ours can make one."""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from digest.model import READER

#: Characters of a subscriber id at the start of a token.
ID_LENGTH = 16

#: Characters behind it in which a passing link says until when it is good: seconds since 1970, in hex.
_UNTIL_LENGTH = 8

#: Bytes of the keyed hash that are kept; 16 cannot be guessed.
_KEPT = 16

#: What a passing link is good for: to confirm a sign-up, to open one's account, to confirm a new address there.
Purpose = Literal["confirm", "account", "move"]

#: How a passing link stands.
Standing = Literal["good", "expired", "bad"]


def reader_token(key: bytes, subscriber_id: str) -> str:
    """Make the token of a reader's recurring links (leave, preferences, vote); it never expires."""
    return reader_tokens(key, [subscriber_id])[0]


def reader_tokens(key: bytes, subscriber_ids: Sequence[str]) -> list[str]:
    """Make the tokens of many readers, in their order."""
    signatures = _signatures(key, "reader", subscriber_ids)
    return [one + signature for one, signature in zip(subscriber_ids, signatures, strict=True)]


def reader_of(keys: Sequence[bytes], token: str) -> str | None:
    """Give the subscriber id a token belongs to, None when it was altered or made with no key of ours."""
    subscriber_id, signature = token[:ID_LENGTH], token[ID_LENGTH:]
    return subscriber_id if _is_ours(keys, "reader", subscriber_id, signature) else None


def passing_token(key: bytes, purpose: Purpose, subscriber_id: str, until: datetime, bound: str = "") -> str:
    """Make the token of a link that is good for one purpose until a moment.

    Args:
        key: The newest key of ours.
        purpose: What it is good for.
        subscriber_id: Whose.
        until: When it ends, to the second.
        bound: What must still be so when it is used, such as the address it was mailed to; not readable in the token.
    """
    named = f"{subscriber_id}{int(until.timestamp()):0{_UNTIL_LENGTH}x}"
    return named + _sign(key, purpose, f"{named}:{bound}")


def named_in(token: str) -> str:
    """Give the subscriber id a token claims to be for; whether that is so, `standing` tells."""
    return token[:ID_LENGTH]


def standing(keys: Sequence[bytes], purpose: Purpose, token: str, now: datetime, bound: str = "") -> Standing:
    """Tell whether a passing link is good now, was good once, or is not one of ours for this purpose."""
    named, signature = token[: ID_LENGTH + _UNTIL_LENGTH], token[ID_LENGTH + _UNTIL_LENGTH :]
    if not _is_ours(keys, purpose, f"{named}:{bound}", signature):
        return "bad"
    return "good" if now.timestamp() <= int(named[ID_LENGTH:], 16) else "expired"


def form_stamp(key: bytes, now: datetime, wording: str) -> str:
    """Mark a form with when it was shown and which wording stood on it."""
    shown = f"{int(now.timestamp() * 1000):x}-{wording}"
    return f"{shown}.{_sign(key, 'form', shown)}"


def stamped(keys: Sequence[bytes], stamp: str) -> tuple[float, str] | None:
    """Read when a form was shown, in seconds since 1970, and its wording; None when the mark is not ours."""
    shown, _, signature = stamp.rpartition(".")
    if not _is_ours(keys, "form", shown, signature):
        return None
    at, _, wording = shown.partition("-")
    return int(at, 16) / 1000, wording


def personal(text: str, token: str) -> str:
    """Fill a message's placeholder with a reader's token."""
    return text.replace(READER, token)


def _is_ours(keys: Sequence[bytes], purpose: str, said: str, signature: str) -> bool:
    if not (said.isascii() and signature.isascii()):  # the comparison below refuses other text
        return False
    good = False
    for key in keys:  # all of them, so that the time taken does not tell which
        good |= hmac.compare_digest(_sign(key, purpose, said), signature)
    return good


def _sign(key: bytes, purpose: str, said: str) -> str:
    return _signatures(key, purpose, [said])[0]


def _signatures(key: bytes, purpose: str, all_said: Sequence[str]) -> list[str]:
    """Sign many texts; setting the key up and spelling what comes out, once for all, takes half as long as each."""
    # The purpose is part of what is signed: a token is useless for anything else.
    begun = blake2b(f"{purpose}:".encode(), key=_short(key), digest_size=_KEPT)
    digests = bytearray()
    for said in all_said:
        signed = begun.copy()
        signed.update(said.encode())
        digests += signed.digest() + _FILLED
    text = b2a_base64(digests, newline=False).translate(_URLSAFE).decode()
    return [text[start : start + _SPELLED] for start in range(0, len(text), _EACH)]


#: Bytes that fill each signature up to groups of three, as base64 takes them; how long it then is, and without them.
_FILLED = bytes(-_KEPT % 3)
_EACH, _SPELLED = (_KEPT + len(_FILLED)) * 4 // 3, -(-_KEPT * 8 // 6)

#: What differs between the two alphabets of base64. Source: RFC 4648, 5.
_URLSAFE = bytes.maketrans(b"+/", b"-_")


@lru_cache(maxsize=8)
def _short(key: bytes) -> bytes:
    """Bring a key of any length to what BLAKE2b takes. Source: RFC 7693, 2.1, 64 bytes at most."""
    return key if len(key) <= blake2b.MAX_KEY_SIZE else blake2b(key).digest()
