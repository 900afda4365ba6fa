"""Send an edition's batches: claim, send, record, over as many connections as the sender allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock
from typing import TypeVar

from digest.editions import fingerprint
from digest.errors import DatabaseError, SendHalted, SendLater, SendUnknown
from digest.model import Message
from subscribers.addressing import Batch, Identity
from subscribers.claiming import FRESH, myself
from subscribers.ledger import Claim, Ledger, Outcome
from subscribers.links import reader_tokens
from subscribers.pacing import Rest
from subscribers.senders import Receipt, Sender

#: How long a sender that could not be reached is left alone, unless it said when.
LEFT_ALONE = timedelta(seconds=5)

#: Calls in a row that find nobody before sending stops: by then the sender is down, and the next run tries again.
_DOWN_AFTER = 5

#: Answers lost in a row, by all connections together, after which the sender is left alone, and for how long: each more
#: would put up to a thousand readers in doubt.
_LOST_AFTER, _LOST_REST = 3, timedelta(minutes=15)

#: How often a rest looks whether the edition is held meanwhile, in seconds.
_LOOKS_EACH_S = 1.0

_T = TypeVar("_T")

#: How often something is written again while the database is away, a moment apart.
_TRIES_TO_KEEP = 60


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a run of `deliver` works with.

    Args:
        message: What was approved.
        identity: Who it comes from.
        ledger: Where claims and outcomes are kept.
        sender: How it is sent.
        key: The key of readers' links.
        clock: Gives the time now.
        patience: How long to wait in one go, at the sender's wish or for the pace; what takes longer ends the run.
        progress: Told how many recipients each finished call carried, from any thread.
        resting: Told why it waits, and until when.
    """

    message: Message
    identity: Identity
    ledger: Ledger
    sender: Sender
    key: bytes
    clock: Callable[[], datetime]
    patience: timedelta = timedelta()
    progress: Callable[[int], None] = lambda _: None
    resting: Callable[[Rest], None] = lambda _: None


def deliver(work: Delivery, stop: Event | None = None) -> Rest | None:
    """Send every planned batch of an edition, one call each, never one twice.

    Args:
        work: With what.
        stop: Set to end it after the calls in flight.

    Returns:
        Why it stopped before the end, None when no batch is left to send.
    """
    stop, lost, seal = _Ending(stop or Event()), _Streak(), fingerprint(work.message)
    with ThreadPoolExecutor(work.sender.at_once, thread_name_prefix="sending") as pool:
        hands = [pool.submit(_one_hand, work, lost, stop, seal) for _ in range(work.sender.at_once)]
        try:
            return next((rest for hand in hands if (rest := hand.result()) is not None), None)
        finally:  # also when one failed, or a person lost patience: calls in flight end, and no other begins
            if not all(hand.done() for hand in hands):
                stop.set()


class _Ending(Event):
    """The end of a run: set for it alone, or by whoever asks for the end, whose own event other work may share."""

    def __init__(self, asked: Event) -> None:
        super().__init__()
        self._asked = asked

    def is_set(self) -> bool:
        return super().is_set() or self._asked.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return super().is_set() or self._asked.wait(timeout) or super().is_set()


class _Streak:
    """How often in a row something happened to any of several threads."""

    def __init__(self) -> None:
        self._count, self._lock = 0, Lock()

    def longer(self) -> int:
        """Count one more; gives how many there were in a row."""
        with self._lock:
            self._count += 1
            return self._count

    def over(self) -> None:
        """Begin anew."""
        with self._lock:
            self._count = 0


def _one_hand(work: Delivery, lost: _Streak, stop: Event, seal: str) -> Rest | None:
    """Make one call after the other until none is left, somebody stops it, or a rest is too long."""
    mine, unreached = myself(), 0
    try:
        while not stop.is_set():
            claim = _kept(partial(_claimed, work, mine, seal))
            if claim is None:
                return None
            if isinstance(claim, Rest):
                if not _rested(work, claim, stop):
                    return claim
                continue
            if (later := _sent(work, claim, lost)) is None:
                unreached = 0
                work.progress(len(claim.recipients))
            elif (unreached := unreached + 1) >= _DOWN_AFTER:
                return Rest(str(later), None)
    except BaseException:
        stop.set()
        raise
    return None


def _claimed(work: Delivery, mine: str, seal: str) -> Claim | Rest | None:
    week, account = work.message.week, work.sender.account
    return work.ledger.claim(week, mine, work.clock(), partial(reader_tokens, work.key), account, seal)


def _sent(work: Delivery, claim: Claim, lost: _Streak) -> SendLater | None:
    """Make one call and write its outcome down; gives the error where nobody was reached."""
    ledger, clock = work.ledger, work.clock
    if not claim.recipients:  # everyone in it left meanwhile
        _kept(lambda: ledger.record(claim, "accepted", clock()))
        return None
    if clock() - claim.claimed_at > FRESH:  # this process was stopped: another may have settled and made the call
        _kept(lambda: ledger.record(claim, "planned", clock()))
        return None
    batch = Batch(work.message.week, claim.number, claim.key, work.message, work.identity, claim.recipients)
    try:
        receipt = work.sender.send(batch)
    except SendLater as error:  # nothing went out
        later, said = error.until, str(error)
        _kept(lambda: ledger.postpone(claim, later or clock() + LEFT_ALONE, clock(), said))
        return None if later else error
    except SendHalted as error:  # nothing went out, and a person must act first
        said = str(error)
        _kept(lambda: ledger.halt(claim, clock(), said))
    except SendUnknown as error:  # the reply was lost: a second try could mail people twice
        said = str(error)
        _kept(lambda: ledger.record(claim, "unknown", clock(), said))
        if lost.longer() >= _LOST_AFTER:
            why = f"{_LOST_AFTER} answers in a row were lost, the last: {said}"
            _kept(lambda: ledger.rest(clock() + _LOST_REST, clock(), why, claim.account))
    except BaseException as error:
        ledger.record(claim, "unknown", clock(), f"the program failed: {type(error).__name__}")
        raise
    else:
        lost.over()
        named = {*receipt.refused, *receipt.later}
        outcome: Outcome = "refused" if all(one.id in named for one in claim.recipients) else "accepted"
        _kept(lambda: ledger.record(claim, outcome, clock(), _why(receipt), receipt))
    return None


def _kept(write: Callable[[], _T]) -> _T:
    """Write something down, also where the database is away for a while: an outcome unwritten would be in doubt."""
    for _ in range(_TRIES_TO_KEEP):
        try:
            return write()
        except DatabaseError:
            time.sleep(_LOOKS_EACH_S)
    return write()


def _why(receipt: Receipt) -> str:
    """Say in a few words what a call that ended well for some did not do."""
    parts = (("refused", receipt.refused), ("put off", receipt.later), ("unknown", receipt.unknown))
    return ", ".join(f"{len(whom)} {what}" for what, whom in parts if whom)


def _rested(work: Delivery, rest: Rest, stop: Event) -> bool:
    """Wait for a moment of a rest, and tell whether to go on; nobody waits for a person, or longer than told."""
    now = work.clock()
    if rest.until is None or rest.until - now > work.patience:
        return False
    work.resting(rest)
    stop.wait(min(max((rest.until - now).total_seconds(), 0.01), _LOOKS_EACH_S))
    return work.clock() > now  # a clock that stands still would wait for ever
