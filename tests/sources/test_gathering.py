"""The whole of what comes in: feeds good and bad, in one run, over a real connection."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from digest.database import open_engine
from digest.errors import FeedError
from digest.model import Feed
from sources.gathering import FeedOutcome, gather, probe
from sources.policy import Policy
from sources.readers import Readers
from sources.store import FeedStore
from tests.processes import told_by
from tests.sources.documents import NOW, item, rss, some
from tests.web import Connection, Reply, Seen, Web

POLICY = Policy(
    allow_hosts=frozenset({"127.0.0.1"}),
    deadline_s=1.5,
    read_timeout_s=3,
    per_host=20,
    max_received=8_000_000,
    max_body=20_000_000,
)
HOUR = timedelta(hours=1)
ROOT = Path(__file__).parents[2]
SNAPSHOTS = ROOT.parent / "shared" / "data" / "feeds"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedStore]:
    engine = open_engine(f"sqlite:///{tmp_path / 'verdicts.db'}")
    SQLModel.metadata.create_all(engine)
    yield FeedStore(engine)
    engine.dispose()


def outcomes(found: list[FeedOutcome]) -> dict[str, str]:
    return {one.name: one.outcome for one in found}


def test_a_feed_is_new_then_not_due_then_unchanged(web: Web, store: FeedStore) -> None:
    feeds = [Feed("one", web.serve("/feed", Reply(rss(some(3)), etag='"1"')))]
    assert gather(feeds, store, POLICY, NOW) == [FeedOutcome("one", "new", 3, 3)]
    assert gather(feeds, store, POLICY, NOW) == [FeedOutcome("one", "not due")]
    assert gather(feeds, store, POLICY, NOW + HOUR) == [FeedOutcome("one", "unchanged")]
    assert [seen.headers.get("if-none-match") for seen in web.seen] == [None, '"1"']


def test_a_document_that_changed_only_its_build_date_brings_nothing(web: Web, store: FeedStore) -> None:
    builds = iter(range(100))
    url = web.serve("/feed", lambda _seen: Reply(rss(some(3), extra=f"<lastBuildDate>{next(builds)}</lastBuildDate>")))
    feeds = [Feed("one", url)]
    gather(feeds, store, POLICY, NOW)
    assert gather(feeds, store, POLICY, NOW + HOUR) == [FeedOutcome("one", "unchanged", 3, 0)]


def test_ids_that_change_on_each_poll_bring_nothing(web: Web, store: FeedStore) -> None:
    def changing(_seen: Seen) -> Reply:
        return Reply(rss([item(f"t{n}", f"https://example.org/{n}", f"{random.random()}") for n in range(9)]))  # noqa: S311

    feeds = [Feed("one", web.serve("/feed", changing))]
    assert [gather(feeds, store, POLICY, NOW + n * HOUR)[0].new for n in range(3)] == [9, 0, 0]


def test_a_feed_without_entries_is_empty_and_no_failure(web: Web, store: FeedStore) -> None:
    assert gather([Feed("one", web.serve("/feed", rss([])))], store, POLICY, NOW) == [FeedOutcome("one", "empty")]


def test_a_document_that_could_not_be_read_is_asked_for_again(web: Web, store: FeedStore) -> None:
    """Its validators are not kept: else an answer 304 would make it look healthy."""
    feeds = [Feed("one", web.serve("/feed", Reply(b"<html><body>oops</body></html>", etag='"1"')))]
    for n in range(2):
        assert gather(feeds, store, POLICY, NOW, everything=True)[0].outcome == "failed"
        assert "if-none-match" not in web.seen[n].headers
    assert store.health(feeds, NOW)[0].error_streak == 2


def test_a_feed_that_is_gone_is_retired_and_not_forgotten(web: Web, store: FeedStore) -> None:
    feeds = [Feed("one", web.serve("/feed", Reply(b"", 410)))]
    assert gather(feeds, store, POLICY, NOW)[0].outcome == "retired"
    later = gather(feeds, store, POLICY, NOW + 1000 * HOUR)[0]
    assert (later.outcome, later.reason) == ("retired", "it answers 410 (Gone)")
    assert web.count("/feed") == 1
    assert store.health(feeds, NOW)[0].retired_at == NOW


def test_a_feed_that_moved_is_asked_at_its_new_place(web: Web, store: FeedStore) -> None:
    web.serve("/new", rss(some(2)))
    web.serve("/other", rss(some(2)))
    feeds = [
        Feed("moved", web.serve("/old", Reply(status=301, headers={"Location": "/new"}))),
        Feed("elsewhere", web.serve("/here", Reply(status=302, headers={"Location": "/other"}))),
    ]
    for n in range(5):
        gather(feeds, store, POLICY, NOW + n * HOUR)
    assert (web.count("/old"), web.count("/new")) == (3, 5)
    assert (web.count("/here"), web.count("/other")) == (5, 5)
    assert store.health(feeds, NOW)[0].moved_url == web.url("/new")


def test_a_server_that_asks_for_rest_gets_it(web: Web, store: FeedStore) -> None:
    feeds = [
        Feed("busy", web.serve("/busy", Reply(status=429, headers={"Retry-After": "7200"}))),
        Feed("ttl", web.serve("/ttl", rss(some(1), extra="<ttl>180</ttl>"))),
        Feed("usual", web.serve("/usual", rss(some(1)))),
    ]
    for n in range(7):
        gather(feeds, store, POLICY, NOW + n * HOUR)
    assert [web.count(path) for path in ("/busy", "/ttl", "/usual")] == [3, 3, 7]


def hostile(web: Web) -> dict[str, tuple[str, str]]:
    """Feeds that are wrong in every way, by name: the address, and what the reason must say."""

    def drip(_seen: Seen, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
        while connection.send(b" "):
            time.sleep(0.05)

    def endless(_seen: Seen, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
        while connection.send(b"<item>" * 20_000):
            pass

    def silent(_seen: Seen, connection: Connection) -> None:
        connection.closing.wait(10)

    bomb = gzip.compress(bytes(50_000_000), 9)
    return {
        "gzip bomb": (web.serve("/bomb", Reply(bomb, headers={"Content-Encoding": "gzip"})), "unpacks to more than"),
        "endless": (web.serve_raw("/endless", endless), "larger than"),
        "drip": (web.serve_raw("/drip", drip), "no complete answer"),
        "silent": (web.serve_raw("/silent", silent), "no complete answer"),
        "circle": (web.serve("/circle", Reply(status=302, headers={"Location": "/circle"})), "redirects too often"),
        "inside": (web.serve("/inside", Reply(status=302, headers={"Location": "http://169.254.169.254/"})), "private"),
        "file": (web.serve("/file", Reply(status=302, headers={"Location": "file:///etc/passwd"})), "neither http"),
        "page": (
            web.serve("/page", b'<html><link rel="alternate" type="application/rss+xml" href="/the-feed"></html>'),
            "/the-feed",
        ),
        "nothing": (web.serve("/nothing", b""), "empty"),
        "binary": (web.serve("/binary", random.Random(1).randbytes(50_000)), "no feed"),  # noqa: S311
        "missing": (web.url("/missing"), "404"),
        "stuck": (web.serve("/stuck", rss(some(18_000)).decode().replace("UTF-8", "UTF-16").encode("utf-16")), "3 s"),
    }


def tame(web: Web) -> dict[str, str]:
    """Feeds that are odd but can be read, by name: the address."""
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE rss [<!ENTITY a0 "ha">{laughs}]>'.encode() + rss(["<item><title>x&a9;</title></item>"])[38:]
    many = rss(some(100_000))
    return {
        "laughs": web.serve("/laughs", bomb),
        "many": web.serve("/many", Reply(gzip.compress(many, 1), headers={"Content-Encoding": "gzip"})),
        "charset": web.serve(
            "/charset", Reply("<rss><channel><item><title>Café</title></item></channel></rss>".encode("latin-1"))
        ),
        "links": web.serve(
            "/links", rss([item("a", "javascript:alert(1)", "1"), item("b", "file:///etc/passwd", "2")])
        ),
        "dates": web.serve("/dates", rss([item("a", guid="1", days_old=-9000), item("b", guid="2", days_old=20_000)])),
        "half": web.serve("/half", rss(some(5))[:-300]),
        "json": web.serve(
            "/json",
            json.dumps({"version": "https://jsonfeed.org/version/1", "items": [{"id": 1, "title": "t"}]}).encode(),
        ),
    }


def test_each_bad_feed_is_reported_and_every_other_is_read(web: Web, store: FeedStore, tmp_path: Path) -> None:
    bad, odd = hostile(web), tame(web)
    good = {f"good {n}": web.serve(f"/good/{n}", rss(some(10, f"g{n}"))) for n in range(60)}
    addresses = {name: url for name, (url, _) in bad.items()} | odd | good
    feeds = [Feed(name, url) for name, url in addresses.items()]

    done = told_by(gathered, feeds, f"sqlite:///{tmp_path / 'verdicts.db'}")

    found = {one.name: one for one in done.found}
    assert sorted(done.reported, key=lambda one: one.name) == sorted(found.values(), key=lambda one: one.name)
    for name, (_, reason) in bad.items():
        assert found[name].outcome == "failed", name
        assert reason in found[name].reason, (name, found[name].reason)
    for name in [*odd, *good]:
        assert found[name].outcome == "new", found[name]
    assert found["many"].entries == POLICY.max_entries
    assert "only the newest 500 of 100000" in found["many"].reason
    kept = {entry.title: entry for entry, _ in store.all_entries(muted=True)}
    assert {kept["Café"].feed} == {"charset"}
    assert all(entry.link.startswith("https://") or entry.link == "" for entry in kept.values())
    health = {one.name: one for one in store.health(feeds, NOW)}
    assert all(health[name].error_streak == 1 and health[name].reason for name in bad)
    assert done.seconds < 15
    assert done.own_kib < 500_000
    assert done.largest_reader_kib < 400_000


@dataclass(frozen=True)
class Gathered:
    """What a process of its own found, and what that took."""

    found: list[FeedOutcome]
    reported: list[FeedOutcome]
    seconds: float
    own_kib: int
    largest_reader_kib: int


def gathered(feeds: list[Feed], database: str) -> Gathered:
    """Gather; in a process that has done nothing else, what it and the largest of its own took is due to this."""
    engine, began = open_engine(database), time.monotonic()
    reported: list[FeedOutcome] = []
    found = gather(feeds, FeedStore(engine), POLICY, NOW, progress=reported.append)
    engine.dispose()
    sizes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Gathered(found, reported, time.monotonic() - began, *sizes)


def test_hundreds_of_damaged_feeds_are_read_or_reported(web: Web, store: FeedStore) -> None:
    chance = random.Random(20261120)  # noqa: S311
    feeds = []
    for n in range(150):
        body = bytearray(rss(some(8, f"d{n}"), extra="<ttl>60</ttl>"))
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(body))
            body[at : at + chance.choice((0, 1, 1, 30))] = chance.choice(
                (b"", b"<", b"&", b"]]>", b"\0", b"\xff", b"<a", b"'")
            )
        feeds.append(Feed(f"d{n}", web.serve(f"/d{n}", bytes(body))))
    found = gather(feeds, store, POLICY, NOW)
    assert len(found) == 150
    assert all(one.reason for one in found if one.outcome == "failed")
    assert Counter(one.outcome for one in found)["new"] > 110
    assert all(one.new == 0 for one in gather(feeds, store, POLICY, NOW, everything=True))


def test_what_was_read_before_a_stop_is_kept(web: Web, store: FeedStore) -> None:
    """Ctrl-C in the middle: the run ends at once, and the next takes up the rest."""
    feeds = [Feed(f"f{n}", web.serve(f"/f{n}", rss(some(5, f"f{n}")))) for n in range(150)]

    def stop(one: FeedOutcome) -> None:
        if one.new:  # on a busy machine the first to be told may be one that was too slow
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gather(feeds, store, POLICY, NOW, progress=stop)
    kept = len(store.all_entries())
    assert 0 < kept < 750
    gather(feeds, store, POLICY, NOW)
    assert len(store.all_entries()) == 750


@pytest.mark.skipif(not SNAPSHOTS.exists(), reason="the recorded weeks lie outside the project")
def test_recorded_weeks_are_read_and_read_again(web: Web, store: FeedStore) -> None:
    new = []
    for week, day in (("2026-05-09", 10), ("2026-05-16", 17), ("2026-05-16", 18)):
        files = sorted((SNAPSHOTS / week).glob("*.xml"))
        feeds = [Feed(file.name, web.serve(f"/{file.name}", file.read_bytes())) for file in files]
        found = gather(feeds, store, POLICY, NOW.replace(month=5, day=day))
        assert {one.outcome for one in found} <= {"new", "unchanged", "empty"}
        new.append(sum(one.new for one in found))
    assert new[0] > 2000
    assert 200 < new[1] < 700
    assert new[2] == 0


def test_two_gathers_at_once_keep_each_entry_once(web: Web, store: FeedStore) -> None:
    feeds = [Feed(f"f{n}", web.serve(f"/f{n}", rss(some(10, f"f{n}")))) for n in range(30)]
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(gather, feeds, store, POLICY, NOW, everything=True) for _ in range(2)]
        found = [one for run in runs for one in run.result()]
    assert len(store.all_entries()) == 300
    assert sum(one.new for one in found) == 300


def test_a_gather_works_where_a_loop_runs_already(web: Web, store: FeedStore) -> None:
    """Flows and pages call it from within their own."""
    feeds = [Feed("one", web.serve("/feed", rss(some(3))))]

    async def within() -> list[FeedOutcome]:
        return gather(feeds, store, POLICY, NOW)

    assert asyncio.run(within())[0].new == 3


def test_the_process_that_reads_sees_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor does it run what lies in the folder somebody stands in."""
    (tmp_path / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VERDICTS_SECRET", "hush")

    async def environment() -> str:
        async with Readers(POLICY) as readers:
            await readers.read(rss([]), Feed("one", "https://example.org/"), "https://example.org/", "")
            mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            return "".join(Path(f"/proc/{pid}/environ").read_text() for pid in mine)

    if Path("/proc/self/task").exists():
        seen = asyncio.run(environment())
        assert "PYTHONPATH" in seen
        assert "hush" not in seen


def test_only_gathering_pays_for_the_libraries_it_needs() -> None:
    """Commands that look at feeds or entries start without them."""
    code = "import sys, sources.catalog, sources.opml, sources.store, sources.policy; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    assert {"aiohttp", "feedparser", "nh3", "sources.fetching"}.isdisjoint(loaded)


def test_a_probe_finds_the_feed_a_page_names(web: Web) -> None:
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/gone"><link rel="alternate"'
    web.serve("/blog", f'{page} type="application/atom+xml" href="/feed"></head></html>'.encode())
    web.serve("/feed", rss(some(5), title="The blog"))
    found = probe(web.url("/blog"), POLICY)
    assert (found.url, found.kind, found.title) == (web.url("/feed"), "rss", "The blog")
    assert [entry.title for entry in found.entries] == ["post 0", "post 1", "post 2"]


def test_a_probe_of_a_feed_is_that_feed(web: Web) -> None:
    url = web.serve("/feed", rss(some(1)))
    assert probe(url, POLICY).url == url
    web.serve("/old", Reply(status=301, headers={"Location": "/feed"}))
    assert probe(web.url("/old"), POLICY).url == url


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html></html>", "names no feed"), (b"", "empty"), (b"words", "no feed: it starts with 'words'")],
)
def test_a_probe_says_what_is_there_instead(web: Web, body: bytes, reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        probe(web.serve("/x", body), POLICY)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:x", "", "https://"])
def test_a_probe_asks_only_the_web(url: str) -> None:
    with pytest.raises(FeedError):
        probe(url, replace(POLICY, allow_hosts=frozenset()))
