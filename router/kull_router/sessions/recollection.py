"""Asks the attached edges what they remember, for an operator who asks why."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final

from kull_protos.common.flight_recorder import Query
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout

ANSWER_WITHIN: Final = 1.0  # seconds for an edge: what is slower is told as silent

_Answer = asyncio.Future[pb.Recalled]


class Recollection:
    """Edges answer on their stream; one that does not is left out."""

    def __init__(self, fanout: Fanout) -> None:
        self._fanout = fanout
        self._numbers = count(1)
        self._open: dict[tuple[int, int], _Answer] = {}  # by stream and request

    async def ask(self, query: Query) -> tuple[list[pb.Recalled], list[str]]:
        """Return what the edges answer in time, and the names of those that do not."""
        loop = asyncio.get_running_loop()
        asked: dict[tuple[int, int], tuple[str, _Answer]] = {}
        for stream in self._fanout.each():
            key = (stream.number, next(self._numbers))
            asked[key] = (stream.node_id, loop.create_future())
            self._open[key] = asked[key][1]
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
        if waiting is None or waiting.done():
            return
        for fact in recalled.facts:
            fact.node = stream.node_id
        for following in recalled.following:
            following.node = stream.node_id
        waiting.set_result(recalled)
