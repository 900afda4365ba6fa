"""A reader who is forgotten is found nowhere afterwards, not even by looking through the files of the database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel, select

from digest.database import open_engine, reading, writing
from digest.settings import load_settings
from flows.notices import tidy
from flows.services import open_services
from sources.tables import EntryRow
from subscribers.accounts import Accounts
from subscribers.joining import Joining, Wording
from subscribers.ledger import Ledger
from subscribers.notices import queue
from subscribers.origins import Origin
from subscribers.store import Subscribers
from subscribers.tables import BatchRow, DeliveryRow, EventPostRow, EventRow, NoticeRow, PaceRow, SubscriberRow
from tests.commands import verdicts
from tests.examples import NOW
from tests.subscribers.readers import WEEK, approve

HERE = Origin("203.0.113.0/24", "203.0.113.77")

#: As it was typed; folded it is another text.
TYPED, FOLDED, OTHER = "Ada.Lovelace@Engine.Example.org", "ada.lovelace@engine.example.org", "bob@example.org"

AT = ("--now", (NOW + timedelta(hours=3)).isoformat())


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, started: Path) -> Path:
    """A home with an empty database of either kind."""
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres")()
        (started / "verdicts.toml").write_text(f'database_url = "{url}"\n')
        assert verdicts("init", home=started).status == 0
    return started


def plant(engine: Engine, key: bytes) -> None:
    """Have one reader's address wherever it may come to be, and every trace of theirs besides."""
    joining, readers, accounts = Joining(engine, key), Subscribers(engine, key), Accounts(engine, key)
    for email in (TYPED, OTHER):
        joining.ask(email, HERE, Wording("I agree", "1"), NOW)
        known = readers.find(email)
        assert known is not None
        joining.confirm(known.id, known.folded, HERE, NOW)
    ada, bob = readers.find(TYPED), readers.find(OTHER)
    assert ada is not None
    assert bob is not None
    readers.vote([("plumbline", ada.id, "ship")], NOW)
    accounts.ask_for_link(ada.id, NOW)
    accounts.ask_to_move(ada.id, "next@example.org", NOW)
    approve(engine)
    Ledger(engine).plan(WEEK, NOW)
    refused = f"550 5.1.1 <{FOLDED}>: no such mailbox, nor {TYPED}"
    post = json.dumps([{"email": FOLDED, "event": "bounce", "reason": refused}, {"email": OTHER, "event": "open"}])
    with writing(engine) as session:
        session.get_one(DeliveryRow, (WEEK, ada.id)).state = "refused"
        session.get_one(DeliveryRow, (WEEK, ada.id)).reason = refused
        batch = session.get_one(BatchRow, (WEEK, 1))
        batch.state, batch.reason = "unknown", refused
        bobs = session.get_one(SubscriberRow, bob.id)
        bobs.moving_to = TYPED
        queue(session, "move", NOW, subscriber_id=bob.id, email=TYPED)
        queue(session, "alarm", NOW, email="operator@example.org", data={"reason": refused, "steps": [refused]})
        session.add(EventRow(week=WEEK, subscriber_id=ada.id, kind="hard bounce", at=NOW, reason=refused))
        session.add(PaceRow(name="pause", at=NOW, reason=refused))
        for applied_at, reason in ((None, ""), (NOW, f"the program failed: {FOLDED}")):
            body = post.encode()
            session.add(EventPostRow(sender="x", received_at=NOW, body=body, applied_at=applied_at, reason=reason))


def traces(engine: Engine) -> list[str]:
    """Where the address stands: tables, and for SQLite the files as they are on the disk."""
    found = []
    with reading(engine) as session:
        for table in SQLModel.metadata.sorted_tables:
            rows = " ".join(
                value.decode() if isinstance(value, bytes) else json.dumps(value, default=str)
                for row in session.connection().execute(table.select())
                for value in row
            )
            found += [table.name] if "lovelace" in rows.lower() else []
    if engine.dialect.name == "sqlite":
        folder = Path(str(engine.url.database)).parent
        found += [one.name for one in folder.glob("verdicts.db*") if b"lovelace" in one.read_bytes().lower()]
    return found


