"""What may be the id of a device, at the gateway, the edge and the router alike."""

from __future__ import annotations

import random

import pytest

from kull_edge.errors import BadToken
from kull_edge.protocol.token_peek import read_token
from kull_gateway.token_route import TokenRequest
from kull_protos.contract import device_ids
from kull_protos.contract.device_ids import named_in
from kull_router.access.tokens import check_device_id
from kull_router.errors import TokenRefused

BAD = [
    ("x" * 101, "too long"),
    ("a\nb", "control"),
    ("a\x85b", "control"),
    ("gpj.\u202ecam", "control"),
    ("\u2066a", "control"),
    ("a\ud800", "surrogate"),
]


@pytest.mark.parametrize("device_id", ["m", "x" * 100, "mac-1", "👩\u200d👧 phone", "web-1"])
def test_an_id_is_usable(device_id: str) -> None:
    assert not device_ids.problem(device_id)


@pytest.mark.parametrize(("device_id", "why"), BAD)
def test_an_id_is_not_usable(device_id: str, why: str) -> None:
    assert why in device_ids.problem(device_id)


def test_an_id_has_at_least_one_character() -> None:
    assert device_ids.problem("") == "is empty"


@pytest.mark.parametrize(("device_id", "why"), BAD)
def test_no_part_takes_an_id_that_another_one_refuses(device_id: str, why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        check_device_id(device_id)
    with pytest.raises(BadToken, match=why):
        read_token(f"maya:{device_id}", allow_plain=True, rng=random.Random(1))
    with pytest.raises(ValueError, match="deviceId"):
        TokenRequest.model_validate({"userId": "maya", "deviceId": device_id})


def test_a_generated_id_is_a_usable_one_and_known_as_such() -> None:
    made = device_ids.generate(random.Random(1))

    assert device_ids.is_generated(made)
    assert not device_ids.is_generated("mac-1")
    assert not device_ids.problem(made)


def test_a_device_is_left_out_of_its_own_users_queue_by_its_id_and_of_a_room_with_its_user() -> (
    None
):
    assert named_in("user:maya", "maya", "mac") == "mac"
    assert named_in("all", "maya", "mac") == "mac"
    assert named_in("room:a", "maya", "mac") == "maya/mac"


def test_in_a_room_no_two_devices_have_one_name() -> None:
    assert named_in("room:a", "a/b", "c") != named_in("room:a", "a", "b/c")
