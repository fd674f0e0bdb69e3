"""Sessions and devices of the users whose shards this router owns. PURE.

Answers three questions: which session of a device is the newest (a takeover evicts the older one),
which devices of a user are connected, and when does a device that lost its session count as gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import Final

from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.queues.port import DeviceInfo

# How much older than the registered one a new connection is, if it was held up on its way: more
# than a message between the nodes takes, by which the moments are measured.
HELD_UP_MS: Final = 2000


class Change(Enum):
    """What has become of a device."""

    CAME = auto()
    RESUMED = auto()  # it comes from another owner of its shard
    GONE = auto()


@dataclass(slots=True, kw_only=True)
class Presence:
    """A device with a session, or in its grace period after it lost one."""

    info: DeviceInfo
    shard: int
    generation: Generation
    connected_ms: int
    session: SessionKey | None
    opened_ms: int  # when its connection began, by this router's monotonic clock
    instance: str = ""  # the client's run, if it names one
    gone_at: float = 0.0  # seconds on the caller's clock; meaningful while session is None
    announced: bool = False  # DEVICE_CONNECTED was stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A session now stands for its device. `evicted` is the older session, if there was one."""

    presence: Presence
    evicted: SessionKey | None
    same: bool = False  # the evicted session is of the same run of the same client


class TooManyDevices(Exception):
    """The user has as many connected devices as allowed."""


class Superseded(Exception):
    """The device has a newer session already.

    for_good: another client took over. Else the session may be this client's own later attempt.
    """

    def __init__(self, *, for_good: bool) -> None:
        self.for_good = for_good
        super().__init__()


