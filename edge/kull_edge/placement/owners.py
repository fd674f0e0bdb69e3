"""Who owns which shard, worked out from what the routers claim. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1.attach_pb2 import OwnedShards, Welcome


class Owner(NamedTuple):
    """Who owns a shard."""

    link: str
    term: int


@dataclass(slots=True)
class _Claims:
    """What one living router says."""

    epoch: str
    shards: dict[int, int] = field(default_factory=dict)  # shard -> term
    standby: set[int] = field(default_factory=set)  # that another one owns, as this one knows


class Owners:
    """The owner of each shard: the highest term that any living router of our epoch claims."""

    def __init__(self) -> None:
        self._epoch = ""
        self._shard_count = 0  # 0: no router has told it yet
        self._claims: dict[str, _Claims] = {}  # by link
        self._owners: dict[int, Owner] = {}
        self._highest: dict[int, int] = {}  # shard -> highest term ever claimed in this epoch

    def __len__(self) -> int:
        return len(self._owners)

    def shard_of(self, address: str) -> int:
        """Return the shard of an address, -1 while the shard count is unknown."""
        return shard_of(address, self._shard_count) if self._shard_count else -1

    def of(self, address: str) -> Owner | None:
        """Return the owner of an address, if a living one is known."""
        return self._owners.get(self.shard_of(address))

    def is_cut_off(self, address: str, *, routers: int) -> bool:
        """Whether the queue's owner lives, as far as one can tell, and only this edge is without.

        A router that stands by for the shard knows that another one owns it. No link to any of
        several routers is rather this edge's fault than all of theirs; if there is only one, it is
        gone for the other edges as well.
        """
        if self.of(address) is not None:
            return False
        if not self._claims:
            return routers > 1
        shard = self.shard_of(address)
        return any(shard in claims.standby for claims in self._claims.values())

    def link_up(self, link: str, welcome: Welcome) -> bool:
        """A router introduced itself; True if its store is another one than the one we knew."""
        self._claims[link] = _Claims(welcome.epoch)
        if welcome.epoch == self._epoch and welcome.shard_count == self._shard_count:
            return False
        self._epoch, self._shard_count = welcome.epoch, welcome.shard_count
        self._owners.clear()
        self._highest.clear()  # terms of different stores cannot be compared
        self._work_out()
        return True

    def link_down(self, link: str) -> set[int]:
        """A router is gone; return the shards whose owner changed."""
        self._claims.pop(link, None)
        return self._work_out()

    def claimed(self, link: str, owned: OwnedShards) -> set[int]:
        """A router tells what it owns now; return the shards whose owner changed."""
        claims = self._claims[link]
        claims.shards = {shard.shard: shard.term for shard in owned.shards}
        claims.standby = set(owned.standby)
        return self._work_out()

    def _work_out(self) -> set[int]:
        owners: dict[int, Owner] = {}
        for link, claims in self._claims.items():
            if claims.epoch != self._epoch:
                continue
            for shard, term in claims.shards.items():
                self._highest[shard] = max(term, self._highest.get(shard, 0))
                if shard not in owners or term > owners[shard].term:
                    owners[shard] = Owner(link, term)
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
