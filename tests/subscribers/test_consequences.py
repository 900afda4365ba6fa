"""A mailbox that turns one edition after the other away gets no more; one that takes some in between does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.weeks import shifted
from subscribers.eventposts import Event
from tests.subscribers.providers import APPLIED, SENT, events_of, post, send, suppressed, told
from tests.subscribers.readers import WEEK, join, readers_of, take_in
from tests.subscribers.readers import row as line

ADA = "ada@example.org"


@pytest.fixture
def ada(engine: Engine) -> str:
    take_in(engine, [line(ADA)])
    return join(engine, 0)[0]


def minutes(number: float) -> Any:
    return SENT + timedelta(minutes=number)


def send_all(engine: Engine, count: int) -> list[str]:
    return [send(engine, shifted(WEEK, number)) for number in range(count)]


def come_back(engine: Engine, whose: str, *keys: str) -> None:
    """Letters bounce as they do where nobody tells of those that arrive."""
    away = [Event(key, whose, "soft bounce", "", minutes(number)) for number, key in enumerate(keys)]
    events_of(engine).take(away, APPLIED, "a bounce")


def test_a_mailbox_that_turns_editions_away_in_a_row_gets_no_more(engine: Engine, ada: str) -> None:
    keys = send_all(engine, 4)
    away = [told(key, ada, "bounce", number, type="blocked") for number, key in enumerate(keys)]

    post(engine, away[3], away[1])
    assert suppressed(engine) == {}
    post(engine, away[2])
    assert suppressed(engine) == {ADA: ("hard bounce", minutes(3))}
    post(engine, told(keys[2], ada, "delivered", 9))
    assert suppressed(engine) == {}
    post(engine, told(keys[3], ada, "bounce", 7, type="bounce"))
    assert suppressed(engine) == {ADA: ("hard bounce", minutes(7))}


def test_an_edition_of_which_nothing_was_told_breaks_a_row(engine: Engine, ada: str) -> None:
    keys = send_all(engine, 6)

    come_back(engine, ada, keys[0], keys[2], keys[3], keys[5])
    assert suppressed(engine) == {}
    come_back(engine, ada, keys[4])
    assert suppressed(engine).keys() == {ADA}


def test_an_edition_that_never_went_to_a_reader_breaks_no_row(engine: Engine, ada: str) -> None:
    first = send_all(engine, 1)
    readers_of(engine).leave(ada, SENT, source="page")
    send(engine, shifted(WEEK, 1))
    readers_of(engine).come_back(ada, SENT, source="page")
    others = [send(engine, shifted(WEEK, number)) for number in (2, 3)]

    come_back(engine, ada, *first, *others)

    assert suppressed(engine).keys() == {ADA}
