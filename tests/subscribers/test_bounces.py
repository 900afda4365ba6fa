"""Bounces and complaints that come back as mail are told from everything else, whoever wrote them."""

from __future__ import annotations

import mailbox
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.errors import SettingsError
from subscribers.bounces import Bounced, Unread, read
from tests.subscribers.readers import WEEK

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ID, KEY = "0123456789abcdef", "5ca1ab1e" * 3

LETTER = f"<{WEEK}.{ID}.{KEY}@verdicts.example.org>"

AT = datetime(2026, 11, 17, 9, 1, 5, tzinfo=UTC)

OURS = Bounced(WEEK, ID, KEY, "hard bounce", "", AT, "", "ada@example.net")

POSTFIX = f"""\
From: MAILER-DAEMON@relay.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@verdicts.example.org
Date: Tue, 17 Nov 2026 09:02:00 +0000 (UTC)
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4C1B.1/relay"

--4C1B.1/relay
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

Your letter could not be handed over.

--4C1B.1/relay
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.org
X-Postfix-Queue-ID: 4C1B
Arrival-Date: Tue, 17 Nov 2026 09:01:00 +0000 (UTC)

Final-Recipient: rfc822; ada@example.net
Original-Recipient: rfc822;Ada@Example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.net
Last-Attempt-Date: Tue, 17 Nov 2026 10:01:05 +0100
Diagnostic-Code: smtp; 550 5.1.1 <ada@example.net>: Recipient address
    rejected: User unknown

--4C1B.1/relay
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <bounces@verdicts.example.org>
From: AI Tool Verdicts <digest@verdicts.example.org>
Message-ID: {LETTER}

--4C1B.1/relay--
"""

EXIM = f"""\
X-Failed-Recipients: ada@example.net
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@exim.example.org>
To: bounces@verdicts.example.org
Content-Type: multipart/report; report-type=delivery-status; boundary=1794906065-eximdsn-42
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Date: Tue, 17 Nov 2026 09:01:05 +0000

--1794906065-eximdsn-42
Content-type: text/plain; charset=us-ascii

An address of this letter failed for good: ada@example.net

--1794906065-eximdsn-42
Content-type: message/delivery-status

Reporting-MTA: dns; exim.example.org

Action: failed
Final-Recipient: rfc822;ada@example.net
Status: 5.0.0
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; 550 no mailbox of this name

--1794906065-eximdsn-42
Content-type: message/rfc822

Return-path: <bounces@verdicts.example.org>
Message-ID:
 {LETTER}
Subject: Plumbline or Lantern?

Two tools.

--1794906065-eximdsn-42--
"""

EXCHANGE = f"""\
From: postmaster@tenant.example.com
To: bounces@verdicts.example.org
Date: Tue, 17 Nov 2026 09:01:05 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="b2f3_TENANT_"
In-Reply-To: {LETTER}
References: {LETTER}
Subject: Undeliverable: Plumbline or Lantern?
MIME-Version: 1.0

--b2f3_TENANT_
Content-Type: multipart/alternative; differences=Content-Type; boundary="alt_TENANT_"

--alt_TENANT_
Content-Type: text/plain; charset="us-ascii"

ada@example.net was not found.
--alt_TENANT_
Content-Type: text/html; charset="us-ascii"

<p>ada@example.net was not found.</p>
--alt_TENANT_--

--b2f3_TENANT_
Content-Type: message/delivery-status

Reporting-MTA: dns;AB1PR01.tenant.example.com
Received-From-MTA: dns;relay.example.org

Final-Recipient: rfc822;ada@example.net
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; ada@example.net not found by lookup

--b2f3_TENANT_
Content-Type: message/rfc822

Received: from relay.example.org
Message-ID: <rewritten.by.a.gateway@tenant.example.com>
Subject: Plumbline or Lantern?

--b2f3_TENANT_--
"""

