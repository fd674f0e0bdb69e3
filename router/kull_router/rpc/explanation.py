"""What the store, this router and its edges know of an event, or of a device."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from kull_producers.errors import InvalidEvent
from kull_protos.common.flight_recorder import Query
from kull_protos.contract import addresses
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_router.core import RouterCore
from kull_router.delivery.envelope import parse_body
from kull_router.errors import StoreError
from kull_router.queues.entry import Event
from kull_router.queues.port import KnownDevice, Trace
from kull_router.rpc.views import Views

MOST_TOLD: Final = 8  # places of one event: each takes looking, here and at every edge


class Explanation:
    """Collects facts for `kull why`, which tells a story of them."""

    def __init__(self, core: RouterCore, views: Views) -> None:
        self._core = core
        self._views = views

    async def of(self, request: pb.ExplainRequest) -> pb.ExplainResponse:
        """Return all that is known here. What does not answer is named, and left out."""
        answer = pb.ExplainResponse(router=self._views.router())
        queries = [Query(event_id=request.event_id)] if request.event_id else []
        try:
            if request.event_id:
                found = await self._traces(request)
                traces = found[:MOST_TOLD]
                answer.more_traces = len(found) - len(traces)
                await self._settle({_user_of(each.address) for each in traces}, request)
                answer.traces.extend([await self._trace(each, request) for each in traces])
                # Without its position nothing can be told of it but that it was there.
                queries += [self._place(each, request) for each in traces if _seq(each)]
            if request.user_id:
                await self._settle(set(), request)
                await self._add_devices(answer, request)
        except StoreError as error:
            answer.store_error = str(error)
        if request.user_id and len(queries) <= 1:
            queries.append(self._query(addresses.of_user(request.user_id), 0, request))
        await self._add_facts(answer, queries)
        answer.remembers_since = self._core.journal.since_ms
        answer.now = self._core.clock.wall_ms()
        return answer

    async def _settle(self, users: set[str], request: pb.ExplainRequest) -> None:
        """What these users' devices have acknowledged a moment ago counts."""
        await self._core.cursors.write_of_users((users | {request.user_id}) - {""})

    async def _traces(self, request: pb.ExplainRequest) -> list[Trace]:
        store = self._core.store
        found = await store.find(request.event_id)
        if request.user_id:
            own = addresses.of_user(request.user_id)
            found = [each for each in found if each.address == own or not _is_users(each)]
            found = found or await store.find(request.event_id, own)
        return found

    async def _trace(self, trace: Trace, request: pb.ExplainRequest) -> pb.Trace:
        event = trace.entry.event if trace.entry else None
        told = pb.Trace(
            address=trace.address,
            shard=self._shard(trace.address),
            seq=_seq(trace),
            type=trace.type,
            service=trace.service,
            stored_at=trace.stored_ms + self._views.off_ms(),
            kept=event is not None,
        )
        if event:
            told.contract, told.key, told.final = event.contract.value, event.key, event.final
            told.exclude_device_id = event.exclude_device
            told.published_at = _published_ms(event)
        if queue := await self._core.store.queue(trace.address):
            told.queue.CopyFrom(self._views.queue(queue))
        user = _user_of(trace.address) or request.user_id
        if user:
            known = await self._core.store.devices(user, trace.address)
            told.devices.extend(self._devices(known, user, request))
        return told

    async def _add_devices(self, answer: pb.ExplainResponse, request: pb.ExplainRequest) -> None:
        user = request.user_id
        known = await self._core.store.devices(user)
        answer.devices.extend(self._devices(known, user, request))
        if queue := await self._core.store.queue(addresses.of_user(user)):
            answer.queue.CopyFrom(self._views.queue(queue))

    def _devices(
        self, known: Iterable[KnownDevice], user: str, request: pb.ExplainRequest
    ) -> list[pb.KnownDevice]:
        return [
            device
            for device in self._views.devices(known, user)
            if request.device_id in {"", device.device.device_id}
        ]

    def _place(self, trace: Trace, request: pb.ExplainRequest) -> Query:
        return self._query(trace.address, _seq(trace), request)

    def _query(self, address: str, seq: int, request: pb.ExplainRequest) -> Query:
        return Query(
            address=address,
            seq=seq,
            shard=self._shard(address),
            user_id=_user_of(address) or request.user_id,
            device_id=request.device_id,
        )

    def _shard(self, address: str) -> int:
        return shard_of(address, self._core.settings.shard_count)

    async def _add_facts(self, answer: pb.ExplainResponse, queries: list[Query]) -> None:
        silent: set[str] = set()
        shifts: dict[str, int] = {}  # one for each edge: what it tells twice must stay the same
        recollection = self._core.recollection
        placed = [query for query in queries if query.address]
        for heard, quiet in await asyncio.gather(*map(recollection.ask, placed)):
            silent.update(quiet)
            for each in heard:
                if each.shift is not None:
                    shifts.setdefault(each.node, each.shift)
                for fact in each.recalled.facts:
                    fact.at += shifts.get(each.node, 0)
                answer.facts.extend(each.recalled.facts)
                answer.following.extend(each.recalled.following)
        answer.shifts.update(shifts)
        for query in queries:
            answer.facts.extend(self._core.journal.recall(query))
            await asyncio.sleep(0)  # each looks through everything: others come in between
        answer.silent_edges.extend(sorted(silent))


def _published_ms(event: Event) -> int:
    """Of what an event says nothing else is told: whoever may look may not read."""
    try:
        return parse_body(event.body, verbatim=True).timestamp_ms or 0
    except InvalidEvent:
        return 0


def _seq(trace: Trace) -> int:
    return trace.seq or (trace.entry.seq if trace.entry else 0)


def _user_of(address: str) -> str:
    return address.removeprefix(addresses.USER) if addresses.is_user(address) else ""


def _is_users(trace: Trace) -> bool:
    return addresses.is_user(trace.address)
