"""An editor's reviews come in, go out as they came, and what is still wanted becomes a file to fill in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Ran, verdicts

NOW = ("--now", "2026-11-16T06:00Z")
BEFORE, HERE = "2026-11-15T12:00Z", "2026-11-16T06:00Z"


def document(tool: str = "oak", quote: str = "I built on it.", **changes: Any) -> dict[str, Any]:
    review = {"reviewer": "builder", "call": "ship", "reviewed_on": "2026-11-02", "quote": quote}
    return {
        "tool": tool, "name": tool.title(), "tagline": "A tree", "category": "Models", "entry_price": "Free",
        "url": "https://example.org/oak", "description": "A paragraph.", "reviews": [review],
    } | changes  # fmt: skip


def write(folder: Path, *documents: dict[str, Any], name: str = "given.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(documents), encoding="utf-8")
    return folder / name


def take_in(home: Path, *paths: Path, options: tuple[str, ...] = ()) -> Ran:
    return verdicts("panel", "import", *paths, *options, *NOW, home=home)


@pytest.fixture
def empty(started: Path) -> Path:
    """A home with a database and nothing to poll."""
    (started / "feeds.toml").write_text("# Nothing to poll.\n")
    return started


def another(home: Path) -> Path:
    """A second home beside the first, with an empty database."""
    other = home.parent / "other"
    assert verdicts("init", home=other).status == 0
    return other


def test_wrong_files_change_nothing_and_say_everything(empty: Path, tmp_path: Path) -> None:
    bad = document("elm", category="Toys", reviews=[document()["reviews"][0] | {"reviewed_on": "2026-11-17"}])

    ran = take_in(empty, write(tmp_path / "in", document(), bad))

    assert ran.status == 2
    assert [line.split(" found")[0].split(" ", 2)[-1] for line in ran.err.splitlines()] == ["category:", "reviewed_on:"]
    assert verdicts("tools", "list", "--json", home=empty).document == []


def test_partial_takes_the_good_ones_and_reports_the_rest(empty: Path, tmp_path: Path) -> None:
    given = write(tmp_path / "in", document(), document("elm", category="Toys"))

    ran = take_in(empty, given, options=("--partial", "--json"))

    assert ran.status == 1
    assert {name: ran.document[name] for name in ("tools", "new", "changed", "same")} == {
        "tools": 1, "new": 1, "changed": 0, "same": 0,
    }  # fmt: skip
    [fault] = ran.document["faults"]
    assert (fault["file"], fault["field"], fault["found"]) == ("given.json", "category", "'Toys'")
    told = take_in(empty, given, options=("--partial",))
    assert told.out == "1 tool: 0 new reviews, 0 changed, 1 known\n"
    assert "category: found 'Toys'" in told.err
    assert take_in(empty, write(tmp_path / "in", document()), options=("--partial",)).status == 0


def test_two_slugs_of_one_tool_are_one_tool(empty: Path, tmp_path: Path) -> None:
    """What an editor renamed still comes in under its old slug, but not both in one import."""
    assert take_in(empty, write(tmp_path / "in", document())).status == 0
    assert verdicts("tools", "edit", "oak", "--name", "Holm Oak", home=empty).status == 0

    ran = take_in(empty, write(tmp_path / "in", document(), document("holm-oak", quote="Another.")))

    assert ran.status == 2
    assert "found holm-oak, which is oak, also in given.json:1 as oak; allowed: each tool once" in ran.err
    ran = take_in(empty, write(tmp_path / "in", document("holm-oak", quote="Another."), document()))
    assert "found oak, also in given.json:1 as holm-oak; allowed: each tool once" in ran.err


@pytest.mark.parametrize("ending", [".yaml", ".json", ".csv", "folder"])
def test_an_export_imported_elsewhere_exports_the_same_bytes(sampled: Path, tmp_path: Path, ending: str) -> None:
    hostile = ("- a: b # c", "“יום טוב” 🦉", "x" * 300, "'\"; \\n", "=1+1, 2", "true", "> fold\n\n  twice  ")
    assert (
        take_in(sampled, write(tmp_path / "in", *(document(f"t{n}", one) for n, one in enumerate(hostile)))).status == 0
    )
    other = another(sampled)
    first, second = ((tmp_path / name).with_suffix("" if ending == "folder" else ending) for name in ("one", "two"))

    out = verdicts("panel", "export", first, home=sampled)
    assert out.status == 0, out.err
    assert take_in(other, first).out.startswith("23 tools: 71 new reviews, 0 changed, 0 known")
    assert verdicts("panel", "export", second, home=other).status == 0

    assert contents(second) == contents(first)
    assert take_in(sampled, first).out == "23 tools: 0 new reviews, 0 changed, 71 known\n"


def contents(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    return {"": path.read_bytes()}


def test_exporting_again_touches_nothing_that_says_the_same(sampled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = verdicts("panel", "export", folder, "--json", home=sampled).document
    assert (first["tools"], len(first["written"]), first["unchanged"]) == (16, 16, [])
    mine = folder / "cloakroom.yaml"
    mine.write_text("# A note of mine.\n" + mine.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "readme.txt").write_text("Stays.")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}

    again = verdicts("panel", "export", folder, home=sampled)

    assert again.out == "16 tools: 0 files written, 16 files left that said the same\n"
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before


def test_an_export_spares_what_says_anything_else_unless_it_is_forced(sampled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert verdicts("panel", "export", folder, home=sampled).status == 0
    stored = contents(folder)
    unsaved, broken, dated = (folder / f"{name}.yaml" for name in ("cloakroom", "errandry", "flakehound"))
    unsaved.write_text(unsaved.read_text(encoding="utf-8").replace("call: ship", "call: skip", 1), encoding="utf-8")
    broken.write_text("tool: errandry\nname: [\n", encoding="utf-8")
    dated.write_text(re.sub(r"reviewed_on: \S+", "reviewed_on: 2026-11-16", dated.read_text(encoding="utf-8"), count=1))
    tagged = folder / "kino-kiln.yaml"
    tagged.write_text(re.sub("(?m)^tagline: .*", "tagline: Mine  # better", tagged.read_text(encoding="utf-8")))
    (folder / "long-table.yaml").unlink()
    kept = contents(folder)

    ran = verdicts("panel", "export", folder, home=sampled)

    assert ran.status == 1
    assert ran.out.startswith(f"wrote {folder / 'long-table.yaml'}\n16 tools: 1 file written, 11 files left")
    assert {name: text for name, text in contents(folder).items() if name in kept} == kept
    for file in (unsaved, dated, tagged):
        assert f"{file} is left as it is: it says otherwise than what is stored; import it first (verdicts" in ran.err
    assert "errandry.yaml is left as it is: it cannot be read (errandry.yaml:3: found" in ran.err
    forced = verdicts("panel", "export", folder, "--force", home=sampled)
    assert forced.out.splitlines()[:4] == [f"wrote {one}" for one in (unsaved, broken, dated, tagged)]
    assert (forced.status, contents(folder)) == (0, stored)


def test_an_export_writes_into_the_files_that_hold_the_tools_whatever_they_are_called(
    sampled: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert verdicts("panel", "export", folder, home=sampled).status == 0
    mine, renamed = folder / "deep" / "mine.yml", folder / "flakes.json"
    mine.parent.mkdir()
    (folder / "cloakroom.yaml").rename(mine)
    (folder / "flakehound.yaml").unlink()
    [flakehound] = [
        one for one in verdicts("panel", "export", "-", "--json", home=sampled).document if one["tool"] == "flakehound"
    ]
    write(folder, flakehound, name="flakes.json")
    before = contents(folder)

    assert verdicts("panel", "export", folder, home=sampled).out.startswith("16 tools: 0 files written, 16 files left")
    assert contents(folder) == before
    assert verdicts("tools", "edit", "flakehound", "--name", "Flake Hound 2", home=sampled).status == 0
    assert "flakes.json is left as it is: it says otherwise" in verdicts("panel", "export", folder, home=sampled).err
    assert verdicts("panel", "export", folder, "--force", home=sampled).out.startswith(f"wrote {renamed}\n16 tools: 1 ")
    assert json.loads(renamed.read_text(encoding="utf-8"))[0]["name"] == "Flake Hound 2"
    assert take_in(sampled, folder).out == "16 tools: 0 new reviews, 0 changed, 64 known\n"


def test_an_export_never_makes_a_second_file_of_a_tool(empty: Path, tmp_path: Path) -> None:
    """Not of one beside another in its file, of one under an old slug, nor of one whose file is wrong."""
    folder = tmp_path / "all"
    elm, fir = document("elm"), document("fir")
    assert take_in(empty, write(folder, document(), elm, fir | {"tagline": "Green"}, name="trees.json")).status == 0
    assert take_in(empty, write(folder, document(), elm, fir, name="trees.json")).status == 0
    assert verdicts("tools", "edit", "oak", "--name", "Holm Oak", home=empty).status == 0
    write(folder, document("holm-oak", name="Holm Oak"), name="renamed.json")
    write(folder, elm | {"category": "Toys"}, name="wrong.json")
    (folder / "trees.json").unlink()
    write(folder, fir | {"tagline": "Blue"}, document("yew"), name="pair.json")
    before = contents(folder)

    ran = verdicts("panel", "export", folder, "--json", home=empty)

    assert contents(folder) == before
    assert ran.document["unchanged"] == [str(folder / "renamed.json")]
    assert {Path(one["file"]).name: one["reason"].split(" (")[0] for one in ran.document["left"]} == {
        "wrong.json": "it cannot be read", "pair.json": "it holds yew and does not say what is stored of fir",
    }  # fmt: skip
    assert verdicts("panel", "export", folder, "--force", home=empty).status == 1
    assert (folder / "pair.json").read_bytes() == before["pair.json"]
    assert take_in(empty, folder).status == 0


def test_an_export_goes_to_standard_output_or_to_reviews(
    sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert verdicts("panel", "export", home=sampled).status == 0
    names = {path.stem for path in (tmp_path / "reviews").iterdir()}

    assert {one["tool"] for one in verdicts("panel", "export", "-", "--json", home=sampled).document} == names
    text = verdicts("panel", "export", "-", home=sampled).out
    assert text == "---\n".join(path.read_text(encoding="utf-8") for path in sorted((tmp_path / "reviews").iterdir()))
    wrong = verdicts("panel", "export", "reviews.txt", home=sampled)
    assert (wrong.status, "allowed: .yaml, .yml, .json, .csv, or a folder" in wrong.err) == (2, True)


def test_reviews_of_somebody_who_left_the_list_are_exported_with_a_warning(sampled: Path, tmp_path: Path) -> None:
    reviewers(sampled, 3)

    ran = verdicts("panel", "export", tmp_path / "all.yaml", home=sampled)

    assert ran.status == 0
    assert "not on the panel: builder, founder, futurist, skeptic" in ran.err


# Reviewers are data


def reviewers(home: Path, count: int, inactive: int = 0) -> list[str]:
    slugs = [f"judge-{number}" for number in range(count)]
    tables = (
        f'[[reviewer]]\nslug = "{slug}"\nname = "{slug.title()}"\nlens = "Why?"\n'
        f"active = {'true' if number < count - inactive else 'false'}\n"
        for number, slug in enumerate(slugs)
    )
    (home / "reviewers.toml").write_text("\n".join(tables))
    return slugs


@pytest.mark.parametrize(("count", "inactive", "quorum"), [(1, 0, 1), (4, 1, 3), (12, 4, 8)])
def test_any_number_of_reviewers_makes_a_panel(
    empty: Path, tmp_path: Path, count: int, inactive: int, quorum: int
) -> None:
    (empty / "verdicts.toml").write_text(f"quorum = {quorum}\n")
    slugs = reviewers(empty, count, inactive)
    reviews = [document()["reviews"][0] | {"reviewer": slug} for slug in slugs]
    short = [one for number, one in enumerate(reviews) if number != 0]
    assert take_in(empty, write(tmp_path / "in", document(reviews=reviews))).status == 0
    if short:
        assert take_in(empty, write(tmp_path / "in", document("elm", reviews=short))).status == 0

    shown = {one["slug"]: one for one in verdicts("tools", "list", "--json", *NOW, home=empty).document}

    verdict = shown["oak"]["verdict"]
    assert (verdict["n"], verdict["panel_size"], shown["oak"]["ready"]) == (count - inactive, count - inactive, True)
    assert all(shown["elm"]["ready"] is False and shown["elm"]["verdict"]["n"] == quorum - 1 for _ in short[:1])


@pytest.mark.parametrize(
    "command", [("panel", "wanted"), ("compose",), ("tools", "list"), ("launches", "--unreviewed")]
)
def test_a_quorum_nobody_can_reach_is_an_error_that_says_so(empty: Path, command: tuple[str, ...]) -> None:
    reviewers(empty, 4, inactive=2)

    ran = verdicts(*command, *NOW, home=empty)

    assert ran.status == 2
    assert ran.err.startswith("verdicts: quorum: found 3, but 2 of 4 reviewers are active; allowed: 1 to 2")


# What is wanted


def launched(home: Path, *lines: tuple[str, str, str, int]) -> None:
    """Keep launches: the tool, its tagline, its category, and how many feeds carry it."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from digest.model import slugify
    from flows.services import open_services
    from tests.examples import launch

    at = datetime.fromisoformat(BEFORE).astimezone(UTC)
    with open_services(home) as services:
        found = [
            replace(
                launch(), id=slugify(name), tool_slug=slugify(name), tool_name=name, title=f"Introducing {name}",
                tagline=tagline, category=category, announced_at=at, first_seen=at, entry_price="", score=0.8,
                entries=tuple((f"feed-{number}", slugify(name)) for number in range(feeds)),
            )
            for name, tagline, category, feeds in lines
        ]  # fmt: skip
        services.store.keep_launches(found, at)


