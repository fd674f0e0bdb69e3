"""The sessions at this router: which ones there are, and how they end."""

from __future__ import annotations

from kull_protos.contract import addresses
from kull_protos.contract.close_codes import CloseCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.journal import Journal
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.measures.sessions import SessionMeasures
from kull_router.rooms.rosters import Rosters
from kull_router.sessions.registry import Registry
from kull_router.settings import RouterSettings


class Sessions:
    """Keeps subscriptions, registry and rosters in step: whoever ends one, ends it here."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        subscriptions: Subscriptions,
        fanout: Fanout,
        rosters: Rosters,
        journal: Journal,
        clock: Clock,
        measures: SessionMeasures,
    ) -> None:
        self.measures = measures
        self.rosters = rosters
        self._journal = journal
        self._subscriptions = subscriptions
        self._fanout = fanout
        self._clock = clock
        self.registry = Registry(
            grace=settings.presence_grace, devices_per_user=settings.devices_per_user
        )

    def add(self, subscription: Subscription) -> None:
        """A session has subscribed; of the user's own queue it is registered already."""
        self._subscriptions.add(subscription)

    def enter(
        self, stream: EdgeStream, subscription: Subscription, term: int, place: pb.Place
    ) -> None:
        """A session that was added follows a room: it is one of its members. See `pb.Place`."""
        self.rosters.entered(stream, subscription, term, place)

    def unsubscribe(self, stream: EdgeStream, request: pb.Unsubscribe) -> None:
        """End what subscribe began; of the user's own queue this starts the device's grace."""
        key = SessionKey(stream.number, request.session_id)
        self.release(key, request.address, left=request.left)

    def release(self, key: SessionKey, address: str, *, left: bool = False) -> None:
        """End one subscription; of the user's own queue this starts the device's grace.

        left: the device will not follow the queue again: in a room it has no grace.
        """
        subscription = self._subscriptions.remove(key, address)
        if subscription:
            self._release(subscription, left=left)

    def detach(self, stream: EdgeStream) -> None:
        """An edge is gone: its devices' grace begins."""
        for subscription in self._subscriptions.remove_stream(stream.number):
            self._release(subscription, left=False)

    def drop_shard(self, shard: int) -> None:
        """A shard has a new owner or term: the edges will subscribe again."""
        self._subscriptions.remove_shard(shard)
        self.registry.drop_shard(shard)
        self.rosters.drop_shard(shard)

    def disconnect(self, user: str, device: str, reason: str) -> int:
        """Close the sessions of a user's device, or of all of them, and return how many."""
        chosen = [
            presence.session
            for presence in self.registry.connected(user)
            if presence.session and (not device or presence.info.device == device)
        ]
        for key in chosen:
            self.evict(key, CloseCode.DISCONNECTED, reason or "an operator ended the session")
        return len(chosen)

    def evict(self, key: SessionKey, close_code: int, reason: str, *, left: bool = False) -> None:
        """Tell the edge to close a session; send it nothing more, heed nothing it says.

        left: see `release`.
        """
        if own := self._subscriptions.own(key):
            self._journal.evicted(own.info, close_code, reason)
        for each in self._subscriptions.of_session(key):
            self.release(key, each.address, left=left)
        stream = self._fanout.find(key.stream)
        if stream:
            self.measures.evicted.add(str(int(close_code)))
            evict = pb.Evict(session_id=key.session, close_code=close_code, reason=reason)
            stream.send(pb.AttachResponse(evict=evict))

    def _release(self, subscription: Subscription, *, left: bool) -> None:
        if addresses.is_room(subscription.address):
            self.rosters.released(subscription, left=left)
        if subscription.is_own:
            self.registry.release(subscription.key, self._clock.monotonic())
            self._journal.released(subscription.info)
