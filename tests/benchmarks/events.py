"""How fast a provider's events are stored and answered, and how fast they are applied while an edition is sent.

A real server, a process of its own, gets signed posts over kept-alive connections; beside it one that stores nothing.
With --postgresql, on a real PostgreSQL instead of SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI, Request, Response

from digest.settings import make_home
from flows.services import open_services
from flows.serving import public_app
from tests.benchmarks.figures import Other, keep
from tests.benchmarks.subscribers import postgresql
from tests.ports import free_port
from tests.subscribers.providers import send, told
from tests.subscribers.readers import join

READERS, CONNECTIONS = 50_000, 8

#: Events of one post, and what is asked for: stored and answered, and applied, in a second.
SIZES, GOAL_STORED, GOAL_APPLIED = (100, 1000), 10_000, 5_000


def served(home: Path, key: str, port: int, *, bare: bool) -> None:
    """Serve the pages, or one page that reads a post and stores nothing."""
    if bare:
        app = FastAPI()

        @app.post("/events/sendgrid", status_code=204)
        async def take(request: Request) -> Response:
            await request.body()
            return Response(status_code=204)

        uvicorn.run(app, port=port, log_level="error", access_log=False)
        return
    with open_services(home, environment=os.environ | {"SENDGRID_EVENT_PUBLIC_KEY": key}) as services:
        uvicorn.run(public_app(services), port=port, log_level="error", access_log=False)


@contextmanager
def server(home: Path, key: str, *, bare: bool) -> Iterator[str]:
    """Run a server in a process of its own; gives the address to post to."""
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=served, args=(home, key, port), kwargs={"bare": bare})
    process.start()
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/events/sendgrid"
    finally:
        process.terminate()
        process.join(timeout=20)


def posts_of(readers: list[str], key: str, size: int, count: int) -> list[bytes]:
    """Posts as SendGrid writes them: each letter is processed, delivered, and a few bounce, open or click."""
    kinds = ["processed", "delivered"] * 48 + ["open", "click", "deferred", "bounce"]
    more = {
        "email": "somebody@example.org", "smtp-id": "<aaaa.bbbb.cccc@ismtpd-1>", "ip": "192.0.2.17", "tls": 1,
        "sg_event_id": "c2ctZXZlbnQtaWQtbnVtYmVyLXNvLW9mLTIyLWNoYXJz", "response": "250 2.0.0 OK 1795 v8si1234567wml.1",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0", "type": "blocked",
        "url": "https://verdicts.example.org/compare/plumbline-vs-lantern?utm_source=digest",
    }  # fmt: skip
    events = (
        told(key, readers[number // 2 % len(readers)], kinds[number % len(kinds)], number % 60, **more)
        for number in range(size * count)
    )
    return [json.dumps([next(events) for _ in range(size)]).encode() for _ in range(count)]


async def hand_in(url: str, posts: list[bytes], sign: Callable[[bytes], dict[str, str]]) -> tuple[float, list[float]]:
    """Post all over some connections; gives the seconds it took, and those of each answer."""
    signed = iter([(body, sign(body)) for body in posts])  # signing is the provider's work
    took: list[float] = []

    async def one_hand(session: aiohttp.ClientSession) -> None:
        for body, headers in signed:
            began = time.perf_counter()
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 204, await answer.text()
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one_hand(session) for _ in range(CONNECTIONS)))
        return time.perf_counter() - began, took


def measure(home: Path, events: int) -> None:
    """Measure, and tell."""
    private = ec.generate_private_key(ec.SECP256R1())
    shown = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    public = b64encode(shown).decode()

    def sign(body: bytes) -> dict[str, str]:
        timestamp = str(int(time.time()))
        signature = b64encode(private.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()
        name = "X-Twilio-Email-Event-Webhook"
        return {f"{name}-Signature": signature, f"{name}-Timestamp": timestamp}

    with open_services(home, create=True) as services:
        readers = join(services.engine, READERS)
        key = send(services.engine, finish=False)  # each transaction with bounces asks whether it must stop
        for size in SIZES:
            rates, slow = {}, 0.0
            for name in ("bare", "stored"):
                with server(home, public, bare=name == "bare") as url:
                    asyncio.run(hand_in(url, posts_of(readers, key, size, 8), sign))
                    seconds, took = asyncio.run(hand_in(url, posts_of(readers, key, size, events // size), sign))
                rates[name] = events / seconds
                slow = statistics.quantiles(took, n=20)[-1] * 1000
            nothing = Other("an endpoint that stores nothing", (rates["bare"],))
            keep(f"stored and answered, posts of {size:,}", "events/s", rates["stored"], better="higher",
                 goal=GOAL_STORED, against=[nothing], note=f"95 % answered in {slow:.1f} ms")  # fmt: skip
            began = time.perf_counter()
            done = services.events.apply(datetime.now(UTC) + timedelta(seconds=1))
            rate = done.events / (time.perf_counter() - began)
            keep(f"applied, posts of {size:,}", "events/s", rate, better="higher", goal=GOAL_APPLIED,
                 note=f"{done.events:,} events")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgresql() if options.postgresql else nullcontext() as url:
        make_home(Path(folder))
        if url:
            (Path(folder) / "verdicts.toml").write_text(f'database_url = "{url}"\n', encoding="utf-8")
        measure(Path(folder), options.events)
