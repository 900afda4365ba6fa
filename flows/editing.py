"""An editor changes an edition: swaps and pins pairs, orders them, rewords. Every change voids an approval."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from digest.composing import matchup_of
from digest.editing import (
    place_of,
    reordered,
    with_blurb,
    with_correction,
    with_intro,
    with_layout,
    with_matchups,
    with_preheader,
    with_subject,
    without_correction,
)
from digest.editions import EditionRecord, fingerprint
from digest.errors import EditionError
from digest.model import Edition, Layout, Matchup, Message, PassedOver
from digest.moving import not_in
from digest.pairing import pick
from flows.checking import site_of
from flows.services import Services
from flows.steps import candidates_for

#: States in which an edition may be edited.
OPEN = ("draft", "approved")

Pairs = Collection[frozenset[str]]

#: What a pair lacked that an editor put another one in the place of: it is not offered again for this edition.
_SWAPPED = "an editor swapped it out"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """An approved edition rendered once more from what is stored.

    `differs` names the parts that are not the same; `made_by` is the version of the program that rendered it first.
    """

    week: str
    sha256: str
    rebuilt_sha256: str
    differs: tuple[str, ...]
    made_by: str
    message: Message


def swap(services: Services, week: str, place: int, a: str = "", b: str = "") -> EditionRecord:
    """Put another pair at a place, counted from 1: the tools with slugs `a` and `b`, else the best one not shown.

    An editor's word wins over how recently a pair met; a tool without a ready verdict is never compared.

    Raises:
        EditionError: There is no such place or no such pair, or the edition can no longer be changed.
    """
    record = _open(services, week)
    matchups = list(record.edition.matchups)
    if not 1 <= place <= len(matchups):
        raise EditionError(f"{week}: found place {place}; allowed: 1 to {len(matchups)}")
    others = [one for one in matchups if one is not matchups[place - 1]]
    if a and b:
        new = _pair(services, record.edition, a, b)
    else:
        new = _best(services, record.edition, others, vetoes=[_slugs(matchups[place - 1])])
    gone = matchups[place - 1]
    matchups[place - 1] = new
    out = PassedOver(gone.a.tool.slug, gone.b.tool.slug, gone.score, _SWAPPED)
    edition = replace(record.edition, passed_over=(out, *record.edition.passed_over))
    return _keep(services, replace(record, edition=edition), matchups)


def reorder(services: Services, week: str, order: Sequence[int]) -> EditionRecord:
    """Put an edition's matchups into another order: their places as they are now, each once."""
    record = _open(services, week)
    return _keep(services, record, reordered(record.edition, order))


def reword(
    services: Services, week: str, *, subject: str | None = None, preheader: str | None = None, intro: str | None = None
) -> EditionRecord:
    """Give an edition a subject, a preheader or an intro in an editor's words.

    An empty intro takes it away, an empty preheader brings back the composed one.
    """
    record = _open(services, week)
    edition = record.edition
    edition = edition if subject is None else with_subject(edition, subject)
    edition = edition if preheader is None else with_preheader(edition, preheader)
    edition = edition if intro is None else with_intro(edition, intro)
    return services.editions.keep_edit(record, edition, services.by)


def blurb(services: Services, week: str, slug: str, text: str) -> EditionRecord:
    """Give a matchup, named by its slug, a paragraph in an editor's words; empty text takes it away."""
    record = _open(services, week)
    return services.editions.keep_edit(record, with_blurb(record.edition, slug, text), services.by)


def lay_out(services: Services, week: str, slug: str, layout: Layout) -> EditionRecord:
    """Show a matchup, named by its slug, in full or short."""
    record = _open(services, week)
    return services.editions.keep_edit(record, with_layout(record.edition, slug, layout), services.by)


def tell(services: Services, week: str, tool: str, reviewer: str) -> EditionRecord:
    """Announce that a printed call of a reviewer on a tool no longer holds.

    Raises:
        EditionError: It still holds, or the edition can no longer be changed.
    """
    record = _open(services, week)
    due = (one for one in services.editions.corrections(week) if (one.tool, one.reviewer) == (tool, reviewer))
    if (correction := next(due, None)) is None:
        raise EditionError(f"{week}: no call of {reviewer} on {tool} needs correcting; readers know the one that holds")
    return services.editions.keep_edit(record, with_correction(record.edition, correction), services.by)


