"""What every adapter promises, tested on each file found in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from importlib import import_module
from pathlib import Path
from typing import cast
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import FeedError, SettingsError
from digest.model import Entry, Feed, Message
from digest.settings import load_settings
from sources.reading import Kind
from sources.reading import read as read_any
from subscribers.addressing import Batch, Identity, Recipient
from subscribers.senders import Doubt, Receipt, Sender, names, open_sender
from tests import sendgrid
from tests.smtpd import Post
from tests.smtpd import Server as MailServer

ROOT = Path(__file__).parent.parent
KINDS = sorted(file.stem for file in (ROOT / "sources" / "kinds").glob("[!_]*.py"))

AT = "https://example.org/feeds/one"

#: Documents of every kind, and what is none: each kind must read it or say in words why not.
DOCUMENTS = {
    "rss": b"""<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
        <item><title>One &amp;amp; only</title><link>/one</link><guid>1</guid></item>
        <item><title>Two</title><link>javascript:alert(1)</link><description>&lt;b&gt;x&lt;/b&gt;</description></item>
        <item><link>file:///etc/passwd</link></item><item/></channel></rss>""",
    "atom": b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry>
        <id>tag:github.com,2008:Repository/1/v1</id><title>v1.2.0</title><updated>2026-11-01T00:00:00Z</updated>
        <link href="https://github.com/a/b/releases/tag/v1.2.0"/>
        <content type="html">&lt;ul&gt;&lt;li&gt;New&lt;/li&gt;&lt;/ul&gt;</content></entry></feed>""",
    "rdf": b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
        <channel rdf:about="https://example.org/"><title>t</title></channel>
        <item rdf:about="https://example.org/1"><title>One</title><link>https://example.org/1</link></item></rdf:RDF>""",
    "json feed": b"""{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [
        {"id": 1, "url": "/one", "title": "One", "content_html": "<p>Text</p>",
         "date_published": "2026-11-01T10:00:00+02:00"},
        {"id": "2", "content_text": "Only text \\ud800"}, {}, null, 7]}""",
    "search": b"""{"hits": [
        {"objectID": "41", "title": "Show HN: One", "url": "https://example.org/1", "created_at_i": 1794000000},
        {"objectID": "42", "title": "Ask HN: two", "created_at_i": 99999999999999999}, {"objectID": null}]}""",
    "page": b"""<!doctype html><html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml">
        </head><body>hello</body></html>""",
    "empty feed": b'<rss version="2.0"><channel><title>t</title></channel></rss>',
    "broken": b"<rss><channel><item><title>Half",
    "binary": bytes(range(256)) * 4,
    "text": b"nothing of the kind",
}


def kind(name: str) -> Kind:
    return cast("Kind", import_module(f"sources.kinds.{name}"))


def keeps_its_promises(entry: Entry) -> None:
    """What every step after reading relies on."""
    assert entry.feed == "one"
    assert entry.id
    assert entry.title
    assert "\n" not in entry.title
    assert entry.link == "" or (urlsplit(entry.link).scheme in ("http", "https") and urlsplit(entry.link).hostname)
    assert entry.published is None or entry.published.utcoffset() is not None
    for text in (entry.id, entry.link, entry.title, entry.summary):
        text.encode()  # no half characters: databases refuse them
        assert not any(ord(char) < 32 and char != "\n" for char in text)
    assert len(entry.id) <= 520
    assert len(entry.title) <= 300
    assert len(entry.summary) <= 8_000


def explained(error: FeedError) -> list[Entry]:
    assert len(str(error)) > 10  # a sentence, not a code
    return []


def read_or_explain(name: str, body: bytes) -> list[Entry]:
    try:
        return kind(name).read(body, Feed("one", AT, name), AT)
    except FeedError as error:
        return explained(error)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_kind_reads_a_document_or_says_why_not(name: str, document: str) -> None:
    for entry in read_or_explain(name, DOCUMENTS[document]):
        keeps_its_promises(entry)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_kind_says_how_sure_it_is(name: str, document: str) -> None:
    assert 0 <= kind(name).recognises(DOCUMENTS[document], AT, "text/plain") <= 100


@pytest.mark.parametrize("name", KINDS)
def test_reading_twice_gives_the_same(name: str) -> None:
    for body in DOCUMENTS.values():
        assert read_or_explain(name, body) == read_or_explain(name, body)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_kind_survives_damage(name: str, data: st.DataObject) -> None:
    """Bytes lost, doubled or changed in flight: entries that keep their promises, or a reason."""
    body = bytearray(data.draw(st.sampled_from(sorted(DOCUMENTS.values()))))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(len(body) - 1, 0)))
        body[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=12) | st.sampled_from(SPLINTERS))
    try:
        entries = read_any(bytes(body), Feed("one", AT, name), AT, "").entries
    except FeedError as error:
        explained(error)
        return
    for entry in entries:
        keeps_its_promises(entry)


SPLINTERS = [
    b"<![CDATA[",
    b"]]>",
    b"<item>",
    b"</item>",
    b"&#0;",
    b"&#xD800;",
    b"&nbsp;",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"\\ud800",
    b"http://[",
    b"\xff\xfe",
    b'"items":',
    b"<title>",
    b"99999999999999999999",
]


