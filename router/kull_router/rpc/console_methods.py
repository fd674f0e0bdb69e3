"""The part of AdminService that the console alone needs: what it shows, and what it does."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import grpc

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_protos.contract.limits import MAX_EVENT_ID_CHARS
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import admin_pb2_grpc
from kull_router.access.audit import Action, cut
from kull_router.core import RouterCore
from kull_router.delivery.dead_letters import DeadLetters, Letter
from kull_router.delivery.envelope import blank_event
from kull_router.errors import BrokerError, StoreError
from kull_router.rpc.overview import Overview, backlog
from kull_router.rpc.views import Views
from kull_router.sessions.sign_out import NotOwner

Context = grpc.aio.ServicerContext[Any, Any]

PAGE: Final = 100
MAX_PAGE: Final = 1_000
LETTERS: Final = 50  # of a page: each may have a body
MAX_LETTERS: Final = 200
BODY: Final = 4_096  # bytes of a dead letter's body that are shown
READ_BYTES: Final = 2 * 2**20  # of entries' bodies, which are read and left out

WHICH: Final = "user_id and device_id are required"


class ConsoleMethods(admin_pb2_grpc.AdminServiceServicer):
    """Each method asks the core and translates."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core
        self._views = Views(core)
        self._overview = Overview(core, self._views)
        self._dead = DeadLetters(core.broker)

    async def Overview(self, request: pb.OverviewRequest, context: Context) -> pb.OverviewResponse:
        """Return this router's health and counters."""
        return self._overview.now()

    async def ListUsers(
        self, request: pb.ListUsersRequest, context: Context
    ) -> pb.ListUsersResponse:
        """Return known users by the beginning of their ids."""
        try:
            users = await self._core.store.users(
                request.prefix, after=request.after, limit=page(request.limit)
            )
        except StoreError as error:
            await _unavailable(context, error)
        return pb.ListUsersResponse(user_ids=users)

    async def ListEntries(
        self, request: pb.ListEntriesRequest, context: Context
    ) -> pb.ListEntriesResponse:
        """Return what lies in a queue, without what it says."""
        if not request.address:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "address is required")
        try:
            return await self._views.entries(
                request.address,
                after=request.after,
                limit=page(request.limit),
                max_bytes=READ_BYTES,
            )
        except StoreError as error:
            await _unavailable(context, error)

    async def ListBehind(
        self, request: pb.ListBehindRequest, context: Context
    ) -> pb.ListBehindResponse:
        """Return the devices that are furthest behind."""
        try:
            found = await self._core.vitals.backlog()
        except StoreError as error:
            await _unavailable(context, error)
        off_ms = self._views.off_ms()
        devices = [
            pb.BehindDevice(
                user_id=each.device.info.user,
                device=self._views.device(each.device),
                behind=each.positions,
                since=each.since_ms and each.since_ms + off_ms,
            )
            for each in found.worst[: page(request.limit)]
        ]
        return pb.ListBehindResponse(all=backlog(found), devices=devices)

    async def ListRooms(
        self, request: pb.ListRoomsRequest, context: Context
    ) -> pb.ListRoomsResponse:
        """Return the rooms that sessions follow here."""
        rooms = self._core.subscriptions.rooms(after=request.after, limit=page(request.limit))
        return pb.ListRoomsResponse(
            rooms=[
                pb.Room(address=address, sessions=count, members=self._core.rosters.size(address))
                for address, count in rooms
            ]
        )

    async def ListFollowers(
        self, request: pb.ListFollowersRequest, context: Context
    ) -> pb.ListFollowersResponse:
        """Return who follows an address here."""
        if not request.address:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "address is required")
        count, sessions = await self._views.followers(request.address, page(request.limit))
        return pb.ListFollowersResponse(sessions=sessions, all=count)

    async def ListDeadLetters(
        self, request: pb.ListDeadLettersRequest, context: Context
    ) -> pb.ListDeadLettersResponse:
        """Return the oldest dead letters, and leave them where they are."""
        limit = min(request.limit or LETTERS, MAX_LETTERS)
        try:
            letters, waiting = await self._dead.page(request.skip, limit)
        except BrokerError as error:
            await _unavailable(context, error)
        return pb.ListDeadLettersResponse(
            letters=[_letter(each, bodies=request.bodies) for each in letters], all=waiting
        )

    async def ResolveDeadLetters(
        self, request: pb.ResolveDeadLettersRequest, context: Context
    ) -> pb.ResolveDeadLettersResponse:
        """Publish dead letters again, or discard them."""
        if not 0 < len(request.ids) <= MAX_PAGE:
            problem = f"say which: 1 to {MAX_PAGE} ids"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        try:
            done = await self._dead.resolve(set(request.ids), republish=request.republish)
        except BrokerError as error:
            await _unavailable(context, error)
        return pb.ResolveDeadLettersResponse(resolved=done.gone, failed=done.failed)

    async def ForgetDevice(
        self, request: pb.ForgetDeviceRequest, context: Context
    ) -> pb.ForgetDeviceResponse:
        """Close a device's session and remove what is known of it."""
        user, device = request.user_id, request.device_id
        if not (user and device):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, WHICH)
        closed = self._core.sessions.disconnect(user, device, "an operator had it forgotten")
        try:
            await self._core.store.forget(user, device)
        except StoreError as error:
            await _unavailable(context, error)
        return pb.ForgetDeviceResponse(sessions=closed)

    async def SignOutDevice(
        self, request: pb.SignOutDeviceRequest, context: Context
    ) -> pb.SignOutDeviceResponse:
        """Take a device's tokens back, close its sessions and forget it."""
        user, device = request.user_id, request.device_id
        if not (user and device):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, WHICH)
        try:
            done = await self._core.sign_out.by_operator(user, device)
        except NotOwner as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except StoreError as error:
            await _unavailable(context, error)
        return pb.SignOutDeviceResponse(sessions=done.sessions, event_id=done.event_id)

    async def SendTestEvent(
        self, request: pb.SendTestEventRequest, context: Context
    ) -> pb.SendTestEventResponse:
        """Publish an event that says nothing."""
        core = self._core
        event_id = request.event_id or core.clock.new_id()
        if len(event_id) > MAX_EVENT_ID_CHARS:
            problem = f"event_id has at most {MAX_EVENT_ID_CHARS} characters"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        try:
            message = blank_event(
                request.user_id,
                event_id,
                now_ms=core.clock.wall_ms(),
                shard_count=core.settings.shard_count,
            )
            await core.broker.publish(message)
        except InvalidEvent as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except BrokerError as error:
            await _unavailable(context, error)
        return pb.SendTestEventResponse(event_id=event_id)

    async def NoteAction(
        self, request: pb.NoteActionRequest, context: Context
    ) -> pb.NoteActionResponse:
        """Write down what an operator does."""
        store = self._core.store
        number = request.number
        try:
            if number:
                await store.finish(number, cut(request.result))
            else:
                number = await store.note(
                    Action(
                        operator=cut(request.operator),
                        name=cut(request.name),
                        target=cut(request.target),
                        result=cut(request.result),
                        key=cut(request.key),
                        at_ms=self._core.clock.age_ms(),
                    )
                )
        except StoreError as error:
            await _unavailable(context, error)
        return pb.NoteActionResponse(number=number)

    async def ListActions(
        self, request: pb.ListActionsRequest, context: Context
    ) -> pb.ListActionsResponse:
        """Return what operators have done."""
        try:
            found = await self._core.store.actions(before=request.before, limit=page(request.limit))
        except StoreError as error:
            await _unavailable(context, error)
        off_ms = self._views.off_ms()
        return pb.ListActionsResponse(
            actions=[
                pb.Action(
                    number=each.number,
                    at=each.at_ms + off_ms,
                    operator=each.operator,
                    name=each.name,
                    target=each.target,
                    result=each.result,
                )
                for each in found
            ]
        )


def page(limit: int) -> int:
    """Return how many things an answer may have."""
    return min(limit or PAGE, MAX_PAGE)


async def _unavailable(context: Context, error: Exception) -> NoReturn:
    await context.abort(grpc.StatusCode.UNAVAILABLE, f"not now, try again: {error}")
    raise AssertionError("abort returns never")


def _letter(letter: Letter, *, bodies: bool) -> pb.DeadLetter:
    message = letter.message
    return pb.DeadLetter(
        id=letter.id,
        event_id=message.message_id,
        type=message.type,
        app_id=message.app_id,
        address=str(message.headers.get(topology.HEADER_ADDRESS, "")),
        routing_key=message.routing_key,
        reason=letter.reason,
        body=message.body[:BODY] if bodies else b"",
        size=letter.size,
        lost=letter.lost,
    )
