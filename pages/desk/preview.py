"""The preview: the bytes that will be sent, as mail programs and readers see them, with what preflight says of them.

An email stands in a frame that can do nothing. `sandbox` without `allow-scripts` runs no script, whatever is in it; so
`allow-same-origin`, with which the page around it keeps its place when it is painted anew, hands nobody anything: only
a script could use it. Forms, windows, downloads and other pages on top need words that are not there either. The
frame's own policy says the same once more, also for who opens it alone, and names the hosts pictures may come from:
those that stand in the settings and the templates, so what a feed smuggled in would not even be fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from digest.errors import TemplateError, VerdictsError
from digest.inspecting import HTML_BLOCK, HTML_WARN
from digest.inspecting.linking import rewritten_size
from digest.model import Finding
from pages.desk.guarding import FRAMED, POLICY
from pages.desk.guises import (
    GMAIL,
    HERE,
    Place,
    clipped,
    dressed,
    inert,
    is_shown,
    lit,
    place_of,
    pointed,
    without_styles,
)
from pages.desk.steps import Mail
from pages.desk.visiting import Here, Visit
from subscribers.links import personal

if TYPE_CHECKING:
    from pages.desk.app import Desk

Shown = Literal["desktop", "phone", "text", "source", "headers"]
Trait = Literal["dark", "imageless", "bare", "clipped"]

#: How each is called, and the key that shows it.
SHOWN: dict[Shown, tuple[str, str]] = {
    "desktop": ("Desktop", "d"), "phone": ("Phone", "p"), "text": ("Plain text", "t"), "source": ("Source", "s"),
    "headers": ("Headers", "h"),
}  # fmt: skip
TRAITS: dict[Trait, tuple[str, str]] = {
    "dark": ("Dark", "n"), "imageless": ("No images", "i"), "bare": ("No style block", "y"),
    "clipped": ("As Gmail clips it", "c"),
}  # fmt: skip

#: Seconds between two looks for changes while a preview is open.
_LOOK_S = 0.025

#: What the frame of an email may do; see above.
_FRAME = FRAMED.replace("sandbox;", "sandbox allow-same-origin;") + "; base-uri 'none'; form-action 'none'"

#: A phone shows no scroll bar beside an email, and a place that was asked for is outlined.
_EXTRA = f"html{{scrollbar-width:%s}}#{HERE}{{outline:3px solid #a13d27!important;scroll-margin:40vh}}"


@dataclass(frozen=True, slots=True)
class Look:
    """How an email is looked at: what is shown of it, and with which traits, in the order of TRAITS."""

    shown: Shown = "desktop"
    traits: tuple[Trait, ...] = ()

    @classmethod
    def of(cls, word: str) -> Look:
        """Read it from an address.

        Raises:
            HTTPException: There is no such look.
        """
        shown, *traits = word.split("-")
        if shown not in get_args(Shown) or not {*traits} <= {*get_args(Trait)}:
            raise HTTPException(404)
        return cls(cast("Shown", shown), tuple(one for one in TRAITS if one in traits))

    def __str__(self) -> str:
        """Write it for an address."""
        return "-".join((self.shown, *self.traits))

    @property
    def is_mail(self) -> bool:
        """Whether it shows the email itself."""
        return self.shown in {"desktop", "phone"}

    @property
    def scheme(self) -> Literal["light", "dark"]:
        """The colour scheme it is shown in."""
        return "dark" if "dark" in self.traits else "light"

    def showing(self, shown: Shown) -> Look:
        """The same of another part."""
        return replace(self, shown=shown)

    def toggled(self, trait: Trait) -> Look:
        """The same with a trait, or without one it has; what drops the style block knows no dark colours."""
        traits = {*self.traits} ^ {trait}
        if traits >= {"dark", "bare"}:
            traits -= {"dark", "bare"} - {trait}
        return replace(self, traits=tuple(one for one in TRAITS if one in traits))


@dataclass(frozen=True, slots=True)
class Found:
    """What preflight found, with where a click on it leads: to a place of the preview, or to another page.

    `also` has what says the same of another part.
    """

    finding: Finding
    look: Look | None = None
    at: str = ""
    page: str = ""
    also: tuple[Found, ...] = ()


class Line(NamedTuple):
    """A line of a part as it is listed: its number, "" where it goes on, and the text before, at and behind a place."""

    number: str
    before: str
    here: str = ""
    behind: str = ""


class _Preview:
    """Answers with the page, or with what stands in its frame."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.steps = desk, desk.steps.preview

    def page(self, visit: Visit, word: str = "desktop", reader: str = "", at: str = "") -> Response:
        """Print the page, also where a template is broken."""
        look, standing, broken = Look.of(word), self.desk.at(visit), False
        mark = self.steps.mark(standing.week)  # before what it stands for: what changes meanwhile is painted again
        mail, findings = None, tuple[Finding, ...]()
        try:
            mail, findings = self.steps.mail(standing.week, reader), self.steps.findings(standing.week)
        except TemplateError:
            broken = True
        answer = self.desk.page(
            "preview.html", visit, standing, title="Preview", look=look, reader=reader, aimed=at, mail=mail,
            broken=broken, seen=self.steps.reader(reader), taken=self.steps.taken_in(), mark=mark,
            found=once(placed(findings, look, mail, standing.week)) if mail else [],
            bytes=rewritten_size(mail.message.html, is_html=True) if mail else 0,
            shown=SHOWN, traits=TRAITS, limits=(HTML_WARN, HTML_BLOCK, GMAIL), path=_path, frame=_frame_path,
        )  # fmt: skip
        answer.headers["Content-Security-Policy"] = POLICY.format(frames="'self'")
        return answer

    def frame(self, visit: Visit, word: str, reader: str = "", at: str = "") -> Response:
        """Give what stands in the frame; where something is wrong, that."""
        look, week = Look.of(word), visit.week or self.desk.at(visit).week
        try:
            mail = self.steps.mail(week, reader)
            headers = self.steps.headers(week, reader) if look.shown == "headers" else ()
        except VerdictsError as error:
            return framed_only(self.desk.show("preview_broken.html", trouble=self.desk.trouble(visit, error)))
        if mail is None:
            raise HTTPException(404)
        if look.is_mail:
            return framed_only(Response(dressed_up(mail, look, at), media_type="text/html"), _pictures(mail, look))
        lines = [] if headers else [*_lines(mail, look.shown, at)]
        return framed_only(self.desk.show("preview_lines.html", look=look, lines=lines, headers=headers, here=HERE))

    def chosen(self, visit: Visit) -> Response:
        """Lead to the preview as the reader who was asked for sees it; an address never stands in one of ours."""
        word = visit.text("look") or "desktop"
        try:
            reader = visit.text("take") or self.steps.find(visit.text("address"))
        except VerdictsError as error:
            trouble = self.desk.trouble(visit, error)
            return self.page(replace(visit, trouble=trouble), word, visit.text("reader"))
        return RedirectResponse(_path(Look.of(word), "" if reader == "nobody" else reader, visit.week), 303)


