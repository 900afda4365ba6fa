"""Can people read it: the contrast of every text with what lies behind it, in light and dark, and its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from digest.inspecting.cascade import SCREENS, Look, Style, cascade, mixed
from digest.inspecting.elements import NEAR, Document, Element, Run
from digest.inspecting.stylesheets import Colour, Screen

#: Least contrast of text, and of large text. Source: WCAG 2.2, 1.4.3 (AA).
LEAST, LEAST_LARGE = 4.5, 3.0

#: Below these nobody can be expected to read it.
UNREADABLE, UNREADABLE_LARGE = 3.0, 2.0

#: Px from which text is large, and from which bold text is. Source: WCAG 2.2, "large scale": 18 and 14 points.
LARGE, LARGE_BOLD = 24.0, 18.66

#: Px that text needs at least.
SMALLEST = 14.0

#: Px and contrast below which text might as well not be there.
TINIEST, FAINTEST = 6.0, 1.5


class Weak(NamedTuple):
    """A text that is hard to read: `kind` is contrast or size, `said` a sentence, `run` the text."""

    kind: str
    said: str
    grave: bool
    run: Run


def weaknesses(document: Document) -> Iterator[Weak]:
    """Every text that is too faint or too small on one of the screens.

    Raises:
        TooInvolved: The styles of the file are too much work.
    """
    styles = cascade(document).styles_of(document)
    for run in document.runs:
        style = styles[run.inside.index]
        if style.told is None:
            style.told = tuple(_told(style))
        if style.told and _is_shown(run.text):
            yield from (Weak(kind, said, grave, run) for kind, said, grave in style.told)  # type: ignore[attr-defined]


def seen_everywhere(document: Document, links: Sequence[Element]) -> bool:
    """Whether on each screen one of some links has words, or a picture with words, that can be made out.

    Raises:
        TooInvolved: The styles of the file are too much work.
    """
    styles = cascade(document).styles_of(document)
    looks: list[tuple[Look, ...]] = []
    for link in links[:NEAR]:
        runs = document.runs[link.first_run : min(link.last_run, link.first_run + NEAR)]
        looks += [styles[run.inside.index].looks for run in runs if _is_shown(run.text)]
        pictures = [one for one in document.inner(link) if _is_shown(one.tag.attrs.get("alt", ""))]
        looks += [styles[one.index].looks for one in pictures if one.tag.name == "img"]
    return all(any(_can_be_seen(look[screen]) for look in looks) for screen in range(len(SCREENS)))


def _can_be_seen(look: Look) -> bool:
    return not look.hidden and look.size >= TINIEST and contrast(_ink(look), look.ground) >= FAINTEST


def _ink(look: Look) -> Colour:
    return mixed(look.colour._replace(alpha=look.colour.alpha * look.opacity), look.ground)


def _is_shown(text: str) -> bool:
    """Spaces of every kind hold bars and lines open; nobody reads them."""
    return bool(text.strip("\u00a0\u200b\u200c\u200d\u2007\u2060\ufeff\u034f\u00ad \t\r\n\f"))


def _told(style: Style) -> Iterator[tuple[str, str, bool]]:
    seen: set[tuple[str, bool]] = set()
    light, dark = ({look.hidden for screen, look in _looks(style) if screen.dark is one} for one in (False, True))
    if light != dark:
        said = f"Text is hidden in {'dark' if True in dark else 'light'} colours only"
        yield "contrast", said, True
    for screen, look in _looks(style):
        if look.hidden or look.size == 0:
            continue
        if look.size < SMALLEST - 0.01 and ("size", False) not in seen:
            seen.add(("size", False))
            yield "size", f"Text of {look.size:.3g} px is too small", False
        if (found := _faint(look)) and ("contrast", screen.dark) not in seen:
            seen.add(("contrast", screen.dark))
            yield "contrast", f"In {'dark' if screen.dark else 'light'} colours {found[0]}", found[1]


def _looks(style: Style) -> Iterator[tuple[Screen, Look]]:
    return zip(SCREENS, style.looks, strict=True)


def _faint(look: Look) -> tuple[str, bool] | None:
    large = look.size >= LARGE or (look.bold and look.size >= LARGE_BOLD)
    ink = _ink(look)
    ratio = contrast(ink, look.ground)
    least, unreadable = (LEAST_LARGE, UNREADABLE_LARGE) if large else (LEAST, UNREADABLE)
    if ratio >= least - 0.005:
        return None
    said = f"text of {_hex(ink)} on {_hex(look.ground)} has a contrast of {ratio:.1f}; {least} is needed"
    return said, ratio < unreadable


@lru_cache(maxsize=4096)
def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two opaque colours, from 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])
