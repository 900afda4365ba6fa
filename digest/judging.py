"""Reviews taken together: a tool's verdict, and what two verdicts say side by side.

Sentences are built from the rows by rules and never claim more than the rows say: every number in them is a count of
reviews or votes, or a price or a day as it stands on the tool. Each kind of sentence has several wordings; which one
is used depends on the pair and the week only, and `bottom_lines` and its like give all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import product

from digest.errors import DuplicateReview
from digest.model import Review, Reviewer, Side, Tally, Tool, Verdict, listing, percent
from digest.prices import cheaper, is_amount, is_stale
from digest.wording import full_day, stopped, stopped_all, vary

#: Panel shares this far apart or further are called a clear answer, closer ones a lean; those no further apart than
#: one call moves a panel of four are called close.
CLEAR, CLOSE = 0.5, 0.25

#: Reviews a tool needs before an answer is called clear: one call is an opinion, not a panel.
CLEAR_REVIEWS = 2

#: Votes a tool needs before they are spoken of: with fewer, one more vote moves the share by more than 16 points.
MIN_VOTES = 5

#: Readers lean where their shares are this far apart or further; closer ones are called level.
LEVEL = 0.1

#: Readers want two level tools, or neither, where two of three or more say so of each.
WANTED, UNWANTED = 2 / 3, 1 / 3

#: The calls of one group of reviewers on both tools, None where they have not reviewed it.
Calls = tuple[str | None, str | None]


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


# The bottom line


def bottom_line(a: Side, b: Side, *, week: str = "") -> str:
    """Answer "which one should you ship with": a clear answer, a lean, neither, an honest split, or none yet."""
    return vary(bottom_lines(a, b), a.tool, b.tool, week)


def bottom_lines(a: Side, b: Side) -> tuple[str, ...]:
    """Every wording of the bottom line for these rows."""
    share_a, share_b = a.verdict.tally.share, b.verdict.tally.share
    if share_a is None or share_b is None:
        return _unanswered(a, b)
    ahead, behind = (a, b) if share_a >= share_b else (b, a)
    gap = round(abs(share_a - share_b), 9)  # 7/10 - 2/10 is a hair below a half in binary
    if gap == 0:
        return _tie(a, b)
    if max(share_a, share_b) < 0.5:
        frames: tuple[str, ...] = _NEITHER
    elif gap <= CLOSE:
        frames = _NARROW
    else:
        frames = _CLEAR_ANSWER if gap >= CLEAR and _is_clear(ahead, behind) else _LEAN
    return tuple(
        stopped(frame.format(name=ahead.tool.name, facts=facts))
        for frame, facts in product(frames, _facts(ahead, behind))
    )


def _is_clear(ahead: Side, behind: Side) -> bool:
    """Besides a wide gap, a clear answer needs most of the panel behind it, and more than one call on each tool."""
    tally = ahead.verdict.tally
    return tally.ships * 2 > tally.n and min(tally.n, behind.verdict.tally.n) >= CLEAR_REVIEWS


_CLEAR_ANSWER = (
    "Ship with {name}: {facts}",
    "{name}, clearly: {facts}",
    "{name} is the one to ship with: {facts}",
    "The panel’s answer is {name}: {facts}",
    "No close call. Take {name}: {facts}",
    "Go with {name}: {facts}",
)
_LEAN = (
    "A lean towards {name}: {facts}",
    "Leaning {name}: {facts}",
    "{name} has the edge: {facts}",
    "{name}, if you must choose now: {facts}",
)
_NARROW = (
    *_LEAN,
    "{name}, by a nose: {facts}",
    "{name}, but not by much: {facts}",
    "Close, with {name} ahead: {facts}",
)
_NEITHER = (
    "Neither yet. {name} comes closer: {facts}",
    "Not convinced by either, though {name} comes closer: {facts}",
    "Wait with both. {name} is nearer: {facts}",
    "Neither carries the panel. {name} comes nearer: {facts}",
)
#: Of two tools with equal shares: all would ship both, most would not, and what lies between.
_EITHER = (
    "Either will do: {facts}",
    "No loser here: {facts}",
    "Take your pick: {facts}",
    "No wrong choice with this panel: {facts}",
)
_NEITHER_ALIKE = ("Neither yet: {facts}", "Not convinced by either: {facts}", "Wait with both: {facts}",
                  "Neither carries the panel: {facts}")  # fmt: skip
_SPLIT = (
    "An honest split: {facts}",
    "No winner: {facts}",
    "The panel cannot say which: {facts}",
    "A tie: {facts}",
    "Level on the panel: {facts}",
)


def _facts(ahead: Side, behind: Side) -> tuple[str, ...]:
    """What the panel said of the tool ahead, named before, and of the other one."""
    it, other = ahead.verdict.tally, behind.verdict.tally
    return (
        f"{_ships(it, 'it')}, {_ships(other, behind.tool.name)}",
        f"{_ships(it, 'it')}, against {_count(other)} for {behind.tool.name}",
        f"{_count(it)} on the panel would ship it, and {_count(other)} would ship {behind.tool.name}",
    )


def _ships(tally: Tally, what: str) -> str:
    return f"the only reviewer would skip {what}" if tally == Tally(0, 1) else f"{_reviewers(tally)} would ship {what}"


def _reviewers(tally: Tally) -> str:
    """How many of those who reviewed a tool would ship it, as the subject of a sentence."""
    if tally == Tally(1, 1):
        return "the only reviewer"
    share = "none of" if not tally.ships else "all" if tally.ships == tally.n else f"{tally.ships} of"
    return f"{share} {tally.n} reviewers"


def _count(tally: Tally) -> str:
    return f"{tally.ships or 'none'} of {tally.n}"


def _unanswered(a: Side, b: Side) -> tuple[str, ...]:
    if not (a.verdict.reviews or b.verdict.reviews):
        return (stopped(f"Nobody has reviewed {a.tool.name} or {b.tool.name} yet"),)
    known, unknown = (a.tool.name, b.tool.name) if a.verdict.reviews else (b.tool.name, a.tool.name)
    return (stopped(f"No answer: {unknown} has no review yet to set against {known}"),)


def _tie(a: Side, b: Side) -> tuple[str, ...]:
    one, other, tally = a.tool.name, b.tool.name, a.verdict.tally
    if not tally.ships:
        return stopped_all(
            f"Neither: nobody on the panel would ship {one} or {other}",
            f"Neither. {one} and {other} leave the panel without a single ship",
            f"Skip both: not one reviewer would ship {one} or {other}",
            f"Not {one}, and not {other}: nobody on the panel would ship either",
        )
    frames = _EITHER if tally.ships == tally.n else _NEITHER_ALIKE if tally.ships * 2 < tally.n else _SPLIT
    facts = [f"{_ships(tally, one)}, {_ships(b.verdict.tally, other)}"]
    if b.verdict.tally == tally:
        facts = [
            f"{_reviewers(tally)} would ship {one}, and as many {other}",
            f"{_count(tally)} would ship {one}, {_count(tally)} {other}",
        ]
    return tuple(stopped(frame.format(facts=fact)) for frame, fact in product(frames, facts))


# Prices


def pricing_read(a: Tool, b: Tool, *, week: str = "", today: date | None = None) -> str:
    """Read two entry prices together, with openness where it is a difference.

    Which one asks less is said only where both are paid in one currency for the same thing. With `today`, a price
    that was checked too long ago is dated.
    """
    return vary(pricing_reads(a, b, today=today), a, b, week)


def pricing_reads(a: Tool, b: Tool, *, today: date | None = None) -> tuple[str, ...]:
    """Every wording of the pricing read for these rows."""
    rest = [part for part in (*_old_prices(a, b, today), _openness(a, b)) if part]
    return tuple(" ".join((stopped(prices), *rest)) for prices in _prices(a, b))


def _prices(a: Tool, b: Tool) -> Sequence[str]:
    if not a.entry_price and not b.entry_price:
        return (
            f"Nobody has checked what {a.name} and {b.name} cost to start",
            f"What {a.name} and {b.name} cost to start is still unchecked",
        )
    if not a.entry_price or not b.entry_price:
        known, unknown = (a, b) if a.entry_price else (b, a)
        return (
            f"{known.name} {_price(known)}; nobody has checked {unknown.name} yet",
            f"{known.name} {_price(known)}, and the price of {unknown.name} is unchecked",
        )
    order = cheaper(a.entry_price, b.entry_price)
    if a.entry_price == b.entry_price:
        return _same_price(a, b)
    if order is None:
        return _apart(a, b)
    return _different(b, a) if order > 0 else _different(a, b) if order else _apart(a, b)


def _same_price(a: Tool, b: Tool) -> Sequence[str]:
    match a.entry_price:
        case "Free":
            return ("Both are free", f"Neither {a.name} nor {b.name} costs anything",
                    f"{a.name} and {b.name} are both free", "No price to compare: both are free")  # fmt: skip
        case "Freemium":
            return ("Both are free to start and charge for more", "Both start free and charge for more",
                    f"{a.name} and {b.name} are both free to start; more costs money",
                    f"You can start with {a.name} and with {b.name} for nothing, and pay for more")  # fmt: skip
        case "Paid":
            return "Both are paid", f"{a.name} and {b.name} are both paid", "Neither can be had for nothing"
    price = a.entry_price
    both = "Both start at" if is_amount(price) else "Both give their price as"
    return (f"{both} {price}", f"{a.name} and {b.name} ask the same: {price}",
            f"No difference in price: {price} each", f"Either way, {price}")  # fmt: skip


def _different(lower: Tool, higher: Tool) -> Sequence[str]:
    """Two prices that compare, the one that asks less first."""
    read = _apart(lower, higher)
    if not (is_amount(lower.entry_price) and is_amount(higher.entry_price)):
        return read
    return (
        *read,
        f"{lower.name} is the cheaper start: {lower.entry_price}, against {higher.entry_price} for {higher.name}",
        f"{higher.entry_price} for {higher.name}; {lower.name} asks less, {lower.entry_price}",
    )


def _apart(one: Tool, other: Tool) -> Sequence[str]:
    """Two prices next to each other, without a word on which is less."""
    return (
        f"{one.name} {_price(one)}; {other.name} {_price(other)}",
        f"{one.name} {_price(one)}, while {other.name} {_price(other)}",
        f"To start: {one.name} {_price(one)}, {other.name} {_price(other)}",
        f"{one.name} {_price(one)}, and {other.name} {_price(other)}",
    )


def _price(tool: Tool) -> str:
    words = {"Free": "is free", "Freemium": "is free to start and charges for more", "Paid": "is paid"}
    return words.get(tool.entry_price, f"{_verb(tool.entry_price)} {tool.entry_price}")


def _verb(price: str) -> str:
    """Amounts are where a tool starts; what was written before prices had one form is repeated as it stands."""
    return "starts at" if is_amount(price) else "gives its price as"


def _old_prices(a: Tool, b: Tool, today: date | None) -> Iterable[str]:
    for tool in (a, b):
        checked = tool.price_checked_on
        if today and tool.entry_price and checked and is_stale(checked, today):
            yield f"The price of {tool.name} was last checked on {full_day(checked, today.year)}."


def _openness(a: Tool, b: Tool) -> str:
    if a.open_source and b.open_source:
        return "Both are open source."
    opened = next((tool for tool in (a, b) if tool.open_source), None)
    closed = next((tool for tool in (a, b) if tool.open_source is False), None)
    return f"{opened.name} is open source, {closed.name} is not." if opened and closed else ""


# Who agrees with whom


def reviewer_split(a: Side, b: Side, panel: Sequence[Reviewer], *, week: str = "") -> str:
    """Say who on the panel agrees with whom about two tools; one against all others is named as such."""
    return vary(reviewer_splits(a, b, panel), a.tool, b.tool, week)


def reviewer_splits(a: Side, b: Side, panel: Sequence[Reviewer]) -> tuple[str, ...]:
    """Every wording of the split for these rows; groups stand in panel order."""
    groups: dict[Calls, list[str]] = {}
    for reviewer in sorted(panel, key=lambda one: (one.order, one.slug)):
        on_a, on_b = a.verdict.by(reviewer.slug), b.verdict.by(reviewer.slug)
        if on_a or on_b:
            groups.setdefault((on_a.call if on_a else None, on_b.call if on_b else None), []).append(reviewer.name)
    said = [
        f"{listing(names)} {_calls(calls, a.tool, b.tool, plural=len(names) > 1)}" for calls, names in groups.items()
    ]
    if not groups:
        return (stopped(f"Nobody has reviewed {a.tool.name} or {b.tool.name} yet"),)
    if len(groups) == 1:
        return _agreed(*next(iter(groups.items())), a.tool, b.tool)
    if alone := _alone(groups):
        return _contrarian(groups, alone, a.tool, b.tool)
    ending = tuple(_dissent(groups, a.tool, b.tool))
    return tuple(" ".join((stopped(one), *ending)) for one in (_two_camps(*said) if len(said) == 2 else _camps(said)))


def _agreed(calls: Calls, names: Sequence[str], a: Tool, b: Tool) -> tuple[str, ...]:
    if len(names) == 1:
        return stopped_all(
            f"{names[0]} {_calls(calls, a, b, plural=False)}",
            f"Only {names[0]} has called so far, and {_calls(calls, a, b, plural=False)}",
        )
    everybody = "Both" if len(names) == 2 else f"All {len(names)}"
    they = _calls(calls, a, b, plural=True)
    return stopped_all(
        f"{everybody} reviewers agree: {they}",
        f"No dissent: {listing(names)} {they}",
        f"One mind on the panel: {listing(names)} {they}",
        f"Unanimous: {everybody.lower()} reviewers {they}",
        f"Nothing to argue about: {listing(names)} {they}",
    )


def _alone(groups: dict[Calls, list[str]]) -> Calls | None:
    """The calls of the one reviewer against all others who agree, each having called both tools."""
    if len(groups) != 2 or any(None in calls for calls in groups) or sum(map(len, groups.values())) < 3:
        return None
    return next((calls for calls, names in groups.items() if len(names) == 1), None)


def _contrarian(groups: dict[Calls, list[str]], alone: Calls, a: Tool, b: Tool) -> tuple[str, ...]:
    [name] = groups[alone]
    rest = next(calls for calls in groups if calls != alone)
    mine, theirs = _calls(alone, a, b, plural=False), _calls(rest, a, b, plural=True)
    others = listing(groups[rest])
    return stopped_all(
        f"{name} is the contrarian and {mine}; {others} {theirs}",
        f"{stopped(f'{others} {theirs}')} {name} stands alone and {mine}",
        f"One against all others: {name} {mine}, while {others} {theirs}",
        f"{name} disagrees with everybody else and {mine}; {others} {theirs}",
        f"{others} are of one mind and {theirs}; {name} alone {mine}",
    )


def _two_camps(first: str, second: str) -> tuple[str, ...]:
    return (
        f"{first}; {second}",
        f"{first}, while {second}",
        f"{first}, but {second}",
        f"Two camps: {first}; {second}",
        f"On one side, {first}; on the other, {second}",
    )


def _camps(said: Sequence[str]) -> tuple[str, ...]:
    together = "; ".join(said)
    openings = ("", "The panel parts ways: ", "No common line: ", "Opinions differ: ", "The panel scatters: ")
    return tuple(f"{opening}{together}" for opening in openings)


def _dissent(groups: dict[Calls, list[str]], a: Tool, b: Tool) -> Iterable[str]:
    """Name who stands alone on one of the tools where three or more have called it."""
    lonely = []
    for place, tool in enumerate((a, b)):
        for call in ("ship", "skip"):
            same = [name for calls, names in groups.items() if calls[place] == call for name in names]
            other = [name for calls, names in groups.items() if calls[place] not in {call, None} for name in names]
            if len(same) == 1 and len(other) > 1:
                lonely.append(f"{same[0]} on {tool.name}")
    if lonely:
        yield stopped(f"Against all others: {listing(lonely)}")


def _calls(calls: Calls, a: Tool, b: Tool, *, plural: bool) -> str:
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


# Community against panel


def community_read(a: Side, b: Side, *, week: str = "") -> str:
    """Set the readers' votes against the panel; "" where no tool has MIN_VOTES votes."""
    found = community_reads(a, b)
    return vary(found, a.tool, b.tool, week) if found else ""


