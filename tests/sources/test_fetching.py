"""Fetching from servers that answer well, badly, endlessly or not at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from sources.fetching import Fetched, Lookup, Request, fetch_all
from sources.policy import Policy
from tests.web import Connection, Reply, Seen, Web

POLICY = Policy(allow_hosts=frozenset({"127.0.0.1"}), deadline_s=2, max_received=300_000, max_body=1_000_000)


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


def everywhere_here(_host: str) -> Sequence[str]:
    """A look-up by which every name leads to this machine."""
    return ["127.0.0.1"]


def fetch(*requests: Request | str, policy: Policy = POLICY, lookup: Lookup = everywhere_here) -> list[Fetched]:
    """Fetch, and give the results in the order of the requests."""
    found: dict[str, Fetched] = {}

    async def keep(fetched: Fetched) -> None:
        found[fetched.request.name] = fetched

    wanted = [one if isinstance(one, Request) else Request(f"{n}", one) for n, one in enumerate(requests)]
    asyncio.run(fetch_all(wanted, policy, keep, lookup))
    return [found[one.name] for one in wanted]


def fetch_one(request: Request | str, policy: Policy = POLICY, lookup: Lookup = everywhere_here) -> Fetched:
    return fetch(request, policy=policy, lookup=lookup)[0]


def test_a_document_comes_with_all_that_is_needed_next_time(web: Web) -> None:
    headers = {
        "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT",
        "Content-Type": "text/xml",
        "Cache-Control": "max-age=90",
    }
    fetched = fetch_one(web.serve("/feed", Reply(b"<rss/>", headers=headers, etag='"v1"')))
    assert (fetched.status, fetched.body, fetched.content_type) == ("read", b"<rss/>", "text/xml")
    assert (fetched.etag, fetched.last_modified, fetched.wait_s) == ('"v1"', headers["Last-Modified"], 90)
    assert fetched.url == web.url("/feed")
    assert fetched.permanent_url == ""


def test_both_validators_are_sent_and_an_unchanged_document_is_not(web: Web) -> None:
    url = web.serve("/feed", Reply(b"<rss/>", etag='W/"v1"'))
    fetched = fetch_one(Request("a", url, 'W/"v1"', "Mon, 02 Nov 2026 10:00:00 GMT"))
    assert (fetched.status, fetched.body) == ("unchanged", b"")
    assert web.seen[0].headers["if-none-match"] == 'W/"v1"'
    assert web.seen[0].headers["if-modified-since"] == "Mon, 02 Nov 2026 10:00:00 GMT"


def test_we_say_who_we_are(web: Web) -> None:
    fetch_one(web.serve("/feed", b"x"), replace(POLICY, site_url="https://digest.example.org"))
    agent = web.seen[0].headers["user-agent"]
    assert agent.startswith("AIToolVerdicts/")
    assert agent.endswith(" (+https://digest.example.org)")
    assert web.seen[0].headers["accept-encoding"] == "gzip, deflate"


def test_an_unasked_304_is_a_failure(web: Web) -> None:
    assert fetch_one(web.serve("/feed", Reply(status=304))).status == "failed"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 599])
def test_a_refusal_is_a_failure_with_its_number(web: Web, status: int) -> None:
    fetched = fetch_one(web.serve("/feed", Reply(b"no", status)))
    assert fetched.status == "failed"
    assert str(status) in fetched.reason


def test_gone_is_gone(web: Web) -> None:
    assert fetch_one(web.serve("/feed", Reply(b"", 410))).status == "gone"


def test_a_wait_is_asked_for_in_seconds_or_as_a_date(web: Web) -> None:
    """The date counts from the server's own clock, here years off ours."""
    theirs = datetime(2031, 5, 1, tzinfo=UTC)
    dates = {"Retry-After": format_datetime(theirs + timedelta(hours=2), usegmt=True)}

    def late(_seen: Seen, connection: Connection) -> None:
        head = (
            f"HTTP/1.1 503 Later\r\nDate: {format_datetime(theirs, usegmt=True)}\r\nRetry-After: {dates['Retry-After']}"
        )
        connection.send(f"{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    urls = [
        web.serve("/seconds", Reply(status=429, headers={"Retry-After": "3600"})),
        web.serve_raw("/date", late),
        web.serve("/nonsense", Reply(status=503, headers={"Retry-After": "soon"})),
    ]
    assert [fetched.wait_s for fetched in fetch(*urls)] == [3600, 7200, None]


