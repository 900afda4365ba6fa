"""Look at every email with the templates in use, and at the headers with which readers leave in one click."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from digest.editions import EditionRecord
from digest.errors import SettingsError
from digest.model import Finding, Message
from flows.checking import check_templates
from flows.services import Services
from pages.desk.steps import Check, Level
from subscribers.addressing import NOTICES, Batch, Recipient
from subscribers.letters import letter
from subscribers.links import reader_token

if TYPE_CHECKING:
    from digest.rendering import Parts

#: Of each kind of finding so many are told.
_OF_A_KIND = 2

#: What a mail program looks for. Source: RFC 8058, 3.1.
_ONE_CLICK = "List-Unsubscribe=One-Click"


def letters(services: Services, record: EditionRecord | None) -> Iterator[Check]:
    """Render every email, and write one as it would leave; `record` is the edition that some of them show."""
    rendered: dict[str, Parts] = {}
    found = check_templates(services, record, lambda name, parts: rendered.update({name: parts}))
    own = services.settings.home / "templates"
    if not own.is_dir():  # what might be nicer in those that came with the program is nobody's to mend here
        found = tuple(one for one in found if one.level == "blocker")
    yield from _in_short(found)
    if not found:
        files = sum(one.is_file() for one in own.rglob("*")) if own.is_dir() else 0
        yield Check("Templates", "good", f"{len(rendered)} emails can be rendered, with {files} templates of your own.")
    if parts := rendered.get("goodbye"):
        yield _one_click(services, parts)


def _in_short(found: tuple[Finding, ...]) -> Iterator[Check]:
    told = Counter[str]()
    for one in found:
        told[one.code] += 1
        if told[one.code] <= _OF_A_KIND:
            level: Level = "wrong" if one.level == "blocker" else "warning"
            yield Check("Templates", level, f"{one.where}: {one.message}", one.fix)


def _one_click(services: Services, parts: Parts) -> Check:
    """Write a letter to nobody, and read its headers."""
    settings = services.settings
    try:
        token = reader_token(services.link_keys[0], "doctor")
    except SettingsError as error:
        return Check("One-click", "wrong", str(error), "`verdicts init` makes what is missing.")
    recipient = Recipient("doctor", services.identity.from_email, "", token)
    message = Message(NOTICES, parts.subject, parts.html, parts.text)
    mail = letter(Batch(NOTICES, 0, "doctor", message, services.identity, (recipient,)), recipient, services.clock())
    link, posts = str(mail["List-Unsubscribe"] or "").strip(), str(mail["List-Unsubscribe-Post"] or "")
    if f"/leave/{token}>" not in link or posts != _ONE_CLICK:
        return Check(
            "One-click",
            "wrong",
            "A letter lacks the headers of leaving in one click.",
            "Report this: no setting takes them out.",
        )
    if not link.startswith("<https://"):
        level: Level = "warning" if settings.sender == "outbox" else "wrong"
        said = "Mail programs leave in one click over https only, and site_url is none."
        return Check("One-click", level, said, "Set site_url to an address with https.")
    return Check("One-click", "good", "A letter carries its headers.")
