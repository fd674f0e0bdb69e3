from __future__ import annotations

import asyncio

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.router.rigs import Rig


async def test_a_position_of_another_epoch_is_not_recovered(rig: Rig) -> None:
    answer = await rig.subscribe(1, "maya:mac", position=pb.Position(epoch="other", seq=1))

    assert not answer.recovered


@pytest.mark.parametrize("address", ["user:otto", "room:secret", "nonsense", ""])
async def test_a_token_grants_its_own_users_queue_and_no_other(rig: Rig, address: str) -> None:
    refused = await rig.subscribe(1, "maya:mac", address=address or "user:")

    assert refused.close_code == 4500
    assert not await told_anything(rig, "otto")


async def told_anything(rig: Rig, user: str) -> bool:
    await rig.credit(user, 1)
    for _ in range(50):
        await asyncio.sleep(0)
    return bool(rig.edge.waiting_bytes)


async def test_the_newer_session_of_a_device_evicts_the_older_on_its_edge(rig: Rig) -> None:
    other = rig.attach("edge-2")
    first = await rig.subscribe(1, "maya:mac")
    second = await rig.subscribe(8, "maya:mac", edge=other)

    evict = await rig.frame("evict")

    assert (evict.session_id, evict.close_code) == (1, 4503)
    assert second.generation.counter > first.generation.counter


async def test_a_session_that_ends_while_it_joins_is_not_answered(rig: Rig) -> None:
    request = pb.Subscribe(
        session_id=1, address="user:maya", token="maya:mac", device=pb.Device(device_id="mac")
    )
    bye = pb.Unsubscribe(session_id=1, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))

    answer = await rig.subscribe(2, "otto:mac")

    assert answer.session_id == 2
    assert len(rig.core.subscriptions) == 1
