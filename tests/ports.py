"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket

#: Below those that Linux gives to connections (from 32768 on): one of them would take the port before its server does.
_PORTS = range(10_000, 32_000)


def free_port() -> int:
    """Give a port nobody listens on now, on any address; OSError where a hundred were taken."""
    draw = random.SystemRandom()
    for _ in range(100):
        port = draw.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))  # noqa: S104 - nothing listens on it
            except OSError:
                continue
            return port
    raise OSError("no free port was found")
