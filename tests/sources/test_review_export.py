"""What is written out reads back as it was, to the byte, in every format; and the schema agrees with the reader."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from digest.errors import Fault
from digest.model import CATEGORIES
from sources.panel import BUNDLED_REVIEWERS, load_reviewers
from sources.reviewexport import WIDTH, WRITERS, as_yaml, template
from sources.reviewfiles import Sifted, sift
from sources.sheets import FIELDS, REVIEW_FIELDS, SCHEMA, UNSAID, document_of

TODAY = date(2026, 11, 16)
PANEL = load_reviewers(BUNDLED_REVIEWERS)
SLUGS = [one.slug for one in PANEL]
FORMATS = (".yaml", ".json", ".csv")

HOSTILE = (
    "- a list?", "# no comment", "key: value", "'single' and \"double\"", "> folded", "| kept", "---", "... and so on",
    "%TAG", "&anchor *alias !tag", "true", "null", "~", "3.14", "2026-11-02", "12:30:45", "0x1F", "=1+1", "a,b;c",
    "🦉 émigré", "שלום, עולם", "\u202eright to left", "\ufeffmark", "zero\u200bwidth", "e\u0301", "x" * 400,
    "word " * 400, "ends in a colon:", "- ", "? what", "a #hash", "@at `tick`", "\\ back\\slash \\n", "{a: [b]}", "<b>",
)  # fmt: skip

words = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=120)).filter(
    lambda text: (
        not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]", " ".join(text.split()))
        and not any(ord(char) & 0xFFFE == 0xFFFE for char in text)
        and bool(text.strip())
    )
)
days = st.dates(date(1990, 1, 1), TODAY).map(date.isoformat)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document as a person could write it: optional fields there or not, texts of any kind."""
    chosen = draw(st.lists(st.sampled_from(SLUGS), min_size=1, max_size=4, unique=True))
    document = {
        "tool": draw(st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)),
        "name": draw(words), "tagline": draw(words), "description": draw(words),
        "category": draw(st.sampled_from(CATEGORIES)),
        "entry_price": draw(st.sampled_from(["Free", "Freemium", "Paid", "$20/month", "$0.50"])),
        "url": draw(st.sampled_from(["https://example.org/x", "http://Example.org:80/a?b=c#d", "https://münchen.example"])),
        "reviews": [
            {"reviewer": slug, "call": draw(st.sampled_from(["ship", "skip"])), "reviewed_on": draw(days),
             "quote": draw(words)}
            for slug in chosen
        ],
    }  # fmt: skip
    optional = {
        "vendor": words, "price_checked_on": days, "open_source": st.booleans(),
        "tags": st.lists(words.filter(lambda text: ";" not in text), max_size=3),
    }  # fmt: skip
    return document | {name: draw(kind) for name, kind in optional.items() if draw(st.booleans())}


