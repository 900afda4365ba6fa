"""A year of weeks, replayed: what a scheduler makes of launches and reviews that come as they do in life."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from digest.editions import EditionRecord
from digest.model import CATEGORIES, Launch, Review, Tool
from digest.weeks import shifted
from flows import steps
from flows.services import Services, open_services
from tests.commands import verdicts

FIRST, WEEKS = "2026-W20", 52
JOBS = ("notes", "search", "review", "video", "calls", "tests", "sales", "maps")
PRICES = ("Free", "Freemium", "$9/month", "$20/month", "$49/month")


def monday(week: str) -> datetime:
    day = date.fromisocalendar(int(week[:4]), int(week[6:]), 1)
    return datetime(day.year, day.month, day.day, 6, 10, tzinfo=UTC)


def live_through(services: Services, week: str, dice: random.Random) -> None:
    """Let a week's launches and reviews come in: none in holidays, up to a dozen else, now and then a second look."""
    now = monday(week) - timedelta(hours=30)
    busy = 0 if week[6:] in {"31", "32", "52", "53"} else dice.randint(0, 12)
    names = [f"{dice.choice('BDFGKLMNPRST')}ol{week[2:4]}{week[6:]}{number}" for number in range(busy)]
    launches = [_launch(name, now, dice) for name in names]
    services.store.keep_launches(launches, now)
    sheets = [(_tool(one, dice), _reviews(one.tool_slug, now, dice)) for one in launches if dice.random() < 0.7]
    known = services.store.ready(3, services.judges)
    if known and dice.random() < 0.3:
        tool, reviews, _ = dice.choice(known)
        flipped = replace(reviews[0], call="skip" if reviews[0].call == "ship" else "ship", reviewed_on=now.date())
        sheets.append((tool, [flipped]))
    services.store.record_reviews(sheets, now)


def _launch(name: str, now: datetime, dice: random.Random) -> Launch:
    carried = tuple((f"feed-{number}", name) for number in range(dice.randint(1, 5)))
    return Launch(
        f"{name.lower():>016}", name.lower(), name, f"Introducing {name}", f"https://example.org/{name}", now, now,
        category=dice.choice(CATEGORIES), score=0.9, entries=carried,
    )  # fmt: skip


def _tool(launch: Launch, dice: random.Random) -> Tool:
    return Tool(
        launch.tool_slug, launch.tool_name, f"Vendor {dice.randint(1, 60)}", "One line", "A paragraph.",
        launch.category, tuple(dice.sample(JOBS, 2)), dice.choice(PRICES), launch.first_seen.date(),
        dice.random() < 0.4, launch.link,
    )  # fmt: skip


def _reviews(tool: str, now: datetime, dice: random.Random) -> list[Review]:
    judges = dice.sample(("builder", "skeptic", "futurist", "founder"), dice.randint(3, 4))
    return [Review(tool, one, dice.choice(("ship", "skip")), f"{one} on {tool}.", now.date()) for one in judges]


@pytest.mark.parametrize("weeks", [12, pytest.param(WEEKS, marks=pytest.mark.thorough)])
def test_a_year_of_weeks_keeps_every_promise(year: Path, weeks: int) -> None:
    """One test, because living through the year is what takes time."""
    with open_services(year) as services:
        editions = sorted(services.editions.all(), key=lambda one: one.week)
    assert len(editions) == weeks
    every_week_ends_as_sent_or_as_skipped_with_a_reason(editions)
    no_pair_is_repeated(editions)
    no_tool_stands_twice_in_an_edition_or_in_two_running(editions)
    if weeks == WEEKS:  # in less, one may have to wait
        every_category_with_ready_tools_is_served(year, editions)
    no_subject_comes_back_within_eight_editions(editions)
    every_pair_has_something_new_since_the_last_edition(year, editions)
    every_correction_corrects_what_the_edition_it_names_told(year, editions)


