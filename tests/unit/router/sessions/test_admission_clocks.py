"""Which connection of a device is the newer one does not rest on the edges' clocks."""

from __future__ import annotations

from typing import Any

import pytest

from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from tests.unit.router.rigs import Rig, running


class Node:
    """An edge whose clock shows something else."""

    def __init__(self, rig: Rig, stream: EdgeStream, ahead: float) -> None:
        self._rig, self._stream, self._ahead = rig, stream, ahead

    async def subscribe(self, session: int, now: float, *, opened: float, sent: float) -> Any:
        """Its message of `sent` comes now: the connection began at `opened`."""
        self._rig.core.heard(self._stream, self._ms(sent))
        return await self._rig.subscribe(
            session, "maya:phone", edge=self._stream, opened=self._ms(opened)
        )

    def alive(self, now: float) -> None:
        self._rig.core.heard(self._stream, self._ms(now))

    def _ms(self, at: float) -> int:
        return round((at + self._ahead) * 1000)


@pytest.mark.parametrize("ahead", [0.0, 60.0, -60.0, 86_400.0])
async def test_a_phone_that_connects_to_another_edge_is_taken_whatever_its_clock_says(
    ahead: float,
) -> None:
    now = 100_000.0
    async with running(clock=Clock(monotonic=lambda: now)) as rig:
        one = Node(rig, rig.edge, 0)
        other = Node(rig, rig.attach("edge-2"), ahead)
        one.alive(now)
        other.alive(now)
        for session in range(2, 12):
            now += 5
            here, there = (one, other) if session % 2 else (other, one)
            answer = await here.subscribe(session, now, opened=now - 0.01, sent=now)
            assert isinstance(answer, pb.Subscribed), answer
            there.alive(now)


@pytest.mark.parametrize("ahead", [0.0, 60.0, -60.0])
async def test_a_connection_that_was_held_up_takes_nothing_over_whatever_its_clock_says(
    ahead: float,
) -> None:
    now = 100_000.0
    async with running(clock=Clock(monotonic=lambda: now)) as rig:
        one = Node(rig, rig.edge, 0)
        other = Node(rig, rig.attach("edge-2"), ahead)
        one.alive(now)
        other.alive(now)
        now += 10
        assert isinstance(await one.subscribe(1, now, opened=now - 0.01, sent=now), pb.Subscribed)
        now += 1

        late = await other.subscribe(2, now, opened=now - 15, sent=now - 14)

        assert late.close_code == CloseCode.RESUBSCRIBE
        assert rig.core.subscriptions.all("maya")[0].key.session == 1
