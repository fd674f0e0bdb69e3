"""Who is in one room: users, each with the devices that are there. PURE.

A member is there while one of its devices is, or has lost its connection less than the time of
grace ago. Devices are told apart by their sessions' generations: an older session never takes a
newer one's part, and its late leave removes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.queues.port import DeviceInfo


@dataclass(frozen=True, slots=True)
class MemberDevice:
    """A device with which a member is there. In the order of their ids."""

    device: str
    platform: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A user in a room, as others are told.

    Attributes:
        since_ms: when the user came, since the Unix epoch.
        devices: by their ids, in order; at least one.
        state: a JSON object; empty: none.
    """

    user: str
    since_ms: int
    devices: tuple[MemberDevice, ...]
    state: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed between two looks; what came and went in between is in none of them.

    `touches`: how many things have happened, to say how many of them nobody was told.
    """

    joined: tuple[Member, ...] = ()
    updated: tuple[Member, ...] = ()
    left: tuple[str, ...] = ()
    touches: int = 0

    def __len__(self) -> int:
        return len(self.joined) + len(self.updated) + len(self.left)


@dataclass(slots=True)
class _Device:
    info: DeviceInfo
    key: SessionKey
    generation: Generation
    state: bytes
    stated_ms: int  # by the router's monotonic clock; 0: it never said one
    lost: bool = False


@dataclass(slots=True)
class _User:
    since_ms: int
    devices: dict[str, _Device] = field(default_factory=dict)
    state: bytes = b""  # the newest of its devices'


class Roster:
    """See the module's text."""

    def __init__(self) -> None:
        self._users: dict[str, _User] = {}
        self._told: dict[str, Member] = {}
        self._touched: dict[str, None] = {}
        self._touches = 0
        self._by_state: dict[bytes, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._users)

    @property
    def changed(self) -> bool:
        """Whether something has happened since `changes` was asked last."""
        return bool(self._touched)

    def enter(
        self,
        key: SessionKey,
        info: DeviceInfo,
        generation: Generation,
        *,
        since_ms: int,
        state: bytes = b"",
        stated_ms: int = 0,
    ) -> bool:
        """A session of a device is there. False: a newer one of that device is, or was just now.

        Args:
            key: the session; the same one may enter again, after its edge has lost this router.
            generation: of the session.
            since_ms: when its user came, if it was told; of several the earliest counts.
            state: what the device has said of its state, a JSON object; empty: none.
            stated_ms: when it did, by the router's monotonic clock; 0: never.
        """
        user = self._users.get(info.user)
        known = user.devices.get(info.device) if user else None
        if known and known.generation > generation:
            return False
        if user is None:
            user = self._users[info.user] = _User(since_ms)
        user.since_ms = min(user.since_ms, since_ms)
        user.devices[info.device] = _Device(info, key, generation, state, stated_ms)
        self._touch(info.user, user)
        return True

    def since_ms(self, user: str) -> int:
        """Return when a user came; 0: it is not there."""
        found = self._users.get(user)
        return found.since_ms if found else 0

    def state(self, key: SessionKey, info: DeviceInfo, state: bytes, stated_ms: int) -> None:
        """A device has said another state; empty: none. An older session's does not count."""
        user, device = self._find(key, info)
        if user and device and stated_ms >= device.stated_ms:
            device.state, device.stated_ms = state, stated_ms
            self._touch(info.user, user)

    def lose(self, key: SessionKey, info: DeviceInfo) -> bool:
        """A session has lost its connection: its device's grace begins. False: it has none left."""
        _, device = self._find(key, info)
        if device is None or device.lost:
            return False
        device.lost = True
        return True

    def expire(self, key: SessionKey, info: DeviceInfo) -> None:
        """The grace of a device that lost this session is over; one that is back stays."""
        _, device = self._find(key, info)
        if device and device.lost:
            self.leave(key, info)

    def leave(self, key: SessionKey, info: DeviceInfo) -> None:
        """A device is not there any more, if this is its newest session."""
        user, device = self._find(key, info)
        if user is None or device is None:
            return
        del user.devices[info.device]
        if not user.devices:
            del self._users[info.user]
        self._touch(info.user, user)

    def members(self) -> list[Member]:
        """Return all members, who came first first."""
        users = sorted(self._users, key=lambda user: (self._users[user].since_ms, user))
        return [self._member(user) for user in users]

    def changes(self) -> Changes:
        """Return what has changed since this was asked last."""
        joined: list[Member] = []
        updated: list[Member] = []
        left: list[str] = []
        for user in self._touched:
            before = self._told.get(user)
            now = self._member(user) if user in self._users else None
            if now == before:
                continue
            if now is None:
                left.append(user)
                del self._told[user]
                continue
            (updated if before else joined).append(now)
            self._told[user] = now
        touches, self._touches = self._touches, 0
        self._touched.clear()
        return Changes(tuple(joined), tuple(updated), tuple(left), touches)

    def state_of(self, user: str) -> bytes:
        """Return a member's state; empty: none, or it is not there."""
        found = self._users.get(user)
        return found.state if found else b""

    def neighbours(self, state: bytes, limit: int) -> list[Member]:
        """Return some members of this state, at most `limit`."""
        return [self._member(user) for user in islice(self._by_state.get(state, ()), limit)]

    def sessions(self) -> Iterator[SessionKey]:
        """Yield the newest session of each device that is there, also of one that was lost."""
        for user in self._users.values():
            for device in user.devices.values():
                yield device.key

    def _find(self, key: SessionKey, info: DeviceInfo) -> tuple[_User | None, _Device | None]:
        user = self._users.get(info.user)
        device = user.devices.get(info.device) if user else None
        return user, device if device and device.key == key else None

    def _member(self, name: str) -> Member:
        user = self._users[name]
        devices = tuple(
            MemberDevice(device, each.info.platform, each.info.name)
            for device, each in sorted(user.devices.items())
        )
        return Member(name, user.since_ms, devices, user.state)

    def _touch(self, name: str, user: _User) -> None:
        self._touched[name] = None
        self._touches += 1
        alike = self._by_state.get(user.state)
        if alike is not None:
            alike.pop(name, None)
            if not alike:
                del self._by_state[user.state]
        if user.devices:
            newest = max(user.devices.values(), key=lambda each: each.stated_ms)
            user.state = newest.state
            self._by_state.setdefault(user.state, {})[name] = None