def test_an_answer_that_was_cached_on_its_way_is_good_for_less(web: Web) -> None:
    headers = {"Cache-Control": "public, max-age=600, s-maxage=7200", "Age": "100"}
    assert fetch_one(web.serve("/feed", Reply(b"x", headers=headers))).wait_s == 500


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "two gzips"])
def test_what_is_packed_is_unpacked(web: Web, encoding: str) -> None:
    text = b"<rss>" + b"tool " * 20_000 + b"</rss>"
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "deflate": zlib.compress(text),
        "raw deflate": raw.compress(text) + raw.flush(),
        "two gzips": gzip.compress(text[:500]) + gzip.compress(text[500:]),
    }.get(encoding, gzip.compress(text))
    name = {"raw deflate": "deflate", "two gzips": "gzip"}.get(encoding, encoding)
    assert fetch_one(web.serve("/feed", Reply(packed, headers={"Content-Encoding": name}))).body == text


def test_what_is_packed_otherwise_or_broken_is_said(web: Web) -> None:
    whole = gzip.compress(b"x" * 50_000)
    bad = {
        "/br": Reply(b"x", headers={"Content-Encoding": "br"}),
        "/cut": Reply(whole[:-20], headers={"Content-Encoding": "gzip"}),
        "/no-gzip": Reply(b"<rss/>", headers={"Content-Encoding": "gzip"}),
        "/twice": Reply(whole, headers={"Content-Encoding": "gzip, gzip"}),
    }
    found = fetch(*(web.serve(path, reply) for path, reply in bad.items()))
    assert [fetched.status for fetched in found] == ["failed"] * 4
    assert "'br'" in found[0].reason
    assert "breaks off" in found[1].reason


def test_a_bomb_is_stopped_at_the_cap(web: Web) -> None:
    """A few kilobytes that would become 50 MB."""
    bomb = gzip.compress(bytes(50_000_000), 9)
    fetched = fetch_one(web.serve("/bomb", Reply(bomb, headers={"Content-Encoding": "gzip"})))
    assert fetched.status == "failed"
    assert fetched.reason == "it unpacks to more than 1 MB"


def test_a_body_that_never_ends_is_stopped_at_the_cap(web: Web) -> None:
    sent = []

    def endless(_seen: Seen, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while connection.send(b"x" * 50_000):
            sent.append(50_000)

    fetched = fetch_one(web.serve_raw("/endless", endless))
    assert fetched.reason == "its answer is larger than 0.3 MB"
    assert sum(sent) < 20_000_000


def test_a_body_that_says_it_is_too_large_is_not_read(web: Web) -> None:
    def boast(_seen: Seen, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        connection.closing.wait(10)

    started = time.monotonic()
    assert "larger" in fetch_one(web.serve_raw("/boast", boast)).reason
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("slow", ["before the head", "in the head", "in the body"])
def test_a_server_that_drips_is_left_at_the_deadline(web: Web, slow: str) -> None:
    def drip(_seen: Seen, connection: Connection) -> None:
        if slow != "before the head":
            connection.send(b"HTTP/1.1 200 OK\r\n")
        if slow == "in the body":
            connection.send(b"Content-Length: 100000\r\n\r\n")
        while slow != "before the head" and connection.send(b"x"):
            time.sleep(0.05)
        connection.closing.wait(10)

    started = time.monotonic()
    fetched = fetch_one(web.serve_raw("/drip", drip), replace(POLICY, deadline_s=0.5))
    assert fetched.reason == "no complete answer within 0.5 s"
    assert time.monotonic() - started < 1.5


def test_one_deadline_spans_all_redirects(web: Web) -> None:
    def slow(seen: Seen) -> Reply:
        time.sleep(0.3)
        return Reply(status=302, headers={"Location": seen.path + "1"})

    for n in range(5):
        web.serve("/slow" + "1" * n, slow)
    started = time.monotonic()
    assert "no complete answer" in fetch_one(web.url("/slow"), replace(POLICY, deadline_s=0.8)).reason
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 90_000,
    ],
)
def test_an_answer_that_is_none_is_said(web: Web, answer: bytes) -> None:
    fetched = fetch_one(web.serve_raw("/odd", lambda _seen, connection: (connection.send(answer), None)[1]))
    assert fetched.status == "failed"
    assert len(fetched.reason) > 15


