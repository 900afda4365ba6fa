"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

from fastapi import HTTPException

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Leaf(Generic[_T]):
    """One page of a list: its items, its number from 1, how many pages and items there are, and where the list is."""

    items: Sequence[_T]
    number: int
    last: int
    total: int
    per_page: int
    path: str
    query: Mapping[str, str] = field(default_factory=dict)

    def address(self, number: int) -> str:
        """Give the address of a page of this list; the first needs no number."""
        query = {**self.query, **({"page": str(number)} if number > 1 else {})}
        return quote(self.path) + (f"?{urlencode(query)}" if query else "")

    @property
    def here(self) -> str:
        """The address of this page."""
        return self.address(self.number)

    @property
    def title(self) -> str:
        """What its title says besides the list's: ", page 2", nothing on the first."""
        return f", page {self.number}" if self.number > 1 else ""

    @property
    def span(self) -> tuple[int, int]:
        """The places of its first item, and after its last one, in the whole list."""
        first = (self.number - 1) * self.per_page
        return first, first + len(self.items)

    @property
    def earlier(self) -> str:
        """The address of the page before, "" on the first."""
        return self.address(self.number - 1) if self.number > 1 else ""

    @property
    def later(self) -> str:
        """The address of the page after, "" on the last."""
        return self.address(self.number + 1) if self.number < self.last else ""


class NoSuchPage(HTTPException):
    """A list has no such page; `first` is the address of the one it has in any case."""

    def __init__(self, last: int, first: str) -> None:
        super().__init__(404, f"This list has {'one page' if last == 1 else f'{last} pages'}.")
        self.first = first


def leaf(items: Sequence[_T], page: str, per_page: int, path: str, query: Mapping[str, str] | None = None) -> Leaf[_T]:
    """Open a list at a page.

    Args:
        items: The whole list.
        page: Which page, as it stands in the address.
        per_page: Items of a page at most.
        path: Where the list is, not yet quoted.
        query: What else its address says.

    Raises:
        NoSuchPage: Too large, or no number at all; an empty list has one page.
    """
    last = max(1, -(-len(items) // per_page))
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 10 else 0
    first = (max(number, 1) - 1) * per_page
    found = Leaf(items[first : first + per_page], number, last, len(items), per_page, path, query or {})
    if not 1 <= number <= last:
        raise NoSuchPage(last, found.address(1))
    return found
