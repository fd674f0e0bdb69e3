"""Channels to routers: one to each, kept, and closed together."""

from __future__ import annotations

import grpc
import pytest

from kull_edge.link import channels as module
from kull_edge.link.channels import Channels


class Channel:
    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Channel]]:
    made: list[tuple[str, Channel]] = []

    def open_channel(
        target: str, credentials: grpc.ChannelCredentials | None, options: object = ()
    ) -> Channel:
        made.append((target, Channel()))
        return made[-1][1]

    monkeypatch.setattr(module, "open_channel", open_channel)
    return made


async def test_however_often_a_router_is_asked_one_channel_is_opened_and_closed_at_the_end(
    opened: list[tuple[str, Channel]],
) -> None:
    async with Channels(None) as channels:
        for target in ("r-1:7400", "r-2:7400", "r-1:7400"):
            assert channels.to(target) is channels.to(target)
        assert [target for target, _ in opened] == ["r-1:7400", "r-2:7400"]
        assert [channel.closed for _, channel in opened] == [0, 0]

    assert [channel.closed for _, channel in opened] == [1, 1]
    await channels.aclose()
    assert [channel.closed for _, channel in opened] == [1, 1]
