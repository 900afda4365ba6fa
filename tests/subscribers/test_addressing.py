"""Two spellings of an address are one reader, two mailboxes are two."""

from __future__ import annotations

import pytest
from hypothesis import given
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


def test_a_hash_tells_addresses_apart_and_needs_its_key() -> None:
    of_ada = address_hash("ada@example.org", b"key")

    assert of_ada == address_hash("ada@example.org", b"key")
    assert of_ada != address_hash("eve@example.org", b"key")
    assert of_ada != address_hash("ada@example.org", b"another key")
    assert "ada" not in of_ada
