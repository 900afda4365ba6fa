"""One file per way of sending; the file name is the name used in settings."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from digest.errors import SettingsError
from digest.settings import Settings
from subscribers.addressing import Batch


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a call that ended: all its recipients were accepted, but for those named here, each with why.

    Keys are ids of recipients. `refused` will never be taken, `later` may be in another call, and of `unknown` nobody
    knows. `message_id` is the sender's own name for the call.
    """

    message_id: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    later: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call of which nobody knows whether it went out, and some of the addresses it was for."""

    week: str
    key: str
    claimed_at: datetime
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """That a sender lets us in: as what, in a few words, and what time it is there (UTC), None where it does not say.

    `lacks` names what we may not do there, though sending needs it.
    """

    said: str
    at: datetime | None = None
    lacks: str = ""


class Records(Protocol):
    """What a sender itself knows of calls that were made."""

    @property
    def account(self) -> str:
        """Whose calls these are, without secrets: another account has no trace of them, and rests by itself."""

    @property
    def settle(self) -> timedelta:
        """How long after a call it may take until all traces of it are there."""

    def found(self, doubt: Doubt) -> bool | None:
        """Tell whether a call went out; None where that cannot be known. Asked when `settle` is over."""


class Sender(Records, Protocol):
    """A way of handing batches over; several threads may do so at once.

    `size` is how many recipients one call may carry, and `at_once` how many calls may be under way.
    """

    size: int
    at_once: int

    def send(self, batch: Batch) -> Receipt:
        """Hand a batch over; what is not named in the receipt was accepted.

        Raises:
            SendLater: Nothing went out; the same call may go out later.
            SendHalted: Nothing went out, and nothing will until a person acts.
            SendUnknown: It may have gone out.
        """

    def close(self) -> None:
        """Let go of connections."""


def names() -> list[str]:
    """List the ways of sending there are."""
    return sorted(one.name for one in pkgutil.iter_modules([str(Path(__file__).parent)]))


def require_sender(settings: Settings) -> None:
    """Make sure that the configured way of sending exists.

    Raises:
        SettingsError: It does not; the text lists those that do.
    """
    if settings.sender not in names():
        raise SettingsError(f"sender: found {settings.sender!r}; allowed: {', '.join(names())}")


def looked_up(records: Records, doubt: Doubt, account: str) -> bool | None:
    """Ask about a call made through an account; that another one has no trace of it says nothing."""
    found = records.found(doubt)
    return None if found is False and records.account != account else found


def open_sender(settings: Settings, environment: Mapping[str, str]) -> Sender:
    """Open the configured way of sending; what only it needs to know stands in the environment.

    Raises:
        SettingsError: There is no such sender, or it lacks a setting.
    """
    require_sender(settings)
    return cast("Sender", import_module(f"{__name__}.{settings.sender}").open_sender(settings, environment))
