"""Render an edition as a message: Jinja2 prints its templates, MJML becomes html.

Text from outside becomes safe in one place, before a template sees it: for html as `Markup` in which every `[`, `{` and
backslash is a numeric reference, for text with a zero-width space where two characters would read as a placeholder.
So whatever a template does with it, it cannot act as markup, as a placeholder or as a leftover of a template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html import unescape
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple
from xml.parsers import expat

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    select_autoescape,
)
from markupsafe import Markup, escape
from mjml import mjml2html

from digest.errors import TemplateError
from digest.model import READER, Edition, Message, Site
from digest.views import OwnLink, Put, digest_view
from digest.wording import columns, correction, day, one_line

#: Columns of the text part; longer lines are hard to read and some mail programs fold them badly.
COLUMNS = 72


#: The files of an email's folder.
_FILES = ("subject.txt", "body.mjml", "body.txt")


class Parts(NamedTuple):
    """One rendered email: the subject is one line, html and text are complete; html was compiled from `mjml`."""

    subject: str
    html: str
    text: str
    mjml: str = ""


def template_folders(home: Path | None = None) -> tuple[Path, ...]:
    """Folders to look for templates in, best first: the home folder's own, then those that came with the program."""
    here = Path(__file__).resolve().parent
    installed, checkout = here / "templates", here.parent / "templates"
    shipped = installed if installed.is_dir() else checkout
    return (shipped,) if home is None else (home / "templates", shipped)


#: Where the templates that came with the program lie.
SHIPPED = template_folders()


def template_sources(folders: Sequence[Path] = SHIPPED, email: str = "digest") -> dict[str, str]:
    """Give the source of every template that an email is put together from, by its path within a folder.

    Raises:
        TemplateError: One of them is missing or does not parse.
    """
    env, found = environment(folders), dict[str, str]()
    wanted = {f"email/{email}/{part}" for part in _FILES}
    while name := next(iter(sorted(wanted - found.keys())), ""):
        found[name] = _source(env, name)[0]
        wanted |= parsed(env, name)
    return found


def own_words(sources: Iterable[str]) -> frozenset[str]:
    """Give what templates say by themselves and with numbers, such as a company's number in the footer."""
    bare = (_CODE.sub("\0", _HIDDEN.sub("\0", source)) for source in sources)
    said = (" ".join(unescape(one).split()) for source in bare for one in re.split(r"\0|\n\s*\n", source))
    return frozenset(one for one in said if re.search(r"\d", one))


#: What of a template is not shown to readers as it stands: its code, and the parts of MJML that are no text.
_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|</?[a-zA-Z][^<>]*>", re.DOTALL)
_HIDDEN = re.compile(r"\{#.*?#\}|<!--.*?-->|<(mj-style|mj-attributes|style)\b.*?</\1>", re.DOTALL)


def render(edition: Edition, site: Site, folders: Sequence[Path] = SHIPPED) -> Message:
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
    parts = render_email("digest", lambda put: digest_view(edition, site, put), folders)
    return Message(edition.week, parts.subject, parts.html, parts.text)


def render_email(name: str, view: Callable[[Put], Mapping[str, object]], folders: Sequence[Path] = SHIPPED) -> Parts:
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
    subject = " ".join(printed(env, f"email/{name}/subject.txt", plain).split())
    body = f"email/{name}/body.mjml"
    mjml = printed(env, body, view(_marked))
    text = _tidy(printed(env, f"email/{name}/body.txt", plain))
    try:
        html = _compile(mjml, env.get_template(body).filename or body)
        parts = Parts(subject, html, text, mjml)
        _guard(name, parts)
    except _Printed as error:
        raise _traced(env, name, error) from error
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
    env.filters |= {
        "attr": _attr,
        "wrap": _wrap,
        "isolate": _isolate,
        "rtl": _rtl,
        "day": day,
        "correction": correction,
    }
    return env


