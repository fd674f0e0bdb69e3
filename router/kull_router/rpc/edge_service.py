"""EdgeService: the one stream between an edge and this router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import grpc
import structlog

from kull_protos.contract.attach import MESSAGE_BYTES
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_protos.mesh.v1 import attach_pb2_grpc
from kull_router.core import RouterCore
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.rpc.roles import identity_of

log = structlog.get_logger(__name__)


AttachContext = grpc.aio.ServicerContext[pb.AttachRequests, pb.AttachResponses]


class EdgeService(attach_pb2_grpc.EdgeServiceServicer):
    """Moves frames between gRPC and the core; reader and writer never wait on each other."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core

    async def Attach(
        self, request_iterator: AsyncIterator[pb.AttachRequests], context: AttachContext
    ) -> None:
        """Serve one edge until either side ends the stream."""
        message = await anext(request_iterator, pb.AttachRequests())
        first, *others = message.frames or [pb.AttachRequest()]
        if first.WhichOneof("frame") != "hello" or not first.hello.node_id:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "the first frame must be Hello with a node_id"
            )
            return
        caller = identity_of(context)
        # A node may run several edges: `<node>/<number>`.
        if caller and caller.name != first.hello.node_id.partition("/")[0]:
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"the certificate is that of {caller.name!r}, not of {first.hello.node_id!r}: "
                "set KULL_EDGE_NODE_ID to its name",
            )
        stream = self._core.open_stream(first.hello)
        self._core.heard(stream, message.sent)
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(
                    self._read(stream, others, request_iterator), name=f"read-{stream.node_id}"
                )
                await self._write(stream, context)
                reader.cancel()
        except* grpc.aio.AioRpcError as errors:
            log.info("edge_stream_broken", edge=stream.node_id, why=str(errors.exceptions[0]))
        finally:
            self._core.close_stream(stream)

    async def _read(
        self,
        stream: EdgeStream,
        frames: Iterable[pb.AttachRequest],
        request_iterator: AsyncIterator[pb.AttachRequests],
    ) -> None:
        try:
            for request in frames:
                await self._core.receive(stream, request)
            async for message in request_iterator:
                self._core.heard(stream, message.sent)
                for request in message.frames:
                    await self._core.receive(stream, request)
        finally:
            stream.close()  # ends the writer

    async def _write(self, stream: EdgeStream, context: AttachContext) -> None:
        while frames := await stream.next(MESSAGE_BYTES):
            await context.write(pb.AttachResponses(frames=frames, sent_us=self._core.now_us()))
