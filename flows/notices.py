"""Write the letters outside the editions, and send those that are due."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from digest.database import settle_file
from digest.model import Message
from digest.weeks import due_in, shifted, week_of
from flows.checking import check_edition
from flows.keeping import keep
from flows.services import Services
from subscribers.addressing import NOTICES, Batch, Recipient
from subscribers.links import Purpose, passing_token, reader_token
from subscribers.notices import Kind, Notice
from subscribers.posting import Posted, post

if TYPE_CHECKING:
    from digest.rendering import Parts

#: For how long the link works that confirms a sign-up, and those that open an account or move it.
_CONFIRM_DAYS, _LINK_MINUTES = 7, 60

#: Letters to readers who have links of their own, and may leave with one of them.
_TO_READERS: tuple[Kind, ...] = ("welcome", "goodbye", "link")

#: How long `keep_sending` rests between two rounds, in seconds.
_REST_S = 1.0

#: How often `keep_sending` tidies up.
_TIDY_EACH = timedelta(hours=1)

_log = logging.getLogger(__name__)


def send_notices(services: Services, stop: Event | None = None, *, patient: bool = True) -> Posted:
    """Send the letters outside the editions that are due, until none is or `stop` is set; for `patient` see `post`.

    Raises:
        VerdictsError: The sender lacks a setting, or the database cannot be used; nothing is lost.
    """
    if not services.notices.busy(services.clock()):  # then a sender that is not set up is nobody's trouble
        return Posted()
    return post(services.notices, services.sender, partial(batch_of, services), services.clock, stop, patient=patient)


def tidy(services: Services) -> None:
    """Forget what settings say is kept no longer, some rows in each transaction, so that no send waits for it.

    That is old limits, settled letters, sign-ups that nobody confirmed, posts of events, changes at the desk, and what
    entries said; what was erased meanwhile leaves the database's log, too.
    """
    retention = timedelta(days=services.settings.retention_days)
    services.joining.tidy(services.clock(), retention)
    services.events.tidy(services.clock(), retention)
    services.journal.tidy(services.clock(), retention)
    services.entries.tidy(services.clock(), retention)
    settle_file(services.engine)


def keep_sending(services: Services, stop: Event, rest_s: float = _REST_S) -> None:
    """Send letters as they are queued, until `stop` is set, and tidy up each hour."""
    tidied: datetime | None = None

    def work() -> str:
        nonlocal tidied
        done = send_notices(services, stop)
        if tidied is None or services.clock() - tidied >= _TIDY_EACH:
            tidy(services)
            tidied = services.clock()
        return "the sender takes none now; see `verdicts status`" if done.stopped else ""

    keep("letters wait", work, stop, rest_s, _log)


def said_of_letters(done: Posted) -> str:
    """Put a round's outcome into words."""
    counted = [f"{count} {'waiting' if state == 'queued' else state}" for state, count in done.letters.items()]
    return (", ".join(counted) or "no letter is due") + (f" ({done.stopped})" if done.stopped else "")


def batch_of(services: Services, notice: Notice) -> Batch | None:
    """Make the call that sends a letter; None where it would say nothing any more.

    Raises:
        TemplateError: It cannot be rendered.
    """
    parts = letter_of(services, notice)
    if parts is None:
        return None
    message = Message(NOTICES, parts.subject, parts.html, parts.text)
    own = reader_token(services.link_keys[0], notice.subscriber_id) if notice.kind in _TO_READERS else ""
    name = notice.name if own else ""  # before the address is confirmed, a name is only what somebody typed
    recipient = Recipient(notice.subscriber_id or f"letter-{notice.id}", notice.email, name, own)
    return Batch(NOTICES, 0, notice.key, message, services.identity, (recipient,))


def letter_of(services: Services, notice: Notice) -> Parts | None:
    """Write a letter; `[[reader]]` stands where its reader's own links are. None where it would say nothing any more.

    Raises:
        TemplateError: It cannot be rendered.
    """
    from digest import notices as letters  # noqa: PLC0415 - Jinja2 and MJML: only what sends letters needs them
    from digest.rendering import template_folders  # noqa: PLC0415

    site, folders = services.settings.site, template_folders(services.settings.home)
    match notice.kind:
        case "confirm":
            link = _passing(services, "confirm", notice, timedelta(days=_CONFIRM_DAYS), notice.folded)
            return letters.confirm(site, link, valid_days=_CONFIRM_DAYS, folders=folders)
        case "welcome":
            latest = next((one.edition for one in services.editions.all(limit=1, public=True)), None)
            return letters.welcome(site, latest, next_at=_next_at(services), folders=folders)
        case "goodbye":
            return letters.goodbye(site, folders=folders)
        case "link":
            what = notice.data["for"]
            return letters.link(site, _leading_to(services, notice), what, minutes=_LINK_MINUTES, folders=folders)
        case "move":
            link = _passing(services, "move", notice, timedelta(minutes=_LINK_MINUTES), notice.folded)
            return letters.move(site, link, minutes=_LINK_MINUTES, folders=folders)
        case "moved":
            return letters.moved(site, folders=folders)
        case "editors-notice":
            return _editors_notice(services, notice.data["week"])
        case "alarm":
            return letters.alarm(site, _alarm(services, notice.data), folders=folders)


def _passing(services: Services, page: Purpose, notice: Notice, lasting: timedelta, bound: str = "") -> str:
    until, key = services.clock() + lasting, services.link_keys[0]
    return f"{services.settings.site_url}/{page}/{passing_token(key, page, notice.subscriber_id, until, bound)}"


def _leading_to(services: Services, notice: Notice) -> str:
    """The link of a letter that leads a reader to a page of their own."""
    settings = services.settings
    if notice.data["for"] == "account":
        return _passing(services, "account", notice, timedelta(minutes=_LINK_MINUTES), notice.folded)
    page = {"leave": "leave", "known": "preferences"}[notice.data["for"]]
    return f"{settings.site_url}/{page}/{reader_token(settings.link_keys[0], notice.subscriber_id)}"


def _next_at(services: Services) -> datetime | None:
    """When the next edition is due, in the newsletter's zone."""
    settings, now = services.settings, services.clock()
    this_week = week_of(now, settings.zone)
    for week in (this_week, shifted(this_week, 1)):
        due = due_in(week, settings.send_at, settings.zone)
        if due is not None and due > now:
            return due.astimezone(settings.zone)
    return None


def _editors_notice(services: Services, week: str) -> Parts | None:
    """Write to an editor of a draft as it stands now; one that was approved, sent or skipped needs nobody."""
    from digest.notices import editors_notice  # noqa: PLC0415 - as above
    from digest.rendering import template_folders  # noqa: PLC0415

    settings, record = services.settings, services.editions.of(week)
    if record is None or record.state != "draft":
        return None
    due = due_in(week, settings.send_at, settings.zone)
    return editors_notice(
        record.edition, settings.site, check_edition(services, record), approval=settings.approval,
        due_at=due and due.astimezone(settings.zone), folders=template_folders(settings.home),
    )  # fmt: skip


def _alarm(services: Services, data: Mapping[str, Any]) -> Any:
    from digest.notices import Alarm  # noqa: PLC0415 - as above

    at = datetime.fromisoformat(data["at"]).astimezone(services.settings.zone)
    return Alarm(**{**data, "at": at, "steps": tuple(data["steps"])})
