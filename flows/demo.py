"""The whole line on bundled samples: feeds over local HTTP, reviews, readers, and a digest in the outbox."""

from __future__ import annotations

import csv
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Literal

from rich.console import Console
from rich.markup import escape

from digest.editions import EditionRecord
from digest.errors import SettingsError
from digest.model import Call, Counts, Tally, percent
from digest.preflight import summary
from digest.settings import FILE, commented, make_home
from digest.weeks import week_of
from flows import checking, readers, reviewing, sending, steps
from flows.services import Services, clock_from, open_services
from subscribers.importing import LeftOut

SAMPLES = Path(__file__).parent / "samples"

_SETTINGS = """\
# Settings of the demo; everything else has its default, listed below.
name = "AI Tool Verdicts"
from_email = "verdicts@example.org"
postal_address = "AI Tool Verdicts, 1 Sample Street, 12345 Exampletown"
fetch_allow_hosts = ["127.0.0.1"]

"""

#: Dates in the sample feeds count back from now, so that there is always something new: %%RFC822 52h%%, %%ISO 52h%%.
_DATE = re.compile(rb"%%(RFC822|ISO) (\d+)h%%")


def demo(home: Path, now: datetime | None = None, *, deliver: bool = True) -> Path:
    """Run the line in `home`, say what was done and where to look; returns the digest's html file.

    A second run in the same week finds its own work and sends nothing again. Without `deliver` it ends before the
    edition is approved, so that an editor can do that.
    """
    console = Console(highlight=False)
    console.print("[bold]AI Tool Verdicts[/bold]: the whole line on sample data, no network, no keys\n")
    clock = clock_from(now)
    _prepare(home)
    with _sample_feeds(clock) as address:
        _write_feeds(home, address)
        with open_services(home, now, create=True, environment={}) as services:
            record, counts = _line(services, _Teller(console), deliver=deliver)
            page, text = _keep_parts(services, record)
    _point(console, home, record, counts, page, text)
    return page


def _prepare(home: Path) -> None:
    """Make the demo's home; somebody's own home, with readers who did not ask for samples, is left alone.

    Raises:
        SettingsError: The folder holds something else.
    """
    mark = _SETTINGS.splitlines()[0]
    if (home / FILE).exists():
        ours = (home / FILE).read_text(encoding="utf-8").startswith(mark)
    else:
        ours = not home.exists() or not any(home.iterdir())
    if not ours:
        raise SettingsError(f"--home: {home} is not a home of the demo; allowed: a new or empty folder")
    home.mkdir(parents=True, exist_ok=True)
    if not (home / FILE).exists():
        (home / FILE).write_text(_SETTINGS + commented().split("\n", 1)[1], encoding="utf-8")
    make_home(home)


def _write_feeds(home: Path, address: str) -> None:
    listed = [
        f'[[feed]]\nname = "{file.stem}"\nurl = "{address}/{file.name}"\nwhy = "a bundled sample"\n'
        for file in sorted((SAMPLES / "feeds").iterdir())
    ]
    (home / "feeds.toml").write_text(
        "# The sample feeds, as served while the demo runs.\n\n" + "\n".join(listed), encoding="utf-8"
    )


class _Teller:
    """Says each step as it happens, with the time it took."""

    def __init__(self, console: Console) -> None:
        self.console, self.number = console, 0

    def step(self, doing: str, work: Callable[[], str]) -> None:
        self.number += 1
        started = time.monotonic()
        with self.console.status(f"{doing}…"):
            said = work()
        took = f"[dim]({time.monotonic() - started:.2f} s)[/dim]"
        self.console.print(f" {self.number}. {doing:<22} {escape(said)} {took}", soft_wrap=True)


def _line(services: Services, teller: _Teller, *, deliver: bool) -> tuple[EditionRecord, Counts]:
    week = week_of(services.clock(), services.settings.zone)
    teller.step("Gather feeds", lambda: _gather(services))
    teller.step("Import reviews", lambda: _import_reviews(services))
    teller.step("Import readers", lambda: _import_readers(services))
    teller.step("Compose the digest", lambda: _compose(services, week))
    teller.step("Render and check", lambda: _check(services, week))
    if deliver:
        teller.step("Deliver to the outbox", lambda: _deliver(services, week))
    return services.editions.require(week), services.ledger.counts(week)


def _gather(services: Services) -> str:
    result = steps.gather(services, everything=True)
    entries = sum(one.entries for one in result.feeds)
    new = sum(one.new for one in result.feeds)
    known = len(services.store.launches())
    failed = "".join(f"; {one.name}: {one.reason}" for one in result.feeds if one.outcome == "failed")
    return f"{len(result.feeds)} feeds, {entries} entries ({new} new), {known} launches ({result.launches} new){failed}"


def _import_reviews(services: Services) -> str:
    # Feeds are dated back from now, reviews are not: a demo at an earlier time must find them too.
    done = reviewing.import_reviews(services, [SAMPLES / "reviews"], until=date.max)
    return f"{done.tools} tools, {done.new + done.changed + done.same} reviews ({done.new + done.changed} new)"


