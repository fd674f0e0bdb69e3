"""`kull events`: what is generated from the types of a module, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from tests.unit.mesh.conftest import Kull

EXAMPLE = Path(__file__).parents[4] / "examples/own_events"
GALLERY = ("events", "--module", "gallery.events")


def test_what_the_example_has_is_what_its_module_says(
    kull: Kull, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLE)
    files = ("--typescript", "web/events.ts", "--json-schema", "events.schema.json")

    ran = kull(*GALLERY, *files, "--check")

    assert (ran.code, ran.err) == (0, "")


def test_a_file_that_is_not_as_the_types_say_is_named(kull: Kull, tmp_path: Path) -> None:
    file = tmp_path / "events.ts"
    kull(*GALLERY, "--typescript", str(file))
    assert kull(*GALLERY, "--typescript", str(file), "--check").code == 0

    file.write_text(file.read_text().replace("sharedBy", "by"))
    ran = kull(*GALLERY, "--typescript", str(file), "--check")

    assert ran.code == 1
    assert f"not as the event types say: {file}" in ran.err
    assert "sharedBy" not in file.read_text(), "it is only looked at"


def test_a_folder_gets_a_schema_for_each_type(kull: Kull, tmp_path: Path) -> None:
    assert kull(*GALLERY, "--json-schema", str(tmp_path / "schema")).code == 0

    files = sorted(path.name for path in (tmp_path / "schema").iterdir())
    assert files == [
        "collection-renamed.json",
        "collection-shared.json",
        "maintenance-planned.json",
        "photo-viewed.json",
    ]
    schema = json.loads((tmp_path / "schema/photo-viewed.json").read_text())
    assert jsonschema_rs.is_valid(schema, {"photoId": "p", "viewer": "v"})
    assert not jsonschema_rs.is_valid(schema, {"photoId": "p"})


def test_the_modules_of_the_deployment_are_taken_unless_others_are_named(
    kull: Kull, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KULL_EVENTS_MODULES", "gallery.events")
    file = tmp_path / "asyncapi.json"

    assert kull("events", "--asyncapi", str(file)).code == 0

    assert "COLLECTION_SHARED" in json.loads(file.read_text())["channels"]


def test_without_a_file_it_shows_the_types_and_the_routers_setting(kull: Kull) -> None:
    shown = kull(*GALLERY).out

    assert "MAINTENANCE_PLANNED" in shown
    assert "notice:write" in shown
    assert (
        "KULL_EVENT_TYPES=COLLECTION_SHARED,COLLECTION_RENAMED,PHOTO_VIEWED,MAINTENANCE_PLANNED"
        in shown
    )


def test_there_is_nothing_to_generate_without_own_types(kull: Kull, tmp_path: Path) -> None:
    ran = kull("events", "--typescript", str(tmp_path / "events.ts"))

    assert ran.err.startswith("kull: name a module with event types of your own")


def test_a_module_that_is_not_there_is_one_line(kull: Kull) -> None:
    ran = kull("events", "--module", "our.events")

    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "no module 'our.events'" in ran.err
