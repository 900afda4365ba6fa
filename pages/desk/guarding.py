"""What stands before every page of the desk: where it is asked under, by whom, from where, and how much is sent."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.desk.keys import Keys, Session
from pages.desk.showing import FILES
from pages.shielding import again, is_own, whole

#: Bytes a form may have; the longest holds a few texts.
MOST_BYTES = 1_000_000

#: Bytes that review files dragged in may have together.
MOST_UPLOAD_BYTES = 8_000_000

#: Fields and files of one form.
_MOST_FIELDS, _MOST_FILES = 2_000, 500

#: Everything of the desk comes from the desk; no script and no style stands in a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " frame-src {frames}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: What an email in a frame may do: be seen. No script, no form, no address of the desk's own; a link opens nothing.
FRAMED = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src {images}; frame-ancestors 'self'"

HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY.format(frames="'none'"),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Other sites learn nothing of it; with "no-referrer" our own forms would come without Origin, and look foreign.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}

#: What a page that is not shown says, by status: a title, and what to do.
SAID = {
    400: ("This form cannot be read", "Reload the page and send it again; nothing was changed."),
    401: ("The desk is closed", "Open it with the address that stands in the terminal where the desk runs."),
    403: ("This form was not sent from the desk", "Reload the page and send it again; nothing was changed."),
    404: ("There is no such page", "Go back to the desk."),
    413: ("That is more than the desk takes", "A form may have 1 MB, files dragged in 8 MB together."),
    429: ("Too many wrong passwords", "Wait a minute, then try again."),
}

#: Who may see them: they hold nothing of the newsletter.
OPEN = frozenset(f"/{name}" for name in FILES)


class Guard:
    """The desk, with what every answer carries and without what nobody may send.

    `refuse` makes the page for what is turned away, of a status, a title and a text.
    """

    def __init__(self, app: ASGIApp, keys: Keys, refuse: Callable[[int, str, str], Response]) -> None:
        self.app, self.keys, self._refuse = app, keys, refuse
        access = keys.access
        named = {"127.0.0.1", "localhost", "[::1]", *access.names}
        named.add(f"[{access.host}]" if ":" in access.host else access.host)
        self._hosts = {f"{name.lower()}:{access.port}" for name in named}
        self._hosts |= {name.lower() for name in named} if access.port == 80 else set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the desk has no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return

        async def harden(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer, receive = await self._looked_at(scope, receive)
        try:
            await (answer or self.app)(scope, receive, harden)
        finally:
            if (form := scope.get("state", {}).get("form")) is not None:
                await form.close()

    async def _looked_at(self, scope: Scope, receive: Receive) -> tuple[Response | None, Receive]:
        """Give the answer to who may not go on, or None, and where the application reads its body."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            said = "The desk is not at this address. Open it with the address that its command prints.\n"
            return PlainTextResponse(said, 421), receive
        if not scope["path"].isprintable():
            return self._turned_away(404), receive
        if scope["path"] in OPEN and scope["method"] in {"GET", "HEAD"}:
            return None, receive
        session = self.keys.session(cookie_parser(headers.get("cookie", "")).get(self.keys.cookie, ""))
        if (opened := self._opened_by_key(scope, session)) is not None:
            return opened, receive
        sends = scope["method"] not in {"GET", "HEAD"}
        if sends and not is_own(headers, f"http://{headers['host']}"):
            return self._turned_away(403), receive
        if session is None:
            return await self._at_the_door(scope, receive), receive
        scope.setdefault("state", {}).update(session=session, form=FormData())
        return await self._taken_in(scope, receive, session) if sends else (None, receive)

    def _opened_by_key(self, scope: Scope, session: Session | None) -> Response | None:
        """Exchange a key for a cookie, and lead away from the address that holds it."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if (scope["method"], scope["path"]) != ("GET", "/") or "key" not in query:
            return None
        rest = urlencode({name: value for name, value in query.items() if name != "key"}, doseq=True)
        there = RedirectResponse(f"/?{rest}" if rest else "/", 303)
        there.headers["Referrer-Policy"] = "no-referrer"
        if (begun := self.keys.open_by_key(query["key"][0])) is not None:
            return self.with_cookie(there, begun)
        if session is not None:
            return there
        self.keys.tell_address()
        said = "The address was used before, or is an older one. A new one stands in the terminal where the desk runs."
        return self._refuse(401, SAID[401][0], said)

    async def _at_the_door(self, scope: Scope, receive: Receive) -> Response:
        """Let in who sends the password; everybody else learns how to come in."""
        if not self.keys.access.password or (scope["method"], scope["path"]) != ("POST", "/enter"):
            return self._turned_away(401)
        client = scope["client"][0] if scope.get("client") else ""
        if wait := self.keys.must_wait(client):
            answer = self._turned_away(429)
            answer.headers["Retry-After"] = str(int(wait) + 1)
            return answer
        body = await whole(receive, 4_000)
        if body is None:
            return self._turned_away(413)
        sent = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        session = self.keys.open_by_password(sent.get("password", ""), sent.get("who", ""), client)
        if session is None:
            return self._refuse(401, "That is not the password", "Look at what VERDICTS_DESK_PASSWORD is set to.")
        return self.with_cookie(RedirectResponse("/", 303), session)

    async def _taken_in(self, scope: Scope, receive: Receive, session: Session) -> tuple[Response | None, Receive]:
        """Read a form, and make sure that a page of this session sent it."""
        headers = Headers(scope=scope)
        with_files = headers.get("content-type", "").startswith("multipart/")
        body = await whole(receive, MOST_UPLOAD_BYTES if with_files else MOST_BYTES)
        if body is None:
            return self._turned_away(413), receive
        try:
            form = await Request(scope, again(body, receive)).form(
                max_files=_MOST_FILES, max_fields=_MOST_FIELDS, max_part_size=MOST_BYTES
            )
        except (HTTPException, UnicodeDecodeError, ValueError):
            return self._turned_away(400), receive
        shown: Any = headers.get("x-desk-token") or form.get("csrf") or ""
        if not hmac.compare_digest(str(shown).encode(), session.token.encode()):
            return self._turned_away(403), receive
        scope["state"]["form"] = form
        return None, again(body, receive)

    def with_cookie(self, answer: Response, session: Session) -> Response:
        """Hand a session to the browser."""
        answer.set_cookie(
            self.keys.cookie, self.keys.cookie_of(session), httponly=True, samesite="strict", path="/", secure=False
        )
        return answer

    def _turned_away(self, status: int) -> Response:
        return self._refuse(status, *SAID[status])
