"""A browser is opened only where a person can see it."""

from __future__ import annotations

import pytest

from kull_mesh.demo.browser import can_show


@pytest.mark.parametrize(
    ("environment", "platform", "shown"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({}, "linux", False),
        ({"DISPLAY": ""}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_there_must_be_a_display(environment: dict[str, str], platform: str, shown: bool) -> None:
    assert can_show(environment, terminal=True, platform=platform) is shown


def test_nothing_opens_where_no_person_sits_at_the_terminal() -> None:
    assert not can_show({"DISPLAY": ":0"}, terminal=False, platform="linux")
    assert not can_show({}, terminal=False, platform="darwin")
