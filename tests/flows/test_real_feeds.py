"""Snapshots of real feeds, served over local HTTP: every one is read or reported, and a second gather adds nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.commands import verdicts
from tests.web import Reply, Web

SNAPSHOT = Path(__file__).parents[3] / "shared" / "data" / "feeds" / "2026-05-16"


@pytest.mark.skipif(not SNAPSHOT.exists(), reason="needs the development data beside the checkout")
def test_a_week_of_real_feeds_is_gathered_and_again_adds_nothing(home: Path) -> None:
    assert verdicts("init", home=home).status == 0
    (home / "verdicts.toml").write_text('fetch_allow_hosts = ["127.0.0.1"]\n')
    files = sorted(SNAPSHOT.glob("*.xml"))
    with Web() as web:
        listed = []
        for file in files:
            url = web.serve(f"/{file.name}", Reply(file.read_bytes(), headers={"Content-Type": "application/xml"}))
            listed.append(f'[[feed]]\nname = "{file.stem.replace("_", "-")}"\nurl = "{url}"\n')
        (home / "feeds.toml").write_text("".join(listed))
        now = ("--now", "2026-05-16T12:00Z")
        first = verdicts("gather", "--json", *now, home=home)
        second = verdicts("gather", "--all", "--json", *now, home=home)
    assert len(first.document["feeds"]) == len(files) >= 45
    for one in first.document["feeds"]:
        assert one["outcome"] in {"new", "empty"} or one["reason"], one
    assert sum(one["outcome"] == "new" for one in first.document["feeds"]) >= 40
    assert first.document["launches"] > 50
    assert "Traceback" not in first.err + second.err
    assert (sum(one["new"] for one in second.document["feeds"]), second.document["launches"]) == (0, 0)
    with sqlite3.connect(home / "verdicts.db") as connection:
        entries = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        launches = connection.execute("SELECT count(*) FROM launches").fetchone()[0]
    assert entries == sum(one["new"] for one in first.document["feeds"])
    assert launches == first.document["launches"]
    shown = verdicts("launches", "--week", "2026-W20", "--entries", "--json", *now, home=home).document
    announced = [one for one in shown if one["launch"]]
    assert announced
    assert all(one["launch_id"] in one["launch_ids"] and one["tool"] and one["reasons"] for one in announced)
