"""What the hub knows of its routers: links, epoch, and who owns which shard. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kull_edge.placement.credits import Credits
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1.attach_pb2 import ShardTerm, Welcome


class Seat(NamedTuple):
    """One session's place at one queue."""

    session_id: int
    address: str


class Owner(NamedTuple):
    """Who owns a shard."""

    link: str
    term: int


class LinkState:
    """One living stream to a router."""

    def __init__(self, welcome: Welcome, *, max_subscribes: int) -> None:
        self.epoch = welcome.epoch
        self.shards: dict[int, int] = {}  # shard -> term
        self.standby: set[int] = set()  # shards that another router owns, as this one knows
        self.subscribes: Credits[Seat] = Credits(max_subscribes)
        self.subscribing: set[Seat] = set()  # asked, not answered
        self.fetches: Credits[Seat] = Credits(max(1, welcome.fetch_credits))
        self.fetching: dict[int, Seat] = {}  # request id -> asked, not answered


class Owners:
    """The owner of each shard: the highest term that any living router of our epoch claims."""

    def __init__(self) -> None:
        self.epoch = ""
        self.shard_count = 0  # 0: no router has told it yet
        self._owners: dict[int, Owner] = {}
        self._highest: dict[int, int] = {}  # shard -> highest term ever claimed in this epoch

    def __len__(self) -> int:
        return len(self._owners)

    def shard_of(self, address: str) -> int:
        """Return the shard of an address, -1 while the shard count is unknown."""
        return shard_of(address, self.shard_count) if self.shard_count else -1

    def get(self, shard: int) -> Owner | None:
        """Return the shard's owner, if a living one is known."""
        return self._owners.get(shard)

    def welcome(self, welcome: Welcome) -> bool:
        """A router introduced itself; True if its store is another one than the one we knew."""
        if welcome.epoch == self.epoch and welcome.shard_count == self.shard_count:
            return False
        self.epoch, self.shard_count = welcome.epoch, welcome.shard_count
        self._owners.clear()
        self._highest.clear()  # terms of different stores cannot be compared
        return True

    def claim(self, links: dict[str, LinkState]) -> set[int]:
        """Work out the owners from what every link claims; return the shards that changed."""
        owners: dict[int, Owner] = {}
        for name, link in links.items():
            if link.epoch != self.epoch:
                continue
            for shard, term in link.shards.items():
                self._highest[shard] = max(term, self._highest.get(shard, 0))
                if shard not in owners or term > owners[shard].term:
                    owners[shard] = Owner(name, term)
        # A claim below the highest term is of a router that does not know yet that it was fenced.
        owners = {
            shard: owner for shard, owner in owners.items() if owner.term == self._highest[shard]
        }
        changed = {
            shard
            for shard in owners.keys() | self._owners.keys()
            if owners.get(shard) != self._owners.get(shard)
        }
        self._owners = owners
        return changed


def terms(shards: Iterable[ShardTerm]) -> dict[int, int]:
    """Return shard → term."""
    return {shard.shard: shard.term for shard in shards}