def test_no_connection_is_said() -> None:
    with Web() as web:
        url = web.url("/feed")
    fetched = fetch_one(url)
    assert fetched.status == "failed"
    assert fetched.reason.startswith("no connection to 127.0.0.1")


def test_a_host_without_an_address_is_said() -> None:
    def unknown(_host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert fetch_one("http://nowhere.example/", POLICY, unknown).reason == "no such host: nowhere.example"


def test_up_to_five_redirects_are_followed(web: Web) -> None:
    web.serve("/hop5", b"there")
    for n in range(5):
        web.serve(f"/hop{n}", Reply(status=[301, 302, 303, 307, 308][n], headers={"Location": f"hop{n + 1}"}))
    fetched = fetch_one(web.url("/hop0"))
    assert (fetched.body, fetched.url) == (b"there", web.url("/hop5"))
    web.serve("/start", Reply(status=302, headers={"Location": "/hop0"}))
    assert "redirects too often" in fetch_one(web.url("/start")).reason
    assert web.count("/hop5") == 1


def test_a_circle_of_redirects_ends(web: Web) -> None:
    web.serve("/a", Reply(status=302, headers={"Location": "/b"}))
    web.serve("/b", Reply(status=302, headers={"Location": "/a"}))
    assert "redirects too often" in fetch_one(web.url("/a")).reason
    assert len(web.seen) == 6


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.org/", "javascript:x", "http://", "http://[", "http://a:b"]
)
def test_a_redirect_to_what_we_do_not_fetch_is_refused(web: Web, target: str) -> None:
    fetched = fetch_one(web.serve("/a", Reply(status=302, headers={"Location": target})))
    assert fetched.status == "failed"
    assert "redirects to" in fetched.reason


@pytest.mark.parametrize(
    ("first", "second", "moved"), [(301, 308, "/c"), (301, 302, "/b"), (302, 301, ""), (307, 308, "")]
)
def test_only_permanent_redirects_from_the_start_move_a_feed(web: Web, first: int, second: int, moved: str) -> None:
    web.serve("/a", Reply(status=first, headers={"Location": "/b"}))
    web.serve("/b", Reply(status=second, headers={"Location": "/c"}))
    web.serve("/c", b"here")
    assert fetch_one(web.url("/a")).permanent_url == (web.url(moved) if moved else "")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1", "0", "[::1]"]
)
def test_a_private_address_is_refused_in_any_spelling(web: Web, host: str) -> None:
    web.serve("/secret", b"secret")
    fetched = fetch_one(web.url("/secret", host), replace(POLICY, allow_hosts=frozenset()))
    assert fetched.status == "failed"
    assert web.seen == []


def test_a_name_of_a_private_address_is_refused_and_named(web: Web) -> None:
    web.serve("/secret", b"secret")
    fetched = fetch_one(web.url("/secret", "feeds.example"))
    assert fetched.reason.startswith("refused: 127.0.0.1 (feeds.example) is a private address")
    assert web.seen == []


def test_a_redirect_to_a_private_address_is_refused(web: Web) -> None:
    web.serve("/secret", b"secret")
    for host in ("inside.example", "[::ffff:7f00:1]", "169.254.169.254"):
        web.serve("/a", Reply(status=302, headers={"Location": web.url("/secret", host)}))
        assert fetch_one(web.url("/a")).reason.startswith("refused: ")
    assert web.count("/secret") == 0


def test_a_name_is_asked_once_and_what_was_checked_is_what_is_used(web: Web) -> None:
    """A name that changes its address between check and connection gains nothing: nobody asks a second time."""
    web.serve("/secret", b"secret")
    answers = iter(["127.0.0.2", "127.0.0.1"])  # nobody listens at the first; the second is the server
    asked: list[str] = []

    def turning(host: str) -> Sequence[str]:
        asked.append(host)
        return [next(answers)]

    policy = replace(POLICY, allow_hosts=frozenset({"turning.example"}))
    fetched = fetch_one(web.url("/secret", "turning.example"), policy, turning)
    assert asked == ["turning.example"]
    assert fetched.reason.startswith("no connection")
    assert web.seen == []


