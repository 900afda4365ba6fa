"""What an editor does on Monday: watch feeds, look at launches, and set right what was spotted wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import verdicts
from tests.web import Web

_ITEM = (
    "<item><guid>{0}</guid><link>https://example.org/{0}</link><title>{1}</title>"
    "<description>{2}</description><pubDate>Sun, 15 Nov 2026 0{3}:00:00 GMT</pubDate></item>"
)
_ITEMS = (
    ("tidepool", "Introducing Tidepool: an AI agent that watches your tests", "It reads failures and proposes fixes."),
    ("lantern", "Introducing Lantern: an AI code reviewer for your laptop", "A language model reads every change."),
    ("hiring", "We are hiring in three cities", "Come and work with us."),
)
NOW = ("--now", "2026-11-16T06:00Z")


def rss(title: str) -> bytes:
    items = "".join(_ITEM.format(*item, number) for number, item in enumerate(_ITEMS, 1))
    return f'<rss version="2.0"><channel><title>{title}</title>{items}</channel></rss>'.encode()


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as served:
        yield served


@pytest.fixture
def ready(started: Path) -> Path:
    """A home folder that watches nothing yet and may fetch from this machine."""
    (started / "verdicts.toml").write_text('fetch_allow_hosts = ["127.0.0.1"]\n')
    (started / "feeds.toml").write_text("# My feeds.\n")
    return started


def launches(home: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = verdicts(
        "launches", "--week", "2026-W47", "--json", *options, *NOW, home=home
    ).document
    return found


@pytest.fixture
def gathered(ready: Path, web: Web) -> Path:
    (ready / "feeds.toml").write_text(f'[[feed]]\nname = "bench"\nurl = "{web.serve("/feed", rss("Bench"))}"\n')
    assert verdicts("gather", *NOW, home=ready).status == 0
    return ready


def test_a_feed_is_added_from_a_page_that_names_it(ready: Path, web: Web) -> None:
    feed = web.serve("/feed.xml", rss("The Workbench"))
    page = web.serve(
        "/", b'<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head></html>'
    )
    added = verdicts("feeds", "add", page, "--yes", "--why", "a test", home=ready)
    assert added.status == 0, added.err
    assert f"The Workbench: {feed} (rss)" in added.out
    assert "2026-11-15  We are hiring in three cities" in added.out
    listed = verdicts("feeds", "list", "--json", home=ready).document
    assert listed == [{"name": "the-workbench", "url": feed, "kind": "auto", "why": "a test"}]
    assert (ready / "feeds.toml").read_text().startswith("# My feeds.\n")
    again = verdicts("feeds", "add", page, "--yes", home=ready)
    assert again.status == 2
    assert "the-workbench" in again.err


def test_what_is_no_feed_is_not_added(ready: Path, web: Web) -> None:
    ran = verdicts("feeds", "add", web.serve("/", b"<html><p>Nothing here"), "--yes", home=ready)
    assert ran.status == 1
    assert "web page" in ran.err
    assert verdicts("feeds", "list", "--json", home=ready).document == []


def test_feeds_go_out_and_come_in_as_opml(ready: Path, tmp_path: Path) -> None:
    bundled = len(verdicts("feeds", "list", "--json", home=tmp_bundled(tmp_path)).document)
    assert verdicts("feeds", "export", tmp_path / "feeds.opml", home=tmp_path / "bundled").status == 0
    assert f"{bundled} feeds added" in verdicts("feeds", "import", tmp_path / "feeds.opml", home=ready).out
    assert "0 feeds added" in verdicts("feeds", "import", tmp_path / "feeds.opml", home=ready).out
    assert len(verdicts("feeds", "list", "--json", home=ready).document) == bundled >= 60
    name = verdicts("feeds", "list", "--json", home=ready).document[0]["name"]
    assert verdicts("feeds", "remove", name, home=ready).status == 0
    assert len(verdicts("feeds", "list", "--json", home=ready).document) == bundled - 1
    assert "no feed is called" in verdicts("feeds", "remove", name, home=ready).err
    assert "nowhere.opml" in verdicts("feeds", "import", "nowhere.opml", home=ready).err


def tmp_bundled(folder: Path) -> Path:
    assert verdicts("init", home=folder / "bundled").status == 0
    return folder / "bundled"


def test_launches_show_every_entry_with_its_reasons(gathered: Path) -> None:
    shown = {one["id"]: one for one in launches(gathered, "--entries")}
    assert {key: one["launch"] for key, one in shown.items()} == {"tidepool": True, "lantern": True, "hiring": False}
    assert all(one["reasons"] for one in shown.values())
    assert shown["tidepool"]["tool"] == "Tidepool"
    assert shown["tidepool"]["launch_ids"] == [shown["tidepool"]["launch_id"]]
    assert shown["hiring"]["launch_id"] is None
    listed = launches(gathered)
    assert listed == sorted(listed, key=lambda one: (-len(one["entries"]), -one["score"], one["launch_id"]))
    assert "Tidepool" in verdicts("launches", "--week", "2026-W47", home=gathered).out
    assert "hiring" in verdicts("launches", "--week", "2026-W47", "--entries", home=gathered).out


def test_an_editor_sets_right_what_was_spotted(gathered: Path) -> None:
    ids = {one["tool_slug"]: one["launch_id"] for one in launches(gathered)}
    for words, said in (
        (("reject", ids["lantern"][:8]), "is no launch"),
        (("accept", "https://example.org/hiring", "--tool", "Hiring Hall"), "is a launch: Hiring Hall"),
        (("rename", ids["tidepool"], "Tide Pool"), "is a launch of Tide Pool (tide-pool)"),
        (("category", ids["tidepool"], "Infrastructure"), "Tide Pool belongs to Infrastructure"),
    ):
        ran = verdicts("launch", *words, *NOW, home=gathered)
        assert ran.status == 0, ran.err
        assert said in ran.out
    assert verdicts("gather", "--all", *NOW, home=gathered).status == 0
    assert {one["tool_slug"]: one["category"] for one in launches(gathered)}.items() >= {
        "tide-pool": "Infrastructure"
    }.items()
    assert {one["tool_slug"] for one in launches(gathered)} == {"tide-pool", "hiring-hall"}
    hall = next(one["launch_id"] for one in launches(gathered) if one["tool_slug"] == "hiring-hall")
    assert verdicts("launch", "merge", hall, ids["tidepool"], home=gathered).status == 0
    (one,) = launches(gathered)
    assert len(one["entries"]) == 2
    split = verdicts("launch", "split", ids["tidepool"], "https://example.org/hiring", "--tool", "Hall", home=gathered)
    assert "launch of its own: Hall" in split.out
    assert {one["tool_slug"] for one in launches(gathered)} == {"tide-pool", "hall"}


def test_what_an_editor_mistypes_changes_nothing(gathered: Path) -> None:
    before = launches(gathered)
    for words, said in (
        (("reject", "nonsense"), "verdicts launches"),
        (("category", before[0]["launch_id"], "Gadgets"), "allowed: Developer Tools"),
        (("split", before[0]["launch_id"], "https://example.org/nowhere"), "allowed: an entry of"),
    ):
        ran = verdicts("launch", *words, home=gathered)
        assert (ran.status, len(ran.err.splitlines())) == (2, 1)
        assert said in ran.err
    assert launches(gathered) == before
