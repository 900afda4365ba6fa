"""The check of a database finds whatever does not agree, on both kinds and in backups."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.database import writing
from digest.settings import load_settings
from tests.commands import Ran, verdicts
from tests.flows.lived import made, opened, set_database

# Check


SABOTAGE = [
    ("DELETE FROM batches", "delivery-without-batch"),
    ("UPDATE batches SET size = size + 1", "batch-size"),
    ("UPDATE batches SET state = 'claimed'", "sent-and-waiting"),
    ("DELETE FROM subscribers WHERE email <> 'ada@example.org'", "orphan"),
    ("INSERT INTO consents (subscriber_id, what, at, source, network, wording, wording_version)"
     " VALUES ('gone', 'asked', '2026-01-01 00:00:00', '', '', '', '')", "orphan"),
    ("UPDATE votes SET subscriber_id = 'gone' || subscriber_id", "orphan"),
    ("UPDATE votes SET tool = 'no-such-' || tool", "orphan"),
    ("UPDATE notices SET subscriber_id = 'gone'", "orphan"),
    ("UPDATE events SET subscriber_id = 'gone'", "orphan"),
    ("INSERT INTO earlier_calls (key, week, number) VALUES ('k', '2026-W47', 999)", "orphan"),
    ("DELETE FROM entries", "orphan"),
    ("UPDATE tallies SET week = '2020-W01'", "orphan"),
    ("UPDATE tallies SET letters = letters + 1", "tallies"),
    ("DELETE FROM events", "tallies"),
    ("DELETE FROM matchups", "matchups"),
    ("UPDATE subscribers SET address_hash = 'x' || address_hash", "other-key"),
    ("INSERT INTO suppressions (address_hash, why, at, soft) SELECT address_hash, 'erasure', created_at, false"
     " FROM subscribers", "erased-and-here"),
    ("INSERT INTO suppressions (address_hash, why, at, soft) VALUES ('a@b.example', 'request',"
     " '2026-01-01 00:00:00', false)", "suppression-hash"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "code"), SABOTAGE)
def test_a_check_finds_what_does_not_agree(lived: Path, statement: str, code: str) -> None:
    with closing(sqlite3.connect(lived / "verdicts.db")) as connection:
        connection.execute(statement)
        connection.commit()

    assert code in codes(verdicts("db", "check", "--json", home=lived))


def codes(ran: Ran) -> set[str]:
    assert (ran.status, ran.document["ok"]) == (1, False), ran.err
    assert all(one["fix"] and one["message"] and "@" not in one["message"] for one in ran.document["findings"])
    return {one["code"] for one in ran.document["findings"]}


def test_a_check_on_postgresql_finds_the_same(told: Path, new_postgres: Callable[[], str], tmp_path: Path) -> None:
    home = shutil.copytree(told, tmp_path / "lived")
    url = new_postgres()
    assert verdicts("db", "move", url, home=home).status == 0
    set_database(home, url)
    for statement, code in SABOTAGE:
        with opened(home) as engine, engine.connect() as connection, connection.begin() as undone:
            connection.execute(text(statement))
            from flows import auditing

            findings = [*auditing._broken_rules(connection), *auditing._editions(connection)]
            findings += [*auditing._counts(connection)]
            findings += [*auditing._hashes(connection, load_settings(home, {}).key("suppression_key"))]
            assert code in {one.code for one in findings}, statement
            undone.rollback()
    with opened(home) as engine, writing(engine) as session:
        session.execute(text("SELECT setval(pg_get_serial_sequence('consents', 'id'), 1)"))
        session.execute(text("DROP TRIGGER editions_seal ON editions"))
        session.execute(text("ALTER TABLE pace DROP COLUMN reason"))

    assert codes(verdicts("db", "check", "--json", home=home)) == {"ids", "trigger", "columns"}


def test_a_check_finds_bytes_that_are_not_those_approved(lived: Path) -> None:
    with closing(sqlite3.connect(lived / "verdicts.db")) as connection:
        trigger = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'editions_seal'").fetchone()[0]
        connection.execute("DROP TRIGGER editions_seal")
        connection.execute("UPDATE editions SET html = html || ' '")
        connection.commit()
        assert "trigger" in codes(verdicts("db", "check", "--json", home=lived))
        connection.execute(trigger)
        connection.commit()

    assert codes(verdicts("db", "check", "--json", home=lived)) == {"bytes-changed"}


def test_a_check_finds_damaged_pages(lived: Path) -> None:
    with closing(sqlite3.connect(lived / "verdicts.db")) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_votes_subscriber_id'").fetchone()
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with (lived / "verdicts.db").open("rb+") as file:
        file.seek((root[0] - 1) * size + 100)
        file.write(os.urandom(size - 100))

    assert "damaged" in codes(verdicts("db", "check", "--json", home=lived))


def test_a_check_says_what_a_home_without_its_key_lacks(lived: Path) -> None:
    (lived / "suppression_key.key").unlink()

    assert codes(verdicts("db", "check", "--json", home=lived)) == {"no-key"}


def test_a_check_of_a_backup_tells_that_it_belongs_to_another_key(lived: Path, tmp_path: Path) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    assert verdicts("db", "check", file, home=lived).status == 0
    (lived / "suppression_key.key").write_text("another\n")

    assert codes(verdicts("db", "check", file, "--json", home=lived)) == {"other-key"}


def test_a_check_of_another_version_says_what_to_do(lived: Path) -> None:
    with closing(sqlite3.connect(lived / "verdicts.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    ran = verdicts("db", "check", home=lived)

    assert ran.status == 1
    assert "Update the program" in ran.out
