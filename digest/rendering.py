"""Render an edition as a message: Jinja2 prints its templates, MJML becomes html.

Text from outside becomes safe in one place, before a template sees it: for html as `Markup` in which every `[`, `{` and
backslash is a numeric reference, for text with a zero-width space where two characters would read as a placeholder.
So whatever a template does with it, it cannot act as markup, as a placeholder or as a leftover of a template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from xml.parsers import expat

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)
from markupsafe import Markup, escape
from mjml import mjml2html

from digest.errors import TemplateError
from digest.model import (
    CATEGORIES,
    Brief,
    Edition,
    Matchup,
    Message,
    Reviewer,
    Side,
    Site,
    Tally,
    percent,
    whole_percent,
)
from digest.wording import address, community_note, correction, day, one_line, panel_note, period, week_name

#: The only placeholder in a message: the sender puts the reader's own token there.
PLACEHOLDER = "[[reader]]"

#: Columns of the text part; longer lines are hard to read and some mail programs fold them badly.
COLUMNS = 72

#: Up to this many reviews the panel's bar has one cell each; more would be too thin to count.
_MAX_CELLS = 12

#: A tagline up to this wide stays on one line of a column in the serif type of the email.
_TAGLINE_COLUMNS = 34

#: Turns outside text into text that is safe in one part of the message.
Put = Callable[[str], str]


class Parts(NamedTuple):
    """One rendered email: the subject is one line, html and text are complete documents."""

    subject: str
    html: str
    text: str


def template_folders(home: Path | None = None) -> tuple[Path, ...]:
    """Folders to look for templates in, best first: the home folder's own, then those that came with the program."""
    here = Path(__file__).resolve().parent
    installed, checkout = here / "templates", here.parent / "templates"
    shipped = installed if installed.is_dir() else checkout
    return (shipped,) if home is None else (home / "templates", shipped)


_SHIPPED = template_folders()


def template_sources(folders: Sequence[Path] = _SHIPPED) -> dict[str, str]:
    """Give the source of every template an edition may be rendered with, by its path within a folder."""
    found: dict[str, str] = {}
    for folder in folders:
        for file in sorted(one for one in folder.rglob("*.*") if one.suffix in {".mjml", ".txt", ".html", ".css"}):
            name = file.relative_to(folder).as_posix()
            if not name.startswith(("pages/", "desk/")):  # an email may include any other file
                found.setdefault(name, file.read_text("utf-8"))
    return found


def render(edition: Edition, site: Site, folders: Sequence[Path] = _SHIPPED) -> Message:
    """Render an edition with the templates in `email/digest`.

    Args:
        edition: Matchups lead first; each is shown as its `layout` says.
        site: Who publishes; all links of the message start with its `url`.
        folders: Where to look for templates, best first; see `template_folders`.

    Returns:
        A message in which `[[reader]]` is the only placeholder.

    Raises:
        TemplateError: A template is missing, does not parse, uses a name that does not exist, or gives a damaged part.
    """
    return Message(edition.week, *render_email("digest", lambda put: _digest_view(edition, site, put), folders))


def render_email(name: str, view: Callable[[Put], Mapping[str, object]], folders: Sequence[Path] = _SHIPPED) -> Parts:
    """Render `email/<name>/{subject.txt,body.mjml,body.txt}`.

    Args:
        name: The folder of the email.
        view: Gives the names a template may use. It is called once for html and once for text, and passes all text
            from outside through the function it is given, which makes it one safe line.
        folders: Where to look for templates, best first.

    Raises:
        TemplateError: As for `render`.
    """
    env, plain = environment(folders), view(_plain)
    subject = " ".join(_print(env, f"email/{name}/subject.txt", plain).split())
    body = f"email/{name}/body.mjml"
    mjml = _print(env, body, view(_marked))
    html = _compile(mjml, env.get_template(body).filename or body)
    parts = Parts(subject, html, _tidy(_print(env, f"email/{name}/body.txt", plain)))
    _guard(name, parts)
    return parts


def environment(folders: Sequence[Path]) -> Environment:
    """The Jinja environment for templates in these folders, kept compiled from call to call.

    Everything but `.txt` is escaped; a name that does not exist is an error. Filters: `attr` for every value in an MJML
    or html attribute and for mj-title, `wrap(indent)` and `isolate` for plain text, `day(year)` and `correction(year)`
    for pages. Changed and newly added files are noticed at the next call.
    """
    return _environment(tuple(folders))