@pytest.fixture
def year(home: Path, weeks: int) -> Path:
    """A home in which a scheduler ran on Monday and Tuesday of weeks: in all over a week 53 and both clock changes."""
    assert verdicts("init", home=home).status == 0
    (home / "verdicts.toml").write_text(
        'timezone = "Europe/Berlin"\npostal_address = "1 Sample Street"\nfrom_email = "verdicts@example.org"\n'
    )
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    dice = random.Random(52)  # noqa: S311 - always the same year
    for number in range(weeks):
        week = shifted(FIRST, number)
        with open_services(home, monday(week)) as services:
            live_through(services, week, dice)
            steps.run(services, week)
        with open_services(home, monday(week) + timedelta(hours=27)) as services:
            steps.run(services, week)
    return home


def pairs(record: EditionRecord) -> list[frozenset[str]]:
    return [frozenset(side.tool.slug for side in one.sides) for one in record.edition.matchups]


def every_week_ends_as_sent_or_as_skipped_with_a_reason(editions: list[EditionRecord]) -> None:
    assert [one.week for one in editions] == [shifted(FIRST, number) for number in range(len(editions))]
    assert {one.state for one in editions} == {"sent", "skipped"}
    for one in editions:
        assert bool(one.edition.matchups) == (one.state == "sent")
        assert one.state == "sent" or "no two tools to compare" in one.reason
    assert Counter(one.state for one in editions)["sent"] >= len(editions) * 0.7


def no_pair_is_repeated(editions: list[EditionRecord]) -> None:
    counted = Counter(pair for one in editions for pair in pairs(one))
    assert [pair for pair, times in counted.items() if times > 1] == []


def no_tool_stands_twice_in_an_edition_or_in_two_running(editions: list[EditionRecord]) -> None:
    shown = [{slug for pair in pairs(one) for slug in pair} for one in editions if one.state == "sent"]
    for one in editions:
        assert len(set().union(*pairs(one))) == 2 * len(pairs(one))
    for before, after in pairwise(shown):
        assert not before & after


def every_category_with_ready_tools_is_served(year: Path, editions: list[EditionRecord]) -> None:
    with open_services(year) as services:
        ready = Counter(tool.category for tool, _, _ in services.store.ready(3, services.judges))
    served = {matchup.a.tool.category for one in editions for matchup in one.edition.matchups}
    assert {category for category, count in ready.items() if count >= 2} <= served


def no_subject_comes_back_within_eight_editions(editions: list[EditionRecord]) -> None:
    subjects = [one.edition.subject for one in editions if one.state == "sent"]
    for place, subject in enumerate(subjects):
        assert subject not in subjects[max(0, place - 8) : place]
        assert 30 <= len(subject) <= 60


def every_pair_has_something_new_since_the_last_edition(year: Path, editions: list[EditionRecord]) -> None:
    with open_services(year) as services:
        seen = {one.tool_slug: one.first_seen for one in services.store.launches()}
    for one in editions:
        for matchup in one.edition.matchups:
            sides = [side.tool.slug for side in matchup.sides]
            reviewed = [review.reviewed_on for side in matchup.sides for review in side.verdict.reviews]
            launched = any(one.edition.since < seen[slug] <= one.edition.until for slug in sides)
            assert launched or max(reviewed) >= one.edition.since.date()


def every_correction_corrects_what_the_edition_it_names_told(year: Path, editions: list[EditionRecord]) -> None:
    corrections = [one for edition in editions for one in edition.edition.corrections]
    assert corrections or len(editions) < WEEKS
    for one in corrections:
        printed = next(edition.edition for edition in editions if edition.week == one.week)
        sides = [side for matchup in printed.matchups for side in matchup.sides if side.tool.slug == one.tool]
        told = [review.call for side in sides for review in side.verdict.reviews if review.reviewer == one.reviewer]
        said = [
            earlier.after
            for earlier in printed.corrections
            if (earlier.tool, earlier.reviewer) == (one.tool, one.reviewer)
        ]
        assert (told or said) == [one.before] != [one.after]
    with open_services(year) as services:
        assert len(services.editions.corrections(shifted(FIRST, len(editions)))) <= 1  # of the last week
