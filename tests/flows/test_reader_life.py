"""A reader's whole life, walked in a real browser: in, votes, a pause, another address, out, in again, erased."""

from __future__ import annotations

import csv
import json
import time
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser
from sqlmodel import Session, select

from pages.joining import QUICKEST_S
from subscribers.addressing import address_hash, fold
from subscribers.tables import SuppressionRow
from tests.commands import verdicts
from tests.emails.browsing import browser, need_axe
from tests.flows.served import Served, link, links, served
from tests.flows.visiting import Visitor, visitor

pytestmark = pytest.mark.slow

ADA, BEA = "ada.lovelace@example.net", "Bea+digest@example.org"

#: Every kind of page that a life leads to.
PAGES = {"", "subscribe", "confirm", "vote", "preferences", "account", "move", "leave", "return"}


@pytest.fixture(scope="module", name="browser")
def opened_browser() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture
def site(home: Path, free_port: int) -> Iterator[Served]:
    with served(home, free_port) as opened:
        yield opened


@pytest.mark.parametrize(
    ("hand", "scripts", "width"),
    [
        pytest.param("mouse", True, 1280, id="mouse, scripts, wide", marks=pytest.mark.thorough),
        pytest.param("mouse", False, 375, id="mouse, no scripts, phone"),
        pytest.param("keyboard", True, 375, id="keyboard, scripts, phone", marks=pytest.mark.thorough),
    ],
)
def test_a_reader_lives_a_whole_life(
    browser: Browser, site: Served, capfd: pytest.CaptureFixture[str], hand: str, scripts: bool, width: int
) -> None:
    need_axe()
    with visitor(browser, site.url, hand, scripts=scripts, width=width) as me:
        _sign_up(me, site)
        _vote(me, site, welcome := _confirm(me, site, ADA))
        _pause(me, site, welcome)
        _move(me, site, welcome)
        _download(me, site, welcome)
        _leave_and_undo(me, site, welcome)
        _leave_by_mail(me, site)
        _come_back_and_be_erased(me, site)

    assert me.troubles == []
    assert set(me.seen) == PAGES
    assert {urlsplit(one).netloc for one in me.requests} == {urlsplit(site.url).netloc}
    printed = "".join(capfd.readouterr())
    for said in (*me.requests, printed):
        assert not any(name in said.casefold() for name in ("lovelace", "bea+", "bea%2b", "example.net", "%40", "@"))


def _sign_up(me: Visitor, site: Served) -> None:
    me.open(f"{site.url}/")
    me.write("Your email address", ADA)
    time.sleep(QUICKEST_S + 0.1)  # as long as anybody takes to type it
    me.press("button", "Send it to me")
    assert me.headline == "Look into your inbox"


def _confirm(me: Visitor, site: Served, email: str) -> EmailMessage:
    """Confirm from the letter; gives the letter that welcomes."""
    before = site.state(email)
    me.open(link(site.letter(email, "Confirm your subscription"), f"{site.url}/confirm/"))
    assert (me.headline, site.state(email)) == ("One click, and you are in", before)
    assert me.page.title().startswith("Confirm your subscription")
    me.press("button", "Confirm my subscription")
    assert me.page.title().startswith("You are subscribed")
    assert (me.headline, site.state(email)) == ("You are subscribed", "confirmed")
    assert before != "confirmed"
    return site.letter(email, "Welcome to AI Tool Verdicts")


def _vote(me: Visitor, site: Served, welcome: EmailMessage) -> None:
    address = next(one for one in links(welcome, "html") if "/vote/" in one and one.endswith("/plumbline/ship"))
    me.open(address)
    assert me.headline == "Would you ship Plumbline?"
    assert me.page.get_by_role("radio", name="✓ Ship").is_checked()
    assert site.rows()["votes"] == []
    me.pick("✕ Skip: not for me, or not yet")
    me.press("button", "Count my vote")
    assert (me.headline, me.announced.startswith("Counted. 0 % so far")) == ("Your vote on Plumbline: skip", True)
    me.pick("✓ Ship: I use it, or would")
    me.press("button", "Change my vote")
    assert (me.headline, me.announced.startswith("Counted. 100 % so far")) == ("Your vote on Plumbline: ship", True)
    assert len(site.rows()["votes"]) == 1


def _pause(me: Visitor, site: Served, welcome: EmailMessage) -> None:
    me.open(link(welcome, f"{site.url}/preferences/"))
    me.choose("Pause for", "4 weeks")
    me.press("button", "Pause")
    row = site.subscriber(ADA)
    assert row is not None
    assert row.paused_until is not None
    assert (row.paused_until - site.clock()).days == 27
    assert f"You are pausing until {row.paused_until:%d %B %Y}" in me.text
    me.press("button", "Go on now")
    assert "You get one email a week" in me.text
    assert (row := site.subscriber(ADA)) is not None
    assert row.paused_until is None


