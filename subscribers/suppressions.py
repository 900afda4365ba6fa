"""Take over a provider's own list of addresses that it will not mail, page by page; as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine, bindparam, select
from sqlmodel import Session, col

from digest.database import in_chunks, insert_ignore, one_at_a_time, writing
from digest.errors import SendError, SendHalted, SendLater
from subscribers.addressing import address_hash, fold
from subscribers.consequences import End, Harm, end, suppress
from subscribers.tables import SubscriberRow, SuppressionRow

#: What a provider's list can say of an address.
Why = Literal["hard bounce", "complaint", "left"]

#: Reads one page: a path and its parameters in, a list of objects out.
Get = Callable[[str, Mapping[str, str]], list[dict[str, Any]]]

#: SendGrid's lists and what each says. Source: SendGrid v3 API, suppression/bounces and its neighbours.
_LISTS: Mapping[str, Why] = {
    "suppression/bounces": "hard bounce",
    "suppression/invalid_emails": "hard bounce",
    "suppression/spam_reports": "complaint",
    "suppression/unsubscribes": "left",
}

#: Addresses of one page, as many as SendGrid gives.
PAGE = 500

#: Addresses of one transaction.
_AT_ONCE = 1000


class Listed(NamedTuple):
    """An address on a provider's list, why it is there and since when."""

    address: str
    why: Why
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking a list over did: addresses listed, suppressions new or changed by it, and what was no address.

    `missed` says of each list that could not be read to its end why; what was read before stands.
    """

    listed: int = 0
    suppressed: int = 0
    unread: int = 0
    missed: tuple[str, ...] = ()


def sendgrid_lists(get: Get, miss: Callable[[str], object]) -> Iterator[Listed]:
    """Pull SendGrid's four lists, page by page; an entry without an address or a time is passed over.

    `miss` is told of a list that cannot be read to its end, and why: the others are read all the same, unless it is
    SendGrid itself that cannot be read now.
    """
    for path, why in _LISTS.items():
        try:
            for one in _entries(get, path):
                email, created = one.get("email"), one.get("created")
                if isinstance(email, str) and isinstance(created, int) and 0 < created < 2**32:
                    yield Listed(email, why, datetime.fromtimestamp(created, UTC))
        except SendHalted as error:
            miss(f"{path}: {error}; to read it, the key needs access to Suppressions")
        except SendError as error:
            miss(f"{path} and what comes after it: {error}")
            return


def _entries(get: Get, path: str) -> Iterator[dict[str, Any]]:
    """Give the entries of a list; it may change while it is read, so one may come twice."""
    offset, before = 0, list[dict[str, Any]]()
    while page := get(path, {"limit": str(PAGE), "offset": str(offset)}):
        if not isinstance(page, list) or page == before:
            raise SendLater("it is not given page by page")
        yield from (one for one in page if isinstance(one, dict))
        offset, before = offset + len(page), page
        if len(page) < PAGE:
            return


def take_over(engine: Engine, key: bytes, listed: Iterable[Listed], source: str = "SendGrid") -> Taken:
    """Suppress and unsubscribe whom a provider lists, a thousand in each transaction.

    A hard bounce or complaint suppresses, unless an operator allowed the address since. Who left there has left here,
    unless they confirmed or came back since; an address that is nobody's is kept out of imports. Nothing is ever
    downgraded, and what is known changes nothing.

    Args:
        engine: The database.
        key: The key of the suppression list.
        listed: Any number, any order; no more than a transaction's are held in memory.
        source: Whose list it is, as the proof of leaving names it.
    """
    count = suppressed = unread = 0
    rest = iter(listed)
    while some := list(islice(rest, _AT_ONCE)):
        known = [(hashed, one) for one in some if (hashed := _hash(one.address, key))]
        with writing(engine) as session:
            one_at_a_time(session, "apply events")
            suppressed += _taken(session, known, source)
        count, unread = count + len(some), unread + len(some) - len(known)
    return Taken(count, suppressed, unread)


def _hash(address: str, key: bytes) -> str:
    try:
        return address_hash(fold(address), key)
    except ValueError:
        return ""


def _taken(session: Session, known: list[tuple[str, Listed]], source: str) -> int:
    owners = _owners(session, sorted({hashed for hashed, _ in known}))
    changed = suppress(session, [Harm(hashed, one.why, one.at) for hashed, one in known if one.why != "left"])
    over = {"complaint": "complained", "left": "left"}
    mine = [(owners[hashed], hashed, one) for hashed, one in known if hashed in owners and one.why in over]
    end(session, [End(whose, hashed, over[one.why], one.at) for whose, hashed, one in mine], source)
    wishes = {hashed: one.at for hashed, one in known if one.why == "left" and hashed not in owners}
    rows = [{"address_hash": hashed, "why": "request", "at": at} for hashed, at in sorted(wishes.items())]
    return changed + insert_ignore(session, SuppressionRow, rows)


def _owners(session: Session, hashes: list[str]) -> dict[str, str]:
    """Give the subscriber of each address, where it has one."""
    return {
        hashed: whose
        for some in in_chunks(hashes)
        for hashed, whose in session.connection().execute(_OWNERS, {"some": some})
    }


_OWNERS = select(col(SubscriberRow.address_hash), col(SubscriberRow.id)).where(
    col(SubscriberRow.address_hash).in_(bindparam("some", expanding=True))
)
