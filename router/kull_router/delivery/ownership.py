"""Who owns which shard: claims, terms, the fence, and which router is preferred. PURE.

RabbitMQ's single active consumer decides. A router's consumer of a shard's queue is

    away ──▶ standing by ──▶ owner of a term ──▶ away
    no       in line behind  the first message     its channel is gone, another
    channel  another router  claims the next term  claim has fenced it, or it
                             of the store          hands the shard over

Two words go between routers, both by RabbitMQ:

- A *claim probe* is an empty message of type `probe` to a shard's queue, by way of the default
  exchange, to which routers alone may write. Who receives it is the active consumer: so a queue
  without events finds its owner as well.
- Its header `kull-wanted-by` names a router that prefers this shard and waits for it. An owner
  that does not prefer the shard hands it over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_protos.mesh.v1 import attach_pb2 as pb

CHECK_EVERY: Final = 4.0  # seconds between two looks at the term of a shard without events
PROBE_OWN_EVERY: Final = 5  # rounds of probes in which shards of our own get one as well


def probe(shard: int, *, wanted_by: str = "") -> Message:
    """Return a claim probe for a shard's queue.

    wanted_by: the router that waits for this shard and prefers it, if it does.
    """
    return Message(
        exchange="",
        routing_key=topology.shard_queue(shard),
        body=b"{}",
        message_id=f"probe-{shard}",
        type=topology.PROBE,
        headers={topology.HEADER_WANTED_BY: wanted_by} if wanted_by else {},
    )


def is_probe(message: Message) -> bool:
    """Tell whether this is a claim probe: a publisher's exchange never carries one."""
    return message.type == topology.PROBE and not message.exchange


class Step(Enum):
    """What is to be done before messages are handled."""

    CLAIM = "claim"  # the next term of the store: this router is the active consumer
    CHECK = "check"  # whether the term still is the store's: another claim may have overtaken ours
    NONE = "none"


class Claim:
    """One shard at this router: told what RabbitMQ and the store do, asked what to do."""

    def __init__(self, shard: int, ownership: Ownership, *, preferred: bool, wanted: bool) -> None:
        self.shard = shard
        self.preferred = preferred
        self._wanted = wanted
        self._ownership = ownership
        self._term: int | None = None
        self._standing_by = False
        self._checked_at = 0.0

    @property
    def term(self) -> int | None:
        """The term under which this router owns the shard, None if it does not."""
        return self._term

    @property
    def standing_by(self) -> bool:
        """Whether it is in RabbitMQ's line of consumers behind another router."""
        return self._standing_by

    def join(self) -> None:
        """A consumer is open: in line, until a message comes."""
        self._standing_by = True
        self._ownership.told()

    def receive(self, messages: Sequence[Message], now: float) -> Step:
        """Messages came. `now`: seconds on any clock."""
        if self._term is None:
            return Step.CLAIM
        # Edges believe the higher term, so nobody would subscribe here before the next event.
        if now - self._checked_at >= CHECK_EVERY and all(map(is_probe, messages)):
            self._checked_at = now
            return Step.CHECK
        return Step.NONE

    def win(self, term: int) -> None:
        """The store has given this router the next term."""
        self._term = term
        self._standing_by = False
        self._ownership.moved(self.shard)

    def lose(self) -> None:
        """The consumer is gone, and the shard with it."""
        if self._standing_by:
            self._standing_by = False
            self._ownership.told()
        if self._term is not None:
            self._term = None
            self._ownership.moved(self.shard)

    def is_wanted(self, messages: Iterable[Message]) -> bool:
        """Whether messages ask to hand the shard over to a router that prefers it."""
        if self.preferred:
            return False
        others = {
            each.headers.get(topology.HEADER_WANTED_BY) for each in messages if is_probe(each)
        } - {None, self._ownership.router_id}
        return bool(others)

    def probe(self) -> Message:
        """Return the next probe for this shard."""
        waits = self._wanted and self._term is None
        return probe(self.shard, wanted_by=self._ownership.router_id if waits else "")


class Ownership:
    """The claims on all shards of the deployment.

    Args:
        router_id: this router, as others know it.
        shard_count: of the deployment.
        preferred: the shards that this router is meant to serve when several run; empty: all.
        moved: called with a shard that is owned now, or no more.
        told: called when edges should hear of who owns and who waits.
    """

    def __init__(
        self,
        *,
        router_id: str,
        shard_count: int,
        preferred: frozenset[int] = frozenset(),
        moved: Callable[[int], None],
        told: Callable[[], None],
    ) -> None:
        self.router_id = router_id
        self.moved = moved
        self.told = told
        self.claims = [
            Claim(
                shard,
                self,
                preferred=not preferred or shard in preferred,
                wanted=shard in preferred,
            )
            for shard in range(shard_count)
        ]
        self._rounds = 0

    @property
    def terms(self) -> dict[int, int]:
        """The shards owned now, with their terms."""
        return {claim.shard: claim.term for claim in self.claims if claim.term is not None}

    @property
    def standby(self) -> list[int]:
        """The shards that another router owns: RabbitMQ is there, and lets this one wait."""
        return [claim.shard for claim in self.claims if claim.standing_by]

    def probes(self) -> list[Message]:
        """Return the next round of probes: for every shard of others, now and then for our own."""
        own = self._rounds % PROBE_OWN_EVERY == 0
        self._rounds += 1
        return [claim.probe() for claim in self.claims if own or claim.term is None]

    def frame(self) -> pb.AttachResponse:
        """Return what edges get to know: owned shards, and those of other routers."""
        owned = [pb.ShardTerm(shard=shard, term=term) for shard, term in self.terms.items()]
        return pb.AttachResponse(shards=pb.OwnedShards(shards=owned, standby=self.standby))
