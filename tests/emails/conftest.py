"""What the proofs of emails share: one screen per module, and the option that rewrites the golden pictures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emails.browsing import Screen, screen


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden pictures in tests/emails/golden")


@pytest.fixture(scope="module", name="screen")
def shared_screen() -> Iterator[Screen]:
    """A browser for one module: left open longer, its event loop would be in the way of other tests' own."""
    with screen() as opened:
        yield opened
