"""What an ERROR tells a device. PURE.

The label of a close code is one too: an ERROR with it comes before the connection closes.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """One row of the table: the code, and when a device gets it."""

    when: str

    def __new__(cls, code: str, when: str) -> ErrorCode:
        """Make a member that is its code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.when = when
        return member

    INVALID_JSON = "invalid_json", "the message is not a JSON object"
    UNKNOWN_TYPE = "unknown_type", "`type` is missing or not one of the above"
    INVALID_MESSAGE = (
        "invalid_message",
        "a field is missing, of a wrong type or out of range; the message names it",
    )
    BINARY_FRAME = "binary_frame", "binary messages are not part of this protocol (closes 1003)"
    BUSY = (
        "busy",
        "too many messages of this device, or one about the same room, wait for their answers",
    )
    FORBIDDEN = (
        "forbidden",
        "the token does not grant this room or right, or the room is not followed",
    )
    UNKNOWN_DEVICE = "unknown_device", "the user has no such device"
    TOO_MANY_ROOMS = "too_many_rooms", "as many rooms are followed as may be; leave one first"
    RATE_LIMITED = (
        "rate_limited",
        "this device sends too much; it is told how long to wait, or that it is read more slowly",
    )
    UNAVAILABLE = "unavailable", "the message could not be stored now; send it again"