def community_reads(a: Side, b: Side) -> tuple[str, ...]:
    """Every wording of the community read for these rows; empty where there are too few votes to say anything."""
    heard = [side for side in (a, b) if side.community.n >= MIN_VOTES]
    if not heard:
        return ()
    if len(heard) == 1:
        return _one_heard(heard[0])
    readers, panel = _ahead(a, b, _votes, LEVEL), _ahead(a, b, _panel, 0.0)
    first, second = (b, a) if readers is b else (a, b)
    one, other, name = _voters(first.community), _voters(second.community), second.tool.name
    facts = [
        f"{one} votes for {first.tool.name}, {other} for {name}",
        f"{one} voters would ship {first.tool.name}, {other} would ship {name}",
    ]
    return tuple(stopped(f"{opening}: {fact}") for opening, fact in product(_openings(readers, panel, a, b), facts))


def _openings(readers: Side | None, panel: Side | None, a: Side, b: Side) -> tuple[str, ...]:
    shares = [side.verdict.tally.share for side in (a, b)]
    even = ", where the panel is even" if shares[0] == shares[1] and shares[0] is not None else ""
    if readers is None:
        return _level_with_readers(*(side.community.share or 0 for side in (a, b)))
    name = readers.tool.name
    if (readers.community.share or 0) < 0.5:
        return (f"Most voters would skip either, though {name} comes closer", f"Readers want neither; {name} is nearer",
                f"No majority of readers for either, with {name} ahead",
                f"Readers are not sold on either, least of all on {(b if readers is a else a).tool.name}")  # fmt: skip
    if panel is None or (panel.verdict.tally.share or 0) < 0.5:
        return (f"Readers lean towards {name}{even}", f"{name} is ahead with readers{even}",
                f"Readers favour {name}{even}", f"The votes lean towards {name}{even}")  # fmt: skip
    if panel is readers:
        return (f"Readers agree with the panel on {name}", f"Readers and panel both lean towards {name}",
                f"The votes point the panel’s way, to {name}", f"{name} is ahead with readers too")  # fmt: skip
    return (
        f"Readers part with the panel and lean towards {name}",
        f"The panel leans towards {panel.tool.name}, readers towards {name}",
        f"Readers see it the other way round, with {name} ahead",
        f"Against the panel, readers favour {name}",
    )


