"""What the edge says itself."""

from __future__ import annotations

import json

from kull_edge.protocol.server_messages import Envelope


def test_server_messages_carry_the_envelope() -> None:
    frame = Envelope(user_id="maya", timestamp=7).error("busy", "wait", "r")

    assert json.loads(frame.text) == {
        "type": "ERROR",
        "data": {"code": "busy", "message": "wait", "ref": "r"},
        "timestamp": 7,
        "deviceId": "server",
        "userId": "maya",
    }