def leave_untold(services: Services, week: str, tool: str, reviewer: str) -> EditionRecord:
    """Announce nothing of a reviewer's changed call on a tool."""
    record = _open(services, week)
    return services.editions.keep_edit(record, without_correction(record.edition, tool, reviewer), services.by)


def renew(services: Services, week: str, slug: str) -> EditionRecord:
    """Compare the two tools of a matchup, named by its slug, once more: with the reviews, votes and prices of now."""
    record = _open(services, week)
    matchups, place = list(record.edition.matchups), place_of(record.edition, slug)
    old = matchups[place]
    new = _pair(services, record.edition, *(side.tool.slug for side in old.sides))
    matchups[place] = replace(new, blurb=old.blurb)
    return _keep(services, record, matchups)


def pin(services: Services, week: str, a: str, b: str) -> EditionRecord | None:
    """Want a pair in a week's edition; where one is composed already, it takes the place of what stands in its way.

    Returns:
        The edition as changed; None while nothing is composed. A skipped one stays as it is until it is composed again.

    Raises:
        EditionError: Every other place is pinned, a tool has no ready verdict, or the edition can no longer be changed.
    """
    _known(services, a, b)
    record, pair = services.editions.of(week), frozenset((a, b))
    if record is not None and record.state != "skipped" and pair not in map(_slugs, record.edition.matchups):
        record = _open(services, week)
        new = _pair(services, record.edition, a, b)
        kept = [one for one in record.edition.matchups if not _slugs(one) & pair]
        if len(kept) >= services.settings.pairs:
            kept.remove(_weakest(services, week, kept))
        kept.append(new)
        while len(kept) < len(record.edition.matchups):
            try:
                kept.append(_best(services, record.edition, kept))
            except EditionError:  # nothing else is worth comparing: a shorter edition
                break
        record = _keep(services, record, kept)
    services.editions.say_of_pair("pin", a, b, services.by, services.clock(), week=week)
    return record


def _weakest(services: Services, week: str, matchups: Sequence[Matchup]) -> Matchup:
    """The matchup with the lowest score that no editor pinned.

    Raises:
        EditionError: All of them are pinned.
    """
    pins = services.editions.words_for(week).pins
    free = [one for one in matchups if _slugs(one) not in pins]
    if not free:
        raise EditionError(f"{week} has no free place: all {len(matchups)} matchups are pinned; swap one of them")
    return min(free, key=lambda one: one.score)


def veto(services: Services, week: str, a: str, b: str = "", *, always: bool = False) -> EditionRecord | None:
    """Keep a pair, or one tool, out of a week's edition or of all; where it stands in one, the best other pair goes in.

    Returns:
        The edition as it stands then, skipped when nothing else is worth comparing; None while nothing is composed.
    """
    _known(services, a, b)
    if a == b:
        raise EditionError(f"{week}: found {a} twice; allowed: two different tools, or one alone")
    services.editions.say_of_pair("veto", a, b, services.by, services.clock(), week="" if always else week)
    record, unwanted = services.editions.of(week), frozenset({a, b} - {""})
    if record is None or record.state not in {"draft", "approved"}:
        return record
    kept = [one for one in record.edition.matchups if not unwanted <= _slugs(one)]
    if len(kept) == len(record.edition.matchups):
        return record
    try:
        kept.append(_best(services, record.edition, kept))
    except EditionError:  # nothing else is worth comparing: a shorter edition
        if not kept:
            return services.editions.skip(week, "its only pair was vetoed, and no other is worth it", services.clock())
    return _keep(services, record, kept)


def _known(services: Services, *slugs: str) -> None:
    for slug in filter(None, slugs):
        if services.tools.known(slug) is None:
            raise EditionError(f"found {slug!r}; allowed: the slug of a tool, see `verdicts tools list`")