def _import_readers(services: Services) -> str:
    left_out: list[LeftOut] = []
    done = readers.import_subscribers(services, SAMPLES / "subscribers.csv", leave_out=left_out.append)
    with (SAMPLES / "votes.csv").open(encoding="utf-8", newline="") as file:
        votes = [vote for row in csv.DictReader(file) for vote in _votes(row)]
    services.subscribers.vote(votes, services.clock())
    without = f"; {len(left_out)} left out, the first: {left_out[0].reason}" if left_out else ""
    return f"{done.added + done.known} subscribers ({done.added} new), {len(votes)} votes{without}"


def _votes(row: dict[str, str]) -> Iterator[tuple[str, str, Call]]:
    """Spell a line of totals out as the votes of that many sample readers."""
    ships = int(row["ships"])
    for number in range(ships + int(row["skips"])):
        yield row["tool"], f"sample-reader-{number}", "ship" if number < ships else "skip"


def _compose(services: Services, week: str) -> str:
    record = services.editions.of(week)
    found = "found"
    if record is None or record.state == "skipped":
        record, found = steps.compose(services, week), "composed"
    if record.state == "skipped":
        return f"{week} is skipped: {record.reason}"
    pairs = "; ".join(f"{one.a.tool.name} vs {one.b.tool.name}" for one in record.edition.matchups)
    return f"{week} {found}: {pairs}"


def _check(services: Services, week: str) -> str:
    record = services.editions.require(week)
    if record.state == "skipped":
        return "nothing to check"
    message = checking.message_of(services, record)
    return f"html {len(message.html.encode()):,} bytes, {summary(checking.check(services, record, message))}"


def _deliver(services: Services, week: str) -> str:
    record = services.editions.require(week)
    if record.state == "skipped":
        return "nothing to deliver"
    if record.state == "sent":
        return f"already sent to {services.ledger.counts(week).accepted}; nothing sent again"
    if record.state == "draft":
        steps.approve(services, week, "the demo")
    return sending.said_of(sending.send(services, week))


def _keep_parts(services: Services, record: EditionRecord) -> tuple[Path, Path]:
    message = checking.message_of(services, record)
    page, text = (services.settings.home / f"{record.week}.{ending}" for ending in ("html", "txt"))
    page.write_text(message.html, encoding="utf-8")
    text.write_text(message.text, encoding="utf-8")
    return page, text


def _share(tally: Tally) -> str:
    return f"{percent(tally.share)} of {tally.n}"


def _point(console: Console, home: Path, record: EditionRecord, counts: Counts, page: Path, text: Path) -> None:
    if record.edition.matchups:
        lead = record.edition.matchups[0]
        shares = ", ".join(f"{side.tool.name} {_share(side.verdict.tally)}" for side in lead.sides)
        said = escape(f"{lead.bottom_line}\nPanel: {shares}")
        console.print(f"\n[bold]{escape(record.edition.subject)}[/bold]\n{said}", soft_wrap=True)
    where = home.relative_to(Path.cwd()) if home.is_relative_to(Path.cwd()) else home
    letters = sorted((home / "outbox" / record.week).rglob("*.eml"))
    console.print("\nWhere to look")
    for name, path in (("html", page), ("text", text), *((f"letter {n}", one) for n, one in enumerate(letters, 1))):
        console.print(f"  {name:<9}{path}", soft_wrap=True)
    has = f"{counts.accepted} of {counts.planned} readers have it" if counts.planned else "it waits for an editor"
    console.print(f"  {has}\n\nWhat to try next")
    program = "verdicts" if shutil.which("verdicts") else sys.argv[0]
    for command in ("desk", "edition show", "launches", "serve"):
        console.print(f"  {program} {command} --home {where}", soft_wrap=True)


# The sample feeds, over HTTP


@contextmanager
def _sample_feeds(clock: Callable[[], datetime]) -> Iterator[str]:
    """Serve the bundled feeds on a free local port, with their dates moved up to now; gives the address."""
    handler = partial(_Handler, clock=clock, directory=str(SAMPLES / "feeds"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {".xml": "application/xml", ".json": "application/feed+json"}  # noqa: RUF012 - as its base has it

    def __init__(self, *args: object, clock: Callable[[], datetime], directory: str) -> None:
        self.clock = clock
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        """Say nothing: the demo tells what it gathers."""

    def send_head(self) -> BytesIO | BinaryIO | None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return None
        body = dated(path.read_bytes(), self.clock())
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)


def dated(body: bytes, now: datetime) -> bytes:
    """Replace the date tokens of a sample feed by times that many hours before `now`."""

    def one(match: re.Match[bytes]) -> bytes:
        kind: Literal[b"RFC822", b"ISO"] | bytes = match[1]
        moment = (now - timedelta(hours=int(match[2]))).replace(microsecond=0)
        return (format_datetime(moment) if kind == b"RFC822" else moment.isoformat()).encode()

    return _DATE.sub(one, body)