def test_wanted_ranks_by_feeds_and_by_what_it_would_pair_with(sampled: Path) -> None:
    launched(
        sampled,
        ("Nowhere Near", "Something else", "Infrastructure", 1),
        ("Quiet Room", "Meetings on your laptop", "Audio & Voice", 1),
        ("Big News", "Something else", "Infrastructure", 4),
        ("Cloakroom", "Known already", "Audio & Voice", 9),
    )

    shown = verdicts("panel", "wanted", "--json", *NOW, home=sampled).document

    assert [one["tool_slug"] for one in shown] == ["big-news", "quiet-room", "nowhere-near"]
    assert shown == sorted(shown, key=lambda one: -one["score"])
    assert all({"tool", "tool_slug", "why", "score"} <= set(one) for one in shown)
    assert shown[0]["why"] == "in 4 feeds, announced today, no ready tool to pair with, no review yet"
    assert "would pair with Cloakroom (both meetings)" in shown[1]["why"]
    assert len(verdicts("panel", "wanted", "--json", "--limit", "1", *NOW, home=sampled).document) == 1
    assert "Big News" in verdicts("panel", "wanted", *NOW, home=sampled).out


def test_nothing_wanted_says_whether_anything_was_launched(empty: Path, tmp_path: Path) -> None:
    unknown = "no launch is known of the last 14 days; `verdicts gather` polls the feeds for some\n"
    assert verdicts("panel", "wanted", *NOW, home=empty).out == unknown
    templates = verdicts("panel", "wanted", "--template", tmp_path / "todo", *NOW, home=empty)
    assert templates.out == f"0 files to fill in: {unknown}"
    launched(empty, ("Oak", "A tree", "Models", 1))
    reviews = [document()["reviews"][0] | {"reviewer": slug} for slug in ("builder", "skeptic", "founder")]
    assert take_in(empty, write(tmp_path / "in", document(reviews=reviews))).status == 0

    assert verdicts("panel", "wanted", *NOW, home=empty).out == "every launched tool has a verdict\n"
    assert verdicts("panel", "wanted", "--now", "2026-12-16T06:00Z", home=empty).out == unknown


