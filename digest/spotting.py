"""Decide what an entry announces: is it a launch, of which tool, in which category, and why we think so.

Every sign for or against is a clue with a weight in the lexicon. The weights that apply are added up and turned into a
score from 0 to 1; a launch is what reaches one half. The clues that counted are the reasons an editor reads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from digest.lexicon import (
    AGAINST,
    AI_ABSENT,
    AI_CAPITALS,
    AI_DENIED,
    AI_HOSTS,
    AI_INSIDE,
    AI_STRONG,
    AI_VENDOR,
    AI_WEAK,
    CATEGORY_WORDS,
    CODE_HOSTS,
    DIRECTORY_HOSTS,
    DONE_WITH,
    FOR,
    GENERAL_FEED,
    GENERIC_NAMES,
    MAKER_CATEGORY,
    MODEL_LINE,
    NO_TOOL,
    PART_TITLE,
    PRESS_HOST,
    PRODUCT,
    VENDOR,
    host_in,
    terms,
)
from digest.model import Entry, Spotted
from digest.naming import Named, first_sentence, looks_like_a_name, name_tool

#: Text beyond these lengths is not read: bounds the time a hostile entry can cost.
TITLE_CHARS, SUMMARY_CHARS, LINK_CHARS = 300, 2_000, 400

#: Logit of a launch before any clue; a feed of a maker has about one launch in four entries.
PRIOR = -2.0


@dataclass(frozen=True, slots=True)
class _Page:
    """An entry made ready for looking: capped, folded, its link taken apart."""

    entry: Entry
    title: str
    low: str
    summary: str
    link: str
    host: str
    path: str
    listed: bool
    posted: bool
    general: bool
    maker: str

    @property
    def slug(self) -> str:
        """The words of the link's path."""
        return _JOINTS.sub(" ", self.path.casefold())


def spot(entry: Entry) -> tuple[Spotted, ...]:
    """Say what an entry announces.

    Returns:
        One item for an ordinary entry, launch or not; for a digest, one item for each launch it announces, in its
        order, or a single item that is no launch. Never empty. `score` is from 0 to 1 and a launch has 0.5 or more;
        `link` is the entry's link unless a digest's part has its own. An entry that breaks our rules is no launch, and
        its reason says so: it must not stop the others.
    """
    try:
        return _spot(entry)
    except Exception as error:  # noqa: BLE001 - the fault is ours whatever it is, and shown as the entry's reason
        said = f"could not be looked at: {type(error).__name__}: {error}"
        return (Spotted(launch=False, score=0.0, reasons=(said[:200],), link=entry.link),)


def _spot(entry: Entry) -> tuple[Spotted, ...]:
    page = _page(entry)
    parts = _digest_parts(page)
    if not parts:
        return (_judge(page),)
    launches = tuple(item for item in parts if item.launch)
    return launches or (
        Spotted(launch=False, score=0.2, reasons=("a digest without a launch in it",), link=entry.link),
    )


def _page(entry: Entry) -> _Page:
    """Make an entry ready for looking, in time linear in its length."""
    title = " ".join(_DATED.sub("", entry.title[:TITLE_CHARS].translate(_PLAIN)).split())
    link = entry.link[:LINK_CHARS]
    try:
        parts = urlsplit(link)
        host, path = (parts.hostname or "").removeprefix("www."), parts.path
    except ValueError:  # such as an unclosed "[" in the host
        host, path = "", ""
    summary = " ".join(entry.summary[:SUMMARY_CHARS].split())
    if summary.startswith(title):
        summary = summary[len(title) :].strip()
    listed = host_in(host, DIRECTORY_HOSTS) != "" or "hunt" in entry.feed.casefold()
    maker = host_in(host, AI_HOSTS)
    posted = title.casefold().startswith(("show hn", "launch hn"))
    feed = _JOINTS.sub(" ", entry.feed[:100].casefold())
    general = listed or posted or host_in(host, CODE_HOSTS) != "" or GENERAL_FEED.search(feed) is not None
    return _Page(entry, title, title.casefold(), summary, link, host, path, listed, posted, general, maker)


def _judge(page: _Page) -> Spotted:
    """Add up the clues on one page."""
    named = _name(page)
    found = [*_shape(page, named), *_clues(page, named), *_made_of_ai(page, named)]
    weight = PRIOR + sum(weight for weight, _ in found)
    score = 1 / (1 + math.exp(-max(-20.0, min(20.0, weight))))
    found.sort(key=lambda clue: -abs(clue[0]))
    reasons = tuple(dict.fromkeys(reason for _, reason in found))[:5]
    tagline = named.rest or first_sentence(page.summary)
    return Spotted(
        launch=score >= 0.5,
        score=round(score, 3),
        reasons=reasons or ("nothing says that something new can be used",),
        tool=named.name,
        version=named.version,
        tagline=tagline[:220],
        category=_category(page, named),
        link=page.entry.link,
        entry_price=_price(f"{page.title}. {page.summary}"),
    )