@lru_cache(maxsize=16)
def _environment(folders: tuple[Path, ...]) -> Environment:
    env = Environment(
        loader=_Layers(folders),
        autoescape=select_autoescape(enabled_extensions=(), disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"attr": _attr, "wrap": _wrap, "isolate": _isolate, "day": day, "correction": correction}
    return env


class _Layers(FileSystemLoader):
    """Reads a template from the first folder that has it, also when an override appears while the program runs."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, found, unchanged = super().get_source(environment, template)

        def still_first() -> bool:
            here = (path for folder in self.searchpath if (path := Path(folder, template)).is_file())
            return next(here, None) == Path(found) and unchanged()

        return source, found, still_first


# What a template sees


class Cell(NamedTuple):
    """A stretch of a bar: `ship`, `skip` or `none` (nobody has said anything), `width` in percent."""

    kind: str
    width: str


@dataclass(frozen=True, slots=True)
class MeasureView:
    """A ship percentage ("—" when there is none), where it comes from, and its bar."""

    percent: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SideView:
    """One tool of a matchup. `url` is "" when the tool has no usable address; `maker` may be "" too."""

    name: str
    url: str
    maker: str
    category: str
    tagline: str
    description: str
    panel: MeasureView
    community: MeasureView
    price: str
    price_checked: str


@dataclass(frozen=True, slots=True)
class CallView:
    """A reviewer's call on one tool; `call` is "" and `quote` empty while there is none."""

    tool: str
    call: str
    quote: str


@dataclass(frozen=True, slots=True)
class JudgeView:
    """A row of the scorecard: a reviewer and the calls on both tools, a first. `lens` may be ""."""

    name: str
    lens: str
    calls: tuple[CallView, CallView]


@dataclass(frozen=True, slots=True)
class MatchupView:
    """One comparison; `url` leads to its full page, `full` says whether the scorecard is shown here.

    `community_read` is "" where too few readers have voted. `mixed` says that the tools are of different categories,
    `long_taglines` that one of them takes two lines in a column, so that both get the room and the numbers below stay
    level.
    """

    number: int
    category: str
    mixed: bool
    long_taglines: bool
    full: bool
    a: SideView
    b: SideView
    bottom_line: str
    pricing_read: str
    split: str
    community_read: str
    judges: tuple[JudgeView, ...]
    url: str


@dataclass(frozen=True, slots=True)
class BriefView:
    """One of the other launches; `url` is "" when its address is not usable."""

    name: str
    tagline: str
    source: str
    url: str


def _digest_view(edition: Edition, site: Site, put: Put) -> dict[str, object]:
    home = address(site.url).rstrip("/")
    paragraphs = (put(paragraph) for paragraph in re.split(r"\n\s*\n", edition.intro))
    return {
        "subject": put(edition.subject),
        "preheader": put(edition.preheader),
        "week": edition.week,
        "week_name": week_name(edition.week),
        "period": period(edition),
        "intro": [paragraph for paragraph in paragraphs if paragraph],
        "matchups": [_matchup_view(n, matchup, edition, home, put) for n, matchup in enumerate(edition.matchups, 1)],
        "launches": _grouped(edition.launches, put),
        "corrections": [put(correction(one, edition.until.year)) for one in edition.corrections],
        "site": _site_view(site, put),
    }


def _site_view(site: Site, put: Put) -> dict[str, str]:
    home = address(site.url).rstrip("/")
    logo = address(site.logo if "//" in site.logo else f"{home}/{site.logo.lstrip('/')}") if site.logo else ""
    return {
        "name": put(site.name),
        "tagline": put(site.tagline),
        "url": home,
        "postal_address": put(site.postal_address),
        "logo": logo,
    }


def _matchup_view(number: int, matchup: Matchup, edition: Edition, home: str, put: Put) -> MatchupView:
    a, b = (_side_view(side, edition.until.year, put) for side in matchup.sides)
    return MatchupView(
        number=number,
        category=put(" / ".join(dict.fromkeys(side.tool.category for side in matchup.sides))),
        mixed=a.category != b.category,
        long_taglines=any(_columns(one_line(side.tool.tagline)) > _TAGLINE_COLUMNS for side in matchup.sides),
        full=matchup.layout == "full",
        a=a,
        b=b,
        bottom_line=put(matchup.bottom_line),
        pricing_read=put(matchup.pricing_read),
        split=put(matchup.split),
        community_read=put(matchup.community_read),
        judges=tuple(_judge_view(reviewer, matchup, put) for reviewer in _judges(edition, matchup)),
        url=f"{home}/compare/{quote(matchup.slug, safe='')}",
    )


def _judges(edition: Edition, matchup: Matchup) -> Iterator[Reviewer]:
    """Those with a call on either tool, in panel order; then any whose review counts but who left the panel."""
    called = {review.reviewer for side in matchup.sides for review in side.verdict.reviews}
    known = {reviewer.slug for reviewer in edition.reviewers}
    yield from (reviewer for reviewer in edition.reviewers if reviewer.slug in called)
    yield from (Reviewer(slug, slug.replace("-", " ").title(), "", 0) for slug in sorted(called - known))


def _judge_view(reviewer: Reviewer, matchup: Matchup, put: Put) -> JudgeView:
    a, b = (_call_view(side, reviewer, put) for side in matchup.sides)
    return JudgeView(put(reviewer.name), put(reviewer.lens), (a, b))


def _call_view(side: Side, reviewer: Reviewer, put: Put) -> CallView:
    review = side.verdict.by(reviewer.slug)
    name = put(side.tool.name)
    return CallView(name, review.call, put(review.quote)) if review else CallView(name, "", "")


def _side_view(side: Side, this_year: int, put: Put) -> SideView:
    tool, url = side.tool, address(side.tool.url)
    maker = one_line(tool.vendor) or (urlsplit(url).hostname or "").removeprefix("www.")
    checked = tool.price_checked_on
    return SideView(
        name=put(tool.name),
        url=url,
        maker=put(f"{maker} · open source" if maker and tool.open_source else maker),
        category=put(tool.category),
        tagline=put(tool.tagline),
        description=put(tool.description),
        panel=_panel_view(side),
        community=_community_view(side.community),
        price=put(tool.entry_price) or "—",
        price_checked=day(checked, this_year) if checked else "",
    )


def _panel_view(side: Side) -> MeasureView:
    tally, calls = side.verdict.tally, [review.call for review in side.verdict.reviews]
    each = f"{100 / max(len(calls), 1):.4g}"
    cells = tuple(Cell(call, each) for call in calls) if 0 < len(calls) <= _MAX_CELLS else _stretch(tally)
    return MeasureView(percent(tally.share), panel_note(side), cells)


def _community_view(votes: Tally) -> MeasureView:
    return MeasureView(percent(votes.share), community_note(votes), _stretch(votes))


def _stretch(tally: Tally) -> tuple[Cell, ...]:
    """A bar without gaps, as wide as the printed percentage says."""
    if tally.share is None:
        return (Cell("none", "100"),)
    ships = whole_percent(tally.share)
    return tuple(Cell(kind, str(width)) for kind, width in (("ship", ships), ("skip", 100 - ships)) if width)


def _grouped(launches: Sequence[Brief], put: Put) -> list[tuple[str, list[BriefView]]]:
    """Launches by category, categories in their usual order, those we do not know last."""
    order = {category: place for place, category in enumerate(CATEGORIES)}
    groups: dict[str, list[BriefView]] = {}
    for launch in sorted(launches, key=lambda launch: order.get(launch.category, len(order))):
        name, tagline, source = (put(part) for part in (launch.name, launch.tagline, launch.source))
        groups.setdefault(put(launch.category), []).append(BriefView(name, tagline, source, address(launch.link)))
    return list(groups.items())


# Text from outside

_LITERAL = {ord(char): f"&#{ord(char)};" for char in "[{\\"}
_OPENING = re.compile(r"([\[{])(?=[\[{%#]|$)")
_NEEDS_REFERENCE = re.compile(r"[^A-Za-z0-9 \-_.,:;/?#@!$()*+=%~]")

#: Chinese, Japanese and Korean characters, which lines may break between, except before closing punctuation.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60"
_WORD = re.compile(f"[{_WIDE}][\u3001\u3002\uff01\uff09\uff0c\uff1f]* ?|[^ {_WIDE}]+ ?| ")


def _marked(text: str) -> Markup:
    return Markup(str(escape(one_line(text))).translate(_LITERAL))  # noqa: S704 - escaped in this very line


def _plain(text: str) -> str:
    return _OPENING.sub("\\1\u200b", one_line(text))


def _attr(value: object) -> Markup:
    """A value for an attribute or mj-title: one line, everything but plain ASCII as numeric references.

    MRML writes attribute values the way Rust prints them for debugging, which spoils quotes, backslashes, joiners and
    no-break spaces; numeric references pass.
    """
    text = one_line(value.unescape() if isinstance(value, Markup) else str(value))
    return Markup(_NEEDS_REFERENCE.sub(lambda char: f"&#{ord(char[0])};", text))  # noqa: S704 - nothing active is left


def _isolate(text: str) -> str:
    """Keep right-to-left text from reordering its neighbours on a line of plain text (Unicode TR 9, FSI and PDI)."""
    backwards = any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)
    return f"\u2068{text}\u2069" if backwards else text


