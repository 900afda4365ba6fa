"""Is it fit to send? An edition, every other email with the templates in use, their links, or any html file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from digest.editions import EditionRecord
from digest.errors import EditionBlocked, Fault, FilesError, SettingsError, TemplateError
from digest.inspecting import inspect
from digest.inspecting.linking import web_links
from digest.model import READER, Edition, Finding, Message, Site
from digest.preflight import blockers, check_letter, in_order, preflight
from digest.settings import Settings
from digest.weeks import due_in
from flows.services import Services
from subscribers.addressing import Batch, Recipient

if TYPE_CHECKING:
    from digest.rendering import Parts

#: What a file may hold that is checked: far more than a mail program shows.
_MOST_BYTES = 5_000_000

#: What each email is there for: an address with this in it stands in both of its parts.
_LEADS_TO = {
    "digest": f"/leave/{READER}", "welcome": f"/leave/{READER}", "confirm": "/confirm/", "goodbye": f"/leave/{READER}",
    "link": "/account/", "move": "/move/",
}  # fmt: skip


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
    return _preflight(
        message, record.edition, tuple(services.store.reviews(slugs, every_version=True)), site_of(services, record),
        sender=settings.sender, from_email=settings.from_email, from_name=settings.from_name,
        reply_to=settings.reply_to, corrections=services.editions.corrections(record.week) if open_ else None,
        own=_own_words(services, record), rejected=frozenset(services.launches.rejected(slugs)) if open_ else (),
    )  # fmt: skip


#: A desk that is looked at asks the same again and again: of the same it finds the same.
_preflight = lru_cache(maxsize=8)(preflight)


def _own_words(services: Services, record: EditionRecord) -> frozenset[str]:
    """What the templates of an edition say by themselves; those that came with the program say no numbers."""
    from digest.rendering import own_words, template_sources  # noqa: PLC0415 - as above

    if record.message is not None:
        return own_words(services.editions.templates(record).values())
    own, _ = folders = _folders(services)
    return own_words(template_sources(folders).values()) if own.is_dir() else frozenset()


def check_edition(services: Services, record: EditionRecord) -> tuple[Finding, ...]:
    """Render an edition and run preflight on it; a template that cannot be rendered is a finding, too."""
    try:
        message = message_of(services, record)
    except TemplateError as error:
        return (_unrenderable(error),)
    return check(services, record, message)


def check_templates(
    services: Services, record: EditionRecord | None, keep: Callable[[str, Parts], None] = lambda _, __: None
) -> tuple[Finding, ...]:
    """Render every email with the templates in use, the home folder's own among them, and look for faults.

    Args:
        services: Where settings and home folder come from.
        record: The edition that digest, welcome and editors' notice show, None for none: then only the welcome before
            the first edition is looked at. A draft's digest is left to `check_edition`.
        keep: Called with the name and the parts of every email that can be rendered.
    """
    settings = services.settings
    findings = list(_overrides(settings.home))
    edition = record.edition if record and record.edition.matchups else None
    for name, make in _emails(settings, edition):
        try:
            parts = make()
        except TemplateError as error:
            findings.append(_unrenderable(error))
            continue
        keep(name, parts)
        if name != "digest" or (record and record.message):
            found = check_letter(
                parts.subject, parts.html, parts.text, settings.site, edition,
                strict=_strict(settings), leads_to=_LEADS_TO.get(name, ""),
            )  # fmt: skip
            findings += [replace(one, where=f"{name}, {one.where}") for one in found]
    return in_order(dict.fromkeys(findings))


def _emails(settings: Settings, edition: Edition | None) -> Iterator[tuple[str, Callable[[], Parts]]]:
    """Every email with what renders it; what nobody knows before the day is made up."""
    from digest import notices  # noqa: PLC0415 - Jinja2 and MJML, as above
    from digest.rendering import Parts, render, template_folders  # noqa: PLC0415

    site, folders = settings.site, template_folders(settings.home)
    week = edition.week if edition else "2026-W47"
    due = (due_in(week, settings.send_at, settings.zone) or datetime(2026, 11, 17, 9, tzinfo=UTC)).astimezone(
        settings.zone
    )
    example = Finding("example", "blocker", "This finding is an example.", "html", "Nothing to do.")
    trouble = notices.Alarm("An example", "Nothing happened.", "It is a test.", ("Nothing.",), due, "one line")

    def digest(of: Edition) -> Parts:
        message = render(of, site, folders)
        return Parts(message.subject, message.html, message.text)

    def editors_notice(of: Edition) -> Parts:
        return notices.editors_notice(of, site, [example], approval=settings.approval, due_at=due, folders=folders)

    if edition:
        yield "digest", partial(digest, edition)
        yield "editors-notice", partial(editors_notice, edition)
    yield "confirm", lambda: notices.confirm(site, f"{site.url}/confirm/example", folders=folders)
    yield "welcome", lambda: notices.welcome(site, edition, next_at=due, folders=folders)
    yield "goodbye", lambda: notices.goodbye(site, folders=folders)
    yield "link", lambda: notices.link(site, f"{site.url}/account/example", "account", folders=folders)
    yield "move", lambda: notices.move(site, f"{site.url}/move/example", folders=folders)
    yield "moved", lambda: notices.moved(site, folders=folders)
    yield "alarm", lambda: notices.alarm(site, trouble, folders=folders)


def _overrides(home: Path) -> Iterator[Finding]:
    """Faults of the home folder's own templates that rendering the emails does not show."""
    from digest.rendering import environment, parsed, template_folders  # noqa: PLC0415 - as above

    own, shipped = template_folders(home)
    env = environment((own, shipped))
    files = {file.relative_to(own).as_posix(): file for file in sorted(own.rglob("*")) if not _is_hidden(file)}
    known = {file.relative_to(shipped).as_posix() for file in shipped.rglob("*.*")}
    wanted = known.copy()
    for name, file in [*files.items()]:
        if file.is_dir():
            del files[name]
        if name in known and not file.is_file():
            said = "A template is a file; this is a folder, or a link to nothing, and the shipped one is used."
            yield Finding("template", "blocker", said, str(file), "Put a file there, or take it away.")
        elif file.is_file() and file.suffix in {".mjml", ".txt", ".html", ".css"}:
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


