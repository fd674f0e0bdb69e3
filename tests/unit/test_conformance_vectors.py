"""The vectors of conformance/ speak the protocol themselves."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.schema import checked, schema
from tests.unit.client.vectors import ABILITIES, FOLDER, merged, templates, vectors

ROOT = Path(__file__).parents[2]
README = (FOLDER / "README.md").read_text()
# Of a newer server or other producers, or of no server at all: the client must bear them.
FOREIGN = {"CONFETTI", "COLLECTION_SHARED", "CURSOR_MOVED"}
BENT = {
    "an event may have the name of a message about the session",
    "fields that this version does not know are ignored",
    "null is as good as absent",
}
ALL = [pytest.param(vector, id=f"{file}: {vector['name']}") for file, vector in vectors()]


def plain(value: Any) -> Any:
    """Return a message with a text in the place of what is remembered."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return "1" if isinstance(value, str) and value.startswith("$") else value


@pytest.mark.parametrize("vector", ALL)
def test_what_a_vector_sends_is_valid(vector: dict[str, Any]) -> None:
    for step in vector["steps"]:
        message = step.get("send")
        if message is None or message["type"] in FOREIGN or vector["name"] in BENT:
            continue
        checked(plain(merged(templates()["*"] | templates().get(message["type"], {}), message)))


def test_every_type_of_the_servers_messages_is_sent_by_some_vector() -> None:
    sent = {
        step["send"]["type"] for _, each in vectors() for step in each["steps"] if "send" in step
    }

    assert sent >= schema("server")["$defs"].keys() - {"PROMPT_CHANGE"}


def test_every_vector_is_run_by_a_client_that_can() -> None:
    runner = (ROOT / "clients/web/packages/sync/test/vectors.ts").read_text()
    [web] = re.findall(r"^const ABILITIES = \[(.*)\];$", runner, re.MULTILINE)
    clients = [ABILITIES, set(re.findall(r"'(\w+)'", web))]

    left = [
        vector["name"]
        for _, vector in vectors()
        if not any(able.issuperset(vector.get("needs", [])) for able in clients)
    ]

    assert all(clients)
    assert left == []


def test_each_vector_has_a_name_of_its_own() -> None:
    names = Counter(vector["name"] for _, vector in vectors())

    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= 100


def test_the_readme_lists_every_file_step_option_and_ability_and_no_other() -> None:
    tables = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    listed = {name for cell in tables for name in re.findall(r"`(\w+)(?:\.jsonl|:|`)", cell)}
    steps = {next(iter(step)) for _, vector in vectors() for step in vector["steps"]}
    options = {name for _, vector in vectors() for name in vector.get("client", {})}
    files = {file for file, _ in vectors()}
    abilities = {need for _, vector in vectors() for need in vector.get("needs", [])}
    told = re.search(r"what it does not list: (.*)", README)

    # A fixed token is what a vector has that says nothing else.
    assert listed == steps | options | files | {"token"}
    assert told and set(re.findall(r"`(\w+)`", told[1])) == abilities
