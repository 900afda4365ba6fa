"""Entry prices: written one way, and how old they may grow."""

from __future__ import annotations

import difflib
from datetime import date, timedelta

#: Days after which a price is looked up again.
STALE_DAYS = 90

_KINDS = ("Free", "Freemium", "Paid")


def normalise(text: str) -> str:
    """Write a price one way: Free, Freemium, Paid, or an amount.

    Raises:
        ValueError: It is none of these; the text says what is allowed.
    """
    if text in _KINDS or any(char.isdigit() for char in text):
        return text
    near = difflib.get_close_matches(text.capitalize(), _KINDS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise ValueError(f'{", ".join(_KINDS)}, or an amount such as "$20/month"{hint}')


def is_stale(checked_on: date | None, today: date) -> bool:
    """Tell whether a price was checked too long ago, or never."""
    return checked_on is None or today - checked_on > timedelta(days=STALE_DAYS)