def _wrap(text: str, indent: str = "") -> str:
    """Break text into lines of at most COLUMNS columns, each after `indent`; long words and addresses stay whole."""
    lines, used = [""], 0
    for word in _words(text):
        if used and len(indent) + used + _columns(word.rstrip()) > COLUMNS:
            lines.append("")
            used = 0
        lines[-1] += word
        used += _columns(word)
    return "\n".join(indent + line.rstrip() for line in lines)


def _words(text: str) -> list[str]:
    """Words, each with the space behind it; in scripts written without spaces every character is one."""
    return _WORD.findall(text)


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _tidy(text: str) -> str:
    """No blanks at line ends, never more than two empty lines, one line end at the end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"


# Printing, compiling, and saying what is wrong


def _print(env: Environment, name: str, view: Mapping[str, object]) -> str:
    try:
        return env.get_template(name).render(view)
    except TemplateSyntaxError as error:
        raise TemplateError(_shown(error.filename or name, error.lineno, str(error.message), error.source)) from error
    except Exception as error:  # a template can raise whatever Python can
        raise TemplateError(_blame(env, name, error)) from error


def _blame(env: Environment, name: str, error: Exception) -> str:
    """Say where in which template the error arose: the innermost frame of the traceback that is a template's."""
    folders = env.loader.searchpath if isinstance(env.loader, FileSystemLoader) else []
    what = f"there is no template {error.name}" if isinstance(error, TemplateNotFound) else str(error)
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.endswith(".py")]
    for frame in reversed(frames):
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders):
            return _shown(frame.filename, frame.lineno, what, Path(frame.filename).read_text("utf-8"))
    return f"{name}: {what} (looked in {', '.join(folders)})"


