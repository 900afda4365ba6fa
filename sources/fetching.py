"""Fetch many addresses at once, politely, bounded in time and size, and never into our own network."""

from __future__ import annotations

import asyncio
import re
import socket
import time
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from digest.errors import FeedError
from sources.addresses import is_address, is_public
from sources.policy import Policy
from sources.unpacking import unpacker

Lookup = Callable[[str], Sequence[str]]
Status = Literal["read", "unchanged", "gone", "failed"]
Method = Literal["GET", "HEAD"]

_ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_ANY = "text/html, */*;q=0.8"
_CHUNK = 65_536
#: Bodies beyond this many bytes are rare: only so many are held at a time, so that memory stays flat.
_LARGE, _LARGE_AT_ONCE = 1_000_000, 4

_PERMANENT = (301, 308)
_REDIRECTS = (301, 302, 303, 307, 308)

#: What the name system says where a name, or an address for it, does not exist; the second is not known everywhere.
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}

#: Look-ups block a thread each.
_LOOKUP_THREADS = 32


@dataclass(frozen=True, slots=True)
class Request:
    """An address to fetch, with the validators of the last good answer; "" for none."""

    name: str
    url: str
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of one request.

    `body` and `content_type` come with status `read`, `reason` with `failed` and `gone`. `url` is where the answer came
    from in the end, `permanent_url` where permanent redirects led first. `wait_s` is how long the answer asks to wait.
    `code` is the HTTP status it ended with, 0 when no answer came; `no_such_host` says that this is because the name
    system knows no such host.
    """

    request: Request
    status: Status
    url: str
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    permanent_url: str = ""
    wait_s: int | None = None
    reason: str = ""
    code: int = 0
    no_such_host: bool = False


def look_up(host: str) -> list[str]:
    """Ask the system for the addresses of a host, in its order of preference; blocks."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def fetch_all(
    requests: Sequence[Request],
    policy: Policy,
    each: Callable[[Fetched], Awaitable[None]],
    lookup: Lookup = look_up,
    *,
    bodies: bool = True,
) -> None:
    """Fetch every request and hand each result to `each` as it comes.

    While `each` works on a result, that result's place stays taken: a slow `each` slows the fetching, and at most
    `policy.concurrency` bodies are held at a time. Nothing is raised for a request's own fault.

    Without `bodies` it only finds out what an address answers: it asks with HEAD, and where nothing good comes of that
    with GET from the start, whose body stays unread.
    """
    threads = ThreadPoolExecutor(_LOOKUP_THREADS, "lookup")
    # Some servers send a body after HEAD too: it must not be taken for the next answer on that connection.
    connector = aiohttp.TCPConnector(limit=0, resolver=_PublicOnly(policy, lookup, threads), force_close=not bodies)
    session = aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,  # aiohttp would decompress without a limit
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "User-Agent": policy.user_agent,
            "Accept": _ACCEPT if bodies else _ANY,
            "Accept-Encoding": "gzip, deflate",
        },
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline spans redirects, see _Fetcher
        trust_env=False,
        max_line_size=32_768,
        max_field_size=32_768,
    )
    try:
        async with session, asyncio.TaskGroup() as group:
            fetcher = _Fetcher(session, policy, bodies=bodies)
            spread_s = min(policy.jitter_s, 0.002 * len(requests))
            for request in requests:
                delay_s = spread_s * zlib.crc32(request.name.encode()) / 2**32
                group.create_task(fetcher.fetch(request, each, delay_s))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


