"""Follow the review files of the home folder: what is saved there is taken in as by `panel import`."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from digest.errors import DatabaseError, Fault, FilesError, VerdictsError
from digest.undoing import Scope
from flows.desk.keeping import kept
from flows.refreshing import refresh
from flows.reviewing import in_words, keep_sheets, today
from flows.services import Services
from pages.desk.steps import TakenIn
from sources.reviewfiles import ENDINGS, part_twins, sift
from sources.sheets import Sheet

_log = logging.getLogger(__name__)

#: Seconds between two looks at the folder while somebody watches the preview, and while nobody does.
_QUICK_S, _SLOW_S = 0.025, 1.0

#: Seconds in which a file that was saved stays the same, so that it is whole.
_SETTLE_S = 0.015

#: How long after somebody last asked they count as watching, in seconds.
_WATCHED_S = 5.0

#: Looking takes this share of a processor at most, however many files there are.
_SHARE = 0.05

#: Where the home folder remembers what was taken in.
MEMORY = ".reviews-taken.json"

#: What tells a file from what it was: when and how long it was written, and which one it is.
_Stamp = tuple[int, int, int]


class Following:
    """The folder `reviews` of a home, looked at by a thread of its own from `with` until its end.

    A file is taken in once it stays the same from one look to the next, so that none is read while it is being written.
    It goes into the newest edition too, where that is a draft that shows its tool. What was taken in is remembered in
    the home folder, so that a desk takes in what was saved while none was open; what is still wrong is told again.
    """

    def __init__(self, services: Services) -> None:
        self._services, self._folder = services, services.settings.home / "reviews"
        self._memory = services.settings.home / MEMORY
        self._known: Mapping[Path, _Stamp] = self._remembered()
        self._seen: Mapping[Path, _Stamp] = {}
        self._wrong: dict[Path, tuple[Fault, ...]] = {}
        self._told, self._asked_at, self._took_s = TakenIn(), -_WATCHED_S, 0.0
        self._settling = False
        self._ending, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="reviews", daemon=True)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._woken.set()
        self._thread.join()

    def told(self) -> TakenIn:
        """Say what the last change came to; who asks this counts as watching."""
        if not self._watched():
            self._woken.set()  # the first save somebody watches for is noticed as soon as the next
        self._asked_at = time.monotonic()
        return self._told

    def _watched(self) -> bool:
        return time.monotonic() - self._asked_at < _WATCHED_S

    def look(self) -> None:
        """Take in what changed since the last look but one and stays as it is."""
        began = time.thread_time()  # by the clock, one look held up by other work would put off the next by a second
        found = stamps(self._folder)
        self._took_s = time.thread_time() - began
        settled, self._seen = found == self._seen, found
        self._settling = found != self._known and not settled
        if found == self._known or not settled:
            return
        changed = sorted(path for path, stamp in found.items() if self._known.get(path) != stamp)
        gone = self._wrong.keys() - found.keys()
        try:
            self._take(changed, gone)
        except DatabaseError as error:  # the next look tries again
            self._tell(replace(self._told, trouble=f"{error}; it is tried again by itself"))
            return
        except VerdictsError as error:
            self._tell(TakenIn(trouble=str(error)))
        self._known = found
        self._remember()

    def _remembered(self) -> Mapping[Path, _Stamp]:
        """Read which files were taken in before; whatever else stands there means that none was."""
        try:
            found = json.loads(self._memory.read_text("utf-8"))
            return {
                self._folder / name: (int(at), int(size), int(number)) for name, (at, size, number) in found.items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be read (%s): every review file is looked at anew", self._memory, error)
            return {}

    def _remember(self) -> None:
        """Write down what was taken in, all of it or nothing new."""
        taken = {
            path.relative_to(self._folder).as_posix(): stamp
            for path, stamp in self._known.items()
            if path not in self._wrong
        }
        part = self._memory.with_suffix(".part")
        try:
            part.write_text(json.dumps(taken, indent=0), "utf-8")
            part.replace(self._memory)
        except OSError as error:  # a later start takes in again what it knows already
            _log.warning("%s cannot be written: %s", self._memory, error)

    def _run(self) -> None:
        wait_s = _QUICK_S
        while True:
            self._woken.wait(wait_s)
            self._woken.clear()
            if self._ending.is_set():
                return
            try:
                self.look()
            except (VerdictsError, OSError) as error:
                _log.error("%s cannot be followed: %s", self._folder, error)
            rest_s = _SETTLE_S if self._settling else _QUICK_S if self._watched() else _SLOW_S
            wait_s = max(rest_s, self._took_s / _SHARE)

    def _tell(self, told: TakenIn) -> None:
        if replace(told, number=self._told.number) != self._told:
            self._told = replace(told, number=self._told.number + 1)

    def _take(self, changed: Sequence[Path], gone: set[Path]) -> None:
        """Import the files that are right, all at once, and keep what is wrong with the others."""
        services = self._services.named("")
        found = {path: sift([path], services.panel, today(services)) for path in changed}
        wrong = {path: one.faults for path, one in found.items() if one.faults}
        good = [path for path in changed if path not in wrong]
        said = self._told.said if not good else ""
        if good:
            try:
                said = self._kept(services, good, [sheet for path in good for sheet in found[path].sheets])
            except FilesError as error:  # several of them are of one tool
                wrong |= dict.fromkeys(good, error.faults)
        still = {path: faults for path, faults in self._wrong.items() if path not in gone and path not in found}
        self._wrong = still | wrong
        faults = dict.fromkeys(fault for faults in self._wrong.values() for fault in faults)
        self._tell(TakenIn(said=said, faults=tuple(faults)))

    def _kept(self, services: Services, files: Sequence[Path], sheets: Sequence[Sheet]) -> str:
        """Keep the reviews of files, and tell the draft again that shows them; says what was done."""
        meant = services.tools.meant({sheet.tool.slug for sheet in sheets})
        slugs = [meant.get(sheet.tool.slug, sheet.tool.slug) for sheet in sheets]
        _, faults = part_twins(sheets, slugs, ())
        if faults:
            raise FilesError(faults)
        week = services.editions.newest_week() or ""
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        named = ", ".join(file.name for file in files[:3]) + more

        def work() -> str:
            done = keep_sheets(services, sheets)
            shown = refresh(services, week, slugs) if week else None
            return f"Took in {named} ({in_words(done)})" + (f"; {week} shows it" if shown else "")

        return kept(services, Scope(week, tools=frozenset((*slugs, *meant))), work, lambda said: said)


def stamps(folder: Path) -> Mapping[Path, _Stamp]:
    """Give what tells the review files of a folder, searched in depth, from what they were; empty without a folder."""
    found: dict[Path, _Stamp] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(ENDINGS) and not name.startswith("."):
                path = Path(place, name)
                try:
                    about = path.stat()
                except OSError:  # it went away just now
                    continue
                found[path] = (about.st_mtime_ns, about.st_size, about.st_ino)
    return found
