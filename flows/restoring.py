"""Put a backup in the place of a home folder's database, so that nobody is mailed twice and nobody gone comes back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, update
from sqlmodel import col

from digest.database import open_engine, require_current, schema_version, upgrade, writing
from digest.editions import Editions
from digest.errors import DatabaseError, SettingsError
from digest.settings import FILE, SECRETS, Settings, load_settings
from digest.weeks import due_in, week_of
from flows.alone import alone, require_unused
from flows.backups import Unpacked, unpacked
from flows.databases import as_file, put_rows, rows_in
from subscribers.carrying import Carried, carry_over
from subscribers.tables import NoticeRow


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    `where` is the database, without a password; `kept` where what was there is now; `files` what became of each file of
    the home folder; `held` the editions that wait for a person; `letters` those that may have gone out since, and are
    not sent again; `notes` what a person should know.
    """

    where: str
    made_at: str
    rows: Mapping[str, int]
    kept: Path | None = None
    carried: Carried = field(default_factory=Carried)
    files: Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    letters: int = 0
    notes: tuple[str, ...] = ()


def restore(home: Path, environment: Mapping[str, str], path: Path, now: datetime, *, force: bool = False) -> Restored:
    """Restore a backup into a home folder; until it is whole and ready, nothing is changed.

    Who was forgotten, suppressed or has left since the backup stays so, as far as the database at hand tells. Editions
    that were not over are held: they may have gone out since.

    Args:
        home: The home folder; it is made where it is missing.
        environment: Where settings come from, beside its file.
        path: The backup.
        now: When.
        force: Replace a database that has rows; what is there is kept aside.

    Raises:
        SettingsError: There is no such file, the home folder is served, or a key of the environment is another one.
        DatabaseError: The backup is damaged or newer than this program, or the database has rows or is in use.
    """
    near = next(one for one in (home, *home.parents) if one.is_dir())
    with unpacked(path, near) as backup:
        settings = _settings(home, environment, backup)
        home.mkdir(parents=True, exist_ok=True)
        with alone(home):
            return _put_in_place(settings, backup, now, force=force)


def _settings(home: Path, environment: Mapping[str, str], backup: Unpacked) -> Settings:
    """Read the settings that hold once the backup's files are there, before they are."""
    staged = backup.database.parent / "settings"
    staged.mkdir()
    if (source := home / FILE if (home / FILE).exists() else backup.home.get(FILE)) is not None:
        shutil.copy(source, staged / FILE)
    for name in SECRETS:
        if (key := home / f"{name}.key").exists():
            shutil.copy(key, staged)
    settings = load_settings(staged, environment).model_copy(update={"home": home})
    mine, theirs = settings.suppression_key, backup.key("suppression_key")
    outside = mine is not None and any(environment.get(f"VERDICTS_SUPPRESSION_KEY{one}") for one in ("", "_FILE"))
    if outside and mine is not None and theirs not in {None, mine.get_secret_value().encode()}:
        raise SettingsError(
            "VERDICTS_SUPPRESSION_KEY: found another key than the backup's, with which nobody on its suppression list"
            " would be recognised; allowed: the backup's, home/suppression_key.key in it, or none; nothing was changed"
        )
    return settings


def _put_in_place(settings: Settings, backup: Unpacked, now: datetime, *, force: bool) -> Restored:
    target, copy = open_engine(settings.database), open_engine(f"sqlite:///{backup.database}")
    where = target.url.render_as_string(hide_password=True)
    try:
        notes = [f"too large for a backup, so it is not in it: {name}" for name in backup.manifest.left_out]
        before = _at_hand(target, where, notes, force=force)
        upgrade(copy)
        key, key_before = _keys(settings, backup)
        carried = carry_over(target, copy, key_before, key, now) if before else Carried()
        held, letters = _made_safe(copy, settings, backup, now)
        rows = rows_in(copy)
        require_unused(copy)
        if before:
            target.dispose()
        kept = _replaced(settings, target, copy, now, before=before)
        files = _put_files(settings.home, backup, now)
        return Restored(where, backup.manifest.made_at, rows, kept, carried, files, held, letters, tuple(notes))
    finally:
        target.dispose()
        copy.dispose()


def _at_hand(target: Engine, where: str, notes: list[str], *, force: bool) -> bool:
    """Look at the database that is there; tells whether it can be read and has rows.

    Raises:
        DatabaseError: It has rows and `force` is not given, it is another version's, or it is in use.
    """
    try:
        some = {name: count for name, count in rows_in(target).items() if count}
    except DatabaseError as error:
        if not force or target.dialect.name != "sqlite" or "locked" in str(error):
            raise
        notes.append(f"the database there could not be read ({error}): who was forgotten or left since is not known")
        return False
    if some and not force:
        raise DatabaseError(
            f"{where}: there are rows already ({sum(some.values()):,} in {len(some)} tables); nothing was changed:"
            " restore into another --home, or replace it with --force, which keeps what is there aside"
        )
    require_unused(target)
    if some:
        require_current(target)
    return bool(some)


