"""A reader sees what is kept, moves it to another address, and is erased at once; counts still add up."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from digest.database import reading
from subscribers.accounts import Accounts
from subscribers.addressing import address_hash, fold
from subscribers.joining import Joining
from subscribers.ledger import Claim, Ledger
from subscribers.origins import Origin
from subscribers.tables import NoticeRow
from tests.examples import NOW
from tests.subscribers.readers import (
    SUPPRESSION_KEY,
    WEEK,
    approve,
    consents,
    id_of,
    ids,
    join,
    readers_of,
    row,
    states,
    suppress,
    take_in,
)
from tests.subscribers.test_joining import READ, letters, sent, suppress_for, suppressed

HERE = Origin("203.0.113.0/24", "203.0.113.0/24")

ADA, NEW = "ada@example.org", "ada@example.net"


def accounts(engine: Engine) -> Accounts:
    return Accounts(engine, SUPPRESSION_KEY, refuse=("disposable",))


@pytest.fixture
def ada(engine: Engine) -> str:
    take_in(engine, [row(ADA, name="Ada")])
    return id_of(engine, ADA)


def everything(engine: Engine) -> str:
    """Every value in the database."""
    with reading(engine) as session:
        tables = SQLModel.metadata.sorted_tables
        return "\n".join(repr(row) for table in tables for row in session.connection().execute(table.select()))


# The mailed link


def test_a_fresh_link_is_mailed_at_most_once_an_hour(engine: Engine, ada: str) -> None:
    for minutes in (0, 1, 59, 60):
        accounts(engine).ask_for_link(ada, NOW + timedelta(minutes=minutes))
    accounts(engine).ask_for_link("0" * 16, NOW)
    assert letters(engine) == [("link", "account")] * 2
    for hours in range(2, 24):
        accounts(engine).ask_for_link(ada, NOW + timedelta(hours=hours))
    assert len(letters(engine)) == 3


# Moving


def test_a_new_address_counts_once_it_is_confirmed_there(engine: Engine, ada: str) -> None:
    assert accounts(engine).ask_to_move(ada, f" {NEW} ", NOW)
    assert states(engine) == {ADA: "confirmed"}
    with Session(engine) as session:
        (asked,) = session.exec(select(NoticeRow)).all()
        assert (asked.kind, asked.email, asked.subscriber_id) == ("move", NEW, ada)

    assert accounts(engine).move(ada, NEW, HERE, NOW)
    assert states(engine) == {NEW: "confirmed"}
    assert ids(engine) == [ada]
    assert consents(engine, ada)[-1] == ("moved to this address", NOW, "link in the mail")
    with Session(engine) as session:
        told = session.exec(select(NoticeRow).where(NoticeRow.kind == "moved")).one()
        assert told.email == ADA
    assert not accounts(engine).move(ada, NEW, HERE, NOW)
    assert readers_of(engine).find(NEW) is not None
    assert readers_of(engine).find(ADA) is None


def test_the_last_address_asked_for_is_the_one_that_counts(engine: Engine, ada: str) -> None:
    for email in ("one@example.net", "two@example.net"):
        accounts(engine).ask_to_move(ada, email, NOW)
    assert not accounts(engine).move(ada, "one@example.net", HERE, NOW)
    assert accounts(engine).move(ada, "two@example.net", HERE, NOW)
    assert states(engine) == {"two@example.net": "confirmed"}


def test_no_reader_learns_whether_another_address_subscribes(engine: Engine, ada: str) -> None:
    take_in(engine, [row("taken@example.org")])
    suppress_for(engine, "complaint", "bounced@example.org")
    assert accounts(engine).ask_to_move(ada, "taken@example.org", NOW)
    assert accounts(engine).ask_to_move(ada, "bounced@example.org", NOW)
    assert letters(engine) == []
    story = accounts(engine).story(ada)
    accounts(engine).ask_to_move(ada, NEW, NOW)
    other = accounts(engine).story(ada)
    assert story is not None
    assert other is not None
    assert other["letters"] == story["letters"]
    assert [one["subscriber"].pop("moving_to") for one in (story, other)] == ["bounced@example.org", NEW]
    assert not accounts(engine).move(ada, "taken@example.org", HERE, NOW)


def test_an_address_taken_meanwhile_is_not_taken_again(engine: Engine, ada: str) -> None:
    accounts(engine).ask_to_move(ada, NEW, NOW)
    take_in(engine, [row(NEW)])
    assert not accounts(engine).move(ada, NEW, HERE, NOW)
    assert states(engine) == {ADA: "confirmed", NEW: "confirmed"}


def test_an_address_that_never_confirmed_is_its_owners_to_use(engine: Engine, ada: str) -> None:
    take_in(engine, [row(NEW, "unconfirmed")])
    suppress_for(engine, "request", NEW)
    accounts(engine).ask_to_move(ada, NEW, NOW)
    assert accounts(engine).move(ada, NEW, HERE, NOW)
    assert states(engine) == {NEW: "confirmed"}
    assert address_hash(NEW, SUPPRESSION_KEY) not in everything(engine).partition("SuppressionRow")[2]


def test_an_address_that_has_left_is_not_moved_to(engine: Engine, ada: str) -> None:
    """Links in the mail of that address must go on saying that it has left."""
    take_in(engine, [row(NEW, "unsubscribed")])
    assert accounts(engine).ask_to_move(ada, NEW, NOW)
    assert letters(engine) == []
    assert not accounts(engine).move(ada, NEW, HERE, NOW)
    assert states(engine) == {ADA: "confirmed", NEW: "unsubscribed"}


@pytest.mark.parametrize("leaves", [True, False])
def test_no_import_brings_an_address_back_that_was_moved_away_from(engine: Engine, ada: str, leaves: bool) -> None:
    if leaves:
        readers_of(engine).leave(ada, NOW, source="page")
    accounts(engine).ask_to_move(ada, NEW, NOW)
    assert accounts(engine).move(ada, NEW, HERE, NOW)
    assert [one.reason for one in take_in(engine, [row(ADA)]).left_out] == ["suppressed"]
    assert states(engine) == {NEW: "unsubscribed" if leaves else "confirmed"}


def test_a_wish_to_move_is_forgotten_when_its_link_is_over(engine: Engine, ada: str) -> None:
    accounts(engine).ask_to_move(ada, NEW, NOW)
    door = Joining(engine, SUPPRESSION_KEY)
    door.tidy(NOW + timedelta(hours=1), timedelta(days=400))
    assert NEW in everything(engine)
    sent(engine)
    door.tidy(NOW + timedelta(days=2), timedelta(days=1))
    assert NEW not in everything(engine)


def test_of_an_address_that_is_forgotten_nothing_stays_with_other_readers(engine: Engine, ada: str) -> None:
    accounts(engine).ask_to_move(ada, NEW, NOW)
    accounts(engine).suppress(NEW, NOW)
    assert NEW not in everything(engine)
    accounts(engine).ask_to_move(ada, "third@example.net", NOW)
    accounts(engine).move(ada, "third@example.net", HERE, NOW)
    accounts(engine).suppress(ADA, NOW)
    assert ADA not in everything(engine)


def test_three_new_addresses_a_day_are_the_most(engine: Engine, ada: str) -> None:
    found = [accounts(engine).ask_to_move(ada, f"new{n}@example.net", NOW) for n in range(4)]
    assert found == [True, True, True, False]
    assert accounts(engine).ask_to_move(ada, NEW, NOW + timedelta(days=1))


@pytest.mark.parametrize(("email", "said"), [("ada", "@-sign"), ("ada@mailinator.com", "disposable")])
def test_a_new_address_that_is_none_is_refused_with_the_reason(engine: Engine, ada: str, email: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        accounts(engine).ask_to_move(ada, email, NOW)
    assert letters(engine) == []


# Seeing


def test_the_story_has_everything_that_is_kept_of_a_reader(engine: Engine) -> None:
    door = Joining(engine, SUPPRESSION_KEY)
    door.ask(ADA, HERE, READ, NOW)
    ada = id_of(engine, ADA)
    door.confirm(ada, ADA, HERE, NOW)
    readers_of(engine).vote([("plumbline", ada, "ship")], NOW)
    approve(engine)
    Ledger(engine).plan(WEEK, NOW)
    story = accounts(engine).story(ada)

    assert story is not None
    json.dumps(story)  # nothing in it that a file cannot say
    assert story["subscriber"]["email"] == ADA
    assert story["subscriber"]["confirmed_at"] == NOW.isoformat()
    assert [one["what"] for one in story["consents"]] == ["asked", "confirmed"]
    assert story["consents"][0]["wording"] == READ.text
    assert [one["kind"] for one in story["letters"]] == ["confirm", "welcome"]
    assert story["editions"] == [{"week": WEEK, "state": "planned", "reason": "", "at": NOW.isoformat()}]
    assert story["events"] == []
    assert story["votes"] == [{"at": NOW.isoformat(), "tool": "plumbline", "call": "ship"}]
    assert story["suppressed"] is None
    assert accounts(engine).story("0" * 16) is None


# Erasing


def test_of_who_is_erased_only_a_keyed_hash_stays(engine: Engine, ada: str) -> None:
    readers_of(engine).vote([("plumbline", ada, "ship")], NOW)
    accounts(engine).ask_to_move(ada, NEW, NOW)
    accounts(engine).ask_for_link(ada, NOW)
    approve(engine)
    Ledger(engine).plan(WEEK, NOW)

    assert accounts(engine).erase(ada, NOW)

    kept = everything(engine)
    for trace in (ADA, NEW, ada, "203.0.113"):
        assert trace not in kept
    assert address_hash(fold(ADA), SUPPRESSION_KEY) in kept
    assert suppressed(engine) == ["erasure"]
    assert not accounts(engine).erase(ada, NOW)


def test_an_import_cannot_bring_back_who_was_erased_and_a_sign_up_can(engine: Engine, ada: str) -> None:
    accounts(engine).erase(ada, NOW)
    assert [one.reason for one in take_in(engine, [row(ADA)]).left_out] == ["suppressed"]
    assert states(engine) == {}

    door = Joining(engine, SUPPRESSION_KEY)
    door.ask(ADA, HERE, READ, NOW)
    again = id_of(engine, ADA)
    assert again != ada
    assert suppressed(engine) == ["erasure"]
    door.confirm(again, ADA, HERE, NOW)
    assert suppressed(engine) == []
    assert states(engine) == {ADA: "confirmed"}


def test_counts_of_an_edition_still_add_up_when_a_planned_reader_is_erased(engine: Engine) -> None:
    first, *_ = join(engine, 3)
    approve(engine)
    ledger = Ledger(engine)
    ledger.plan(WEEK, NOW)
    accounts(engine).erase(first, NOW)

    counts = ledger.counts(WEEK)
    assert (counts.planned, counts.dropped, counts.waiting) == (3, 1, 2)
    claim = ledger.claim(WEEK, "me", NOW, list, "fake")
    assert isinstance(claim, Claim)
    assert first not in {one.id for one in claim.recipients}
    assert len(claim.recipients) == 2
    ledger.record(claim, "accepted", NOW)
    assert ledger.counts(WEEK).accepted == 2


def test_who_is_erased_between_two_tries_of_a_call_is_dropped(engine: Engine) -> None:
    first, *_ = join(engine, 3)
    approve(engine)
    ledger = Ledger(engine)
    ledger.plan(WEEK, NOW)
    claim = ledger.claim(WEEK, "me", NOW, list, "fake")
    assert isinstance(claim, Claim)
    accounts(engine).erase(first, NOW)
    ledger.record(claim, "planned", NOW, "busy")
    again = ledger.claim(WEEK, "me", NOW, list, "fake")
    assert isinstance(again, Claim)
    assert len(again.recipients) == 2
    ledger.record(again, "accepted", NOW)
    counts = ledger.counts(WEEK)
    assert (counts.planned, counts.accepted, counts.dropped) == (3, 2, 1)


def test_a_harmful_address_stays_suppressed_for_what_it_did(engine: Engine, ada: str) -> None:
    suppress(engine, ADA)
    accounts(engine).erase(ada, NOW)
    assert suppressed(engine) == ["complaint"]


def test_an_address_that_never_subscribed_can_be_kept_out(engine: Engine) -> None:
    assert accounts(engine).suppress(NEW, NOW)
    assert not accounts(engine).suppress(NEW, NOW)
    assert [one.reason for one in take_in(engine, [row(NEW)]).left_out] == ["suppressed"]
