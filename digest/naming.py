"""Find the tool's name, version and tagline in a title, and compare names.

A product's name goes without its version ("Foo 2.0" is Foo, version 2.0); a model keeps it, because that is what people
call it ("GPT-5.5").
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from digest.lexicon import MODEL_LINE, PRODUCT, VENDOR, word_set

How = Literal["introduced", "listed", "bare", "verb", "within", "guessed"]

_I = re.IGNORECASE
_PREFIX = re.compile(r"^(?:(?:show|launch|tell|ask) hn|update|new|news|release|\[[^\]]{1,30}\])\s*[:：]\s+(?=\S)", _I)
_MADE = re.compile(r"^(?:I|we)(?:['’]ve)? (?:just )?(?:made|built|wrote|created|developed) (?:an? |the |my |our )?", _I)
_INTRODUCED = re.compile(
    r"^(?:introducing|announcing|unveiling|presenting|launching|releasing|meet|say hello to|welcome to|now available|"
    r"now live|now in (?:preview|beta)|just launched|released|new release|early access|hello,?|wir stellen vor|"
    r"vorgestellt)"
    r"\s*[:：–—-]?\s+",
    _I,
)
_INTRODUCED_LATER = re.compile(r"[:：–—-] (?:introducing|announcing|meet) ", _I)
_SEPARATOR = re.compile(r"\s+[-–—|·❘]\s+|\s*[：—]\s*|:\s+|–\s")
_VERB = re.compile(
    r"\s+(?:finally |also |officially |quietly |already )?"
    r"(?:(?:is|are|has|have)\s+(?:now|just|finally|officially|here|live|out|generally|in|arrived|available|entered|"
    r"(?:re)?launched|released|(?!meeting)[a-z]{2,}ing)|(?:can )?now|just|(?:re)?launch(?:es|ed)?|releas(?:es|ed)|"
    r"unveil(?:s|ed)|"
    r"introduc(?:es|ed)|debut(?:s|ed)|roll(?:s|ed) out|open[- ]sourc(?:es|ed)|announc(?:es|ed)|add(?:s|ed)|brings?|"
    r"supports|gets|gains?|comes to|arrives|lets|turns|ships|helps|says|will|fix(?:es|ed)|wants|stellt|veröffentlicht|"
    r"learns|uses|expands|enters|leaves|reaches|opens|gives|drops|makes|upgrades|updates|offers|revamps|overhauls)\b",
    _I,
)
_OBJECT = re.compile(
    r"\b(?:launch(?:es|ed)?|releas(?:es|ed)|unveil(?:s|ed)|introduc(?:es|ed)|debut(?:s|ed)|roll(?:s|ed|ing) out|"
    r"open[- ]sourc(?:es|ed)|announc(?:es|ed)|ships|brings|adds|stellt|veröffentlicht|wants|says|makes|opens|upgrades|"
    r"(?:connect|launch|releas|introduc|bring|add)ing|"
    r"expands|drops)\s+",
    _I,
)
_HEAD_END = re.compile(
    r"\s*(?:[,:;(（\[“\"!?。，]|\s[-–—|·]\s|[–—]|[.]\s|\s(?:is|are|was|with|that|which|who|"
    r"(?<!peech )(?<!ext )(?<!mage )to|on|now|in|by|from|at|as|"
    r"via|into|can|will|has|have|supports?|adds|brings|lets|comes|gets|turns|your|powered|designed|built|ist|sind|für|"
    r"and (?:new|the|an?|unified|your|more))\s)"
)
_ARTICLE = re.compile(r"^(?:the|our|its|an?|all[- ]new|new|own|first|latest)\s+", _I)
_LINK_WORD = re.compile(r"\s+(?:for|in|by|on)\s+", _I)
_VERSION = re.compile(r"(?:^|[\s-]|(?<=[a-z])(?=\d+\.))(?:version |v)?(\d{1,3}(?:\.\d{1,4}){0,3})(?![\w.%])", _I)
_TRAILING = re.compile(
    r"\s+(?:version\s+)?v?\d{1,3}(?:\.\d{1,4}){0,3}$|\s+(?:release|\((?:beta|free|alpha|preview)\)|beta|alpha|preview)$",
    _I,
)
_VARIANT = re.compile(
    r"(?:[ -](?:mini|nano|pro|ultra|flash(?:-lite)?|lite|max|plus|turbo|instant|thinking|preview|live|omni|coder|codex|"
    r"spark|vision|tts|image|audio|embed(?:ding)?|large|small|medium|nemo|fast|haiku|sonnet|opus|reasoning|translate|"
    r"multilingual|[vr]?\d[\w.]*))+",
    _I,
)
_ASIDE = re.compile(r"\s*[(（][^()（）]{1,40}[)）]")
_COMPANY_END = re.compile(r",?\s+(?:inc|llc|ltd|gmbh|corp)\.?$", _I)
_POSSESSIVE = re.compile(r"^([^\s'’]+(?: [^\s'’]+)?)['’]s?\s+", _I)
_PROPER = re.compile(r"(?:[A-Z][\w.+-]*|[a-z]+[A-Z]\w*)(?: (?:[A-Z0-9][\w.+-]*|[a-z]+[A-Z]\w*)){0,4}")
_APPOSITION = re.compile(
    r"([A-Z][\w.+-]*(?: [A-Z0-9][\w.+-]*){0,3}), (?:an?|the|its) [^,]{0,40}?\b"
    r"(?:tools?|apps?|assistant|models?|agents?|platform)\b"
)
_CALLED = re.compile(
    r"\b(?:model|tool|app|assistant|agent|editor|platform|service),? (?:called |named )?"
    r"([A-Z][\w.-]*(?: [\d.]+)?)(?=$|[\s,.:;])"
)
_CLAUDE = re.compile(r"(?:Opus|Sonnet|Haiku) \d")
_SENTENCE = re.compile(r"(.{20,220}?[.!?。！？])(?:\s|$)|(.{1,160})", re.DOTALL)

#: First words of headings, questions and orders, which no name begins with.
_NOT_A_NAME = word_set("""
    how why what when where who which is are do does did can should i my your we on inside notes thoughts towards toward
    against beyond lessons part statement update updates build fix automate discover create use try make stop get
    visualize fine-tune start put wie warum was the all always every never reverse