def _level_with_readers(*shares: float) -> tuple[str, ...]:
    if min(shares) >= WANTED:
        return "Readers want both", "Readers would ship either", "Most voters would ship both", "Both carry the readers"
    if max(shares) <= UNWANTED:
        return ("Readers want neither", "Most voters would skip both", "Few voters would ship either",
                "Readers skip both")  # fmt: skip
    return ("Readers are undecided", "Little between the two for readers", "Readers see them about level",
            "No clear favourite among readers")  # fmt: skip


def _one_heard(side: Side) -> tuple[str, ...]:
    """Votes on one tool only, next to what its own panel said."""
    name, votes, panel = side.tool.name, f"{_voters(side.community)} voters", side.verdict.tally
    said = f"{_count(panel)} on the panel would" if panel.n else "the panel has not called it"
    return stopped_all(
        f"Readers on {name} alone: {votes} would ship it; {said}",
        f"{votes} would ship {name}; {said}",
        f"Only {name} has votes enough to count: {votes} would ship it; {said}",
        f"So far readers speak on {name} only: {votes} would ship it; {said}",
    )


def _ahead(a: Side, b: Side, of: Callable[[Side], Tally], margin: float) -> Side | None:
    """The side whose share is ahead by `margin` or more, None where they are level or one has no share."""
    one, other = of(a).share, of(b).share
    if one is None or other is None or one == other or round(abs(one - other), 9) < margin:
        return None
    return a if one > other else b


def _votes(side: Side) -> Tally:
    return side.community


def _panel(side: Side) -> Tally:
    return side.verdict.tally


def _voters(tally: Tally) -> str:
    return f"{percent(tally.share)} of {tally.n:,}"
