"""Events of letters: each kind changes what it should, in any order and any number of times to the same end."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlmodel import Session, SQLModel, select

from digest.database import writing
from digest.model import Counts
from digest.weeks import shifted
from subscribers.accounts import Accounts
from subscribers.addressing import NOTICES, address_hash, fold
from subscribers.allowing import allow
from subscribers.eventposts import read_sendgrid
from subscribers.events import Applied
from subscribers.ledger import Ledger
from subscribers.notices import Notices, queue
from subscribers.numbers import figures
from subscribers.origins import NOWHERE
from subscribers.tables import ConsentRow, NoticeRow, SubscriberRow, SuppressionRow
from tests.examples import NOW, edition
from tests.subscribers.providers import (
    APPLIED,
    SENT,
    SITE_URL,
    events_of,
    everything,
    happened,
    post,
    posts,
    recounted,
    send,
    suppressed,
    tallied,
    told,
)
from tests.subscribers.readers import (
    SUPPRESSION_KEY,
    WEEK,
    consents,
    id_of,
    ids,
    join,
    readers_of,
    row,
    take_in,
)

#: The only reader of most tests.
ADA = "ada@example.org"


@pytest.fixture
def ada(engine: Engine) -> str:
    take_in(engine, [row(ADA)])
    return ids(engine)[0]


@pytest.fixture
def key(engine: Engine, ada: str) -> str:
    return send(engine)


def state(engine: Engine, whose: str) -> str:
    with Session(engine) as session:
        return session.get_one(SubscriberRow, whose).state


def minutes(number: float) -> Any:
    return SENT + timedelta(minutes=number)


# What each kind does


@pytest.mark.parametrize(
    ("event", "more", "kind", "about"),
    [
        ("delivered", {"response": "250 OK"}, "delivered", ""),
        ("deferred", {"response": "451 later"}, "deferred", ""),
        ("bounce", {"type": "blocked", "reason": "552 full"}, "soft bounce", ""),
        ("dropped", {"reason": "Spam Content"}, "dropped", ""),
        ("open", {}, "open", ""),
        ("open", {"sg_machine_open": True}, "machine open", ""),
        ("click", {"url": "https://verdicts.example.org/compare/a-vs-b?utm_source=x"}, "click", "/compare/a-vs-b"),
        ("click", {"url": "https://elsewhere.example/page?me=1"}, "click", "elsewhere.example"),
        ("click", {"url": "https://verdicts.example.org/leave/token"}, "click", "/leave"),
        ("click", {"url": "https://verdicts.example.org/vote/token/2026-W47/x/ship"}, "click", "/vote/2026-W47/x/ship"),
        ("group_resubscribe", {}, "came back", ""),
    ],
)
def test_what_harms_nobody_is_only_kept(
    engine: Engine, ada: str, key: str, event: str, more: dict[str, Any], kind: str, about: str
) -> None:
    post(engine, told(key, ada, event, 2, email=ADA, **more))

    assert happened(engine) == {(WEEK, ada, kind, about, 2)}
    assert (suppressed(engine), state(engine, ada)) == ({}, "confirmed")


@pytest.mark.parametrize(
    ("event", "reason", "why", "left"),
    [
        ({"event": "bounce", "type": "bounce"}, "550 no such user", "hard bounce", ""),
        ({"event": "spamreport"}, "", "complaint", "complained"),
        ({"event": "unsubscribe"}, "", "", "left"),
        ({"event": "group_unsubscribe"}, "", "", "left"),
        ({"event": "dropped"}, "Bounced Address", "hard bounce", ""),
        ({"event": "dropped"}, "Invalid", "hard bounce", ""),
        ({"event": "dropped"}, "Spam Reporting Address", "complaint", "complained"),
        ({"event": "dropped"}, "Unsubscribed Address", "", "left"),
    ],
)
def test_what_ends_a_mailbox_or_a_subscription_does(
    engine: Engine, ada: str, key: str, event: dict[str, str], reason: str, why: str, left: str
) -> None:
    for _ in range(2):
        post(engine, told(key, ada, at=2, email=ADA, reason=reason, **event))

    assert suppressed(engine) == ({ADA: (why, minutes(2))} if why else {})
    assert state(engine, ada) == ("unsubscribed" if left else "confirmed")
    assert [one for one in consents(engine, ada) if one[2] == "SendGrid"] == (
        [(left, minutes(2), "SendGrid")] if left else []
    )


def test_a_bounce_hits_the_address_the_letter_went_to_not_the_one_a_reader_has_moved_to(
    engine: Engine, ada: str, key: str
) -> None:
    accounts = Accounts(engine, SUPPRESSION_KEY)
    accounts.ask_to_move(ada, "new@example.org", SENT)
    accounts.move(ada, "new@example.org", NOWHERE, SENT)

    post(engine, told(key, ada, "bounce", 3, email="Ada@Example.org"), told(key, ada, "spamreport", 4, email=ADA))

    assert suppressed(engine) == {address_hash(fold(ADA), SUPPRESSION_KEY): ("hard bounce", minutes(3))}
    assert state(engine, ada) == "confirmed"


def test_an_own_wish_gives_way_to_harm_and_harm_to_nothing(engine: Engine, ada: str, key: str) -> None:
    with writing(engine) as session:
        session.add(SuppressionRow(address_hash=address_hash(ADA, SUPPRESSION_KEY), why="request", at=NOW))

    post(engine, told(key, ada, "bounce", 3, email=ADA))
    post(engine, told(key, ada, "spamreport", 4, email=ADA))

    assert suppressed(engine) == {ADA: ("hard bounce", minutes(3))}


def test_who_confirmed_or_came_back_after_leaving_stays(engine: Engine, ada: str, key: str) -> None:
    readers_of(engine).leave(ada, minutes(5), source="page")
    readers_of(engine).come_back(ada, minutes(9), source="page")

    post(engine, told(key, ada, "unsubscribe", 8, email=ADA))
    assert state(engine, ada) == "confirmed"

    post(engine, told(key, ada, "unsubscribe", 10, email=ADA))
    assert state(engine, ada) == "unsubscribed"


def test_an_operators_word_stands_against_what_happened_before_it(engine: Engine, ada: str, key: str) -> None:
    post(engine, told(key, ada, "bounce", 3, email=ADA))
    allow(engine, SUPPRESSION_KEY, ADA, why="they told us", who="op", now=minutes(60))

    post(engine, told(key, ada, "bounce", 3, email=ADA), told(key, ada, "spamreport", 4, email=ADA))
    assert (suppressed(engine), state(engine, ada)) == ({}, "confirmed")

    post(engine, told(key, ada, "bounce", 61, email=ADA))
    assert suppressed(engine) == {ADA: ("hard bounce", minutes(61))}


# Which letters


def test_a_letter_outside_the_editions_has_events_of_its_own(engine: Engine, ada: str) -> None:
    notices = Notices(engine, SUPPRESSION_KEY)
    with writing(engine) as session:
        queue(session, "welcome", SENT, subscriber_id=ada)
        queue(session, "alarm", SENT, email="operator@example.org")
    first, second = notices.claim("a:1:1", SENT, "fake"), notices.claim("a:1:1", SENT, "fake")
    assert first is not None
    assert second is not None
    notices.record(first, "unknown", SENT)

    post(
        engine,
        told(first.key, ada, "delivered"),
        told(second.key, f"letter-{second.id}", "bounce", 1, email="operator@example.org"),
        told(second.key, ada, "delivered"),
    )

    assert happened(engine) == {
        (f"letter-{first.id}", ada, "delivered", "", 0),
        (f"letter-{second.id}", f"letter-{second.id}", "hard bounce", "", 1),
    }
    assert posts(engine) == [(3, 1, "", b"")]
    assert suppressed(engine).keys() == {address_hash("operator@example.org", SUPPRESSION_KEY)}
    with Session(engine) as session:
        assert set(session.exec(select(NoticeRow.state))) == {"accepted"}
    assert NOTICES not in {week for week, *_ in happened(engine)}


def test_what_belongs_to_no_letter_of_ours_is_counted_and_changes_nothing(engine: Engine, ada: str, key: str) -> None:
    before = everything(engine)
    strays = [
        told("0123456789ab", ada, "bounce", email=ADA), told(key, "0123456789abcdef", "bounce", email=ADA), 7, None, [],
        {"event": "bounce", "email": ADA}, told(key, ada, "account_status_change"), told(key, "a\x00", "bounce"),
        told(key, ada, "bounce") | {"timestamp": 10**400}, told(key, ada, "bounce") | {"timestamp": "now"},
    ]  # fmt: skip

    post(engine, *strays)

    assert everything(engine) == before
    assert posts(engine) == [(len(strays), len(strays), "", b"")]


def test_a_post_that_cannot_be_read_stops_no_other(engine: Engine, ada: str, key: str) -> None:
    kept = events_of(engine)
    for body in (b"\xff\x00", b"{}", b"[" * 100_000, json.dumps([told(key, ada, "delivered")]).encode()):
        kept.keep("sendgrid", body, SENT)
    kept.keep("nobody", b"[]", SENT)

    assert kept.apply(APPLIED) == Applied(posts=5, events=1, strays=0, broken=4)
    assert kept.apply(APPLIED) == Applied()
    assert happened(engine) == {(WEEK, ada, "delivered", "", 0)}
    reasons = [reason for *_, reason, _ in posts(engine)]
    assert [bool(one) for one in reasons] == [True, True, True, False, True]
    assert [number for number, *_ in kept.broken(NOW)] == sorted(number for number, *_ in kept.broken(NOW))
    assert kept.waiting_since() is None


def test_no_address_is_kept_with_an_event(engine: Engine, ada: str, key: str) -> None:
    post(engine, told(key, ada, "bounce", email=ADA, reason=f"550 <{ADA}>: no such\x00 user at {ADA}\r\n"))

    with engine.connect() as connection:
        rows = [
            *connection.execute(text("SELECT * FROM events")),
            *connection.execute(text("SELECT * FROM event_posts")),
        ]
    assert "550 <…>: no such user at …" in str(rows)
    assert ADA not in str(rows)


def test_old_posts_and_events_of_single_letters_are_forgotten_and_those_of_editions_stay(
    engine: Engine, ada: str, key: str
) -> None:
    with writing(engine) as session:
        queue(session, "welcome", SENT, subscriber_id=ada)
    letter = Notices(engine, SUPPRESSION_KEY).claim("a:1:1", SENT, "fake")
    assert letter is not None
    post(engine, told(letter.key, ada, "delivered"), told(key, ada, "delivered"))

    events_of(engine).tidy(APPLIED + timedelta(days=27), timedelta(days=30))
    assert (len(posts(engine)), len(happened(engine))) == (1, 2)
    events_of(engine).tidy(APPLIED + timedelta(days=31), timedelta(days=30))

    assert posts(engine) == []
    assert happened(engine) == {(WEEK, ada, "delivered", "", 0)}


def test_who_opened_and_clicked_is_forgotten_in_time_and_no_number_changes(engine: Engine) -> None:
    ada, bob = join(engine, 2)
    key = send(engine)
    about = [told(key, one, kind, number) for number, one in enumerate((ada, bob), 2) for kind in ("delivered", "open")]
    post(engine, *about, told(key, ada, "click", 9, url="https://kiln.example/"), told(key, bob, "bounce", 9))
    before, all_ = (tallied(engine), figures(engine, edition(week=WEEK))), happened(engine)

    events_of(engine).unname(APPLIED + timedelta(days=27), timedelta(days=30))
    assert happened(engine) == all_
    for _ in range(2):
        events_of(engine).unname(APPLIED + timedelta(days=31), timedelta(days=30))
        known = {(kind, whose in {ada, bob}) for _, whose, kind, *_ in happened(engine)}
        assert known == {("delivered", True), ("hard bounce", True), ("open", False), ("click", False)}
        assert (tallied(engine), figures(engine, edition(week=WEEK))) == before
        assert tallied(engine) == recounted(engine)


# Who is gone


def test_no_number_falls_when_a_reader_is_erased_and_late_events_still_count(engine: Engine) -> None:
    ada, bob = join(engine, 2)
    key = send(engine)
    post(engine, told(key, ada, "delivered"), told(key, bob, "delivered"), told(key, ada, "open", 3))

    Accounts(engine, SUPPRESSION_KEY).erase(ada, SENT)
    assert Ledger(engine).counts(WEEK) == Counts(planned=2, accepted=2, delivered=2)
    before = suppressed(engine)
    late = told(key, ada, "bounce", 5, email="reader0@example.org"), told(key, ada, "delivered", 6)
    post(engine, *late)
    post(engine, *late)

    assert Ledger(engine).counts(WEEK) == Counts(planned=2, accepted=2, delivered=1, bounced=1)
    assert tallied(engine) == recounted(engine)
    assert suppressed(engine) == before
    assert ada not in str(happened(engine))
    assert len(happened(engine)) == 4


# Any order, any number of times, by anybody


def _some_events(keys: list[str], readers: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    kinds = st.sampled_from(
        [
            {"event": "delivered"}, {"event": "deferred"}, {"event": "bounce", "type": "blocked"}, {"event": "bounce"},
            {"event": "bounce", "type": "blocked"}, {"event": "spamreport"}, {"event": "unsubscribe"},
            {"event": "group_unsubscribe"}, {"event": "dropped", "reason": "Spam Reporting Address"},
            {"event": "open"}, {"event": "click", "url": "https://a.example/"}, {"event": "processed"},
            {"event": "dropped", "reason": "Bounced Address"},
        ]
    )  # fmt: skip
    event = st.builds(
        lambda key, number, kind, at, more: told(
            key, readers[number], at=at, email=f"reader{number}@example.org", **kind, **more
        ),
        st.sampled_from(keys), st.integers(0, 1), kinds, st.integers(0, 8), st.sampled_from([{}, {"response": "x"}]),
    )  # fmt: skip
    return st.lists(event, min_size=1, max_size=14)


class Several(NamedTuple):
    """The keys of some calls, who got them, and all that events about them may change."""

    keys: list[str]
    readers: list[str]
    rows: dict[str, list[dict[str, Any]]]


@pytest.fixture
def several(engine: Engine) -> Several:
    """Three editions that two readers got; one of them moved about since."""
    join(engine, 2)
    first, second = (id_of(engine, f"reader{number}@example.org") for number in range(2))
    readers = readers_of(engine)
    weeks = [send(engine, shifted(WEEK, number)) for number in range(3)]
    readers.leave(second, minutes(2), source="page")
    readers.come_back(second, minutes(4), source="page")
    with writing(engine) as session:
        session.add(ConsentRow(subscriber_id=first, what="allowed", at=minutes(3), source="op: called us"))
    return Several(weeks, [first, second], _rows(engine))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_repetition_of_events_gives_the_same_end(
    engine: Engine, several: Several, data: st.DataObject
) -> None:
    _comes_to_one_end(engine, several, data, data.draw(_some_events(several.keys, several.readers)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_tells_alike_whether_a_mailbox_is_worn_out(
    engine: Engine, several: Several, data: st.DataObject
) -> None:
    whose = several.readers[1]
    away = [told(key, whose, "bounce", number, type="blocked") for number, key in enumerate(several.keys)]
    well = data.draw(st.lists(st.sampled_from([told(key, whose, "delivered", 5) for key in several.keys]), max_size=1))
    _comes_to_one_end(engine, several, data, away + well)


def _comes_to_one_end(engine: Engine, several: Several, data: st.DataObject, events: list[dict[str, Any]]) -> None:
    """Apply events as one post, and then from the same start in any order, some of them twice, bit by bit."""
    again = data.draw(st.permutations(events + events[: data.draw(st.integers(0, len(events)))]))
    cuts = data.draw(st.integers(1, 4))

    _restore(engine, several.rows)
    post(engine, *events)
    once = everything(engine)
    assert tallied(engine) == recounted(engine)

    _restore(engine, several.rows)
    kept = events_of(engine)
    for number in range(0, len(again), cuts):  # not as posts: half of a small one's time goes into keeping it
        bit = read_sendgrid(json.dumps(again[number : number + cuts]).encode(), SITE_URL)
        kept.take(bit.events, APPLIED, "SendGrid")
    assert everything(engine) == once


def _rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All that events may change."""
    tables = {table.name: table for table in SQLModel.metadata.sorted_tables}
    with engine.connect() as connection:
        return {
            name: [dict(one) for one in connection.execute(tables[name].select()).mappings()]
            for name in ("events", "tallies", "event_posts", "suppressions", "consents", "subscribers")
        }


def _restore(engine: Engine, rows: dict[str, list[dict[str, Any]]]) -> None:
    tables = {table.name: table for table in SQLModel.metadata.sorted_tables}
    with writing(engine) as session:
        for name, those in rows.items():
            session.connection().execute(tables[name].delete())
            if those:
                session.connection().execute(tables[name].insert(), those)


def test_two_who_apply_at_once_do_it_once(engine: Engine) -> None:
    readers = join(engine, 40)
    key = send(engine)
    kept = events_of(engine)
    for some in range(0, 40, 2):
        told_of = [told(key, one, "delivered", number) for number, one in enumerate(readers[some : some + 2])]
        kept.keep("sendgrid", json.dumps(told_of).encode(), SENT)
    done: list[Applied] = []
    both = [threading.Thread(target=lambda: done.append(events_of(engine).apply(APPLIED))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(timeout=60)

    assert sum(one.posts for one in done) == 20
    assert sum(one.events for one in done) == 40
    assert Ledger(engine).counts(WEEK) == Counts(planned=40, accepted=40, delivered=40)
