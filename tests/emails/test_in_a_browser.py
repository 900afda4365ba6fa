"""Every email in a browser: nobody is kept out, nothing sticks out, and columns need no media query."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image

from tests.digest.test_rendering import HOSTILE
from tests.emails.browsing import PHONE, SMALL, WIDE, Scheme, Screen, need_axe
from tests.emails.samples import DISTINCT, NAMES, repeating, samples

WIDTHS = (SMALL, PHONE, WIDE)


def without_style_block(html: str) -> str:
    """What is left where a mail program drops the style block."""
    return re.sub(r"(?s)<style.*?</style>", "", html)


def without_any_style(html: str) -> str:
    """What is left where it drops inline styles too."""
    return re.sub(r' style="[^"]*"', "", without_style_block(html))


# Accessible

#: Elements with words of their own that a reader sees; axe-core looks at no others for contrast.
_TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    if (/[\\p{L}\\p{N}]/u.test(data) && parentElement.checkVisibility()) found.add(parentElement);
  }
  return found.size;
}"""

_PAPER = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", DISTINCT)
def test_axe_finds_nothing_against_wcag_a_and_aa(screen: Screen, name: str, scheme: Scheme) -> None:
    need_axe()
    for width in (PHONE, WIDE):
        screen.show(samples()[name].page, width, scheme)
        found = screen.axe()

        assert found["violations"] == [], f"{width} px"
        assert found["incomplete"] == [], f"{width} px"
        assert found["contrast"] >= screen.ask(_TEXTS)
        assert (max(screen.ask(_PAPER)) < 80) is (scheme == "dark")


#: A heading that is too dim in one scheme only.
_DIM = "<style>@media (prefers-color-scheme: dark) { .v h1 { color: #333 !important } }</style>"


@pytest.mark.parametrize(
    ("fault", "scheme", "rule"),
    [
        (_DIM, "dark", "color-contrast"),
        ('<p style="color:#bbb;background:#fff">Too pale to read</p>', "light", "color-contrast"),
        ('<a href="https://example.org/"><img src="https://example.org/x.png"></a>', "light", "image-alt"),
    ],
)  # fmt: skip
def test_axe_would_find_a_fault(screen: Screen, fault: str, scheme: Scheme, rule: str) -> None:
    need_axe()
    page = samples()["digest-of-1"].page.replace("</body>", f"{fault}</body>")
    screen.show(page, PHONE, scheme)

    assert {one.partition(":")[0] for one in screen.axe()["violations"]} >= {rule}


# Within the window

#: What is wider than the window or than its own box, each with its first words.
_STICKING_OUT = """() => {
  const told = element => `<${element.tagName.toLowerCase()} class="${element.className}"> ` +
    element.textContent.trim().slice(0, 40);
  const out = [...document.body.querySelectorAll("*")].filter(element => {
    const { left, right, width, height } = element.getBoundingClientRect();
    const outside = width * height > 0 && (left < -0.5 || right > innerWidth + 0.5);
    return outside || (element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1);
  }).map(told);
  const width = document.documentElement.scrollWidth;
  return width > innerWidth ? [`the page is ${width} px wide`, ...out] : out;
}"""


def sticking_out(
    screen: Screen, page: str, widths: tuple[int, ...] = WIDTHS, picture: bytes | None = None
) -> dict[int, list[str]]:
    """What sticks out, by the width at which it does."""
    found = {}
    for width in widths:
        screen.show(page, width, picture=picture)
        found[width] = screen.ask(_STICKING_OUT)
    return {width: what for width, what in found.items() if what}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_sticks_out_of_an_email(screen: Screen, name: str) -> None:
    """Images are blocked here, as in all of these tests."""
    assert sticking_out(screen, samples()[name].page) == {}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_sticks_out_when_the_style_block_is_dropped(screen: Screen, name: str) -> None:
    assert sticking_out(screen, without_style_block(samples()[name].page)) == {}


@pytest.mark.parametrize("name", [name for name in NAMES if "hostile" not in name])
def test_nothing_sticks_out_when_every_style_is_dropped(screen: Screen, name: str) -> None:
    """Words longer than a line cannot be broken without any style, so the hostile sample is not among these."""
    assert sticking_out(screen, without_any_style(samples()[name].page)) == {}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_sticks_out_whatever_people_write(screen: Screen, text: str) -> None:
    assert sticking_out(screen, repeating(text).page, (SMALL,)) == {}


@pytest.mark.parametrize("size", [(1200, 120), (4000, 60)])
def test_a_wide_logo_does_not_stick_out(screen: Screen, size: tuple[int, int]) -> None:
    logo = BytesIO()
    Image.new("RGB", size, "#1e6b50").save(logo, "PNG")
    page = samples()["digest-complete"].page.replace("/logo.png", f"/logo-{size[0]}.png")  # no browser has it yet

    assert sticking_out(screen, page, picture=logo.getvalue()) == {}
    assert screen.ask("() => document.images[0].naturalWidth") == size[0]


def test_a_table_that_is_too_wide_would_be_found(screen: Screen) -> None:
    wide = '<table width="400"><tr><td>Too wide for a phone</td></tr></table>'
    found = sticking_out(screen, samples()["digest-of-1"].page.replace("</body>", f"{wide}</body>"))

    assert sorted(found) == [SMALL, PHONE]


# Two columns

#: The boxes of every two columns: elements set side by side as inline blocks.
_COLUMNS = """() => [...document.querySelectorAll("div")]
  .map(box => [...box.children].filter(one => getComputedStyle(one).display === "inline-block"))
  .filter(columns => columns.length === 2)
  .map(columns => columns.map(one => one.getBoundingClientRect().toJSON()))"""

_DROP_MEDIA_RULES = """() => {
  for (const sheet of document.styleSheets)
    for (let at = sheet.cssRules.length - 1; at >= 0; at--)
      if (sheet.cssRules[at] instanceof CSSMediaRule) sheet.deleteRule(at);
  return [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).length;
}"""


def columns_at(screen: Screen, page: str, width: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    screen.show(page, width)
    assert screen.ask(_DROP_MEDIA_RULES) > 0
    pairs = [(a, b) for a, b in screen.ask(_COLUMNS)]
    assert pairs
    return pairs


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("digest")])
def test_columns_need_no_media_query_to_stand_side_by_side_or_stacked(screen: Screen, name: str) -> None:
    page = samples()[name].page
    for a, b in columns_at(screen, page, WIDE):
        assert (a["top"], a["width"]) == (b["top"], b["width"])
        assert a["right"] <= b["left"]
    for a, b in columns_at(screen, page, PHONE):
        assert (a["left"], a["width"]) == (b["left"], b["width"])
        assert a["bottom"] <= b["top"]
        assert a["width"] >= 0.75 * PHONE
