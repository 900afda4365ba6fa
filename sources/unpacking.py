"""Unpack what servers send packed, never further than a cap: a megabyte of gzip can become three gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from digest.errors import FeedError


def unpacker(encoding: str, most: int) -> Callable[[bytes, int], bytes]:
    """Make what unpacks a body piece by piece, given each piece and how many bytes may still come out; b"" ends it.

    `encoding` is the Content-Encoding, "" for none; `most` the bytes that may come out in all, for the reason given.

    Raises:
        FeedError: By this, when it is packed in a way we did not ask for; by what it makes, when too much comes out or
            the end is missing.
        zlib.error: By what it makes, when the body is damaged.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda chunk, room: _fitting(chunk, room, most)
    if name in ("gzip", "x-gzip", "deflate"):
        return _Inflater(raw_allowed=name == "deflate", most=most)
    raise FeedError(f"its answer is packed as {name[:40]!r}, which we did not ask for")


def _fitting(chunk: bytes, room: int, most: int) -> bytes:
    if len(chunk) > room:
        raise FeedError(f"it unpacks to more than {most / 1e6:g} MB")
    return chunk


class _Inflater:
    """Unpacks gzip (also several in a row) and deflate, with zlib's wrapper or, as some send it, without."""

    def __init__(self, *, raw_allowed: bool, most: int) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # tells gzip and zlib apart by itself
        self._raw_allowed = raw_allowed
        self._most = most
        self._started = False

    def __call__(self, chunk: bytes, room: int) -> bytes:
        if not chunk:
            if self._started and not self._zlib.eof:
                raise FeedError("its answer breaks off or is damaged")
            return b""
        out = bytearray()
        while chunk:
            out += _fitting(self._inflate(chunk, room - len(out) + 1), room - len(out), self._most)
            chunk = self._zlib.unconsumed_tail
            if self._zlib.eof:
                chunk = self._zlib.unused_data.lstrip(b"\0")
                if not chunk.startswith(b"\x1f\x8b"):
                    break  # whatever follows the end is no part of it
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        return bytes(out)

    def _inflate(self, chunk: bytes, most: int) -> bytes:
        try:
            unpacked = self._zlib.decompress(chunk, most)
        except zlib.error:
            if self._started or not self._raw_allowed:
                raise
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            unpacked = self._zlib.decompress(chunk, most)
        self._started = True
        return unpacked
