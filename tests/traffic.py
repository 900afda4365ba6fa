"""What people and a mail provider do with the public pages all day, and what they were promised while they did it.

Strangers sign up, confirm from the letter they get, vote, and some leave; readers of the digest vote from it; people
read pages; the provider posts signed events about the letters it took, most delivered, some opened, a few bounced.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from base64 import b64encode
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pages.joining import QUICKEST_S

#: How often each begins, in a second.
RATES = {"page": 10.0, "sign-up": 1.5, "vote": 3.0}

#: Shares: of new readers who leave, of letters that are opened, and of editions that bounce. An edition of which a
#: tenth bounces holds itself.
_LEAVE, _OPEN, _BOUNCE = 0.2, 0.3, 0.01

#: A letter may take so long on a busy machine, while an edition goes out beside it; an answer likewise.
_LETTER_S, _ANSWER_S = 120.0, 60.0

#: Events in one post; SendGrid's own have up to some thousand.
_MOST_EVENTS = 500

_VOTE = re.compile(r"/vote/\[\[reader\]\]/(\S+?)/([^\s/]+)/ship")


@dataclass(frozen=True)
class Answer:
    """When an answer was there, to what, and how long it took in milliseconds."""

    at: float
    what: str
    ms: float


@dataclass(frozen=True)
class Letter:
    """One letter as its reader got it: the text still without the reader's own token, which stands apart."""

    to: str
    token: str
    text: str
    key: str
    delivery: str
    edition: bool

    def link(self, page: str) -> str:
        """The path of the only link to a page of the reader's own."""
        found = re.search(rf"https?://[^/\s]+(/{page}/\S+)", self.text)
        assert found, f"no link to {page} in the letter"
        return found[1].replace("[[reader]]", self.token)

    def ballots(self) -> list[tuple[str, str]]:
        """Each tool that may be voted on from here: its slug, and the path to vote on."""
        paths = {slug: f"/vote/{self.token}/{week}/{slug}/ship" for week, slug in _VOTE.findall(self.text)}
        return sorted(paths.items())


@dataclass
class Promised:
    """What answers said was done: who signed up, confirmed and left when, last votes, and events by their letter."""

    asked: set[str] = field(default_factory=set)
    confirmed: dict[str, datetime] = field(default_factory=dict)
    left: dict[str, datetime] = field(default_factory=dict)
    votes: dict[tuple[str, str], str] = field(default_factory=dict)
    events: set[tuple[str, str, str]] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)


class Provider:
    """The key that events are signed with."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def shown(self) -> str:
        """The public key as SendGrid shows it."""
        return b64encode(self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers of a post."""
        now = str(int(time.time()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": b64encode(
                self._key.sign(now.encode() + body, ec.ECDSA(SHA256()))
            ).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": now,
        }


