"""Fixtures of the replication tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import replicate

Sync = Callable[[], None]


@pytest.fixture
def world(prepared: Databases) -> Databases:
    """An operational database with its schema and no rows, and a warehouse with nothing but its ledger."""
    return prepared


@pytest.fixture
def sync(world: Databases) -> Sync:
    """Replicate what is committed by now."""
    return lambda: replicate(world, Silent()) and None
