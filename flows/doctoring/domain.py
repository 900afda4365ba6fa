"""Look at what the mail domain publishes: SPF, DKIM and DMARC, as large providers ask for them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from ipaddress import ip_address

import dns.exception
import dns.name
import dns.resolver
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from dns.nameserver import Do53Nameserver

from digest.errors import SettingsError
from digest.settings import Settings
from flows.services import Services
from pages.desk.steps import Check, Level
from subscribers.letters import host
from subscribers.senders import open_sender

#: How long all servers together may take for one name, in seconds.
_PATIENCE_S = 4.0

#: Selectors of SendGrid's domain authentication: two that it turns over by itself, or one that it does not. Source:
#: SendGrid, "How to set up domain authentication".
_SENDGRID = ("s1", "s2", "m1")

#: Names that a receiver looks up for one SPF record at most. Source: RFC 7208, 4.6.4.
_MOST_LOOKUPS = 10

#: Bits of an RSA key below which receivers take no signature. Source: RFC 8301, 3.2.
_FEWEST_BITS = 1024

#: Names that may be asked for a policy, from the domain upwards.
_MOST_LABELS = 8

_ALIGNED = "Mail without it is refused or put into spam by large providers."


class Names:
    """Asks for TXT records; each answer is remembered."""

    def __init__(self, nameserver: str = "") -> None:
        """Ask whom this machine asks, or HOST[:PORT].

        Raises:
            SettingsError: The server is no address, or this machine names none.
        """
        self._known: dict[str, list[str]] = {}
        try:
            self._resolver = dns.resolver.Resolver(configure=not nameserver)
            if nameserver:
                server, _, port = nameserver.partition(":")
                self._resolver.nameservers = [Do53Nameserver(f"{ip_address(server)}", int(port or 53))]
        except (dns.exception.DNSException, ValueError, OSError) as error:
            raise SettingsError(
                "nobody can be asked for names; allowed: --nameserver ADDRESS[:PORT], such as 192.0.2.53"
            ) from error
        self._resolver.lifetime = _PATIENCE_S

    def texts(self, name: str) -> list[str]:
        """Give the TXT records of a name, none where it has none.

        Raises:
            dns.exception.DNSException: No server answered.
        """
        if name not in self._known:
            try:
                found = [b"".join(one.strings) for one in self._resolver.resolve(name, "TXT", search=False)]
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.EmptyLabel):
                found = []
            self._known[name] = [one.decode("utf-8", "replace") for one in found]
        return self._known[name]


def domain(services: Services, nameserver: str = "") -> Iterator[Check]:
    """Look at the domain of the From address; nothing where letters reach nobody."""
    settings = services.settings
    if settings.sender == "outbox" or not settings.from_email:
        return
    ours = host(settings.from_email.rpartition("@")[2])
    names = Names(nameserver)
    try:
        yield _spf(names, _envelope(services, ours), settings.sender)
        yield _dkim(names, ours, settings)
        yield _dmarc(names, ours)
    except dns.exception.DNSException as error:
        said = f"No name server tells of {ours} ({type(error).__name__})."
        yield Check("Mail domain", "wrong", said, "Look at this machine's name servers, or name one with --nameserver.")


def _envelope(services: Services, ours: str) -> str:
    """Name the domain whose SPF counts: that which bounces go to."""
    try:
        with closing(open_sender(services.settings, services.environment)) as sender:
            return getattr(sender, "bounces_to", "").rpartition("@")[2] or ours
    except SettingsError:  # a look of its own says so
        return ours


def _spf(names: Names, ours: str, sender: str) -> Check:
    records = [one for one in names.texts(ours) if re.match(r"v=spf1( |$)", one, re.IGNORECASE)]
    include = "include:sendgrid.net" if sender == "sendgrid" else "the addresses of your mail server"
    fix = f"Publish one TXT record at {ours} such as “v=spf1 {include} ~all”. {_ALIGNED}"
    if len(records) > 1:
        return Check("SPF", "wrong", f"{ours} has {len(records)} SPF records: receivers take none of them.", fix)
    if not records and sender == "sendgrid":
        said = f"{ours} has no SPF record; the bounce domain that SendGrid's domain authentication makes has its own."
        return Check("SPF", "warning", said, fix)
    if not records:
        return Check("SPF", "wrong", f"{ours} has no SPF record.", fix)
    terms = records[0].lower().split()[1:]
    if {"+all", "all"} & set(terms):
        return Check("SPF", "wrong", f"{ours} lets anybody send in its name (+all).", "End it with “~all” or “-all”.")
    if (asked := _lookups(names, terms, {ours})) > _MOST_LOOKUPS:
        said = f"The SPF record of {ours} takes more than {_MOST_LOOKUPS} look-ups: receivers give up."
        return Check("SPF", "wrong", said, "Take out what no longer sends, or name addresses in place of includes.")
    if not any(one[1:] == "all" or one.startswith("redirect=") for one in terms):
        return Check("SPF", "warning", f"The SPF record of {ours} forbids nobody.", "End it with “~all” or “-all”.")
    return Check("SPF", "good", f"{ours} has one record, with {asked} look-ups.")


def _lookups(names: Names, terms: Sequence[str], seen: set[str]) -> int:
    """Count the look-ups a record costs, and stop soon after there are too many."""
    asked = 0
    for term in terms:
        what, _, value = re.sub(r"^[+?~-]", "", term).replace("=", ":", 1).partition(":")
        if what.partition("/")[0] not in {"include", "a", "mx", "ptr", "exists", "redirect"}:
            continue
        asked += 1
        follow = what in {"include", "redirect"} and "%" not in value and value not in seen
        if follow and len(seen) <= _MOST_LOOKUPS:
            seen.add(value)
            theirs = [one for one in names.texts(value) if re.match(r"v=spf1( |$)", one, re.IGNORECASE)]
            asked += _lookups(names, theirs[0].lower().split()[1:], seen) if theirs else 0
        if asked > _MOST_LOOKUPS:
            break
    return asked


def _dkim(names: Names, ours: str, settings: Settings) -> Check:
    known = settings.dkim_selectors or (_SENDGRID if settings.sender == "sendgrid" else ())
    if not known:
        said = "It is not known with which selectors letters are signed."
        return Check("DKIM", "warning", said, "Set dkim_selectors to those of your mail server, as in “mail2026”.")
    faults = {one: _key_fault(names.texts(f"{one}._domainkey.{ours}")) for one in known}
    good = [one for one, fault in faults.items() if not fault]
    what = "; ".join(f"{one}._domainkey.{ours}: {fault}" for one, fault in faults.items() if fault)
    if settings.dkim_selectors or not good:
        fix = (
            "Make domain authentication in SendGrid (Settings, Sender Authentication), and publish what it shows."
            if settings.sender == "sendgrid"
            else "Publish the keys your mail server signs with, or mend dkim_selectors."
        )
        return Check("DKIM", "wrong", f"{what}.", f"{fix} {_ALIGNED}") if what else _signed(ours, good)
    if good in (["s1"], ["s2"]):
        lacks = "s2" if good == ["s1"] else "s1"
        said = f"{good[0]} is there, but not {lacks}: letters fail once SendGrid turns its keys over."
        return Check("DKIM", "warning", said, f"Publish {lacks}._domainkey.{ours} as SendGrid shows it.")
    return _signed(ours, good)


def _signed(ours: str, selectors: Sequence[str]) -> Check:
    return Check("DKIM", "good", f"{ours} has the keys {', '.join(selectors)}.")


def _key_fault(records: Sequence[str]) -> str:
    """Say what is wrong with a published key, "" when nothing is."""
    if len(records) != 1:
        return "no key" if not records else f"{len(records)} records"
    tags = _tags(records[0])
    if not tags.get("p"):
        return "its key is taken back" if "p" in tags else "no key"
    if tags.get("k", "rsa") != "rsa":
        return ""
    try:
        key = load_der_public_key(b64decode("".join(tags["p"].split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return "a key that cannot be read"
    if isinstance(key, RSAPublicKey) and key.key_size < _FEWEST_BITS:
        return f"a key of {key.key_size} bits; {_FEWEST_BITS} is the least"
    return ""


def _dmarc(names: Names, ours: str) -> Check:
    """Look for a policy at the domain, then at those above it."""
    labels = ours.split(".")
    for above in range(min(len(labels) - 1, _MOST_LABELS)):
        place = ".".join(labels[above:])
        records = [one for one in names.texts(f"_dmarc.{place}") if re.match(r"v=DMARC1\b", one)]
        if len(records) > 1:
            said = f"_dmarc.{place} has {len(records)} policies: receivers take none of them."
            return Check("DMARC", "wrong", said, "Leave one.")
        if records:
            return _policy(place, _tags(records[0]), inherited=bool(above))
    fix = f"Publish a TXT record at _dmarc.{ours}: “v=DMARC1; p=none; rua=mailto:…” to begin with. {_ALIGNED}"
    return Check("DMARC", "wrong", f"{ours} has no policy.", fix)


def _policy(place: str, tags: Mapping[str, str], *, inherited: bool) -> Check:
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    if policy.lower() not in {"none", "quarantine", "reject"}:
        level: Level = "wrong"
        return Check(
            "DMARC", level, f"_dmarc.{place} has no policy that is known: p={policy}.", "Set p=none or stricter."
        )
    return Check("DMARC", "good", f"_dmarc.{place} says p={policy.lower()}.")


def _tags(record: str) -> dict[str, str]:
    """Read “a=b; c=d”."""
    pairs = (one.partition("=") for one in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}
