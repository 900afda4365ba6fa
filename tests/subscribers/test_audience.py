"""One expression says who receives an edition and, for everyone else, why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from subscribers.audience import counts, why_not
from subscribers.tables import SubscriberRow
from tests.examples import NOW
from tests.subscribers.readers import id_of, readers_of, row, suppress, take_in

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
