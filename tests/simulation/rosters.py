"""What everybody in a room must see, and what nobody may: compared with what routers follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from kull_protos.contract.device_tokens import ROOM_PRESENCE, ROOM_READ
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import Claims, TokenVerifier
from kull_router.core import RouterCore
from kull_router.delivery.session_key import Generation
from kull_router.delivery.subscriptions import Subscription

if TYPE_CHECKING:
    from tests.simulation.edges import EdgeNode
    from tests.simulation.guests import Guest
    from tests.simulation.network import Network
    from tests.simulation.routers import RouterNode

ROOM: Final = "room:team"
GHOSTS_FOR: Final = 10.0  # seconds after everybody is connected: then each view is the truth
ALLOWANCE: Final = 0.2  # seconds: two looks


class RoomVerifier(TokenVerifier):
    """Plain ids, of which everyone may be in the room."""

    def __init__(self) -> None:
        super().__init__(None, allow_plain=True)

    def verify(self, token: str, now_ms: int, *, grace_ms: int = 0) -> Claims:
        """See TokenVerifier."""
        plain = super().verify(token, now_ms, grace_ms=grace_ms)
        rights = frozenset({ROOM_READ, ROOM_PRESENCE})
        return Claims(user=plain.user, device=plain.device, plain=True, rooms={ROOM: rights})


class RosterCheck:
    """See the module's text. A user is held while the room's owner follows a session of it."""

    def __init__(self, *, grace: float, shard_count: int, blame: Callable[[str], None]) -> None:
        self.blame = blame
        self._grace = grace
        self._shard = shard_of(ROOM, shard_count)
        self._told_at: dict[tuple[int, int], float] = {}
        self._newest: dict[tuple[str, str], Generation] = {}
        self._term = 0
        self._owner_since = 0.0
        self._held_at: dict[str, float] = {}
        self._since: dict[str, float] = {}  # who is held without an interruption
        self._held: list[tuple[str, float, float]] = []  # whom, from when, until when
        self._settled_at: float | None = None

    # What routers do

    def watch(self, core: RouterCore) -> None:
        """Note what this router's rosters are told, and what they tell."""
        rosters: Any = core.rosters
        entered, released, send = rosters.entered, rosters.released, rosters._send

        def watched_enter(stream: Any, subscription: Subscription, *more: Any) -> None:
            who = (subscription.info.user, subscription.info.device)
            self._newest[who] = max(subscription.generation, self._newest.get(who, (0, 0)))
            entered(stream, subscription, *more)

        def watched_release(subscription: Subscription, *, left: bool) -> None:
            if left:
                self._interrupted(subscription.info.user, _now())
            released(subscription, left=left)

        def watched_send(stream: int, frame: pb.Roster) -> bool:
            self._told_at.setdefault((frame.term, frame.number), _now())
            return bool(send(stream, frame))

        rosters.entered, rosters.released = watched_enter, watched_release
        rosters._send = watched_send

    def look(self, routers: Sequence[RouterNode]) -> None:
        """Note who is held now."""
        now, owner = _now(), self._owner(routers)
        if owner is None:
            return
        term = owner.terms[self._shard]
        if term != self._term:
            self._term, self._owner_since = term, now
        held = {
            each.info.user
            for each in owner.subscriptions.all()
            if each.address == ROOM
            and each.generation == self._newest.get((each.info.user, each.info.device))
        }
        for user in held:
            self._held_at[user] = now
            self._since.setdefault(user, now)
        longest = 0.8 * self._grace - ALLOWANCE
        for user in self._since.keys() - held:
            if now - max(self._held_at[user], self._owner_since) > longest:
                self._interrupted(user, self._held_at[user])

    def _owner(self, routers: Sequence[RouterNode]) -> RouterCore | None:
        cores = [each.core for each in routers if each.core and not each.process.dead]
        owners = [core for core in cores if self._shard in core.terms]
        return max(owners, key=lambda core: core.terms[self._shard], default=None)

    def _interrupted(self, user: str, at: float) -> None:
        since = self._since.pop(user, None)
        if since is not None:
            self._held.append((user, since, at))

    # What guests see

    def seen_to_go(self, user: str, generation: tuple[int, int], viewer: str) -> None:
        """Somebody's view has lost a user: blame it if that was there all the time."""
        told = self._told_at.get(generation)
        if told is None:
            self.blame(f"{viewer} was told {generation}, which no router has said")
            return
        held = [*self._held]
        if user in self._since:
            held.append((user, self._since[user], float("inf")))
        began = told - self._grace - 1.0
        if any(name == user and since <= began and told < end for name, since, end in held):
            self.blame(f"{viewer} saw {user} go at {told:.2f}, who never left")

    def unlevel(
        self, guests: Sequence[Guest], edges: Sequence[EdgeNode], net: Network
    ) -> list[str]:
        """Return what keeps everybody's view from being the truth."""
        apart = [
            f"{guest.name} is not where it wants to be"
            for guest in guests
            if guest.visit.cut_off or guest.visit.joined != guest.wants or guest.visit.asked
        ]
        there = sum(guest.wants for guest in guests)
        following = [
            each.subscription
            for edge in edges
            if edge.shell
            for each in edge.shell.hub._sessions.following(ROOM)
        ]
        if len(following) != there or not all(each.attached for each in following):
            apart.append(f"{len(following)} sessions are in the room, not {there}")
        if any(each.silent for each in net.connections("link")):
            apart.append("a link is silent, and not everybody knows")
        if apart:
            self._settled_at = None
            return apart
        return self._ghosts(guests)

    def _ghosts(self, guests: Sequence[Guest]) -> list[str]:
        now = _now()
        self._settled_at = now if self._settled_at is None else self._settled_at
        truth: dict[str, dict[str, Any]] = {}
        for guest in guests:
            if guest.wants:
                truth.setdefault(guest.user, {})[guest.device] = guest.state
        wrong = [
            f"{guest.name} sees {seen}, not {sorted(truth)}"
            for guest in guests
            if guest.wants and (seen := _wrong(guest, truth))
        ]
        if wrong and now > self._settled_at + GHOSTS_FOR:
            self.blame(f"{GHOSTS_FOR:g} s after everybody was there: {wrong[0]}")
        return wrong


def _wrong(guest: Guest, truth: dict[str, dict[str, Any]]) -> str:
    """Return how a guest's view differs from the truth; empty: it does not."""
    view = guest.visit.view
    if view.count != len(truth):
        return f"{view.count} members"
    if view.partial:
        return ""
    seen = {
        user: sorted(each["deviceId"] for each in member["devices"])
        for user, member in view.members.items()
    }
    if seen != {user: sorted(devices) for user, devices in truth.items()}:
        return str(seen)
    states = {user: member.get("state") for user, member in view.members.items()}
    return "" if all(states[user] in each.values() for user, each in truth.items()) else str(states)


def _now() -> float:
    return asyncio.get_running_loop().time()