def _name(page: _Page) -> Named:
    """Name the tool: from the title, else from the repository or the product's own site that the link leads to."""
    release = _RELEASE.match(page.path)
    title = f"{release.group(1)} {page.title}" if release and _ONLY_VERSION.match(page.low) else page.title
    named = name_tool(title, AI_HOSTS.get(page.maker, ""), listed=page.listed)
    if page.maker and named.name.casefold() in GENERIC_NAMES:
        brand = AI_HOSTS[page.maker] or page.maker.partition(".")[0].capitalize()
        named = replace(named, name=f"{brand} {named.name}")
    if named.how not in {"guessed", "within"}:
        return named
    if host_in(page.host, CODE_HOSTS) and (repository := _OWNED.match(page.path)):
        return replace(named, name=repository.group(1), how="guessed")
    if page.posted and page.path in {"", "/"} and page.host.count(".") == 1:
        return replace(named, name=page.host.partition(".")[0].capitalize(), how="guessed")
    return named


def _shape(page: _Page, named: Named) -> Iterator[tuple[float, str]]:
    """Clues from how the title is built and where it stands."""
    if page.listed:
        yield 3.4, "listed in a directory of launches"
        return
    press = PRESS_HOST.search(page.host) is not None
    known = _known_name(named.name.casefold()) or " " not in page.title
    if _REPOSITORY.match(page.title):
        yield -2.0, "a repository in a list, no announcement"
    elif named.how == "listed" and not press:
        own = VENDOR.fullmatch(named.name.casefold()) or named.name in AI_HOSTS.get(page.maker, "").split("/")
        colon = page.title[: len(page.title) - len(named.rest)].rstrip().endswith((":", "："))  # essays have it too
        yield (
            (0.8 if own and page.maker else 2.0 if colon and not known else 2.6),
            f"title has the shape “{named.name} – what it does”",
        )
    elif named.how == "bare" and not press and (known or page.maker):
        yield (2.2 if known else 1.4), f"title is only a name: “{named.name}”"
    elif named.how == "within" and page.maker:
        yield 1.8, f"title names something in {named.name}"
    elif page.maker and (found := PART_TITLE.fullmatch(page.low) or DONE_WITH.search(page.low)):
        yield 2.2, f"title names a part of the maker’s product: “{found.group()[:40].strip()}”"
    if host_in(page.host, CODE_HOSTS):
        yield 1.5, "links to code or a package that can be used"
    elif page.posted and page.path in {"", "/"}:
        yield 1.0, "links to a product's own site"
    if _MINOR_VERSION.search(page.low) and not press:
        yield 1.0, "title carries a version"


def _clues(page: _Page, named: Named) -> Iterator[tuple[float, str]]:
    """Clues from the words of title, summary and link; a second sign of one kind counts little."""
    summary = page.summary.casefold()
    texts = {"title": page.low, "start": summary[:300], "text": summary, "link": page.link.casefold()}
    loud = page.listed or page.posted or named.how in {"introduced", "listed"}
    head = len(page.low) - len(named.rest) if loud else len(page.low)
    kinds: set[tuple[str, str]] = set()
    for clue in (*FOR, *AGAINST):
        if page.listed and clue.weight < 0 and not clue.why.startswith(_ALSO_LISTED):
            continue
        if found := clue.pattern.search(texts[clue.where]):
            said = clue.why.format(" ".join(found.group().split())[:40].strip(" :：–—-"))
            kind = (clue.where, "for" if clue.weight > 0 else clue.why)
            if clue.weight > 0:
                share = 0.15 if kind in kinds else 1.0
            else:  # an announced tool's tagline may hold words that would be telling in a headline
                told = clue.where == "title" and (found.end() > head or page.posted)
                share = clue.tagline if told else 1.0
                if clue.where == "link" and named.how == "introduced":
                    share = 0.2  # "Introducing …" among research notes is still introduced
            kinds.add(kind)
            yield clue.weight * share, said
    stands_for = _KIND.match(named.rest.casefold())
    thing = NO_TOOL.search(page.low, 0, head) or (NO_TOOL.search(stands_for.group()) if stands_for else None)
    if thing and not page.listed:
        yield -3.0, f"what is announced is no tool: “{thing.group()}”"


