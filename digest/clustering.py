"""Decide which entries speak of the same launch, and of which tool.

Two sightings are one launch when they share a page, or name the same tool and say the same of it, or tell one story in
much the same rare words within a few days. Different versions, and different models, are never one launch. Candidates
are looked up by entry, link, title, tool and rare words, never all against all.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from urllib.parse import parse_qsl, urlsplit

from digest.lexicon import AI_HOSTS, MODEL_LINE, PRODUCT, VENDOR, host_in, terms, word_set
from digest.model import Launch, Sighting, Tool, slugify
from digest.naming import tool_key

#: How many days apart sightings of one launch may be: on the same page, of the same tool, under the same title in one
#: feed, telling the same story.
PAGE_DAYS, TOOL_DAYS, TITLE_DAYS, STORY_DAYS = 30, 14, 7, 4

#: Cosine of the weighted words from which two titles tell one story; less is enough when both name the same tool, and
#: more is asked of one feed, which seldom tells a story twice.
STORY_LIKENESS, FEATURE_LIKENESS, FEED_LIKENESS = 0.5, 0.3, 0.8

#: Score from which an entry that is no launch itself may be a report of one.
ECHO_SCORE = 0.1

#: A published date is believed when it is at most this far before or after we first saw the entry.
BELIEVED_BEFORE, BELIEVED_AFTER = timedelta(days=366), timedelta(days=1)

#: Groups looked at for one rare word and for any other handle, newest first: bounds the work for one sighting.
WORD_CANDIDATES, CANDIDATES = 12, 60

EntryKey = tuple[str, str]
Handle = tuple[str, ...]


@dataclass(frozen=True)
class _Profile:
    """What is compared of a sighting or of a known launch.

    `line` and `version` are the tool's; `text` is the title and `named` the tool's name, folded; `page` is the link as
    given, `link` its key. What only a comparison needs is worked out at the first one: most are never compared.
    """

    line: str
    version: str
    text: str
    named: str
    page: str
    link: str
    title: Handle
    words: frozenset[str]
    when: datetime

    @cached_property
    def name(self) -> frozenset[str]:
        """The words of the tool's name."""
        return frozenset(_tokens(self.named))

    @cached_property
    def said(self) -> frozenset[str]:
        """The words of the title's main clause beyond the name, empty when the tool as such is announced."""
        apart = self.named and self.named in self.text
        before, _, after = self.text.partition(self.named) if apart else ("", "", self.text)
        clause = before + " " + _CLAUSE_END.split(after, maxsplit=1)[0]
        return frozenset(_tokens(VENDOR.sub(" ", clause))) - self.name

    @cached_property
    def makers(self) -> frozenset[str]:
        """The makers it names."""
        return _makers(f"{self.text} {self.named}", self.page)

    @cached_property
    def model(self) -> bool:
        """The tool is a known model."""
        return MODEL_LINE.match(self.named) is not None

    @cached_property
    def famous(self) -> bool:
        """The tool has a known name, which many entries mention."""
        return self.model or PRODUCT.match(self.named) is not None

    @cached_property
    def known(self) -> frozenset[str]:
        """The name's words where the whole name is a known one."""
        return self.name if self.model or PRODUCT.fullmatch(self.named) else frozenset()


@dataclass(slots=True)
class _Group:
    """A launch under construction: the known launch if it is one, and the sightings that came to it."""

    known: Launch | None
    profiles: list[_Profile]
    sightings: list[Sighting]


def cluster(
    sightings: Iterable[Sighting], known: Iterable[Launch], tools: Mapping[str, str] | Iterable[Tool] = ()
) -> list[Launch]:
    """Join sightings with each other and with the launches already known.

    Args:
        sightings: Of any age and in any order. Those that are no launch found none; they join a launch when they tell
            its story, as a newspaper's report does, unless their score is below `ECHO_SCORE`.
        known: Launches kept so far.
        tools: Tools that have a slug already, as values or as a mapping from slug to name.

    Returns:
        The new launches and the known ones that gained entries, oldest announcement first. A known launch keeps its id,
        name, slug and title. The same input in another order gives the same result, and sightings seen before give an
        empty list.
    """
    worth = sorted({s for s in sightings if s.spotted.launch or s.spotted.score >= ECHO_SCORE}, key=_order)
    parts = Counter(key for key, _ in {((s.entry.feed, s.entry.id, s.entry.title), s.spotted.tool) for s in worth})
    several = [parts[s.entry.feed, s.entry.id, s.entry.title] > 1 for s in worth]
    profiles = [_profile(sighting, part=part) for sighting, part in zip(worth, several, strict=True)]
    index = _Index()
    for launch in _relevant(known, worth, profiles):
        index.add(_Group(launch, [_known_profile(launch)], []), launch.entries)
    for sighting, profile, part in zip(worth, profiles, several, strict=True):
        index.take(sighting, profile, part=part)
    grown = [group for group in index.living() if group.sightings]
    slugs = _slugs(tools, {_squashed(group.sightings[0].spotted.tool) for group in grown})
    return sorted((_finished(group, slugs) for group in grown), key=lambda launch: (launch.announced_at, launch.id))


