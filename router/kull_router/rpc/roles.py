"""Who is at the other end of a gRPC connection, and which methods that role may call.

With mutual TLS a certificate names its holder's role and name: `kull://edge/edge-1`. Without TLS
there is no identity, and whoever reaches the port may call everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
import structlog

from kull_protos.contract import identities
from kull_protos.contract.identities import EDGE, OPERATOR, ROUTER, VIEWER, Identity

log = structlog.get_logger(__name__)

_MESH: Final = "/kull_protos.mesh.v1"
_SEES: Final = frozenset({OPERATOR, VIEWER})
_ACTS: Final = frozenset({OPERATOR})

# What is not listed may be called by nobody.
METHODS: Final[dict[str, frozenset[str]]] = {
    f"{_MESH}.EdgeService/Attach": frozenset({EDGE}),
    f"{_MESH}.AdminService/ListNodes": _SEES | {ROUTER},  # its own health check
    f"{_MESH}.AdminService/ListSessions": _SEES,
    f"{_MESH}.AdminService/ListQueues": _SEES,
    f"{_MESH}.AdminService/ListDevices": _SEES,
    f"{_MESH}.AdminService/Explain": _SEES,
    f"{_MESH}.AdminService/Disconnect": _ACTS,
    f"{_MESH}.AdminService/Revoke": _ACTS,
    f"{_MESH}.AdminService/Drain": _ACTS,
    # The person's own token grants it: a gateway only passes it on.
    f"{_MESH}.DeviceService/SignOut": _SEES,
    # A service's key grants it, which a gateway has checked.
    f"{_MESH}.PresenceService/Users": _SEES,
    # Of the console:
    f"{_MESH}.AdminService/Overview": _SEES,
    f"{_MESH}.AdminService/ListUsers": _SEES,
    f"{_MESH}.AdminService/ListEntries": _SEES,
    f"{_MESH}.AdminService/ListBehind": _SEES,
    f"{_MESH}.AdminService/ListRooms": _SEES,
    f"{_MESH}.AdminService/ListFollowers": _SEES,
    f"{_MESH}.AdminService/ListActions": _SEES,
    # Looking takes them out of the queue for a moment, and their bodies say what events say.
    f"{_MESH}.AdminService/ListDeadLetters": _ACTS,
    f"{_MESH}.AdminService/ResolveDeadLetters": _ACTS,
    f"{_MESH}.AdminService/ForgetDevice": _ACTS,
    f"{_MESH}.AdminService/SignOutDevice": _ACTS,
    f"{_MESH}.AdminService/SendTestEvent": _ACTS,
    f"{_MESH}.AdminService/NoteAction": _ACTS,
}
HEALTH: Final = "/grpc.health.v1.Health/"

Check = Callable[[Any], Awaitable[None]]


def identity_of(context: Any) -> Identity | None:
    """Return who calls, None if its certificate names no role (or there is none)."""
    for value in context.auth_context().get("x509_subject_alternative_name", ()):
        if identity := identities.read(value.decode(errors="replace")):
            return identity
    return None


class Authorization(grpc.aio.ServerInterceptor):
    """Lets each role call its methods. Health answers everybody who has a certificate."""

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any
    ) -> Any:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None or method.startswith(HEALTH):
            return handler
        return _guarded(handler, _check(method))


def _check(method: str) -> Check:
    allowed = METHODS.get(method, frozenset())

    async def check(context: Any) -> None:
        caller = identity_of(context)
        if caller is None or caller.role not in allowed:
            who = f"{caller.role} {caller.name}" if caller else "a certificate without a role"
            log.warning("call_refused", method=method, caller=who)
            await context.abort(
                grpc.StatusCode.PERMISSION_DENIED,
                f"{who} may not call {method.rpartition('/')[2]}: that takes "
                f"{' or '.join(sorted(allowed)) or 'nobody'}",
            )

    return check


def _guarded(handler: Any, check: Check) -> Any:
    """Return a handler that checks first. Our services have unary and two-way methods."""
    if handler.unary_unary:

        async def unary(request: Any, context: Any) -> Any:
            await check(context)
            return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            unary, handler.request_deserializer, handler.response_serializer
        )

    async def stream(requests: AsyncIterator[Any], context: Any) -> None:
        await check(context)
        await handler.stream_stream(requests, context)

    return grpc.stream_stream_rpc_method_handler(
        stream, handler.request_deserializer, handler.response_serializer
    )