def rebuild(services: Services, week: str) -> Rebuilt:
    """Render an approved edition once more from its stored content, site and templates, and compare the bytes.

    Raises:
        EditionError: It was never approved.
    """
    from digest.rendering import render, template_folders  # noqa: PLC0415 - Jinja2 and MJML: only this needs them

    record = services.editions.require(week)
    if record.message is None:
        raise EditionError(f"{week} cannot be rebuilt: it is {record.state} and has no bytes to compare with")
    site = site_of(services, record)
    files = services.editions.templates(record)
    with tempfile.TemporaryDirectory() as folder:
        for name, source in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, "utf-8")
        folders = (Path(folder),) if files else template_folders(services.settings.home)
        message = render(record.edition, site, folders)
    parts = ("subject", "html", "text")
    differs = tuple(name for name in parts if getattr(message, name) != getattr(record.message, name))
    made_by = str(record.made_with.get("program", ""))
    return Rebuilt(week, record.sha256, fingerprint(message), differs, made_by, message)


def _open(services: Services, week: str) -> EditionRecord:
    record = services.editions.require(week)
    back = record.state == "sending" and record.held is not None  # whether anybody can have it is seen when it is kept
    if record.state not in OPEN and not back:
        raise EditionError(f"{week} cannot be edited: {not_in(OPEN, week, record.state, record.held)}")
    return record


def _slugs(matchup: Matchup) -> frozenset[str]:
    return frozenset(side.tool.slug for side in matchup.sides)


def _pair(services: Services, edition: Edition, a: str, b: str) -> Matchup:
    """Compare two tools because an editor wants it.

    Raises:
        EditionError: It is one tool twice, or one is unknown or has no ready verdict.
    """
    pair = frozenset((a, b))
    candidates = {one.tool.slug: one for one in candidates_for(services, edition.since, edition.until)}
    if missing := sorted(pair - candidates.keys()) or ([a] if a == b else []):
        raise EditionError(f"{edition.week}: {_why_not(services, missing[0], a == b)}")
    picked, _ = pick([candidates[a], candidates[b]], met=(), resting=(), limit=1, now=services.clock(), pins=[pair])
    if not picked:
        raise EditionError(f"{edition.week}: {a} and {b} cannot be compared")
    return matchup_of(picked[0], services.panel, edition.week, edition.until.date())


def _why_not(services: Services, slug: str, same: bool) -> str:
    if same:
        return f"found {slug} twice; allowed: two different tools"
    have = services.store.reviewed(services.judges).get(slug)
    if have is None and slug not in services.store.tools([slug]):
        return f"found {slug!r}; allowed: the slug of a tool with a ready verdict, see `verdicts tools list`"
    return f"{slug} has {have or 0} of {services.settings.quorum} reviews; it is compared once its verdict is ready"


def _best(services: Services, edition: Edition, others: Sequence[Matchup], vetoes: Pairs = ()) -> Matchup:
    """Pick the best pair of tools that do not stand in an edition yet.

    Raises:
        EditionError: Nothing else is worth comparing.
    """
    shown = frozenset().union(*map(_slugs, others))
    history = services.editions.history(edition.week, services.settings.repeat_weeks)
    words = services.editions.words_for(edition.week)
    out = {frozenset((one.a, one.b)) for one in edition.passed_over if one.lacked == _SWAPPED}
    launched = {one.tool_slug for one in services.store.launches(edition.since, edition.until)}
    free = [one for one in candidates_for(services, edition.since, edition.until) if one.tool.slug not in shown]
    picked, _ = pick(
        free, met=history.kept_apart(launched), resting=history.resting, limit=1, now=services.clock(),
        vetoes={*words.vetoes, *vetoes, *out}, last_shown=history.last_shown,
    )  # fmt: skip
    if not picked:
        raise EditionError(f"{edition.week}: no other pair is worth comparing; name two tools to compare them anyway")
    return matchup_of(picked[0], services.panel, edition.week, edition.until.date())


def _keep(services: Services, record: EditionRecord, matchups: Sequence[Matchup]) -> EditionRecord:
    edition = record.edition
    launches = services.store.launches(edition.since, edition.until)
    recent = services.editions.history(record.week, services.settings.repeat_weeks).subjects
    return services.editions.keep_edit(record, with_matchups(edition, matchups, launches, recent), services.by)
