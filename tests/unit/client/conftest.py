"""What the tests of the Python client share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.client.scripted import Scripted, scripted


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    """A server that the test plays."""
    async with scripted() as running:
        yield running
