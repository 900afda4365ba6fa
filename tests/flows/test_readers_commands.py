"""Readers in and out by command: whole or with reasons, nobody revived, nothing written over by accident."""

from __future__ import annotations

import csv
import io
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from digest.database import open_engine, writing
from digest.settings import load_settings
from subscribers.addressing import address_hash, fold
from subscribers.ledger import Ledger
from subscribers.store import Subscribers
from subscribers.tables import ConsentRow, SubscriberRow, SuppressionRow
from tests.commands import Ran, verdicts
from tests.examples import NOW
from tests.processes import ended, start
from tests.subscribers.importer import import_in_pieces
from tests.subscribers.readers import WEEK, approve

ROOT = Path(__file__).parent.parent.parent

HEADER = "email,name,state,confirmed_at,source\n"

AT = ("--now", NOW.isoformat())


@pytest.fixture
def ready(started: Path) -> Path:
    return started


@pytest.fixture
def engine(ready: Path) -> Iterator[Engine]:
    """The database of `ready`, beside the commands."""
    opened = open_engine(load_settings(ready, {}).database)
    yield opened
    opened.dispose()


def run(home: Path, *words: str | Path) -> Ran:
    return verdicts("subscribers", *words, home=home)


def wrote(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


@pytest.fixture
def some(ready: Path, tmp_path: Path) -> Path:
    """A home with one reader in each state."""
    lines = ("ada@example.org,Ada,confirmed,2026-03-01,fair", "eve@example.org,,unconfirmed,,fair",
             "bob@example.org,Bob,unsubscribed,,fair")  # fmt: skip
    assert run(ready, "import", wrote(tmp_path / "some.csv", *lines)).status == 0
    return ready


def suppress(home: Path, engine: Engine, email: str, why: str = "hard bounce") -> None:
    hashed = address_hash(fold(email), load_settings(home, {}).key("suppression_key"))
    with writing(engine) as session:
        session.add(SuppressionRow(address_hash=hashed, why=why, at=NOW))


def store(home: Path, engine: Engine) -> Subscribers:
    return Subscribers(engine, load_settings(home, {}).key("suppression_key"))


def id_of(engine: Engine, email: str) -> str:
    with Session(engine) as session:
        return session.exec(select(SubscriberRow.id).where(SubscriberRow.folded == email)).one()


# Importing


def test_rows_left_out_are_told_in_file_order_as_one_document(ready: Path, tmp_path: Path) -> None:
    file = wrote(tmp_path / "in.csv", "a@example.org", "nobody", "b@example.org,B,gone", "c@example.org,C, , , ,x")
    ran = run(ready, "import", file, "--json")

    assert ran.status == 1
    assert (ran.document["added"], ran.document["known"]) == (1, 0)
    assert [(one["line"], one["email"]) for one in ran.document["left_out"]] == [
        (3, "nobody"), (4, "b@example.org"), (5, "c@example.org"),
    ]  # fmt: skip
    assert ran.document["left_out"][2]["reason"] == "6 cells; allowed: 5, text with commas stands in quotes"


def test_an_import_without_fault_has_an_empty_list_of_rows_left_out(ready: Path, tmp_path: Path) -> None:
    ran = run(ready, "import", wrote(tmp_path / "in.csv", "a@example.org"), "--json")
    assert (ran.status, ran.document) == (0, {"added": 1, "known": 0, "left_out": []})


def test_what_a_terminal_would_obey_is_not_printed(ready: Path, tmp_path: Path) -> None:
    ran = run(ready, "import", wrote(tmp_path / "in.csv", '"\x1b[31mnobody\nat all"'))
    assert ran.out.splitlines()[1].startswith("in.csv:2:  [31mnobody at all: ")


def process(home: Path, *words: str | Path, begin: str = "") -> subprocess.Popen[bytes]:
    code = f"{begin}; from flows.cli import main; main()".removeprefix("; ")
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words), "--home", str(home)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_pipe_is_read_like_a_file(ready: Path) -> None:
    out, err = process(ready, "subscribers", "import", "-").communicate(f"{HEADER}a@example.org\nnobody\n".encode())
    assert (out.splitlines()[0], err) == (b"1 added, 0 known, 1 left out", b"")
    out, err = process(ready, "subscribers", "import", "/dev/stdin").communicate(b"email\nb@example.org\n")
    assert (out, err) == (b"1 added, 0 known, 0 left out\n", b"")
    _, err = process(ready, "subscribers", "import", "-").communicate(b"mail\n")
    assert err.startswith(b"verdicts: standard input:1: header: found mail; allowed: email,")


