"""What needs a fresh link, mailed to the address: another address, one's own data, and being erased."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Response
from fastapi.responses import HTMLResponse

from pages.joining import From, Text
from pages.rooms import PRIVATE, Rooms, Shower
from subscribers.addressing import fold
from subscribers.links import Purpose, named_in, standing
from subscribers.store import Reader


def add_accounts(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    """Add the pages that a mailed link of one hour leads to."""
    _seeing(app, rooms, show)
    _moving(app, rooms, show)
    _erasing(app, rooms, show)


def _seeing(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.api_route("/account/{token}", methods=["GET", "HEAD"])
    def see(token: str) -> HTMLResponse:
        return _account(show, token, _owner(rooms, "account", token))

    @app.post("/account/{token}/export")
    def export(token: str) -> Response:
        story = rooms.accounts.story(_owner(rooms, "account", token).id)
        name = {"Content-Disposition": 'attachment; filename="my-data.json"'}
        text = json.dumps(story, ensure_ascii=False, indent=2) + "\n"
        return Response(text, media_type="application/json", headers=PRIVATE | name)


def _moving(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.post("/account/{token}/address")
    def ask_to_move(token: str, email: Text = "") -> HTMLResponse:
        reader = _owner(rooms, "account", token)
        try:
            looked_at = rooms.accounts.ask_to_move(reader.id, email, rooms.clock())
        except ValueError as error:
            return _account(show, token, reader, status=422, wrong=str(error), email=email)
        if not looked_at:
            raise HTTPException(429, "Three new addresses a day are the most. Please try again tomorrow.")
        return _account(show, token, reader, asked=True)

    @app.api_route("/move/{token}", methods=["GET", "HEAD"])
    def ask_for_move(token: str) -> HTMLResponse:
        _owner(rooms, "move", token)
        return show("move.html", title="Your new address", token=token)

    @app.post("/move/{token}")
    def move(token: str, origin: From) -> HTMLResponse:
        reader = _owner(rooms, "move", token)
        if not rooms.accounts.move(reader.id, fold(reader.moving_to), origin, rooms.clock()):
            raise HTTPException(409, "This address cannot be taken any more; nothing was changed.")
        text = "From now on the digest comes here." if reader.state == "confirmed" else _STILL_AWAY
        return show("done.html", title="Your address is changed", text=text)


_STILL_AWAY = "You have left, so no digest comes; your preferences, linked in every email, bring it back."


def _erasing(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.post("/account/{token}/erase")
    def erase(token: str, sure: Annotated[str, Form()] = "") -> HTMLResponse:
        reader = _owner(rooms, "account", token)
        if sure != "yes":
            return _account(show, token, reader, status=422, unsure=True)
        rooms.accounts.erase(reader.id, rooms.clock())
        return show("done.html", title="You are erased", text="Nothing that names you is left here.")


def _account(show: Shower, token: str, reader: Reader, *, status: int = 200, **said: object) -> HTMLResponse:
    values = {"asked": False, "wrong": "", "email": "", "unsure": False} | said
    return show("account.html", status=status, title="Your data", token=token, reader=reader, **values)


def _owner(rooms: Rooms, purpose: Purpose, token: str) -> Reader:
    """Give whose link it is, if it is good now, and still for the address that it was mailed to."""
    reader = rooms.subscribers.reader(named_in(token))
    bound = "" if reader is None else _bound(reader, purpose)
    found = standing(rooms.keys, purpose, token, rooms.clock(), bound)
    if found == "expired":
        raise HTTPException(410, "This link worked for one hour. Your preferences page mails you a new one.")
    if reader is None or found == "bad":
        raise HTTPException(404, "This link is not complete, or what it was for is done.")
    return reader


def _bound(reader: Reader, purpose: Purpose) -> str:
    """What must still be so for a link to be good: the address that it was mailed to."""
    if purpose == "move":
        return fold(reader.moving_to) if reader.moving_to else ""
    return reader.folded