def _relevant(known: Iterable[Launch], sightings: list[Sighting], profiles: list[_Profile]) -> list[Launch]:
    """The known launches that a sighting could join, oldest first: found by cheap looks, since there may be many."""
    entries = {(s.entry.feed, s.entry.id) for s in sightings}
    names = {_squashed(s.spotted.tool) for s in sightings} | {profile.line for profile in profiles}
    links = {_plain_link(s.spotted.link or s.entry.link) for s in sightings} - {""}
    days = {profile.when.toordinal() + around for profile in profiles for around in range(-TITLE_DAYS, TITLE_DAYS + 1)}
    room = {word: WORD_CANDIDATES for profile in profiles for word in profile.words if not _common(word)}
    dull: set[str] = set()  # words of titles that no sighting holds, or that found their launches
    chosen: list[Launch] = []
    for launch in sorted(known, key=lambda one: (one.first_seen.timestamp(), one.id), reverse=True):
        wanted = (
            not entries.isdisjoint(launch.entries)
            or _squashed(launch.tool_name) in names
            or _plain_link(launch.link) in links
        )
        if launch.announced_at.toordinal() in days:
            for word in [word for word in launch.title[:300].casefold().split() if word not in dull]:
                stem = _stem(word)
                if room.get(stem, 0) > 0:
                    room[stem] -= 1
                    wanted = True
                else:
                    dull.add(word)
        if wanted:
            chosen.append(launch)
    return chosen[::-1]