class Registry:
    """All presences, by user and device.

    Attributes:
        changed: called when a device has come or gone, not for another session of one.
    """

    def __init__(self, *, grace: float, devices_per_user: int) -> None:
        self._grace = grace
        self._limit = devices_per_user
        self._users: dict[str, dict[str, Presence]] = {}
        self._sessions: dict[SessionKey, Presence] = {}
        self._of_stream: Counter[int] = Counter()  # how many of them
        self._in_grace: dict[tuple[str, str], Presence] = {}  # in order of gone_at
        self._counter = 0
        self.changed: Callable[[Presence, Change], None] = lambda presence, change: None

    def __len__(self) -> int:
        return len(self._sessions)

    def register(
        self,
        key: SessionKey,
        info: DeviceInfo,
        *,
        shard: int,
        term: int,
        now_ms: int,
        opened_ms: int,
        generation: Generation | None = None,
        instance: str = "",
    ) -> Registered:
        """Make a session stand for its device.

        generation: what the session was given before (a re-subscription), None for a new one.
        opened_ms: when its connection began, by this router's monotonic clock; a new session whose
            connection is older than that of the registered one was held up on its way.

        Raises:
            Superseded: a newer session of this device is registered, or just went away.
            TooManyDevices: the user's limit is reached.
        """
        devices = self._users.setdefault(info.user, {})
        known = devices.get(info.device)
        same = known is not None and bool(instance) and known.instance == instance
        change = Change.RESUMED if generation else Change.CAME
        if generation is None:
            generation = self._next_generation(known, term=term, opened_ms=opened_ms)
        if known and known.session != key and known.generation > generation:
            raise Superseded(for_good=not same)
        if known is None and len(devices) >= self._limit and not self._make_room(devices):
            raise TooManyDevices
        evicted = known.session if known and known.session != key else None
        if evicted:
            self._leave(evicted)
        presence = Presence(
            info=info,
            shard=shard,
            generation=generation,
            connected_ms=known.connected_ms if known else now_ms,
            session=key,
            opened_ms=opened_ms,
            instance=instance,
            announced=known is not None and known.announced,
        )
        self._keep(presence, key)
        if known is None:
            self.changed(presence, change)
        return Registered(presence=presence, evicted=evicted, same=same)

    def _keep(self, presence: Presence, key: SessionKey) -> None:
        info = presence.info
        self._in_grace.pop((info.user, info.device), None)
        # A re-subscription may bring a lower counter than ours: never mint it twice.
        self._counter = max(self._counter, presence.generation[1])
        # Making room may have left the user without any.
        self._users.setdefault(info.user, {})[info.device] = presence
        self._enter(key, presence)

    def _next_generation(self, known: Presence | None, *, term: int, opened_ms: int) -> Generation:
        if known and known.session and opened_ms + HELD_UP_MS < known.opened_ms:
            raise Superseded(for_good=False)
        self._counter += 1
        return (term, self._counter)

    def _make_room(self, devices: dict[str, Presence]) -> bool:
        for device, presence in devices.items():
            if presence.session is None:
                self._forget(presence)
                return device not in devices
        return False

    def find(self, key: SessionKey) -> Presence | None:
        """Return what a session stands for, None if it was evicted or never registered."""
        return self._sessions.get(key)

    def release(self, key: SessionKey, now: float) -> Presence | None:
        """Start the grace period of a session's device. None if the session stands for nothing."""
        presence = self._leave(key)
        if presence is None:
            return None
        presence.session = None
        presence.gone_at = now + self._grace
        self._in_grace[presence.info.user, presence.info.device] = presence
        return presence

    def of_device(self, user: str, device: str) -> Presence | None:
        """Return a device's presence; None: it is not here, or its grace is over."""
        return self._users.get(user, {}).get(device)

    def absent_for(self, presence: Presence, now: float) -> float:
        """Return for how many seconds a device has had no session."""
        return 0.0 if presence.session else max(0.0, now - (presence.gone_at - self._grace))

    def remove(self, info: DeviceInfo, *, shard: int, term: int, now_ms: int) -> Presence:
        """Forget a device, without grace, and return what it was.

        Of one that was not here that is a presence of a generation that nobody else has: news of
        it are newer than all from before.
        """
        known = self.of_device(info.user, info.device)
        if known:
            self._forget(known)
            return known
        self._counter += 1
        return Presence(
            info=info,
            shard=shard,
            generation=(term, self._counter),
            connected_ms=now_ms,
            session=None,
            opened_ms=0,
        )

    def expire(self, now: float) -> list[Presence]:
        """Forget devices whose grace period is over and return them."""
        gone = []
        for presence in list(self._in_grace.values()):
            if presence.gone_at > now:
                break
            self._forget(presence)
            gone.append(presence)
        return gone

    def has(self, user: str) -> bool:
        """Whether a device of the user has a session, or had one until a moment ago."""
        return user in self._users

    def present(self, user: str) -> list[Presence]:
        """Return those devices."""
        return list(self._users.get(user, {}).values())

    def connected(self, user: str) -> list[Presence]:
        """Return the user's devices that have a session, oldest connection first."""
        devices = self._users.get(user, {}).values()
        online = [presence for presence in devices if presence.session]
        return sorted(online, key=lambda presence: (presence.connected_ms, presence.info.device))

    def sessions(self, limit: int | None = None) -> Iterator[tuple[SessionKey, Presence]]:
        """Iterate over all sessions, or so many of them."""
        yield from list(islice(self._sessions.items(), limit))

    def count_of(self, stream: int) -> int:
        """Return how many sessions an edge has, by the number of its stream."""
        return self._of_stream[stream]

    def drop_shard(self, shard: int) -> None:
        """Forget everybody of a shard: its new owner is told by the edges."""
        for devices in list(self._users.values()):
            for presence in list(devices.values()):
                if presence.shard == shard:
                    self._forget(presence)

    def _enter(self, key: SessionKey, presence: Presence) -> None:
        if key not in self._sessions:
            self._of_stream[key.stream] += 1
        self._sessions[key] = presence

    def _leave(self, key: SessionKey) -> Presence | None:
        presence = self._sessions.pop(key, None)
        if presence:
            self._of_stream[key.stream] -= 1
            if not self._of_stream[key.stream]:
                del self._of_stream[key.stream]
        return presence

    def _forget(self, presence: Presence) -> None:
        user, device = presence.info.user, presence.info.device
        self._in_grace.pop((user, device), None)
        if presence.session:
            self._leave(presence.session)
        devices = self._users.get(user, {})
        if devices.get(device) is presence:
            del devices[device]
        if not devices:
            self._users.pop(user, None)
        self.changed(presence, Change.GONE)