def _made_of_ai(page: _Page, named: Named) -> Iterator[tuple[float, str]]:
    """Clues that say whether the thing is made of AI; where everything is listed, silence says that it is not."""
    whole = f"{page.low} {page.summary[:600].casefold()}"
    text = AI_DENIED.sub(" ", whole)
    description = f"{named.rest} {page.summary}".strip()
    if found := (AI_STRONG.search(text) or PRODUCT.search(text) or MODEL_LINE.search(text)):
        yield 0.6, f"speaks of AI: “{found.group()}”"
    elif page.maker:
        yield 0.2, f"published by a maker of AI: {page.host}"
    elif (found := AI_STRONG.search(page.slug) or PRODUCT.search(page.slug)) or page.host.endswith(".ai"):
        yield 0.4, f"the link speaks of AI: “{found.group() if found else page.host}”"
    elif AI_CAPITALS.search(page.title) or any(AI_INSIDE.search(word) for word in page.low.split()[:4]):
        yield 0.2, "the name speaks of AI"
    elif found := AI_ABSENT.search(whole):
        yield -6.0, f"says that it is not made of AI: “{found.group()}”"
    elif (found := AI_WEAK.search(text)) and AI_VENDOR.search(page.low):
        yield 0.2, f"a maker of AI and “{found.group()}”"
    elif found:  # who shows a tool to programmers says so when it is made of AI
        yield (
            (-4.8 if page.posted and "agent" not in page.low else -2.0 if page.general else -0.4),
            f"only “{found.group()}” hints at AI",
        )
    elif AI_VENDOR.search(page.low):
        yield -2.0, "only a maker's name hints at AI"
    elif page.general:
        yield -6.0, "nothing says that it is made of AI"
    else:
        yield (-4.0 if len(description) >= 12 else -1.0), "nothing says that it is made of AI"


def _known_name(low: str) -> bool:
    return PRODUCT.search(low) is not None or MODEL_LINE.search(low) is not None


def _category(page: _Page, named: Named) -> str:
    """The category with the most words in title, name, link and summary; of equals the more special one."""
    summary = page.summary.casefold()
    name = named.name.casefold()
    shares = ((page.low, 1.0), (name, 0.5), (summary[:160], 0.8), (summary[160:800], 0.3), (page.slug, 0.5))
    totals = {
        category: sum(
            share * (2.0 * len(set(strong.findall(text))) + 0.8 * len(set(weak.findall(text))))
            for text, share in shares
        )
        for category, (strong, weak) in _CATEGORIES.items()
    }
    if MODEL_LINE.search(name):
        totals["Models"] += 4.0
    if host_in(page.host, CODE_HOSTS):
        totals["Developer Tools"] += 1.0
    if page.maker in MAKER_CATEGORY:
        totals[MAKER_CATEGORY[page.maker]] += 1.0
    best = max(_SPECIAL_FIRST, key=lambda category: totals[category])
    return best if totals[best] >= 0.8 else "Other"


def _price(text: str) -> str:
    """The entry price a text states: an amount per period, Freemium, Free, or ""."""
    if found := _AMOUNT.search(text):
        amount, period = found.group(1).replace(" ", ""), found.group(2).casefold()
        return f"{amount}/{'year' if period.startswith(('y', 'a')) else 'month'}"
    if _FREEMIUM.search(text):
        return "Freemium"
    return "Free" if _FREE.search(text) else ""


def _digest_parts(page: _Page) -> list[Spotted]:
    """Split a digest into what its parts announce; empty when the entry is no digest."""
    lines = [line[:TITLE_CHARS] for line in page.entry.summary[:20_000].splitlines()[:80]]
    if _DIGEST.search(f"{page.low} {page.entry.feed[:100].casefold()} {page.path.casefold()}"):
        items = _items(lines)
        if len(items) >= 2:
            return [_part(page, text, link) for text, link in items.items()]
    elif len(linked := [line for line in lines if _LISTED.match(line) and _URL.search(line)]) >= 3:
        items = _items(linked)
        if len(set(items.values())) >= 3 and not any(_CHANGE.search(link) for link in items.values()):
            return [_part(page, text, link) for text, link in items.items()]
    segments = [plain for segment in _SEGMENT.split(page.title) if (plain := _plain_item(segment))]
    pictured = len(_PICTURE.findall(page.title)) >= 2
    if len(segments) >= 3 and (pictured or _DIGEST_LINK.search(page.path)):
        return [_part(page, segment, "", headline=not pictured) for segment in segments]
    return []


def _items(lines: list[str]) -> dict[str, str]:
    """The lines that are built as "Name – what it does", each with the link in it, "" without one."""
    found = {}
    for line in lines:
        text = _plain_item(line)
        if text and name_tool(text).how == "listed":
            link = _URL.search(line)
            found[text] = link.group().rstrip(").,") if link else ""
    return found


def _plain_item(line: str) -> str:
    """One line of a digest without pictures, bullets, numbers and links."""
    return _BULLET.sub("", _PICTURE.sub("", _URL.sub("", line))).strip(" -–—*•·()\t")