def _keys(settings: Settings, backup: Unpacked) -> tuple[bytes, bytes]:
    """Give the key that the restored suppression list is under, and the one at hand."""
    mine = settings.suppression_key.get_secret_value().encode() if settings.suppression_key else b""
    key = backup.key("suppression_key") or mine
    return key, mine or key


def _made_safe(copy: Engine, settings: Settings, backup: Unpacked, now: datetime) -> tuple[tuple[str, ...], int]:
    """Hold every edition that may have gone out since, and drop queued letters; returns which, and how many."""
    editions, made_at = Editions(copy), datetime.fromisoformat(backup.manifest.made_at)
    said = f"restored from a backup of {made_at:%a %d %B %H:%M} UTC: it may have gone out since"
    held = [week for week, state in editions.states() if state in {"draft", "approved", "sending"}]
    for week in held:
        editions.hold(week, said)
    week = week_of(now, settings.zone)
    due = due_in(week, settings.compose_at, settings.zone)
    if editions.of(week) is None and due is not None and made_at < due <= now:
        editions.skip(week, f"{said}; if it has not, `verdicts compose --week {week}` makes it anew", now)
        held.append(week)
    waiting = update(NoticeRow).where(col(NoticeRow.state) == "queued")
    with writing(copy) as session:
        unsure = session.execute(waiting.values(state="dropped", settled_at=now, reason=said))
        return tuple(held), int(unsure.rowcount)  # type: ignore[attr-defined]


def _replaced(settings: Settings, target: Engine, copy: Engine, now: datetime, *, before: bool) -> Path | None:
    """Put the rows in place in one step; returns where those are that were there."""
    stamp = f"before-restore-{now:%Y%m%d-%H%M%S}"
    if target.dialect.name == "sqlite":
        return _replaced_file(Path(str(target.url.database)), Path(str(copy.url.database)), stamp)
    kept = None
    if before:
        (settings.home / "backups").mkdir(mode=0o700, exist_ok=True)
        kept = settings.home / "backups" / f"{stamp}.db"
        os.close(os.open(kept, os.O_CREAT | os.O_EXCL, 0o600))
        as_file(target, kept)
    upgrade(target)
    put_rows(copy, target, replace=schema_version(target) is not None)
    return kept


def _replaced_file(database: Path, new: Path, stamp: str) -> Path | None:
    database.parent.mkdir(parents=True, exist_ok=True)
    if new.stat().st_dev != database.parent.stat().st_dev:  # nothing takes a place on another disk in one step
        staged = database.with_name(f".{database.name}.{stamp}")
        new = Path(shutil.copy(new, staged))
    new.chmod(0o600)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    kept = None
    if database.exists():
        kept = database.with_name(f"{database.name}.{stamp}")
        kept.hardlink_to(database)
        kept.chmod(0o600)
        for end in ("-wal", "-shm"):  # of a database that could not be read; it must not be taken for the new one's
            if (log := database.with_name(f"{database.name}{end}")).exists():
                log.replace(kept.with_name(f"{kept.name}{end}"))
    new.replace(database)
    return kept


def _put_files(home: Path, backup: Unpacked, now: datetime) -> dict[str, str]:
    """Put the backup's files where the home folder lacks them; those that differ stay, but for keys."""
    done = {}
    for name, source in backup.home.items():
        there, mode = home / name, 0o600 if name.endswith(".key") else 0o644
        if there.exists() and there.read_bytes() == source.read_bytes():
            continue
        if not there.exists():
            done[name] = "restored"
            _write(there, source.read_bytes(), mode)
        elif name == "suppression_key.key":
            kept = there.with_name(f"{name}.before-restore-{now:%Y%m%d-%H%M%S}")
            there.replace(kept)
            _write(there, source.read_bytes(), mode)
            done[name] = f"the backup's; the other one is {kept.name}"
        elif name == "secret.key":
            done[name] = _joined(there, source)
        else:
            done[name] = "left as it is; the backup has another one"
    return {name: said for name, said in done.items() if said}


def _joined(there: Path, source: Path) -> str:
    """Keep both keys of signed links, so that links in letters from before and after the backup go on working."""
    mine, theirs = (path.read_text(encoding="utf-8").split() for path in (there, source))
    if more := [key for key in theirs if key not in mine]:
        _write(there, "".join(f"{key}\n" for key in (*mine, *more)).encode(), 0o600)
        return "the backup's keys are added, so that links of both times work"
    return ""


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
