"""Hand documents to processes that read them; one that is stuck or grows too large is killed and replaced."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.policy import Policy
from sources.reading import Reading

#: Longest answer of a reader: more than `max_entries` entries of full length come to.
_MAX_ANSWER = 64_000_000

#: How long a process may take to load its code; on a busy machine it takes a second or two.
_START_S = 30

#: What a process may need from the environment to start at all.
_HARMLESS = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


class Unreadable(FeedError):
    """A document is no feed; `feeds` are the addresses of feeds it names when it is a web page."""

    def __init__(self, reason: str, feeds: tuple[str, ...] = ()) -> None:
        self.feeds = feeds
        super().__init__(reason)


class Readers:
    """A few reading processes, started when the first document comes; use as `async with`."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._free: asyncio.Queue[Process | None] = asyncio.Queue()
        self._running: set[Process] = set()
        for _ in range(policy.workers):
            self._free.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for process in list(self._running):
            await self._end(process)

    async def read(self, body: bytes, feed: Feed, url: str, content_type: str) -> Reading:
        """Read one document as soon as a process is free.

        Raises:
            Unreadable: It is no feed, or reading it took too much time or memory.
        """
        process = await self._free.get()
        usable = None
        try:
            process = process or await self._start()
            async with asyncio.timeout(self._policy.read_timeout_s):
                answer = await self._ask(process, body, feed, url, content_type)
            usable = None if answer.get("spent") else process
        except TimeoutError as error:
            raise Unreadable(f"reading it takes more than {self._policy.read_timeout_s:g} s") from error
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError) as error:
            raise Unreadable(await _last_words(process, error)) from error
        finally:
            if usable is None and process is not None:
                await self._end(process)
            self._free.put_nowait(usable)
        return _reading(answer)

    async def _ask(self, process: Process, body: bytes, feed: Feed, url: str, content_type: str) -> dict[str, Any]:
        jobs, answers = cast("asyncio.StreamWriter", process.stdin), cast("asyncio.StreamReader", process.stdout)
        job = {
            "feed": asdict(feed),
            "url": url,
            "content_type": content_type,
            "size": len(body),
            "max_entries": self._policy.max_entries,
            "timeout_s": self._policy.read_timeout_s,
        }
        jobs.write(json.dumps(job).encode() + b"\n")
        jobs.write(body)
        with suppress(ConnectionError):  # it ended before it took everything, but may have said why
            await jobs.drain()
        answer: dict[str, Any] = json.loads(await answers.readuntil(b"\n"))
        return answer

    async def _start(self) -> Process:
        # It finds the code that this process finds, and no secrets: it reads what strangers wrote.
        environment = {name: value for name, value in os.environ.items() if name in _HARMLESS}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # nor code from the folder somebody happens to stand in
            "-m",
            "sources.worker",
            str(self._policy.read_memory),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            limit=_MAX_ANSWER,
        )
        self._running.add(process)
        said = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                said = await cast("asyncio.StreamReader", process.stdout).readline()
        if not said:
            await self._end(process)
            raise ProcessLookupError("it did not get ready")
        return process

    async def _end(self, process: Process) -> None:
        self._running.discard(process)
        with suppress(ProcessLookupError):  # it ended by itself
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _last_words(process: Process | None, error: Exception) -> str:
    if process is None:
        return f"no process to read it could be started: {error}"
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), 1)
    return f"the process reading it ended (status {process.returncode})"


def _reading(answer: dict[str, Any]) -> Reading:
    if "error" in answer:
        raise Unreadable(answer["error"], tuple(answer.get("feeds", ())))
    fields = answer["reading"]
    return Reading(**{**fields, "entries": tuple(map(_entry, fields["entries"]))})


def _entry(values: list[Any]) -> Entry:
    feed, entry_id, link, title, summary, published = values
    return Entry(feed, entry_id, link, title, summary, datetime.fromisoformat(published) if published else None)
