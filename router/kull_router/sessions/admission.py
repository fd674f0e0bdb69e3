"""Subscribing: who may follow a queue, whom that sends away, and where the device continues."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final

import structlog

from kull_protos.common.rates import Buckets
from kull_protos.contract import addresses, device_ids
from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_protos.contract.limits import MAX_HISTORY, MAX_NAME_CHARS, MAX_PLATFORM_CHARS
from kull_protos.contract.texts import plain_text
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access import tokens
from kull_router.access.authority import Authority
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.journal import Journal
from kull_router.delivery.session_key import Generation, SessionKey
from kull_router.delivery.shard import Shard
from kull_router.delivery.shards import Shards
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.errors import StoreError, StoreUnavailable, TokenRefused
from kull_router.queues.port import Attach, Attachment, DeviceInfo, Store
from kull_router.queues.retention import kind_of
from kull_router.sessions.cursor_writer import CursorWriter
from kull_router.sessions.devices import Devices
from kull_router.sessions.presence import device_message
from kull_router.sessions.refusals import NotGranted, Refusal, refuse
from kull_router.sessions.registry import Presence, Superseded, TooManyDevices
from kull_router.sessions.sessions import Sessions
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

UNKNOWN_POSITION: Final = 2**62  # beyond any head: the store answers "not recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One queue of a request; `position`: what the device says of it.

    `history`: how many of its last entries the device gets if it was never there.
    """

    subscription: Subscription
    term: int
    position: pb.Position | None
    history: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A session that waits for the store's word."""

    stream: EdgeStream
    wanted: _Part
    presence: Presence | None  # only in the user's own queue
    also: _Part | None
    since: float  # when it asked, by the monotonic clock
    is_new: bool  # it does not come from another owner


