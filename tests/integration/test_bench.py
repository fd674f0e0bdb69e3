"""The bench runs: every step on a real mesh, small. It says nothing about time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.results import OURS
from tests.support.processes import Processes

ROOT = Path(__file__).parents[2]


@pytest.mark.usefixtures("bench_packages", "rabbitmq_server")
@pytest.mark.timeout(300)
def test_the_bench_measures_every_figure_and_loses_nothing(
    tmp_path: Path, processes: Processes
) -> None:
    from bench import figures  # what it imports is installed by now
    from bench.rivals import centrifugo
    from bench.rivals.ceiling import Ceiling
    from bench.rivals.centrifugo import Centrifugo

    # Owned, since it starts a RabbitMQ and a mesh, which must not outlive a failure.
    bench = processes.python("-m", "bench", "tiny", "--write", tmp_path, cwd=ROOT)
    assert bench.wait(280) == 0

    report = json.loads((tmp_path / "results.json").read_text())
    ours = {figure["name"]: figure["ours"] for figure in report["figures"]}
    for kind in (figures.CPU, figures.RATE, figures.P99, figures.CONNECTS, figures.BACKLOG):
        assert ours[kind.name] > 0
    assert (
        ours[f"{figures.CPU.name}, all processes"] > ours[f"{figures.CPU.name}, without the broker"]
    )
    assert ours[figures.CONNECT_OBJECTS.name] == 0
    assert not [note for note in report["notes"] if "order" in note or "did not deliver" in note]
    rate = next(figure for figure in report["figures"] if figure["name"] == figures.RATE.name)
    assert rate["ratios"][Ceiling.name] == rate["ours"] / rate["rivals"][Ceiling.name]
    assert OURS in (tmp_path / "RESULTS.md").read_text()
    if centrifugo.binary():  # it was named, else the bench does without
        for rival in (Centrifugo().name, Centrifugo(batches=True).name):
            assert rate["rivals"][rival] > 0
