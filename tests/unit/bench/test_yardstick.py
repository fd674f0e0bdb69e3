"""Costs in messages of RabbitMQ alone."""

from __future__ import annotations

import pytest

from bench import yardstick
from bench.figures import COSTS, CPU, CPU_THEN, OWN_CPU, OWN_CPU_THEN
from bench.results import OURS, Figure, Kind, Results
from bench.table import sheets

ALONE = "RabbitMQ alone"
BROKER = Kind(name=COSTS[CPU.name], unit="ms", detail=True)


def measured(mood: float = 1.0, number: int = 1) -> Results:
    """What a round finds; all costs are higher while the machine is slow."""
    found = Results()
    for rival, whole, broker in ((OURS, 250.0, 150.0), ("mqtt", 400.0, 400.0), (ALONE, 50.0, 50.0)):
        costs = [(CPU, whole * mood), (BROKER, broker * mood)]
        found.add("load", rival, costs, number=number)
    return found


def in_units(results: Results) -> list[Figure]:
    return list(yardstick.figures(results, {CPU.name: BROKER.name}, ALONE))


def test_a_delivery_costs_so_many_messages_of_rabbitmq_alone() -> None:
    everything, ours = in_units(measured())

    assert {rival: everything.median(rival) for rival in everything.runs} == {
        OURS: 5.0,
        "mqtt": 8.0,
        ALONE: 1.0,
    }
    assert {rival: ours.median(rival) for rival in ours.runs} == {OURS: 2.0}  # mqtt is all broker


def test_a_slow_day_does_not_change_it() -> None:
    days = measured()
    days.join(measured(mood=1.7, number=2))

    for figure in in_units(days):
        assert figure.values(OURS)[1] == pytest.approx(figure.values(OURS)[0])


def test_a_round_without_rabbitmq_alone_counts_for_nothing() -> None:
    found = measured()
    found.add("load", OURS, [(CPU, 9_999.0)], number=2)
    found.add("other", OURS, [(CPU, 9_999.0)], number=1)

    everything, _ = in_units(found)

    assert everything.values(OURS) == [5.0]


def test_what_is_without_the_broker_is_what_the_goals_call_router_and_edge() -> None:
    assert set(COSTS) >= {CPU.name, CPU_THEN.name}
    assert OWN_CPU.name == f"{CPU.name}: router and edge"
    assert OWN_CPU_THEN.name == f"{CPU_THEN.name}: router and edge"


def test_the_page_has_it_beside_the_load() -> None:
    titles = [sheet.title for sheet in sheets(measured(), [])]

    assert titles[1] == "load: CPU per delivery, in messages of RabbitMQ alone"
