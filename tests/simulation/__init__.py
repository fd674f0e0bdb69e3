"""A deterministic simulation of the whole mesh on virtual time.

The real cores of router, edge and device SDK, with their real asyncio tasks, on a loop whose clock
jumps (`loop`). Simulated are the network (`network`, `sockets`), RabbitMQ (`rabbit`) and the time
that a database takes (`database`). One seed is one schedule (`world`) of load (`publishers`,
`devices`) and of faults (`faults`); a ledger compares what was confirmed with what arrived.

`python -m tests.simulation --seeds 1000` runs many, `mutations` shows that it has teeth.
"""
