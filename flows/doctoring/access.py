"""Look whether the sender lets us in, whether readers reach the public pages, and whether this clock is right."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from digest.errors import SendError, SettingsError
from digest.settings import Settings
from flows.doctoring.installation import is_near
from flows.services import Services
from pages.desk.steps import Check, Level
from subscribers.senders import Access, open_sender

#: How long an answer may take, in seconds.
_PATIENCE_S = 6.0

#: What is read of an answer.
_MOST_BYTES = 4096

#: How wrong a clock may be: Date headers have whole seconds; signed events count as too new ten minutes ahead.
_OFF, _FAR_OFF = timedelta(seconds=30), timedelta(minutes=5)


def access(services: Services) -> Iterator[Check]:
    """Ask the sender and the public pages; both say what time it is there."""
    times: list[tuple[str, datetime, datetime]] = []

    def heard(whose: str, at: datetime | None) -> None:
        if at is not None:
            times.append((whose, at, services.clock()))

    yield from _sender(services, heard)
    yield from _pages(services.settings, heard)
    yield _clock(times)


def _sender(services: Services, heard: Callable[[str, datetime | None], None]) -> Iterator[Check]:
    settings = services.settings
    if settings.sender == "outbox":
        return
    soon = settings.model_copy(update={"send_timeout_s": int(_PATIENCE_S)})
    try:
        with closing(open_sender(soon, services.environment)) as sender:
            ask: Callable[[], Access] | None = getattr(sender, "let_in", None)
            if ask is None:
                return
            found = ask()
    except SettingsError:  # a look of its own, which needs no network, says so
        return
    except SendError as error:
        fix = "Mend what it says; until then nothing is sent, and nothing is lost."
        yield Check("Credentials", "wrong", str(error), fix)
        return
    heard(settings.sender, found.at)
    if found.lacks:
        fix = f"Make a key with the permission {found.lacks} (Mail Send), and set SENDGRID_API_KEY to it."
        yield Check("Credentials", "wrong", f"{found.said}, but not {found.lacks}: it may not send.", fix)
    else:
        yield Check("Credentials", "good", f"{found.said}.")


def _pages(settings: Settings, heard: Callable[[str, datetime | None], None]) -> Iterator[Check]:
    level: Level = "warning" if settings.sender == "outbox" else "wrong"
    fix = f"Is `verdicts serve` running, and does what stands before it lead {settings.site_url} there?"
    try:
        status, landed, body, at = _asked(f"{settings.site_url}/healthz")
    except ssl.SSLCertVerificationError as error:
        said = f"The certificate at {settings.site_url} cannot be trusted: {error.verify_message}."
        yield Check("Reached", level, said, "Renew it, or mend its chain.")
        return
    except (OSError, ValueError) as error:
        yield Check("Reached", level, f"{settings.site_url} cannot be reached: {_why(error)}.", fix)
        return
    if not is_near(urlsplit(settings.site_url).hostname or ""):
        heard(settings.site_url, at)
    if status != 200 or body.strip() != b"ok":
        yield Check("Reached", level, f"What answers at {settings.site_url} ({status}) is not these pages.", fix)
    elif (place := landed.removesuffix("/healthz")) != settings.site_url:
        said = f"{settings.site_url} leads on to {place}: programs that leave in one click may not follow."
        yield Check("Reached", level, said, f"Set site_url to {place}.")
    else:
        yield Check("Reached", "good", f"{settings.site_url} answers.")
    yield from exposed(settings.site_url)


def exposed(site_url: str) -> Iterator[Check]:
    """Tell where anybody may read the figures of /metrics; nothing where the pages are not for the public."""
    if is_near(urlsplit(site_url).hostname or ""):
        return
    yield from figures_at(site_url)


def figures_at(site_url: str) -> Iterator[Check]:
    """Tell where the figures of /metrics are read at an address."""
    try:
        status, *_ = _asked(f"{site_url}/metrics")
    except (OSError, ValueError):  # that it cannot be reached is told above
        return
    if status == 200:
        said = f"Anybody may read {site_url}/metrics: the proxy before it does not say whom it asks for."
        yield Check("Figures", "wrong", said, "Let the proxy set X-Forwarded-For, or set metrics_port.")


def _asked(url: str) -> tuple[int, str, bytes, datetime | None]:
    """Give status, where it came from after redirects, the beginning of the body, and the time it is there."""
    request = urllib.request.Request(url, headers={"User-Agent": "ai-tool-verdicts doctor"})  # noqa: S310 - settings check it
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - as above
            return answer.status, answer.url, answer.read(_MOST_BYTES), _date(answer.headers.get("Date", ""))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url, b"", _date(error.headers.get("Date", ""))
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise error.reason from error
        raise


def _why(error: OSError | ValueError) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _clock(times: list[tuple[str, datetime, datetime]]) -> Check:
    if not times:
        return Check("Clock", "good", "Nobody was there to compare it with.")
    whose, theirs, ours = times[0]
    off = ours - theirs
    if abs(off) < _OFF:
        return Check("Clock", "good", f"As that of {whose}.")
    level: Level = "wrong" if abs(off) >= _FAR_OFF else "warning"
    way = "ahead of" if off > timedelta() else "behind"
    said = (
        f"This clock is {abs(off).total_seconds():,.0f} s {way} that of {whose}, and schedules and events count on it."
    )
    return Check("Clock", level, said, "Let the machine set its clock (`timedatectl set-ntp true`).")