GMAIL = f"""\
From: Mail Delivery Subsystem <mailer-daemon@googlemail.example>
To: bounces@verdicts.example.org
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: {LETTER}
In-Reply-To: {LETTER}
MIME-Version: 1.0
Content-Type: multipart/report; boundary="000000000000a1"; report-type=delivery-status
Date: Tue, 17 Nov 2026 01:01:05 -0800 (PST)

--000000000000a1
Content-Type: multipart/related; boundary="000000000000b2"

--000000000000b2
Content-Type: text/html; charset="UTF-8"

<p>The inbox is out of room.</p>
--000000000000b2
Content-Type: image/png; name="icon.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--000000000000b2--
--000000000000a1
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.example
Arrival-Date: Tue, 17 Nov 2026 01:01:00 -0800 (PST)
X-Original-Message-ID: {LETTER}

Final-Recipient: rfc822; ada@example.net
Action: failed
Status: 5.2.2
Remote-MTA: dns; gmail-smtp-in.example. (192.0.2.7, the server for the domain example.net.)
Diagnostic-Code: smtp; 552-5.2.2 The inbox is out of storage space.
 552 5.2.2 Please direct the recipient elsewhere.
Last-Attempt-Date: Tue, 17 Nov 2026 01:01:05 -0800 (PST)

--000000000000a1
Content-Type: message/rfc822

Message-ID: {LETTER}
Subject: Plumbline or Lantern?

--000000000000a1--
"""

DELAYED = POSTFIX.replace("Action: failed", "Action: delayed").replace("Status: 5.1.1", "Status: 4.4.1")

COMPLAINT = f"""\
From: <abuse@provider.example>
Date: Tue, 17 Nov 2026 09:01:05 +0000
Subject: FW: Plumbline or Lantern?
To: <bounces@verdicts.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="part1_13d"

--part1_13d
Content-Type: text/plain; charset="US-ASCII"

Somebody called this letter unwanted.
--part1_13d
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Provider/1.0
Version: 1
Original-Mail-From: <bounces@verdicts.example.org>
Original-Rcpt-To: <ada@example.net>
Received-Date: Tue, 17 Nov 2026 10:01:05 +0100
Source-IP: 192.0.2.1

--part1_13d
Content-Type: message/rfc822
Content-Disposition: inline

From: <digest@verdicts.example.org>
Message-ID: {LETTER}
Subject: Plumbline or Lantern?

Two tools.
--part1_13d--
"""

AWAY = """\
From: Ada <ada@example.net>
Subject: Away
Auto-Submitted: auto-replied

I am away until Monday.
"""


@pytest.fixture
def box(tmp_path: Path) -> mailbox.Maildir:
    return mailbox.Maildir(tmp_path / "bounces")


def read_all(box: mailbox.Maildir, *letters: str | bytes) -> list[Bounced | Unread]:
    for one in letters:
        box.add(one if isinstance(one, bytes) else one.encode())
    return list(read(Path(box._path), NOW))


def told(box: mailbox.Maildir, letter: str | bytes) -> Bounced:
    (one,) = read_all(box, letter)
    assert isinstance(one, Bounced), one
    return one


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (POSTFIX, replace(OURS, reason="550 5.1.1 …: Recipient address rejected: User unknown")),
        (EXIM, replace(OURS, reason="5.0.0 550 no mailbox of this name")),
        (EXCHANGE, replace(OURS, reason="550 5.1.10 RESOLVER.ADR.RecipientNotFound; … not found by lookup")),
        (
            GMAIL,
            replace(
                OURS, kind="soft bounce",
                reason="552-5.2.2 The inbox is out of storage space. 552 5.2.2 Please direct the recipient elsewhere.",
            ),
        ),
        (DELAYED, replace(OURS, kind="deferred", reason="4.4.1 550 5.1.1 …: Recipient address rejected: User unknown")),
        (COMPLAINT, replace(OURS, kind="complaint", reason="reported as abuse")),
    ],
    ids=["Postfix", "Exim", "Exchange", "Gmail", "delayed", "complaint"],
)  # fmt: skip
def test_a_report_tells_which_letter_came_to_what_and_why(box: mailbox.Maildir, report: str, expected: Bounced) -> None:
    assert told(box, report) == expected
    assert "@" not in expected.reason


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 5.1.1 nobody", "hard bounce"),
        ("5.2.1", "550 5.2.1 disabled", "hard bounce"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "hard bounce"),
        ("5.0.0", "550 unrouteable", "hard bounce"),
        ("5.0.0", "", "hard bounce"),
        ("5.2.2", "552 5.2.2 full", "soft bounce"),
        ("5.0.0", "552 5.2.2 over quota", "soft bounce"),
        ("5.0.0", "552 mailbox is full", "soft bounce"),
        ("5.0.0", "550 blocked as spam", "soft bounce"),
        ("5.7.1", "550 5.7.1 message refused", "soft bounce"),
        ("5.3.4", "552 5.3.4 too big", "soft bounce"),
        ("5.1.8", "550 5.1.8 sender's domain unknown", "soft bounce"),
        ("4.4.7", "", "soft bounce"),
        ("4.2.2", "452 4.2.2 full", "soft bounce"),
        ("5.7.1", "connection from 10.5.1.1 refused", "soft bounce"),
    ],
)
def test_only_an_address_that_is_dead_bounces_hard(box: mailbox.Maildir, status: str, said: str, kind: str) -> None:
    report = POSTFIX.replace("Status: 5.1.1", f"Status: {status}")
    start = report.index("Diagnostic-Code")
    end = report.index("--4C1B.1/relay\nContent-Description: Undelivered")
    assert told(box, f"{report[:start]}Diagnostic-Code: smtp; {said}\n\n{report[end:]}").kind == kind


