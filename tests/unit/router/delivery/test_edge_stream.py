from __future__ import annotations

import asyncio

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.send_queue import SendQueue


def entry(seq: int, size: int = 100) -> pb.Entry:
    return pb.Entry(seq=seq, message=b"x" * size)


def batch(size: int) -> pb.AttachResponse:
    return pb.AttachResponse(batch=pb.Batch(entries=[entry(1, size)]))


def narrow_stream(limit: int = 1) -> EdgeStream:
    return EdgeStream(
        1,
        pb.Hello(),
        send_queue=SendQueue(limit_bytes=limit),
        attached_ms=0,
        subscribes=1,
        fetches=1,
        publishes=1,
    )


async def test_a_batch_that_waits_is_sent_when_the_one_before_it_was_taken() -> None:
    stream = narrow_stream()
    await stream.send_batch(batch(1))
    waiting = asyncio.create_task(stream.send_batch(batch(2)), name="batch")
    await asyncio.sleep(0)
    assert not waiting.done()

    async with asyncio.timeout(5):
        frames = [*await stream.next(), *await stream.next()]
        await waiting

    assert [len(frame.batch.entries[0].message) for frame in frames if frame] == [1, 2]


async def test_a_batch_does_not_wait_for_a_stream_that_has_ended() -> None:
    stream = narrow_stream()
    await stream.send_batch(batch(1))
    waiting = asyncio.create_task(stream.send_batch(batch(2)), name="batch")
    await asyncio.sleep(0)

    stream.close()

    async with asyncio.timeout(5):
        await waiting


async def test_frames_that_wait_leave_together_up_to_a_size() -> None:
    stream = narrow_stream(limit=1000)
    for number in range(3):
        stream.send(pb.AttachResponse(evict=pb.Evict(session_id=number + 1)))
    size = pb.AttachResponse(evict=pb.Evict(session_id=1)).ByteSize()

    async with asyncio.timeout(5):
        first, second = await stream.next(up_to=2 * size), await stream.next(up_to=2 * size)

    assert [[frame.evict.session_id for frame in frames] for frames in (first, second)] == [
        [1, 2],
        [3],
    ]
