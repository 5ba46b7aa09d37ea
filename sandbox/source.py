"""The sandbox as the product's stand-in for the operational database: found by its entry point, never imported."""

from __future__ import annotations

import datetime

import psycopg

import sandbox.schema
from sandbox.defaults import FIRST_DAY, SEED
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings


class SandboxSource:
    """Fills the embedded operational database and knows the date in its world."""

    def ensure(self, conninfo: str, settings: Settings, progress: Progress) -> dict[str, int]:
        """Make the world if there is none; returns the rows made per table, nothing when it was there."""
        if _world_is_complete(conninfo):
            return {}
        return make(conninfo, settings.warehouse_sandbox_people, SEED, progress)

    def today(self, conninfo: str) -> datetime.date:
        """The date in that world."""
        with psycopg.connect(conninfo) as connection:
            row = connection.execute("select today from sandbox.world").fetchone()
        assert row is not None
        today: datetime.date = row[0]
        return today


def make(conninfo: str, people: int, seed: int, progress: Progress) -> dict[str, int]:
    """Make a world from nothing; half a world that an interrupted making left is taken away first."""
    progress.say(f"making an operational database of {people:,} people")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.execute("select to_regclass('public.persons')").fetchone() != (None,):
            sandbox.schema.drop(connection)
        sandbox.schema.create(connection)
    from sandbox.population import populate  # noqa: PLC0415 - polars takes half a second, and most commands need none

    return populate(
        conninfo, people, seed, FIRST_DAY, lambda step, done: progress.count(f"{step}, people", done, people)
    )


def _world_is_complete(conninfo: str) -> bool:
    """The world's own row is written last."""
    with psycopg.connect(conninfo) as connection:
        if connection.execute("select to_regclass('sandbox.world')").fetchone() == (None,):
            return False
        return connection.execute("select 1 from sandbox.world").fetchone() is not None
