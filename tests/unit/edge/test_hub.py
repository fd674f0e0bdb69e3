"""The hub alone, with an explicit clock: what sockets tell it."""

from __future__ import annotations

from tests.unit.edge.hubs import (
    attached,
    make_hub,
    push,
    sent,
)


def test_a_blocked_socket_pulls_once_it_is_writable() -> None:
    hub = make_hub()
    attached(hub)
    hub.writable(1, False, 0)
    assert hub.link_frame("r", push(1, 1), 0) == []

    assert len(sent(hub.writable(1, True, 0), "fetch")) == 1
