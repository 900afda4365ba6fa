"""One request to the desk: who asks, of which week, what a form says, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from digest.errors import (
    DatabaseError,
    EditionBlocked,
    EditionError,
    Fault,
    FeedError,
    FilesError,
    SendError,
    SendHalted,
    SendUnknown,
    SettingsError,
    Stale,
    TemplateError,
    UndoRefused,
    VerdictsError,
)
from digest.undoing import Change
from digest.weeks import parse_week
from pages.desk.buttons import as_here
from pages.desk.keys import Session


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, as a page says it where it happened.

    `faults` are those of files, `snippet` the place in a template. `stale`: somebody else was faster, and `since` is
    what they changed.
    """

    status: int
    title: str
    text: str
    faults: tuple[Fault, ...] = ()
    snippet: str = ""
    since: tuple[Change, ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One request. `week` is the one chosen, "" for the one to work on; `back` the page of the desk a form stood on."""

    session: Session
    path: str
    week: str
    back: str
    form: FormData
    trouble: Trouble | None = None

    @property
    def who(self) -> str:
        """The editor's name."""
        return self.session.who

    @property
    def revision(self) -> int:
        """The revision of the edition that the form was made from, 0 where it says none."""
        return self.number("revision")

    def text(self, name: str) -> str:
        """Give what was typed into a field, "" where there is none; its line ends are those of Python."""
        found = self.form.get(name)
        return found.replace("\r\n", "\n") if isinstance(found, str) else ""

    def texts(self, name: str) -> list[str]:
        """Give all values of a field."""
        return [one for one in self.form.getlist(name) if isinstance(one, str)]

    def number(self, name: str, otherwise: int = 0) -> int:
        """Give a field's whole number; `otherwise` where it holds none."""
        found = self.text(name)
        return int(found) if found.isascii() and found.isdigit() and len(found) < 10 else otherwise

    def files(self, name: str) -> list[tuple[str, bytes]]:
        """Give the files of a field, each with its name."""
        return [
            (one.filename or "", one.file.read())
            for one in self.form.getlist(name)
            if isinstance(one, UploadFile) and one.filename
        ]

    def typed(self, name: str, otherwise: object = "") -> str:
        """Give what a field shows: what was typed where the form was not taken, else what is stored.

        Where the form says with `was-NAME` what stood in the field at first, and that still stands there, nobody typed:
        sent again, it would take back what somebody else wrote meanwhile.
        """
        untouched = f"was-{name}" in self.form and self.text(f"was-{name}") == self.text(name)
        return self.text(name) if self.trouble and name in self.form and not untouched else str(otherwise)

    def lost(self) -> list[tuple[str, str]]:
        """Give everything that was typed, for a page that cannot show the form again."""
        hidden = {"csrf", "revision", "week", "back"}
        return [(name, value) for name, value in self.form.multi_items()
                if isinstance(value, str) and value and name not in hidden and not name.startswith("was-")]  # fmt: skip


async def visit(request: Request) -> Visit:
    """Say what a request asks; the guard has let it in."""
    form: FormData = request.state.form
    asked = str(form.get("week") or request.query_params.get("week") or "")
    try:
        week = parse_week(asked) if asked else ""
    except SettingsError:
        week = ""
    return Visit(request.state.session, request.url.path, week, _local(str(form.get("back") or "")), form)


#: What a page is given: `def page(visit: Here)`.
Here = Annotated[Visit, Depends(visit)]


def _local(address: str) -> str:
    """Give an address of the desk as it is, and the front page for any other."""
    inside = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if inside and address.isprintable() else "/"


#: What kind of trouble an error is: its status and title. The first that fits counts.
_KINDS: tuple[tuple[type[VerdictsError], int, str], ...] = (
    (Stale, 409, "Somebody was faster"),
    (UndoRefused, 409, "That cannot be taken back"),
    (EditionBlocked, 422, "Preflight found what forbids it"),
    (EditionError, 409, "The edition does not allow that"),
    (FilesError, 422, "Nothing was taken in"),
    (SettingsError, 422, "That is not possible"),
    (TemplateError, 500, "A template cannot be rendered"),
    (DatabaseError, 503, "The database does not answer"),
    (SendHalted, 502, "The sender refuses"),
    (SendUnknown, 504, "The sender’s answer was lost"),
    (SendError, 503, "The sender takes nothing just now"),
    (FeedError, 502, "A feed cannot be read"),
    (VerdictsError, 500, "Something went wrong"),
)


def trouble_of(error: VerdictsError, since: Callable[[], Sequence[Change]] = tuple) -> Trouble:
    """Say what an error means to an editor; `since` gives what others changed, asked where somebody was faster."""
    status, title = next((status, title) for kind, status, title in _KINDS if isinstance(error, kind))
    if isinstance(error, FilesError):
        return Trouble(status, title, "Mend these, then send it again.", faults=error.faults)
    if isinstance(error, TemplateError):
        place = f"{error.file}, line {error.line}: " if error.line else f"{error.file}: " if error.file else ""
        return Trouble(status, title, place + error.what, snippet=error.snippet)
    text, stale = as_here(str(error)), isinstance(error, Stale)
    changes = tuple(since()) if stale else ()
    return Trouble(status, title, text[:1].upper() + text[1:], since=changes, stale=stale)