class Traffic:
    """Everybody at once, until told to stop; `mail` is where the local SendGrid keeps the calls it accepted."""

    def __init__(self, url: str, mail: Path, provider: Provider, seed: int) -> None:
        self.url, self.mail, self.provider, self.promised = url, mail, provider, Promised()
        self.dice = random.Random(seed)  # noqa: S311 - the same chances again for the same seed
        self.running, self._over, self._now = True, False, set[asyncio.Task[None]]()
        self._waiting: dict[str, asyncio.Queue[Letter]] = {}
        self._untold: deque[Letter] = deque()
        self._readers: list[Letter] = []
        self._paths, self._count = ["/"], 0

    async def flow(self) -> None:
        """Go on until `stop` is called and everything that was begun has ended."""
        connector = aiohttp.TCPConnector(limit=50)
        timeout = aiohttp.ClientTimeout(_ANSWER_S)
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=timeout) as self._session:
            home = await self._ask("page", "GET", "/")
            self._paths = sorted({*re.findall(r'href="(/[^"#?]*)"', home), "/feed.xml", "/search?q=a", "/subscribe"})
            beside = [asyncio.create_task(self._take_mail()), asyncio.create_task(self._tell_events())]
            does = {"page": self._read, "sign-up": self._live, "vote": self._vote_again}
            await asyncio.gather(*(self._arrive(RATES[what], does[what]) for what in RATES))
            await asyncio.gather(*self._now)
            self._over = True
            for one in beside:  # both take what is there once more
                await one

    def stop(self) -> None:
        """Begin nothing more."""
        self.running = False

    async def _arrive(self, rate: float, do: Callable[[], Awaitable[None]]) -> None:
        """Begin something at random moments."""
        while self.running:
            await asyncio.sleep(self.dice.expovariate(rate))
            task = asyncio.create_task(self._told(do))
            self._now.add(task)
            task.add_done_callback(self._now.discard)

    async def _told(self, do: Callable[[], Awaitable[None]]) -> None:
        """Do something; what goes wrong is counted, by its words without what is somebody's own."""
        try:
            await do()
        except (aiohttp.ClientError, TimeoutError, AssertionError) as error:
            self.promised.faults[f"{type(error).__name__}: {error}"] += 1

    async def _ask(self, what: str, method: str, path: str, status: int = 200, **more: Any) -> str:
        """Make a request; another status than the one that is due is a fault."""
        began = time.perf_counter()
        async with self._session.request(method, path, allow_redirects=False, **more) as answer:
            text = await answer.text()
        self.promised.answers.append(Answer(time.time(), what, (time.perf_counter() - began) * 1000))
        assert answer.status == status, f"{what} answered {answer.status}"
        return text

    async def _read(self) -> None:
        await self._ask("page", "GET", self.dice.choice(self._paths))

    async def _live(self) -> None:
        """Sign up, confirm, vote, and perhaps leave: one person, one thing after the other."""
        self._count += 1
        email = f"new{self._count}@example.net"
        self._waiting[email] = asyncio.Queue()
        form = await self._ask("sign-up", "GET", "/subscribe")
        stamp = form.split('name="stamp" value="')[1].split('"')[0]
        await asyncio.sleep(QUICKEST_S + 0.2 + self.dice.random())
        said = await self._ask("sign-up", "POST", "/subscribe", data={"email": email, "website": "", "stamp": stamp})
        assert "on its way" in said, "a sign-up was not taken"
        self.promised.asked.add(email)
        path = (await self._letter(email, "to confirm")).link("confirm")
        await self._ask("confirm", "GET", path)
        assert "You are subscribed" in await self._ask("confirm", "POST", path), "a link to confirm did not work"
        self.promised.confirmed[email] = datetime.now(UTC)
        welcome = await self._letter(email, "to welcome")
        for _ in range(self.dice.randint(0, 3)):
            await self._vote(welcome)
        if self.dice.random() < _LEAVE:
            await asyncio.sleep(self.dice.uniform(0, 5))
            await self._ask("leave", "POST", welcome.link("leave"), data={"List-Unsubscribe": "One-Click"})
            self.promised.left[email] = datetime.now(UTC)

    async def _letter(self, email: str, about: str) -> Letter:
        try:
            return await asyncio.wait_for(self._waiting[email].get(), _LETTER_S)
        except TimeoutError:
            raise AssertionError(f"a letter {about} never came") from None

    async def _vote_again(self) -> None:
        """Vote as somebody who got the edition."""
        if self._readers:
            await self._vote(self.dice.choice(self._readers))

    async def _vote(self, letter: Letter) -> None:
        slug, path = self.dice.choice(letter.ballots())
        choice, whose = self.dice.choice(("ship", "skip")), (slug, letter.to)
        # Two votes of one person at once: which of them counts, nobody could say.
        if whose in self.promised.votes and self.promised.votes[whose] == "under way":
            return
        before, self.promised.votes[whose] = self.promised.votes.get(whose), "under way"
        try:
            assert "Counted" in await self._ask("vote", "POST", path, data={"choice": choice}), "a vote was not counted"
            before = choice
        finally:
            if before:
                self.promised.votes[whose] = before
            else:
                del self.promised.votes[whose]

    async def _take_mail(self) -> None:
        """Hand out letters as they come; their files go, as half an hour's would be many."""
        last = False
        while not last:
            last = self._over
            for file in sorted(self.mail.glob("*.json")):
                with suppress(json.JSONDecodeError):  # it is being written just now, and whole at the next look
                    for letter in letters_of(json.loads(file.read_bytes())):
                        self._hand_out(letter)
                    file.unlink()
            await asyncio.sleep(0.2)

    def _hand_out(self, letter: Letter) -> None:
        self._untold.append(letter)
        if letter.edition:
            self._readers.append(letter)
        elif waiting := self._waiting.get(letter.to):
            waiting.put_nowait(letter)

    async def _tell_events(self) -> None:
        """Post what became of letters, each second; what was refused is posted again, as SendGrid does."""
        while self._untold or not self._over:
            letters = [self._untold.popleft() for _ in range(min(len(self._untold), _MOST_EVENTS))]
            events = [one for letter in letters for one in self._events_of(letter)]
            if events:
                await self._told(lambda told=events: self._post(told))  # type: ignore[misc]
            if len(letters) < _MOST_EVENTS:
                await asyncio.sleep(1)

    def _events_of(self, letter: Letter) -> Iterator[dict[str, Any]]:
        about = {"batch": letter.key, "delivery": letter.delivery, "email": letter.to, "timestamp": int(time.time())}
        if letter.edition and self.dice.random() < _BOUNCE:
            yield about | {"event": "bounce", "type": "bounce", "reason": "550 no such mailbox"}
            return
        yield about | {"event": "delivered"}
        if self.dice.random() < _OPEN:
            yield about | {"event": "open"}

    async def _post(self, events: list[dict[str, Any]]) -> None:
        body = json.dumps(events).encode()
        await self._ask("events", "POST", "/events/sendgrid", 204, data=body, headers=self.provider.signed(body))
        kinds = {"bounce": "hard bounce"}
        self.promised.events.update(
            (one["batch"], one["delivery"], kinds.get(one["event"], one["event"])) for one in events
        )


def letters_of(body: Mapping[str, Any]) -> Iterator[Letter]:
    """Take the letters out of a call: who got them, their tokens, and the text that all of them share."""
    text = next(part["value"] for part in body["content"] if part["type"] == "text/plain")
    edition = len(body["personalizations"]) > 1
    for one in body["personalizations"]:
        token = one.get("substitutions", {}).get("[[reader]]", "")
        key, delivery = body["custom_args"]["batch"], one["custom_args"]["delivery"]
        yield Letter(one["to"][0]["email"], token, text, key, delivery, edition)
