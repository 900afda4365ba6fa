"""Served pages for tests: one approved edition, one confirmed reader, and the database behind them."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any, cast, get_args

from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from digest.editions import Editions
from digest.model import Edition
from digest.rendering import render, template_folders
from digest.store import Store
from digest.tools import Tools
from pages.app import create_app
from pages.rooms import Rooms
from subscribers.accounts import Accounts
from subscribers.addressing import fold
from subscribers.events import Events
from subscribers.joining import Joining
from subscribers.links import ID_LENGTH, Purpose, passing_token, reader_token
from subscribers.store import Subscribers
from subscribers.tables import ConsentRow, SubscriberRow
from tests.examples import NOW, edition, site
from tests.subscribers.readers import SUPPRESSION_KEY, row, take_in

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it recommends another http client
    from starlette.testclient import TestClient as TestClient  # noqa: PLC0414 - others take it from here

WEEK = "2026-W47"

SECRET = b"the key of all links"

LATER = NOW + timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """Served pages, with the database behind them and one reader's own token."""

    app: FastAPI
    client: TestClient
    engine: Engine
    token: str

    @property
    def reader(self) -> SubscriberRow:
        with Session(self.engine) as session:
            return session.get_one(SubscriberRow, self.token[:ID_LENGTH])

    @property
    def consents(self) -> list[tuple[str, str]]:
        with Session(self.engine) as session:
            return [(one.what, one.source) for one in session.exec(select(ConsentRow).order_by("id"))]

    def publish(self, what: Edition) -> None:
        publish(self.engine, what)

    def passing(self, purpose: str, hours: float = 1, **changes: str) -> str:
        """The token of a link that ends some hours from now; of another reader, or for another address."""
        with Session(self.engine) as session:
            reader = session.get(SubscriberRow, changes.get("subscriber_id", self.reader.id))
        moving = fold(reader.moving_to) if reader and reader.moving_to else ""
        bound = moving if purpose == "move" else reader.folded if reader else ""
        values = {"subscriber_id": self.token[:ID_LENGTH], "bound": bound} | changes
        return passing_token(SECRET, cast("Purpose", purpose), until=LATER + timedelta(hours=hours), **values)

    def rows(self) -> dict[str, list[Any]]:
        """Everything in the database."""
        with self.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(table.select())))
                for table in SQLModel.metadata.sorted_tables
            }


def publish(engine: Engine, what: Edition) -> None:
    """Approve an edition, so that its pages are public."""
    Store(engine).record_reviews([(side.tool, ()) for one in what.matchups for side in one.sides], NOW)
    editions = Editions(engine)
    editions.keep_draft(what)
    editions.approve(what.week, render(what, site()), "an editor", NOW)


def furnish(engine: Engine) -> None:
    """Put one confirmed reader and one approved edition into an empty database."""
    take_in(engine, [row("ada@example.org")])
    publish(engine, edition())


def serve(engine: Engine, event_key: str = "") -> Place:
    """Serve what `furnish` put there."""
    app = create_app(
        Rooms(
            editions=Editions(engine), tools=Tools(engine), subscribers=Subscribers(engine, SUPPRESSION_KEY),
            site=site(), contact="editor@example.org",
            keys=(SECRET,), folders=template_folders(), clock=lambda: LATER, fresh_s=0,
            joining=Joining(engine, SUPPRESSION_KEY), accounts=Accounts(engine, SUPPRESSION_KEY),
            events=Events(engine, SUPPRESSION_KEY), event_key=event_key,
        )
    )  # fmt: skip
    client = TestClient(app, follow_redirects=False, raise_server_exceptions=False, client=("127.0.0.1", 50000))
    with Session(engine) as session:
        token = reader_token(SECRET, session.exec(select(SubscriberRow.id)).one())
    return Place(app, client, engine, token)


def words(html: str) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<head>.*?</head>", "", html))).split())


def addresses(place: Place) -> list[str]:
    """An address for every page there is, found by route; links that end are good ones."""
    filled = {
        "week": WEEK, "pair": "plumbline-vs-lantern", "slug": "plumbline", "token": place.token, "call": "ship",
        "category": "developer-tools", "reviewer": "builder",
    }  # fmt: skip
    return [
        route.path.format(**filled | ({"token": place.passing(purpose)} if purpose else {}))
        for route in place.app.routes
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods
        for purpose in [route.path.split("/")[1] if route.path.split("/")[1] in get_args(Purpose) else ""]
    ]


def older(week: str = "2026-W46", **changes: Any) -> Edition:
    """An edition of an earlier week, of the first two pairs."""
    return edition(**{"week": week, "subject": "An earlier subject", "matchups": 2, **changes})


def get(place: Place, address: str) -> str:
    """The page at an address, which is there."""
    answer = place.client.get(address)
    assert answer.status_code == 200, address
    return str(answer.text)


def described(page: str) -> dict[str, Any]:
    """The page's JSON-LD."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1
    data: dict[str, Any] = json.loads(found[0])
    return data


def meta(page: str, name: str) -> str:
    """What a page says of itself under one name, once."""
    found = re.findall(rf'<meta (?:name|property)="{re.escape(name)}" content="([^"]*)">', page)
    assert len(found) == 1, (name, found)
    return str(found[0])
