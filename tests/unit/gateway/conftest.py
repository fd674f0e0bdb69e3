"""A gateway in front of an in-memory publisher."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from kull_gateway import (
    create_app,
    service_auth,
    service_token,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import SECRET


@pytest.fixture
async def publisher() -> AsyncIterator[InMemoryPublisher]:
    async with InMemoryPublisher() as publisher:
        yield publisher


@pytest.fixture
async def client(publisher: InMemoryPublisher) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(publisher, authorize=service_auth(SECRET))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {service_token(SECRET)}"},
    ) as client:
        yield client
