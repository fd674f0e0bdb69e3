"""The user's connected devices: WELCOME lists them, events tell who comes and goes. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kull_client import messages
from kull_client.event import USER_QUEUE, Device, Event

CONNECTED: Final = "DEVICE_CONNECTED"
DISCONNECTED: Final = "DEVICE_DISCONNECTED"


@dataclass(frozen=True, slots=True)
class News:
    """A device came, or went. `generation` is of its session."""

    device: Device
    generation: tuple[int, int]
    came: bool


class Presence:
    """See the module's text."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._devices = {device.device_id: device for device in devices}
        self._generations: dict[str, tuple[int, int]] = {}

    @property
    def devices(self) -> Sequence[Device]:
        """All of them, in order of their ids."""
        return [self._devices[device_id] for device_id in sorted(self._devices)]

    def note(self, news: News | None) -> None:
        """Take news, unless they are of a session that was followed by another one."""
        if news is None:
            return
        device_id = news.device.device_id
        if news.generation < self._generations.get(device_id, (0, 0)):
            return
        self._generations[device_id] = news.generation
        if news.came:
            self._devices[device_id] = news.device
        else:
            self._devices.pop(device_id, None)


def news_in(event: Event) -> News | None:
    """Return what an event says about a device, if it does. Raises BadMessage.

    Only the user's own queue can tell: in any other one the name is a publisher's.
    """
    if event.type not in {CONNECTED, DISCONNECTED} or event.queue != USER_QUEUE:
        return None
    device, generation = messages.device_of(event.data), messages.generation_of(event.data)
    return News(device, generation, event.type == CONNECTED)
