"""The desk's page of the edition: every change an editor makes to it, each in one transaction with its way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Concatenate, ParamSpec

from digest.editing import with_intro, with_preheader, with_subject
from digest.editions import EditionRecord
from digest.errors import EditionError
from digest.model import Edition, Layout, Matchup, listing, slugify
from flows import editing
from flows.checking import check_edition
from flows.desk.keeping import edited
from flows.services import Services
from pages.desk.steps import EditionView, ForEdition, Passed

_P = ParamSpec("_P")

#: Characters of a name in the list of changes.
_NAME_MOST = 60


def edition_page(services: Services) -> ForEdition:
    """Make the steps of the edition's page."""

    def by(step: Callable[Concatenate[Services, _P], None]) -> Callable[Concatenate[str, _P], None]:
        def named(who: str, /, *said: _P.args, **more: _P.kwargs) -> None:
            step(services.named(who), *said, **more)

        return named

    return ForEdition(
        look=lambda week: _look(services.named(""), week),
        reword=by(_reword),
        blurb=by(_blurb),
        lay_out=by(_lay_out),
        renew=by(_renew),
        reorder=by(_reorder),
        swap=by(_swap),
        pin=by(_pin),
        veto=by(_veto),
        free=by(_free),
        tell=by(_tell),
        leave_untold=by(_leave_untold),
    )


def _look(services: Services, week: str) -> EditionView:
    record = services.editions.of(week)
    if record is None or record.state == "skipped":
        return EditionView(record.edition if record else None, open=False)
    edition, is_open = record.edition, record.state in {"draft", "approved"}
    words = services.editions.words_for(week)
    ready = services.launches.ready_names(services.settings.quorum, services.judges)
    shown = {slug for one in edition.passed_over for slug in (one.a, one.b)}.union(*words.vetoes)
    names = ready | {slug: tool.name for slug, tool in services.store.tools(shown - ready.keys()).items()}
    pinned = frozenset(one.slug for one in edition.matchups if _slugs(one) in words.pins)
    return EditionView(
        edition,
        is_open,
        check_edition(services, record),
        tuple(_passed(edition, names, ready, pinned)),
        pinned,
        tuple(tuple((slug, names.get(slug, slug)) for slug in sorted(one)) for one in sorted(words.vetoes, key=sorted)),
        services.editions.corrections(week) if is_open else (),
        tuple(sorted(ready.items(), key=lambda one: one[1].casefold())) if is_open else (),
    )


def _passed(
    edition: Edition, names: Mapping[str, str], ready: Iterable[str], pinned: frozenset[str]
) -> Iterator[Passed]:
    """The pairs passed over that do not stand in the edition now, each once."""
    at = {side.tool.slug: place for place, one in enumerate(edition.matchups, 1) for side in one.sides}
    seen = {_slugs(one) for one in edition.matchups}
    for one in edition.passed_over:
        pair = frozenset((one.a, one.b))
        if pair in seen:
            continue
        seen.add(pair)
        stands, can = tuple(sorted({at[slug] for slug in pair if slug in at})), pair <= {*ready}
        place = (stands[0] if stands else _weakest(edition, pinned)) if can and len(stands) < 2 else 0
        yield Passed(
            one.a, one.b, names.get(one.a, one.a), names.get(one.b, one.b), one.score, one.lacked, place, stands, can
        )


def _weakest(edition: Edition, pinned: frozenset[str]) -> int:
    """The place whose matchup has the lowest score, one that nobody pinned where there is one."""
    places = enumerate(edition.matchups, 1)
    return min(places, key=lambda one: (one[1].slug in pinned, one[1].score, -one[0]))[0]


def _slugs(matchup: Matchup) -> frozenset[str]:
    return frozenset(side.tool.slug for side in matchup.sides)


# Words and looks


def _reword(services: Services, week: str, revision: int, subject: str, preheader: str, intro: str) -> None:
    def work() -> Sequence[str]:
        changed = _changed(
            services.editions.require(week).edition, {"subject": subject, "preheader": preheader, "intro": intro}
        )
        if changed:
            editing.reword(services, week, **changed)
        return [*changed]

    edited(services, week, revision, work, lambda names: f"Reworded the {listing(names)}")


_WORDED: Mapping[str, Callable[[Edition, str], Edition]] = {
    "subject": with_subject, "preheader": with_preheader, "intro": with_intro,
}  # fmt: skip


def _changed(edition: Edition, typed: Mapping[str, str]) -> dict[str, str]:
    """Give the texts that are not as they are stored.

    Raises:
        EditionError: Some of them cannot be taken; all that is wrong is said at once.
    """
    changed, wrong = {}, []
    for name, text in typed.items():
        try:
            if getattr(_WORDED[name](edition, text), name) != getattr(edition, name):
                changed[name] = text
        except EditionError as error:
            wrong.append(str(error))
    if wrong:
        raise EditionError("\n".join(wrong))
    return changed


