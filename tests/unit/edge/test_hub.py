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


def test_what_is_told_of_sessions_that_are_not_there_is_harmless() -> None:
    hub = make_hub()

    for effects in (
        hub.text(1, "{}", 0),
        hub.binary(1, 0),
        hub.throttled(1, 0),
        hub.pong(1, b"", 0),
        hub.writable(1, False, 0),
        hub.disconnected(1, 0),
    ):
        assert effects == []
