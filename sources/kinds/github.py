"""Read GitHub's releases.atom and tags.atom: a release named only by its version gets the repository's name."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from digest.model import Entry, Feed
from sources.syndication import Item, items, looks_like_feed

_OURS = re.compile(rb"<id>\s*tag:github\.com,2008:(?:https://github\.com/[^<]{3,200}/(?:releases|tags)|Repository/)")

#: "v1.2.3", "1.2", "b4521", "release-2026-05-01", "Version 2.0.0-rc.1 (beta)": a version without a name.
_VERSION_ONLY = re.compile(
    r"(?:release|version|ver|rel|stable|nightly|preview|build|rev|[vbr])?[\s._:/#-]*\d[\w.+:/-]*"
    r"(?:[\s(\[-]*(?:alpha|beta|rc|pre-?release|preview|lts|stable|latest|hotfix|release)[\s.\d)\]]*)*",
    re.IGNORECASE,
)


def recognises(head: bytes, url: str, content_type: str) -> int:  # noqa: ARG001 - all kinds are asked the same way
    """Say how sure we are, 0 to 100, that a document that starts like this is of this kind."""
    parts = urlsplit(url)
    named = parts.hostname == "github.com" and parts.path.endswith(("/releases.atom", "/tags.atom"))
    return 80 if looks_like_feed(head) and (named or _OURS.search(head)) else 0


def read(body: bytes, feed: Feed, url: str) -> list[Entry]:
    """Read the releases of a document that came from `url`, newest first as GitHub gives them, pre-releases too.

    Raises:
        FeedError: It is no Atom.
    """
    return [entry for item in items(body, url) if (entry := item.entry(feed, title=_title(item, url)))]


def _title(item: Item, url: str) -> str:
    title = item.title.strip() or item.link.rpartition("/")[2]
    repository = _repository(item.link) or _repository(url)
    return f"{repository} {title}" if repository and _VERSION_ONLY.fullmatch(title) else title


def _repository(link: str) -> str:
    path = urlsplit(link).path.split("/")
    return path[2] if len(path) > 3 and path[3] in ("releases", "tags", "releases.atom", "tags.atom") else ""
