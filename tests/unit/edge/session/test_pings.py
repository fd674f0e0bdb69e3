"""Silence is noticed, and a plain device acknowledges with pongs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from kull_edge.session.effects import (
    Cut,
    Ping,
)
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import (
    MAYA,
    attached,
    make_hub,
    push,
    sent,
)
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    peer,
    running,
    welcomed,
)


def test_a_plain_device_has_one_position_ping_open_at_a_time() -> None:
    hub = make_hub()
    attached(hub, v2=False)
    effects = hub.link_frame("r", push(1, 1), 0)
    (ping,) = (effect for effect in effects if isinstance(effect, Ping))
    assert not [e for e in hub.link_frame("r", push(2, 2), 0) if isinstance(e, Ping)]
    assert hub.pong(1, b"other", 0) == []

    # The pong confirms what was written before its ping, and asks for the rest.
    again, acknowledged = hub.pong(1, ping.payload, 0)
    assert isinstance(again, Ping)
    (acks,) = sent([acknowledged], "acks")
    assert [each.seq for each in acks.acks] == [1]
    assert hub.pong(1, ping.payload, 0) == []
    hub.pong(1, again.payload, 0)
    (acks,) = sent(hub.flush_acks(), "acks")
    assert [each.seq for each in acks.acks] == [2]


def test_silence_is_pinged_after_30_s_and_cut_20_s_later() -> None:
    hub = make_hub()
    attached(hub)
    hub.received(1, 10.0)
    assert hub.due(39.9) == []
    (ping,) = hub.due(40.0)
    assert isinstance(ping, Ping)
    assert hub.due(59.9) == []

    effects = hub.due(60.0)

    assert isinstance(effects[0], Cut)
    assert len(sent(effects, "unsubscribe")) == 2
    assert hub.session_count == 0


def test_any_sign_of_life_restarts_the_silence() -> None:
    hub = make_hub()
    attached(hub)
    assert len(hub.due(30.0)) == 1
    hub.received(1, 31.0)

    assert hub.due(50.0) == []
    assert len(hub.due(61.0)) == 1


async def test_a_plain_device_acknowledges_with_pongs() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=0.01) as edge, peer(edge, "?token=maya:mac") as device:
        assert (await device.frame())["type"] == "WELCOME"
        for seq in range(1, 4):
            router.publish(MAYA)
            assert (await device.frame())["seq"] == seq
        await router.until(lambda: router.cursor("maya", "mac") == 3)


async def test_a_dead_peer_is_cut_and_a_quiet_one_is_not() -> None:
    async with (
        running(FakeRouter(), keepalive=0.1, pong_timeout=0.1) as edge,
        welcomed(edge, "maya:mac") as quiet,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(RAW_UPGRADE)
        async with asyncio.timeout(5):
            with suppress(ConnectionResetError):
                while await reader.read(65_536):  # takes everything, answers no ping
                    pass
        writer.close()
        await quiet.send(type="UPDATE_PROGRESS", payload={"shootId": "s"})
        assert (await quiet.frame())["type"] == "ACCEPTED"
        assert edge.session_count == 1
