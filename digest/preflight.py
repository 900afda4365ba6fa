"""Is this message fit to send? Message, edition and rows in, findings out: blockers and warnings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from digest.envelope import (
    SUBJECT_LONG,
    SUBJECT_SHORT,
    check_address,
    check_addresses,
    check_advertising,
    check_finished,
    check_headers,
    check_parity,
    check_preheader,
    check_subject,
    check_text,
)
from digest.inspecting import HTML_BLOCK, HTML_WARN, check_charset, examine
from digest.inspecting.linking import check_placeholders
from digest.inspecting.noting import Notes
from digest.model import Correction, Edition, Finding, Level, Message, Review, Site
from digest.parity import differences
from digest.prices import STALE_DAYS, is_stale
from digest.tracing import untraced
from digest.wording import address, full_day

__all__ = ["HTML_BLOCK", "HTML_WARN", "SUBJECT_LONG", "SUBJECT_SHORT", "blockers", "preflight", "summary"]

#: What outside text is a name or a price, and no sentence; advertising in a sentence that is quoted still sounds so.
_NAME_LENGTH = 60

#: Findings of one kind that are told one by one.
_MOST = 3


def preflight(  # noqa: PLR0913 - each is one of the settings or rows a message is held against
    message: Message,
    edition: Edition,
    reviews: Collection[Review],
    site: Site,
    *,
    sender: str,
    from_email: str,
    corrections: Collection[Correction] | None = None,
    from_name: str = "",
    reply_to: str = "",
    own: Collection[str] = (),
    rejected: Collection[str] = (),
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
        from_name: The configured name of the sender.
        reply_to: The configured address for answers.
        own: What the templates say by themselves; its numbers are the editors' own.
        rejected: The slugs of tools an editor said are no launches.
    """
    real = sender != "outbox"
    findings = [
        *_content(edition),
        *_rejected(edition, rejected),
        *_message(message, edition, site, strict=real),
        *_quotes(edition, reviews),
        *_few(_rows(message, edition, reviews, site, own)),
        *_few(differences(message, edition, site) if message.html.strip() and message.text.strip() else ()),
        *(() if corrections is None else _corrections(edition, corrections)),
        *_prices(edition),
        *_typed(message, edition),
        *_headers(site, {"from_email": from_email, "from_name": from_name, "reply_to": reply_to}),
        *_identity(site, from_email, strict=real),
    ]
    return in_order(findings)


def check_letter(
    subject: str, html: str, text: str, site: Site, edition: Edition | None, *, strict: bool, leads_to: str
) -> tuple[Finding, ...]:
    """Check a letter outside the editions, or an edition's letter as its templates print it now.

    Args:
        subject: Its subject.
        html: Its html part.
        text: Its text part.
        site: Who publishes.
        edition: The edition it shows, None for none: what outside text says in it is nobody's placeholder.
        strict: Whether it leaves this machine.
        leads_to: What stands in the address that the letter is there for, "" for none.
    """
    said = tuple(_from_outside(edition)) if edition else ()
    found, shown = examine(html, strict=strict, site_url=site.url, said=said, leaves=False)
    notes = {name: Notes(name, source) for name, source in (("subject", subject), ("html", ""), ("text", text))}
    check_subject(notes["subject"], subject)
    check_placeholders(notes["subject"], subject, said, allowed=False)
    check_charset(notes["text"], text)
    check_text(notes["text"], text, strict=strict, site_url=site.url, said=said)
    check_parity(notes["text"], text, shown)
    for name, part, words in (("html", html, shown), ("text", text, text)):
        check_address(notes[name], words, site.postal_address, strict=strict)
        if leads_to not in part:
            code = "leave-link" if "leave" in leads_to else "link-missing"
            notes[name].add(code, "blocker", "The link it is there for is gone.", f"Put it back: …{leads_to}…")
    numbers = {*_NUMBER.findall(shown)} ^ {*_NUMBER.findall(text)}
    if numbers:
        said_so, sample = "Numbers stand in one part only:", ", ".join(sorted(numbers))
        notes["text"].add("parts-differ", "warning", said_so, "Say the same in both parts.", sample=sample)
    every = [*found, *(one for part in notes.values() for one in part.findings())]
    needless = {"subject-length", *(() if "leave" in leads_to else ("leave-link",))}
    return in_order(one for one in every if one.code not in needless)


