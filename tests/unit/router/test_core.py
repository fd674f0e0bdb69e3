"""The core as a whole: its stop, and what operators ask of it."""

from __future__ import annotations

import asyncio
from typing import Any

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from tests.unit.router.rigs import Rig


async def rest(stream: EdgeStream) -> list[str]:
    """The kinds of all frames until the stream ends."""
    kinds: list[Any] = []
    async with asyncio.timeout(5):
        while frames := await stream.next():
            kinds += [frame.WhichOneof("frame") for frame in frames]
    return kinds


async def test_a_stop_tells_the_edges_hands_over_and_writes_what_was_acknowledged(
    rig: Rig,
) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 1)
    await rig.pushed(2)
    acks = pb.Acks(acks=[pb.Ack(session_id=1, address="user:maya", seq=2)])
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=acks))
    told = asyncio.create_task(rest(rig.edge), name="rest")

    await rig.core.aclose()

    assert (await told)[0] == "drain"
    assert rig.edge.closed
    assert rig.core.terms == {}
    [device] = await rig.store.devices("maya")
    assert device.cursor == 2


async def test_a_stop_is_idempotent(rig: Rig) -> None:
    await rig.core.aclose()
    await rig.core.aclose()


async def test_an_edge_is_told_to_drain_and_how_many_sessions_move(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "otto:mac", edge=other)

    assert rig.core.drain("edge-2", "an update") == 1
    assert (await rig.frame("drain_order", other)).reason == "an update"
    assert rig.core.drain("edge-9", "an update") is None
    assert not rig.core.drained.is_set()


async def test_a_router_that_is_drained_moves_all_sessions(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "otto:mac", edge=rig.attach("edge-2"))

    assert rig.core.drain(rig.core.settings.router_id, "an update") == 2
    assert rig.core.drained.is_set()
