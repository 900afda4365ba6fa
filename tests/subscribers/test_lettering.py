"""Letters written quickly are those written one by one, to the byte but for the line that parts their parts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import Message
from digest.rendering import render
from subscribers.addressing import NOTICES, Batch, Recipient
from subscribers.lettering import letters
from subscribers.letters import delivery_of, letter, on_the_wire
from subscribers.links import reader_token
from tests.examples import edition, site
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, WEEK

AT = datetime(2026, 11, 17, 9, 0, tzinfo=UTC)

KEY = "5ca1ab1e" * 3

RENDERED = render(edition(), site())


def reader(number: int = 1, email: str = "ada@example.org", name: str = "") -> Recipient:
    one = f"{number:016x}"
    return Recipient(one, email, name, reader_token(SECRET, one))


def same(one: bytes, other: bytes) -> bool:
    """Tell whether two letters are the same; the line between their parts is made up for each."""
    return re.sub(rb"={15}\d+==", b"", one) == re.sub(rb"={15}\d+==", b"", other)


def batch(*recipients: Recipient, message: Message = MESSAGE, week: str = WEEK) -> Batch:
    return Batch(week, 1, KEY, message, IDENTITY, recipients)


@given(
    numbers=st.lists(st.integers(0, 2**60), min_size=1, max_size=4),
    name=st.sampled_from(["", "Ada", "Ada Lovelace", "O'Brien, Pat", "李小龙", "=?utf-8?q?x?=", "x" * 70, " Ada "])
    | st.text(max_size=30),
    email=st.sampled_from(
        ["ada@example.org", "a.b+c_d@example.org", f"{'a' * 64}@example.org", "ada@b\u00fccher.example"]
    ),
    shift=st.integers(0, 80),
)
def test_a_letter_is_the_same_written_quickly_or_one_by_one(
    numbers: list[int], name: str, email: str, shift: int
) -> None:
    """Wherever in a line the reader's own links stand: `shift` moves them over the places where lines are broken."""
    text = "".join(f"{'x' * (shift + more)}/leave/[[reader]] and on\n" for more in range(4))
    sent = batch(message=Message(WEEK, "Hello", f"<p>{text}</p>", text))
    write = letters(sent, AT)
    for number in numbers:
        one = reader(number, email, name)
        assert same(write(one), bytes(letter(sent, one, AT)))


@pytest.mark.parametrize("week", [WEEK, NOTICES])
def test_a_rendered_edition_too_and_a_letter_outside_the_editions(week: str) -> None:
    sent = batch(message=RENDERED, week=week)
    for one in (
        reader(1),
        reader(2, name="Ada Lovelace"),
        reader(3)._replace(token=""),
        reader(4)._replace(token="test"),
    ):
        assert same(letters(sent, AT)(one), bytes(letter(sent, one, AT)))


def test_an_address_in_letters_of_the_world_stands_in_headers_as_it_is() -> None:
    source = letters(batch(), AT)(reader(email="zo\u00eb@b\u00fccher.example", name="Zo\u00eb"))

    assert "zo\u00eb@xn--bcher-kva.example" in source.partition(b"\r\n\r\n")[0].decode()


def test_a_letters_id_tells_which_delivery_it_was() -> None:
    one = reader(7)
    message_id = letter(batch(), one, AT)["Message-ID"]

    assert delivery_of(message_id) == (WEEK, one.id, KEY)
    assert delivery_of(letter(batch(week=NOTICES), one._replace(id="letter-5"), AT)["Message-ID"]) == (
        NOTICES, "letter-5", KEY,
    )  # fmt: skip


@pytest.mark.parametrize("strange", ["", "<>", "<a@b>", "<2026-W47.x@y>", "<2026-W47.a.b.c@y>", "<2026-W47.\n.b@y>"])
def test_an_id_that_is_none_of_ours_tells_nothing(strange: str) -> None:
    assert delivery_of(strange) is None


def test_an_id_stands_on_one_line_under_the_longest_site() -> None:
    identity = replace(IDENTITY, site_url=f"https://{'long.' * 30}example.org")
    source = bytes(letter(replace(batch(), identity=identity), reader(), AT))
    (line,) = [one for one in source.split(b"\r\n") if one.startswith(b"Message-ID:")]
    assert delivery_of(line.partition(b":")[2].decode()) == (WEEK, reader().id, KEY)


def test_a_domain_is_spelled_as_mail_servers_read_it() -> None:
    assert on_the_wire("Ada@B\u00fccher.example") == "Ada@xn--bcher-kva.example"
    with pytest.raises(ValueError, match=r"Codepoint|label|[Ee]mpty"):
        on_the_wire("ada@\u00ad.example")
