"""Readers come in with proof, leave with one word, and never come back by themselves; the last vote counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from digest.model import Tally
from subscribers.store import Imported, LeftOut, why_not
from subscribers.tables import ConsentRow, SubscriberRow
from tests.examples import NOW
from tests.subscribers.readers import id_of, ids, numbered, readers_of, row, suppress

LATER = NOW + timedelta(days=1)


def take_in(engine: Engine, *rows: dict[str, str | None]) -> Imported:
    return readers_of(engine).take_in(enumerate(rows, 2), NOW, source="list.csv")


def consents(engine: Engine, subscriber_id: str) -> list[tuple[str, datetime, str]]:
    with Session(engine) as session:
        rows = session.exec(select(ConsentRow).where(ConsentRow.subscriber_id == subscriber_id).order_by("id"))
        return [(one.what, one.at, one.source) for one in rows]


def states(engine: Engine) -> dict[str, str]:
    with Session(engine) as session:
        return {one.email: one.state for one in session.exec(select(SubscriberRow))}


def barred(engine: Engine) -> dict[str, str | None]:
    """Why each subscriber may not receive an edition now."""
    with Session(engine) as session:
        return dict(session.exec(select(SubscriberRow.email, why_not(NOW))).all())


# Importing


def test_an_import_keeps_state_name_and_proof(engine: Engine) -> None:
    done = take_in(engine, row("Ada@Example.org", name="  Ada\tLovelace ", source="old list"))

    assert done == Imported(1, 0, ())
    with Session(engine) as session:
        kept = session.exec(select(SubscriberRow)).one()
    assert (kept.email, kept.folded, kept.name, kept.state) == (
        "Ada@Example.org", "ada@example.org", "Ada Lovelace", "confirmed",
    )  # fmt: skip
    confirmed = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert kept.confirmed_at == confirmed
    assert consents(engine, kept.id) == [("imported as confirmed", confirmed, "old list")]


def test_who_comes_without_a_state_is_unconfirmed(engine: Engine) -> None:
    assert take_in(engine, {"email": "ada@example.org"}).added == 1
    assert states(engine) == {"ada@example.org": "unconfirmed"}


def test_a_day_alone_is_midnight_in_utc(engine: Engine) -> None:
    take_in(engine, {"email": "ada@example.org", "state": "confirmed", "confirmed_at": "2026-03-01"})
    assert consents(engine, ids(engine)[0])[0][1] == datetime(2026, 3, 1, tzinfo=UTC)


def test_importing_again_changes_nothing(engine: Engine) -> None:
    lines = [row("ada@example.org"), row("eve@example.org", "unconfirmed"), row("bob@example.org", "unsubscribed")]
    first, again = take_in(engine, *lines), take_in(engine, *lines)

    assert first == Imported(3, 0, ())
    assert again == Imported(0, 3, ())
    assert [len(consents(engine, one)) for one in ids(engine)] == [1, 1, 1]


def test_two_spellings_in_one_file_are_one_reader(engine: Engine) -> None:
    assert take_in(engine, row("ada@example.org"), row("ADA@example.org"), row("ada+1@example.org")).added == 2
    assert list(states(engine)) == ["ada@example.org", "ada+1@example.org"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row("ada@"), "after the @-sign"),
        ({"email": None}, "@-sign"),
        (row("ada@example.org", "gone"), "'gone'; allowed: unconfirmed, confirmed, unsubscribed"),
        ({"email": "ada@example.org", "state": "confirmed"}, "no proof"),
        (row("ada@example.org", confirmed_at="yesterday"), "'yesterday'; allowed: a day or time"),
        (row("ada@example.org", confirmed_at="2026-02-30"), "'2026-02-30'; allowed: a day or time"),
        (row("ada@example.org", confirmed_at="0001-01-01T00:00+09:00"), "allowed: a day or time"),
    ],
)
def test_a_bad_line_is_left_out_with_line_and_reason_and_the_others_go_on(
    engine: Engine, line: dict[str, str | None], reason: str
) -> None:
    done = take_in(engine, row("first@example.org"), line, row("last@example.org"))

    assert (done.added, done.known) == (2, 0)
    (left_out,) = done.left_out
    assert (left_out.line, left_out.email) == (3, line["email"] or "")
    assert reason in left_out.reason


def test_control_characters_in_a_name_or_source_stop_nobody(engine: Engine) -> None:
    done = take_in(engine, row("ada@example.org", name="Ada\0\x1b[31m", source="list\0"), row("eve@example.org"))

    assert done == Imported(2, 0, ())
    with Session(engine) as session:
        assert set(session.exec(select(SubscriberRow.name))) == {"Ada [31m", ""}


def test_an_import_revives_nobody(engine: Engine) -> None:
    take_in(engine, row("left@example.org"), row("bounced@example.org"), row("stays@example.org"))
    readers_of(engine).leave(id_of(engine, "left@example.org"), NOW, source="page")
    suppress(engine, "bounced@example.org")
    suppress(engine, "never-seen@example.org")

    done = take_in(
        engine, row("stays@example.org"), row("Left@example.org"), row("bounced@example.org"),
        row("left@example.org", "unsubscribed"), row("NEVER-SEEN@example.org"),
    )  # fmt: skip

    assert (done.added, done.known) == (0, 2)
    assert done.left_out == (
        LeftOut(3, "Left@example.org", "has left"),
        LeftOut(4, "bounced@example.org", "suppressed"),
        LeftOut(6, "NEVER-SEEN@example.org", "suppressed"),
    )
    assert states(engine) == {
        "left@example.org": "unsubscribed", "bounced@example.org": "confirmed", "stays@example.org": "confirmed",
    }  # fmt: skip


def test_who_leaves_and_joins_in_one_file_has_left(engine: Engine) -> None:
    done = take_in(engine, row("ada@example.org", "unsubscribed"), row("ada@example.org"))
    assert done == Imported(1, 0, (LeftOut(3, "ada@example.org", "has left"),))


def test_a_long_list_comes_in_whole_and_keeps_its_line_numbers(engine: Engine) -> None:
    lines = [*numbered(1050), row("nobody"), *numbered(1100)]
    done = take_in(engine, *lines)

    assert (done.added, done.known) == (1100, 1050)
    assert [one.line for one in done.left_out] == [1052]
    assert readers_of(engine).stats() == {"confirmed": 1100, "unconfirmed": 0, "unsubscribed": 0, "suppressed": 0}


# Leaving, coming back, pausing


def test_leaving_is_written_down_once(engine: Engine) -> None:
    take_in(engine, row("ada@example.org"))
    (ada,) = ids(engine)

    assert readers_of(engine).leave(ada, LATER, source="one-click")
    assert readers_of(engine).leave(ada, LATER + timedelta(days=1), source="page")

    assert states(engine) == {"ada@example.org": "unsubscribed"}
    assert consents(engine, ada)[1:] == [("left", LATER, "one-click")]


def test_leaving_and_coming_back_are_each_added_to_the_proof(engine: Engine) -> None:
    take_in(engine, row("ada@example.org"))
    (ada,) = ids(engine)
    for _ in range(2):
        readers_of(engine).leave(ada, LATER, source="page")
        readers_of(engine).come_back(ada, LATER, source="undo")
        readers_of(engine).come_back(ada, LATER, source="undo")

    assert states(engine) == {"ada@example.org": "confirmed"}
    assert [what for what, _, _ in consents(engine, ada)] == [
        "imported as confirmed", "left", "came back", "left", "came back",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        row("ada@example.org", "unconfirmed"),
        row("ada@example.org", "unconfirmed", confirmed_at="2026-03-01"),
        row("ada@example.org", "unsubscribed", confirmed_at=""),
    ],
)
def test_only_who_had_confirmed_and_left_can_come_back(engine: Engine, line: dict[str, str | None]) -> None:
    take_in(engine, line)
    (ada,) = ids(engine)

    assert readers_of(engine).come_back(ada, LATER, source="undo")

    assert states(engine) == {"ada@example.org": line["state"]}
    assert len(consents(engine, ada)) == 1


def test_nobody_can_leave_who_is_not_there(engine: Engine) -> None:
    assert not readers_of(engine).leave("0" * 16, NOW, source="page")
    assert not readers_of(engine).come_back("0" * 16, NOW, source="page")
    assert readers_of(engine).reader("0" * 16) is None


def test_a_pause_lasts_until_its_end_and_can_be_taken_back(engine: Engine) -> None:
    take_in(engine, row("ada@example.org"))
    (ada,) = ids(engine)
    until = NOW + timedelta(weeks=4)

    for _ in range(2):
        readers_of(engine).pause(ada, until)
    resting = readers_of(engine).reader(ada)
    assert resting is not None
    assert resting.paused_until == until
    assert readers_of(engine).audience(until - timedelta(seconds=1)) == {"paused": 1}
    assert readers_of(engine).audience(until) == {"receives": 1}

    readers_of(engine).pause(ada, None)
    assert readers_of(engine).audience(NOW) == {"receives": 1}


# Who may receive


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
    take_in(engine, row("ada@example.org", state), row("eve@example.org"))
    for what in then:
        what(engine)

    assert barred(engine) == {"ada@example.org": reason, "eve@example.org": None}
    expected = {"receives": 2} if reason is None else {"receives": 1, reason: 1}
    assert readers_of(engine).audience(NOW) == expected


# Votes


def test_the_last_vote_of_a_reader_counts(engine: Engine) -> None:
    store = readers_of(engine)
    store.vote([("plumbline", "ada", "ship"), ("plumbline", "eve", "ship"), ("lantern", "ada", "skip")], NOW)
    store.vote([("plumbline", "ada", "skip"), ("plumbline", "ada", "ship"), ("plumbline", "eve", "skip")], LATER)

    assert store.tallies(["plumbline", "lantern", "murmur"]) == {"plumbline": Tally(1, 2), "lantern": Tally(0, 1)}


def test_tallies_of_very_many_tools_come_in_one_go(engine: Engine) -> None:
    store = readers_of(engine)
    store.vote([(f"tool-{number}", "ada", "ship") for number in range(0, 1200, 100)], NOW)

    assert len(store.tallies([f"tool-{number}" for number in range(1200)])) == 12
    assert store.tallies([]) == {}