def add_preview(app: FastAPI, desk: Desk) -> None:
    """Add the preview, what stands in its frame, and the news of what changes."""
    preview = _Preview(desk)

    @app.get("/preview")
    def first(visit: Here) -> Response:
        return preview.page(visit)

    @app.get("/preview/live")
    async def live(request: Request, visit: Here) -> Response:
        return desk.live(request, lambda: preview.steps.mark(visit.week), _LOOK_S)

    @app.post("/preview-reader")
    def choose(visit: Here) -> Response:
        return preview.chosen(visit)

    @app.get("/preview/{word}")
    @app.get("/preview/{word}/{reader}")
    def look(visit: Here, word: str, reader: str = "", at: str = "") -> Response:
        return preview.page(visit, word, reader, at)

    @app.get("/framed/{word}")
    @app.get("/framed/{word}/{reader}")
    def framed(visit: Here, word: str, reader: str = "", at: str = "") -> Response:
        return preview.frame(visit, word, reader, at)


def _path(look: Look, reader: str, week: str, at: str = "") -> str:
    """Give the address of the page that looks so."""
    rest = f"/{quote(reader, safe='')}" if reader else ""
    return f"/preview/{look}{rest}?week={week}" + (f"&at={quote(at)}#mail" if at else "")


def _frame_path(look: Look, reader: str, week: str, at: str = "") -> str:
    """Give the address of what stands in its frame."""
    rest = f"/{quote(reader, safe='')}" if reader else ""
    return f"/framed/{look}{rest}?week={week}" + (f"&at={quote(at)}#{HERE}" if at else "")


def framed_only(answer: Response, pictures: str = "'none'") -> Response:
    """Let an answer stand in a frame of the desk, where it can do nothing."""
    answer.headers["Content-Security-Policy"] = _FRAME.format(images=pictures)
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    return answer


def _pictures(mail: Mail, look: Look) -> str:
    return "'none'" if "imageless" in look.traits else " ".join(("data:", *mail.pictures))


