"""Fixtures of the replication tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sandbox.schema
from tests.python.conftest import FAST, WorldDatabases, make_databases
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.replicate import replicate

_NUMBERS = itertools.count(1)

Sync = Callable[[], None]


@pytest.fixture
def world(prepared: Databases) -> Databases:
    """An operational database with its schema and no rows, and a warehouse with nothing but its ledger."""
    return prepared


@pytest.fixture
def own(short_folder: Path) -> Iterator[WorldDatabases]:
    """Clusters of one test's own, which may be stopped, put back or damaged: schema and ledger, and no rows."""
    databases = make_databases(short_folder / f"own_{next(_NUMBERS)}")
    # As on a server: what was committed outlives a crash of the process.
    databases.cluster_settings = {**FAST, "synchronous_commit": "on", "max_prepared_transactions": "3"}
    databases.start()
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        sandbox.schema.create(trs)
        migrate(warehouse)
    yield databases
    databases.stop()


@pytest.fixture
def sync(world: Databases) -> Sync:
    """Replicate what is committed by now."""
    return lambda: replicate(world, Silent()) and None
