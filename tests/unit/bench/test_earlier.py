"""An earlier state of a repository, and the processes that run it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench import interpreter
from bench.earlier import Earlier
from bench.interpreter import PACKAGES

WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits; the packages say which one they are of."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    for state in ("before", "after"):
        for package in PACKAGES:
            (folder / package / f"of_{package}").mkdir(parents=True, exist_ok=True)
            (folder / package / f"of_{package}" / "__init__.py").write_text(f"STATE = {state!r}")
        git(folder, "add", "-A")
        git(folder, *WHO, "commit", "-qm", state)
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


def test_a_server_runs_the_packages_of_the_revision_that_was_asked_for(
    repository: Path, tmp_path: Path
) -> None:
    earlier = Earlier.of("HEAD~1", tmp_path / "earlier", repository=repository)

    states = "; ".join(f"import of_{each}; print(of_{each}.STATE)" for each in PACKAGES)
    said = subprocess.run(
        [interpreter.path(), "-c", states],
        env=interpreter.environment(earlier.packages),
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.split() == ["before"] * len(PACKAGES)


def test_a_revision_that_there_is_not_is_an_error(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        Earlier.of("no-such-branch", tmp_path / "earlier", repository=repository)


def test_a_server_finds_our_packages_and_those_of_this_environment() -> None:
    said = subprocess.run(
        [interpreter.path(), "-c", "import aio_pika, bench, kull_router; print(kull_router)"],
        env=interpreter.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert str(interpreter.ROOT / "router") in said.stdout
