"""One frame of an edge after the other: each to the part that answers it, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.sessions.admission import Admission
from kull_router.sessions.enforcement import Enforcement
from kull_router.sessions.recollection import Recollection
from kull_router.sessions.requests import Requests
from kull_router.sessions.sessions import Sessions
from kull_router.sessions.sign_out import SignOut

log = structlog.get_logger(__name__)


class Dispatcher:
    """Starts the work on requests, as tasks of the group that `start` was given."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        admission: Admission,
        requests: Requests,
        enforcement: Enforcement,
        sign_out: SignOut,
        recollection: Recollection,
        watch: Callable[[EdgeStream, pb.Watch], Coroutine[Any, Any, None]],
    ) -> None:
        self._watch = watch
        self._sign_out = sign_out
        self._recollection = recollection
        self._sessions = sessions
        self._admission = admission
        self._requests = requests
        self._enforcement = enforcement
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Work in this group from now on."""
        self._tasks = tasks

    async def receive(self, stream: EdgeStream, request: pb.AttachRequest) -> None:
        """Take one frame. Waits only for earlier requests, never for what is sent."""
        match request.WhichOneof("frame"):
            case "acks":
                self._requests.acknowledge(stream, request.acks)
            case "subscribe":
                await stream.subscribes.acquire()
                # Registered at once: an unsubscribe right behind must find it.
                work = self._admission.subscribe(stream, request.subscribe)
                self._spawn(stream, work, "subscribe", stream.subscribes)
            case "fetch":
                await stream.fetches.acquire()
                work = self._requests.fetch(stream, request.fetch)
                self._spawn(stream, work, "fetch", stream.fetches)
            case "publish":
                work = self._requests.publish(stream, request.publish)
                await self._spawn_if_free(stream, work, request.publish, "publish")
            case "logout":
                work = self._enforcement.logout(stream, request.logout)
                await self._spawn_if_free(stream, work, request.logout, "logout")
            case "sign_out":
                work = self._sign_out.asked(stream, request.sign_out)
                await self._spawn_if_free(stream, work, request.sign_out, "sign_out")
            case "refresh":
                self._enforcement.refresh(stream, request.refresh)
            case "watch":
                await stream.fetches.acquire()
                work = self._watch(stream, request.watch)
                self._spawn(stream, work, "watch", stream.fetches)
            case "unsubscribe":
                self._sessions.unsubscribe(stream, request.unsubscribe)
            case "set_state":
                self._sessions.rosters.stated(stream, request.set_state)
            case "recalled":
                self._recollection.answered(stream, request.recalled)
            case kind:
                log.warning("unexpected_frame", edge=stream.node_id, frame=kind)
                stream.close()

    async def _spawn_if_free(
        self,
        stream: EdgeStream,
        work: Coroutine[Any, Any, None],
        request: pb.Publish | pb.Logout | pb.SignOut,
        name: str,
    ) -> None:
        if stream.publishes.locked():
            work.close()
            # Waiting here would hold up acks and fetches behind a slow broker.
            stream.send(
                pb.AttachResponse(
                    published=pb.Published(
                        request_id=request.request_id,
                        session_id=request.session_id,
                        error_code=ErrorCode.BUSY,
                        error="too many messages are waiting: send it again in a moment",
                    )
                )
            )
            return
        await stream.publishes.acquire()
        self._spawn(stream, work, name, stream.publishes)

    def _spawn(
        self,
        stream: EdgeStream,
        work: Coroutine[Any, Any, None],
        name: str,
        slots: asyncio.Semaphore,
    ) -> None:
        if self._tasks is None:
            raise RuntimeError("the router's core is not running")
        guarded = _guarded(stream, work, name, slots)
        try:
            task = self._tasks.create_task(guarded, name=name)
        except RuntimeError:  # this router is stopping: nobody will answer
            guarded.close()
            work.close()
            stream.close()
        else:
            # Of no effect, unless it was cancelled unbegun.
            task.add_done_callback(lambda _: work.close())


async def _guarded(
    stream: EdgeStream, work: Coroutine[Any, Any, None], name: str, slots: asyncio.Semaphore
) -> None:
    """Answer one request. A fault in it ends this edge's stream, not the router with everybody."""
    try:
        await work
    except Exception:
        # The edge waits for an answer: attaching anew is the one way that settles everything.
        log.exception("request_failed", request=name, edge=stream.node_id)
        stream.close()
    finally:
        slots.release()
