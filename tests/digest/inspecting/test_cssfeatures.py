"""Which css and html a letter may use: what the data file says, and what we know better."""

from __future__ import annotations

from typing import Any

import pytest
import tinycss2

from digest.inspecting.cssfeatures import EXTRAS, STRUCTURAL, Use, by_declaration, by_selector, by_tag, data, shortfall
from digest.inspecting.markup import read
from digest.inspecting.stylesheets import inline
from digest.rendering import render
from tests.examples import edition, site
from tests.tools.caniemail import CLIENTS, support


def used(css: str) -> dict[str, str]:
    """Features of a declaration by how they are written, with what is said against them."""
    [one] = tinycss2.parse_blocks_contents(css)
    return {use.shown: shortfall(use) for use in by_declaration(one)}


def test_the_data_says_where_it_comes_from_and_how_old_it_is() -> None:
    assert "caniemail" in data().source
    assert data().updated > "2025-01-01"
    assert data().families == list(CLIENTS)


def test_what_we_allow_ourselves_is_in_the_data_and_says_why() -> None:
    assert set(EXTRAS) <= set(data().features)
    assert set(data().features) >= STRUCTURAL
    assert all(EXTRAS.values())


@pytest.mark.parametrize(
    "css",
    ["color: red", "padding-left: 3px", "border-top: 1px solid #000", "margin: 0 auto", "max-width: 640px",
     "font: 14px/20px system-ui, serif", "border-radius: 3px", "mso-hide: all", "-webkit-text-size-adjust: 100%",
     "display: inline-block", "display: none", "color: rgb(1, 2, 3)", "background: url(x.png) #fff"],
)  # fmt: skip
def test_what_most_programs_show_is_fine(css: str) -> None:
    assert set(used(css).values()) <= {""}


@pytest.mark.parametrize(
    ("css", "who"),
    [("display: flex", "Outlook (Windows)"), ("position: fixed", "Gmail"), ("color: rgb(1 2 3)", "Gmail"),
     ("width: min(1px, 2px)", "Outlook"), ("inset: 0", "most|Gmail"), ("--a: 1", "Gmail"), ("colr: red", "Nobody"),
     ("width: 3dvh", "Nobody"), ("color: oklch(50% 0.1 20)", "Gmail"), ("width: foo(1)", "Nobody")],
)  # fmt: skip
def test_what_programs_lack_names_them(css: str, who: str) -> None:
    said = " ".join(used(css).values())

    assert any(one in said for one in who.split("|"))


def test_selectors_and_tags_are_looked_at_too() -> None:
    assert {shortfall(use) for use in by_selector("#a .b > td:last-child", 1)} == {""}
    assert any(shortfall(use) for use in by_selector("p:target", 1))
    assert not any(shortfall(use) for use in by_tag("table", ["cellpadding", "role", "align"]))
    assert any(shortfall(use) for use in by_tag("marquee-like", []))
    assert any(shortfall(use) for use in by_tag("video", []))


def test_every_feature_of_our_own_email_is_known() -> None:
    document = read(render(edition(), site()).html)
    uses = {use for tag in document.by_tag() for use in inline(tag.attrs.get("style", "")).uses}

    assert uses
    assert {use.slug for use in uses} <= set(data().features)


def test_the_data_file_keeps_who_lacks_a_feature_now() -> None:
    stats: dict[str, Any] = {
        "gmail": {"desktop-webmail": {"2019": "n", "2022": "y"}, "ios": {"2019": "n"}, "android": {"2019": "n"}},
        "hey": {"desktop-webmail": {"2020": "a #1"}},
        "samsung-email": {"android": {"6": "n"}},
        "thunderbird": {"macos": {"60": "u"}},
    }

    assert support({"stats": stats, "last_test_date": "2022-01-02"}) == {
        "tested": "2022-01-02", "have": 1, "of": 3, "lacks": ["Gmail (iOS, Android)", "Samsung Email"],
    }  # fmt: skip


def test_a_use_of_what_nobody_knows_is_told() -> None:
    assert shortfall(Use("", "zoomy")) == "Nobody has tested zoomy in mail programs."
