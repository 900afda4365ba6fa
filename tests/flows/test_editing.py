"""An editor changes an edition: what is swapped, pinned, vetoed, ordered and reworded, and what that does to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.editions import EditionRecord
from digest.errors import EditionError
from digest.flattening import html_words, words
from digest.rendering import template_folders
from flows import editing, steps
from flows.checking import check, check_edition, message_of
from flows.demo import SAMPLES
from flows.services import Services, open_services
from tests.commands import verdicts

WEEK, NOW = "2026-W47", datetime(2026, 11, 16, 6, 10, tzinfo=UTC)
AT = ("--now", NOW.isoformat())


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with reviews and a composed edition of five pairs: made once, and copied for each test."""
    home = tmp_path_factory.mktemp("composed") / "home"
    assert verdicts("init", home=home).status == 0
    (home / "verdicts.toml").write_text('postal_address = "1 Sample Street"\nfrom_email = "verdicts@example.org"\n')
    (home / "feeds.toml").write_text("# Nothing to poll.\n")
    assert verdicts("panel", "import", SAMPLES / "reviews", "--now", "2026-11-15T12:00Z", home=home).status == 0
    assert verdicts("compose", *AT, home=home).status == 0
    return home


@pytest.fixture
def ready(composed: Path, home: Path) -> Path:
    shutil.rmtree(home)
    shutil.copytree(composed, home)
    return home


@pytest.fixture
def services(ready: Path) -> Iterator[Services]:
    with open_services(ready, NOW) as opened:
        yield opened


def pairs(record: EditionRecord | None) -> list[set[str]]:
    assert record is not None
    return [{side.tool.slug for side in one.sides} for one in record.edition.matchups]


def shown(home: Path) -> dict[str, Any]:
    document: dict[str, Any] = verdicts("edition", "show", WEEK, "--json", *AT, home=home).document
    return document


def slugs(document: dict[str, Any]) -> list[set[str]]:
    return [{one["a"], one["b"]} for one in document["matchups"]]


def free_pair(document: dict[str, Any]) -> tuple[str, str]:
    """Two tools that stand in no matchup of an edition."""
    used = set().union(*slugs(document))
    unused = sorted({path.stem for path in (SAMPLES / "reviews").glob("*.yaml")} - used)
    return unused[0], unused[1]


# By command


def test_a_named_pair_takes_a_place_and_keeps_its_layout(ready: Path) -> None:
    before = shown(ready)
    a, b = free_pair(before)

    ran = verdicts("edition", "swap", WEEK, "1", a, b, "--json", *AT, home=ready)

    assert ran.status == 0, ran.err
    assert slugs(ran.document)[0] == {a, b}
    assert slugs(ran.document)[1:] == slugs(before)[1:]
    assert ran.document["matchups"][0]["layout"] == "full"
    assert ran.document["edited_by"]
    assert before["subject"] != ran.document["subject"]
    assert any(name in shown(ready)["html"] for name in (a.replace("-", " ").title(), b.replace("-", " ").title()))


def test_without_a_name_the_best_other_pair_is_taken(ready: Path) -> None:
    before = shown(ready)

    ran = verdicts("edition", "swap", WEEK, "5", "--json", *AT, home=ready)

    assert ran.status == 0, ran.err
    assert slugs(ran.document)[:4] == slugs(before)[:4]
    assert slugs(ran.document)[4] not in slugs(before)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("9",), "found place 9; allowed: 1 to 5"),
        (("0",), "found place 0; allowed: 1 to 5"),
        (("1", "errandry"), "a pair has two tools"),
        (("1", "nobody", "errandry"), "found 'nobody'; allowed: the slug of a tool with a ready verdict"),
        (("1", "understudy", "understudy"), "found understudy twice; allowed: two different tools"),
    ],
)
def test_a_swap_that_cannot_be_says_why_and_changes_nothing(ready: Path, words: tuple[str, ...], said: str) -> None:
    before = shown(ready)

    ran = verdicts("edition", "swap", WEEK, *words, *AT, home=ready)

    assert ran.status == 2
    assert said in ran.err
    assert shown(ready) == before


def test_a_tool_never_stands_in_two_matchups(ready: Path) -> None:
    before = shown(ready)
    second = before["matchups"][1]

    ran = verdicts("edition", "swap", WEEK, "1", second["a"], second["b"], *AT, home=ready)

    assert ran.status == 2
    assert "would stand in two matchups; swap the other one first" in ran.err
    assert shown(ready) == before


