"""Two spellings of an address are one reader, two mailboxes are two."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from unicodedata import normalize

import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.addressing import address_hash, fold


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("jo\u0308rg@example.org", "j\u00f6rg@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("ada@B\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@stra\u00dfe.example", "ada@xn--strae-oqa.example"),
        ("a.d.a@example.org", "a.d.a@example.org"),
        ("ada+news@example.org", "ada+news@example.org"),
    ],
)
def test_spellings_of_one_mailbox_fold_to_one(written: str, folded: str) -> None:
    assert fold(written) == folded
    assert fold(folded) == folded


@pytest.mark.parametrize(
    "written",
    ["", "ada", "ada@", "@example.org", "ada@example", "ada@exa mple.org", "a@b@example.org", "ada\0@example.org",
     "Ada <ada@example.org>", "ada@example.org\nBcc: eve@example.org", ".ada@example.org", f"{'a' * 250}@example.org"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_reason(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        fold(written)


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=12))
def test_folding_twice_changes_nothing(local: str) -> None:
    try:
        folded = fold(f"{local}@example.org")
    except ValueError:
        return
    assert fold(folded) == folded


def outcome(folding: Callable[[str], str], written: str) -> tuple[str, str]:
    try:
        return "address", folding(written)
    except ValueError as error:
        return "refused", str(error)


def by_the_book(written: str) -> str:
    """What the library alone makes of an address."""
    found = validate_email(written.strip(), check_deliverability=False)
    return f"{normalize('NFC', found.local_part).casefold()}@{(found.ascii_domain or found.domain).casefold()}"


WORDS = st.text("aZ09_!#$%&'*+-/=?^`{|}~.", max_size=70) | st.sampled_from(["info", "NEWS", "a" * 240, '"a b"', "jö"])
AT = st.just("@") | st.sampled_from(["@@", " @", "", "@\t", "\uff20"])
END = st.just("") | st.sampled_from([" ", "\n", "\0", ">"])
DOMAINS = st.text("aZ0-.", max_size=12) | st.sampled_from(
    ["example.org", "EXAMPLE.org", "sub.localhost", "Test", "x.test", "a.invalid", "b.arpa", "home.local", "x.onion",
     "example.c", "example.123", "1.2.3.4", "[1.2.3.4]", "ab--cd.org", "xn--bcher-kva.example", "XN--bcher.org",
     "xn--a.org", "a.xn--p1ai", "bücher.example", "a_b.org", ".org", "org.", "a..org", "-a.org", "a-.org",
     "a" * 64 + ".org", f"{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org", ".".join("f" * 127), "nowhere.zzz"]
)  # fmt: skip


@settings(max_examples=500)
@given(st.tuples(WORDS, AT, DOMAINS, END))
def test_plain_addresses_get_the_same_answer_in_the_same_words_as_any_other(parts: tuple[str, str, str, str]) -> None:
    written = "".join(parts)
    assert outcome(fold, written) == outcome(by_the_book, written)


def test_the_longest_plain_address_is_taken_and_one_character_more_is_not() -> None:
    longest = f"{'a' * 242}@example.org"
    assert fold(longest.upper()) == longest
    assert outcome(fold, f"a{longest}") == outcome(by_the_book, f"a{longest}") == (
        "refused", "The email address is too long (1 character too many)."
    )  # fmt: skip


def test_a_hash_tells_addresses_apart_and_needs_its_key() -> None:
    of_ada = address_hash("ada@example.org", b"key")

    assert of_ada == address_hash("ada@example.org", b"key")
    assert of_ada != address_hash("eve@example.org", b"key")
    assert of_ada != address_hash("ada@example.org", b"another key")
    assert "ada" not in of_ada


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=1))
def test_a_hash_stays_what_it_always_was_so_that_stored_ones_are_found(folded: str, key: bytes) -> None:
    for _ in range(2):  # the key that was set up for the first serves the second as well
        assert address_hash(folded, key) == hmac.digest(key, folded.encode(), "sha256").hex()
