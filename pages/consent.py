"""What a person agrees to by signing up; a changed wording gets a new version, and old consents keep theirs."""

from __future__ import annotations

#: The day from which the wording below stands on the form.
WORDING_VERSION = "2026-11-23"


def wording(site_name: str) -> str:
    """Give the sentence beside the button, as it is kept with a consent."""
    return (
        f"Send me {site_name}, one email a week, at this address. First I get one email with a link to confirm that."
        " I can leave at any time with one click."
    )
