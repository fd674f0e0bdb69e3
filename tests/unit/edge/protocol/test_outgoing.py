"""A message is built once, whoever gets it."""

from __future__ import annotations

import pytest

from kull_edge.protocol.outgoing import text_frame
from kull_edge.session.effects import (
    Write,
)
from tests.unit.edge.hubs import (
    attached,
    make_hub,
    push,
)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_the_shared_frame_is_what_a_websocket_client_reads(size: int) -> None:
    from websockets.frames import Frame
    from websockets.streams import StreamReader

    reader = StreamReader()
    reader.feed_data(text_frame(b"x" * size))
    parsing = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as done:
        next(parsing)

    assert done.value.value.data == b"x" * size
    assert done.value.value.fin


def test_one_frame_is_shared_by_all_sessions() -> None:
    hub = make_hub()
    attached(hub, 1, token="maya:mac")
    attached(hub, 2, token="maya:phone")

    effects = hub.link_frame("r", push(1, 1), 0)

    first, second = (effect for effect in effects if isinstance(effect, Write))
    assert first.messages[0] is second.messages[0]
    assert first.messages[0].wire is second.messages[0].wire
