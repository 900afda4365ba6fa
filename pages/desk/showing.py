"""Print the desk's templates, and hand out its style sheet and script."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, Response

from digest.model import Site, percent
from digest.rendering import environment, printed
from digest.wording import full_day, period, week_name

#: The desk's own files by address, with where they lie among the templates and what they are.
FILES = {
    "desk.css": ("desk/desk.css", "text/css; charset=utf-8"),
    "desk.js": ("desk/desk.js", "text/javascript; charset=utf-8"),
    "edition.js": ("desk/edition.js", "text/javascript; charset=utf-8"),
    "health.js": ("desk/health.js", "text/javascript; charset=utf-8"),
    "send.js": ("desk/send.js", "text/javascript; charset=utf-8"),
    "week.js": ("desk/week.js", "text/javascript; charset=utf-8"),
    "preview.css": ("desk/preview.css", "text/css; charset=utf-8"),
    "preview.js": ("desk/preview.js", "text/javascript; charset=utf-8"),
    "favicon.svg": ("pages/favicon.svg", "image/svg+xml"),
}


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment for an editor: in the newsletter's zone, and in UTC where that is another time."""
    here = moment.astimezone(zone)
    said = f"{here:%a} {here.day} {here:%B %Y, %H:%M} {here:%Z}"
    return said if here.utcoffset() == moment.utcoffset() else f"{said} ({moment:%a %H:%M} UTC)"


class Shower:
    """Prints templates of `templates/desk`; everything is escaped, and a name that does not exist is an error."""

    def __init__(self, folders: Sequence[Path], site: Site) -> None:
        self._folders = tuple(folders)
        self._templates = environment(self._folders).overlay()
        named = {"week_name": week_name, "period": period, "full_day": full_day, "local": local}
        self._templates.filters = self._templates.filters | named
        self._site = site

    def __call__(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Print `templates/desk/<name>`.

        Raises:
            TemplateError: One of the home folder's own cannot be printed.
        """
        marks = {file.replace(".", "_"): self.mark(file) for file in FILES}
        same = {"site": self._site, "files": marks, "percent": percent}
        return HTMLResponse(printed(self._templates, f"desk/{name}", same | values), status_code=status)

    def file(self, name: str) -> tuple[bytes, str]:
        """Read one of FILES from the first folder that has it; gives its type, too."""
        path, kind = FILES[name]
        found = (folder / path for folder in self._folders)
        return next(one for one in found if one.is_file()).read_bytes(), kind

    def mark(self, name: str) -> str:
        """Give the fingerprint that a file's address carries, so that browsers keep it until it changes."""
        return hashlib.sha256(self.file(name)[0]).hexdigest()[:12]


def add_files(app: FastAPI, show: Shower) -> None:
    """Add the style sheets, the scripts and the icon."""
    for name in FILES:
        _add_file(app, show, name)


def _add_file(app: FastAPI, show: Shower, name: str) -> None:
    @app.api_route(f"/{name}", methods=["GET", "HEAD"])
    def file(v: str = "") -> Response:
        body, kind = show.file(name)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"} if v == show.mark(name) else None
        return Response(body, media_type=kind, headers=headers)
