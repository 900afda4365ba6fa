"""Read documents in a process of its own, which may be killed: `python -m sources.worker MEMORY`.

A line goes out once all code is loaded. Then one job after another comes in on standard input, each a line of JSON
(feed, url, content type, limits, size of the body) and the body, and one line of JSON goes out for each. MEMORY is how
many bytes it may take for that.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from digest.errors import FeedError
from digest.model import Entry, Feed
from sources.catalog import kind_names
from sources.reading import read


def main(memory: int) -> None:
    """Answer jobs until standard input ends."""
    _limit(memory)
    jobs = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not look like an answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and its end is ours
    answers.write(b"ready\n")
    answers.flush()
    while line := jobs.readline():
        job = json.loads(line)
        answer = _answer(job, jobs)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
        if answer.get("spent"):
            return


def _answer(job: dict[str, Any], jobs: BinaryIO) -> dict[str, Any]:
    """Do one job. An answer has `reading`, or `error` (and `feeds` the page names); `spent` ends this process."""
    # Kills this process even where Python cannot: the parent may be gone.
    signal.alarm(int(job["timeout_s"]) + 2)
    try:
        body = jobs.read(job["size"])
        reading = read(body, Feed(**job["feed"]), job["url"], job["content_type"], job["max_entries"])
        return {"reading": {**asdict(reading), "entries": [_plain(entry) for entry in reading.entries]}}
    except FeedError as error:
        return {"error": str(error), "feeds": list(getattr(error, "feeds", ()))}
    except MemoryError:
        return {"error": "reading it takes too much memory", "spent": True}
    except Exception as error:  # noqa: BLE001 - a parser's bug on one document is that feed's failure, reported as such
        return {"error": f"it cannot be read: {type(error).__name__}: {error}"[:300]}
    finally:
        signal.alarm(0)


def _limit(memory: int) -> None:
    """Refuse this process more than `memory` bytes over what it takes now, with all its code loaded."""
    for name in kind_names()[1:]:
        import_module(f"sources.kinds.{name}")
    pages = Path("/proc/self/statm")  # without it, as on macOS, its own size counts as well
    taken = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = taken + memory
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _plain(entry: Entry) -> list[str | None]:
    published = entry.published.isoformat() if entry.published else None
    return [entry.feed, entry.id, entry.link, entry.title, entry.summary, published]


if __name__ == "__main__":
    main(int(sys.argv[1]))
