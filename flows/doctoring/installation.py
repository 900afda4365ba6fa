"""Look whether this installation can do its work: settings, keys, database, disk, schedules; each with what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from digest.database import newest_version, open_engine, schema_version
from digest.errors import SettingsError, VerdictsError
from digest.settings import FILE, SECRETS, Settings, load_settings
from flows.events import event_key
from flows.services import Services
from pages.desk.steps import Check, Level
from pages.events import Signatures
from sources.store import FeedHealth
from subscribers.senders import open_sender

#: Bytes free on the disk below which a person is told, and below which letters and backups may fail.
_LITTLE, _TOO_LITTLE = 1_000_000_000, 100_000_000

#: How long after its time a gather may still be on its way.
_SLACK = timedelta(minutes=15)

#: How long to wait for a database that another program writes to, in seconds.
_PATIENCE_S = 5.0

#: Variables that name a file with a secret.
_NAMED = {*(f"VERDICTS_{name.upper()}_FILE" for name in SECRETS), "SENDGRID_API_KEY_FILE", "SMTP_PASSWORD_FILE"}

_ANEW = f"Mend it in {FILE} or in the environment; then restart `verdicts serve` and the desk."


def checks(services: Services, feeds: Sequence[FeedHealth], gathers_at: datetime) -> list[Check]:
    """Look at everything, what is wrong first; settings as they are now, not as they were when the desk was opened.

    Args:
        services: Of the home folder.
        feeds: How they do, none where their list cannot be read.
        gathers_at: When they were last to be asked by the clock.
    """
    return by_level([*installed(services), database(services), kept(services, feeds, gathers_at)])


def by_level(found: Iterable[Check]) -> list[Check]:
    """Put what is wrong first, and what is good last."""
    return sorted(found, key=lambda one: ("wrong", "warning", "good").index(one.level))


def installed(services: Services) -> list[Check]:
    """Look at files and settings, for which no database is needed."""
    settings, read = _settings(services)
    return [
        read, _keys(services), _sender(services, settings), _from(settings), _site(settings),
        _events(services, settings), _told(settings), disk(settings.home), _panel(services), _feeds(services),
    ]  # fmt: skip


def _settings(services: Services) -> tuple[Settings, Check]:
    """Give the settings as they stand there now, those in use where they cannot be read; with what that told."""
    try:
        now = load_settings(services.settings.home, services.environment)
    except SettingsError as error:
        return services.settings, Check("Settings", "wrong", str(error), _ANEW)
    used = services.settings
    if changed := [name for name in Settings.model_fields if getattr(now, name) != getattr(used, name)]:
        said = f"Changed since the desk was opened: {', '.join(changed)}."
        return now, Check("Settings", "warning", said, "Open the desk anew, and restart `verdicts serve`.")
    return now, Check("Settings", "good", f"{FILE} can be read." if (used.home / FILE).exists() else "The defaults.")


def _keys(services: Services) -> Check:
    try:
        services.settings.key("secret"), services.settings.key("suppression_key")
    except SettingsError as error:
        return Check("Keys", "wrong", str(error), "`verdicts init` makes what is missing.")
    if opened := open_to_others(services.settings.home, services.environment):
        names = " ".join(map(str, opened))
        return Check("Keys", "wrong", f"Others on this machine may read or change {names}.", f"`chmod go= {names}`.")
    return Check("Keys", "good", "The keys of links and of the suppression list are there.")


def open_to_others(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Name the key files, ours and those the environment names, that others than their owner may read or change.

    What a container mounts as a secret may be readable: there, nobody else is.
    """
    ours = [home / f"{name}.key" for name in SECRETS]
    named = [Path(value) for name, value in environment.items() if name.endswith("_FILE") and name in _NAMED and value]
    mounted = Path("/run/secrets")
    return [
        one for one in (*ours, *named) if one.is_file() and mounted not in one.parents and one.stat().st_mode & 0o077
    ]


def _sender(services: Services, settings: Settings) -> Check:
    if settings.sender == "outbox":
        fix = "Set sender to sendgrid or smtp once readers should get it."
        return Check("Sender", "warning", "Letters become files in outbox/ and reach nobody.", fix)
    try:
        with closing(open_sender(settings, services.environment)):
            return Check("Sender", "good", f"{settings.sender} has what it needs to be opened.")
    except SettingsError as error:
        return Check("Sender", "wrong", str(error), _ANEW)


def _from(settings: Settings) -> Check:
    missing = [name for name in ("from_email", "postal_address") if not getattr(settings, name)]
    if not missing:
        return Check("From", "good", f"{settings.from_name or settings.name}, {settings.from_email}.")
    said = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set; nothing is sent for real without."
    return Check("From", "warning" if settings.sender == "outbox" else "wrong", said, _ANEW)


