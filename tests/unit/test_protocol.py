"""docs/protocol.md and docs/schema say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.schema import checked, device_validator, schema

PAGE = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
FIELDS_OF_ALL = {"type", "data", "timestamp", "deviceId", "userId"}


def section(title: str) -> str:
    """Return a section of the page."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> dict[str, str]:
    """Return the second column of a section's first table, by each name in the first."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: row[1] for row in cells for name in re.findall(r"`([A-Z_]+)`", row[0])}


def fields(cell: str) -> dict[str, Any]:
    """Return the fields that a cell names: `name` or `name?`, with what is in its braces.

    What is in brackets alone is a shape that the page describes elsewhere: "`Member` is `…`".
    """
    spans = re.findall(r"`([^`]+)`", re.split(r":(?= )(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)", cell)[0])
    text = re.sub(r"\([^()]*\)", "", ", ".join(spans))
    found: dict[str, Any] = {}
    for name, _, inner, shape in re.findall(
        r"(\w+\??)\s*(\[?\{([^}]*)\}\]?|\[([A-Z]\w+)\])?", text
    ):
        found[name] = {part.split(":")[0].strip(): {} for part in inner.split(",") if part.strip()}
        if shape:
            found[name] = fields(re.findall(rf"`{shape}` is (`[^`]+`)", PAGE)[0])
    return found


def declared(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the same of a schema."""
    found: dict[str, Any] = {}
    for name, inner in spec.get("properties", {}).items():
        mark = "" if name in spec["required"] else "?"
        found[name + mark] = declared(inner.get("items", inner))
    return found


def test_each_message_of_the_server_is_on_the_page_with_its_fields_and_the_other_way_round() -> (
    None
):
    told = {type_: fields(cell) for type_, cell in rows("Server → device").items()}
    kinds = schema("server")["$defs"]

    assert told == {type_: declared(spec["properties"]["data"]) for type_, spec in kinds.items()}
    assert all(set(spec["properties"]) >= FIELDS_OF_ALL for spec in kinds.values())


def test_each_message_of_devices_is_on_the_page_with_its_fields_and_the_other_way_round() -> None:
    told = {type_: fields(cell) for type_, cell in rows("Device → server").items()}
    kinds = {ref["$ref"].split("/")[-1] for ref in schema("device")["oneOf"]}

    assert told.keys() == kinds
    for type_ in kinds:
        spec = schema("device")["$defs"][type_]
        names = {
            name + ("" if name in spec["required"] else "?")
            for name in spec["properties"]
            if name != "type"
        }
        assert set(told[type_]) == names, type_


def examples() -> list[str]:
    """Return every JSON object on the page."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    spans = [span for span in re.findall(r"`(\{[^`]*\})`", PAGE) if '"type"' in span]
    return [*(line for block in blocks for line in block.splitlines()), *spans]


@pytest.mark.parametrize("example", examples())
def test_each_example_on_the_page_is_valid(example: str) -> None:
    message = json.loads(example)

    if "timestamp" in message:
        checked(message)
    else:
        device_validator().validate(message)


def test_the_page_has_examples_of_both_directions() -> None:
    assert {"timestamp" in json.loads(example) for example in examples()} == {True, False}
