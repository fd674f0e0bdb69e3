"""How a session that may not subscribe is told so."""

from __future__ import annotations

from typing import Final

from kull_protos.contract import addresses
from kull_protos.contract.close_codes import TRY_AGAIN, CloseCode
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.errors import TokenRefused
from kull_router.measures.sessions import SessionMeasures

_ERRORS: Final = {
    TRY_AGAIN: ErrorCode.UNAVAILABLE,
    CloseCode.TOKEN_EXPIRED: CloseCode.TOKEN_EXPIRED.label,
    CloseCode.REVOKED: CloseCode.REVOKED.label,
}


class Refusal(Exception):
    """A session may not follow a queue; the text is fit for the device."""

    def __init__(self, close_code: int, reason: str) -> None:
        self.close_code = close_code
        super().__init__(reason)


class NotGranted(TokenRefused):
    """The token is good, but not for this queue. A session goes on without a room.

    right: what it does not grant there, before a room's name; empty: anything.
    """

    def __init__(self, address: str, right: str = "") -> None:
        self.keep_session = addresses.is_room(address)
        what = repr(address) if self.keep_session else "this queue"
        super().__init__(CloseCode.BAD_TOKEN, f"the token does not grant {right}{what}")


def error_code(refused: TokenRefused) -> str:
    """Return what an ERROR calls it, when the session goes on."""
    return _ERRORS.get(refused.close_code, CloseCode.BAD_TOKEN.label)


def refuse(
    stream: EdgeStream,
    session_id: int,
    address: str,
    why: Refusal | TokenRefused,
    measures: SessionMeasures,
) -> None:
    """Answer a Subscribe, or end a subscription that the token grants no more."""
    measures.refused.add(str(int(why.close_code)))
    refused = pb.Refused(
        session_id=session_id,
        address=address,
        close_code=why.close_code,
        reason=str(why),
        keep_session=isinstance(why, NotGranted) and why.keep_session,
    )
    stream.send(pb.AttachResponse(refused=refused))
