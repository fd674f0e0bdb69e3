"""What a session tells the owner of a queue about its device, and where it stands. PURE."""

from __future__ import annotations

import random

from kull_edge.protocol.handshake import Handshake
from kull_edge.protocol.messages import Hello
from kull_edge.protocol.server_messages import queue_name
from kull_edge.protocol.token_peek import Identity, read_token
from kull_edge.session.subscription import Subscription
from kull_protos.mesh.v1.attach_pb2 import Also, Device, Generation, Place, Position, Subscribe


class Introduction:
    """From the upgrade request or HELLO, then from the token, then from the first owner."""

    __slots__ = ("_after", "_device", "_epoch", "_generation", "_opened")

    def __init__(self, handshake: Handshake) -> None:
        self._device = Device(
            device_id=handshake.device_id,
            instance=handshake.instance,
        )
        self._opened = 0
        self._epoch, self._after = handshake.epoch, handshake.after
        self._generation: Generation | None = None

    def opened(self, now: float) -> None:
        """The connection began, in seconds of the edge's monotonic clock."""
        self._opened = round(now * 1000)

    def took(self, now: float) -> float:
        """Return the seconds since the connection began."""
        return now - self._opened / 1000

    def hello(self, message: Hello) -> None:
        """The device introduces itself after the upgrade request."""
        self._epoch, self._after = message.epoch, message.after
        self._device = Device(
            device_id=message.device_id,
            name=message.device_name,
            platform=message.platform,
            instance=message.instance,
        )

    def identify(self, token: str, *, allow_plain: bool, rng: random.Random) -> Identity:
        """Return who the token says it is. Raises BadToken, see `read_token`."""
        who = read_token(token, allow_plain=allow_plain, rng=rng, asked=self._device.device_id)
        self._device.device_id = who.device_id
        self._device.ephemeral = who.ephemeral
        return who

    def welcomed(self, generation: Generation) -> None:
        """The user's router has registered the session."""
        self._generation = Generation()
        self._generation.CopyFrom(generation)

    def forget_position(self, queue: str) -> None:
        """What the device said about a room counts for its first JOIN only."""
        self._after = {name: seq for name, seq in self._after.items() if name != queue}

    def subscribe(
        self,
        session_id: int,
        subscription: Subscription,
        *,
        token: str,
        start: Position | None,
        place: Place | None,
        history: int = 0,
    ) -> Subscribe:
        """Return what to send to an owner.

        start: where a JOIN says that the device stands.
        place: its part in a room's roster.
        history: how many of a room's last entries it wants if it has never been there.
        """
        address = subscription.address
        request = Subscribe(
            session_id=session_id,
            address=address,
            token=token,
            device=self._device,
            opened=self._opened,
            history=history,
        )
        position = start or self._position(address)
        if subscription.established:
            position = Position(epoch=subscription.epoch, seq=subscription.acked)
        if position:
            request.position.CopyFrom(position)
        if self._generation is not None:
            request.generation.CopyFrom(self._generation)
        if place is not None:
            request.place.CopyFrom(place)
        return request

    def also(self, address: str) -> Also:
        """Return what to send of a second queue, with the first `subscribe` to the user's own."""
        return Also(address=address, position=self._position(address))

    def _position(self, address: str) -> Position | None:
        """Return where the device says that it stands in a queue."""
        queue = queue_name(address)
        if queue not in self._after:
            return None
        return Position(epoch=self._epoch, seq=self._after[queue])
