"""Router, edge and the devices' SDK in Python carry events of any type: none is named there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kull_producers.events.models import EVENTS, ShootProgress

ROOT = Path(__file__).parents[2]
PACKAGES = ("router/kull_router", "edge/kull_edge", "clients/python/kull_client")
NAMES = {
    name
    for model in EVENTS.values()
    for kind in [model.event_type]
    for name in (kind.name, kind.slug, kind.method, kind.exchange, kind.scope, model.__name__)
}
# A device's UPDATE_PROGRESS is a shoot progress: the protocol says so, and its schema refers to it.
EXPECTED = {
    ("edge/kull_edge/protocol/fields.py", ShootProgress.__name__),
    ("router/kull_router/sessions/device_messages.py", ShootProgress.__name__),
}


def named(source: str) -> set[str]:
    """The names of event types in a source, outside of docstrings and comments."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                found |= {name for name in NAMES if name in text}
    return found & NAMES


def test_a_new_type_changes_nothing_in_router_edge_or_device_sdk() -> None:
    found = {
        (str(path.relative_to(ROOT)), name)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in named(path.read_text())
    }

    assert found == EXPECTED


@pytest.mark.parametrize(
    "line",
    ["from x import CreditUpdate", "if type == 'CREDIT_UPDATE': ...", "bind('kull.credit')"],
)
def test_the_check_sees_a_name_of_any_form(line: str) -> None:
    assert named(line)
    assert not named(f'"""Not {line!r}."""')
