"""Asks the attached edges what they remember, for an operator who asks why."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final, NamedTuple

from kull_protos.common.flight_recorder import Query
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout

ANSWER_WITHIN: Final = 1.0  # seconds for an edge: what is slower is told as silent


class Heard(NamedTuple):
    """An edge's answer, by the edge's own clock.

    shift: how far this router's clock is ahead of it, milliseconds; None: the edge does not say.
    """

    node: str
    recalled: pb.Recalled
    shift: int | None


class _Open(NamedTuple):
    answer: asyncio.Future[Heard]
    asked_ms: int


class Recollection:
    """Edges answer on their stream; one that does not is left out."""

    def __init__(self, fanout: Fanout, clock: Clock) -> None:
        self._fanout = fanout
        self._clock = clock
        self._numbers = count(1)
        self._open: dict[tuple[int, int], _Open] = {}  # by stream and request

    async def ask(self, query: Query) -> tuple[list[Heard], list[str]]:
        """Return what the edges answer in time, and the names of those that do not."""
        loop = asyncio.get_running_loop()
        asked: dict[tuple[int, int], tuple[str, asyncio.Future[Heard]]] = {}
        for stream in self._fanout.each():
            key = (stream.number, next(self._numbers))
            asked[key] = (stream.node_id, loop.create_future())
            self._open[key] = _Open(asked[key][1], self._clock.wall_ms())
            stream.send(
                pb.AttachResponse(
                    recall=pb.Recall(
                        request_id=key[1],
                        address=query.address,
                        seq=query.seq,
                        user_id=query.user_id,
                        device_id=query.device_id,
                    )
                )
            )
        try:
            if asked:
                await asyncio.wait([each for _, each in asked.values()], timeout=ANSWER_WITHIN)
        finally:
            for key in asked:
                del self._open[key]
        answers = [each.result() for _, each in asked.values() if each.done()]
        return answers, [node for node, each in asked.values() if not each.done()]

    def answered(self, stream: EdgeStream, recalled: pb.Recalled) -> None:
        """An edge has answered; its name is the one that its certificate was looked at for."""
        waiting = self._open.get((stream.number, recalled.request_id))
        if waiting is None or waiting.answer.done():
            return
        shift = _shift(recalled, waiting.asked_ms, self._clock.wall_ms())
        for fact in recalled.facts:
            fact.node = stream.node_id
        for following in recalled.following:
            following.node = stream.node_id
        waiting.answer.set_result(Heard(stream.node_id, recalled, shift))


def _shift(recalled: pb.Recalled, asked_ms: int, heard_ms: int) -> int | None:
    """Return how far this clock is ahead of the edge's, if it says what time it has.

    Wrong by half of what the answer took, at most: nobody knows which way took longer.
    """
    return (asked_ms + heard_ms) // 2 - recalled.now if recalled.now else None
