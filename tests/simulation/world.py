"""One schedule: a whole mesh, its load and its faults, all drawn from one seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from unittest import mock
from uuid import UUID

import kull_client.client
import kull_client.connection
from kull_edge.placement.config import HubConfig
from kull_edge.session.subscription import Subscription
from kull_router.delivery.send_queue import SendQueue
from kull_router.settings import RouterSettings
from tests.simulation.database import Database
from tests.simulation.devices import Device, Kind
from tests.simulation.disks import DISKS
from tests.simulation.edges import EdgeNode
from tests.simulation.guests import Guest
from tests.simulation.ledger import Ledger
from tests.simulation.loop import Process, SimLoop, run
from tests.simulation.network import Network
from tests.simulation.publishers import PublisherNode
from tests.simulation.rabbit import Rabbit
from tests.simulation.rosters import RosterCheck
from tests.simulation.routers import RouterNode
from tests.simulation.sockets import Balancer, dial
from tests.simulation.trace import Trace

LOOK_EVERY: Final = 0.1  # virtual seconds between two looks at the buffers
CONVERGES_WITHIN: Final = 240.0  # virtual seconds after the last fault is over
GUESTS: Final = (("cid", "mac"), ("cid", "phone"), ("dot", "mac"), ("eve", "tv"))
_SETTINGS: Final = RouterSettings(router_id="router")  # read once: it looks at the environment


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a schedule."""

    seed: int
    violations: list[str]
    faults: Counter[str]
    confirmed: int
    delivered: int
    seconds: float  # virtual, in all
    converged: float  # virtual seconds from the last fault to everybody being level
    trace: list[str] = field(default_factory=list)


class World:
    """All nodes of one schedule. `rng` draws what is done; nodes have generators of their own."""

    def __init__(self, seed: int, trace: Trace, store: str) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.trace = trace
        self.faults: Counter[str] = Counter()
        self.processes: list[Process] = []
        tight = self.rng.random() < 0.3
        settings = self._router_settings(tight)
        self.ledger = Ledger(settings.retention)
        self.rosters = RosterCheck(
            grace=settings.presence_grace,
            shard_count=settings.shard_count,
            blame=self.ledger.blame,
        )
        self.net = Network(self._generator(), trace)
        self.rabbit = Rabbit(self.net, self.ledger)
        self.database = Database(
            self.ledger,
            self._generator(),
            trace,
            disk=DISKS[store](shard_count=settings.shard_count, retention=settings.retention),
        )
        self.routers = list(self._routers(settings))
        self.edges = list(self._edges())
        balancer = Balancer(self.net, [edge.listener for edge in self.edges])
        self.devices = [
            Device(kind, ledger=self.ledger, net=self.net, balancer=balancer, rng=self._generator())
            for kind in self._kinds()
        ]
        self.guests = list(self._guests(balancer))
        self.publishers = list(self._publishers(settings.shard_count))

    def _generator(self) -> random.Random:
        return random.Random(self.rng.getrandbits(64))

    def _router_settings(self, tight: bool) -> RouterSettings:
        # Copied, not validated: budgets far below what an operator may set make faults likely.
        few = {
            "keep_every_entries": 12,
            "keep_latest_entries": 4,
            "keep_ephemeral_devices_for": 8.0,
        }
        return _SETTINGS.model_copy(
            update={
                "shard_count": self.rng.randint(1, 3),
                "prefetch": self.rng.choice([4, 64]),
                "batch": self.rng.choice([1, 3, 64]),
                "presence_grace": self.rng.uniform(0.5, 3),
                "cursor_flush": self.rng.uniform(0.2, 2),
                "trim_interval": 5.0,
                "standby_delay": 1.0,
                "send_queue_bytes": self.rng.choice([3_000, 1_000_000]),
                "fetch_credits": self.rng.choice([1, 64]),
                "subscribes_in_flight": self.rng.choice([1, 256]),
                "publish_timeout": 2.0,
                "presence_members": self.rng.choice([200, 2]),
                **(few if tight else {}),
            }
        )

    def _routers(self, settings: RouterSettings) -> Iterator[RouterNode]:
        for number in (1, 2):
            yield RouterNode(
                settings.model_copy(update={"router_id": f"router-{number}"}),
                net=self.net,
                rabbit=self.rabbit,
                database=self.database,
                ledger=self.ledger,
                rosters=self.rosters,
                rng=self._generator(),
            )

    def _edges(self) -> Iterator[EdgeNode]:
        messages, size = self.rng.choice([2, 8, 64]), self.rng.choice([1_500, 262_144])
        write_high = self.rng.choice([1_024, 65_536])
        for number in (1, 2, 3):
            yield EdgeNode(
                HubConfig(
                    node_id=f"edge-{number}",
                    window_messages=messages,
                    window_bytes=size,
                    allow_plain_tokens=True,
                    max_subscribes=self.rng.choice([2, 1000]),
                ),
                net=self.net,
                routers=[router.listener for router in self.routers],
                rng=self._generator(),
                write_high=write_high,
            )

    def _kinds(self) -> Iterator[Kind]:
        for user in ("ada", "bob"):
            yield Kind(user=user, name="mac", remembers=True)
            yield Kind(user=user, name="phone", remembers=self.rng.random() < 0.5)
            if self.rng.random() < 0.6:
                yield Kind(user=user, name="watch", v2=False)
            if self.rng.random() < 0.6:
                yield Kind(user=user, name="tab", tab=True)

    def _guests(self, balancer: Balancer) -> Iterator[Guest]:
        for user, device in GUESTS:
            yield Guest(user, device, check=self.rosters, balancer=balancer, rng=self._generator())

    def _publishers(self, shard_count: int) -> Iterator[PublisherNode]:
        text = "x" * self.rng.choice([0, 900])
        for name in ("worker", "billing"):
            yield PublisherNode(
                name,
                users=["ada", "bob"],
                shard_count=shard_count,
                rabbit=self.rabbit,
                ledger=self.ledger,
                rng=self._generator(),
                text=text,
            )

    def start(self, node: Any) -> None:
        """Start a process of a node."""
        self.processes.append(node.start())

    def check_bounds(self) -> None:
        """Blame every buffer that is larger than it may be."""
        for router in self.routers:
            for stream in router.core.fanout.each() if router.core else ():
                self._check_send_queue(router.name, stream._send_queue)
        for edge in self.edges:
            for each in edge.shell.hub._sessions.subscribers() if edge.shell else ():
                self._check_window(edge.name, each.subscription)
            for socket in edge.shell.sockets.values() if edge.shell else ():
                if socket.buffered > socket.limit:
                    self.ledger.blame(f"{socket.buffered} bytes wait at a socket of {edge.name}")
        for device in self.devices:
            if device.client and len(device.client._inbox._items) > 256:
                self.ledger.blame(f"the inbox of {device.name} is over full")

    def _check_send_queue(self, name: str, queue: SendQueue) -> None:
        batches = sum(frame.HasField("batch") for frame in queue._control)
        if queue._push_bytes > queue._limit:
            self.ledger.blame(f"{queue._push_bytes} bytes of pushes wait at {name}")
        if queue._batch_bytes > queue._limit and batches > 1:
            self.ledger.blame(f"{queue._batch_bytes} bytes in {batches} batches wait at {name}")

    def _check_window(self, name: str, subscription: Subscription) -> None:
        window = subscription._window
        count, size = len(subscription._open), subscription._open_bytes
        if count > window.messages or (count > 1 and size > window.bytes):
            self.ledger.blame(f"{count} messages of {size} bytes are open at {name}")

    async def watch(self) -> None:
        """Look at every buffer, again and again."""
        while True:
            self.check_bounds()
            self.rosters.look(self.routers)
            await asyncio.sleep(LOOK_EVERY)

    def unlevel(self) -> list[str]:
        """Return what keeps the mesh from being level, nothing when it is."""
        found = self.ledger.unsettled()
        found += [
            f"{each.name} has {each.open} open events" for each in self.publishers if each.open
        ]
        for device in self.devices:
            if not device.connected:
                found.append(f"{device.name} is not connected")
            found += self.ledger.missing(device.book)
        for edge in self.edges:
            behind = edge.shell.hub.catching_up() if edge.shell else 1
            if behind:
                found.append(f"{edge.name} has {behind} sessions that catch up")
        found += self.rosters.unlevel(self.guests, self.edges, self.net)
        return found


