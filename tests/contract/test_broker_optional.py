"""What is published whether or not somebody takes it: the same on both brokers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kull_producers.events import topology
from kull_router.errors import BrokerError
from tests.support.brokers import Rig, event, ids, open_shard, take


async def test_what_nobody_has_to_take_is_published_to_nobody_without_complaint(rig: Rig) -> None:
    broker = await rig.router()
    optional = replace(event(1), exchange=topology.PRESENCE, routing_key="user.online")
    await broker.publish(replace(optional, optional=True))
    with pytest.raises(BrokerError):
        await broker.publish(replace(optional, exchange="kull.none", optional=True))
    with pytest.raises(BrokerError):
        await broker.publish(optional)


async def test_what_is_told_of_who_is_there_reaches_who_listens_and_no_shard(rig: Rig) -> None:
    broker = await rig.router()
    await rig.third_party(topology.PRESENCE)
    word = replace(event(1), exchange=topology.PRESENCE, optional=True)
    assert word.routing_key.startswith("00.")
    await broker.publish(word)
    await broker.publish(event(2))
    assert ids(await take(await open_shard(broker), 1)) == ["2"]
