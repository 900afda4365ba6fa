"""Letters outside the editions: queued in the transaction of their cause, claimed and recorded like deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert
from sqlmodel import Session

from digest.database import insert_ignore
from subscribers.tables import NoticeRow

#: What a letter is about; each has a folder of its name in templates/email.
#: `link` leads a reader to a page of their own: data["for"] is "account", "leave" or "known" (signed up already).
#: `move` asks at a new address whether it is meant; `moved` tells the old one.
Kind = Literal["confirm", "welcome", "goodbye", "link", "move", "moved", "editors-notice", "alarm"]


def queue(
    session: Session,
    kind: Kind,
    now: datetime,
    *,
    subscriber_id: str = "",
    email: str = "",
    data: Mapping[str, Any] | None = None,
    once: str | None = None,
) -> bool:
    """Queue a letter; it goes out once the caller's transaction is kept, and not at all if that fails.

    Args:
        session: The caller's.
        kind: Which letter.
        now: When it was caused.
        subscriber_id: Whom it is for; "" for editors and the operator.
        email: Where to, when that is not the subscriber's address as it is when the letter is sent.
        data: What the letter needs besides; no address and no token in it.
        once: A key under which no second letter is ever queued.

    Returns:
        Whether it was queued: False where one is there under the same key.
    """
    row = {
        "kind": kind, "subscriber_id": subscriber_id, "email": email, "data": dict(data or {}), "once": once,
        "state": "queued", "queued_at": now, "due_at": now, "attempts": 0, "claimed_by": "", "reason": "",
    }  # fmt: skip
    if once is not None:
        return bool(insert_ignore(session, NoticeRow, [row]))
    session.connection().execute(_QUEUED, row)
    return True


_QUEUED = insert(NoticeRow)  # built once; one that looks for `once` is built each time, which takes far longer
