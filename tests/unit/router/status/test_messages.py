from __future__ import annotations

import json
from dataclasses import replace

from kull_producers.events import topology
from kull_router.queues.presence_log import Told
from kull_router.status.messages import message_of

CAME = Told(user="maya", device="mac", term=3, number=7, at_ms=1_700, online=True)


def test_a_word_says_who_what_when_and_how_new_it_is() -> None:
    message = message_of(CAME)
    assert (message.exchange, message.routing_key) == (topology.PRESENCE, "device.online")
    assert json.loads(message.body) == {
        "type": "device.online",
        "userId": "maya",
        "deviceId": "mac",
        "generation": [3, 7],
        "at": 1_700,
    }
    left = message_of(replace(CAME, device="", online=False))
    assert left.routing_key == "user.offline"
    assert "deviceId" not in json.loads(left.body)


def test_a_repeat_is_the_same_message_and_nobody_has_to_take_it() -> None:
    assert message_of(CAME) == message_of(replace(CAME, told=True))
    assert message_of(CAME).optional
