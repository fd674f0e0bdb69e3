"""One version, said by every manifest, and by what is installed."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from importlib.metadata import version as installed
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = "scripts/version.py"
FILES = ("*.toml", "*/pyproject.toml", "clients/python/pyproject.toml", "clients/web/*.json",
         "clients/web/*/*/package.json", SCRIPT)  # fmt: skip


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    for path in (path for pattern in FILES for path in ROOT.glob(pattern)):
        if "node_modules" not in path.parts:
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


def test_every_manifest_says_the_same_version() -> None:
    done = run(ROOT, "--check")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["kull_edge", "kull_router", "kull_mesh", "kull_client"])
def test_a_package_tells_the_version_that_is_installed(package: str) -> None:
    told = importlib.import_module(package).__version__

    assert told == installed(package.replace("_", "-")) == run(ROOT).stdout.strip()


def test_a_new_version_is_set_everywhere_at_once(scratch: Path) -> None:
    old = run(scratch).stdout.strip()

    assert run(scratch, "3.2.1rc1").returncode == 0

    assert run(scratch).stdout == "3.2.1rc1\n"
    assert run(scratch, "--check").returncode == 0
    left = [
        f"{path.relative_to(scratch)}: {line}"
        for path in scratch.rglob("*.*")
        if path.suffix in {".toml", ".json"}
        for line in path.read_text().splitlines()
        if re.search(rf'(kull|version).*"{re.escape(old)}"|kull-.*=={re.escape(old)}', line)
    ]
    ours = [line for line in left if "package-lock" not in line]
    assert ours == []


def test_a_manifest_that_lags_behind_is_named(scratch: Path) -> None:
    edge = scratch / "edge/pyproject.toml"
    edge.write_text(re.sub(r"kull-protos==[\d.]+", "kull-protos==0.0.1", edge.read_text()))

    done = run(scratch, "--check")

    assert done.returncode == 1
    assert "edge/pyproject.toml" in done.stderr


def test_what_is_no_version_is_refused(scratch: Path) -> None:
    assert "is no version" in run(scratch, "next").stderr
