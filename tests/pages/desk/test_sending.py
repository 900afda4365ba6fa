"""An edition's way to its readers: tested, approved, sent, watched, stopped, settled, and skipped."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from flows.desk.counting import Counting
from subscribers.senders import Receipt
from tests.pages.desk.desks import NOW, WEEK, Sat, form_of, words
from tests.pages.desk.mailing import counted, mailed_at, until
from tests.smtpd import Post
from tests.subscribers.readers import id_of, readers_of

DRAFT, ASKED = "/send", "/send?ask=yes"


def approved(sat: Sat) -> None:
    assert sat.send("/send/approve", on=DRAFT).status_code == 200
    assert sat.state == "approved"


def begun(sat: Sat) -> str:
    """Send it, as asked once readers are counted."""
    return sat.post("/send/begin", form_of(counted(sat, ASKED), "/send/begin")).text


def counts(sat: Sat) -> dict[str, int]:
    found = sat.services.ledger.counts(WEEK)
    return {name: many for name in ("planned", "accepted", "refused", "unknown", "given_up", "waiting")
            if (many := getattr(found, name))}  # fmt: skip


@pytest.mark.only_looks
def test_a_week_without_an_edition_says_what_to_do(sat: Sat) -> None:
    page = words(sat.get("/send?week=2026-W30"))
    assert "Nothing is composed in this week yet" in page
    assert "Send a test" not in page


@pytest.mark.only_looks
def test_a_draft_says_when_it_goes_out_who_approves_and_who_receives_it(sat: Sat) -> None:
    page = words(counted(sat, DRAFT))
    assert "goes out Tue 17 November 2026, 09:00 UTC , by itself" in page
    assert "settings let the clock approve" in page
    assert "receive it 3" in page
    assert "Send it now" not in page


def test_approving_names_who_the_frozen_bytes_and_the_time_here_and_in_utc(desk_home: Path) -> None:
    with mailed_at(desk_home, Post(), 2, zone="Asia/Tokyo") as sat:
        sat.send("/name", on=DRAFT, who="Ada")
        assert "Approve it as Ada" in sat.get(DRAFT)
        approved(sat)
        page = words(sat.get(DRAFT))
        assert sat.record.approved_by == "Ada"
        assert "Approved by Ada" in page
        assert sat.record.sha256 in page
        assert "Tue 17 November 2026, 09:00 JST (Tue 00:00 UTC)" in page
        assert f"Undo: Approved {WEEK}" in page


def test_why_others_do_not_receive_it_is_counted(sat: Sat) -> None:
    engine = sat.services.engine
    with sat.services.engine.connect() as connection:
        emails = [row[0] for row in connection.exec_driver_sql("SELECT email FROM subscribers WHERE state='confirmed'")]
    readers_of(engine).leave(id_of(engine, emails[0]), NOW, source="page")
    readers_of(engine).pause(id_of(engine, emails[1]), NOW + timedelta(days=9))
    page = words(counted(sat, DRAFT))
    for said in ("receive it 1", "left the list 1", "rest for a while 1"):
        assert said in page


def test_a_test_tells_of_each_address_and_changes_no_state(desk_home: Path) -> None:
    post = Post(readers={"gone@example.org": "554 5.1.1 <script>alert(1)</script> no such mailbox"})
    with mailed_at(desk_home, post, 2) as sat:
        page = sat.send("/send/test", on=DRAFT, addresses="ada@example.org; gone@example.org\nAda@Example.org").text
        said = words(page)
        assert "Last test by" in said
        assert "✓ ada@example.org" in said or "✓ Ada@Example.org" in said
        assert "✗ gone@example.org not sent:" in said
        assert "no such mailbox" in said
        assert "<script>alert" not in page
        assert len(post.addresses) == 1
        assert str(post.mails()[0]["Subject"]).startswith("[Test] ")
        assert (sat.state, counts(sat)) == ("draft", {})
        assert "✗ gone@example.org" in words(sat.get(DRAFT)), "it is still told when the page is opened again"


def test_a_wrong_address_is_named_and_nothing_typed_is_lost(sat: Sat) -> None:
    for typed, said in (("no address, ada@example.org", "No: "), (" , ", "found 0"), ("a@b.example " * 21, "found 21")):
        answer = sat.send("/send/test", on=DRAFT, addresses=typed)
        assert answer.status_code == 422
        assert said in words(answer.text)
        assert "Nothing was sent." in words(answer.text)
        assert typed.strip() in answer.text
    assert not (sat.home / "outbox").exists()


def test_a_sender_that_cannot_be_used_is_told_in_place(desk_home: Path) -> None:
    with mailed_at(desk_home, Post(readers={"anybody": "550 5.7.1 Not from here"}), 2) as sat:
        answer = sat.send("/send/test", on=DRAFT, addresses="ada@example.org")
        assert answer.status_code == 502
        assert "Not from here" in words(answer.text)
        assert "ada@example.org</textarea>" in answer.text
        last = words(sat.get(DRAFT)).partition("Last test")[2]
        assert "✗ ada@example.org not sent:" in last, "no test before it stands there as if it were the last"


def test_sending_asks_first_naming_how_many_readers_and_is_done_once(sat: Sat) -> None:
    approved(sat)
    assert "Send it now…" in words(sat.get(DRAFT))
    before = sat.rows()
    page = words(counted(sat, ASKED))
    assert "Send it to 3 readers now?" in page
    assert sat.rows() == before, "to ask changes nothing"

    begun(sat)

    until(lambda: sat.record.state == "sent")
    page = words(sat.get(DRAFT))
    assert "It was sent" in page
    assert "3 of 3" in page
    assert len([*(sat.home / "outbox").rglob("*.eml")]) == 3
    again = sat.post("/send/begin", {"csrf": "", "week": WEEK})
    assert again.status_code == 403


def test_only_what_was_shown_is_sent_and_only_approved(sat: Sat) -> None:
    other = sat.come_in("Bob")
    approved(sat)
    shown = other.get(ASKED).text
    sat.send("/edition/words", on="/edition", intro="Another intro.")
    sat.send("/send/approve", on=DRAFT)
    token = shown.split('name="csrf" value="')[1].split('"')[0]
    stale = other.post("/send/begin", data={"csrf": token, "week": WEEK, "revision": "1", "back": "/send"})
    assert stale.status_code == 409
    assert "Somebody was faster" in stale.text
    assert "Reworded the intro" in words(stale.text)
    sat.send("/send/hold", on=DRAFT, reason="a doubt")
    held = other.post(
        "/send/begin", data={"csrf": token, "week": WEEK, "revision": str(sat.record.revision), "back": "/send"}
    )
    assert held.status_code == 409
    assert "a doubt" in words(held.text)
    assert counts(sat) == {}


def test_it_goes_on_while_nobody_looks_until_it_is_stopped_and_then_reaches_the_rest(desk_home: Path) -> None:
    post = Post(delay_s=0.02)
    with mailed_at(desk_home, post, 90) as sat:
        approved(sat)
        page = words(begun(sat))
        assert "This desk sends it for" in page
        assert "Stop it" in page
        refused = sat.post("/send/begin", _form(sat))
        assert refused.status_code == 409
        assert "is being sent already: this desk sends it" in words(refused.text)

        page = words(sat.send("/send/stop", on=DRAFT).text)

        assert sat.state == "held"
        assert f"Undo: Stopped {WEEK}" in page
        until(lambda: "and ended:" in words(sat.get(DRAFT)))
        went = counts(sat)
        assert 0 < went["accepted"] < 90
        assert "unknown" not in went
        assert "neither edited nor skipped" in words(sat.get(DRAFT))
        assert "and ended:" not in words(sat.send("/send/release", on=DRAFT).text)
        assert f"{went['waiting']} readers who wait?" in words(sat.get(ASKED))
        post.delay_s = 0.0
        begun(sat)
        until(lambda: sat.record.state == "sent")
        assert post.addresses == sorted(f"reader{number}@example.org" for number in range(90))


def test_a_desk_that_ends_lets_calls_in_flight_end_first(desk_home: Path) -> None:
    with mailed_at(desk_home, Post(delay_s=0.02), 60) as sat:
        approved(sat)
        begun(sat)
        sat.server.stop()
        until(lambda: not any(one.name.startswith("sending") for one in threading.enumerate()))
        found = counts(sat)
        assert 0 < found["accepted"] < 60
        assert found["accepted"] + found["waiting"] == 60
        assert not sat.services.ledger.unsettled(WEEK)


def test_what_another_process_sends_is_shown_and_not_sent_beside_it(sat: Sat) -> None:
    approved(sat)
    services = sat.services
    services.editions.start_sending(WEEK)
    services.ledger.plan(WEEK, NOW, 2)
    claim = services.ledger.claim(WEEK, "another-host:17:1", NOW, list, "outbox")
    page = words(sat.get(DRAFT))
    assert "Process 17 on another-host sends it." in page
    assert "Stop it" in page
    answer = sat.post("/send/begin", _form(sat))
    assert (answer.status_code, "by another process" in answer.text) == (409, True)

    services.ledger.record(claim, "accepted", NOW, "", Receipt())  # type: ignore[arg-type]

    with sat.client.stream("GET", f"/send/live?week={WEEK}") as stream:
        first = next(part for part in stream.iter_text() if "going" in part)
    assert "Nobody sends it just now" in words(first)
    assert "2 of 3" in words(first.replace("data: ", ""))


def test_readers_in_doubt_are_named_and_decided_on_by_who_sees_them(desk_home: Path) -> None:
    lost = "loses the answer"
    with mailed_at(desk_home, Post(readers={"reader1@example.org": lost, "reader2@example.org": "puts off"}), 4) as sat:
        approved(sat)
        begun(sat)
        until(lambda: counts(sat).get("unknown", 0) == 1)
        page = words(sat.get(DRAFT))
        assert "Of 1 reader nobody knows whether they got it" in page
        assert "reader1@example.org" in page
        fields = _form(sat)
        for path in ("give-up", "resend"):
            stale = sat.post(f"/send/{path}", fields | {"keys": "others"})
            assert stale.status_code == 409
            assert "nobody was decided on" in words(stale.text)
        assert counts(sat)["unknown"] == 1

        page = words(sat.send("/send/look-up", on=DRAFT).text)
        assert "Still in doubt: 1 reader." in page
        page = words(sat.send("/send/give-up", on=DRAFT).text)
        assert "1 reader counted as not reached." in page
        assert counts(sat)["given_up"] == 1


def test_what_nobody_can_have_is_skipped_though_it_was_begun(desk_home: Path) -> None:
    with mailed_at(desk_home, Post(readers={"anybody": "550 5.7.1 Not from here"}), 4) as sat:
        approved(sat)
        begun(sat)
        until(lambda: sat.state == "held")
        page = words(sat.get(DRAFT))
        assert "Not from here" in page
        assert "edited or skipped as if it had not been begun" in page
        empty = sat.send("/send/skip", on=DRAFT, reason=" ")
        assert empty.status_code == 409
        sat.send("/send/skip", on=DRAFT, reason="the server refuses us")
        assert (sat.record.state, sat.record.reason) == ("skipped", "the server refuses us")
        assert "Nobody receives anything" in words(sat.get(DRAFT))


def test_refused_readers_are_named_with_why(desk_home: Path) -> None:
    with mailed_at(desk_home, Post(readers={"reader1@example.org": "knows no such reader"}), 4) as sat:
        approved(sat)
        begun(sat)
        until(lambda: sat.record.state == "sent")
        page = words(sat.get(DRAFT))
        assert "1 address was not taken by the sender" in page
        assert "reader1@example.org" in page.partition("Refused")[2]
        assert "no such mailbox" in page


def test_what_takes_long_to_count_keeps_no_page_waiting() -> None:
    goes_on, many = threading.Event(), [1]

    def count(_: str) -> int:
        goes_on.wait(5)
        return many[0]

    counting = Counting(count, lambda: NOW)
    began = time.monotonic()
    first = counting(WEEK)
    assert (first.value, first.counting) == (None, True)
    assert time.monotonic() - began < 1
    goes_on.set()
    until(lambda: not counting(WEEK).counting)
    assert counting(WEEK).value == 1
    many[0] = 2
    assert counting(WEEK).value == 1, "what took long is not counted anew at once"


def test_what_is_counted_quickly_is_always_as_it_is_now() -> None:
    many = [1]
    counting = Counting(lambda _: many[0], lambda: NOW)
    assert counting(WEEK).value == 1
    many[0] = 2
    assert counting(WEEK).value == 2


def _form(sat: Sat) -> dict[str, str]:
    page = sat.get(DRAFT)
    token = page.split('name="csrf" value="')[1].split('"')[0]
    return {"csrf": token, "week": WEEK, "revision": str(sat.record.revision), "back": "/send"}
