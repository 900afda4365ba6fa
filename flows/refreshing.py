"""Tell an edition again from what is stored now: the same pairs in the same order, and an editor's words stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from digest.editions import EditionRecord
from digest.judging import bottom_line, community_read, judge, pricing_read, reviewer_split
from digest.model import Edition, Matchup, Side, Tally
from flows.services import Services


def refresh(services: Services, week: str, slugs: Collection[str]) -> EditionRecord | None:
    """Tell the matchups and the corrections of these tools in a draft again; what is approved stays.

    Why a pair was picked, and with which score, stays as it was found when it was picked.

    Returns:
        The draft as it is then; None where there is none, or nothing in it is another.
    """
    record = services.editions.of(week)
    if record is None or record.state != "draft":
        return None
    edition, known = record.edition, _known(services, record.edition, slugs)
    told = replace(
        edition,
        matchups=tuple(_told(services, edition, one, known) for one in edition.matchups),
        corrections=(
            *(one for one in edition.corrections if one.tool not in slugs),
            *(one for one in services.editions.corrections(week) if one.tool in slugs),
        ),
    )
    return services.editions.keep_edit(record, told, "") if told != edition else None


def _known(services: Services, edition: Edition, slugs: Collection[str]) -> dict[str, Side]:
    """Give the tools of an edition that are among these, by slug, as they stand; none without a ready verdict."""
    wanted = {side.tool.slug for matchup in edition.matchups for side in matchup.sides} & {*slugs}
    reviews, tallies = services.store.reviews(wanted), services.subscribers.tallies(wanted)
    found = [
        Side(
            tool,
            judge(tool, [one for one in reviews if one.tool == slug], services.panel),
            tallies.get(slug, Tally()),
        )
        for slug, tool in services.store.tools(wanted).items()
    ]
    return {one.tool.slug: one for one in found if one.verdict.tally.n >= services.settings.quorum}


def _told(services: Services, edition: Edition, one: Matchup, known: Mapping[str, Side]) -> Matchup:
    """Compare a pair again."""
    a, b = (known.get(side.tool.slug, side) for side in one.sides)
    if (a, b) == one.sides:
        return one
    return replace(
        one,
        a=a,
        b=b,
        bottom_line=bottom_line(a, b, week=edition.week),
        pricing_read=pricing_read(a.tool, b.tool, week=edition.week, today=edition.until.date()),
        split=reviewer_split(a, b, services.panel, week=edition.week),
        community_read=community_read(a, b, week=edition.week),
    )
