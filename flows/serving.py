"""Everything on one machine: a Prefect server, its schedules, and the public pages, until stopped."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from digest.errors import SettingsError, VerdictsError
from digest.rendering import template_folders
from flows import logs
from flows.alone import alone
from flows.doctoring.scheduled import ADDRESS
from flows.events import event_key, keep_applying
from flows.notices import keep_sending
from flows.sending import keep_resuming
from flows.services import Services, open_services
from flows.silence import keep_watching
from flows.stopping import interrupted
from pages.app import create_app
from pages.rooms import Keeping, Rooms

#: Prefect's server starts in 6 to 16 s on two cores.
_SERVER_START_S = 90

#: How long a connection stays open that nobody uses: longer than proxies keep theirs (Caddy two minutes). Else now and
#: then it closes just as a form is sent over it, and who sent that sees an error.
_KEPT_OPEN_S = 150

#: Of glibc's malloc.h: how many heaps there may be at most.
_M_ARENA_MAX = -8

#: How Prefect's own server runs: it tells nobody of itself, and forgets runs after a month: there are a hundred
#: a day.
_ITS_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 3600),
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
}


def serve(home: Path, port: int, host: str = "127.0.0.1", *, schedules: bool = True) -> None:
    """Keep the schedules and serve the public pages until SIGTERM, SIGHUP or Ctrl-C; calls under way then end first.

    Without `schedules`, workers of a Prefect server are left to them.

    Raises:
        SettingsError: Another process serves this home folder, or the port is taken.
        VerdictsError: Prefect's server did not start.
    """
    _share_one_heap()
    with interrupted(), open_services(home) as services:
        logs.begin(services.settings.log_format)
        try:
            with alone(home), _pages(services, port, host), _beside(services):
                _say(f"public pages: http://{host}:{port}")
                if not schedules:
                    signal.pause()
                with _prefect_server(home) as address, _told(home, address):
                    _say(f"schedules: {address.removesuffix('/api')}")
                    _keep_schedules(home, _as_long_as_a_call(services))
        except KeyboardInterrupt:
            _say("stopped")


def _share_one_heap() -> None:
    """Let all threads take memory from one heap, where the C library is glibc; before any thread is started.

    By default glibc gives each thread a heap and never gives back what lies between two things still in use: serving
    then grows by a tenth in half an hour of visitors, while what Python keeps stays the same (`make soak`). Python's
    threads seldom ask for memory at the same time, so one heap makes none of them wait.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl has no such choice
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _as_long_as_a_call(services: Services) -> float:
    """How long a call in flight may take, and a little more to write its outcome down, in seconds."""
    return services.settings.send_timeout_s + 5


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def public_app(services: Services) -> FastAPI:
    """Make the application of the public pages from what is set."""
    settings = services.settings
    return create_app(
        Rooms(
            editions=services.editions,
            tools=services.tools,
            subscribers=services.subscribers,
            site=settings.site,
            contact=settings.reply_to or settings.from_email,
            keys=services.link_keys,
            folders=template_folders(settings.home),
            clock=services.clock,
            joining=services.joining,
            accounts=services.accounts,
            keeping=Keeping(settings.network_kept, settings.retention_days, settings.sender),
            proxies=settings.trusted_proxies,
            events=services.events,
            event_key=event_key(services.environment),
            watched=lambda: _watched(services),
            figures_apart=bool(settings.metrics_port),
        )
    )


def _watched(services: Services) -> list[str]:
    """Name the feeds as they are now; none while their list cannot be read, which `verdicts status` tells."""
    try:
        return [one.name for one in services.named("").feeds]
    except SettingsError:
        return []


@contextmanager
def _figures(app: FastAPI, port: int) -> Iterator[None]:
    """Serve the figures at a port of their own, to this machine only; 0 for beside the pages."""
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, "127.0.0.1", app.state.figures)
    except OSError as error:
        raise SettingsError(f"metrics_port {port} cannot be used ({error.strerror}); choose another") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def _pages(services: Services, port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Serve the public pages from a thread, and their figures."""
    app = public_app(services)
    with _figures(app, services.settings.metrics_port):
        yield from _served(app, port, host)


def _served(app: FastAPI, port: int, host: str) -> Iterator[None]:
    listener = _listen(port, host)
    # Addresses hold readers' tokens: no access log. Whose word on a client's address counts is for the settings to say.
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_KEPT_OPEN_S,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@contextmanager
def _beside(services: Services) -> Iterator[None]:
    """Send letters outside the editions, apply events, go on with editions, look for silence: each from a thread."""
    stop = threading.Event()
    works = (keep_sending, keep_applying, keep_resuming, keep_watching)
    threads = [threading.Thread(target=work, args=(services, stop), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=_as_long_as_a_call(services))


def _listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    # Named TCP: else asyncio lets answers wait for more to send with them, 40 ms each on a kept connection.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # who comes before the server is ready waits, and is not refused
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"port {port} of {host} cannot be used ({error.strerror}); choose another with --port or --host"
        ) from error
    return listener


@contextmanager
def _told(home: Path, address: str) -> Iterator[None]:
    """Write down where Prefect is, for `verdicts doctor`."""
    path = home / ADDRESS
    path.parent.mkdir(exist_ok=True)
    path.write_text(address, encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _prefect_server(home: Path) -> Iterator[str]:
    """Run Prefect's server with its files in the home folder; gives its address. PREFECT_API_URL names another one."""
    if already := os.environ.get("PREFECT_API_URL"):
        yield already
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    os.environ |= _ITS_SETTINGS | {"PREFECT_HOME": str(home / "prefect"), "PREFECT_API_URL": address}
    (home / "prefect").mkdir(exist_ok=True)
    words = ["-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    server = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *words],
        stdout=subprocess.DEVNULL,  # a banner; what it logs goes where ours does
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, nothing is locked in it
    )
    try:
        _await(server, address)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()


def _die_with_parent() -> None:
    """Ask the kernel to end this process with the one that started it, also when that is killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _await(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _SERVER_START_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise VerdictsError("Prefect's server did not start; the lines above say why")


def _keep_schedules(home: Path, patience_s: float) -> None:
    from flows.schedules import keep  # noqa: PLC0415 - Prefect reads its settings when imported

    asyncio.run(keep(home, patience_s))
    raise KeyboardInterrupt  # only a request to end ends it
