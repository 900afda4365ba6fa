"""Backups, made while they are written to and restored to either kind of database, and nobody comes back."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import select

from digest.database import reading, writing
from digest.editions import Editions
from digest.settings import load_settings
from flows.alone import alone
from flows.backups import DATABASE, MANIFEST, unpacked
from subscribers.accounts import Accounts
from subscribers.store import Subscribers
from subscribers.tables import ConsentRow, NoticeRow, SubscriberRow
from tests.commands import verdicts
from tests.flows.lived import ADA, AT, LATER, SENT, emptied, made, opened, same, set_database


@pytest.fixture
def home(stored: Path) -> Path:
    """A home that has been lived in, with its rows once on SQLite and once on PostgreSQL."""
    return stored


# Backup and restore


@pytest.mark.parametrize("to", ["sqlite", "postgresql"])
def test_a_backup_restores_to_either_kind_with_every_row_the_same(
    home: Path, to: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with opened(home) as engine, writing(engine) as session:  # what a restore changes on purpose, see below
        session.execute(text("UPDATE notices SET state = 'accepted'"))
    file, new = made(home, tmp_path / "one.tar.gz"), emptied(home, tmp_path)
    url = request.getfixturevalue("new_postgres")() if to == "postgresql" else f"sqlite:///{tmp_path / 'other.db'}"
    set_database(new, url)

    ran = verdicts("db", "restore", file, *AT, home=new)

    assert (ran.status, ran.err) == (0, "")
    with opened(home) as before, opened(new) as after:
        assert same(before, after)
    assert (new / "secret.key").read_bytes() == (home / "secret.key").read_bytes()
    assert (new / "suppression_key.key").read_bytes() == (home / "suppression_key.key").read_bytes()
    assert (new / "reviews" / "one.yaml").read_text() == "tool: one\n"
    assert verdicts("db", "check", home=new).status == 0
    assert not list(tmp_path.glob("**/.verdicts*"))


def test_ids_go_on_after_the_highest_that_was_restored(home: Path, tmp_path: Path) -> None:
    file, new = made(home, tmp_path / "one.tar.gz"), emptied(home, tmp_path)
    set_database(new, f"sqlite:///{tmp_path / 'other.db'}")
    verdicts("db", "restore", file, *AT, home=new)
    for folder in (home, new):
        with opened(folder) as engine, writing(engine) as session:
            highest = session.execute(text("SELECT max(id) FROM consents")).scalar_one()
            session.add(one := ConsentRow(subscriber_id="x", what="asked", at=SENT))
            session.flush()
            assert one.id == highest + 1


def test_a_backup_is_of_one_moment_while_others_write(home: Path, tmp_path: Path) -> None:
    stop, began = Event(), Event()

    def write() -> None:
        with opened(home) as engine:
            for number in range(10_000):
                if stop.is_set():
                    return
                with writing(engine) as session:  # both or none
                    session.add(NoticeRow(kind="alarm", once=f"w{number}", queued_at=SENT, due_at=SENT))
                    session.add(ConsentRow(subscriber_id=f"w{number}", what="asked", at=SENT))
                if number == 20:
                    began.set()

    writer = Thread(target=write)
    writer.start()
    try:
        assert began.wait(30)
        files = [made(home, tmp_path / f"{number}.tar.gz") for number in range(3)]
    finally:
        stop.set()
        writer.join()

    seen = []
    for file in files:
        with unpacked(file, tmp_path) as backup, closing(sqlite3.connect(backup.database)) as rows:
            letters = rows.execute("SELECT count(*) FROM notices WHERE once LIKE 'w%'").fetchone()[0]
            assert rows.execute("SELECT count(*) FROM consents WHERE subscriber_id LIKE 'w%'").fetchone()[0] == letters
            seen.append(letters)
    assert 20 <= seen[0] < seen[1] < seen[2]


def test_only_its_owner_may_read_a_backup_and_nothing_else_is_left(lived: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()

    ran = verdicts("db", "backup", folder, "--json", *AT, home=lived)

    (file,) = folder.iterdir()
    assert ran.document["path"] == str(file)
    assert file.name == "verdicts-20261117-120000.tar.gz"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ran.document["rows"]["subscribers"] == 4
    again = verdicts("db", "backup", file, *AT, home=lived)
    assert again.status == 2
    assert "a file is there already" in again.err
    assert list(folder.iterdir()) == [file]


def test_a_backup_without_a_name_goes_to_a_folder_of_the_home(lived: Path) -> None:
    assert verdicts("db", "backup", *AT, home=lived).status == 0

    assert [one.name for one in (lived / "backups").iterdir()] == ["verdicts-20261117-120000.tar.gz"]
    assert stat.S_IMODE((lived / "backups").stat().st_mode) == 0o700


def test_keys_of_the_environment_are_in_a_backup_too(lived: Path, tmp_path: Path, monkeypatch: Any) -> None:
    (lived / "suppression_key.key").unlink()
    monkeypatch.setenv("VERDICTS_SUPPRESSION_KEY", "from elsewhere")

    with unpacked(made(lived, tmp_path / "one.tar.gz"), tmp_path) as backup:
        assert backup.key("suppression_key") == b"from elsewhere"


# What is refused


def altered(file: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], **members: bytes) -> Path:
    """The same backup with another manifest, and more files."""
    new = tmp_path / "altered.tar.gz"
    with tarfile.open(file) as old, tarfile.open(new, "w:gz") as archive:
        for one in old:
            source = old.extractfile(one)
            assert source is not None
            content = source.read()
            if one.name == MANIFEST:
                told = json.loads(content)
                change(told)
                content = json.dumps(told).encode()
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
        for name, content in members.items():
            more = tarfile.TarInfo(name)
            more.size = len(content)
            archive.addfile(more, io.BytesIO(content))
    return new


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(tables="9999"), r"made by a newer version of this program .*tables 9999.*update the"),
        (lambda told: told.update(format=2), "made by a newer version of this program"),
        (lambda told: told["sha256"].update({DATABASE: "0" * 64}), r"damaged: the checksum of verdicts\.db is another"),
        (lambda told: told["sha256"].update({"home/../../x": "0"}), r"it holds 'home/\.\./\.\./x'"),
        (lambda told: told["sha256"].update({"home/lost": "0"}), "damaged: home/lost is missing"),
        (lambda told: told["sha256"].pop("home/feeds.toml"), "'home/feeds.toml' is not in its manifest"),
        (lambda told: told.pop("rows"), "its manifest cannot be read"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_as_it_was_made_is_refused(
    lived: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    file = altered(made(lived, tmp_path / "one.tar.gz"), tmp_path, change)

    for words in (("db", "restore", file, "--force"), ("db", "check", file)):
        ran = verdicts(*words, home=tmp_path / "new")
        assert ran.status == 2
        assert re.search(said, ran.err), ran.err
        assert "nothing was changed" in ran.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.97])
@pytest.mark.parametrize("cut", [True, False])
def test_a_backup_cut_short_or_with_a_wrong_byte_is_refused(
    lived: Path, tmp_path: Path, part: float, *, cut: bool
) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    raw = bytearray(file.read_bytes())
    place = int(len(raw) * part)
    if cut:
        del raw[place:]
    else:
        raw[place] ^= 0xFF
    file.write_bytes(raw)

    ran = verdicts("db", "restore", file, home=tmp_path / "new")

    assert ran.status == 2
    assert "nothing was changed" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_database_with_rows_is_not_replaced_unless_asked_and_then_kept_aside(home: Path, tmp_path: Path) -> None:
    file = made(home, tmp_path / "one.tar.gz")
    with opened(home) as engine, writing(engine) as session:
        session.execute(text("UPDATE tools SET name = 'changed since'"))

    refused = verdicts("db", "restore", file, *LATER, home=home)
    assert refused.status == 2
    assert "there are rows already" in refused.err
    assert names(home) == {"changed since"}

    done = verdicts("db", "restore", file, "--force", "--json", *LATER, home=home)

    assert done.status == 0, done.err
    assert "changed since" not in names(home)
    with closing(sqlite3.connect(done.document["kept"])) as kept:
        assert kept.execute("SELECT DISTINCT name FROM tools").fetchall() == [("changed since",)]
    assert stat.S_IMODE(Path(done.document["kept"]).stat().st_mode) == 0o600
    assert verdicts("db", "check", home=home).status == 0


def names(home: Path) -> set[str]:
    with opened(home) as engine, reading(engine) as session:
        return set(session.execute(text("SELECT name FROM tools")).scalars())


def test_a_damaged_database_can_be_replaced_and_that_nobody_is_known_is_said(lived: Path, tmp_path: Path) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    (lived / "verdicts.db").write_bytes(b"lost" * 4096)
    (lived / "verdicts.db-wal").write_bytes(b"of the old one")

    assert verdicts("db", "restore", file, *LATER, home=lived).status == 2
    ran = verdicts("db", "restore", file, "--force", *LATER, home=lived)

    assert ran.status == 0, ran.err
    assert "who was forgotten or left since is not known" in ran.out
    assert verdicts("db", "check", home=lived).status == 0


def test_nothing_is_restored_or_moved_while_the_home_is_served(home: Path, tmp_path: Path) -> None:
    file = made(home, tmp_path / "one.tar.gz")

    with alone(home):
        for words in (("restore", file, "--force"), ("move", f"sqlite:///{tmp_path / 'x.db'}")):
            ran = verdicts("db", *words, home=home)
            assert (ran.status, "is served already" in ran.err) == (2, True)
    assert not (tmp_path / "x.db").exists()


def test_nothing_is_restored_or_moved_while_another_program_has_the_database_open(home: Path, tmp_path: Path) -> None:
    file = made(home, tmp_path / "one.tar.gz")

    with opened(home) as engine, engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM tools"))
        for words in (("restore", file, "--force"), ("move", f"sqlite:///{tmp_path / 'x.db'}")):
            ran = verdicts("db", *words, home=home)
            assert (ran.status, "is open in another program" in ran.err) == (2, True), ran.err


def test_a_key_of_the_environment_that_is_another_is_refused(lived: Path, tmp_path: Path, monkeypatch: Any) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    monkeypatch.setenv("VERDICTS_SUPPRESSION_KEY", "another")

    ran = verdicts("db", "restore", file, home=tmp_path / "new")

    assert ran.status == 2
    assert "VERDICTS_SUPPRESSION_KEY: found another key" in ran.err
    assert "another key" in ran.err
    assert not (tmp_path / "new").exists()


# What a restore must not bring back


def test_nobody_who_was_forgotten_left_or_suppressed_since_comes_back(home: Path, tmp_path: Path) -> None:
    file = made(home, tmp_path / "one.tar.gz")
    key = load_settings(home, {}).key("suppression_key")
    with opened(home) as engine:
        readers = Subscribers(engine, key)
        others = sorted(one.id for one in rows_of(engine, SubscriberRow) if one.email != ADA)
        ada = readers.find(ADA)
        assert ada is not None
        assert Accounts(engine, key).erase(ada.id, SENT)
        Accounts(engine, key).suppress("stranger@example.org", SENT)
        assert readers.leave(others[0], SENT, source="a test")

    ran = verdicts("db", "restore", file, "--force", "--json", *LATER, home=home)

    assert ran.document["carried"] == {"erased": 1, "suppressed": 2, "left": 1, "lost": 0}
    with opened(home) as engine:
        assert Subscribers(engine, key).find(ADA) is None
        assert {one.id: one.state for one in rows_of(engine, SubscriberRow)}[others[0]] == "unsubscribed"
        for email in (ADA, "stranger@example.org"):
            told = Accounts(engine, key).suppressed(email)
            assert told is not None
            assert told["why"] == "erasure"
    assert verdicts("db", "check", home=home).status == 0


def rows_of(engine: Engine, table: Any) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(select(table)))


def test_forgotten_readers_are_known_also_under_another_key(lived: Path, tmp_path: Path) -> None:
    file = made(lived, tmp_path / "one.tar.gz")
    old = (lived / "suppression_key.key").read_bytes()
    other = tmp_path / "other"
    shutil.copytree(lived, other, ignore=shutil.ignore_patterns("verdicts.db*", "*.key"))
    assert verdicts("init", home=other).status == 0
    assert verdicts("subscribers", "forget", ADA, "--yes", *AT, home=other).status == 0
    assert verdicts("subscribers", "forget", "stranger@example.org", "--yes", *AT, home=other).status == 0

    ran = verdicts("db", "restore", file, "--force", "--json", *LATER, home=other)

    assert ran.document["carried"] == {"erased": 1, "suppressed": 0, "left": 0, "lost": 1}
    assert (other / "suppression_key.key").read_bytes() == old
    assert len((other / "secret.key").read_text().split()) == 2
    with opened(other) as engine:
        assert ADA not in {one.email for one in rows_of(engine, SubscriberRow)}
    assert verdicts("db", "check", home=other).status == 0


def test_an_edition_that_may_have_gone_out_since_is_held_and_letters_are_dropped(home: Path, tmp_path: Path) -> None:
    week = verdicts("edition", "list", "--json", home=home).document[0]["week"]
    draft = _next_of(home, week)
    with opened(home) as engine:
        Editions(engine).keep_draft(draft)
    file = made(home, tmp_path / "one.tar.gz")

    ran = verdicts("db", "restore", file, "--force", "--json", *LATER, home=home)
    assert ran.status == 0, ran.err

    assert ran.document["held"] == ["2026-W48"]
    assert ran.document["letters"] == 1
    with opened(home) as engine:
        assert sorted(one.state for one in rows_of(engine, NoticeRow)) == ["accepted", "dropped"]
        held = Editions(engine).require("2026-W48").held
        assert held is not None
        assert held.startswith("restored from a backup of Tue 17 November 12:00 UTC")


def _next_of(home: Path, week: str) -> Any:
    from dataclasses import replace

    assert week == "2026-W47"
    with opened(home) as engine:
        return replace(Editions(engine).require(week).edition, week="2026-W48")


def test_a_week_that_may_have_been_composed_and_sent_since_is_not_composed_by_itself(
    lived: Path, tmp_path: Path
) -> None:
    monday = SENT + timedelta(days=6)
    file = made(lived, tmp_path / "one.tar.gz", *AT)

    ran = verdicts("db", "restore", file, "--force", "--json", "--now", monday.isoformat(), home=lived)

    assert ran.document["held"] == ["2026-W48"]
    with opened(lived) as engine:
        record = Editions(engine).require("2026-W48")
    assert record.state == "skipped"
    assert "verdicts compose --week 2026-W48" in record.reason
