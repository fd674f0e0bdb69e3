"""Which types of events there are: what a type must say about itself, and which names are taken."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, PlainSerializer

from kull_producers.contract.event_types import RESERVED
from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.audience import (
    Audience,
    ChosenUsers,
    NamedUser,
    OwnUser,
    UserOrEverybody,
)
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.catalogue import declared as declared_type
from kull_producers.events.delivery_contract import Contract, Every, Latest
from kull_producers.events.event import Event, EventType
from kull_producers.events.fields import Id
from kull_producers.events.models import EVENTS, CreditUpdate, PromptChange, ShootProgress

PROTOCOL = Path(__file__).parents[4] / "docs/protocol.md"


def shared(**changes: Any) -> EventType:
    right = EventType(
        name="COLLECTION_SHARED",
        summary="Tell a user's devices that somebody shares a collection with them.",
        exchange="kull.collection",
        scope="collection:write",
        contract=Every(),
        audience=NamedUser(),
        examples={"A collection": {"userId": "user_123", "collectionId": "c"}},
    )
    return replace(right, **changes)


class CollectionShared(Event):
    """A collection is shared with a user."""

    event_type = shared()

    collection_id: Id = Field(description="1 to 128 characters without control characters")


class NoDocstring(Event):
    event_type = shared()

    collection_id: Id = Field(description="1 to 128 characters without control characters")


class NoDescription(Event):
    """A field does not say what it must be."""

    event_type = shared()

    collection_id: Id


class TwoUsers(Event):
    """Whom is it for?"""

    event_type = shared()

    user_id: Id = Field(description="a user")


def declared(**changes: Any) -> type[Event]:
    return type(
        "CollectionShared",
        (CollectionShared,),
        {"__doc__": "Some.", "__module__": __name__, "event_type": shared(**changes)},
    )


def test_the_names_of_a_type_follow_from_its_name_on_the_wire() -> None:
    kind = shared()

    assert (kind.slug, kind.method) == ("collection-shared", "collection_shared")
    assert kind.title == "collection shared"


def test_an_own_catalogue_holds_the_types_of_kull_and_more() -> None:
    events = Catalogue(*EVENTS.values(), CollectionShared)

    assert list(events) == [*EVENTS, "COLLECTION_SHARED"]
    assert set(events.exchanges) == {*EVENTS.exchanges, "kull.collection"}
    assert events.scopes == (*EVENTS.scopes, "collection:write")
    assert events.event("COLLECTION_SHARED", {"collectionId": "c"}).data() == {"collectionId": "c"}
    assert len(EVENTS) == 3  # as before


def test_rooms_and_own_types_have_an_exchange_whatever_types_there_are() -> None:
    assert Catalogue().exchanges == (topology.ROOM, topology.OWN)


def test_who_declares_no_exchange_has_the_one_for_own_types() -> None:
    kind = EventType(
        name="SEEN",
        summary="Tell that it was seen.",
        scope="seen:write",
        contract=Every(),
        audience=NamedUser(),
        examples={},
    )

    assert kind.exchange == "kull.events"


def test_what_is_of_no_declared_type_is_refused_with_what_to_do() -> None:
    class Seen(Event):
        """It says not what it is called."""

    wrong: Any = {"type": "COLLECTION_SHARED"}
    with pytest.raises(InvalidEvent, match="no event: declare its type, `class Collection"):
        declared_type(wrong)
    with pytest.raises(InvalidEvent, match="event type Seen: it has no `event_type`"):
        declared_type(Seen())
    with pytest.raises(InvalidEvent, match="event type NoDocstring: it has no docstring"):
        declared_type(NoDocstring(collection_id="c"))


def test_a_type_whose_events_are_not_taken_again_as_json_is_refused() -> None:
    class Seen(Event):
        """Its number is a text as JSON."""

        event_type = shared(examples={"One": {"userId": "u", "at": 3}})

        at: Annotated[int, PlainSerializer(str)] = Field(description="a number")

    with pytest.raises(TypeError, match=r"its example 'One' is not the same as JSON: .* at must"):
        Catalogue(Seen)


def test_a_type_whose_events_make_no_json_is_refused() -> None:
    class Seen(Event):
        """Infinity is no JSON."""

        event_type = shared(examples={"One": {"userId": "u", "at": float("inf")}})

        at: float = Field(description="a number")

    with pytest.raises(TypeError, match="its example 'One' makes no JSON"):
        Catalogue(Seen)


def test_a_type_for_everybody_has_no_field_of_that_name() -> None:
    class Away(Event):
        """Away."""

        event_type = shared(audience=UserOrEverybody())

        everybody: bool = Field(description="whether all are away")

    with pytest.raises(TypeError, match="its field everybody is said beside the fields"):
        Catalogue(Away)


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidEvent, match="SHOOT_PROGRESS, CREDIT_UPDATE, PROMPT_CHANGE"):
        EVENTS.event("COLLECTION_SHARED", {})


def test_two_types_with_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match="one name"):
        Catalogue(CreditUpdate, CreditUpdate)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": "CollectionShared"}, "not UPPER_CASE"),
        ({"name": "TYPING"}, "a word of the protocol"),
        ({"name": "STATUS"}, "a word of the protocol"),
        ({"exchange": "collection"}, "its exchange"),
        ({"exchange": topology.ROUTE}, "not for events"),
        ({"scope": "token:mint"}, "its scope"),
        ({"scope": "*"}, "its scope"),
        ({"contract": Latest(key="collection:{id}")}, "needs the field id"),
        ({"contract": Latest(key="c", final={"status": ("over",)})}, "needs the field status"),
        ({"contract": Latest(key="c", progress="done")}, "needs the field done"),
        ({"contract": Latest(key="c", anew={"status": ("new",)})}, "needs the field status"),
        (
            {"contract": Latest(key="c", progress="collection_id")},
            "collection_id is no whole number from 0",
        ),
        ({"audience": OwnUser()}, "needs the field user_id"),
        ({"audience": ChosenUsers()}, "needs the field user_ids"),
        ({"examples": {}}, "no example"),
        ({"examples": {"A": {"userId": "u"}}}, "its example 'A' is none: .* collectionId is miss"),
        ({"examples": {"A": {"collectionId": "c"}}}, "userId is missing"),
    ],
)
def test_a_wrong_declaration_is_refused_with_what_to_change(
    changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(TypeError, match=f"event type CollectionShared: .*{why}"):
        Catalogue(declared(**changes))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (NoDocstring, "no docstring"),
        (NoDescription, "collection_id has no description"),
        (TwoUsers, "user_id is the user beside"),
    ],
)
def test_a_model_must_explain_itself(model: type[Event], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Catalogue(model)


def test_no_type_is_called_as_the_protocol_calls_something_else() -> None:
    document = PROTOCOL.read_text()
    tables = document.partition("## Server → device")[2].partition("## Rooms")[0]
    words = {
        word
        for cell in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \|", tables, flags=re.MULTILINE)
        for word in re.findall(r"[A-Z_]+", cell)
    }

    assert {"WELCOME", "ACK", "DEVICE_DISCONNECTED"} < words
    assert words - set(EVENTS) <= RESERVED


def test_the_protocols_table_has_the_fields_of_each_type() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.+)` \|$", PROTOCOL.read_text(), re.MULTILINE))
    for name, model in EVENTS.items():
        hidden = model.event_type.audience.hidden
        told = re.sub(r" \([^)]*\)", "", rows[name]).split(", ")
        assert told == [
            f"{field.alias}{'' if field.is_required() else '?'}"
            for attribute, field in model.model_fields.items()
            if attribute not in hidden
        ], name


def test_the_types_of_kull_are_kept_as_the_guarantees_say() -> None:
    kept: dict[type[Event], Contract] = {
        model: model.event_type.contract for model in EVENTS.values()
    }
    told: dict[type[Event], Audience] = {
        model: model.event_type.audience for model in EVENTS.values()
    }

    assert kept[CreditUpdate] == Every()
    assert isinstance(kept[ShootProgress], Latest)
    assert isinstance(kept[PromptChange], Latest)
    assert told == {
        ShootProgress: NamedUser(),
        CreditUpdate: OwnUser(),
        PromptChange: ChosenUsers(),
    }
