"""The work itself as plain functions: commands, flows and the desk call these. No Prefect here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from digest.clustering import EntryKey, cluster
from digest.composing import compose as put_together
from digest.composing import weight
from digest.editions import EditionRecord, History, PairWords
from digest.errors import EditionBlocked, EditionError, Fault, FilesError, TemplateError
from digest.judging import judge
from digest.model import Candidate, Launch, Sighting, Tally
from digest.pairing import pick
from digest.preflight import blockers, summary
from digest.spotting import spot
from digest.wanting import prominence as carried
from digest.weeks import bounds, due_in, week_of
from flows import alarms, events, notices, sending, silence
from flows.checking import check_edition, message_of, require_unblocked
from flows.services import Services
from flows.stopping import gently

if TYPE_CHECKING:
    from sources.gathering import FeedOutcome

#: Known launches that new entries are compared with: older ones are another launch of the same tool.
COMPARED = timedelta(days=60)

#: Entries that are looked at again with new ones: a story is told within days, its report may come before it.
_RETOLD = timedelta(days=7)

#: Entries looked at together: all that a first poll of some hundred feeds brings, bounded for who has more.
_AT_ONCE = 5_000

#: A process that gathers every hour looks at the entries of the last days each time.
_spotted = lru_cache(maxsize=_AT_ONCE)(spot)

#: Feeds that carried a tool within this time until it counts as a reigning one, which new ones are set against.
_RENOWNED, _REMEMBERED = 8, timedelta(weeks=26)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What polling did; `launches` are those first seen by it."""

    feeds: tuple[FeedOutcome, ...]
    launches: int


@dataclass(frozen=True, slots=True)
class Done:
    """One step of a run: its name, and in words what came of it. `problem` marks what needs a person."""

    step: str
    said: str
    problem: bool = False


# Gathering


def gather(
    services: Services,
    *,
    names: Collection[str] = (),
    everything: bool = False,
    progress: Callable[[FeedOutcome], None] = lambda _: None,
) -> Gathered:
    """Poll the feeds that are due, keep their entries, and look for launches in those that are new."""
    from sources.gathering import gather as poll  # noqa: PLC0415 - aiohttp and feedparser: only gathering pays for them

    feeds = [feed for feed in services.feeds if not names or feed.name in names]
    if unknown := sorted(set(names) - {feed.name for feed in feeds}):
        known = ", ".join(feed.name for feed in services.feeds)
        raise FilesError([Fault("feeds", None, "--feed", ", ".join(unknown), known)])
    outcomes = poll(
        feeds,
        services.entries,
        services.policy,
        services.clock(),
        everything=everything or bool(names),
        progress=progress,
    )
    return Gathered(tuple(outcomes), spot_launches(services))


def spot_launches(services: Services) -> int:
    """Look for launches in entries nobody looked at yet; returns how many launches are new.

    Entries are marked only after their launches were kept, so a run that stopped is simply run again.
    """
    now, new = services.clock(), 0
    while entries := services.entries.unspotted(_AT_ONCE):
        sightings = [Sighting(entry, one, seen) for entry, seen in entries for one in _spotted(entry)]
        known = services.store.launches(since=now - COMPARED, everything=True)
        sightings += _told_before(services, known, {(entry.feed, entry.id) for entry, _ in entries})
        new += services.store.keep_launches(cluster(sightings, known, services.store.tool_names()), now)
        services.entries.mark_spotted([(entry.feed, entry.id) for entry, _ in entries], now)
    return new


def _told_before(services: Services, known: Iterable[Launch], new: Collection[EntryKey]) -> list[Sighting]:
    """What the entries of the last days said, without what would make a launch of an entry that made none then."""
    carried = {key for launch in known for key in launch.entries}
    return [
        Sighting(entry, one, seen)
        for entry, seen in services.entries.all_entries(services.clock() - _RETOLD)
        if (entry.feed, entry.id) not in new
        for one in _spotted(entry)
        if (entry.feed, entry.id) in carried or not one.launch
    ]


# The edition


