"""How each figure is measured in a session. Every step returns its figures of one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Final

from bench.results import Kind
from bench.session import Session, Spent
from tests.support.load.figures import percentile

Found = Iterator[tuple[Kind, float]]
Step = Callable[[Session], Found]

CONNECTS: Final = Kind(name="first connects/s", unit="/s", better="higher")
CONNECT_CPU: Final = Kind(name="server CPU per first connect", unit="ms")
CONNECT_OBJECTS: Final = Kind(name="queues and bindings made per first connect", unit="")
RECONNECTS: Final = Kind(name="reconnects/s", unit="/s", better="higher")
RECONNECT_CPU: Final = Kind(name="server CPU per reconnect", unit="ms")
MEMORY: Final = Kind(name="memory per idle device", unit="KB")
IDLE_CPU: Final = Kind(name="idle CPU per 10,000 devices", unit="% of a core")
CPU: Final = Kind(name="server CPU per 1,000 acknowledged deliveries", unit="ms")
OWN_CPU: Final = Kind(name=f"{CPU.name}: router and edge", unit="ms", detail=True)
RATE: Final = Kind(name="acknowledged deliveries/s", unit="/s", better="higher")
HALF_CPU: Final = Kind(name="server CPU per 1,000 deliveries at the same rate", unit="ms")
P50: Final = Kind(name="publish to device, p50", unit="ms")
P99: Final = Kind(name="publish to device, p99", unit="ms")
P999: Final = Kind(name="publish to device, p99.9", unit="ms")
BROADCAST: Final = Kind(name="broadcast: time to the last device", unit="ms")
BACKLOG: Final = Kind(name="mass reconnect with a backlog: time until all are level", unit="s")

RATES: Final = (200, 1_000, 2_000)  # events/s
LOAD_LIMIT: Final = 0.9  # of a core: above it the load generator may be what is measured


def connect(session: Session) -> Found:
    """Connect every device for the first time."""
    objects = session.rival.broker_objects()
    with session.measured("first connects") as spent:
        seconds = session.connect()
    devices = session.job.devices
    yield CONNECTS, devices / seconds
    yield CONNECT_CPU, 1e3 * _total(spent[0]) / devices
    yield from _roles(CONNECT_CPU, spent[0], 1e3 / devices)
    yield CONNECT_OBJECTS, (session.rival.broker_objects() - objects) / devices


def attach(session: Session) -> Found:
    """Connect without a figure: for the ceiling, which has no devices."""
    session.connect()
    yield from ()


def memory(session: Session) -> Found:
    """Look at what every connected device takes, with nothing to tell it."""
    session.rest(1.0)
    grown = session.grown()
    scale = 1 / 1e3 / session.job.devices
    yield MEMORY, sum(grown.values()) * scale
    for role, size in grown.items():
        yield _detail(MEMORY, role), size * scale


def idle(session: Session) -> Found:
    """Leave every device connected, long enough for each keepalive of 30 s."""
    with session.measured("idle") as spent:
        session.rest(session.job.idle)
    yield IDLE_CPU, 1e2 * _total(spent[0]) / spent[0].seconds * 10_000 / session.job.devices


def saturate(session: Session) -> Found:
    """Publish as much as is taken."""
    session.saturate(session.job.warmup)
    with session.measured("full load") as spent:
        session.saturate(session.job.seconds)
    if not session.level():
        session.note("did not deliver everything within three minutes after full load")
    rate = spent[0].deliveries / spent[0].seconds
    if session.half_rate is None:
        session.half_rate = rate / session.job.per_user / 2
    yield RATE, rate
    yield from _per_delivery(CPU, spent[0])


def reconnect(session: Session) -> Found:
    """Drop every connection and connect again, with nothing to catch up."""
    session.disconnect()
    with session.measured("reconnects") as spent:
        seconds = session.connect()
    yield RECONNECTS, session.job.devices / seconds
    yield RECONNECT_CPU, 1e3 * _total(spent[0]) / session.job.devices
    yield from _roles(RECONNECT_CPU, spent[0], 1e3 / session.job.devices)


def steady(session: Session) -> Found:
    """Publish at half of our own maximum, open loop: an event's time is when it was due."""
    if session.half_rate is None:  # ours gave up before
        session.note("the half load was left out: nobody knows what half of ours is")
        return
    waits, spent = _open_loop(session, session.half_rate, "half load")
    for kind, share in ((P50, 0.5), (P99, 0.99), (P999, 0.999)):
        yield kind, percentile(waits, share)
    yield from _per_delivery(HALF_CPU, spent)