#: A number in a text, no part of an address.
_NUMBER = re.compile(r"(?<![\w/:.=&?-])\d+(?![\w/])")


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put blockers first, and leave the rest as it comes."""
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


def _rejected(edition: Edition, rejected: Collection[str]) -> Iterator[Finding]:
    for tool in (side.tool for matchup in edition.matchups for side in matchup.sides):
        if tool.slug in rejected:
            said = f"{tool.name} is compared, and its launch was rejected."
            yield Finding("launch-rejected", "warning", said, tool.slug, "Swap its pair, or accept the launch again.")


def _from_outside(edition: Edition) -> Iterator[str]:
    """What tools, feeds and reviewers say; braces and per cent signs in it are theirs, and nothing fills them."""
    for side in (side for matchup in edition.matchups for side in matchup.sides):
        tool = side.tool
        yield from (tool.name, tool.vendor, tool.tagline, tool.description, tool.entry_price, tool.category)
        yield address(tool.url)
        yield from (review.quote for review in side.verdict.reviews)
    for launch in edition.launches:
        yield from (launch.name, launch.tagline, launch.source, address(launch.link))
    for reviewer in edition.reviewers:
        yield from (reviewer.name, reviewer.lens)
    for one in edition.corrections:
        yield from (one.tool_name, one.reviewer_name)


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


def _rows(
    message: Message, edition: Edition, reviews: Collection[Review], site: Site, own: Collection[str]
) -> Iterator[Finding]:
    for one in untraced(message, edition, reviews, site, own):
        code = "number-not-in-row" if one.kind == "number" else "quote-not-in-message-row"
        fix = "Compose again, and undo changes to its template that print it otherwise."
        yield Finding(code, "blocker", f"Comes from no row: {one.shown}", one.part, fix)


def _few(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Of each kind in each part the first findings, and how many more there are: one fault can have a hundred."""
    kinds: dict[tuple[str, Level, str], list[Finding]] = defaultdict(list)
    for one in findings:
        kinds[one.code, one.level, one.where].append(one)
    for found in kinds.values():
        *first, last = found[:_MOST]
        yield from first
        more = len(found) - _MOST
        yield replace(last, message=f"{last.message} And {more} more of this kind.") if more > 0 else last


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


def _message(message: Message, edition: Edition, site: Site, *, strict: bool) -> Iterator[Finding]:
    """What can be said of the parts of the message by themselves, and of one beside the other."""
    said = tuple(_from_outside(edition))
    findings, shown = examine(message.html, strict=strict, site_url=site.url, said=said)
    yield from findings
    html, text = Notes("html"), Notes("text", message.text)
    check_charset(text, message.text)
    check_text(text, message.text, strict=strict, site_url=site.url, said=said)
    check_parity(text, message.text, shown)
    check_finished(html, shown, said)
    check_finished(text, message.text, said)
    check_address(html, shown, site.postal_address, strict=strict)
    check_address(text, message.text, site.postal_address, strict=strict)
    yield from (*html.findings(), *text.findings())


def _typed(message: Message, edition: Edition) -> Iterator[Finding]:
    """What can be said of subject, preheader, intro and blurbs, which an editor may have typed."""
    said = tuple(_from_outside(edition))
    typed = {"subject": message.subject, "intro": edition.intro, "preheader": edition.preheader}
    typed |= {f"blurb of {one.slug}": one.blurb for one in edition.matchups if one.blurb}
    notes = {name: Notes(name) for name in typed}
    check_subject(notes["subject"], message.subject)
    check_preheader(notes["preheader"], edition.preheader)
    for name, value in typed.items():
        check_placeholders(notes[name], value, said, allowed=False)
        check_advertising(notes[name], value, [one for one in said if len(one) < _NAME_LENGTH])
    yield from (finding for one in notes.values() for finding in one.findings())


def _headers(site: Site, headers: dict[str, str]) -> Iterator[Finding]:
    notes = Notes("verdicts.toml")
    check_addresses(notes, {name: value for name, value in headers.items() if name != "from_name"})
    check_headers(notes, {"name": site.name, **headers})
    yield from notes.findings()


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
