"""Forget what settings say is kept no longer. No Prefect here."""

from __future__ import annotations

from datetime import timedelta

from flows import notices
from flows.services import Services


def housekeep(services: Services) -> str:
    """Remove settled letters, unconfirmed sign-ups, old posts, and who opened and clicked; says what it was about."""
    notices.tidy(services)
    services.events.unname(services.clock(), timedelta(days=services.settings.retention_days))
    return f"what is older than {services.settings.retention_days} days and settled is forgotten"
