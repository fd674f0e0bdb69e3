"""The two ways of publishing, behind one shape: RabbitMQ through the SDK, or the HTTP triggers."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol

import httpx

import kull_producers
from kull_producers.events.models import Status

ATTEMPTS: Final = 6  # the same event, under the same id: repeats are dropped by the mesh
MAX_PAUSE: Final = 5.0  # seconds between two attempts


class EventPublisher(Protocol):
    """What the examples need of `kull_producers.Publisher`."""

    async def shoot_progress(
        self,
        *,
        user_id: str,
        shoot_id: str,
        status: Status,
        processed_count: int,
        total_count: int,
        provider: str,
        current_image: str | None = None,
        eta: float | None = None,
        error_message: str | None = None,
    ) -> str:
        """Publish how far a shoot is; return the event's id once it is confirmed."""
        ...

    async def credit_update(
        self,
        *,
        user_id: str,
        new_balance: int,
        change: int,
        reason: str,
        idempotency_key: str | None = None,
    ) -> str:
        """Publish a new balance; return the event's id once it is confirmed."""
        ...


class PublishFailed(Exception):
    """The event was not accepted; the message says why."""


class HttpPublisher:
    """Posts events to the HTTP triggers of a running `kull up` or `kull gateway`."""

    def __init__(self, url: str, *, token: str) -> None:
        """`url` without a path; `token` is a service token."""
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10.0
        )

    async def __aenter__(self) -> HttpPublisher:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def shoot_progress(
        self,
        *,
        user_id: str,
        shoot_id: str,
        status: Status,
        processed_count: int,
        total_count: int,
        provider: str,
        current_image: str | None = None,
        eta: float | None = None,
        error_message: str | None = None,
    ) -> str:
        """See EventPublisher."""
        body = {
            "userId": user_id,
            "shootId": shoot_id,
            "status": status,
            "processedCount": processed_count,
            "totalCount": total_count,
            "currentImage": current_image,
            "eta": eta,
            "provider": provider,
            "errorMessage": error_message,
        }
        return await self._post("/api/sync/shoot-progress", body, None)

    async def credit_update(
        self,
        *,
        user_id: str,
        new_balance: int,
        change: int,
        reason: str,
        idempotency_key: str | None = None,
    ) -> str:
        """See EventPublisher."""
        body = {"userId": user_id, "newBalance": new_balance, "change": change, "reason": reason}
        return await self._post("/api/sync/credit-update", body, idempotency_key)

    async def _post(self, path: str, body: dict[str, Any], key: str | None) -> str:
        sent = {name: value for name, value in body.items() if value is not None}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                pause = min(MAX_PAUSE, 0.2 * 2**attempt)
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311  # jitter, no secret
            try:
                answer = await self._client.post(path, json=sent, headers=headers)
            except httpx.TransportError as error:
                problem = (
                    f"{self._client.base_url} cannot be reached ({error}); is `kull up` running?"
                )
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                return str(answer.json()["id"])
            problem = f"{path} answered {answer.status_code}: {answer.text[:300]}"
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                break  # the request itself is wrong; repeating it cannot help
        raise PublishFailed(problem)


@asynccontextmanager
async def open_publisher(
    *, amqp_url: str | None, url: str | None, outbox: Path | None = None
) -> AsyncIterator[EventPublisher]:
    """Open a publisher on RabbitMQ (`amqp_url`) or, without one, on the HTTP triggers (`url`).

    With `outbox`, events are accepted into that file while RabbitMQ is away.
    """
    if outbox and not amqp_url:
        raise PublishFailed("an outbox is for RabbitMQ: say --amqp-url amqp://… instead of --url")
    if amqp_url and outbox:
        async with kull_producers.connect(amqp_url, outbox=outbox) as keeping:
            yield keeping
    elif amqp_url:
        async with kull_producers.connect(amqp_url) as publisher:
            yield publisher
    elif url:
        async with HttpPublisher(url, token=service_token()) as http_publisher:
            yield http_publisher
    else:
        raise PublishFailed("say where to publish: --amqp-url amqp://… or --url http://…")


def service_token() -> str:
    """Return KULL_SERVICE_TOKEN. Raises PublishFailed if it is not set."""
    token = os.environ.get("KULL_SERVICE_TOKEN")
    if not token:
        raise PublishFailed("set KULL_SERVICE_TOKEN, e.g. to what `kull service-token` prints")
    return token
