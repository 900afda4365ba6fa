"""Every email looks as it did: pictures at two widths, light and dark, against those kept in `golden/`.

After a change of the looks that is meant, look at the emails, then rewrite the pictures and commit them:

    .venv/bin/python -m pytest tests/emails/test_pictures.py --golden
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.emails.browsing import PHONE, SCALE, WIDE, Scheme, Screen
from tests.emails.picture import differences, kept, small
from tests.emails.samples import EMAILS, samples

GOLDEN = Path(__file__).parent / "golden"


def taken(screen: Screen, page: str, width: int, scheme: Scheme, change: str = "") -> Image.Image:
    """A picture of a page after a script has changed it."""
    screen.show(page, width, scheme)
    if change:
        screen.ask(change)
    picture = small(screen.picture(), SCALE)
    if change:
        screen.forget()
    return picture


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("name", EMAILS)
def test_an_email_looks_as_it_did(
    screen: Screen, pytestconfig: pytest.Config, name: str, width: int, scheme: Scheme
) -> None:
    file = GOLDEN / f"{name}-{width}-{scheme}.png"
    now = taken(screen, samples()[name].page, width, scheme)
    if pytestconfig.getoption("golden", default=False):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(kept(now))

    assert file.is_file(), "no picture is kept of it yet: run this file with --golden"
    with Image.open(file) as golden:
        assert differences(golden, now) == [], (
            f"if this is meant: pytest tests/emails/test_pictures.py --golden ({file})"
        )


def test_no_picture_is_kept_of_an_email_that_is_gone() -> None:
    due = {f"{name}-{width}-{scheme}.png" for name in EMAILS for width in (PHONE, WIDE) for scheme in ("light", "dark")}
    assert {file.name for file in GOLDEN.iterdir()} == due
    assert max(file.stat().st_size for file in GOLDEN.iterdir()) < 20_000


# What is a difference and what is none


@pytest.fixture(scope="module")
def now(screen: Screen) -> Image.Image:
    """The digest as it is now."""
    return taken(screen, samples()["digest"].page, WIDE, "light")


def after(screen: Screen, change: str) -> Image.Image:
    """The digest after a script has changed it."""
    return taken(screen, samples()["digest"].page, WIDE, "light", f"() => {{ {_ALL}; {change} }}")


_ALL = "const all = what => [...document.querySelectorAll(what)]"


@pytest.mark.parametrize("font", ["DejaVu Serif", "Liberation Serif", "Noto Sans", "monospace"])
def test_another_font_is_no_difference(screen: Screen, now: Image.Image, font: str) -> None:
    """Letters of a typewriter are so much wider that it is another layout."""
    change = f"all('body *').forEach(one => one.style.setProperty('font-family', '{font}', 'important'))"

    assert (differences(now, after(screen, change)) == []) is (font != "monospace")


@pytest.mark.parametrize(
    "change",
    [
        "all('h2')[2].closest('.z').remove()",
        "all('h2').at(-1).parentElement.remove()",
        "all('.k')[2].remove()",
        "all('.k')[2].style.filter = 'invert(1)'",
        "all('.f').forEach(one => one.style.backgroundColor = '#a13d27')",
        "all('.s').forEach(one => one.style.backgroundColor = '#a13d27')",
        "all('a').forEach(one => one.style.setProperty('color', '#f00', 'important'))",
        "all('.c').slice(-2).forEach(one => one.style.cssText = 'display: block')",
        "all('td, div').forEach(one => one.style.textAlign = 'center')",
        "all('style').forEach(one => one.remove())",
        "all('h2')[0].closest('.z').before(all('h2')[3].closest('.z'))",
    ],
    ids=[
        "a matchup is gone",
        "the other launches are gone",
        "a box is gone",
        "a box is inverted",
        "bars are red",
        "marks are red",
        "links are red",
        "two columns are stacked",
        "all is centred",
        "the style block is gone",
        "matchups change places",
    ],
)
def test_what_is_lost_recoloured_or_misplaced_is_a_difference(screen: Screen, now: Image.Image, change: str) -> None:
    assert differences(now, after(screen, change)) != []
