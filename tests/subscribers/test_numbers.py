"""What an edition came to: people apart from scanners, and who left until the next one."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine
from sqlmodel import Session, select

from digest.weeks import shifted
from subscribers.accounts import Accounts
from subscribers.ledger import Ledger
from subscribers.numbers import Click, Figures, by_people, figures
from subscribers.outcomes import Outcomes
from subscribers.tables import BatchRow
from tests.examples import edition
from tests.subscribers.providers import SENT, post, send, told
from tests.subscribers.readers import SUPPRESSION_KEY, WEEK, join, readers_of

HOME = "https://verdicts.example.org"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def clicks(*seconds: float, delivered: float | None = 0) -> list[Click]:
    """Different links of one letter, some seconds after it was sent."""
    at = None if delivered is None else SENT + timedelta(seconds=delivered)
    return [Click("a", f"/{number}", SENT + timedelta(seconds=one), at) for number, one in enumerate(seconds)]


def test_who_clicks_at_once_is_a_scanner() -> None:
    assert [one.about for one in by_people(clicks(3, 10, 11))] == ["/2"]
    assert by_people(clicks(3, delivered=20)) == []
    assert len(by_people(clicks(3, delivered=None))) == 1


def test_four_links_in_ten_seconds_are_a_scanners_and_three_a_persons() -> None:
    assert len(by_people(clicks(60, 61, 62))) == 3
    assert by_people(clicks(60, 61, 62, 70)) == []
    assert len(by_people(clicks(60, 61, 62, 71))) == 4
    assert [one.about for one in by_people(clicks(40, 60, 61, 62, 70, 100))] == ["/0", "/5"]


def test_numbers_of_an_edition_count_each_reader_once(engine: Engine) -> None:
    readers = join(engine, 6)
    key = send(engine)
    plumbline = edition(matchups=1).matchups[0]
    page, site = f"{HOME}/compare/{plumbline.slug}?utm_source=x", plumbline.a.tool.url
    happened = [told(key, one, "delivered") for one in readers[:5]]
    happened += [told(key, readers[0], "open", 5), told(key, readers[1], "open", 5, sg_machine_open=True)]
    happened += [told(key, readers[0], "click", 5, url=one) for one in (page, site, "https://sponsor.example/")]
    happened += [told(key, readers[1], "click", 0.1, url=page), told(key, readers[2], "click", 9, url=f"{HOME}/")]
    happened += [told(key, readers[3], "bounce", 9), told(key, readers[5], "bounce", 9, type="blocked")]
    happened += [told(key, readers[4], "deferred", -1), told(key, readers[2], "deferred", -1)]

    post(engine, *reversed(happened))

    found = figures(engine, edition(matchups=1))
    assert (found.clicks, found.scanners) == (2, 1)
    assert found.clicks_by_matchup == {plumbline.slug: 1}
    assert found.told == Outcomes(delivered=4, bounced_hard=1, bounced_soft=1, opens=1, machine_opens=1)
    counts = Ledger(engine).counts(WEEK)
    assert (counts.accepted, counts.delivered, counts.bounced, counts.complained) == (6, 4, 2, 0)


def test_before_it_is_planned_an_edition_came_to_nothing(engine: Engine) -> None:
    assert figures(engine, edition()) == Figures()


def test_who_leaves_counts_for_the_edition_before_and_votes_for_their_tools(engine: Engine) -> None:
    first, second, third, fourth = join(engine, 4)
    readers, one = readers_of(engine), edition(matchups=1)
    tool = one.matchups[0].a.tool.slug
    send(engine)
    readers.vote([(tool, first, "ship"), ("another", second, "ship")], SENT + minutes(1))
    readers.vote([(tool, third, "skip")], SENT - minutes(1))
    readers.leave(first, SENT + minutes(2), source="page")
    readers.leave(second, SENT + minutes(2), source="page")
    assert (figures(engine, one).left, figures(engine, one).votes) == (2, 1)
    assert figures(engine, one).votes_by_matchup == {one.matchups[0].slug: 1}

    Accounts(engine, SUPPRESSION_KEY).erase(first, SENT + minutes(3))
    assert (figures(engine, one).left, figures(engine, one).votes) == (2, 1)

    send(engine, shifted(WEEK, 1))
    with Session(engine) as session:
        batch = session.exec(select(BatchRow).where(BatchRow.week == shifted(WEEK, 1))).one()
        batch.planned_at = SENT + minutes(60)
        session.add(batch)
        session.commit()
    readers.leave(fourth, SENT + minutes(70), source="page")
    assert (figures(engine, one).left, figures(engine, edition(week=shifted(WEEK, 1))).left) == (2, 1)


def test_a_readers_story_tells_what_became_of_their_letters(engine: Engine) -> None:
    ada = join(engine, 1)[0]
    key = send(engine)
    post(engine, told(key, ada, "delivered"), told(key, ada, "click", 3, url=f"{HOME}/tools/plumbline"))

    story = Accounts(engine, SUPPRESSION_KEY).story(ada)

    assert story is not None
    assert [(one["week"], one["state"], one["at"]) for one in story["editions"]] == [
        (WEEK, "accepted", SENT.isoformat())
    ]
    assert [(one["kind"], one["about"]) for one in story["events"]] == [
        ("delivered", ""),
        ("click", "/tools/plumbline"),
    ]
