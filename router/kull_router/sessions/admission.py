"""Sessions at this router: subscribe, unsubscribe, acknowledge, take over, come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from math import ceil
from typing import Any, Final, NoReturn

import structlog

from kull_protos.common.rates import Buckets
from kull_protos.contract import addresses, device_ids
from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_protos.contract.limits import MAX_NAME_CHARS, MAX_PLATFORM_CHARS
from kull_protos.contract.shard import shard_of
from kull_protos.contract.texts import plain_text
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router import metrics
from kull_router.access import tokens
from kull_router.access.authority import Authority
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.delivery.shard import Shard
from kull_router.delivery.subscriptions import Subscription
from kull_router.errors import StoreError, TokenRefused
from kull_router.queues.port import Attachment, DeviceInfo, Store
from kull_router.sessions.cursors import Cursors
from kull_router.sessions.presence import device_event, device_message
from kull_router.sessions.refusals import NotGranted, Refusal, refuse
from kull_router.sessions.registry import Presence, Registry, Superseded, TooManyDevices
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

FLUSH_STEP: Final = 64  # cursors per transaction: what else waits for the store goes in between
UNKNOWN_POSITION: Final = 2**62  # beyond any head: the store answers "not recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joining:
    """A session on its way into a queue."""

    stream: EdgeStream
    request: pb.Subscribe
    subscription: Subscription
    shard: Shard
    term: int
    presence: Presence | None  # only in the user's own queue


class Sessions:
    """What edges ask for on behalf of their sessions."""

    def __init__(
        self,
        *,
        settings: RouterSettings,
        store: Store,
        authority: Authority,
        fanout: Fanout,
        shards: dict[int, Shard],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._store = store
        self._authority = authority
        self._fanout = fanout
        self._shards = shards
        self._clock = clock
        self.registry = Registry(
            grace=settings.presence_grace, devices_per_user=settings.devices_per_user
        )
        self.cursors = Cursors()
        self._attempts = Buckets(
            rate=settings.attempts_per_user, burst=settings.attempts_per_user_burst
        )

    def subscribe(self, stream: EdgeStream, request: pb.Subscribe) -> Coroutine[Any, Any, None]:
        """Register a session at once; the work returned looks up where it continues.

        The answer is Subscribed or Refused.
        """
        try:
            joining = self._register(stream, request)
        except (Refusal, TokenRefused) as refusal:
            refuse(stream, request.session_id, request.address, refusal)
            return _nothing()
        return self._attach(joining)

    def _register(self, stream: EdgeStream, request: pb.Subscribe) -> _Joining:
        shard = self._shards[shard_of(request.address, self._settings.shard_count)]
        if shard.term is None:
            raise Refusal(TRY_AGAIN, f"this router does not own shard {shard.number}")
        claims = self._authority.verify(request.token, connected=request.HasField("generation"))
        info = _device_info(claims, request)
        self._authority.check(claims, info.device)
        key = SessionKey(stream.number, request.session_id)
        presence = None
        if request.address == addresses.of_user(info.user):
            presence = self._take_over(key, request, info, shard)
        else:
            self._fence_older(key, request, info)
        # Before the head is read: a push that comes in between must reach the edge.
        subscription = Subscription(
            key=key,
            address=request.address,
            shard=shard.number,
            info=info,
            claims=claims,
            generation=_generation(request),
        )
        self._fanout.subscriptions.add(subscription)
        metrics.SESSIONS.set(len(self.registry))
        return _Joining(
            stream=stream,
            request=request,
            subscription=subscription,
            shard=shard,
            term=shard.term,
            presence=presence,
        )

    def _fence_older(self, key: SessionKey, request: pb.Subscribe, info: DeviceInfo) -> None:
        """Of a shared queue: a device's older session must not move the newer one's cursor."""
        generation = _generation(request)
        for other in self._fanout.subscriptions.all(info.user):
            same = other.info.device == info.device and other.address == request.address
            if not same or other.key == key:
                continue
            if other.generation > generation:
                raise Refusal(CloseCode.REPLACED, "this device has connected again elsewhere")
            self.drop(other.key, other.address)

    def _take_over(
        self, key: SessionKey, request: pb.Subscribe, info: DeviceInfo, shard: Shard
    ) -> Presence:
        generation = None
        if not request.HasField("generation"):
            self._check_attempts(info.user)
        else:
            generation = _generation(request)
        try:
            registered = self.registry.register(
                key,
                info,
                shard=shard.number,
                term=shard.term or 0,
                now_ms=self._clock.wall_ms(),
                opened_ms=request.device.connected_at,
                generation=generation,
                instance=request.device.instance,
            )
        except Superseded as error:
            code = CloseCode.REPLACED if error.for_good else CloseCode.RESUBSCRIBE
            raise Refusal(code, "this device has connected again elsewhere") from None
        except TooManyDevices:
            limit = self._settings.devices_per_user
            raise Refusal(
                CloseCode.TOO_MANY_DEVICES, f"{limit} devices are connected already"
            ) from None
        if registered.evicted:
            # A client must not be sent away for good by its own earlier, long held up attempt.
            code = CloseCode.RESUBSCRIBE if registered.same else CloseCode.REPLACED
            self.evict(registered.evicted, info.user, code, "this device has connected again")
        return registered.presence

    def _check_attempts(self, user: str) -> None:
        # Behind the verified token: else anyone could use up a user's attempts.
        if wait := self._attempts.take(user, self._clock.monotonic()):
            why = f"this user connects too often: connect again after {ceil(wait)} s"
            raise Refusal(CloseCode.TOO_MANY_ATTEMPTS, why)

    async def _attach(self, joining: _Joining) -> None:
        subscription, request = joining.subscription, joining.request
        try:
            attachment = await self._continue(joining)
        except Exception as error:
            if not isinstance(error, StoreError):
                log.exception("subscribe_failed", address=request.address)
            if self._is_current(joining):
                self.drop(subscription.key, subscription.address)
            why = Refusal(TRY_AGAIN, "the store does not answer well")
            refuse(joining.stream, request.session_id, request.address, why)
            return
        if not self._is_current(joining):
            return  # closed, evicted, or lost to another owner while the store worked
        subscription.initial_head = attachment.initial_head
        joining.stream.send(self._subscribed(joining, attachment))
        presence = joining.presence
        if presence and not presence.announced:
            presence.announced = True
            await self._tell(presence, connected=True)

    def _is_current(self, joining: _Joining) -> bool:
        mine = joining.subscription
        return self._fanout.subscriptions.get(mine.key, mine.address) is mine

    async def _continue(self, joining: _Joining) -> Attachment:
        request, info = joining.request, joining.subscription.info
        position = None
        if request.HasField("position"):
            same = request.position.epoch == self._store.epoch
            position = request.position.seq if same else UNKNOWN_POSITION
        else:  # what it has acknowledged counts, also what is not written yet
            unwritten = self.cursors.take_of(info.user, info.device, request.address)
            if unwritten:
                await self._store.advance(unwritten, self._clock.wall_ms())
        return await self._store.attach(
            joining.shard.number,
            joining.term,
            request.address,
            info,
            position,
            self._clock.wall_ms(),
        )

    def _subscribed(self, joining: _Joining, attachment: Attachment) -> pb.AttachResponse:
        info = joining.subscription.info
        answer = pb.Subscribed(
            session_id=joining.request.session_id,
            address=joining.request.address,
            shard=joining.shard.number,
            term=joining.term,
            epoch=self._store.epoch,
            head=attachment.head,
            after=attachment.after,
            recovered=attachment.recovered,
            user_id=info.user,
            expires_at=joining.subscription.claims.expires_ms,
            closes_at=self._authority.closes_ms(joining.subscription.claims),
        )
        if joining.presence:
            answer.first = attachment.first
            answer.device.CopyFrom(device_message(joining.presence))
            answer.generation.CopyFrom(answer.device.generation)
            answer.devices.extend(map(device_message, self.registry.connected(info.user)))
        return pb.AttachResponse(subscribed=answer)

    def unsubscribe(self, stream: EdgeStream, request: pb.Unsubscribe) -> None:
        """End what subscribe began; of the user's own queue this starts the device's grace."""
        self.drop(SessionKey(stream.number, request.session_id), request.address)

    def drop(self, key: SessionKey, address: str) -> None:
        """End one subscription; of the user's own queue this starts the device's grace."""
        subscription = self._fanout.subscriptions.remove(key, address)
        if subscription and address == addresses.of_user(subscription.info.user):
            self.registry.release(key, self._clock.monotonic())
            metrics.SESSIONS.set(len(self.registry))

    def acknowledge(self, stream: EdgeStream, acks: pb.Acks) -> None:
        """Move cursors of this stream's own sessions; others' are ignored."""
        for ack in acks.acks:
            key = SessionKey(stream.number, ack.session_id)
            subscription = self._fanout.subscriptions.get(key, ack.address)
            if subscription:
                info = subscription.info
                self.cursors.move(ack.address, info.user, info.device, ack.seq)

    def detach(self, stream: EdgeStream) -> None:
        """An edge is gone: its devices' grace begins."""
        for subscription in self._fanout.subscriptions.remove_stream(stream.number):
            if subscription.address == addresses.of_user(subscription.info.user):
                self.registry.release(subscription.key, self._clock.monotonic())
        metrics.SESSIONS.set(len(self.registry))

    def drop_shard(self, shard: int) -> None:
        """A shard has a new owner or term: the edges will subscribe again."""
        self._fanout.subscriptions.remove_shard(shard)
        self.registry.drop_shard(shard)
        metrics.SESSIONS.set(len(self.registry))

    def disconnect(self, user: str, device: str, reason: str) -> int:
        """Close the sessions of a user's device, or of all of them, and return how many."""
        chosen = [
            presence.session
            for presence in self.registry.connected(user)
            if presence.session and (not device or presence.info.device == device)
        ]
        for key in chosen:
            self.evict(key, user, CloseCode.DISCONNECTED, reason or "an operator ended the session")
        return len(chosen)

    def evict(self, key: SessionKey, user: str, close_code: int, reason: str) -> None:
        """Tell the edge to close a user's session; send it nothing more, heed nothing it says."""
        for each in self._fanout.subscriptions.of_session(key, user):
            self.drop(key, each.address)
        stream = self._fanout.streams.get(key.stream)
        if stream:
            evict = pb.Evict(session_id=key.session, close_code=close_code, reason=reason)
            stream.send(pb.AttachResponse(evict=evict))

    async def _tell(self, presence: Presence, *, connected: bool) -> None:
        event = device_event(
            presence,
            connected=connected,
            event_id=self._clock.new_id(),
            now_ms=self._clock.wall_ms(),
        )
        await self._shards[presence.shard].submit(event)

    async def run_presence(self) -> NoReturn:
        """Tell the others when a device's grace is over."""
        interval = max(0.05, self._settings.presence_grace / 10)
        while True:
            await asyncio.sleep(interval)
            for presence in self.registry.expire(self._clock.monotonic()):
                await self._touch(presence)
                if presence.announced:
                    await self._tell(presence, connected=False)

    async def run_cursors(self) -> NoReturn:
        """Write acknowledged positions behind, in batches."""
        while True:
            await asyncio.sleep(self._settings.cursor_flush)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what cannot be written now stays for the next time.

        In steps: events that wait for the store go in between.
        """
        for _ in range(ceil(len(self.cursors) / FLUSH_STEP)):
            updates = self.cursors.take(FLUSH_STEP)
            if not updates:
                return
            try:
                await self._store.advance(updates, self._clock.wall_ms())
            except StoreError as error:
                log.warning("cursors_not_written", cursors=len(updates), why=str(error))
                for update in updates:
                    self.cursors.move(update.address, update.user, update.device, update.seq)
                return

    async def run_touch(self) -> NoReturn:
        """Keep the rows of connected devices young, however long they stay connected."""
        while True:
            await asyncio.sleep(self._settings.keep_ephemeral_devices_for / 3)
            for _, presence in self.registry.sessions():
                await self._touch(presence)

    async def _touch(self, presence: Presence) -> None:
        try:
            await self._store.touch(presence.info, self._clock.wall_ms())
        except StoreError as error:
            log.warning("device_not_touched", why=str(error))
        except Exception:
            # One device's row must not take the router down with everybody.
            log.exception("device_not_touched")


def _generation(request: pb.Subscribe) -> Generation:
    """Return the generation that a session was given before; (0, 0) for a new one."""
    return (request.generation.term, request.generation.counter)


def _device_info(claims: tokens.Claims, request: pb.Subscribe) -> DeviceInfo:
    if not claims.grants(request.address):
        raise NotGranted(request.address)
    asked = request.device
    tokens.check_device_id(asked.device_id)
    if claims.device and asked.device_id != claims.device:
        raise TokenRefused(CloseCode.BAD_TOKEN, "the token names another device than deviceId does")
    if not claims.device and not device_ids.is_generated(asked.device_id):
        raise TokenRefused(
            CloseCode.BAD_TOKEN, "a device id of one's own needs a token that names it"
        )
    return DeviceInfo(
        user=claims.user,
        device=asked.device_id,
        name=plain_text(claims.name or asked.name, MAX_NAME_CHARS),
        platform=plain_text(claims.platform or asked.platform, MAX_PLATFORM_CHARS),
        ephemeral=not claims.device,
    )


async def _nothing() -> None:
    """What is left to do for a refused session."""