def test_subject_and_intro_are_an_editor_s_and_survive_a_new_lead(ready: Path) -> None:
    assert verdicts("edition", "subject", WEEK, "Two errands, one winner, no ifs", home=ready).status == 0
    assert verdicts("edition", "intro", WEEK, "A quiet week,\n and a <good> one.", home=ready).status == 0
    assert verdicts("edition", "swap", WEEK, "1", *AT, home=ready).status == 0

    document = shown(ready)
    assert document["subject"] == "Two errands, one winner, no ifs"
    assert document["intro"] == "A quiet week, and a <good> one."
    assert "A quiet week, and a &lt;good&gt; one." in document["html"]
    assert verdicts("edition", "intro", WEEK, "", home=ready).status == 0
    assert shown(ready)["intro"] == ""


def test_preheader_blurb_and_layout_are_an_editor_s_too(ready: Path) -> None:
    composed = shown(ready)
    pair = f"{composed['matchups'][1]['a']}-vs-{composed['matchups'][1]['b']}"
    assert verdicts("edition", "preheader", WEEK, "What inboxes\nshow.", home=ready).status == 0
    assert verdicts("edition", "blurb", WEEK, pair, "A word of <ours>.", home=ready).status == 0
    assert verdicts("edition", "layout", WEEK, pair, "full", home=ready).status == 0

    document = shown(ready)
    assert (document["preheader"], document["matchups"][1]["layout"]) == ("What inboxes show.", "full")
    assert "A word of &lt;ours&gt;." in document["html"]
    ran = verdicts("edition", "layout", WEEK, pair, "short", "--json", home=ready)
    assert json.loads(ran.out)["matchups"][1]["layout"] == "short"
    assert verdicts("edition", "preheader", WEEK, "", home=ready).status == 0
    assert verdicts("edition", "blurb", WEEK, pair, "", home=ready).status == 0
    assert shown(ready)["preheader"] == composed["preheader"]
    assert "A word of" not in shown(ready)["html"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("blurb", WEEK, "x-vs-y", "Text."), "x-vs-y"),
        (("blurb", WEEK, "{pair}", "x" * 601), "allowed: at most 600"),
        (("layout", WEEK, "x-vs-y", "full"), "x-vs-y"),
        (("layout", WEEK, "{pair}", "tall"), "allowed: full, short"),
        (("preheader", WEEK, "x" * 1000), "allowed: at most"),
    ],
)
def test_a_matchup_or_a_word_that_cannot_be_taken_is_named(ready: Path, words: tuple[str, ...], said: str) -> None:
    before = shown(ready)
    pair = f"{before['matchups'][0]['a']}-vs-{before['matchups'][0]['b']}"

    ran = verdicts("edition", *(word.format(pair=pair) for word in words), home=ready)

    assert ran.status == 2
    assert said in ran.err
    assert shown(ready) == before


@pytest.mark.parametrize(
    ("what", "text", "said"),
    [
        ("subject", " ", "the subject is empty"),
        ("subject", "x" * 121, "the subject has 121 characters; allowed: at most 120"),
        ("subject", "A\x07bell", "control character"),
        ("intro", "y" * 1201, "the intro has 1201 characters; allowed: at most 1200"),
    ],
)
def test_words_that_no_message_can_carry_are_refused(ready: Path, what: str, text: str, said: str) -> None:
    ran = verdicts("edition", what, WEEK, text, home=ready)

    assert ran.status == 2
    assert said in ran.err


def test_every_edit_voids_an_approval_and_composing_leaves_it_alone(ready: Path) -> None:
    assert verdicts("edition", "approve", WEEK, *AT, home=ready).status == 0

    assert verdicts("edition", "intro", WEEK, "One more thing.", home=ready).status == 0

    assert (shown(ready)["state"], shown(ready)["sha256"]) == ("draft", None)
    again = verdicts("compose", "--week", WEEK, *AT, home=ready)
    assert again.status == 2
    assert "edited it by hand, and that stays" in again.err
    assert shown(ready)["intro"] == "One more thing."


