"""Is this message fit to send? Message, edition and rows in, findings out: blockers and warnings."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from digest.model import READER, Correction, Edition, Finding, Level, Message, Review, Site
from digest.prices import STALE_DAYS, is_stale
from digest.tracing import untraced
from digest.wording import full_day

#: Bytes of html. Gmail clips at about 102,400 counted after links were rewritten; clipped mail loses its footer.
HTML_WARN, HTML_BLOCK = 80_000, 90_000

#: A subject longer than this is cut on a phone, a shorter one says nothing.
SUBJECT_SHORT, SUBJECT_LONG = 20, 70


def preflight(
    message: Message,
    edition: Edition,
    reviews: Collection[Review],
    site: Site,
    *,
    sender: str,
    from_email: str,
    corrections: Collection[Correction] | None = None,
) -> tuple[Finding, ...]:
    """Check a message before anybody gets it; blockers come first.

    Args:
        message: What would be sent.
        edition: What it was rendered from.
        reviews: Every stored version of every review of the tools in it.
        site: Who publishes.
        sender: The configured way of sending; "outbox" reaches nobody, so what only matters outside is a warning.
        from_email: The configured From address.
        corrections: What readers know otherwise than it is now, as an edition composed now would tell them; None where
            nothing can be told any more.
    """
    real = sender != "outbox"
    findings = [
        *_content(edition),
        *_size(message),
        *_placeholders(message, edition),
        *_links(message, strict=real),
        *_quotes(edition, reviews),
        *_rows(message, edition, reviews, site),
        *(() if corrections is None else _corrections(edition, corrections)),
        *_prices(edition),
        *_subject(message, edition),
        *_identity(site, from_email, strict=real),
    ]
    return tuple(sorted(findings, key=lambda finding: finding.level != "blocker"))


def blockers(findings: Iterable[Finding]) -> list[Finding]:
    """Keep what forbids sending."""
    return [finding for finding in findings if finding.level == "blocker"]


def _content(edition: Edition) -> Iterator[Finding]:
    if not edition.matchups:
        yield Finding(
            "empty-edition", "blocker", "The edition has no matchups.", edition.week, "Import verdicts, then compose."
        )
    slugs = [side.tool.slug for matchup in edition.matchups for side in matchup.sides]
    for slug in sorted({slug for slug in slugs if slugs.count(slug) > 1}):
        yield Finding(
            "tool-twice", "blocker", f"{slug} stands in two matchups.", edition.week, "Swap one of the two matchups."
        )


def _size(message: Message) -> Iterator[Finding]:
    size = len(message.html.encode())
    if size > HTML_WARN:
        level: Level = "blocker" if size > HTML_BLOCK else "warning"
        yield Finding(
            "html-size",
            level,
            f"The html has {size:,} bytes; Gmail clips what passes about 102,000 after links are rewritten.",
            "html",
            f"Set a matchup's layout to short, or take one out, until it is under {HTML_WARN:,}.",
        )
    for part, text in (("html", message.html), ("text", message.text)):
        if not text.strip():
            yield Finding("empty-part", "blocker", f"The {part} part is empty.", part, "Mend its template.")
        elif not re.search(r"[^\x00-\xff]", text):
            yield Finding(
                "charset",
                "warning",
                f"The {part} part fits ISO-8859-1; SendGrid would send it so, and Gmail shows such mail as clipped.",
                part,
                "Keep one curly quote or dash in the template.",
            )


#: What senders and template languages write for a reader's own words; CSS has a colon or a semicolon in its braces.
_PLACEHOLDER = re.compile(
    r"\[\[[^\[\]]{0,200}\]\]|\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|<%.{0,200}?%>|\$?\{\s*[A-Za-z_][\w.-]*\s*\}|\*\|\w+\|\*|%[A-Za-z_][\w-]*%"
)
_LINK = re.compile(r"""(?<!\w)\w{1,20}://[^\s<>"]+""")


def _placeholders(message: Message, edition: Edition) -> Iterator[Finding]:
    said = " ".join(_from_outside(edition))
    parts = (("html", markup.unescape(message.html)), ("text", message.text), ("subject", message.subject))
    typed = (("intro", edition.intro), ("preheader", edition.preheader))
    for part, text in (*parts, *typed):
        left = set(_PLACEHOLDER.findall(_LINK.sub("", text)))  # percent-encoded links look alike
        allowed = {READER} if part in {"html", "text"} else set()  # senders fill no header
        unknown = sorted(one for one in left - allowed if one not in said)
        if unknown:
            yield Finding(
                "placeholder",
                "blocker",
                f"Unfilled: {', '.join(unknown)}.",
                part,
                f"Only {READER} may stay in a message, and only below its headers.",
            )
    for part, text in parts[:2]:
        if f"/leave/{READER}" not in text:
            yield Finding(
                "leave-link", "blocker", f"The {part} part has no link to leave.", part, "Put the leave link back."
            )


def _from_outside(edition: Edition) -> Iterator[str]:
    """What tools, feeds and reviewers say; braces and per cent signs in it are theirs, and nothing fills them."""
    for side in (side for matchup in edition.matchups for side in matchup.sides):
        tool = side.tool
        yield from (tool.name, tool.vendor, tool.tagline, tool.description, tool.entry_price, tool.category)
        yield from (review.quote for review in side.verdict.reviews)
    for launch in edition.launches:
        yield from (launch.name, launch.tagline, launch.source)
    for reviewer in edition.reviewers:
        yield from (reviewer.name, reviewer.lens)
    for one in edition.corrections:
        yield from (one.tool_name, one.reviewer_name)


