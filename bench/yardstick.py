"""CPU time in messages of RabbitMQ alone instead of milliseconds, so that two runs compare. PURE.

A shared machine is faster on some days than on others, and so are all programs on it. What a
delivery costs is therefore divided by what RabbitMQ alone needs for a message in the same round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.results import Figure, Kind, Results

UNIT = "messages of RabbitMQ alone"


def figures(results: Results, costs: Mapping[str, str], alone: str) -> Iterator[Figure]:
    """Return two figures for each of `costs`: of all processes, and without the broker's.

    `costs` are names of figures, each with the name of the one that is the broker's part of it;
    `alone` is the rival whose cost is the unit. A round in which that was not measured has none.
    """
    for (load, name), cost in results.figures.items():
        unit = cost.runs.get(alone, {})
        if name not in costs or not unit:
            continue
        broker = results.figures.get((load, costs[name]))
        parts = broker.runs if broker else {}
        yield _in_units(cost, f"{name}, all processes", unit, {})
        yield _in_units(cost, f"{name}, without the broker", unit, parts)


def _in_units(
    cost: Figure, name: str, unit: Mapping[int, float], less: Mapping[str, Mapping[int, float]]
) -> Figure:
    """Return a cost, less a part, in units of the same round; what is all part is left out."""
    figure = Figure(kind=Kind(name=name, unit="×"), load=cost.load)
    for rival, runs in cost.runs.items():
        part = less.get(rival, {})
        own = {number: value - part.get(number, 0.0) for number, value in runs.items()}
        found = {number: own[number] / unit[number] for number in own if unit.get(number)}
        if any(found.values()):
            figure.runs[rival] = found
    return figure
