"""Hand letters to a mail server, one message for each reader, over connections that stay open."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import cast, get_args

from digest.errors import Fault, FilesError, SendHalted, SendLater
from digest.settings import Settings
from subscribers.addressing import Batch, Recipient
from subscribers.lettering import Unaddressable, letters
from subscribers.letters import on_the_wire
from subscribers.senders import Access, Doubt, Receipt
from subscribers.smtpline import Envelope, Lost, NoServer, Outcome, Said, Server, Tls
from subscribers.smtplines import Lines

#: Readers of one call. A process that dies in the middle leaves as many in doubt, for a mail server can't be asked. Ten
#: cost a fifth of a millisecond of bookkeeping for each letter more than twenty-five, five a whole one.
SIZE = 10

#: How often one letter is tried over a new connection where the old one ended, and how many such letters in a row mean
#: that it is not the letters.
_TRIES, _LOST_IN_A_ROW = 3, 3

#: A call begins no further letter after so long: a claim of another machine counts as abandoned after five minutes.
_LONGEST_CALL_S = 120.0

#: Readers at so many domains who are all denied, by a server that took letters before, are no coincidence.
_DOMAINS = 3

_PORTS: Mapping[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}

#: Addresses a letter can be sent to: words joined by dots, of any script, and a domain in ASCII. What is in quotes
#: before the "@" is no word. Source: RFC 5321, 4.1.2; RFC 6531, 3.3.
_WORD = r"[^\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\].\s]+"
_REACHABLE = re.compile(rf"{_WORD}(?:\.{_WORD})*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


#: What it takes from the environment, and what for.
ENVIRONMENT = {
    "SMTP_HOST": "the mail server's name or address; needed",
    "SMTP_PORT": "its port; 587, 465 or 25 after SMTP_TLS unless set",
    "SMTP_TLS": "`starttls`, `tls` or `none`; `starttls` unless set, `none` with a password only to this machine",
    "SMTP_USERNAME": "who logs in; nobody unless set",
    "SMTP_PASSWORD, SMTP_PASSWORD_FILE": "the password, or the file that holds it",
    "SMTP_BOUNCES_TO": "where bounces go (the envelope's sender); else from_email",
}


def open_sender(settings: Settings, environment: Mapping[str, str]) -> Smtp:
    """Read the settings; nothing is connected to before the first letter.

    Raises:
        FilesError: A setting is missing or wrong; all of them at once.
    """
    faults: list[Fault] = []
    server = _server(settings, environment, faults)
    bounces_to = environment.get("SMTP_BOUNCES_TO", "")
    if bounces_to and not (bounces_to.isascii() and _REACHABLE.fullmatch(bounces_to)):
        faults.append(_fault("SMTP_BOUNCES_TO", repr(bounces_to), "one bare address such as bounces@example.org"))
    if faults:
        raise FilesError(faults)
    return Smtp(server, settings.send_connections, bounces_to)


class Smtp:
    """A mail server that takes letters for others."""

    size, settle = SIZE, timedelta()

    def __init__(self, server: Server, at_once: int = 1, bounces_to: str = "") -> None:
        self.server, self.at_once, self._bounces_to = server, at_once, bounces_to
        self.account = f"smtp {server.username}@{server}"
        self._lines = Lines(server, at_once)
        self._took_some = False

    def send(self, batch: Batch) -> Receipt:
        """Hand over each reader's letter; what cannot be handed over costs no other reader theirs.

        Raises:
            SendLater: The server cannot be reached, or takes nothing now; no letter went out.
            SendHalted: The server does not let us in, or takes nothing from us or for anybody; no letter went out.
        """
        write, sender = self._prepared(batch)
        call, ends_at = _Call(batch.recipients), monotonic() + _LONGEST_CALL_S
        for recipient in batch.recipients:
            if monotonic() > ends_at:
                return self._ended(call, NoServer(""))
            if call.lost_in_a_row == _LOST_IN_A_ROW:
                return self._ended(call, NoServer("one connection after the other ended"))
            try:
                envelope = Envelope(sender, _reachable(recipient.email), write(recipient))
            except Unaddressable as error:
                call.add(recipient, Outcome("refused", str(error)))
                continue
            try:
                call.add(recipient, self._posted(envelope))
            except NoServer as error:
                return self._ended(call, error)
        return self._over(call)

    def let_in(self) -> Access:
        """Connect, encrypted and logged in as settings say, and say goodbye; nothing is sent.

        Raises:
            SendLater: It cannot be reached, or not now.
            SendHalted: It does not let us in, or cannot do what settings ask for.
        """
        try:
            self.server.connect().quit()
        except NoServer as error:
            raise (SendHalted if error.halted else SendLater)(str(error)) from error
        how = {"tls": "encrypted", "starttls": "encrypted", "none": "without encryption"}[self.server.tls]
        return Access(f"{self.server} lets us in, {how}" + (", with the password" if self.server.username else ""))

    @property
    def bounces_to(self) -> str:
        """Where bounces go, "" for the From address."""
        return self._bounces_to

    def found(self, _doubt: Doubt) -> bool | None:
        """A mail server keeps no record that could be asked."""
        return None

    def close(self) -> None:
        """End the connections that are not in use."""
        self._lines.close()

    def _prepared(self, batch: Batch) -> tuple[Callable[[Recipient], bytes], str]:
        """Give what writes a batch's letters, and the address they come from."""
        try:
            return letters(batch, datetime.now(UTC)), self._bounces_to or _reachable(batch.identity.from_email)
        except Unaddressable as error:
            raise SendHalted("from_email is no address that a mail server reads: change it") from error

    def _posted(self, envelope: Envelope) -> Outcome:
        """Hand one letter over, on a new connection where one ends before anybody can have the letter.

        A connection that idled may be dead; the first command on it tells, and nothing is lost with it.

        Raises:
            NoServer: No connection can be had, or none on which the reader could be named.
        """
        why, said_whom = "", False
        for again in range(_TRIES):
            line = self._lines.take(fresh=bool(again))
            try:
                return line.post(envelope, at_once=not again)
            except Lost as error:
                why, said_whom = str(error), error.said_whom
            finally:
                self._lines.give_back(line)
        if not said_whom:
            raise NoServer(f"{self.server} hears of no letter: {why}")
        return Outcome("lost", why)

    def _ended(self, call: _Call, why: NoServer) -> Receipt:
        """End a call before all letters were tried: those left go later, if it cannot be said that none went out."""
        if not call.having("accepted", "unknown", "lost") and str(why):
            raise (SendHalted if why.halted else SendLater)(str(why)) from why
        for one in call.untried:
            call.add(one, Outcome("later", str(why)))
        return self._over(call)

    def _over(self, call: _Call) -> Receipt:
        """Sum a call up."""
        denied = call.having("denied")
        self._took_some = self._took_some or bool(call.having("accepted"))
        domains = len({one.email.rpartition("@")[2].casefold() for one in call.recipients})
        if len(denied) == len(call.recipients) > 1 and domains >= (_DOMAINS if self._took_some else 1):
            raise SendHalted(f"the mail server takes no letter for anybody: {next(iter(denied.values()))}")
        # Before it took any, a server that denies one letter may be one that is set up for none.
        refused = denied if self._took_some else {}
        return Receipt(
            refused=call.having("refused") | refused,
            later=call.having("later", "lost", *(() if refused else ("denied",))),
            unknown=call.having("unknown"),
        )


