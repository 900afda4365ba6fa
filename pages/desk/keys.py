"""Who may sit at the desk: a key that opens it once, a password where one is set, and the signed cookie for later."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, ip_address, ip_network

#: The shortest password that may open the desk to other machines.
SHORTEST_PASSWORD = 12

#: How long a session lasts without the desk being opened anew, in seconds.
LASTS_S = 7 * 24 * 3600

#: Wrong passwords that may be tried within so many seconds, from one address and from all together.
TRIES, TRIES_OF_ALL, WITHIN_S = 10, 200, 60.0

#: Characters an editor's name may have.
NAME_MOST = 80


@dataclass(frozen=True, slots=True)
class Access:
    """Where the desk is and who may come.

    `secret` signs cookies, so that they outlive a restart; `who` is the name of an editor who gives no other. `tell`
    is called with an address that holds a new key, for whoever started the desk and nobody else.
    """

    host: str
    port: int
    secret: bytes
    who: str
    clock: Callable[[], datetime]
    tell: Callable[[str], None]
    password: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """An editor's visit; `token` is what every form of it carries, so that no other site can send one."""

    id: str
    who: str
    since: int
    token: str = field(repr=False)


class Keys:
    """Opens the desk, and knows who was let in."""

    def __init__(self, access: Access) -> None:
        self.access = access
        # With another password, whoever came in with the old one is out.
        seed = hashlib.sha256(access.password.encode()).digest()
        self._secret = hmac.digest(access.secret, b"desk" + seed, "sha256")
        self._key = secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        self._wrong: deque[tuple[float, str]] = deque(maxlen=TRIES_OF_ALL)  # when, and from where

    @property
    def cookie(self) -> str:
        """The name of the cookie; cookies are shared by all ports of a machine, so it says which."""
        return f"verdicts_desk_{self.access.port}"

    @property
    def address(self) -> str:
        """The address that opens the desk once."""
        host = self.access.host
        named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        return f"http://{named}:{self.access.port}/?key={self._key}"

    def open_by_key(self, key: str) -> Session | None:
        """Let in who has the key; it opens once, and the next one is told."""
        with self._lock:
            if not hmac.compare_digest(key.encode(), self._key.encode()):
                return None
            self._key = secrets.token_urlsafe(24)
        return self._begin(self.access.who)

    def tell_address(self) -> None:
        """Tell where the desk opens, to whoever started it."""
        self.access.tell(self.address)

    def must_wait(self, client: str) -> float:
        """Say for how many seconds no password from an address is looked at, 0.0 when one is."""
        place, now = network(client), time.monotonic()
        with self._lock:
            mine = [at for at, other in self._wrong if other == place]
            first = [tried[-most] for tried, most in ((mine, TRIES), ([at for at, _ in self._wrong], TRIES_OF_ALL))
                     if len(tried) >= most]  # fmt: skip
        return max(0.0, *(at + WITHIN_S - now for at in first), 0.0)

    def open_by_password(self, password: str, who: str, client: str) -> Session | None:
        """Let in who knows the password; None where it is wrong, or none is set."""
        right = self.access.password
        if right and hmac.compare_digest(_digest(password), _digest(right)):
            return self._begin(_name(who) or self.access.who)
        with self._lock:
            self._wrong.append((time.monotonic(), network(client)))
        return None

    def session(self, cookie: str) -> Session | None:
        """Give the session a cookie is of; None where it is not ours, or too old."""
        payload, _, seal = cookie.rpartition(".")
        if not payload or not hmac.compare_digest(seal.encode(), self._seal(payload).encode()):
            return None
        number, since, who = payload.split(".")
        age = self._now() - int(since)
        if not -60 <= age <= LASTS_S:
            return None
        name = base64.urlsafe_b64decode(who + "=" * (-len(who) % 4)).decode()
        return Session(number, name, int(since), self._seal(f"form {number}"))

    def cookie_of(self, session: Session) -> str:
        """Write a session down for the browser."""
        who = base64.urlsafe_b64encode(session.who.encode()).decode().rstrip("=")  # what would need quotes
        payload = f"{session.id}.{session.since}.{who}"
        return f"{payload}.{self._seal(payload)}"

    def renamed(self, session: Session, who: str) -> Session:
        """Give the session under another name; an empty one is the one to begin with."""
        return Session(session.id, _name(who) or self.access.who, session.since, session.token)

    def _begin(self, who: str) -> Session:
        number = secrets.token_hex(12)
        return Session(number, _name(who), self._now(), self._seal(f"form {number}"))

    def _now(self) -> int:
        return int(self.access.clock().timestamp())

    def _seal(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()[:40]


def network(client: str) -> str:
    """Give whom an address counts for: of IPv6 one customer has at least 64 bits to choose from (RFC 6177)."""
    try:
        found = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _name(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:NAME_MOST]
