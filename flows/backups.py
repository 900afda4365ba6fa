"""A backup: one file with every row as of one moment, the keys without which those are worthless, and small files.

It is a tar.gz of `manifest.json`, `verdicts.db` (SQLite, wherever the rows were: so it can be restored to either kind
of database, checked like one, and opened with common tools) and `home/…`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any, NoReturn

from digest.database import newest_version
from digest.errors import DatabaseError, SettingsError
from digest.settings import FILE, SECRETS
from flows.databases import as_file
from flows.services import Services

#: Of the layout of the file itself, not of the tables in it.
FORMAT = 1

DATABASE, MANIFEST, HOME = "verdicts.db", "manifest.json", "home/"

#: What of a home folder belongs to a backup beside the keys: what people wrote. Letters in the outbox do not, they are
#: full of addresses.
_FILES = (FILE, "feeds.toml", "reviewers.toml")
_FOLDERS = ("reviews", "templates")

#: No file that people write is larger, in bytes; a larger one is left out, and said so.
_LARGEST = 20_000_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    `tables` is the version of its tables, `program` that of the program that made it, `rows` how many each table has,
    `sha256` of each other file in it, `left_out` files of the home folder that are too large for it.
    """

    format: int
    made_at: str
    program: str
    tables: str
    rows: Mapping[str, int]
    sha256: Mapping[str, str]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A backup, found to be whole, in a folder of its own: `database`, and `home` with files by their name there."""

    manifest: Manifest
    database: Path
    home: Mapping[str, Path]

    def key(self, name: str) -> bytes | None:
        """Give a key that is in it, None when none is."""
        path = self.home.get(f"{name}.key")
        return path.read_bytes().strip() or None if path else None


def back_up(services: Services, path: Path | None, now: datetime) -> tuple[Path, Manifest]:
    """Write a backup while everything goes on; it appears when it is whole, and only its owner may read it.

    Args:
        services: Of the home folder.
        path: The file, or a folder in which it gets a name; None is `backups` in the home folder.
        now: When, for the name.

    Raises:
        SettingsError: There is such a file already, or no such folder.
        DatabaseError: The database cannot be read.
    """
    target = _target(services.settings.home, path, now)
    with _work_beside(target) as work:
        rows = as_file(services.engine, work / DATABASE)
        files, left_out = _small_files(services, work)
        members = {DATABASE: work / DATABASE, **files}
        sums = {name: _sum(file) for name, file in members.items()}
        made = Manifest(
            FORMAT, now.isoformat(), version("ai-tool-verdicts"), newest_version(), rows, sums, tuple(left_out)
        )
        packed = work / "packed"
        _pack(packed, made, members)
        try:
            target.hardlink_to(packed)  # unlike renaming, it refuses a file that came meanwhile
        except FileExistsError as error:
            raise _taken(target) from error
        _keep_name(target.parent)
    return target, made


def _target(home: Path, path: Path | None, now: datetime) -> Path:
    name = f"verdicts-{now:%Y%m%d-%H%M%S}.tar.gz"
    if path is None:
        (home / "backups").mkdir(mode=0o700, exist_ok=True)
        path = home / "backups"
    target = path / name if path.is_dir() else path
    if not target.parent.is_dir():
        raise SettingsError(f"{path}: there is no folder {target.parent}; allowed: a file or folder in one that is")
    if target.exists():
        raise _taken(target)
    return target.absolute()


def _taken(target: Path) -> SettingsError:
    return SettingsError(f"{target}: a file is there already; allowed: another name")


@contextmanager
def _work_beside(target: Path) -> Iterator[Path]:
    """Make a folder that only its owner may enter, on the same disk, and leave nothing of it behind."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
    finally:
        shutil.rmtree(work)


