"""Decide which entries speak of the same launch, and of which tool.

Two sightings are one launch when they share a page, or name the same tool and say the same of it, or tell one story in
much the same rare words within a few days. Different versions, and different models, are never one launch. Candidates
are looked up by entry, link, title, tool and rare words, never all against all.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter

from digest.lexicon import word_set
from digest.likeness import TITLE_DAYS, Handle, Profile, describe, likeness, may_join, stem
from digest.model import Launch, Sighting, Tool, slugify
from digest.naming import tool_key

#: Score from which an entry that is no launch itself may be a report of one: below the first it is surely something
#: else, such as a customer's story; below the second it must tell the launch's story, naming the tool is not enough.
REPORT_SCORE, NAMING_SCORE = 0.01, 0.1

#: A published date is believed when it is at most this far before or after we first saw the entry.
BELIEVED_BEFORE, BELIEVED_AFTER = timedelta(days=366), timedelta(days=1)

#: Groups looked at for one rare word and for any other handle, newest first: bounds the work for one sighting.
WORD_CANDIDATES, CANDIDATES = 12, 60

EntryKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A sighting with what is compared of it; `part`: its entry announces several launches."""

    sighting: Sighting
    profile: Profile
    part: bool

    @property
    def key(self) -> EntryKey:
        """The key of its entry."""
        return (self.sighting.entry.feed, self.sighting.entry.id)

    @property
    def announces(self) -> bool:
        """It is a launch by itself."""
        return self.sighting.spotted.launch

    @property
    def mention(self) -> bool:
        """It hardly looks like one."""
        return not self.announces and self.sighting.spotted.score < NAMING_SCORE


@dataclass(slots=True)
class _Group:
    """A launch under construction: the known launch if it is one, what is compared of it, and what newly came to it.

    Reports that joined are not compared: they tell of the launch, they do not announce it.
    """

    known: Launch | None
    profiles: list[Profile]
    sightings: list[Sighting]


def cluster(
    sightings: Iterable[Sighting], known: Iterable[Launch], tools: Mapping[str, str] | Iterable[Tool] = ()
) -> list[Launch]:
    """Join sightings with each other and with the launches already known.

    Args:
        sightings: Of any age and in any order. Those that are no launch found none; they join a launch when they tell
            its story, as a newspaper's report does, unless their score is below `REPORT_SCORE`. Sightings of entries
            that a known launch carries add nothing to it, but tell what else it was called: with them, new sightings
            find it as if all had come at once.
        known: Launches kept so far.
        tools: Tools that have a slug already, as values or as a mapping from slug to name.

    Returns:
        The new launches and the known ones that gained entries, oldest announcement first. A known launch keeps its id,
        name, slug and title. The same input in another order gives the same result, and sightings seen before give an
        empty list.
    """
    known = list(known)
    seen = _worth_a_look(sightings)
    keys = {one.key for one in seen}
    carried = {key for launch in known for key in launch.entries if key in keys}
    fresh = [one for one in seen if one.key not in carried]
    index = _Index()
    again = [one for one in seen if one.key in carried and one.announces]
    for launch in _relevant(known, fresh, carried):
        index.add(_Group(launch, [_known_profile(launch)], []), launch.entries)
    new_parts = [one for one in again if not index.recall(one)]
    for one in (*new_parts, *fresh):
        index.take(one)
    grown = [group for group in index.living() if group.sightings]
    slugs = _slugs(tools, {_squashed(group.sightings[0].spotted.tool) for group in grown})
    return sorted((_finished(group, slugs) for group in grown), key=lambda launch: (launch.announced_at, launch.id))


def _worth_a_look(sightings: Iterable[Sighting]) -> list[_Seen]:
    """The launches and what may be reports of one, each once, in the order they are taken."""
    worth = sorted({s for s in sightings if s.spotted.launch or s.spotted.score >= REPORT_SCORE}, key=_order)
    tools = Counter(key for key, _ in {((s.entry.feed, s.entry.id, s.entry.title), s.spotted.tool) for s in worth})
    several = [tools[s.entry.feed, s.entry.id, s.entry.title] > 1 for s in worth]
    seen = [_Seen(one, _profile(one, part=part), part) for one, part in zip(worth, several, strict=True)]
    return [one for one in seen if not (one.part and one.mention)]  # part of an entry is a name: it tells no story


