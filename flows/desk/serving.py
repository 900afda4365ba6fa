"""Serve the desk on this machine until stopped."""

from __future__ import annotations

import gc
import socket
import sys
import webbrowser
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from digest.errors import SettingsError
from digest.rendering import template_folders
from flows.desk.comparing import comparing_page
from flows.desk.edition import edition_page
from flows.desk.every import every_page
from flows.desk.following import Following
from flows.desk.front import front_page
from flows.desk.health import health_page
from flows.desk.numbers import numbers_page
from flows.desk.preview import preview_page
from flows.desk.reviews import reviews_page
from flows.desk.sending import sending_page
from flows.desk.wanting import Wanting
from flows.desk.week import week_page
from flows.services import Services, whoever
from pages.desk.app import create_desk
from pages.desk.keys import SHORTEST_PASSWORD, Access
from pages.desk.steps import Steps

#: How long an editor waits while another program holds the database, in seconds.
PATIENCE_S = 5

#: Seconds that answers under way may take once the desk is to stop.
_LAST_ANSWERS_S = 5


def desk_steps(services: Services, following: Following, wanting: Wanting) -> Steps:
    """Make what the desk calls."""
    return Steps(
        site=services.settings.site,
        every=every_page(services),
        front=front_page(services),
        edition=edition_page(services),
        comparing=comparing_page(services),
        week=week_page(services, wanting),
        reviews=reviews_page(services, wanting),
        preview=preview_page(services, following),
        health=health_page(services),
        sending=sending_page(services),
        numbers=numbers_page(services),
    )


def desk_password(environment: Mapping[str, str]) -> str:
    """Read the desk's password, "" where none is set.

    Raises:
        SettingsError: It is too short, or its file cannot be read.
    """
    password, named = environment.get("VERDICTS_DESK_PASSWORD", ""), environment.get("VERDICTS_DESK_PASSWORD_FILE", "")
    if not password and named:
        try:
            password = Path(named).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            said = "allowed: a file with the password that this user may read"
            raise SettingsError(f"VERDICTS_DESK_PASSWORD_FILE: found {named!r}; {said}") from error
    if (password or named) and len(password) < SHORTEST_PASSWORD:
        raise SettingsError(
            f"VERDICTS_DESK_PASSWORD: found {len(password)} characters; allowed: at least {SHORTEST_PASSWORD}"
        )
    return password


class DeskServer:
    """The desk with the socket it listens on; made before anything is said, so that a taken port is known first."""

    def __init__(self, services: Services, host: str, port: int) -> None:
        """Open the port.

        Raises:
            SettingsError: The host needs a password and none is set, or the port cannot be used.
        """
        password = desk_password(services.environment)
        if not password and not _is_this_machine(host):
            raise SettingsError(
                f"--host: found {host}; allowed without a password: 127.0.0.1. To let other machines in, set"
                f" VERDICTS_DESK_PASSWORD (or …_FILE) to {SHORTEST_PASSWORD} characters or more"
            )
        self._listener = _listen(host, port)
        port = self._listener.getsockname()[1]
        access = Access(
            host, port, services.settings.key("secret"), whoever(), services.clock, _tell, password, _names(host)
        )
        folders = template_folders(services.settings.home)
        self._following, self._wanting = Following(services), Wanting(services)
        steps = desk_steps(services, self._following, self._wanting)
        self.app, desk = create_desk(steps, access, folders, lambda: self._server.should_exit)
        self._end_sending = steps.sending.end
        self.keys, self.pages = desk.keys, desk.pages
        # Addresses may hold a key: no access log.
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app, log_level="warning", access_log=False, proxy_headers=False, server_header=False,
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
            )
        )  # fmt: skip

    def run(self) -> None:
        """Serve until the process is told to end, or `stop` is called; calls in flight end first."""
        try:
            with self._following:
                self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()
            self._end_sending()
            self._wanting.close()

    def stop(self) -> None:
        """Let `run` return, once answers under way are given."""
        self._server.should_exit = True


def serve_desk(services: Services, host: str, port: int, *, open_: bool) -> None:
    """Serve the desk until SIGTERM or Ctrl-C, and say where it is.

    Raises:
        SettingsError: As `DeskServer`.
    """
    services.engine  # noqa: B018 - what is wrong with the database is said before anything starts
    server = DeskServer(services, host, port)
    _tell(server.keys.address)
    if not _is_this_machine(host):
        _say("Others open it with the password; what they type travels unencrypted: use it in a network you trust.")
    _say("Ctrl-C stops it.")
    # What is there now stays: looking through all of it for garbage held up every tenth answer for 100 ms.
    gc.freeze()
    if open_:
        webbrowser.open(server.keys.address)
    try:
        server.run()
    except KeyboardInterrupt:
        _say("stopped")


def _tell(address: str) -> None:
    _say(f"The desk opens once with this address: {address}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(host: str) -> tuple[str, ...]:
    """Give the names and addresses that this machine goes by, where it listens on all of them."""
    if host not in {"0.0.0.0", "::"}:  # noqa: S104 - it is compared with
        return ()
    name = socket.gethostname()
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
    except OSError:
        found = set()
    return (name, *(f"[{one}]" if ":" in one else one for one in sorted(found)))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(f"--host: found {host!r}; allowed: an address of this machine") from error
    # Named TCP: else asyncio lets answers wait for more to send with them.
    listener = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"the desk cannot use {host}:{port} ({error.strerror}); is it open already? Else choose another --port"
        ) from error
    return listener
