"""An editor looks a tool up by any name it had, sees its whole history, and sets it right."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.demo import SAMPLES
from tests.commands import Ran, verdicts

NOW = ("--now", "2026-11-16T06:10Z")


def edit(home: Path, slug: str, *options: str) -> Ran:
    return verdicts("tools", "edit", slug, *options, *NOW, home=home)


def changed_review(folder: Path, *swaps: tuple[str, str]) -> Path:
    text = (SAMPLES / "reviews" / "cloakroom.yaml").read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "cloakroom.yaml").write_text(text, encoding="utf-8")
    return folder / "cloakroom.yaml"


def test_a_list_shows_verdicts_prices_and_what_was_asked_for(sampled: Path) -> None:
    every = verdicts("tools", "list", "--json", *NOW, home=sampled).document
    audio = verdicts("tools", "list", "--category", "Audio & Voice", "--json", *NOW, home=sampled).document

    assert len(every) == 16
    assert (
        {one["slug"] for one in audio} == {one["slug"] for one in every if one["category"] == "Audio & Voice"} != set()
    )
    assert all(one["ready"] and one["verdict"]["n"] == 4 for one in every)
    assert verdicts("tools", "list", "--unready", "--json", *NOW, home=sampled).document == []
    assert len(verdicts("tools", "list", "--ready", "--json", *NOW, home=sampled).document) == 16
    assert "100 % of 4" in verdicts("tools", "list", *NOW, home=sampled).out


def test_a_price_is_old_after_ninety_days(sampled: Path) -> None:
    assert edit(sampled, "cloakroom", "--price-checked-on", "2026-08-18").status == 0
    assert edit(sampled, "errandry", "--price-checked-on", "2026-08-17").status == 0

    stale = verdicts("tools", "list", "--stale-price", "--json", *NOW, home=sampled).document

    assert [one["slug"] for one in stale] == ["errandry"]
    assert stale[0]["price_stale"] is True
    assert "2026-08-17 (old)" in verdicts("tools", "list", *NOW, home=sampled).out


def test_a_changed_call_or_quote_is_a_version_and_an_edition_keeps_its_own(sampled: Path, tmp_path: Path) -> None:
    assert verdicts("compose", "--week", "2026-W47", "--pairs", "9", *NOW, home=sampled).status == 0
    later = ("--now", "2026-11-18T06:00Z")
    for swaps in (
        [("call: ship", "call: skip"), ("2026-11-01", "2026-11-17")],
        [("call: ship", "call: skip"), ("Pulled the network", "Cut the network"), ("2026-11-01", "2026-11-17")],
        [("call: ship", "call: skip"), ("Pulled the network", "Cut the network"), ("2026-11-01", "2026-11-18")],
    ):
        assert verdicts("panel", "import", changed_review(tmp_path, *swaps), *later, home=sampled).status == 0

    shown = verdicts("tools", "show", "cloakroom", "--json", *later, home=sampled).document

    mine = [one for one in shown["reviews"] if one["reviewer"] == "builder"]
    assert [(one["version"], one["call"], one["changed"], one["counts"]) for one in mine] == [
        (1, "ship", [], False), (2, "skip", ["call"], False), (3, "skip", ["quote"], True),
    ]  # fmt: skip
    assert [one["reviewed_on"] for one in mine] == ["2026-11-01", "2026-11-17", "2026-11-17"]
    assert mine[1]["recorded_at"] == "2026-11-18T06:00:00+00:00"
    assert (shown["verdict"]["ships"], shown["verdict"]["n"], shown["verdict"]["share"]) == (3, 4, 0.75)
    [edition] = shown["editions"]
    assert (edition["week"], edition["versions"]["builder"]) == ("2026-W47", 1)
    told = verdicts("tools", "show", "cloakroom", *later, home=sampled).out
    assert "75 % ship, 3 of 4 reviews (ready; panel of 4)" in told
    assert "builder, version 2, 2026-11-17: skip, call changed, does not count" in told
    assert f"2026-W47 (draft) against {edition['against']}, with builder 1, skeptic 1" in told


def test_an_edit_says_what_changed_and_a_price_given_was_checked_today(sampled: Path) -> None:
    ran = edit(
        sampled, "cloakroom", "--entry-price", "Freemium", "--no-open-source", "--tags", "meetings; notes, local"
    )

    assert ran.out.splitlines() == [
        "cloakroom: entry_price was $9/month, is Freemium",
        "cloakroom: price_checked_on was 2026-10-31, is 2026-11-16",
        "cloakroom: tags was meetings, transcription, on-device, is meetings, notes, local",
    ]
    again = verdicts("tools", "edit", "cloakroom", "--entry-price", "Freemium", "--json", *NOW, home=sampled)
    assert again.document == {"tool": "cloakroom", "changed": {}}
    assert "nothing changed" in edit(sampled, "cloakroom", "--category", "Audio & Voice").out


def test_a_category_an_editor_gave_outlives_later_files(sampled: Path) -> None:
    assert edit(sampled, "cloakroom", "--category", "Productivity").status == 0
    assert verdicts("panel", "import", SAMPLES / "reviews", *NOW, home=sampled).status == 0

    assert verdicts("tools", "show", "cloakroom", "--json", *NOW, home=sampled).document["category"] == "Productivity"


def test_what_is_wrong_is_told_at_once_and_changes_nothing(sampled: Path) -> None:
    before = verdicts("tools", "show", "cloakroom", "--json", *NOW, home=sampled).document

    ran = edit(sampled, "cloakroom", "--name", "New", "--category", "Audio", "--url", "nowhere", "--price-checked-on",
               "2027-01-01", "--entry-price", "a fortune", "--tagline", " ")  # fmt: skip

    assert ran.status == 2
    assert [line.split(": ")[2] for line in ran.err.splitlines()] == [
        "tagline", "category", "entry_price", "price_checked_on", "url",
    ]  # fmt: skip
    assert verdicts("tools", "show", "cloakroom", "--json", *NOW, home=sampled).document == before
    assert "at least one field" in edit(sampled, "cloakroom").err


def test_a_new_name_keeps_the_slug_and_both_find_the_tool(sampled: Path) -> None:
    assert edit(sampled, "cloakroom", "--name", "Coat Check").status == 0

    for slug in ("cloakroom", "coat-check"):
        shown = verdicts("tools", "show", slug, "--json", *NOW, home=sampled).document
        assert (shown["slug"], shown["name"], shown["aliases"]) == ("cloakroom", "Coat Check", ["coat-check"])
    assert edit(sampled, "coat-check", "--name", "Cloakroom").status == 0
    taken = edit(sampled, "cloakroom", "--name", "Errandry")
    assert (taken.status, "that is errandry" in taken.err) == (2, True)


@pytest.mark.parametrize("command", [("show",), ("edit", "--name", "X")])
def test_a_tool_nobody_knows_brings_those_that_are_nearly_called_so(sampled: Path, command: tuple[str, ...]) -> None:
    ran = verdicts("tools", command[0], "Cloak Rom", *command[1:], home=sampled)

    assert ran.status == 2
    assert ran.err.rstrip().endswith("did you mean cloakroom?")
    near = verdicts("tools", "list", "--category", "agent", home=sampled)
    assert (near.status, "did you mean Agents?" in near.err) == (2, True)
