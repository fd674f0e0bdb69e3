"""What no server would take is refused by the client itself."""

from __future__ import annotations

import os
from typing import Any

import pytest

from kull_client import (
    InvalidMessage,
    Position,
    SyncClient,
    SyncError,
)
from tests.unit.client.scripted import TOKEN, Scripted, client, events, together


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"device_name": "x" * 65}, "device_name: must be a string of 0 to 64 characters"),
        ({"platform": "x" * 33}, "platform: must be a string of 0 to 32 characters"),
        ({"device_id": "x" * 101}, "device_id: must be a string of 0 to 100 characters"),
        ({"device_name": "Kitchen \udcff"}, "deviceName: is no Unicode text"),
        ({"position": Position(epoch="e" * 101, after={"user": 1})}, "epoch: must be a string"),
        ({"token": "x" * 4097}, "token: must be a string of 1 to 4096 characters"),
        ({"token": ""}, "token: must be a string of 1 to 4096 characters"),
        ({"token": "t\ud800"}, "token: is no Unicode text"),
    ],
)
def test_what_no_server_takes_is_refused_at_once(options: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMessage, match=why):
        SyncClient("ws://kull.test/ws", **{"token": TOKEN} | options)


def test_names_are_counted_in_characters() -> None:
    SyncClient("ws://kull.test/ws", TOKEN, device_name="📷" * 64, platform="📷" * 32)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("current_image", os.fsdecode(b"IMG_\xff.jpg"), "payload.currentImage: is no Unicode text"),
        ("provider", "\ud800", "payload.provider: is no Unicode text"),
        ("eta", float("nan"), "UPDATE_PROGRESS: Out of range"),
    ],
)
async def test_progress_that_no_server_could_read_is_refused_and_the_connection_stays(
    server: Scripted, field: str, value: Any, why: str
) -> None:
    opening = client(server.url)
    peer = await together(opening, server)
    progress: dict[str, Any] = {
        "shoot_id": "s",
        "status": "processing",
        "processed_count": 1,
        "total_count": 2,
    }

    with pytest.raises(InvalidMessage, match=why):
        await opening.update_progress(**progress | {"provider": "Mac", field: value})

    await peer.credit(1)
    assert [event.seq for event in await events(opening, 1)] == [1]
    await opening.__aexit__(None, None, None)
    assert [message["type"] for message in await peer.rest()] == ["ACK"]


async def test_a_room_with_a_name_that_is_no_text_is_refused_and_the_connection_stays(
    server: Scripted,
) -> None:
    opening = client(server.url)
    await together(opening, server)

    with pytest.raises(InvalidMessage, match="queue: is no Unicode text"):
        await opening.join("\udcff")

    assert opening.connected
    await opening.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "url", ["http://x/ws", "x", "", "ws://", "ws://x:99999/ws", "ws://x:0/ws", "ws://[::1/ws"]
)
def test_a_url_that_is_none_is_told_without_its_query(url: str) -> None:
    with pytest.raises(SyncError, match="is not a ws:// or wss:// URL") as caught:
        SyncClient(f"{url}?token={TOKEN}", TOKEN)
    assert TOKEN not in str(caught.value)
