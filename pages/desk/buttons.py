"""Say what an error advises as the desk has it: the button or page in place of a command."""

from __future__ import annotations

import re

#: Commands by how they begin, the longer first, with what does the same at the desk.
_INSTEAD = {
    "verdicts edition approve": "“Approve”",
    "verdicts edition hold": "“Hold” on the Overview",
    "verdicts edition release": "“Release it”",
    "verdicts edition skip": "“Skip” on the Overview",
    "verdicts compose": "“Compose the edition”",
    "verdicts check": "the page “Preview”",
    "verdicts launches": "the page “This week”",
    "verdicts panel import": "“Take in” on the page “This week”",
    "verdicts reconcile": "the page “Send”",
    "verdicts send": "the page “Send”",
    "verdicts tools list": "the list under the field",
}


def as_here(text: str) -> str:
    """Put buttons in the place of the commands that a text sets off by backticks; other commands are quoted."""
    return re.sub(r"`([^`]*)`", lambda found: _instead(found[1]), text)


def _instead(command: str) -> str:
    mine = (said for start, said in _INSTEAD.items() if command == start or command.startswith(f"{start} "))
    return next(mine, f"“{command}”")
