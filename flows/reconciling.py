"""Settle what nobody knows, by the sender's records, by what came back, or by a person's word. No Prefect here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from digest.errors import SendLater, SettingsError
from flows.sending import Sent, standing
from flows.services import Services
from subscribers.bounces import Bounced, read
from subscribers.ending import give_up_waiting, may_be_taken_back, waiting
from subscribers.eventposts import Event
from subscribers.events import Applied
from subscribers.ledger import Call, Unknown
from subscribers.reconciling import Settled, settle
from subscribers.senders import Doubt, Records
from subscribers.suppressions import Get, Taken, sendgrid_lists, take_over

#: How often a page of a provider's lists is asked for, and the pauses in between, in seconds: unless it says how long,
#: and at most.
_TRIES, _PAUSE_S, _LONGEST_PAUSE_S = 3, 1.0, 120.0

#: What a person may decide of readers in doubt.
Decision = Literal["resend", "give up"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is about to be decided: of whom, by name, and of how many that wait, as their edition is held."""

    week: str
    decision: Decision
    doubtful: Sequence[Unknown]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a look at calls in doubt came to: calls by outcome, deliveries a person decided on, and who is in doubt.

    `lag` is how long after a call the sender can tell what became of it: what is younger nobody decides on. `busy` are
    calls that a process makes just now. `unasked` says why the sender could not be asked, "" where it could.
    """

    settled: Counter[Settled]
    decided: int
    unknown: list[Unknown]
    weeks: list[Sent]
    at: datetime
    lag: timedelta = timedelta()
    busy: Sequence[Call] = ()
    unasked: str = ""

    def open_until(self, claimed_at: datetime) -> datetime | None:
        """Give the moment from which the sender can tell what became of a call, None where that is over."""
        return claimed_at + self.lag if self.at < claimed_at + self.lag else None


def reconcile(
    services: Services,
    week: str | None,
    decision: Decision | None = None,
    by: str = "",
    sure: Callable[[Question], bool] = lambda _: True,
) -> Reconciled:
    """Find out what became of calls in doubt, of all weeks or one, and do what a person decided about the rest.

    What the provider told of calls counts first, also what could not be applied when it came, then what the sender's
    records say. `sure` is asked before anything is decided; only what it was shown is. A decision needs no sender that
    can be asked.

    Raises:
        EditionError: There is no such edition.
    """
    ledger, now = services.ledger, services.clock
    if week:
        services.editions.require(week)
    services.events.again()
    services.events.apply(now())
    doubtful = {one.week for one in ledger.unsettled()} | {one.week for one in ledger.unknown()}
    weeks = [week] if week else sorted(doubtful)
    records, unasked = _records(services) if doubtful else (_Silent(timedelta()), "")
    settled = settle(ledger, records, now, week)
    looked = Reconciled(settled, 0, [], [], now(), records.settle, unasked=unasked)
    if week and decision:
        asked = _question(services, week, decision, looked)
        if (asked.doubtful or asked.waiting) and sure(asked):
            looked = replace(looked, decided=_decide(services, asked, by))
    busy = [one for one in ledger.unsettled(week) if one.state == "claimed"]
    return replace(looked, unknown=ledger.unknown(week), busy=busy, weeks=[standing(services, one) for one in weeks])


@dataclass(frozen=True, slots=True)
class _Silent:
    """The records of a sender that cannot be asked."""

    settle: timedelta
    account: str = ""

    def found(self, doubt: Doubt) -> None:
        """Nothing is known."""


def _records(services: Services) -> tuple[Records, str]:
    """Give the sender's records; none, with the reason, where it lacks a setting."""
    try:
        return services.sender, ""
    except SettingsError as error:
        return _Silent(timedelta(seconds=services.settings.settle_s)), str(error)


def _question(services: Services, week: str, decision: Decision, looked: Reconciled) -> Question:
    record = services.editions.require(week)
    doubtful = [one for one in services.ledger.unknown(week) if not looked.open_until(one.claimed_at)]
    ends = decision == "give up" and record.state == "sending" and record.held is not None
    # What nobody can have is not given up but taken back, by skipping its week or by an edit.
    ends = ends and not may_be_taken_back(services.engine, week)
    return Question(week, decision, doubtful, waiting(services.engine, week) if ends else 0)


def _decide(services: Services, asked: Question, by: str) -> int:
    ledger, now = services.ledger, services.clock()
    decide = {"resend": ledger.resend, "give up": ledger.give_up}[asked.decision]
    decided = decide(asked.week, now, by, {one.key for one in asked.doubtful})
    return decided + (give_up_waiting(services.engine, asked.week, now, by) if asked.waiting else 0)


@dataclass(frozen=True, slots=True)
class Bounces:
    """What a mailbox of bounces came to.

    `unread` are letters in it that say nothing of use, each with where and why. `unproved` are reports that name an
    address only: anybody can write such a one, so they change nothing.
    """

    applied: Applied
    unread: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)


def take_bounces(services: Services, path: Path) -> Bounces:
    """Apply the bounces and complaints of a maildir or an mbox; the same ones again change nothing.

    Raises:
        SettingsError: There is no mailbox.
    """
    unread: list[str] = []
    unproved: list[str] = []

    def proved() -> Iterator[Event]:
        for one in read(path, services.clock()):
            if not isinstance(one, Bounced):
                unread.append(f"{one.where}: {one.reason}")
            elif not one.key:
                unproved.append(f"{one.address}: {one.kind} ({one.reason})")
            else:
                yield Event(one.key, one.subscriber_id, one.kind, one.about, one.at, one.reason, email=one.address)

    applied = services.events.take(proved(), services.clock(), "a bounce")
    return Bounces(applied, unread, unproved)


def take_suppressions(services: Services, pause: Callable[[float], object] = time.sleep) -> Taken:
    """Take over whom the provider itself will not mail any more; the same ones again change nothing.

    Raises:
        SettingsError: The configured way of sending keeps no such lists.
    """
    get: Get | None = getattr(services.sender, "get", None)
    if get is None:
        raise SettingsError(f"--suppressions: sender {services.settings.sender!r} keeps no lists; only sendgrid does")
    missed: list[str] = []
    lists = sendgrid_lists(_patiently(get, services, pause), missed.append)
    return replace(take_over(services.engine, services.settings.key("suppression_key"), lists), missed=tuple(missed))


def _patiently(get: Get, services: Services, pause: Callable[[float], object]) -> Get:
    """Read a page once more where it cannot be had just now: to read twice changes nothing.

    A list of a hundred thousand takes hundreds of calls, more than may be made in one go; and each run begins anew.
    """

    def get_patiently(path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        for _ in range(_TRIES - 1):
            try:
                return get(path, params)
            except SendLater as error:
                left = (error.until - services.clock()).total_seconds() if error.until else _PAUSE_S
                if left > _LONGEST_PAUSE_S:
                    raise
                pause(max(left, _PAUSE_S))
        return get(path, params)

    return get_patiently