class _Index:
    """All groups, found by entry, link, title, tool and rare words."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._moved: dict[int, int] = {}
        self._by: dict[Handle, list[int]] = defaultdict(list)
        self._spread: Counter[str] = Counter()

    def living(self) -> Iterator[_Group]:
        """Every group that was not merged into another."""
        return (group for number, group in enumerate(self._groups) if number not in self._moved)

    def add(self, group: _Group, entries: Iterable[EntryKey]) -> None:
        """Take up a group with the entries it carries."""
        self._groups.append(group)
        self._note(len(self._groups) - 1, group.profiles[0], entries)

    def take(self, sighting: Sighting, profile: _Profile, *, part: bool) -> None:
        """Put a sighting into the group it belongs to, or into one of its own; `part`: its entry announces several."""
        key = (sighting.entry.feed, sighting.entry.id)
        carrying = {self._now(number) for number in self._by.get(("entry", *key), ())}
        if carrying and (not part or any(self._groups[number].profiles[0].line == profile.line for number in carrying)):
            return
        alike = self._alike(profile, exclude=carrying)
        if not sighting.spotted.launch:
            alike = alike[:1] if profile.words else []
            if not alike:
                return
        elif not alike:
            self.add(_Group(None, [profile], [sighting]), [key])
            return
        target = alike[0]
        group = self._groups[target]
        group.sightings.append(sighting)
        group.profiles.append(profile)
        self._note(target, profile, [key])
        for number in alike[1:]:
            self._merge(target, number)

    def _now(self, number: int) -> int:
        while number in self._moved:
            number = self._moved[number]
        return number

    def _note(self, number: int, profile: _Profile, entries: Iterable[EntryKey]) -> None:
        for handle in (*_handles(profile), *(("entry", *key) for key in entries)):
            numbers = self._by[handle]
            if not numbers or numbers[-1] != number:
                numbers.append(number)
        self._spread.update(profile.words)

    def _alike(self, profile: _Profile, exclude: set[int]) -> list[int]:
        """The groups a sighting may join: the most alike, or the known or oldest one among those merged with it."""
        near: set[int] = set()
        for handle in _handles(profile):
            most = WORD_CANDIDATES if handle[0] == "word" else CANDIDATES
            near.update(self._now(number) for number in self._by.get(handle, ())[-most:])
        rated = ((self._likeness(profile, self._groups[number]), -number) for number in near - exclude)
        found = sorted((pair for pair in rated if pair[0] > 0), reverse=True)
        best = -found[0][1] if found else None
        new = [-number for _, number in found if self._groups[-number].known is None]
        if best is None or best not in new:
            return [] if best is None else [best, *sorted(new)]
        return sorted(new)

    def _merge(self, target: int, other: int) -> None:
        """Merge two groups that one sighting brought together, when nothing else keeps them apart."""
        into, out = self._groups[target], self._groups[other]
        if all(_may_join(one, another) for one in into.profiles for another in out.profiles):
            into.sightings = sorted((*into.sightings, *out.sightings), key=_order)
            into.profiles.extend(out.profiles)
            self._moved[other] = target

    def _likeness(self, profile: _Profile, group: _Group) -> float:
        """How surely a sighting belongs to a group: 0.0 not at all, up to 3.0 for the same page."""
        if not all(_may_join(profile, other) for other in group.profiles):
            return 0.0
        return max(self._match(profile, other) for other in group.profiles)

    def _match(self, one: _Profile, other: _Profile) -> float:
        days = abs((one.when - other.when).total_seconds()) / 86_400
        same_tool = one.line == other.line
        if one.link and one.link == other.link and (days <= PAGE_DAYS or (same_tool and one.version == other.version)):
            return 3.0
        if one.title and one.title == other.title and days <= TITLE_DAYS:
            return 3.0
        if same_tool and days <= (TOOL_DAYS if one.version == other.version else STORY_DAYS) and _same_said(one, other):
            return 2.0
        if days > STORY_DAYS or not (same_tool or one.makers & other.makers):
            return 0.0
        if all(_common(word) for word in (one.words & other.words) - one.known - other.known):
            return 0.0  # that both mention GPT-5.6 does not make one story of them
        likeness = self._cosine(one.words, other.words)
        if one.title[:1] == other.title[:1] != ():  # the same feed
            return likeness if likeness >= FEED_LIKENESS else 0.0
        return likeness if likeness >= (FEATURE_LIKENESS if same_tool else STORY_LIKENESS) else 0.0

    def _cosine(self, one: frozenset[str], other: frozenset[str]) -> float:
        shared = one & other
        if len(shared) < 2:
            return 0.0
        weight = {word: self._rarity(word) ** 2 for word in one | other}
        lengths = math.fsum(weight[word] for word in one) * math.fsum(weight[word] for word in other)
        return math.fsum(weight[word] for word in shared) / math.sqrt(lengths)

    def _rarity(self, word: str) -> float:
        return 0.35 if _common(word) else 1.0 / (1.0 + math.log1p(self._spread[word] / 20))


def _may_join(one: _Profile, other: _Profile) -> bool:
    """Nothing forbids that two are one launch: no other version, no other model, no other tool announced as such."""
    if one.version and other.version and one.version != other.version:
        return False
    if one.line == other.line:
        return not one.model or one.version == other.version
    if one.model and other.model:
        return False
    told = bool(one.said or other.said) or (one.link != "" and one.link == other.link)
    return told or one.name <= other.name or other.name <= one.name


def _same_said(one: _Profile, other: _Profile) -> bool:
    """Both speak of the tool as such, or one does and the tool is so little known that it hardly has two launches."""
    return not (one.said or other.said) or not (one.famous or (one.said and other.said))


def _finished(group: _Group, slugs: Mapping[tuple[str, str], str]) -> Launch:
    """Turn a group into a launch: what is known or came first names it, later sightings only add."""
    first, *rest = group.sightings
    if group.known is not None:
        launch, rest = group.known, group.sightings
    else:
        launch = _new_launch(first, slugs)
    entries = dict.fromkeys((*launch.entries, *((s.entry.feed, s.entry.id) for s in rest)))
    best = max((s.spotted for s in rest), key=lambda spotted: spotted.score, default=None)
    better = best is not None and best.score > launch.score
    categories = (launch.category, *(s.spotted.category for s in rest))
    return replace(
        launch,
        entries=tuple(entries),
        announced_at=min((launch.announced_at, *(_believed(s) for s in rest))),
        first_seen=min((launch.first_seen, *(s.first_seen for s in rest))),
        tagline=launch.tagline or next((s.spotted.tagline for s in rest if s.spotted.tagline), ""),
        version=launch.version or next((s.spotted.version for s in rest if s.spotted.version), ""),
        category=next((one for one in categories if one != "Other"), "Other"),
        score=best.score if best and better else launch.score,
        reasons=best.reasons if best and better else launch.reasons,
    )


def _new_launch(sighting: Sighting, slugs: Mapping[tuple[str, str], str]) -> Launch:
    entry, spotted = sighting.entry, sighting.spotted
    name = spotted.tool or entry.title[:80]
    slug = slugify(name)
    seed = "\n".join((entry.feed, entry.id, slug))
    return Launch(
        id=hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:16],
        tool_slug=slugs.get(tool_key(name)) or slug or "unnamed",
        tool_name=name,
        title=entry.title,
        link=spotted.link or entry.link,
        announced_at=_believed(sighting),
        first_seen=sighting.first_seen,
        tagline=spotted.tagline,
        category=spotted.category,
        version=spotted.version,
        score=spotted.score,
        reasons=spotted.reasons,
        entries=((entry.feed, entry.id),),
    )


def _believed(sighting: Sighting) -> datetime:
    """When the entry was published, as far as its claim can be believed, else when we first saw it."""
    published, seen = sighting.entry.published, sighting.first_seen
    if published is not None and seen - BELIEVED_BEFORE <= published <= seen + BELIEVED_AFTER:
        return published
    return seen


def _order(sighting: Sighting) -> tuple[object, ...]:
    """Launches before mere reports, then by time; the rest only settles ties, always in the same way."""
    entry, spotted = sighting.entry, sighting.spotted
    when = (not spotted.launch, sighting.first_seen, _believed(sighting), entry.feed, entry.id)
    return (*when, entry.title, spotted.tool, entry.link, entry.summary, str(entry.published), repr(spotted))


def _profile(sighting: Sighting, *, part: bool) -> _Profile:
    entry, spotted = sighting.entry, sighting.spotted
    if part:
        own_link = spotted.link if spotted.link != entry.link else ""
        return _describe("", spotted.tool, own_link, spotted.tool, spotted.version, _believed(sighting))
    link = spotted.link or entry.link
    return _describe(entry.feed, entry.title, link, spotted.tool, spotted.version, _believed(sighting))


def _known_profile(launch: Launch) -> _Profile:
    feed = launch.entries[0][0] if launch.entries else ""
    return _describe(feed, launch.title, launch.link, launch.tool_name, launch.version, launch.announced_at)


def _describe(feed: str, title: str, link: str, tool: str, version: str, when: datetime) -> _Profile:
    line, own_version = tool_key(tool or title)
    text = title[:300].casefold()
    tokens = _tokens(text)
    return _Profile(
        line=line,
        version=version or own_version,
        text=text,
        named=tool[:100].casefold(),
        page=link,
        link=_link_key(link),
        title=(feed, " ".join(tokens)) if feed else (),
        words=frozenset((*tokens, *_tokens(_link_words(link)))),
        when=when,
    )


def _handles(profile: _Profile) -> Iterator[Handle]:
    """What a profile is looked up by."""
    yield ("tool", profile.line)
    if profile.link:
        yield ("link", profile.link)
    if profile.title:
        yield ("title", *profile.title)
    yield from (("word", word) for word in profile.words if not _common(word))


def _slugs(tools: Mapping[str, str] | Iterable[Tool], wanted: set[str]) -> dict[tuple[str, str], str]:
    """Slugs of the wanted tools by tool key; of two tools with one key the first in the alphabet."""
    pairs = tools.items() if isinstance(tools, Mapping) else ((tool.slug, tool.name) for tool in tools)
    named = [(slug, name) for slug, name in pairs if _squashed(name) in wanted]
    return {tool_key(name): slug for slug, name in sorted(named, reverse=True)}


def _squashed(name: str) -> str:
    """A quick fold of a name that differs at most in its maker from what `tool_key` makes of it."""
    folded = name[:200].casefold()
    if folded.isalnum():
        return folded
    first, _, rest = folded.partition(" ")
    if rest and first in _MAKER_WORDS:
        folded = rest
    return folded.translate(_NO_JOINTS)


def _plain_link(link: str) -> str:
    """A quick fold of a link: equal whenever `_link_key` is."""
    path = link[:1000].strip().partition("?")[0].partition("#")[0].rstrip("/")
    return path.partition("://")[2].removeprefix("www.").casefold()


def _makers(text: str, link: str) -> frozenset[str]:
    """The makers a text and a link name, also by their products, so that "Claude" and "Anthropic" meet."""
    host = host_in(_link_key(f"{link}/x").partition("/")[0], AI_HOSTS)
    names = (found.group() for pattern in (VENDOR, PRODUCT, MODEL_LINE) for found in pattern.finditer(text))
    firsts = (_FIRST_WORD.match(name) for name in (*names, host))
    return frozenset(_MAKER_OF.get(first.group(), first.group()) for first in firsts if first)


def _link_key(link: str) -> str:
    """A link without scheme, www, trailing slash, fragment and campaign parameters; "" for a bare host."""
    if plain := _PLAIN_URL.fullmatch(link):  # what nearly all links are, without the cost of taking them apart
        host, path = plain.group(1).lower().removeprefix("www."), plain.group(2).rstrip("/")
        return f"{host}{path}?" if host and path else ""
    try:
        parts = urlsplit(link[:1000].strip())
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # such as an unclosed "[" in the host
        return ""
    path = parts.path.rstrip("/")
    query = [f"{name}={value}" for name, value in sorted(parse_qsl(parts.query)) if not _CAMPAIGN.match(name)]
    return f"{host}{path}?{'&'.join(query)}" if host and (path or query) else ""


def _link_words(link: str) -> str:
    """The words of a link's last part."""
    last = link[:1000].partition("?")[0].rstrip("/").rpartition("/")[2]
    return last.casefold().replace("-", " ").replace("_", " ") if "-" in last else ""


