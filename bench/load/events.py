"""The events: real ones of ours, whose text carries when they were sent and their number. PURE."""

from __future__ import annotations

from typing import Final, NamedTuple

from bench.job import EVENT_BYTES
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, PromptChange
from kull_producers.events.stamp import Stamp
from kull_router.broker.amqp import content

TIME: Final = b"@TTTTTTTTTTTTTTTT"  # microseconds of the monotonic clock, all processes share it
NUMBER: Final = b"#NNNNNNNN"  # counts the events of one user
EVENT_ID: Final = b"IIIIIIIIIIIIIIIIIIIIIIII"
EVERYBODY: Final = ""
_MARK: Final = (TIME + NUMBER).decode()
_MAX_FRAME: Final = 131_072


class Seen(NamedTuple):
    """What a device reads from an event: when it was sent (µs) and its number."""

    sent: int
    number: int


def read(frame: bytes) -> Seen | None:
    """Return what the frame's event says, or None for anything else."""
    at = frame.rfind(b"@")  # what comes before may be binary
    if at < 0:
        return None
    return Seen(int(frame[at + 1 : at + 17]), int(frame[at + 18 : at + 26]))


def message(user: str, *, shard_count: int = DEFAULT_SHARD_COUNT) -> Message:
    """Return a template of our event for a user, or for EVERYBODY; its body has 260 bytes."""
    stamp = Stamp(
        id=EVENT_ID.decode(), timestamp_ms=1_732_440_000_000, run="bench", version=1, app_id="bench"
    )

    def build(padding: str) -> Message:
        if user == EVERYBODY:
            everybody = PromptChange(prompt_id=_MARK + padding, action="updated")
            return messages_of(everybody, stamp, shard_count=shard_count)[0]
        credit = CreditUpdate(user_id=user, new_balance=500, change=1, reason=_MARK + padding)
        return messages_of(credit, stamp, shard_count=shard_count)[0]

    return build("." * (EVENT_BYTES - len(build("").body)))


def frames(template: Message) -> bytes:
    """Return the AMQP frames that publish a template persistently, on channel 1."""
    return content.encode_publish(template, channel=1, max_frame=_MAX_FRAME)


def fill(template: bytes, *, event_id: bytes, sent: int, number: int) -> bytes:
    """Return a template with everything filled in; nothing changes its length."""
    return (
        template.replace(EVENT_ID, event_id)
        .replace(TIME, b"@%016d" % sent)
        .replace(NUMBER, b"#%08d" % number)
    )