def _links(message: Message, *, strict: bool) -> Iterator[Finding]:
    in_html = (markup.unescape(found) for found in re.findall(r"""<a\b[^>]*?\shref="([^"]*)""", message.html))
    in_text = re.findall(r"(?<![\w/])\w+://[^\s<>\"]+", message.text)
    for part, links in (("html", in_html), ("text", iter(in_text))):
        for link in sorted(set(links)):
            scheme, host = _scheme_and_host(link)
            if scheme == "mailto":
                continue
            if scheme not in {"http", "https"} or not host:
                yield Finding(
                    "link-not-absolute",
                    "blocker",
                    f"{link!r} is no web address.",
                    part,
                    "Use an address with https://.",
                )
            elif scheme == "http" and (strict or host not in {"localhost", "127.0.0.1"}):
                level: Level = "blocker" if strict else "warning"
                yield Finding("link-not-https", level, f"{link!r} is not https.", part, "Use https, or set site_url.")


def _scheme_and_host(link: str) -> tuple[str, str]:
    try:
        parts = urlsplit(link)
    except ValueError:  # a bracket without its other half
        return "", ""
    return parts.scheme, parts.hostname or ""


def _quotes(edition: Edition, reviews: Collection[Review]) -> Iterator[Finding]:
    newest: dict[tuple[str, str], int] = {}
    for row in reviews:
        newest[row.tool, row.reviewer] = max(row.version, newest.get((row.tool, row.reviewer), 0))
    stored = set(reviews)
    for review in (one for matchup in edition.matchups for side in matchup.sides for one in side.verdict.reviews):
        where = f"{review.tool}, {review.reviewer}"
        if review not in stored:
            yield Finding(
                "quote-not-in-row", "blocker", "A review differs from every stored version.", where, "Compose again."
            )
        elif newest[review.tool, review.reviewer] > review.version:
            yield Finding(
                "quote-old", "warning", "A newer version of this review is stored.", where, "Compose again to use it."
            )


def _rows(message: Message, edition: Edition, reviews: Collection[Review], site: Site) -> Iterator[Finding]:
    for one in untraced(message, edition, reviews, site):
        code = "number-not-in-row" if one.kind == "number" else "quote-not-in-message-row"
        fix = "Compose again, and undo changes to its template that print it otherwise."
        yield Finding(code, "blocker", f"Comes from no row: {one.shown}", one.part, fix)


def _prices(edition: Edition) -> Iterator[Finding]:
    today = edition.until.date()
    for tool in (side.tool for matchup in edition.matchups for side in matchup.sides):
        checked = tool.price_checked_on
        if tool.entry_price and is_stale(checked, today):
            when = f"was last checked on {full_day(checked, today.year)}" if checked else "has no date of its check"
            yield Finding(
                "price-old",
                "warning",
                f"The price of {tool.name} ({tool.entry_price}) {when}; after {STALE_DAYS} days it counts as old.",
                tool.slug,
                "Look it up and set price_checked_on in its review file, import that, and compose again.",
            )


def _corrections(edition: Edition, due: Collection[Correction]) -> Iterator[Finding]:
    """What an edition corrects must still hold when it goes out, and nothing be left uncorrected."""
    now = {(one.tool, one.reviewer): one.after for one in due}
    told = {(one.tool, one.reviewer): one for one in edition.corrections}
    for key, one in told.items():
        if now.get(key) != one.after:
            yield Finding(
                "correction-not-in-row", "blocker", f"{one.reviewer_name} no longer says {one.after}.", one.tool,
                "Compose again.",
            )  # fmt: skip
    for one in due:
        if (one.tool, one.reviewer) not in told:
            said = f"{one.reviewer_name} now says {one.after}, and {one.week} told readers {one.before}."
            yield Finding("correction-missing", "warning", said, one.tool, "Compose again to tell them.")


def _subject(message: Message, edition: Edition) -> Iterator[Finding]:
    length = len(message.subject)
    if re.search(r"[\x00-\x1f\x7f]", message.subject) or not length:
        yield Finding("subject", "blocker", "The subject is empty or has control characters.", "subject", "Rewrite it.")
    elif not SUBJECT_SHORT <= length <= SUBJECT_LONG:
        yield Finding(
            "subject-length", "warning", f"The subject has {length} characters.", "subject",
            f"Between {SUBJECT_SHORT} and {SUBJECT_LONG} reads best.",
        )  # fmt: skip
    if not edition.preheader:
        yield Finding("preheader", "warning", "There is no preheader.", "preheader", "Write one line.")


def _identity(site: Site, from_email: str, *, strict: bool) -> Iterator[Finding]:
    level: Level = "blocker" if strict else "warning"
    for name, value in (("from_email", from_email), ("postal_address", site.postal_address)):
        if not value:
            yield Finding("identity", level, f"{name} is not set.", "verdicts.toml", f"Set {name}.")


def summary(findings: Sequence[Finding]) -> str:
    """Count findings in words."""
    if not findings:
        return "nothing found"
    found = len(blockers(findings))
    rest = len(findings) - found
    return f"{found} {'blocker' if found == 1 else 'blockers'}, {rest} {'warning' if rest == 1 else 'warnings'}"
