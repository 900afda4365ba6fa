"""Tell how surely two announcements are of one launch.

What is weighed are the two alone: what else came in, how much of it and in which order, changes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from urllib.parse import parse_qsl, urlsplit

from digest.lexicon import AI_HOSTS, MODEL_LINE, PRODUCT, VENDOR, host_in, terms, word_set
from digest.naming import tool_key

#: How many days apart announcements of one launch may be: on the same page, of the same tool, under the same title in
#: one feed, telling the same story.
PAGE_DAYS, TOOL_DAYS, TITLE_DAYS, STORY_DAYS = 30, 14, 7, 4

#: Cosine of the weighted words from which two titles tell one story; less is enough when both name the same tool, and
#: more is asked of one voice, which seldom tells a story twice.
STORY_LIKENESS, FEATURE_LIKENESS, VOICE_LIKENESS = 0.5, 0.3, 0.85

#: What a word weighs that every other title holds; all others weigh 1.
COMMON_WEIGHT = 0.1225

Handle = tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """What is compared of an announcement; made by `describe`.

    `line` and `version` are the tool's; `text` is the title and `named` the tool's name, folded; `page` is the link as
    given, `link` its key; `title` is the feed with the words of the title in order, empty for part of an entry.
    `told` and `addressed` are the words of the title and of the link's last part, `rare` those of both that tell
    stories apart. What only a comparison needs is worked out at the first one: most are never compared.
    """

    line: str
    version: str
    text: str
    named: str
    page: str
    link: str
    title: Handle
    told: frozenset[str]
    addressed: frozenset[str]
    rare: frozenset[str]
    when: datetime

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of title and link together."""
        return self.told | self.addressed

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

    def handles(self) -> Iterator[Handle]:
        """What those that may be like it are found by: tool, link, title in its feed, each rare word."""
        yield ("tool", self.line)
        if self.link:
            yield ("link", self.link)
        if self.title:
            yield ("title", *self.title)
        yield from (("word", word) for word in self.rare)


def describe(feed: str, title: str, link: str, tool: str, version: str, when: datetime) -> Profile:
    """Take from an announcement what is compared; `feed` is "" for part of an entry, `when` UTC."""
    line, own_version = tool_key(tool or title)
    text = title[:300].casefold()
    tokens, addressed = _tokens(text), _tokens(_link_words(link))
    return Profile(
        line=line,
        version=version or own_version,
        text=text,
        named=tool[:100].casefold(),
        page=link,
        link=_link_key(link),
        title=(feed, " ".join(tokens)) if feed else (),
        told=frozenset(tokens),
        addressed=frozenset(addressed),
        rare=frozenset(word for word in (*tokens, *addressed) if not common(word)),
        when=when,
    )


def may_join(one: Profile, other: Profile) -> bool:
    """Nothing forbids that two are one launch: no other version, no other model, no other tool announced as such."""
    if one.version and other.version and one.version != other.version:
        return False
    if one.line == other.line:
        return not one.model or one.version == other.version
    if one.model and other.model:
        return False
    told = bool(one.said or other.said) or (one.link != "" and one.link == other.link)
    return told or one.name <= other.name or other.name <= one.name


def likeness(one: Profile, other: Profile, *, mention: bool = False) -> float:
    """How surely two that `may_join` are one launch: 0.0 not at all, 3.0 for the same page.

    `mention`: one of them announces nothing itself; that it names the same tool is not enough, it must tell the story.
    """
    days = abs((one.when - other.when).total_seconds()) / 86_400
    same_tool = one.line == other.line
    if one.link and one.link == other.link and (days <= PAGE_DAYS or (same_tool and one.version == other.version)):
        return 3.0
    if one.title and one.title == other.title and days <= TITLE_DAYS:
        return 3.0
    if (
        not mention
        and same_tool
        and days <= (TOOL_DAYS if one.version == other.version else STORY_DAYS)
        and _same_said(one, other)
    ):
        return 2.0
    if days > STORY_DAYS or not (same_tool or one.makers & other.makers):
        return 0.0
    named = (one.name | other.name) if same_tool else (one.known | other.known)
    if not (one.rare & other.rare) - named:
        return 0.0  # that both mention GPT-5.6 does not make one story of them
    if _one_voice(one, other):
        return _least(VOICE_LIKENESS, _cosine(one.words, other.words))
    return _least(FEATURE_LIKENESS if same_tool and not mention else STORY_LIKENESS, _same_story(one, other))


def _least(least: float, found: float) -> float:
    return found if found >= least else 0.0


def _same_said(one: Profile, other: Profile) -> bool:
    """Both say the same of the tool, or one just names it and it is so little known that it hardly has two launches."""
    return one.said == other.said or not (one.famous or (one.said and other.said))


def _one_voice(one: Profile, other: Profile) -> bool:
    """Both come from one publisher: a feed that only links to others' pages speaks with as many voices as it links."""
    return one.title[:1] == other.title[:1] != () and _host(one.link) == _host(other.link)


def _host(key: str) -> str:
    return key.partition("/")[0]


def _same_story(one: Profile, other: Profile) -> float:
    """How alike the words are, 0.0 to 1.0: a link often holds the better headline, so the best match counts."""
    mine, its = one.told, other.told
    if (_latin(mine) == mine) != (_latin(its) == its):  # what a translation adds, the other could not have said
        mine, its = _latin(mine), _latin(its)
    tellings = [(mine | one.addressed, its | other.addressed)]
    if one.addressed or other.addressed:
        tellings += [(words, others) for words in (mine, one.addressed) for others in (its, other.addressed)]
    return max(_cosine(words, others) for words, others in tellings)


def _latin(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[0] < _FIRST_KANA)


def _cosine(one: frozenset[str], other: frozenset[str]) -> float:
    shared = one & other
    if len(shared) < 2:
        return 0.0
    return _weight(shared) / math.sqrt(_weight(one) * _weight(other))


def _weight(words: frozenset[str]) -> float:
    return math.fsum(COMMON_WEIGHT if common(word) else 1.0 for word in words)


def _makers(text: str, link: str) -> frozenset[str]:
    """The makers a text and a link name, also by their products, so that "Claude" and "Anthropic" meet."""
    host = host_in(_link_key(f"{link}/x").partition("/")[0], AI_HOSTS)
    names = (found.group() for pattern in (VENDOR, PRODUCT, MODEL_LINE) for found in pattern.finditer(text))
    firsts = (_FIRST_WORD.match(name) for name in (*names, host))
    return frozenset(_MAKER_OF.get(first.group(), first.group()) for first in firsts if first)


def _link_key(link: str) -> str:
    """Fold a link: without scheme, www, trailing slash, fragment and campaign parameters; "" for a bare host."""
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
    return [stem(word) for word in _WORD.findall(text) if word not in _STOP]


def stem(word: str) -> str:
    """Six letters tell words apart and let "finance" meet "financial"."""
    word = _SAME.get(word, word)
    plural = 4 <= len(word) <= 6 and word[-1] == "s" and word[-2] != "s"
    return word[:-1] if plural else word[:6]


@lru_cache(maxsize=50_000)
def common(word: str) -> bool:
    """Every other title about AI holds this word, given as `stem` leaves it."""
    return _COMMON.fullmatch(word) is not None


_PLAIN_URL = re.compile(r"https?://([A-Za-z0-9.-]{1,200})(/[!\"$->@-~]{0,700})")
_WORD = re.compile(r"[a-z0-9à-ÿ]+(?:\.\d+)*|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_FIRST_KANA = "\u3040"
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
#: Words, as `stem` leaves them, that every other title about AI holds.
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
