"""Signed tokens for unit tests, under a clock that tests move."""

from __future__ import annotations

import asyncio
from typing import Any

import jwt

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import TokenVerifier
from tests.unit.router.rigs import Rig

SECRET = "a-secret-of-at-least-32-bytes-for-the-tests"
LIMIT = 10  # seconds


class Wall:
    """A clock that tests move."""

    ms = 1_000_000_000

    def __call__(self) -> int:
        return self.ms


def verifier() -> TokenVerifier:
    return TokenVerifier(SECRET, allow_plain=False)


def token(wall: Wall, user: str = "maya", ttl: int = 60, **claims: Any) -> str:
    now = wall.ms // 1000
    return jwt.encode({"sub": user, "iat": now, "exp": now + ttl, **claims}, SECRET)


async def subscribe(
    rig: Rig, session: int, signed: str, *, address: str = "user:maya", device: str = "web-1"
) -> Any:
    request = pb.Subscribe(
        session_id=session, address=address, token=signed, device=pb.Device(device_id=device)
    )
    await rig.core.receive(rig.edge, pb.AttachRequest(subscribe=request))
    async with asyncio.timeout(LIMIT):
        while True:
            (frame,) = await rig.edge.next()
            if (kind := frame.WhichOneof("frame")) in {"subscribed", "refused"}:
                return getattr(frame, kind)


async def refresh(rig: Rig, session: int, signed: str) -> Any:
    request = pb.Refresh(session_id=session, token=signed)
    await rig.core.receive(rig.edge, pb.AttachRequest(refresh=request))
    return await rig.frame("refreshed")


async def pushes(rig: Rig) -> int:
    """How many pushes for maya's devices wait after one credit."""
    await rig.credit("maya", 1)
    for _ in range(100):
        await asyncio.sleep(0)
    found = 0
    while rig.edge.waiting_bytes:
        [frame] = await rig.edge.next()
        if frame.WhichOneof("frame") == "deliver":
            found += sum(e.type == "CREDIT_UPDATE" for p in frame.deliver.pushes for e in p.entries)
    return found
