"""Presence events: what a user's other devices are told when one comes or goes. PURE."""

from __future__ import annotations

import json
from typing import Final

from kull_protos.contract import addresses
from kull_protos.contract.event_types import DEVICE_CONNECTED, DEVICE_DISCONNECTED
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.queues.entry import Contract, Event
from kull_router.sessions.registry import Presence

_RUN: Final = "presence"  # generations are in order whichever router has told them


def device_event(
    presence: Presence, *, connected: bool, event_id: str, now_ms: int, age_ms: int
) -> Event:
    """Return the DEVICE_CONNECTED or DEVICE_DISCONNECTED event of a device.

    It is `latest` per device; its version follows the session generation, and all routers are one
    run, so that a late disconnect of an older session never hides a newer connect.
    """
    info = presence.info
    term, counter = presence.generation
    kind = DEVICE_CONNECTED if connected else DEVICE_DISCONNECTED
    envelope = {
        "id": event_id,
        "type": kind,
        "data": {
            "deviceId": info.device,
            "platform": info.platform,
            "deviceName": info.name,
            "connectedAt": presence.connected_ms,
            "generation": [term, counter],
        },
        "timestamp": now_ms,
        "deviceId": info.device,
        "userId": info.user,
    }
    return Event(
        id=event_id,
        address=addresses.of_user(info.user),
        type=kind,
        contract=Contract.LATEST,
        body=json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode(),
        key=f"device:{info.device}",
        run=_RUN,
        version=(term << 33) | (counter << 1) | (not connected),
        final=not connected,
        exclude_device=info.device,
        created_ms=age_ms,
    )


def device_message(presence: Presence) -> pb.Device:
    """Return a device as it is told to edges."""
    term, counter = presence.generation
    return pb.Device(
        device_id=presence.info.device,
        name=presence.info.name,
        platform=presence.info.platform,
        connected_at=presence.connected_ms,
        ephemeral=presence.info.ephemeral,
        generation=pb.Generation(term=term, counter=counter),
    )