def read(folder: Path, text: str, ending: str) -> Sifted:
    path = folder / f"reviews{ending}"
    path.write_text(text, encoding="utf-8", newline="")
    return sift([path], PANEL, TODAY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reviews")


@pytest.mark.parametrize("ending", FORMATS)
@settings(deadline=None)
@given(st.lists(documents(), min_size=1, max_size=3, unique_by=lambda one: one["tool"]))
def test_what_is_written_reads_back_to_the_same_bytes(folder: Path, ending: str, given: list[dict[str, Any]]) -> None:
    first = read(folder, json.dumps(given), ".json")
    assert first.faults == ()
    text = WRITERS[ending]([document_of(one.tool, one.reviews) for one in first.sheets])

    again = read(folder, text, ending)

    assert (again.sheets, again.faults) == (first.sheets, ())
    assert WRITERS[ending]([document_of(one.tool, one.reviews) for one in again.sheets]) == text


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("ending", FORMATS)
def test_no_text_breaks_a_file(tmp_path: Path, ending: str, hostile: str) -> None:
    said = " ".join(hostile.split())
    first = read(tmp_path, json.dumps([document(name=hostile, tagline=hostile, quote=hostile)]), ".json")

    [sheet] = read(
        tmp_path, WRITERS[ending]([document_of(one.tool, one.reviews) for one in first.sheets]), ending
    ).sheets

    assert (sheet.tool.name, sheet.tool.tagline, sheet.reviews[0].quote) == (said, said, said)


def document(quote: str = "Yes.", **changes: Any) -> dict[str, Any]:
    review = {"reviewer": "builder", "call": "ship", "reviewed_on": "2026-11-02", "quote": quote}
    return {
        "tool": "oak", "name": "Oak", "tagline": "A tree", "category": "Models", "entry_price": "Free",
        "url": "https://example.org/oak", "description": "A paragraph.", "reviews": [review],
    } | changes  # fmt: skip


def test_yaml_is_pleasant_to_edit(tmp_path: Path) -> None:
    written = document(
        quote="word " * 40, entry_price="$20/month", tags=["on-device", "12:30"], price_checked_on="2026-11-01",
        open_source=True, vendor="Oak: a company", description="Short.",
    )  # fmt: skip
    [sheet] = read(tmp_path, json.dumps(written), ".json").sheets

    text = as_yaml([document_of(sheet.tool, sheet.reviews)])

    assert text.startswith(
        dedent("""\
            tool: oak
            name: Oak
            vendor: "Oak: a company"
            tagline: A tree
            category: Models
            entry_price: $20/month
            price_checked_on: 2026-11-01
            open_source: true
            tags: [on-device, "12:30"]
            url: https://example.org/oak
            description: >
              Short.
            reviews:
              - reviewer: builder
                call: ship
                reviewed_on: 2026-11-02
                quote: >
                  word word""")
    )
    assert WIDTH - 5 < max(map(len, text.splitlines())) <= WIDTH
    assert text.endswith("word\n")


def test_a_template_is_refused_until_it_is_filled_in(tmp_path: Path) -> None:
    lenses = {one.slug: one.lens for one in PANEL}
    known = document(reviews=[{"reviewer": slug} for slug in SLUGS]) | {"tagline": None}

    text = template(known, lenses, "reviews/oak.yaml")
    found = read(tmp_path, text, ".yaml")

    lines = text.splitlines()
    assert lines[0] == f"# yaml-language-server: $schema={SCHEMA.as_uri()}"
    assert found.sheets == ()
    empty = [("tagline",), *[(name,) for _ in SLUGS for name in ("call", "reviewed_on", "quote")]]
    assert [(fault.field,) for fault in found.faults] == empty
    assert all(lines[(fault.line or 0) - 1].strip().startswith(f"{fault.field}:") for fault in found.faults)
    assert all(fault.found == "nothing" for fault in found.faults)
    for one in PANEL:
        assert f"  - reviewer: {one.slug}  # {one.lens}" in lines
    filled = re.sub(r"call:.*", "call: ship", re.sub(r"reviewed_on:.*", "reviewed_on: 2026-11-02", text))
    filled = re.sub(r"(tagline|quote):\n", r"\1: Yes.\n", filled)
    assert read(tmp_path, filled, ".yaml").faults == ()


# The schema


@cache
def schema() -> Draft202012Validator:
    loaded = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded, format_checker=Draft202012Validator.FORMAT_CHECKER)


#: What UNSAID lists, in its order, as a fault says it.
_UNSAID: tuple[Callable[[Fault], bool], ...] = (
    lambda fault: (
        (fault.field == "reviewer" and bool(re.fullmatch(r"'.*\w.*'", fault.found)))
        or fault.allowed == "each tool once"
    ),
    lambda fault: fault.found.endswith("still to come"),
    lambda fault: fault.field == "entry_price" and bool(re.fullmatch(r"'.*\S.*'? \(.*\)", fault.found)),
    lambda fault: fault.field == "tool" and fault.found[0] == "'" and not fault.found.isascii(),
    lambda fault: fault.field == "url" and bool(re.match(r"'https?://[\[@:]", fault.found)),
    lambda fault: fault.allowed in {"text without control characters", "whole characters, not half of an escaped pair"},
)


