"""Subscriptions are where the owner of their shard is, and move with it."""

from __future__ import annotations

from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.fake_router import FakeRouter, World
from tests.unit.edge.hubs import (
    MAYA,
    ack,
    attached,
    closes,
    connect,
    make_hub,
    owned,
    push,
    sent,
    session_of,
    subscribed,
    welcome,
    written,
)
from tests.unit.edge.sockets import (
    running,
    welcomed,
)


def test_a_session_waits_for_an_owner_and_subscribes_once_there_is_one() -> None:
    hub = make_hub()
    assert sent(connect(hub), "subscribe") == []
    assert sent(hub.link_up("r", welcome(), 0), "subscribe") == []
    assert not hub.ready

    effects = hub.link_frame("r", owned(3), 0)

    (subscribe,) = sent(effects, "subscribe")
    assert (subscribe.session_id, subscribe.address) == (1, MAYA)
    assert not subscribe.HasField("position")
    assert subscribe.token == "maya:mac"
    assert hub.ready


def test_sessions_move_with_their_positions_to_the_owner_of_the_highest_term() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_frame("r", push(1, 3), 0)
    ack(hub, 2)
    hub.link_up("other", welcome(), 0)

    moved = sent(hub.link_frame("other", owned(2), 0), "subscribe")

    assert {each.address for each in moved} == {MAYA, "all"}
    mine = next(each for each in moved if each.address == MAYA)
    assert (mine.position.epoch, mine.position.seq) == ("e", 2)
    assert mine.HasField("generation")
    # The old owner's frames do not count any more, nor does its lower claim.
    assert hub.link_frame("r", push(4, 4), 0) == []
    assert sent(hub.link_frame("r", owned(1), 0), "subscribe") == []
    hub.link_frame("other", subscribed(1, head=3, after=2, term=2), 0)
    assert written(hub.link_frame("other", push(4, 4, term=2), 0), 1) == [{"seq": 4}]


def test_a_fenced_router_does_not_get_sessions_back_when_the_owner_goes() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_up("other", welcome(), 0)
    hub.link_frame("other", owned(2), 0)

    assert sent(hub.link_down("other", 0), "subscribe") == []
    assert not hub.ready

    assert len(sent(hub.link_frame("r", owned(3), 0), "subscribe")) == 2


def test_another_store_makes_all_terms_and_positions_worthless() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(7), 0)
    connect(hub)
    hub.link_frame("r", subscribed(1, term=7), 0)
    hub.link_down("r", 0)
    hub.link_up("r", welcome(epoch="new"), 0)

    assert len(sent(hub.link_frame("r", owned(1), 0), "subscribe")) == 2

    assert closes(hub.link_frame("r", subscribed(1, epoch="new"), 0)) == [4004]


async def test_when_the_stream_is_cut_sockets_stay_open_and_nothing_is_lost() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=0.01) as edge, welcomed(edge, "maya:mac") as device:
        router.publish(MAYA)
        assert (await device.frame())["seq"] == 1
        router.cut()
        router.store(MAYA)
        assert (await device.frame())["seq"] == 2
        await device.send(type="ACK", seq=2)
        await router.until(lambda: router.cursor("maya", "mac") == 2)
        subscribes = [
            r.subscribe
            for r in router.requests
            if r.HasField("subscribe") and r.subscribe.address == MAYA
        ]
        assert subscribes[1].position.seq in (0, 1)
        assert subscribes[1].generation.counter == 1


async def test_when_ownership_moves_sessions_follow_it() -> None:
    world = World()
    first = FakeRouter(world, router_id="router-1")
    second = FakeRouter(world, router_id="router-2")
    async with running(first, second) as edge, welcomed(edge, "maya:mac") as device:
        first.publish(MAYA)
        assert (await device.frame())["seq"] == 1
        await second.own()
        second.store(MAYA)
        assert (await device.frame())["seq"] == 2
        # The first router has not noticed: what it still pushes is of an older term.
        first.push(MAYA, first.store(MAYA))
        second.push(MAYA, world.logs[MAYA][-1])
        second.publish(MAYA)
        assert [f["seq"] for f in await device.frames(2)] == [3, 4]


async def test_another_epoch_ends_the_session_so_that_it_starts_anew() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as device:
        router.world.epoch = "epoch-2"
        router.cut()
        assert (await device.frame())["data"]["code"] == "resubscribe"
        assert await device.close_code() == 4004


def test_a_session_that_ends_before_its_router_is_asked_again_is_not_asked_for() -> None:
    hub = make_hub(attach_timeout=0.1)
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    refused = pb.Refused(session_id=1, address=MAYA, reason="busy")
    hub.link_frame("r", pb.AttachResponse(refused=refused), 0)

    effects = hub.due(5)  # the time to attach is over, and so is the wait

    assert closes(effects) == [4001]
    assert sent(effects, "subscribe") == []


def test_a_session_ends_once() -> None:
    hub = make_hub()
    attached(hub)
    session = session_of(hub)
    assert len(sent(hub.disconnected(1, 0), "unsubscribe")) == 2

    assert hub._wishes.carry_out(session, [], 0) == []
