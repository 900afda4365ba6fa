"""Is it fit to send? An edition, every other email with the templates in use, their links, or any html file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from digest.editions import EditionRecord
from digest.errors import Fault, FilesError, TemplateError
from digest.inspecting import inspect
from digest.model import Edition, Finding, Message, Site
from digest.preflight import in_order, preflight
from digest.settings import Settings
from digest.weeks import due_in
from flows.services import Services

if TYPE_CHECKING:
    from digest.rendering import Parts

#: What a file may hold that is checked: far more than a mail program shows.
_MOST_BYTES = 5_000_000

#: Emails that go to readers who can leave.
_TO_READERS = frozenset({"digest", "welcome"})


def message_of(services: Services, record: EditionRecord) -> Message:
    """Give the frozen message of an approved edition, or render the draft as it stands.

    Raises:
        TemplateError: A template cannot be rendered.
    """
    if record.message is not None:
        return record.message
    from digest.rendering import render  # noqa: PLC0415 - Jinja2 and MJML: only drafts need them

    return render(record.edition, services.settings.site, _folders(services))


def site_of(services: Services, record: EditionRecord) -> Site:
    """Give the site's data an approved edition was rendered with, else today's."""
    return Site(**record.made_with["site"]) if "site" in record.made_with else services.settings.site


def check(services: Services, record: EditionRecord, message: Message) -> tuple[Finding, ...]:
    """Run preflight on an edition's message."""
    slugs = {side.tool.slug for matchup in record.edition.matchups for side in matchup.sides}
    settings, open_ = services.settings, record.state in {"draft", "approved"}
    return preflight(
        message, record.edition, services.store.reviews(slugs, every_version=True), site_of(services, record),
        sender=settings.sender, from_email=settings.from_email, from_name=settings.from_name,
        reply_to=settings.reply_to, corrections=services.editions.corrections(record.week) if open_ else None,
    )  # fmt: skip


def check_edition(services: Services, record: EditionRecord) -> tuple[Finding, ...]:
    """Render an edition and run preflight on it; a template that cannot be rendered is a finding, too."""
    try:
        message = message_of(services, record)
    except TemplateError as error:
        return (_unrenderable(error),)
    return check(services, record, message)


def check_templates(
    services: Services, record: EditionRecord, keep: Callable[[str, Parts], None] = lambda _, __: None
) -> tuple[Finding, ...]:
    """Render every email with the templates in use, the home folder's own among them, and look for faults.

    Args:
        services: Where settings and home folder come from.
        record: The edition that digest, welcome and editors' notice show. A draft's digest is left to `check_edition`.
        keep: Called with the name and the parts of every email that can be rendered.
    """
    findings = list(_overrides(services.settings.home))
    for name, make in _emails(services.settings, record.edition):
        try:
            parts = make()
        except TemplateError as error:
            findings.append(_unrenderable(error))
            continue
        keep(name, parts)
        if name == "digest" and record.message is None:
            continue
        found = inspect(parts.html, strict=_strict(services.settings), leaves=name in _TO_READERS)
        findings += [replace(one, where=f"{name}, {one.where}") for one in found]
    return in_order(dict.fromkeys(findings))


def _emails(settings: Settings, edition: Edition) -> Iterator[tuple[str, Callable[[], Parts]]]:
    """Every email with what renders it; what nobody knows before the day is made up."""
    from digest import notices  # noqa: PLC0415 - Jinja2 and MJML, as above
    from digest.rendering import Parts, render, template_folders  # noqa: PLC0415

    site, folders = settings.site, template_folders(settings.home)
    due = (due_in(edition.week, settings.send_at, settings.zone) or edition.until).astimezone(settings.zone)
    example = Finding("example", "blocker", "This finding is an example.", "html", "Nothing to do.")
    trouble = notices.Alarm("An example", "Nothing happened.", "It is a test.", ("Nothing.",), due, "one line")

    def digest() -> Parts:
        message = render(edition, site, folders)
        return Parts(message.subject, message.html, message.text)

    def editors_notice() -> Parts:
        return notices.editors_notice(edition, site, [example], approval=settings.approval, due_at=due, folders=folders)

    yield "digest", digest
    yield "confirm", lambda: notices.confirm(site, f"{site.url}/confirm/example", folders=folders)
    yield "welcome", lambda: notices.welcome(site, edition, next_at=due, folders=folders)
    yield "goodbye", lambda: notices.goodbye(site, folders=folders)
    yield "editors-notice", editors_notice
    yield "alarm", lambda: notices.alarm(site, trouble, folders=folders)


def _overrides(home: Path) -> Iterator[Finding]:
    """Faults of the home folder's own templates that rendering the emails does not show."""
    from digest.rendering import environment, parsed, template_folders  # noqa: PLC0415 - as above

    own, shipped = template_folders(home)
    env = environment((own, shipped))
    files = {file.relative_to(own).as_posix(): file for file in sorted(own.rglob("*")) if file.is_file()}
    known = {file.relative_to(shipped).as_posix() for file in shipped.rglob("*.*")}
    wanted = known.copy()
    for name in files:
        try:
            wanted |= parsed(env, name)
        except TemplateError as error:
            if not name.startswith("email/"):  # those are found when they are rendered
                yield _unrenderable(error)
    for name in files.keys() - wanted:
        near = difflib.get_close_matches(name, known, n=1)
        said = f"No template is called {name}, and none of yours uses it."
        fix = f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(sorted(known))}."
        yield Finding("template-unused", "warning", said, str(files[name]), fix)


def _unrenderable(error: TemplateError) -> Finding:
    where = f"{error.file}, line {error.line}" if error.line else error.file or "templates"
    fix = "Mend that place, or take the file away to use the template that came with the program."
    return Finding("template", "blocker", "\n".join(filter(None, (error.what, error.snippet))), where, fix)


def check_file(settings: Settings, path: Path) -> tuple[str, tuple[Finding, ...]]:
    """Check any html file, and give its text with what was found.

    Raises:
        FilesError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            html = file.read(_MOST_BYTES).decode()
    except OSError as error:
        raise FilesError([Fault(str(path), None, "", str(error.strerror), "a file this user may read")]) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise FilesError([Fault(str(path), line, "", "bytes that are not UTF-8", "UTF-8 text")]) from error
    return html, inspect(html, strict=_strict(settings), site_url=settings.site_url)


def links_in(parts: Iterable[str], site_url: str) -> list[str]:
    """Give the links that lead out into the web, each once: to no page of ours, and none of a reader's own."""
    from sources.linkcheck import worth_fetching  # noqa: PLC0415 - aiohttp: only looking up needs it

    return worth_fetching((unescape(one) for part in parts for one in _LINK.findall(part)), site_url)


def check_links(services: Services, links: Sequence[str], progress: Callable[[int], None]) -> tuple[Finding, ...]:
    """Look up where links lead, bounded and as safely as feeds; `progress` is told how many more are known."""
    from sources.linkcheck import findings, look_up  # noqa: PLC0415 - as above

    return findings(look_up(links, services.policy, progress=progress))


_LINK = re.compile(r"""(?<=href=")[^"]+|(?<=href=')[^']+|(?<![\w/"'=])https?://[^\s<>"]+""", re.IGNORECASE)


def _strict(settings: Settings) -> bool:
    return settings.sender != "outbox"


def _folders(services: Services) -> tuple[Path, ...]:
    from digest.rendering import template_folders  # noqa: PLC0415 - as above

    return template_folders(services.settings.home)
