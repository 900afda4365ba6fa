"""Any address is spelled as mail servers read it, or refused with a reason, and costs nobody else the mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from digest.errors import SendHalted
from subscribers.senders import Receipt
from subscribers.senders.smtp import Smtp
from tests.smtpd import Post
from tests.subscribers.mailing import Started, address, batch, ids, reader, serving
from tests.subscribers.readers import IDENTITY


@pytest.mark.parametrize(
    ("email", "on_the_wire"),
    [
        ("ada@B\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("zo\u00eb@example.org", "zo\u00eb@example.org"),
        ("\u674e@\u4f8b\u5b50.example", "\u674e@xn--fsqu00a.example"),
        ("o'brien+a.b!c=d@example.org", "o'brien+a.b!c=d@example.org"),
        (f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org", f"{'a' * 64}@{'b' * 60}.{'c' * 60}.org"),
    ],
)
def test_an_address_of_any_script_is_spelled_as_servers_read_it(started: Started, email: str, on_the_wire: str) -> None:
    sender, post = started()
    assert sender.send(batch(reader(1, email=email), reader(2))) == Receipt()
    assert post.addresses == sorted([on_the_wire, address(2)])


def test_an_address_that_the_server_cannot_hold_is_refused_with_the_reason() -> None:
    post = Post()
    with serving(post, enable_SMTPUTF8=False) as sender:
        receipt = sender.send(batch(reader(1, email="zo\u00eb@example.org"), reader(2)))
        with pytest.raises(SendHalted, match="our own address cannot be used here"):
            sender.send(batch(identity=replace(IDENTITY, from_email="gr\u00fc\u00dfe@example.org")))
    assert "SMTPUTF8" in receipt.refused[reader(1).id]
    assert post.addresses == [address(2)]


def test_after_a_letter_that_was_refused_one_to_any_script_still_leaves(started: Started) -> None:
    sender, post = started({address(0): "knows no such reader"})
    assert set(sender.send(batch(reader(0), reader(1, email="zo\u00eb@example.org"))).refused) == ids(0)
    assert (post.addresses, post.connections) == (["zo\u00eb@example.org"], 1)


def test_an_own_address_that_no_header_can_hold_halts_and_refuses_no_reader(started: Started) -> None:
    sender, post = started()
    with pytest.raises(SendHalted, match="look at from_email"):
        sender.send(batch(identity=replace(IDENTITY, from_email="a@\u00ad.example")))
    assert post.taken == []


STRANGE = st.text(max_size=30).map(lambda text: f"{text}@example.org") | st.text(max_size=80)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(email=STRANGE, name=st.text(max_size=30))
@example('"a b"@example.org', "")
@example("a@example.org>\r\nRCPT TO:<eve@example.org", "")
@example("a@example.org\r\nBcc: eve@example.org", "Ada\r\nBcc: eve@example.org")
@example("<a@example.org>", "")
@example("a@example.org NOTIFY=NEVER", "")
@example("@a.example,@b.example:ada@example.org", "")
@example(f"{'a' * 500}@example.org", "")
@example("\ud800@example.org", "\ud800")
@example("ada@", "")
@example("ada@example..org", "")
@example("a(b)@example.org", "=?utf-8?q?=0d=0aBcc:_x?=")
def test_an_odd_address_never_costs_another_reader_the_mail_nor_writes_a_header(
    shared: tuple[Smtp, Post], email: str, name: str
) -> None:
    sender, post = shared
    post.taken.clear()
    receipt = sender.send(batch(reader(0), reader(1, email=email, name=name), reader(2)))

    assert set(receipt.refused) <= ids(1)
    assert not receipt.later
    assert not receipt.unknown
    expected = [address(0), address(2)]
    assert [one for one in post.addresses if one in expected] == expected
    assert len(post.taken) == 3 - len(receipt.refused)
    for mail in post.mails():
        assert mail.keys() == post.mails()[0].keys()
        assert mail["Bcc"] is None


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Smtp, Post]]:
    """A server for many examples."""
    post = Post()
    with serving(post) as sender:
        yield sender, post
