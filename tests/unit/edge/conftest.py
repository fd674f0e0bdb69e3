"""Every message that the edge builds in these tests is held to docs/schema."""

from __future__ import annotations

import json

import pytest

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.protocol.server_messages import Data, Envelope, Type
from tests.support.schema import checked


@pytest.fixture(autouse=True)
def _messages_follow_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    build = Envelope.message

    def message(envelope: Envelope, kind: Type, data: Data) -> OutMessage:
        frame = build(envelope, kind, data)
        checked(json.loads(frame.text))
        return frame

    monkeypatch.setattr(Envelope, "message", message)
