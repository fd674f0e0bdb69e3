"""The demo's verdict: it must be able to fail."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from kull_client import Event
from kull_mesh.demo.view import Watched, panel, promise_kept

CHARGED = 2


def watched(user: str, name: str) -> Watched:
    return Watched(user=user, name=name, id=name, platform="test", url="ws://127.0.0.1:1/ws")


def credit(number: int, *, user: str = "maya") -> Event:
    data = {"userId": user, "newBalance": 100 - number, "change": -1, "reason": "Keeper"}
    return event("CREDIT_UPDATE", number, data, user)


def completed(number: int) -> Event:
    data = {"shootId": "s", "status": "completed", "processedCount": 2, "totalCount": 2}
    return event("SHOOT_PROGRESS", number, data | {"provider": "Local"}, "maya")


def progress(image: str) -> Event:
    data = {"shootId": "s", "status": "processing", "processedCount": 3, "totalCount": 12}
    return event("SHOOT_PROGRESS", 1, data | {"provider": "Local", "currentImage": image}, "maya")


def event(kind: str, number: int, data: dict[str, object], user: str) -> Event:
    return Event(
        type=kind,
        data=data,
        seq=number,
        queue="user",
        id=f"{kind}-{number}",
        timestamp=0,
        device_id="server",
        user_id=user,
    )


@pytest.fixture
def devices() -> list[Watched]:
    """Two devices of Maya and one of Otto that saw what they should."""
    mac, phone, otto = watched("maya", "mac"), watched("maya", "phone"), watched("otto", "other")
    for device in (mac, phone):
        for number in (1, 2, 3):
            device.note(credit(number))
        device.note(completed(4))
    otto.note(credit(1, user="otto"))
    return [mac, phone, otto]


def test_the_promise_is_kept_when_all_devices_saw_everything(devices: list[Watched]) -> None:
    assert promise_kept(devices, charged=CHARGED)


def test_a_repeat_is_harmless(devices: list[Watched]) -> None:
    devices[0].note(credit(2))

    assert promise_kept(devices, charged=CHARGED)
    assert devices[0].repeats == 1


def test_what_somebody_does_on_the_page_meanwhile_is_no_broken_promise() -> None:
    mac, otto = watched("maya", "mac"), watched("otto", "other")
    mac.counts = lambda event: event.id != "CREDIT_UPDATE-4"
    for number in (1, 2, 3):
        mac.note(credit(number))
    mac.note(credit(4))  # bought on the page
    mac.note(completed(5))
    otto.note(credit(1, user="otto"))
    vote = event("PROMPT_CHANGE", 1, {"promptId": "p", "action": "voted"}, "")
    for device in (mac, otto):
        device.note(replace(vote, queue="all"))

    assert promise_kept([mac, otto], charged=CHARGED)
    assert mac.balance == 96


@pytest.mark.parametrize(
    "fault",
    [
        lambda mac, otto: otto.note(credit(9)),
        lambda mac, otto: otto.note(completed(9)),
        lambda mac, otto: mac.note(credit(9)),
        lambda mac, otto: mac.note(
            event("PROMPT_CHANGE", 1, {"promptId": "p", "action": "voted"}, "")
        ),
        lambda mac, otto: setattr(mac, "credits", CHARGED),
        lambda mac, otto: setattr(mac, "status", "processing"),
        lambda mac, otto: setattr(mac, "balance", 1),
    ],
    ids=["leak", "leaked shoot", "too many", "disorder", "lost credit", "unfinished", "disagree"],
)
def test_each_broken_promise_is_noticed(
    devices: list[Watched], fault: Callable[[Watched, Watched], None]
) -> None:
    fault(devices[0], devices[2])

    assert not promise_kept(devices, charged=CHARGED)


def test_a_panel_shows_the_image_that_is_looked_at() -> None:
    device = watched("maya", "mac")
    device.note(progress("IMG_0003.jpg"))
    console = Console(width=60, file=io.StringIO())

    console.print(panel(device, 60))

    assert isinstance(console.file, io.StringIO)
    lines = [line.strip("│ \n") for line in console.file.getvalue().splitlines()]
    assert "IMG_0003.jpg" in lines