def compose(services: Services, week: str, pairs: int | None = None, *, again: bool = True) -> EditionRecord:
    """Compose a week's edition, or skip the week with the reason when there is nothing to compare.

    Without `again`, what another process composed meanwhile stays.

    Raises:
        EditionError: The week has an edition that was edited, approved or sent, or a later week has one.
    """
    now, settings, editions = services.clock(), services.settings, services.editions
    if (newest := editions.newest_week()) is not None and newest > week:
        raise EditionError(f"{week} cannot be composed: {newest} is there already, and its pairs would be repeated")
    since = editions.cut_off(week) or now - timedelta(days=settings.first_poll_days)
    launches = services.store.launches(since, now)
    candidates = _candidates(services, launches, since)
    history, words = editions.history(week, settings.repeat_weeks), editions.words_for(week)
    apart = history.kept_apart({one.tool_slug for one in launches})
    picked, passed = pick(
        candidates, met=apart, resting=history.resting, limit=pairs or settings.pairs, now=now,
        pins=words.pins, vetoes=words.vetoes, last_shown=history.last_shown,
    )  # fmt: skip
    edition = put_together(
        week, picked, passed, launches, services.panel,
        since=since, until=now, recent_subjects=history.subjects, corrections=editions.corrections(week),
    )  # fmt: skip
    reason = "" if picked else _why_nothing(launches, candidates, history, words)
    told = alarms.skipped(settings, week, reason, now) if reason else alarms.composed(settings, week, now)
    return editions.keep_draft(edition, skipped_because=reason, again=again, also=told)


def candidates_for(services: Services, since: datetime, until: datetime) -> list[Candidate]:
    """Give the tools that may be compared in an edition that covers this time."""
    return _candidates(services, services.store.launches(since, until), since)


def _candidates(services: Services, launches: Sequence[Launch], since: datetime) -> list[Candidate]:
    ready = services.store.ready(services.settings.quorum, services.judges)
    slugs = {tool.slug for tool, _, _ in ready}
    tallies = services.subscribers.tallies(slugs)
    known = services.store.noticed(slugs, services.clock() - _REMEMBERED)
    newest: dict[str, datetime] = {}
    prominence = {slug: min(1.0, feeds / _RENOWNED) for slug, feeds in known.items()}
    for launch in launches:
        slug = launch.tool_slug
        newest[slug] = max(newest.get(slug, launch.announced_at), launch.announced_at)
        prominence[slug] = max(prominence.get(slug, 0.0), carried([launch]))
    return [
        Candidate(
            tool,
            judge(tool, reviews, services.panel),
            tallies.get(tool.slug, Tally()),
            newest.get(tool.slug, recorded if recorded > since else None),
            prominence.get(tool.slug, 0.0),
        )
        for tool, reviews, recorded in ready
    ]


def _why_nothing(
    launches: Sequence[Launch], candidates: Sequence[Candidate], history: History, words: PairWords
) -> str:
    fresh = sum(one.launched_at is not None for one in candidates)
    said = [
        f"no two tools to compare: {len(launches)} launches since the last edition",
        f"{len(candidates)} tools with a ready verdict",
        f"{fresh} of them new",
    ]
    resting = len({one.tool.slug for one in candidates} & history.resting)
    said += [f"{resting} resting after the last edition"] if resting else []
    said += [f"{len(words.vetoes)} vetoed by editors"] if words.vetoes else []
    said += [f"{len(history.met)} pairs that met lately"] if history.met else []
    return ", ".join(said)


def approve(services: Services, week: str, by: str) -> EditionRecord:
    """Freeze an edition's bytes for sending.

    Raises:
        EditionBlocked: Preflight found a blocker.
        EditionError: The state does not allow it.
    """
    record = services.editions.require(week)
    message = message_of(services, record)
    require_unblocked(services, record, message, "approved")
    from digest.rendering import template_folders, template_sources  # noqa: PLC0415 - as above

    made_with = {"site": asdict(services.settings.site), "program": version("ai-tool-verdicts")}
    return services.editions.approve(
        week, message, by, services.clock(), revision=record.revision, made_with=made_with,
        templates=template_sources(template_folders(services.settings.home)),
    )  # fmt: skip


# The week


