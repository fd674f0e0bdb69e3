"""What the documents name exists."""

from __future__ import annotations

import ast
import importlib
import os
import re
from pathlib import Path

import pytest

from kull_mesh.commands.config import current
from kull_mesh.subcommands import ENTRIES

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "docs/decisions", "*", "clients/*", "clients/web/packages/*")
    for path in ROOT.glob(f"{folder}/*.md")
    if not any(part.startswith(".") or part == "node_modules" for part in path.parts)
)
CODE = (
    "protos",
    "producers",
    "gateway",
    "router",
    "edge",
    "console",
    "mesh",
    "clients",
    "tests",
    "examples",
    "bench",
    "scripts",
)
COMMAND = re.compile(r"(?:`|bin/)kull ([a-z-]+)")
# Variables of the tests, of compose.yaml and of the examples.
OTHERS = re.compile(
    r"KULL_(TEST_|BENCH_|SERVICE_TOKEN|TOKEN$|DOCTOR_TOKEN$|DEBUG$|.*_IMAGE|RABBITMQ_|BIND|EDGE_\d_PORT)"
)


def named(pattern: str) -> list[tuple[Path, str]]:
    return [
        (document.relative_to(ROOT), match)
        for document in DOCUMENTS
        for match in re.findall(pattern, document.read_text())
    ]


def test_every_link_leads_somewhere() -> None:
    links = named(r"\]\((?!https?:|#)([^)#\s]+)")
    assert links

    broken = [(str(d), to) for d, to in links if not (ROOT / d.parent / to).exists()]

    assert broken == []


def test_the_index_lists_every_decision_by_its_title_and_no_number_is_missing() -> None:
    folder = ROOT / "docs/decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    rows = [
        f"| [{page.name[:4]}]({page.name}) | {_title(page).partition('. ')[2]} |" for page in pages
    ]

    assert re.findall(r"(?m)^\| \[.*$", (folder / "README.md").read_text()) == rows
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [int(_title(page).split(".")[0]) for page in pages] == list(range(1, len(pages) + 1))


def _title(page: Path) -> str:
    return page.read_text().splitlines()[0].removeprefix("# ")


def test_every_setting_named_exists() -> None:
    known = {setting.name for setting in current()}
    unknown = [
        (str(document), name)
        for document, name in named(r"\bKULL_[A-Z0-9_]*[A-Z0-9]\b(?!_)")
        if name not in known and not OTHERS.match(name)
    ]

    assert unknown == []


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    mentioned = {name for _, name in named(r"(?m)(?:`|^)make ([a-z]+)")}

    assert mentioned
    assert mentioned <= targets


def test_every_kull_command_named_exists() -> None:
    mentioned = {name for _, name in named(COMMAND.pattern)}

    assert mentioned
    assert mentioned <= ENTRIES.keys()


def test_every_kull_command_is_explained_in_its_readme() -> None:
    text = (ROOT / "mesh/README.md").read_text()

    explained = [
        name for row in re.findall(r"^\|.*", text, re.MULTILINE) for name in COMMAND.findall(row)
    ]

    assert ENTRIES.keys() - set(explained) == set()


def test_every_file_named_exists() -> None:
    files: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = {*folders} - {"node_modules", "build"}
        files += (Path(folder, name) for name in names)
    missing = [
        (str(document), name)
        for document, name in named(r"`([A-Za-z0-9_./*-]+\.(?:py|ts|tsx|mjs))`")
        if not any(file.match(name) for file in files)
    ]

    assert missing == []


def test_every_python_snippet_compiles_and_imports_what_exists() -> None:
    snippets = named(r"(?s)```python\n(.*?)```")
    assert snippets

    wrong = []
    for document, code in snippets:
        tree = ast.parse(code)
        compile(tree, str(document), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("kull_"):
                module = importlib.import_module(str(node.module))
                names = [alias.name for alias in node.names]
                wrong += [(str(document), name) for name in names if not hasattr(module, name)]

    assert wrong == []


def test_every_test_named_exists() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    missing = [
        (str(document), name)
        for document, name in named(r"\b(test_[a-z0-9_]+)\b(?!\.py|_)")
        if f"def {name}(" not in sources and not list((ROOT / "tests").rglob(f"{name}.py"))
    ]

    assert missing == []


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            fields = getattr(found, "__dataclass_fields__", {})
            if not hasattr(found, part) and part not in fields:
                return False
            found = getattr(found, part, fields.get(part))
        return True
    return False


def test_every_word_of_the_glossary_is_a_name_in_the_code() -> None:
    rows = re.findall(r"(?m)^\| (?!word)(.+?) \| .+ \| `(kull_[\w.]+)` \|$", GLOSSARY.read_text())

    assert len(rows) == len(re.findall(r"(?m)^\| (?!word)\w", GLOSSARY.read_text())) >= 30
    assert [name for _, name in rows if not _resolves(name)] == []


def test_every_dotted_name_of_ours_in_a_document_is_there() -> None:
    names = named(r"`(kull_[a-z]+\.[A-Za-z_.]+)(?:\([^`]*\))?`")
    assert names

    assert [(str(document), name) for document, name in names if not _resolves(name)] == []


def test_the_check_of_the_glossary_sees_a_name_that_is_gone() -> None:
    assert _resolves("kull_router.queues.entry.Entry.seq")
    assert not _resolves("kull_router.queues.entry.Entry.gone")
    assert not _resolves("kull_router.gone.Entry")


@pytest.mark.parametrize("path", ["README.md", "docs/architecture.md", "docs/protocol.md"])
def test_the_first_documents_are_there(path: str) -> None:
    assert (ROOT / path) in DOCUMENTS
