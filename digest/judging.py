"""Reviews taken together: a tool's verdict, and what two verdicts say side by side.

Sentences are built from the rows by rules and never claim more than the rows say: every number in them is a count of
reviews or votes, or a price as it stands on the tool.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from digest.errors import DuplicateReview
from digest.model import Review, Reviewer, Side, Tally, Tool, Verdict, listing, percent

#: Shares this far apart or further are called a clear answer, closer ones a lean.
CLEAR = 0.5


def judge(tool: Tool, reviews: Sequence[Review], panel: Sequence[Reviewer]) -> Verdict:
    """Take the panel's reviews of one tool together.

    Args:
        tool: The tool reviewed.
        reviews: The newest review of each reviewer, any order, all of `tool`; those of reviewers who are not active
            members of `panel` do not count.
        panel: The reviewers.

    Returns:
        A verdict with its reviews in panel order; its tally has no share while nobody has reviewed the tool.

    Raises:
        DuplicateReview: Two reviews by the same reviewer.
    """
    by_reviewer: dict[str, Review] = {}
    for review in reviews:
        if review.reviewer in by_reviewer:
            raise DuplicateReview(f"{tool.slug}: two reviews by {review.reviewer}")
        by_reviewer[review.reviewer] = review
    active = sorted((one for one in panel if one.active), key=lambda one: (one.order, one.slug))
    return Verdict(
        tool.slug, tuple(by_reviewer[one.slug] for one in active if one.slug in by_reviewer), panel_size=len(active)
    )


def bottom_line(a: Side, b: Side) -> str:
    """Answer "which one should you ship with": a clear answer, a lean, neither, an honest split, or none yet."""
    share_a, share_b = a.verdict.tally.share, b.verdict.tally.share
    if share_a is None or share_b is None:
        return _unanswered(a, b)
    ahead, behind = (a, b) if share_a >= share_b else (b, a)
    gap = round(abs(share_a - share_b), 9)  # 7/10 - 2/10 is a hair below a half in binary
    if gap == 0:
        return _tie(a, b)
    if max(share_a, share_b) < 0.5:
        return f"Neither yet. {ahead.tool.name} comes closer: {_ships(ahead)}, and {_ships(behind, behind.tool.name)}."
    facts = f"{_ships(ahead)}, {_ships(behind, behind.tool.name)}"
    name = ahead.tool.name
    clear = (f"Ship with {name}: {facts}.", f"{name}, clearly: {facts}.", f"{name} is the one to ship with: {facts}.")
    lean = (f"A lean towards {name}: {facts}.", f"{name}, by a nose: {facts}.", f"Leaning {name}: {facts}.")
    return _vary(clear if gap >= CLEAR else lean, a.tool, b.tool)


def _unanswered(a: Side, b: Side) -> str:
    if a.verdict.reviews or b.verdict.reviews:
        known, unknown = (a, b) if a.verdict.reviews else (b, a)
        return f"No answer: {unknown.tool.name} has no review yet to set against {known.tool.name}."
    return f"Nobody has reviewed {a.tool.name} or {b.tool.name} yet."


def _tie(a: Side, b: Side) -> str:
    tally = a.verdict.tally
    if tally.ships == 0:
        opening = f"Neither: nobody on the panel would ship {a.tool.name} or {b.tool.name}."
    elif b.verdict.tally == tally:
        opening = (
            f"An honest split between {a.tool.name} and {b.tool.name}:"
            f" {tally.ships} of {tally.n} reviewers would ship each."
        )
    else:
        opening = f"An honest split: {_ships(a, a.tool.name)}, {_ships(b, b.tool.name)}."
    one, other = a.community.share, b.community.share
    if one is None or other is None or percent(one) == percent(other):
        return opening
    ahead, behind = (a, b) if one > other else (b, a)
    return (
        f"{opening} Readers lean {ahead.tool.name}, {_readers(ahead.community)} against {_readers(behind.community)}."
    )


def _ships(side: Side, what: str = "it") -> str:
    tally = side.verdict.tally
    count = f"{tally.ships} of {tally.n}" if tally.ships else f"none of {tally.n}"
    return f"{count} reviewers would ship {what}"


def _readers(tally: Tally) -> str:
    return f"{percent(tally.share)} of {tally.n} {'vote' if tally.n == 1 else 'votes'}"


def pricing_read(a: Tool, b: Tool) -> str:
    """Read two entry prices together, with openness where it is a difference."""
    return " ".join(part for part in (_prices(a, b), _openness(a, b)) if part)


def _prices(a: Tool, b: Tool) -> str:
    unknown = [tool.name for tool in (a, b) if not tool.entry_price]
    if len(unknown) == 2:
        return f"Nobody has checked what {a.name} and {b.name} cost to start."
    if unknown:
        known = a if a.entry_price else b
        return f"{known.name} {_price(known)}; nobody has checked {unknown[0]} yet."
    if a.entry_price == b.entry_price:
        same = {
            "Free": "Both are free.",
            "Freemium": "Both are free to start and charge for more.",
            "Paid": "Both are paid.",
        }
        return same.get(a.entry_price, f"Both start at {a.entry_price}.")
    lower, higher = sorted((a, b), key=_rank)
    return _vary((f"{lower.name} {_price(lower)}; {higher.name} {_price(higher)}.",
                  f"{lower.name} {_price(lower)}, while {higher.name} {_price(higher)}."), a, b)  # fmt: skip


def _price(tool: Tool) -> str:
    words = {
        "Free": "is free",
        "Freemium": "is free to start and charges for more",
        "Paid": "is paid from the first day",
    }
    return words.get(tool.entry_price, f"starts at {tool.entry_price}")


def _rank(tool: Tool) -> tuple[int, float, str]:
    plain = re.sub(r",(?=\d{3}(?!\d))", "", tool.entry_price)  # $1,200 is more than $90, but €9,50 is less than $10
    amount = re.search(r"\d+(?:[.,]\d+)?", plain)
    kind = {"Free": 0, "Freemium": 1}.get(tool.entry_price, 2 if amount else 3)
    return kind, float(amount[0].replace(",", ".")) if amount else 0.0, tool.slug


def _openness(a: Tool, b: Tool) -> str:
    if a.open_source and b.open_source:
        return "Both are open source."
    opened = next((tool for tool in (a, b) if tool.open_source), None)
    closed = next((tool for tool in (a, b) if tool.open_source is False), None)
    return f"{opened.name} is open source, {closed.name} is not." if opened and closed else ""


def reviewer_split(a: Side, b: Side, panel: Sequence[Reviewer]) -> str:
    """Say who on the panel agrees with whom about two tools, in panel order."""
    groups: dict[tuple[str | None, str | None], list[str]] = {}
    for reviewer in sorted(panel, key=lambda one: (one.order, one.slug)):
        on_a, on_b = a.verdict.by(reviewer.slug), b.verdict.by(reviewer.slug)
        if on_a or on_b:
            groups.setdefault((on_a.call if on_a else None, on_b.call if on_b else None), []).append(reviewer.name)
    if not groups:
        return f"Nobody has reviewed {a.tool.name} or {b.tool.name} yet."
    calls, names = next(iter(groups.items()))
    if len(groups) == 1 and len(names) > 1:
        return f"All {len(names)} reviewers agree: {_calls(calls, a.tool, b.tool, plural=True)}."
    phrases = [
        f"{listing(names)} {_calls(calls, a.tool, b.tool, plural=len(names) > 1)}" for calls, names in groups.items()
    ]
    return "; ".join(phrases) + "."


def _calls(calls: tuple[str | None, str | None], a: Tool, b: Tool, *, plural: bool) -> str:
    s = "" if plural else "s"
    match calls:
        case ("ship", "ship"):
            return f"ship{s} both"
        case ("skip", "skip"):
            return f"skip{s} both"
        case ("ship", "skip"):
            return f"ship{s} {a.name} and skip{s} {b.name}"
        case ("skip", "ship"):
            return f"ship{s} {b.name} and skip{s} {a.name}"
        case (call, None):
            return f"{call}{s} {a.name} and {'have' if plural else 'has'} not reviewed {b.name}"
        case (_, call):
            return f"{call}{s} {b.name} and {'have' if plural else 'has'} not reviewed {a.name}"


def _vary(sentences: Sequence[str], a: Tool, b: Tool) -> str:
    """Choose one of several wordings, always the same for the same pair."""
    return sentences[hashlib.sha256(f"{a.slug} {b.slug}".encode()).digest()[0] % len(sentences)]
