from __future__ import annotations

import json

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.models import ShootProgress
from kull_producers.events.stamp import Stamp
from kull_router.sessions.device_messages import device_progress

NOW_MS = 1_700_000_000_000
STAMP = Stamp(id="e-1", timestamp_ms=NOW_MS, run="run-1", version=7, app_id="billing")
PROGRESS = ShootProgress(
    shoot_id="s", status="processing", processed_count=1, total_count=2, provider="Local"
)


def test_a_devices_progress_excludes_the_device() -> None:
    payload = json.dumps(PROGRESS.data()).encode()
    message = device_progress(payload, STAMP, user_id="ada", device_id="mac", shard_count=16)

    assert message.headers[topology.HEADER_EXCLUDE] == "mac"
    assert message.headers[topology.HEADER_ADDRESS] == "user:ada"
    assert json.loads(message.body)["deviceId"] == "mac"


def test_a_device_cannot_choose_the_receiver() -> None:
    payload = json.dumps(PROGRESS.data() | {"userId": "bob"}).encode()

    with pytest.raises(InvalidEvent, match="'userId' is not a field"):
        device_progress(payload, STAMP, user_id="ada", device_id="mac", shard_count=16)
