"""The mesh keeps its promise in simulated schedules, and the simulation would notice if not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from itertools import dropwhile

import pytest

from kull_client.inbox import Inbox
from kull_client.session import Delivery
from tests.simulation.loop import run
from tests.simulation.mutations import IN_MEMORY, MUTATIONS, applies, attempt
from tests.simulation.trials import Effort
from tests.simulation.world import simulate

SEEDS = 120
PER_TEST = 10


@pytest.mark.parametrize("first", range(0, SEEDS, PER_TEST))
def test_nothing_confirmed_is_lost_reordered_or_leaked(first: int) -> None:
    failed = {
        outcome.seed: outcome.violations
        for outcome in map(simulate, range(first, first + PER_TEST))
        if outcome.violations
    }

    assert not failed, "run `python -m tests.simulation --seed N --trace`"


@pytest.mark.parametrize("seed", [0, 4])
def test_a_seed_is_one_schedule_whatever_the_hash_seed_of_the_process(seed: int) -> None:
    def trace(hash_seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--trace"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=50,
        ).stdout

    assert trace("1").splitlines() == trace("2").splitlines()


@pytest.mark.parametrize("seed", range(5))
def test_a_schedule_takes_the_same_course_on_the_real_sql(seed: int) -> None:
    memory, sqlite = (simulate(seed, trace=True, store=store) for store in ("memory", "sqlite"))

    # Before anything happens, and there only: the twin has no tables to make.
    made = dropwhile(lambda line: "store_migrating" in line, sqlite.trace)
    assert list(made) == memory.trace


def test_an_event_that_a_device_never_gets_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    put = Inbox.put

    async def lossy(inbox: Inbox, delivery: Delivery) -> None:
        if delivery.event.type != "CREDIT_UPDATE" or delivery.event.seq != 5:
            await put(inbox, delivery)

    monkeypatch.setattr(Inbox, "put", lossy)

    assert any("lacks user:" in each for each in simulate(0).violations)


def test_every_mutation_still_changes_what_it_is_about() -> None:
    assert [mutation.name for mutation in MUTATIONS if not applies(mutation)] == []


def test_a_copy_of_the_sources_without_a_mutation_is_blamed_for_nothing() -> None:
    assert attempt(None, IN_MEMORY, Effort(seeds=1, jobs=1)) is None


def test_what_waits_busily_ends_the_schedule_instead_of_holding_it_up_for_ever() -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="time stands still at 0"):
        run(busy())
