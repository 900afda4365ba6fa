"""A scanner that opens every link of every letter and page: nothing changes, nothing breaks."""

from __future__ import annotations

import re
import sqlite3
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pytest

from flows.notices import tidy
from subscribers.delivering import Delivery, deliver
from subscribers.joining import Wording
from subscribers.origins import NOWHERE
from tests.flows.served import Served, links, served

pytestmark = pytest.mark.slow

WEEK = "2026-W47"

#: There are far fewer pages; more would mean that they never end.
MOST_PAGES = 400

#: What scanners, mail programs and senders hang on to an address.
EXTRAS = ("utm_source=x&utm_medium=email", "List-Unsubscribe=One-Click", "choice=skip&pause=4&sure=yes&email=x%40y.z")

#: Every kind of letter that reaches a reader, by what stands in its subject.
KINDS = {
    "Plumbline or Lantern?", "Confirm your subscription", "Welcome to", "You have left", "Your link to change",
    "Your link to leave", "You are subscribed to", "Confirm your new address", "has moved",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    type: str
    length: str | None
    body: bytes

    @property
    def outside(self) -> tuple[int, str, str | None]:
        """What GET and HEAD must agree on."""
        return self.status, self.type, self.length


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer; its target is an address of its own."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


def ask(method: str, address: str) -> Answer:
    request = urllib.request.Request(address, method=method)
    try:
        with _OPENER.open(request, timeout=20) as reply:
            return Answer(reply.status, reply.headers["Content-Type"], reply.headers["Content-Length"], reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers["Content-Type"], error.headers["Content-Length"], error.read())


@pytest.fixture
def site(home: Path, free_port: int) -> Iterator[Served]:
    with served(home, free_port) as opened:
        yield opened


def test_opening_every_link_with_every_extra_changes_nothing_and_breaks_nothing(site: Served) -> None:
    mails = _everything_that_is_mailed(site)
    assert {kind for kind in KINDS if any(kind in mail["Subject"] for mail in mails)} == KINDS
    tidy(site.services)
    before = _dump(site)

    begin = [f"{site.url}{path}" for path in ("/", "/sitemap.xml", "/feed.xml", "/robots.txt")]
    mailed = {one for mail in mails for kind in ("plain", "html") for one in links(mail, kind)}
    found = _crawled(site, [*begin, *sorted(mailed)])

    assert {address: answer.status for address, answer in found.items() if answer.status != 200} == {}
    assert _dump(site) == before
    _leads_everywhere(site, found)
    for address in found:
        _answers_alike(address, found[address])
    assert _dump(site) == before


def test_the_dump_tells_when_anything_changed(site: Served) -> None:
    """Else the proof above would prove nothing."""
    ada = _joined(site, "ada")
    before = _dump(site)
    site.services.subscribers.vote([("plumbline", ada, "ship")], site.clock())
    assert _dump(site) != before


def _crawled(site: Served, begin: Iterable[str]) -> dict[str, Answer]:
    """Open addresses of the site and all that stands behind them, once each."""
    waiting, found = deque(dict.fromkeys(begin)), dict[str, Answer]()
    while waiting:
        address = urldefrag(waiting.popleft())[0]
        if address in found or not f"{address}/".startswith(f"{site.url}/"):
            continue
        found[address] = ask("GET", address)
        assert len(found) <= MOST_PAGES
        waiting.extend(_leading_on(address, found[address].body.decode()))
    return found


def _leading_on(address: str, text: str) -> list[str]:
    named = re.findall(r'(?:href|src)="([^"]*)"', text) + re.findall(
        r"<loc>([^<]*)</loc>|^Sitemap: (\S+)", text, re.MULTILINE
    )
    said = [one if isinstance(one, str) else "".join(one) for one in named]
    return [urljoin(address, unescape(one)) for one in said if not one.startswith("mailto:")]


def _leads_everywhere(site: Served, found: dict[str, Answer]) -> None:
    """Tell that the crawl was no small one: every kind of page is among what it opened."""
    kinds = {address.removeprefix(site.url).partition("?")[0].split("/")[1] for address in found}
    assert kinds == {
        "", "account", "categories", "compare", "confirm", "editions", "favicon.svg", "feed.xml", "leave", "move",
        "preferences",
        "privacy", "reviewers", "robots.txt", "search", "site.css", "sitemap.xml", "subscribe", "tools", "vote",
    }  # fmt: skip


def _answers_alike(address: str, got: Answer) -> None:
    """Ask by HEAD, and by both with what others hang on to an address."""
    assert ask("HEAD", address).outside == got.outside, address
    for extra in EXTRAS:
        longer = f"{address}{'&' if '?' in address else '?'}{extra}"
        again = ask("GET", longer)
        assert (again.status, again.type) == (got.status, got.type), longer
        assert ask("HEAD", longer).outside == again.outside, longer


# What is mailed


def _everything_that_is_mailed(site: Served) -> list[EmailMessage]:
    """Bring about a letter of each kind; gives all letters, the digest to one reader among them."""
    services, clock = site.services, site.clock
    ada = _joined(site, "ada")
    _send(site)
    for ask_by_form in (_sign_up, _ask_to_leave):  # one letter a day
        clock.pass_by(days=1, hours=1)
        ask_by_form(site, "ada@example.org")
        site.all_sent()
    _sign_up(site, "bob@example.org")
    cyd, dan = _joined(site, "cyd"), _joined(site, "dan")
    services.accounts.ask_to_move(cyd, "cyd@example.net", clock())
    services.accounts.ask_to_move(dan, "dan@example.net", clock())
    site.all_sent()
    assert services.accounts.move(dan, "dan@example.net", NOWHERE, clock())
    services.subscribers.leave(_joined(site, "eve"), clock(), source="page")
    services.accounts.ask_for_link(ada, clock())
    site.all_sent()
    files = (site.home / "outbox").glob("*/[!.]*/*.eml")
    mails = [message_from_bytes(file.read_bytes(), policy=default) for file in files]
    void = {"dan@example.net": "Confirm", "dan@example.org": "Confirm"}  # who has moved: links to confirm are used up
    return [mail for mail in mails if not mail["Subject"].startswith(void.get(mail["To"], "—"))]


def _send(site: Served) -> None:
    """Send the example edition; the checks before that are for editions made from rows, which this one is not."""
    services = site.services
    message = services.editions.start_sending(WEEK).message
    assert message is not None
    services.ledger.plan(WEEK, site.clock())
    key = services.settings.link_keys[0]
    work = Delivery(message, services.identity, services.ledger, services.sender, key, site.clock)
    assert deliver(work) is None
    services.editions.finish_sending(WEEK, site.clock())


def _joined(site: Served, name: str) -> str:
    """Make a confirmed reader, as readers come; gives their id."""
    email = f"{name}@example.org"
    _sign_up(site, email)
    site.all_sent()
    row = site.subscriber(email)
    assert row is not None
    assert site.services.joining.confirm(row.id, row.folded, NOWHERE, site.clock()) == "confirmed"
    return row.id


def _sign_up(site: Served, email: str) -> None:
    assert site.services.joining.ask(email, NOWHERE, Wording("Yes.", "1"), site.clock())


def _ask_to_leave(site: Served, email: str) -> None:
    assert site.services.joining.ask_to_leave(email, NOWHERE, site.clock())


def _dump(site: Served) -> str:
    """Write out the whole database."""
    with sqlite3.connect(site.home / "verdicts.db") as database:
        return "\n".join(database.iterdump())
