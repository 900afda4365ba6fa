"""A form makes nobody a reader, causes one letter a day at most, and tells nobody who subscribes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from subscribers.addressing import address_hash, fold
from subscribers.joining import ROLES, Joining, Wording, kinds_of
from subscribers.origins import NOWHERE, Origin
from subscribers.tables import ConsentRow, LimitRow, NoticeRow, SubscriberRow, SuppressionRow
from tests.examples import NOW
from tests.subscribers.readers import SUPPRESSION_KEY, id_of, ids, readers_of, row, states, suppress, take_in

DAY = timedelta(days=1)

HERE = Origin("203.0.113.0/24", "203.0.113.0/24")

READ = Wording("Send me the digest, one email a week.", "2026-11-23")

ADA = "ada@example.org"


def joining(engine: Engine, **changes: object) -> Joining:
    return Joining(engine, SUPPRESSION_KEY, **{"per_network": 1000, **changes})  # type: ignore[arg-type]


def ask(engine: Engine, email: str = ADA, now: datetime = NOW) -> bool:
    return joining(engine).ask(email, HERE, READ, now)


def letters(engine: Engine) -> list[tuple[str, str]]:
    """Kind and purpose of every queued letter, in order."""
    with Session(engine) as session:
        return [
            (one.kind, one.data.get("for", "")) for one in session.exec(select(NoticeRow).order_by(col(NoticeRow.id)))
        ]


def sent(engine: Engine) -> None:
    """Let every waiting letter have gone out."""
    with Session(engine) as session:
        for one in session.exec(select(NoticeRow)):
            one.state = "accepted"
            one.settled_at = NOW
            session.add(one)
        session.commit()


def proof(engine: Engine) -> list[ConsentRow]:
    with Session(engine) as session:
        return list(session.exec(select(ConsentRow).order_by(col(ConsentRow.id))))


def suppressed(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(SuppressionRow.why)))


def suppress_for(engine: Engine, why: str, email: str = ADA) -> None:
    with Session(engine) as session:
        hashed = address_hash(fold(email), SUPPRESSION_KEY)
        session.add(SuppressionRow(address_hash=hashed, why=why, at=NOW))
        session.commit()


# Asking


def test_a_sign_up_is_kept_unconfirmed_with_its_proof_and_one_letter(engine: Engine) -> None:
    assert ask(engine, " Ada@Example.org ")

    assert states(engine) == {"Ada@Example.org": "unconfirmed"}
    assert letters(engine) == [("confirm", "")]
    (asked,) = proof(engine)
    assert (asked.what, asked.at, asked.source, asked.network) == ("asked", NOW, "sign-up form", "203.0.113.0/24")
    assert (asked.wording, asked.wording_version) == (READ.text, READ.version)


def test_the_same_sign_up_fifty_times_at_once_is_one(engine: Engine) -> None:
    failed: list[BaseException] = []

    def once() -> None:
        try:
            ask(engine)
        except BaseException as error:  # noqa: BLE001 - a thread's error must not be lost
            failed.append(error)

    threads = [threading.Thread(target=once) for _ in range(50)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert not failed
    assert (len(ids(engine)), len(proof(engine)), letters(engine)) == (1, 1, [("confirm", "")])


def test_an_address_gets_one_letter_a_day_through_forms(engine: Engine) -> None:
    for hours in (0, 1, 23):
        ask(engine, now=NOW + timedelta(hours=hours))
        sent(engine)
    assert letters(engine) == [("confirm", "")]

    ask(engine, now=NOW + DAY)
    assert letters(engine) == [("confirm", "")] * 2
    assert [one.what for one in proof(engine)] == ["asked", "asked"]


def test_other_spellings_do_not_get_around_the_limit(engine: Engine) -> None:
    for email in (ADA, "ADA@EXAMPLE.ORG", " ada@Example.Org"):
        ask(engine, email)
    assert letters(engine) == [("confirm", "")]


def test_a_sender_that_is_down_for_days_does_not_pile_letters_up(engine: Engine) -> None:
    for days in range(4):
        ask(engine, now=NOW + DAY * days)
    assert letters(engine) == [("confirm", "")]


def test_who_subscribes_already_is_told_so_by_mail_only(engine: Engine) -> None:
    take_in(engine, [row(ADA)])
    assert ask(engine)
    assert letters(engine) == [("link", "known")]
    assert states(engine) == {ADA: "confirmed"}
    assert [one.what for one in proof(engine)] == ["imported as confirmed"]


def test_who_left_is_asked_again_and_stays_away_until_they_confirm(engine: Engine) -> None:
    take_in(engine, [row(ADA, "unsubscribed")])
    ask(engine)
    assert states(engine) == {ADA: "unsubscribed"}
    assert letters(engine) == [("confirm", "")]

    assert joining(engine).confirm(id_of(engine, ADA), ADA, HERE, NOW) == "confirmed"
    assert states(engine) == {ADA: "confirmed"}


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@", "@example.org", "ada@example.org\nbcc: x@y.org", "ada@@example.org", "a" * 400 + "@x.org"],
)
def test_what_is_no_address_gets_the_same_answer_and_nothing_happens(engine: Engine, email: str) -> None:
    assert ask(engine, email)
    assert ids(engine) == []
    assert letters(engine) == []


@pytest.mark.parametrize(
    ("why", "found"),
    [("hard bounce", []), ("complaint", []), ("request", ["confirm"]), ("erasure", ["confirm"])],
)
def test_only_a_persons_own_wish_lets_them_be_written_to(engine: Engine, why: str, found: list[str]) -> None:
    suppress_for(engine, why)
    assert ask(engine)
    assert [kind for kind, _ in letters(engine)] == found
    assert suppressed(engine) == [why]


def test_a_network_that_asks_too_often_is_told_to_wait(engine: Engine) -> None:
    door = joining(engine, per_network=3)
    found = [door.ask(f"reader{n}@example.org", HERE, READ, NOW) for n in range(5)]
    assert found == [True, True, True, False, False]
    assert len(ids(engine)) == 3
    assert door.ask("other@example.org", Origin("198.51.100.0/24", ""), READ, NOW)
    assert door.ask("later@example.org", HERE, READ, NOW + timedelta(hours=1))


def test_limits_name_neither_an_address_nor_a_network(engine: Engine) -> None:
    ask(engine)
    with Session(engine) as session:
        kept = " ".join(session.exec(select(LimitRow.what)))
    assert "ada" not in kept
    assert "203.0" not in kept


# Kinds of addresses


@pytest.mark.parametrize(
    ("email", "kinds"),
    [
        ("ada@example.org", set()), ("info@example.org", {"role"}), ("postmaster+x@example.org", {"role"}),
        ("information@example.org", set()), ("ada@mailinator.com", {"disposable"}),
        ("ada@sub.mailinator.com", {"disposable"}), ("admin@mailinator.com", {"role", "disposable"}),
        ("ada@mailinator.com.example.org", set()),
    ],
)  # fmt: skip
def test_kinds_of_addresses(email: str, kinds: set[str]) -> None:
    assert kinds_of(email) == kinds


def test_kinds_that_settings_refuse_get_nothing_and_the_same_answer(engine: Engine) -> None:
    for number, refuse in enumerate(((), ("disposable",), ("role",))):
        door = joining(engine, refuse=refuse)
        for local, domain in (("ada", "mailinator.com"), ("info", "example.org")):
            assert door.ask(f"{local}@{number}.{domain}", HERE, READ, NOW)
    assert sorted(states(engine)) == [
        "ada@0.mailinator.com",
        "ada@2.mailinator.com",
        "info@0.example.org",
        "info@1.example.org",
    ]
    assert {"postmaster", "abuse", "noreply"} <= ROLES


# Confirming


def test_confirming_makes_a_reader_once_and_greets_them_once(engine: Engine) -> None:
    ask(engine)
    ada = id_of(engine, ADA)
    assert [joining(engine).confirm(ada, ADA, HERE, NOW + DAY) for _ in range(2)] == ["confirmed", "already"]
    assert states(engine) == {ADA: "confirmed"}
    assert letters(engine) == [("confirm", ""), ("welcome", "")]
    assert [(one.what, one.at, one.network) for one in proof(engine)][1:] == [
        ("confirmed", NOW + DAY, "203.0.113.0/24")
    ]


def test_nobody_is_confirmed_who_did_not_ask(engine: Engine) -> None:
    take_in(engine, [row(ADA, "unconfirmed")])
    assert joining(engine).confirm(id_of(engine, ADA), ADA, HERE, NOW) == "void"
    assert joining(engine).confirm("0" * 16, ADA, HERE, NOW) == "void"
    assert states(engine) == {ADA: "unconfirmed"}


def test_an_old_link_does_not_bring_back_who_has_left_since(engine: Engine) -> None:
    ask(engine)
    ada = id_of(engine, ADA)
    joining(engine).confirm(ada, ADA, HERE, NOW)
    readers_of(engine).leave(ada, NOW, source="page")
    assert joining(engine).confirm(ada, ADA, HERE, NOW) == "void"
    assert states(engine) == {ADA: "unsubscribed"}


def test_leaving_takes_back_a_sign_up_that_waits(engine: Engine) -> None:
    take_in(engine, [row(ADA, "unsubscribed")])
    ask(engine)
    ada = id_of(engine, ADA)
    readers_of(engine).leave(ada, NOW, source="one-click")
    assert joining(engine).confirm(ada, ADA, HERE, NOW) == "void"
    assert states(engine) == {ADA: "unsubscribed"}


def test_a_link_mailed_to_an_old_address_confirms_nobody(engine: Engine) -> None:
    ask(engine)
    assert joining(engine).confirm(id_of(engine, ADA), "old@example.org", HERE, NOW) == "void"


@pytest.mark.parametrize(("why", "left"), [("request", []), ("erasure", []), ("complaint", ["complaint"])])
def test_confirming_lifts_what_the_person_wished_and_nothing_else(engine: Engine, why: str, left: list[str]) -> None:
    ask(engine)
    suppress_for(engine, why)
    joining(engine).confirm(id_of(engine, ADA), ADA, HERE, NOW)
    assert suppressed(engine) == left


# Leaving by address


def test_who_lost_the_mail_is_mailed_a_link_to_leave(engine: Engine) -> None:
    take_in(engine, [row(ADA), row("bob@example.org", "unsubscribed"), row("eve@example.org", "unconfirmed")])
    for email in (ADA, "bob@example.org", "eve@example.org", "nobody@example.org", "no address"):
        assert joining(engine).ask_to_leave(email, HERE, NOW)
    assert letters(engine) == [("link", "leave")]
    assert states(engine)[ADA] == "confirmed"


def test_each_form_causes_one_letter_a_day(engine: Engine) -> None:
    take_in(engine, [row(ADA)])
    for _ in range(2):
        ask(engine)
        joining(engine).ask_to_leave(ADA, NOWHERE, NOW)
        sent(engine)
    assert letters(engine) == [("link", "known"), ("link", "leave")]


def test_a_letter_that_waits_does_not_stand_in_for_one_that_leads_elsewhere(engine: Engine) -> None:
    take_in(engine, [row(ADA)])
    for _ in range(2):
        joining(engine).ask_to_leave(ADA, HERE, NOW)
        ask(engine)
    assert sorted(letters(engine)) == [("link", "known"), ("link", "leave")]


def test_nobody_can_keep_somebody_from_signing_up(engine: Engine) -> None:
    joining(engine).ask_to_leave(ADA, HERE, NOW)
    suppress_for(engine, "complaint", "bob@example.org")
    ask(engine, "bob@example.org")
    ask(engine)
    assert letters(engine) == [("confirm", "")]


@pytest.mark.parametrize("email", ["ada+1@gmail.com", "ada+2@gmail.com", "a.da@gmail.com", "ad.a+x@googlemail.com"])
def test_spellings_of_one_mailbox_share_its_letter(engine: Engine, email: str) -> None:
    ask(engine, "ada@gmail.com")
    ask(engine, email)
    assert letters(engine) == [("confirm", "")]
    ask(engine, f"x{email}")
    assert len(letters(engine)) == 2


def test_nothing_is_mailed_to_a_suppressed_reader_who_wants_to_leave(engine: Engine) -> None:
    take_in(engine, [row(ADA)])
    suppress(engine, ADA)
    joining(engine).ask_to_leave(ADA, HERE, NOW)
    assert letters(engine) == []


# Tidying


def test_sign_ups_nobody_confirmed_are_forgotten_in_the_end(engine: Engine) -> None:
    ask(engine, "old@example.org")
    ask(engine, "again@example.org")
    ask(engine, "new@example.org", NOW + DAY * 300)
    ask(engine, "again@example.org", NOW + DAY * 300)
    take_in(engine, [row("reader@example.org"), row("gone@example.org", "unsubscribed")])
    sent(engine)
    joining(engine).tidy(NOW + DAY * 401, DAY * 400)

    kept = {"again@example.org", "new@example.org", "reader@example.org", "gone@example.org"}
    assert set(states(engine)) == kept
    with Session(engine) as session:
        known = set(session.exec(select(SubscriberRow.id)))
        assert {one.subscriber_id for one in proof(engine)} <= known
        assert session.exec(select(LimitRow)).all() == []
        assert session.exec(select(NoticeRow)).all() == []