def _relevant(known: list[Launch], fresh: list[_Seen], carried: set[EntryKey]) -> list[Launch]:
    """The known launches that may be needed, oldest first: found by cheap looks, since there may be many.

    Those are the carriers of entries that were handed in again, and those that a fresh sighting could join.
    """
    profiles = [one.profile for one in fresh]
    names = {_squashed(one.sighting.spotted.tool) for one in fresh} | {profile.line for profile in profiles}
    links = {_plain_link(profile.page) for profile in profiles} - {""}
    days = {profile.when.toordinal() + around for profile in profiles for around in range(-TITLE_DAYS, TITLE_DAYS + 1)}
    room = {word: WORD_CANDIDATES for profile in profiles for word in profile.rare}
    dull: set[str] = set()  # words of titles that no sighting holds, or that found their launches
    chosen: list[Launch] = []
    newest_first = sorted(sorted(known, key=attrgetter("id")), key=attrgetter("first_seen"), reverse=True)
    for launch in newest_first:
        wanted = (
            not carried.isdisjoint(launch.entries)
            or _squashed(launch.tool_name) in names
            or _plain_link(launch.link) in links
        )
        if launch.announced_at.toordinal() in days:
            words = launch.title[:300].casefold().split()
            for word in () if dull.issuperset(words) else [word for word in words if word not in dull]:
                stemmed = stem(word)
                if room.get(stemmed, 0) > 0:
                    room[stemmed] -= 1
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

    def living(self) -> Iterator[_Group]:
        """Every group that was not merged into another."""
        return (group for number, group in enumerate(self._groups) if number not in self._moved)

    def add(self, group: _Group, entries: Iterable[EntryKey]) -> None:
        """Take up a group with the entries it carries."""
        self._groups.append(group)
        self._note(len(self._groups) - 1, group.profiles[0], entries)

    def recall(self, one: _Seen) -> bool:
        """Let the groups that carry an entry know what it says; False when none carries it, or this part of it."""
        mine = self._carrying(one)
        if one.part:
            mine = {number for number in mine if self._groups[number].profiles[0].line == one.profile.line}
        for number in mine if one.announces else ():
            group = self._groups[number]
            first = group.known is not None and group.known.entries[:1] == (one.key,)
            if first and group.profiles[0].line == one.profile.line:
                group.profiles[0] = one.profile  # what it said itself, instead of what was kept of it
            elif one.profile not in group.profiles:
                group.profiles.append(one.profile)
            self._note(number, one.profile, ())
        return bool(mine)

    def take(self, one: _Seen) -> None:
        """Put a sighting into the group it belongs to, or into one of its own."""
        if self.recall(one):
            return
        alike = self._alike(one, exclude=self._carrying(one))
        if not one.announces:
            alike = alike[:1] if one.profile.words else []
        elif not alike:
            self.add(_Group(None, [one.profile], [one.sighting]), [one.key])
        if not alike:
            return
        group = self._groups[alike[0]]
        group.sightings.append(one.sighting)
        self._by["entry", *one.key].append(alike[0])
        if one.announces:
            group.profiles.append(one.profile)
            self._note(alike[0], one.profile, ())
        for number in alike[1:]:
            self._merge(alike[0], number)

    def _carrying(self, one: _Seen) -> set[int]:
        return {self._now(number) for number in self._by.get(("entry", *one.key), ())}

    def _now(self, number: int) -> int:
        while number in self._moved:
            number = self._moved[number]
        return number

    def _note(self, number: int, profile: Profile, entries: Iterable[EntryKey]) -> None:
        for handle in (*profile.handles(), *(("entry", *key) for key in entries)):
            numbers = self._by[handle]
            if not numbers or numbers[-1] != number:
                numbers.append(number)

    def _alike(self, one: _Seen, exclude: set[int]) -> list[int]:
        """The groups a sighting may join: the most alike, or the known or oldest one among those merged with it."""
        near: set[int] = set()
        for handle in one.profile.handles():
            most = WORD_CANDIDATES if handle[0] == "word" else CANDIDATES
            near.update(self._now(number) for number in self._by.get(handle, ())[-most:])
        rated = ((self._likeness(one, self._groups[number]), -number) for number in near - exclude)
        found = sorted((pair for pair in rated if pair[0] > 0), reverse=True)
        best = -found[0][1] if found else None
        new = [-number for _, number in found if self._groups[-number].known is None]
        if best is None or best not in new:
            return [] if best is None else [best, *sorted(new)]
        return sorted(new)

    def _merge(self, target: int, other: int) -> None:
        """Merge two groups that one sighting brought together, when nothing else keeps them apart."""
        into, out = self._groups[target], self._groups[other]
        if all(may_join(one, another) for one in into.profiles for another in out.profiles):
            into.sightings = sorted((*into.sightings, *out.sightings), key=_order)
            into.profiles.extend(out.profiles)
            self._moved[other] = target

    @staticmethod
    @staticmethod
    def _likeness(one: _Seen, group: _Group) -> float:
        """How surely a sighting belongs to a group: 0.0 not at all, up to 3.0 for the same page."""
        if not all(may_join(one.profile, other) for other in group.profiles):
            return 0.0
        return max(likeness(one.profile, other, mention=one.mention) for other in group.profiles)


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
        entry_price=spotted.entry_price,
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


def _profile(sighting: Sighting, *, part: bool) -> Profile:
    entry, spotted = sighting.entry, sighting.spotted
    if part:
        own_link = spotted.link if spotted.link != entry.link else ""
        return describe("", spotted.tool, own_link, spotted.tool, spotted.version, _believed(sighting))
    link = spotted.link or entry.link
    return describe(entry.feed, entry.title, link, spotted.tool, spotted.version, _believed(sighting))


def _known_profile(launch: Launch) -> Profile:
    feed = launch.entries[0][0] if launch.entries else ""
    return describe(feed, launch.title, launch.link, launch.tool_name, launch.version, launch.announced_at)


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
    """A quick fold of a link: equal whenever its key is."""
    path = link[:1000].strip().partition("?")[0].partition("#")[0].rstrip("/")
    return path.partition("://")[2].removeprefix("www.").casefold()


_NO_JOINTS = str.maketrans("", "", " -.,_")
_MAKER_WORDS = word_set(
    "openai anthropic google deepmind meta microsoft amazon apple nvidia mistral cohere alibaba xai github"
)
