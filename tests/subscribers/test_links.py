"""A reader's token names one reader, cannot be made without the key, and fills every placeholder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.links import (
    Purpose,
    Standing,
    form_stamp,
    named_in,
    passing_token,
    personal,
    reader_of,
    reader_token,
    stamped,
    standing,
)

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


# Links that end

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

PURPOSES = get_args(Purpose)


def passing(key: bytes = KEY, purpose: Purpose = "account", whose: str = ID, bound: str = "ada@example.org") -> str:
    return passing_token(key, purpose, whose, NOON + timedelta(hours=1), bound)


def stands(token: str, now: datetime = NOON, purpose: Purpose = "account", bound: str = "ada@example.org") -> Standing:
    return standing((KEY,), purpose, token, now, bound)


def test_a_link_is_good_until_its_end_and_expired_after_it() -> None:
    assert [stands(passing(), NOON + timedelta(seconds=s)) for s in (0, 3600, 3601)] == ["good", "good", "expired"]
    assert named_in(passing()) == ID


@pytest.mark.parametrize("place", range(len(passing())))
def test_a_link_with_one_letter_changed_is_bad(place: int) -> None:
    token = passing()
    other = "0" if token[place] != "0" else "1"
    assert stands(token[:place] + other + token[place + 1 :]) == "bad"


@pytest.mark.parametrize("length", range(len(passing())))
def test_a_link_cut_short_is_bad(length: int) -> None:
    assert stands(passing()[:length]) == "bad"


@pytest.mark.parametrize("made", PURPOSES)
@pytest.mark.parametrize("used", PURPOSES)
def test_a_link_is_useless_for_another_purpose(made: Purpose, used: Purpose) -> None:
    assert stands(passing(purpose=made), purpose=used) == ("good" if made == used else "bad")


def test_a_link_is_useless_for_another_reader_another_address_and_as_a_readers_token() -> None:
    mine, theirs = passing(), passing(whose="f" * 16)
    assert stands(theirs[:16] + mine[16:]) == "bad"
    assert stands(mine, bound="new@example.org") == "bad"
    assert reader_of((KEY,), mine) is None
    assert stands(TOKEN) == "bad"


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_garbage_is_no_link_and_no_stamp(token: str) -> None:
    assert stands(token) == "bad"
    assert stamped((KEY,), token) is None


def test_a_new_key_signs_and_the_old_ones_stay_good_until_they_are_taken_away() -> None:
    new, keys = b"the new key", (b"the new key", KEY)
    assert reader_of(keys, TOKEN) == reader_of(keys, reader_token(new, ID)) == ID
    assert standing(keys, "account", passing(), NOON, "ada@example.org") == "good"
    assert stamped(keys, form_stamp(KEY, NOON, "1")) == (NOON.timestamp(), "1")
    assert reader_of((new,), TOKEN) is None
    assert standing((new,), "account", passing(), NOON, "ada@example.org") == "bad"


def test_no_token_tells_an_address() -> None:
    assert "ada" not in passing() + TOKEN
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in passing())


def test_a_stamp_tells_when_and_with_which_wording_a_form_was_shown() -> None:
    stamp = form_stamp(KEY, NOON, "2026-11-23")
    assert stamped((KEY,), stamp) == (NOON.timestamp(), "2026-11-23")
    for altered in (stamp.replace("2026", "2027"), stamp[1:], stamp[:-1], ""):
        assert stamped((KEY,), altered) is None
