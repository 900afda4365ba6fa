"""Read what a provider tells of letters after it took them: bytes of one post in, events out, whatever stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

#: What can happen to a letter. `processed` says only that the call was taken; `dropped` that the provider itself held
#: it back, and its `about` why: because of an earlier "hard bounce", "complaint" or "left", else "".
Kind = Literal[
    "processed", "delivered", "deferred", "hard bounce", "soft bounce", "dropped", "complaint", "left", "came back",
    "open", "machine open", "click",
]  # fmt: skip

_KINDS: Mapping[str, Kind] = {
    "processed": "processed", "delivered": "delivered", "deferred": "deferred", "bounce": "hard bounce",
    "dropped": "dropped", "spamreport": "complaint", "unsubscribe": "left", "group_unsubscribe": "left",
    "group_resubscribe": "came back", "open": "open", "click": "click",
}  # fmt: skip

#: Bounces of these types say nothing of the mailbox itself. Source: SendGrid, Event Webhook Reference, bounce `type`.
_SOFT = frozenset(("blocked", "expired"))

#: Why SendGrid drops a letter that it could have sent. Source: SendGrid, Event Webhook Reference, dropped `reason`.
_DROPPED = {
    "bounced address": "hard bounce", "invalid": "hard bounce", "spam reporting address": "complaint",
    "unsubscribed address": "left",
}  # fmt: skip

#: Our own random names of calls and readers, and `letter-12`; nothing else may reach a database from here.
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")

#: Servers say the address in their refusal; it is nobody's to keep.
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]*@[^\s<>()\[\]\"',;]*")

#: Pages of ours whose address holds no token, so that it may be kept whole.
_OPEN_PAGES = frozenset(
    ("", "categories", "compare", "editions", "privacy", "reviewers", "search", "subscribe", "tools")
)

#: Pages whose address goes on with a token.
_OWN_PAGES = frozenset(("account", "confirm", "leave", "move", "preferences", "return"))

#: Seconds since 1970 that a moment may have: from 2009, when SendGrid began, to 2100.
_EARLIEST, _LATEST = 1_230_768_000, 4_102_444_800

#: Characters that are kept of where a click led.
LONGEST_ABOUT = 200

_LONGEST_REASON, _LONGEST_URL = 300, 4000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one letter.

    `key` names the call it went out with, `subscriber_id` the reader (`letter-N` where a letter had none). `about` is
    where a click led: a page of ours without what is a reader's own, or another site's host. `email` is where the
    letter went, for what may end that; it is not kept. `week` is known once the key is looked up.
    """

    key: str
    subscriber_id: str
    kind: Kind
    about: str
    at: datetime
    reason: str = ""
    week: str = ""
    email: str = field(default="", repr=False)

    def of(self, week: str) -> Event:
        """The same, of an edition or a letter; `dataclasses.replace` takes four times as long, and all events pass."""
        return Event(self.key, self.subscriber_id, self.kind, self.about, self.at, self.reason, week, self.email)


class Told(NamedTuple):
    """What stands in a post; `strays` belong to no letter of ours, `broken` says why none of it could be read."""

    events: list[Event]
    strays: int
    broken: str = ""


def read_sendgrid(body: bytes, site_url: str = "") -> Told:
    """Read a post of SendGrid's Event Webhook; never raises.

    Args:
        body: A JSON list of events, as it came.
        site_url: Where our own pages are: clicks on them are told by page.
    """
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        return Told([], 0, f"no JSON: {type(error).__name__}")
    if not isinstance(found, list):
        return Told([], 0, f"no list of events, but {type(found).__name__}")
    home = urlsplit(site_url)
    events = [event for one in found if isinstance(one, dict) and (event := _event(one, home.netloc, home.path))]
    return Told(events, len(found) - len(events))


def _event(one: Mapping[str, Any], host: str, root: str) -> Event | None:
    """Read one event; None where it is none of ours."""
    key, whose, at, said = one.get("batch"), one.get("delivery"), _moment(one.get("timestamp")), one.get("event")
    kind = _KINDS.get(said) if isinstance(said, str) else None
    if kind is None or at is None or not _is_name(key) or not _is_name(whose):
        return None
    if kind in {"processed", "delivered"}:  # nearly all of them
        return Event(str(key), str(whose), kind, "", at)
    about = ""
    if kind == "hard bounce" and _text(one, "type") in _SOFT:
        kind = "soft bounce"
    elif kind == "dropped":
        about = _DROPPED.get(_text(one, "reason").strip().casefold(), "")
    elif kind == "click":
        about = _page(_text(one, "url"), host, root)
    elif kind == "open" and one.get("sg_machine_open") in (True, "true", 1):
        kind = "machine open"
    return Event(str(key), str(whose), kind, about, at, _reason(one), email=_text(one, "email")[:320])


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    return value if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _EARLIEST <= value <= _LATEST:
        return None
    return datetime.fromtimestamp(value, UTC)


def _reason(one: Mapping[str, Any]) -> str:
    """What the other server said, on one line, without any address."""
    said = (_text(one, "reason") or _text(one, "response"))[: 2 * _LONGEST_REASON]
    if not said:
        return ""
    said = _ADDRESS.sub("…", said) if "@" in said else said
    return _plain(said)[:_LONGEST_REASON]


def _plain(text: str) -> str:
    """Text that a database and a terminal take."""
    text = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def _page(url: str, host: str, root: str) -> str:
    """Name where a link led: a page of ours by its path, another site by its host; "" where that cannot be told."""
    try:
        parts = urlsplit(url[:_LONGEST_URL])
        name = parts.hostname or ""
    except ValueError:
        return ""
    if not host or parts.netloc.casefold() != host.casefold() or not parts.path.startswith(root):
        return _plain(name)[:LONGEST_ABOUT]
    _, first, *rest = [*parts.path[len(root) :].split("/"), ""]
    if first == "vote":  # its first part is the reader's token
        rest = rest[1:]
    elif first not in _OPEN_PAGES:
        first, rest = first if first in _OWN_PAGES else "…", []
    return _plain("/".join(["", first, *rest]).rstrip("/") or "/")[:LONGEST_ABOUT]
