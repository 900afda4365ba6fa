"""Programs that check emails, each run once for all: html-validate, vnu, mjml and SpamAssassin.

Every function takes what to check by name and gives what was found by name; a test that needs a program which is not
installed is skipped with how to install it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import pytest

TOOLS = Path(__file__).parents[1] / "tools"

_MODULES = TOOLS / "node_modules"

_NPM = "make tools (it needs node and npm)"


class Spam(NamedTuple):
    """What SpamAssassin thinks of a letter: points, and a line for each rule that hit."""

    score: float
    rules: tuple[str, ...]


def html_validate(pages: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """Check html with html-validate, as `tests/tools/html-validate.mjs` says."""
    program = _installed(_MODULES / ".bin" / "html-validate", _NPM)
    files = _written(pages, folder, ".html")
    report = folder / "report.json"  # through a pipe only the first 64 KB would arrive: it ends without waiting
    _run([program, "--config", TOOLS / "html-validate.mjs", "--formatter", f"json={report}", *files.values()], {0, 1})
    told = {one["filePath"]: one["messages"] for one in json.loads(report.read_text("utf-8"))}
    return {
        name: [f"line {one['line']}, {one['ruleId']}: {one['message']}" for one in told.get(str(file), ())]
        for name, file in files.items()
    }


def vnu(pages: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """Check html with the Nu Html Checker, warnings and remarks included."""
    jar = _installed(_MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar", _NPM)
    java = _found("java", "apt-get install default-jre-headless")
    files = _written(pages, folder, ".html")
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss8m")  # half the processor time for so few pages
    ran = _run([java, *quick, "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always", *files.values()])
    found: dict[str, list[str]] = {name: [] for name in files}
    names = {file.as_uri().replace("file:///", "file:/"): name for name, file in files.items()}
    for one in json.loads(ran.stdout)["messages"]:
        found[names[one["url"]]].append(f"line {one.get('lastLine', 0)}: {one['message']}")
    return found


def mjml(sources: Mapping[str, str], folder: Path) -> dict[str, list[str]]:
    """Validate MJML with `mjml -v`."""
    program = _installed(_MODULES / ".bin" / "mjml", _NPM)
    files = _written(sources, folder, ".mjml")
    told = _run([program, "-v", *files.values()], {0, 1}).stderr
    found = {name: [line for line in told.splitlines() if f" {file} " in line] for name, file in files.items()}
    if told.strip() and not any(found.values()):
        pytest.fail(told)
    return found


def spamassassin(letters: Mapping[str, bytes], folder: Path) -> dict[str, Spam]:
    """Judge letters with `spamassassin -L -t`: no network, and nothing learnt from earlier runs.

    It gives them back in an order of its own, so each letter needs a Message-ID of its own.
    """
    program = _found("spamassassin", "apt-get install spamassassin")
    box = b"".join(
        b"From reader@example.org Mon Nov 16 06:00:00 2026\n%b\n\n" % _in_a_box(one) for one in letters.values()
    )
    told = _run([program, "-L", "-t", "-x", "--mbox"], stdin=box, home=folder).stdout
    reports = re.split(r"(?m)^X-Spam-Status: ", told)[1:]
    judged = {_message_id(report): _spam(report) for report in reports}
    return {name: judged[_message_id(source.decode("ascii"))] for name, source in letters.items()}


def _message_id(letter: str) -> str:
    found = re.search(r"(?im)^Message-ID:\s*(<[^>]+>)", letter)
    assert found, letter[:400]
    return found[1]


def _spam(report: str) -> Spam:
    score = re.search(r"\bscore=(-?[\d.]+)", report)
    details = report.partition("\nContent analysis details:")[2]
    rules = re.findall(r"(?m)^ *-?\d+\.\d [A-Z][A-Z0-9_]+ .*$", details)
    if not (score and rules):
        pytest.fail(f"spamassassin says something else now: {report[:400]}")
    return Spam(float(score[1]), tuple(rules))


def _in_a_box(letter: bytes) -> bytes:
    return re.sub(rb"(?m)^(>*From )", rb">\1", letter.replace(b"\r\n", b"\n"))


def _written(texts: Mapping[str, str], folder: Path, suffix: str) -> dict[str, Path]:
    files = {name: folder / f"{name}{suffix}" for name in texts}
    for name, file in files.items():
        file.write_text(texts[name], "utf-8")
    return files


def _installed(path: Path, how: str) -> Path:
    if not path.exists() or not shutil.which("node"):
        pytest.skip(f"needs {path.name}: {how}")
    return path


def _found(program: str, how: str) -> str:
    path = shutil.which(program)
    if not path:
        pytest.skip(f"needs {program}: {how}")
    return path


def _run(
    command: Sequence[str | Path], codes: Set[int] = frozenset({0}), *, stdin: bytes = b"", home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LC_ALL": "C.UTF-8"} | ({"HOME": str(home)} if home else {})
    words = [str(word) for word in command]
    ran = subprocess.run(words, input=stdin, capture_output=True, env=env, check=False, timeout=120)
    out, error = ran.stdout.decode("utf-8", "replace"), ran.stderr.decode("utf-8", "replace")
    if ran.returncode not in codes:
        pytest.fail(f"{words[0]} ended with {ran.returncode}: {error[-2000:]}")
    return subprocess.CompletedProcess(words, ran.returncode, out, error)
