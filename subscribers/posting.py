"""Send the letters that are queued: claim, write, send, record; and settle what an earlier process left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Event
from typing import Literal

from digest.errors import DatabaseError, SendError, SendHalted, SendLater, SendUnknown, VerdictsError
from subscribers.addressing import NOTICES, Batch
from subscribers.claiming import abandoned, myself
from subscribers.notices import Claimed, Notice, Notices, State
from subscribers.senders import Doubt, Sender, looked_up

#: Letters refused for now one after the other: by then it is the sender that is down, not a letter that is odd.
_DOWN_AFTER = 3

#: Until a database that could not be written is tried again.
_RETRY_S = 1.0

#: What one try can come to. `unwritten` is for a template that cannot be rendered, `busy` for a refusal that will pass.
_Try = Literal["accepted", "refused", "dropped", "unknown", "unwritten", "busy", "halted"]


@dataclass(frozen=True, slots=True)
class Posted:
    """What a round did: letters by state, those that wait for another try as "queued"; `stopped` says why it ended."""

    letters: Mapping[State, int] = field(default_factory=dict)
    stopped: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Tell whether a letter came to a bad end, or the sender takes none."""
        return bool(self.stopped or self.letters.get("refused") or self.letters.get("unknown"))


def post(
    notices: Notices,
    sender: Sender,
    write: Callable[[Notice], Batch | None],
    clock: Callable[[], datetime],
    stop: Event | None = None,
    *,
    patient: bool = True,
) -> Posted:
    """Send every letter that is due, one call each, never one twice.

    A letter that cannot be written, or is refused for now, waits longer each time while the others go on. A sender that
    needs a person, or refuses one letter after the other, ends the round.

    Args:
        notices: The letters.
        sender: How they are sent.
        write: Makes the call for a letter; None where the letter would say nothing any more.
        clock: Gives the time now.
        stop: Set to end the round after the letter in flight. Until then an outcome is kept however long the database
            takes; without it a database that cannot be written raises at once, and the next round looks it up.
        patient: With False that raises at once in any case.
    """
    mine, done, in_a_row = myself(), Counter[State](), 0
    settle(notices, sender, clock())
    while not (stop and stop.is_set()) and (notice := notices.claim(mine, clock(), sender.account)) is not None:
        outcome, reason = _tried(notices, notice, sender, write, clock)
        state = _STATES[outcome]
        _keep(notices, notice, state, clock, reason, stop if patient else None)
        done[state] += 1
        in_a_row = in_a_row + 1 if outcome == "busy" else 0
        if outcome == "halted" or in_a_row == _DOWN_AFTER:
            return Posted(done, reason)
    return Posted(done)


_STATES: Mapping[_Try, State] = {
    "accepted": "accepted", "refused": "refused", "dropped": "dropped", "unknown": "unknown",
    "unwritten": "queued", "busy": "queued", "halted": "queued",
}  # fmt: skip


def _tried(
    notices: Notices,
    notice: Notice,
    sender: Sender,
    write: Callable[[Notice], Batch | None],
    clock: Callable[[], datetime],
) -> tuple[_Try, str]:
    """Write a letter and hand it over; gives what came of it and why."""
    or_ = partial(_or, notices, notice, clock)
    try:
        with or_("queued"):
            batch = write(notice)
    except VerdictsError as error:  # nothing went out; often somebody's own template
        return "unwritten", str(error)
    if batch is None:
        return "dropped", "there is nothing left to tell"
    try:
        with or_("unknown"):
            receipt = sender.send(batch)
    except SendLater as error:  # nothing went out
        if error.until:
            notices.rest(error.until, str(error), clock(), sender.account)
        return "busy", str(error)
    except SendHalted as error:  # nothing went out, and a person must act first
        return "halted", str(error)
    except SendUnknown as error:  # the reply was lost: a second try could mail somebody twice
        return "unknown", str(error)
    ways: tuple[tuple[_Try, Mapping[str, str]], ...] = (
        ("refused", receipt.refused), ("busy", receipt.later), ("unknown", receipt.unknown),
    )  # fmt: skip
    return next(((outcome, next(iter(whom.values()))) for outcome, whom in ways if whom), ("accepted", ""))


@contextmanager
def _or(notices: Notices, notice: Notice, clock: Callable[[], datetime], state: State) -> Iterator[None]:
    """Leave a letter in this state should the program itself fail, or be interrupted, in between."""
    try:
        yield
    except VerdictsError:
        raise
    except BaseException as error:
        notices.record(notice, state, clock(), f"the program failed: {type(error).__name__}", wait=state == "queued")
        raise


def _keep(
    notices: Notices, notice: Notice, state: State, clock: Callable[[], datetime], reason: str, stop: Event | None
) -> None:
    while True:
        try:
            return notices.record(notice, state, clock(), reason, wait=state == "queued")
        except DatabaseError:
            if stop is None or stop.wait(_RETRY_S):
                raise


def settle(notices: Notices, sender: Sender, now: datetime) -> None:
    """Find out what became of letters whose process is gone, or whose reply was lost, before anything more is sent.

    A claim of a dead process becomes unknown; what is unknown is looked up at the sender: found → accepted, provably
    absent → queued again, otherwise it stays unknown and is looked up later.
    """
    for one in notices.unsettled(now):
        if one.state == "claimed":
            if not abandoned(one.claimed_by, one.claimed_at, now):
                continue
            notices.record(one, "unknown", now, "the sending process ended before it knew")
        found = _found(sender, one, now)
        if found is None:
            notices.look_again(one, now)
        elif found:
            notices.record(one, "accepted", now)
        else:
            notices.record(one, "queued", now, wait=one.attempts > 1)


def _found(sender: Sender, one: Claimed, now: datetime) -> bool | None:
    """Ask the sender about a letter, once its traces can be there; None where nothing is known yet."""
    if now < one.claimed_at + sender.settle:
        return None
    try:
        doubt = Doubt(NOTICES, one.key, one.claimed_at, (one.email,) if one.email else ())
        return looked_up(sender, doubt, one.account)
    except SendError:  # it cannot be asked now
        return None
