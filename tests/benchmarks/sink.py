"""A SendGrid that takes everything and keeps nothing: `python -m tests.benchmarks.sink LATENCY_S`; prints its port."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: discarded\r\nContent-Length: 0\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection: skips bodies by their length, and answers each a while after its end."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s, self._head, self._left = latency_s, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._read(len(data))
            return
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end:
            self._head = b""
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._left = int(length)
            self._read(len(rest))

    def _read(self, count: int) -> None:
        self._left -= count
        if not self._left:
            asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, _ANSWER)


async def main(latency_s: float) -> None:
    """Serve until stopped."""
    server = await asyncio.get_running_loop().create_server(lambda: Sink(latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - for who started it
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(float(sys.argv[1])))
