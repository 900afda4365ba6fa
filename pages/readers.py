"""What a reader does with the links of their own: vote, pause, leave and come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, get_args
from urllib.parse import quote

from fastapi import FastAPI, Form, HTTPException, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from digest.editions import PUBLIC
from digest.model import Call, Tally, Tool, percent
from digest.wording import community_note
from pages.joining import From
from pages.rooms import Rooms, Shower
from subscribers.links import reader_of
from subscribers.store import Reader

#: How long a reader may rest, in weeks.
PAUSES = (2, 4, 8, 12)


def add_readers(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    """Add the pages that a reader's own links lead to."""
    _leaving(app, rooms, show)
    _preferring(app, rooms, show)
    _voting(app, rooms, show)


def _reader_of(rooms: Rooms, token: str) -> Reader:
    subscriber_id = reader_of(rooms.keys, token)
    reader = rooms.subscribers.reader(subscriber_id) if subscriber_id else None
    if reader is None:
        raise HTTPException(404, "This link is not complete, or its reader is erased. Your latest email has it whole.")
    return reader


def _voting(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.api_route("/vote/{token}/{week}/{slug}/{call}", methods=["GET", "HEAD"])
    def ask_for_vote(token: str, week: str, slug: str, call: str) -> HTMLResponse:
        _reader_of(rooms, token)
        return _ballot(rooms, show, token, (week, slug, call))

    @app.post("/vote/{token}/{week}/{slug}/{call}")
    def vote(token: str, week: str, slug: str, call: str, choice: Annotated[Call, Form()]) -> HTMLResponse:
        reader, tool = _reader_of(rooms, token), _compared(rooms, week, slug, call)
        rooms.subscribers.cast(tool.slug, reader.id, choice, rooms.clock())
        return _ballot(rooms, show, token, (week, slug, choice), saved=True)


def _compared(rooms: Rooms, week: str, slug: str, call: str) -> Tool:
    """The tool under its present name, if a public edition showed it: votes are for what readers saw."""
    record = rooms.editions.of(week)
    if record is not None and record.state in PUBLIC and call in get_args(Call):
        for tool in (side.tool for matchup in record.edition.matchups for side in matchup.sides):
            if tool.slug == slug:
                return rooms.tools.known(slug) or tool
    raise HTTPException(404, "There is no such tool in that edition.")


def _ballot(
    rooms: Rooms, show: Shower, token: str, ballot: tuple[str, str, str], *, saved: bool = False
) -> HTMLResponse:
    week, slug, choice = ballot
    tool = _compared(rooms, week, slug, choice)
    tally = rooms.subscribers.tallies({tool.slug}).get(tool.slug, Tally())
    return show(
        "vote.html", title=f"Your vote on {tool.name}", token=token, tool=tool, choice=choice, saved=saved,
        tally=percent(tally.share), note=community_note(tally), action=f"/vote/{token}/{week}/{quote(slug)}/{choice}",
    )  # fmt: skip


def _leaving(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.api_route("/leave/{token}", methods=["GET", "HEAD"])
    def ask_to_leave(token: str) -> HTMLResponse:
        reader = _reader_of(rooms, token)
        left, undo = reader.state == "unsubscribed", rooms.subscribers.may_come_back(reader.id, rooms.clock())
        return show("leave.html", title="You have left" if left else "Leave", token=token, left=left, undo=undo)

    @app.post("/leave/{token}", response_model=None)
    def leave(token: str, origin: From, one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "") -> Response:
        # RFC 8058: a mail program posts this without cookies and expects no redirect.
        if one_click == "One-Click" and (subscriber_id := reader_of(rooms.keys, token)):
            # Also for who is erased by now: a mail program must not tell them that leaving failed.
            rooms.subscribers.leave(subscriber_id, rooms.clock(), source="one-click", origin=origin)
            return PlainTextResponse("You have left.\n")
        reader = _reader_of(rooms, token)
        rooms.subscribers.leave(reader.id, rooms.clock(), source="page", origin=origin)
        undo = rooms.subscribers.may_come_back(reader.id, rooms.clock())
        return show("leave.html", title="You have left", token=token, left=True, undo=undo)

    @app.post("/return/{token}")
    def come_back(token: str, origin: From) -> HTMLResponse:
        reader = _reader_of(rooms, token)
        rooms.subscribers.come_back(reader.id, rooms.clock(), source="page, undo", origin=origin)
        return _preferences(rooms, show, token, back=_reader_of(rooms, token).state == "confirmed")


def _preferring(app: FastAPI, rooms: Rooms, show: Shower) -> None:
    @app.api_route("/preferences/{token}", methods=["GET", "HEAD"])
    def preferences(token: str) -> HTMLResponse:
        return _preferences(rooms, show, token)

    @app.post("/preferences/{token}")
    def change(token: str, pause: Annotated[int, Form()]) -> HTMLResponse:
        reader = _reader_of(rooms, token)
        if pause not in {0, *PAUSES}:
            raise HTTPException(422)
        rooms.subscribers.pause(reader.id, rooms.clock() + timedelta(weeks=pause) if pause else None)
        return _preferences(rooms, show, token, saved=True)

    @app.post("/preferences/{token}/link")
    def mail_link(token: str) -> HTMLResponse:
        rooms.accounts.ask_for_link(_reader_of(rooms, token).id, rooms.clock())
        return _preferences(rooms, show, token, mailed=True)


def _preferences(
    rooms: Rooms, show: Shower, token: str, *, saved: bool = False, mailed: bool = False, back: bool = False
) -> HTMLResponse:
    reader = _reader_of(rooms, token)
    resting = reader.paused_until if reader.paused_until and reader.paused_until > rooms.clock() else None
    return show(
        "preferences.html", title="Preferences", token=token, resting=resting, left=reader.state == "unsubscribed",
        pauses=PAUSES, saved=saved, mailed=mailed, back=back,
        undo=rooms.subscribers.may_come_back(reader.id, rooms.clock()),
    )  # fmt: skip