class _PublicOnly(AbstractResolver):
    """Resolves names to public addresses only. What it returns is what is connected to: nobody asks the name twice."""

    def __init__(self, policy: Policy, lookup: Lookup, threads: ThreadPoolExecutor) -> None:
        self._policy, self._lookup, self._threads = policy, lookup, threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.run_in_executor(self._threads, self._lookup, host)
        except UnicodeError as error:  # a part of it is longer than names can be
            raise socket.gaierror(socket.EAI_NONAME, "longer than names can be") from error
        check_public(host, addresses, self._policy)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
            if family in (socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def check_public(host: str, addresses: Sequence[str], policy: Policy) -> None:
    """Make sure that a host may be connected to at these addresses; one private address among them is one too many.

    Raises:
        FeedError: It may not.
    """
    if host.rstrip(".").lower() in policy.allow_hosts:
        return
    for address in addresses:
        if not is_public(address):
            at = "" if address == host else f" ({host})"
            raise FeedError(
                f"refused: {address}{at} is a private address; if it is yours, name it in fetch_allow_hosts"
            )


class _Trip:
    """One request on its way over redirects; `left_s` is the time it may still use.

    One that begins with HEAD may use half the time for it, the rest is for GET.
    """

    def __init__(self, request: Request, policy: Policy, method: Method) -> None:
        self.request = request
        self.method = method
        self.left_s = policy.deadline_s if method == "GET" else policy.deadline_s / 2
        self.is_large = False
        self._policy = policy
        self._start()

    def _start(self) -> None:
        self.url = _address(URL(), self.request.url)
        self.hops_left = self._policy.max_redirects
        self.permanent_url = ""
        self._all_permanent = True

    def insist(self) -> None:
        """Start again with GET."""
        self.method = "GET"
        self.left_s += self._policy.deadline_s / 2
        self._start()

    def follow(self, answer: aiohttp.ClientResponse) -> None:
        """Go on to where a redirect points."""
        if self.hops_left == 0:
            raise FeedError("it redirects too often, perhaps in a circle")
        target = _address(self.url, answer.headers.get("Location", ""))
        # A move from https to http is somebody's mistake or worse: followed, never remembered.
        weaker = self.url.scheme == "https" and target.scheme == "http"
        self._all_permanent = self._all_permanent and answer.status in _PERMANENT and not weaker
        self.permanent_url = str(target) if self._all_permanent else self.permanent_url
        self.hops_left -= 1
        self.url = target

    def ended(self, status: Status, **more: Any) -> Fetched:
        """Say how it ended."""
        return Fetched(self.request, status, str(self.url), permanent_url=self.permanent_url, **more)


def _address(base: URL, text: str) -> URL:
    try:
        url = base.join(URL(text)).with_fragment(None)
    except ValueError as error:
        raise FeedError("it redirects to a broken address" if base.host else "its address is broken") from error
    if url.scheme not in ("http", "https") or not url.host:
        what = "redirects to" if base.host else "is"
        raise FeedError(f"refused: it {what} an address that is neither http:// nor https://")
    return url


class _Fetcher:
    """Fetches with a place among all requests and a place at the host."""

    def __init__(self, session: aiohttp.ClientSession, policy: Policy, *, bodies: bool) -> None:
        self._session = session
        self._policy = policy
        self._bodies = bodies
        self._places = asyncio.Semaphore(policy.concurrency)
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._hosts: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(policy.per_host))

    async def fetch(self, request: Request, each: Callable[[Fetched], Awaitable[None]], delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            trip = _Trip(request, self._policy, "GET" if self._bodies else "HEAD")
        except FeedError as error:
            await each(Fetched(request, "failed", request.url, reason=str(error)))
            return
        fetched = None
        try:
            while fetched is None:
                # First the host's place, then one among all: who waits for a slow host must not keep others out.
                async with self._hosts[trip.url.host or ""], self._places:
                    fetched = await self._hop(trip)
                    if fetched is not None and trip.method == "HEAD" and _may_be_for_head_only(fetched):
                        trip.insist()
                        fetched = None
                    if fetched is not None:
                        await each(fetched)
        finally:
            if trip.is_large:
                self._large.release()

    async def _hop(self, trip: _Trip) -> Fetched | None:
        """Ask one address; None means that it redirects, and `trip` knows where to."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(trip.left_s, 0.001)):
                return await self._ask(trip)
        except TimeoutError:
            return trip.ended("failed", reason=f"no complete answer within {self._policy.deadline_s:g} s")
        except Exception as error:  # noqa: BLE001 - one request's surprise is its own failure, reported as such
            return trip.ended("failed", reason=_explain(error), no_such_host=_is_no_such_host(error))
        finally:
            trip.left_s -= time.monotonic() - started

    async def _ask(self, trip: _Trip) -> Fetched | None:
        host = trip.url.host or ""
        if is_address(host):  # a literal is never resolved, so the resolver does not see it
            check_public(host, [host], self._policy)
        validators = {"If-None-Match": trip.request.etag, "If-Modified-Since": trip.request.last_modified}
        headers = {key: value for key, value in validators.items() if value}
        async with self._session.request(trip.method, trip.url, headers=headers, allow_redirects=False) as answer:
            if answer.status in _REDIRECTS:
                trip.follow(answer)
                return None
            if 200 <= answer.status < 300:
                return trip.ended(
                    "read",
                    code=answer.status,
                    body=await self._body(trip, answer) if self._bodies else b"",
                    content_type=answer.headers.get("Content-Type", ""),
                    etag=_validator(answer, "ETag"),
                    last_modified=_validator(answer, "Last-Modified"),
                    wait_s=_max_age(answer),
                )
            if answer.status == HTTPStatus.NOT_MODIFIED and headers:
                return trip.ended("unchanged", code=answer.status, wait_s=_max_age(answer))
            status: Status = "gone" if answer.status == HTTPStatus.GONE else "failed"
            wait_s, reason = _retry_after(answer), _said(answer.status)
            return trip.ended(status, code=answer.status, wait_s=wait_s, reason=reason)

    async def _body(self, trip: _Trip, answer: aiohttp.ClientResponse) -> bytes:
        """Read a body, counting what is sent and what comes out of it.

        Raises:
            FeedError: It is too large, or packed in a way we did not ask for.
        """
        most = self._policy.max_body
        too_large = FeedError(f"its answer is larger than {self._policy.max_received / 1e6:g} MB")
        if (answer.content_length or 0) > self._policy.max_received:
            raise too_large
        unpack = unpacker(answer.headers.get("Content-Encoding", ""), most)
        received = 0
        body = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            received += len(chunk)
            if received > self._policy.max_received:
                raise too_large
            body += unpack(chunk, most - len(body))
            if len(body) > _LARGE and not trip.is_large:
                await self._large.acquire()
                trip.is_large = True
        body += unpack(b"", most - len(body))
        return bytes(body)


def _may_be_for_head_only(fetched: Fetched) -> bool:
    """Whether GET may fare better: servers refuse HEAD with nearly any number, or hang up. The busy are left alone."""
    return fetched.status != "read" and fetched.code != HTTPStatus.TOO_MANY_REQUESTS and not fetched.no_such_host


def _is_no_such_host(error: Exception) -> bool:
    """Whether a name does not exist, which is more than that it cannot be looked up now."""
    return isinstance(error, aiohttp.ClientConnectorDNSError) and error.os_error.errno in _NO_SUCH_HOST


def _said(status: int) -> str:
    try:
        return f"it answers {status} ({HTTPStatus(status).phrase})"
    except ValueError:  # a number of the server's own
        return f"it answers {status}"


def _explain(error: Exception) -> str:
    """Say in plain words why nothing came; addresses may hold passwords, so none is quoted whole."""
    match error:
        case FeedError():
            return str(error)
        case aiohttp.ClientConnectorDNSError():
            host = error.host[:253]  # no real name is longer
            return f"no such host: {host}" if _is_no_such_host(error) else f"{host} cannot be looked up at the moment"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or "nobody says why"
            return f"its certificate is not valid: {why}"
        case aiohttp.ClientConnectorSSLError():
            return "no secure connection can be made"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}: {error.os_error.strerror or type(error.os_error).__name__}"
        case aiohttp.ClientPayloadError() | zlib.error():
            return "its answer breaks off or is damaged"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "it hangs up without an answer"
        case aiohttp.ClientResponseError():
            what = error.message.partition("\n")[0].rstrip(":")  # what follows shows the server's own bytes
            return f"its answer is no HTTP: {what}"[:300]
        case aiohttp.InvalidURL():
            return "its address is broken"
    return f"fetching it failed: {type(error).__name__}"


def _validator(answer: aiohttp.ClientResponse, name: str) -> str:
    value = answer.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) <= 500 else ""


def _max_age(answer: aiohttp.ClientResponse) -> int | None:
    """How long an answer stays good from now, in seconds; None when it does not say."""
    said = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", answer.headers.get("Cache-Control", "").lower())
    age = answer.headers.get("Age", "")
    return max(0, int(said[1]) - (int(age) if re.fullmatch(r"\d{1,9}", age) else 0)) if said else None


def _retry_after(answer: aiohttp.ClientResponse) -> int | None:
    """How long a server that refused asks us to stay away, in seconds; it may say so as a number or as a date."""
    said = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", said):
        return int(said)
    until = _date(said)
    # By the server's own clock where it shows it: ours may differ.
    at = _date(answer.headers.get("Date", "")) or datetime.now(UTC)
    return max(0, int((until - at).total_seconds())) if until else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):  # no date
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
