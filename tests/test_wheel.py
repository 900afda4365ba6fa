"""What is installed is complete: the built wheel, in an empty environment, runs the demo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False, timeout=170
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
def test_the_wheel_runs_the_demo_from_an_empty_environment(tmp_path: Path) -> None:
    tools = Path(sys.executable).parent
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist", cwd=ROOT)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    python = tmp_path / "empty" / "bin" / "python"
    run(tools / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "empty", cwd=tmp_path)
    install = (tools / "uv", "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=tmp_path)
    run(*install, "--no-deps", wheel, cwd=tmp_path)
    told = run(python.with_name("verdicts"), "demo", "--no-open", "--home", tmp_path / "home", cwd=tmp_path)
    assert "3 of 3 readers have it" in told
    assert len(list((tmp_path / "home" / "outbox").rglob("*.eml"))) == 3
    where = run(python, "-c", "import digest.rendering as r; print(*r.template_folders())", cwd=tmp_path).strip()
    assert where == str(tmp_path / "empty/lib" / python_folder() / "site-packages/digest/templates")


def python_folder() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"
