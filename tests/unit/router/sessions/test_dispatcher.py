from __future__ import annotations

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.router.rigs import Rig, balances


async def test_a_fault_in_one_request_is_answered_and_disturbs_nobody(rig: Rig) -> None:
    await rig.subscribe(1, "maya:mac")
    await rig.pushed(1)
    rig.store.broken = True
    assert (await rig.fetch(1, "user:maya", 0)).error
    refused = await rig.subscribe(2, "otto:mac")
    assert (refused.close_code, refused.session_id) == (0, 2)
    rig.store.broken = False

    await rig.credit("maya", 1)

    assert balances(await rig.pushed(1)) == [(2, 1)]
    assert not rig.edge.closed


async def test_a_device_message_beyond_the_limit_is_answered_at_once_and_not_waited_for(
    rig: Rig,
) -> None:
    """Waiting would hold up the acknowledgements behind it."""
    for _ in range(rig.core.settings.publishes_in_flight):
        await rig.edge.publishes.acquire()

    request = pb.Publish(request_id=5, session_id=1, type="TYPING", payload=b"room:one")
    await rig.core.receive(rig.edge, pb.AttachRequest(publish=request))

    answer = await rig.frame("published")
    assert (answer.request_id, answer.error_code) == (5, "busy")


async def test_a_frame_that_nobody_knows_ends_the_stream(rig: Rig) -> None:
    await rig.core.receive(rig.edge, pb.AttachRequest(hello=pb.Hello(node_id="again")))
    assert rig.edge.closed


async def test_a_request_to_a_router_that_stops_ends_the_stream(rig: Rig) -> None:
    await rig.core.aclose()
    late = rig.attach("edge-2")
    fetch = pb.Fetch(request_id=1, session_id=1, address="all", limit=1)
    await rig.core.receive(late, pb.AttachRequest(fetch=fetch))
    assert late.closed
