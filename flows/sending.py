"""Send an edition, as far as it goes now, and settle what is in doubt. No Prefect here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event

from digest.editions import EditionRecord, fingerprint
from digest.errors import EditionError
from digest.model import Counts, Finding, Message
from flows.asking import Asking
from flows.checking import check, message_of, require_unblocked
from flows.keeping import keep
from flows.services import Services
from subscribers.addressing import Batch, Recipient, fold
from subscribers.delivering import Delivery, deliver
from subscribers.ending import over
from subscribers.pacing import Rest
from subscribers.reconciling import settle

#: How long `keep_resuming` rests between two rounds, in seconds.
_REST_S = 60.0

#: Why a test letter did not go out that the sender neither took nor refused.
_STUCK = "the call went to nobody"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an edition's delivery stands.

    `stopped` says why it does not go on, "" when it does; `until` when it may, where nobody but the clock must act, and
    `then` what a person has to do. `busy` tells that a process makes calls just now.
    """

    week: str
    state: str
    counts: Counts
    seconds: float
    stopped: str = ""
    until: datetime | None = None
    then: str = ""
    busy: bool = False

    @property
    def needs_a_person(self) -> bool:
        """Tell whether it stopped, or lost a reply; what only waits has its time, or is sent by another process."""
        return self.state != "sent" and bool((self.stopped and not self.until) or self.counts.unknown)


def send(
    services: Services,
    week: str,
    progress: Callable[[int], None] = lambda _: None,
    *,
    patience: timedelta = timedelta(minutes=1),
    resting: Callable[[Rest], None] = lambda _: None,
    stop: Event | None = None,
    asked: dict[str, datetime] | None = None,
    begun: Callable[[int], None] = lambda _: None,
) -> Sent:
    """Send an approved edition to everyone who may receive it, or go on where an earlier try stopped.

    Args:
        services: What it works with.
        week: The edition's.
        progress: Told how many recipients each finished call carried.
        patience: How long it waits in one go where the sender or the pace asks for it.
        resting: Told of such a wait.
        stop: Set to end it after the calls in flight.
        asked: Remembers from one try to the next when the sender was asked about which call in doubt.
        begun: Told how many readers it is planned for, before the first call.

    Raises:
        EditionError: It is not approved, is held, or its bytes are not those that were approved.
        EditionBlocked: Preflight found a blocker that was not there when it was approved.
    """
    started, ledger, editions, stop = time.monotonic(), services.ledger, services.editions, stop or Event()
    record = editions.require(week)
    if record.state == "sent":
        return standing(services, week)
    message = _sealed(record)
    if record.state == "approved":  # what was begun is finished
        require_unblocked(services, record, message, "sent")
    sender, identity, key = services.sender, services.identity, services.link_keys[0]
    if editions.start_sending(week).state == "sent":
        return standing(services, week)
    begun(ledger.plan(week, services.clock(), sender.size))
    settle(ledger, Asking(sender, services.clock, stop, {} if asked is None else asked), services.clock, week)
    work = Delivery(message, identity, ledger, sender, key, services.clock, patience, progress, resting)
    rest = deliver(work, stop)
    if stop.is_set():
        rest = Rest("it was asked to end", None)
    result = standing(services, week, rest, swept=rest is None)
    return replace(result, seconds=round(time.monotonic() - started, 3))


def standing(services: Services, week: str, rest: Rest | None = None, *, swept: bool = False) -> Sent:
    """Tell where an edition stands, and end it where every delivery has its outcome.

    `rest` is why a process did not go on with it; `swept` tells that it just found nothing to claim: what waits then is
    in the hands of another, maybe in a claim that is not committed yet.
    """
    now = services.clock()
    record = services.editions.require(week)
    if record.state == "sending":
        record = services.editions.finish_sending(week, now, over)
    result = Sent(week, record.state, services.ledger.counts(week), 0.0)
    if record.state == "sent":
        return result
    goes_on = f"`verdicts send {week}` goes on"
    if record.state != "sending":
        return replace(result, stopped=rest.why or "it was taken back meanwhile") if rest else result
    if record.held is not None:
        release = f"`verdicts edition release {week}`, and then {goes_on}"
        return replace(result, stopped=f"held: {record.held}", then=release)
    if rest is not None and result.counts.waiting:
        return replace(result, stopped=rest.why, until=rest.until, then="" if rest.until else goes_on)
    if (swept and result.counts.waiting) or week in services.ledger.under_way(now):
        return replace(result, busy=True)
    if result.counts.waiting or record.planned_at is None:
        return replace(result, stopped="nobody is sending it", then=goes_on)
    return result


