"""What goes wrong is said on the page that was used, with the right status, and nothing typed is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import pytest
from playwright.sync_api import Browser, expect

from digest.editing import with_intro
from digest.errors import (
    DatabaseError,
    EditionBlocked,
    EditionError,
    Fault,
    FilesError,
    SendHalted,
    SendLater,
    SendUnknown,
    SettingsError,
    Stale,
    TemplateError,
    UndoRefused,
    VerdictsError,
)
from digest.undoing import Scope
from flows.desk.keeping import edited
from flows.editing import reword
from pages.desk.visiting import trouble_of
from tests.pages.desk.desks import WEEK, Sat, form_of, words

HOSTILE = (
    "<script>document.title='gone'</script>",
    '"><img src=x onerror="document.title=\'gone\'">',
    "{{ 7 * 7 }} {% raw %} ${7*7} javascript:document.title='gone'",
    "x" * 10_000,
    "W" * 60 + " \u202egnorw\u202c " + "\u0000\u0007 a\u0301\u0302\u0303" * 20,
)


@contextmanager
def busy(sat: Sat) -> Iterator[None]:
    """Another program holds the database for writing."""
    with closing(sqlite3.connect(sat.services.engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def changed_elsewhere(sat: Sat, intro: str = "Bob wrote this.") -> None:
    """Bob changes the edition at a desk of his own."""
    bob = sat.services.named("Bob")
    edited(bob, WEEK, sat.record.revision, partial(reword, bob, WEEK, intro=intro), f"Wrote the intro “{intro}”")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Stale("x"), 409), (UndoRefused("x"), 409), (EditionError("x"), 409), (EditionBlocked("x"), 422),
        (FilesError([Fault("a", 1, "b", "c", "d")]), 422), (SettingsError("x"), 422), (TemplateError("x"), 500),
        (DatabaseError("x"), 503), (SendHalted("x"), 502), (SendUnknown("x"), 504), (SendLater("x"), 503),
        (VerdictsError("x"), 500),
    ],
)  # fmt: skip
def test_each_error_has_its_status(error: VerdictsError, status: int) -> None:
    assert trouble_of(error).status == status


def test_a_stale_form_overwrites_nothing_and_tells_what_the_other_did(sat: Sat) -> None:
    opened = form_of(sat.get(), "/approve")
    changed_elsewhere(sat)
    before = sat.rows()

    answer = sat.post("/approve", opened)

    assert answer.status_code == 409
    said = words(answer.text)
    assert f"{WEEK} was changed by Bob since this page was opened; nothing was overwritten." in said
    assert "Since you opened this page: Bob : Wrote the intro “Bob wrote this.”" in said
    assert sat.rows() == before
    assert sat.post("/approve", form_of(answer.text, "/approve")).status_code == 200
    assert sat.state == "approved"


def test_a_change_by_command_makes_a_form_stale_too(sat: Sat) -> None:
    opened = form_of(sat.get(), "/approve")
    sat.services.editions.keep_edit(sat.record, with_intro(sat.record.edition, "By hand."), "carol")
    answer = sat.post("/approve", opened)
    assert answer.status_code == 409
    assert "was changed by carol" in words(answer.text)


def test_an_undo_that_something_newer_stands_on_says_so_and_changes_nothing(sat: Sat) -> None:
    changed_elsewhere(sat)
    first = sat.services.journal.newest()
    changed_elsewhere(sat, "Bob wrote it anew.")
    before = sat.rows()
    answer = sat.post("/undo", form_of(sat.get(), "/undo") | {"change": str(first)})
    assert answer.status_code == 409
    assert "Bob, “Wrote the intro “Bob wrote it anew.””. Take that back first." in words(answer.text)
    assert sat.rows() == before
    for number in ("", "x", "0", "9" * 30, "-1"):
        assert sat.post("/undo", form_of(sat.get(), "/undo") | {"change": number}).status_code == 409


def test_a_locked_database_is_said_in_place_and_the_same_form_works_later(sat: Sat) -> None:
    opened = form_of(sat.get(), "/hold") | {"reason": "a long thought"}
    with busy(sat):
        answer = sat.post("/hold", opened)
        assert answer.status_code == 503
        said = words(answer.text)
        assert "The database is locked: another program has been writing for 1 s; try again" in said
        assert form_of(answer.text, "/hold")["reason"] == "a long thought"
        assert sat.client.get("/").status_code == 200, "reading goes on"
    assert sat.post("/hold", form_of(answer.text, "/hold")).status_code == 200
    assert sat.record.held == "a long thought"


def test_a_database_that_is_gone_loses_nothing_that_was_typed(sat: Sat) -> None:
    opened = form_of(sat.get(), "/hold") | {"reason": "a long thought"}
    with sat.services.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE editions RENAME TO away")
    answer = sat.post("/hold", opened)
    assert answer.status_code == 503
    assert "What you typed reason a long thought" in words(answer.text)
    assert "no such table" in words(answer.text)


def test_a_broken_template_of_the_email_names_the_place_and_stops_the_approval(sat: Sat) -> None:
    broken = sat.home / "templates" / "email" / "digest" / "subject.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("{{ edition.nonsense")
    assert "subject.txt, line 1" in words(sat.get())
    answer = sat.send("/approve")
    assert answer.status_code == 500
    assert "subject.txt, line 1: " in words(answer.text)
    assert "> 1 | {{ edition.nonsense" in words(answer.text)
    assert sat.state == "draft"
    broken.unlink()
    sat.send("/approve")
    assert sat.state == "approved"


@pytest.mark.parametrize("source", ["{% block main %}{{ nonsense }}{% endblock %}", "{% if %}", "{{ 1 / 0 }}"])
def test_a_broken_page_of_the_desk_itself_names_the_place(sat: Sat, source: str) -> None:
    broken = sat.home / "templates" / "desk" / "front.html"
    broken.parent.mkdir(parents=True)
    broken.write_text('{% extends "desk/base.html" %}\n' + source if "block" in source else f"\n{source}")
    answer = sat.client.get("/")
    assert answer.status_code == 500
    assert f"{broken}, line 2: " in words(answer.text)
    broken.unlink()
    assert sat.client.get("/").status_code == 200


def test_preflights_blocker_forbids_the_approval_and_is_named(sat: Sat) -> None:
    edition = sat.record.edition
    side = edition.matchups[0].a
    bad = replace(side.verdict.reviews[0], quote="Nobody ever said this of it.")
    verdict = replace(side.verdict, reviews=(bad, *side.verdict.reviews[1:]))
    lead = replace(edition.matchups[0], a=replace(side, verdict=verdict))
    sat.services.editions.keep_edit(sat.record, replace(edition, matchups=(lead, *edition.matchups[1:])), "ada")
    assert "blocker" in words(sat.get())
    answer = sat.send("/approve")
    assert answer.status_code == 422
    assert f"{WEEK} cannot be approved: " in words(answer.text)
    assert sat.state == "draft"


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "attribute", "template", "long", "marks"])
def test_hostile_text_does_nothing_wherever_it_stands(sat: Sat, browser: Browser, text: str) -> None:
    edition = sat.record.edition
    lead = edition.matchups[0]
    tool = replace(lead.a.tool, name=text.replace("\0", ""), tagline=text.replace("\0", ""))
    changed = replace(
        edition, subject=text.replace("\0", ""), intro=text.replace("\0", ""),
        matchups=(replace(lead, a=replace(lead.a, tool=tool), why=text.replace("\0", "")), *edition.matchups[1:]),
    )  # fmt: skip
    sat.services.journal.keep(
        Scope(WEEK), text[:500], sat.services.clock(),
        lambda: sat.services.editions.keep_edit(sat.record, changed, text), text,
    )  # fmt: skip
    sat.send("/name", who=text)
    assert sat.send("/hold", reason=text).status_code == 200
    page = sat.show(browser, "/", 375)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.reload()
    expect(page.get_by_role("heading", name="Last changes")).to_be_visible()
    assert "gone" not in page.title()
    assert said == []
    assert page.locator("main script, main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
