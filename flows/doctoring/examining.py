"""`verdicts doctor`: look at everything beside each other, bounded in time, and change nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from digest.errors import SettingsError, VerdictsError
from digest.settings import FILE, SECRETS
from flows.doctoring.access import access
from flows.doctoring.domain import domain
from flows.doctoring.installation import by_level, database, disk, installed, kept, open_to_others
from flows.doctoring.letters import letters
from flows.doctoring.scheduled import scheduled
from flows.services import Services, open_services
from flows.silence import silences
from flows.timetable import feeds_of, last_due
from pages.desk.steps import Check

#: What one of the looks that go on beside each other tells.
Look = Callable[[], Iterable[Check]]

#: How long all of it may take, in seconds; each call over a network gives up earlier.
PATIENCE_S = 20.0


def examine(
    home: Path,
    environment: Mapping[str, str],
    now: datetime | None = None,
    *,
    offline: bool = False,
    nameserver: str = "",
) -> list[Check]:
    """Look whether a home folder's installation can do its work; what is wrong comes first.

    Args:
        home: The home folder.
        environment: What is set besides.
        now: The time it is taken to be, else the clock's.
        offline: Nothing is asked over a network: sender, mail domain, public pages and schedules are left out.
        nameserver: Who is asked for names, as HOST or HOST:PORT, else whom this machine asks.
    """
    try:
        with open_services(home, now, environment=environment) as services:
            looks: dict[str, Look] = {"Installation": lambda: installed(services), "Database": lambda: _kept(services)}
            if not offline:
                looks |= {
                    "Access": lambda: access(services),
                    "Mail domain": lambda: domain(services, nameserver),
                    "Prefect": lambda: scheduled(services.settings, environment),
                }
            return by_level(beside(looks))
    except SettingsError as error:
        return by_level([*_unreadable(error), *_keys(home, environment), disk(home if home.is_dir() else Path())])


def beside(looks: Mapping[str, Look], patience_s: float = PATIENCE_S) -> list[Check]:
    """Take several looks at the same time; one that fails or takes too long is itself told as wrong."""
    found: dict[str, list[Check]] = {}

    def take(about: str, look: Look) -> None:
        try:
            found[about] = [*look()]
        except VerdictsError as error:
            found[about] = [Check(about, "wrong", str(error), "Mend that, and look again.")]
        except Exception as error:  # noqa: BLE001 - the other looks must be told; its text may hold what is secret
            said = f"It could not be looked at: {type(error).__name__}."
            found[about] = [Check(about, "wrong", said, "Look at the rest first; this may follow from it.")]

    threads = [threading.Thread(target=take, args=one, daemon=True) for one in looks.items()]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + patience_s
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    slow = Check(
        "", "wrong", f"No answer came within {patience_s:.0f} s.", "Look whether what it asks is there at all."
    )
    late = [Check(about, slow.level, slow.said, slow.fix) for about in looks if about not in found]
    return [*(one for checks in [*found.values()] for one in checks), *late]


def _kept(services: Services) -> Iterable[Check]:
    """Look at the database, and at what it tells; then at letters, which show an edition of it."""
    state = database(services)
    yield state
    if state.level != "good":
        yield from letters(services, None)
        return
    feeds, settings = feeds_of(services), services.settings
    yield kept(services, feeds, last_due(settings, settings.gather_at, services.clock()))
    for one in silences(services):
        yield Check("Silence", "wrong", one.said, "`verdicts status` shows what else is due.")
    newest = services.editions.all(limit=1)
    yield from letters(services, newest[0] if newest else None)


def _unreadable(error: SettingsError) -> Iterable[Check]:
    for line in str(error).splitlines():
        fix = f"Mend it in {FILE} or in the environment; the rest is looked at after that."
        yield Check("Settings", "wrong", line, fix)


def _keys(home: Path, environment: Mapping[str, str]) -> Iterable[Check]:
    if opened := open_to_others(home, environment):
        names = " ".join(map(str, opened))
        yield Check("Keys", "wrong", f"Others on this machine may read or change {names}.", f"`chmod go= {names}`.")
    elif missing := [name for name in SECRETS if not (home / f"{name}.key").exists()]:
        yield Check("Keys", "warning", f"No {' and no '.join(missing)} in {home}.", "`verdicts init` makes them.")
