"""What goes wrong. Each fault is over, and what it broke is healed, when its function returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tests.simulation.devices import Device
from tests.simulation.edges import EdgeNode
from tests.simulation.guests import Guest
from tests.simulation.network import Connection
from tests.simulation.publishers import CLOCK_ERRORS, PublisherNode
from tests.simulation.routers import RouterNode
from tests.simulation.world import World

BEGIN_FOR: Final = (8.0, 20.0)  # seconds during which faults begin
EVERY: Final = (0.1, 3.0)  # seconds between two of them
SHORT: Final = (0.05, 3.0)  # seconds: shorter than any keepalive
LONG: Final = (15.0, 40.0)  # longer than most

Fault = Callable[[Any], Awaitable[None]]


class Faults:
    """Breaks things of a world. Only one thing at a time happens to a node."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._net, self._rabbit, self._database = world.net, world.rabbit, world.database
        self._rng = world.rng
        self._busy: set[str] = set()
        routers, edges = world.routers, world.edges
        self._kinds: dict[str, tuple[Callable[[], list[Any]], Fault]] = {
            "router killed": (lambda: routers, self._router_killed),
            "router stopped and continued": (lambda: routers, self._router_stopped),
            "router drained": (lambda: routers, self._router_drained),
            "router loses RabbitMQ": (lambda: routers, self._router_loses_rabbit),
            "a channel is closed": (lambda: routers, self._channel_closed),
            "edge killed": (lambda: edges, self._edge_killed),
            "edge stopped and continued": (lambda: edges, self._edge_stopped),
            "edge drained": (lambda: edges, self._edge_drained),
            "link cut": (lambda: self._net.connections("link"), self._cut),
            "link half open": (lambda: self._net.connections("link"), self._half_open),
            "edge and router parted": (lambda: edges, self._parted),
            "socket cut": (lambda: self._net.connections("socket"), self._cut),
            "socket half open": (lambda: self._net.connections("socket"), self._half_open),
            "every socket cut": (lambda: [None], self._every_socket_cut),
            "network slow": (lambda: [self._net], self._slow),
            "router loses RabbitMQ without a word": (lambda: routers, self._router_parted),
            "publisher loses RabbitMQ without a word": (
                lambda: world.publishers,
                self._publisher_parted,
            ),
            "RabbitMQ silent": (lambda: [self._rabbit], self._rabbit_silent),
            "database silent": (lambda: [self._database], self._database_silent),
            "a queue vanishes": (lambda: [self._rabbit], self._queue_vanishes),
            "an exchange vanishes": (lambda: [self._rabbit], self._exchange_vanishes),
            "a binding vanishes": (lambda: [self._rabbit], self._binding_vanishes),
            "RabbitMQ down": (lambda: [self._rabbit], self._rabbit_down),
            "publisher loses RabbitMQ": (lambda: world.publishers, self._publisher_cut),
            "publisher killed": (lambda: world.publishers, self._publisher_killed),
            "a clock jumps": (lambda: [*world.publishers, *routers, *edges], self._clock_jumps),
            "database down": (lambda: [self._database], self._database_down),
            "disk full": (lambda: [self._database], self._disk_full),
            "database slow": (lambda: [self._database], self._slow),
            "answers of the database lost": (lambda: [self._database], self._answers_lost),
            **self._of_people(),
        }

    def _of_people(self) -> dict[str, tuple[Callable[[], list[Any]], Fault]]:
        world, devices = self._world, self._world.devices
        stable = [device for device in devices if not device.kind.tab]
        sdk = [device for device in devices if device.kind.v2]
        return {
            "device connects twice": (lambda: stable, self._twice),
            "device killed": (lambda: devices, self._device_killed),
            "device offline": (lambda: devices, self._device_offline),
            "device slow": (lambda: devices, self._device_slow),
            "device without its login service": (lambda: sdk, self._login_away),
            "guest killed": (lambda: world.guests, self._guest_killed),
            "guest connects twice": (lambda: world.guests, self._guest_twice),
            "device tells progress": (lambda: sdk, self._device_tells),
        }

    async def run(self) -> None:
        """Break things for a while, and wait until all is healed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._draw(BEGIN_FOR)
        # Few kinds per schedule, so that the same combination happens more than once.
        kinds = self._rng.sample(sorted(self._kinds), self._rng.randint(2, 8))
        async with asyncio.TaskGroup() as tasks:
            while loop.time() < end:
                await asyncio.sleep(self._draw(EVERY))
                kind = self._rng.choice(kinds)
                tasks.create_task(self._one(kind), name=f"fault: {kind}")

    async def _one(self, kind: str) -> None:
        find, fault = self._kinds[kind]
        free = [each for each in find() if _name(each) not in self._busy]
        if not free:
            return
        chosen = self._rng.choice(free)
        self._world.faults[kind] += 1
        self._world.trace.note("fault", f"{kind}: {_name(chosen)}")
        self._busy.add(_name(chosen))
        await fault(chosen)
        self._busy.remove(_name(chosen))
        self._world.trace.note("healed", f"{kind}: {_name(chosen)}")

    def _draw(self, between: tuple[float, float]) -> float:
        return self._rng.uniform(*between)

    def _some(self) -> bool:
        return self._rng.random() < 0.5

    async def _a_while(self, between: tuple[float, float] = SHORT) -> None:
        await asyncio.sleep(self._draw(between))

    # Processes

    def _kill(self, node: Any) -> None:
        """Kill a process, or with it its whole machine, whose kernel then tells nobody."""
        silently = self._rng.random() < 0.3
        node.process.kill()
        self._net.killed(node.process, silently=silently)
        self._rabbit.killed(node.process, silently=silently)

    async def _killed(self, node: Any) -> None:
        self._kill(node)
        await self._a_while()
        self._world.start(node)

    async def _stopped(self, node: Any) -> None:
        process = node.process
        process.freeze()
        self._net.stopped(process)
        self._rabbit.stopped(process)
        await self._a_while(SHORT if self._some() else LONG)
        process.thaw()

    async def _drained(self, node: RouterNode | EdgeNode) -> None:
        await node.process.start(node.stop(), "stop")
        node.process.kill()
        self._net.killed(node.process, silently=False)
        self._rabbit.killed(node.process, silently=False)
        await self._a_while()
        self._world.start(node)

    async def _router_killed(self, node: RouterNode) -> None:
        await self._killed(node)

    async def _router_stopped(self, node: RouterNode) -> None:
        await self._stopped(node)

    async def _router_drained(self, node: RouterNode) -> None:
        await self._drained(node)

    async def _edge_killed(self, node: EdgeNode) -> None:
        await self._killed(node)

    async def _edge_stopped(self, node: EdgeNode) -> None:
        await self._stopped(node)

    async def _edge_drained(self, node: EdgeNode) -> None:
        await self._drained(node)

    # Connections

    async def _cut(self, connection: Connection) -> None:
        connection.cut()

    async def _half_open(self, connection: Connection) -> None:
        connection.silence()

    async def _parted(self, edge: EdgeNode) -> None:
        router = self._rng.choice(self._world.routers)
        self._net.block(edge.name, router.name)
        await self._a_while(SHORT if self._some() else LONG)
        self._net.blocked.discard((edge.name, router.name))

    async def _every_socket_cut(self, _: None) -> None:
        for each in self._net.connections("socket"):
            each.cut()

    async def _slow(self, what: Any) -> None:
        what.slowness = self._draw((5, 50))
        await self._a_while()
        what.slowness = 1.0

    # RabbitMQ

    async def _rabbit_down(self, _: object) -> None:
        self._rabbit.go_down()
        await self._a_while()
        self._rabbit.come_up()

    async def _queue_vanishes(self, _: object) -> None:
        self._rabbit.serve(self._rabbit.lose_queue, self._rng.choice)

    async def _exchange_vanishes(self, _: object) -> None:
        self._rabbit.serve(self._rabbit.lose_exchange, self._rng.choice)

    async def _binding_vanishes(self, _: object) -> None:
        self._rabbit.serve(self._rabbit.lose_binding, self._rng.choice)

    async def _rabbit_silent(self, _: object) -> None:
        self._rabbit.fall_silent()
        await self._a_while(SHORT if self._some() else LONG)
        self._rabbit.answer_again()

    async def _router_parted(self, node: RouterNode) -> None:
        if node.broker:
            node.broker.connection.silence()

    async def _publisher_parted(self, node: PublisherNode) -> None:
        if node.transport:
            node.transport.connection.silence()

    async def _router_loses_rabbit(self, node: RouterNode) -> None:
        if node.broker:
            node.broker.connection.cut()

    async def _channel_closed(self, node: RouterNode) -> None:
        if node.broker and node.broker.connection.channels:
            self._rng.choice(node.broker.connection.channels).close_by_server()

    async def _publisher_cut(self, node: PublisherNode) -> None:
        if node.transport:
            node.transport.connection.cut()

    async def _publisher_killed(self, node: PublisherNode) -> None:
        await self._killed(node)

    async def _clock_jumps(self, node: PublisherNode | RouterNode | EdgeNode) -> None:
        """For good, or until NTP mends it."""
        node.clock_error = self._rng.choice(CLOCK_ERRORS)
        if self._some():
            await self._a_while()
            node.clock_error = 0.0

    # The database

    async def _database_down(self, _: object) -> None:
        self._database.down = True
        await self._a_while()
        self._database.down = False

    async def _database_silent(self, _: object) -> None:
        self._database.fall_silent()
        await self._a_while(SHORT if self._some() else LONG)
        self._database.answer_again()

    async def _disk_full(self, _: object) -> None:
        self._database.full = True
        await self._a_while()
        self._database.full = False

    async def _answers_lost(self, _: object) -> None:
        self._database.forgets = 0.3
        await self._a_while()
        self._database.forgets = 0.0

    # Devices

    async def _twice(self, device: Device) -> None:
        """The same device connects once more, elsewhere; the older one is to be told."""
        self._world.start(device)

    async def _device_killed(self, device: Device) -> None:
        await self._killed(device)

    async def _guest_killed(self, guest: Guest) -> None:
        await self._killed(guest)

    async def _guest_twice(self, guest: Guest) -> None:
        self._world.start(guest)

    async def _device_offline(self, device: Device) -> None:
        device.leave()
        await self._a_while((1.0, 15.0))
        self._kill(device)
        self._world.start(device)

    async def _device_slow(self, device: Device) -> None:
        device.pause = self._draw((0.1, 2.0))
        await self._a_while((1.0, 20.0))
        device.pause = 0.0

    async def _login_away(self, device: Device) -> None:
        """A device starts, or connects again, while whoever gives it tokens fails or hangs."""
        device.login = self._rng.choice(("fails", "hangs"))
        if self._rng.random() < 0.5:
            self._kill(device)
            self._world.start(device)
        await self._a_while((1.0, 25.0))
        device.login = "answers"

    async def _device_tells(self, device: Device) -> None:
        for done in range(self._rng.randint(1, 20)):
            device.process.start(device.tell(f"shoot-{self._rng.randrange(4)}", done), "tells")
            await self._a_while((0.0, 0.2))


def _name(thing: object) -> str:
    return str(getattr(thing, "name", type(thing).__name__))
