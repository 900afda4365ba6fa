"""Reduce caniemail's data to what preflight needs, in digest/inspecting: `python tests/tools/caniemail.py PATH`.

PATH is `data/caniemail.json` of the npm package `caniemail`. Run it again when a newer one is out, and look at the
difference: each feature stands on a line of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

#: The mail programs we look at, family by family: how caniemail calls them, and how we do.
CLIENTS = {
    "Apple Mail": {"apple-mail/macos": "macOS", "apple-mail/ios": "iOS"},
    "Gmail": {"gmail/desktop-webmail": "web", "gmail/ios": "iOS", "gmail/android": "Android"},
    "Outlook": {
        "outlook/windows": "Windows",
        "outlook/outlook-com": "web",
        "outlook/macos": "macOS",
        "outlook/ios": "iOS",
        "outlook/android": "Android",
    },
    "Yahoo Mail": {"yahoo/desktop-webmail": "web", "yahoo/ios": "iOS", "yahoo/android": "Android"},
    "Samsung Email": {"samsung-email/android": ""},
    "Thunderbird": {"thunderbird/macos": ""},
    "Proton Mail": {
        "protonmail/desktop-webmail": "web",
        "protonmail/ios": "iOS",
        "protonmail/android": "Android",
    },
    "Fastmail": {"fastmail/desktop-webmail": ""},
    "HEY": {"hey/desktop-webmail": ""},
    "GMX": {"gmx/desktop-webmail": "web", "gmx/ios": "iOS", "gmx/android": "Android"},
}
TARGET = Path(__file__).parents[2] / "digest" / "inspecting" / "caniemail.json"


def reduced(data: dict[str, Any], package: str) -> dict[str, Any]:
    """Keep, for each css and html feature, who lacks it in the newest version tested."""
    features = {one["slug"]: support(one) for one in data["data"] if one["category"] in {"css", "html"}}
    return {
        "source": f"https://www.caniemail.com (MIT), from the npm package {package}",
        "updated": data["last_update_date"][:10],
        "families": list(CLIENTS),
        "features": features,
    }


def support(feature: dict[str, Any]) -> dict[str, Any]:
    """Who lacks a feature; a family has it when at least half of its tested programs do, be it in part."""
    lacks, tested, have = [], 0, 0
    for family, programs in CLIENTS.items():
        said = {label: newest(feature, name) for name, label in programs.items()}
        known = {label: value for label, value in said.items() if value in {"y", "a", "n"}}
        without = [label for label, value in known.items() if value == "n"]
        tested += bool(known)
        have += bool(known) and 2 * len(without) <= len(known)
        if without:
            whole = len(without) == len(programs) or without == [""]
            lacks.append(family if whole else f"{family} ({', '.join(without)})")
    return {"tested": feature["last_test_date"], "have": have, "of": tested, "lacks": lacks}


def newest(feature: dict[str, Any], name: str) -> str:
    """What the newest version of a mail program does: y, a (in part), n or u (nobody knows)."""
    family, platform = name.split("/")
    versions = feature["stats"].get(family, {}).get(platform) or {"": "u"}
    return str(list(versions.values())[-1])[:1]  # versions stand in the order of their release


def written(document: dict[str, Any]) -> str:
    """JSON with one feature a line."""
    head = {key: value for key, value in document.items() if key != "features"}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    rows = [f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(document["features"].items())]
    return "\n".join(["{", *lines, '  "features": {', ",\n".join(rows), "  }", "}", ""])


def main(path: Path) -> None:
    """Write the data file and say how much it holds."""
    about = json.loads((path.parents[1] / "package.json").read_text("utf-8"))
    document = reduced(json.loads(path.read_text("utf-8")), f"{about['name']} {about['version']}")
    TARGET.write_text(written(document), "utf-8")
    print(f"{TARGET}: {len(document['features'])} features, data of {document['updated']}")  # noqa: T201 - its output


if __name__ == "__main__":
    main(Path(sys.argv[1]))
