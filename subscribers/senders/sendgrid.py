"""Send through SendGrid's v3 API: one call for up to 1,000 readers, accepted or refused as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import idna
import orjson
from python_http_client import Client  # type: ignore[import-untyped]
from python_http_client.exceptions import HTTPError, err_dict  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

from digest.errors import SendError, SendHalted, SendLater, SendUnknown, SettingsError
from digest.model import READER
from digest.settings import Settings
from subscribers.addressing import MAX_BATCH, Batch, Identity, Recipient
from subscribers.calling import Answer, Calls, Lost, Unreached
from subscribers.letters import common_headers, host, own_headers, plain
from subscribers.pacing import LONGEST_REST
from subscribers.senders import Access, Doubt, Receipt

#: What it takes from the environment, and what for.
ENVIRONMENT = {
    "SENDGRID_API_KEY, SENDGRID_API_KEY_FILE": "the key; it needs the permission Mail Send, and Email Activity or Logs"
    " to look calls up",
    "SENDGRID_REGION": "`global` or `eu`; `global` unless set",
    "SENDGRID_HOST": "address of the API, where it is another; https, or http to this machine only",
    "SENDGRID_LOOKUP": "where calls in doubt are looked up: `auto` (both), `activity`, `logs` or `none`",
    "SENDGRID_CLICK_TRACKING, SENDGRID_OPEN_TRACKING": "`1` lets SendGrid count clicks or opens; `0` unless set",
    "SENDGRID_EVENT_PUBLIC_KEY, SENDGRID_EVENT_PUBLIC_KEY_FILE": (
        "the key of its signed event webhook; without it events are refused"
    ),
}

#: Where the API is. Source: SendGrid, "Regional email" and each operation's base address.
HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}

#: Bytes of a call. Source: SendGrid v3 mail/send, limitations: 30 MB with everything in it; the rest is for headers.
_LARGEST = 29_000_000

#: How long to wait where SendGrid asks for less haste and does not say for how long.
_HASTE = timedelta(seconds=60)

#: How long after a call its absence from what SendGrid remembers says that it never came. Source: SendGrid, "Email
#: Activity Feed": up to 30 days with an add-on, which not every account has.
_REMEMBERED = timedelta(days=3)

#: Letters to one address since a call that are looked at one by one, to find the call's key in one of them.
_LOOKED_AT = 10

#: Answers below 500 after which a call may have gone out all the same: something on the way got tired of waiting.
_OUT_OF_PATIENCE = {408, 499}

#: What a person can do about an answer that no other call would change.
_ADVICE = {
    400: "the digest or a setting is not as SendGrid wants it",
    401: "check SENDGRID_API_KEY",
    403: "the key needs the permission Mail Send, and from_email must be a verified sender",
    404: "check SENDGRID_HOST",
    405: "check SENDGRID_HOST",
    413: "make the digest smaller",
    415: "check SENDGRID_HOST",
}
_NO_USE = "the same call would be answered so again"
_CREDITS = "the account may send no more for now: look at its plan and credits"

_LOOKUPS = {"auto": ("activity", "logs"), "activity": ("activity",), "logs": ("logs",), "none": ()}


def open_sender(settings: Settings, environment: Mapping[str, str]) -> SendGrid:
    """Open SendGrid; nothing is called yet.

    Raises:
        SettingsError: The key is missing, or another setting of SendGrid is wrong; every fault at once.
    """
    faults: list[str] = []
    region = _one_of(environment, "SENDGRID_REGION", "global", tuple(HOSTS), faults)
    lookup = _one_of(environment, "SENDGRID_LOOKUP", "auto", tuple(_LOOKUPS), faults)
    clicks, opens = (
        _one_of(environment, f"SENDGRID_{what}_TRACKING", "0", ("0", "1"), faults) == "1" for what in ("CLICK", "OPEN")
    )
    base = (environment.get("SENDGRID_HOST") or HOSTS.get(region, "")).rstrip("/")
    if not _may_carry_a_key(base):
        faults.append(f"SENDGRID_HOST: found {base!r}; allowed: https://HOST, or http:// to this machine only")
    key = _key(environment, faults)
    if faults:
        raise SettingsError("\n".join(faults))
    client = SendGridAPIClient(api_key=key, host=base)
    client.client = _KeptOpen(Calls(base, settings.send_timeout_s), client.client.request_headers)
    return SendGrid(
        client,
        f"sendgrid {urlsplit(base).hostname} {sha256(key.encode()).hexdigest()[:8]}",
        settings.send_connections,
        timedelta(seconds=settings.settle_s),
        _LOOKUPS[lookup],
        _tracking(clicks, opens),
    )


def _one_of(environment: Mapping[str, str], name: str, default: str, allowed: Sequence[str], faults: list[str]) -> str:
    value = environment.get(name) or default
    if value not in allowed:
        faults.append(f"{name}: found {value!r}; allowed: {', '.join(allowed)}")
    return value


def _may_carry_a_key(base: str) -> bool:
    parts = urlsplit(base)
    bare = not (parts.path or parts.query or parts.fragment or parts.username)
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return bool(parts.hostname) and bare and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _key(environment: Mapping[str, str], faults: list[str]) -> str:
    key, named = environment.get("SENDGRID_API_KEY", ""), environment.get("SENDGRID_API_KEY_FILE", "")
    if not key and named:
        try:
            key = Path(named).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"SENDGRID_API_KEY_FILE: {named} cannot be read: {getattr(error, 'strerror', 'not text')}")
            return ""
    key = key.strip()
    if not re.fullmatch(r"[!-~]+", key):
        what = "holds characters no key has" if key else "is missing"
        faults.append(f"SENDGRID_API_KEY {what}: set it, or SENDGRID_API_KEY_FILE to a file that holds it")
    return key


def _tracking(clicks: bool, opens: bool) -> dict[str, object]:
    return {
        "click_tracking": {"enable": clicks, "enable_text": clicks},
        "open_tracking": {"enable": opens},
        "subscription_tracking": {"enable": False},  # ours is in each letter; theirs would be a second one
        "ganalytics": {"enable": False},
    }


class _KeptOpen(Client):  # type: ignore[misc]
    """The official client, over connections that stay open, with headers for each call alone and no log of them."""

    def __init__(self, calls: Calls, headers: Mapping[str, str], path: Sequence[str] = ()) -> None:
        super().__init__(host="", request_headers=headers, version=3, url_path=list(path))
        self._calls = calls

    def _build_client(self, name: str | None = None) -> _KeptOpen:
        return _KeptOpen(self._calls, self.request_headers, [*self._url_path, *([name] if name else [])])

    def post(self, request_body: bytes) -> Answer:
        """Post a JSON document."""
        return self._asked("POST", {}, request_body)

    def get(self, query_params: Mapping[str, object]) -> Answer:
        """Ask for something."""
        return self._asked("GET", query_params, None)

    def close(self) -> None:
        """Close what is open."""
        self._calls.close()

    def _asked(self, method: str, params: Mapping[str, object], body: bytes | None) -> Answer:
        headers = dict(self.request_headers) | ({"Content-Type": "application/json"} if body is not None else {})
        answer = self._calls.call(method, self._build_url(params), body, headers)
        if answer.status_code >= 400:
            kind = err_dict.get(answer.status_code, HTTPError)
            raise kind(answer.status_code, answer.reason, answer.body, answer.headers)
        return answer


#: What may be an API key.
_KEY = re.compile(r"\bbearer\s+\S+|\bSG\.[\w.-]+", re.IGNORECASE)

#: A recipient, and the address as SendGrid takes it.
_Reader = tuple[Recipient, str]


class SendGrid:
    """SendGrid, through one account."""

    size = MAX_BATCH

    def __init__(
        self, client: SendGridAPIClient, account: str, at_once: int, settle: timedelta, lookups: Sequence[str],
        tracking: Mapping[str, object], clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.account, self.at_once, self.settle = account, at_once, settle
        self._client, self._clock, self._tracking = client, clock, tracking
        self._lookups = list(lookups)
        self._rest = datetime.min.replace(tzinfo=UTC)

    def send(self, batch: Batch) -> Receipt:
        """Hand a batch over in one call.

        Addresses that SendGrid could not take stay out of it, as it would refuse the whole call for one of them.

        Raises:
            SendLater: There was no connection, or SendGrid asks to wait.
            SendHalted: SendGrid refuses the call and would refuse it again.
            SendUnknown: Anything else but a plain yes; it may have gone out.
        """
        if self._clock() < self._rest:  # another thread was told to wait
            raise SendLater("SendGrid asked for fewer calls", self._rest)
        readers, refused, later = _sorted_out(batch.recipients)
        if not readers:
            return Receipt("", refused, later)
        body, fit = self._body(batch, readers)
        later |= {one.id: "" for one, _ in readers[fit:]}
        try:
            answer = self._answered(self._client.client.mail.send, body)
        except HTTPError as error:
            named = _named(error, readers[:fit])
            if not named:
                raise self._stopped(error) from error
            rest = {one.id: "" for one, _ in readers if one.id not in named}
            return Receipt("", refused | named, later | rest)
        if answer.status_code != HTTPStatus.ACCEPTED:
            raise _odd(answer)
        return Receipt(answer.headers.get("x-message-id", ""), refused, later)

    def rehearse(self, batch: Batch) -> None:
        """Ask SendGrid whether it would take a batch; nothing is delivered (its sandbox mode).

        Raises:
            SendError: It would not, or could not be asked; the text says why.
        """
        readers, refused, _ = _sorted_out(batch.recipients)
        if refused:
            raise SendHalted(next(iter(refused.values())))
        payload = self._written(batch, readers) | {"mail_settings": {"sandbox_mode": {"enable": True}}}
        try:
            answer = self._answered(self._client.client.mail.send, orjson.dumps(payload))
        except HTTPError as error:
            raise self._stopped(error) from error
        if answer.status_code != HTTPStatus.OK:
            raise _odd(answer)

    def let_in(self) -> Access:
        """Ask what the key may do; nothing is sent.

        Raises:
            SendError: It is not let in, or SendGrid cannot be reached; the text says why, without the key.
        """
        try:
            answer = self._client.client.scopes.get({})
        except (Unreached, Lost) as error:
            raise SendLater(f"SendGrid cannot be reached: {error}") from error
        except HTTPError as error:
            raise _explained(error, self._clock()) from error
        try:
            scopes = orjson.loads(answer.body)["scopes"]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise SendHalted("what answers at SENDGRID_HOST is not SendGrid's API") from error
        lacks = "" if "mail.send" in scopes else "mail.send"
        never = datetime.min.replace(tzinfo=UTC)
        at = _their_clock(answer.headers, never)
        return Access(f"SendGrid takes the key, with {len(scopes)} permissions", None if at == never else at, lacks)

    def found(self, doubt: Doubt) -> bool | None:
        """Look a call up by its key: in Email Activity, else in Email Logs, as far as the account has them.

        What the account has not is not asked for again. That a call is absent is said only where each answer was
        complete; the caller waits until `settle` is over.

        Raises:
            SendLater: It cannot be told now.
        """
        for lookup in tuple(self._lookups):
            try:
                found = self._active(doubt) if lookup == "activity" else self._logged(doubt)
                return found or (None if self._clock() - doubt.claimed_at > _REMEMBERED else found)
            except SendHalted:
                if lookup in self._lookups:
                    self._lookups.remove(lookup)
        return None

    def get(self, path: str, params: Mapping[str, object]) -> Any:
        """Ask for a JSON document, such as a page of `suppression/bounces`; `path` without the version.

        Raises:
            SendLater: It cannot be had now.
            SendHalted: The account or the key has no access to it.
        """
        return self._read(lambda part: part.get(params), path)

    def close(self) -> None:
        """Close the connections."""
        self._client.client.close()

    def _body(self, batch: Batch, readers: Sequence[_Reader]) -> tuple[bytes, int]:
        """Write a call for as many of the readers as one call may carry; tells how many."""
        body, fit = orjson.dumps(self._written(batch, readers)), len(readers)
        while len(body) > _LARGEST:
            if fit == 1:
                raise SendHalted(f"one letter alone takes {len(body):,} bytes; {_ADVICE[413]}")
            fit = max(fit // 2, 1)
            body = orjson.dumps(self._written(batch, readers[:fit]))
        return body, fit

    def _written(self, batch: Batch, readers: Sequence[_Reader]) -> dict[str, object]:
        try:
            return self._payload(batch, readers)
        except ValueError as error:
            said = f"no call can be written: look at from_email, reply_to and site_url ({error})"
            raise SendHalted(said) from error

    def _payload(self, batch: Batch, readers: Sequence[_Reader]) -> dict[str, object]:
        identity, message = batch.identity, batch.message
        sender = {"email": _address(identity.from_email), "name": plain(identity.from_name)}
        payload: dict[str, object] = {
            "personalizations": _personal(identity, readers),
            "from": {key: value for key, value in sender.items() if value},
            "subject": plain(message.subject),
            "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
            "headers": _encoded(common_headers(batch, listed=any(one.token for one, _ in readers))),
            "custom_args": {"batch": batch.key},
            "tracking_settings": self._tracking,
        }
        return payload | ({"reply_to": {"email": _address(identity.reply_to)}} if identity.reply_to else {})

    def _answered(self, part: Any, body: bytes) -> Answer:
        try:
            answer: Answer = part.post(request_body=body)
        except Unreached as error:
            raise SendLater(f"SendGrid cannot be reached: {error}") from error
        except Lost as error:
            raise SendUnknown(f"SendGrid's answer was lost: {error}") from error
        return answer

    def _stopped(self, error: HTTPError) -> SendError:
        """Tell what follows from a refused call; while SendGrid asks to wait no other thread makes one either."""
        explained = _explained(error, self._clock())
        if isinstance(explained, SendLater) and explained.until:
            self._rest = max(self._rest, explained.until)
        return explained

    def _active(self, doubt: Doubt) -> bool:
        query = f"(unique_args['batch']=\"{doubt.key}\")"
        return bool(_listed(self.get("messages", {"query": query, "limit": 1}), "messages"))

    def _logged(self, doubt: Doubt) -> bool | None:
        """Look for the key in what was sent to some of its readers since; one letter of them proves the whole call."""
        sure = bool(doubt.addresses)
        for address in doubt.addresses:
            found = self._key_found(doubt, address)
            if found:
                return True
            sure = sure and found is not None
        return False if sure else None

    def _key_found(self, doubt: Doubt, address: str) -> bool | None:
        if re.search(r"['\"\\]", address):  # how a query would hold them is not documented
            return None
        since = f"{doubt.claimed_at - timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"
        query = f"to_email = '{address}' AND sg_message_id_created_at >= TIMESTAMP \"{since}\""
        body = orjson.dumps({"query": query, "limit": _LOOKED_AT})
        letters = _listed(self._read(lambda part: part.post(request_body=body), "logs"), "messages")
        sure = len(letters) < _LOOKED_AT
        for one in letters:
            try:
                letter = self.get(f"logs/{quote(str(one.get('sg_message_id')), safe='')}", {})
            except SendHalted:  # listed a moment ago: it is not the account that lacks access
                letter = {}
            args = letter.get("custom_args") if isinstance(letter, dict) else None
            if isinstance(args, dict) and args.get("batch") == doubt.key:
                return True
            sure = sure and isinstance(args, dict)
        return False if sure else None

    def _read(self, ask: Callable[[Any], Answer], path: str) -> Any:
        try:
            return orjson.loads(ask(self._client.client._(path)).body)
        except (Unreached, Lost, orjson.JSONDecodeError) as error:
            raise SendLater(f"SendGrid's {path.partition('/')[0]} cannot be read: {error}") from error
        except HTTPError as error:
            explained = _explained(error, self._clock())
            if error.status_code in {401, 403, 404}:
                raise explained from error
            raise SendLater(str(explained), getattr(explained, "until", None)) from error


def _sorted_out(recipients: Sequence[Recipient]) -> tuple[list[_Reader], dict[str, str], dict[str, str]]:
    """Part those who can be in one call from those who are refused, and from those who need another call."""
    all_folded = {one.email.lower() for one in recipients}
    if len(all_folded) == len(recipients) and "".join(all_folded).isascii():  # as nearly always
        return [(one, one.email) for one in recipients], {}, {}
    readers, seen = list[_Reader](), set[str]()
    refused, later = dict[str, str](), dict[str, str]()
    for one in recipients:
        try:
            address = _address(one.email)
        except ValueError as error:
            refused[one.id] = str(error)
            continue
        if (folded := address.lower()) in seen:
            later[one.id] = ""  # an address may be in a call once only
            continue
        seen.add(folded)
        readers.append((one, address))
    return readers, refused, later


def _address(email: str) -> str:
    """Spell an address as SendGrid takes it.

    Raises:
        ValueError: It takes none such.
    """
    if email.isascii():
        return email
    local, _, domain = email.rpartition("@")
    if not local.isascii():
        raise ValueError("SendGrid takes no address with letters outside ASCII before the @")
    try:
        return f"{local}@{host(domain)}"
    except idna.IDNAError as error:
        raise ValueError("its domain has no form in ASCII") from error


def _personal(identity: Identity, readers: Sequence[_Reader]) -> orjson.Fragment:
    """What is each reader's own, as JSON. The token of their links stands in the text alone, no address in arguments.

    Written from a pattern: as objects that are then written out it takes five times as long, most of a call's time.
    """
    each = [(address, one.name, one.token, one.id) for one, address in readers]
    whole = "".join([address + name for address, name, _, _ in each])
    if not whole.isprintable() or any(odd in whole for odd in _ODD):
        each = [(_spelled(address), _spelled(_name(name)), token, one) for address, name, token, one in each]
    before, after = orjson.dumps(own_headers(identity, READER)).decode().split(READER)
    return orjson.Fragment(
        "["
        + ",".join(
            [
                f'{{"to":[{{"email":"{address}"'
                + (f',"name":"{name}"}}],' if name else "}],")
                + f'"substitutions":{{"{READER}":"{token}"}},"custom_args":{{"delivery":"{one}"}}'
                + (f',"headers":{before}{token}{after}}}' if token else "}")
                for address, name, token, one in each
            ]
        )
        + "]"
    )


#: What stands for something else in JSON, or for the end of a name in SendGrid's eyes; few calls hold any.
_ODD = '"\\,;'


def _spelled(text: str) -> str:
    """Spell a text as it stands between the quotes of a JSON document."""
    return orjson.dumps(text).decode()[1:-1]


def _name(name: str) -> str:
    """SendGrid takes commas and semicolons for the end of a name that is not quoted."""
    name = plain(name)
    return '"' + name.replace("\\", "").replace('"', "'") + '"' if re.search("[,;]", name) else name


def _encoded(headers: Mapping[str, str]) -> dict[str, str]:
    """Spell header values in ASCII (RFC 2047)."""
    return {
        name: value if value.isascii() else Header(value, "utf-8").encode(linesep="") for name, value in headers.items()
    }


def _named(error: HTTPError, readers: Sequence[_Reader]) -> dict[str, str]:
    """Give the readers for whose sake a call was refused, each with the reason; it is so for none of the others."""
    if error.status_code != HTTPStatus.BAD_REQUEST:
        return {}
    named: dict[str, str] = {}
    for one in _errors(error):
        place = re.search(r"personalizations\.(\d+)\.to\b", f"{one.get('field')} {one.get('message')}")
        if place and int(place[1]) < len(readers):
            named[readers[int(place[1])][0].id] = _shortened(str(one.get("message")))
    return named


def _explained(error: HTTPError, now: datetime) -> SendError:
    """Tell what follows from an answer that is no yes."""
    status, said = error.status_code, _said(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SendLater("SendGrid asked for fewer calls", _until(error.headers, now))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _OUT_OF_PATIENCE:
        return SendUnknown(f"SendGrid answered {status}: {said}")
    out_of_credit = status in {401, 403} and re.search(r"credit", said, re.IGNORECASE)
    advice = _CREDITS if out_of_credit else _ADVICE.get(status, _NO_USE)
    return SendHalted(f"SendGrid answered {status}: {said} ({advice})")


def _errors(error: HTTPError) -> list[dict[str, Any]]:
    try:
        return _listed(orjson.loads(error.body), "errors")
    except orjson.JSONDecodeError:
        return []


def _listed(document: Any, name: str) -> list[dict[str, Any]]:
    found = document.get(name) if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _said(error: HTTPError) -> str:
    """What SendGrid said, as one line: its own errors, else the words of a page that something before it answered."""
    told = "; ".join(str(one.get("message")) for one in _errors(error))
    return _shortened(told or re.sub(r"<[^>]*>", " ", error.body.decode("utf-8", "replace"))) or str(error.reason)


def _shortened(text: str) -> str:
    """One line without addresses, and without a key that a page repeats: reasons are kept and shown."""
    line = _KEY.sub("…", re.sub(r"[^\s\[\]<>\"']+@[^\s\[\]<>\"']+", "…", plain(text)))
    return line if len(line) <= 200 else f"{line[:199]}…"


def _odd(answer: Answer) -> SendError:
    """What neither takes nor refuses a call. Only something else than the API would send us elsewhere."""
    if 300 <= answer.status_code < 400:
        return SendHalted(f"SENDGRID_HOST answered {answer.status_code}, as the API never does ({_ADVICE[404]})")
    return SendUnknown(f"SendGrid answered {answer.status_code}, which says neither yes nor no")


def _until(headers: Mapping[str, str], now: datetime) -> datetime:
    """When calls may be made again: X-RateLimit-Reset, in seconds since 1970 by SendGrid's clock, where believable."""
    said = headers.get("x-ratelimit-reset", "")
    if not re.fullmatch(r"\d{1,11}", said):
        return now + _HASTE
    wait = datetime.fromtimestamp(int(said), UTC) - _their_clock(headers, now)
    return now + (max(wait, timedelta(seconds=1)) if wait <= LONGEST_REST else _HASTE)


def _their_clock(headers: Mapping[str, str], now: datetime) -> datetime:
    """What time it is where an answer was made: by ours, where it is ahead, a rest would be over too early."""
    try:
        told = parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return now
    return told if told.tzinfo else now
