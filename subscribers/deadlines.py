"""Read from a socket what must be there by a deadline: with a timeout for each read alone it could drip for ever."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class Deadlined(io.RawIOBase):
    """What comes out of a socket until `deadline`, a moment of the monotonic clock; then TimeoutError is raised."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock, self.deadline = sock, deadline

    def readable(self) -> bool:
        """Tell that it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, waiting until the deadline where nothing is."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._sock.recv_into(buffer)
