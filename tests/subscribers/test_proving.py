"""What an event proves: of a provider's call all of it, of letters that were handed over one by one each its own."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, select

from digest.database import writing
from digest.model import Counts
from subscribers.accounts import Accounts
from subscribers.delivering import Delivery, deliver
from subscribers.eventposts import Event
from subscribers.ledger import Claim, Ledger
from subscribers.senders import Receipt
from subscribers.tables import BatchRow
from tests.fakes import FakeSender
from tests.subscribers.providers import APPLIED, SENT, events_of, happened, key_of, post, send, told
from tests.subscribers.readers import IDENTITY, MESSAGE, SECRET, SUPPRESSION_KEY, WEEK, approve, join


def claimed(engine: Engine) -> Claim:
    """A call that is under way."""
    approve(engine)
    ledger = Ledger(engine)
    ledger.plan(WEEK, SENT)
    claim = ledger.claim(WEEK, "a:1:1", SENT, list, "fake")
    assert isinstance(claim, Claim)
    return claim


def come_back(engine: Engine, key: str, *whose: str) -> None:
    """Letters that were handed over one by one bounce."""
    events_of(engine).take([Event(key, one, "soft bounce", "", SENT) for one in whose], APPLIED, "a bounce")


def in_doubt(engine: Engine) -> set[str]:
    return {one.subscriber_id for one in Ledger(engine).unknown(WEEK)}


def test_an_event_proves_a_call_nobody_knew_about(engine: Engine) -> None:
    ada, _ = join(engine, 2)
    approve(engine)
    ledger, sender = Ledger(engine), FakeSender(["loses the reply"])
    ledger.plan(WEEK, SENT)
    deliver(Delivery(MESSAGE, IDENTITY, ledger, sender, SECRET, lambda: SENT))
    assert ledger.counts(WEEK).unknown == 2

    post(engine, told(key_of(engine), ada, "processed"))

    assert ledger.counts(WEEK) == Counts(planned=2, accepted=2)
    assert happened(engine) == set()


@pytest.mark.parametrize("outcome", ["unknown", "planned"])
def test_an_event_that_comes_before_the_reply_is_lost_counts(engine: Engine, outcome: Any) -> None:
    ada = join(engine, 1)[0]
    claim, ledger = claimed(engine), Ledger(engine)
    post(engine, told(claim.key, ada, "delivered"))
    with Session(engine) as session:
        assert session.exec(select(BatchRow.state)).one() == "claimed"

    ledger.record(claim, outcome, APPLIED, "no reply")

    assert ledger.counts(WEEK) == Counts(planned=1, accepted=1, delivered=1)


def test_a_letter_that_was_given_up_and_then_arrives_was_accepted(engine: Engine) -> None:
    ada, bob = join(engine, 2)
    claim, ledger = claimed(engine), Ledger(engine)
    ledger.record(claim, "accepted", SENT, receipt=Receipt(unknown={ada: "no answer", bob: "no answer"}))
    ledger.give_up(WEEK, SENT, "op")
    assert ledger.counts(WEEK) == Counts(planned=2, given_up=2)

    post(engine, told(claim.key, ada, "delivered"))

    assert ledger.counts(WEEK) == Counts(planned=2, accepted=1, given_up=1, delivered=1)


@pytest.mark.parametrize("ended", ["before", "after"])
def test_a_letter_handed_over_by_itself_proves_no_other_of_its_call(engine: Engine, ended: str) -> None:
    first, second, *others = join(engine, 4)
    claim, ledger = claimed(engine), Ledger(engine)
    if ended == "before":
        ledger.record(claim, "unknown", SENT, "the sending process ended before it knew")
    come_back(engine, claim.key, first, second)
    if ended == "after":
        ledger.record(claim, "unknown", SENT, "the sending process ended before it knew")

    assert in_doubt(engine) == set(others)
    assert ledger.counts(WEEK) == Counts(planned=4, accepted=2, unknown=2, bounced=2)
    ledger.resend(WEEK, SENT, "op")
    again = ledger.claim(WEEK, "a:1:1", SENT, list, "fake")
    assert isinstance(again, Claim)
    assert {one.id for one in again.recipients} == set(others)


@pytest.mark.parametrize("by_post", [True, False])
def test_a_letter_that_turns_out_to_have_gone_is_not_sent_again(engine: Engine, *, by_post: bool) -> None:
    ada, bob = join(engine, 2)
    claim, ledger = claimed(engine), Ledger(engine)
    ledger.record(claim, "accepted", SENT, receipt=Receipt(unknown={ada: "no answer", bob: "no answer"}))
    ledger.resend(WEEK, SENT, "op")

    if by_post:
        post(engine, told(claim.key, ada, "bounce", type="blocked"))
    else:
        come_back(engine, claim.key, ada)

    assert ledger.counts(WEEK) == Counts(planned=2, accepted=1, bounced=1)
    again = ledger.claim(WEEK, "a:1:1", SENT, list, "fake")
    assert isinstance(again, Claim)
    assert [one.id for one in again.recipients] == [bob]


@pytest.mark.parametrize("shared_engine", ["postgresql"], indirect=True)  # SQLite has one lock for all
def test_events_lock_a_reader_before_their_letters_as_erasing_does(engine: Engine) -> None:
    ada = join(engine, 1)[0]
    key = send(engine)
    with writing(engine) as session:
        session.connection().execute(text("SELECT id FROM subscribers WHERE id = :ada FOR UPDATE"), {"ada": ada})
        applying = threading.Thread(target=post, args=(engine, told(key, ada, "spamreport", 1)))
        applying.start()
        _until_somebody_waits(engine)
        session.connection().execute(text("SET LOCAL lock_timeout = '1s'"))
        session.connection().execute(text("SELECT 1 FROM deliveries FOR UPDATE"))
    applying.join(timeout=10)

    assert happened(engine) == {(WEEK, ada, "complaint", "", 1)}
    assert Accounts(engine, SUPPRESSION_KEY).erase(ada, APPLIED)


def _until_somebody_waits(engine: Engine) -> None:
    until = time.monotonic() + 10
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
            assert time.monotonic() < until, "nothing waits for the reader"
            time.sleep(0.01)
