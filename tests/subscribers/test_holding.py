"""An edition that too many turn away holds itself while it is sent, and no other does."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from digest.editions import Editions
from subscribers.eventposts import Event
from subscribers.holding import Limits
from tests.subscribers.providers import APPLIED, SENT, events_of, post, send, told
from tests.subscribers.readers import WEEK, join


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ({"delivered": 89, "bounce": 10}, None),
        ({"delivered": 108, "bounce": 12}, "12 of 120 letters were turned away; the limit is 10%"),
        ({"delivered": 109, "bounce": 11}, None),
        ({"delivered": 116, "spamreport": 4}, None),
        ({"delivered": 115, "spamreport": 5}, "5 of 120 letters were complained about; the limit is 3 in a thousand"),
        ({"delivered": 10, "bounce": 80}, None),
    ],
)
def test_an_edition_that_too_many_turn_away_holds_itself_while_it_is_sent(
    engine: Engine, events: dict[str, int], held: str | None
) -> None:
    readers = iter(join(engine, 120))
    key = send(engine, finish=False)
    alarms: list[tuple[str, str]] = []
    kinds = [kind for kind, count in events.items() for _ in range(count)]
    happens = [told(key, next(readers), kind) for kind in kinds]

    for _ in range(2):
        post(engine, *happens, limits=Limits(10, 3), holding=lambda _, week, why, __: alarms.append((week, why)))

    assert Editions(engine).require(WEEK).held == held
    assert alarms == ([(WEEK, held)] if held else [])


def test_an_edition_that_was_released_is_held_again_when_it_gets_twice_as_bad(engine: Engine) -> None:
    readers = join(engine, 120)
    key, editions = send(engine, finish=False), Editions(engine)
    post(engine, *[told(key, one, "bounce" if number < 12 else "delivered") for number, one in enumerate(readers)])
    assert editions.require(WEEK).held
    editions.release(WEEK)

    post(engine, *[told(key, one, "bounce", 1) for one in readers[12:18]])
    assert editions.require(WEEK).held is None
    post(engine, *[told(key, one, "bounce", 1) for one in readers[18:24]])
    assert editions.require(WEEK).held == "24 of 120 letters were turned away; the limit is 10%"


def test_an_edition_that_was_released_is_not_held_again_while_it_gets_better(engine: Engine) -> None:
    readers = join(engine, 200)
    key, editions = send(engine, finish=False), Editions(engine)
    post(
        engine, *[told(key, one, "bounce" if number < 22 else "delivered") for number, one in enumerate(readers[:100])]
    )
    assert editions.require(WEEK).held == "22 of 100 letters were turned away; the limit is 10%"
    editions.release(WEEK)

    post(engine, *[told(key, one, "bounce" if number < 1 else "delivered") for number, one in enumerate(readers[100:])])

    assert editions.require(WEEK).held is None


def test_where_only_bounces_are_told_they_are_a_share_of_all_that_went(engine: Engine) -> None:
    readers = join(engine, 1050)
    key, editions = send(engine, finish=False), Editions(engine)

    def come_back(some: list[str]) -> None:
        events_of(engine).take([Event(key, one, "soft bounce", "", SENT) for one in some], APPLIED, "a bounce")

    come_back(readers[:104])
    assert editions.require(WEEK).held is None
    come_back(readers[:105])
    assert editions.require(WEEK).held == "105 of 1050 letters were turned away; the limit is 10%"
