"""What people see before they open a letter, and the part without html: headers, subject, preheader, plain text."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from digest.composing import PREHEADER_LENGTH
from digest.inspecting.linking import Held, check_leave, check_placeholders, check_text_links, rewritten_size
from digest.inspecting.noting import Notes
from digest.model import Level

#: A subject longer than this is cut on a phone, a shorter one says nothing.
SUBJECT_SHORT, SUBJECT_LONG = 20, 70

#: Bytes of a line that mail may carry. Source: RFC 5322, 2.1.1.
LINE = 998

#: Bytes of plain text after link rewriting that nobody reads to the end.
TEXT_WARN = 80_000

#: A text part with less than this share of the words of the html is a stub; spam filters compare the two.
_STUB = 0.5

_TAG = re.compile(
    r"</?(?:a|b|br|div|em|h[1-6]|i|img|li|ol|p|span|strong|table|td|tr|ul)(?: [^<>\n]{0,200})?/?>", re.IGNORECASE
)
_SEPARATING = re.compile("[\u200b\u2066-\u2069]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")
_TURNING = re.compile("[\u202a-\u202e]")
_OPENED, _CLOSED = re.compile("[\u2066-\u2068]"), "\u2069"

#: Phrases spam filters and readers know from advertising; a tool is not free money for being free.
_SPAM = re.compile(
    r"(?<!\w)(?:act now|amazing|as seen on|bargain|best price|big savings|buy (?:now|today)|cash|casino|cheap"
    r"|click (?:here|now|below)|congratulations|deal of|don[’']t (?:miss|delete)|double your|earn (?:money|\$)"
    r"|exclusive (?:deal|offer)|for free|free (?:gift|money|trial)|giveaway|guaranteed?|hurry|income|incredible"
    r"|last chance|limited (?:time|offer)|lowest price|make money|million(?:s|aire)?|miracle|money[- ]back|no cost"
    r"|no obligation|offer (?:ends|expires)|once in a lifetime|order now|prize|promise you|risk[- ]free|save big"
    r"|special (?:offer|promotion)|this (?:is not|isn[’']t) spam|urgent|while supplies last|winner|won a"
    r"|you have been (?:chosen|selected)|100 ?% (?:free|satisfied))(?!\w)",
    re.IGNORECASE,
)
#: Notes to oneself and filler; one of the signs is in each. Subjects of tests and drafts.
_UNFINISHED_SIGNS = ("TO", "FIXME", "TBD", "XXX", "orem ipsum")
_UNFINISHED = re.compile(r"\bTO[ -]?DO:|\bFIXME\b|\bTBD\b|\bXXX+\b|[Ll]orem ipsum")
_DRAFT = re.compile(r"\W*\[?(?:test|draft)(?:\]|:)|copy of ", re.IGNORECASE)
_MAILBOX = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_SHOUTED = re.compile(r"(?<![\w-])[A-Z]{5,}(?![\w-])")
_SIGNS = re.compile(r"[$€£]{2,}|[!?]{2,}|!.*!")


def check_subject(notes: Notes, subject: str) -> None:
    """Note a subject that is empty, too short or too long, or that could break out of its header."""
    if fault := _header_fault(subject):
        notes.add("subject", "blocker", f"The subject is empty or has {fault}.", "Rewrite it.")
    elif not subject.strip():
        notes.add("subject", "blocker", "The subject is empty or has control characters.", "Rewrite it.")
    elif not SUBJECT_SHORT <= len(subject) <= SUBJECT_LONG:
        fix = f"Between {SUBJECT_SHORT} and {SUBJECT_LONG} reads best."
        notes.add("subject-length", "warning", f"The subject has {len(subject)} characters.", fix)
    if _DRAFT.match(subject):
        notes.add("unfinished", "warning", "The subject is that of a test or a draft.", "Write the one readers get.")


def check_preheader(notes: Notes, preheader: str) -> None:
    """Note a preheader that is missing, too short or too long."""
    if not preheader.strip():
        notes.add("preheader", "warning", "There is no preheader.", "Write one line.")
    elif not PREHEADER_LENGTH[0] <= len(preheader) <= PREHEADER_LENGTH[1]:
        fix = f"Between {PREHEADER_LENGTH[0]} and {PREHEADER_LENGTH[1]} is what lists of mail show."
        notes.add("preheader-length", "warning", f"The preheader has {len(preheader)} characters.", fix)


def check_advertising(notes: Notes, text: str, said: Collection[str]) -> None:
    """Note what sounds like advertising; names and prices of tools (`said`) are what they are."""
    bare = text
    for name in sorted(filter(None, said), key=len, reverse=True):
        bare = bare.replace(name, " ")
    patterns = (_SPAM, "Spam filters know these words:"), (_SHOUTED, "This is shouted:"), (_SIGNS, "Signs of spam:")
    for pattern, what in patterns:
        for found in pattern.findall(bare):
            notes.add("spam-words", "warning", what, "Say it another way.", sample=found)


def check_finished(notes: Notes, text: str, said: Collection[str]) -> None:
    """Note words that stand where others were meant to; tools, feeds and reviewers may say them (`said`)."""
    found = _UNFINISHED.findall(text) if any(sign in text for sign in _UNFINISHED_SIGNS) else []
    for one in dict.fromkeys(found):
        if not any(one in other for other in said):
            notes.add("unfinished", "warning", "It seems not to be finished:", "Write what was meant.", sample=one)


def check_addresses(notes: Notes, addresses: Mapping[str, str]) -> None:
    """Note an address that mail cannot come from or be answered to."""
    for name, value in addresses.items():
        if value and not _MAILBOX.fullmatch(value):
            said = f"{name} is no address: {value!r}."
            notes.add("identity", "blocker", said, f"Set {name} to an address such as editors@example.org.")


def check_headers(notes: Notes, headers: Mapping[str, str]) -> None:
    """Note a value that could end its header and begin another, or that turns what follows around."""
    for name, value in headers.items():
        if fault := _header_fault(value):
            notes.add("header-injection", "blocker", f"{name} has {fault}.", f"Write {name} without.")


def _header_fault(value: str) -> str:
    if _CONTROLS.search(value):
        return "control characters"
    if _TURNING.search(value) or len(_OPENED.findall(value)) != value.count(_CLOSED):
        return "characters that turn the direction of what follows"
    return ""


def check_text(notes: Notes, text: str, *, strict: bool, site_url: str, said: Collection[str]) -> None:
    """Note what is wrong with the plain text part by itself."""
    check_placeholders(notes, text, said)
    check_leave(notes, text)
    check_text_links(notes, text, Held(strict, site_url, said))
    size = rewritten_size(text, is_html=False)
    if size > TEXT_WARN:
        fix = "Compose with fewer pairs, or write less: descriptions, quotes, the intro."
        notes.add("text-length", "warning", f"The text has about {size:,} bytes with its links rewritten.", fix)
    for found in dict.fromkeys(_TAG.findall(text)):
        if not any(found in one for one in said):
            notes.add("text-markup", "warning", "Html stands in the plain text:", "Take it out.", sample=found)
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) > LINE // 4 and len(line.rstrip("\r\n").encode(errors="surrogatepass")) > LINE:
            said_so = f"A line has more than {LINE} bytes, and mail may break it anywhere."
            notes.add("text-line", "warning", said_so, "Wrap it in the template.", at, line[:60])
        at += len(line)


def check_parity(notes: Notes, text: str, html_text: str) -> None:
    """Note a text part that is a stub beside its html."""
    words, others = len(text.split()), len(html_text.split())
    if text.strip() and words < others * _STUB:
        said = f"The text part has {words} words and the html part {others}: it is a stub."
        notes.add("text-stub", "warning", said, "Say in plain text what the html says.")


def check_address(notes: Notes, part: str, postal_address: str, *, strict: bool) -> None:
    """Note a part without the postal address; the law wants it in every letter (CAN-SPAM, 15 U.S.C. 7704(a)(5))."""
    if part.strip() and postal_address and _bare(postal_address) not in _bare(part):
        level: Level = "blocker" if strict else "warning"
        said = f"The {notes.part} part does not show the postal address."
        notes.add("postal-address", level, said, "Put it back into the template.")


def _bare(text: str) -> str:
    """Text without what layout puts between its characters."""
    return _SEPARATING.sub("", "".join(text.split()))