def run(
    services: Services,
    week: str | None = None,
    *,
    do: Callable[[str, Callable[[], Done]], Done] | None = None,
    aside: bool = False,
) -> list[Done]:
    """Bring a week to where it should be now; safe to repeat.

    Applies what the provider told, gathers what is due, composes once its time has come, sends once it is due, approved
    (by the clock where settings say so) and not too late, then letters. `do` runs each step by name; a scheduler hands
    in its own to record them. `aside` is for who runs this beside schedules: feeds are polled only before something is
    composed, and an edition is left to a process that is sending it.
    """
    at_once = do or (lambda _, work: work())
    told = at_once("events", lambda: events_applied(services))
    done = [told, *_moved_on(services, week, at_once, aside)]
    return [*done, *_silent(services), at_once("notices", lambda: _letters_sent(services))]


def _silent(services: Services) -> list[Done]:
    """Tell the operator what should have happened by now and has not."""
    return [Done("alarm", one.said, problem=True) for one in silence.raise_alarms(services)]


def _moved_on(
    services: Services, week: str | None, at_once: Callable[[str, Callable[[], Done]], Done], aside: bool
) -> list[Done]:
    now = services.clock()
    week = week or week_of(now, services.settings.zone)
    due = due_in(week, services.settings.compose_at, services.settings.zone)
    composes = services.editions.of(week) is None and due is not None and now >= due
    done = [at_once("gather", lambda: _gathered_or_why_not(services))] if composes or not aside else []
    done += [at_once("close", partial(_closed, services, one)) for one in _left_over(services, week)]
    busy = services.ledger.under_way(now) if aside else set()
    begun = [one for one in services.editions.under_way(held=True) if one < week and one not in busy]
    done += [at_once("send", partial(send_when_due, services, one)) for one in begun]
    record = services.editions.of(week)
    if record is None and _expired(services, week):
        return [*done, at_once("compose", lambda: _ended_without(services, week))]
    if record is None and due is not None and now >= due:
        done.append(at_once("compose", lambda: _composed(services, week)))
        record = services.editions.of(week)
    if record is None:
        when = f"due {due:%a %d %B %H:%M} UTC" if due else "no time in this week: see compose_at"
        return [*done, Done("compose", f"{week} {when}")]
    if record.state == "draft":
        done.append(at_once("check", lambda: _checked(services, week)))
    return done if week in busy else [*done, at_once("send", lambda: send_when_due(services, week))]


def _gathered_or_why_not(services: Services) -> Done:
    """Gather; what is wrong with the list of feeds must not keep an approved edition from going out."""
    try:
        return _gathered(services)
    except FilesError as error:
        return Done("gather", f"nothing was polled: {error.faults[0]}", problem=True)


def _gathered(services: Services) -> Done:
    result = gather(services)
    polled = [one for one in result.feeds if one.outcome != "not due"]
    failed = [one for one in result.feeds if one.outcome == "failed"]
    new = sum(one.new for one in result.feeds)
    said = f"{len(polled)} feeds polled, {new} new entries, {result.launches} new launches"
    said += f", {len(failed)} failed" if failed else ""
    return Done("gather", said, problem=bool(polled) and len(failed) == len(polled))


def _expired(services: Services, week: str) -> bool:
    """Tell whether it is too late to send a week's edition."""
    due = due_in(week, services.settings.send_at, services.settings.zone)
    return due is not None and services.clock() > due + timedelta(hours=services.settings.expires_after_h)


def _left_over(services: Services, week: str) -> list[EditionRecord]:
    """Give earlier editions that were not sent in time and that nobody holds on purpose."""
    return [
        one
        for one in services.editions.all(limit=8)
        if one.week < week
        and one.state in {"draft", "approved"}
        and (one.held or alarms.TOO_LATE).startswith(alarms.TOO_LATE)
        and _expired(services, one.week)
    ]


def _closed(services: Services, record: EditionRecord) -> Done:
    """End an earlier week that was not sent in time: its launches and tools are news for the next one."""
    said = "nobody approved it in time" if record.state == "draft" else "it was not sent in time"
    return _skipped(services, record.week, "close", said)


