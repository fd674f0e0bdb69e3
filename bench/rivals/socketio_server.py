"""What a Python team would write first: python-socketio on uvicorn, servers tied by RabbitMQ.

python -m bench.rivals.socketio_server AMQP_URL PORT
"""

from __future__ import annotations

import sys
from typing import Any

import socketio
import uvicorn


def application(url: str) -> Any:
    """Return the ASGI application."""
    server = socketio.AsyncServer(
        async_mode="asgi",
        client_manager=socketio.AsyncAioPikaManager(url),
        transports=["websocket"],
    )

    async def connect(sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
        await server.enter_room(sid, auth["user"])

    server.on("connect", connect)
    return socketio.ASGIApp(server)


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1]),
        port=int(sys.argv[2]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
    )
