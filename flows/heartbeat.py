"""Tell who watches from outside that a run went well: where no word comes any more, they raise the alarm."""

from __future__ import annotations

import urllib.error
import urllib.request

#: How long the watcher may take to answer, in seconds.
_PATIENCE_S = 10.0


def beat(url: str) -> str:
    """Ask an address, "" for none; says what went wrong, "" when nothing did. The address itself is in no text."""
    if not url:
        return ""
    request = urllib.request.Request(url, headers={"User-Agent": "ai-tool-verdicts"})  # noqa: S310 - settings check it
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S):  # noqa: S310 - as above
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"heartbeat_url answered {error.code}"
    except (OSError, ValueError) as error:
        return f"heartbeat_url cannot be reached ({type(error).__name__})"