def beyond_the_schema(fault: Fault) -> bool:
    return any(says(fault) for says in _UNSAID)


def test_every_rule_the_schema_leaves_out_is_listed() -> None:
    assert len(UNSAID) == len(_UNSAID)


values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.just([]), st.just({}),
    st.lists(st.sampled_from(["a", "", " ", "a;b", 3, None, "on-device\n", "a\nb"]), max_size=2), st.text(max_size=4),
    st.sampled_from([
        "", " ", "\n", "x", "my-tool", "My-Tool", "-x", "a--b", "a-", " oak ", "oak\n", "oak_tree", "größe", "Größe",
        "²",
        "Free", "free", "a fortune", "$5", "ship", "Ship", "ship ", "builder", "nobody", "Models", "models", "Models\n",
        "2026-11-02", "2026-11-02\n", " 2026-11-02", "2026-02-31", "2026-1-2", "20261102", "2026-W45-1", "9999-01-01",
        "２０２６-11-02", "https://example.org", "HTTPS://EXAMPLE.org/x", "https://a b", "https://", "https:///x",
        "https://example.org\n", "ftp://example.org", "javascript:x", "https://[half", "https://@", "https://:80",
        "bell\x07", "half\ud83d", "none\ufffe",
    ]),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A document in which up to three places hold anything, are missing, or are there though nobody knows them."""
    found = draw(documents())
    for _ in range(draw(st.integers(0, 3))):
        listed = found.get("reviews")
        entries = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        place = draw(st.sampled_from([found, found, *entries]))
        names = FIELDS if place is found else REVIEW_FIELDS
        name = draw(st.sampled_from([*names, *names, "extra", "Tool"]))
        if draw(st.integers(0, 4)) == 0:
            place.pop(name, None)
        else:
            place[name] = draw(values)
    return found


@settings(deadline=None)
@given(mutated())
@example(document(tool="oak\n"))
@example(document(tool={}))
@example(document(reviews=[{"reviewer": "builder", "call": "ship", "reviewed_on": "2026-11-02\n", "quote": "x"}]))
@example(document(vendor=None, price_checked_on=None, open_source=None, tags=None))
def test_schema_and_reader_accept_the_same_documents(folder: Path, found: dict[str, Any]) -> None:
    faults = read(folder, json.dumps(found), ".json").faults

    told = [fault for fault in faults if not beyond_the_schema(fault)]

    assert schema().is_valid(found) == (not told), told or [one.message for one in schema().iter_errors(found)]


@pytest.mark.parametrize("field", [*FIELDS, *REVIEW_FIELDS])
def test_the_schema_explains_every_field(field: str) -> None:
    loaded = schema().schema
    known = loaded["properties"] | loaded["properties"]["reviews"]["items"]["properties"]

    assert known[field]["description"].endswith((".", "?"))
    assert set(known) == {*FIELDS, *REVIEW_FIELDS}


def test_the_schema_offers_the_categories_and_reviewers_there_are() -> None:
    properties = schema().schema["properties"]

    assert tuple(properties["category"]["enum"]) == CATEGORIES
    assert properties["reviews"]["items"]["properties"]["reviewer"]["anyOf"][0]["enum"] == SLUGS


def test_what_only_a_launch_said_is_marked_in_a_template() -> None:
    fresh = template(document(reviews=[{"reviewer": "builder"}]), {}, "oak.yaml")

    assert "url: https://example.org/oak  # from the launch: right?\n" in fresh
    assert "from the launch" not in template(document(), {}, "oak.yaml")