def test_without_the_letters_id_the_address_tells_whose_it_was(box: mailbox.Maildir) -> None:
    found = told(box, POSTFIX.replace(LETTER, "<someone.else@example.com>"))
    assert (found.week, found.subscriber_id, found.key, found.address) == ("", "", "", "ada@example.net")


def test_a_report_of_one_letter_on_several_addresses_tells_of_each(box: mailbox.Maildir) -> None:
    more = "Final-Recipient: rfc822; {0}\nAction: {1}\nStatus: {2}\n\n"
    groups = more.format("bea@example.net", "failed", "5.2.2") + more.format("cy@example.net", "delivered", "2.0.0")
    odd = more.format("dan@example.net", "eaten", "5.0.0")
    marker = "--4C1B.1/relay\nContent-Description: Undelivered"
    found = read_all(box, POSTFIX.replace(marker, groups + odd + marker))

    assert [(one.address, one.kind) for one in found if isinstance(one, Bounced)] == [
        ("ada@example.net", "hard bounce"), ("bea@example.net", "soft bounce"),
    ]  # fmt: skip
    assert len(found) == 2


def test_a_letter_that_arrived_is_no_bounce(box: mailbox.Maildir) -> None:
    assert read_all(box, POSTFIX.replace("Action: failed", "Action: delivered").replace("5.1.1", "2.1.5")) == []


def test_an_international_report_names_an_international_address(box: mailbox.Maildir) -> None:
    report = POSTFIX.replace("message/delivery-status", "message/global-delivery-status").replace(
        "Original-Recipient: rfc822;Ada@Example.net", "Original-Recipient: utf-8; zo\u00eb@b\u00fccher.example"
    )
    found = told(box, report.encode())
    assert (found.kind, found.subscriber_id) == ("hard bounce", ID)


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (AWAY, "it is no report of a delivery or a complaint"),
        ("", "it is no report of a delivery or a complaint"),
        (
            POSTFIX.replace("Final-Recipient", "X-A").replace("Original-Recipient", "X-B"),
            "its report names no recipient",
        ),
        (POSTFIX.replace("Action: failed", "Action: eaten"), "its report has an action nobody knows"),
        (
            POSTFIX.replace("Status: 5.1.1", "Status: bad").replace("550 5.1.1", "550"),
            "its report has no status",
        ),
        (
            POSTFIX.replace(LETTER, "").replace("Ada@Example.net", "Ada").replace("ada@example.net", "ada"),
            "it names neither a letter of ours nor an address",
        ),
        (COMPLAINT.replace("abuse\nUser", "not-spam\nUser"), "its feedback is no complaint"),
        (
            COMPLAINT.replace(LETTER, "").replace("<ada@example.net>", "[redacted]"),
            "it names neither a letter of ours nor an address",
        ),
    ],
)
def test_what_says_nothing_of_use_is_told_and_stops_nothing(box: mailbox.Maildir, letter: str, why: str) -> None:
    found = read_all(box, POSTFIX, letter, COMPLAINT)

    (unread,) = [one for one in found if isinstance(one, Unread)]
    assert unread.reason == why
    assert (Path(unread.where).is_file(), Path(unread.where).read_text()) == (True, letter)
    assert sorted(one.kind for one in found if isinstance(one, Bounced)) == ["complaint", "hard bounce"]


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Tue, 17 Nov 2026 10:01:05 +0100", AT),
        ("Fri, 20 Nov 2099 12:00:00 +0000", datetime(2026, 11, 17, 9, 2, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 +0000", datetime(2026, 11, 17, 9, 2, tzinfo=UTC)),
        ("Tue, 99 Foo 99999 99:99:99 +9999", datetime(2026, 11, 17, 9, 2, tzinfo=UTC)),
        ("", datetime(2026, 11, 17, 9, 2, tzinfo=UTC)),
    ],
)
def test_a_moment_that_cannot_be_is_not_believed(box: mailbox.Maildir, date: str, at: datetime) -> None:
    assert told(box, POSTFIX.replace("Tue, 17 Nov 2026 10:01:05 +0100", date)).at == at


