"""Everything that can go wrong, drawn as a tree.

VerdictsError
├── SettingsError          wrong usage, settings or files a person wrote; exit status 2
│   └── FilesError         one or more files a person wrote are wrong: every fault at once
├── DatabaseError          the database cannot be used as it is
│   └── Overtaken          somebody else changed the same at the same moment; the same call may do
├── FeedError              one feed could not be read; the others go on
├── TemplateError          a template cannot be rendered: file, line, snippet
├── EditionError           an edition may not do what was asked in its state
├── EditionBlocked         preflight found what forbids sending
├── Stale                  somebody changed it since the person who asks looked at it
├── UndoRefused            a change cannot be taken back: something newer builds on it
├── DuplicateReview        two reviews of one tool by one reviewer were taken together
└── SendError              one call to a sender did not end well
    ├── SendLater          nothing went out, and the same call may go out later
    ├── SendHalted         nothing went out, and nothing will until a person acts
    └── SendUnknown        the reply was lost: it may have gone out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class VerdictsError(Exception):
    """Base of every error this program raises on purpose; its text is written for people."""


class SettingsError(VerdictsError):
    """A setting, an option or a file a person wrote is wrong; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file a person wrote."""

    file: str
    line: int | None
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        field = f" {self.field}:" if self.field else ""
        return f"{place}:{field} found {self.found}; allowed: {self.allowed}"


class FilesError(SettingsError):
    """Files a person wrote are wrong; nothing was changed. `faults` lists all of them, in reading order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class DatabaseError(VerdictsError):
    """The database is missing, newer than this program, locked or damaged; the text says which and what to do."""


class Overtaken(DatabaseError):
    """Another transaction changed the same rows at the same moment: this one changed nothing, and may be repeated."""


class FeedError(VerdictsError):
    """One feed could not be read; the text is the reason an editor sees."""


class TemplateError(VerdictsError):
    """A template cannot be rendered; the text names file and line and shows the place.

    `file` is "" where no single file is to blame, `line` None where no line is known; `snippet` shows the lines around
    it, the guilty one marked with ">".
    """

    def __init__(self, what: str, file: str = "", line: int | None = None, snippet: str = "") -> None:
        self.what, self.file, self.line, self.snippet = what, file, line, snippet
        place = f"{file}, line {line}: " if line else f"{file}: " if file else ""
        super().__init__(f"{place}{what}" + (f"\n{snippet}" if snippet else ""))


class EditionError(VerdictsError):
    """An edition may not do what was asked in its state; the text says which state it is in and what it allows."""


class EditionBlocked(VerdictsError):
    """Preflight found what forbids sending; the text says what."""


class Stale(VerdictsError):
    """What was to be changed is no longer as the person who asks saw it; nothing was done, and it may be sent again."""


class UndoRefused(VerdictsError):
    """A change cannot be taken back; the text says what is in the way."""


class DuplicateReview(VerdictsError):
    """Two reviews of one tool by one reviewer were taken together."""


class SendError(VerdictsError):
    """One call to a sender did not end well."""


class SendLater(SendError):
    """Nothing went out; the same call may go out later: at `until`, where the sender said when."""

    def __init__(self, reason: str, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.until = until


class SendHalted(SendError):
    """Nothing went out and nothing will until a person acts (credentials, credits, sender identity)."""


class SendUnknown(SendError):
    """The reply was lost: the call may have gone out, so it is never repeated by itself."""
