"""The sandbox as the product's stand-in for the operational database: found by its entry point, never imported."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

import sandbox.schema
from sandbox.defaults import FIRST_DAY, SEED
from warehouse.core.errors import SetupError
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings


class SandboxSource:
    """Fills the embedded operational database and knows the date in its world."""

    def ensure(self, conninfo: str, settings: Settings, progress: Progress) -> dict[str, int]:
        """Make the world if there is none; returns the rows made per table, nothing when it was there."""
        if world_of(conninfo) is not None:
            return {}
        return make(conninfo, settings.warehouse_sandbox_people, SEED, progress)

    def today(self, conninfo: str) -> datetime.date:
        """The date in that world; before it is made, the day in London."""
        world = world_of(conninfo)
        if world is None:
            return datetime.datetime.now(ZoneInfo("Europe/London")).date()
        today: datetime.date = world["today"]
        return today

    def day_ended(self, conninfo: str, day: datetime.date) -> datetime.datetime | None:
        """When a day of that world was over; None where it is not over, or was before that was written down."""
        with psycopg.connect(conninfo) as connection:
            if connection.execute("select to_regclass('sandbox.day_ended')").fetchone() == (None,):
                return None
            row = connection.execute("select ended_at from sandbox.day_ended where day = %s", (day,)).fetchone()
            return row[0] if row else None


def world_of(conninfo: str) -> dict[str, Any] | None:
    """The world's own row: seed, people, started_on, today. It is written last; None while there is no whole world."""
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        if connection.execute("select from pg_class where oid = to_regclass('sandbox.world')").fetchone() is None:
            return None
        return connection.execute("select seed, people, started_on, today from sandbox.world").fetchone()


def make(conninfo: str, people: int, seed: int, progress: Progress) -> dict[str, int]:
    """Make a world from nothing; half a world that an interrupted run left is removed first.

    Raises SetupError where the product was installed without the packages that the sandbox needs.
    """
    populate = _populate()
    progress.say(f"making an operational database of {people:,} people")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if connection.execute("select to_regclass('public.persons')").fetchone() != (None,):
            sandbox.schema.drop(connection)
        sandbox.schema.create(connection)
    return populate(
        conninfo, people, seed, FIRST_DAY, lambda step, done: progress.count(f"{step}, people", done, people)
    )


def _populate() -> Callable[..., dict[str, int]]:
    """What fills the schema. It needs polars, which takes half a second to import and most commands do without."""
    try:
        from sandbox.population import populate  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SetupError(
            f"The sandbox needs the package {error.name}, which is not installed.",
            meaning="No synthetic operational database was made, and nothing was changed.",
            next_command="Install everything with `make setup`, or set TRS_DATABASE_URL.",
        ) from None
    return populate
