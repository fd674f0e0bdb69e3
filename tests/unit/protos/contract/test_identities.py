"""A certificate says who its owner is, in words that its maker and its reader share."""

from __future__ import annotations

from typing import get_args

import pytest

from kull_mesh.certs import Role
from kull_protos.contract import identities
from kull_protos.contract.identities import Identity


def test_an_identity_is_read_as_it_was_written() -> None:
    assert identities.write("edge", "edge-1") == "kull://edge/edge-1"
    assert identities.read("kull://edge/edge-1") == Identity("edge", "edge-1")
    assert identities.read("kull://edge/a/b") == Identity("edge", "a/b")


@pytest.mark.parametrize(
    "uri", ["", "kull://edge", "kull://edge/", "https://edge/edge-1", "edge/x"]
)
def test_what_is_no_identity_is_none(uri: str) -> None:
    assert identities.read(uri) is None


def test_certificates_are_made_for_the_roles_that_there_are() -> None:
    assert get_args(Role) == identities.ROLES
