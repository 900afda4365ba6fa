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
from subscribers.store import Subscribers

#: Nothing from elsewhere, no script at all; the archive shows an email, whose styles stand in its elements.
POLICY = (
    "default-src 'none'; style-src {style}; img-src https: data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

#: A page with a reader's own links on it: nobody else's to keep or to list.
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the pages work with, handed in by whoever serves them."""

    editions: Editions
    tools: Tools
    subscribers: Subscribers
    site: Site
    contact: str
    keys: Sequence[bytes]
    folders: Sequence[Path]
    clock: Callable[[], datetime]


class Shower:
    """Prints a page template with what every page needs."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    def __call__(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Print `templates/pages/<name>`; a page with a `token` is one reader's own."""
        page = environment(tuple(self.rooms.folders)).get_template(f"pages/{name}")
        html = page.render(site=self.rooms.site, contact=self.rooms.contact, **values)
        return HTMLResponse(html, status_code=status, headers=_PRIVATE if "token" in values else None)