class Admission:
    """Answers Subscribe."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        store: Store,
        authority: Authority,
        sessions: Sessions,
        subscriptions: Subscriptions,
        cursors: CursorWriter,
        devices: Devices,
        shards: Shards,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._kinds = settings.retention.kinds
        self._devices_per_user = settings.devices_per_user
        self._store = store
        self._authority = authority
        self._sessions = sessions
        self._measures = sessions.measures
        self._subscriptions = subscriptions
        self._cursors = cursors
        self._devices = devices
        self._shards = shards
        self._clock = clock
        self._attempts = Buckets(
            rate=settings.attempts_per_user, burst=settings.attempts_per_user_burst
        )

    def subscribe(self, stream: EdgeStream, request: pb.Subscribe) -> Coroutine[Any, Any, None]:
        """Register a session at once; the work returned looks up where it continues.

        The answer is Subscribed or Refused.
        """
        try:
            pending = self._register(stream, request)
        except (Refusal, TokenRefused) as refusal:
            refuse(stream, request.session_id, request.address, refusal, self._measures)
            why = (refusal.close_code, str(refusal))
            self._journal.refused(request.address, request.device.device_id, *why)
            return _nothing()
        return self._attach(pending)

    def _register(self, stream: EdgeStream, request: pb.Subscribe) -> _Pending:
        shard = self._shards.of(request.address)
        if shard.term is None:
            raise Refusal(TRY_AGAIN, f"this router does not own shard {shard.number}")
        claims = self._authority.verify(request.token, connected=request.HasField("generation"))
        info = _device_info(claims, request)
        self._authority.check(claims, info.device)
        subscription = Subscription(
            key=SessionKey(stream.number, request.session_id),
            address=request.address,
            shard=shard.number,
            info=info,
            claims=claims,
            generation=_generation(request),
            takes_roster=request.HasField("place"),
        )
        presence = None
        if subscription.is_own:
            opened_ms = stream.clock.here(request.opened, self._clock.monotonic())
            presence = self._take_over(subscription.key, request, info, shard, opened_ms)
        else:
            self._fence_older(subscription)
        wanted = self._add(subscription, shard.term, request)
        if addresses.is_room(subscription.address):
            self._sessions.enter(stream, subscription, shard.term, request.place)
        also = self._also(subscription, presence, request) if presence else None
        return _Pending(
            stream=stream,
            wanted=wanted,
            presence=presence,
            also=also,
            since=self._clock.monotonic(),
            is_new=not request.HasField("generation"),
        )

    def _add(self, subscription: Subscription, term: int, request: pb.Subscribe | pb.Also) -> _Part:
        # Before the head is read: a push that comes in between must reach the edge.
        self._sessions.add(subscription)
        position = request.position if request.HasField("position") else None
        return _Part(
            subscription=subscription,
            term=term,
            position=position,
            history=self._history(request) if isinstance(request, pb.Subscribe) else 0,
        )

    def _history(self, request: pb.Subscribe) -> int:
        kind = self._kinds.get(kind_of(request.address))
        return min(request.history, MAX_HISTORY) if kind and kind.history else 0

    def _also(self, own: Subscription, presence: Presence, request: pb.Subscribe) -> _Part | None:
        """Take the session into a second queue; None: the edge asks for it by itself, if at all."""
        if not request.HasField("also"):
            return None
        address = request.also.address
        shard = self._shards.of(address)
        if shard.term is None or address != addresses.ALL or not own.claims.grants(address):
            return None
        generation = presence.generation
        also = replace(own, address=address, shard=shard.number, generation=generation)
        try:
            self._fence_older(also)
        except Refusal:
            return None
        return self._add(also, shard.term, request.also)

    def _fence_older(self, mine: Subscription) -> None:
        """Of a shared queue: a device's older session must not move the newer one's cursor."""
        for other in self._subscriptions.all(mine.info.user):
            same = other.info.device == mine.info.device and other.address == mine.address
            if not same or other.key == mine.key:
                continue
            if other.generation > mine.generation:
                raise Refusal(CloseCode.REPLACED, "this device has connected again elsewhere")
            self._sessions.release(other.key, other.address)

    def _take_over(
        self,
        key: SessionKey,
        request: pb.Subscribe,
        info: DeviceInfo,
        shard: Shard,
        opened_ms: int,
    ) -> Presence:
        generation = None
        if not request.HasField("generation"):
            self._check_attempts(info.user)
        else:
            generation = _generation(request)
        try:
            registered = self._sessions.registry.register(
                key,
                info,
                shard=shard.number,
                term=shard.term or 0,
                now_ms=self._clock.wall_ms(),
                opened_ms=opened_ms,
                generation=generation,
                instance=request.device.instance,
            )
        except Superseded as error:
            code = CloseCode.REPLACED if error.for_good else CloseCode.RESUBSCRIBE
            raise Refusal(code, "this device has connected again elsewhere") from None
        except TooManyDevices:
            limit = self._devices_per_user
            raise Refusal(
                CloseCode.TOO_MANY_DEVICES, f"{limit} devices are connected already"
            ) from None
        if registered.evicted:
            # A client must not be sent away for good by its own earlier, long held up attempt.
            code = CloseCode.RESUBSCRIBE if registered.same else CloseCode.REPLACED
            why = "this device has connected again"
            self._sessions.evict(registered.evicted, code, why)
        return registered.presence

    def _check_attempts(self, user: str) -> None:
        # Behind the verified token: else anyone could use up a user's attempts.
        if wait := self._attempts.take(user, self._clock.monotonic()):
            why = f"this user connects too often: connect again after {ceil(wait)} s"
            raise Refusal(CloseCode.TOO_MANY_ATTEMPTS, why)

    async def _attach(self, pending: _Pending) -> None:
        mine, also = pending.wanted.subscription, pending.also
        try:
            attachment, *others = await self._continue(pending)
        except Exception as error:
            if not isinstance(error, StoreError):
                session = pending.stream.session_name(mine.key.session)
                log.exception("subscribe_failed", session=session, address=mine.address)
            if also is not None:
                self._drop(also)
                if not isinstance(error, StoreUnavailable):  # it may be of the second queue only
                    await self._attach(replace(pending, also=None))
                    return
            self._drop(pending.wanted)
            why = Refusal(TRY_AGAIN, "the store does not answer well")
            refuse(pending.stream, mine.key.session, mine.address, why, self._measures)
            return
        if not self._is_current(mine):
            # Closed, evicted, or lost to another owner while the store worked.
            if also is not None:
                self._drop(also)
            return
        answer = self._subscribed(pending, attachment)
        if also is not None and self._is_current(also.subscription):
            answer.also.CopyFrom(self._answer(also, *others))
        pending.stream.send(pb.AttachResponse(subscribed=answer))
        self._journal.subscribed(mine.info, answer, pending.stream.node_id)
        self._count(pending, answer)
        if pending.presence:
            await self._devices.announce(pending.presence)

    def _count(self, pending: _Pending, answer: pb.Subscribed) -> None:
        self._measures.subscribe_seconds.observe(self._clock.monotonic() - pending.since)
        if pending.presence is None:
            return
        outcome = "recovered" if answer.recovered else "not_recovered"
        if not pending.is_new:
            outcome = "moved"
        elif answer.first:
            outcome = "first"
        self._measures.subscribed.add(outcome)

    def _is_current(self, mine: Subscription) -> bool:
        return self._subscriptions.get(mine.key, mine.address) is mine

    def _drop(self, part: _Part) -> None:
        if self._is_current(part.subscription):
            self._sessions.release(part.subscription.key, part.subscription.address)

    async def _continue(self, pending: _Pending) -> list[Attachment]:
        wanted = [await self._place(part) for part in (pending.wanted, pending.also) if part]
        return await self._store.attach(wanted, self._clock.age_ms())

    async def _place(self, part: _Part) -> Attach:
        mine, position = part.subscription, None
        if part.position is not None:
            same = part.position.epoch == self._store.epoch
            position = part.position.seq if same else UNKNOWN_POSITION
        else:  # what it has acknowledged counts, also what is not written yet
            await self._cursors.write_of(mine.address, mine.info)
        return Attach(
            shard=mine.shard,
            term=part.term,
            address=mine.address,
            device=mine.info,
            position=position,
            history=part.history,
        )

    def _answer(self, part: _Part, attachment: Attachment) -> pb.Subscribed:
        """Return what the answers to all queues say; it goes into the subscription as well."""
        mine = part.subscription
        mine.initial_head = attachment.initial_head
        return pb.Subscribed(
            session_id=mine.key.session,
            address=mine.address,
            shard=mine.shard,
            term=part.term,
            epoch=self._store.epoch,
            head=attachment.head,
            after=attachment.after,
            recovered=attachment.recovered,
        )

    def _subscribed(self, pending: _Pending, attachment: Attachment) -> pb.Subscribed:
        mine = pending.wanted.subscription
        answer = self._answer(pending.wanted, attachment)
        answer.user_id = mine.info.user
        answer.expires_at = mine.claims.expires_ms
        answer.closes_at = self._authority.closes_ms(mine.claims)
        answer.now = self._clock.wall_ms()
        if addresses.is_room(mine.address):
            answer.membership.CopyFrom(self._sessions.rosters.answered(mine))
        if pending.presence:
            answer.first = attachment.first
            answer.device.CopyFrom(device_message(pending.presence))
            answer.generation.CopyFrom(answer.device.generation)
            connected = self._sessions.registry.connected(mine.info.user)
            answer.devices.extend(map(device_message, connected))
        return answer


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
