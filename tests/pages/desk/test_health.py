"""Health at the desk: what is wrong with feeds, settings and letters, and what to do about each."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, expect
from sqlmodel import col, select

from digest.database import writing
from flows.desk.health import health_page
from flows.services import open_services
from pages.desk.steps import Check, HealthView
from sources.tables import FeedMemory
from subscribers.tables import NoticeRow, SubscriberRow, SuppressionRow
from tests.pages.desk.desks import NOW, Sat, words

#: What SendGrid shows as a verification key.
_MADE = ec.generate_private_key(ec.SECP256R1()).public_key()
EVENT_KEY = b64encode(_MADE.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

#: Everything that sending for real asks for.
REAL = (
    'sender = "sendgrid"\nfrom_email = "ai@example.com"\npostal_address = "1 Road"\nsite_url = "https://example.com"\n'
)


def feed(sat: Sat, name: str, change: Callable[[FeedMemory], None]) -> None:
    """Let a feed have fared otherwise."""
    with writing(sat.services.engine) as session:
        row = session.exec(select(FeedMemory).where(FeedMemory.name == name)).one()
        change(row)
        session.add(row)


def looked(
    home: Path, settings: str = "", now: datetime = NOW, environment: Mapping[str, str] | None = None
) -> HealthView:
    """What the page is told of a home with these settings in its file."""
    if settings:
        (home / "verdicts.toml").write_text(settings)
    with open_services(home, now, environment=environment or {}) as services:
        return health_page(services).look()


def told(sat: Sat) -> str:
    """What the page says."""
    return re.sub(r" (?=[.,;])", "", words(sat.get("/health")))


def check(view: HealthView, about: str) -> Check:
    return next(one for one in view.checks if one.about == about)


@pytest.mark.only_looks
def test_where_all_is_well_it_says_so_and_still_tells_everything(sat: Sat) -> None:
    page = told(sat)
    assert "Nothing. What is due is done by itself where verdicts serve runs." in page
    assert "Feeds 4, none in trouble" in page
    assert 'Send it send_at = "0 9 * * 2" last Tue 10 Nov, 09:00; next Tue 17 Nov, 09:00' in page
    assert (
        'Gather from feeds that are due gather_at = "0 * * * *" last Tue 17 Nov, 08:00; next Tue 17 Nov, 09:00' in page
    )
    assert "Gathered Tue 17 Nov, 08:00 4 of 4 feeds were asked, 0 failed." in page
    assert "Composed Tue 17 Nov, 08:00 2026-W47, 5 pairs; draft now." in page
    assert "Sent an edition None yet." in page
    assert "Suppressed addresses None." in page


def test_feeds_in_trouble_come_first_with_the_reason_and_how_to_mend_it(sat: Sat) -> None:
    def failed(times: int) -> Callable[[FeedMemory], None]:
        def fail(row: FeedMemory) -> None:
            row.error_streak, row.reason, row.last_success_at = times, f"HTTP 50{times}", NOW - timedelta(days=3)

        return fail

    def gone(row: FeedMemory) -> None:
        row.retired_at, row.reason, row.next_poll_at = NOW, "HTTP 410", None

    for name, change in (("vendor-notes", failed(1)), ("odd-sock", failed(4)), ("launch-harbour", gone)):
        feed(sat, name, change)
    page = told(sat)
    listed = page[page.index("Feeds 4, 3 in trouble") :]
    expected = [
        "launch-harbour HTTP 410", "verdicts feeds remove launch-harbour",
        "odd-sock HTTP 504 4 failures in a row; last success Sat 14 Nov, 08:00; asked again",
        "verdicts gather --feed odd-sock", "vendor-notes HTTP 501 1 failure;", "asked again by itself",
        "1 do well, or were not asked yet", "workbench-weekly",
    ]  # fmt: skip
    places = [listed.find(one) for one in expected]
    assert -1 not in places, expected[places.index(-1)]
    assert places == sorted(places)
    assert page.index("feed odd-sock: HTTP 504") < page.index("This installation"), "as `verdicts status` says it"


def test_suppressions_are_counted_and_name_nobody_but_subscribers(sat: Sat) -> None:
    with writing(sat.services.engine) as session:
        known = session.exec(select(SubscriberRow).where(col(SubscriberRow.state) == "confirmed")).first()
        assert known
        for number in range(12):
            session.add(SuppressionRow(address_hash=f"gone-{number}", why="erasure", at=NOW - timedelta(days=number)))
        session.add(SuppressionRow(address_hash=known.address_hash, why="hard bounce", at=NOW, soft=True))
        session.add(NoticeRow(kind="alarm", email="x@example.org", queued_at=NOW - timedelta(hours=1), due_at=NOW))
    page = told(sat)
    assert "erasure 12 hard bounce 1 The newest" in page
    assert f"hard bounce Tue 17 Nov, 08:00 {known.email} Its mailbox turned letters away." in page
    assert page.count("No subscriber’s; only a hash is kept.") == 7
    assert "The oldest waits since Tue 17 Nov, 07:00. waiting 1" in page
    assert "x@example.org" not in page
    assert "1 letters wait to be sent" in page, "as `verdicts status` says it"


@pytest.mark.parametrize(
    ("settings", "environment", "about", "level", "said"),
    [
        ("", {}, "Sender", "warning", "reach nobody"),
        ('sender = "sendgrid"\n', {}, "Sender", "wrong", "SENDGRID_API_KEY"),
        ('sender = "sendgrid"\n', {}, "From", "wrong", "from_email and postal_address are not set"),
        ('sender = "sendgrid"\n', {}, "Public pages", "wrong", "is not https and leads to this machine"),
        (
            'sender = "sendgrid"\nsite_url = "https://10.0.0.7"\n',
            {},
            "Public pages",
            "wrong",
            "this machine or network",
        ),
        ('sender = "sendgrid"\n', {}, "Event key", "wrong", "every event SendGrid posts is refused"),
        (REAL, {"SENDGRID_EVENT_PUBLIC_KEY": "no key"}, "Event key", "wrong", "allowed: the verification key"),
        (REAL, {"SENDGRID_EVENT_PUBLIC_KEY": EVENT_KEY}, "Event key", "good", "signed events are taken"),
        (REAL, {"SENDGRID_API_KEY": "SG.key"}, "Sender", "good", "sendgrid has what it needs"),
        (REAL, {}, "From", "good", "ai@example.com"),
        (REAL, {}, "Public pages", "good", "https://example.com"),
        ('operator = "op@example.com"\n', {}, "Who is told", "warning", "No editor is told"),
        ("quorum = 5\n", {}, "Panel", "wrong", "4 of 4 reviewers are active"),
    ],
)
def test_what_settings_lack_is_said_with_what_to_do(
    desk_home: Path, settings: str, environment: Mapping[str, str], about: str, level: str, said: str
) -> None:
    found = check(looked(desk_home, settings or " ", environment=environment), about)
    assert found.level == level
    assert said in found.said
    assert bool(found.fix) is (level != "good")
    assert "SG.key" not in str(found)


def test_files_that_cannot_be_read_are_told_in_place(sat: Sat) -> None:
    (sat.home / "verdicts.toml").write_text("quorum = 2\nnonsense = 1\n")
    (sat.home / "feeds.toml").write_text("[[feed]]\nname = 5\n")
    page = told(sat)
    assert "wrong Settings verdicts.toml:2: nonsense: found a key nobody knows" in page
    assert re.search(r"wrong Feeds .*feeds\.toml:1", page)
    assert re.search(r"What needs a person .*feeds\.toml:1.* This installation", page), "as `verdicts status` says it"
    assert "No feed is watched." in page
    (sat.home / "verdicts.toml").write_text("quorum = 2\n")
    assert "Settings Changed since the desk was opened:" in told(sat)


def test_schedules_that_do_not_run_are_noticed(desk_home: Path) -> None:
    assert check(looked(desk_home, now=NOW + timedelta(minutes=50)), "Schedules").level == "good"
    late = looked(desk_home, now=NOW + timedelta(hours=2, minutes=20))
    found = check(late, "Schedules")
    assert found.level == "warning"
    assert "4 feeds were due Tue 17 November 10:00 and nobody asked them." in found.said
    assert any("should have been sent" in one for one in late.needs)


def test_without_the_key_of_letters_everything_else_is_told(desk_home: Path) -> None:
    (desk_home / "suppression_key.key").unlink()
    view = looked(desk_home)
    assert check(view, "Keys").level == "wrong"
    assert "verdicts init" in check(view, "Keys").fix
    assert len(view.feeds) == 4
    assert view.letters == {}


def test_it_looks_again_by_itself_and_leaves_alone_what_is_the_same(sat: Sat, browser: Browser) -> None:
    page = sat.show(browser)
    page.clock.install()
    page.goto(f"{sat.url}/health")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.evaluate("document.querySelector('#needs').mark = 1")
    page.clock.run_for(11_000)
    assert page.evaluate("document.querySelector('#needs').mark") == 1, "nothing is new"

    def fail(row: FeedMemory) -> None:
        row.error_streak, row.reason = 5, "HTTP 500"

    feed(sat, "odd-sock", fail)
    page.clock.run_for(11_000)
    expect(page.locator("#main")).to_contain_text("feed odd-sock: HTTP 500")
    expect(page.locator("[data-row]").first).to_be_focused()