""")


@dataclass(frozen=True, slots=True)
class Named:
    """A tool's name in a title. `how` says in what shape of title it stood; `rest` is what follows the name there."""

    name: str
    version: str = ""
    rest: str = ""
    how: How = "guessed"


def name_tool(title: str, host_product: str = "", *, listed: bool = False) -> Named:
    """Find the tool in a title of at most a few hundred characters.

    Args:
        title: Plain text on one line.
        host_product: The product the page's host speaks of, "" when unknown; used where the title names none.
        listed: The title comes from a directory, where a title is a name.

    Returns:
        The best guess; `name` is "" only for a title without a letter or digit.
    """
    bare = _PREFIX.sub("", _PREFIX.sub("", title)).strip(" '\"“”‘’") or title
    bare = _MADE.sub("", bare) or bare
    if opener := _INTRODUCED.match(bare):
        return _introduced(bare[opener.end() :], host_product)
    head, rest = _split(bare)
    if listed:
        return _named(_listed_name(head), "listed", rest)
    if rest and looks_like_a_name(head):
        return _named(_head(head), "listed", rest)
    if later := _INTRODUCED_LATER.search(bare):
        verb = _VERB.search(head)
        return _named(_known(head) or (head[: verb.start()] if verb else _head(bare[later.end() :])), "introduced")
    first, _, after = bare.partition(", ")
    described = re.match(r"(?:an?|the|your|our)\s", after, _I) is not None and not VENDOR.fullmatch(first.casefold())
    if described and looks_like_a_name(first):
        return _named(first, "listed", after)
    if verb := _VERB.search(bare):
        return _from_sentence(bare, verb.start(), host_product)
    if after and looks_like_a_name(first) and (bare != title or after.casefold().startswith("now ")):
        return _named(first, "listed", after)
    if looks_like_a_name(bare):
        return _named(_head(bare), "bare")
    return _from_phrase(bare, host_product)


def looks_like_a_name(text: str) -> bool:
    """Tell whether a few words could be a tool's name: short, no sentence, no lower-case prose."""
    found = text.split()
    if not 0 < len(found) <= 5 or text.endswith(("?", "!")) or found[0].casefold() in _NOT_A_NAME:
        return False
    if re.match(r"[A-Za-z]+ing (?![A-Z]\S*$)", text) or not any(char.isalnum() for char in text):
        return False
    if any(word in _PRONOUNS for word in text.casefold().split()) or (len(found) > 2 and _VERB.search(text)):
        return False
    small = sum(word.islower() and word.isalpha() for word in found)
    return len(found) == 1 or small == 0 or (small == 1 and _LINK_WORD.search(text) is not None)


