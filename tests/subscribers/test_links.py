"""A reader's token names one reader, cannot be made without the key, and fills every placeholder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.links import personal, reader_of, reader_token

ID = "0123456789abcdef"
KEY = b"the key of all links"
TOKEN = reader_token(KEY, ID)


def test_a_token_gives_its_reader_back() -> None:
    assert reader_of((KEY,), TOKEN) == ID
    assert reader_token(KEY, ID) == TOKEN


def test_a_token_of_another_key_is_nobodys() -> None:
    assert reader_of((b"another key",), TOKEN) is None


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_one_letter_changed_is_nobodys(place: int) -> None:
    other = "0" if TOKEN[place] != "0" else "1"
    assert reader_of((KEY,), TOKEN[:place] + other + TOKEN[place + 1 :]) is None


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_token_cut_short_is_nobodys(length: int) -> None:
    assert reader_of((KEY,), TOKEN[:length]) is None


@pytest.mark.parametrize(
    "token", [TOKEN + "=", TOKEN + "A", f" {TOKEN}", TOKEN.upper(), "é" * 38, "\ud800" * 38, "\0" * 38, "[[reader]]"]
)
def test_what_resembles_a_token_is_nobodys(token: str) -> None:
    assert reader_of((KEY,), token) is None


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_garbage_is_nobodys(token: str) -> None:
    assert reader_of((KEY,), token) is None


def test_a_token_survives_in_an_address() -> None:
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in TOKEN)


def test_every_placeholder_becomes_the_token() -> None:
    filled = personal("a [[reader]] b [[reader]][[reader]] [[ reader ]] [reader]", "T")
    assert filled == "a T b TT [[ reader ]] [reader]"
