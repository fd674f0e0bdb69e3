"""A refusal says whether the session goes on without the queue."""

from __future__ import annotations

from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.send_queue import SendQueue
from kull_router.measures.sessions import SessionMeasures
from kull_router.sessions.refusals import NotGranted, Refusal, refuse


async def told(why: Refusal | NotGranted, address: str) -> pb.Refused:
    stream = EdgeStream(
        1,
        pb.Hello(),
        send_queue=SendQueue(limit_bytes=1_000),
        attached_ms=0,
        subscribes=1,
        fetches=1,
        publishes=1,
    )
    refuse(stream, 7, address, why, SessionMeasures())
    [frame] = await stream.next()
    return frame.refused


async def test_a_room_that_is_not_granted_leaves_the_session() -> None:
    refused = await told(NotGranted("room:one"), "room:one")
    assert refused.keep_session
    assert (refused.session_id, refused.close_code) == (7, CloseCode.BAD_TOKEN)
    assert "room:one" in refused.reason


async def test_a_queue_that_is_not_granted_ends_the_session_and_is_not_named() -> None:
    refused = await told(NotGranted("user:otto"), "user:otto")
    assert not refused.keep_session
    assert "otto" not in refused.reason


async def test_any_other_refusal_ends_the_session() -> None:
    refused = await told(Refusal(4503, "elsewhere"), "room:one")
    assert (refused.close_code, refused.reason, refused.keep_session) == (4503, "elsewhere", False)
