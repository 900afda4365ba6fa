"""What a person decides: to take an edition back, to end one that cannot go on, and about readers in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.errors import EditionError
from digest.model import Counts
from flows import reconciling, sending
from flows.services import Services
from subscribers.claiming import myself
from subscribers.pacing import Rest
from tests.examples import NOW
from tests.fakes import FakeSender
from tests.flows.test_sending import LATER, claimed_by, halted_after, opened
from tests.subscribers.readers import MESSAGE, WEEK

__all__ = ["opened"]

# Taken back


def test_what_nobody_has_can_be_changed_and_goes_out_as_it_was_approved_then(opened: Services) -> None:
    sender = halted_after(opened, 0)
    record = opened.editions.require(WEEK)
    seal = record.sha256
    edited = opened.editions.keep_edit(record, replace(record.edition, intro="Shorter."), "ada")
    assert (edited.state, edited.planned_at, opened.ledger.counts(WEEK)) == ("draft", None, Counts())
    assert opened.ledger.plan(WEEK, LATER) == 0  # by a process that was about to

    opened.editions.release(WEEK)
    opened.editions.approve(WEEK, replace(MESSAGE, html="<p>Shorter. [[reader]]</p>"), "ada", LATER)
    opened.editions.start_sending(WEEK)
    opened.ledger.plan(WEEK, LATER)
    stopped = opened.ledger.claim(WEEK, myself(), LATER, list, "fake", seal)
    assert stopped == Rest("it was taken back and changed meanwhile", None)

    assert sending.send(opened, WEEK).state == "sent"
    assert {one.message.html for one in sender.batches if one.key in sender.mail} == {"<p>Shorter. [[reader]]</p>"}
    assert len(sender.inboxes) == 6


def test_what_nobody_has_can_be_skipped_once_it_is_held(opened: Services) -> None:
    opened.ledger.plan(WEEK, LATER, 2)
    with pytest.raises(EditionError, match=f"hold it with `verdicts edition hold {WEEK}`"):
        opened.editions.skip(WEEK, "a holiday", LATER, by="ada")
    opened.editions.hold(WEEK, "wait")
    skipped = opened.editions.skip(WEEK, "a holiday", LATER, by="ada")
    assert (skipped.state, skipped.reason, opened.ledger.counts(WEEK)) == ("skipped", "a holiday", Counts())


@pytest.mark.parametrize("left", ["accepted", "claimed", "in doubt", "planned again"])
def test_what_somebody_may_have_is_neither_changed_nor_skipped(opened: Services, left: str) -> None:
    opened.ledger.plan(WEEK, LATER, 2)
    claim = claimed_by(opened, myself())
    if left != "claimed":
        opened.ledger.record(claim, "accepted" if left == "accepted" else "unknown", LATER)
    if left == "planned again":
        opened.ledger.resend(WEEK, LATER, "ada")
    opened.editions.hold(WEEK, "wait")
    before, record = opened.ledger.counts(WEEK), opened.editions.require(WEEK)
    with pytest.raises(EditionError, match=r"cannot be skipped: (some readers have it|a call of it is under way)"):
        opened.editions.skip(WEEK, "a holiday", LATER, by="ada")
    with pytest.raises(EditionError, match=r"cannot be edited: (some readers have it|a call of it is under way)"):
        opened.editions.keep_edit(record, record.edition, "ada")
    assert (opened.ledger.counts(WEEK), opened.editions.require(WEEK)) == (before, record)


def test_what_cannot_go_on_ends_with_those_who_have_it_while_it_is_held(opened: Services) -> None:
    halted_after(opened, 1)
    asked: list[reconciling.Question] = []

    def decline(question: reconciling.Question) -> bool:
        asked.append(question)
        return False

    declined = reconciling.reconcile(opened, WEEK, "give up", "ada", decline)
    assert [(one.doubtful, one.waiting) for one in asked] == [([], 4)]
    assert (declined.decided, declined.weeks[0].counts.waiting) == (0, 4)

    opened.editions.release(WEEK)
    assert reconciling.reconcile(opened, WEEK, "give up", "ada").decided == 0
    opened.editions.hold(WEEK, "too large for the sender")
    assert reconciling.reconcile(opened, WEEK, "resend", "ada").decided == 0
    ended = reconciling.reconcile(opened, WEEK, "give up", "ada")
    assert (ended.decided, ended.weeks[0].state) == (4, "sent")
    assert ended.weeks[0].counts == Counts(planned=6, accepted=2, given_up=4)


# Deciding


class Late(FakeSender):
    """A sender whose own records of a call are there after 25 minutes."""

    settle = timedelta(minutes=25)


def test_nobody_decides_about_what_the_sender_can_still_tell(opened: Services) -> None:
    opened.__dict__["sender"] = Late(remembers=False)
    opened.ledger.plan(WEEK, NOW, 3)
    opened.ledger.record(claimed_by(opened, myself(), LATER - timedelta(hours=1)), "unknown", LATER, "lost")
    claimed_by(opened, "another-machine:1:1", LATER - timedelta(minutes=20))  # which is gone

    def agree(question: reconciling.Question) -> bool:
        assert {one.batch for one in question.doubtful} == {1}
        return True

    done = reconciling.reconcile(opened, WEEK, "resend", "ada", agree)
    assert (done.decided, {one.batch for one in done.unknown}) == (3, {2})
    assert {done.open_until(one.claimed_at) for one in done.unknown} == {LATER + timedelta(minutes=5)}
    assert opened.ledger.counts(WEEK) == Counts(planned=6, unknown=3)


def test_only_what_a_person_was_shown_is_decided(opened: Services) -> None:
    opened.__dict__["sender"] = FakeSender(remembers=False)
    opened.ledger.plan(WEEK, LATER, 3)
    opened.ledger.record(claimed_by(opened, myself()), "unknown", LATER, "lost")
    other = claimed_by(opened, myself())

    def while_asked(question: reconciling.Question) -> bool:
        assert {one.batch for one in question.doubtful} == {1}
        return opened.ledger.record(other, "unknown", LATER, "lost as well")

    done = reconciling.reconcile(opened, WEEK, "give up", "ada", while_asked)
    assert (done.decided, {one.batch for one in done.unknown}) == (3, {2})
    assert opened.ledger.counts(WEEK) == Counts(planned=6, given_up=3, unknown=3)


def test_calls_under_way_are_named(opened: Services) -> None:
    opened.__dict__["sender"] = FakeSender()
    opened.ledger.plan(WEEK, LATER, 6)
    claimed_by(opened, myself())
    done = reconciling.reconcile(opened, WEEK, "resend", "ada")
    assert [(one.number, one.claimed_at) for one in done.busy] == [(1, LATER)]
    assert (done.decided, done.unknown, done.weeks[0].busy) == (0, [], True)
