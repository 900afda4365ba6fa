"""Review files out: documents as YAML that is pleasant to edit, as JSON, as CSV, and as templates to fill in.

What is written here and read again says the same, and written once more has the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from sources.reviewcsv import COLUMNS
from sources.sheets import FIELDS, REVIEW_FIELDS, SCHEMA

#: Columns of a line; paragraphs are folded there.
WIDTH = 90

#: Fields that are paragraphs.
_PARAGRAPHS = frozenset({"description", "quote"})

#: Text that YAML takes as it stands: starts with a letter, digit or currency sign, holds no sign of its own.
_PLAIN = re.compile(r"[\w$€£¥](?:[^,\[\]{}:?#\"'`\\]|:(?=/))*")

#: Words and numbers that YAML would not take for text.
_NO_TEXT = re.compile(r"(?i:true|false|yes|no|on|off|y|n|null|nan|inf)|[-+.\d][-+.:\w]*")

#: Text YAML can hold without escapes.
_PRINTABLE = re.compile(r"[\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")

Document = Mapping[str, Any]


def as_yaml(documents: Sequence[Document]) -> str:
    """Write documents as YAML, parted by `---`."""
    return "---\n".join(_document(one) for one in documents)


def as_json(documents: Sequence[Document]) -> str:
    """Write documents as one JSON list."""
    return json.dumps(documents, ensure_ascii=False, indent=2, default=date.isoformat) + "\n"


def as_csv(documents: Sequence[Document]) -> str:
    """Write documents as CSV, one review a row; a tool's fields stand on its first row only: edited once."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in documents:
        known = {name: _cell(one[name]) for name in FIELDS[:-1] if name in one}
        for review in one["reviews"]:
            writer.writerow(known | {name: _cell(review[name]) for name in REVIEW_FIELDS})
            known = {"tool": known["tool"]}
    return text.getvalue()


#: How documents are written, by the ending of the file.
WRITERS: Mapping[str, Callable[[Sequence[Document]], str]] = {
    ".yaml": as_yaml,
    ".yml": as_yaml,
    ".json": as_json,
    ".csv": as_csv,
}


def template(document: Document, lenses: Mapping[str, str], file: str) -> str:
    """Write a document to be filled in: what is not known is left empty, and reading it says so until it is there.

    Args:
        document: What is known; its reviews may lack call, day and quote.
        lenses: What each reviewer asks, by slug: a note beside the name.
        file: How to name the file in the first lines, which tell editors of the schema and people what to do.
    """
    empty = {name: document.get(name) for name in FIELDS}
    empty["reviews"] = [{name: one.get(name) for name in REVIEW_FIELDS} for one in document["reviews"]]
    notes = {
        "entry_price": 'Free, Freemium, Paid, or an amount such as "$20/month"',
        "price_checked_on": "optional",
        "open_source": "optional: true or false",
        "vendor": "optional: else the domain of the url",
        "tags": "optional: the job it does, such as [vision, on-device]",
        "call": "ship or skip",
        "reviewed_on": "a day such as 2026-11-02",
    }
    asked = {f"reviewer {slug}": lens for slug, lens in lenses.items()}
    if not any("call" in one for one in document["reviews"]):  # nobody but the launch said so yet
        asked |= {f"{name} {document.get(name)}": "from the launch: right?" for name in ("url", "entry_price")}
    head = f"# yaml-language-server: $schema={SCHEMA.as_uri()}\n"
    return f"{head}# Fill in what is empty, then: verdicts panel import {file}\n" + _document(empty, notes | asked)


def _document(document: Document, notes: Mapping[str, str] | None = None) -> str:
    lines: list[str] = []
    for name, value in document.items():
        if name != "reviews":
            lines += _field(name, value, "", notes or {})
            continue
        lines.append("reviews:")
        for review in value:
            written = [line for key, one in review.items() for line in _field(key, one, "    ", notes or {})]
            lines += [f"  - {written[0].strip()}", *written[1:]]
    return "\n".join(lines) + "\n"


def _field(name: str, value: Any, indent: str, notes: Mapping[str, str]) -> list[str]:
    if name in _PARAGRAPHS and value and _PRINTABLE.fullmatch(value):
        inner = f"{indent}  "
        folded = textwrap.wrap(
            value, WIDTH, initial_indent=inner, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False
        )
        return [f"{indent}{name}: >", *folded]
    note = notes.get(name if value is None else f"{name} {value}", "")
    line = f"{indent}{name}:" if value is None else f"{indent}{name}: {_scalar(value)}"
    return [f"{line}  # {note}" if note else line]


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    printable = _PRINTABLE.fullmatch(value)
    if printable and _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value):
        return str(value)
    return json.dumps(value, ensure_ascii=not printable)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(value)
    return _scalar(value) if isinstance(value, bool | date) else str(value)
