"""The connections to a mail server: each used again while it is alive, and no more than the server lets in."""

from __future__ import annotations

from threading import Condition
from time import monotonic

from subscribers.smtpline import Line, NoServer, Server

#: Connections on which nothing was said for longer are not used again: servers and routers between forget them.
_IDLE_S = 30.0

#: After how long a server that let no more connections in is asked for one more: it may have missed the end of one.
_ASK_AGAIN_S = 5.0

#: How long to wait for a connection that others use: they hold it for one letter only.
_PATIENCE_S = 120.0


class Lines:
    """At most `most` connections to a server; several threads may take one each."""

    def __init__(self, server: Server, most: int) -> None:
        self._server, self._wanted, self._most = server, most, most
        self._idle: list[Line] = []
        self._open, self._changed = 0, Condition()
        self._full_at = 0.0

    def take(self, *, fresh: bool = False) -> Line:
        """Give a connection that nobody uses: the one used last, else, or with `fresh`, a new one.

        Where the server lets no more of them in, or there are as many as may be, it waits for one to be given back.

        Raises:
            NoServer: None can be had.
        """
        ends_at = monotonic() + _PATIENCE_S
        while True:
            with self._changed:
                if not fresh and (line := self._used_last()):
                    return line
                if self._has_room():
                    self._open += 1
                    break
                fresh = False
                if not self._changed.wait(ends_at - monotonic()):
                    raise NoServer(f"every connection to {self._server} stays in use")
        return self._connected() or self.take()

    def give_back(self, line: Line) -> None:
        """Let others use a connection; one that ended makes room for a new one."""
        with self._changed:
            if line.is_open:
                self._idle.append(line)
            else:
                self._open -= 1
            self._changed.notify()

    def close(self) -> None:
        """End the connections that are not in use."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._open -= len(idle)
        for line in idle:
            line.quit()

    def _used_last(self) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.idle_s < _IDLE_S:
                return line
            line.close()
            self._open -= 1
        return None

    def _has_room(self) -> bool:
        """Tell whether a new connection may be made; one that idles goes for it."""
        if self._open >= self._most and self._idle:
            self._idle.pop(0).close()
            self._open -= 1
        if self._open >= self._most < self._wanted and monotonic() - self._full_at > _ASK_AGAIN_S:
            self._most += 1
        return self._open < self._most

    def _connected(self) -> Line | None:
        """Make a new connection; None where the server only lets no more in beside those there are."""
        try:
            return self._server.connect()
        except BaseException as error:
            with self._changed:
                self._open -= 1
                self._changed.notify()
                if not isinstance(error, NoServer) or error.halted or not self._open:
                    raise
                self._most, self._full_at = self._open, monotonic()
            return None
