"""What an event may be called, held to what the protocol's schemas call their messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kull_producers.events.models import EVENTS
from kull_protos.contract.event_types import RESERVED, is_event_type

SCHEMAS = Path(__file__).parents[4] / "docs" / "schema"


@pytest.mark.parametrize("schema", ["server.json", "device.json"])
def test_no_message_of_the_schemas_may_be_the_name_of_another_event(schema: str) -> None:
    messages = set(json.loads((SCHEMAS / schema).read_text())["$defs"])
    names = {name for name in messages if name.isupper()}
    assert names & RESERVED
    assert names - set(EVENTS) <= RESERVED


@pytest.mark.parametrize("name", ["A", "CREDIT_UPDATE", "V2", "A" * 64])
def test_up_to_64_capitals_digits_and_underscores_are_a_type(name: str) -> None:
    assert is_event_type(name)


@pytest.mark.parametrize(
    "name", ["", "a", "_A", "2A", "A B", "A\n", "É", "A" * 65, *sorted(RESERVED)]
)
def test_anything_else_is_none(name: str) -> None:
    assert not is_event_type(name)
