"""Who is connected, by WELCOME's list and by news."""

from __future__ import annotations

from typing import Any

import pytest

from kull_client.errors import BadMessage
from kull_client.event import Device, Event
from kull_client.presence import News, Presence, news_in

TAB = Device(device_id="tab")


def event(type_: str, queue: str = "user", **data: Any) -> Event:
    return Event(type=type_, data={"deviceId": "tab"} | data, queue=queue, seq=1)


def test_news_of_an_earlier_session_do_not_count() -> None:
    presence = Presence([Device(device_id="mac")])
    presence.note(News(TAB, (2, 1), came=True))
    presence.note(News(TAB, (1, 9), came=False))

    assert [device.device_id for device in presence.devices] == ["mac", "tab"]
    presence.note(News(TAB, (2, 1), came=False))
    assert [device.device_id for device in presence.devices] == ["mac"]


def test_an_event_of_the_users_own_queue_tells_who_comes_and_goes() -> None:
    assert news_in(event("DEVICE_CONNECTED", generation=[1, 2])) == News(TAB, (1, 2), came=True)
    assert news_in(event("DEVICE_DISCONNECTED")) == News(TAB, (0, 0), came=False)
    assert news_in(event("CREDIT_UPDATE")) is None


@pytest.mark.parametrize("queue", ["all", "room:wedding"])
def test_an_event_of_another_queue_tells_nothing(queue: str) -> None:
    assert news_in(event("DEVICE_CONNECTED", queue)) is None


@pytest.mark.parametrize("data", [{"deviceId": 7}, {"generation": 7}, {"platform": []}])
def test_news_of_another_shape_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        news_in(event("DEVICE_CONNECTED", **data))
