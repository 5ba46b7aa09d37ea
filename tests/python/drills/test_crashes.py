"""kill -9 of servers and workers at random points under load, and servers that are restarted."""

from __future__ import annotations

import random

import pytest

from tests.python.drills import servers
from tests.python.drills.harness import ROUNDS, Drill, Runs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("victim", ["trs", "warehouse"])
def test_killed_server(drill: Drill, victim: str) -> None:
    """A whole server, all of its processes at once, while it is written to and while the product runs."""
    drill.sync()
    chance = random.Random(f"{drill.seed}-{victim}")
    drill.begin()
    for _ in range(ROUNDS):
        with Runs(drill):
            drill.work(chance.randrange(20, 80))
            servers.kill_cluster(drill.databases.cluster(victim))
        drill.recover()
    drill.finish()


def test_killed_apply_worker(drill: Drill) -> None:
    """Its server takes down every session with it and recovers by itself."""
    drill.sync()
    chance = random.Random(f"{drill.seed}-worker")
    drill.begin()
    for _ in range(ROUNDS):
        with Runs(drill):
            drill.work(chance.randrange(20, 80))
            with drill.databases.at_warehouse() as warehouse:
                worker = servers.apply_worker(warehouse, drill.name)
            assert worker is not None
            servers.kill(worker)
        drill.recover()
    drill.finish()


@pytest.mark.parametrize("victim", ["trs", "warehouse"])
def test_restarted_server(drill: Drill, victim: str) -> None:
    """Fast, as for maintenance, and immediate, as by an impatient administrator."""
    drill.sync()
    drill.begin()
    for mode in ("fast", "immediate"):
        drill.work(40)
        servers.stop(drill.databases.cluster(victim), mode)
        drill.recover()
    drill.finish()
