"""The panel's work as plain functions: reviews in and out, what is still wanted, and the tools they are of."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from digest.errors import Fault, FilesError, SettingsError
from digest.judging import judge
from digest.model import CATEGORIES, Launch, Review, Tool, Verdict, listing
from digest.prices import is_stale
from digest.tools import Appearance
from digest.wanting import Wanted, lead, ranking
from digest.weeks import shifted, week_of
from flows.services import Services
from sources import reviewexport
from sources.reviewfiles import Sifted, part_twins, review_files, sift
from sources.sheets import Sheet, document_of, tool_values

#: What became of one file of an export.
Outcome = Literal["written", "unchanged", "left"]

#: Bytes of a file's name before its ending; file systems end at 255.
_NAME_BYTES = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did: tools described, reviews that were new, changed or known, and what was left out and why.

    `older` counts reviews left out because a newer one is stored, `described` known tools that are described anew;
    `meant` has slugs that mean another tool, each with that tool's.
    """

    tools: int
    new: int
    changed: int
    same: int
    older: int = 0
    described: int = 0
    meant: tuple[tuple[str, str], ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: the files written, those that said the same already, and those left alone with the reason."""

    tools: int
    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A tool with the active panel's verdict; `stale` tells that its price wants checking."""

    tool: Tool
    verdict: Verdict
    ready: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """Everything kept of a tool.

    `history` has every version of every review with when it was recorded, reviewers in panel order, oldest first;
    `editions` those it stood in, newest first, each with the version of each review that was printed.
    """

    standing: Standing
    history: tuple[tuple[Review, datetime], ...]
    editions: tuple[tuple[Appearance, Mapping[str, int]], ...]
    launches: tuple[Launch, ...]
    aliases: tuple[str, ...]


def today(services: Services) -> date:
    """The day it is in the configured zone."""
    return services.clock().astimezone(services.settings.zone).date()


# Reviews in and out


def import_reviews(
    services: Services, paths: Sequence[Path], *, partial: bool = False, until: date | None = None
) -> Taken:
    """Keep the reviews in files and folders: all of them, or nothing where one is wrong.

    Args:
        services: What to work with.
        paths: Files and folders.
        partial: Keep the good documents and report the others instead.
        until: No day in them may be later; else today.

    Raises:
        FilesError: Something in them is wrong; nothing was changed. Every fault at once.
    """
    sheets, faults = read_sheets(services, paths, until)
    if faults and not partial:
        raise FilesError(faults)
    return keep_sheets(services, sheets, faults)


def read_sheets(
    services: Services, paths: Sequence[Path], until: date | None = None
) -> tuple[tuple[Sheet, ...], tuple[Fault, ...]]:
    """Read the files and folders of an import and change nothing: the good documents, and every fault."""
    found = sift(paths, services.panel, until or today(services))
    meant = services.tools.meant({sheet.tool.slug for sheet in found.sheets})
    slugs = [meant.get(sheet.tool.slug, sheet.tool.slug) for sheet in found.sheets]
    return part_twins(found.sheets, slugs, found.faults)


def keep_sheets(services: Services, sheets: Sequence[Sheet], faults: tuple[Fault, ...] = ()) -> Taken:
    """Keep the documents read from files; `faults` tells what of them was left out."""
    done = services.store.record_reviews([(sheet.tool, sheet.reviews) for sheet in sheets], services.clock())
    return Taken(**asdict(done), faults=faults)


def in_words(done: Taken) -> str:
    """Say what an import did, in one line."""
    older = f", {done.older} left out because a newer one is stored" if done.older else ""
    anew = f"; tools described anew: {done.described}" if done.described else ""
    tools = f"{done.tools} {'tool' if done.tools == 1 else 'tools'}"
    reviews = "new review" if done.new == 1 else "new reviews"
    return f"{tools}: {done.new} {reviews}, {done.changed} changed, {done.same} known{older}{anew}"


def stored_documents(services: Services) -> dict[str, dict[str, Any]]:
    """Give every tool that has reviews as a document, by slug: the newest reviews, in panel order."""
    tools = services.tools.reviewed()
    reviews: dict[str, list[Review]] = {}
    for one in services.store.reviews({tool.slug for tool in tools}):
        reviews.setdefault(one.tool, []).append(one)
    return {tool.slug: document_of(tool, _in_panel_order(services, reviews[tool.slug])) for tool in tools}


def _in_panel_order(services: Services, reviews: Sequence[Review]) -> list[Review]:
    place = {one.slug: number for number, one in enumerate(services.panel)}
    return sorted(reviews, key=lambda one: (place.get(one.reviewer, len(place)), one.reviewer, one.version))


def strangers(services: Services, documents: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Give the reviewers in documents that are not on the panel: an import of them is refused."""
    known = {one.slug for one in services.panel}
    return sorted({review["reviewer"] for one in documents.values() for review in one["reviews"]} - known)


def export_reviews(services: Services, path: Path, *, force: bool = False) -> Exported:
    """Write everything stored: into one file, by its ending, which it replaces, or into a folder, each tool apart.

    In a folder a tool stands in the file that holds it already, whatever that is called, else in a new YAML file. A
    file that says the same is left as it is, comments and all. So is one that says anything else or cannot be read,
    with the reason, unless `force` is given, and always one that holds other tools too. Nothing is ever deleted.

    Raises:
        SettingsError: The file's ending is not one of a review file.
    """
    documents = stored_documents(services)
    if path.suffix and not path.is_dir():
        if (writer := reviewexport.WRITERS.get(path.suffix.lower())) is None:
            endings = ", ".join(reviewexport.WRITERS)
            raise SettingsError(f"{path}: found the ending {path.suffix!r}; allowed: {endings}, or a folder")
        same = not _put(path, writer(list(documents.values())))
        return Exported(len(documents), () if same else (str(path),), (str(path),) if same else (), ())
    folder = _Folder.opened(services, path)
    done = {slug: folder.put(services, slug, document, force=force) for slug, document in documents.items()}
    return Exported(
        len(documents),
        tuple(str(file) for file, outcome, _ in done.values() if outcome == "written"),
        tuple(str(file) for file, outcome, _ in done.values() if outcome == "unchanged"),
        tuple((str(file), reason) for file, outcome, reason in done.values() if outcome == "left"),
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """The review files of a folder with what was read in each; `meant` has the slugs that mean another tool's."""

    path: Path
    files: Mapping[Path, Sifted]
    meant: Mapping[str, str]
    holders: Mapping[str, Sequence[Path]]

    @classmethod
    def opened(cls, services: Services, path: Path) -> _Folder:
        files = {file: sift([file], services.panel, date.max) for file in review_files(path)}
        meant = services.tools.meant({slug for found in files.values() for slug in found.slugs})
        holders: dict[str, list[Path]] = {}
        for file, found in files.items():
            for slug in sorted({meant.get(one, one) for one in found.slugs}):
                holders.setdefault(slug, []).append(file)
        return cls(path, files, meant, holders)

    def put(
        self, services: Services, slug: str, document: Mapping[str, Any], *, force: bool
    ) -> tuple[Path, Outcome, str]:
        """Write a tool's document into the file it belongs in, unless that is to be left; says which and why."""
        file, *more = self.holders.get(slug, [self.path / _file_name(slug)])
        text = reviewexport.WRITERS[file.suffix.lower()]([document])
        if more:
            return file, "left", f"{slug} is also in {', '.join(map(str, more))}; an import takes each tool once"
        if (found := self.files.get(file)) and file.read_bytes() != text.encode():
            if self._says(services, found, slug, document):
                return file, "unchanged", ""
            if others := sorted({self.meant.get(one, one) for one in found.slugs} - {slug}):
                return file, "left", f"it holds {listing(others)} and does not say what is stored of {slug}"
            if not force:
                return file, "left", _why_left(file, found)
        return file, "written" if _put(file, text) else "unchanged", ""

    def _says(self, services: Services, found: Sifted, slug: str, document: Mapping[str, Any]) -> bool:
        """Tell whether a file says of a tool just what a document does."""
        mine = [one for one in found.sheets if self.meant.get(one.tool.slug, one.tool.slug) == slug]
        said = [
            document_of(replace(one.tool, slug=slug), _in_panel_order(services, one.reviews)) == document
            for one in mine
        ]
        return said == [True]


def _why_left(file: Path, found: Sifted) -> str:
    if found.faults:
        return f"it cannot be read ({found.faults[0]}); --force overwrites it"
    return f"it says otherwise than what is stored; import it first (verdicts panel import {file}), or see --force"


def _file_name(slug: str) -> str:
    if len(slug.encode()) > _NAME_BYTES:
        slug = f"{slug[:40]}-{hashlib.sha256(slug.encode()).hexdigest()[:12]}"
    return f"{slug}.yaml"


def _put(file: Path, text: str) -> bool:
    """Write a file as a whole or not at all; False, and untouched, where it says so already."""
    if file.is_file() and file.read_bytes() == text.encode():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(text.encode())
        Path(name).chmod(mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


# What is wanted


def wanted(services: Services) -> list[Wanted]:
    """Rank the launches of the last weeks that lack a verdict, most wanted first."""
    now, settings, store = services.clock(), services.settings, services.store
    launches = store.launches(since=now - timedelta(days=settings.first_poll_days), until=now)
    week = week_of(now, settings.zone)
    rank = ranking(
        [tool for tool, _, _ in store.ready(settings.quorum, services.judges)],
        services.editions.history(shifted(week, 1), settings.repeat_weeks + 1).met,
        store.reviewed(services.judges),
        quorum=settings.quorum,
        now=now,
    )
    return rank(launches, store.tools({one.tool_slug for one in launches}))


def most_wanted(services: Services, most: int) -> tuple[list[Wanted], int]:
    """Give the first of what `wanted` gives, and how many that is; what is behind them is only counted."""
    now, settings, launches = services.clock(), services.settings, services.launches
    since = now - timedelta(days=settings.first_poll_days)
    reviewed, ready = services.store.reviewed(services.judges), launches.ready(settings.quorum, services.judges)
    week = week_of(now, settings.zone)
    met = services.editions.history(shifted(week, 1), settings.repeat_weeks + 1).met
    hopefuls = launches.hopefuls(since, now, settings.quorum, services.judges)
    rank = ranking(ready, met, reviewed, quorum=settings.quorum, now=now)

    def look(slugs: Sequence[str]) -> list[Wanted]:
        return rank(launches.of_tools(slugs, since, now), services.store.tools(slugs))

    return lead(hopefuls, most, look, may_pair=bool(ready), now=now), len(hopefuls)


def write_templates(services: Services, found: Sequence[Wanted], folder: Path) -> tuple[list[str], list[str]]:
    """Write a review file to fill in for each wanted tool; gives the files written, and those that were there already.

    What is known is filled in, also reviews that are stored; a file that is there is never overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    slugs = {one.launch.tool_slug for one in found}
    tools, reviews = services.store.tools(slugs), services.store.reviews(slugs)
    lenses = {one.slug: one.lens for one in services.panel}
    written, there = [], []
    for one in found:
        tool = tools[one.launch.tool_slug]
        file = folder / _file_name(tool.slug)
        stored = {review.reviewer: review for review in reviews if review.tool == tool.slug}
        document = _to_fill_in(services, tool, stored)
        try:
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(reviewexport.template(document, lenses, str(file)))
            written.append(str(file))
        except FileExistsError:
            there.append(str(file))
    return written, there


def _to_fill_in(services: Services, tool: Tool, stored: Mapping[str, Review]) -> dict[str, Any]:
    """Give what is known of a tool, of that only what an import would take, and a place for each active reviewer."""
    document = document_of(tool, [])
    known = {name: document.get(name) for name in ("name", "vendor", "tagline", "category", "entry_price", "url")}
    for name, value in known.items():
        faults: list[Fault] = []
        tool_values("", {name: value}, date.max, faults)
        if faults:
            document.pop(name, None)
    of_stored = {one["reviewer"]: one for one in document_of(tool, list(stored.values()))["reviews"]}
    active = [one.slug for one in services.panel if one.active]
    return document | {"reviews": [of_stored.get(slug, {"reviewer": slug}) for slug in active]}


# Tools


def list_tools(
    services: Services, category: str | None = None, *, ready: bool | None = None, stale_price: bool = False
) -> list[Standing]:
    """Give the tools known, by slug: of a category, with or without a ready verdict, with a price to check again.

    Raises:
        SettingsError: There is no such category.
    """
    if category is not None and category not in CATEGORIES:
        near = difflib.get_close_matches(category.title(), CATEGORIES, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise SettingsError(f"--category: found {category!r}; allowed: {', '.join(CATEGORIES)}{hint}")
    day, reviewed = today(services), services.store.reviewed(services.judges)
    tools = services.tools.all(category)
    if ready:
        tools = [tool for tool in tools if reviewed.get(tool.slug, 0) >= services.settings.quorum]
    reviews: dict[str, list[Review]] = {}
    for one in services.store.reviews({tool.slug for tool in tools} & reviewed.keys()):
        reviews.setdefault(one.tool, []).append(one)
    found = (_standing(services, tool, reviews.get(tool.slug, []), day) for tool in tools)
    return [one for one in found if ready in (None, one.ready) and (one.stale or not stale_price)]


def _standing(services: Services, tool: Tool, newest: Sequence[Review], day: date) -> Standing:
    verdict = judge(tool, newest, services.panel)
    stale = bool(tool.entry_price) and is_stale(tool.price_checked_on, day)
    return Standing(tool, verdict, verdict.tally.n >= services.settings.quorum, stale)


def look_up(services: Services, slug: str) -> Dossier:
    """Give everything kept of a tool, found by any slug it ever had.

    Raises:
        SettingsError: There is no such tool; the text names those that are nearly called so.
    """
    tools = services.tools
    tool = tools.find(slug)
    recorded = {(one.reviewer, one.version): (one, at) for one, at in tools.history(tool.slug)}
    versions = _in_panel_order(services, [one for one, _ in recorded.values()])
    newest = {one.reviewer: one for one in versions}
    editions = [(one, _printed(services, one.week, tool.slug)) for one in tools.appearances(tool.slug)]
    return Dossier(
        _standing(services, tool, list(newest.values()), today(services)),
        tuple(recorded[one.reviewer, one.version] for one in versions),
        tuple(editions),
        tuple(tools.launches(tool.slug)),
        tuple(tools.aliases(tool.slug)),
    )


def _printed(services: Services, week: str, slug: str) -> dict[str, int]:
    matchups = services.editions.require(week).edition.matchups
    sides = (side for matchup in matchups for side in matchup.sides if side.tool.slug == slug)
    return {review.reviewer: review.version for side in sides for review in side.verdict.reviews}


def edit_tool(services: Services, slug: str, given: Mapping[str, Any]) -> tuple[Tool, dict[str, tuple[Any, Any]]]:
    """Change fields of a tool, as a review file would have them; gives the tool and what was another before.

    `tags` may be one text with commas or semicolons between words. A price that is given was checked today, unless
    `price_checked_on` says when.

    Raises:
        SettingsError: There is no such tool, or another one has that name.
        FilesError: A value is wrong; every fault at once, nothing was changed.
    """
    tools, faults, values = services.tools, list[Fault](), dict(given)
    slug = tools.find(slug).slug
    if isinstance(values.get("tags"), str):
        values["tags"] = [word.strip() for word in re.split("[,;]", values["tags"]) if word.strip()]
    if "entry_price" in values:
        values.setdefault("price_checked_on", today(services).isoformat())
    taken = tool_values("tools edit", values, today(services), faults)
    if faults:
        raise FilesError(faults)
    changed = tools.edit(slug, taken)
    return tools.find(slug), changed
