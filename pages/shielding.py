"""What stands before every page: how much may be sent, from where forms may come, and what a browser may do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes a form may have; the longest of ours has four short fields.
MOST_BYTES = 16_384

#: Bytes that a mail provider's post of events may have; a thousand events are some 500 KB.
MOST_EVENT_BYTES = 2_000_000

#: Where such posts go; they are signed, so nothing else says from where they may come.
_EVENTS = re.compile(r"/events/[^/]+")

#: Nothing from elsewhere, no script at all; the archive shows an email, whose styles stand in its elements.
POLICY = (
    "default-src 'none'; style-src {style}; img-src 'self' https: data:; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": POLICY.format(style="'self'"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Addresses hold tokens, so no other site may see them; with "no-referrer" our own forms would come without Origin.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

#: Mail programs post from anywhere, and without cookies nobody can be made to: the token is all that counts (RFC 8058).
_FROM_ANYWHERE = re.compile(r"/leave/[^/]+")


def safe_headers(site_url: str) -> Mapping[str, str]:
    """Give what every answer carries; a site on https asks browsers to stay there."""
    secure = {"Strict-Transport-Security": "max-age=31536000"} if site_url.startswith("https:") else {}
    return _HEADERS | secure


class Shield:
    """The application, with what every answer carries and without what nobody may send.

    `refuse` makes the answer of a status to what is turned away before any page sees it.
    """

    def __init__(self, app: ASGIApp, site_url: str, refuse: Callable[[int], Response]) -> None:
        self.app, self.refuse, self.headers = app, refuse, safe_headers(site_url)
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(site_url))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        status, receive = await self._looked_at(scope, receive)
        await (self.refuse(status) if status else self.app)(scope, receive, harden)

    async def _looked_at(self, scope: Scope, receive: Receive) -> tuple[int, Receive]:
        """Give the status to refuse a request with, or 0, and where the application reads its body."""
        if not scope["path"].isprintable():  # PostgreSQL refuses NUL, even to look for it
            return 404, receive
        if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            return 0, receive
        of_events = _EVENTS.fullmatch(scope["path"]) is not None
        anywhere = of_events or _FROM_ANYWHERE.fullmatch(scope["path"])
        if not anywhere and not is_own(Headers(scope=scope), self.origin):
            return 403, receive
        body = await whole(receive, MOST_EVENT_BYTES if of_events else MOST_BYTES)
        return (413, receive) if body is None else (0, again(body, receive))


def is_own(headers: Headers, ours: str) -> bool:
    """Tell whether a form stood on a page of ours; a program that is no browser says nothing of it, and may send."""
    origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "")
    if origin in {"", "null"}:
        return site in {"same-origin", "none"} or not (origin or site)
    return origin == ours or origin.partition("://")[2] == headers.get("host")


async def whole(receive: Receive, most: int) -> bytes | None:
    """Read a body; None when it is larger than it may be, however little of it was announced."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def again(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read already, once; after it what comes is for the application."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
