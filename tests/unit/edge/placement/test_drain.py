"""Devices of an edge that goes away leave one after the other."""

from __future__ import annotations

from tests.unit.edge.hubs import (
    attached,
    closes,
    connect,
    make_hub,
    push,
    written,
)


def test_leaving_gives_every_device_its_own_time_slot() -> None:
    hub = make_hub()
    for session in range(1, 6):
        attached(hub, session, token=f"maya:d{session}")

    effects = hub.drain(within=10, now=0)

    slots = {written(effects, session)[0]["data"]["after"] for session in range(1, 6)}
    assert len(slots) > 1
    assert max(slots) < 300  # five devices need no ten seconds
    assert closes(effects) == []


def test_a_device_of_a_leaving_edge_is_served_until_its_slot() -> None:
    hub = make_hub()
    attached(hub)
    slot = written(hub.drain(within=10, now=0), 1)[0]["data"]["after"] / 1000

    assert written(hub.link_frame("r", push(1, 1), slot / 2), 1)[0]["seq"] == 1
    assert closes(hub.due(slot / 2)) == []
    assert closes(hub.due(slot + 0.001)) == [4000]
    assert hub.session_count == 0


def test_many_devices_of_a_leaving_edge_go_within_the_time_allowed() -> None:
    hub = make_hub()
    for session in range(1, 501):
        attached(hub, session, token=f"maya:d{session}")

    effects = hub.drain(within=0.2, now=0)

    slots = [written(effects, session)[0]["data"]["after"] for session in range(1, 501)]
    assert max(slots) <= 200
    assert len(closes(hub.due(0.201))) == 500


def test_a_device_that_was_not_welcomed_yet_goes_at_once() -> None:
    hub = make_hub()
    connect(hub)

    effects = hub.drain(within=10, now=0)

    assert written(effects, 1)[0]["type"] == "RECONNECT"
    assert closes(effects) == [4000]
    assert hub.session_count == 0