def test_of_who_is_forgotten_no_table_and_no_byte_of_a_file_tells(home: Path) -> None:
    settings = load_settings(home, {})
    engine = open_engine(settings.database)
    plant(engine, settings.key("suppression_key"))
    planted = {"subscribers", "notices", "deliveries", "batches", "event_posts", "events", "pace"}
    assert planted <= set(traces(engine))
    engine.dispose()

    ran = verdicts("subscribers", "forget", TYPED.upper(), "--yes", *AT, home=home)

    assert ran.status == 0, ran.err
    assert traces(engine) == []
    with reading(engine) as session:
        posts = session.exec(select(EventPostRow).order_by("id")).all()
        assert [json.loads(one.body)[1] for one in posts] == [{"email": OTHER, "event": "open"}] * 2
        assert [json.loads(one.body)[0]["email"] for one in posts] == ["[erased]"] * 2
        batch = session.get_one(BatchRow, (WEEK, 1))
        assert batch.reason == "550 5.1.1 <[erased]>: no such mailbox, nor [erased]"
        alarm = session.exec(select(NoticeRow).where(NoticeRow.kind == "alarm")).one()
        assert alarm.data["steps"] == [batch.reason]
        assert [one.email for one in session.exec(select(SubscriberRow))] == [OTHER]
    engine.dispose()


def test_an_address_that_json_spells_otherwise_is_struck_out_too(home: Path) -> None:
    settings = load_settings(home, {})
    engine, greek = open_engine(settings.database), "ελένη@example.org"
    for spelled in (greek, json.dumps(greek)[1:-1]):
        with writing(engine) as session:
            body = f'[{{"email": "{spelled}"}}]'.encode()
            session.add(EventPostRow(sender="x", received_at=NOW, body=body))
    Accounts(engine, settings.key("suppression_key")).suppress(greek, NOW)

    with reading(engine) as session:
        bodies = [one.body for one in session.exec(select(EventPostRow))]
    assert bodies == [b'[{"email": "[erased]"}]'] * 2
    engine.dispose()


def test_what_is_erased_from_a_page_leaves_the_log_when_it_is_tidied(started: Path) -> None:
    with open_services(started, NOW) as services:
        plant(services.engine, services.settings.key("suppression_key"))
        reader = services.subscribers.find(TYPED)
        assert reader is not None
        assert services.accounts.erase(reader.id, NOW)
        tidy(services)

        assert traces(services.engine) == []


def test_what_old_entries_said_is_forgotten_and_that_they_were_there_is_not(home: Path) -> None:
    with open_services(home, NOW) as services:
        with writing(services.engine) as session:
            for number in range(1200):
                first_seen = NOW - timedelta(days=401 if number else 399)
                session.add(
                    EntryRow(
                        feed="f", id=f"{number:05}", link=f"https://example.org/{number}", title=f"T{number}",
                        summary="said", first_seen=first_seen, link_key="l", title_key="t",
                    )
                )  # fmt: skip
        tidy(services)

        with reading(services.engine) as session:
            rows = session.exec(select(EntryRow).order_by("id")).all()
    assert [one.summary for one in rows] == ["said", *[""] * 1199]
    assert rows[7].title == "T7"


def test_tidying_much_lets_others_write_meanwhile(started: Path) -> None:
    """Ten thousand sign-ups that nobody confirmed go in steps: another writer gets in between."""
    with open_services(started, NOW) as services:
        long_ago = NOW - timedelta(days=500)
        with writing(services.engine) as session:
            session.connection().exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
                " INSERT INTO subscribers (id, email, folded, address_hash, name, state, created_at, moving_to)"
                " SELECT 's' || i, 'e' || i,"
                " 'f' || i, 'h' || i, '', 'unconfirmed', ?, '' FROM n",
                (f"{long_ago:%Y-%m-%d %H:%M:%S.%f}",),
            )
        steps = list[int]()
        with closing(sqlite3.connect(started / "verdicts.db", timeout=10, isolation_level=None)) as other:
            work = Thread(target=tidy, args=(services,))
            work.start()
            while work.is_alive():
                other.execute("INSERT INTO limits (what, since, count) VALUES (hex(randomblob(8)), '2026-11-16', 1)")
                steps.append(other.execute("SELECT count(*) FROM subscribers").fetchone()[0])
            work.join()

        assert len({one for one in steps if 0 < one < 10_000}) >= 3
        assert services.subscribers.stats()["unconfirmed"] == 0
