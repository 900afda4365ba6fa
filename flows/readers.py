"""Readers in and out, as commands ask for it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from digest.database import settle_file
from digest.errors import Fault, FilesError, SettingsError
from flows.progress import counting, reading
from flows.services import Services, whoever
from subscribers import allowing, readercsv
from subscribers.exporting import rows_of
from subscribers.importing import Imported, LeftOut, take_in

#: Standard input or output, where a file's name could stand.
STANDARD = Path("-")


def import_subscribers(services: Services, path: Path, *, leave_out: Callable[[LeftOut], object]) -> Imported:
    """Import subscribers from a CSV file of any size with the header email,name,state,confirmed_at,source.

    It is looked through first, so that one broken further down changes nothing.

    Args:
        services: What it works with.
        path: The file; "-" is standard input.
        leave_out: Told of each row that is not taken, in file order.

    Raises:
        FilesError: The file cannot be read, or has other columns.
    """
    name = "standard input" if path == STANDARD else path.name
    key = services.settings.key("suppression_key")
    with _readable(path) as file:
        size = os.fstat(file.fileno()).st_size
        with reading(f"looking through {name}", size) as at:
            readercsv.look_through(file, name, progress=lambda: at(file.tell()))
        file.seek(0)
        with reading(f"importing {name}", size) as at:
            return take_in(
                services.engine,
                key,
                readercsv.lines(file, name),
                services.clock(),
                source=name,
                leave_out=leave_out,
                progress=lambda: at(file.tell()),
            )


@contextmanager
def _readable(path: Path) -> Iterator[BinaryIO]:
    """Open a file that can be read twice; what comes through a pipe is put into a temporary one."""
    if path == STANDARD:
        with _copied(sys.stdin.buffer) as file:
            yield file
        return
    try:
        opened = path.open("rb")
    except OSError as error:
        raise FilesError([Fault(str(path), None, "", str(error.strerror), "a readable CSV file")]) from error
    with opened:
        if opened.seekable():
            yield opened
            return
        with _copied(opened) as file:
            yield file


@contextmanager
def _copied(piped: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(piped, file)
        file.seek(0)
        yield file


def export_subscribers(services: Services, path: Path, *, state: str | None = None, force: bool = False) -> int:
    """Write subscribers as CSV; returns how many.

    Args:
        services: What it works with.
        path: A file, which only its owner may read and which appears when it is whole; "-" is standard output.
        state: Only those in this state.
        force: Write over a file that is there.

    Raises:
        SettingsError: There is such a file.
    """
    if path == STANDARD:
        return _write(services, sys.stdout, state)
    with _aside(path, force=force) as file:
        return _write(services, file, state)


def _write(services: Services, file: TextIO, state: str | None) -> int:
    written = 0
    stats = services.subscribers.stats()
    total = sum(stats[one] for one in ("confirmed", "unconfirmed", "unsubscribed") if state in {None, one})

    def counted() -> Iterator[tuple[str, ...]]:
        nonlocal written
        for row in rows_of(services.engine, state):
            written += 1
            tick(1)
            yield row

    with counting("readers", total) as tick:
        readercsv.written(counted(), file)
    return written


@contextmanager
def _aside(path: Path, *, force: bool) -> Iterator[TextIO]:
    """Open a new file that takes its place when it is whole, and leaves nothing behind when it is not."""
    taken = SettingsError(f"{path}: a file is there already; allowed: another name, or --force to write over it")
    if path.exists() and not force:
        raise taken
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if force:
            Path(name).replace(path)
        else:
            path.hardlink_to(name)  # unlike renaming, it refuses a file that came meanwhile
    except FileExistsError as error:
        raise taken from error
    finally:
        Path(name).unlink(missing_ok=True)


def allow(services: Services, email: str, why: str) -> str:
    """Lift an address's hard bounce or complaint in the name of who runs the program; returns which it was.

    Raises:
        SettingsError: No reason is given, or it may not be lifted; the text says what to do.
    """
    if not why.strip():
        raise SettingsError("--why: found nothing; allowed: the reason, for whoever asks later")
    key = services.settings.key("suppression_key")
    return allowing.allow(services.engine, key, email, why=why.strip(), who=whoever(), now=services.clock())


def story_of(services: Services, email: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Tell what is kept of an address: a reader's story, None for who is none; and why it is suppressed, if it is.

    Raises:
        SettingsError: It is no address.
    """
    with _address(email):
        reader = services.subscribers.find(email)
        return services.accounts.story(reader.id) if reader else None, services.accounts.suppressed(email)


def forget(services: Services, email: str) -> str:
    """Erase a reader, or keep an address out that is no reader's; returns in words what was done.

    Raises:
        SettingsError: It is no address.
    """
    with _address(email):
        reader = services.subscribers.find(email)
        if reader is not None and services.accounts.erase(reader.id, services.clock()):
            settle_file(services.engine)
            return "erased; only a keyed hash of the address stays, so that no import brings it back"
        kept_out = services.accounts.suppress(email, services.clock())
        settle_file(services.engine)
        return "no subscriber; " + ("no import takes it from now on" if kept_out else "and no import takes it already")


@contextmanager
def _address(email: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise SettingsError(f"EMAIL: found {email!r}: {error}") from error
