"""What serving adds to the pages: whose word counts, which keys are known, and that answers do not wait."""

from __future__ import annotations

import platform
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlmodel import Session, select

from digest.settings import add_secret, load_settings
from flows.serving import _listen
from pages.joining import QUICKEST_S
from subscribers.links import reader_token
from subscribers.tables import ConsentRow
from tests.flows.served import Served, served
from tests.subscribers.readers import row, take_in

#: Lets eight threads at once keep memory, as those of a server do, and says how many heaps the C library made for it.
_COUNT_HEAPS = """
import ctypes, tempfile, threading
from flows.serving import _share_one_heap
{first}
libc, kept, together = ctypes.CDLL(None), [], threading.Barrier(8)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
def keep():
    together.wait()
    kept.append(libc.malloc(5000))
    together.wait()
threads = [threading.Thread(target=keep) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
with tempfile.NamedTemporaryFile() as told:
    file = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print(told.read().count(b"<heap nr="))
"""


@pytest.fixture
def site(home: Path, free_port: int) -> Iterator[Served]:
    with served(home, free_port) as found:
        yield found


def test_pages_learn_of_a_new_key_and_go_on_knowing_the_old_one(site: Served) -> None:
    """Letters of other processes are signed with it at once."""
    take_in(site.engine, [row("ada@example.org")])
    ada = site.subscriber("ada@example.org")
    assert ada is not None
    old = load_settings(site.home, {}).link_keys[0]
    add_secret(site.home)
    new = load_settings(site.home, {}).link_keys[0]
    assert new != old
    time.sleep(1.1)
    for key, status in ((old, 200), (new, 200), (b"nobody's", 404)):
        assert _status(f"{site.url}/preferences/{reader_token(key, ada.id)}") == status


def test_nobody_but_a_trusted_proxy_says_where_a_form_comes_from(site: Served) -> None:
    with urllib.request.urlopen(f"{site.url}/subscribe") as page:
        stamp = re.search(r'name="stamp" value="([^"]+)"', page.read().decode())
    assert stamp
    time.sleep(QUICKEST_S)
    form = urllib.parse.urlencode({"email": "bob@example.net", "stamp": stamp[1]}).encode()
    request = urllib.request.Request(f"{site.url}/subscribe", form, {"X-Forwarded-For": "203.0.113.9"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    with Session(site.engine) as session:
        assert session.exec(select(ConsentRow.network).where(ConsentRow.what == "asked")).one() == "127.0.0.0/24"
    asked = site.subscriber("bob@example.net")
    assert asked is not None
    assert asked.created_at <= datetime.now(UTC)


def test_answers_on_a_kept_connection_do_not_wait_for_more(free_port: int) -> None:
    """Only of a socket that is named TCP does asyncio switch the waiting off."""
    with _listen(free_port) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as page:
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_a_connection_that_rested_takes_a_form_however_long_proxies_keep_it(site: Served) -> None:
    connection = HTTPConnection("127.0.0.1", int(site.url.rpartition(":")[2]))
    for rest_s in (0, 7):  # uvicorn by itself closes after five
        time.sleep(rest_s)
        connection.request("POST", "/leave/nobody", "List-Unsubscribe=One-Click")
        connection.auto_open = 0
        assert connection.getresponse().read()
    connection.close()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives each thread a heap of its own")
@pytest.mark.parametrize(("first", "one"), [("_share_one_heap()", True), ("", False)], ids=["serving", "else"])
def test_threads_share_one_heap(first: str, one: bool) -> None:
    """With a heap for each, serving grows for as long as visitors come."""
    words = [sys.executable, "-c", _COUNT_HEAPS.format(first=first)]
    heaps = int(subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert (heaps == 1) is one, heaps
