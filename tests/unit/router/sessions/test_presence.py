"""Presence events are ordered by generation, and built from what is known of a device."""

from __future__ import annotations

import json

from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.queues.entry import Contract
from kull_router.queues.port import DeviceInfo
from kull_router.sessions.presence import device_event, device_message
from kull_router.sessions.registry import Presence


def presence(generation: Generation = (2, 5)) -> Presence:
    return Presence(
        info=DeviceInfo(user="maya", device="mac", name="Mac", platform="macos"),
        shard=0,
        generation=generation,
        connected_ms=1_000,
        session=SessionKey(1, 1),
        opened_ms=900,
    )


def test_the_event_goes_to_the_users_other_devices_and_ends_with_the_device() -> None:
    came = device_event(presence(), connected=True, event_id="e", now_ms=2_000, age_ms=2_000)
    gone = device_event(presence(), connected=False, event_id="f", now_ms=3_000, age_ms=3_000)

    assert (came.address, came.exclude_device, came.contract) == (
        "user:maya",
        "mac",
        Contract.LATEST,
    )
    assert (came.type, gone.type) == ("DEVICE_CONNECTED", "DEVICE_DISCONNECTED")
    assert (came.final, gone.final) == (False, True)
    assert came.key == gone.key == "device:mac"
    assert json.loads(came.body)["data"] == {
        "deviceId": "mac",
        "platform": "macos",
        "deviceName": "Mac",
        "connectedAt": 1_000,
        "generation": [2, 5],
    }


def test_a_late_disconnect_never_hides_a_newer_connect() -> None:
    runs = set()

    def version(generation: Generation, *, connected: bool) -> int:
        event = device_event(
            presence(generation), connected=connected, event_id="e", now_ms=0, age_ms=0
        )
        runs.add(event.run)
        return event.version

    assert version((2, 5), connected=False) > version((2, 5), connected=True)
    assert version((2, 6), connected=True) > version((2, 5), connected=False)
    assert version((3, 1), connected=True) > version((2, 2**20), connected=False)
    assert len(runs) == 1 and "" not in runs, "so that the versions are compared"


def test_edges_are_told_the_same_device() -> None:
    device = device_message(presence())
    assert (device.device_id, device.name, device.platform) == ("mac", "Mac", "macos")
    assert (device.connected_at, device.ephemeral) == (1_000, False)
    assert (device.generation.term, device.generation.counter) == (2, 5)