class _Layers(FileSystemLoader):
    """Reads a template from the first folder that has it, also when an override appears while the program runs."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            source, found, unchanged = super().get_source(environment, template)
        except UnicodeDecodeError as error:
            here = (path for folder in self.searchpath if (path := Path(folder, template)).is_file())
            line = error.object[: error.start].count(b"\n") + 1
            raise TemplateError("it is no UTF-8 text", str(next(here, template)), line) from error

        def still_first() -> bool:
            here = (path for folder in self.searchpath if (path := Path(folder, template)).is_file())
            return next(here, None) == Path(found) and unchanged()

        return source, found, still_first


# Text from outside

_OPENING = re.compile(r"([\[{])(?=[\[{%#]|$)")

#: Characters of scripts written from right to left: the Unicode blocks of bidirectional classes R and AL, and a mark.
_BACKWARDS = re.compile("[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]")
_NEEDS_REFERENCE = re.compile(r"[^A-Za-z0-9 \-_.,:;/?#@!$()*+=%~]")

#: Chinese, Japanese and Korean characters, which lines may break between, except before closing punctuation.
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60"
_WORD = re.compile(f"[{_WIDE}][\u3001\u3002\uff01\uff09\uff0c\uff1f]* ?|[^ {_WIDE}]+ ?| ")


def _marked(text: str) -> Markup:
    safe = str(escape(one_line(text))).replace("[", "&#91;").replace("{", "&#123;").replace("\\", "&#92;")
    return Markup(safe)  # noqa: S704 - escaped just above


def _plain(text: str) -> str:
    return _OPENING.sub("\\1\u200b", one_line(text))


def _attr(value: object) -> Markup:
    """A value for an attribute or mj-title: one line, everything but plain ASCII as numeric references.

    MRML writes attribute values the way Rust prints them for debugging, which spoils quotes, backslashes, joiners and
    no-break spaces; numeric references pass. Only in a reader's own link the placeholder stays.
    """
    if isinstance(value, OwnLink):
        return Markup(READER).join(map(_attr, value.split(READER)))  # noqa: S704 - a constant
    text = one_line(value.unescape() if isinstance(value, Markup) else str(value))
    return Markup(_NEEDS_REFERENCE.sub(lambda char: f"&#{ord(char[0])};", text))  # noqa: S704 - nothing active is left


def _isolate(text: str) -> str:
    """Keep right-to-left text from reordering its neighbours: a bdi element; isolates in plain text (Unicode TR 9)."""
    if not _BACKWARDS.search(str(text)):
        return text
    return Markup("<bdi>{}</bdi>").format(text) if isinstance(text, Markup) else f"\u2068{text}\u2069"


def _rtl(text: str) -> Markup:
    """The attribute of an element whose text runs from right to left, nothing for any other.

    It says what `dir="auto"` would find out, for email programs that do not know that, in fewer bytes for the rest.
    """
    if not _BACKWARDS.search(str(text)):
        return Markup("")
    kinds = (unicodedata.bidirectional(char) for char in text)
    first = next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L")
    return Markup("") if first == "L" else Markup(' dir="rtl"')


def _wrap(text: str, indent: str = "") -> str:
    """Break text into lines of at most COLUMNS columns, each after `indent`; long words and addresses stay whole."""
    room = COLUMNS - len(indent)
    lines = _narrow(text, room) if columns(text) == len(text) else _of_any_width(text, room)
    return "\n".join(indent + line.rstrip() for line in lines)


def _narrow(text: str, room: int) -> Iterator[str]:
    """Lines of a text whose characters take one column each, broken at spaces."""
    start = 0
    while len(text) - start > room:
        end = text.rfind(" ", start + 1, start + room + 1)
        end = end if end > 0 else text.find(" ", start + room)
        if end < 0:
            break
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _of_any_width(text: str, room: int) -> Iterator[str]:
    """Lines of a text with wide characters, between which a line may break, too."""
    line, used = "", 0
    for word in _WORD.findall(text):
        if used and used + columns(word.rstrip()) > room:
            yield line
            line, used = "", 0
        line += word
        used += columns(word)
    yield line


def _tidy(text: str) -> str:
    """No blanks at line ends, never more than two empty lines, one line end at the end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"


# Printing, compiling, and saying what is wrong


def printed(env: Environment, name: str, view: Mapping[str, object]) -> str:
    """Print one template.

    Raises:
        TemplateError: It is missing, does not parse, or uses a name that does not exist; the text says where.
    """
    try:
        return env.get_template(name).render(view)
    except TemplateSyntaxError as error:
        raise _faulty(str(error.message), error.filename or name, error.lineno, error.source) from error
    except TemplateError:
        raise
    except Exception as error:  # a template can raise whatever Python can
        raise _blamed(env, name, error) from error


def parsed(env: Environment, name: str) -> set[str]:
    """Parse one template and give the names of those it is put together from, as far as they are written out.

    Raises:
        TemplateError: It is missing, does not parse, or is not text.
    """
    try:
        env.get_template(name)
        return {one for one in meta.find_referenced_templates(env.parse(_source(env, name)[0])) if one}
    except TemplateSyntaxError as error:
        raise _faulty(str(error.message), error.filename or name, error.lineno, error.source) from error
    except TemplateNotFound as error:
        raise _blamed(env, name, error) from error


def _source(env: Environment, name: str) -> tuple[str, str]:
    """A template's text, and the file it is in."""
    if env.loader is None:
        raise TemplateNotFound(name)
    source, file, _ = env.loader.get_source(env, name)
    return source, str(file)


