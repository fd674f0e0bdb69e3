from __future__ import annotations

import json

import pytest

from kull_producers.events import topology
from kull_producers.events.message import Message
from tests.unit.router.rigs import Rig, balances


@pytest.mark.parametrize("key", ["99.user.maya.credit_update", "whatever"])
async def test_a_message_without_its_shard_is_readdressed(rig: Rig, key: str) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    data = {"userId": "maya", "newBalance": 3, "change": 1, "reason": "x"}
    body = json.dumps({"type": "CREDIT_UPDATE", "userId": "maya", "data": data}).encode()
    await rig.broker.publish(
        Message(exchange=topology.CREDIT, routing_key=key, body=body, message_id="x")
    )

    assert balances(await rig.pushed(1)) == [(2, 3)]