# Ways of sending

SENDERS = sorted(file.stem for file in (ROOT / "subscribers" / "senders").glob("[!_]*.py"))

KEY = "5ca1ab1e" * 3

READERS = tuple(
    Recipient(f"{number:016x}", f"reader{number}@example.org", name, f"{number:016x}token")
    for number, name in enumerate(("Ada", "Zoë “Z” O’Neill", ""))
)

LETTER = Message(
    "2026-W47", "Plumbline or Lantern?", "<p>/leave/[[reader]]</p>", "Two tools.\nLeave: /leave/[[reader]]\n"
)

BATCH = Batch(
    "2026-W47", 1, KEY, LETTER,
    Identity("digest@example.org", "AI Tool Verdicts", "editor@example.org", "https://verdicts.example.org"), READERS,
)  # fmt: skip


def in_the_outbox(home: Path) -> list[EmailMessage]:
    files = sorted((home / "outbox").rglob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def at_the_mail_server(home: Path) -> list[EmailMessage]:
    files = sorted((home / "smtpd").glob("*.eml"))
    return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def at_sendgrid(home: Path) -> list[EmailMessage]:
    return sendgrid.Running(home / "sendgrid", "").letters()


#: How to look at what arrived, for each way of sending.
ARRIVED: dict[str, Callable[[Path], list[EmailMessage]]] = {
    "outbox": in_the_outbox, "sendgrid": at_sendgrid, "smtp": at_the_mail_server,
}  # fmt: skip


@contextmanager
def a_mail_server(home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = home / "smtpd"
    folder.mkdir()
    server = MailServer(Post(folder, keep_letters=True), port)
    server.start()
    for name, value in (("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", str(port)), ("SMTP_TLS", "none")):
        monkeypatch.setenv(name, value)
    yield
    server.stop()


@contextmanager
def sendgrid_itself(home: Path, _port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with sendgrid.running(home / "sendgrid") as service:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        service.control(keep=True)
        yield


#: What must run, or be set, before a way of sending is opened.
SURROUNDINGS: dict[str, Callable[[Path, int, pytest.MonkeyPatch], AbstractContextManager[None]]] = {
    "sendgrid": sendgrid_itself, "smtp": a_mail_server,
}  # fmt: skip


@pytest.fixture(params=SENDERS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sender(way: str, home: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    monkeypatch.setenv("VERDICTS_SENDER", way)
    with (
        SURROUNDINGS[way](home, free_port, monkeypatch) if way in SURROUNDINGS else nullcontext(),
        closing(open_sender(load_settings(home), os.environ)) as opened,
    ):
        yield opened


def test_every_file_is_a_way_of_sending_that_is_looked_at_here() -> None:
    assert names() == SENDERS == sorted(ARRIVED)


def test_a_batch_sent_reaches_each_reader_once_in_both_parts(way: str, sender: Sender, home: Path) -> None:
    sender.send(BATCH)

    arrived = ARRIVED[way](home)
    assert sorted(mail["To"].addresses[0].addr_spec for mail in arrived) == [one.email for one in READERS]
    for mail in arrived:
        token = mail["To"].addresses[0].addr_spec.removeprefix("reader").split("@")[0].rjust(16, "0") + "token"
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            assert f"/leave/{token}" in body.get_content()
            assert "[[reader]]" not in body.get_content()
        assert f"/leave/{token}>" in mail["List-Unsubscribe"]
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_sender_never_says_that_a_call_went_out_which_did_not(sender: Sender) -> None:
    doubt = Doubt(BATCH.week, KEY, datetime.now(UTC), tuple(one.email for one in READERS))
    assert sender.found(doubt) in (False, None)
    assert sender.send(BATCH) in (Receipt(), Receipt(ANY))

    assert sender.found(doubt) in (True, None)
    assert sender.found(replace(doubt, key="0" * 24)) in (False, None)


@pytest.mark.parametrize("evil", ["\r\nBcc: eve@example.org", "\nBcc: eve@example.org\n\nHello", "\0\x1b\x7f"])
def test_nobody_writes_headers_through_a_name_or_a_subject(way: str, sender: Sender, home: Path, evil: str) -> None:
    sender.send(
        replace(
            BATCH,
            message=replace(LETTER, subject=f"Hello{evil}"),
            identity=replace(BATCH.identity, from_name=f"News{evil}"),
            recipients=tuple(one._replace(name=f"Ada{evil}") for one in READERS),
        )
    )

    arrived = ARRIVED[way](home)
    assert len(arrived) == len(READERS)
    for mail in arrived:
        assert mail["Bcc"] is None
        assert not any(ord(char) < 32 or ord(char) == 127 for value in mail.values() for char in str(value))


def test_an_unknown_way_of_sending_gets_one_line_with_those_there_are(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERDICTS_SENDER", "pigeon")
    with pytest.raises(SettingsError) as raised:
        open_sender(load_settings(home), os.environ)
    assert str(raised.value) == f"sender: found 'pigeon'; allowed: {', '.join(SENDERS)}"
