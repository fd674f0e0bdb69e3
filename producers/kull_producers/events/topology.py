"""The names of everything that Kull Sync uses in RabbitMQ, in one place. PURE.

Public topic exchanges (anyone may bind a queue to them) feed the internal exchange `kull.route`,
which alone carries the alternate exchange: a third party's `#` binding on a public exchange must
not make a wrongly keyed event count as routed. The exchange `kull.bursts` feeds it as well; what is
published there is a batch, see `batch`, and whoever binds to a public exchange never gets one.
"""

from __future__ import annotations

from typing import Final

SHOOT: Final = "kull.shoot"
CREDIT: Final = "kull.credit"
PROMPT: Final = "kull.prompt"
ROOM: Final = "kull.room"
OWN: Final = "kull.events"  # of the event types that a deployment brings itself

ROUTE: Final = "kull.route"
UNROUTED: Final = "kull.unrouted"  # fanout exchange and its queue
DEAD: Final = "kull.dead"  # fanout exchange and its queue
PRESENCE: Final = "kull.presence"  # topic exchange for others: who is there; feeds nothing of ours
BURSTS: Final = "kull.bursts"  # exchange for batches of events, feeds `kull.route`
SHARDS: Final = "kull.shards"  # exchange whose alternate exchange is the shard count mark

INTERNAL: Final = (
    ROUTE,
    UNROUTED,
    DEAD,
    SHARDS,
    BURSTS,
    PRESENCE,
)  # no event type has one of these

DEAD_QUEUE_LENGTH: Final = 10_000
DEAD_QUEUE_BYTES: Final = 256 * 2**20
# -1 makes RabbitMQ 3.10 drop whatever is returned, and 4.x drops after 20 returns by default.
DELIVERY_LIMIT: Final = 1_000_000_000

# AMQP headers of an event; message_id, type, app_id and content_type are AMQP properties.
HEADER_ADDRESS: Final = "kull-address"
HEADER_CONTRACT: Final = "kull-contract"  # every | latest | ephemeral
HEADER_KEY: Final = "kull-key"  # with latest: which entries replace each other
HEADER_RUN: Final = "kull-run"  # with latest: names one run of the publisher
HEADER_VERSION: Final = "kull-version"  # with latest: int, grows with what the run says
HEADER_PROGRESS: Final = "kull-progress"  # with latest: int, how far what it counts is
HEADER_LATE: Final = "kull-late"  # with latest: bool, true when it has waited in an outbox
HEADER_FINAL: Final = "kull-final"  # with latest: bool, true when nothing more is to come
HEADER_EXCLUDE: Final = "kull-exclude-device"  # the device that caused the event
HEADER_HOPS: Final = "kull-hops"  # how often a router has re-addressed the message
HEADER_EVENTS: Final = "kull-events"  # of a batch: how many it carries, for people who look
HEADER_REASON: Final = "kull-reason"  # on kull.dead: why
HEADER_EXCHANGE: Final = "kull-exchange"  # on kull.dead: where it had been published
# On a claim probe, which comes by the default exchange only: the router that prefers this shard and
# waits for it; absent if none does. The owner hands the shard over if it does not prefer it itself.
HEADER_WANTED_BY: Final = "kull-wanted-by"
HEADER_TRACEPARENT: Final = "traceparent"

BATCH: Final = "batch"  # type of a message that carries several events
PROBE: Final = "probe"  # type of a claim probe; it never becomes an entry


def shard_queue(shard: int) -> str:
    """Return the name of a shard's queue, e.g. `kull.router.07`."""
    return f"kull.router.{shard:02d}"


def shard_binding(shard: int) -> str:
    """Return the pattern that routes a shard's events to its queue, e.g. `07.#`."""
    return f"{shard:02d}.#"


def shard_count_mark(shard_count: int) -> str:
    """Return the exchange whose existence tells publishers the deployment's shard count."""
    return f"kull.shards.{shard_count}"
