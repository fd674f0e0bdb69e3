"""Calls of a gateway, in one process with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from kull_gateway import (
    create_app,
    service_auth,
    service_token,
)
from kull_gateway.auth import TOKEN_MINT
from kull_producers.testing import InMemoryPublisher

SECRET = "a-service-secret-of-32-bytes-or-more"


SHOOT: dict[str, Any] = {
    "userId": "user_123",
    "shootId": "shoot_456",
    "status": "processing",
    "processedCount": 15,
    "totalCount": 100,
    "currentImage": "IMG_0015.jpg",
    "eta": 120,
    "provider": "Replicate",
}


CREDIT: dict[str, Any] = {
    "userId": "user_123",
    "newBalance": 500,
    "change": 100,
    "reason": "Credit purchase",
}


PROMPT: dict[str, Any] = {
    "promptId": "prompt_789",
    "action": "voted",
    "userIds": ["user_123", "user_456"],
}


JSON = {"Content-Type": "application/json"}


CREDIT_PATH = "/api/sync/credit-update"


def problem(answer: httpx.Response, status: int) -> str:
    """Return what a problem says, having checked its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    return str(body["detail"])


DEVICE_SECRET = "a-device-secret-of-32-bytes-or-more!"


TOKEN_PATH = "/api/sync/token"


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@asynccontextmanager
async def calling(publisher: InMemoryPublisher, **parts: Any) -> AsyncIterator[httpx.AsyncClient]:
    parts.setdefault("authorize", service_auth(SECRET))
    app = create_app(publisher, **parts)
    token = service_token(SECRET, scopes=["credit:write", TOKEN_MINT])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client
