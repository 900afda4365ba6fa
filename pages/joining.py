"""Sign up, confirm, and find the way out again: what a stranger may do, and what nobody may learn from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse

from pages.consent import WORDING_VERSION, wording
from pages.rooms import Rooms, Shower
from subscribers.joining import Wording
from subscribers.links import named_in, stamped, standing
from subscribers.origins import Origin, origin_of
from subscribers.store import Reader

#: A person needs longer than this to type an address; a program that fills forms does not.
QUICKEST_S = 1.0

#: A form may lie open this long.
LONGEST_S = 24 * 3600.0

#: Every answer to a form takes at least this long, and so tells nothing of what was found behind it.
FLOOR_S = 0.012

#: The longest address mail can reach has 254 characters; what is longer is not looked at. Source: RFC 5321, 4.5.3.1.
_LONGEST_ADDRESS = 320


async def from_where(request: Request) -> Origin:
    """Say from where a request came, as far as settings let us keep it."""
    rooms: Rooms = request.app.state.rooms
    return origin_of(request.client.host if request.client else None, rooms.keeping.network_kept)


From = Annotated[Origin, Depends(from_where)]
Text = Annotated[str, Form(max_length=4_000)]


#: What the page behind the link to confirm is called, by how things stand: a screen reader says it first.
_CONFIRMING: Mapping[Literal["ask", "done", "void"], str] = {
    "ask": "Confirm your subscription", "done": "You are subscribed", "void": "This link no longer works",
}  # fmt: skip


def add_joining(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    """Add the pages for who is no reader yet, or has lost their mail."""
    # On SQLite writers take turns: several threads would only wait for each other, which costs a tenth of the forms.
    hands = ThreadPoolExecutor(1 if rooms.joining.engine.dialect.name == "sqlite" else 8, "forms")

    subscribe, clock = _subscribe(rooms), rooms.clock
    _asking(app, rooms, show, "subscribe", lambda email, origin: hands.submit(subscribe, email, origin))
    leave = rooms.joining.ask_to_leave
    _asking(app, rooms, show, "leave", lambda email, origin: hands.submit(leave, email, origin, clock()))
    _confirming(app, rooms, show)


def _subscribe(rooms: Rooms) -> Callable[[str, Origin], bool]:
    agreed = Wording(wording(rooms.site.name), WORDING_VERSION)
    return lambda email, origin: rooms.joining.ask(email, origin, agreed, rooms.clock())


def _asking(
    app: FastAPI,
    rooms: Rooms,
    show: Shower,
    what: Literal["subscribe", "leave"],
    ask: Callable[[str, Origin], Future[bool]],
) -> None:
    """Add a form that takes an address and answers everybody alike."""
    title = {"subscribe": "Subscribe", "leave": "Leave"}[what]

    @app.api_route(f"/{what}", methods=["GET", "HEAD"], name=f"{what} form")
    def form() -> HTMLResponse:
        return show("ask.html", title=title, what=what, again="", email="")

    @app.post(f"/{what}", name=what)
    async def asked(origin: From, email: Text = "", website: Text = "", stamp: Text = "") -> HTMLResponse:
        started = time.monotonic()
        if again := _once_more(rooms, stamp):
            return show("ask.html", title=title, what=what, again=again, email=email[:_LONGEST_ADDRESS])
        looked_at = bool(website) or await asyncio.wrap_future(ask(email[:_LONGEST_ADDRESS], origin))
        await asyncio.sleep(max(0.0, started + FLOOR_S - time.monotonic()))
        if not looked_at:
            raise HTTPException(429, "Too many forms came from your network. Please try again in an hour.")
        return show.kept("asked.html", what, None, None, lambda: {"title": "Look into your inbox", "what": what})


def _once_more(rooms: Rooms, stamp: str) -> str:
    """Say why a form has to be sent once more, "" when it is fine; a program that fills forms sends it at once."""
    shown = stamped(rooms.keys, stamp)
    if shown is None or shown[1] != WORDING_VERSION:
        return "This form was not shown by this page as it is now."
    waited = rooms.clock().timestamp() - shown[0]
    if not QUICKEST_S <= waited <= LONGEST_S:
        return "That was too quick for us." if waited < QUICKEST_S else "This page has been open for long."
    return ""


def _confirming(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    def wanted(token: str) -> Reader | None:
        """Give who may confirm with a link now: None where they have, or took it back."""
        reader = rooms.subscribers.reader(named_in(token))
        found = standing(rooms.keys, "confirm", token, rooms.clock(), reader.folded if reader else "")
        if found == "bad":
            raise HTTPException(404, "This link is not complete. Please take it from the email again.")
        return reader if found == "good" or (reader and reader.state == "confirmed") else None

    @app.api_route("/confirm/{token}", methods=["GET", "HEAD"])
    def ask_to_confirm(token: str) -> HTMLResponse:
        reader = wanted(token)
        if reader is not None and reader.state == "confirmed":
            return shown(token, "done")
        return shown(token, "ask" if reader is not None and reader.asked_at is not None else "void")

    @app.post("/confirm/{token}")
    def confirm(token: str, origin: From) -> HTMLResponse:
        reader = wanted(token)
        came = rooms.joining.confirm(reader.id, reader.folded, origin, rooms.clock()) if reader else "void"
        return shown(token, "void" if came == "void" else "done", new=came)

    def shown(token: str, step: Literal["ask", "done", "void"], new: str = "") -> HTMLResponse:
        return show("confirm.html", title=_CONFIRMING[step], token=token, step=step, new=new)