def _blamed(env: Environment, name: str, error: Exception) -> TemplateError:
    """Say where in which template the error arose: the innermost frame of the traceback that is a template's."""
    folders = env.loader.searchpath if isinstance(env.loader, FileSystemLoader) else []
    what = f"there is no template {error.name}" if isinstance(error, TemplateNotFound) else str(error)
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.endswith(".py")]
    if isinstance(error, RecursionError):
        what, frames = "templates include each other without end", frames[:1]
    for frame in reversed(frames):
        if any(Path(frame.filename).is_relative_to(folder) for folder in folders):
            return _faulty(what, frame.filename, frame.lineno, Path(frame.filename).read_text("utf-8"))
    return TemplateError(f"{what} (looked in {', '.join(folders)})", name)


def _faulty(what: str, file: str, line: int | None, source: str | None) -> TemplateError:
    """The error with the lines around its place."""
    if not line or not source:
        return TemplateError(what, file, line)
    lines = source.splitlines()
    around = range(max(1, line - 2), min(len(lines), line + 2) + 1)
    snippet = "\n".join(f"{'>' if n == line else ' '} {n:4} | {lines[n - 1][:160]}" for n in around)
    return TemplateError(what, file, line, snippet)


class _Printed(TemplateError):
    """What is wrong with what templates printed together; `sign` is a stretch of it by which its line can be found."""

    def __init__(self, place: TemplateError, sign: str = "") -> None:
        super().__init__(place.what, place.file, place.line, place.snippet)
        self.sign = sign


def _traced(env: Environment, name: str, error: _Printed) -> TemplateError:
    """Name the one line of a template that printed what is wrong; where that cannot be told, show what was printed."""
    folders = env.loader.searchpath if isinstance(env.loader, FileSystemLoader) else []
    sources = template_sources(tuple(map(Path, folders)), name) if error.sign else {}
    places = [
        (_source(env, one)[1], number, source)
        for one, source in sources.items()
        for number, line in enumerate(source.splitlines(), 1)
        if error.sign in line
    ]
    if len(places) != 1:
        return TemplateError(error.what, error.file, error.line, error.snippet)
    file, number, source = places[0]
    return _faulty(error.what, file, number, source)


def _compile(mjml: str, file: str) -> str:
    """MJML to html, without the indentation.

    MRML takes `</mj-txt>` for `</mj-text>` and reports offsets only, so an XML parser looks first.
    """
    if fault := _malformed(mjml):
        line, what = fault
        raise _Printed(_faulty(what, f"{file}, as printed", line, mjml), _line(mjml, line))
    try:
        html: str = mjml2html(mjml, fonts={})
    except ValueError as error:
        number = _line_of(str(error), mjml)
        sign = _line(mjml, number) if number else ""
        raise _Printed(_faulty(str(error), f"{file}, as printed", number, mjml), sign) from error
    return _STYLE.sub(lambda style: _tightened(style[0]), re.sub(r"\n\s*", "\n", html))


def _line(text: str, number: int) -> str:
    """Give a line without the space around it; "" where there is none, as in a template that is empty."""
    return "".join(text.splitlines()[number - 1 : number]).strip()


_STYLE = re.compile(r"<style[^>]*>.*?</style>", re.DOTALL)

#: White space that means nothing in a style sheet.
_PADDED = re.compile(r"(?<=[;{},])\s+|\s+(?=[{}])|(?<=[a-z]:) |;(?=\s*})")


@lru_cache(maxsize=8)
def _tightened(style: str) -> str:
    return _PADDED.sub("", style)


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
    read = (("subject", parts.subject), ("html", parts.html), ("text", parts.text))
    faults = [
        (
            f"{part}: {what} was left in it: …{content[max(0, at - 40) : at + 40]}…",
            content[at:].split(maxsplit=1)[0][:12],
        )
        for part, content in read
        for leftover, what in _LEFTOVERS
        if (at := content.find(leftover)) >= 0 and (part == "html" or leftover.startswith("{"))
    ]
    faults += [
        (f"{part}: a placeholder other than {READER}: {found[0]}", found[0])
        for part, content in read
        if (found := _STRANGE.search(content if part == "subject" else content.replace(READER, "")))
    ]
    if parts.html.count("<!--[if ") != parts.html.count("<![endif]-->"):
        faults.append(("html: a conditional comment is opened and not closed, or the other way round", ""))
    if faults:
        said = "\n".join(f"email/{name}, {fault}" for fault, _ in faults)
        raise _Printed(TemplateError(said), faults[0][1])


#: The beginning of a placeholder.
_STRANGE = re.compile(r"\[\[[^\]\n]{0,40}\]{0,2}")
