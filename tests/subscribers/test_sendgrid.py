"""SendGrid takes a batch in one call; whatever it answers, no reader is lost and none is mailed twice for it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from digest.errors import SendError, SendHalted, SendLater, SendUnknown, SettingsError
from digest.model import Counts
from digest.settings import load_settings
from subscribers.addressing import NOTICES, Batch, Recipient
from subscribers.delivering import Delivery, deliver
from subscribers.ledger import Ledger
from subscribers.senders import Doubt, Receipt
from subscribers.senders import sendgrid as sending
from subscribers.senders.sendgrid import SendGrid, open_sender
from tests import sendgrid
from tests.sendgrid import KEY, Running
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK, approve, join

#: Faults here must not last longer than a test may.
QUICK = {"VERDICTS_SEND_TIMEOUT_S": "1", "VERDICTS_SEND_CONNECTIONS": "2", "VERDICTS_SETTLE_S": "0"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with sendgrid.running(tmp_path_factory.mktemp("sendgrid")) as running:
        running.control(keep=True)
        yield running


@pytest.fixture
def standin(service: Running) -> Iterator[Running]:
    """One for all tests: each batch has a key of its own."""
    yield service
    service.control(plan=[], bad=[], lacking=[], first_only=False, lag_s=0, wait_s=1, reset_at=0)


def opened(standin: Running, home: Path, **others: str) -> SendGrid:
    environment = standin.environment() | QUICK | others
    return open_sender(load_settings(home, environment), environment)


@pytest.fixture
def sender(standin: Running, home: Path) -> Iterator[SendGrid]:
    sender = opened(standin, home)
    yield sender
    sender.close()


def reader(number: int, email: str = "", name: str = "") -> Recipient:
    return Recipient(f"{number:016x}", email or f"reader{number}@example.org", name, f"{number:016x}token")


def batch(count: int = 3, *, week: str = WEEK) -> Batch:
    return Batch(week, 1, os.urandom(12).hex(), MESSAGE, IDENTITY, tuple(map(reader, range(count))))


def fresh() -> Batch:
    """A batch for addresses that nothing was sent to before: look-ups go by address."""
    sent = batch()
    mine = tuple(one._replace(email=one.email.replace("@", f"@{sent.key}.")) for one in sent.recipients)
    return replace(sent, recipients=mine)


def keys(standin: Running) -> list[str]:
    return [call["batch"] for call in standin.ledger()]


def body(standin: Running, of: Batch) -> dict[str, object]:
    (found,) = [one for one in standin.bodies() if one["custom_args"]["batch"] == of.key]
    return dict(found)


def doubt(of: Batch, claimed_at: datetime | None = None) -> Doubt:
    at = claimed_at or datetime.now(UTC) - timedelta(seconds=1)
    return Doubt(of.week, of.key, at, tuple(one.email for one in of.recipients[:3]))


# Settings


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "SENDGRID_API_KEY is missing: set it, or SENDGRID_API_KEY_FILE to a file that holds it"),
        ({"SENDGRID_API_KEY": "a\nb"}, "SENDGRID_API_KEY holds characters no key has"),
        ({"SENDGRID_API_KEY_FILE": "/nowhere"}, "SENDGRID_API_KEY_FILE: /nowhere cannot be read: No such file"),
        ({"SENDGRID_API_KEY": "k", "SENDGRID_REGION": "mars"}, "SENDGRID_REGION: found 'mars'; allowed: global, eu"),
        ({"SENDGRID_API_KEY": "k", "SENDGRID_LOOKUP": "x"}, "allowed: auto, activity, logs, none"),
        ({"SENDGRID_API_KEY": "k", "SENDGRID_OPEN_TRACKING": "yes"}, "SENDGRID_OPEN_TRACKING: found 'yes'"),
        ({"SENDGRID_API_KEY": "k", "SENDGRID_HOST": "http://api.example.org"}, "http:// to this machine only"),
        ({"SENDGRID_API_KEY": "k", "SENDGRID_HOST": "https://api.example.org/v3"}, "allowed: https://HOST"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_before_anything_is_sent(home: Path, environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)):
        open_sender(load_settings(home, environment), environment)


def test_all_wrong_settings_are_told_at_once(home: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        open_sender(load_settings(home, {}), {"SENDGRID_REGION": "mars", "SENDGRID_LOOKUP": "x"})
    assert len(str(raised.value).splitlines()) == 4  # and no key, and no host of that region


def test_the_key_may_stand_in_a_file(standin: Running, home: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    sender = opened(standin, home, SENDGRID_API_KEY="", SENDGRID_API_KEY_FILE=str(tmp_path / "key"))
    assert sender.send(batch()).refused == {}


def test_the_eu_region_has_a_host_of_its_own(home: Path) -> None:
    environment = {"SENDGRID_API_KEY": "k", "SENDGRID_REGION": "eu"}
    sender = open_sender(load_settings(home, environment), environment)
    assert sender._client.host == "https://api.eu.sendgrid.com"


def test_the_pace_of_settings_is_the_senders(home: Path) -> None:
    environment = {"SENDGRID_API_KEY": "k", "VERDICTS_SEND_CONNECTIONS": "3", "VERDICTS_SETTLE_S": "77"}
    sender = open_sender(load_settings(home, environment), environment)
    assert (sender.size, sender.at_once, sender.settle) == (1000, 3, timedelta(seconds=77))


# What a call says


def test_a_call_says_of_a_reader_no_more_than_it_must(standin: Running, sender: SendGrid) -> None:
    sent = batch()
    sender.send(sent)
    found = body(standin, sent)

    assert found["custom_args"] == {"batch": sent.key}
    for one, recipient in zip(found["personalizations"], sent.recipients, strict=True):  # type: ignore[call-overload]
        assert one["custom_args"] == {"delivery": recipient.id}
        assert one["substitutions"] == {"[[reader]]": recipient.token}
        assert one["to"] == [{"email": recipient.email}]
        assert one["headers"]["List-Unsubscribe"] == f"<https://verdicts.example.org/leave/{recipient.token}>"
    assert found["content"] == [
        {"type": "text/plain", "value": MESSAGE.text}, {"type": "text/html", "value": MESSAGE.html},
    ]  # fmt: skip
    assert found["reply_to"] == {"email": IDENTITY.reply_to}
    assert found["headers"] == {
        "Feedback-ID": f"{WEEK}:verdicts.example.org:verdicts",
        "List-Id": "AI Tool Verdicts <verdicts.verdicts.example.org>",
    }


@pytest.mark.parametrize("on", ["0", "1"])
def test_nothing_is_tracked_unless_it_is_set(standin: Running, home: Path, on: str) -> None:
    sender, sent = opened(standin, home, SENDGRID_CLICK_TRACKING=on, SENDGRID_OPEN_TRACKING=on), batch()
    sender.send(sent)

    assert body(standin, sent)["tracking_settings"] == {
        "click_tracking": {"enable": on == "1", "enable_text": on == "1"}, "open_tracking": {"enable": on == "1"},
        "subscription_tracking": {"enable": False}, "ganalytics": {"enable": False},
    }  # fmt: skip


def test_who_has_no_links_is_offered_nothing_to_leave(standin: Running, sender: SendGrid) -> None:
    alone = replace(batch(1, week=NOTICES), recipients=(reader(1)._replace(token=""),))
    sender.send(alone)
    found = body(standin, alone)

    assert found["headers"] == {
        "Feedback-ID": "notices:verdicts.example.org:verdicts",
        "Auto-Submitted": "auto-generated",
    }
    assert "headers" not in found["personalizations"][0]  # type: ignore[index]


def test_names_and_headers_of_any_language_are_spelled_as_sendgrid_takes_them(
    standin: Running, sender: SendGrid
) -> None:
    names = ("Lovelace, Ada", "李小龙; Bruce", 'Pat "P" O’Brien', "x" * 300)
    sent = replace(
        batch(), identity=replace(IDENTITY, from_name="Zoë’s Prüfbericht, wöchentlich und auch für längere Namen gut"),
        recipients=tuple(reader(number, name=name) for number, name in enumerate(names)),
    )  # fmt: skip
    sender.send(sent)
    found = body(standin, sent)

    told = [one["to"][0]["name"] for one in found["personalizations"]]  # type: ignore[attr-defined]
    assert told == ['"Lovelace, Ada"', '"李小龙; Bruce"', 'Pat "P" O’Brien', "x" * 300]
    assert str(found["headers"]["List-Id"]).isascii()  # type: ignore[index]


def test_neither_the_key_nor_an_address_is_logged(
    standin: Running, sender: SendGrid, caplog: pytest.LogCaptureFixture
) -> None:
    standin.control(plan=["accept", "401", "400", "reset before"])
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            with contextlib.suppress(SendError):
                sender.send(batch())
    assert KEY not in caplog.text
    assert "@example.org" not in caplog.text


# What it answers


def test_an_accepted_call_gives_its_message_id(standin: Running, sender: SendGrid) -> None:
    sent = batch()
    receipt = sender.send(sent)

    assert receipt == Receipt(standin.ledger()[-1]["message_id"])
    assert standin.ledger()[-1]["ids"] == [one.id for one in sent.recipients]


@pytest.mark.parametrize(
    ("way", "accepted"),
    [
        ("500 before", False), ("500 after", True), ("503 before", False), ("503 after", True), ("reset before", False),
        ("reset after", True), ("silence before", False), ("silence after", True), ("half before", False),
        ("half after", True),
    ],
)  # fmt: skip
def test_whatever_may_have_gone_out_is_unknown(standin: Running, sender: SendGrid, way: str, accepted: bool) -> None:
    sent, before = batch(), len(standin.calls())
    standin.control(plan=[way])
    with pytest.raises(SendUnknown, match="SendGrid"):
        sender.send(sent)

    assert (sent.key in keys(standin)) is accepted
    assert sender.found(doubt(sent)) is accepted
    assert len([one for one in standin.calls()[before:] if one.way == way]) <= 1
    assert sender.send(batch()).message_id  # and the next call goes out as ever


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("401", "SendGrid answered 401: The provided authorization grant is invalid, expired, or revoked"
                " (check SENDGRID_API_KEY)"),
        ("403 credits", "SendGrid answered 403: Maximum credits exceeded"
                        " (the account may send no more for now: look at its plan and credits)"),
        ("413", "SendGrid answered 413: 413 Request Entity Too Large (make the digest smaller)"),
        ("redirect", "SENDGRID_HOST answered 302, as the API never does (check SENDGRID_HOST)"),
    ],
)  # fmt: skip
def test_what_every_call_would_be_answered_halts_with_the_reason(
    standin: Running, sender: SendGrid, way: str, said: str
) -> None:
    standin.control(plan=[way])
    with pytest.raises(SendHalted) as raised:
        sender.send(batch())
    assert str(raised.value) == said


def test_a_fault_of_the_digest_itself_halts(standin: Running, sender: SendGrid) -> None:
    with pytest.raises(SendHalted, match="400: The subject is required"):
        sender.send(replace(batch(), message=replace(MESSAGE, subject="")))


def test_when_it_asks_for_less_haste_no_thread_calls_before_the_time_it_named(
    standin: Running, sender: SendGrid
) -> None:
    standin.control(plan=["429"], wait_s=30)
    before = len(standin.calls())
    for _ in range(2):
        with pytest.raises(SendLater) as raised:
            sender.send(batch())
        assert raised.value.until
        assert 29 < (raised.value.until - datetime.now(UTC)).total_seconds() <= 31
    assert len(standin.calls()) == before + 1
    standin.control(plan=[])


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, 60),
        ({"x-ratelimit-reset": "soon"}, 60),
        ({"x-ratelimit-reset": "9" * 11}, 60),
        ({"x-ratelimit-reset": "7"}, 1),
    ],
)
def test_a_time_to_wait_that_cannot_be_believed_is_not(headers: Mapping[str, str], wait_s: int) -> None:
    now = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)
    assert sending._until(headers, now) - now == timedelta(seconds=wait_s)


def test_where_it_cannot_be_reached_nothing_went_out(home: Path, free_port: int) -> None:
    environment = QUICK | {"SENDGRID_API_KEY": "k", "SENDGRID_HOST": f"http://127.0.0.1:{free_port}"}
    sender = open_sender(load_settings(home, environment), environment)
    with pytest.raises(SendLater, match="SendGrid cannot be reached: Connection refused") as raised:
        sender.send(batch())
    assert raised.value.until is None
    with pytest.raises(SendLater):
        sender.found(doubt(batch()))


# Addresses


def test_an_address_it_names_is_refused_and_the_others_go_at_once(standin: Running, sender: SendGrid) -> None:
    standin.control(bad=["reader1@example.org"])
    sent = batch()

    assert sender.send(sent) == Receipt(
        "", {reader(1).id: "Does not contain a valid address."}, {reader(0).id: "", reader(2).id: ""}
    )
    assert sent.key not in keys(standin)


def test_two_readers_of_one_address_are_not_in_one_call(standin: Running, sender: SendGrid) -> None:
    twins = (reader(0, "ada@example.org"), reader(1, "ADA@example.org"), reader(2, "ada@b\u00fccher.example"))
    sent = replace(batch(), recipients=(*twins, reader(3, "ada@xn--bcher-kva.example")))

    receipt = sender.send(sent)
    assert receipt.later == {reader(1).id: "", reader(3).id: ""}
    assert standin.ledger()[-1]["to"] == ["ada@example.org", "ada@xn--bcher-kva.example"]


def test_a_call_that_would_be_too_large_takes_some_now_and_the_rest_later(
    standin: Running, sender: SendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_LARGEST", 5_000)
    receipt = sender.send(batch(20))
    accepted = standin.ledger()[-1]["ids"]

    assert 0 < len(accepted) < 20
    assert {*accepted, *receipt.later} == {reader(number).id for number in range(20)}
    monkeypatch.setattr(sending, "_LARGEST", 500)
    with pytest.raises(SendHalted, match="one letter alone takes"):
        sender.send(batch(2))


def delivered(engine: Engine, sender: SendGrid) -> Counts:
    ledger = Ledger(engine)
    ledger.plan(WEEK, datetime.now(UTC))
    assert deliver(Delivery(MESSAGE, IDENTITY, ledger, sender, SECRET, lambda: datetime.now(UTC))) is None
    return ledger.counts(WEEK)


@pytest.mark.parametrize("first_only", [False, True])
def test_many_bad_addresses_cost_nobody_else_the_mail(
    engine: Engine, standin: Running, sender: SendGrid, first_only: bool
) -> None:
    """Also where each answer names but one of them: a try that gets further is no failed one."""
    join(engine, 60)
    approve(engine)
    bad = [f"reader{number}@example.org" for number in range(0, 60, 4)]
    standin.control(bad=bad, first_only=first_only)
    before = len(standin.ledger())

    assert delivered(engine, sender) == Counts(planned=60, accepted=45, refused=15)
    mailed = [address for call in standin.ledger()[before:] for address in call["to"]]
    assert sorted(mailed) == sorted({f"reader{number}@example.org" for number in range(60)} - {*bad})


ODD = st.sampled_from(
    [
        "zoë@example.org", '"a b"@example.org', f"{'a' * 65}@example.org", "a@b\u00fccher.example", "ada@exa mple.org",
        "ada@-example.org", "@example.org", "ada", "", "a@b@example.org", "ada@example", "ada..b@example.org",
        "<a@example.org>", "ada@example.org\r\nBcc: eve@example.org", "ada@\u2028.org", "A@EXAMPLE.org", "a@\ud7ff.org",
    ]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD | st.text(max_size=70) | st.emails(), min_size=1, max_size=6))
def test_any_address_is_accepted_or_refused_and_costs_nobody_else_the_mail(emails: list[str]) -> None:
    """Beside odd addresses a good reader always gets the mail, with at most as many calls as there are odd ones."""
    waiting = {
        one.id: one for one in (*(reader(number, email or " ") for number, email in enumerate(emails)), reader(99))
    }
    accepted: list[str] = []
    refused: dict[str, str] = {}
    for _ in range(len(emails) + 1):
        if not waiting:
            break
        sent = replace(batch(), recipients=tuple(waiting.values()))
        receipt = SHARED.sender.send(sent)
        named = {*receipt.refused, *receipt.later}
        refused |= receipt.refused
        accepted += [one for one in waiting if one not in named]
        assert receipt.refused or len(receipt.later) < len(waiting)
        waiting = {one: waiting[one] for one in receipt.later}
    assert not waiting
    assert reader(99).id in accepted
    assert sorted([*accepted, *refused]) == sorted({*accepted, *refused})
    assert all(refused.values())


class _Shared:
    sender: SendGrid


SHARED = _Shared()


@pytest.fixture(autouse=True)
def _shared(standin: Running, home: Path) -> Iterator[None]:
    """The sender of the examples above; hypothesis asks for no fixture of a single test."""
    SHARED.sender = opened(standin, home)
    yield
    SHARED.sender.close()


@settings(max_examples=40, deadline=None)
@given(name=st.text(max_size=60), sender=st.text(max_size=60), subject=st.text(min_size=1, max_size=120))
def test_nothing_in_a_name_or_subject_becomes_a_header(name: str, sender: str, subject: str) -> None:
    plain = batch(1)
    sent = replace(
        plain, identity=replace(IDENTITY, from_name=sender), message=replace(MESSAGE, subject=f"Hello {subject}"),
        recipients=(plain.recipients[0]._replace(name=name),),
    )  # fmt: skip
    assert SHARED.sender.send(sent).refused == {}
    body = json.dumps(json.loads(SHARED.sender._body(sent, sending._sorted_out(sent.recipients)[0])[0])["headers"])
    assert not re.search(r"\\[rn]", body)


# Looking up


@pytest.mark.parametrize("lookup", ["auto", "activity", "logs"])
def test_a_call_in_doubt_is_found_or_proved_absent(standin: Running, home: Path, lookup: str) -> None:
    sender, sent, absent = opened(standin, home, SENDGRID_LOOKUP=lookup), fresh(), fresh()
    sender.send(sent)

    assert sender.found(doubt(sent)) is True
    assert sender.found(doubt(absent)) is False


def test_what_is_not_in_the_records_yet_is_there_when_it_settled(standin: Running, home: Path) -> None:
    sender, sent = opened(standin, home), fresh()
    standin.control(lag_s=3600)
    sender.send(sent)
    assert sender.found(doubt(sent)) is False
    standin.control(lag_s=0)
    assert sender.found(doubt(sent)) is True


def test_what_an_account_lacks_is_not_asked_for_again(standin: Running, home: Path) -> None:
    sender, sent = opened(standin, home), fresh()
    sender.send(sent)
    standin.control(lacking=["activity"])
    assert sender.found(doubt(sent)) is True
    standin.control(lacking=["activity", "logs"])
    assert sender.found(doubt(sent)) is None
    standin.control(lacking=[])
    assert sender.found(doubt(sent)) is None


def test_without_look_ups_or_addresses_nothing_is_proved(standin: Running, home: Path) -> None:
    nothing = doubt(batch())
    assert opened(standin, home, SENDGRID_LOOKUP="none").found(nothing) is None
    logs = opened(standin, home, SENDGRID_LOOKUP="logs")
    assert logs.found(replace(nothing, addresses=())) is None
    assert logs.found(replace(nothing, addresses=("o'brien@example.org",))) is None


def test_more_letters_to_an_address_than_are_looked_at_prove_nothing(standin: Running, home: Path) -> None:
    sender = opened(standin, home, SENDGRID_LOOKUP="logs")
    alone = replace(batch(1), recipients=(reader(7, "often@example.org"),))
    for _ in range(10):
        sender.send(replace(alone, key=os.urandom(12).hex()))
    assert sender.found(doubt(alone)) is None


# Rehearsing


def test_a_rehearsal_delivers_nothing(standin: Running, sender: SendGrid) -> None:
    sent = batch()
    sender.rehearse(sent)
    assert sent.key not in keys(standin)


@pytest.mark.parametrize("way", ["401", "400", "413"])
def test_a_rehearsal_says_why_it_would_not_be_taken(standin: Running, sender: SendGrid, way: str) -> None:
    standin.control(plan=[way])
    with pytest.raises(SendHalted, match=f"SendGrid answered {way}"):
        sender.rehearse(batch())


def test_lists_come_page_by_page(standin: Running, sender: SendGrid) -> None:
    rows = [{"email": f"r{number}@example.org", "created": 1794000000, "reason": "550"} for number in range(7)]
    (standin.folder / "bounces.json").write_text(json.dumps(rows))

    pages = [sender.get("suppression/bounces", {"limit": 5, "offset": start}) for start in (0, 5, 10)]
    assert pages == [rows[:5], rows[5:], []]
    with pytest.raises(SendHalted):
        sender.get("suppression/nothing", {"limit": 5, "offset": 0})
