"""The public names, and what the package may import."""

from __future__ import annotations

import ast
from pathlib import Path

import kull_client

FOLDER = Path(kull_client.__file__).parent


def test_the_public_names_are_these() -> None:
    assert kull_client.__all__ == [
        "BadMessage",
        "Device",
        "Event",
        "GaveUp",
        "InvalidMessage",
        "Member",
        "NotConnected",
        "Position",
        "Rejected",
        "State",
        "Stats",
        "SyncClient",
        "SyncClosed",
        "SyncError",
        "Unauthorized",
        "UserStatus",
        "__version__",
    ]
    assert all(hasattr(kull_client, name) for name in kull_client.__all__)


def test_it_imports_nothing_of_the_servers() -> None:
    imported = {
        name.partition(".")[0]
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }

    assert {name for name in imported if name.startswith("kull_")} == {"kull_client"}
