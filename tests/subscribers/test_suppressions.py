"""A provider's own lists are taken over: page by page, again and again, never against a person's later word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.errors import SendHalted, SendLater
from subscribers.addressing import address_hash
from subscribers.allowing import allow
from subscribers.suppressions import PAGE, Listed, Taken, Why, sendgrid_lists, take_over
from tests.examples import NOW
from tests.subscribers.providers import everything, suppressed
from tests.subscribers.readers import SUPPRESSION_KEY, id_of, join, readers_of, states, take_in
from tests.subscribers.readers import row as line

AT = NOW + timedelta(hours=3)


def take(engine: Engine, *listed: tuple[str, Why]) -> Taken:
    return take_over(engine, SUPPRESSION_KEY, [Listed(address, why, AT) for address, why in listed])


class Lists:
    """SendGrid's lists as it gives them, and what it was asked for."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists, self.asked = lists, list[tuple[str, int]]()

    def get(self, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        name, offset, limit = path.removeprefix("suppression/"), int(params["offset"]), int(params["limit"])
        self.asked.append((name, offset))
        assert limit <= 500
        return self.lists.get(name, [])[offset : offset + limit]


def never(missed: str) -> None:
    raise AssertionError(missed)


def entries(count: int) -> list[dict[str, Any]]:
    return [{"email": f"{n}@example.net", "created": int(AT.timestamp()), "reason": "550"} for n in range(count)]


def test_lists_are_pulled_page_by_page_to_their_end() -> None:
    lists = Lists(bounces=entries(2 * PAGE), spam_reports=entries(3), invalid_emails=entries(PAGE + 1))

    found = list(sendgrid_lists(lists.get, never))

    assert [one.why for one in found].count("hard bounce") == 3 * PAGE + 1
    assert [one for one in found if one.why == "complaint"] == [
        Listed(f"{n}@example.net", "complaint", AT) for n in range(3)
    ]
    assert [offset for name, offset in lists.asked if name == "bounces"] == [0, PAGE, 2 * PAGE]
    assert {name for name, _ in lists.asked} == {"bounces", "spam_reports", "unsubscribes", "invalid_emails"}


def test_an_entry_that_says_nothing_is_passed_over() -> None:
    odd: list[dict[str, Any]] = [{}, {"email": 5, "created": 1}, {"email": "a@example.org", "created": "now"}]
    assert list(sendgrid_lists(Lists(bounces=odd).get, never)) == []


def test_what_the_lists_say_happens_here_once(engine: Engine) -> None:
    join(engine, 3)
    listed: list[tuple[str, Why]] = [
        ("Reader0@Example.org", "hard bounce"), ("reader1@example.org", "complaint"), ("reader2@example.org", "left"),
        ("stranger@example.net", "left"), ("gone@example.net", "hard bounce"), ("no address", "complaint"),
    ]  # fmt: skip

    assert take(engine, *listed) == Taken(listed=6, suppressed=4, unread=1)
    once = everything(engine)
    assert take(engine, *reversed(listed)) == Taken(listed=6, suppressed=0, unread=1)

    assert everything(engine) == once
    assert suppressed(engine) == {
        "reader0@example.org": ("hard bounce", AT), "reader1@example.org": ("complaint", AT),
        address_hash("stranger@example.net", SUPPRESSION_KEY): ("request", AT),
        address_hash("gone@example.net", SUPPRESSION_KEY): ("hard bounce", AT),
    }  # fmt: skip
    assert states(engine) == {
        "reader0@example.org": "confirmed", "reader1@example.org": "unsubscribed", "reader2@example.org": "unsubscribed"
    }  # fmt: skip


def test_a_persons_later_word_wins(engine: Engine) -> None:
    take_in(engine, [line("ada@example.org"), line("bob@example.org")])
    bob, readers = id_of(engine, "bob@example.org"), readers_of(engine)
    readers.leave(bob, AT - timedelta(hours=1), source="page")
    readers.come_back(bob, AT + timedelta(hours=1), source="page")
    take(engine, ("ada@example.org", "hard bounce"))
    allow(engine, SUPPRESSION_KEY, "ada@example.org", why="called us", who="op", now=AT + timedelta(hours=1))

    take(engine, ("ada@example.org", "hard bounce"), ("ada@example.org", "complaint"), ("bob@example.org", "left"))

    assert suppressed(engine) == {}
    assert set(states(engine).values()) == {"confirmed"}


def test_harm_is_never_downgraded_to_a_wish(engine: Engine) -> None:
    take(engine, ("gone@example.net", "complaint"))
    take(engine, ("gone@example.net", "left"))
    assert {why for why, _ in suppressed(engine).values()} == {"complaint"}
    take(engine, ("wish@example.net", "left"))
    take(engine, ("wish@example.net", "hard bounce"))
    assert {why for why, _ in suppressed(engine).values()} == {"complaint", "hard bounce"}


def test_a_list_that_cannot_be_read_to_its_end_is_taken_as_far_as_it_came(engine: Engine) -> None:
    def get(path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        if int(params["offset"]) >= 3 * PAGE:
            raise SendLater("too many calls")
        return entries(4 * PAGE)[int(params["offset"]) :][:PAGE]

    missed: list[str] = []
    taken = take_over(engine, SUPPRESSION_KEY, sendgrid_lists(get, missed.append))

    assert taken == Taken(listed=3 * PAGE, suppressed=3 * PAGE)
    assert missed == ["suppression/bounces and what comes after it: too many calls"]
    assert len(suppressed(engine)) == 3 * PAGE


def test_a_list_that_the_key_may_not_read_stops_no_other() -> None:
    whole = Lists(invalid_emails=entries(2), unsubscribes=entries(3))

    def get(path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        if path == "suppression/bounces":
            raise SendHalted("SendGrid answered 403: access forbidden")
        return whole.get(path, params)

    missed: list[str] = []
    assert len(list(sendgrid_lists(get, missed.append))) == 5
    assert missed == [
        "suppression/bounces: SendGrid answered 403: access forbidden;"
        " to read it, the key needs access to Suppressions"
    ]  # fmt: skip


@pytest.mark.parametrize("odd", [entries(PAGE), {"errors": []}, "nothing"])
def test_an_answer_that_is_no_list_or_never_ends_ends_there(odd: Any) -> None:
    missed: list[str] = []
    found = list(sendgrid_lists(lambda *_: odd, missed.append))
    assert len(found) <= PAGE
    assert missed == ["suppression/bounces and what comes after it: it is not given page by page"]