def test_what_was_sent_is_not_edited(ready: Path) -> None:
    assert verdicts("edition", "skip", WEEK, "--reason", "a holiday", *AT, home=ready).status == 0

    ran = verdicts("edition", "swap", WEEK, "1", *AT, home=ready)

    assert ran.status == 2
    assert f"{WEEK} cannot be edited: it is skipped; allowed: draft, approved" in ran.err


# Rebuilding


def test_an_approved_edition_is_rebuilt_to_the_same_bytes(ready: Path, tmp_path: Path) -> None:
    verdicts("edition", "approve", WEEK, *AT, home=ready)
    (ready / "verdicts.toml").write_text('name = "Another Name"\n')
    own = ready / "templates" / "email" / "digest"
    own.mkdir(parents=True)
    (own / "subject.txt").write_text("Changed since\n")

    ran = verdicts("edition", "rebuild", WEEK, "--out", tmp_path / "out", home=ready)

    assert ran.status == 0, ran.err
    assert "the same bytes, sha-256" in ran.out
    assert (tmp_path / "out" / f"{WEEK}.html").read_text("utf-8") == shown(ready)["html"]


def test_a_rebuild_that_differs_says_in_what(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts("edition", "approve", WEEK, *AT, home=ready)
    monkeypatch.setattr("digest.rendering.COLUMNS", 60)  # as another version might render

    ran = verdicts("edition", "rebuild", WEEK, "--json", home=ready)

    assert ran.status == 1
    assert ran.document["differs"] == ["text"]
    assert ran.document["sha256"] != ran.document["rebuilt_sha256"]


def test_a_draft_has_nothing_to_be_rebuilt_from(ready: Path) -> None:
    ran = verdicts("edition", "rebuild", WEEK, home=ready)

    assert ran.status == 2
    assert "cannot be rebuilt: it is draft" in ran.err


# What the desk calls


def test_matchups_are_put_into_another_order(services: Services) -> None:
    before = pairs(services.editions.require(WEEK))

    after = editing.reorder(services, WEEK, [3, 1, 2, 5, 4])

    assert pairs(after) == [before[2], before[0], before[1], before[4], before[3]]
    assert [one.layout for one in after.edition.matchups] == ["full", "short", "short", "short", "short"]
    with pytest.raises(EditionError, match="allowed: each of 1 to 5 once"):
        editing.reorder(services, WEEK, [1, 1, 2, 3, 4])


def test_a_pin_takes_the_place_of_what_stands_in_its_way(services: Services) -> None:
    first, second, *rest = pairs(services.editions.require(WEEK))
    a, b = min(first), min(second)

    after = editing.pin(services, WEEK, a, b)

    assert {a, b} in pairs(after)
    assert first not in pairs(after)
    assert second not in pairs(after)
    assert [pair for pair in pairs(after) if pair in rest] == rest


def test_a_pin_before_composing_is_in_the_edition(ready: Path) -> None:
    week, later = "2026-W49", datetime(2026, 11, 30, 6, 10, tzinfo=UTC)
    with open_services(ready, later) as services:
        a, b = sorted(pairs(services.editions.require(WEEK))[0])
        assert editing.pin(services, week, a, b) is None

        record = steps.compose(services, week)

    assert pairs(record) == [{a, b}]


def test_a_vetoed_pair_goes_and_the_best_other_one_comes(services: Services) -> None:
    before = pairs(services.editions.require(WEEK))
    a, b = sorted(before[1])

    after = editing.veto(services, WEEK, a, b)

    assert {a, b} not in pairs(after)
    assert [pair for pair in pairs(after) if pair in before] == [before[0], *before[2:]]
    assert len(pairs(after)) == len(before)


def test_a_tool_vetoed_for_good_is_never_composed(ready: Path) -> None:
    with open_services(ready, NOW) as services:
        unwanted = min(pairs(services.editions.require(WEEK))[0])
        editing.veto(services, WEEK, unwanted, always=True)
        services.editions.skip(WEEK, "start again", NOW)
        assert unwanted not in set().union(*pairs(services.editions.require(WEEK)))

    with open_services(ready, datetime(2026, 11, 23, 6, 10, tzinfo=UTC)) as services:
        composed = steps.compose(services, "2026-W48")

    assert all(unwanted not in pair for pair in pairs(composed))


def test_a_call_that_flips_after_it_was_printed_is_raised_and_corrected(ready: Path) -> None:
    verdicts("edition", "approve", WEEK, *AT, home=ready)
    lead = shown(ready)["matchups"][0]["a"]
    sheet = ready / f"{lead}.yaml"
    text = (SAMPLES / "reviews" / f"{lead}.yaml").read_text("utf-8")
    sheet.write_text(text.replace("call: ship", "call: skip", 1), "utf-8")
    later = ("--now", "2026-11-20T09:00Z")
    assert verdicts("panel", "import", sheet, *later, home=ready).status == 0

    status = verdicts("status", "--json", *later, home=ready)
    (correction,) = status.document["corrections"]
    assert (correction["tool"], correction["before"], correction["after"]) == (lead, "ship", "skip")
    assert any(f"since {WEEK} told readers" in need for need in status.document["needs"])

    composed = verdicts("compose", "--json", "--now", "2026-11-30T06:10Z", home=ready).document
    assert [one["tool"] for one in composed["corrections"]] == [lead]


def test_a_second_pin_leaves_the_first_where_it_is(services: Services) -> None:
    used = set().union(*pairs(services.editions.require(WEEK)))
    unused = sorted({path.stem for path in (SAMPLES / "reviews").glob("*.yaml")} - used)
    first, second = unused[:2], unused[2:4]

    editing.pin(services, WEEK, *first)
    after = editing.pin(services, WEEK, *second)

    assert set(first) in pairs(after)
    assert set(second) in pairs(after)
    assert len(pairs(after)) == 5


def test_a_pin_across_two_matchups_leaves_no_place_empty(services: Services) -> None:
    one, other, *_ = pairs(services.editions.require(WEEK))

    after = editing.pin(services, WEEK, min(one), min(other))

    assert len(pairs(after)) == 5


def test_a_week_skipped_by_its_editor_may_still_be_told_a_pin(services: Services) -> None:
    a, b = sorted(pairs(services.editions.require(WEEK))[0])
    services.editions.skip(WEEK, "for want of pairs", NOW)

    record = editing.pin(services, WEEK, a, b)

    assert record is not None
    assert record.state == "skipped"
    assert frozenset((a, b)) in services.editions.words_for(WEEK).pins


def test_a_veto_of_the_only_pair_ends_the_week(services: Services) -> None:
    services.editions.keep_draft(replace(steps.compose(services, WEEK, 1).edition, passed_over=()))
    a, b = sorted(pairs(services.editions.require(WEEK))[0])
    for slug in {path.stem for path in (SAMPLES / "reviews").glob("*.yaml")} - {a, b}:
        editing.veto(services, WEEK, slug)

    after = editing.veto(services, WEEK, a, b)

    assert after is not None
    assert (after.state, after.reason) == ("skipped", "its only pair was vetoed, and no other is worth it")


def test_a_typo_in_a_veto_or_pin_is_told(services: Services) -> None:
    for act in (editing.veto, editing.pin):
        with pytest.raises(EditionError, match="found 'nope'; allowed: the slug of a tool"):
            act(services, WEEK, "nope", "errandry")
    with pytest.raises(EditionError, match="allowed: two different tools, or one alone"):
        editing.veto(services, WEEK, "errandry", "errandry")


def test_swapping_again_offers_another_pair_each_time(ready: Path) -> None:
    seen = [slugs(shown(ready))[4]]
    for _ in range(2):
        document = verdicts("edition", "swap", WEEK, "5", "--json", *AT, home=ready).document
        assert slugs(document)[4] not in seen
        seen.append(slugs(document)[4])


def test_a_rebuild_needs_no_file_that_a_template_includes(ready: Path) -> None:
    own = ready / "templates"
    (own / "email" / "digest").mkdir(parents=True)
    (own / "parts").mkdir()
    shipped = template_folders()[0] / "email" / "digest" / "body.txt"
    text = shipped.read_text("utf-8") + '\n{% include "parts/foot.txt" %}\n'
    (own / "email" / "digest" / "body.txt").write_text(text, "utf-8")
    (own / "parts" / "foot.txt").write_text("With care.\n", "utf-8")
    assert verdicts("edition", "approve", WEEK, *AT, home=ready).status == 0
    (own / "parts" / "foot.txt").unlink()

    ran = verdicts("edition", "rebuild", WEEK, home=ready)

    assert ran.status == 0, ran.out


def test_an_approved_edition_is_checked_with_the_site_it_was_made_for(ready: Path) -> None:
    verdicts("edition", "approve", WEEK, *AT, home=ready)
    (ready / "verdicts.toml").write_text('postal_address = "2 Other Road"\nfrom_email = "verdicts@example.org"\n')

    assert verdicts("check", WEEK, *AT, home=ready).status == 0


# Words and looks of one's own


def test_a_preheader_of_ones_own_survives_a_new_lead_and_an_empty_one_is_composed_again(services: Services) -> None:
    composed = services.editions.require(WEEK).edition.preheader
    after = editing.reword(services, WEEK, preheader="Five pairs of tools,\n and 31 calls.")
    assert after.edition.preheader == "Five pairs of tools, and 31 calls."
    assert check_edition(services, after) == (), "its number is the editor's"
    assert editing.swap(services, WEEK, 1).edition.preheader == after.edition.preheader
    editing.reorder(services, WEEK, [2, 1, 3, 4, 5])
    assert editing.reword(services, WEEK, preheader=" ").edition.preheader != after.edition.preheader
    assert "Also inside: " in composed
    with pytest.raises(EditionError, match="the preheader has 201 characters; allowed: at most 200"):
        editing.reword(services, WEEK, preheader="x" * 201)


def test_the_paragraphs_of_an_intro_stay(services: Services) -> None:
    after = editing.reword(services, WEEK, intro="\nOne\nline.\n \n\nAnother.  ")
    assert after.edition.intro == "One line.\n\nAnother."


def test_a_blurb_is_printed_once_in_each_part_and_goes_with_its_pair(services: Services) -> None:
    said = "We tried both for 3 days; “never again” said 1 of us about <neither>."
    slug = services.editions.require(WEEK).edition.matchups[0].slug
    after = editing.blurb(services, WEEK, slug, f" {said}\n")
    assert check_edition(services, after) == ()
    message = message_of(services, after)
    assert html_words(message.html).text.count(said) == 1
    assert words(message.text).text.count(said) == 1
    moved = editing.reorder(services, WEEK, [2, 1, 3, 4, 5])
    assert [one.blurb for one in moved.edition.matchups] == ["", said, "", "", ""]
    assert editing.swap(services, WEEK, 2).edition.matchups[1].blurb == ""
    with pytest.raises(EditionError, match="allowed: at most 600"):
        editing.blurb(services, WEEK, moved.edition.matchups[0].slug, "x" * 601)
    with pytest.raises(EditionError, match="found 'x-vs-y'; allowed: "):
        editing.blurb(services, WEEK, "x-vs-y", said)


def test_a_blurb_that_a_template_leaves_out_blocks(services: Services) -> None:
    record = services.editions.require(WEEK)
    after = editing.blurb(services, WEEK, record.edition.matchups[2].slug, "We like this pair.")
    message = message_of(services, record)
    assert {one.code for one in check(services, after, message)} == {"content-missing"}


def test_a_pair_is_shown_in_full_or_short(services: Services) -> None:
    slug = services.editions.require(WEEK).edition.matchups[3].slug
    after = editing.lay_out(services, WEEK, slug, "full")
    assert [one.layout for one in after.edition.matchups] == ["full", "short", "short", "full", "short"]
    assert check_edition(services, after) == ()


def test_a_pair_is_compared_once_more_with_what_is_stored_now(services: Services) -> None:
    pair = services.editions.require(WEEK).edition.matchups[1]
    old = pair.a.verdict.reviews[0]
    services.store.record_reviews([(pair.a.tool, [replace(old, quote="Better than before.", version=1)])], NOW)
    record = editing.blurb(services, WEEK, pair.slug, "Look again.")
    assert {one.code for one in check_edition(services, record)} == {"quote-old"}

    after = editing.renew(services, WEEK, pair.slug)

    new = after.edition.matchups[1]
    assert {one.tool.slug for one in new.sides} == {one.tool.slug for one in pair.sides}
    assert "Better than before." in {one.quote for side in new.sides for one in side.verdict.reviews}
    assert (new.blurb, new.layout) == ("Look again.", pair.layout)
    assert after.edition.passed_over == record.edition.passed_over
    assert check_edition(services, after) == ()


def test_only_a_call_that_readers_know_otherwise_is_corrected(services: Services) -> None:
    with pytest.raises(EditionError, match="no call of skeptic on smolvlm2 needs correcting"):
        editing.tell(services, WEEK, "smolvlm2", "skeptic")
    assert services.editions.require(WEEK).edited is False
