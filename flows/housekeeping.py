"""Forget what settings say is kept no longer. No Prefect here."""

from __future__ import annotations

from flows import notices
from flows.services import Services


def housekeep(services: Services) -> str:
    """Remove settled letters, sign-ups that nobody confirmed and what came of old events; says what it was about."""
    notices.tidy(services)
    return f"what is older than {services.settings.retention_days} days and settled is forgotten"
