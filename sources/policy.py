"""Say how politely, how long and how much we fetch and read: one value handed to everything that polls."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits for one gather.

    `allow_hosts` are host names (or addresses) that may be fetched though their address is private. `deadline_s` is the
    time one feed has for connecting and answering, over all its redirects; waiting for a turn is not counted. Sizes are
    bytes: `max_received` as sent, `max_body` after decompression. Reading one body may take `read_timeout_s`, and
    `read_memory` bytes over what the process that reads takes itself.
    """

    site_url: str = "http://localhost:8000"
    allow_hosts: frozenset[str] = frozenset()
    concurrency: int = 100
    per_host: int = 4
    jitter_s: float = 0.2
    deadline_s: float = 30.0
    max_received: int = 5 * _MB
    max_body: int = 10 * _MB
    max_redirects: int = 5
    workers: int = min(2, os.cpu_count() or 1)
    read_timeout_s: float = 10.0
    read_memory: int = 256 * _MB
    max_entries: int = 500
    first_poll_days: int = 14

    @property
    def user_agent(self) -> str:
        """Who we are and where to find us."""
        try:
            ours = version("ai-tool-verdicts")
        except PackageNotFoundError:  # run from a checkout that is not installed
            ours = "0"
        return f"AIToolVerdicts/{ours} (+{self.site_url})"
