"""This week at the desk: what launched, and an editor's word on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil

from digest.errors import SettingsError, Stale
from digest.launches import Line
from digest.model import Launch, listing, slugify
from digest.spotting import spot
from digest.store import entry_key
from digest.undoing import Scope
from digest.weeks import bounds
from flows.desk.keeping import kept, short
from flows.desk.wanting import Wanting
from flows.services import Services
from flows.steps import COMPARED
from pages.desk.steps import ForWeek, OfWeek, WeekView

#: Launches on a page, and of what is wanted beside them.
_A_PAGE, _WANTED = 40, 8

#: Words up to this long say little of what a launch is: for, with, your.
_SHORT = 4

#: Changes that are looked through for what others did.
_LOOKED_THROUGH = 50


def week_page(services: Services, wanting: Wanting) -> ForWeek:
    """Make the steps of the week's page."""

    def named(who: str) -> Services:
        return services.named(who)

    return ForWeek(
        look=lambda week, view: _look(named(""), wanting, week, view),
        accept=lambda who, week, seen, one: _accept(named(who), week, seen, one),
        reject=lambda who, week, seen, one: _reject(named(who), week, seen, one),
        rename=lambda who, week, seen, one, name: _rename(named(who), week, seen, one, name),
        categorise=lambda who, week, seen, one, category: _categorise(named(who), week, seen, one, category),
        merge=lambda who, week, seen, several: _merge(named(who), week, seen, several),
        split=lambda who, week, seen, one, keys, tool: _split(named(who), week, seen, one, keys, tool),
        announce=lambda who, week, link, tool: _announce(named(who), week, link, tool),
    )


def _look(services: Services, wanting: Wanting, week: str, view: WeekView) -> OfWeek:
    start, end = bounds(week, services.settings.zone)
    judges, quorum, skip = services.judges, services.settings.quorum, (view.page - 1) * _A_PAGE
    found = services.launches.page(
        start, end, quorum, judges, show=view.show, named=view.named, skip=skip, most=_A_PAGE
    )  # fmt: skip
    opened = services.launches.line(view.launch) if view.launch else None
    lines = [*found.lines, *([opened] if opened else [])]
    wanted, many = wanting.first(_WANTED)
    return OfWeek(
        found=found,
        pages=max(1, ceil(found.many / _A_PAGE)),
        reviewed=services.store.reviewed(judges),
        quorum=quorum,
        entries=services.entries.entries({key for line in lines for key in line.launch.entries}),
        wanted=wanted,
        many_wanted=many,
        open=opened,
        near=_near(services, opened.launch, view.like) if opened and view.do == "merge" else (),
        seen=services.journal.newest(),
        compared=_compared(services, week),
    )


def _compared(services: Services, week: str) -> Mapping[str, tuple[str, int]]:
    record = services.editions.of(week)
    if record is None or record.state == "skipped":
        return {}
    pairs = enumerate(record.edition.matchups, 1)
    return {side.tool.slug: (pair.slug, place) for place, pair in pairs for side in pair.sides}


def _near(services: Services, launch: Launch, like: str) -> list[Line]:
    """Give the launches that fit a search; without one those that share the longer words of this one's names."""
    told = " ".join(word for word in f"{launch.tool_name} {launch.title}".split() if len(word) > _SHORT)
    return services.launches.near(launch.first_seen - COMPARED, like or told, but=launch.id)


# An editor's word


def _decide(
    services: Services, week: str, seen: int, marked: Sequence[str], names: Sequence[str],
    work: Callable[[list[Launch]], str],
) -> None:  # fmt: skip
    """Do work on launches that are what the form showed; `names` are those that their tools may get.

    Raises:
        Stale: One is no longer as it was; the text says what others did since.
    """
    found = [services.launches.line(one.split(" ")[0]) for one in marked]
    tools = {one.launch.tool_slug for one in found if one} | {slugify(name) for name in names}
    tools |= set(services.tools.meant(tools).values())
    scope = Scope(week, frozenset(tools), frozenset(one.launch.id for one in found if one))

    def done() -> str:
        return work([_unchanged(services, week, seen, one) for one in marked])

    kept(services, scope, done, lambda said: said)


