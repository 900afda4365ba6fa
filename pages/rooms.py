"""What every page works with: the stores, and the printing of a template with what each page needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi.responses import HTMLResponse

from digest.editions import Editions
from digest.model import Site
from digest.rendering import environment
from digest.tools import Tools
from pages.consent import WORDING_VERSION, wording
from subscribers.accounts import Accounts
from subscribers.joining import Joining
from subscribers.links import form_stamp
from subscribers.origins import Kept
from subscribers.store import Subscribers

#: A page with a reader's own links on it: nobody else's to keep or to list.
PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of readers and who gets it, as settings say: the privacy page tells it."""

    network_kept: Kept = "truncated"
    retention_days: int = 400
    sender: str = "outbox"


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the pages work with, handed in by whoever serves them.

    `proxies` are the addresses or networks whose word on a client's address is believed.
    """

    editions: Editions
    tools: Tools
    subscribers: Subscribers
    site: Site
    contact: str
    keys: Sequence[bytes]
    folders: Sequence[Path]
    clock: Callable[[], datetime]
    joining: Joining
    accounts: Accounts
    keeping: Keeping = Keeping()
    proxies: Sequence[str] = ()


class Shower:
    """Prints a page template with what every page needs."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    def __call__(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Print `templates/pages/<name>`; a page with a `token` is one reader's own."""
        rooms = self.rooms
        page = environment(tuple(rooms.folders)).get_template(f"pages/{name}")
        html = page.render(
            site=rooms.site, contact=rooms.contact,
            stamp=form_stamp(rooms.keys[0], rooms.clock(), WORDING_VERSION), wording=wording(rooms.site.name), **values,
        )  # fmt: skip
        return HTMLResponse(html, status_code=status, headers=PRIVATE if "token" in values else None)