def simulate(seed: int, *, trace: bool = False, store: str = "memory") -> Outcome:
    """Run one schedule, with the database kept in one of `DISKS`."""
    from tests.simulation.faults import Faults

    notes = Trace(on=trace)
    runs = random.Random(seed)
    with (
        notes.instead_of_logs(),
        mock.patch.object(kull_client.connection, "dial", dial),
        mock.patch.object(
            kull_client.client, "uuid4", lambda: UUID(int=runs.getrandbits(128), version=4)
        ),
    ):
        return run(_simulate(seed, notes, Faults, store))


async def _simulate(seed: int, trace: Trace, faults: Any, store: str) -> Outcome:
    world = World(seed, trace, store)
    try:
        return await _play(world, faults)
    finally:
        world.database.close()


async def _play(world: World, faults: Any) -> Outcome:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    trace = world.trace
    world.ledger.on_violation = lambda what: trace.note("VIOLATION", what)
    nodes = [*world.routers, *world.edges, *world.devices, *world.guests, *world.publishers]
    for node in nodes:
        world.start(node)
    watch = asyncio.create_task(world.watch(), name="bounds")
    await faults(world).run()
    for publisher in world.publishers:
        publisher.stop()
    for guest in world.guests:
        guest.settle()
    healed = loop.time()
    left = world.unlevel()
    while left and loop.time() < healed + CONVERGES_WITHIN:
        await asyncio.sleep(0.5)
        left = world.unlevel()
    converged = loop.time() - healed
    for each in left:
        world.ledger.blame(f"{CONVERGES_WITHIN:g} s after the last fault: {each}")
    for each in loop.complaints:
        world.ledger.blame(each)
    watch.cancel()
    outcome = Outcome(
        seed=world.seed,
        violations=world.ledger.violations,
        faults=world.faults,
        confirmed=len(world.ledger.confirmed),
        delivered=sum(book.deliveries for book in world.ledger.books.values()),
        seconds=loop.time(),
        converged=converged,
        trace=trace.lines,
    )
    await loop.end([*world.processes, world.rabbit.process])
    return outcome
