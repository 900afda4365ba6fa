"""What a person reads when something is wrong: one clear line for each fault, the right exit status, nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.demo import SAMPLES
from tests.commands import Ran, verdicts
from tests.web import Reply, Web


@pytest.fixture
def ready(started: Path) -> Path:
    """A home folder with its database."""
    return started


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as served:
        yield served


def one_line(ran: Ran, status: int, *said: str) -> None:
    """The command failed with this status and one line that says all of this."""
    assert (ran.status, ran.out) == (status, ""), ran
    assert len(ran.err.splitlines()) == 1, ran.err
    for words in said:
        assert words in ran.err, ran.err


def test_an_empty_folder_is_no_home_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERDICTS_HOME", raising=False)
    one_line(verdicts("status", home=tmp_path), 2, "no database there yet", "verdicts init")
    assert list(tmp_path.iterdir()) == []


def test_without_settings_the_defaults_hold(ready: Path) -> None:
    (ready / "verdicts.toml").unlink()
    assert verdicts("edition", "list", home=ready).out == "no edition yet\n"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("name = 'unclosed\n", ("verdicts.toml:1", "allowed: TOML")),
        ("\npars = 5\n", ("verdicts.toml:2", "pars", "did you mean pairs?")),
        ("pairs = 'many'\n", ("verdicts.toml:1", "pairs", "'many'", "integer")),
        ("timezone = 'Mars/Olympus'\n", ("verdicts.toml:1", "timezone", "Europe/Berlin")),
        ("send_at = 'Tuesdays'\n", ("send_at", "five cron fields")),
        ("sender = 'pigeon'\n", ("sender", "'pigeon'", "outbox")),
    ],
)
def test_a_broken_settings_file_says_where_and_what_is_allowed(ready: Path, toml: str, said: tuple[str, ...]) -> None:
    (ready / "verdicts.toml").write_text(toml)
    command = ("send", "--test-to", "me@example.org") if "sender" in toml else ("status",)
    if "sender" in toml:
        add_edition(ready)
        (ready / "verdicts.toml").write_text(toml)
    one_line(verdicts(*command, home=ready), 2, *said)


def add_edition(home: Path) -> None:
    """Compose an edition from the sample reviews alone: what is newly reviewed is news."""
    (home / "verdicts.toml").write_text("")
    assert verdicts("panel", "import", SAMPLES / "reviews", home=home).status == 0
    assert verdicts("compose", home=home).status == 0


def test_every_fault_of_a_settings_file_is_said_at_once(ready: Path) -> None:
    (ready / "verdicts.toml").write_text("pairs = 0\nquorum = 'x'\n")
    ran = verdicts("status", home=ready)
    assert ran.status == 2
    assert [line.split(":")[1].strip() + ":" + line.split(":")[2] for line in ran.err.splitlines()] == [
        "verdicts.toml:1", "verdicts.toml:2",
    ]  # fmt: skip


def test_a_broken_feeds_file_says_where(ready: Path) -> None:
    (ready / "feeds.toml").write_text('[[feed]]\nname = "a"\nurl = "ftp://example.org/feed"\n')
    one_line(verdicts("gather", home=ready), 2, "feeds.toml:3", "url", "ftp://example.org/feed", "http")


def test_a_missing_feeds_file_is_named(ready: Path) -> None:
    (ready / "verdicts.toml").write_text('feeds = "nowhere.toml"\n')
    one_line(verdicts("gather", home=ready), 2, "nowhere.toml")


def test_a_broken_review_file_changes_nothing(ready: Path, tmp_path: Path) -> None:
    good = (SAMPLES / "reviews" / "flakehound.yaml").read_text()
    (tmp_path / "reviews").mkdir()
    (tmp_path / "reviews" / "good.yaml").write_text(good)
    (tmp_path / "reviews" / "bad.yaml").write_text(
        good.replace("call: ship", "call: maybe", 1).replace("flakehound", "other")
    )
    one_line(
        verdicts("panel", "import", tmp_path / "reviews", home=ready), 2, "bad.yaml:", "call", "'maybe'", "ship, skip"
    )
    with sqlite3.connect(ready / "verdicts.db") as connection:
        assert connection.execute("SELECT count(*) FROM tools").fetchone() == (0,)


def test_a_review_file_that_is_not_there_is_named(ready: Path) -> None:
    one_line(verdicts("panel", "import", "nowhere.yaml", home=ready), 2, "nowhere.yaml", "No such file")


def test_feeds_that_cannot_be_read_are_reported_and_the_others_are_read(ready: Path, web: Web) -> None:
    good = (SAMPLES / "feeds" / "launch-harbour.xml").read_bytes()
    page = Reply(b"<!doctype html><title>A page</title><p>Hello", headers={"Content-Type": "text/html"})
    served = {"good": web.serve("/good", good), "page": web.serve("/page", page), "empty": web.serve("/empty", b"")}
    served["dead"] = "http://127.0.0.1:9/"
    listed = (f'[[feed]]\nname = "{name}"\nurl = "{url}"\n' for name, url in served.items())
    (ready / "feeds.toml").write_text("".join(listed))
    (ready / "verdicts.toml").write_text('fetch_allow_hosts = ["127.0.0.1"]\n')
    ran = verdicts("gather", "--json", home=ready)
    assert ran.status == 1
    found = {one["name"]: one for one in ran.document["feeds"]}
    assert found["good"]["outcome"] == "new"
    assert found["good"]["new"] > 10
    for name in ("page", "empty", "dead"):
        assert found[name]["outcome"] == "failed", found[name]
        assert found[name]["reason"]
    assert "page" in found["page"]["reason"]
    lines = verdicts("gather", "--all", home=ready).out.splitlines()
    assert len([line for line in lines if line.startswith("failed: ")]) == 3
    health = verdicts("feeds", "check", "--json", home=ready)
    assert health.status == 1
    assert {one["name"]: one["error_streak"] for one in health.document} == {
        "good": 0,
        "page": 2,
        "empty": 2,
        "dead": 2,
    }


def test_a_feed_nobody_knows_is_refused(ready: Path) -> None:
    one_line(verdicts("gather", "--feed", "nonsense", home=ready), 2, "--feed", "nonsense")


def test_a_database_from_a_newer_version_is_left_alone(ready: Path) -> None:
    with sqlite3.connect(ready / "verdicts.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (ready / "verdicts.db").read_bytes()
    for command in (("status",), ("gather",), ("db", "upgrade"), ("init",)):
        ran = verdicts(*command, home=ready)
        assert ran.status == 2
        assert "made by a newer version" in ran.err.splitlines()[-1]
    assert (ready / "verdicts.db").read_bytes() == before


def test_a_file_that_is_no_database_is_said_to_be_none(ready: Path) -> None:
    (ready / "verdicts.db").write_bytes(b"not a database at all, but long enough to look at" * 50)
    for name in ("verdicts.db-wal", "verdicts.db-shm"):
        (ready / name).unlink(missing_ok=True)
    one_line(verdicts("status", home=ready), 2, "cannot be used", "not a database")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "No such command"),
        (("gather", "--nonsense"), "No such option"),
        (("compose", "--week", "2026-W54"), "2026-W47"),
        (("compose", "--pairs", "0"), "greater than or equal to 1"),
        (("status", "--now", "yesterday"), "ISO 8601"),
        (("edition", "skip"), "--reason"),
        (("edition", "show"), "no edition yet"),
        (("edition", "show", "2026-W01"), "no edition; make it with"),
        (("send", "2026-W01"), "no edition; make it with"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_to_change(ready: Path, words: tuple[str, ...], said: str) -> None:
    one_line(verdicts(*words, home=ready), 2, said)


def test_subscribers_that_cannot_be_taken_are_listed(ready: Path, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    file.write_text(
        "email,name,state,confirmed_at,source\nada@example.org,Ada,confirmed,2026-01-02,old list\nnobody,,,,\n"
    )
    ran = verdicts("subscribers", "import", file, home=ready)
    assert ran.status == 1
    assert ran.out.splitlines()[0] == "1 added, 0 known, 1 left out"
    assert ran.out.splitlines()[1].startswith("readers.csv:3: nobody: ")
    file.write_text("mail\nada@example.org\n")
    one_line(verdicts("subscribers", "import", file, home=ready), 2, "readers.csv:1", "email,name,state")


def test_a_demo_leaves_somebodys_own_home_alone(ready: Path) -> None:
    before = {path: path.read_bytes() for path in ready.iterdir() if path.is_file()}
    one_line_in = verdicts("demo", "--no-open", home=ready)
    assert one_line_in.status == 2
    assert "is not a home of the demo; allowed: a new or empty folder" in one_line_in.err
    assert {path: path.read_bytes() for path in ready.iterdir() if path.is_file()} == before


def test_text_that_looks_like_markup_is_shown_as_it_is(ready: Path) -> None:
    add_edition(ready)
    assert verdicts("edition", "hold", "--reason", "closed [/b] [P]", home=ready).status == 0
    assert "closed [/b] [P]" in verdicts("edition", "list", home=ready).out


def test_spaces_in_a_header_lose_nobodys_state(ready: Path, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    file.write_text("email, state, confirmed_at\nada@example.org,unsubscribed,\n")
    assert verdicts("subscribers", "import", file, home=ready).status == 0
    assert verdicts("subscribers", "stats", "--json", home=ready).document["unsubscribed"] == 1
    file.write_text("email,email\nada@example.org,eve@example.org\n")
    one_line(verdicts("subscribers", "import", file, home=ready), 2, "email,email")


def test_a_file_that_is_broken_further_down_changes_nothing(ready: Path, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    rows = b"".join(b"reader%d@example.org,unconfirmed\n" % number for number in range(2500))
    file.write_bytes(b"email,state\n" + rows + b"caf\xe9@example.org,unconfirmed\n")
    one_line(verdicts("subscribers", "import", file, home=ready), 2, "not UTF-8")
    assert verdicts("subscribers", "stats", "--json", home=ready).document["unconfirmed"] == 0
    file.write_text("email,state\n" + "x" * 200_000 + ",unconfirmed\n")
    one_line(verdicts("subscribers", "import", file, home=ready), 2, "readers.csv:")


def test_a_time_nobody_lives_in_is_refused(ready: Path) -> None:
    for moment in ("0001-01-01", "9999-12-31"):
        one_line(verdicts("status", "--now", moment, home=ready), 2, "2000 to 2199")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    one_line(verdicts("init", home=tmp_path / "file"), 2, "file", "allowed: a place this user may read and write")
