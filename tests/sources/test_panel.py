"""The list of reviewers is data: any number of them, and a wrong list says every fault at once."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from digest.errors import Fault, FilesError
from sources.panel import BUNDLED_REVIEWERS, load_reviewers


def write(folder: Path, text: str, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def panel(folder: Path, toml: str) -> Path:
    return write(folder, dedent(toml), "reviewers.toml")


def panel_faults(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(FilesError) as caught:
        load_reviewers(path)
    return caught.value.faults


def test_the_bundled_panel_has_four_active_reviewers_in_order() -> None:
    found = load_reviewers(BUNDLED_REVIEWERS)

    assert [one.slug for one in found] == ["builder", "skeptic", "futurist", "founder"]
    assert all(one.active and one.lens.endswith("?") for one in found)


def test_reviewers_come_in_their_order_and_are_active_unless_they_say_otherwise(tmp_path: Path) -> None:
    found = load_reviewers(
        panel(
            tmp_path,
            """
            [[reviewer]]
            slug = "second"
            name = "Second"
            lens = "What then?"
            order = 2
            active = false

            [[reviewer]]
            slug = "first"
            name = "First"
            lens = "What now?"
            order = 1
            """,
        )
    )

    assert [(one.slug, one.order, one.active) for one in found] == [("first", 1, True), ("second", 2, False)]


def test_reviewers_without_an_order_keep_that_of_the_file(tmp_path: Path) -> None:
    lines = "".join(f'[[reviewer]]\nslug = "{slug}"\nname = "N"\nlens = "L"\n' for slug in ("zoe", "ada"))

    assert [(one.slug, one.order) for one in load_reviewers(panel(tmp_path, lines))] == [("zoe", 1), ("ada", 2)]


def test_every_fault_of_a_panel_is_reported_with_its_reviewer_s_line(tmp_path: Path) -> None:
    found = panel_faults(
        panel(
            tmp_path,
            """\
            [[reviewer]]
            slug = "Not A Slug"
            name = "One"
            lens = ""

            [[reviewer]]  # the second
            slug = "two"
            name = "Two"
            lens = "Why?"
            order = "first"
            active = "yes"
            lense = "x"

            [[reviewer]]
            slug = "two"
            name = "Two again"
            lens = "Why?"
            order = true
            """,
        )
    )

    assert [(fault.line, fault.field) for fault in found] == [
        (1, "slug"), (1, "lens"), (6, "lense"), (6, "order"), (6, "active"), (14, "order"), (14, "slug"),
    ]  # fmt: skip
    assert found[2].allowed == "did you mean lens?"
    assert found[3].allowed == "a whole number"


@pytest.mark.parametrize(
    ("toml", "field"),
    [
        ("", ""),
        ("# nobody\n", ""),
        ("reviewer = []\n", ""),
        ("reviewer = 5\n", "reviewer"),
        ('reviewer = ["builder"]\n', "reviewer"),
        ('[reviewer]\nslug = "one"\n', "reviewer"),
        ('[[reviewers]]\nslug = "one"\n', "reviewers"),
    ],
)
def test_a_file_without_a_list_of_reviewers_says_what_it_should_hold(tmp_path: Path, toml: str, field: str) -> None:
    [fault] = panel_faults(panel(tmp_path, toml))

    assert (fault.file, fault.field) == ("reviewers.toml", field)
    assert "reviewer" in fault.allowed


def test_a_panel_that_is_no_toml_has_its_line(tmp_path: Path) -> None:
    [fault] = panel_faults(panel(tmp_path, "[[reviewer]]\nslug = builder\n"))

    assert (fault.line, fault.field) == (2, "")


def test_a_panel_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "\xfc"')

    assert [fault.found for fault in panel_faults(tmp_path / "none.toml")] == ["No such file or directory"]
    assert "utf-8" in panel_faults(tmp_path / "latin.toml")[0].found
