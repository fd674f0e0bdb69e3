"""Limits that depend on each other fit."""

from __future__ import annotations

from kull_protos.contract import limits
from kull_protos.contract.addresses import of_room, of_user


def test_a_room_that_a_token_grants_can_be_followed() -> None:
    assert limits.DEFAULT_ROOMS <= limits.MAX_ROOMS_GRANTED <= limits.MAX_ROOMS < limits.MAX_QUEUES


def test_a_user_id_of_plain_characters_fits_an_address_and_a_routing_key() -> None:
    longest = "x" * limits.MAX_USER_ID_CHARS

    assert len(of_user(longest)) <= limits.MAX_ADDRESS_BYTES
    assert len(longest) <= limits.MAX_ESCAPED_BYTES
    assert len(of_room("")) == len(of_user(""))  # so a room's name may be as long


def test_a_routing_key_holds_the_longest_id() -> None:
    longest_type = "device_disconnected"

    assert len(f"00.user.{'x' * limits.MAX_ESCAPED_BYTES}.{longest_type}") <= 255
