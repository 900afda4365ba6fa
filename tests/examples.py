"""Example values for the tests of every room: invented tools under example.org, judged by an invented panel."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from typing import Any

from digest.model import (
    Brief,
    Call,
    Candidate,
    Edition,
    Entry,
    Launch,
    Matchup,
    Review,
    Reviewer,
    Side,
    Site,
    Tally,
    Tool,
    Verdict,
    listing,
    slugify,
)

#: Monday of week 47, when the example edition is composed.
NOW = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)

#: name, vendor, tagline, description, category, tags, entry price, open source, the panel's calls, ships and votes.
_TOOLS: tuple[tuple[str, str, str, str, str, str, str, bool | None, str, int, int], ...] = (
    (
        "Plumbline", "Orchard & Pike", "Code review that reads the whole repository",
        "Comments on a pull request with the call sites it would break, and stays quiet when it has nothing to add. "
        "Runs as a check, so nobody has to install anything.",
        "Developer Tools", "code review,ci", "$12/month", False, "++-+", 79, 128,
    ),
    (
        "Lantern", "Lantern Works", "A reviewer you can run on your own machine",
        "A small open model, tuned on accepted review comments, that works offline and explains each remark with the "
        "rule behind it.",
        "Developer Tools", "code review,on-device", "Free", True, "+--+", 41, 96,
    ),
    (
        "Murmur", "Tidewater Audio", "Meetings into minutes people sign off",
        "Transcribes, separates the voices and drafts minutes that quote who decided what. Speaks nineteen languages.",
        "Audio & Voice", "transcription,meetings", "Freemium", False, "++++", 210, 233,
    ),
    (
        "Dictaphone Zero", "", "Speech to text that never leaves the phone",
        "One tap, one text file. No account, no cloud, no summaries.",
        "Audio & Voice", "transcription,on-device", "$4.99", True, "-+--", 0, 0,
    ),
    (
        "Cartwheel", "Northbank Labs", "Agents that ask before they spend",
        "Plans a purchase, shows the basket and waits for a yes. Limits are set in plain sentences and enforced at the "
        "card, not in the prompt.",
        "Agents", "purchasing,approvals", "$49/month", False, "-++-", 18, 61,
    ),
    (
        "Errand", "Quiet Machines", "A task runner for the browser you already use",
        "Records how you do a chore once, repeats it on a schedule and hands back a short film of each run.",
        "Agents", "browser,automation", "Freemium", None, "+-+-", 33, 70,
    ),
    (
        "Smallwood 3B", "Kestrel Research", "A three-billion model that fits in a pocket",
        "Text and pictures in, text out, eight thousand tokens on a phone without a fan. Weights are public.",
        "Models", "vision,on-device", "Free", True, "+++-", 164, 190,
    ),
    (
        "Bigleaf 70B", "Kestrel & Daughters", "Long documents without the long wait",
        "Reads four hundred pages at once and answers with page numbers. Hosted only, billed by the page.",
        "Models", "long context,documents", "$0.02/page", False, "--+-", 52, 140,
    ),
    (
        "Inkwell", "Paper Street", "Drafts in your own voice, with the receipts",
        "Learns from what you have published and marks each sentence it cannot trace to a source of yours.",
        "Writing & Docs", "drafting,sources", "$9/month", False, "+++-", 88, 120,
    ),
    (
        "Marginalia", "Oak Reading Room", "Notes that find each other",
        "Links what you write today to what you wrote last year, and says why it thinks so.",
        "Writing & Docs", "notes,search", "Free", True, "+-+", 47, 59,
    ),
    (
        "Sieve", "Granary", "Ask a warehouse in plain words",
        "Turns a question into a query, shows it, and refuses to run one that scans more than you allowed.",
        "Data & Analytics", "sql,warehouse", "$30/month", False, "++-+", 72, 101,
    ),
    (
        "Abacus Notebook", "Two Rivers", "A notebook that reruns what changed",
        "Tracks which cell depends on which and writes down why a number moved since Friday.",
        "Data & Analytics", "notebook,lineage", "Freemium", True, "++++", 95, 112,
    ),
    (
        "Lighthouse Search", "Skerry", "Search that shows its reading list",
        "Answers from at most seven pages and lists the ones it read and threw away.",
        "Search & Research", "search,citations", "Freemium", False, "+--+", 61, 150,
    ),
    (
        "Footnote", "Bindery", "Every claim with the page it stands on",
        "Checks a manuscript against the works it cites and colours what the sources do not say.",
        "Search & Research", "citations,checking", "$15/month", False, "+++-", 40, 52,
    ),
    (
        "Palette", "Studio Heron", "Brand-true pictures from three examples",
        "Keeps colours, type and tone of a style guide, and leaves the layers open for the designer.",
        "Image & Video", "images,brand", "$24/month", False, "-+-+", 55, 102,
    ),
    (
        "Flipbook", "Nine Frames", "Storyboards into rough cuts overnight",
        "Draws the frames between your frames and exports a timeline that editors can open.",
        "Image & Video", "video,storyboard", "Paid", None, "--+-", 12, 44,
    ),
)  # fmt: skip

_NUMBERS = {slugify(name): number for number, (name, *_) in enumerate(_TOOLS)}

_SHIP = {
    "builder": (
        "I pointed {name} at a repository nobody wanted to touch and had something useful before the coffee was cold. "
        "The defaults are sane, the errors name the line, and there is a plain way to turn every clever part off.",
        "Two commands, one config file, and it does what the page says. I read the code for an hour looking for the "
        "catch; the catch is that the docs are better than mine.",
        "{name} has the rarest feature of all: it fails loudly. I would put it in front of a team on Monday.",
    ),
    "skeptic": (
        "I came to say no. Then I fed it last year’s worst incident and it found what took us two days. It still "
        "overstates how sure it is, but it shows its working, and that I can argue with.",
        "The numbers on the landing page are inflated, as usual. The product behind them is not. It says “I don’t "
        "know” when it should, which most of its rivals have yet to learn.",
        "I tried to make {name} leak, loop and lie. It did one of the three, once, and logged it. Grudgingly: yes.",
    ),
    "futurist": (
        "This is what the category looks like in three years: small, local, specific, and boring in the best sense. "
        "{name} gets there early because it refuses to be a platform.",
        "Everybody else is adding a chat box. This removes one. The interface is the work itself, and I think that is "
        "where all of this is heading.",
        "Cheap enough to waste, good enough to trust: that is the moment a tool turns into plumbing. {name} is close.",
    ),
    "founder": (
        "The price is clear, the trial is honest, and the buyer can say what it replaces in one sentence. I would pay "
        "for it out of my own pocket, and last week I did.",
        "It saves a team of five about an hour a day. You can do that sum yourself, and so can the person who signs "
        "the invoice.",
        "A narrow wedge into a budget that already exists. {name} does not need to win the world to be a business.",
    ),
}
_SKIP = {
    "builder": (
        "Setup asked for admin rights on the whole organisation, then stopped with “something went wrong”. The idea is "
        "good; the plumbing is not there yet. Come back to {name} in spring.",
        "It works on the demo repository and slows down on mine: eleven minutes for a change of forty lines. I can "
        "read forty lines in less.",
        "No export, no API, no way back. I do not put my work into {name} until I can take it out again.",
    ),
    "skeptic": (
        "Half the claims trace back to one benchmark that the vendor wrote. On my own examples {name} was confident, "
        "fluent and wrong in four of ten cases, and I had to check all ten to learn which.",
        "Ask it the same thing twice and compare. Until the two answers agree, this is a slot machine with good "
        "typography.",
        "What happens to the data is answered with a picture of a padlock. I would like a sentence instead.",
    ),
    "futurist": (
        "A polished answer to last year’s question. The model underneath will do this by itself within a release or "
        "two, and {name} has no second act.",
        "It makes the old way faster instead of making it unnecessary. Useful today, forgotten by next autumn.",
        "I like the craft, but the bet is on people wanting more windows. They want fewer.",
    ),
    "founder": (
        "Three tiers, two of them “talk to us”, and a free plan that ends in the middle of a task. I could not tell a "
        "customer what {name} costs, so I would not try to sell it to one.",
        "Lovely product, no wedge: the people who need it have no budget and the people with a budget have a vendor.",
        "I asked who loses sleep without {name} and nobody raised a hand. That is a feature of something else.",
    ),
}


def site(**changes: Any) -> Site:
    """An invented publisher."""
    example = Site(
        name="AI Tool Verdicts",
        tagline="New AI tools, two at a time, judged before you spend an evening on them",
        url="https://verdicts.example.org",
        postal_address="AI Tool Verdicts, 12 Harbour Lane, Exampleton EX1 2PL",
    )
    return replace(example, **changes)


def reviewers() -> tuple[Reviewer, ...]:
    """The panel, in its order."""
    return (
        Reviewer("builder", "Builder", "Would I build on it tomorrow?", 1),
        Reviewer("skeptic", "Skeptic", "What breaks, leaks or lies?", 2),
        Reviewer("futurist", "Futurist", "Does it matter in three years?", 3),
        Reviewer("founder", "Founder", "Would anyone pay, and keep paying?", 4),
    )


def tool(index: int = 0, **changes: Any) -> Tool:
    """The index-th invented tool; tools 2n and 2n + 1 do the same job."""
    name, vendor, tagline, description, category, tags, price, is_open, *_ = _TOOLS[index % len(_TOOLS)]
    example = Tool(
        slug=slugify(name),
        name=name,
        vendor=vendor,
        tagline=tagline,
        description=description,
        category=category,
        tags=tuple(tags.split(",")),
        entry_price=price,
        price_checked_on=date(2026, 11, 9) if price.startswith("$") else None,
        open_source=is_open,
        url=f"https://example.org/{slugify(name)}",
    )
    return replace(example, **changes)


def review(of: Tool, reviewer: str = "builder", call: Call = "ship", **changes: Any) -> Review:
    """One review; tools that are compared with each other get different quotes."""
    quotes = (_SHIP if call == "ship" else _SKIP)[reviewer]
    quote = quotes[_NUMBERS.get(of.slug, 0) % len(quotes)].replace("{name}", of.name)
    return replace(Review(of.slug, reviewer, call, quote, date(2026, 11, 10)), **changes)


def verdict(of: Tool, calls: str = "++-+", panel_size: int = 4) -> Verdict:
    """A verdict from calls in panel order: `+` ships, `-` skips, `.` has no call yet."""
    reviews = tuple(
        review(of, reviewer.slug, "ship" if call == "+" else "skip")
        for reviewer, call in zip(reviewers(), calls, strict=False)
        if call in "+-"
    )
    return Verdict(of.slug, reviews, panel_size)


def side(index: int = 0, **changes: Any) -> Side:
    """The index-th tool with its verdict and votes."""
    judged = tool(index)
    calls, ships, votes = _TOOLS[index % len(_TOOLS)][8:]
    return replace(Side(judged, verdict(judged, calls), Tally(ships, votes)), **changes)


def matchup(index: int = 0, **changes: Any) -> Matchup:
    """The index-th pair: tools 2 * index and 2 * index + 1."""
    a, b = side(2 * index), side(2 * index + 1)
    example = Matchup(
        a=a,
        b=b,
        score=round(0.91 - index * 0.04, 2),
        parts=(("same job", 0.4), ("contrast in price", 0.2), ("new", 0.31)),
        why=f"Both are new and do the same job: {listing(a.tool.tags)}.",
        bottom_line=(
            f"Ship with {a.tool.name} if the work is shared and somebody has to sign it off; pick {b.tool.name} when "
            "it must stay on your own machine."
        ),
        pricing_read=(
            f"{a.tool.name} starts at {a.tool.entry_price}, {b.tool.name} at {b.tool.entry_price}. Count the seats "
            "before you count the features."
        ),
        split=_split(a, b),
    )
    return replace(example, **changes)


def _split(a: Side, b: Side) -> str:
    agreed = [
        reviewer.name
        for reviewer in reviewers()
        if (of_a := a.verdict.by(reviewer.slug)) and (of_b := b.verdict.by(reviewer.slug)) and of_a.call == of_b.call
    ]
    return f"{listing(agreed)} made the same call on both; the others part ways." if agreed else "Nobody agrees."


def edition(matchups: int = 5, full: int = 1, launches: int = 7, **changes: Any) -> Edition:
    """An edition of the first `matchups` pairs, the first `full` of them in full, with `launches` other launches."""
    pairs = tuple(matchup(index, layout="full" if index < full else "short") for index in range(matchups))
    example = Edition(
        week="2026-W47",
        subject="Plumbline or Lantern? The panel splits on code review",
        preheader="Two reviewers that read your pull requests, and what it costs to be told the truth.",
        matchups=pairs,
        since=NOW - timedelta(days=7),
        until=NOW,
        intro=(
            "Code review is having a week: two launches, two opposite bets on where the model should live. Below that, "
            "a meeting scribe that all four of our reviewers would keep."
        ),
        launches=tuple(islice(cycle(_BRIEFS), launches)),
        reviewers=reviewers(),
    )
    return replace(example, **changes)


_BRIEFS = (
    Brief("Beacon CLI 2.0", "Answers about your logs, in the terminal", "Developer Tools",
          "https://example.org/beacon", "Skerry blog"),
    Brief("Thimble", "A test writer that deletes the tests you do not need", "Developer Tools",
          "https://example.org/thimble", "Launch board"),
    Brief("Waxwing 1B", "A voice model under a gigabyte", "Audio & Voice",
          "https://example.org/waxwing", "Model hub"),
    Brief("Ledger Agent", "Books receipts and asks about the odd ones", "Agents",
          "https://example.org/ledger-agent", "Launch board"),
    Brief("Gazetteer", "Maps of what a document mentions", "Search & Research",
          "https://example.org/gazetteer", "Weekly roundup"),
    Brief("Kiln", "Fine-tuning for people with one graphics card", "Infrastructure",
          "https://example.org/kiln", "Model hub"),
    Brief("Overture", "", "Other", "https://example.org/overture", "Launch board"),
)  # fmt: skip


def entry(index: int = 0, **changes: Any) -> Entry:
    """An entry that announces the index-th tool."""
    announced = tool(index)
    example = Entry(
        feed="launch-board",
        id=f"tag:example.org,2026:{announced.slug}",
        link=announced.url,
        title=f"Introducing {announced.name}: {announced.tagline}",
        summary=announced.description,
        published=NOW - timedelta(hours=20 + index),
    )
    return replace(example, **changes)


def launch(index: int = 0, **changes: Any) -> Launch:
    """The launch of the index-th tool, carried by one entry."""
    announced, carrier = tool(index), entry(index)
    example = Launch(
        id=f"launch-{announced.slug}",
        tool_slug=announced.slug,
        tool_name=announced.name,
        title=carrier.title,
        link=carrier.link,
        announced_at=carrier.published or NOW,
        first_seen=NOW - timedelta(hours=index),
        tagline=announced.tagline,
        category=announced.category,
        score=0.8,
        reasons=("the title says “introducing”",),
        entries=((carrier.feed, carrier.id),),
    )
    return replace(example, **changes)


def candidate(index: int = 0, **changes: Any) -> Candidate:
    """The index-th tool as a candidate for pairing, launched a day ago."""
    judged = side(index)
    example = Candidate(
        judged.tool, judged.verdict, judged.community, launched_at=NOW - timedelta(days=1), prominence=0.5
    )
    return replace(example, **changes)
