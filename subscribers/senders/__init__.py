"""One file per way of sending; the file name is the name used in settings."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from digest.errors import SettingsError
from digest.settings import Settings
from subscribers.addressing import Batch


class Sender(Protocol):
    """A way of handing a batch over; a batch is accepted whole or refused whole."""

    def send(self, batch: Batch) -> None:
        """Hand a batch over; returning means that it was accepted.

        Raises:
            SendRefused: Nothing went out; `permanent` tells whether trying again could help.
            SendHalted: Nothing went out, and nothing will until a person acts.
            SendUnknown: It may have gone out.
        """

    def found(self, week: str, key: str) -> bool | None:
        """Tell whether the call with this key went out; None where that cannot be known."""


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


def open_sender(settings: Settings) -> Sender:
    """Open the configured way of sending.

    Raises:
        SettingsError: There is no such sender, or it lacks a setting.
    """
    require_sender(settings)
    return cast("Sender", import_module(f"{__name__}.{settings.sender}").open_sender(settings))
