"""Where links lead: to pages, to other pages, nowhere, to ourselves, or to nobody knows."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.model import READER, Finding
from sources.linkcheck import MOST, LinkOutcome, findings, look_up, worth_fetching
from sources.policy import Policy
from tests.web import Connection, Reply, Seen, Web

POLICY = Policy(allow_hosts=frozenset({"127.0.0.1"}), deadline_s=2, jitter_s=0)
SITE = "https://verdicts.example.org"


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as server:
        yield server


def everywhere_here(_host: str) -> Sequence[str]:
    """A look-up by which every name leads to this machine."""
    return ["127.0.0.1"]


def unknown(host: str) -> Sequence[str]:
    """A look-up that knows one name only."""
    if host == "here.example":
        return ["127.0.0.1"]
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def only(link: str, policy: Policy = POLICY) -> LinkOutcome:
    [outcome] = look_up([link], policy, lookup=everywhere_here)
    return outcome


def unless_head(answer: Reply, refusal: Reply) -> Callable[[Seen], Reply]:
    return lambda seen: refusal if seen.method == "HEAD" else answer


def open_to(*hosts: str) -> Policy:
    """A policy by which these hosts may be on this machine."""
    return replace(POLICY, allow_hosts=frozenset(hosts))


def asked(web: Web) -> list[tuple[str, str]]:
    return [(seen.method, seen.path) for seen in web.seen]


# What an answer means


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (200, "ok"),
        (204, "ok"),
        (206, "ok"),
        (304, "failed"),
        (400, "failed"),
        (401, "refused"),
        (403, "refused"),
        (404, "gone"),
        (405, "failed"),
        (410, "gone"),
        (429, "refused"),
        (451, "failed"),
        (500, "failed"),
        (501, "failed"),
        (503, "failed"),
        (999, "failed"),
    ],
)
def test_an_answer_says_whether_a_link_is_good(web: Web, status: int, state: str) -> None:
    outcome = only(web.serve("/page", Reply(b"", status)))

    assert outcome.state == state
    assert outcome.link == web.url("/page")
    assert bool(re.search(rf"\b{status}\b", outcome.reason)) == (state != "ok")


def test_a_good_page_is_asked_for_its_head_only(web: Web) -> None:
    def page(_seen: Seen, connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")

    assert only(web.serve_raw("/page", page)).state == "ok"
    assert asked(web) == [("HEAD", "/page")]
    assert web.seen[0].headers["user-agent"].startswith("AIToolVerdicts/")
    assert web.seen[0].headers["accept"].startswith("text/html")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 500, 501, 503])
def test_where_head_is_refused_a_page_is_asked_for_as_a_browser_would(web: Web, status: int) -> None:
    outcome = only(web.serve("/page", unless_head(Reply(b"<html>"), Reply(b"", status))))

    assert outcome == LinkOutcome(web.url("/page"), "ok")
    assert asked(web) == [("HEAD", "/page"), ("GET", "/page")]


def test_where_head_is_led_in_a_circle_get_starts_over(web: Web) -> None:
    url = web.serve("/a", Reply(status=301, headers={"Location": "/b"}))
    web.serve("/b", unless_head(Reply(b"here"), Reply(status=302, headers={"Location": "/a"})))

    assert only(url) == LinkOutcome(url, "moved", "it has moved for good", web.url("/b"))
    assert asked(web)[-2:] == [("GET", "/a"), ("GET", "/b")]


@pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_where_head_is_cut_off_or_answered_with_nonsense_get_decides(web: Web, answer: bytes) -> None:
    def odd(seen: Seen, connection: Connection) -> None:
        connection.send(answer if seen.method == "HEAD" else b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    assert only(web.serve_raw("/odd", odd)).state == "ok"


def test_where_head_is_never_answered_there_is_time_left_for_get(web: Web) -> None:
    def stuck(seen: Seen, connection: Connection) -> None:
        if seen.method == "HEAD":
            connection.closing.wait(5)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    started = time.monotonic()
    assert only(web.serve_raw("/stuck", stuck), replace(POLICY, deadline_s=1)).state == "ok"
    assert 0.4 < time.monotonic() - started < 1


def test_who_is_busy_is_not_asked_again(web: Web) -> None:
    assert only(web.serve("/busy", Reply(b"", 429))).state == "refused"
    assert asked(web) == [("HEAD", "/busy")]


def test_a_body_after_head_is_not_taken_for_the_next_answer(web: Web) -> None:
    """Some servers send one though they must not; one reads like another answer, one like none."""

    def lying(seen: Seen, connection: Connection) -> None:
        body = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" if "?a" in seen.path else b"<html>" * 50
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    url = web.serve_raw("/page", lying)
    links = [f"{url}?{kind}{n}" for n in range(10) for kind in "ab"]
    assert {one.state for one in look_up(links, POLICY)} == {"ok"}


def test_a_huge_body_stays_unread(web: Web) -> None:
    sent = [0]

    def endless(seen: Seen, connection: Connection) -> None:
        if seen.method == "HEAD":
            connection.send(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while connection.send(b"x" * 50_000):
            sent[0] += 50_000

    started = time.monotonic()
    assert only(web.serve_raw("/endless", endless)).state == "ok"
    assert time.monotonic() - started < 1
    assert sent[0] < 20_000_000


@pytest.mark.parametrize("encoding", ["br", "zstd", "nonsense"])
def test_how_a_page_is_packed_does_not_matter(web: Web, encoding: str) -> None:
    page = Reply(b"x", headers={"Content-Encoding": encoding})
    assert only(web.serve("/page", unless_head(page, Reply(b"", 405)))).state == "ok"


# Where redirects lead


@pytest.mark.parametrize(
    ("first", "second", "target"),
    [(301, 308, "/c"), (308, 302, "/b"), (302, 301, ""), (307, 303, "")],
)
def test_a_link_that_moved_for_good_says_where_to(web: Web, first: int, second: int, target: str) -> None:
    url = web.serve("/a", Reply(status=first, headers={"Location": "/b"}))
    web.serve("/b", Reply(status=second, headers={"Location": "/c"}))
    web.serve("/c", b"")

    outcome = only(url)

    assert (outcome.state, outcome.moved_to) == (("moved", web.url(target)) if target else ("ok", ""))


def test_what_moved_keeps_its_place_on_the_page(web: Web) -> None:
    url = web.serve("/a", Reply(status=301, headers={"Location": "/b"}))
    web.serve("/b", b"")
    assert only(f"{url}#prices").moved_to == web.url("/b#prices")


def test_a_slash_at_the_end_is_no_move(web: Web) -> None:
    url = web.serve("/a", Reply(status=301, headers={"Location": "/a/"}))
    web.serve("/a/", b"")
    assert only(url) == LinkOutcome(url, "ok")


def test_what_moved_to_a_page_that_is_gone_is_gone(web: Web) -> None:
    assert only(web.serve("/a", Reply(status=301, headers={"Location": "/nothing"}))).state == "gone"


def test_a_circle_of_redirects_ends(web: Web) -> None:
    web.serve("/a", Reply(status=302, headers={"Location": "/b"}))
    web.serve("/b", Reply(status=302, headers={"Location": "/a"}))

    outcome = only(web.url("/a"))

    assert (outcome.state, outcome.reason) == ("failed", "it redirects too often, perhaps in a circle")
    assert len(web.seen) == 12


def test_five_redirects_are_followed_and_no_sixth(web: Web) -> None:
    for n in range(6):
        web.serve(f"/{n}", Reply(status=302, headers={"Location": f"/{n + 1}"}))
    web.serve("/6", b"")
    assert [one.state for one in look_up([web.url("/1"), web.url("/0")], POLICY)] == ["ok", "failed"]


@pytest.mark.parametrize("host", ["inside.example", "[::ffff:7f00:1]", "169.254.169.254", "localhost"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_redirect_into_our_own_network_is_refused(web: Web, host: str, method: str) -> None:
    away = Reply(status=302, headers={"Location": web.url("/secret", host)})
    web.serve("/secret", b"secret")
    url = web.serve("/a", away if method == "HEAD" else unless_head(away, Reply(b"", 405)))

    outcome = only(url)

    assert outcome.state == "failed"
    assert outcome.reason.startswith("refused: ")
    assert web.count("/secret") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "tool.example"])
def test_our_own_network_is_not_asked(web: Web, host: str) -> None:
    outcome = only(web.url("/secret", host), open_to())

    assert outcome.state == "failed"
    assert web.seen == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/", "javascript:x", "http://[", ""])
def test_a_redirect_to_no_web_address_is_said(web: Web, target: str) -> None:
    outcome = only(web.serve("/a", Reply(status=301, headers={"Location": target})))
    assert outcome.state == "failed"
    assert "redirects" in outcome.reason


# What cannot be reached


def test_a_host_that_does_not_exist_is_gone(web: Web) -> None:
    links = [web.url("/page", "here.example"), "https://nowhere.example/tool", f"https://{'x' * 64}.example/"]
    web.serve("/page", b"")

    outcomes = look_up(links, open_to("here.example"), lookup=unknown)

    assert [one.state for one in outcomes] == ["ok", "gone", "gone"]
    assert outcomes[1].reason == "no such host: nowhere.example"


def test_a_single_host_that_does_not_exist_is_gone() -> None:
    links = ["https://nowhere.example/a", "https://nowhere.example/b"]
    assert {one.state for one in look_up(links, POLICY, lookup=unknown)} == {"gone"}


def test_when_no_host_exists_it_may_be_us_who_are_offline() -> None:
    outcomes = look_up(["https://one.example/", "https://two.example/"], POLICY, lookup=unknown)

    assert [one.state for one in outcomes] == ["failed", "failed"]
    assert "this machine may be offline" in outcomes[0].reason


def test_a_name_that_cannot_be_looked_up_now_is_not_gone() -> None:
    def busy(_host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    [outcome] = look_up(["https://busy.example/"], POLICY, lookup=busy)

    assert (outcome.state, outcome.reason) == ("failed", "busy.example cannot be looked up at the moment")


def test_a_refused_connection_is_said() -> None:
    with Web() as web:
        url = web.url("/page")
    outcome = only(url)
    assert outcome.state == "failed"
    assert outcome.reason.startswith("no connection to 127.0.0.1")


def test_a_secure_link_without_a_secure_connection_is_said(web: Web) -> None:
    outcome = only(web.url("/page").replace("http:", "https:"))
    assert outcome.state == "failed"
    assert "secure" in outcome.reason


@pytest.mark.parametrize("slow", ["before the head", "in the head"])
def test_a_server_that_drips_is_left_at_the_deadline(web: Web, slow: str) -> None:
    def drip(_seen: Seen, connection: Connection) -> None:
        if slow == "in the head":
            connection.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while slow == "in the head" and connection.send(b"x"):
            time.sleep(0.05)
        connection.closing.wait(5)

    started = time.monotonic()
    outcome = only(web.serve_raw("/drip", drip), replace(POLICY, deadline_s=0.6))

    assert (outcome.state, outcome.reason) == ("failed", "no complete answer within 0.6 s")
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    "link", ["http://", "https://[", "http://a:b/", "http://127.0.0.1:99999/", "ftp://a/", "x", ""]
)
def test_a_link_that_is_no_address_is_a_failure_of_its_own(web: Web, link: str) -> None:
    good = web.serve("/page", b"")
    assert [one.state for one in look_up([link, good], POLICY)] == ["failed", "ok"]


# Many links


def test_one_bad_link_of_each_kind_stops_no_other(web: Web) -> None:
    web.serve_raw("/cut", lambda _seen, connection: (connection.send(b"HTTP"), None)[1])
    web.serve("/here", b"")
    paths = ["/here", "/nothing", "/cut", "/here?2", "/here#3"]
    bad = ["https://nowhere.example/", "http://[", web.url("/", "10.0.0.1")]

    outcomes = look_up([*map(web.url, paths), *bad], POLICY, lookup=unknown)

    states = ["ok", "gone", "failed", "ok", "ok", "gone", "failed", "failed"]
    assert [one.state for one in outcomes] == states


def test_links_that_differ_behind_the_hash_are_one_address_and_keep_their_order(web: Web) -> None:
    page, other = web.serve("/page", b""), web.serve("/other", b"")
    told: list[int] = []

    links = [f"{page}#a", other, f" {page}#b", page, f"{page}#a"]
    outcomes = look_up(links, POLICY, progress=told.append)

    assert [one.link for one in outcomes] == links[:4]
    assert {one.state for one in outcomes} == {"ok"}
    assert sorted(told) == [1, 3]
    assert sorted(path for _, path in asked(web)) == ["/other", "/page"]


def test_what_is_over_the_limit_is_not_asked_and_says_so(web: Web) -> None:
    hosts = [f"h{n}.example" for n in range(12)]
    links = [web.url(f"/{n}", hosts[n % 12]) for n in range(MOST + 20)]
    for n in range(MOST + 20):
        web.serve(f"/{n}", b"")

    outcomes = look_up(links, open_to(*hosts), lookup=everywhere_here)

    assert [one.state for one in outcomes] == ["ok"] * MOST + ["unasked"] * 20
    assert outcomes[-1].reason == f"no more than {MOST} addresses are looked up"
    assert len(web.seen) == MOST


@pytest.mark.parametrize(("hosts", "expected"), [(1, 2), (12, 8)])
def test_only_a_few_are_asked_at_once(web: Web, hosts: int, expected: int) -> None:
    lock, all_there = threading.Lock(), threading.Event()
    now, most = [0], [0]

    def busy(_seen: Seen) -> Reply:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] >= expected:
                all_there.set()
        all_there.wait(5)
        time.sleep(0.03)  # for those who should not come on top of them
        with lock:
            now[0] -= 1
        return Reply(b"")

    names = [f"h{n}.example" for n in range(hosts)]
    links = [web.url(f"/{n}", names[n % hosts]) for n in range(24)]
    for n in range(24):
        web.serve(f"/{n}", busy)

    assert {one.state for one in look_up(links, open_to(*names), lookup=everywhere_here)} == {"ok"}
    assert most[0] == expected


def test_the_whole_look_up_ends_in_time_and_says_what_was_not_reached(web: Web) -> None:
    def never(_seen: Seen, connection: Connection) -> None:
        connection.closing.wait(10)

    good = web.serve("/good", b"")
    slow = [web.serve_raw(f"/slow{n}", never) for n in range(20)]
    told: list[int] = []

    started = time.monotonic()
    outcomes = look_up([good, *slow], POLICY, within_s=0.8, progress=told.append)

    assert time.monotonic() - started < 1.6
    assert [one.state for one in outcomes] == ["ok"] + ["unasked"] * 20
    assert {one.reason for one in outcomes[1:]} == {"the 0.8 s for all links were over"}
    assert told == [1]
    assert threading.active_count() < 60


def test_no_links_need_no_look_up() -> None:
    assert look_up([], POLICY) == []


# Which links


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://tool.example/", True),
        ("HTTP://tool.example/", True),
        ("https://tool.example/?from=https://verdicts.example.org/", True),
        ("https://verdicts.example.org.evil.example/", True),
        ("https://shop.verdicts.example.org/", True),
        ("https://verdicts.example.org:8443/", True),
        ("https://verdicts.example.org@other.example/", True),
        ("https://[broken", True),
        ("http://a:b/", True),
        (f"https://tool.example/{READER}", False),
        (f"{SITE}/leave/{READER}", False),
        (SITE, False),
        (f"{SITE}/editions/2026-W47#top", False),
        ("http://verdicts.example.org/x", False),
        ("https://VERDICTS.example.org:443/x", False),
        ("mailto:desk@example.org", False),
        ("tel:123", False),
        ("#top", False),
        ("/editions", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_only_links_out_into_the_web_are_worth_fetching(link: str, *, kept: bool) -> None:
    assert worth_fetching([link], SITE) == ([link] if kept else [])


def test_a_site_in_a_folder_owns_that_folder_only() -> None:
    links = ["https://example.org/verdicts", "https://example.org/verdicts/x", "https://example.org/verdictsx"]
    assert worth_fetching(links, "https://example.org/verdicts/") == links[2:]


_WORDS = st.sampled_from(
    [
        "http://",
        "https://",
        "verdicts.example.org",
        "a.example",
        READER,
        "/",
        "#",
        "?",
        ":",
        "@",
        "[",
        "]",
        "x",
        "%",
        " ",
    ]
)


@given(st.lists(st.lists(_WORDS, max_size=6).map("".join), max_size=8))
def test_what_is_worth_fetching_is_a_part_of_what_came_each_once_and_never_a_readers_own(links: list[str]) -> None:
    kept = worth_fetching(links, SITE)

    assert kept == [link for link in dict.fromkeys(links) if link in kept]
    assert all(link.strip().startswith(("http://", "https://")) and READER not in link for link in kept)
    assert not any(re.match(rf"{SITE}(/|$)", link.strip()) for link in kept)


@given(st.lists(st.lists(_WORDS, max_size=6).map("".join), max_size=8))
def test_whatever_links_come_each_has_an_outcome(links: list[str]) -> None:
    """No name leads anywhere here, so nothing is connected to."""
    outcomes = look_up(links, open_to(), lookup=unknown)

    assert [one.link for one in outcomes] == list(dict.fromkeys(links))
    assert all(one.state in {"gone", "failed"} and one.reason for one in outcomes)


# Findings


def finding(outcome: LinkOutcome) -> Finding:
    [found] = findings([outcome])
    return found


def test_a_good_link_is_no_finding() -> None:
    assert findings([LinkOutcome("https://tool.example/", "ok")]) == ()


@pytest.mark.parametrize(
    ("state", "code", "level"),
    [
        ("gone", "link-dead", "blocker"),
        ("moved", "link-moved", "warning"),
        ("refused", "link-unsure", "warning"),
        ("failed", "link-unsure", "warning"),
        ("unasked", "link-unsure", "warning"),
    ],
)
def test_each_other_outcome_is_a_finding_at_its_link(web: Web, state: str, code: str, level: str) -> None:
    outcomes = {
        "gone": only(web.url("/nothing")),
        "moved": only(web.serve("/a", Reply(status=301, headers={"Location": "/b"}))) if web.serve("/b", b"") else None,
        "refused": only(web.serve("/closed", Reply(b"", 403))),
        "failed": only(web.serve("/broken", Reply(b"", 500))),
        "unasked": look_up([web.url("/a")], POLICY, within_s=0)[0],
    }
    outcome = outcomes[state]
    assert outcome is not None

    found = finding(outcome)

    assert (found.code, found.level, found.where) == (code, level, outcome.link)
    assert found.message.endswith(".")
    assert outcome.moved_to in found.fix
    assert state == "moved" or outcome.reason in found.message


def test_the_new_address_stands_in_how_to_mend_it() -> None:
    moved = LinkOutcome("https://old.example/", "moved", "it has moved for good", "https://new.example/")
    assert finding(moved).fix == "Use https://new.example/"
