"""What routers send reaches whom it is for, and harms nobody else."""

from __future__ import annotations

from kull_edge.session.effects import (
    DrainAsked,
    RouterDrains,
    UnexpectedFrame,
)
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import (
    MAYA,
    attached,
    make_hub,
    push,
    sent,
    subscribed,
    welcome,
)
from tests.unit.edge.sockets import (
    running,
    welcomed,
)


def test_frames_for_sessions_that_have_gone_are_harmless() -> None:
    hub = make_hub()
    attached(hub)
    hub.disconnected(1, 0)

    for frame in (
        push(1, 1),
        subscribed(1),
        pb.AttachResponse(refused=pb.Refused(session_id=1, address=MAYA, close_code=4500)),
        pb.AttachResponse(evict=pb.Evict(session_id=1, close_code=4503)),
        pb.AttachResponse(batch=pb.Batch(request_id=77, session_id=1, address=MAYA)),
        pb.AttachResponse(published=pb.Published(request_id=77, session_id=1)),
        pb.AttachResponse(gap=pb.Gap(address=MAYA)),
    ):
        assert hub.link_frame("r", frame, 0) == []
    assert hub.text(1, "{}", 0) == []
    assert hub.link_frame("unknown", push(1, 1), 0) == []


def test_what_routers_say_to_the_edge_itself_is_reported() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)

    for frame, report in (
        (pb.AttachResponse(drain=pb.Drain()), RouterDrains("r")),
        (
            pb.AttachResponse(drain_order=pb.DrainOrder(reason="a new version")),
            DrainAsked("a new version"),
        ),
        (pb.AttachResponse(), UnexpectedFrame("r", "None")),
    ):
        assert hub.link_frame("r", frame, 0) == [report]


def test_a_gap_sends_the_sessions_of_the_address_to_the_log() -> None:
    hub = make_hub()
    attached(hub)

    effects = hub.link_frame("r", pb.AttachResponse(gap=pb.Gap(address=MAYA, term=1)), 0)

    assert [fetch.address for fetch in sent(effects, "fetch")] == [MAYA]


async def test_pushes_reach_every_device_of_the_address_and_nobody_else() -> None:
    router = FakeRouter()
    async with (
        running(router) as edge,
        welcomed(edge, "maya:mac") as mac,
        welcomed(edge, "maya:phone") as phone,
        welcomed(edge, "otto:pc") as pc,
    ):
        entry = router.publish(MAYA)
        router.publish("all")
        for device in (mac, phone):
            assert await device.socket.recv() == entry.message.decode()
            assert (await device.frame())["queue"] == "all"
        assert (await pc.frame())["queue"] == "all"


async def test_ephemeral_frames_are_forwarded_as_they_are() -> None:
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as mac:
        router.ephemeral(MAYA, '{"type":"TYPING"}')
        assert (await mac.frame()) == {"type": "TYPING"}


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    hub = make_hub()
    attached(hub)

    for answer in (
        pb.AttachResponse(published=pb.Published(request_id=77, session_id=1)),
        pb.AttachResponse(refreshed=pb.Refreshed(session_id=1)),
        subscribed(1, head=9),  # it is subscribed already
    ):
        assert hub.link_frame("r", answer, 0) == []
