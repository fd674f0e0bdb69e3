"""Whatever is said in whatever order: device, edge and router agree on which rooms are followed."""

from __future__ import annotations

import json
from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from kull_edge.session.effects import Effect
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    attached,
    closes,
    make_hub,
    owned,
    sent,
    subscribed,
    welcome,
    written,
)

ROOMS = ["room:a", "room:b"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["JOIN", "LEAVE", "forbid", "grant"]), st.sampled_from(ROOMS)),
    st.tuples(st.sampled_from(["answer", "answer", "fail"]), st.just("")),
)


class World:
    """One edge, one device, and a router that answers in order, but only when it is told to."""

    def __init__(self) -> None:
        self.hub = make_hub()
        attached(self.hub)
        self.term = 1
        self.subscribed = {MAYA, "all"}
        self.granted = {MAYA, "all", *ROOMS}
        self.answers: deque[pb.AttachResponse] = deque()
        self.seen: set[str] = set()  # the rooms that the device believes to follow

    def step(self, what: str, room: str) -> None:
        match what:
            case "JOIN" | "LEAVE":
                self.take(self.hub.text(1, json.dumps({"type": what, "queue": room}), 0.0))
            case "grant":
                self.granted.add(room)
            case "forbid":  # a REFRESH to fewer rights
                self.granted.discard(room)
                if room in self.subscribed:
                    self.subscribed.remove(room)
                    self.refuse(room)
            case "answer":
                if self.answers:
                    self.take(self.hub.link_frame("r", self.answers.popleft(), 0.0))
            case _:
                self.fail()

    def fail(self) -> None:
        self.term += 1
        self.subscribed.clear()
        self.answers.clear()
        self.take(self.hub.link_down("r", 0.0))
        self.take(self.hub.link_up("r", welcome(), 0.0))
        self.take(self.hub.link_frame("r", owned(self.term), 0.0))

    def refuse(self, room: str) -> None:
        answer = pb.Refused(session_id=1, address=room, close_code=4500, keep_session=True)
        self.answers.append(pb.AttachResponse(refused=answer))

    def take(self, effects: list[Effect]) -> None:
        assert closes(effects) == []
        for effect in effects:
            for request in sent([effect], "subscribe"):
                if request.address in self.granted:
                    self.subscribed.add(request.address)
                    self.answers.append(
                        subscribed(1, address=request.address, term=self.term, head=0)
                    )
                else:
                    self.refuse(request.address)
            for request in sent([effect], "unsubscribe"):
                self.subscribed.discard(request.address)
        for frame in written(effects, 1):
            if frame["type"] == "JOINED":
                self.seen.add(frame["data"]["queue"])
            elif frame["type"] == "LEFT":
                self.seen.discard(frame["data"]["queue"])


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_device_edge_and_router_agree_once_all_is_answered(steps: list[tuple[str, str]]) -> None:
    world = World()
    for what, room in steps:
        world.step(what, room)
    while world.answers:
        world.step("answer", "")

    assert world.subscribed - {MAYA, "all"} == world.seen
    assert world.hub.queue_count == 2 + len(world.seen)
    for room in ROOMS:  # no room is stuck: each can be left and followed
        for what, there in (("LEAVE", False), ("grant", False), ("JOIN", True)):
            world.step(what, room)
            while world.answers:
                world.step("answer", "")
            assert (room in world.seen) == there