def _unchanged(services: Services, week: str, seen: int, marked: str) -> Launch:
    launch, _, mark = marked.partition(" ")
    line = services.launches.line(launch)
    if line is None:
        raise SettingsError(f"launch: found {launch!r}; allowed: one that is in the list")
    if line.mark != mark:
        since = [one for one in services.journal.last(_LOOKED_THROUGH, week=week) if one.id > seen]
        told = "".join(f"\n{one.by}: {one.words}" for one in reversed(since))
        told = f" Since then:{told}" if told else " A feed or a command changed it."
        raise Stale(f"{short(line.launch.tool_name)} is no longer as this page showed it; nothing was changed.{told}")
    return line.launch


def _accept(services: Services, week: str, seen: int, marked: str) -> None:
    def accept(launches: list[Launch]) -> str:
        services.decisions.accept(launches[0], services.clock())
        return f"Accepted {short(launches[0].tool_name)}"

    _decide(services, week, seen, [marked], (), accept)


def _reject(services: Services, week: str, seen: int, marked: str) -> None:
    def reject(launches: list[Launch]) -> str:
        services.decisions.reject(launches[0], services.clock())
        return f"Rejected {short(launches[0].tool_name)}"

    _decide(services, week, seen, [marked], (), reject)


def _rename(services: Services, week: str, seen: int, marked: str, name: str) -> None:
    def rename(launches: list[Launch]) -> str:
        renamed = services.decisions.rename(launches[0], name, services.clock())
        return f"Renamed {short(launches[0].tool_name)} to {short(renamed.tool_name)}"

    _decide(services, week, seen, [marked], [name], rename)


def _categorise(services: Services, week: str, seen: int, marked: str, category: str) -> None:
    def categorise(launches: list[Launch]) -> str:
        services.decisions.categorise(launches[0], category, services.clock())
        return f"Put {short(launches[0].tool_name)} into {category}"

    _decide(services, week, seen, [marked], (), categorise)


def _merge(services: Services, week: str, seen: int, marked: Sequence[str]) -> None:
    def merge(launches: list[Launch]) -> str:
        into, *others = launches
        for one in others:
            services.decisions.merge(one, into, services.clock())
        return f"Merged {listing([short(one.tool_name) for one in others])} into {short(into.tool_name)}"

    if len(marked) < 2:
        raise SettingsError("Mark the launches that are one, two or more; the first of them in the list stays.")
    _decide(services, week, seen, marked, (), merge)


def _split(services: Services, week: str, seen: int, marked: str, keys: Sequence[str], tool: str) -> None:
    """Make one launch of some entries of another."""

    def split(launches: list[Launch]) -> str:
        whole = launches[0]
        chosen = [key for key in whole.entries if entry_key(*key) in keys]
        entries = services.entries.entries(chosen)
        if not chosen or len(entries) < len(chosen):
            raise SettingsError("Choose the entries that announce something else; one at least stays.")
        first, *more = (entries[key] for key in chosen)
        own = services.decisions.split(whole, first, " ".join(tool.split()), services.clock(), more)
        return f"Split {short(own.tool_name)} from {short(whole.tool_name)}"

    _decide(services, week, seen, [marked], [tool] if tool else [], split)


def _announce(services: Services, week: str, link: str, tool: str) -> None:
    """Make a launch of an entry in which none was spotted."""
    entries = services.entries.named(link.strip())
    if not entries:
        raise SettingsError(f"link: found {link!r}; allowed: the link or id of an entry that a feed brought")
    spotted = max(spot(entries[0]), key=lambda one: one.score)
    name = " ".join(tool.split()) or spotted.tool or entries[0].title
    mine = services.launches.of_entry(entries[0].feed, entries[0].id)
    slugs = {slugify(name), *(one.launch.tool_slug for one in mine)}
    slugs |= set(services.tools.meant(slugs).values())

    def announce() -> str:
        return services.decisions.announce(entries[0], spotted, tool and name, services.clock()).tool_name

    kept(
        services,
        Scope(week, frozenset(slugs), frozenset(one.launch.id for one in mine)),
        announce,
        lambda made: f"Announced {short(made)}",
    )
