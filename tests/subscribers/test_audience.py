"""One expression says who receives an edition and, for everyone else, why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from digest.database import writing
from subscribers.audience import REASONS, counts, listed, paused, why_not
from subscribers.importing import STATES
from subscribers.ledger import Claim, Ledger
from subscribers.tables import SubscriberRow
from tests.examples import NOW
from tests.subscribers.readers import WEEK, approve, id_of, readers_of, row, suppress, take_in

LATER = NOW + timedelta(days=1)


def barred(engine: Engine) -> dict[str, str | None]:
    """Why each subscriber may not receive an edition now."""
    with Session(engine) as session:
        return dict(session.exec(select(SubscriberRow.email, why_not(NOW))).all())


def pause(engine: Engine) -> None:
    readers_of(engine).pause(id_of(engine, "ada@example.org"), LATER)


def leave(engine: Engine) -> None:
    readers_of(engine).leave(id_of(engine, "ada@example.org"), NOW, source="page")


@pytest.mark.parametrize(
    ("state", "then", "reason"),
    [
        ("confirmed", [], None),
        ("confirmed", [pause], "paused"),
        ("confirmed", [leave], "left"),
        ("confirmed", [pause, leave], "left"),
        ("unconfirmed", [], "unconfirmed"),
        ("unsubscribed", [], "left"),
        ("confirmed", [lambda engine: suppress(engine, "ADA@example.org")], "suppressed"),
        ("confirmed", [pause, leave, lambda engine: suppress(engine, "ada@example.org")], "suppressed"),
    ],
)
def test_one_reason_says_why_someone_receives_nothing(
    engine: Engine, state: str, then: list[Callable[[Engine], None]], reason: str | None
) -> None:
    take_in(engine, [row("ada@example.org", state), row("eve@example.org")])
    for what in then:
        what(engine)

    assert barred(engine) == {"ada@example.org": reason, "eve@example.org": None}
    expected = {"receives": 2} if reason is None else {"receives": 1, reason: 1}
    assert counts(engine, NOW) == expected


# An edition that is planned


def claimed(engine: Engine) -> Claim:
    claim = Ledger(engine).claim(WEEK, "test", NOW, list, "fake")
    assert isinstance(claim, Claim)
    return claim


def by_name(engine: Engine, now: datetime = NOW, **asked: str) -> dict[str, str]:
    return {one.email.partition("@")[0]: one.why for one in listed(engine, now, **asked)}


def planned(engine: Engine, *names: str, size: int = 1) -> None:
    take_in(engine, [row(f"{name}@example.org") for name in names])
    approve(engine)
    Ledger(engine).plan(WEEK, NOW, size)


def test_an_edition_that_is_not_planned_is_told_as_if_it_were_planned_now(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org"), row("eve@example.org", "unconfirmed")])
    assert counts(engine, NOW, WEEK) == counts(engine, NOW) == {"receives": 1, "unconfirmed": 1}
    assert by_name(engine, week=WEEK) == {"ada": "receives", "eve": "unconfirmed"}


def test_a_planned_edition_goes_to_nobody_new(engine: Engine) -> None:
    planned(engine, "ada")
    take_in(engine, [row("zoe@example.org"), row("eve@example.org", "unconfirmed")])

    assert by_name(engine, week=WEEK) == {"ada": "receives", "eve": "unconfirmed", "zoe": "joined after planning"}
    assert counts(engine, NOW, WEEK) == {"receives": 1, "unconfirmed": 1, "joined after planning": 1}
    assert counts(engine, NOW, "2026-W48") == {"receives": 2, "unconfirmed": 1}


def test_who_rested_when_it_was_planned_did_not_join_later(engine: Engine) -> None:
    take_in(engine, [row("bob@example.org")])
    readers_of(engine).pause(id_of(engine, "bob@example.org"), NOW + timedelta(days=1))
    planned(engine, "ada")
    after = NOW + timedelta(days=2)
    assert by_name(engine, after, week=WEEK) == {"ada": "receives", "bob": "paused"}
    assert by_name(engine, after) == {"ada": "receives", "bob": "receives"}


def test_who_leaves_before_the_claim_does_not_receive_and_who_leaves_after_it_did(engine: Engine) -> None:
    planned(engine, "ada", "eve", "zoe")
    first = claimed(engine)
    Ledger(engine).record(first, "accepted", NOW)
    for name in ("ada", "eve", "zoe"):
        readers_of(engine).leave(id_of(engine, f"{name}@example.org"), NOW, source="page")

    assert counts(engine, NOW, WEEK) == {"receives": 1, "left": 2}
    while Ledger(engine).claim(WEEK, "test", NOW, list, "fake"):
        pass
    assert counts(engine, NOW, WEEK) == {"receives": 1, "dropped: left": 2}
    assert len(by_name(engine, week=WEEK, why="dropped")) == 2
    assert by_name(engine, week=WEEK, why="left") == {}


@pytest.mark.parametrize("said", ["refused", "unknown", "given up"])
def test_what_became_of_a_planned_delivery_is_told(engine: Engine, said: str) -> None:
    planned(engine, "ada")
    claim, ledger = claimed(engine), Ledger(engine)
    ledger.record(claim, "refused" if said == "refused" else "unknown", NOW)
    if said == "given up":
        ledger.give_up(WEEK, NOW, "ada")
    assert counts(engine, NOW, WEEK) == {said: 1}
    assert by_name(engine, week=WEEK, why=said) == {"ada": said}
    assert said in REASONS


def test_a_reader_who_was_erased_is_counted_and_has_no_name(engine: Engine) -> None:
    planned(engine, "ada", "eve")
    with writing(engine) as session:
        session.execute(delete(SubscriberRow).where(col(SubscriberRow.folded) == "ada@example.org"))

    assert counts(engine, NOW, WEEK) == {"receives": 1, "erased": 1}
    assert by_name(engine, week=WEEK) == {"eve": "receives"}


def test_counts_are_those_of_the_list_and_of_what_is_planned(engine: Engine) -> None:
    take_in(engine, [row(f"{state}{number}@example.org", state) for state in STATES for number in range(3)])
    readers_of(engine).pause(id_of(engine, "confirmed0@example.org"), LATER)
    suppress(engine, "confirmed1@example.org")

    assert Counter(one.why for one in listed(engine, NOW)) == counts(engine, NOW)
    approve(engine)
    assert Ledger(engine).plan(WEEK, NOW) == counts(engine, NOW)["receives"] == counts(engine, NOW, WEEK)["receives"]
    assert Counter(one.why for one in listed(engine, NOW, week=WEEK)) == counts(engine, NOW, WEEK)


def test_a_list_comes_by_address_alike_on_every_database(engine: Engine) -> None:
    take_in(engine, [row(f"{name}@example.org") for name in ("b", "_c", "B2", "a-z", "a", "az", "é")])
    assert list(by_name(engine)) == ["_c", "a-z", "a", "az", "B2", "b", "é"]


def test_a_pause_is_told_with_its_end_and_counted_while_it_lasts(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org"), row("eve@example.org", "unconfirmed")])
    for name in ("ada", "eve"):
        readers_of(engine).pause(id_of(engine, f"{name}@example.org"), LATER)

    assert [one.paused_until for one in listed(engine, NOW, why="paused")] == [LATER]
    assert [paused(engine, at) for at in (NOW, LATER)] == [1, 0]
