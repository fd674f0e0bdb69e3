"""What waits for an edge is bounded, and dropping is told."""

from __future__ import annotations

import pytest

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.send_queue import SendQueue, SendQueueOverflow


def entry(seq: int, size: int = 100) -> pb.Entry:
    return pb.Entry(seq=seq, message=b"x" * size)


def answer(text: str = "") -> pb.AttachResponse:
    return pb.AttachResponse(refused=pb.Refused(reason=text))


def drain(send_queue: SendQueue) -> list[pb.AttachResponse]:
    frames = []
    while (frame := send_queue.take()) is not None:
        frames.append(frame)
    return frames


def test_pushes_of_one_address_travel_together_in_order() -> None:
    send_queue = SendQueue(limit_bytes=10_000)
    for seq in (1, 2):
        send_queue.push("user:a", 0, 1, entry(seq))
    send_queue.push("user:b", 0, 1, entry(1))
    send_queue.push("user:a", 0, 1, entry(3))

    (frame,) = drain(send_queue)

    runs = [(push.address, [e.seq for e in push.entries]) for push in frame.deliver.pushes]
    assert runs == [("user:a", [1, 2]), ("user:b", [1]), ("user:a", [3])]
    assert send_queue.bytes == 0
    assert not send_queue


def test_answers_go_before_pushes() -> None:
    send_queue = SendQueue(limit_bytes=10_000)
    send_queue.push("user:a", 0, 1, entry(1))
    send_queue.control(answer())

    assert [frame.WhichOneof("frame") for frame in drain(send_queue)] == ["refused", "deliver"]


def test_a_full_queue_drops_pushes_and_tells_once_it_is_drained() -> None:
    send_queue = SendQueue(limit_bytes=400)
    kept = [send_queue.push("user:a", 2, 7, entry(seq)) for seq in range(1, 6)]

    *pushes, gap = drain(send_queue)

    assert kept == [True, True, False, False, False]
    assert [e.seq for f in pushes for p in f.deliver.pushes for e in p.entries] == [1, 2]
    assert gap.gap == pb.Gap(address="user:a", shard=2, term=7)


def test_nothing_of_an_address_passes_its_gap() -> None:
    send_queue = SendQueue(limit_bytes=400)
    for seq in (1, 2, 3):
        send_queue.push("user:a", 0, 1, entry(seq))
    send_queue.take()  # room again, but the gap is not told yet

    assert not send_queue.push("user:a", 0, 1, entry(4))
    assert send_queue.push("user:b", 0, 1, entry(1))

    drain(send_queue)
    assert send_queue.push("user:a", 0, 1, entry(5))


def test_a_large_backlog_is_cut_into_messages_of_bounded_size() -> None:
    send_queue = SendQueue(limit_bytes=1_000_000, message_bytes=1_000)
    for seq in range(1, 101):
        send_queue.push("user:a", 0, 1, entry(seq))

    frames = drain(send_queue)

    assert max(frame.ByteSize() for frame in frames) < 1_500
    seqs = [e.seq for frame in frames for push in frame.deliver.pushes for e in push.entries]
    assert seqs == list(range(1, 101))


def test_an_edge_that_reads_nothing_at_all_loses_its_stream() -> None:
    send_queue = SendQueue(limit_bytes=1_000)
    with pytest.raises(SendQueueOverflow):
        for _ in range(100):
            send_queue.control(answer("x" * 100))


def batch(size: int) -> pb.AttachResponse:
    return pb.AttachResponse(batch=pb.Batch(entries=[entry(1, size)]))


def test_batches_wait_for_room_but_one_always_fits() -> None:
    """Else an edge that asks for more than the limit at once could never catch up."""
    send_queue = SendQueue(limit_bytes=1_000)

    assert send_queue.batch(batch(10_000))
    assert not send_queue.batch(batch(10))
    send_queue.control(answer())
    assert [frame.WhichOneof("frame") for frame in drain(send_queue)] == ["batch", "refused"]

    assert send_queue.batch(batch(10))
    assert send_queue.batch(batch(10))
    drain(send_queue)
    assert send_queue.bytes == 0


def test_where_a_gap_began_is_known_until_it_is_told() -> None:
    send_queue = SendQueue(limit_bytes=300)
    assert [send_queue.push("all", 0, 1, entry(seq, size=200)) for seq in (1, 2, 0, 3)] == [
        *(True, False, False, False),
    ]
    assert send_queue.missing_from("all") == 2
    send_queue.gap("all", 0, 2)
    assert send_queue.missing_from("all") == 2

    drain(send_queue)

    assert send_queue.missing_from("all") == 0
