"""Documents in every shape, and processes that read them and may be killed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from digest.errors import FeedError
from digest.model import Feed
from sources.policy import Policy
from sources.readers import Readers
from sources.reading import Reading, read
from tests.sources.documents import item, rss, some

FEED = Feed("one", "https://example.org/feed")


def reading(body: bytes, content_type: str = "application/xml", most: int = 500) -> Reading:
    return read(body, FEED, FEED.url, content_type, most)


@pytest.mark.parametrize("body", [b"", b"  \r\n\t"])
def test_an_empty_answer_is_said(body: bytes) -> None:
    with pytest.raises(FeedError, match="empty"):
        reading(body)


@pytest.mark.parametrize("body", [b"plain words", b"\x89PNG\r\n\x1a\n" + bytes(200), b"{}", b"[1, 2]", b"%PDF-1.7"])
def test_what_is_no_feed_is_said(body: bytes) -> None:
    with pytest.raises(FeedError, match="no feed"):
        reading(body, "application/octet-stream")


def test_a_feed_without_entries_is_a_feed() -> None:
    assert reading(rss([])).entries == ()


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("utf-8", "", "text/xml"),
        ("iso-8859-1", "", "text/xml; charset=ISO-8859-1"),
        ("windows-1252", "windows-1252", "text/xml"),
        ("utf-8", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-16", "utf-16", "text/xml"),
        ("iso-8859-1", "utf-8", "text/xml"),
        ("shift_jis", "", 'text/xml; charset="shift_jis"'),
        ("utf-8", "", "text/xml; charset=klingon"),
    ],
)
def test_a_charset_is_found_out(encoding: str, declared: str, content_type: str) -> None:
    title = "日本 tool" if encoding == "shift_jis" else "Café tool"
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else "<?xml version='1.0'?>"
    body = f"{head}<rss version='2.0'><channel><title>t</title><item><title>{title}</title></item></channel></rss>"
    assert reading(body.encode(encoding), content_type).entries[0].title == title


def test_an_entity_bomb_is_harmless() -> None:
    bomb = '<!DOCTYPE rss [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    body = (
        f'<?xml version="1.0"?>{bomb}]><rss version="2.0"><channel><item><title>x&a11;</title></item></channel></rss>'
    )
    started = time.monotonic()
    assert all(len(entry.title) <= 300 for entry in reading(body.encode()).entries)
    assert time.monotonic() - started < 2


def test_an_external_entity_is_not_read() -> None:
    body = b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(["<item><title>a&x;b</title></item>"])[38:]
    assert "root" not in str(reading(body).entries)


def test_the_newest_entries_are_kept_wherever_they_stand() -> None:
    newest_last = [item(f"n{n}", guid=str(n), days_old=3000 - n) for n in range(3000)]
    found = reading(rss(newest_last), most=50)
    assert [entry.title for entry in found.entries] == [f"n{n}" for n in range(2999, 2949, -1)]
    assert found.remark == "only the newest 50 of 3000 entries"


def test_what_a_document_asks_for_is_found() -> None:
    period = "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>"
    assert reading(rss([], extra="<ttl>120</ttl>")).hint_s == 7200
    assert reading(rss([], extra=period + "<ttl>60</ttl>")).hint_s == 21_600
    assert reading(rss([], extra=period.replace(">4<", ">0<"))).hint_s == 86_400
    assert reading(rss(["<item><title>x</title><ttl>9</ttl></item>"])).hint_s is None


def test_the_title_of_a_feed_is_found() -> None:
    assert reading(rss([], title="<![CDATA[Tom & Jerry]]>")).title == "Tom & Jerry"


async def read_all(bodies: list[bytes], policy: Policy) -> list[Reading | str]:
    async with Readers(policy) as readers:

        async def one(body: bytes) -> Reading | str:
            try:
                return await readers.read(body, FEED, FEED.url, "")
            except FeedError as error:
                return str(error)

        return await asyncio.gather(*map(one, bodies))


#: In UTF-16 its items are not seen before it is parsed, so all of them are.
HUGE = rss(some(30_000)).decode().replace("UTF-8", "UTF-16").encode("utf-16")


def test_processes_read_as_this_one_does() -> None:
    body = rss(some(20))
    found = asyncio.run(read_all([body] * 6, Policy()))
    assert found == [read(body, FEED, FEED.url, "")] * 6


def test_a_stuck_reader_is_killed_and_the_others_go_on() -> None:
    policy = Policy(workers=2, read_timeout_s=1.0)
    small = rss(some(3))
    found = asyncio.run(read_all([small, HUGE, small, HUGE, small], policy))
    assert [isinstance(one, Reading) for one in found] == [True, False, True, False, True]
    assert found[1] == "reading it takes more than 1 s"


@pytest.mark.parametrize("memory", [8_000_000, 24_000_000])
def test_a_reader_that_grows_too_large_is_replaced(memory: int) -> None:
    """Whether the document itself does not fit, or what becomes of it."""
    policy = Policy(workers=1, read_memory=memory)
    small = rss(some(3))
    found = asyncio.run(read_all([small, HUGE, small], policy))
    assert [isinstance(one, Reading) for one in found] == [True, False, True]
    assert found[1] == "reading it takes too much memory"


def test_a_reader_that_dies_fails_its_document_only() -> None:
    """Without any memory to spare every document fails with a reason, and nothing hangs."""
    found = asyncio.run(read_all([rss(some(3))] * 3, replace(Policy(), workers=1, read_memory=1)))
    assert all(isinstance(one, str) and one for one in found)