def _tokens(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text) if word not in _STOP]


def _stem(word: str) -> str:
    """Six letters tell words apart and let "finance" meet "financial"."""
    word = _SAME.get(word, word)
    plural = 4 <= len(word) <= 6 and word[-1] == "s" and word[-2] != "s"
    return word[:-1] if plural else word[:6]


@lru_cache(maxsize=50_000)
def _common(word: str) -> bool:
    return _COMMON.fullmatch(word) is not None


_PLAIN_URL = re.compile(r"https?://([A-Za-z0-9.-]{1,200})(/[!\"$->@-~]{0,700})")
_WORD = re.compile(r"[a-z0-9à-ÿ]+(?:\.\d+)*|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_NO_JOINTS = str.maketrans("", "", " -.,_")
_MAKER_WORDS = word_set(
    "openai anthropic google deepmind meta microsoft amazon apple nvidia mistral cohere alibaba xai github"
)
_FIRST_WORD = re.compile(r"[a-z]+")
_CLAUSE_END = re.compile(r"[,:;|(–—：，]|\s-\s")
_CAMPAIGN = re.compile(r"utm_|ref$|source$|fbclid|gclid|mc_")
_STOP = word_set("""
    a an the and or of to in on for with from by at as is are was be it its our your you we us this that these those
    into via per now new introducing announcing launch launches launched release releases released unveil unveils
    unveiled debut debuts announces introduces available meet early access preview beta here today just first get
    gets how says show hn more has have can will lets let under wants coming s
""")
#: Words that mean the same in titles.
_SAME = {"phone": "mobile", "phones": "mobile", "smartphone": "mobile"}
#: Words, as `_stem` leaves them, that every other title about AI holds.
_COMMON = terms(r"""
    ai; agent; agenti; model; tool; app; assist; code; coding; data; api; chat; open; source; featur; llm; gpt; chatgp
    openai; codex; claude; anthro; gemini; google; micros; copilo; github; meta; amazon; apple; mistra; grok; xai
    cursor; html; index; blog; \d+
""")
_PRODUCTS_OF = {
    "openai": "gpt chatgpt codex sora",
    "anthropic": "claude opus sonnet haiku",
    "google": "gemini gemma veo imagen notebooklm deepmind antigravity",
    "meta": "llama muse",
    "amazon": "alexa aws bedrock",
    "microsoft": "copilot github",
    "apple": "siri",
    "xai": "grok x",
    "alibaba": "qwen",
    "moonshot": "kimi",
    "mistral": "codestral devstral le",
    "cursor": "composer",
}
_MAKER_OF = {product: maker for maker, products in _PRODUCTS_OF.items() for product in products.split()}
