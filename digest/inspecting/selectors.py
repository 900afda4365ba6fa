"""Css selectors as tests: what an element's own tag says, what is around it, and its place among its siblings.

Known are names, ids, classes, attributes, `:root`, `:link`, `:not()` of one compound, `:first-child`, `:last-child`,
`:only-child`, `:nth-child()`, `:nth-last-child()`, `:empty`, and the relations " ", ">", and one "+" or "~". Other
selectors mean nothing on a page at rest (`:hover`), or nothing most mail programs know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from digest.inspecting.elements import Element, Tag


class Compound(NamedTuple):
    """The tests one element has to pass; `places` are indexes of tests that look at its siblings."""

    name: str
    classes: frozenset[str]
    id: str
    others: tuple[Callable[[Tag], bool], ...]
    places: tuple[int, ...]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Selector:
    """Compounds from the element outwards, each but the first with how it relates: " " or ">"."""

    compounds: tuple[Compound, ...]
    relations: tuple[str, ...]
    specificity: tuple[int, int, int]
    needs: frozenset[str]


#: A test of an element's place among its siblings, or a selector with its relation to an earlier sibling.
Place = Callable[[Element], bool] | tuple[str, Selector]

_PART = re.compile(
    r"""(?P<space>\s*[>+~]\s*|\s+)|(?P<name>\*|[a-z][\w-]*)|\#(?P<id>[\w-]+)|\.(?P<class>[\w-]+)
    |\[(?P<attr>[^\]]*)\]|::(?P<element>[\w-]+)|:(?P<pseudo>[\w-]+)(?:\((?P<arg>[^()]*)\))?""",
    re.VERBOSE | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""\s*([\w:-]+)\s*(?:([~|^$*]?=)\s*["']?([^"']*?)["']?\s*(?:[is]\s*)?)?""")
_NTH = re.compile(r"([+-]?\d*)n\s*(?:([+-])\s*(\d+))?")
_MOST_COMPOUNDS = 12


class _NoMatch(Exception):
    """The selector matches no element here, or is not understood."""