def _is_hidden(file: Path) -> bool:
    """Tell what desktops and editors leave behind from what somebody put there."""
    return file.name.startswith((".", "#", "~")) or file.name.endswith(("~", ".swp", ".bak"))


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
            read = file.read(_MOST_BYTES + 1)
        if len(read) > _MOST_BYTES:
            raise FilesError([Fault(str(path), None, "", "a larger file", f"at most {_MOST_BYTES:,} bytes")])
        html = read.decode()
    except OSError as error:
        raise FilesError([Fault(str(path), None, "", str(error.strerror), "a file this user may read")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FilesError([Fault(str(path), line, "", "bytes that are not UTF-8", "UTF-8 text")]) from error
    ours = READER in html
    found = [*inspect(html, strict=_strict(settings), site_url=settings.site_url, leaves=ours)]
    if not ours and not _LEAVE.search(html):
        said = "Nothing in it seems to be a link to leave; a letter to readers needs one."
        found.append(Finding("leave-link", "warning", said, "html", "Put one in, if it goes to readers."))
    return html, in_order(found)


_LEAVE = re.compile(r"unsub|/leave\b|opt[- ]?out|abmeld|abbestell|d[ée]sabonn|\bdarse de baja", re.IGNORECASE)


def links_in(emails: Iterable[tuple[str, str]], site_url: str) -> list[str]:
    """Give the links of emails (html, text) that lead into the web, each once: to no page of ours, no reader's own."""
    from sources.linkcheck import worth_fetching  # noqa: PLC0415 - aiohttp: only looking up needs it

    links: list[str] = []
    for html, text in emails:
        links += web_links(html, is_html=True)
        links += (link.rstrip(".,;:!?)’”") for link in web_links(text, is_html=False))  # what ends a sentence
    return worth_fetching(links, site_url)


def check_links(services: Services, links: Sequence[str], progress: Callable[[int], None]) -> tuple[Finding, ...]:
    """Look up where links lead, bounded and as safely as feeds; `progress` is told how many more are known."""
    from sources.linkcheck import findings, look_up  # noqa: PLC0415 - as above

    return findings(look_up(links, services.policy, progress=progress))


def _strict(settings: Settings) -> bool:
    return settings.sender != "outbox"


def _folders(services: Services) -> tuple[Path, ...]:
    from digest.rendering import template_folders  # noqa: PLC0415 - as above

    return template_folders(services.settings.home)


def require_unblocked(services: Services, record: EditionRecord, message: Message, done: str) -> None:
    """Make sure that nothing forbids what is about to be done with an edition.

    Raises:
        EditionBlocked: Preflight found a blocker; the text says which.
    """
    if found := blockers(check(services, record, message)):
        said = "; ".join(f"{one.code}: {one.message}" for one in found)
        raise EditionBlocked(f"{record.week} cannot be {done}: {said} (see `verdicts check {record.week}`)")


def ask_sender(services: Services, week: str) -> None:
    """Ask the sender whether it would take an edition as it stands, addressed to ourselves; nothing is delivered.

    Raises:
        SettingsError: The configured way of sending cannot be asked.
        SendError: It would not take it, or cannot be asked now.
    """
    ask: Callable[[Batch], None] | None = getattr(services.sender, "rehearse", None)
    if ask is None:
        raise SettingsError(f"--sandbox: sender {services.settings.sender!r} has no sandbox; only sendgrid has")
    settings, message = services.settings, message_of(services, services.editions.require(week))
    ours = dict.fromkeys([*settings.editors, settings.operator, services.identity.from_email])
    recipients = tuple(Recipient(f"ours-{number}", one, "", "ours") for number, one in enumerate(filter(None, ours), 1))
    ask(Batch(week, 0, f"sandbox-{services.clock():%Y%m%d-%H%M%S}", message, services.identity, recipients))
