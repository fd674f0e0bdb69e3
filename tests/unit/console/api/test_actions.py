"""What operators do is written down before it is done, and how it ended after."""

from __future__ import annotations

from http import HTTPStatus
from itertools import count
from typing import Any

import pytest

from kull_console.api.actions import Actions, Wanted
from kull_console.errors import OutcomeUnknown, Problem, RouterAway
from kull_console.measures import ACTIONS
from kull_protos.common.measures import Count
from kull_protos.mesh.v1 import admin_pb2 as pb
from tests.unit.console.answers import ACTOR

MAC = Wanted(user="maya", device="mac")
ANSWERS: dict[str, Any] = {
    "NoteAction": pb.NoteActionResponse(number=7),
    "Revoke": pb.RevokeResponse(sessions=1),
    "Disconnect": pb.DisconnectResponse(sessions=1),
    "SignOutDevice": pb.SignOutDeviceResponse(sessions=1, event_id="e-0"),
    "ForgetDevice": pb.ForgetDeviceResponse(sessions=0),
    "SendTestEvent": pb.SendTestEventResponse(event_id="e-1"),
    "ResolveDeadLetters": pb.ResolveDeadLettersResponse(resolved=2, failed={"x": "it is gone"}),
}


class Routers:
    """Two routers that note what they are asked."""

    def __init__(self, *away: str, unknown: str = "") -> None:
        self.away = away
        self.unknown = unknown
        self.asked: list[tuple[str, Any]] = []

    async def any(self, method: str, request: Any, *, deadline: float = 5) -> Any:
        self.asked.append((method, request))
        if method in self.away:
            raise RouterAway("router r-1 does not answer")
        if method == self.unknown:
            raise OutcomeUnknown("router r-1 does not answer: Deadline Exceeded")
        return ANSWERS[method]

    async def once(self, method: str, request: Any, *, deadline: float = 5) -> Any:
        assert method == "ResolveDeadLetters", "all else may be done twice"
        return await self.any(method, request)

    async def all(self, method: str, request: Any) -> list[Any]:
        return [await self.any(method, request)] * 2


async def act(routers: Routers, name: str, wanted: Wanted = MAC) -> str:
    return await actions(routers).run(ACTOR, name, wanted)


def actions(routers: Routers) -> Actions:
    numbers = count(1)
    return Actions(
        routers,  # type: ignore[arg-type]
        new_id=lambda: f"id-{next(numbers)}",
        counted=Count(ACTIONS),
    )


async def test_an_action_is_noted_before_and_after() -> None:
    routers = Routers()

    result = await act(routers, "disconnect")

    assert result == "2 sessions closed"
    assert routers.asked == [
        (
            "NoteAction",
            pb.NoteActionRequest(
                operator="key:2 (anna)", name="disconnect", target="maya, device mac", key="id-1"
            ),
        ),
        ("Disconnect", pb.DisconnectRequest(user_id="maya", device_id="mac")),
        ("NoteAction", pb.NoteActionRequest(number=7, result="2 sessions closed")),
    ]


async def test_what_cannot_be_written_down_is_not_done() -> None:
    routers = Routers("NoteAction")

    with pytest.raises(RouterAway, match="nothing was done"):
        await act(routers, "revoke")

    assert [method for method, _ in routers.asked] == ["NoteAction"]


async def test_one_that_fails_is_noted_as_failed() -> None:
    routers = Routers("Revoke")

    with pytest.raises(RouterAway):
        await act(routers, "revoke")

    method, request = routers.asked[-1]
    assert (method, request.number) == ("NoteAction", 7)
    assert request.result.startswith("failed: router r-1")


async def test_a_test_event_has_an_id_before_it_is_sent_so_that_it_arrives_once() -> None:
    routers = Routers()

    await act(routers, "test-event")

    request = pb.SendTestEventRequest(user_id="maya", event_id="id-2")
    assert routers.asked[1] == ("SendTestEvent", request)


@pytest.mark.parametrize(
    ("name", "method", "where"),
    [
        ("test-event", "SendTestEvent", "look at the page Event for id-2"),
        ("republish", "ResolveDeadLetters", "look at the page Trouble"),
        ("discard", "ResolveDeadLetters", "look at the page Trouble"),
        ("sign-out-device", "SignOutDevice", "do it again"),
        ("revoke", "Revoke", "do it again"),
    ],
)
async def test_whoever_acts_is_told_that_the_outcome_is_not_known_and_where_to_look(
    name: str, method: str, where: str
) -> None:
    routers = Routers(unknown=method)

    with pytest.raises(OutcomeUnknown, match=f"whether it was done is not known, {where}"):
        await act(routers, name, Wanted(user="maya", device="mac", ids=["x"]))

    assert [each for each, _ in routers.asked].count(method) == 1
    assert routers.asked[-1][1].result.startswith("not known: whether it was done is not known")


async def test_signing_a_device_out_is_left_to_the_router_that_owns_its_user() -> None:
    routers = Routers()

    assert "1 session closed" in await act(routers, "sign-out-device")

    request = pb.SignOutDeviceRequest(user_id="maya", device_id="mac")
    assert routers.asked[1:-1] == [("SignOutDevice", request)]


async def test_dead_letters_that_stay_are_told_with_why() -> None:
    wanted = Wanted(ids=["x", "y", "z", "w"])
    routers = Routers()

    assert await act(routers, "republish", wanted) == "2 published again, 1 not: it is gone"
    assert routers.asked[1][1].republish
    assert routers.asked[0][1].target == "4 dead letters: x, y, z, …"
    assert await act(routers, "discard", wanted) == "2 discarded, 1 not: it is gone"
    assert not routers.asked[4][1].republish


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("discard", MAC),
        ("forget-device", Wanted(user="maya")),
        ("sign-out-device", Wanted(device="mac")),
        ("revoke", Wanted(device="mac")),
        ("nonsense", MAC),
    ],
)
async def test_what_is_unclear_is_refused_and_not_noted(name: str, wanted: Wanted) -> None:
    routers = Routers()
    with pytest.raises(Problem) as problem:
        await act(routers, name, wanted)
    assert problem.value.status in {HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY}
    assert routers.asked == []


async def test_a_sign_in_counts_though_nobody_can_write_it_down() -> None:
    routers = Routers("NoteAction")
    await actions(routers).note_sign_in(ACTOR)
    assert [(method, request.key) for method, request in routers.asked] == [("NoteAction", "id-1")]