def _blurb(services: Services, week: str, revision: int, slug: str, text: str) -> None:
    def work() -> EditionRecord:
        record = services.editions.require(week)
        stored = next((one.blurb for one in record.edition.matchups if one.slug == slug), None)
        return record if stored == " ".join(text.split()) else editing.blurb(services, week, slug, text)

    did = "Wrote" if text.strip() else "Took away"
    edited(services, week, revision, work, lambda record: f"{did} the blurb of {_called(record, slug)}")


def _lay_out(services: Services, week: str, revision: int, slug: str, layout: str) -> None:
    if layout not in {"full", "short"}:
        raise EditionError(f"{week}: found the layout {layout!r}; allowed: full, short")
    chosen: Layout = "full" if layout == "full" else "short"
    edited(
        services, week, revision, lambda: editing.lay_out(services, week, slug, chosen),
        lambda record: f"Showed {_called(record, slug)} {'in full' if chosen == 'full' else 'short'}",
    )  # fmt: skip


# Pairs


def _reorder(services: Services, week: str, revision: int, order: Sequence[int]) -> None:
    def said(record: EditionRecord) -> str:
        at = max(range(1, len(order) + 1), key=lambda one: (abs(order[one - 1] - one), order[one - 1] > one))
        return f"Moved {_pair(record.edition.matchups[at - 1])} to No. {at}"

    def work() -> EditionRecord:
        record = services.editions.require(week)
        same = [*order] == [*range(1, len(record.edition.matchups) + 1)]
        return record if same else editing.reorder(services, week, order)

    edited(services, week, revision, work, said)


def _renew(services: Services, week: str, revision: int, slug: str) -> None:
    def work() -> str:
        said = _called(services.editions.require(week), slug)
        editing.renew(services, week, slug)
        return said

    edited(services, week, revision, work, lambda said: f"Compared {said} anew")


def _swap(services: Services, week: str, revision: int, place: int, a: str, b: str) -> None:
    if bool(a.strip()) != bool(b.strip()):
        raise EditionError(f"{week}: one tool is named; name both, or neither for the best pair that is not shown")

    def work() -> EditionRecord:
        return editing.swap(services, week, place, _meant(services, a), _meant(services, b))

    edited(
        services, week, revision, work,
        lambda record: f"Put {_pair(record.edition.matchups[place - 1])} at No. {place}",
    )  # fmt: skip


def _pin(services: Services, week: str, revision: int, a: str, b: str) -> None:
    edited(
        services, week, revision, lambda: editing.pin(services, week, a, b), f"Pinned {_names(services, a, b)}"
    )  # fmt: skip


def _veto(services: Services, week: str, revision: int, a: str, b: str, always: bool) -> None:
    how = " for every week" if always else ""
    edited(
        services, week, revision, lambda: editing.veto(services, week, a, b, always=always),
        f"Vetoed {_names(services, a, b)}{how}",
    )  # fmt: skip


def _free(services: Services, week: str, revision: int, a: str, b: str) -> None:
    edited(
        services, week, revision,
        lambda: services.editions.say_of_pair("free", a, b, services.by, services.clock(), week=week),
        f"Freed {_names(services, a, b)} from pin and veto",
    )  # fmt: skip


# Corrections


def _tell(services: Services, week: str, revision: int, tool: str, reviewer: str) -> None:
    edited(
        services, week, revision, lambda: editing.tell(services, week, tool, reviewer),
        f"Announced a correction of {_names(services, tool)}",
    )  # fmt: skip


def _leave_untold(services: Services, week: str, revision: int, tool: str, reviewer: str) -> None:
    edited(
        services, week, revision, lambda: editing.leave_untold(services, week, tool, reviewer),
        f"Left out a correction of {_names(services, tool)}",
    )  # fmt: skip


# Names


def _meant(services: Services, typed: str) -> str:
    """Give the slug of the tool that is meant, whether its name or its slug was typed; unknown ones as they are."""
    for slug in (typed.strip(), slugify(typed)):
        if slug and (tool := services.tools.known(slug)):
            return tool.slug
    return typed.strip()


def _names(services: Services, *slugs: str) -> str:
    known = ((slug, services.tools.known(slug)) for slug in slugs if slug)
    return " vs ".join(_short(tool.name if tool else slug) for slug, tool in known)


def _called(record: EditionRecord, slug: str) -> str:
    return next((_pair(one) for one in record.edition.matchups if one.slug == slug), slug)


def _pair(matchup: Matchup) -> str:
    return " vs ".join(_short(side.tool.name) for side in matchup.sides)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_MOST else f"{name[: _NAME_MOST - 1]}…"