def tool_key(name: str) -> tuple[str, str]:
    """Fold a tool's name for comparison.

    Returns:
        The line without maker, version and legal form, in letters and digits only, and the version ("" when none):
        "OpenAI GPT-5.5" gives ("gpt", "5.5"), "Foo AI" and "foo.ai" both give ("fooai", "").
    """
    folded = unicodedata.normalize("NFKC", name[:200]).casefold().replace("\u2010", "-")
    folded = _COMPANY_END.sub("", _ASIDE.sub("", folded)).strip()
    version = ""
    if found := _VERSION.search(folded):
        version = found.group(1)
        folded = f"{folded[: found.start()]} {folded[found.end() :]}"
    maker = VENDOR.match(folded)
    own = re.sub(r"^['’]s\b", "", folded[maker.end() :]).strip(" -") if maker else ""
    line = "".join(char for char in re.sub(r"^claude (?=opus|sonnet|haiku)", "", own or folded) if char.isalnum())
    return (line or "".join(char for char in name.casefold() if char.isalnum()), version)


def first_sentence(text: str) -> str:
    """Take the first sentence of a summary, at most 220 characters, as a tagline."""
    found = _SENTENCE.match(text.strip())
    return (found.group(1) or found.group(2)).strip() if found else ""


def _split(text: str) -> tuple[str, str]:
    """Split "Name – tagline" at its first separator; the second part is "" when there is none."""
    found = _SEPARATOR.search(text)
    return (text[: found.start()].strip(), text[found.end() :].strip()) if found and found.start() else (text, "")


def _introduced(text: str, host_product: str) -> Named:
    """Name what is introduced; where that is a common noun, "routines in Foo", the product it belongs to."""
    name, (said, rest) = _head(text), _split(text)
    if name.islower() and not any(char.isdigit() for char in name):
        name = _known(said) or host_product or name
    return _named(name, "introduced", rest)


def _from_sentence(text: str, verb_at: int, host_product: str) -> Named:
    """Take the subject of a sentence, or its object when the subject is only a maker or a person."""
    subject = text[:verb_at].rpartition(": ")[2].strip()
    if (own := _POSSESSIVE.match(subject)) and VENDOR.fullmatch(own.group(1).casefold()):
        subject = subject[own.end() :]
    elif own:
        subject = own.group(1)
    maker = VENDOR.fullmatch(subject.casefold()) is not None
    said = _OBJECT.search(text, verb_at)
    part = _PART.match(subject)
    if part and not maker and _known(part.group(2)) == part.group(2) and not _known(part.group(1)):
        return _named(part.group(2), "verb")
    if called := (_APPOSITION.search(text, verb_at) or (_CALLED.search(text, said.end()) if said else None)):
        return _named(called.group(1), "verb")
    if said and maker:
        return _named(_object_name(text[said.end() :]) or subject, "verb")
    if not subject or len(subject.split()) > 5 or subject.casefold() in _NOT_A_NAME | _PRONOUNS:
        return _named(_known(text) or host_product or _proper(text) or subject, "guessed")
    return _named(_head(subject), "verb")


def _object_name(text: str) -> str:
    """The tool in what a maker launches: a name at the start, a known or capitalised name further on, "" when none."""
    head = _head(text)
    if any(char.isupper() or char.isdigit() for char in head) and not re.match(r"[a-z]", head):
        return head
    return _known(text) or _proper(_SEPARATOR.split(text)[0])


def _from_phrase(text: str, host_product: str) -> Named:
    """Take the name out of a noun phrase: "Agent view in Claude Code", "Claude for the legal industry"."""
    lower = text.casefold()
    if starts := (MODEL_LINE.match(lower) or PRODUCT.match(lower)):
        plain = all(word[0].isupper() or word[0].isdigit() or word in _JOINS for word in text[starts.end() :].split())
        short = len(text.split()) <= 6 or _THING_END.search(text) is not None
        prepositions = re.match(r" (?:for|on|in) (?:the )?[\w ]{3,30}$", text[starts.end() :]) is not None
        return _named(_head(text), "bare" if (plain and short) or prepositions else "guessed")
    within = re.search(r"\s(?:in|on|inside|to|for)\s+(?:the\s+)?(?=\S)", text)
    if within and (known := _known(text[within.end() :])):
        return _named(known, "within")
    if name := _known(text) or host_product or _proper(text):
        return _named(name, "guessed")
    return _named(_head(text), "guessed")


