from __future__ import annotations

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.router.rigs import Rig


async def test_others_are_told_when_a_device_comes_and_goes(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone")
    bye = pb.Unsubscribe(session_id=2, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))

    entries = await rig.pushed(3)

    told = [(entry.type, entry.exclude_device_id) for entry in entries]
    assert told == [
        ("DEVICE_CONNECTED", "mac"),
        ("DEVICE_CONNECTED", "phone"),
        ("DEVICE_DISCONNECTED", "phone"),
    ]


async def test_an_edge_that_dies_takes_its_devices_offline_after_the_grace(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(2, "maya:phone", edge=other)
    await rig.pushed(2)

    rig.core.close_stream(other)

    assert [entry.type for entry in await rig.pushed(1)] == ["DEVICE_DISCONNECTED"]
