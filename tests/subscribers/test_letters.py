"""A letter opens in any mail program, is its reader's own, and lets nobody write headers into it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.rendering import render
from subscribers.addressing import NOTICES, Batch, Identity, Recipient
from subscribers.letters import letter
from subscribers.links import reader_token
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

SENT_AT = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)

ADA = Recipient("0123456789abcdef", "ada@example.org", "Ada Lovelace", reader_token(SECRET, "0123456789abcdef"))

HOST = "verdicts.example.org"

LINK = f"https://verdicts.example.org/leave/{ADA.token}"


def batch(recipient: Recipient = ADA, identity: Identity = IDENTITY, subject: str = MESSAGE.subject) -> Batch:
    return Batch(WEEK, 1, "5ca1ab1e" * 3, replace(MESSAGE, subject=subject), identity, (recipient,))


def written(recipient: Recipient = ADA, identity: Identity = IDENTITY, subject: str = MESSAGE.subject) -> bytes:
    return bytes(letter(batch(recipient, identity, subject), recipient, SENT_AT))


def parsed(source: bytes) -> EmailMessage:
    mail = message_from_bytes(source, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not any(part.defects for part in mail.walk())
    return mail


def header(source: bytes, name: str) -> str:
    """A header as it stands in the letter, its lines joined."""
    lines = re.sub(rb"\r\n[ \t]", b" ", source.partition(b"\r\n\r\n")[0]).decode("ascii").split("\r\n")
    (found,) = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(f"{name.lower()}:")]
    return found


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_letter_has_both_parts_text_first_with_the_readers_own_links() -> None:
    mail = parsed(written())

    assert mail.get_content_type() == "multipart/alternative"
    assert [one.get_content_type() for one in mail.iter_parts()] == ["text/plain", "text/html"]
    assert part(mail, "plain") == f"Two tools.\nLeave: {LINK}\n"
    assert part(mail, "html").strip() == f'<p>Two tools. <a href="{LINK}">Leave</a></p>'


def test_an_edition_as_rendered_arrives_as_it_was() -> None:
    message = render(edition(), site())
    sent = letter(replace(batch(), message=message), ADA, SENT_AT)
    mail = parsed(bytes(sent))

    for kind, source in (("plain", message.text), ("html", message.html)):
        arrived = part(mail, kind)
        assert arrived.strip() == source.replace("[[reader]]", ADA.token).strip()
        assert "[[reader]]" not in arrived
    assert max(map(len, bytes(sent).split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
    assert b"\n" not in bytes(sent).replace(b"\r\n", b"")


def test_the_headers_say_who_writes_to_whom_and_when() -> None:
    mail = parsed(written())

    assert mail["From"].addresses == (Address("AI Tool Verdicts", "digest", "verdicts.example.org"),)
    assert mail["To"].addresses == (Address("Ada Lovelace", "ada", "example.org"),)
    assert mail["Reply-To"].addresses == (Address("", "editor", "verdicts.example.org"),)
    assert mail["Subject"] == "Plumbline or Lantern? The panel’s call"
    assert mail["Date"].datetime == SENT_AT
    assert mail["List-Id"] == "AI Tool Verdicts <verdicts.verdicts.example.org>"


def test_without_an_address_for_answers_there_is_no_such_header() -> None:
    assert parsed(written(identity=replace(IDENTITY, reply_to="")))["Reply-To"] is None


def test_each_letter_of_each_call_has_an_id_of_its_own() -> None:
    eve = ADA._replace(id="fedcba9876543210")
    sent = [
        letter(batch(), ADA, SENT_AT),
        letter(batch(), eve, SENT_AT),
        letter(replace(batch(), key="0ddba11" * 3), ADA, SENT_AT + timedelta(hours=1)),
    ]
    found = {header(bytes(one), "Message-ID") for one in sent}
    assert len(found) == 3
    assert all(re.fullmatch(r"<[\w.-]+@verdicts\.example\.org>", one) for one in found)


@pytest.mark.parametrize(
    ("site_url", "link"),
    [
        ("https://verdicts.example.org", "https://verdicts.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        (f"https://{'long.' * 30}example.org/news/letters", f"https://{'long.' * 30}example.org/news/letters"),
        ("https://b\u00fccher.example:8443/n\u00e4he", "https://xn--bcher-kva.example:8443/n%C3%A4he"),
    ],
)
def test_one_click_leaving_stands_in_the_letter_as_mail_programs_read_it(site_url: str, link: str) -> None:
    """RFC 8058 and RFC 2369: the address bare in angle brackets, neither cut nor encoded."""
    source = written(identity=replace(IDENTITY, site_url=site_url))

    assert header(source, "List-Unsubscribe") == f"<{link}/leave/{ADA.token}>"
    assert header(source, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
    assert header(source, "Message-ID").isascii()


@pytest.mark.parametrize(
    "name", ["José Ñandú", "李小龙", "O’Brien, Pat", 'Ada "the first" <x@y>', "مريم", "👩‍🚀 Ada", "x" * 400, ""]
)
def test_any_name_arrives_as_it_is_written(name: str) -> None:
    (to,) = parsed(written(ADA._replace(name=name)))["To"].addresses
    assert (to.display_name, to.addr_spec) == (name, "ada@example.org")


@pytest.mark.parametrize(
    ("email", "on_the_wire"),
    [
        ("ada@B\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@stra\u00dfe.example", "ada@xn--strae-oqa.example"),
        ("o'brien+a.b@example.org", "o'brien+a.b@example.org"),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org", f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org"),
    ],
)
def test_any_address_arrives_as_mail_servers_read_it(email: str, on_the_wire: str) -> None:
    assert f"<{on_the_wire}>" in header(written(ADA._replace(email=email)), "To")


@settings(max_examples=40, deadline=None)
@given(name=st.text(max_size=60), sender=st.text(max_size=60), subject=st.text(max_size=120))
def test_nothing_in_a_name_or_subject_becomes_a_header(name: str, sender: str, subject: str) -> None:
    plain = parsed(written())
    mail = parsed(written(ADA._replace(name=name), replace(IDENTITY, from_name=sender), subject))

    assert mail.keys() == plain.keys()
    assert [one.addr_spec for one in mail["To"].addresses] == ["ada@example.org"]
    assert [one.addr_spec for one in mail["From"].addresses] == ["digest@verdicts.example.org"]
    assert part(mail, "plain") == part(plain, "plain")


@pytest.mark.parametrize(
    "evil", ["\r\nBcc: eve@example.org", "\nBcc: eve@example.org\n\nHello", "\u2028Bcc: x", "\0\x1b"]
)
def test_line_breaks_and_control_characters_never_reach_a_header(evil: str) -> None:
    source = written(ADA._replace(name=f"Ada{evil}"), replace(IDENTITY, from_name=f"News{evil}"), f"Hello{evil}")
    mail = parsed(source)

    assert mail["Bcc"] is None
    for name in ("To", "From", "Subject", "List-Id"):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", str(mail[name]))


def test_who_has_no_links_of_their_own_is_offered_nothing_to_leave() -> None:
    mail = parsed(written(ADA._replace(token="")))

    assert not [name for name in mail if name.lower().startswith("list-")]


def test_only_a_letter_outside_the_editions_says_that_a_program_wrote_it() -> None:
    notice = parsed(bytes(letter(replace(batch(), week=NOTICES), ADA, SENT_AT)))

    assert notice["Auto-Submitted"] == "auto-generated"
    assert notice["List-Unsubscribe"] is not None
    assert parsed(written())["Auto-Submitted"] is None


def test_every_letter_says_what_complaints_about_it_are_counted_under() -> None:
    """Gmail's Feedback-ID: what was mailed and who mails, nothing about the reader; the last part never changes."""
    eve = ADA._replace(id="fedcba9876543210", email="eve@example.org")
    notice = parsed(bytes(letter(replace(batch(), week=NOTICES), ADA, SENT_AT)))

    assert header(written(), "Feedback-ID") == header(written(eve), "Feedback-ID") == f"{WEEK}:{HOST}:verdicts"
    assert notice["Feedback-ID"] == f"notices:{HOST}:verdicts"
    assert parsed(written(ADA._replace(token="")))["Feedback-ID"] is not None
