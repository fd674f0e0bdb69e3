from __future__ import annotations

import asyncio

from kull_producers.events.models import PromptChange
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.router.rigs import Rig


async def test_late_words_of_an_evicted_session_change_nothing(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.subscribe(8, "maya:mac", edge=other)

    bye = pb.Unsubscribe(session_id=1, address="user:maya")
    await rig.core.receive(rig.edge, pb.AttachRequest(unsubscribe=bye))
    await asyncio.sleep(0.2)  # longer than the grace

    assert [p.info.device for p in rig.core.sessions.registry.connected("maya")] == ["mac"]


async def test_a_late_acknowledgement_of_an_evicted_session_moves_no_cursor(rig: Rig) -> None:
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac")
    await rig.credit("maya", 100)
    await rig.pushed(2)
    await rig.subscribe(8, "maya:mac", edge=other)

    ack = pb.Ack(session_id=1, address="user:maya", seq=2)
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=pb.Acks(acks=[ack])))
    again = await rig.subscribe(9, "maya:mac", edge=other)

    assert again.after < 2
    assert (await rig.fetch(1, "user:maya", 0)).error


async def test_an_older_session_cannot_move_the_cursor_of_a_shared_queue_either(rig: Rig) -> None:
    """Its user's queue may have another owner, who has evicted it already."""
    older, newer = pb.Generation(term=1, counter=1), pb.Generation(term=1, counter=2)
    other = rig.attach("edge-2")
    await rig.subscribe(1, "maya:mac", address="all", generation=older)
    await rig.publish(PromptChange(prompt_id="p1", action="voted"), "")
    await rig.subscribe(8, "maya:mac", address="all", edge=other, generation=newer)

    ack = pb.Ack(session_id=1, address="all", seq=1)
    await rig.core.receive(rig.edge, pb.AttachRequest(acks=pb.Acks(acks=[ack])))
    again = await rig.subscribe(9, "maya:mac", address="all", edge=other, generation=newer)
    refused = await rig.subscribe(2, "maya:mac", address="all", generation=older)

    assert again.after == 0
    assert refused.close_code == 4503