def test_an_mbox_is_read_as_well_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "bounces.mbox"
    written = mailbox.mbox(path)
    for one in (POSTFIX, AWAY, COMPLAINT):
        written.add(message_from_bytes(one.encode()))
    written.close()
    before = path.read_bytes()
    found = list(read(path, NOW))

    assert [one.kind if isinstance(one, Bounced) else one.where for one in found] == [
        "hard bounce", f"{path}, letter 2", "complaint",
    ]  # fmt: skip
    assert path.read_bytes() == before


def test_an_empty_mailbox_tells_nothing(tmp_path: Path, box: mailbox.Maildir) -> None:
    (tmp_path / "empty").touch()
    assert list(read(tmp_path / "empty", NOW)) == read_all(box) == []


def test_a_letter_that_went_away_meanwhile_stops_nothing(box: mailbox.Maildir, tmp_path: Path) -> None:
    (tmp_path / "bounces" / "new" / "0.gone").symlink_to(tmp_path / "nowhere")
    found = read_all(box, POSTFIX)
    assert [one.reason for one in found if isinstance(one, Unread)] == ["it cannot be read (No such file or directory)"]
    assert [one.kind for one in found if isinstance(one, Bounced)] == ["hard bounce"]


def test_what_is_no_mailbox_says_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("email\nada@example.net\n")
    for path, said in (
        (tmp_path, "found a folder without cur and new"),
        (tmp_path / "list.csv", "found a file that does not begin with “From ”"),
        (tmp_path / "nowhere", "No such file or directory"),
    ):
        with pytest.raises(SettingsError, match=said) as raised:
            list(read(path, NOW))
        assert "allowed: a maildir (a folder with cur, new and tmp) or an mbox file" in str(raised.value)


def test_a_letter_made_to_be_slow_or_deep_costs_little(box: mailbox.Maildir) -> None:
    deep = "".join(f"Content-Type: multipart/mixed; boundary=b{one}\n\n--b{one}\n" for one in range(3000))
    long = POSTFIX.replace("550 5.1.1 <ada", "a" * 400_000 + "<ada")
    many = POSTFIX.replace(
        "Final-Recipient: rfc822; ada",
        "".join(f"Final-Recipient: rfc822; a{one}@example.net\n\n" for one in range(9000)),
    )
    before = datetime.now(UTC)
    found = read_all(box, deep, long, many, POSTFIX)

    assert datetime.now(UTC) - before < timedelta(seconds=20)
    assert any(isinstance(one, Bounced) and one.subscriber_id == ID for one in found)
    assert any(isinstance(one, Unread) for one in found)
    assert all(len(one.reason) <= 300 for one in found)


PIECES = [
    "\n\n",
    "\n",
    "--4C1B.1/relay",
    "Content-Type: message/rfc822\n",
    "Status: 5.",
    "\0",
    "=?utf-8?q?=00?=",
    "rfc822;",
    "\ud7ff",
    "Content-Transfer-Encoding: base64\n",
    "; boundary=",
    "@",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), report=st.sampled_from([POSTFIX, EXIM, EXCHANGE, GMAIL, COMPLAINT]))
@example(None, "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n!!!")
@example(None, "Content-Type: message/feedback-report; charset=nonsense\n\n\udcff")
def test_a_report_damaged_anyhow_is_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject | None, report: str
) -> None:
    body = report
    if data is not None:
        for _ in range(data.draw(st.integers(1, 6))):
            at = data.draw(st.integers(0, len(body)))
            body = (
                body[:at]
                + data.draw(st.sampled_from(PIECES) | st.text(max_size=8))
                + body[at + data.draw(st.integers(0, 60)) :]
            )
    box = mailbox.Maildir(tmp_path_factory.mktemp("damaged") / "bounces")
    box.add(body.encode("utf-8", "surrogateescape" if data is None else "replace"))
    for one in read(Path(box._path), NOW):
        assert one.reason.isprintable()
        assert len(one.reason) <= 300
        if isinstance(one, Bounced):
            assert one.subscriber_id == ID or one.address
            assert one.at <= NOW
            assert "@" not in one.reason
