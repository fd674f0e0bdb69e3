"""What waits for an edge is bounded, and dropping is told."""

from __future__ import annotations

import asyncio

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.send_queue import Outbox, OutboxOverflow


def entry(seq: int, size: int = 100) -> pb.Entry:
    return pb.Entry(seq=seq, frame=b"x" * size)


def answer(text: str = "") -> pb.AttachResponse:
    return pb.AttachResponse(refused=pb.Refused(reason=text))


def drain(outbox: Outbox) -> list[pb.AttachResponse]:
    frames = []
    while (frame := outbox.take()) is not None:
        frames.append(frame)
    return frames


def test_pushes_of_one_address_travel_together_in_order() -> None:
    outbox = Outbox(limit_bytes=10_000)
    for seq in (1, 2):
        outbox.push("user:a", 0, 1, entry(seq))
    outbox.push("user:b", 0, 1, entry(1))
    outbox.push("user:a", 0, 1, entry(3))

    (frame,) = drain(outbox)

    runs = [(push.address, [e.seq for e in push.entries]) for push in frame.deliver.pushes]
    assert runs == [("user:a", [1, 2]), ("user:b", [1]), ("user:a", [3])]
    assert outbox.bytes == 0
    assert not outbox


def test_answers_go_before_pushes() -> None:
    outbox = Outbox(limit_bytes=10_000)
    outbox.push("user:a", 0, 1, entry(1))
    outbox.control(answer())

    assert [frame.WhichOneof("frame") for frame in drain(outbox)] == ["refused", "deliver"]


def test_a_full_outbox_drops_pushes_and_tells_once_it_is_drained() -> None:
    outbox = Outbox(limit_bytes=400)
    kept = [outbox.push("user:a", 2, 7, entry(seq)) for seq in range(1, 6)]

    *pushes, gap = drain(outbox)

    assert kept == [True, True, False, False, False]
    assert [e.seq for f in pushes for p in f.deliver.pushes for e in p.entries] == [1, 2]
    assert gap.gap == pb.Gap(address="user:a", shard=2, term=7)


def test_nothing_of_an_address_passes_its_gap() -> None:
    outbox = Outbox(limit_bytes=400)
    for seq in (1, 2, 3):
        outbox.push("user:a", 0, 1, entry(seq))
    outbox.take()  # room again, but the gap is not told yet

    assert not outbox.push("user:a", 0, 1, entry(4))
    assert outbox.push("user:b", 0, 1, entry(1))

    drain(outbox)
    assert outbox.push("user:a", 0, 1, entry(5))


def test_a_large_backlog_is_cut_into_messages_of_bounded_size() -> None:
    outbox = Outbox(limit_bytes=1_000_000, message_bytes=1_000)
    for seq in range(1, 101):
        outbox.push("user:a", 0, 1, entry(seq))

    frames = drain(outbox)

    assert max(frame.ByteSize() for frame in frames) < 1_500
    seqs = [e.seq for frame in frames for push in frame.deliver.pushes for e in push.entries]
    assert seqs == list(range(1, 101))


def test_an_edge_that_reads_nothing_at_all_loses_its_stream() -> None:
    outbox = Outbox(limit_bytes=1_000)
    with pytest.raises(OutboxOverflow):
        for _ in range(100):
            outbox.control(answer("x" * 100))


def batch(size: int) -> pb.AttachResponse:
    return pb.AttachResponse(batch=pb.Batch(entries=[entry(1, size)]))


def test_batches_wait_for_room_but_one_always_fits() -> None:
    """Else an edge that asks for more than the limit at once could never catch up."""
    outbox = Outbox(limit_bytes=1_000)

    assert outbox.batch(batch(10_000))
    assert not outbox.batch(batch(10))
    outbox.control(answer())
    assert [frame.WhichOneof("frame") for frame in drain(outbox)] == ["batch", "refused"]

    assert outbox.batch(batch(10))
    assert outbox.batch(batch(10))
    drain(outbox)
    assert outbox.bytes == 0


def narrow_stream(limit: int = 1) -> EdgeStream:
    return EdgeStream(
        1,
        pb.Hello(),
        outbox=Outbox(limit_bytes=limit),
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

    assert [len(frame.batch.entries[0].frame) for frame in frames if frame] == [1, 2]


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
