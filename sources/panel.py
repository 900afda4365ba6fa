"""Who sits on the panel: the list of reviewers, as people write it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from digest.errors import Fault, FilesError
from digest.model import Reviewer
from sources.fields import Fields, Lined

#: The list used while the home folder has none of its own.
BUNDLED_REVIEWERS = Path(__file__).parent / "reviewers.toml"


def load_reviewers(path: Path) -> tuple[Reviewer, ...]:
    """Read a list of reviewers, in panel order; one without `order` keeps its place in the file.

    Raises:
        FilesError: The file is wrong; every fault at once.
    """
    source, document = _toml(path)
    lines = [n for n, line in enumerate(source.splitlines(), 1) if re.match(r"\s*\[\[\s*reviewer\s*\]\]", line)]
    entries = document.get("reviewer", [])
    faults = [Fault(path.name, None, key, "a key nobody knows", "reviewer") for key in document if key != "reviewer"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append(Fault(path.name, None, "reviewer", "no list of tables", "[[reviewer]] before each reviewer"))
        raise FilesError(faults)
    reviewers: list[Reviewer] = []
    for number, entry in enumerate(entries):
        found = Fields(path.name, Lined(entry, {}, lines[number] if number < len(lines) else None), faults)
        one = _reviewer(found, number + 1)
        if one.slug in {other.slug for other in reviewers}:
            found.fault("slug", repr(one.slug), "each reviewer once")
        reviewers.append(one)
    if not entries and not faults:
        faults.append(Fault(path.name, None, "", "no [[reviewer]]", "at least one reviewer"))
    if faults:
        raise FilesError(faults)
    return tuple(sorted(reviewers, key=lambda one: (one.order, one.slug)))


def _toml(path: Path) -> tuple[str, dict[str, object]]:
    try:
        source = path.read_text(encoding="utf-8")
        return source, tomllib.loads(source)
    except OSError as error:
        raise FilesError([Fault(path.name, None, "", str(error.strerror), "a list of [[reviewer]]")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        fault = Fault(path.name, int(line[1]) if line else None, "", str(error), "a list of [[reviewer]] in TOML")
        raise FilesError([fault]) from error


def _reviewer(found: Fields, place: int) -> Reviewer:
    found.only("slug", "name", "lens", "order", "active")
    return Reviewer(
        slug=found.slug("slug"),
        name=found.text("name"),
        lens=found.text("lens"),
        order=found.take("order", int, "a whole number", place),
        active=found.take("active", bool, "true or false", True),
    )