def test_a_template_is_filled_in_imported_and_then_not_wanted_any_more(sampled: Path, tmp_path: Path) -> None:
    launched(sampled, ("Quiet Room", "Meetings on your laptop", "Audio & Voice", 2))
    folder, file = tmp_path / "todo", tmp_path / "todo" / "quiet-room.yaml"

    ran = verdicts("panel", "wanted", "--template", folder, *NOW, home=sampled)

    assert ran.out == f"wrote {file}\n1 file to fill in\n"
    text = file.read_text(encoding="utf-8")
    assert re.match(r"# yaml-language-server: \$schema=file:///\S+/reviews\.schema\.json\n", text)
    assert "\ncategory: Audio & Voice\n" in text
    refused = take_in(sampled, folder)
    assert refused.status == 2
    number = text.splitlines().index("    call:  # ship or skip") + 1
    assert f"quiet-room.yaml:{number}: call: found nothing; allowed: ship, skip" in refused.err
    for field, value in (("call", "ship"), ("reviewed_on", "2026-11-15"), ("quote", "Yes."), ("description", "Words."),
                         ("entry_price", "Free")):  # fmt: skip
        text = re.sub(rf"(?m)({field}:)(  #.*)?$", rf"\1 {value}", text)
    file.write_text(text, encoding="utf-8")
    again = verdicts("panel", "wanted", "--template", folder, *NOW, home=sampled)
    assert again.out == f"{file} is there already\n0 files to fill in\n"
    assert file.read_text(encoding="utf-8") == text
    assert take_in(sampled, folder).out == "1 tool: 4 new reviews, 0 changed, 0 known; tools described anew: 1\n"
    assert verdicts("panel", "wanted", "--json", *NOW, home=sampled).document == []


def test_a_template_holds_the_reviews_there_are(empty: Path, tmp_path: Path) -> None:
    launched(empty, ("Oak", "A tree", "Models", 1))
    assert take_in(empty, write(tmp_path / "in", document(quote="Known: stored."))).status == 0

    assert verdicts("panel", "wanted", "--template", tmp_path / "todo", *NOW, home=empty).status == 0

    text = (tmp_path / "todo" / "oak.yaml").read_text(encoding="utf-8")
    assert text.count("call:  # ship or skip") == 3
    assert "    quote: >\n      Known: stored.\n" in text


def test_a_folder_without_template_is_not_guessed_at(empty: Path, tmp_path: Path) -> None:
    ran = verdicts("panel", "wanted", tmp_path, home=empty)

    assert ran.status == 2
    assert "only with --template" in ran.err