def _ended_without(services: Services, week: str) -> Done:
    """End the current week when its time is over and nothing was composed; a week of the past stays as it is."""
    if week != week_of(services.clock(), services.settings.zone):
        return Done("compose", f"{week} is over, and nothing was composed", problem=True)
    return _skipped(services, week, "compose", "nothing was composed in time")


def _skipped(services: Services, week: str, step: str, reason: str) -> Done:
    """End a week in the name of the clock, and tell the operator."""
    told = alarms.skipped(services.settings, week, reason, services.clock())
    services.editions.skip(week, reason, services.clock(), by="the clock", also=told)
    return Done(step, f"{week} skipped: {reason}", problem=True)


def _composed(services: Services, week: str) -> Done:
    record = compose(services, week, again=False)
    if record.state == "skipped":
        return Done("compose", f"{week} skipped: {record.reason}")
    return Done("compose", f"{week}: {len(record.edition.matchups)} matchups, “{record.edition.subject}”")


def _checked(services: Services, week: str) -> Done:
    found = check_edition(services, services.editions.require(week))
    return Done("check", f"{week}: {summary(found)}", problem=bool(blockers(found)))


def send_when_due(services: Services, week: str, begun: Callable[[int], None] = lambda _: None) -> Done:
    """Send a week's edition if its time has come, nobody holds it, and it is approved or the clock may approve it.

    `begun` is told how many readers it is planned for, before the first call.
    """
    settings, now = services.settings, services.clock()
    record = services.editions.of(week)
    if record is None:
        return Done("send", f"{week} has no edition", problem=True)
    if record.state == "skipped":
        return Done("send", f"{week} skipped: {record.reason}")
    if record.state == "sent":
        return Done("send", f"{week} is sent")
    if record.held:
        said = f"{week} is held: {record.held} (`verdicts edition release {week}` lets it go on)"
        return Done("send", said, problem=True)
    due = due_in(week, settings.send_at, settings.zone)
    if due is None or now < due:
        return Done(
            "send", f"{week} is {record.state}, due {due:%a %d %B %H:%M} UTC" if due else "no time: see send_at"
        )
    if record.state != "sending" and _expired(services, week):
        told = alarms.too_late(settings, week, due, now)
        services.editions.hold(week, f"{alarms.TOO_LATE}: it was due {due:%a %d %B %H:%M} UTC", told)
        said = f"{week} is too late: `verdicts edition release {week}` and at once `verdicts send {week}`, or skip it"
        return Done("send", said, problem=True)
    return _approved_and_sent(services, record, begun)


def _approved_and_sent(services: Services, record: EditionRecord, begun: Callable[[int], None]) -> Done:
    week = record.week
    if record.state == "draft":
        if services.settings.approval == "editor":
            return Done("send", f"{week} waits for an editor: `verdicts edition approve {week}`", problem=True)
        try:
            approve(services, week, "the clock")
        except (EditionBlocked, TemplateError) as error:
            return Done("send", str(error), problem=True)
    try:
        with gently() as stop:
            result = sending.send(services, week, stop=stop, begun=begun)
    except EditionBlocked as error:
        return Done("send", str(error), problem=True)
    return Done("send", sending.said_of(result), problem=result.needs_a_person)


def events_applied(services: Services) -> Done:
    """Apply what the provider told of letters: it may prove calls, and may hold an edition."""
    done = services.events.apply(services.clock())
    return Done("events", events.said_of_events(done), problem=bool(done.broken))


def _letters_sent(services: Services) -> Done:
    with gently() as stop:
        done = notices.send_notices(services, stop, patient=False)
    notices.tidy(services)
    return Done("notices", notices.said_of_letters(done), problem=done.needs_a_person)


def launches_of(services: Services, week: str | None, *, unreviewed: bool = False) -> Iterable[Launch]:
    """Give the launches first seen in a week, most widely carried first; `unreviewed`: those that lack a verdict."""
    week = week or week_of(services.clock(), services.settings.zone)
    start, end = bounds(week, services.settings.zone)
    launches = services.store.launches(start - timedelta(microseconds=1), end - timedelta(microseconds=1))
    launches.sort(key=weight)
    if not unreviewed:
        return launches
    reviewed = services.store.reviewed(services.judges)
    return [one for one in launches if reviewed.get(one.tool_slug, 0) < services.settings.quorum]
