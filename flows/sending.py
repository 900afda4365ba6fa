"""Send an edition, as far as it goes now, and settle what is in doubt. No Prefect here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event

from digest.editions import EditionRecord, fingerprint
from digest.errors import EditionError
from digest.model import Counts, Message
from flows.checking import check, message_of, require_unblocked
from flows.keeping import keep
from flows.services import Services
from subscribers.addressing import Batch, Recipient
from subscribers.claiming import abandoned
from subscribers.delivering import Delivery, deliver
from subscribers.pacing import Rest
from subscribers.reconciling import settle

#: How long `keep_resuming` rests between two rounds, in seconds: a round may ask the sender about every call in doubt.
_REST_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """Where an edition's delivery stands.

    `stopped` says why it did not go on, "" when it did; `until` when it may, where nobody but the clock must act.
    """

    week: str
    state: str
    counts: Counts
    seconds: float
    stopped: str = ""
    until: datetime | None = None

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
) -> Sent:
    """Send an approved edition to everyone who may receive it, or go on where an earlier try stopped.

    `patience` is how long it waits in one go where the sender or the pace asks for it, and says so to `resting`. Once
    `stop` is set it ends after the calls in flight.

    Raises:
        EditionError: It is not approved, is held, or its bytes are not those that were approved.
        EditionBlocked: Preflight found a blocker that was not there when it was approved.
    """
    started, ledger, editions = time.monotonic(), services.ledger, services.editions
    record = editions.require(week)
    if record.state == "sent":
        return Sent(week, "sent", ledger.counts(week), 0.0)
    message = _sealed(record)
    if record.state == "approved":  # what was begun is finished
        require_unblocked(services, record, message, "sent")
    sender, identity, key = services.sender, services.identity, services.link_keys[0]
    if editions.start_sending(week).state == "sent":
        return Sent(week, "sent", ledger.counts(week), 0.0)
    ledger.plan(week, services.clock(), sender.size)
    settle(ledger, sender, services.clock, week)
    work = Delivery(message, identity, ledger, sender, key, services.clock, patience, progress, resting)
    stopped = deliver(work, stop) or Rest("", None)
    seconds = round(time.monotonic() - started, 3)
    return replace(standing(services, week), seconds=seconds, stopped=stopped.why, until=stopped.until)


def standing(services: Services, week: str) -> Sent:
    """Tell where an edition stands, and end it where every delivery has its outcome."""
    counts, record = services.ledger.counts(week), services.editions.require(week)
    if record.state == "sending" and not counts.waiting and not counts.unknown:
        record = services.editions.finish_sending(week, services.clock())
    return Sent(week, record.state, counts, 0.0)


def resume(services: Services, stop: Event | None = None) -> list[Sent]:
    """Go on with every edition that was begun and waits for nothing any more, as its process is gone or had to wait.

    One that another process is sending just now is left to it.
    """
    now = services.clock()
    claimed = [one for one in services.ledger.unsettled() if one.state == "claimed"]
    busy = {one.week for one in claimed if not abandoned(one.claimed_by, one.claimed_at, now)}
    return [send(services, week, stop=stop) for week in services.editions.under_way() if week not in busy]


def keep_resuming(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Go on with editions that had to wait, until `stop` is set; a call under way is finished first."""

    def work() -> str:
        return "; ".join(said_of(one) for one in resume(services, stop) if one.needs_a_person)

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


def send_test(services: Services, week: str, addresses: Sequence[str]) -> list[str]:
    """Send an edition as it stands to addresses of our own; no state changes. Returns the findings' summary lines."""
    record = services.editions.require(week)
    message = message_of(services, record)
    marked = replace(message, subject=f"[Test] {message.subject}")
    key = f"test-{services.clock():%Y%m%d-%H%M%S-%f}"
    recipients = tuple(Recipient(f"test-{number}", one, "", "test") for number, one in enumerate(addresses, 1))
    receipt = services.sender.send(Batch(week, 0, key, marked, services.identity, recipients))
    named = {**receipt.refused, **receipt.later, **receipt.unknown}
    missed = [
        f"not sent to {one.email}: {named[one.id] or 'the call went to nobody'}"
        for one in recipients
        if one.id in named
    ]
    return missed + [f"{one.level}: {one.message}" for one in check(services, record, message)]


def said_of(result: Sent) -> str:
    """Put a delivery's standing into words."""
    counts = result.counts
    outcomes = ("accepted", "refused", "dropped", "unknown", "given_up")
    parts = [f"{count} {name.replace('_', ' ')}" for name in outcomes if (count := getattr(counts, name))]
    waiting = [f"{counts.waiting} waiting"] if counts.waiting else []
    busy = "another process is sending it" if counts.waiting and not result.needs_a_person else ""
    later = f"; it goes on after {result.until:%a %d %B %H:%M:%S} UTC" if result.until else ""
    reason = f" ({result.stopped or busy}{later})" if result.stopped or busy else ""
    return f"{result.week} is {result.state}: {', '.join([*parts, *waiting]) or 'nobody to send to'}{reason}"
