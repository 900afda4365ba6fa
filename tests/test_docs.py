"""The documentation says what is so: commands in it run, links lead somewhere, references and messages are current."""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import httpx
import pytest
import typer
from sqlmodel import Session

from digest.settings import Settings
from flows import cli
from flows.demo import SAMPLES, demo
from flows.services import open_services
from subscribers.addressing import address_hash, fold
from subscribers.tables import SuppressionRow
from tests import reference, sendgrid
from tests.commands import verdicts
from tests.pages.desk.desks import NOW, WEEK
from tests.web import Reply, Web

ROOT = Path(__file__).parents[1]

GENERATED = {"commands.md", "settings.md", "benchmarks.md"}

WRITTEN = [ROOT / "README.md", *sorted(one for one in (ROOT / "docs").glob("*.md") if one.name not in GENERATED)]

PACKAGES = ("digest", "flows", "pages", "sources", "subscribers")

#: Commands that run until they are stopped, and what they say once they are there.
STAY = {"demo --open": "desk", "desk": "desk", "serve": "public pages"}

#: Commands whose work is to find what is wrong: they end with 1 where something is.
LOOK = ("check", "compose", "doctor", "feeds check", "gather", "reconcile", "run", "send", "status", "db check")


#: Commands that other tests run, for they need a server: `tests/scale.py` deploys, `test_moving.py` moves.
ELSEWHERE = ("deploy", "db move")


# What is generated


@pytest.mark.parametrize(
    ("name", "page"), [("settings.md", reference.settings_page), ("commands.md", reference.commands_page)]
)
def test_a_reference_is_what_the_program_says(name: str, page: object) -> None:
    assert callable(page)
    found = (reference.DOCS / name).read_text(encoding="utf-8")
    assert found == page(), "write it anew: python -m tests.reference"


def test_whatever_is_read_from_the_environment_stands_in_the_reference() -> None:
    known = reference.settings_page()
    read = {
        node.value
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(?:VERDICTS|SENDGRID|SMTP)_[A-Z_]*[A-Z]", node.value)
    }
    assert read
    keys = {f"VERDICTS_{name.upper()}" for name in Settings.model_fields}
    assert sorted(one for one in read - keys if f"`{one}`" not in known) == []


# Links


def test_links_lead_to_pages_and_headings_that_are_there() -> None:
    lost = []
    for page in [*WRITTEN, *(ROOT / "docs" / name for name in GENERATED), ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")) if page.exists() else []:
            path, _, heading = target.partition("#")
            there = (page.parent / path) if path else page
            if "://" not in target and not (there.exists() and (not heading or heading in headings(there))):
                lost.append(f"{page.name}: {target}")
    assert lost == []


def headings(page: Path) -> set[str]:
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in lines}


# Messages


def test_every_message_of_troubleshooting_is_one_of_the_program() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [one.strip("`") for one in re.findall(r"^> (.+)$", page, re.MULTILINE)]
    assert len(quoted) > 15
    said = [
        node.value
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    parts = [part for one in quoted for part in map(str.strip, one.split("…")) if part]
    assert [part for part in parts if not any(part in one for one in said)] == []


@cache
def trees() -> tuple[ast.Module, ...]:
    files = [one for name in PACKAGES for one in sorted((ROOT / name).rglob("*.py"))]
    return tuple(ast.parse(one.read_text(encoding="utf-8")) for one in files)


# Commands


def lines_of(page: Path) -> list[str]:
    """The lines of a page's code blocks that hold commands, without remarks."""
    text, found, fenced = page.read_text(encoding="utf-8"), [], ""
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = "" if fenced else line.strip()
        elif (line.startswith("    ") and not fenced) or fenced in {"```sh", "```console", "```bash"}:
            found.append(re.sub(r"\s{2,}#.*$", "", line).strip())
    return found


def commands_of(page: Path) -> list[str]:
    """The commands of a page, without the program's name; variables may stand before it."""
    lines = [one for one in lines_of(page) if re.match(r"(?:[A-Z_]+=\S+ )*verdicts ", one)]
    return [re.sub(r"\bverdicts ", "", one, count=1) for one in lines]


def stays(command: str) -> str:
    """What a command says once it runs, for those that run until stopped."""
    name = "demo --open" if command.startswith("demo") and "--open" in command else command.split(maxsplit=1)[0]
    return STAY.get(name, "")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as the demo leaves it, with a digest to approve, a reader Ada, and Bob, who complained."""
    home = tmp_path_factory.mktemp("documented") / "home"
    demo(home, NOW, deliver=False)
    (home / "readers.csv").write_text(
        "email,name,state,confirmed_at,source\nada@example.org,,confirmed,2026-11-01T00:00:00Z,friends\n"
    )
    assert verdicts("subscribers", "import", home / "readers.csv", home=home).status == 0
    with open_services(home, NOW) as services, Session(services.engine) as session:
        hashed = address_hash(fold("bob@example.net"), services.settings.key("suppression_key"))
        session.add(SuppressionRow(address_hash=hashed, why="complaint", at=NOW))
        session.commit()
    return home


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to follow a page in: a home, the files that pages name, and what they reach over the network."""
    home = shutil.copytree(finished, tmp_path / "home")
    monkeypatch.chdir(home)
    monkeypatch.setenv("VERDICTS_HOME", str(home))
    shutil.copytree(SAMPLES / "reviews", home / "reviews", dirs_exist_ok=True)
    (home / "readers.csv").write_text(
        "email,name,state,confirmed_at,source\nada@example.org,,confirmed,2026-11-01,me\n"
    )
    (home / "newsletter.html").write_text('<html lang="en"><title>News</title><p>Hello</p></html>')
    (home / "maildir").mkdir()
    (tmp_path / "home-elsewhere").mkdir()
    assert verdicts("db", "backup", home / "kept.tar.gz", home=home).status == 0
    with sendgrid.running(tmp_path / "sendgrid") as standin, Web() as web:
        feed = (SAMPLES / "feeds" / "odd-sock.xml").read_bytes()
        blog = web.serve("/blog", Reply(feed, headers={"Content-Type": "application/rss+xml"}))
        monkeypatch.setenv("VERDICTS_FETCH_ALLOW_HOSTS", "127.0.0.1")
        monkeypatch.setenv("DOCUMENTED_BLOG", blog)
        for name, value in standin.environment().items():
            monkeypatch.setenv(f"DOCUMENTED_{name}", value)
        yield home


def things(home: Path) -> Mapping[str, str]:
    """What stands in this home for each thing that pages name, as patterns."""
    launches = verdicts("launches", "--week", WEEK, "--json", home=home).document
    entries = verdicts("launches", "--week", WEEK, "--entries", "--json", home=home).document
    missed = next(one["link"] for one in entries if not one["launch"])
    return {
        r"\bW\b": WEEK, r"2026-W4\d": WEEK,
        "3f9a2c81": launches[0]["launch_id"], "b07d6e15": launches[1]["launch_id"],
        r"https://example\.org/blog/a-launch-that-was-missed": missed,
        r"https://example\.org/blog": os.environ["DOCUMENTED_BLOG"],
        r"\bsmolvlm2\b": "kino-kiln", r"--bounces PATH": "--bounces maildir",
        r"verdicts-\d+-\d+\.tar\.gz": "kept.tar.gz", "/mnt/elsewhere/": f"{home}-elsewhere/",
        "/tmp/practice": f"{home}-practice", "/srv/verdicts": f"{home}-new",
    }  # fmt: skip


def meant(command: str, things: Mapping[str, str]) -> list[str]:
    """The words of a command, with the things of this home in place of those that a page names."""
    for named, thing in things.items():
        command = re.sub(named, thing, command)
    return shlex.split(command)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda one: one.name)