def dressed_up(mail: Mail, look: Look, at: str = "") -> str:
    """Give an email's html as it is looked at, for its frame."""
    html = mail.message.html
    if (place := _place(at, "html", html, mail)) is not None:
        html = pointed(html, place)
    html = personal(html, mail.token)
    cut = clipped(html) if "clipped" in look.traits else None
    html = cut.html if cut else html
    html = without_styles(html) if "bare" in look.traits else html
    bars = "none" if look.shown == "phone" else "auto"
    return dressed(inert(lit(html, "light" if cut else look.scheme)), _EXTRA % bars)


# Places

_AT = re.compile(r"(html|text)-(\d{1,7})-(\d{1,7})")
_WHERE = re.compile(r"(html|text), line (\d+) column (\d+)")
_FIELD = re.compile(r"subject|preheader|intro|blurb of .+")


def once(found: Iterable[Found]) -> list[Found]:
    """Tell what is said of several parts of an email once, where it is said first."""
    kinds: dict[tuple[str, ...], list[Found]] = {}
    for one in found:
        what = one.finding
        part = _WHERE.match(what.where)
        place = "" if part or what.where in {"html", "text"} else what.where
        kinds.setdefault((what.code, what.level, what.message, what.fix, place), []).append(one)
    return [replace(first, also=tuple(others)) for first, *others in kinds.values()]


def placed(findings: Sequence[Finding], look: Look, mail: Mail, week: str) -> Iterator[Found]:
    """Say of each finding where a click on it leads."""
    mails = look if look.is_mail else look.showing("desktop")
    for one in findings:
        slug = one.where.partition(",")[0]
        if found := _WHERE.match(one.where):
            part, line, column = found[1], int(found[2]), int(found[3])
            visible = part == "html" and is_shown(mail.message.html, Place(line, column))
            to = mails if visible else look.showing("text" if part == "text" else "source")
            yield Found(one, to, f"{part}-{line}-{column}")
        elif slug in mail.names and one.where != slug:  # it is of a review, and mended there
            yield Found(one, page=f"/review?{urlencode({'week': week, 'tool': slug})}")
        elif slug in mail.names:
            yield Found(one, mails, f"tool-{slug}")
        elif one.where in {"html", "text"}:
            yield Found(one, mails if one.where == "html" else look.showing("text"))
        elif found := _FIELD.fullmatch(one.where):
            yield Found(one, page=f"/edition?week={week}#{found[0].replace('blurb of ', 'blurb-')}")
        else:
            yield Found(one)


def _place(at: str, part: str, source: str, mail: Mail) -> Place | None:
    """Read from an address which place of a part is meant; None for none, or one that is not there."""
    kind, _, rest = at.partition("-")
    if kind == "tool" and part == "html":
        return place_of(source, mail.names.get(rest, ""))
    found = _AT.fullmatch(at)
    if not found or found[1] != part:
        return None
    place, lines = Place(int(found[2]), int(found[3])), source.split("\n")
    there = 1 <= place.line <= len(lines) and 1 <= place.column <= len(lines[place.line - 1]) + 1
    return place if there else None


#: Before each element a line of source goes on in one of its own: an email's html has few lines, and long ones.
_BEFORE_TAG = re.compile(r"(?=<[A-Za-z!])")


def _lines(mail: Mail, shown: Shown, at: str) -> Iterator[Line]:
    """List a part as it is, with the place that is asked for; only where lines end on the screen is ours."""
    part = "text" if shown == "text" else "html"
    source = mail.message.text if part == "text" else mail.message.html
    place = _place(at, part, source, mail)
    for number, line in enumerate(source.split("\n"), 1):
        column = 1
        pieces = [one for one in _BEFORE_TAG.split(line) if one] if part == "html" else [line]
        for first, piece in enumerate(pieces or [""]):
            label = "" if first else str(number)
            if place and place.line == number and column <= place.column < column + max(len(piece), 1):
                yield _pointed_line(label, piece, place.column - column, mail.token)
            else:
                yield Line(label, personal(piece, mail.token))
            column += len(piece)


def _pointed_line(number: str, piece: str, at: int, token: str) -> Line:
    """Mark the tag or the word that begins at a place of a line."""
    found = re.compile(r"<[^>]*>?|\S+|$").search(piece, at)
    end = found.end() if found else len(piece)
    before, here, behind = (personal(one, token) for one in (piece[:at], piece[at:end], piece[end:]))
    return Line(number, before, here or " ", behind)