def _part(page: _Page, text: str, link: str, *, headline: bool = False) -> Spotted:
    """Judge one part of a digest as an entry of its own.

    A headline says what happened to a tool, so there a known name without a version is no announcement.
    """
    part = _page(replace(page.entry, title=text, summary="", link=link))
    spotted = _judge(part)
    known = MODEL_LINE.search(part.low)
    vague = spotted.launch and not spotted.version and not _ANNOUNCED.search(part.low)
    if vague and (headline or len(part.low.split()) > len(spotted.tool.split()) + 2):
        spotted = replace(spotted, launch=False, score=0.4)
    elif not spotted.launch and known and _MINOR_VERSION.search(part.low) and looks_like_a_name(text):
        spotted = replace(spotted, launch=True, score=0.6, reasons=(f"the digest names “{text}”",))
    return replace(spotted, link=link or page.entry.link, reasons=(*spotted.reasons, "part of a digest"))


#: Reasons against that also hold for what a directory lists.
_ALSO_LISTED = ("about plans", "a patch", "something ends")
#: Of two categories that fit equally well, the one that says more about a tool comes first.
_SPECIAL_FIRST = (
    *("Audio & Voice", "Image & Video", "Design", "Writing & Docs", "Data & Analytics", "Search & Research"),
    *("Infrastructure", "Models", "Developer Tools", "Agents", "Productivity", "Other"),
)
#: Typographic hyphens and spaces that would hide a name.
_PLAIN = str.maketrans({"\u2010": "-", "\u2011": "-", "\u00a0": " ", "\u202f": " ", "\u200b": None})
_CATEGORIES = {name: (terms(strong), terms(weak)) for name, (strong, weak) in CATEGORY_WORDS.items()}
_DATED = re.compile(
    r"^(?:[A-Z][A-Za-z ]{0,30})?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6} \d{1,2}, 20\d\d\s*"
)
#: What the name stands for, where the title goes on with it: "Foo: a new program for …".
_KIND = re.compile(r"(?:an?|our|the) (?:[\w-]+ )?[\w-]+(?= (?:for|to|that|with|of)\b)")
_JOINTS = re.compile(r"[-_/]+")
_REPOSITORY = re.compile(r"^[\w.-]+/[\w.-]+$")
_RELEASE = re.compile(r"^/[^/]+/([^/]+)/(?:releases|blob|tags?)(?:/|$)")
_OWNED = re.compile(r"/[\w.-]+/([\w.-]+)")
_ONLY_VERSION = re.compile(r"^v?\d+(?:\.\d+)+\S*$")
_MINOR_VERSION = re.compile(
    r"(?<![\d.])v?\d{1,3}\.\d{1,3}(?:\.0)?(?![\d.%])(?! ?(?:b|m|bn|billion|million|x)\b)|\b[a-z]+ \d{1,2}$"
)
_AMOUNT = re.compile(
    r"((?:[$€£]) ?\d{1,5}(?:[.,]\d{1,2})?)\s?(?:/|per |a |an )\s?(?:user ?/ ?|seat ?/ ?)?(month|mo|year|yr|annum)\b",
    re.IGNORECASE,
)
_FREEMIUM = re.compile(
    r"\b(?:freemium|free (?:plan|tier|trial|version)|free for (?:personal|individuals|hobby))\b", re.IGNORECASE
)
_FREE = re.compile(
    r"\b(?:(?:completely|totally|100%|it's|is|for) free|free (?:and|&) open[- ]source|free to use|always free)\b|免费",
    re.IGNORECASE,
)
_DIGEST = terms(
    r"weekly; digest; round-?up; newsletter; issue; edition; this week; new (?:ai )?tools; launches of; top \d+; "
    r"\d+ (?:new )?(?:ai )?(?:tools|launches); wochenrückblick; 周报; 日报"
)
_DIGEST_LINK = re.compile(r"/(?:issue|newsletter|digest|weekly)[-/]|/20\d\d-\d\d-\d\d/?$")
#: An item of a list of tools, and what the links of a list of changes lead to.
_LISTED = re.compile(r"- [^:]{2,60}? [–—-] ")
_CHANGE = re.compile(r"/(?:pull|issues|commit|compare)/")
_BULLET = re.compile(r"^\s*(?:[-*•·]|\d{1,2}[.)])?\s+")
_ANNOUNCED = re.compile(
    r"[–—:] |\b(?:adds|launch\w*|releas\w*|debuts|introduc\w*|unveils|now|new|open[- ]sourc\w+|gets|brings)\b"
)
_SEGMENT = re.compile(r"\s*[,;·|]\s+|(?<=\S)\s+(?=[\U0001F300-\U0001FAFF])")
_PICTURE = re.compile(
    r"[\U0001F000-\U0001FAFF\u2600-\u27BF\u2B00-\u2BFF\u267E]\uFE0F?(?:\u200D[\U0001F000-\U0001FAFF\u2600-\u27BF]\uFE0F?)*"
)
_URL = re.compile(r"https?://\S{3,300}")
