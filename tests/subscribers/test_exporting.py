"""What goes out comes in again, byte for byte, whatever readers are called."""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from digest.database import writing
from subscribers import importing, readercsv
from subscribers.addressing import fold
from subscribers.exporting import rows_of
from subscribers.importing import STATES
from subscribers.tables import ConsentRow, SubscriberRow
from tests.examples import NOW
from tests.subscribers.readers import SUPPRESSION_KEY, id_of, readers_of, row, suppress, take_in


def exported(engine: Engine, state: str | None = None) -> str:
    text = StringIO(newline="")
    readercsv.written(rows_of(engine, state), text)
    return text.getvalue()


def imported(engine: Engine, text: str) -> None:
    file, left_out = BytesIO(text.encode()), list[Any]()
    readercsv.look_through(file, "readers.csv")
    file.seek(0)
    lines = readercsv.lines(file, "readers.csv")
    importing.take_in(engine, SUPPRESSION_KEY, lines, NOW, source="readers.csv", leave_out=left_out.append)
    assert left_out == []


def emptied(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(delete(SubscriberRow))
        session.execute(delete(ConsentRow))


def is_address(text: str) -> bool:
    try:
        fold(text)
    except ValueError:
        return False
    return True


LOCAL = st.text("aB1.+-='_é", min_size=1, max_size=6)
EMAILS = LOCAL.map(lambda local: f"{local}@example.org").filter(is_address)
NAMES = st.text(st.sampled_from("=+-@\t\r\n'\", ") | st.characters(exclude_categories=["Cs"]), max_size=8)
ROWS = st.fixed_dictionaries(
    {
        "email": EMAILS,
        "name": NAMES,
        "state": st.sampled_from(STATES),
        "confirmed_at": st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999).map(str),
        "source": NAMES,
    }
)
HOSTILE: list[dict[str, str | None]] = [
    row("+tag@example.org", name="=1+1"),
    row("'=x@example.org", name="'=1", source="@x"),
    row("-@example.org", name='"=1'),
    row("'@example.org", name="'"),
]


@example(HOSTILE)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, max_size=6))
def test_an_export_imported_into_an_empty_database_is_exported_alike(
    engine: Engine, rows: list[dict[str, str | None]]
) -> None:
    emptied(engine)
    take_in(engine, rows)
    first = exported(engine)

    emptied(engine)
    imported(engine, first)

    assert exported(engine) == first


def test_readers_go_out_by_address_with_where_they_came_from(engine: Engine) -> None:
    take_in(engine, [row("Zoe@example.org", name="Zoë"), row("ada@example.org", "unconfirmed", source="fair")])
    take_in(engine, [row("_bob@example.org", "unsubscribed")], source="old.csv")
    readers_of(engine).leave(id_of(engine, "zoe@example.org"), NOW, source="page")

    assert exported(engine).splitlines() == [
        "email,name,state,confirmed_at,source",
        "_bob@example.org,,unsubscribed,2026-03-01T09:30:00+00:00,old.csv",
        "ada@example.org,,unconfirmed,,fair",
        "Zoe@example.org,Zoë,unsubscribed,2026-03-01T09:30:00+00:00,list.csv",
    ]


@pytest.mark.parametrize("state", STATES)
def test_one_state_alone_goes_out_where_it_is_asked_for(engine: Engine, state: str) -> None:
    take_in(engine, [row(f"{one}@example.org", one) for one in STATES])
    assert [line.split(",")[0] for line in exported(engine, state).splitlines()[1:]] == [f"{state}@example.org"]


def test_who_is_suppressed_goes_out_in_the_state_they_are_in(engine: Engine) -> None:
    take_in(engine, [row("ada@example.org")])
    suppress(engine, "ada@example.org")
    assert "ada@example.org,,confirmed," in exported(engine)
