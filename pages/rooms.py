"""What every page works with: the stores, and the printing of a template with what each page needs."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Template

from digest.editions import Editions
from digest.model import Site, percent
from digest.rendering import environment
from digest.tools import Tools
from digest.wording import full_day, period, week_name
from pages.consent import WORDING_VERSION, wording
from pages.describing import absolute, logo
from subscribers.accounts import Accounts
from subscribers.events import Events
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
    `fresh_s` is how many seconds a page may be behind the database; 0 asks it each time. With thousands of tools what
    is known of them now may be half a minute behind, and in a rush of readers votes may, too.
    `event_key` is the mail provider's public key: with it, what it posts is kept by `events`; else it is refused.
    `watched` names the feeds as they are now. With `figures_apart` /metrics is not among the pages: whoever serves them
    serves `app.state.figures` elsewhere.
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
    fresh_s: float = 1.0
    events: Events | None = None
    event_key: str = ""
    watched: Callable[[], Collection[str]] = tuple
    figures_apart: bool = False


#: Printed pages that are kept; of some 13 KB each, 25 MB.
MOST_KEPT = 2000


#: How templates of pages say when.
_FILTERS = {"week_name": week_name, "period": period, "full_day": full_day}


class Shower:
    """Prints a page template with what every page needs.

    Templates stay compiled; one that changed on disk is noticed within a second, as looking takes longer than printing.
    """

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self._templates = environment(tuple(rooms.folders)).overlay()
        self._templates.filters = self._templates.filters | _FILTERS
        self._looked_at: dict[str, float] = {}
        self._kept: dict[tuple[str, str], tuple[float, Hashable, str]] = {}
        self._library: object = None
        self._mark = secrets.token_hex(16)  # stands for the form's stamp in a kept page; nobody's text has it
        self._styles: tuple[Template | None, str, str] = (None, "", "")
        self._same = {
            "site": rooms.site, "contact": rooms.contact, "percent": percent, "wording": wording(rooms.site.name),
            "card": logo(rooms.site) or absolute(rooms.site, "/card.png"),
        }  # fmt: skip

    def __call__(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Print `templates/pages/<name>`; a page with a `token` is one reader's own."""
        html = self._print(name, self._stamp(), values)
        return HTMLResponse(html, status_code=status, headers=PRIVATE if "token" in values else None)

    def _print(self, name: str, stamp: str, values: dict[str, object]) -> str:
        path = f"pages/{name}"
        self._templates.auto_reload = self._is_due(path)
        return self._templates.get_template(path).render(self._same, style=self.style[1], stamp=stamp, **values)

    def _stamp(self) -> str:
        return form_stamp(self.rooms.keys[0], self.rooms.clock(), WORDING_VERSION)

    def kept(
        self, name: str, key: str, library: object, figures: Hashable, values: Callable[[], dict[str, object]]
    ) -> HTMLResponse:
        """Print a page for anybody, or give the one printed from the same within the last minute.

        Args:
            name: The template.
            key: Which page of this template it is.
            library: What the values come from, None where nothing of it is in them; with another one, all pages are
                printed anew.
            figures: What else they come from.
            values: Gives the values of the template.
        """
        if library is not None and library is not self._library:
            self._library = library
            self._kept.clear()
        now = time.monotonic()
        printed_at, made_of, page = self._kept.pop((name, key), (now, None, ""))
        if not page or now - printed_at > 60 or made_of != figures:
            printed_at, page = now, self._print(name, self._mark, values())
        self._kept[name, key] = (printed_at, figures, page)  # the one used last comes last
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return HTMLResponse(page.replace(self._mark, self._stamp()))

    def picture(self, name: str) -> bytes:
        """Read a picture of `templates/pages`, from the first folder that has it."""
        folders = (folder / "pages" / name for folder in self.rooms.folders)
        return next(path for path in folders if path.is_file()).read_bytes()

    @property
    def style(self) -> tuple[str, str]:
        """The style sheet and the fingerprint that its address carries, so that browsers may keep it for good."""
        template = self._templates.get_template("pages/site.css")
        if template is not self._styles[0]:  # first asked for, or changed on disk since
            source = template.render()
            self._styles = (template, source, hashlib.sha256(source.encode()).hexdigest()[:12])
        return self._styles[1:]

    def _is_due(self, path: str) -> bool:
        now = time.monotonic()
        if now - self._looked_at.get(path, 0.0) < 1:
            return False
        self._looked_at[path] = now
        return True
