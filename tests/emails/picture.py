"""Pictures of emails, kept small, and how two of them differ.

A picture is an eighth of the email's size, so a column of text is a texture and a bar a few coloured dots. Two are
compared row by row after the best match of their rows was found: a line that breaks elsewhere moves what is below it
and is no difference, while a section that is gone or stands elsewhere has no match. Colours are compared apart from
their places, as they cover little of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageChops, ImageFilter

_BOX = Image.Resampling.BOX

#: CSS pixels per pixel of a picture, and colours it may have.
SIZE, COLOURS = 8, 64

#: Rows are compared as so many cells, each taken together with those up to so many rows above and below.
_CELLS, _BLUR = 6, 3

#: Rows that move together: what is below may move by one row more or less only after so many.
_TOGETHER = 6

#: How far rows may have moved, as a part of the whole height, or in rows where that is little.
_REACH, _LINES = 0.12, 12

#: Rows over which a difference is taken together: as high as a short paragraph with its heading and what is around.
_WINDOW = 30

#: Difference over a window, of 255, up to which two pictures count as the same. Set in the three other serif and sans
#: fonts of this size that differ most, the digest comes to 8.4 at most; without its smallest section to 10.
SAME = 9.0

#: How much more or less of a colour there may be: this part of it, and this much of the whole area.
_MORE, _SPECK = 0.25, 0.1

#: Hues that are told apart, red first; and the chroma up to which a dot has none, as paper and worn text have not.
_HUES, _GREY = 6, 40


def small(png: bytes, scale: float) -> Image.Image:
    """Make a picture of a screenshot; `scale` is the screenshot's pixels per CSS pixel."""
    taken = Image.open(BytesIO(png)).convert("RGB")
    by = SIZE * scale
    return taken.resize((round(taken.width / by), round(taken.height / by)), _BOX)


def kept(picture: Image.Image) -> bytes:
    """The PNG that is kept of a picture."""
    out = BytesIO()
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


def differences(golden: Image.Image, taken: Image.Image) -> list[str]:
    """Say what is different: width, rows that match nothing, and colours there are more or less of."""
    if golden.width != taken.width:
        return [f"it is {taken.width} dots wide and was {golden.width}"]
    return [*_misplaced(_coarse(golden), _coarse(taken)), *_recoloured(golden, taken)]


def _coarse(picture: Image.Image) -> Image.Image:
    cells = picture.convert("RGB").resize((_CELLS, picture.height), _BOX)
    return cells.filter(ImageFilter.BoxBlur((0, _BLUR)))


def _misplaced(golden: Image.Image, taken: Image.Image) -> list[str]:
    reach = max(_LINES, round(golden.height * _REACH))
    if abs(taken.height - golden.height) > reach:
        return [f"its height is {taken.height / golden.height:.0%} of what it was"]
    apart = _apart(golden, taken, reach)
    rows = _best_match(apart, taken.height - golden.height + reach)
    window = min(_WINDOW, len(rows))
    means = [sum(rows[at : at + window]) / window for at in range(len(rows) - window + 1)]
    worst = max(range(len(means)), key=means.__getitem__)
    where = (worst + window / 2) / len(rows)
    return [f"at {where:.0%} of its height it is {means[worst]:.1f} off"] if means[worst] > SAME else []


def _apart(golden: Image.Image, taken: Image.Image, reach: int) -> list[list[int]]:
    """How far each golden row is from the row that stands there when all are moved: one list for each move."""
    wide, high = golden.size
    ground = Image.new("RGB", (wide, high + 3 * reach + 1), "#f0f")  # unlike anything, above and below
    ground.paste(taken, (0, reach))
    moved = (ground.crop((0, by, wide, by + high)) for by in range(2 * reach + 1))
    return [list(_most(ImageChops.difference(golden, one).resize((1, high), _BOX)).tobytes()) for one in moved]


def _most(picture: Image.Image) -> Image.Image:
    """The strongest of red, green and blue, dot by dot."""
    red, green, blue = picture.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _best_match(apart: Sequence[Sequence[int]], end: int) -> list[int]:
    """Distances of the golden rows on the cheapest way from the first to the last row.

    Rows move with their neighbours, and by one more or less from one such group to the next. `end` is the place in
    `apart` of the move that brings the two last rows together.
    """
    moves, high = range(len(apart)), len(apart[0])
    starts = range(0, high, _TOGETHER)
    middle = len(apart) // 2
    cost = [0.0 if abs(move - middle) <= 1 else float("inf") for move in moves]
    steps = []
    for start in starts:
        steps.append([min(_near(move, moves), key=cost.__getitem__) for move in moves])
        cost = [cost[steps[-1][move]] + sum(apart[move][start : start + _TOGETHER]) for move in moves]
    move = min(_near(end, moves), key=cost.__getitem__)
    found: list[int] = []
    for start, step in zip(reversed(starts), reversed(steps), strict=True):
        found[:0] = apart[move][start : start + _TOGETHER]
        move = step[move]
    return found


def _near(move: int, moves: range) -> Sequence[int]:
    return [one for one in (move, move - 1, move + 1) if one in moves]


def _recoloured(golden: Image.Image, taken: Image.Image) -> list[str]:
    found = []
    for hue, (was, now) in enumerate(zip(_colours(golden), _colours(taken), strict=True)):
        if abs(now - was) > _MORE * was + _SPECK:
            found.append(f"of hue {hue * 360 // _HUES}° there is {now:.2f} and was {was:.2f}")
    return found


def _colours(picture: Image.Image) -> list[float]:
    """How much there is of each hue: chroma, 0 to 255, on average over the area; greys have none."""
    rgb = picture.convert("RGB")
    chroma = ImageChops.subtract(_most(rgb), ImageChops.invert(_most(ImageChops.invert(rgb))))
    hues = rgb.convert("HSV").getchannel("H").point([round(hue * _HUES / 256) % _HUES for hue in range(256)])
    area = picture.width * picture.height

    def amount(hue: int) -> float:
        dots = chroma.histogram(hues.point([255 * (one == hue) for one in range(256)]))
        return sum(much * dots[much] for much in range(_GREY + 1, 256)) / area

    return [amount(hue) for hue in range(_HUES)]
