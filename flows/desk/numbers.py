"""What editions came to, for the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from flows.desk.counting import Counting
from flows.services import Services
from pages.desk.steps import EditionNumbers, ForNumbers, Numbers
from subscribers.counted import Came, came_to, moved_by_day
from subscribers.numbers import Figures, figures

#: Editions that stand beside each other unless all are asked for: half a year.
_SHOWN = 26

#: How the list moved is counted for all weeks at once.
_EVERY_WEEK = ""


def numbers_page(services: Services) -> ForNumbers:
    """Make the steps of the page."""
    figured = Counting(partial(_figures, services), services.clock)
    moved: Counting[Mapping[date, tuple[int, int]]] = Counting(lambda _: moved_by_day(services.engine), services.clock)

    def look(week: str, every: bool) -> Numbers:
        weeks = [one for one, state in services.editions.states() if state in {"sending", "sent"}]
        shown = came_to(services.engine, weeks if every else weeks[:_SHOWN])
        return Numbers(
            all=shown,
            many=len(weeks),
            one=_one(services, shown, week if week in weeks else "", figured),
            moved=moved(_EVERY_WEEK),
            hold_bounces_percent=services.settings.hold_bounces_percent,
        )

    return ForNumbers(look)


def _one(services: Services, shown: Sequence[Came], week: str, figured: Counting[Figures]) -> EditionNumbers | None:
    """Give what is known of one edition; without a week, or one that was not begun, of the newest."""
    found = came_to(services.engine, [week]) if week else shown[-1:]
    if not found:
        return None
    record = services.editions.require(found[0].week)
    return EditionNumbers(found[0], record.edition, record.sent_at, figured(record.week))


def _figures(services: Services, week: str) -> Figures:
    return figures(services.engine, services.editions.require(week).edition)
