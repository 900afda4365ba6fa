"""Readers come in with proof, and nobody who left comes back by an import."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from digest.database import UtcDateTime, open_engine, writing
from digest.errors import Fault, FilesError
from subscribers import importing
from subscribers.addressing import address_hash
from subscribers.importing import Imported, LeftOut
from subscribers.links import ID_LENGTH
from subscribers.readercsv import Line
from subscribers.tables import ConsentRow, SubscriberRow
from tests.examples import NOW
from tests.subscribers import readers
from tests.subscribers.readers import (
    SUPPRESSION_KEY,
    Took,
    consents,
    id_of,
    ids,
    numbered,
    readers_of,
    row,
    states,
    suppress,
)

#: Nothing is opened for them: what a moment becomes depends on the kind of database alone.
SQLITE, POSTGRESQL = open_engine("sqlite://"), open_engine("postgresql+psycopg://nobody@127.0.0.1/none")


def take_in(engine: Engine, *rows: dict[str, str | None]) -> Took:
    return readers.take_in(engine, rows)


def test_an_import_keeps_state_name_and_proof(engine: Engine) -> None:
    done = take_in(engine, row("Ada@Example.org", name="  Ada\tLovelace ", source="old list"))

    assert done == Took(1, 0, ())
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

    assert first == Took(3, 0, ())
    assert again == Took(0, 3, ())
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

    assert done == Took(2, 0, ())
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
    assert done == Took(1, 0, (LeftOut(3, "ada@example.org", "has left"),))


def test_a_long_list_comes_in_whole_and_keeps_its_line_numbers(engine: Engine) -> None:
    lines = [*numbered(1050), row("nobody"), *numbered(1100)]
    done = take_in(engine, *lines)

    assert (done.added, done.known) == (1100, 1050)
    assert [one.line for one in done.left_out] == [1052]
    assert readers_of(engine).stats() == {"confirmed": 1100, "unconfirmed": 0, "unsubscribed": 0, "suppressed": 0}


def test_two_imports_of_one_list_at_once_make_one_reader_and_one_proof_each(engine: Engine) -> None:
    lines = list(numbered(600))
    together = Barrier(2)

    def one(rows: list[dict[str, str | None]]) -> readers.Took:
        together.wait()
        return take_in(engine, *rows)

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(one, (lines, lines[::-1])))

    assert sum(took.added for took in done) == sum(took.known for took in done) == 600
    assert [len(consents(engine, one)) for one in ids(engine)] == [1] * 600


def test_a_reader_who_signs_up_while_a_list_comes_in_keeps_their_own_proof(engine: Engine) -> None:
    """The list's row is found to be there only when it is inserted: only PostgreSQL lets a sign-up in between."""
    rows = [Line(2, row("ada@example.org")), Line(3, row("eve@example.org"))]
    looked_up = importing._sift

    def sign_up_meanwhile(session: Session, some: Sequence[Any]) -> Any:
        found = looked_up(session, some)
        add_reader(session if engine.dialect.name == "sqlite" else None, engine, "ada@example.org")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importing, "_sift", sign_up_meanwhile)
        done = importing.take_in(engine, SUPPRESSION_KEY, rows, NOW, source="list.csv", leave_out=print)

    assert (done.added, done.known, done.left_out) == (1, 1, 0)
    assert consents(engine, "signed-up") == []
    with Session(engine) as session:
        assert len(session.exec(select(ConsentRow)).all()) == 1


def add_reader(session: Session | None, engine: Engine, email: str) -> None:
    reader = SubscriberRow(
        id="signed-up", email=email, folded=email, address_hash=address_hash(email, SUPPRESSION_KEY),
        state="unconfirmed", created_at=NOW,
    )  # fmt: skip
    if session is not None:
        session.add(reader)
        session.flush()
        return
    with writing(engine) as own:
        own.add(reader)


def test_rows_are_told_as_left_out_in_file_order_across_transactions(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 7)
    suppress(engine, "reader3@example.org")
    lines = [one for number in range(20) for one in (row(f"nobody{number}"), row("reader3@example.org"))]

    done = take_in(engine, *lines)

    assert [one.line for one in done.left_out] == list(range(2, 42))


def test_long_names_end_a_transaction_early_and_all_of_them_come_in(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long they are, no more of them than fit are held in memory."""
    monkeypatch.setattr(importing, "_ROOM", 100)
    rows = [Line(number, row(f"reader{number}@example.org", name="n" * 60)) for number in range(2, 12)]
    told: list[None] = []

    done = importing.take_in(
        engine, SUPPRESSION_KEY, rows, NOW, source="l", leave_out=print, progress=lambda: told.append(None)
    )

    assert (done, len(told)) == (Imported(10, 0, 0), 5)


def test_an_empty_list_is_no_work(engine: Engine) -> None:
    assert take_in(engine) == Took(0, 0, ())


def test_ids_drawn_together_are_alike_at_the_start_only() -> None:
    drawn = importing._close_ids(1000)
    assert [len(one) for one in drawn] == [ID_LENGTH] * 1000
    assert drawn == sorted(set(drawn))
    assert len({one[:2] for one in drawn}) == 1
    assert len({one[2:4] for one in drawn}) > 200
    assert len({importing._close_ids(1)[0][:2] for _ in range(200)}) > 50


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_kept_as_every_other_one_of_the_database(moment: datetime) -> None:
    """Two ways to write the same moment would compare and sort as different ones."""
    for engine in (SQLITE, POSTGRESQL):
        bind = UtcDateTime().dialect_impl(engine.dialect).bind_processor(engine.dialect)
        assert bind is not None
        with Session(engine) as session:
            assert importing._kept(session)(moment) == bind(moment)


def test_the_search_for_cycles_is_as_before_also_after_an_import_that_failed(engine: Engine) -> None:
    def broken() -> Iterator[Line]:
        yield Line(2, row("ada@example.org"))
        assert not gc.isenabled()
        raise FilesError([Fault("list.csv", 3, "", "a row that cannot be read", "one that can")])

    with pytest.raises(FilesError, match=r"list\.csv:3"):
        importing.take_in(engine, SUPPRESSION_KEY, broken(), NOW, source="l", leave_out=print)

    assert gc.isenabled()
    assert ids(engine) == []


@pytest.mark.parametrize("before", ["confirmed", "unconfirmed"])
def test_who_has_left_by_the_file_has_left_here_too(engine: Engine, before: str) -> None:
    """The list of those who left elsewhere is imported to spare them, not to be counted."""
    take_in(engine, row("ada@example.org", before))
    done = take_in(engine, row("ada@example.org", "unsubscribed"), row("bob@example.org", "unsubscribed"))
    assert (done.added, done.known, done.left_out) == (1, 1, ())
    assert states(engine) == {"ada@example.org": "unsubscribed", "bob@example.org": "unsubscribed"}
    assert [what for what, _, _ in consents(engine, id_of(engine, "ada@example.org"))][-1] == "left"
    assert [one.reason for one in take_in(engine, row("ada@example.org")).left_out] == ["has left"]


def test_of_rows_that_contradict_each_other_leaving_wins(engine: Engine) -> None:
    take_in(engine, row("ada@example.org"), row("ada@example.org", "unsubscribed"))
    assert states(engine) == {"ada@example.org": "unsubscribed"}


def test_a_proof_from_the_future_is_none(engine: Engine) -> None:
    done = take_in(engine, row("ada@example.org", confirmed_at="2099-01-01"))
    assert [one.reason for one in done.left_out] == [
        "confirmed_at 2099-01-01 is in the future: that is no proof that they asked"
    ]