def _move(me: Visitor, site: Served, welcome: EmailMessage) -> None:
    _open_account(me, site, welcome, ADA)
    me.write("New email address", BEA)
    me.press("button", "Change my address")
    assert "one is on its way" in me.announced
    me.open(link(site.letter(BEA, "Confirm your new address"), f"{site.url}/move/"))
    assert (site.state(ADA), site.state(BEA)) == ("confirmed", "")
    me.press("button", "Yes, send it here")
    assert (me.headline, site.state(ADA), site.state(BEA)) == ("Your address is changed", "", "confirmed")
    assert BEA.casefold() not in site.letter(ADA, "has moved").as_string().casefold()


def _open_account(me: Visitor, site: Served, letter: EmailMessage, email: str) -> None:
    me.open(link(letter, f"{site.url}/preferences/"))
    me.press("button", "Mail me the link")
    assert "on its way to your address" in me.announced
    mail = site.letter(email, "Your link to change your subscription")
    me.open(link(mail, f"{site.url}/account/"))
    assert email in me.text


def _download(me: Visitor, site: Served, welcome: EmailMessage) -> None:
    site.clock.pass_by(hours=1, minutes=1)
    _open_account(me, site, welcome, BEA)
    story = json.loads(me.save("Download my data"))
    assert (story["subscriber"]["email"], story["subscriber"]["state"]) == (BEA, "confirmed")
    assert [one["what"] for one in story["consents"]] == ["asked", "confirmed", "moved to this address"]
    assert [(one["tool"], one["call"]) for one in story["votes"]] == [("plumbline", "ship")]
    assert [one["kind"] for one in story["letters"]] == ["confirm", "welcome", "link", "moved", "link"]


def _leave_and_undo(me: Visitor, site: Served, welcome: EmailMessage) -> None:
    me.open(link(welcome, f"{site.url}/preferences/"))
    me.press("link", "Leave altogether")
    assert (me.headline, site.state(BEA)) == ("Leave AI Tool Verdicts?", "confirmed")
    me.press("button", "Leave")
    assert (me.headline, site.state(BEA)) == ("You have left", "unsubscribed")
    me.open(link(site.letter(BEA, "You have left"), f"{site.url}/leave/"))
    me.press("button", "Send me the digest again")
    assert (me.headline, me.announced, site.state(BEA)) == (
        "Preferences",
        "You are back: the next edition comes to you.",
        "confirmed",
    )


def _leave_by_mail(me: Visitor, site: Served) -> None:
    site.clock.pass_by(days=1, hours=1)  # no address gets more than one letter a day from forms
    me.open(f"{site.url}/")
    me.press("link", "Leave")
    me.write("Your email address", BEA.upper())
    site.clock.pass_by(seconds=QUICKEST_S + 1)
    me.press("button", "Mail me the link")
    assert me.headline == "Look into your inbox"
    mail = site.letter(BEA, "Your link to leave")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = mail["List-Unsubscribe"].strip().strip("<>")
    assert address == link(mail, f"{site.url}/leave/")
    answers = [_one_click(address) for _ in range(2)]
    assert answers == [(200, address, "You have left.\n", None)] * 2
    assert site.state(BEA) == "unsubscribed"
    site.letter(BEA, "You have left")
    assert sum("one-click" in one for one in site.rows()["consents"]) == 1


def _one_click(address: str) -> tuple[int, str, str, str | None]:
    """Leave as a mail program does (RFC 8058); gives status, where it ended, what it said, and any cookie."""
    asked = urllib.request.Request(address, b"List-Unsubscribe=One-Click", method="POST")
    answer: HTTPResponse
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return answer.status, answer.url, answer.read().decode(), answer.headers["Set-Cookie"]


def _come_back_and_be_erased(me: Visitor, site: Served) -> None:
    site.clock.pass_by(days=1, hours=1)
    me.open(f"{site.url}/subscribe")
    me.write("Your email address", BEA)
    site.clock.pass_by(seconds=QUICKEST_S + 1)
    me.press("button", "Send it to me")
    welcome = _confirm(me, site, BEA)
    _open_account(me, site, welcome, BEA)
    me.tick("Yes, erase everything about me")
    me.press("button", "Erase me")
    assert me.headline == "You are erased"
    _nothing_is_left(site)
    _no_list_brings_it_back(site)


def _nothing_is_left(site: Served) -> None:
    rows = site.rows()
    for table in ("subscribers", "consents", "votes", "notices", "deliveries"):
        assert rows[table] == []
    held = repr(rows).casefold()
    assert not any(name in held for name in ("lovelace", "example.net", "bea+"))
    with Session(site.engine) as session:
        kept = {one.address_hash: one.why for one in session.exec(select(SuppressionRow))}
    key = site.services.settings.key("suppression_key")
    # The old address stays out too, although its reader only moved away from it.
    assert kept == {address_hash(fold(BEA), key): "erasure", address_hash(fold(ADA), key): "request"}


def _no_list_brings_it_back(site: Served) -> None:
    file = site.home / "list.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(
            [("email", "name", "state", "confirmed_at"), (BEA, "Bea", "confirmed", "2026-03-01T09:30:00Z")]
        )
    ran = verdicts("subscribers", "import", file, home=site.home)
    assert (ran.status, site.state(BEA)) == (1, "")
    assert "suppressed" in ran.out
