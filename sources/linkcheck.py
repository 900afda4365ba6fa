"""Find out where the links of a message lead, once each, before a reader does: links in, outcomes and findings out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from digest.model import READER, Finding
from sources.fetching import Fetched, Lookup, Request, fetch_all
from sources.fetching import look_up as addresses_of
from sources.policy import Policy

#: Addresses looked up for one message; a digest of forty matchups has about a hundred.
MOST = 100

#: Seconds for the whole look-up: somebody waits for it.
WITHIN_S = 60.0

#: Addresses asked at once, in all and of one host, and seconds for one: gentler than with feeds, as nobody asked us to.
_AT_ONCE, _PER_HOST, _EACH_S = 8, 2, 10.0

_DEAD = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_KEPT_OUT = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}

LinkState = Literal["ok", "moved", "gone", "refused", "failed", "unasked"]


@dataclass(frozen=True, slots=True)
class LinkOutcome:
    """Where one link leads; `link` is as the message has it, `reason` says in words what came, "" where all is well.

    `ok` leads to a page, `moved` as well but for good to another address, which is `moved_to`. `gone` leads nowhere:
    the page or its host does not exist. `refused` keeps programs out, so nobody can tell. `failed` gave no usable
    answer. `unasked` is what limits left no room or time for.
    """

    link: str
    state: LinkState
    reason: str = ""
    moved_to: str = ""


def worth_fetching(links: Iterable[str], site_url: str) -> list[str]:
    """Keep the links that lead out into the web, each once, in the order they came.

    Left out are a reader's own links, what is no web address (mailto), and the pages of `site_url`, which become public
    only when an edition is approved.
    """
    ours = urlsplit(site_url)
    return [link for link in dict.fromkeys(links) if READER not in link and _leads_out(link, ours)]


def _leads_out(link: str, ours: SplitResult) -> bool:
    try:
        there = urlsplit(link)
        is_ours = (there.hostname, _port(there)) == (ours.hostname, _port(ours))
    except ValueError:  # a broken host or port, which looking it up will say
        return link.lower().startswith(("http://", "https://"))
    home = ours.path.rstrip("/")
    return there.scheme in ("http", "https") and not (is_ours and f"{there.path}/".startswith(f"{home}/"))


def _port(of: SplitResult) -> int | None:
    """The port where it says something: http and https of one host are the same site."""
    return None if of.port in (80, 443) else of.port


def look_up(
    links: Iterable[str],
    policy: Policy,
    *,
    progress: Callable[[int], None] = lambda _: None,
    lookup: Lookup = addresses_of,
    within_s: float = WITHIN_S,
) -> list[LinkOutcome]:
    """Ask each address once what it answers, without reading it; blocks for at most about `within_s`.

    Links that differ only behind the `#` are one address. No fault of a link stops the others or is raised.

    Args:
        links: Links of a message, see `worth_fetching`.
        policy: As for feeds; what is gentler here than there is so by itself.
        progress: Told how many links have just become known.
        lookup: Gives the addresses of a host.
        within_s: Seconds for all of them; what was not reached by then is `unasked`.

    Returns:
        An outcome for every distinct link, in the order they came.
    """
    wanted = list(dict.fromkeys(links))
    settles = Counter(_address(link) for link in wanted)
    asked = list(settles)[:MOST]
    answers: dict[str, Fetched] = {}

    async def keep(fetched: Fetched) -> None:
        answers[fetched.request.url] = fetched
        progress(settles[fetched.request.url])

    asyncio.run(_ask(asked, policy, keep, lookup, within_s))
    missed = dict.fromkeys(settles, f"no more than {MOST} addresses are looked up") | dict.fromkeys(
        asked, f"the {within_s:g} s for all links were over"
    )
    offline = _is_offline(answers.values())
    return [_outcome(link, answers.get(_address(link)), missed[_address(link)], offline=offline) for link in wanted]


def _address(link: str) -> str:
    return link.strip().partition("#")[0]  # browsers forgive blanks around it


async def _ask(
    asked: Sequence[str],
    policy: Policy,
    keep: Callable[[Fetched], Awaitable[None]],
    lookup: Lookup,
    within_s: float,
) -> None:
    gentle = replace(
        policy,
        concurrency=min(policy.concurrency, _AT_ONCE),
        per_host=min(policy.per_host, _PER_HOST),
        deadline_s=min(policy.deadline_s, _EACH_S),
    )
    with suppress(TimeoutError):  # what is missing then is said of each link
        async with asyncio.timeout(within_s):
            await fetch_all([Request(url, url) for url in asked], gentle, keep, lookup, bodies=False)


def _is_offline(answers: Collection[Fetched]) -> bool:
    """Whether it is rather this machine that cannot look up names: of several hosts not one would exist."""
    return len({URL(one.url).host for one in answers if one.no_such_host}) > 1 and all(
        one.no_such_host for one in answers
    )


def _outcome(link: str, fetched: Fetched | None, missed: str, *, offline: bool) -> LinkOutcome:
    if fetched is None:
        return LinkOutcome(link, "unasked", missed)
    if fetched.status == "read":
        return _arrived(link, fetched)
    if fetched.no_such_host and offline:
        return LinkOutcome(link, "failed", f"{fetched.reason}, and no other either: this machine may be offline")
    if fetched.no_such_host or fetched.code in _DEAD:
        return LinkOutcome(link, "gone", fetched.reason)
    return LinkOutcome(link, "refused" if fetched.code in _KEPT_OUT else "failed", fetched.reason)


def _arrived(link: str, fetched: Fetched) -> LinkOutcome:
    moved_to = fetched.permanent_url
    # A slash at the end is nothing to bother an editor with.
    if not moved_to or moved_to.rstrip("/") == str(URL(fetched.request.url)).rstrip("/"):
        return LinkOutcome(link, "ok")
    _, hash_, place = link.partition("#")  # browsers keep it over redirects
    return LinkOutcome(link, "moved", "it has moved for good", f"{moved_to}{hash_}{place}")


def findings(outcomes: Iterable[LinkOutcome]) -> tuple[Finding, ...]:
    """Say what an editor should know of the links, in their order; `where` is the link, and one that is ok has none.

    `link-dead` blocks: a reader would land nowhere. `link-unsure` and `link-moved` warn.
    """
    return tuple(_finding(one) for one in outcomes if one.state != "ok")


def _finding(one: LinkOutcome) -> Finding:
    match one.state:
        case "gone":
            said = f"Readers would land nowhere: {one.reason}."
            mend = "Correct it where it is written (the tool, the launch, the intro or a template), or take it out."
            return Finding("link-dead", "blocker", said, one.link, mend)
        case "moved":
            said = "This link leads to a page that has moved for good."
            return Finding("link-moved", "warning", said, one.link, f"Use {one.moved_to}")
        case "refused":
            said = f"Only a person can tell whether this link is good: {one.reason}, as sites do that keep robots out."
        case "unasked":
            said = f"This link was not looked up: {one.reason}."
        case _:
            said = f"This link may be broken: {one.reason}."
    return Finding("link-unsure", "warning", said, one.link, "Open it in a browser; if it leads nowhere, correct it.")
