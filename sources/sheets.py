"""One document of a review file: what was written becomes a tool and its reviews, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from digest.errors import Fault
from digest.model import CATEGORIES, Review, Tool
from sources.fields import Fields, Lined

#: Editors check a document against it as they type. What it cannot say stands in UNSAID.
SCHEMA = Path(__file__).parent / "reviews.schema.json"

#: The fields of a document and of a review in it, in the order they are written. Source: DESIGN, "Files people write".
FIELDS = (
    "tool", "name", "vendor", "tagline", "category", "entry_price", "price_checked_on", "open_source", "tags", "url",
    "description", "reviews",
)  # fmt: skip
REVIEW_FIELDS = ("reviewer", "call", "reviewed_on", "quote")

#: What reading refuses and the schema lets pass, because a schema cannot say it.
UNSAID = (
    "a reviewer of the panel, each once a tool; a tool once in all files",
    "a day up to today",
    "the grammar of an entry price",
    "letters beyond ASCII in a slug: lower case, and no punctuation",
    "an address whose host can be read",
    "text without control characters, halves of characters, or what Unicode keeps free",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A tool and what the panel says of it; `file` and `line` tell where that was written."""

    tool: Tool
    reviews: tuple[Review, ...]
    file: str = field(default="", compare=False)
    line: int | None = field(default=None, compare=False)


_TAKEN: dict[str, Callable[[Fields, date], Any]] = {
    "name": lambda found, _: found.text("name"),
    "vendor": lambda found, _: found.text("vendor", ""),
    "tagline": lambda found, _: found.text("tagline"),
    "category": lambda found, _: found.one_of("category", CATEGORIES),
    "entry_price": lambda found, _: found.price("entry_price"),
    "price_checked_on": lambda found, today: found.day("price_checked_on", today, required=False),
    "open_source": lambda found, _: found.take("open_source", bool, "true or false", None),
    "tags": lambda found, _: tuple(found.words("tags")),
    "url": lambda found, _: found.web_address("url"),
    "description": lambda found, _: found.text("description"),
}


def sheet_of(file: str, written: Lined, reviewers: Collection[str], today: date, faults: list[Fault]) -> Sheet | None:
    """Make a sheet of one document; None, and the faults added, where something in it is wrong.

    Args:
        file: What to call the file in a fault.
        written: The document.
        reviewers: The slugs of everyone on the panel.
        today: No day may be later.
        faults: Where faults are added, in reading order.
    """
    before = len(faults)
    found = Fields(file, written, faults)
    found.only(*FIELDS)
    slug = found.slug("tool")
    values = {name: take(found, today) for name, take in _TAKEN.items()}
    values["vendor"] = values["vendor"] or (urlsplit(values["url"]).hostname or "").removeprefix("www.")
    reviews = tuple(_reviews(found, slug, reviewers, today))
    return None if len(faults) > before else Sheet(Tool(slug, **values), reviews, file, written.start)


def _reviews(found: Fields, tool: str, reviewers: Collection[str], today: date) -> Iterator[Review]:
    seen: set[str] = set()
    for one in found.parts("reviews", "reviewer, call, reviewed_on and quote"):
        one.only(*REVIEW_FIELDS)
        reviewer = one.one_of("reviewer", sorted(reviewers))
        if reviewer and reviewer in seen:
            one.fault("reviewer", repr(reviewer), "each reviewer once a tool")
        seen.add(reviewer)
        call = one.one_of("call", ("ship", "skip"))
        day = one.day("reviewed_on", today, required=True) or date.min
        yield Review(tool, reviewer, "ship" if call == "ship" else "skip", one.text("quote"), day)


def tool_values(source: str, given: Mapping[str, Any], today: date, faults: list[Fault]) -> dict[str, Any]:
    """Check some fields of a tool by the rules of review files: gives values, and adds what is wrong to `faults`."""
    found = Fields(source, Lined(given, {}, None), faults)
    return {name: take(found, today) for name, take in _TAKEN.items() if name in given}


def document_of(tool: Tool, reviews: Collection[Review]) -> dict[str, Any]:
    """Give a tool and reviews as a document: fields in order, texts on one line, what is unknown left out.

    The reviews stand in the order given.
    """
    values = {one.name: _tidy(getattr(tool, one.name)) for one in fields(Tool)} | {"tool": tool.slug}
    document = {name: values[name] for name in FIELDS if values.get(name) not in (None, "", [])}
    return document | {"reviews": [{name: _tidy(getattr(one, name)) for name in REVIEW_FIELDS} for one in reviews]}


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    return list(map(_tidy, value)) if isinstance(value, tuple) else value
