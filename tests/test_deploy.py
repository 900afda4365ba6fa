"""Ready files: what they start, copy and set is there, as far as a machine without Docker can tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from digest.settings import Settings
from flows.cli import app

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"

COMMANDS = typer.main.get_command(app)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
    return read


def takes(words: list[str]) -> None:
    """Hold the words of a `verdicts` command to what it takes."""
    program, name, *options = words
    assert program.rpartition("/")[2] == "verdicts"
    command = COMMANDS.commands[name]  # type: ignore[attr-defined]  # a group has commands
    while options and not options[0].startswith("-") and hasattr(command, "commands"):
        command = command.commands[options.pop(0)]
    known = {word for one in command.params for word in (*one.opts, *one.secondary_opts)}
    assert {one for one in options if one.startswith("-")} <= known


def test_systemd_takes_the_unit_and_the_program_its_commands(tmp_path: Path) -> None:
    text = (DEPLOY / "verdicts.service").read_text()
    started = re.findall(r"^Exec\w+=(.+)$", text, re.MULTILINE)
    assert len(started) == 2
    for one in started:
        takes(one.split())
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "verdicts.service"  # the program stands elsewhere here
    unit.write_text(text.replace("/opt/verdicts/bin/verdicts", "/bin/true").replace("User=verdicts\n", ""))
    checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (checked.returncode, [line for line in checked.stderr.splitlines() if "verdicts" in line]) == (0, [])


def test_what_the_image_copies_is_there_and_let_through() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = {one for some in copied for one in some}
    assert [one for one in sources if not (ROOT / one).exists()] == []
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == let_through
    packages = {"digest", "flows", "pages", "sources", "subscribers", "templates"}
    assert packages <= sources


def test_the_image_starts_what_the_program_takes() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    command = re.search(r"^CMD (\[.+\])$", text, re.MULTILINE)
    assert command
    takes(json.loads(command[1]))
    assert re.search(r"^EXPOSE 8000$", text, re.MULTILINE)
    assert "--require-hashes" in text
    assert not re.search(r"(KEY|SECRET|PASSWORD)=", text)


def test_compose_starts_what_is_there_with_settings_that_are_known(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"database", "runs", "prefect", "prepare", "app", "worker"}
    takes(services["app"]["command"])
    for one in services["prepare"]["command"][2].split(" && "):
        takes(one.split())
    known = {f"VERDICTS_{name.upper()}" for name in Settings.model_fields}
    for one in services.values():
        ours = {name for name in one.get("environment", {}) if name.startswith("VERDICTS_")}
        assert ours <= known
        assert set(one.get("depends_on", {})) <= set(services)
        assert {volume.partition(":")[0] for volume in one.get("volumes", [])} <= set(compose["volumes"])
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


def test_prefect_knows_what_compose_sets_and_starts(compose: dict[str, Any]) -> None:
    import sys

    from prefect.settings.legacy import _get_valid_setting_names
    from prefect.settings.models.root import Settings as Known

    # Of its settings a wrong name is silently nothing.
    named = {one for some in compose["services"].values() for one in some.get("environment", {})}
    theirs = {one for one in named if one.startswith("PREFECT_")}
    assert theirs <= _get_valid_setting_names(Known)
    for name in ("prefect", "worker"):
        words = compose["services"][name]["command"]
        asked = subprocess.run(
            [sys.executable, "-m", *words[:3], "--help"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert [one for one in words[3:] if one.startswith("--") and one not in asked.stdout] == []
