"""Entries of one queue, and a subscription to it."""

from __future__ import annotations

from collections.abc import Sequence

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.subscription import Outcome, Subscription, Window
from kull_protos.mesh.v1 import attach_pb2 as pb

ME = "mac"


SMALL = Window(messages=4, bytes=1000)


def frame(seq: int, *, exclude: str = "", presence: bool = False, size: int = 10) -> OutMessage:
    return OutMessage(b"x" * size, seq=seq, exclude=exclude, presence=presence)


def run(first: int, last: int) -> list[OutMessage]:
    return [frame(seq) for seq in range(first, last + 1)]


def seqs(frames: Sequence[OutMessage]) -> list[int]:
    return [each.seq for each in frames]


def following(*, after: int = 0, head: int = 0, window: Window = SMALL) -> Subscription:
    subscription = Subscription("user:maya", device_id=ME, window=window)
    subscription.begin("link", 1)
    answer = pb.Subscribed(term=1, epoch="e", head=head, after=after, recovered=True)
    assert subscription.subscribed(answer) is Outcome.FIRST
    return subscription


def answer(
    subscription: Subscription, *, through: int, head: int, term: int = 1, error: str = ""
) -> pb.Batch:
    return pb.Batch(
        request_id=subscription.fetching, through=through, head=head, term=term, error=error
    )