def _site(settings: Settings) -> Check:
    parts = urlsplit(settings.site_url)
    faults = [*(["is not https"] if parts.scheme != "https" else []),
              *(["leads to this machine or network only"] if is_near(parts.hostname or "") else [])]  # fmt: skip
    if not faults:
        return Check("Public pages", "good", f"{settings.site_url}.")
    said = f"{settings.site_url} {' and '.join(faults)}: the links in letters would not work for readers."
    level: Level = "warning" if settings.sender == "outbox" else "wrong"
    return Check("Public pages", level, said, "Set site_url to the address readers reach, with https.")


def is_near(host: str) -> bool:
    """Tell whether a host is this machine, or one of a network that is not for the public."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))


def _events(services: Services, settings: Settings) -> Check:
    if settings.sender != "sendgrid":
        return Check("Event key", "good", f"Not needed: with {settings.sender} nobody posts events.")
    fix = "Set SENDGRID_EVENT_PUBLIC_KEY where `verdicts serve` runs: without it bounces and complaints are not heard."
    try:
        if key := event_key(services.environment):
            Signatures(key)
            return Check("Event key", "good", "SendGrid’s signed events are taken.")
    except SettingsError as error:
        return Check("Event key", "wrong", str(error), fix)
    return Check("Event key", "wrong", "It is not set here; every event SendGrid posts is refused.", fix)


def _told(settings: Settings) -> Check:
    silent = {"editors": "No editor is told of a new draft.", "operator": "Nobody gets alarms."}
    missing = [name for name in silent if not getattr(settings, name)]
    if missing:
        return Check(
            "Who is told", "warning", " ".join(silent[one] for one in missing), f"Set {' and '.join(missing)}."
        )
    return Check("Who is told", "good", f"{len(settings.editors)} of drafts, {settings.operator} of alarms.")


def database(services: Services) -> Check:
    """Tell whether it is there, of this program's version, and how large it is."""
    engine = open_engine(services.settings.database, _PATIENCE_S)
    try:
        found, needed = schema_version(engine), newest_version()
    except VerdictsError as error:
        return Check("Database", "wrong", str(error), "Look whether it is there, and who holds it.")
    finally:
        engine.dispose()
    if found is None:
        return Check("Database", "wrong", "It is not there, or has no tables of ours.", "`verdicts init` makes it.")
    if found != needed:
        said = f"Its tables are at {found}, this program knows {needed}."
        fix = "Update the program, or run `verdicts db upgrade`; then restart `verdicts serve` and the desk."
        return Check("Database", "wrong", said, fix)
    if engine.dialect.name == "sqlite":
        path = Path(engine.url.database or "")
        return Check("Database", "good", f"SQLite, {path.name}, {_size(path.stat().st_size)}, tables at {found}.")
    return Check("Database", "good", f"PostgreSQL, {engine.url.database}, tables at {found}.")


def disk(home: Path) -> Check:
    """Tell how much room there is."""
    free = shutil.disk_usage(home).free
    level: Level = "wrong" if free < _TOO_LITTLE else "warning" if free < _LITTLE else "good"
    fix = "" if level == "good" else "Make room: a database that cannot grow takes no events and no launches."
    return Check("Disk", level, f"{_size(free)} free for the home folder.", fix)


def _size(octets: int) -> str:
    """Write a size in whole units: what changes every second is not news."""
    return f"{octets / 1e9:,.0f} GB" if octets >= 1e9 else f"{octets / 1e6:,.0f} MB" if octets >= 1e6 else "under 1 MB"


def _panel(services: Services) -> Check:
    def said() -> str:
        judges, quorum = len(services.judges), services.settings.quorum
        return f"{judges} of {len(services.panel)} reviewers judge, {quorum} make a verdict."

    return _read("Panel", said, "Mend reviewers.toml or quorum.")


def _feeds(services: Services) -> Check:
    def said() -> str:
        return f"{len(services.feeds):,} in {services.feeds_path.name}."

    return _read("Feeds", said, "Mend the file: nothing is gathered until then.")


def _read(about: str, said: Callable[[], str], fix: str) -> Check:
    try:
        return Check(about, "good", said())
    except SettingsError as error:
        return Check(about, "wrong", str(error), fix)


def kept(services: Services, feeds: Sequence[FeedHealth], gathers_at: datetime) -> Check:
    """Tell whether the schedules seem to run: a feed that was due at the last gather was asked since."""
    waiting = [one for one in feeds if not one.retired_at and _was_due(one, gathers_at)]
    if waiting and services.clock() > gathers_at + _SLACK:
        zone = services.settings.zone
        said = f"{len(waiting):,} feeds were due {gathers_at.astimezone(zone):%a %d %B %H:%M} and nobody asked them."
        return Check("Schedules", "warning", said, "Is `verdicts serve` running? `verdicts run` does once what is due.")
    return Check("Schedules", "good", "What was due was gathered.")


def _was_due(one: FeedHealth, at: datetime) -> bool:
    """Tell whether a feed that was asked before had its turn at a gather and missed it."""
    return one.last_try_at is not None and one.last_try_at < at and (one.next_poll_at or at) <= at