def resume(services: Services, stop: Event | None = None, asked: dict[str, datetime] | None = None) -> list[Sent]:
    """Go on with every edition that was begun and waits for nothing any more, as its process is gone or had to wait.

    One that another process is sending just now is left to it.
    """
    busy = services.ledger.under_way(services.clock())
    going = [week for week in services.editions.under_way() if week not in busy]
    return [send(services, week, stop=stop, asked=asked) for week in going]


def keep_resuming(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Go on with editions that had to wait, until `stop` is set; a call under way is finished first."""
    asked: dict[str, datetime] = {}

    def work() -> str:
        rounds = resume(services, stop, asked)
        return "" if stop.is_set() else "; ".join(said_of(one) for one in rounds if one.needs_a_person)

    keep("an edition waits", work, stop, rest_s, _log)


def _sealed(record: EditionRecord) -> Message:
    if record.state == "skipped":
        raise EditionError(f"{record.week} cannot be sent: it is skipped ({record.reason})")
    if record.message is None or record.state not in {"approved", "sending"}:
        raise EditionError(
            f"{record.week} cannot be sent: it is {record.state}; approve it first with"
            f" `verdicts edition approve {record.week}`"
        )
    if fingerprint(record.message) != record.sha256:
        raise EditionError(f"{record.week} cannot be sent: its bytes are not those that were approved")
    return record.message


@dataclass(frozen=True, slots=True)
class Tested:
    """Who got a test letter, who did not and why, by address, and what preflight finds: of each kind the first."""

    got: tuple[str, ...]
    missed: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


def send_test(services: Services, week: str, addresses: Sequence[str]) -> Tested:
    """Send an edition as it stands to addresses of our own, each once; no state changes.

    Raises:
        ValueError: One is no address.
        SendError: Nothing went out, or nobody knows.
    """
    record = services.editions.require(week)
    message = message_of(services, record)
    marked = replace(message, subject=f"[Test] {message.subject}")
    key = f"test-{services.clock():%Y%m%d-%H%M%S-%f}"
    to = [*{fold(one): one for one in reversed(addresses)}.values()][::-1]
    left, missed = [Recipient(f"test-{number}", one, "", "test") for number, one in enumerate(to, 1)], dict[str, str]()
    while left:  # an address that is refused may keep a call from going to the others
        batch = Batch(week, 0, f"{key}-{len(left)}", marked, services.identity, tuple(left))
        receipt = services.sender.send(batch)
        named = {**receipt.later, **receipt.refused, **receipt.unknown}
        again = [one for one in left if named.get(one.id) == ""]
        stuck = len(again) == len(left)
        missed |= {one.email: named[one.id] or _STUCK for one in left if named.get(one.id) or stuck}
        left = [] if stuck else again
    return Tested(tuple(one for one in to if one not in missed), missed, _in_short(check(services, record, message)))


def _in_short(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say of each kind of finding the first: a setting that is wrong shows in dozens of places."""
    kinds: dict[str, list[Finding]] = {}
    for one in findings:
        kinds.setdefault(one.code, []).append(one)
    return tuple(
        f"{first.level}: {first.message}" + (f" (and {len(others)} more of this kind)" if others else "")
        for first, *others in kinds.values()
    )


def said_of(result: Sent) -> str:
    """Put a delivery's standing into words."""
    counts = result.counts
    outcomes = ("accepted", "refused", "dropped", "unknown", "given_up", "waiting")
    parts = [f"{count} {name.replace('_', ' ')}" for name in outcomes if (count := getattr(counts, name))]
    nobody = {"sent": "nobody to send to", "sending": "nobody is addressed yet"}.get(result.state, "nothing was sent")
    later = f"it goes on after {result.until:%a %d %B %H:%M:%S} UTC" if result.until else ""
    why = "another process is sending it" if result.busy else result.stopped
    reason = "; ".join(filter(None, (why, later, result.then)))
    return f"{result.week} is {result.state}: {', '.join(parts) or nobody}" + (f" ({reason})" if reason else "")