#: Capitals that are no name by themselves.
_GENERIC = word_set("AI API APIs LLM LLMs I RAG MCP A An The")
#: What a long name ends with, and a headline does not.
_THING_END = re.compile(r"\b(?:APIs?|SDKs?|CLI|apps?|agents?|mode|plugins?|extensions?|models?|connectors)$", _I)
#: "Full text search in Foo,": a part of a product.
_PART = re.compile(r"(.{3,60}?)\s(?:in|on|inside|for)\s([^,]{2,40}?),?$")
#: Words of talk, which names do not hold.
_PRONOUNS = word_set("i me my we us our you your they their it its he she who where'd what's")
#: Small words a name may hold.
_JOINS = word_set("for in on and the to of with & + app apps mini nano api")


def _known(text: str) -> str:
    """The first known model or product in a text, as it is written there, with its variant; "" when there is none."""
    lower = text.casefold()
    if len(lower) != len(text):  # a few letters fold to two, which would shift every place
        return ""
    hits = [hit for hit in (MODEL_LINE.search(lower), PRODUCT.search(lower)) if hit]
    if not hits:
        return ""
    hit = min(hits, key=lambda found: (found.start(), -found.end()))
    tail = _VARIANT.match(text, hit.end()) or re.compile(r"(?: [A-Z]\w*){1,2}").match(text, hit.end())
    return text[hit.start() : tail.end() if tail else hit.end()]


def _proper(text: str) -> str:
    """The longest run of capitalised words that is no maker's name, if it can not one that starts the sentence."""
    found = [(run.start() > 0, run.group()) for run in _PROPER.finditer(text)]
    runs = [one for one in found if not VENDOR.fullmatch(one[1].casefold()) and one[1] not in _GENERIC]
    return max(runs, key=lambda one: (one[0] or " " in one[1], len(one[1])), default=(False, ""))[1]


def _head(text: str) -> str:
    """Cut a phrase down to the name at its beginning."""
    while article := _ARTICLE.match(text):
        text = text[article.end() :]
    cut = _HEAD_END.search(text, 1)
    head = text[: cut.start()] if cut else text
    lower = head.casefold()
    if len(lower) == len(head) and (model := MODEL_LINE.match(lower)):
        variant = _VARIANT.match(head, model.end())
        return head[: variant.end() if variant else model.end()] if _is_prose(head, model.end()) else head
    if not PRODUCT.match(lower) and (link := _LINK_WORD.search(head)) and link.start() > 1:
        head = head[: link.start()]
    return " ".join(head.split()[:6])


def _is_prose(text: str, at: int) -> bool:
    """Tell whether what follows a model's name goes on as a headline rather than as part of the name."""
    return len(text[at:].split()) > 2


def _named(text: str, how: How, rest: str = "") -> Named:
    """Clean a name and take its version off, unless it is a model's."""
    name = _COMPANY_END.sub("", _ASIDE.sub("", text)).strip(" ,.;:-–—\"'“”‘’*™®") or text.strip()
    if (own := _POSSESSIVE.match(name)) and VENDOR.fullmatch(own.group(1).casefold()):
        name = name[own.end() :]
    if _CLAUDE.match(name):
        name = f"Claude {name}"
    found = _VERSION.search(name)
    if not MODEL_LINE.search(name.casefold()) and (trailing := _TRAILING.search(name)) and trailing.start() > 1:
        name = name[: trailing.start()]
    return Named(name[:80].strip(), found.group(1) if found else "", rest, how)


def _listed_name(text: str) -> str:
    """The name in a directory's title: "X by Maker" and "X for Claude" are X, but "ChatGPT for Sheets" stays whole."""
    link = _LINK_WORD.search(text)
    if not link or link.start() < 2:
        return text
    before, word, after = text[: link.start()], link.group().strip().casefold(), text[link.end() :]
    known = PRODUCT.match(before.casefold()) or MODEL_LINE.match(before.casefold())
    if word == "by":
        return after if before.casefold().startswith(("ai ", "free ", "the ")) else before
    return before if word == "for" and not known and _known(after) and before[0].isupper() else text
