"""Events of types that Kull does not know are carried as those it knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gallery.events import CollectionRenamed, CollectionShared, MaintenancePlanned, PhotoViewed
from kull_producers.errors import InvalidEvent
from kull_producers.events.envelope import messages_of
from kull_producers.events.stamp import Stamp
from kull_producers.testing import InMemoryPublisher

STAMP = Stamp(id="e-1", timestamp_ms=1, run="run-1", version=7)
SHARED = CollectionShared(
    collection_id="c",
    title="Ghent",
    shared_by="Otto",
    photo_count=1,
    shared_at=datetime(2026, 11, 28, 12, tzinfo=UTC),
)


def test_an_own_type_has_its_exchange_its_contract_and_its_routing_key() -> None:
    [message] = messages_of(SHARED, STAMP, shard_count=16, user_id="ada")

    assert message.exchange == "kull.events"
    assert message.routing_key.endswith(".user.ada.collection_shared")
    assert message.headers == {"kull-address": "user:ada", "kull-contract": "every"}
    assert json.loads(message.body)["data"] == {
        "collectionId": "c",
        "title": "Ghent",
        "sharedBy": "Otto",
        "photoCount": 1,
        "sharedAt": "2026-11-28T12:00:00Z",
    }


def test_the_newest_of_an_own_key_replaces_older_ones() -> None:
    event = CollectionRenamed(collection_id="c", title="Ghent")

    [message] = messages_of(event, STAMP, shard_count=16, user_id="ada")

    assert (message.headers["kull-key"], message.headers["kull-version"]) == ("collection:c", 7)


def test_what_only_counts_now_says_so_and_has_no_key() -> None:
    event = PhotoViewed(photo_id="p", viewer="Otto")

    [message] = messages_of(event, STAMP, shard_count=16, room="wedding")

    assert message.exchange == "kull.room"
    assert message.headers == {"kull-address": "room:wedding", "kull-contract": "ephemeral"}


async def test_a_publisher_tells_everybody_by_an_explicit_word() -> None:
    away = MaintenancePlanned(begins=datetime(2026, 11, 28, tzinfo=UTC), minutes=20)

    async with InMemoryPublisher() as publisher:
        await publisher.publish(away, everybody=True)
        await publisher.publish(away, user_id="ada")
        with pytest.raises(InvalidEvent, match="maintenance planned: whom is it for"):
            await publisher.publish(away)
        with pytest.raises(InvalidEvent, match="collection shared: it is not for everybody"):
            await publisher.publish(SHARED, everybody=True)

    assert [event.address for event in publisher.events] == ["all", "user:ada"]