@dataclass(slots=True)
class _Call:
    """What became of a call's letters so far."""

    recipients: Sequence[Recipient]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    lost_in_a_row: int = 0

    def add(self, recipient: Recipient, outcome: Outcome) -> None:
        self.outcomes[recipient.id] = outcome
        self.lost_in_a_row = self.lost_in_a_row + 1 if outcome.said in {"lost", "unknown"} else 0

    def having(self, *said: Said) -> dict[str, str]:
        """Give why, by id, of the letters with these outcomes."""
        return {one: outcome.why for one, outcome in self.outcomes.items() if outcome.said in said}

    @property
    def untried(self) -> list[Recipient]:
        return [one for one in self.recipients if one.id not in self.outcomes]


def _server(settings: Settings, environment: Mapping[str, str], faults: list[Fault]) -> Server:
    """Read where the server is and how to get in; what is wrong is added to `faults`."""
    host, tls = environment.get("SMTP_HOST", "").strip(), environment.get("SMTP_TLS", "") or "starttls"
    if not host or re.search(r"[\s/@]", host):
        faults.append(_fault("SMTP_HOST", repr(host) if host else "nothing", "the mail server's name or address"))
    if tls not in get_args(Tls):
        faults.append(_fault("SMTP_TLS", repr(tls), ", ".join(get_args(Tls))))
        tls = "starttls"
    port = environment.get("SMTP_PORT", "") or str(_PORTS[cast("Tls", tls)])
    if not (port.isdecimal() and port.isascii() and 0 < int(port) < 65536):
        faults.append(_fault("SMTP_PORT", repr(port), "1 to 65535"))
        port = "0"
    username, password = environment.get("SMTP_USERNAME", ""), _password(environment, faults)
    if bool(username) != bool(password):
        lacks = "SMTP_PASSWORD" if username else "SMTP_USERNAME"
        faults.append(_fault(lacks, "nothing", "both of SMTP_USERNAME and SMTP_PASSWORD, or none"))
    elif not (username + password).isascii():
        faults.append(_fault("SMTP_PASSWORD", "other than ASCII", "ASCII, also in SMTP_USERNAME"))
    elif username and tls == "none" and not _is_local(host):
        faults.append(_fault("SMTP_TLS", "'none' with a password", "starttls or tls, or a server on this machine"))
    return Server(host, int(port), cast("Tls", tls), username, password, settings.send_timeout_s)


def _password(environment: Mapping[str, str], faults: list[Fault]) -> str:
    named = environment.get("SMTP_PASSWORD_FILE", "")
    if not named or environment.get("SMTP_PASSWORD"):
        return environment.get("SMTP_PASSWORD", "")
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except OSError as error:
        found = f"{named!r}: {error.strerror}"
    except UnicodeDecodeError:
        found = f"{named!r}: bytes that are not text"
    faults.append(_fault("SMTP_PASSWORD_FILE", found, "a file with the password that this user may read"))
    return ""


def _reachable(email: str) -> str:
    """Spell an address as a mail server reads it.

    Raises:
        Unaddressable: It could mean something else there, or nothing.
    """
    try:
        address = on_the_wire(email)
    except ValueError as error:
        raise Unaddressable("its domain is none that a mail server reads") from error
    if not (_REACHABLE.fullmatch(address) and address.isprintable()):
        raise Unaddressable("it is no address that a mail server reads")
    return address


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _fault(variable: str, found: str, allowed: str) -> Fault:
    return Fault("environment", None, variable, found, allowed)