def _keep_name(folder: Path) -> None:
    """Have the name of a new file on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _small_files(services: Services, work: Path) -> tuple[dict[str, Path], list[str]]:
    """Gather what people wrote in the home folder, and both keys wherever they come from."""
    home = services.settings.home
    found = [home / name for name in _FILES] + [one for name in _FOLDERS for one in sorted((home / name).rglob("*"))]
    files = {f"{HOME}{one.relative_to(home).as_posix()}": one for one in found if one.is_file()}
    left_out = [name.removeprefix(HOME) for name, one in files.items() if one.stat().st_size > _LARGEST]
    files = {name: one for name, one in files.items() if name.removeprefix(HOME) not in left_out}
    for name in SECRETS:
        value = getattr(services.settings, name)
        if value is not None:
            (work / f"{name}.key").write_text(f"{value.get_secret_value().strip()}\n", encoding="utf-8")
            files[f"{HOME}{name}.key"] = work / f"{name}.key"
    return files, left_out


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _pack(packed: Path, manifest: Manifest, members: Mapping[str, Path]) -> None:
    with os.fdopen(os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        # Level 1: a quarter of the time of the usual one, for a tenth more of bytes.
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
            text = json.dumps(asdict(manifest), indent=2).encode()
            told = tarfile.TarInfo(MANIFEST)
            told.size, told.mode = len(text), 0o600
            archive.addfile(told, io.BytesIO(text))
            for name, path in members.items():
                with path.open("rb") as opened:
                    one = tarfile.TarInfo(name)  # without the names and ids of whoever made it
                    one.size, one.mode, one.mtime = path.stat().st_size, 0o600, int(path.stat().st_mtime)
                    archive.addfile(one, opened)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def unpacked(path: Path, near: Path) -> Iterator[Unpacked]:
    """Unpack a backup into a folder that goes again, and look whether it is whole.

    Args:
        path: The file.
        near: A folder on the disk that has room for it.

    Raises:
        SettingsError: There is no such file.
        DatabaseError: It is no backup, is damaged, or was made by a newer version of this program.
    """
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; allowed: one that `verdicts db backup` made")
    work = Path(tempfile.mkdtemp(prefix=".verdicts-unpacked-", dir=near))
    try:
        yield _unpack(path, work)
    finally:
        shutil.rmtree(work)


def _unpack(path: Path, work: Path) -> Unpacked:
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
            if first is None or first.name != MANIFEST:
                _refuse(path, "it is no backup of this program")
            manifest = _manifest(path, _opened(archive, first).read())
            for one in archive:
                if one is not first:
                    _take_out(path, archive, one, manifest, work)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(path, f"it is damaged or no backup ({type(error).__name__})", error)
    if missing := [name for name in manifest.sha256 if not (work / name).is_file()]:
        _refuse(path, f"it is damaged: {', '.join(missing)} is missing")
    home = {name.removeprefix(HOME): work / name for name in manifest.sha256 if name.startswith(HOME)}
    return Unpacked(manifest, work / DATABASE, home)


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        told: dict[str, Any] = json.loads(text)
        found, tables = int(told["format"]), str(told["tables"])
        if found > FORMAT or tables > newest_version():
            versions = f"{told['program']}, tables {tables}; this program knows {newest_version()}"
            _refuse(path, f"it was made by a newer version of this program ({versions}); update the program")
        return Manifest(
            found, str(told["made_at"]), str(told["program"]), tables,
            {str(name): int(count) for name, count in told["rows"].items()},
            {_safe(path, str(name)): str(value) for name, value in told["sha256"].items()},
            tuple(map(str, told.get("left_out", ()))),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _refuse(path, "it is damaged: its manifest cannot be read", error)


def _safe(path: Path, name: str) -> str:
    """Give the name of a file in a backup, if it leads to nowhere else."""
    parts = PurePosixPath(name).parts
    if name != DATABASE and (parts[:1] != ("home",) or len(parts) < 2 or ".." in parts):
        _refuse(path, f"it is no backup of this program: it holds {name!r}")
    return name


def _take_out(path: Path, archive: tarfile.TarFile, one: tarfile.TarInfo, manifest: Manifest, work: Path) -> None:
    if one.name not in manifest.sha256 or not one.isreg():
        _refuse(path, f"it is damaged: {one.name!r} is not in its manifest")
    (work / one.name).parent.mkdir(parents=True, exist_ok=True)
    seen = hashlib.sha256()
    with _opened(archive, one) as source, (work / one.name).open("wb") as target:
        while some := source.read(1 << 20):
            seen.update(some)
            target.write(some)
    if seen.hexdigest() != manifest.sha256[one.name]:
        _refuse(path, f"it is damaged: the checksum of {one.name} is another")


def _opened(archive: tarfile.TarFile, one: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(one)
    if file is None:
        raise tarfile.ReadError(one.name)
    return file


def _refuse(path: Path, why: str, cause: BaseException | None = None) -> NoReturn:
    raise DatabaseError(f"{path}: {why}; nothing was changed") from cause