class Compiler:
    """Turns selectors into tests, and keeps the tests of places they share."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._known: dict[str, int] = {}

    def selector(self, text: str) -> Selector | None:
        """Compile one selector; None when it means nothing here."""
        try:
            return self._selector(text)
        except _NoMatch:
            return None

    def _selector(self, text: str) -> Selector:
        parts, relations = _compounds(text)
        if not parts or len(parts) > _MOST_COMPOUNDS:
            raise _NoMatch
        for index in range(len(parts) - 1, 0, -1):
            if relations[index - 1] in "+~":
                before = self._selector_of(parts[:index], relations[: index - 1])
                parts[index].append(("sibling", relations[index - 1], before))
                parts, relations = parts[index:], relations[index:]
                break
        return self._selector_of(parts, relations)

    def _selector_of(self, parts: list[list[tuple[object, ...]]], relations: list[str]) -> Selector:
        if any(one in "+~" for one in relations):
            raise _NoMatch  # two steps sideways: no letter needs them
        compounds = [self._compound(part) for part in parts][::-1]
        specificity = [sum(numbers) for numbers in zip(*(_specificity(part) for part in parts), strict=True)]
        needs = frozenset().union(*(one.needs for one in compounds[1:]))
        return Selector(
            tuple(compounds), tuple(relations[::-1]), (specificity[0], specificity[1], specificity[2]), needs
        )

    def _compound(self, part: list[tuple[object, ...]]) -> Compound:
        name, id_, classes = "", "", set()
        others: list[Callable[[Tag], bool]] = []
        places: list[int] = []
        for kind, value, extra in part:
            if kind == "name":
                name = "" if value == "*" else str(value).lower()
            elif kind == "id":
                id_ = str(value)
            elif kind == "class":
                classes.add(str(value))
            elif kind == "attr":
                others.append(_attribute_test(str(value)))
            elif kind == "sibling" and isinstance(extra, Selector):
                places.append(self._place(f"{value}{extra}", (str(value), extra)))
            else:
                self._pseudo(str(value), extra, others, places)
        needs = frozenset(one for one in (name, f"#{id_}" if id_ else "", *(f".{one}" for one in classes)) if one)
        return Compound(name, frozenset(classes), id_, tuple(others), tuple(places), needs)

    def _pseudo(self, name: str, argument: object, others: list[Callable[[Tag], bool]], places: list[int]) -> None:
        name = name.lower()
        if name == "root":
            others.append(lambda tag: tag.name == "html")
        elif name in {"link", "any-link"}:
            others.append(lambda tag: tag.name == "a" and "href" in tag.attrs)
        elif name == "not" and argument:
            others.append(self._negated(str(argument)))
        elif (place := _place_test(name, str(argument or ""))) is not None:
            places.append(self._place(f"{name}({argument})", place))
        else:
            raise _NoMatch

    def _negated(self, argument: str) -> Callable[[Tag], bool]:
        parts, _ = _compounds(argument)
        inner = self._compound(parts[0]) if len(parts) == 1 else None
        if inner is None or inner.places:
            raise _NoMatch
        return lambda tag: not passes(inner, tag)

    def _place(self, key: str, place: Place) -> int:
        if key not in self._known:
            self._known[key] = len(self.places)
            self.places.append(place)
        return self._known[key]


def _compounds(text: str) -> tuple[list[list[tuple[object, ...]]], list[str]]:
    """Split a selector into compounds, in the order written, and the relations between them."""
    parts: list[list[tuple[object, ...]]] = [[]]
    relations: list[str] = []
    at, text = 0, text.strip()
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or found["element"]:
            raise _NoMatch
        at = found.end()
        kind = str(found.lastgroup) if not found["pseudo"] else "pseudo"
        if kind == "space":
            relations.append(found["space"].strip() or " ")
            parts.append([])
        else:
            parts[-1].append((kind, found[kind], found["arg"]))
    if not all(parts):
        raise _NoMatch
    return parts, relations


def _specificity(part: list[tuple[object, ...]]) -> tuple[int, int, int]:
    """Ids, classes and their like, names; `:not()` counts as what stands in it, and so does an earlier sibling."""
    part = [*part, *(inner for _, value, extra in part if value == "not" for inner in _compounds(str(extra))[0][0])]
    kinds = [kind for kind, value, _ in part if value not in {"*", "not"}]
    own = kinds.count("id"), sum(kind in {"class", "attr", "pseudo"} for kind in kinds), kinds.count("name")
    before = [extra.specificity for _, _, extra in part if isinstance(extra, Selector)]
    ids, classes, names = (sum(numbers) for numbers in zip(own, *before, strict=True))
    return ids, classes, names


def _attribute_test(text: str) -> Callable[[Tag], bool]:
    found = _ATTRIBUTE.fullmatch(text)
    if found is None:
        raise _NoMatch
    name, sign, value = found[1].lower(), found[2], found[3] or ""
    if not sign:
        return lambda tag: name in tag.attrs
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda have: have == value,
        "~=": lambda have: value in have.split(),
        "|=": lambda have: have == value or have.startswith(f"{value}-"),
        "^=": lambda have: bool(value) and have.startswith(value),
        "$=": lambda have: bool(value) and have.endswith(value),
        "*=": lambda have: bool(value) and value in have,
    }
    test = tests[sign]
    return lambda tag: name in tag.attrs and test(tag.attrs[name])


def _place_test(name: str, argument: str) -> Callable[[Element], bool] | None:
    """A test of the place among siblings; None for other pseudo-classes and those that count one kind only."""
    simple: dict[str, Callable[[Element], bool]] = {
        "first-child": lambda one: one.position == 1,
        "last-child": lambda one: one.position == _siblings(one),
        "only-child": lambda one: _siblings(one) == 1,
        "empty": lambda one: one.children == 0 and one.first_run == one.last_run,
    }
    if name not in {"nth-child", "nth-last-child"}:
        return simple.get(name)
    step, offset = _nth(argument.strip().lower())
    if name == "nth-child":
        return lambda one: _counts(one.position, step, offset)
    return lambda one: _counts(_siblings(one) - one.position + 1, step, offset)


def _siblings(one: Element) -> int:
    return one.parent.children if one.parent is not None else 1


def _nth(argument: str) -> tuple[int, int]:
    if argument in {"odd", "even"}:
        return 2, int(argument == "odd")
    if re.fullmatch(r"[+-]?\d{1,6}", argument):
        return 0, int(argument)
    found = _NTH.fullmatch(argument)
    if found is None or len(argument) > 20:
        raise _NoMatch
    step = int(found[1]) if found[1] not in {"", "+", "-"} else int(f"{found[1]}1")
    return step, int(f"{found[2]}{found[3]}") if found[2] else 0


def _counts(position: int, step: int, offset: int) -> bool:
    return position == offset if step == 0 else (position - offset) % step == 0 and (position - offset) // step >= 0


def passes(compound: Compound, tag: Tag) -> bool:
    """Whether a start tag passes all of a compound but the tests of its place."""
    return (
        (not compound.name or compound.name == tag.name)
        and compound.classes <= tag.classes
        and (not compound.id or compound.id == tag.attrs.get("id"))
        and all(test(tag) for test in compound.others)
    )