def at(rate: int) -> Step:
    """Return the step that publishes at a rate (events/s), open loop."""

    def steady_rate(session: Session) -> Found:
        waits, spent = _open_loop(session, rate, f"{rate:,} events/s")
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            yield at_rate(rate, name), percentile(waits, share)
        yield from _per_delivery(at_rate(rate, CPU.name), spent)

    return steady_rate


def in_clumps(rate: int, every: float) -> Step:
    """Return the step that publishes at a rate what is due within `every` seconds at once.

    So does a relay that looks at its table now and then.
    """

    def clumped(session: Session) -> Found:
        session.steady(session.job.warmup, rate, every)
        what = f"{rate:,} events/s, every {1e3 * every:g} ms"
        with session.measured(what) as spent:
            session.steady(session.job.seconds, rate, every)
        if not session.level():
            session.note(f"did not deliver everything within three minutes after {what}")
        yield from _per_delivery(Kind(name=f"at {what}: {CPU.name}", unit="ms"), spent[0])

    return clumped


def at_rate(rate: int, name: str) -> Kind:
    """Return the kind of a figure at a rate: `p50`, `p99` or the CPU."""
    return Kind(name=f"at {rate:,} events/s: {name}", unit="ms")


# What a delivery costs, and of that the broker's part, as names of figures.
COSTS: Final = {
    kind.name: f"{kind.name}: broker" for kind in (CPU, *(at_rate(r, CPU.name) for r in RATES))
}
EVERYDAY: Final = 1_000  # events/s: the rate of which goals speak
CPU_THEN: Final = at_rate(EVERYDAY, CPU.name)
OWN_CPU_THEN: Final = at_rate(EVERYDAY, OWN_CPU.name)


def _open_loop(session: Session, rate: float, what: str) -> tuple[list[float], Spent]:
    """Return how long each event took from when it was due, in ms, and what that cost."""
    session.steady(session.job.warmup, rate)
    session.latencies(keep=True)
    with session.measured(what) as spent:
        lag = session.steady(session.job.seconds, rate)
    if not session.level():
        session.note(f"did not deliver everything within three minutes after {what}")
    if lag > 0.1:
        session.note(f"the publisher itself was {lag:.1f} s late at {what}")
    return [value / 1e3 for value in session.latencies(keep=False)], spent[0]


def broadcast(session: Session) -> Found:
    """Tell everybody, several times; acknowledgements of one are not to disturb the next."""
    times = []
    for _ in range(1 + session.job.broadcasts):  # the first one finds cold caches everywhere
        times.append(session.broadcast())
        session.rest(0.5)
    yield BROADCAST, 1e3 * statistics.median(times[1:])


def backlog(session: Session) -> Found:
    """Drop everybody, publish a backlog for each, and let all connect again at once."""
    session.disconnect()
    session.backlog()
    with session.measured("mass reconnect") as spent:
        session.connect()
        level = session.level()
    if not level:
        session.note("did not deliver the whole backlog within three minutes")
    yield BACKLOG, spent[0].seconds


def _per_delivery(kind: Kind, spent: Spent) -> Found:
    scale = 1e6 / max(1, spent.deliveries)  # ms per 1,000
    yield kind, _total(spent) * scale
    yield from _roles(kind, spent, scale)
    if "edge" in spent.cpu:
        yield _detail(kind, "router and edge"), (spent.cpu["edge"] + spent.cpu["router"]) * scale


def _roles(kind: Kind, spent: Spent, scale: float) -> Found:
    for role, seconds in spent.cpu.items():
        yield _detail(kind, role), seconds * scale


def _detail(kind: Kind, role: str) -> Kind:
    return Kind(name=f"{kind.name}: {role}", unit=kind.unit, better=kind.better, detail=True)


def _total(spent: Spent) -> float:
    return sum(spent.cpu.values())
