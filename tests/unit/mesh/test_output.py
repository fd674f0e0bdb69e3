from __future__ import annotations

from typing import Any

import pytest

from kull_mesh.output import line_of

SHOOT: dict[str, Any] = {
    "shootId": "s",
    "status": "processing",
    "processedCount": 15,
    "totalCount": 60,
    "currentImage": "IMG_0015.jpg",
    "eta": 12.4,
    "provider": "Replicate",
}
DEVICE = {"deviceId": "mac-1", "deviceName": "Maya's Mac", "platform": "macos"}


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("SHOOT_PROGRESS", SHOOT, "s processing 15/60 25% IMG_0015.jpg, 12 s to go"),
        (
            "SHOOT_PROGRESS",
            {"shootId": "s", "status": "failed", "processedCount": 0, "totalCount": 0}
            | {"errorMessage": "no photographs"},
            "s failed 0/0 -: no photographs",
        ),
        (
            "CREDIT_UPDATE",
            {"newBalance": 5, "change": -1, "reason": "a keeper"},
            "balance 5 (-1): a keeper",
        ),
        ("PROMPT_CHANGE", {"promptId": "p", "action": "voted"}, "prompt p voted"),
        ("DEVICE_CONNECTED", DEVICE, "Maya's Mac macos"),
        ("DEVICE_DISCONNECTED", {"deviceId": "web-1", "deviceName": ""}, "web-1"),
        (
            "COLLECTION_SHARED",
            {"collectionId": "c", "photoCount": 3},
            "collectionId c, photoCount 3",
        ),
    ],
)
def test_an_event_of_any_type_is_a_line_for_people(
    kind: str, data: dict[str, Any], line: str
) -> None:
    assert line_of(kind, data) == line
