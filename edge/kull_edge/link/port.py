"""The port between the edge and one router.

Adapters: `link.grpc.GrpcLink` and its twin `link.memory.MemoryLink`;
`tests/contract/test_link.py` holds both to the same promises.
"""

from __future__ import annotations

from typing import Protocol

from kull_protos.mesh.v1.attach_pb2 import AttachRequest, AttachResponse, Welcome


class LinkListener(Protocol):
    """Who is told what happens on links. The calls come one at a time, on the event loop."""

    def link_up(self, link: str, welcome: Welcome) -> None:
        """A stream is open and the router has introduced itself."""
        ...

    def link_heard(self, link: str, sent_us: int) -> None:
        """A message came, whose frames follow: when it was sent, see `AttachResponses.sent_us`."""
        ...

    def link_frame(self, link: str, frame: AttachResponse) -> None:
        """A frame came; never a Welcome. Frames come in the order in which the router sent them."""
        ...

    def link_down(self, link: str) -> None:
        """The stream is gone, with everything that was not answered. Follows each link_up."""
        ...


class RouterLink(Protocol):
    """The stream to one router, opened again for ever when it ends."""

    @property
    def name(self) -> str:
        """Which link this is; unique in an edge."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Bytes of frames that wait to be handed to the transport."""
        ...

    @property
    def up(self) -> bool:
        """Whether a stream is open, and its router has introduced itself."""
        ...

    def send(self, request: AttachRequest) -> None:
        """Queue a frame for the open stream, without waiting; frames leave in order.

        Before `link_up` and after `link_down` the frame is dropped. If the router does not keep up
        and too much waits, the stream is reset: `link_down`, then a new stream.
        """
        ...

    async def flush(self) -> None:
        """Wait until everything queued has been handed to the transport, or the stream is gone."""
        ...

    async def run(self, listener: LinkListener) -> None:
        """Keep a stream open until cancelled; the Hello is sent first on each."""
        ...