def _shown(file: str, line: int | None, what: str, source: str | None) -> str:
    """The message of an error with its place and the lines around it."""
    if not line or not source:
        return f"{file}: {what}"
    lines = source.splitlines()
    around = range(max(1, line - 2), min(len(lines), line + 2) + 1)
    snippet = "\n".join(f"{'>' if n == line else ' '} {n:4} | {lines[n - 1][:160]}" for n in around)
    return f"{file}, line {line}: {what}\n{snippet}"


def _compile(mjml: str, file: str) -> str:
    """MJML to html, without the indentation.

    MRML takes `</mj-txt>` for `</mj-text>` and reports offsets only, so an XML parser looks first.
    """
    if fault := _malformed(mjml):
        raise TemplateError(_shown(f"{file}, as printed", *fault, mjml))
    try:
        html: str = mjml2html(mjml, fonts={})
    except ValueError as error:
        raise TemplateError(_shown(f"{file}, as printed", _line_of(str(error), mjml), str(error), mjml)) from error
    return re.sub(r"\n\s*", "\n", html)


#: The one comment that email needs and XML does not allow: hidden from Outlook, open to everybody else.
_UNLESS_OUTLOOK = re.compile(r"<!--\[if [^\]]*\]><!--(?: --)?>")


def _malformed(mjml: str) -> tuple[int, str] | None:
    """Line and reason of the first place that is not well-formed XML; html's named entities may stand."""
    parser = expat.ParserCreate()
    parser.UseForeignDTD(True)
    try:
        parser.Parse(_UNLESS_OUTLOOK.sub("", mjml), True)
    except expat.ExpatError as error:
        return error.lineno, expat.ErrorString(error.code) or "not well-formed"
    return None


def _line_of(message: str, mjml: str) -> int | None:
    """The line that MRML means by "at position 6:11", which counts bytes."""
    position = re.search(r"position (\d+):", message)
    return mjml.encode()[: int(position[1])].count(b"\n") + 1 if position else None


#: What must not stand in a finished part, and what it would mean.
_LEFTOVERS = (
    ("{{", "an expression"),
    ("{%", "a Jinja tag"),
    ("<mj-", "an MJML element"),
    ("\\u{", "an escaped character"),
)


def _guard(name: str, parts: Parts) -> None:
    """Refuse parts that show signs of a broken template; what people typed cannot look like them."""
    faults = [
        f"{part}: {what} was left in it: …{content[max(0, at - 40) : at + 40]}…"
        for part, content in zip(Parts._fields, parts, strict=True)
        for leftover, what in _LEFTOVERS
        if (at := content.find(leftover)) >= 0 and (part == "html" or leftover.startswith("{"))
    ]
    faults += [
        f"{part}: a placeholder other than {PLACEHOLDER}"
        for part, content in zip(Parts._fields, parts, strict=True)
        if content.count("[[") != (0 if part == "subject" else content.count(PLACEHOLDER))
    ]
    if parts.html.count("<!--[if ") != parts.html.count("<![endif]-->"):
        faults.append("html: a conditional comment is opened and not closed, or the other way round")
    if faults:
        raise TemplateError("\n".join(f"email/{name}, {fault}" for fault in faults))