def test_a_page_can_be_followed(page: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, named = [], things(here)
    for command in commands_of(page):
        if stays(command) or command.startswith(ELSEWHERE):
            continue
        words, variables = meant(command, named), []
        while "=" in words[0]:
            variables.append(words.pop(0).split("=", 1))
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(sys, "stdin", io.StringIO("y\n" * 9))
            if "--sandbox" in words or "--suppressions" in words:
                for name, value in list(os.environ.items()):
                    if name.startswith("DOCUMENTED_") and name != "DOCUMENTED_BLOG":
                        meanwhile.setenv(name.removeprefix("DOCUMENTED_"), value)
            for name, value in variables:
                meanwhile.setenv(name, value)
            ran = verdicts(*words, *_at(words))
        if "--template" in words:  # files to fill in: here somebody does, and is done with it
            shutil.rmtree(here / "reviews")
            shutil.copytree(SAMPLES / "reviews", here / "reviews")
        allowed = {0, 1} if command.startswith(LOOK) else {0}
        if ran.status not in allowed or "Traceback" in ran.err:
            wrong.append(f"{command}: {ran.status}: {ran.err or ran.out}")
    assert wrong == []


def _at(words: list[str]) -> list[str]:
    """The time of the page, for commands that read the clock."""
    command = typer.main.get_command(cli.app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return ["--now", NOW.isoformat()] if any(one.name == "now" for one in command.params) else []


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted({one for page in WRITTEN for one in commands_of(page) if stays(one)}))
def test_what_runs_until_it_is_stopped_starts_and_ends(command: str, here: Path, free_port: int) -> None:
    words = shlex.split(command)
    if "--port" in words:
        words[words.index("--port") + 1] = str(free_port)
    elif words[0] in {"desk", "serve"}:
        words += ["--port", str(free_port)]
    words += ["--home", str(here.parent / "demo" if words[0] == "demo" else here)]
    program = [sys.executable, "-c", "from flows.cli import main; main()", *words]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DOCUMENTED_"))}
    with subprocess.Popen(
        program, cwd=ROOT, env=kept | {"BROWSER": "true"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        late = threading.Timer(60, running.kill)
        late.start()
        try:
            said = [_answering(running, stays(command))]
            running.send_signal(signal.SIGTERM)
            said.append(running.communicate(timeout=60)[0])
        finally:
            late.cancel()
            running.kill()
    assert (running.returncode, "stopped" in said[-1]) == (0, True), said


def _answering(running: subprocess.Popen[str], mark: str) -> str:
    """Wait until a program says its address in a line with a mark, and answers there; gives what it said."""
    assert running.stdout is not None
    said, there = "", None
    while not there:
        line = running.stdout.readline()
        assert line, f"it ended: {said}"
        said += line
        there = mark in line.lower() and re.search(r"http://[\d.:]+", line)
    assert httpx.get(there[0], timeout=30).status_code < 500
    return said


def test_what_pages_ask_make_for_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {one.split()[1] for page in WRITTEN for one in lines_of(page) if one.startswith("make ")}
    assert asked
    assert asked <= targets
