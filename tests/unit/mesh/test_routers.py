"""Which routers a command asks, and what it says of one that cannot answer."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from kull_mesh.commands import nodes, why
from kull_mesh.errors import MeshError
from kull_mesh.routers import Routers, RoutersOrUp, admin, beside, embedded, targets
from kull_protos.settings import ROUTERS


class Answer(grpc.RpcError):
    """What a stub raises."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code = code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return "Method not found!"


@pytest.fixture
def listening() -> Iterator[str]:
    """The address of something that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_the_routers_that_are_named_are_asked(home: Path, listening: str) -> None:
    with embedded(listening):
        assert targets("a:1, b:2") == beside("a:1, b:2") == ["a:1", "b:2"]


def test_only_what_looks_finds_the_router_of_kull_up(home: Path, listening: str) -> None:
    with embedded(listening):
        assert beside("") == [listening]
        assert targets("") == [ROUTERS]
    assert beside("") == [ROUTERS]


def test_what_ends_or_revokes_something_does_not_look_for_kull_up() -> None:
    found = {
        command.__name__: inspect.get_annotations(command, eval_str=True)["routers"]
        for command in (why.why, nodes.nodes, nodes.drain, nodes.revoke)
    }

    assert found == {
        "why": RoutersOrUp,
        "nodes": RoutersOrUp,
        "drain": Routers,
        "revoke": Routers,
    }


def test_a_kull_up_that_was_killed_is_not_asked(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    with embedded(gone):
        assert beside("") == [ROUTERS]
    for nonsense in ("", "nonsense", "host:port", "127.0.0.1:99999999"):
        (home / "up-router").write_text(nonsense)
        assert beside("") == [ROUTERS]


def test_a_kull_up_that_ends_leaves_the_address_of_a_later_one(home: Path, listening: str) -> None:
    with embedded("127.0.0.1:1"):
        (home / "up-router").write_text(listening)
    assert beside("") == [listening]
    assert [file.name for file in home.iterdir()] == ["up-router"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            grpc.StatusCode.UNIMPLEMENTED,
            "router r:1 is of an older version that cannot be asked",
        ),
        (grpc.StatusCode.UNAVAILABLE, "router r:1 does not answer: Method not found!"),
    ],
)
def test_a_router_that_does_not_know_the_question_is_not_one_that_is_down(
    home: Path, code: grpc.StatusCode, text: str
) -> None:
    with pytest.raises(MeshError) as raised, admin("r:1"):
        raise Answer(code)

    assert str(raised.value) == text
