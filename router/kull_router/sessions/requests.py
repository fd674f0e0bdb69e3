"""What subscribed sessions ask for: acknowledge, fetch (catch up), publish (tell other devices)."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import Final

import structlog

from kull_producers.errors import InvalidEvent
from kull_producers.events.message import Message
from kull_producers.events.stamp import Stamper
from kull_protos.contract.device_tokens import ROOM_READ, ROOM_WRITE
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import pushed_entry
from kull_router.delivery.session_key import SessionKey
from kull_router.delivery.shards import Shards
from kull_router.delivery.subscriptions import Subscription, Subscriptions
from kull_router.errors import BrokerError, StoreUnavailable
from kull_router.measures.sessions import SessionMeasures
from kull_router.queues.port import Store
from kull_router.sessions.cursor_writer import CursorWriter
from kull_router.sessions.device_messages import device_event, device_progress, device_typing
from kull_router.sessions.device_traces import DeviceTraces
from kull_router.sessions.refusals import NotGranted
from kull_router.sessions.shared_reads import SharedReads, Wanted
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

MAX_FETCH: Final = 512  # entries per answer, whatever the edge asks for
MAX_FETCH_BYTES: Final = 1024 * 1024


class Requests:
    """Takes Acks, and answers Fetch and Publish, of sessions that have subscribed here."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        store: Store,
        broker: Broker,
        subscriptions: Subscriptions,
        cursors: CursorWriter,
        shards: Shards,
        clock: Clock,
        measures: SessionMeasures,
    ) -> None:
        self._settings = settings
        self._types = settings.types if settings.strict_events else None  # None: any
        self._measures = measures
        self._now = clock.monotonic
        self._random = clock.random
        self._reads = SharedReads(store)
        self._broker = broker
        self._subscriptions = subscriptions
        self._cursors = cursors
        self._shards = shards
        self._stamper = Stamper(
            now=lambda: clock.wall_ms() / 1000,
            randomness=clock.random.randbytes,
            app_id="kull-router",
        )

    @cached_property
    def _traces(self) -> DeviceTraces:
        return DeviceTraces(ratio=self._settings.traces_ratio, secret=self._random.randbytes(32))

    def acknowledge(self, stream: EdgeStream, acks: pb.Acks) -> None:
        """Move cursors of this stream's own sessions; others' are ignored."""
        self._measures.acknowledged.value += len(acks.acks)
        for ack in acks.acks:
            key = SessionKey(stream.number, ack.session_id)
            subscription = self._subscriptions.get(key, ack.address)
            if subscription:
                self._cursors.move(ack.address, subscription.info, ack.seq)

    async def fetch(self, stream: EdgeStream, request: pb.Fetch) -> None:
        """Read the log for one session; the answer is a Batch, which waits for room."""
        batch = pb.Batch(
            request_id=request.request_id, session_id=request.session_id, address=request.address
        )
        key = SessionKey(stream.number, request.session_id)
        subscription = self._subscriptions.get(key, request.address)
        began = self._now()
        try:
            if subscription is None:
                batch.error = "this session does not follow this queue here"
            else:
                await self._read(subscription, request, batch)
        except StoreUnavailable as error:
            batch.error = str(error)
        except Exception:
            session = stream.session_name(request.session_id)
            log.exception("fetch_failed", session=session, address=request.address)
            batch.error = "the log could not be read"
        self._measures.fetch_seconds.observe(self._now() - began)
        self._measures.fetched.observe(len(batch.entries))
        await stream.send_batch(pb.AttachResponse(batch=batch))

    async def _read(self, subscription: Subscription, request: pb.Fetch, batch: pb.Batch) -> None:
        shard = self._shards[subscription.shard]
        batch.shard, batch.term = shard.number, shard.term or 0
        wanted = Wanted(
            address=request.address,
            after=request.after,
            limit=max(1, min(request.limit, MAX_FETCH)),
            max_bytes=max(1, min(request.max_bytes, MAX_FETCH_BYTES)),
            initial_head=subscription.initial_head,
        )
        page = await self._reads.read(wanted)
        batch.entries.extend(map(pushed_entry, page.entries))
        batch.through, batch.head, batch.lost = page.through, page.head, page.lost

    async def publish(self, stream: EdgeStream, request: pb.Publish) -> None:
        """Publish a device's message through its exchange, confirmed; the answer is Published."""
        answer = pb.Published(request_id=request.request_id, session_id=request.session_id)
        try:
            answer.event_id = await self._publish(stream, request)
        except InvalidEvent as error:
            answer.error_code, answer.error = ErrorCode.INVALID_MESSAGE, str(error)
        except NotGranted as error:
            answer.error_code, answer.error = ErrorCode.FORBIDDEN, str(error)
        except (BrokerError, TimeoutError) as error:
            log.warning(
                "device_message_not_published",
                session=stream.session_name(request.session_id),
                request=request.request_id,
                why=str(error) or "no confirm in time",
            )
            answer.error_code = ErrorCode.UNAVAILABLE
            answer.error = "the message could not be stored now: send it again"
        stream.send(pb.AttachResponse(published=answer))

    async def _publish(self, stream: EdgeStream, request: pb.Publish) -> str:
        session = SessionKey(stream.number, request.session_id)
        subscription = self._subscriptions.own(session)
        if subscription is None:
            raise InvalidEvent("this session is not connected any more")
        message = self._message(subscription, request)
        async with asyncio.timeout(self._settings.publish_timeout):
            await self._broker.publish(message)
        return message.message_id

    def _message(self, subscription: Subscription, request: pb.Publish) -> Message:
        traced = request.traceparent
        traceparent = self._traces.followed(traced) if traced else ""
        stamp, info = self._stamper.stamp(traceparent=traceparent), subscription.info
        where = {"user_id": info.user, "device_id": info.device}
        shards = self._settings.shard_count
        match request.type:
            case "UPDATE_PROGRESS":
                return device_progress(request.payload, stamp, shard_count=shards, **where)
            case "TYPING":
                room = request.payload.decode(errors="replace")
                if not subscription.claims.may(room, ROOM_READ):
                    raise NotGranted(room)
                return device_typing(room, stamp, shard_count=shards, **where)
            case "SEND":
                room = request.address
                if not subscription.claims.may(room, ROOM_WRITE):
                    raise NotGranted(room, "to write into ")
                if self._types is not None and request.event not in self._types:
                    raise InvalidEvent(f"event: {request.event[:80]!r} is not declared here")
                what = {"room": room, "event_type": request.event}
                return device_event(request.payload, stamp, shard_count=shards, **what, **where)
            case unknown:
                raise InvalidEvent(f"devices cannot publish {unknown!r}")
