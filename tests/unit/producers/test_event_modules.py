"""Event types come from modules by name, and what is wrong with one is told at the start."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from gallery.events import CollectionShared
from kull_producers.errors import EventModuleError
from kull_producers.event_modules import load
from kull_producers.events.models import EVENTS

OWN = ["COLLECTION_SHARED", "COLLECTION_RENAMED", "PHOTO_VIEWED", "MAINTENANCE_PLANNED"]
MODULE = '''
from pydantic import Field
from kull_producers import *

class Seen(Event):
    """Somebody has seen something."""

    event_type = EventType(
        name="{name}",
        summary="Tell that it was seen.",
        scope="seen:write",
        contract={contract},
        audience=NamedUser(),
        examples={{"One": {{"userId": "u", "what": "w"}}}},
        {more}
    )
    what: str = Field(description="a text")
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, whose modules are forgotten at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    monkeypatch.setattr(sys, "modules", {**sys.modules})
    return tmp_path


def written(folder: Path, source: str, name: str = "seen_events") -> str:
    (folder / f"{name}.py").write_text(textwrap.dedent(source))
    return name


def module(name: str = "SEEN", contract: str = "Every()", more: str = "") -> str:
    return MODULE.format(name=name, contract=contract, more=more)


def test_own_types_stand_behind_those_of_kull() -> None:
    events = load("gallery.events")

    assert list(events) == [*EVENTS, *OWN]
    assert events["COLLECTION_SHARED"] is CollectionShared
    assert set(events.exchanges) == set(EVENTS.exchanges), "routers make no exchange for them"


def test_without_modules_there_are_those_of_kull() -> None:
    assert load("") is EVENTS
    assert load(" , ") is EVENTS


def test_a_module_in_the_working_directory_is_found(folder: Path) -> None:
    assert "SEEN" in load(written(folder, module()))


def test_a_module_that_takes_its_types_from_others_has_them_once(folder: Path) -> None:
    name = written(folder, module())
    both = written(folder, f"from {name} import Event, EventType, Seen", "both")

    assert list(load(f"{name},{both}")) == [*EVENTS, "SEEN"]


def test_a_module_that_is_not_there_is_told_with_where_it_was_looked_for(folder: Path) -> None:
    with pytest.raises(EventModuleError, match=f"no module 'our.events'.*{folder}"):
        load("our.events")


def test_what_a_module_lacks_itself_is_told(folder: Path) -> None:
    with pytest.raises(EventModuleError, match="does not load: No module named 'numpyy'"):
        load(written(folder, "import numpyy"))
    with pytest.raises(EventModuleError, match="does not load: ZeroDivisionError"):
        load(written(folder, "1 / 0", "other"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("from kull_producers import CreditUpdate, Event", "declares no event type"),
        (module(name="CREDIT_UPDATE"), "one name"),
        (module(name="TYPING"), "a word of the protocol"),
        (module(more='exchange="kull.seen"'), "no router makes its exchange 'kull.seen'"),
        (module(contract='Latest(key="shoot:{what}")'), "as that of SHOOT_PROGRESS"),
    ],
)
def test_a_wrong_module_is_refused_with_what_to_change(folder: Path, source: str, why: str) -> None:
    with pytest.raises(EventModuleError, match=why):
        load(written(folder, source))