def test_one_private_address_among_public_ones_is_one_too_many(web: Web) -> None:
    web.serve("/secret", b"secret")
    fetched = fetch_one(web.url("/secret", "mixed.example"), POLICY, lambda _host: ["8.8.8.8", "127.0.0.1"])
    assert fetched.reason.startswith("refused: 127.0.0.1 (mixed.example)")
    assert web.seen == []


def test_a_look_up_that_takes_too_long_ends_at_the_deadline(web: Web) -> None:
    release = threading.Event()

    def stuck(_host: str) -> Sequence[str]:
        release.wait(10)
        return ["127.0.0.1"]

    started = time.monotonic()
    fetched = fetch_one(web.url("/x", "stuck.example"), replace(POLICY, deadline_s=0.3), stuck)
    release.set()
    assert fetched.reason == "no complete answer within 0.3 s"
    assert time.monotonic() - started < 1.5


def test_a_proxy_from_the_environment_is_ignored(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert fetch_one(web.serve("/feed", b"direct")).body == b"direct"


def test_no_cookie_is_sent_back(web: Web) -> None:
    url = web.serve("/feed", Reply(b"x", headers={"Set-Cookie": "id=1"}))
    web.serve("/again", Reply(status=302, headers={"Location": "/feed", "Set-Cookie": "id=2"}))
    fetch(url, web.url("/again"))
    assert all("cookie" not in seen.headers for seen in web.seen)


def test_headers_that_are_no_text_do_no_harm(web: Web) -> None:
    def odd(_seen: Seen, connection: Connection) -> None:
        connection.send(b'HTTP/1.1 200 OK\r\nETag: "\xff\xfe"\r\nContent-Type: \xff\r\nContent-Length: 1\r\n\r\nx')

    fetched = fetch_one(web.serve_raw("/odd", odd))
    assert fetched.status == "read"
    assert fetched.etag == ""


def test_a_host_gets_only_a_few_connections_at_a_time(web: Web) -> None:
    lock = threading.Lock()
    now, most = [0], [0]

    def busy(_seen: Seen) -> Reply:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1
        return Reply(b"x")

    urls = [web.serve(f"/{n}", busy) for n in range(40)]
    assert {fetched.status for fetched in fetch(*urls)} == {"read"}
    assert most[0] == 4


def test_many_hosts_are_asked_at_once_and_a_slow_one_keeps_nobody_waiting(web: Web) -> None:
    names = [f"h{n}.example" for n in range(60)]
    policy = replace(POLICY, allow_hosts=frozenset({*names, "slow.example"}), concurrency=20)
    others_are_done = threading.Event()

    def slow(_seen: Seen) -> Reply:
        others_are_done.wait(10)
        return Reply(b"x")

    web.serve("/slow", slow)
    web.serve("/fast", b"x")
    order: list[str] = []

    async def keep(fetched: Fetched) -> None:
        order.append(fetched.request.name)
        if len(order) == len(names):
            others_are_done.set()

    requests = [Request(f"slow{n}", web.url("/slow", "slow.example")) for n in range(12)]
    requests += [Request(name, web.url("/fast", name)) for name in names]
    asyncio.run(fetch_all(requests, policy, keep, everywhere_here))
    assert sorted(order[: len(names)]) == sorted(names)
    assert len(order) == len(requests)


def test_a_slow_taker_slows_the_fetching(web: Web) -> None:
    """At most as many bodies are held as there are places."""
    names = [f"h{n}.example" for n in range(30)]
    policy = replace(POLICY, allow_hosts=frozenset(names), concurrency=5)
    web.serve("/feed", b"x")
    held, most = [0], [0]

    async def keep(_fetched: Fetched) -> None:
        held[0] += 1
        most[0] = max(most[0], held[0])
        await asyncio.sleep(0.02)
        held[0] -= 1

    asyncio.run(fetch_all([Request(name, web.url("/feed", name)) for name in names], policy, keep, everywhere_here))
    assert most[0] == 5
