"""A desk for tests: a home folder with the demo's edition as a draft, served by a real server on this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page
from sqlmodel import SQLModel

from digest.editions import EditionRecord
from flows.desk.serving import DeskServer
from flows.services import Services, open_services
from tests.emails.browsing import Scheme

#: The week of the demo's edition, and the time at every desk: a Tuesday an hour before it is due.
WEEK, NOW = "2026-W47", datetime(2026, 11, 17, 8, tzinfo=UTC)

#: Set in tests as an environment where a desk wants a password.
PASSWORD = "a long enough password"


@dataclass
class Sat:
    """A desk somebody sits at: `client` came in with the key, and says where its forms come from as browsers do."""

    url: str
    home: Path
    services: Services
    server: DeskServer
    client: httpx.Client
    opened: list[BrowserContext] = field(default_factory=list)

    def get(self, path: str = "/") -> str:
        """The page at a path, which is there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, words(answer.text))
        return answer.text

    def send(self, action: str, on: str = "/", client: httpx.Client | None = None, **typed: Any) -> httpx.Response:
        """Fill in the first form of a page that posts to `action`, and send it; what is not typed stays as it is."""
        page = (client or self.client).get(on).text
        return self.post(action, {**form_of(page, action), **typed}, client)

    def post(self, action: str, fields: Mapping[str, Any], client: httpx.Client | None = None) -> httpx.Response:
        """Send fields as they are."""
        return (client or self.client).post(action, data=dict(fields))

    def come_in(self, who: str = "") -> httpx.Client:
        """Let another editor in, with a browser of their own."""
        client = browser_like(self.url)
        assert client.get(self.server.keys.address, follow_redirects=False).status_code == 303
        if who:
            self.send("/name", client=client, who=who)
        return client

    @property
    def record(self) -> EditionRecord:
        """The edition."""
        return self.services.editions.require(WEEK)

    @property
    def state(self) -> str:
        """The state it is in, "held" where it is."""
        return "held" if self.record.held else str(self.record.state)

    def rows(self) -> dict[str, list[str]]:
        """Everything in the database."""
        with self.services.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(table.select())))
                for table in SQLModel.metadata.sorted_tables
            }

    def opened_page(self, browser: Browser, width: int = 1280, scheme: Scheme = "light", **more: Any) -> Page:
        """Open an empty page of a browser of its own, as somebody who was never here; it is closed with the desk."""
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        self.opened.append(context)
        return context.new_page()

    def close_pages(self) -> None:
        """Close what was opened: a page left open asks for news, of a desk that is gone, again and again."""
        while self.opened:
            self.opened.pop().close()

    def show(self, browser: Browser, path: str = "/", width: int = 1280, scheme: Scheme = "light") -> Page:
        """Open a page in a real browser, where `client` came in already."""
        page = self.opened_page(browser, width, scheme)
        name = self.server.keys.cookie
        page.context.add_cookies([{"name": name, "value": self.client.cookies[name], "url": self.url}])
        page.goto(self.url + path)
        return page


def browser_like(url: str) -> httpx.Client:
    """A client that says where its forms come from, as browsers do."""
    return httpx.Client(base_url=url, follow_redirects=True, headers={"Origin": url}, timeout=60)


def form_of(page: str, action: str) -> dict[str, str]:
    """The fields of the first form that posts to an action, with what stands in them."""
    found = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found, f"no form for {action} on this page"
    inputs = re.findall(r'<input[^>]*name="([^"]*)"(?:[^>]*? value="([^"]*)")?', found[0])
    texts = re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', found[0], re.DOTALL)
    return {name: unescape(value) for name, value in [*inputs, *texts]}


def words(html: str) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<head>.*?</head>", "", html))).split())


@contextmanager
def sat_at(
    home: Path,
    *,
    now: datetime | None = NOW,
    environment: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    patience_s: float = 1,
) -> Iterator[Sat]:
    """Serve a desk for a home folder on a free port until the end."""
    with open_services(home, now, environment=environment or {}, patience_s=patience_s) as services:
        _ = services.engine
        server = DeskServer(services, host, 0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.keys.access.port}"
        with browser_like(url) as client:
            assert client.get(server.keys.address, follow_redirects=False).status_code == 303
            sat = Sat(url, home, services, server, client)
            yield sat
        sat.close_pages()
        server.stop()
        thread.join(timeout=10)
        assert not thread.is_alive(), "the desk did not stop"
