"""The `kull` command in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from kull_mesh import cli
from kull_mesh import log as logs
from kull_mesh.settings import MeshSettings


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Kull = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """KULL_HOME of this test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KULL_HOME", str(folder))
    return folder


@pytest.fixture
def kull(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Kull]:
    """Run `kull …` as a person would, with `main`'s error handling."""
    root, handlers = logging.getLogger(), list(logging.getLogger().handlers)
    configure = logs.configure

    def configure_for_one_test(settings: MeshSettings) -> None:
        configure(settings)
        # A cached logger would go on writing to this test's stderr in the next one.
        structlog.configure(cache_logger_on_first_use=False)

    monkeypatch.setattr(logs, "configure", configure_for_one_test)

    def run(*args: str) -> Ran:
        monkeypatch.setattr("sys.argv", ["kull", *args])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    yield run
    structlog.reset_defaults()
    root.handlers[:] = handlers
