"""The contract stands alone, and what is made of it says the same."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[4]
PROTOS = ROOT / "protos/kull_protos"
MODULES = sorted(
    f"kull_protos.{path.parent.name}.{path.stem}"
    for folder in ("contract", "common")
    for path in (PROTOS / folder).glob("[a-z]*.py")
)
MADE = ("protos/kull_protos", "clients/python", "clients/web/packages/sync/src", "docs", "scripts")
ROW = '    UNTIDY = 4508, "the device left a mess"\n'


def python(*arguments: str | Path, within: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=within,
        env={"PYTHONPATH": f"{within / 'protos'}:{within / 'clients/python'}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_module_loads_nothing_but_the_standard_library(module: str) -> None:
    code = (
        f"import sys; before = set(sys.modules); import {module}\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = python("-c", code)

    assert done.stdout.strip() == "['kull_protos']", done.stderr


def test_what_is_committed_is_what_the_contract_says() -> None:
    done = python(ROOT / "scripts/gen_contract.py", "--check")

    assert done.returncode == 0, done.stderr


@pytest.fixture
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generator", ROOT / "scripts/gen_contract.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_that_explains_it_names_every_copy_and_every_table(generator: ModuleType) -> None:
    page = (ROOT / "docs/decisions/0020-what-is-said-once.md").read_text()
    modules, tables = (
        dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, re.MULTILINE))
        for part in page.partition("| where | tables |")[::2]
    )
    copies: dict[str, set[str]] = {}
    for target in (Path(target) for targets in generator.COPIES.values() for target in targets):
        package = [part for part in target.parent.parts if part not in generator.MEMBERS]
        if target.stem != "__init__":
            copies.setdefault(".".join(package), set()).add(target.stem)

    assert {package: set(re.findall(r"`(\w+)`", row)) for package, row in modules.items()} == copies
    assert tables.keys() == generator.generate().keys() - {
        target for targets in generator.COPIES.values() for target in targets
    }
    assert all(name in tables[generator.DOCUMENT] for name in generator.tables())


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A copy of what a close code reaches."""
    for folder in (*MADE, "producers/kull_producers", "gateway/kull_gateway"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules", "dist")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def test_a_close_code_costs_one_row(scratch: Path) -> None:
    table = scratch / "protos/kull_protos/contract/close_codes.py"
    text = table.read_text()
    before = {path: path.read_bytes() for path in scratch.rglob("*") if path.is_file()}
    table.write_text(text.replace("\n    @property", f"{ROW}\n    @property", 1))
    generator = scratch / "scripts/gen_contract.py"

    noticed = python(generator, "--check", within=scratch)
    made = python(generator, within=scratch)
    settled = python(generator, "--check", within=scratch)

    assert noticed.returncode == 1
    assert "close_codes.py" in noticed.stderr
    assert (made.returncode, settled.returncode) == (0, 0), made.stderr
    changed = {
        path.relative_to(scratch).as_posix()
        for path, content in before.items()
        if path.read_bytes() != content
    }
    assert changed == {
        "protos/kull_protos/contract/close_codes.py",
        "clients/python/kull_client/close_codes.py",
        "clients/web/packages/sync/src/close-codes.generated.ts",
        "docs/protocol.md",
    }
    web = (scratch / "clients/web/packages/sync/src/close-codes.generated.ts").read_text()
    assert "  4508: 'untidy',\n" in web
    assert "export const UNTIDY = 4508;\n" in web
    assert (
        "| 4508 | `untidy` | the device left a mess |\n"
        in (scratch / "docs/protocol.md").read_text()
    )
    told = python(
        "-c",
        "import kull_client; print(kull_client.SyncClosed(4508, 'sorry'))",
        within=scratch,
    )
    assert told.stdout.strip() == "the server ended the session with 4508 (untidy): sorry"