def test_a_reader_of_the_output_who_has_seen_enough_stops_no_import(ready: Path, tmp_path: Path) -> None:
    """Nor the transactions that come after the first of which something was to be told."""
    rows = [line for number in range(3000) for line in (f"nobody{number}", f"reader{number}@example.org")]
    in_six = "from subscribers import importing; importing.CHUNK = 1000"
    importing = process(ready, "subscribers", "import", wrote(tmp_path / "in.csv", *rows), begin=in_six)
    assert importing.stdout is not None
    importing.stdout.close()
    importing.wait(timeout=120)
    assert run(ready, "stats", "--json").document["unconfirmed"] == 3000


def test_a_folder_or_a_missing_file_is_named(ready: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.csv"):
        ran = run(ready, "import", path)
        assert (ran.status, ran.out) == (2, "")
        assert f"{path}: found" in ran.err


#: Rows of a list, and of each transaction: after a first one, many are still to come when the process is killed.
ROWS, CHUNK = 30_000, 3000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list that takes several transactions, with doubles and rows that are left out in each."""
    file = tmp_path_factory.mktemp("many") / "many.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(HEADER.strip().split(","))
        for number in range(ROWS):
            email = "nobody" if number % 1000 == 7 else f"reader{number - number % 500 // 499}@example.org"
            writer.writerow((email, f"Reader, {number}", "confirmed", "2026-03-01", "fair"))
    return file


def kept(engine: Engine) -> tuple[list[tuple[str, str]], int]:
    """The readers, and how many proofs they have."""
    with Session(engine) as session:
        readers = session.exec(select(SubscriberRow.email, SubscriberRow.name).order_by(SubscriberRow.folded)).all()
        return [(email, name) for email, name in readers], session.exec(select(func.count(col(ConsentRow.id)))).one()


@pytest.mark.slow
def test_an_import_killed_twice_and_run_again_ends_like_one_that_was_not(
    home: Path, database_url: str, many: Path
) -> None:
    (home / "verdicts.toml").write_text(f'database_url = "{database_url}"\n')
    assert verdicts("init", home=home).status == 0
    engine = open_engine(database_url)
    before = 0
    for _ in range(2):
        importing = start(import_in_pieces, CHUNK, home, many)
        while (now := _count(engine)) <= before and importing.exitcode is None:
            time.sleep(0.005)
        importing.kill()
        assert ended(importing) == -signal.SIGKILL
        before = now
    assert 0 < before < ROWS - CHUNK

    said = run(home, "import", many).out

    expected = sorted({number - number % 500 // 499 for number in range(ROWS) if number % 1000 != 7})
    readers, proofs = kept(engine)
    engine.dispose()
    assert sorted(readers) == sorted((f"reader{number}@example.org", f"Reader, {number}") for number in expected)
    assert proofs == len(expected)
    assert said.splitlines()[0].endswith(f", {ROWS // 1000} left out")
    assert len(said.splitlines()) == 1 + ROWS // 1000


def _count(engine: Engine) -> int:
    with Session(engine) as session:
        return session.exec(select(func.count()).select_from(SubscriberRow)).one()


# Exporting


def test_an_export_goes_to_standard_output_or_to_a_file_of_its_owner(some: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    ran = run(some, "export", file)

    assert (ran.status, ran.out) == (0, f"3 subscribers written to {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == run(some, "export").out == run(some, "export", "-").out
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == [
        "email", "ada@example.org", "bob@example.org", "eve@example.org",
    ]  # fmt: skip


def test_an_export_writes_over_nothing_unless_it_is_told_to(some: Path, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("mine")
    ran = run(some, "export", file)
    assert (ran.status, file.read_text()) == (2, "mine")
    assert "--force" in ran.err
    assert run(some, "export", file, "--force", "--state", "confirmed").out == f"1 subscribers written to {file}\n"
    assert file.read_text() == HEADER + "ada@example.org,Ada,confirmed,2026-03-01T00:00:00+00:00,fair\n"
    assert [path.name for path in tmp_path.iterdir() if "out.csv" in path.name] == ["out.csv"]
    assert "found 'gone'; allowed: unconfirmed" in run(some, "export", "--state", "gone").err


# The audience


def listing(ran: Ran) -> list[tuple[str, str]]:
    return [(one["email"], one["why"]) for one in ran.document]


def test_the_list_says_of_everyone_whether_they_receive_or_why_not(some: Path, engine: Engine) -> None:
    store(some, engine).pause(id_of(engine, "ada@example.org"), NOW + timedelta(days=7))
    suppress(some, engine, "eve@example.org")
    expected = [("ada@example.org", "paused"), ("bob@example.org", "left"), ("eve@example.org", "suppressed")]

    assert listing(run(some, "list", "--json", *AT)) == expected
    assert listing(run(some, "list", "--json", *AT, "--why", "paused")) == expected[:1]
    assert listing(run(some, "list", "--json", *AT, "--state", "unsubscribed")) == expected[1:2]
    assert run(some, "list", "--json", "--why", "refused").document == []
    until = (NOW + timedelta(days=7)).isoformat()
    assert run(some, "list", *AT).out.splitlines()[0] == f"ada@example.org  confirmed  paused until {until}"
    assert run(some, "stats", "--json", *AT).document == {
        "confirmed": 1, "unconfirmed": 1, "unsubscribed": 1, "suppressed": 1, "paused": 1,
    }  # fmt: skip


def test_of_a_planned_edition_the_list_and_the_rehearsal_say_who_came_too_late(some: Path, engine: Engine) -> None:
    approve(engine)
    Ledger(engine).plan(WEEK, NOW)
    with writing(engine) as session:
        late = SubscriberRow(id="late", email="zoe@example.org", folded="zoe@example.org", address_hash="z",
                             state="confirmed", created_at=NOW, confirmed_at=NOW)  # fmt: skip
        session.add(late)

    found = dict(listing(run(some, "list", "--week", WEEK, "--json", *AT)))
    assert (found["ada@example.org"], found["zoe@example.org"]) == ("receives", "joined after planning")
    assert dict(listing(run(some, "list", "--json", *AT))) == found  # the newest edition
    audience = verdicts("send", WEEK, "--dry-run", "--json", *AT, home=some).document["audience"]
    assert audience == {"receives": 1, "joined after planning": 1, "left": 1, "unconfirmed": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--why", "tired"), "found 'tired'; allowed: receives, unconfirmed"),
        (("--state", "tired"), "found 'tired'; allowed: unconfirmed, confirmed, unsubscribed"),
        (("--week", "2026-W99"), "2026-W47"),
        (("--week", "2026-W10"), "no edition; make it with"),
    ],
)
def test_a_wrong_question_says_what_can_be_asked(ready: Path, words: tuple[str, ...], said: str) -> None:
    ran = run(ready, "list", *words)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


# Allowing


@pytest.mark.parametrize("email", ["ada@example.org", "stranger@example.org"])
def test_a_bounce_is_lifted_with_who_did_so_and_why(some: Path, engine: Engine, email: str) -> None:
    suppress(some, engine, email)
    ran = run(some, "allow", email.upper(), "--why", "mailbox was full", *AT)

    assert (ran.status, ran.out) == (0, "allowed again: the hard bounce is lifted\n")
    assert run(some, "stats", "--json").document["suppressed"] == 0
    with Session(engine) as session:
        proof = session.exec(select(ConsentRow).where(ConsentRow.what == "allowed")).one()
    assert (proof.at, proof.source.split(": ", 1)[1]) == (NOW, "mailbox was full")
    assert proof.source.split(": ")[0]
    assert run(some, "allow", email, "--why", "again").status == 2


@pytest.mark.parametrize("why", ["request", "erasure"])
def test_what_a_person_asked_for_only_that_person_lifts(some: Path, engine: Engine, why: str) -> None:
    suppress(some, engine, "ada@example.org", why)
    ran = run(some, "allow", "ada@example.org", "--why", "they told me")

    assert (ran.status, ran.out) == (2, "")
    assert f"suppressed by {why}" in ran.err
    assert "only the person" in ran.err
    assert run(some, "stats", "--json").document["suppressed"] == 1


def test_allowing_asks_for_an_address_a_reason_and_a_suppression(some: Path) -> None:
    assert "--why" in run(some, "allow", "ada@example.org").err
    assert "--why: found nothing" in run(some, "allow", "ada@example.org", "--why", " ").err
    assert "@-sign" in run(some, "allow", "ada", "--why", "x").err
    assert "not suppressed" in run(some, "allow", "ada@example.org", "--why", "x").err


# One reader's story, and its end


def test_a_readers_story_is_told_and_ends_when_they_are_forgotten(some: Path, engine: Engine) -> None:
    told = run(some, "show", "ADA@example.org")
    assert told.status == 0
    assert "imported as confirmed" in told.out
    assert run(some, "show", "ada@example.org", "--json").document["subscriber"]["state"] == "confirmed"

    done = run(some, "forget", "ada@example.org", "--yes", *AT)
    assert (done.status, done.out.partition(";")[0]) == (0, "erased")
    again = run(some, "show", "ada@example.org")
    assert (again.status, again.out) == (1, "ada@example.org is no subscriber; suppressed: erasure\n")
    assert "no import takes it already" in run(some, "forget", "ada@example.org", "--yes", *AT).out


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nobody_is_forgotten_without_a_yes(some: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert run(some, "forget", "ada@example.org", *AT).status == 130
    assert run(some, "show", "ada@example.org").status == 0


@pytest.mark.parametrize("command", ["show", "forget"])
def test_what_is_no_address_is_said(some: Path, command: str) -> None:
    words = ["--yes"] if command == "forget" else []
    done = run(some, command, "ada@", *words)
    assert (done.status, "found 'ada@'" in done.err) == (2, True)
